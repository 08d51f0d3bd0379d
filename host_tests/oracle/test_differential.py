"""The library's kernels under CPython against the reference in C, on rows and histories that
hypothesis looks for.
"""

from array import array

import numpy as np
from hypothesis import assume, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from oracle import duel, windows
from packwarden import compare, measure
from packwarden.calibration import MOST_GAIN
from packwarden.fixed import ASIDE, BIAS, MASK, NONE, ints, split_ratio
from packwarden.thermistor import SEGMENTS
from packwarden_host.oracle import pointer

CODE = 1 << 19  # of 20 bits with a sign
LARGEST = 1 << 28
counts = st.lists(st.none() | st.integers(-CODE, CODE - 1), min_size=1, max_size=8)


def stored(values):
    return array("i", [NONE if value is None else BIAS + value for value in values])


gains = st.just(0) | st.integers(-MOST_GAIN, MOST_GAIN)


@given(counts, st.integers(1, (1 << 30) - 1), st.integers(1, 1 << 20), gains, st.integers(-9, 9))
def test_scale(library, codes, numerator, denominator, gain, offset):
    assume(numerator * CODE <= denominator * LARGEST and numerator < 1023 * denominator)
    held = stored(codes)
    theirs, ours = ints(len(codes)), ints(len(codes))
    offsets, factors = (ints(len(codes), BIAS + number) for number in (offset, gain))
    ctx = (held, theirs, split_ratio(numerator, denominator), None, offsets + factors)
    measure.scale(ctx, 0, len(codes), 0, len(codes))
    ratio = library.ratio(numerator, denominator)
    given = [pointer(array) for array in (held, ours, offsets, factors)]
    library.scale(*given[:2], 0, len(codes), ratio, *given[2:])
    assert theirs == ours


@given(
    st.lists(st.none() | st.integers(0, 32767), min_size=1, max_size=8),
    st.none() | st.integers(0, 32767),
    st.integers(1, 1 << 15),
    st.integers(0, MASK),
    st.integers(-300, 300),
)
def test_temperatures(library, terminals, reference, gain, seed, offset):
    held = stored([*terminals, reference])
    table = array("i", BIAS + np.random.default_rng(seed).integers(-6000, 20001, SEGMENTS + 1))
    theirs, ours = ints(len(held)), ints(len(held))
    last = len(terminals)
    offsets = ints(last, BIAS + offset)
    measure.temperatures((held, theirs, None, table, offsets), 0, last, last, gain)
    given = [pointer(array) for array in (held, ours, table, offsets)]
    library.temperatures(*given[:2], 0, last, last, gain, *given[2:])
    assert theirs == ours


PLACES = 5  # of quantities that change; behind them one that is always zero
CHANNELS = 7  # of one battery
near = st.integers(-3, 3)


@st.composite
def rows(draw):
    """The fields of a row with one or two slots, all of its limits near zero."""
    row = [0] * compare.ROW
    row[compare.COUNT] = draw(st.integers(1, 2))
    row[compare.PLACE] = draw(st.integers(0, PLACES - row[compare.COUNT]))
    row[compare.PICKUP] = BIAS + draw(near)
    row[compare.DROPOUT] = row[compare.PICKUP] - draw(st.integers(0, 2))
    row[compare.GATE] = draw(st.just(PLACES) | st.integers(0, PLACES - 2))
    if row[compare.GATE] < PLACES:
        row[compare.GATE_STEP] = draw(st.integers(0, 1))
    row[compare.GATE_PICKUP] = BIAS + draw(near)
    row[compare.GATE_DROPOUT] = draw(
        st.just(ASIDE) | st.integers(0, 2).map(lambda less: row[compare.GATE_PICKUP] - less)
    )
    row[compare.DELAY] = draw(st.sampled_from((0, 1, 10, 20, 3600_000)))
    row[compare.NEEDED] = draw(st.integers(0, 2))
    row[compare.CHANNEL] = draw(st.integers(0, CHANNELS - 2))
    row[compare.CHANNEL_STEP] = draw(st.integers(0, 1))
    row[compare.RESET] = draw(st.sampled_from((0, 1, 10, 20)))
    row[compare.LATCH] = draw(st.integers(0, 1))
    return row


value = st.sampled_from((NONE, ASIDE)) | st.integers(-5, 5).map(lambda near: BIAS + near)
frames = st.tuples(
    st.sampled_from((0, 1, 9, 10, 11, 2001, MASK)),
    st.integers(0, 1),
    st.sampled_from((-1, -1, 0, 1)),
    st.integers(0, (1 << CHANNELS) - 1),
    st.lists(value, min_size=PLACES, max_size=PLACES),
)


@example_settings(max_examples=200)
@given(
    st.lists(rows(), min_size=2, max_size=4),
    st.lists(frames, min_size=1, max_size=12),
    st.sampled_from((0, MASK - 25, MASK)),
)
def test_compare(library, table, history, start):
    now = start
    conversions = np.full(CHANNELS, MASK - 3)
    records = []
    for span_ms, gap, reset, new, values in history:
        now = (now + span_ms) & MASK
        conversions = (conversions + (new >> np.arange(CHANNELS) & 1)) & MASK
        records.append([now, gap, reset, *[NONE] * CHANNELS, *conversions, *values, BIAS])
    fields = np.array(table, np.int32)
    fields[:, compare.FIRST] = np.cumsum(fields[:, compare.COUNT]) - fields[:, compare.COUNT]
    window = windows.Window(
        batteries=1,
        supply=0,
        monitor="ina228",
        shunt_uohm=250,
        main_shunt_uohm=0,
        gain=1,
        table=np.full(SEGMENTS + 1, BIAS, np.int32),
        rows=fields,
        quantities=PLACES + 1,
        frames=np.array(records, np.int32),
    )
    theirs, ours = duel.on_cpython(window), duel.by_reference(library, window)
    assert windows.difference(window, theirs, ours) is None
