"""Raw counts to believed counts: what of a frame is a measurement, and what is a failed sensor.

A channel fails at the third bad one of its last eight attempts; until then its last good count is
held, so that one lost answer neither trips nor resets a timer. A failed channel has no count at
all, and is believed again after three good attempts in a row; so are the first ones after boot.
"""

import micropython
from micropython import const

from packwarden.fixed import BIAS, NONE, ints
from packwarden.frame import ABSENT
from packwarden.thermistor import SHORT_raw

# Constants of other modules, again: kernels need them in their own.
_BIAS = const(1 << 29)
_NONE = const(0)
_MASK = const((1 << 30) - 1)
_OK = const(0)
_ABSENT = const(1)
_FROZEN = const(2)
_OPEN = const(5)
_SHORT = const(6)
_ZERO = const(7)
_ADC = const(8)
_STRIKES = const(3)  # bad ones of the last eight attempts: a channel has failed
_EIGHT = const(0xFF)
_HEALED = const(0x07)  # none of the last three was bad
_ZEROS = const(20)  # exact zeros in a row, under load, until they are suspect
_FULL_SCALE = const(0)  # of limits: full scale of the currents as a code
_LITTLE = const(1)  # a voltage below this count is next to none
_GAIN = const(0)  # of leads: an open one reads more than this times the reference's count >> 12
_FIRST = const(1)  # the first thermistor's channel
_STOOD = const(20)  # conversions with one code, until it is suspect: noise repeats some


@micropython.viper
def judge(ctx, channels: int, reference: int) -> int:
    """Judge what is new on every channel; return 1 if the health of one has changed.

    ctx: raw, count, note, limits low and high (biased counts), doubt, seen, the last eight
    attempts (a bit each, 1: bad), health, held, fresh, leads (as below). `held` gets the
    believed count or NONE, `health` the state, `fresh` counts good conversions (30 bit). The
    reference resistor has the first turn, for the thermistors are open or not by its count. From
    the control step: allocates nothing.
    """
    changed = 0
    raw = ptr32(ctx[0])
    count = ptr32(ctx[1])
    note = ptr32(ctx[2])
    low = ptr32(ctx[3])
    high = ptr32(ctx[4])
    doubt = ptr32(ctx[5])
    seen = ptr32(ctx[6])
    bad = ptr32(ctx[7])
    health = ptr32(ctx[8])
    held = ptr32(ctx[9])
    fresh = ptr32(ctx[10])
    ch = reference
    left = channels
    while left:
        if count[ch] != seen[ch]:
            seen[ch] = count[ch]
            code = raw[ch]
            state = note[ch]
            if state == _OK:
                if code == _NONE:
                    state = _ABSENT
                elif code > high[ch]:
                    state = _OPEN
                elif code < low[ch]:
                    state = _SHORT
                else:
                    state = doubt[ch]
            if state == _OK:
                bad[ch] = (bad[ch] << 1) & _EIGHT
                if health[ch] != _OK and bad[ch] & _HEALED == 0:
                    health[ch] = _OK
                    changed = 1
                    bad[ch] = 0  # what was before is told, and over
                if health[ch] == _OK:
                    held[ch] = code
                    fresh[ch] = (fresh[ch] - _MASK) & _MASK  # one more, and never 2^30 on the way
            else:
                recent = ((bad[ch] << 1) | 1) & _EIGHT
                bad[ch] = recent
                strikes = 0
                while recent != 0:
                    strikes += recent & 1
                    recent >>= 1
                if strikes >= _STRIKES:
                    health[ch] = state
                    held[ch] = _NONE
                    changed = 1
        if left == channels:
            limit_leads(ctx, reference)
        ch += 1
        if ch == channels:
            ch = 0
        left -= 1
    return changed


@micropython.viper
def limit_leads(ctx, reference: int):
    """Set the counts above which the lead of a thermistor is open, by those of the reference.

    Without a believed one the limits stay, and the reference is neither open nor shorted: it is no
    thermistor.
    """
    note = ptr32(ctx[2])
    high = ptr32(ctx[4])
    held = ptr32(ctx[9])
    believed = held[reference]
    if believed == _NONE:
        if note[reference] == _OK:
            ptr32(ctx[8])[reference] = _ADC
        return
    leads = ptr32(ctx[11])
    opened = ((believed - _BIAS) * leads[_GAIN] >> 12) + _BIAS
    ch = leads[_FIRST]
    if high[ch] != opened:
        while ch < reference:
            high[ch] = opened
            ch += 1


@micropython.viper
def doubt_currents(ctx, batteries: int, median: int, moved: int, loaded: int, closed: int):
    """Doubt codes that stand still while the siblings moved, and zeros that repeat under load.

    ctx: raw, count, looked, doubt, last code, median when it last changed, zeros in a row, values
    (mA), limits (as above), conversions with this code. `median`: the bank's median current
    in biased mA, or NONE; `moved`: by how much (mA) siblings must have moved, and what a battery
    must carry to be doubted: an idle one stands still rightly, and so does a code at full scale,
    which is a current of at least that. `loaded`: the median (mA) above which a zero is suspect;
    `closed`: mask of the breakers that are closed. The doubt counts at the channel's next attempt.
    Control step.
    """
    raw = ptr32(ctx[0])
    count = ptr32(ctx[1])
    looked = ptr32(ctx[2])
    doubt = ptr32(ctx[3])
    last = ptr32(ctx[4])
    then = ptr32(ctx[5])
    zeros = ptr32(ctx[6])
    values = ptr32(ctx[7])
    full = ptr32(ctx[8])[_FULL_SCALE]
    stood = ptr32(ctx[9])
    load = median - _BIAS
    if load < 0:
        load = 0 - load
    k = 0
    while k < batteries:
        if count[k] != looked[k] and raw[k] != _NONE:
            looked[k] = count[k]
            if median == _NONE or raw[k] != last[k]:
                last[k] = raw[k]
                then[k] = median
                stood[k] = 0
                doubt[k] = _OK
            elif stood[k] < _STOOD:
                stood[k] += 1
            elif then[k] != _NONE and batteries > 1 and (closed >> k) & 1:
                change = median - then[k]
                if change < 0:
                    change = 0 - change
                own = values[k] - _BIAS if values[k] != _NONE else 0
                if own < 0:
                    own = 0 - own
                code = raw[k] - _BIAS
                if change > moved and own >= moved and code < full - 1 and code > 0 - full:
                    doubt[k] = _FROZEN
            if raw[k] == _BIAS and median != _NONE and load >= loaded and (closed >> k) & 1:
                if zeros[k] < _ZEROS:
                    zeros[k] += 1
                else:
                    doubt[k] = _ZERO
            else:
                zeros[k] = 0
        k += 1


@micropython.viper
def doubt_voltages(ctx, batteries: int, half: int, median: int, loaded: int, closed: int):
    """Doubt next to no voltage at a battery that is closed while others have theirs, and at a
    busbar that carries: a wire is cut or its fuse is gone.

    ctx: as for `doubt_currents`, and so are `median`, `loaded` and `closed`. `half`: half of the
    nominal voltage in mV. Where all are at zero they may really be empty. Control step.
    """
    raw = ptr32(ctx[0])
    doubt = ptr32(ctx[3])
    values = ptr32(ctx[7])
    little = ptr32(ctx[8])[_LITTLE]
    load = median - _BIAS if median != _NONE else 0
    if load < 0:
        load = 0 - load
    live = 0
    k = 0
    while k <= batteries:  # the last one is the busbar's
        if values[batteries + k] > half + _BIAS:
            live = 1
        k += 1
    k = 0
    while k < batteries:
        none = 1 if _NONE < raw[batteries + k] < little else 0
        doubt[batteries + k] = _ZERO if none & live & (closed >> k) else _OK
        k += 1
    none = 1 if _NONE < raw[batteries + k] < little else 0
    doubt[batteries + k] = _ZERO if none & live and load >= loaded else _OK


class Validator:
    """The health of every channel of a bank; binds the arrays of the two kernels."""

    STATE = (
        "high",
        "health",
        "held",
        "fresh",
        "doubt",
        "_bad",
        "_last",
        "_then",
        "_zeros",
        "_stood",
    )

    def __init__(self, frame, bridge, values, code_bits, little):
        """Bind to a frame and to the values that come of it (see `measure`).

        `bridge` gives the counts between which the reference is believed, `code_bits` the width of
        the monitors' codes; `little`: the code of a voltage that is next to none.
        """
        n = frame.channels
        self.batteries = frame.batteries
        self.channels = n
        self.reference = frame.reference
        leads = ints(2)
        leads[_GAIN] = bridge.open_gain
        leads[_FIRST] = frame.terminal
        self.low = ints(n)
        self.high = ints(n, (1 << 30) - 1)
        for ch in range(frame.terminal, frame.reference):
            self.low[ch] = BIAS + SHORT_raw
        self.low[frame.reference] = BIAS + bridge.reference_low
        self.high[frame.reference] = BIAS + bridge.reference_high
        self.health = ints(n, ABSENT)
        self.held = ints(n, NONE)
        self.fresh = ints(n)
        self.doubt = ints(n)
        self.seen = ints(n)
        self._bad = ints(n, _EIGHT)
        self.ctx = (
            frame.raw,
            frame.count,
            frame.note,
            self.low,
            self.high,
            self.doubt,
            self.seen,
            self._bad,
            self.health,
            self.held,
            self.fresh,
            leads,
        )
        limits = ints(2, 1 << (code_bits - 1))
        limits[_LITTLE] = BIAS + little
        b = self.batteries
        self._last = ints(b, NONE)
        self._then = ints(b, NONE)
        self._zeros = ints(b)
        self._stood = ints(b)
        self.doubt_ctx = (
            frame.raw,
            frame.count,
            ints(b),
            self.doubt,
            self._last,
            self._then,
            self._zeros,
            values,
            limits,
            self._stood,
        )

    @micropython.native
    def run(self):
        """Judge the whole frame; return whether a health may have changed. Control step."""
        return judge(self.ctx, self.channels, self.reference)

    @micropython.native
    def doubt_codes(self, median, moved_mA, loaded_mA, half_mV, closed):
        """Look for frozen codes and zeros, once the median is known. Control step."""
        batteries = self.batteries
        doubt_currents(self.doubt_ctx, batteries, median, moved_mA, loaded_mA, closed)
        doubt_voltages(self.doubt_ctx, batteries, half_mV, median, loaded_mA, closed)
