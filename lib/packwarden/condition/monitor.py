"""All estimators of a bank, fed from its protection in small pieces, and what they tell it.

Once a second each battery has a piece, and one more where its two minutes have ended; every tick
is looked at for steps of the current and what stands between them. What is found goes to the
quantities that elements watch.
"""

from micropython import const

from packwarden import restart
from packwarden.condition.counters import FIELDS as COUNTER_FIELDS
from packwarden.condition.counters import Counters
from packwarden.condition.joints import Joints, LONGEST_s
from packwarden.condition.resistances import FIELDS as RESISTANCE_FIELDS
from packwarden.condition.resistances import Resistances
from packwarden.condition.shares import FIELDS as SHARE_FIELDS
from packwarden.condition.shares import Shares
from packwarden.currents import CARRY, FLOWS, MEASURED, NEARLY_FULL
from packwarden.fixed import MASK
from packwarden.frame import MAIN_BIT
from packwarden.replies import record
from packwarden.settings import option

SHARES_s = const(10)
_COMPARISONS = const(4)  # pieces beside one a battery: joints by each memory, resistances, all


class Monitor:
    """The condition of a bank: `joints`, `resistances`, `shares`, `counters`; see there."""

    def __init__(self, protection):
        """Bind to a Protection. Boot only."""
        self._protection = protection
        bank = protection.bank
        n = self._batteries = bank.batteries
        values = protection.measured.values
        rated_mA = bank.rated_mA
        self.joints = Joints(values, n, rated_mA, option(bank.config, "bank.joint_lag_s"))
        falls = int(option(bank.config, "bank.resistance_percent_K") * 1000 + 0.5)
        fresh = protection.validator.fresh
        self.resistances = Resistances(values, fresh, n, rated_mA, falls)
        self.shares = Shares(values, n, rated_mA)
        self.counters = Counters(values, n, rated_mA)
        places = protection.quantities.places
        self._told = (
            (self.joints.sure, places["joint"]),
            (self.resistances.over_uohm, places["link"]),
            (self.resistances.spread_uohm, places["spread"]),
            (self.shares.drift_e3, places["share_drift"]),
        )
        self.held = False  # it is being stored: nothing may change meanwhile
        self.unsaved = False  # there is something that does not wait for the next storing
        self._looked_ms = 0
        self._second_ms = None
        self._passed_s = 0
        self._shares_s = 0
        self._at = n  # the battery whose piece comes next; n: all have had theirs
        self._ended = 0  # mask: their block of two minutes has ended
        self._compares = 0  # pieces of the comparison that are left

    def parts(self):
        """Return what is kept in flash: (array, fields of a record), the counters first."""
        return (
            (self.counters.kept, COUNTER_FIELDS),
            (self.joints.kept, self.joints.fields),
            (self.resistances.kept, RESISTANCE_FIELDS),
            (self.shares.kept, SHARE_FIELDS),
        )

    def unseen(self):
        """Return whether a tick has passed since `look`. Slack; allocates nothing."""
        return self._looked_ms != self._protection.now_ms and self._protection.armed

    def look(self):
        """Take the last tick in. Slack; allocates nothing."""
        self._looked_ms = self._protection.now_ms
        self.resistances.look(self._looked_ms)

    def due(self):
        """Return whether there is a piece to `work`. Slack; allocates nothing."""
        if self.held or not self._protection.armed:
            return False
        if self._at < self._batteries or self._ended or self._compares:
            return True
        if self._second_ms is None:
            self._second_ms = self._protection.now_ms
        return (self._protection.now_ms - self._second_ms) & MASK >= 1000

    def work(self):
        """Do a piece; return whether there is more. Slack; allocates nothing."""
        n = self._batteries
        if self._at < n:
            self._second(self._at)
            self._at += 1
        elif self._ended:
            k = 0
            while not self._ended >> k & 1:
                k += 1
            self.joints.take(k)
            self._ended &= ~(1 << k)
            if not self._ended:
                self._compares = n + _COMPARISONS
        elif self._compares:
            self._compares -= 1
            self._compare(self._compares)
        else:
            self._begin()
        return self._at < n or self._ended != 0 or self._compares > 0

    def _begin(self):
        """Begin the pieces of another second, or of more where there was no slack for them."""
        protection = self._protection
        passed_ms = (protection.now_ms - self._second_ms) & MASK
        passed_s = passed_ms // 1000
        self._second_ms = (protection.now_ms - passed_ms % 1000) & MASK
        self._passed_s = min(passed_s, LONGEST_s)
        if self.counters.passed(self._passed_s):
            record(protection, restart.CHECK_DUE)
        bank = protection.quantities.bank
        self.counters.breakers(protection.breakers.closed, bank[FLOWS], 1 << MAIN_BIT)
        self._shares_s += self._passed_s
        if self._shares_s >= SHARES_s:
            self._shares_s = 0
            if self._whole() and not bank[NEARLY_FULL]:
                self.shares.step()
        self._at = 0

    def _second(self, k):
        self.counters.step(k, self._passed_s)
        self.resistances.take(k, self._whole())
        if self.joints.step(k, self._passed_s):
            self._ended |= 1 << k

    def _whole(self):
        """Return whether all batteries are in service: they all carry, or none does."""
        protection = self._protection
        every = (1 << self._batteries) - 1
        found = protection.quantities.bank
        there = found[MEASURED] & protection.breakers.closed & every == every
        return there and (found[CARRY] == every or not found[CARRY])

    def _compare(self, piece):
        if piece >= _COMPARISONS:
            self.resistances.estimate(piece - _COMPARISONS)
        elif piece >= 2:
            self.joints.judge(3 - piece)
        elif piece:
            self.resistances.judge()
        else:
            self.shares.judge()
            self._tell()

    def _tell(self):
        """Let the elements see what was found."""
        values = self._protection.quantities.values
        for found, place in self._told:
            for k in range(len(found)):
                values[place + k] = found[k]

    def learn(self):
        """Store what is estimated now as the baselines; return masks of who has which.

        Joints, resistances, shares.
        """
        learnt = (self.joints.learn(), self.resistances.learn(), self.shares.learn())
        self._compares = self._batteries + _COMPARISONS
        self.unsaved = True
        return learnt
