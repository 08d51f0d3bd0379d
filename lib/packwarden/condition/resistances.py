"""Resistances by changes of the load: of each battery, and from it to the busbar.

By how much a voltage changes for each ampere: no state of charge and no sensor's offset is in it.
The battery's is by steps of the current, 1.0 s after one, and normalised to 25 degC. The link's
(cables, joints and breaker between the two places of measurement) is from one block of standing
current to the next, and normalised by the temperature of copper. Means over the last 32 changes,
weighed with their squares; one that does not fit is left out, and where many do not, all begins
anew.
"""

from micropython import const

from packwarden.condition import links, steps
from packwarden.condition.sums import MOST, clipped, ratio, root, toward
from packwarden.fixed import BIAS, NONE, ints
from packwarden.medians import ascending, middle, other

LEAST = const(8)  # changes, before there is an estimate
MEMORY = const(32)
SURE = const(4)  # errors between an estimate and what is surely so
# Each outlier counts so much, each step that fits one less; at so much something has changed.
_OUTLIER = const(3)
_CHANGED = const(15)
_MOST_DROP = const(32767)  # 4 V in 1/8 mV
_MOST_STEP = const(2047)  # twice rated, in 1/1024 of rated
_LEAST_STEP = const(20)
_FLOOR = const(2048)  # 1 mV is no outlier, in the unit of _REST
_NORMAL_cC = const(2500)
_MOST_WARMTH_cK = const(4000)
_LEAST_FACTOR = const(256)
_COPPER = const(4024)  # 0.393 %/K in 1/1024 and 0.01 K, times 1e5

# Of a resistance in `kept`: the battery's, then the link's.
LINK = const(7)  # place of the link's
USED = const(0)
REJECTED = const(1)
BASE = const(2)  # uohm, biased; 0: no baseline
_SQUARES = const(3)  # mean of (step / rated)^2, 2^-26
_PRODUCTS = const(4)  # of step times drop, biased
_REST = const(5)  # of what is left of the drop, 1/256 of 1/8 mV
_OUTLIERS = const(6)
# Of a battery behind these two: the same of the bank's step, for the feed.
_FEED = const(2 * LINK)
_BANK_SQUARES = const(0)
_BANK_PRODUCTS = const(1)
FIELDS = const(2 * LINK + 2)


class Resistances:
    """The resistances of a bank over `values` and conversions `fresh`, in the order of the frame.

    `spread_uohm`: what a battery's surely differs from the median by, `over_uohm`: what a link
    surely is above its baseline, both biased or NONE.
    """

    def __init__(self, values, fresh, batteries, rated_mA, percent_K_e3):
        """`percent_K_e3`: how much a battery's falls with each kelvin, in 1/1000 %. Boot only."""
        self.steps = steps.Steps(values, fresh, batteries, rated_mA)
        self.links = links.Links(values, self.steps.lines, batteries, rated_mA)
        self._values = values
        self._batteries = batteries
        self._rated_mA = rated_mA
        self._falls = percent_K_e3
        self._factor = 128000000 // rated_mA  # uohm of one 1/8 mV a step of rated / 1024
        self.kept = ints(batteries * FIELDS)
        self._most = (1 << 29) // self._factor  # beyond 0.5 ohm it says no more than that
        self._known = ints(batteries, NONE)
        self.spread_uohm = ints(batteries, NONE)
        self.over_uohm = ints(batteries, NONE)
        self._order = ints(batteries)
        for k in range(batteries):
            for place in (_PRODUCTS, LINK + _PRODUCTS, _FEED + _BANK_PRODUCTS):
                self.kept[k * FIELDS + place] = BIAS

    def look(self, now_ms):
        """Take a tick in. Slack; allocates nothing."""
        self.steps.look(now_ms)
        self.links.look(now_ms)

    def take(self, k, whole):
        """Take a block and a step of battery k, if there are; return whether a step is. Slack.

        `whole`: all batteries carry. Without one of them the others' links and the feed differ,
        for the rails are in them.
        """
        found = self.steps.found
        at = k * steps.FIELDS
        if found[at + steps.LOST]:
            self._reject(k * FIELDS, found[at + steps.LOST])
            found[at + steps.LOST] = 0
        taken = found[at + steps.STATE] == steps.READY
        if taken:
            self._step(k, whole)
        blocks = self.links.found
        at = k * links.FIELDS + links.STATE
        if not whole:
            blocks[at] = links.NEW
        elif blocks[at] == links.READY:
            self._block(k)
        return taken

    def _warmer_cK(self, k, mean):
        """Return how much warmer than 25 degC battery k's terminals are: the cooler, or the mean.

        NONE where one is not known; biased.
        """
        at = 2 * self._batteries + 1 + 2 * k
        plus = self._values[at]
        minus = self._values[at + 1]
        if plus == NONE or minus == NONE:
            return NONE
        found = plus + (minus - plus) // 2 if mean else min(plus, minus)
        return BIAS + clipped(found - BIAS - _NORMAL_cC, _MOST_WARMTH_cK)

    def _step(self, k, whole):
        found = self.steps.found
        at = k * steps.FIELDS
        own = k * FIELDS
        found[at + steps.STATE] = steps.NEW
        step = found[at + steps.AFTER] - found[at + steps.REFERENCE]
        size = self._size(step)
        drop = found[at + steps.DROP]
        warmer_cK = self._warmer_cK(k, mean=False)
        if warmer_cK == NONE or drop == NONE or not _LEAST_STEP <= size <= _MOST_STEP:
            self._reject(own, 1)
            return
        drop = clipped((drop - BIAS) if step > 0 else BIAS - drop, _MOST_DROP)
        factor = max(_LEAST_FACTOR, 1024 + (warmer_cK - BIAS) * self._falls // 9766)
        fits = self._add(own, size, clipped(drop * factor // 1024, _MOST_DROP))
        if fits and whole:
            self._feed(own, found[at + steps.BANK_AFTER] - found[at + steps.BANK], drop)

    def _block(self, k):
        """Take a block of battery k against the one before it."""
        blocks = self.links.found
        at = k * links.FIELDS
        blocks[at + links.STATE] = links.NEW
        count = blocks[at + links.COUNT]
        mean_mA = blocks[at + links.LEVEL] + (blocks[at + links.CURRENT] - BIAS) // count
        mean = BIAS + (blocks[at + links.VOLTAGE] - BIAS) // count
        step = mean_mA - blocks[at + links.MEAN_mA]
        drop = mean - blocks[at + links.MEAN]
        first = blocks[at + links.MEAN_mA] == NONE
        blocks[at + links.MEAN_mA] = mean_mA
        blocks[at + links.MEAN] = mean
        size = self._size(step)
        if first or not _LEAST_STEP <= size <= _MOST_STEP:
            return
        own = k * FIELDS + LINK
        warmer_cK = self._warmer_cK(k, mean=True)
        if warmer_cK != NONE:
            drop = clipped(drop if step > 0 else -drop, _MOST_DROP)
            copper = 1024 + (warmer_cK - BIAS) * _COPPER // 100000
            self._add(own, size, clipped(drop * 1024 // copper, _MOST_DROP))
        else:
            self._reject(own, 1)

    def estimate(self, k):
        """Find the resistance of battery k, and what its link is over its baseline. Slack."""
        found = self.uohm(k, 0)
        self._known[k] = NONE if found is None else found + BIAS
        self.over_uohm[k] = NONE
        link = self.uohm(k, LINK)
        base = self.kept[k * FIELDS + LINK + BASE]
        if link is not None and base:
            off = link - (base - BIAS) - SURE * self.error_uohm(k, LINK)
            self.over_uohm[k] = BIAS + max(0, off)

    def judge(self):
        """Compare all batteries with their median, once each is estimated. Slack."""
        n = self._batteries
        count = ascending(self._order, self._known, 0, 1, n, (1 << n) - 1)
        median = middle(self._order, count)
        for k in range(n):
            own = self._known[k]
            self.spread_uohm[k] = NONE
            if own == NONE or count < 2:
                continue
            reference = other(self._order, count, own) if count == 2 else median
            off = abs(own - reference) - SURE * self.error_uohm(k, 0)
            self.spread_uohm[k] = BIAS + max(0, off)

    def learn(self):
        """Take what is estimated now as the baseline; return a mask of those that have one."""
        mask = 0
        for k in range(self._batteries):
            for which in (0, LINK):
                found = self.uohm(k, which)
                if found is not None:
                    self.kept[k * FIELDS + which + BASE] = found + BIAS
                    mask |= 1 << k
        return mask

    def uohm(self, k, which):
        """Return the resistance of a battery (0) or of its LINK; None while it is not known."""
        at = k * FIELDS + which
        if self.kept[at + USED] < LEAST:
            return None
        products = self.kept[at + _PRODUCTS] - BIAS
        found = min(ratio(abs(products), self.kept[at + _SQUARES], 18) >> 4, self._most)
        found = found * self._factor >> 10
        return found if products >= 0 else -found

    def error_uohm(self, k, which):
        """Return the standard error of it, at most 131 mOhm."""
        at = k * FIELDS + which
        used = max(1, min(self.kept[at + USED], MEMORY))
        weight = root(self.kept[at + _SQUARES] // 64 * used) or 1
        found = ratio(self.kept[at + _REST] * 5, 4 * weight, 4)
        return min(found, self._most) * self._factor >> 12

    def sag(self, k):
        """Return by how much battery k sags with a step of the bank: any unit; 0: not known."""
        at = k * FIELDS + _FEED
        squares = self.kept[at + _BANK_SQUARES]
        if self.kept[k * FIELDS + USED] < LEAST or not squares:
            return 0
        return min(ratio(max(0, self.kept[at + _BANK_PRODUCTS] - BIAS), squares, 14), 1 << 24)

    def _size(self, step):
        """Return the size of a step of so many mA in 1/1024 of rated, at most _MOST_STEP + 1."""
        return min(
            min(abs(step), 2 * self._rated_mA) * 64 // (self._rated_mA // 16), _MOST_STEP + 1
        )

    def _reject(self, at, count):
        self.kept[at + REJECTED] = min(self.kept[at + REJECTED] + count, MOST)

    def _add(self, at, size, drop):
        """Take a step and a drop into the means at a place; return False for an outlier."""
        kept = self.kept
        rest = drop
        if kept[at + USED]:
            products = kept[at + _PRODUCTS] - BIAS
            expected = ratio(abs(products), kept[at + _SQUARES], 12)
            expected = min(expected, _MOST_DROP * 256 // size) * size >> 8
            rest -= expected if products >= 0 else -expected
        rest = min(abs(rest), _MOST_DROP)
        if kept[at + USED] >= LEAST and rest * 256 > 6 * kept[at + _REST] + _FLOOR:
            self._reject(at, 1)
            kept[at + _OUTLIERS] += _OUTLIER
            if kept[at + _OUTLIERS] < _CHANGED:
                return False
            kept[at + USED] = kept[at + _OUTLIERS] = 0
        kept[at + _OUTLIERS] = max(0, kept[at + _OUTLIERS] - 1)
        count = kept[at + USED] = min(kept[at + USED] + 1, MOST)
        count = min(count, MEMORY)
        kept[at + _SQUARES] = toward(kept[at + _SQUARES], size * size * 64, count)
        kept[at + _PRODUCTS] = toward(kept[at + _PRODUCTS], size * drop * 4 + BIAS, count)
        if count > 1:
            kept[at + _REST] = toward(kept[at + _REST], rest * 256, min(count - 1, MEMORY))
        return True

    def _feed(self, own, step, drop):
        """Take the bank's step and a battery's drop into the means for the feed."""
        size = min(self._size(step // self._batteries), _MOST_STEP)
        count = min(self.kept[own + USED], MEMORY)
        at = own + _FEED
        self.kept[at] = toward(self.kept[at], size * size * 64, count)
        self.kept[at + 1] = toward(self.kept[at + 1], size * drop * 4 + BIAS, count)
