"""What the step remembers: all of it is packed, in few bytes, and a fresh step goes on from it."""

import random
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordeal import Ordeal
from packwarden.fixed import BIAS, ints
from packwarden.protection import Protection
from packwarden.state import BYTES, WORDS, State, pack, parts
from packwarden_host.configurations import every_row_on, ordinary, uneven
from rerun import Reader, unpack
from tapes import Tape, rerun

HURRY = 50
ARMED_AT = 24
CONTACTORS = every_row_on(ordinary(2, breaker="contactor", feedback="none"), HURRY)
UVR = ordinary(4, breaker="uvr", feedback="both", monitor="ina226", cells=8, shunt="100A/12.5mV")
WIRED = ordinary(3, feedback="both", main_shunt_uohm=50, trip_circuit="open_on_fault")
BANKS = {
    "15": every_row_on(ordinary(15), HURRY),
    "4 uvr": every_row_on(UVR, HURRY),
    "3 uneven": uneven(every_row_on(WIRED, HURRY)),
    "2 contactors": CONTACTORS,
    "1": every_row_on(ordinary(1, feedback="52b"), HURRY),
}
WORD = st.one_of(
    st.sampled_from((0, 0, 1, BIAS, BIAS, BIAS + 1, (1 << 30) - 1)),
    st.integers(0, 200),
    st.integers(BIAS - 600_000, BIAS + 600_000),
    st.integers(0, (1 << 30) - 1),
)


def unpacked(data, count, first, form):
    into = array("B", bytes(count)) if form == BYTES else ints(count, 7)
    reader = Reader(data)
    unpack(reader, [(into, into, first, count - first, form)])
    assert not reader.more()
    return into


@given(st.lists(WORD, max_size=80), st.integers(0, 5), st.integers(0, 40))
def test_words_come_back_however_the_ring_wraps(words, first, at):
    first = min(first, len(words))
    source = array("i", words)
    size = 6 * len(words) + 41
    ring = bytearray(size)
    begin = (size - at) % size
    taken = pack(ring, source, source, first, len(words) - first, WORDS, begin, size, size)
    assert 0 <= taken <= 5 * len(words)
    data = (ring + ring)[begin : begin + taken]
    assert list(unpacked(data, len(words), first, WORDS))[first:] == words[first:]


@given(st.lists(st.integers(0, 255), max_size=150))
def test_bytes_come_back(given):
    source = array("B", given)
    ring = bytearray(1000)
    taken = pack(ring, source, source, 0, len(given), BYTES, 0, 1000, 1000)
    assert list(unpacked(ring[:taken], len(given), 0, BYTES)) == given


@given(st.lists(st.tuples(WORD, st.booleans()), max_size=40))
def test_what_does_not_live_is_zero(pairs):
    source = array("i", [word for word, _ in pairs])
    alive = array("B", [lives for _, lives in pairs])
    ring = bytearray(1000)
    taken = pack(ring, source, alive, 0, len(pairs), 2, 0, 1000, 1000)
    found = unpacked(ring[:taken], len(pairs), 0, WORDS)
    assert list(found) == [word if lives else 0 for word, lives in pairs]


def test_a_thousand_equal_values_take_few_bytes():
    source = ints(1000, BIAS + 5)
    ring = bytearray(100)
    assert pack(ring, source, source, 0, 1000, WORDS, 0, 100, 100) == 5 + -(-999 // 64)
    assert pack(ring, ints(1000), source, 0, 1000, WORDS, 0, 100, 100) == -(-1000 // 64)


@given(st.lists(WORD, min_size=1, max_size=40), st.integers(0, 200))
def test_no_byte_is_written_beyond_the_room(words, room):
    source = array("i", words)
    ring = bytearray(b"\xee" * 300)
    taken = pack(ring, source, source, 0, len(words), WORDS, 0, 300, room)
    assert taken <= room
    assert set(ring[room:]) <= {0xEE}
    if room >= 5 * len(words) + 6:
        assert taken >= 0


def test_a_state_that_finds_too_little_room_says_so():
    state = State(Protection(BANKS["1"]), ())
    ring = bytearray(4000)
    needed = state.pack(ring, 0, 4000, 4000)
    assert state.pack(ring, 0, 4000, needed // 2) == -1
    assert state.pack(ring, 0, 4000, needed + 6) == needed


def test_the_shape_tells_banks_and_versions_apart():
    shapes = [State(Protection(config), ()).shape for config in BANKS.values()]
    assert len(set(shapes)) == len(shapes)
    protection = Protection(BANKS["1"])
    assert State(protection, ()).shape == shapes[-1] != State(protection, (ints(3),)).shape


# What a step finds anew before it uses it, and what is empty between two steps.
ANEW = {
    "Validator.seen",  # counts of attempts: they only have to differ
    "Validator.doubt_ctx[2]",
    "Validator.doubt_ctx[7]",  # the channels' values
    "Quantities.values",  # up to `kept`
    "Quantities.ctx[4]",  # sorted for a median, here and in `heat`
    "Heat.ctx[3]",
    "Quantities.ctx[8]",  # currents per part, expected ones
    "Quantities.ctx[10]",
    "Decider._keys",
    "Decider._done",
    "Decider._kinds",
    "Slots.changed",
    "Openings.due",
    "Openings.leaving",
    "Breakers.again",
    # What is given to a step, what is kept over a restart, what is told.
    "Protection.armed",
    "Protection.faults",
    "Validator.ctx[0]",
    "Validator.ctx[1]",
    "Validator.ctx[2]",
    "Lockout.changed",
    "Lockout._told",
    "EventLog.next_seq",
    "EventLog.last_trip",
    "EventLog._records",
}


def reached(protection):
    """Yield (number of the part, name, array or integer) of all that the parts hold."""
    for number, part in enumerate(parts(protection)):
        for name, value in vars(part).items():
            found = {name: value}
            if isinstance(value, tuple):
                found = {f"{name}[{place}]": item for place, item in enumerate(value)}
            for inner, item in found.items():
                if isinstance(item, (array, bytearray, int)):
                    yield number, f"{type(part).__name__}.{inner}", item


@pytest.mark.parametrize("bank", ["15", "4 uvr", "2 contactors"])
def test_everything_that_a_step_changes_is_remembered_or_found_anew(bank):
    """A new attribute of a part has to be named in its STATE, or above with its reason."""
    protection = Protection(BANKS[bank])
    ordeal = Ordeal(protection, 3, None)
    state = State(protection, ())
    assert {name for _, name, _ in reached(protection)} >= ANEW
    anew = {id(item) for _, name, item in reached(protection) if name in ANEW}
    safe = anew | {id(block[0]) for block in state.blocks}
    owners = zip(state.owners, state.names, strict=True)
    owned = {f"{type(part).__name__}.{name}" for part, name in owners} | ANEW
    before = {}
    for number in range(500):
        now_ms = ordeal.next()
        if number == ARMED_AT:
            protection.arm(now_ms)
        protection.step(now_ms)
        for part, name, item in reached(protection):
            if name not in owned if isinstance(item, int) else id(item) not in safe:
                value = item if isinstance(item, int) else bytes(item)
                assert before.setdefault((part, name), value) == value, name


@pytest.mark.parametrize("name", BANKS)
def test_a_fresh_step_goes_on_as_the_one_that_was_packed(name):
    """From any tick of an ordeal, trips on their way too: the same events, outputs and states."""
    config = BANKS[name]
    protection = Protection(config)
    ordeal = Ordeal(protection, 11, None)
    tape = Tape(protection)
    draw = random.Random(7)
    tripping = told = 0
    for number in range(700):
        now_ms = ordeal.next()
        if number == ARMED_AT:
            protection.arm(now_ms)
            tape.begin()
        protection.step(now_ms)
        if number < ARMED_AT:
            continue
        tape.tick(now_ms)
        if draw.random() < 0.05:
            tape.keep()
        busy = bool(protection.breakers.commanded or protection.decider.openings.pending)
        if len(tape.outputs) > 10 and draw.random() < (0.5 if busy else 0.02):
            again, events, outputs = rerun(config, tape.log, tape.state.shape, tape.seq)
            assert events == tape.told
            assert outputs == tape.outputs
            assert again.same == again.states
            assert again.state.shape == tape.state.shape
            told += len(events)
            tape.begin()
            tripping += busy
    assert told > 20
    assert tripping > 0
    assert tape.longest < tape.ticks.longest
