"""Counters that last: what a battery, its joints and its breaker have been through.

Whole numbers with what is left over beside them, so that nothing is lost by rounding; each stays
at the most that it can hold.
"""

from micropython import const

from packwarden.fixed import BIAS, NONE, ints

LONGEST_s = const(30)  # between two steps
CHARGE_mAs = const(36000)  # a unit of charge: 0.01 Ah
_A2h = const(57600)  # A^2 h in 1/16 A^2 s
_QUARTER_mA = const(250)
_MOST_QUARTERS = const(5000)  # 1250 A: beyond any rating, twice over
HOT_cC = const(6000)  # where terminal_overtemperature warns as shipped
_MOST = const((1 << 29) - 1)

DUE_days = const(30)  # of power, from one monthly check to the next
_DAY_s = const(86400)

# Of a battery; of the main breaker, behind them, only the last two, and of the cabinet the first.
FIELDS = const(12)
_UNCHECKED_s = const(0)  # with power, since the last monthly check
CHARGED = const(0)  # 0.01 Ah
DISCHARGED = const(2)
HEAT = const(4)  # A^2 h, through both joints
HOTTEST = const(6)  # biased cC, of + and of -; NONE: never measured
HOT_s = const(8)  # a terminal at HOT_cC or above
OVER_s = const(9)  # the current above rated
OPENED_COLD = const(10)  # without a current of 5 % of rated
OPENED_HOT = const(11)
_REST = const(1)  # behind the first three


class Counters:
    """The counters of a bank over `values`, biased and in the order of the frame."""

    def __init__(self, values, batteries, rated_mA):
        self._values = values
        self._batteries = batteries
        self._rated_mA = rated_mA
        self.kept = ints((batteries + 1) * FIELDS)
        self._closed = 0
        self._flows = 0

    def step(self, k, passed_s):
        """Count 1 .. LONGEST_s of battery k. Slack; allocates nothing."""
        at = k * FIELDS
        current = self._values[k]
        if current != NONE:
            load_mA = abs(current - BIAS)
            charge = CHARGED if current < BIAS else DISCHARGED
            self._add(at + charge, load_mA * passed_s, CHARGE_mAs)
            quarters = min((load_mA + _QUARTER_mA // 2) // _QUARTER_mA, _MOST_QUARTERS)
            self._add(at + HEAT, quarters * quarters * passed_s, _A2h)
            if load_mA > self._rated_mA:
                self._count(at + OVER_s, passed_s)
        hot = False
        for pole in range(2):
            found = self._values[2 * self._batteries + 1 + 2 * k + pole]
            if found > self.kept[at + HOTTEST + pole]:
                self.kept[at + HOTTEST + pole] = found
            hot = hot or found >= HOT_cC + BIAS
        if hot:
            self._count(at + HOT_s, passed_s)

    def breakers(self, closed, flows, main):
        """Count the breakers that have opened since the last call. Slack; allocates nothing.

        Masks of those that are closed, and that carry more than 5 % of rated now; `main`: the bit
        of the main breaker, behind the batteries.
        """
        opened = self._closed & ~closed
        for k in range(self._batteries + 1):
            bit = 1 << k if k < self._batteries else main
            if opened & bit:
                hot = self._flows & bit
                self._count(k * FIELDS + (OPENED_HOT if hot else OPENED_COLD), 1)
        self._closed = closed
        self._flows = flows

    def passed(self, passed_s):
        """Count to the next monthly check; return whether it has become due, or so once more."""
        at = self._batteries * FIELDS + _UNCHECKED_s
        before = self.kept[at] // (DUE_days * _DAY_s)
        self._count(at, passed_s)
        return self.kept[at] // (DUE_days * _DAY_s) > before

    def days(self):
        """Return how many days with power have passed since the last monthly check."""
        return self.kept[self._batteries * FIELDS + _UNCHECKED_s] // _DAY_s

    def checked(self):
        """Begin to count anew: a person has done the monthly check. Slack."""
        self.kept[self._batteries * FIELDS + _UNCHECKED_s] = 0

    def _add(self, at, amount, unit):
        """Add an amount below 2^29 to a counter of units, and keep the rest."""
        amount += self.kept[at + _REST]
        self.kept[at + _REST] = amount % unit
        self._count(at, amount // unit)

    def _count(self, at, amount):
        self.kept[at] = min(self.kept[at] + amount, _MOST)
