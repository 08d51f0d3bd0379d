"""The estimator of `condition.joints` for many banks at once, on arrays: the same bits, faster.

Written for the study alone, which needs 10^8 steps; `test_study.py` holds it against the board's.
"""

import numpy as np

from packwarden.condition import joints as one
from packwarden.condition.sums import MOST
from packwarden.fixed import BIAS, NONE

_MEMORY = np.array(one.MEMORY)[:, None]


class Many:
    """Joints of banks with so many batteries each, all sensors sound.

    `sure`, `over` and the sums are those of `Joints`, battery after battery of all the banks.
    """

    def __init__(self, batteries, rated_mA):
        self._banks = np.repeat(np.arange(len(batteries)), batteries)
        first = np.cumsum([0, *batteries[:-1]])
        self._places = first[:, None] + np.arange(max(batteries))  # a row per bank, too long
        self._there = np.arange(max(batteries)) < np.array(batteries)[:, None]
        self._places[~self._there] = 0
        self._three = np.array(batteries) > 2
        n = len(self._banks)
        self._rated_mA = rated_mA
        self._lags_s = np.array(one.LAGS_s)
        self._lagged = np.zeros((n, len(one.LAGS_s)), int)
        self._follows = None  # the lagged mean of both temperatures
        self.zero = np.zeros(n, int)  # all without BIAS here
        self.swings = np.zeros(n, int)
        self.apart = np.zeros(n, int)
        self.idle = np.zeros(n, int)
        self.used = np.zeros(n, int)
        self.based = np.zeros(n, bool)
        self.base = np.zeros_like(self._lagged)
        self.base_error = np.zeros_like(self._lagged)
        memories = (2, *self._lagged.shape)
        self.squares = np.zeros(memories, int)
        self.products = np.zeros(memories, int)
        self.unexplained = np.zeros(memories, int)
        self.over = np.zeros((2, n), int)
        self._over_error = np.zeros((2, n), int)
        self.ready = np.zeros(n, bool)
        self.sure = np.full(2 * n, NONE)

    def blocks(self, current_mA, read_cC, step_s):
        """Yield once for each block of what was measured (steps x ...), when `sure` is new."""
        share = np.minimum(abs(current_mA), 2 * self._rated_mA) * 64 // (self._rated_mA // 64)
        squares = (share * share >> 10) << one._FINE
        apart = clipped(read_cC[:, ::2] - read_cC[:, 1::2], -one._MOST_cK, one._MOST_cK)
        heat = read_cC[:, ::2] + read_cC[:, 1::2]
        steps = one.BLOCK_s // step_s
        half = self._lags_s // 2
        lagged = self._lagged
        for begin in range(0, len(squares), steps):
            total = np.zeros_like(lagged)
            for square in squares[begin : begin + steps]:
                step = square[:, None] - lagged
                moved = (abs(step) * step_s + half) // self._lags_s
                lagged += np.where(step < 0, -moved, moved)
                total += lagged >> one._FINE
            part = slice(begin, begin + steps)
            swing = self._swing(mean(heat[part].sum(axis=0), 2 * steps))
            self._take(total // steps, mean(apart[part].sum(axis=0), steps), swing)
            self._judge()
            yield

    def learn(self):
        """Take the baseline; return whether each battery has one."""
        self.based |= self.ready
        now = self.ready[:, None]
        self.base = np.where(now, self._rise()[1], self.base)
        self.base_error = np.where(now, self._error()[1], self.base_error)
        self._estimate()
        return self.based

    def _swing(self, heat):
        lagged = heat if self._follows is None else self._follows
        self._follows = toward(lagged, heat, np.array(one._FOLLOWS))
        return clipped((heat - lagged) >> 2, -one._MOST_SWING, one._MOST_SWING)

    def _ahead(self, swing):
        part = np.minimum(ratio(abs(self.apart), np.maximum(1, self.swings), 10), 1024)
        found = abs(swing) * part >> 8
        return np.where((self.apart >= 0) == (swing >= 0), found, -found)

    def _take(self, square, apart, swing):
        square = np.minimum(square >> one._COARSE, one._MOST_SQUARE)
        rests = (square < one._RESTS).all(axis=1)
        loaded = (square >= one._CARRIES).all(axis=1) & (self.idle >= one.LEAST)
        ahead = self._ahead(swing)
        self.used += loaded
        difference = (apart - ahead - self.zero + 8) >> 4
        difference = clipped(difference, -one._MOST_cK, one._MOST_cK)[:, None]
        if loaded.any():
            self._add(loaded[:, None], square, difference)
        self._rest(rests, apart, ahead, swing)
        self._estimate()

    def _rest(self, rests, apart, ahead, swing):
        self.idle += rests
        zero = toward(self.zero, apart - ahead, np.minimum(self.idle, one._IDLE_MOST))
        self.zero = np.where(rests, zero, self.zero)
        count = np.minimum(self.idle, one._SWING_MOST)
        apart = clipped((apart - self.zero) >> 2, -one._MOST_SWING, one._MOST_SWING)
        takes = rests & (self.idle > 2 * one.LEAST)
        self.swings = np.where(takes, toward(self.swings, swing * swing * 8, count), self.swings)
        self.apart = np.where(takes, toward(self.apart, swing * apart * 8, count), self.apart)

    def _add(self, loaded, square, apart):
        """Into the sums, memories x batteries x lags."""
        count = np.minimum(self.used, _MEMORY)[..., None]
        rest = apart - ((self._rise() * square + 1024) >> 11)
        rest = np.where(count > 4, rest, apart)
        rest = np.minimum(abs(rest), one._MOST_REST_cK)
        weight = np.maximum(8, count // 2)
        for sums, value, parts in (
            (self.squares, square * square * 8, count),
            (self.products, square * apart * 8, count),
            (self.unexplained, rest * rest * 64, weight),
        ):
            np.copyto(sums, toward(sums, value, parts), where=loaded)

    def _rise(self):
        found = np.minimum(ratio(abs(self.products), self.squares, 11), one._MOST_RISE_cK)
        return np.where(self.products < 0, -found, found)

    def _error(self):
        found = ratio(self.unexplained, self.squares, 14)
        used = np.maximum(1, np.minimum(self.used, _MEMORY))[..., None]
        idle = np.maximum(1, np.minimum(self.idle, one._IDLE_MOST))[:, None]
        found = root(found // used + found // idle) * 181 // 32
        return np.minimum(found, one._MOST_RISE_cK)

    def _estimate(self):
        self.ready = (self.used >= one.LEAST) & (self.idle >= one.LEAST)
        best = self.unexplained.argmin(axis=2)
        every = np.arange(len(self.zero))
        base = self.base_error[every, best[1]]
        error = np.take_along_axis(self._error(), best[..., None], 2)[..., 0]
        rise = np.take_along_axis(self._rise(), best[..., None], 2)[..., 0]
        self.over = rise - self.base[every, best]
        self._over_error = root(error * error + base * base)

    def _judge(self):
        there = self._there & self.ready[self._places]
        count = there.sum(axis=1)
        order = np.sort(np.where(there, self.over[:, self._places], 1 << 30), axis=2)
        bank = np.arange(len(count))
        low = order[:, bank, np.maximum(count - 1, 0) // 2]
        high = order[:, bank, np.minimum(count // 2, order.shape[2] - 1)]
        middle = np.where(self._three & (count > 2), low + ((high - low) >> 1), 0)
        over = self.over - middle[:, self._banks]
        allowed = np.where(self.based, 0, one.ALLOWED_cK)
        least = np.maximum(abs(over) - allowed - self._over_error * one.SURE // 2, 0)
        sure = np.stack([np.where(over < 0, 0, least), np.where(over < 0, least, 0)], axis=2)
        self.sure = np.where(self.ready[:, None], BIAS + sure.max(axis=0), NONE).ravel()


def mean(total, number):
    """Return the mean in 1/16, cut towards 0."""
    return np.sign(total) * (abs(total) * 16 // number)


def toward(mean, value, count):
    """`sums.toward`, of arrays."""
    step = value - mean
    moved = (abs(step) + (count >> 1)) // np.maximum(count, 1)
    return np.where(count < 2, value, mean + np.where(step < 0, -moved, moved))


def clipped(values, least, most):
    """`np.clip`, at half its time."""
    return np.minimum(np.maximum(values, least), most)


def ratio(numerator, denominator, places):
    """`sums.ratio`, of arrays; MOST where the denominator is 0."""
    least = np.maximum(denominator, 1)
    found = (numerator << places) // least
    found = np.where(numerator // least > MOST >> places, MOST, found)
    return np.where(denominator > 0, found, MOST)


def root(square):
    """`sums.root`, of arrays."""
    return np.sqrt(square).astype(int)
