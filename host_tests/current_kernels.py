"""The kernels over the currents on their own: a bank as they have it, and what they find in it.

Arrays end where the values do: a kernel that goes beyond raises.
"""

from packwarden import currents, shares
from packwarden.fixed import ASIDE, BIAS, NONE, ints

RATED_mA = 100_000
INSTANT_mA = 5 * RATED_mA
NEARLY_FULL_mV, PLATEAU_mV = 53_600, 52_960
OF_CURRENTS = ("bank_load", "load", "instantaneous", "reverse", "reverse_idle")
OF_SHARES = ("deviation", "drift", "imbalance", "idle", "idle_giving")


class Bank:
    """Currents in mA, voltages in mV (one for all, or each); what the kernels found in them."""

    def __init__(self, *currents_mA, volts_mV=52_800, closed=None, weights=None, **facts):
        n = self.batteries = len(currents_mA)
        volts_mV = volts_mV if isinstance(volts_mV, list) else [volts_mV] * n
        self.measured = ints(2 * n)
        self.measure(*currents_mA, *volts_mV)
        self.places = {"bank_load": 0} | {
            name: 1 + n * k for k, name in enumerate([*OF_CURRENTS[1:], *OF_SHARES])
        }
        self.values = ints(1 + n * (len(OF_CURRENTS) + len(OF_SHARES) - 1), NONE)
        self.facts = ints(currents.FACTS)
        self.closed = (1 << n) - 1 if closed is None else closed
        self.ctx = currents.context(
            self.measured,
            self.values,
            self._parameters(),
            self.facts,
            ints(n),
            ints(2 * n),
            weights or [1024] * n,
            self.places,
            shares.NAMES,
        )
        for place, value in facts.items():
            self.facts[getattr(currents, place.upper())] = value
        self.look()

    def _parameters(self):
        parameters = ints(currents.PARAMETERS)
        parameters[currents.SMALL] = RATED_mA // 20
        parameters[currents.CARRYING] = RATED_mA // 50
        parameters[currents.FLOWING] = RATED_mA // 10
        parameters[currents.INSTANT] = INSTANT_mA
        parameters[currents.BLOCKING_ms] = 100
        parameters[currents.LOADED] = RATED_mA * 15 // 100
        parameters[currents.FALL] = RATED_mA * 30 // 100
        parameters[currents.NEARLY_FULL_mV] = NEARLY_FULL_mV
        parameters[currents.PLATEAU_mV] = PLATEAU_mV
        return parameters

    def measure(self, *values):
        """Take currents in mA, then voltages in mV if there are any; None: not measured."""
        for k, value in enumerate(values):
            self.measured[k] = NONE if value is None else BIAS + value

    def look(self, now_ms=0):
        """Run the kernels at a time of the clock."""
        currents.survey(self.ctx, self.batteries, self.closed)
        currents.directions(self.ctx, now_ms, self.batteries)
        shares.judge(self.ctx, self.batteries)
        shares.balance(self.ctx, self.batteries, self.closed)
        shares.idle(self.ctx, self.batteries, self.closed)

    def found(self, name):
        """Return a quantity of each battery; None: none, "aside": set aside."""
        at = self.places[name]
        words = {NONE: None, ASIDE: "aside"}
        values = self.values[at : at + self.batteries]
        return [words.get(value, value - BIAS) for value in values]

    def fact(self, *names):
        """Return facts of the whole bank, as they are stored."""
        return [self.facts[getattr(currents, name)] for name in names]
