"""The one comparator: every slot of the element table against its quantity, in one pass.

A slot picks up when its quantity reaches the pickup (and its second condition, if it has one,
holds), operates when it has stayed above the dropout for the delay and enough new conversions
running are above the pickup, and clears when it has been below the dropout for the
reset time. A quantity without a value is no crossing: it ends a pickup, and leaves an operated
slot alone.
"""

from array import array

import micropython
from micropython import const

from packwarden.fixed import ints

IDLE = const(0)
PICKED_UP = const(1)
WAVERING = const(2)  # picked up, and between dropout and pickup since: nothing agrees there
OPERATED = const(3)
RETURNING = const(4)  # below its dropout, not yet for long enough

# The fields of a row in `Slots.rows`. Thresholds are biased; a step is 1 where each slot has a
# place or channel of its own, 0 where all share one.
ROW = const(16)  # fields per row
PLACE = const(0)  # of the first slot's quantity; the others follow
PICKUP = const(1)
DROPOUT = const(2)
GATE = const(3)  # place of the second condition's quantity
GATE_STEP = const(4)
GATE_PICKUP = const(5)
GATE_DROPOUT = const(6)
DELAY = const(7)  # ms
NEEDED = const(8)  # new conversions that must agree, after the first
CHANNEL = const(9)  # the channel whose conversions are counted
CHANNEL_STEP = const(10)
RESET = const(11)  # ms
LATCH = const(12)
FIRST = const(13)  # number of the first slot
COUNT = const(14)

# As in `fixed`, and as above: kernels need constants of their own module.
_NONE = const(0)
_MASK = const((1 << 30) - 1)
_IDLE = const(0)
_PICKED_UP = const(1)
_WAVERING = const(2)
_OPERATED = const(3)
_RETURNING = const(4)
_ITEM_BITS = const(5)  # a changed slot is told as row << 5 | item


@micropython.viper
def reached(ctx, rows: int) -> int:
    """Return 1 where a quantity is at or above its pickup, of any slot of `rows` rows.

    Rows of one quantity stand together, the lowest pickup mostly first: where that is not reached
    a higher one is not, at the same places. From the control step: allocates nothing.
    """
    values = ptr32(ctx[0])
    row = ptr32(ctx[2])
    seen = -1  # from here ...
    last = 0  # ... to here it has been looked at, for ...
    least = 0  # ... this pickup
    at = 0
    end = rows * ROW
    while at < end:
        place = row[at + PLACE]
        pickup = row[at + PICKUP]
        end_place = place + row[at + COUNT]
        if place != seen or pickup < least or end_place > last:
            seen = place
            least = pickup
            last = end_place
            while place < end_place:
                if values[place] >= pickup:
                    return 1
                place += 1
        at += ROW
    return 0


@micropython.viper
def resting(states, count: int) -> int:
    """Return 1 where all of the first `count` states are IDLE. From the control step."""
    state = ptr8(states)
    slot = 0
    while slot < count:
        if state[slot] != _IDLE:
            return 0
        slot += 1
    return 1


@micropython.viper
def compare(ctx, now: int, gap: int, rows: int) -> int:
    """Compare all slots of `rows` rows at `now` (30-bit ms); return how many have changed.

    ctx: quantities, fresh conversions per channel, rows, states, stamps, bases, and where the
    changed slots go (row << 5 | item). `gap` not 0: time has passed unobserved, conversions are
    counted anew. From the control step: allocates nothing.
    """
    values = ptr32(ctx[0])
    row = ptr32(ctx[2])
    states = ptr8(ctx[3])
    changed = ptr16(ctx[6])
    found = 0
    r = 0
    while r < rows:
        at = r * ROW
        pickup = row[at + PICKUP]
        place = row[at + PLACE]
        slot = row[at + FIRST]
        count = row[at + COUNT]
        i = 0
        while i < count:
            # Nearly all slots are idle and below their pickup: nothing else is asked of those.
            if states[slot + i] != _IDLE or values[place + i] >= pickup:
                if int(move(ctx, at, i, now, gap)):
                    changed[found] = (r << _ITEM_BITS) + i
                    found += 1
            i += 1
        r += 1
    return found


@micropython.viper
def move(ctx, at: int, i: int, now: int, gap: int) -> int:
    """Move slot `i` of the row whose fields begin at `at`; return 1 if it operated or cleared."""
    values = ptr32(ctx[0])
    fresh = ptr32(ctx[1])
    row = ptr32(ctx[2])
    states = ptr8(ctx[3])
    stamps = ptr32(ctx[4])
    bases = ptr32(ctx[5])
    slot = row[at + FIRST] + i
    value = values[row[at + PLACE] + i]
    second = values[row[at + GATE] + i * row[at + GATE_STEP]]
    agreed = fresh[row[at + CHANNEL] + i * row[at + CHANNEL_STEP]]
    state = states[slot]
    if state >= _OPERATED:
        return int(back(ctx, at, slot, now, value, second))
    above = 1 if value >= row[at + PICKUP] and second >= row[at + GATE_PICKUP] else 0
    if state == _IDLE:
        if above == 0:
            return 0
        states[slot] = _PICKED_UP
        stamps[slot] = now
        bases[slot] = agreed
    elif value < row[at + DROPOUT] or second < row[at + GATE_DROPOUT]:
        states[slot] = _IDLE
        return 0
    elif gap:
        bases[slot] = agreed
    if above == 0:
        states[slot] = _WAVERING
        return 0
    if states[slot] == _WAVERING:
        states[slot] = _PICKED_UP
        bases[slot] = agreed
    if (now - stamps[slot]) & _MASK < row[at + DELAY]:
        return 0
    if (agreed - bases[slot]) & _MASK < row[at + NEEDED]:
        return 0
    states[slot] = _OPERATED
    return 1


@micropython.viper
def back(ctx, at: int, slot: int, now: int, value: int, second: int) -> int:
    """Take an operated slot back once it is well for its reset time; return 1 if it cleared.

    A latched one stays; a quantity without a value says neither well nor ill.
    """
    row = ptr32(ctx[2])
    states = ptr8(ctx[3])
    stamps = ptr32(ctx[4])
    if row[at + LATCH]:
        return 0
    well = 1 if value != _NONE and value < row[at + DROPOUT] else 0
    if second != _NONE and second < row[at + GATE_DROPOUT]:
        well = 1
    if well == 0:
        states[slot] = _OPERATED
        return 0
    if states[slot] == _OPERATED:
        states[slot] = _RETURNING
        stamps[slot] = now
    if (now - stamps[slot]) & _MASK < row[at + RESET]:
        return 0
    states[slot] = _IDLE
    return 1


@micropython.viper
def arrange(changed, keys, count: int):
    """Sort the first `count` changed slots by their keys, ascending. From the control step."""
    slots = ptr16(changed)
    order = ptr32(keys)
    i = 1
    while i < count:
        slot = slots[i]
        key = order[i]
        k = i
        while k > 0 and order[k - 1] > key:
            slots[k] = slots[k - 1]
            order[k] = order[k - 1]
            k -= 1
        slots[k] = slot
        order[k] = key
        i += 1


class Slots:
    """The slots of a bank: per row of the table that is on, one for each terminal or battery."""

    # An idle slot has none of the times and counts of the pickup before.
    STATE = ("state", ("stamp", "state"), ("_bases", "state"), "_rest")

    def __init__(self, counts, values, fresh):
        """Make rows of `counts` slots over the quantities `values` and the `fresh` counters."""
        self.rows = ints(ROW * len(counts))
        self.row_count = len(counts)
        total = 0
        for r in range(len(counts)):
            self.rows[r * ROW + FIRST] = total
            self.rows[r * ROW + COUNT] = counts[r]
            total += counts[r]
        self.count = total
        self.state = array("B", bytes(total))
        self.stamp = ints(total)
        self._bases = ints(total)
        self.changed = array("H", [0] * total)
        self._rest = 0  # 1: all slots were idle after the last comparison; only it moves them away
        self.ctx = (values, fresh, self.rows, self.state, self.stamp, self._bases, self.changed)

    def set(self, r, field, value):
        """Set a field of a row. Boot only."""
        self.rows[r * ROW + field] = value

    def get(self, r, field):
        """Return a field of a row."""
        return self.rows[r * ROW + field]

    def slot(self, r, item):
        """Return the number of a row's slot: index of `state` and `stamp`."""
        return self.rows[r * ROW + FIRST] + item

    @micropython.native
    def run(self, now_ms, gap):
        """Compare every slot; return how many changed: `changed` begins with those. Control step.

        Idle slots below their pickups stay as they are: then nothing is compared.
        """
        rows = self.row_count
        if self._rest and not reached(self.ctx, rows):
            return 0
        found = compare(self.ctx, now_ms, gap, rows)
        self._rest = resting(self.state, self.count)
        return found
