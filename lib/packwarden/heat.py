"""The quantities of the thermistors: temperature, rise, rate, and what is lost, and lost hot.

Rise is over the median of the siblings (same pole, batteries that are closed) and over the
battery's own other pole, whichever is less: two references cancel the cabinet's gradient. Where
siblings are missing the ambient stands in. Rate is the slope of a line fitted to 60 s, minus the
siblings' median: sun and fans move all terminals together.
"""

import micropython
from micropython import const

from packwarden.currents import insert, others
from packwarden.fixed import BIAS, MASK, NONE, ints

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


@micropython.viper
def references(ctx, source, first: int, batteries: int, closed: int):
    """Find for each battery the reference of its siblings of one pole (biased or NONE).

    `source`: biased values, that of battery k at `first` + 2k; `closed`: mask of the breakers that
    are closed. ctx: -, -, scratch, references. From the control step.
    """
    at = ptr32(source)
    result = ptr32(ctx[3])
    order = ctx[2]
    count = 0
    k = 0
    while k < batteries:
        own = at[first + 2 * k]
        if (closed >> k) & 1 and own != _NONE:
            insert(order, count, own)
            count += 1
        k += 1
    k = 0
    while k < batteries:
        own = at[first + 2 * k]
        inside = 1 if (closed >> k) & 1 and own != _NONE else 0
        result[k] = int(others(order, count, own, inside))
        k += 1


@micropython.viper
def rises(ctx, pole: int, batteries: int, first: int, ambient: int, at: int):
    """Store the rise of each terminal of one pole over its references (biased 0.01 K or NONE).

    ctx: channel values, quantities, scratch, references. `first`: the first terminal's channel;
    `ambient`: biased ambient or NONE; `at`: place of the rises. From the control step.
    """
    measured = ptr32(ctx[0])
    values = ptr32(ctx[1])
    reference = ptr32(ctx[3])
    k = 0
    while k < batteries:
        own = measured[first + 2 * k + pole]
        opposite = measured[first + 2 * k + 1 - pole]
        siblings = reference[k]
        if siblings == _NONE:
            siblings = ambient
        rise = _NONE
        if own != _NONE:
            if siblings != _NONE:
                rise = own - siblings + _BIAS
            if opposite != _NONE and (rise == _NONE or own - opposite + _BIAS < rise):
                rise = own - opposite + _BIAS
        values[at + 2 * k + pole] = rise
        k += 1


@micropython.viper
def slopes(ctx, terminals: int, oldest: int):
    """Fit a line to the last 12 samples of each terminal: biased 0.01 K/min, NONE if any is
    missing.

    ctx: history (12 per terminal, a ring whose oldest place is `oldest`), slopes. The
    least-squares slope of 12 equidistant samples is sum((2i - 11) x_i) / 286 a sample, and 12
    samples make a minute. Samples are temperatures in -60 .. 200 degC. From the control step.
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
def rates(ctx, pole: int, batteries: int, at: int):
    """Store each slope of one pole minus the reference of its siblings, where there is one."""
    values = ptr32(ctx[1])
    reference = ptr32(ctx[3])
    slope = ptr32(ctx[5])
    k = 0
    while k < batteries:
        own = slope[2 * k + pole]
        if own != _NONE and reference[k] != _NONE:
            own = own - reference[k] + _BIAS
        values[at + 2 * k + pole] = own
        k += 1


@micropython.viper
def gather(ctx, terminals: int, first: int):
    """Add the temperatures of now to the sums of the running sample. From the control step.

    ctx: channel values, ..., sums (biased), counts. At most 500 ticks make a sample.
    """
    measured = ptr32(ctx[0])
    sums = ptr32(ctx[14])
    counts = ptr32(ctx[15])
    t = 0
    while t < terminals:
        if measured[first + t] != _NONE:
            sums[t] += measured[first + t] - _BIAS
            counts[t] += 1
        t += 1


@micropython.viper
def push(ctx, terminals: int, place: int):
    """Store the means of the running sample at `place` of every ring, and begin the next one."""
    history = ptr32(ctx[4])
    sums = ptr32(ctx[14])
    counts = ptr32(ctx[15])
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
def losses(ctx, first: int, terminals: int, at: int, at_lost: int):
    """Store temperatures, and which thermistors are lost. From the control step.

    ctx: channel values, quantities, -, -, -, -, health.
    """
    measured = ptr32(ctx[0])
    values = ptr32(ctx[1])
    health = ptr32(ctx[6])
    t = 0
    while t < terminals:
        values[at + t] = measured[first + t]
        values[at_lost + t] = _BIAS + 1 if health[first + t] != 0 else _BIAS
        t += 1


@micropython.viper
def lost_hot(ctx, now: int, terminals: int, first: int, at_rate: int, at: int):
    """Store which terminals have been without a value since they were hot (1 or 0).

    Hot: three samples in a row above 60 degC, or rising faster than 5 K/min over the siblings, in
    the last 60 s. Where the reference resistor was lost, which blinds all at once, only what was
    above 60 degC counts. ctx: channel values, quantities, -, -, -, -, health, stamps, hot lately
    (0, 1 by rate, 2 by temperature), samples in a row, samples seen, what was hot when it was
    lost, fresh conversions, [channel of the reference]. From the control step.
    """
    measured = ptr32(ctx[0])
    values = ptr32(ctx[1])
    health = ptr32(ctx[6])
    stamp = ptr32(ctx[7])
    lately = ptr32(ctx[8])
    run = ptr32(ctx[9])
    seen = ptr32(ctx[10])
    was_hot = ptr32(ctx[11])
    fresh = ptr32(ctx[12])
    blind = health[ptr32(ctx[13])[0]]
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

    def __init__(self, quantities, measured, health, fresh):
        """Bind to the places of `quantities`, the channels' values, health and fresh counters."""
        frame = quantities.frame
        places = quantities.places
        n = frame.batteries
        self.frame = frame
        self.measured = measured
        self.place = 0  # where the next sample of the fit goes
        self.pushed_ms = 0
        self.slope = ints(2 * n, NONE)
        self.found = ints(n)
        self.ctx = (
            measured,
            quantities.values,
            ints(n + 1),
            self.found,
            ints(2 * n * _SAMPLES, NONE),
            self.slope,
            health,
            ints(2 * n),
            ints(2 * n),
            ints(2 * n),
            ints(2 * n),
            ints(2 * n),
            fresh,
            ints(1, frame.reference),
            ints(2 * n, BIAS),
            ints(2 * n),
        )
        self.at_temperature = places["temperature"]
        self.at_rise = places["rise"]
        self.at_rate = places["rate"]
        self.at_lost = places["thermistor_lost"]
        self.at_hot = places["lost_hot"]

    def run(self, now_ms, closed):
        """Find every thermal quantity. From the control step: allocates nothing."""
        ctx = self.ctx
        n = self.frame.batteries
        first = self.frame.terminal
        gather(ctx, 2 * n, first)
        elapsed = (now_ms - self.pushed_ms) & MASK
        if elapsed >= PUSH_ms:
            # In step with the time, not with the ticks; after a gap anew. Adding to a time might
            # leave 30 bits, taking from it does not.
            late = elapsed - PUSH_ms
            self.pushed_ms = now_ms if late >= PUSH_ms else (now_ms - late) & MASK
            push(ctx, 2 * n, self.place)
            self.place = (self.place + 1) % _SAMPLES
            slopes(ctx, 2 * n, self.place)
        losses(ctx, first, 2 * n, self.at_temperature, self.at_lost)
        ambient = self.measured[self.frame.ambient]
        for pole in (0, 1):
            references(ctx, self.measured, first + pole, n, closed)
            rises(ctx, pole, n, first, ambient, self.at_rise)
            references(ctx, self.slope, pole, n, closed)
            rates(ctx, pole, n, self.at_rate)
        lost_hot(ctx, now_ms, 2 * n, first, self.at_rate, self.at_hot)
