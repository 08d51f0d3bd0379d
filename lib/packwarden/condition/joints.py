"""Which joint works loose: the rise that each terminal would show at rated current.

What a battery's one terminal is warmer than its other one follows the square of the current,
delayed by the lug's thermal lag, and begins at the difference of the two sensors:

    T+ - T- = zero + part * (T - lagged T) + rise * lagged (I / rated)^2

Zero and part are learned while the battery rests, the rise by regression while it carries; means
of two minutes are taken in, and older ones forgotten after 32 and after 128 such means with load:
the one finds a joint that has come loose within an hour, the other one that is slightly so within
a day. The cabinet's gradient, sun and fans move both terminals together, but the one whose lag is
longer comes later: by a part of how far the mean T of both is ahead of itself. The baseline of
commissioning and the siblings' median are taken off. Lags of 2, 4.5 and 10 minutes run side by
side, and the one that leaves the least unexplained is believed. A sensor that has drifted is no
joint: where the battery rests at another difference than its zero, that is learned anew, and
nothing is taken in meanwhile.
"""

from micropython import const

from packwarden.condition.sums import MOST, clipped, ratio, root, toward
from packwarden.fixed import BIAS, NONE, ints
from packwarden.medians import ascending, middle

LAGS_s = (120, 270, 600)  # lugs have 1.3 to 11.5 min
LONGEST_s = const(30)  # between two steps
BLOCK_s = const(120)
MEMORY = (32, 128)  # blocks with load
SURE = const(7)  # halves of a standard error between an estimate and what is surely so
ALLOWED_cK = const(400)  # healthy joints differ by as much, where there is no baseline
LEAST = const(12)  # blocks, idle ones and loaded ones each, before there is an estimate
_IDLE_MOST = const(128)
_SWING_MOST = const(512)  # of the part
_LATEST = const(8)  # blocks at rest ...
_DRIFTED = const(16 * 150)  # ... that are so far off the zero: the lugs' own heat makes less
_FOLLOWS = const(5)  # blocks: the lag of the mean
_RESTS = const(20)  # below 10 % of rated, squared, in 1/2048
_CARRIES = const(46)  # from 15 % on: below, what is left of air and noise would be kelvins
_FINE = const(8)  # (I / rated)^2 is kept in 1/2^22, and averaged in 1/2^14 ...
_COARSE = const(3)  # ... and taken into the sums in 1/2048
_MOST_SQUARE = const(4095)
_MOST_cK = const(8191)
_MOST_REST_cK = const(2047)
_MOST_RISE_cK = const(20000)
_MOST_HEAT_cK = const(20000)
_MOST_SWING = const(4095)

# Of a battery: first what is kept over a restart ...
ZERO = const(0)  # biased, 1/16 cK
IDLE = const(1)  # blocks without load
USED = const(2)  # blocks with load
REJECTED = const(3)  # blocks in between, or with a sensor missing
BASED = const(4)  # 1: a baseline is stored
_SWINGS = const(5)  # the mean of swing^2, 1/128 cK^2
_APART = const(6)  # of swing times difference, biased, likewise
_OFF = const(7)  # the mean of the last differences at rest over the zero, biased, 1/16 cK
_SUMS = const(8)  # ... per lag: the baseline's rise (biased cK) and error (cK), then per memory
BASE = const(0)
BASE_ERROR = const(1)
_SQUARES = const(2)  # the mean of square^2, 1/8
_PRODUCTS = const(3)  # of square times difference, biased, 1/8
_UNEXPLAINED = const(4)  # of what is left of the difference, squared, 1/64
_PER_MEMORY = const(3)
_PER_LAG = const(2 + 3 * 2)
# ... and of the running block: seconds, biased sum of differences, their number, biased sum of
# both temperatures, the lagged mean of them (biased, 1/16 cK); then per lag the lagged square and
# the sum of it.
_SECONDS = const(0)
_DIFFERENCES = const(1)
_NUMBER = const(2)
_HEAT = const(3)
_LAGGED = const(4)
_RUN = const(5)


class Joints:
    """The estimators of a bank's joints over `values`, biased and in the order of the frame.

    `rise_cK`, `error_cK`: per battery what + is warmer than -, at rated current, and its standard
    error; NONE (biased) while nothing can be said. `sure`: per terminal the least rise over all
    references that the data bear out, biased.
    """

    def __init__(self, values, batteries, rated_mA, lag_s=0):
        """`lag_s`: 60 .. 720, the lag of all lugs; 0: find it. Boot only."""
        self.lags_s = (lag_s,) if lag_s else LAGS_s
        self._values = values
        self._batteries = batteries
        self._per_unit = rated_mA // 64
        self._most_mA = 2 * rated_mA
        self.fields = _SUMS + _PER_LAG * len(self.lags_s)
        self.kept = ints(batteries * self.fields)
        self._run_fields = _RUN + 2 * len(self.lags_s)
        self._run = ints(batteries * self._run_fields)
        self.rise = ints(batteries, NONE)
        self.error_cK = ints(batteries)
        self.over = ints(2 * batteries, NONE)  # per memory: rise over the baseline
        self._over_error = ints(2 * batteries)
        self.sure = ints(2 * batteries, NONE)
        self._order = ints(batteries)
        for k in range(batteries):
            self._run[k * self._run_fields + _DIFFERENCES] = BIAS
            self._run[k * self._run_fields + _HEAT] = BIAS
            self.kept[k * self.fields + ZERO] = BIAS
            self.kept[k * self.fields + _APART] = BIAS
            self.kept[k * self.fields + _OFF] = BIAS
            for lag in range(len(self.lags_s)):
                at = self._at(k, lag)
                self.kept[at + BASE] = BIAS
                for memory in (0, _PER_MEMORY):
                    self.kept[at + memory + _PRODUCTS] = BIAS

    def step(self, k, passed_s):
        """Let battery k live for 1 .. LONGEST_s; return whether its block has ended. Slack."""
        values = self._values
        current = values[k]
        plus = values[2 * self._batteries + 1 + 2 * k]
        minus = values[2 * self._batteries + 2 + 2 * k]
        run = self._run
        at = k * self._run_fields
        run[at + _SECONDS] += passed_s
        good = current != NONE and plus != NONE and minus != NONE
        if current != NONE:
            share = min(abs(current - BIAS), self._most_mA) * 64 // self._per_unit
            square = ((share * share) >> 10) << _FINE
            for lag in range(len(self.lags_s)):
                lag_s = self.lags_s[lag]
                place = at + _RUN + 2 * lag
                lagged = run[place]
                if square >= lagged:
                    lagged += ((square - lagged) * passed_s + lag_s // 2) // lag_s
                else:
                    lagged -= ((lagged - square) * passed_s + lag_s // 2) // lag_s
                run[place] = lagged
                if good:
                    run[place + 1] += lagged >> _FINE
        if good:
            run[at + _DIFFERENCES] += clipped(plus - minus, _MOST_cK)
            run[at + _HEAT] += clipped(plus - BIAS + minus - BIAS, 2 * _MOST_HEAT_cK)
            run[at + _NUMBER] += 1
        return run[at + _SECONDS] >= BLOCK_s

    def take(self, k):
        """Take the block of battery k into its sums, and begin the next one. Slack."""
        run = self._run
        kept = self.kept
        at = k * self._run_fields
        own = k * self.fields
        number = run[at + _NUMBER]
        rests = number > 0
        loaded = number > 0 and kept[own + IDLE] >= LEAST
        for lag in range(len(self.lags_s)):
            place = at + _RUN + 2 * lag + 1
            if number:
                square = min((run[place] // number) >> _COARSE, _MOST_SQUARE)
                rests = rests and square < _RESTS
                loaded = loaded and square >= _CARRIES
                run[place] = square
        swing = self._swing(at)
        if rests:
            self._rest(own, self._mean(at + _DIFFERENCES, number), swing)
        elif loaded:
            count = kept[own + USED] = min(kept[own + USED] + 1, MOST)
            difference = self._mean(at + _DIFFERENCES, number) - self._ahead(own, swing)
            difference = clipped((difference - (kept[own + ZERO] - BIAS) + 8) >> 4, _MOST_cK)
            for lag in range(len(self.lags_s)):
                place = self._at(k, lag)
                for memory in range(2):
                    self._add(place, memory, count, run[at + _RUN + 2 * lag + 1], difference)
        else:
            kept[own + REJECTED] = min(kept[own + REJECTED] + 1, MOST)
        run[at + _SECONDS] = 0
        run[at + _NUMBER] = 0
        run[at + _DIFFERENCES] = BIAS
        run[at + _HEAT] = BIAS
        for lag in range(len(self.lags_s)):
            run[at + _RUN + 2 * lag + 1] = 0
        self._estimate(k)

    def judge(self, memory):
        """Compare all batteries by a memory, 0 then 1, once each has taken its block. Slack."""
        n = self._batteries
        siblings = 0
        if n > 2:
            count = ascending(self._order, self.over, memory * n, 1, n, (1 << n) - 1)
            if count > 2:
                siblings = middle(self._order, count) - BIAS
        for k in range(n):
            if not memory:
                self.sure[2 * k] = self.sure[2 * k + 1] = NONE
            over = self.over[memory * n + k]
            if over == NONE:
                continue
            over -= BIAS + siblings
            least = BIAS + max(0, abs(over) - self._margin_cK(k, memory * n + k))
            place = 2 * k if over >= 0 else 2 * k + 1
            self.sure[place] = max(self.sure[place], least)
            place ^= 1
            self.sure[place] = max(self.sure[place], BIAS)

    def learn(self):
        """Take what is estimated now as the baseline; return a mask of those that have one."""
        found = 0
        for k in range(self._batteries):
            if self.rise[k] == NONE:
                continue
            found |= 1 << k
            self.kept[k * self.fields + BASED] = 1
            for lag in range(len(self.lags_s)):
                at = self._at(k, lag)
                self.kept[at + BASE] = self._rise(at, 1) + BIAS
                self.kept[at + BASE_ERROR] = self._error(k, at, 1)
            self._estimate(k)
        return found

    def _at(self, k, lag):
        """Return the place of the sums of a battery with a lag."""
        return k * self.fields + _SUMS + _PER_LAG * lag

    def _mean(self, place, number):
        """Return the mean of a biased sum of the running block, in 1/16 of its unit."""
        total = self._run[place] - BIAS
        found = abs(total) * 16 // number
        return found if total >= 0 else -found

    def _swing(self, at):
        """Return how far the mean of both temperatures is ahead of itself, in 1/4 cK."""
        run = self._run
        if not run[at + _NUMBER]:
            run[at + _LAGGED] = NONE
            return 0
        mean = BIAS + self._mean(at + _HEAT, 2 * run[at + _NUMBER])
        lagged = run[at + _LAGGED]
        run[at + _LAGGED] = mean if lagged == NONE else toward(lagged, mean, _FOLLOWS)
        return 0 if lagged == NONE else clipped((mean - lagged) >> 2, _MOST_SWING)

    def _ahead(self, own, swing):
        """Return by how much + is ahead of - in a swing, in 1/16 cK."""
        apart = self.kept[own + _APART] - BIAS
        part = min(ratio(abs(apart), max(1, self.kept[own + _SWINGS]), 10), 1024)
        found = (abs(swing) * part) >> 8
        return found if (apart >= 0) == (swing >= 0) else -found

    def _rest(self, own, difference, swing):
        """Take a block without load into the zero and the part of the swing; in 1/16 cK."""
        kept = self.kept
        count = kept[own + IDLE] = min(kept[own + IDLE] + 1, MOST)
        seen = BIAS + difference - self._ahead(own, swing)
        off = BIAS + (seen - kept[own + ZERO])
        off = kept[own + _OFF] = toward(kept[own + _OFF], off, _LATEST)
        if count > LEAST and abs(off - BIAS) > _DRIFTED:
            count = kept[own + IDLE] = 1
        if count == 1:
            kept[own + _OFF] = BIAS
        zero = kept[own + ZERO] = toward(kept[own + ZERO], seen, min(count, _IDLE_MOST))
        if count > 2 * LEAST:
            count = min(count, _SWING_MOST)
            apart = clipped((difference - (zero - BIAS)) >> 2, _MOST_SWING)
            kept[own + _SWINGS] = toward(kept[own + _SWINGS], swing * swing * 8, count)
            kept[own + _APART] = toward(kept[own + _APART], swing * apart * 8 + BIAS, count)

    def _add(self, at, memory, count, square, difference):
        """Take a square and a difference (cK) into the sums at a place."""
        kept = self.kept
        count = min(count, MEMORY[memory])
        rest = difference
        if count > 4:
            expected = self._rise(at, memory) * square
            rest -= (expected + 1024 + (_MOST_RISE_cK << 13)) // 2048 - (_MOST_RISE_cK << 2)
            rest = clipped(rest, _MOST_REST_cK)
        else:
            rest = min(abs(rest), _MOST_REST_cK)
        at += _PER_MEMORY * memory
        kept[at + _SQUARES] = toward(kept[at + _SQUARES], square * square * 8, count)
        products = square * difference * 8
        kept[at + _PRODUCTS] = toward(kept[at + _PRODUCTS], products + BIAS, count)
        weight = max(8, count // 2)
        kept[at + _UNEXPLAINED] = toward(kept[at + _UNEXPLAINED], rest * rest * 64, weight)

    def _rise(self, at, memory):
        """Return the rise at rated current (cK) by the sums at a place."""
        at += _PER_MEMORY * memory
        squares = self.kept[at + _SQUARES]
        products = self.kept[at + _PRODUCTS] - BIAS
        found = min(ratio(abs(products), squares, 11), _MOST_RISE_cK)
        return found if products >= 0 else -found

    def _error(self, k, at, memory):
        """Return the standard error of a rise in cK: of the slope and of the zero."""
        own = k * self.fields
        at += _PER_MEMORY * memory
        squares = self.kept[at + _SQUARES]
        found = ratio(self.kept[at + _UNEXPLAINED], squares, 14)
        used = max(1, min(self.kept[own + USED], MEMORY[memory]))
        idle = max(1, min(self.kept[own + IDLE], _IDLE_MOST))
        # 2048 * sqrt(found / 2^17) is 181/32 of the root.
        return min(root(found // used + found // idle) * 181 // 32, _MOST_RISE_cK)

    def _estimate(self, k):
        """Find the rises of a battery, with the lag that explains the most."""
        own = k * self.fields
        n = self._batteries
        kept = self.kept
        enough = kept[own + USED] >= LEAST and kept[own + IDLE] >= LEAST
        for memory in range(2):
            if not enough:
                self.over[memory * n + k] = NONE
                continue
            best = self._at(k, 0)
            for lag in range(1, len(self.lags_s)):
                at = self._at(k, lag)
                place = _PER_MEMORY * memory + _UNEXPLAINED
                if kept[at + place] < kept[best + place]:
                    best = at
            rise = self._rise(best, memory)
            error = self._error(k, best, memory)
            self.over[memory * n + k] = rise - (kept[best + BASE] - BIAS) + BIAS
            self._over_error[memory * n + k] = error
            if memory:
                self.rise[k] = rise + BIAS
                self.error_cK[k] = error
                self._base_error(k, best)

    def _base_error(self, k, at):
        """Count the error of the baseline in."""
        base = self.kept[at + BASE_ERROR]
        for memory in range(2):
            place = memory * self._batteries + k
            error = self._over_error[place]
            self._over_error[place] = root(error * error + base * base)

    def _margin_cK(self, k, place):
        """Return how far from the truth an estimate over the references may be."""
        allowed = 0 if self.kept[k * self.fields + BASED] else ALLOWED_cK
        return allowed + self._over_error[place] * SURE // 2
