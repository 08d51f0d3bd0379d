"""The comparator: pickup, delay, dropout, samples, second condition, reset, latch, wrap."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from packwarden import compare
from packwarden.compare import IDLE, OPERATED, Slots, arrange
from packwarden.fixed import ASIDE, BIAS, MASK, NONE, ints

PICKUP, DROPOUT = 800, 750


def stored(value):
    if value == "aside":
        return ASIDE
    return NONE if value is None else BIAS + value


class Memory:
    """An array as a kernel has it: before its beginning is another; reads are counted."""

    def __init__(self, array):
        self.array = array
        self.reads = 0

    def __getitem__(self, place):
        assert place >= 0
        self.reads += 1
        return self.array[place]

    def __setitem__(self, place, value):
        assert place >= 0
        self.array[place] = value


def watched(slots):
    """Let the kernels of these slots have every array of theirs as a `Memory`."""
    slots.ctx = tuple(Memory(array) for array in slots.ctx)
    return slots


class Bench:
    """One row with one slot: picks up at 800, drops out below 750."""

    def __init__(self, delay_ms=0, samples=1, reset_ms=0, latch=False, gate=None, start_ms=0):
        self.values = ints(3, BIAS)
        self.fresh = ints(1)
        self.slots = watched(Slots([1], self.values, self.fresh))
        fields = {
            compare.PLACE: 0,
            compare.PICKUP: PICKUP + BIAS,
            compare.DROPOUT: DROPOUT + BIAS,
            compare.GATE: 2 if gate is None else 1,
            compare.GATE_PICKUP: (gate or 0) + BIAS,
            compare.GATE_DROPOUT: (gate or 0) * 9 // 10 + BIAS,
            compare.DELAY: delay_ms,
            compare.NEEDED: samples - 1,
            compare.RESET: reset_ms,
            compare.LATCH: int(latch),
        }
        for field, value in fields.items():
            self.slots.set(0, field, value)
        self.now_ms = start_ms
        self.since_ms = 0

    def see(self, value, ms=10, gate=0, fresh=True, gap=False):
        """Let `ms` pass, compare a value (or "aside"); returns "operated", "cleared" or None."""
        self.now_ms = (self.now_ms + ms) & MASK
        self.values[0] = stored(value)
        self.values[1] = stored(gate)
        self.fresh[0] = (self.fresh[0] + int(fresh)) & MASK
        if self.slots.run(self.now_ms, int(gap)) == 0:
            return None
        return "operated" if self.state == OPERATED else "cleared"

    @property
    def state(self):
        return self.slots.state[0]

    def operates_after(self, value, most_ms=100000, **how):
        """Hold a value; return after how many ms it operates, None if it does not."""
        for passed_ms in range(0, most_ms, 10):
            if self.see(value, **how):
                return passed_ms
        return None


def test_it_operates_at_exactly_its_pickup():
    assert Bench().see(PICKUP) == "operated"
    assert Bench().see(PICKUP - 1) is None


@pytest.mark.parametrize("delay_ms", [10, 150, 5000])
def test_it_operates_after_its_delay_and_not_before(delay_ms):
    assert Bench(delay_ms).operates_after(PICKUP) == delay_ms


def test_a_delay_between_two_ticks_ends_with_the_second():
    assert Bench(delay_ms=25).operates_after(PICKUP) == 30


def test_between_dropout_and_pickup_a_pickup_goes_on_and_does_not_operate():
    bench = Bench(delay_ms=100)
    bench.see(PICKUP)
    for _ in range(50):
        assert bench.see(DROPOUT) is None
        assert IDLE < bench.state < OPERATED
    assert bench.see(PICKUP) == "operated"


def test_below_its_dropout_a_pickup_begins_anew():
    bench = Bench(delay_ms=100)
    for _ in range(9):
        assert bench.see(PICKUP) is None
    assert bench.see(DROPOUT - 1) is None
    assert bench.state == IDLE
    assert bench.operates_after(PICKUP) == 100


def test_between_dropout_and_pickup_nothing_picks_up():
    bench = Bench()
    assert bench.operates_after(PICKUP - 1, most_ms=1000) is None
    assert bench.state == IDLE


def test_it_clears_below_its_dropout_and_not_at_it():
    bench = Bench()
    bench.see(PICKUP)
    assert bench.see(DROPOUT) is None
    assert bench.see(DROPOUT - 1) == "cleared"
    assert bench.see(PICKUP) == "operated"


def test_what_stays_operated_is_told_once():
    bench = Bench()
    assert bench.see(PICKUP) == "operated"
    assert bench.operates_after(PICKUP + 100, most_ms=1000) is None


def test_samples_are_new_conversions_and_not_ticks():
    bench = Bench(samples=3)
    assert bench.see(PICKUP) is None
    for _ in range(20):
        assert bench.see(PICKUP, fresh=False) is None
    assert bench.see(PICKUP) is None
    assert bench.see(PICKUP) == "operated"


def test_samples_and_delay_are_both_asked():
    assert Bench(delay_ms=100, samples=3).operates_after(PICKUP) == 100
    assert Bench(delay_ms=20, samples=8).operates_after(PICKUP) == 70


def test_one_sample_is_enough_where_one_is_asked():
    assert Bench(samples=1).see(PICKUP) == "operated"


def test_a_sample_between_dropout_and_pickup_agrees_with_nothing():
    bench = Bench(samples=3)
    for _ in range(5):
        assert bench.see(PICKUP) is None
        assert bench.see(PICKUP) is None
        assert bench.see(DROPOUT) is None
    assert bench.see(PICKUP) is None
    assert bench.see(PICKUP) is None
    assert bench.see(PICKUP) == "operated"


def test_after_a_gap_the_samples_are_counted_anew():
    bench = Bench(samples=3)
    bench.see(PICKUP)
    bench.see(PICKUP)
    assert bench.see(PICKUP, ms=2500, gap=True) is None
    assert bench.see(PICKUP) is None
    assert bench.see(PICKUP) == "operated"


def test_the_second_condition_must_hold_to_pick_up_and_to_operate():
    bench = Bench(delay_ms=50, gate=100)
    assert bench.operates_after(PICKUP, most_ms=1000, gate=99) is None
    assert bench.state == IDLE
    assert bench.operates_after(PICKUP, gate=100) == 50


def test_the_second_condition_drops_out_at_90_percent():
    bench = Bench(delay_ms=50, gate=100)
    bench.see(PICKUP, gate=100)
    bench.see(PICKUP, gate=90)
    assert IDLE < bench.state < OPERATED
    assert bench.operates_after(PICKUP, most_ms=1000, gate=90) is None
    bench.see(PICKUP, gate=89)
    assert bench.state == IDLE
    bench.see(PICKUP, gate=None)
    assert bench.state == IDLE


def test_an_operated_level_clears_with_its_second_condition():
    bench = Bench(gate=100)
    bench.see(PICKUP, gate=100)
    assert bench.see(PICKUP, gate=90) is None
    assert bench.see(PICKUP, gate=None) is None
    assert bench.see(PICKUP, gate=89) == "cleared"


def test_it_clears_after_it_has_been_well_for_its_reset_time():
    bench = Bench(reset_ms=100)
    bench.see(PICKUP)
    assert bench.see(0) is None
    assert list(bench.slots.stamp) == [bench.now_ms]
    for _ in range(9):
        assert bench.see(0) is None
    assert bench.see(0) == "cleared"


def test_what_operated_when_the_clock_began_clears_as_well():
    bench = Bench()
    assert bench.see(PICKUP, ms=0) == "operated"
    assert bench.see(0) == "cleared"


def test_a_relapse_begins_the_reset_time_anew():
    bench = Bench(reset_ms=100)
    bench.see(PICKUP)
    for _ in range(3):
        for _ in range(9):
            assert bench.see(0) is None
        assert bench.see(DROPOUT) is None
    for _ in range(10):
        assert bench.see(0) is None
    assert bench.see(0) == "cleared"


def test_what_latches_never_clears():
    bench = Bench(latch=True)
    bench.see(PICKUP)
    assert bench.operates_after(0, most_ms=5000) is None
    assert bench.operates_after(PICKUP, most_ms=5000) is None
    assert bench.state == OPERATED


def test_no_value_is_no_crossing_and_ends_a_pickup():
    bench = Bench(delay_ms=100)
    bench.see(PICKUP)
    assert bench.see(None) is None
    assert bench.state == IDLE
    assert bench.operates_after(PICKUP) == 100


def test_no_value_neither_clears_nor_repeats_what_has_operated():
    bench = Bench(reset_ms=50)
    bench.see(PICKUP)
    assert bench.operates_after(None, most_ms=1000) is None
    assert bench.state == OPERATED
    bench.see(0)
    bench.see(None)
    assert bench.operates_after(0) == 50


def test_what_stands_aside_ends_a_pickup_and_lets_go_of_what_has_operated():
    bench = Bench(delay_ms=50, reset_ms=30)
    bench.see(PICKUP)
    assert bench.see("aside") is None
    assert bench.state == IDLE
    assert bench.operates_after(PICKUP) == 50
    assert bench.operates_after("aside") == 30
    assert bench.state == IDLE


def test_what_stands_aside_lets_go_of_nothing_that_latches():
    bench = Bench(latch=True)
    bench.see(PICKUP)
    assert bench.operates_after("aside", most_ms=1000) is None
    assert bench.state == OPERATED


def test_a_second_condition_that_seals_is_asked_to_pick_up_and_never_to_let_go():
    bench = Bench(delay_ms=50, gate=100)
    bench.slots.set(0, compare.GATE_DROPOUT, ASIDE)
    assert bench.operates_after(PICKUP, most_ms=200, gate=99) is None
    bench.see(PICKUP, gate=100)
    bench.see(PICKUP, gate=0)
    assert IDLE < bench.state < OPERATED
    bench.see(PICKUP, gate=None)  # what is not known does not hold it
    assert bench.state == IDLE
    assert bench.operates_after(PICKUP, gate=100) == 50
    for gate in (0, None):
        assert bench.operates_after(PICKUP, most_ms=200, gate=gate) is None
        assert bench.state == OPERATED
    assert bench.see(DROPOUT - 1, gate=0) == "cleared"


@pytest.mark.parametrize("start_ms", [MASK - 5000, MASK - 50, MASK - 10, MASK])
def test_the_clock_may_wrap_at_any_time(start_ms):
    assert Bench(5000, start_ms=start_ms).operates_after(PICKUP) == 5000
    bench = Bench(reset_ms=5000, start_ms=start_ms)
    bench.see(PICKUP)
    assert bench.operates_after(0) == 5000


def test_the_count_of_conversions_may_wrap():
    bench = Bench(samples=4)
    bench.fresh[0] = MASK - 1
    assert bench.operates_after(PICKUP) == 30


@given(st.lists(st.integers(0, 700 + 49), max_size=50), st.integers(0, 50), st.booleans())
def test_without_a_crossing_nothing_operates(values, delay_ms, gap):
    bench = Bench(delay_ms)
    assert [bench.see(value, gap=gap) for value in values] == [None] * len(values)


@given(st.lists(st.tuples(st.integers(700, 850), st.integers(1, 200)), max_size=60))
def test_more_is_never_later(history):
    less, more = Bench(delay_ms=300), Bench(delay_ms=300)
    first = {}
    for value, ms in history:
        for name, bench, seen in (("less", less, value), ("more", more, value + 20)):
            if bench.see(seen, ms) == "operated":
                first.setdefault(name, bench.now_ms)
    if "less" in first:
        assert first["more"] <= first["less"]


def test_slots_are_compared_each_with_their_own():
    values = ints(8, BIAS)
    fresh = ints(3)
    slots = Slots([3, 2], values, fresh)
    for row, place in ((0, 0), (1, 3)):
        slots.set(row, compare.PLACE, place)
        slots.set(row, compare.PICKUP, PICKUP + BIAS)
        slots.set(row, compare.DROPOUT, DROPOUT + BIAS)
        slots.set(row, compare.GATE, 5)
        slots.set(row, compare.GATE_STEP, 1)
        slots.set(row, compare.GATE_PICKUP, 100 + BIAS)
    values[0] = values[2] = values[3] = values[4] = BIAS + PICKUP
    values[5] = values[6] = BIAS + 100  # gates of the first and second slot of each row
    assert slots.run(10, 0) == 3
    assert [slots.slot(0, i) for i in range(3)] + [slots.slot(1, i) for i in range(2)] == [
        0,
        1,
        2,
        3,
        4,
    ]
    assert list(slots.state) == [OPERATED, IDLE, IDLE, OPERATED, OPERATED]
    assert sorted(slots.changed[:3]) == [0, 32, 33]
    assert slots.get(1, compare.COUNT) == 2


def test_each_slot_counts_the_conversions_of_its_own_channel():
    values = ints(4, BIAS)
    fresh = ints(3)
    slots = watched(Slots([3], values, fresh))
    slots.set(0, compare.PICKUP, PICKUP + BIAS)
    slots.set(0, compare.DROPOUT, DROPOUT + BIAS)
    slots.set(0, compare.GATE, 3)
    slots.set(0, compare.GATE_PICKUP, BIAS)
    slots.set(0, compare.GATE_DROPOUT, BIAS)
    slots.set(0, compare.NEEDED, 1)
    slots.set(0, compare.CHANNEL_STEP, 1)
    for place in range(3):
        values[place] = BIAS + PICKUP
    assert slots.run(10, 0) == 0
    for item in (2, 0, 1):
        fresh[item] += 1
        assert (slots.run(20, 0), slots.changed[0]) == (1, item)


def test_at_rest_each_quantity_is_looked_at_once_and_nothing_else():
    """However many rows it has: this is what keeps the quiet step short."""
    values = Memory(ints(8, BIAS))
    slots = watched(Slots([3, 3, 3, 4], values.array, ints(1)))
    for r, (place, pickup) in enumerate(((0, 5), (0, 5), (0, 7), (3, 2))):
        slots.set(r, compare.PLACE, place)
        slots.set(r, compare.PICKUP, pickup + BIAS)
        slots.set(r, compare.GATE, 7)
    slots.state = Memory(slots.state)
    slots.ctx = (values, *slots.ctx[1:])
    assert slots.run(10, 0) == 0
    for part in (*slots.ctx, slots.state):
        part.reads = 0
    assert slots.run(20, 0) == 0
    quantities, _, rows, *others = slots.ctx
    assert quantities.reads == 7
    assert rows.reads == 3 * slots.row_count
    assert [part.reads for part in (*others, slots.state)] == [0] * 5
    quantities[6] = BIAS + 2
    assert slots.run(30, 0) == 1


QUANTITIES = 3  # of three places each
thresholds = st.tuples(st.integers(0, QUANTITIES - 1), st.integers(0, 4), st.integers(0, 20))


# A quantity that stands before the one just looked at; a lower pickup after a higher one.
@example([(1, 1, 0), (0, 4, 0)], [[0] * 9, [4] * 3 + [0] * 6])
@example([(0, 4, 0), (0, 1, 0)], [[0] * 9, [2] * 3 + [0] * 6])
# A slot that waits alone, each in turn.
@example([(0, 4, 50)], [[0] * 9, *([0] * k + [4] + [0] * (8 - k) for k in (0, 8, 1, 8, 2, 8))])
@given(
    st.lists(thresholds, min_size=1, max_size=6),
    st.lists(st.lists(st.integers(0, 5), min_size=9, max_size=9), min_size=1, max_size=12),
)
def test_where_nothing_is_reached_nothing_is_missed(rows, history):
    """Rows of (quantity, pickup, delay): in one bank all slots are compared in every tick."""
    values = ints(10, BIAS)
    banks = [Slots([3] * len(rows), values, ints(1)) for _ in range(2)]
    for slots in banks:
        for r, (quantity, pickup, delay_ms) in enumerate(rows):
            slots.set(r, compare.PLACE, 3 * quantity)
            slots.set(r, compare.PICKUP, pickup + BIAS)
            slots.set(r, compare.DROPOUT, pickup + BIAS)
            slots.set(r, compare.GATE, 9)
            slots.set(r, compare.GATE_PICKUP, BIAS)
            slots.set(r, compare.GATE_DROPOUT, BIAS)
            slots.set(r, compare.DELAY, delay_ms)
    usual, whole = banks
    for number, seen in enumerate(history):
        for place, value in enumerate(seen):
            values[place] = BIAS + value
        count = usual.run(10 * number, 0)
        assert count == compare.compare(whole.ctx, 10 * number, 0, whole.row_count)
        assert list(usual.changed[:count]) == list(whole.changed[:count])
        assert (usual.state, usual.stamp) == (whole.state, whole.stamp)


@given(st.lists(st.integers(0, 30), max_size=20))
def test_what_changed_is_arranged_by_its_keys(keys):
    """What has the same key stays in its order."""
    slots = Memory([1000 + place for place in range(len(keys))])
    order = Memory(list(keys))
    arrange(slots, order, len(keys))
    assert order.array == sorted(keys)
    stable = sorted(range(len(keys)), key=keys.__getitem__)
    assert slots.array == [1000 + place for place in stable]
