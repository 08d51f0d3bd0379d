"""The one comparator: every slot of the element table against its quantity, in one pass.

A slot picks up when its quantity reaches the pickup (and its second condition, if it has one,
holds), operates when it has stayed above the dropout for the delay and enough new conversions have
agreed and it is above the pickup still, and clears when it has been below the dropout for the
reset time. A quantity without a value is no crossing: it ends a pickup, and leaves an operated
slot alone.
"""

import micropython
from micropython import const

from packwarden.fixed import ints

IDLE = const(0)
PICKED_UP = const(1)
OPERATED = const(2)
RETURNING = const(3)  # below its dropout, not yet for long enough

_NONE = const(0)  # as in `fixed`: kernels need constants of their own module
_MASK = const((1 << 30) - 1)
_IDLE = const(0)
_PICKED_UP = const(1)
_OPERATED = const(2)
_RETURNING = const(3)


@micropython.viper
def compare(ctx, now: int, gap: int, slots: int) -> int:
    """Compare all slots at `now` (30-bit ms) and return how many have changed.

    ctx: quantities, fresh conversions per channel; per slot: quantity, pickup, dropout, gate's
    quantity, its pickup, its dropout, delay, conversions needed after the first, channel that
    counts them, reset time, latch; state, stamp, base; and where the changed slots' numbers go.
    `gap` not 0: time has passed unobserved, conversions are counted anew. Thresholds are biased.
    From the control step: allocates nothing.
    """
    values = ptr32(ctx[0])
    fresh = ptr32(ctx[1])
    quantity = ptr32(ctx[2])
    pickup = ptr32(ctx[3])
    dropout = ptr32(ctx[4])
    gate = ptr32(ctx[5])
    gate_pickup = ptr32(ctx[6])
    gate_dropout = ptr32(ctx[7])
    delay = ptr32(ctx[8])
    needed = ptr32(ctx[9])
    channel = ptr32(ctx[10])
    reset = ptr32(ctx[11])
    latch = ptr32(ctx[12])
    state = ptr32(ctx[13])
    stamp = ptr32(ctx[14])
    base = ptr32(ctx[15])
    changed = ptr32(ctx[16])
    count = 0
    i = 0
    while i < slots:
        value = values[quantity[i]]
        was = state[i]
        if was == _IDLE:
            if value >= pickup[i] and values[gate[i]] >= gate_pickup[i]:
                was = _PICKED_UP
                state[i] = was
                stamp[i] = now
                base[i] = fresh[channel[i]]
        elif was == _PICKED_UP:
            if value < dropout[i] or values[gate[i]] < gate_dropout[i]:
                was = _IDLE
                state[i] = was
            elif gap:
                base[i] = fresh[channel[i]]
        elif latch[i] == 0:
            second = values[gate[i]]
            well = value != _NONE and value < dropout[i]
            if second != _NONE and second < gate_dropout[i]:
                well = True
            if not well:
                state[i] = _OPERATED
            else:
                if was == _OPERATED:
                    state[i] = _RETURNING
                    stamp[i] = now
                if (now - stamp[i]) & _MASK >= reset[i]:
                    state[i] = _IDLE
                    changed[count] = i
                    count += 1
        if was == _PICKED_UP and value >= pickup[i] and values[gate[i]] >= gate_pickup[i]:
            if (now - stamp[i]) & _MASK >= delay[i]:
                if (fresh[channel[i]] - base[i]) & _MASK >= needed[i]:
                    state[i] = _OPERATED
                    changed[count] = i
                    count += 1
        i += 1
    return count


class Slots:
    """The slots of a bank: one per row of the table that is on, and battery and terminal."""

    def __init__(self, count, values, fresh):
        """Make `count` slots over the quantities `values` and the `fresh` counters. Boot only."""
        self.count = count
        self.quantity = ints(count)
        self.pickup = ints(count)
        self.dropout = ints(count)
        self.gate = ints(count)
        self.gate_pickup = ints(count)
        self.gate_dropout = ints(count)
        self.delay = ints(count)
        self.needed = ints(count)
        self.channel = ints(count)
        self.reset = ints(count)
        self.latch = ints(count)
        self.state = ints(count)
        self.stamp = ints(count)
        self.changed = ints(count)
        self.ctx = (
            values,
            fresh,
            self.quantity,
            self.pickup,
            self.dropout,
            self.gate,
            self.gate_pickup,
            self.gate_dropout,
            self.delay,
            self.needed,
            self.channel,
            self.reset,
            self.latch,
            self.state,
            self.stamp,
            ints(count),
            self.changed,
        )

    def run(self, now_ms, gap):
        """Compare every slot; `changed` then begins with the ones that did. Control step."""
        return compare(self.ctx, now_ms, gap, self.count)
