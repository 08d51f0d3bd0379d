"""What a tick gave the step, as an entry of few bytes: from these it can be run once more.

    TICK + flags
    ms since the tick before, a byte; 255: four bytes follow, the lowest first as everywhere
    INPUTS_CHANGED: all of INPUTS and the faults of the controller, two bytes each
    OTHER_CURRENTS: a mask of the batteries whose current is new, two bytes
    how many other channels are, a byte; each of them, a byte
    NOTED: the note of each new count, a byte; + NO_COUNT where the attempt gave none
    the new counts of the currents, then those of the others, less the count before: how many bits
        a number has, a byte; then these, lowest first; 0, -1, 1, -2, ... are the numbers 0, 1, ...

A channel is new where acquisition has attempted it; what it did not is not in the entry.
"""

import micropython
from micropython import const

from packwarden.fixed import MASK, NONE, ints

TICK = 0x80
INPUTS_CHANGED = 1
OTHER_CURRENTS = 2
NOTED = 4
NO_COUNT = 0x80

# Of the frame; behind them stand the faults of the controller.
INPUTS = ("contacts_known", "aux_a", "aux_b", "bms", "bms_known", "external", "trip_circuit")
INPUTS += ("trip_circuit_known", "alert")

_BIAS = const(1 << 29)  # once more: kernels need constants of their own
_TICK = const(0x80)
_INPUTS_CHANGED = const(1)
_OTHER_CURRENTS = const(2)
_NOTED = const(4)
_NO_COUNT = const(0x80)
_FAULTS = const(9)
_INPUT_COUNT = const(10)

_LONGEST = const(32)  # bytes of an entry, at most, and ...
_CHANNEL = const(5)  # ... of each channel in it


@micropython.viper
def gather(ctx, channels: int, batteries: int) -> int:
    """Find the channels with a new count, and how far it is from the one before, without sign.

    ctx: raw, count, note of the frame; those of the tick before; which channels, how far, entry,
    inputs, found (mask of the currents, how many currents, how many others). Returns 1 where a
    note has changed.
    """
    raw = ptr32(ctx[0])
    count = ptr32(ctx[1])
    note = ptr32(ctx[2])
    before = ptr32(ctx[3])
    seen = ptr32(ctx[4])
    noted = ptr8(ctx[5])
    which = ptr8(ctx[6])
    far = ptr32(ctx[7])
    found = ptr32(ctx[10])
    mask = 0
    currents = 0
    new = 0
    changed = 0
    ch = 0
    while ch < channels:
        if count[ch] != seen[ch]:
            seen[ch] = count[ch]
            now = raw[ch]
            state = note[ch]
            step = 0
            if now == 0:
                state += _NO_COUNT
            else:
                step = now - (before[ch] if before[ch] != 0 else _BIAS)
            before[ch] = now
            if state != noted[ch]:
                noted[ch] = state
                changed = 1
            which[new] = ch
            far[new] = step << 1 if step >= 0 else ((0 - step) << 1) - 1
            new += 1
            if ch < batteries:
                mask |= 1 << ch
                currents += 1
        ch += 1
    found[0] = mask
    found[1] = currents
    found[2] = new - currents
    return changed


@micropython.viper
def _group(ctx, first: int, end: int, at: int) -> int:
    """Put how far some counts have moved: how many bits each has, then all, low ones first."""
    far = ptr32(ctx[7])
    entry = ptr8(ctx[8])
    if first == end:
        return at
    most = 0
    i = first
    while i < end:
        most |= far[i]
        i += 1
    width = 0
    while most != 0:
        most >>= 1
        width += 1
    entry[at] = width
    at += 1
    bits = 0
    held = 0
    i = first
    while i < end:
        bits |= far[i] << held
        held += width
        while held >= 8:
            entry[at] = bits & 255
            at += 1
            bits >>= 8
            held -= 8
        i += 1
    if held:
        entry[at] = bits
        at += 1
    return at


@micropython.viper
def compose(ctx, flags: int, passed: int) -> int:
    """Put the entry of a tick together from what `gather` found; return its length.

    passed: ms since the tick before, 30 bits. Codes have 20 bits, so what they move by has 21.
    """
    noted = ptr8(ctx[5])
    which = ptr8(ctx[6])
    entry = ptr8(ctx[8])
    inputs = ptr32(ctx[9])
    found = ptr32(ctx[10])
    currents = found[1]
    new = currents + found[2]
    entry[0] = _TICK + flags
    at = 2
    if passed < 255:
        entry[1] = passed
    else:
        entry[1] = 255
        while at < 6:
            entry[at] = passed & 255
            passed >>= 8
            at += 1
    if flags & _INPUTS_CHANGED:
        i = 0
        while i < _INPUT_COUNT:
            entry[at] = inputs[i] & 255
            entry[at + 1] = inputs[i] >> 8
            at += 2
            i += 1
    if flags & _OTHER_CURRENTS:
        entry[at] = found[0] & 255
        entry[at + 1] = found[0] >> 8
        at += 2
    entry[at] = new - currents
    at += 1
    i = currents
    while i < new:
        entry[at] = which[i]
        at += 1
        i += 1
    if flags & _NOTED:
        i = 0
        while i < new:
            entry[at] = noted[which[i]]
            at += 1
            i += 1
    at = int(_group(ctx, 0, currents, at))
    return int(_group(ctx, currents, new, at))


class Ticks:
    """Makes the entry of each tick; remembers the one before."""

    def __init__(self, protection):
        """Bind to what a protection is given. Boot only."""
        frame = self._frame = protection.frame
        self._protection = protection
        self.longest = _LONGEST + _CHANNEL * frame.channels
        self.entry = bytearray(self.longest)
        self.raw = ints(frame.channels, NONE)
        self.noted = bytearray(frame.channels)
        self.inputs = ints(_INPUT_COUNT)
        self._seen = ints(frame.channels)
        self._found = ints(3)
        self._mask = 0
        self.last_ms = 0
        self._ctx = (
            frame.raw,
            frame.count,
            frame.note,
            self.raw,
            self._seen,
            self.noted,
            bytearray(frame.channels),
            ints(frame.channels),
            self.entry,
            self.inputs,
            self._found,
        )

    def begin(self):
        """Begin after the last step. What acquisition has done since then is of the next tick.

        Slack; allocates nothing.
        """
        frame = self._frame
        for channel in range(frame.channels):
            self._seen[channel] = self._protection.validator.seen[channel]
            self.raw[channel] = frame.raw[channel]
            absent = NO_COUNT if frame.raw[channel] == NONE else 0
            self.noted[channel] = frame.note[channel] + absent
        self.last_ms = self._protection.now_ms
        self._take_inputs()
        self.restart()

    def restart(self):
        """Let the next entry rely on the state alone that is packed now, and on none before it."""
        self._mask = -1

    @micropython.native
    def make(self, now_ms):
        """Make the entry of the tick that has just run; return its length. Allocates nothing."""
        frame = self._frame
        inputs = self.inputs
        flags = NOTED if gather(self._ctx, frame.channels, frame.batteries) else 0
        if (
            frame.aux_a != inputs[1]
            or frame.aux_b != inputs[2]
            or frame.contacts_known != inputs[0]
            or frame.bms != inputs[3]
            or frame.bms_known != inputs[4]
            or frame.external != inputs[5]
            or frame.trip_circuit != inputs[6]
            or frame.trip_circuit_known != inputs[7]
            or frame.alert != inputs[8]
            or self._protection.faults != inputs[9]
        ):
            self._take_inputs()
            flags |= INPUTS_CHANGED
        mask = self._found[0]
        if mask != self._mask:
            self._mask = mask
            flags |= OTHER_CURRENTS
        passed_ms = (now_ms - self.last_ms) & MASK
        self.last_ms = now_ms
        return compose(self._ctx, flags, passed_ms)

    def _take_inputs(self):
        for place in range(_FAULTS):
            self.inputs[place] = getattr(self._frame, INPUTS[place])
        self.inputs[_FAULTS] = self._protection.faults
