"""What each battery takes of the bank's current, slowly averaged, against its baseline.

Samples count while the bank carries 15 % of its rating, all batteries take part, and none is near
its full charge, where shares cross. The mean forgets within about two hours of load: it is slow
where `current_imbalance` is quick, and so may be finer.
"""

from micropython import const

from packwarden.condition.sums import MOST, toward
from packwarden.fixed import BIAS, NONE, ints

MEAN = const(1024)  # a share as large as the mean one
MEMORY = const(720)  # samples
LEAST = const(180)  # before a share is told
PARTS = const(64)  # of SHARE and BASE, in each 1/MEAN
_HIGHEST = const(16 * MEAN * PARTS)

FIELDS = const(3)
USED = const(0)
SHARE = const(1)  # in 1/PARTS
BASE = const(2)  # 0: no baseline


class Shares:
    """The shares of a bank; `drift_e3`: off the baseline, biased, in 1/1000 of it, or NONE."""

    def __init__(self, values, batteries, rated_mA):
        self._values = values
        self._batteries = batteries
        self._least_mA = rated_mA * 15 // 100
        self.kept = ints(batteries * FIELDS)
        self.drift_e3 = ints(batteries, NONE)

    def step(self):
        """Take a sample of all batteries; the caller knows that it counts. Slack."""
        n = self._batteries
        total = 0
        for k in range(n):
            if self._values[k] == NONE:
                return
            total += self._values[k] - BIAS
        mean = total // n
        if abs(mean) < self._least_mA:
            return
        for k in range(n):
            at = k * FIELDS
            share = (self._values[k] - BIAS) // 16 * MEAN // (mean // 16)
            share = max(0, min(share * PARTS, _HIGHEST))
            used = self.kept[at + USED] = min(self.kept[at + USED] + 1, MOST)
            self.kept[at + SHARE] = toward(self.kept[at + SHARE], share, min(used, MEMORY))

    def judge(self):
        """Compare the shares with their baselines. Slack."""
        for k in range(self._batteries):
            at = k * FIELDS
            base = self.kept[at + BASE]
            self.drift_e3[k] = NONE
            if base and self.kept[at + USED] >= LEAST:
                self.drift_e3[k] = BIAS + abs(self.kept[at + SHARE] - base) * 1000 // base

    def share(self, k):
        """Return the share of battery k in 1/MEAN, or None while it is not known."""
        known = self.kept[k * FIELDS + USED] >= LEAST
        return self.kept[k * FIELDS + SHARE] // PARTS if known else None

    def learn(self):
        """Take the shares of now as the baseline; return a mask of those that have one."""
        mask = 0
        for k in range(self._batteries):
            at = k * FIELDS
            if self.kept[at + USED] >= LEAST and self.kept[at + SHARE]:
                self.kept[at + BASE] = self.kept[at + SHARE]
                mask |= 1 << k
        return mask
