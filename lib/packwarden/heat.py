"""The quantities of the thermistors: temperature, rise, rate, and what is lost, and lost hot.

Rise is over the median of the siblings (same pole, batteries that are closed) and over the
battery's own other pole, whichever is less: two references cancel the cabinet's gradient. Where
siblings are missing the ambient stands in. Rate is the slope of a line fitted to 60 s, minus the
siblings' median: sun and fans move all terminals together.
"""

import micropython
from micropython import const

from packwarden.fixed import MASK, NONE, ints
from packwarden.quantities import insert, others

PUSH_ms = const(5000)  # a sample of the fit each 5 s ...
_SAMPLES = const(12)  # ... and 12 of them: 60 s
_HOT_cC = const(6000)  # a terminal counts as hot above 60 degC ...
_FAST_cK_min = const(500)  # ... or rising faster than 5 K/min ...
_HOT_ms = const(60000)  # ... and for 60 s after

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
def push(ctx, terminals: int, first: int, place: int):
    """Store the temperatures of now at `place` of every terminal's ring. From the control step."""
    measured = ptr32(ctx[0])
    history = ptr32(ctx[4])
    t = 0
    while t < terminals:
        history[t * _SAMPLES + place] = measured[first + t]
        t += 1


@micropython.viper
def losses(ctx, now: int, terminals: int, first: int, at: int, at_lost: int, at_hot: int):
    """Store temperatures, lost thermistors, and those lost within 60 s of being hot.

    ctx: channel values, quantities, -, -, -, slopes, health, stamps and flags of being hot lately.
    From the control step.
    """
    measured = ptr32(ctx[0])
    values = ptr32(ctx[1])
    slope = ptr32(ctx[5])
    health = ptr32(ctx[6])
    stamp = ptr32(ctx[7])
    lately = ptr32(ctx[8])
    t = 0
    while t < terminals:
        own = measured[first + t]
        values[at + t] = own
        lost = 1 if health[first + t] != 0 else 0
        if own != _NONE:
            if own >= _HOT_cC + _BIAS or slope[t] > _FAST_cK_min + _BIAS:
                stamp[t] = now
                lately[t] = 1
            elif lately[t] != 0 and (now - stamp[t]) & _MASK > _HOT_ms:
                lately[t] = 0
        values[at_lost + t] = lost + _BIAS
        values[at_hot + t] = (lost & lately[t]) + _BIAS
        t += 1


class Heat:
    """The thermal quantities of a bank; binds the arrays of the kernels."""

    def __init__(self, quantities, measured, health):
        """Bind to the places of `quantities`, the channel values and the channels' health."""
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
        if (now_ms - self.pushed_ms) & MASK >= PUSH_ms:
            self.pushed_ms = now_ms
            push(ctx, 2 * n, first, self.place)
            self.place = (self.place + 1) % _SAMPLES
            slopes(ctx, 2 * n, self.place)
        losses(ctx, now_ms, 2 * n, first, self.at_temperature, self.at_lost, self.at_hot)
        ambient = self.measured[self.frame.ambient]
        for pole in (0, 1):
            references(ctx, self.measured, first + pole, n, closed)
            rises(ctx, pole, n, first, ambient, self.at_rise)
            references(ctx, self.slope, pole, n, closed)
            rates(ctx, pole, n, self.at_rate)
