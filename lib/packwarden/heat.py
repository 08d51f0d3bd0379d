"""The quantities of the thermistors: temperature, rise, rate, and what is lost, and lost hot.

Rise is over the median of the siblings (same pole, batteries that are closed) and over the
battery's own other pole, whichever is less: two references cancel the cabinet's gradient. Where
siblings are missing the ambient stands in. Rate is the slope of a line fitted to 60 s, minus the
siblings' median: sun and fans move all terminals together.
"""

import micropython
from micropython import const

from packwarden.currents import places_of
from packwarden.fixed import BIAS, MASK, NONE, ints
from packwarden.medians import ascending, middle, other

PUSH_ms = const(5000)  # a sample of the fit each 5 s ...
_SAMPLES = const(12)  # ... and 12 of them: 60 s
_HOT_cC = const(6000)  # a terminal counts as hot above 60 degC ...
_FAST_cK_min = const(500)  # ... or rising faster than 5 K/min ...
_HOT_ms = const(60000)  # ... and for 60 s after
_OFFSET_cC = const(8192)  # more than the coldest temperature is below zero
_RUN = const(3)  # samples in a row that make it so
_UNDECIDED = const(2)  # it has a value: what it was when lost will be found then

_BIAS = const(1 << 29)  # as in `fixed`: kernels need constants of their own module
_NONE = const(0)
_MASK = const((1 << 30) - 1)


# Where among the quantities they store what they find: places in an array of places.
_TEMPERATURE = const(0)
_RISE = const(1)
_RATE = const(2)
_LOST = const(3)
_LOST_HOT = const(4)
_AMBIENT = const(5)
_NAMES = ("temperature", "rise", "rate", "thermistor_lost", "lost_hot", "ambient")


@micropython.viper
def watch(ctx, batteries: int):
    """Store temperatures and which thermistors are lost; add to the sums of the running sample.

    ctx: channel values, quantities, places (as above), scratch, history, slopes, health, sums
    (biased), counts; and what `lost_hot` needs. At most 500 ticks make a sample. From the control
    step, like all in here.
    """
    measured = ptr32(ctx[0])
    values = ptr32(ctx[1])
    place = ptr32(ctx[2])
    health = ptr32(ctx[6])
    sums = ptr32(ctx[7])
    counts = ptr32(ctx[8])
    at = place[_TEMPERATURE]
    at_lost = place[_LOST]
    first = 2 * batteries + 1  # channel of the first terminal: see `frame`
    t = 0
    while t < 2 * batteries:
        own = measured[first + t]
        values[at + t] = own
        values[at_lost + t] = _BIAS + 1 if health[first + t] else _BIAS
        if own != _NONE:
            sums[t] += own - _BIAS
            counts[t] += 1
        t += 1
    values[place[_AMBIENT]] = measured[first + 2 * batteries]


@micropython.viper
def rises(ctx, batteries: int, closed: int):
    """Store the rise of each terminal over its references (biased 0.01 K or NONE).

    `closed`: mask of the breakers that are closed.
    """
    measured = ptr32(ctx[0])
    values = ptr32(ctx[1])
    at = ptr32(ctx[2])[_RISE]
    order = ctx[3]
    first = 2 * batteries + 1
    ambient = measured[first + 2 * batteries]
    pole = 0
    while pole < 2:
        count = int(ascending(order, ctx[0], first + pole, 2, batteries, closed))
        median = int(middle(order, count))
        few = closed if count <= 2 else 0
        k = 0
        while k < batteries:
            own = measured[first + 2 * k + pole]
            opposite = measured[first + 2 * k + 1 - pole]
            rise = _NONE
            if own != _NONE:
                siblings = median
                if (few >> k) & 1:
                    siblings = int(other(order, count, own))
                if siblings == _NONE:
                    siblings = ambient
                if siblings != _NONE:
                    rise = own - siblings + _BIAS
                if opposite != _NONE and (rise == _NONE or own - opposite + _BIAS < rise):
                    rise = own - opposite + _BIAS
            values[at + 2 * k + pole] = rise
            k += 1
        pole += 1


@micropython.viper
def slopes(ctx, terminals: int, oldest: int):
    """Fit a line to the last 12 samples of each terminal: biased 0.01 K/min, NONE if any is
    missing.

    The history has 12 per terminal, a ring whose oldest place is `oldest`. The least-squares slope
    of 12 equidistant samples is sum((2i - 11) x_i) / 286 a sample, and 12 samples make a minute.
    Samples are temperatures in -60 .. 200 degC.
    """
    history = ptr32(ctx[4])
    slope = ptr32(ctx[5])
    t = 0
    while t < terminals:
        total = 0
        whole = 1
        i = 0
        place = oldest
        while i < _SAMPLES:
            stored = history[t * _SAMPLES + place]
            if stored == _NONE:
                whole = 0
            else:
                total += (2 * i - 11) * (stored - _BIAS)
            place += 1
            if place == _SAMPLES:
                place = 0
            i += 1
        if whole == 0:
            slope[t] = _NONE
        elif total >= 0:
            slope[t] = total * 12 // 286 + _BIAS
        else:
            slope[t] = _BIAS - (0 - total) * 12 // 286
        t += 1


@micropython.viper
def rates(ctx, batteries: int, closed: int):
    """Store each terminal's slope minus the reference of its siblings, where there is one."""
    values = ptr32(ctx[1])
    at = ptr32(ctx[2])[_RATE]
    order = ctx[3]
    slope = ptr32(ctx[5])
    pole = 0
    while pole < 2:
        count = int(ascending(order, ctx[5], pole, 2, batteries, closed))
        median = int(middle(order, count))
        few = closed if count <= 2 else 0
        k = 0
        while k < batteries:
            own = slope[2 * k + pole]
            if own != _NONE:
                siblings = median
                if (few >> k) & 1:
                    siblings = int(other(order, count, own))
                if siblings != _NONE:
                    own = own - siblings + _BIAS
            values[at + 2 * k + pole] = own
            k += 1
        pole += 1


@micropython.viper
def push(ctx, terminals: int, place: int):
    """Store the means of the running sample at `place` of every ring, and begin the next one."""
    history = ptr32(ctx[4])
    sums = ptr32(ctx[7])
    counts = ptr32(ctx[8])
    t = 0
    while t < terminals:
        mean = _NONE
        if counts[t] > 0:
            # Of a number that is not negative: a division rounds otherwise elsewhere.
            mean = (sums[t] - _BIAS + counts[t] * _OFFSET_cC) // counts[t] - _OFFSET_cC + _BIAS
        history[t * _SAMPLES + place] = mean
        sums[t] = _BIAS
        counts[t] = 0
        t += 1


@micropython.viper
def lost_hot(ctx, now: int, batteries: int):
    """Store which terminals have been without a value since they were hot (1 or 0).

    Hot: three samples in a row above 60 degC, or rising faster than 5 K/min over the siblings, in
    the last 60 s. Where the reference resistor was lost, which blinds all at once, only what was
    above 60 degC counts. ctx, from place 9: stamps, hot lately (0, 1 by rate, 2 by temperature),
    samples in a row, samples seen, what was hot when it was lost, fresh conversions.
    """
    measured = ptr32(ctx[0])
    values = ptr32(ctx[1])
    place = ptr32(ctx[2])
    health = ptr32(ctx[6])
    stamp = ptr32(ctx[9])
    lately = ptr32(ctx[10])
    run = ptr32(ctx[11])
    seen = ptr32(ctx[12])
    was_hot = ptr32(ctx[13])
    fresh = ptr32(ctx[14])
    at = place[_LOST_HOT]
    at_rate = place[_RATE]
    terminals = 2 * batteries
    first = terminals + 1
    blind = health[first + terminals + 1]  # the reference's, after the ambient's
    t = 0
    while t < terminals:
        own = measured[first + t]
        if own == _NONE:
            if was_hot[t] == _UNDECIDED:
                was_hot[t] = 1 if lately[t] > (1 if blind else 0) else 0
                lately[t] = 0
        else:
            was_hot[t] = _UNDECIDED
            hot = 1 if values[at_rate + t] > _FAST_cK_min + _BIAS else 0
            if own >= _HOT_cC + _BIAS:
                hot = 2
            if fresh[first + t] != seen[t]:
                seen[t] = fresh[first + t]
                if hot == 0:
                    run[t] = 0
                elif run[t] < _RUN:
                    run[t] += 1
            if hot != 0 and run[t] >= _RUN:
                stamp[t] = now
                if hot > lately[t]:
                    lately[t] = hot
            elif lately[t] != 0 and (now - stamp[t]) & _MASK > _HOT_ms:
                lately[t] = 0
        values[at + t] = _BIAS + 1 if was_hot[t] == 1 else _BIAS
        t += 1


class Heat:
    """The thermal quantities of a bank; binds the arrays of the kernels."""

    STATE = ("place", "pushed_ms", "slope", "_closed", "_history", "_sums", "_counts")
    STATE += ("_stamp", "_lately", "_run", "_seen", "_was_hot")

    def __init__(self, quantities, measured, health, fresh):
        """Bind to the places of `quantities`, the channels' values, health and fresh counters."""
        n = self.batteries = quantities.frame.batteries
        self.place = 0  # where the next sample of the fit goes
        self.pushed_ms = 0
        self.slope = ints(2 * n, NONE)
        self._closed = -1  # as the rates were found with it
        self._history = ints(2 * n * _SAMPLES, NONE)
        self._sums = ints(2 * n, BIAS)
        self._counts = ints(2 * n)
        self._stamp = ints(2 * n)
        self._lately = ints(2 * n)
        self._run = ints(2 * n)
        self._seen = ints(2 * n)
        self._was_hot = ints(2 * n)
        self.ctx = (
            measured,
            quantities.values,
            places_of(_NAMES, quantities.places),
            ints(n),
            self._history,
            self.slope,
            health,
            self._sums,
            self._counts,
            self._stamp,
            self._lately,
            self._run,
            self._seen,
            self._was_hot,
            fresh,
        )

    @micropython.native
    def run(self, now_ms, closed):
        """Find every thermal quantity. From the control step: allocates nothing."""
        ctx = self.ctx
        n = self.batteries
        watch(ctx, n)
        rises(ctx, n, closed)
        if (now_ms - self.pushed_ms) & MASK >= PUSH_ms:
            self._push(now_ms)
            self._closed = -1
        if closed != self._closed:
            self._closed = closed
            rates(ctx, n, closed)
        lost_hot(ctx, now_ms, n)

    def _push(self, now_ms):
        """Take the running sample into the fit, in step with the time and not with the ticks.

        After a gap anew. Adding to a time might leave 30 bits, taking from it does not.
        """
        late = ((now_ms - self.pushed_ms) & MASK) - PUSH_ms
        self.pushed_ms = now_ms if late >= PUSH_ms else (now_ms - late) & MASK
        push(self.ctx, 2 * self.batteries, self.place)
        self.place = (self.place + 1) % _SAMPLES
        slopes(self.ctx, 2 * self.batteries, self.place)
