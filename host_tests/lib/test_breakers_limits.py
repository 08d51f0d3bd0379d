"""Breakers at their limits: to the millisecond, before the first look, and outside of the bank."""

import pytest

from breaker_bench import ALL, Bench, N
from packwarden.breakers import CLOSED, LOCKED_OUT, OPEN, TRIPPING, Breakers
from packwarden.fixed import MASK

# The main's bit is the 16th: of 14 batteries it is where a 16th breaker's would be.
PLACES = pytest.mark.parametrize(
    ("batteries", "index"), [(3, 1), (3, 3), (14, 13), (14, 14), (15, 14), (15, 15)]
)

# -- to the millisecond ----


@PLACES
def test_a_breaker_without_a_contact_has_100_ms(batteries, index):
    bench = Bench(feedback="none", batteries=batteries)
    bench.trip(index)
    bench.flows &= ~bench.breakers.bit(index)
    bench.tick(ms=1)  # nothing flows any more
    bench.tick(ms=98)
    assert bench.state(index) == TRIPPING
    bench.tick(ms=1)
    assert bench.state(index) == LOCKED_OUT


def test_the_second_coil_waits_for_50_ms():
    bench = Bench()
    bench.trip(0)
    bench.trip(1)
    assert bench.tick(ms=49) == 0b001
    assert bench.tick(ms=1) == 0b011


def test_the_second_pulse_comes_after_two_seconds():
    bench = Bench()
    bench.trip(1)
    assert bench.tick(ms=1999) == 0
    assert bench.tick(ms=1) == 0b010


@pytest.mark.parametrize(("rests_ms", "energised", "more"), [(59999, 0, 0), (60000, 0b010, 1)])
def test_a_coil_that_had_its_pulses_rests_for_a_minute(rests_ms, energised, more):
    """Behind a contact that is cut the breaker is stuck, and its current comes and goes."""
    bench = Bench()
    bench.a = ALL & ~0b010
    bench.trip(1)
    bench.flows &= ~0b010
    bench.tick(5)
    bench.flows |= 0b010
    bench.tick()
    bench.flows &= ~0b010
    bench.tick()
    assert bench.breakers.pulse_count[1] == 2
    last_ms = bench.breakers.stamp[1]
    bench.flows |= 0b010
    bench.tick(ms=rests_ms - (bench.now_ms - last_ms))
    assert bench.breakers.pulses == energised
    assert len(bench.pulses(10)) == more


@pytest.mark.parametrize(("after_ms", "crossed"), [(250, 0b010), (251, 0)])
def test_what_opens_within_250_ms_of_another_ones_trip_has_opened_for_it(after_ms, crossed):
    bench = Bench()
    bench.trip(1)
    bench.closed &= ~0b100
    bench.tick(ms=after_ms - 1)
    bench.tick(ms=1)
    assert not bench.breakers.reported & 0b100
    assert bench.breakers.crossed == crossed


def test_a_contactor_has_a_second_to_close():
    bench = Bench("contactor", closed=ALL & ~0b010, flows=0)
    bench.breakers.close(1, bench.now_ms)
    assert bench.tick(ms=999) & 0b010
    assert bench.breakers.closing == 0b010
    assert not bench.tick(ms=1) & 0b010
    assert bench.breakers.closing == 0


@PLACES
def test_a_contact_that_denies_a_current_lies_after_500_ms(batteries, index):
    bench = Bench(batteries=batteries)
    bit = bench.breakers.bit(index)
    bench.a = bench.all & ~bit
    bench.tick(2)
    bench.tick(ms=499)
    assert bench.breakers.lied == 0
    bench.tick(ms=1)
    assert bench.breakers.lied == bit
    bench.a = None
    bench.tick(2)
    assert bench.breakers.lied == 0


def test_a_contact_that_lies_does_so_until_its_breaker_is_told_to_open():
    bench = Bench()
    bench.a = ALL & ~0b011
    bench.tick(60)
    assert bench.breakers.lied == 0b011
    bench.trip(1)
    assert bench.breakers.lied == 0b001


@PLACES
def test_a_contactor_that_fell_open_is_let_go_after_a_second(batteries, index):
    bench = Bench("contactor", flows=0, batteries=batteries)
    bench.closed &= ~bench.breakers.bit(index)
    bench.tick()  # the last time that it is taken for closed
    assert bench.tick(ms=999) == bench.all
    assert bench.tick(ms=1) == bench.closed


# -- before the first look, and between the looks ----


@pytest.mark.parametrize("kind", ["shunt_trip", "uvr", "contactor"])
def test_before_the_first_look_all_are_closed_and_nothing_is_on_its_way(kind):
    breakers = Breakers(N, kind, "52a", 200)
    assert breakers.closed == breakers.reported == ALL
    known = (breakers.contacts, breakers.neither, breakers.readable, breakers.flows)
    assert known == (0, 0, 0, 0)
    under_way = (breakers.commanded, breakers.queued, breakers.pulses, breakers.closing)
    assert under_way == (0, 0, 0, 0)
    assert (breakers.tripped, breakers.crossed, breakers.again, breakers.lied) == (0, 0, 0, 0)


@pytest.mark.parametrize("now_ms", [0, 20, 49, MASK])
def test_the_first_coil_waits_for_nothing_whatever_the_clock_says(now_ms):
    breakers = Breakers(N, "shunt_trip", "52a", 200)
    breakers.trip(1, now_ms)
    assert breakers.energised() == 0b010


@pytest.mark.parametrize("kind", ["shunt_trip", "uvr"])
def test_unless_it_is_told_otherwise_the_safe_state_trips_nothing(kind):
    breakers = Breakers(N, kind, "52a", 200)
    assert breakers.on_failure() == breakers.energised() == (ALL if kind == "uvr" else 0)


@pytest.mark.parametrize("looks", [2, 6])
@pytest.mark.parametrize(("flows", "closed"), [(0, 0), (ALL, 0b111)])
def test_positions_hold_before_the_currents_of_this_tick_are_known(flows, closed, looks):
    bench = Bench(flows=flows)
    for _ in range(looks):
        bench.breakers.see(bench.now_ms, 0, 0, ALL)
    assert bench.breakers.closed == closed  # of the main, a current is no evidence


def test_a_current_that_begins_or_ends_behind_an_open_contact_moves_the_state():
    bench = Bench(flows=0)
    bench.a = ALL & ~0b010
    bench.tick(3)
    for flows, state in ((0, OPEN), (0b010, CLOSED), (0, OPEN)):
        bench.flows = flows
        bench.tick()
        assert bench.state() == state


# -- outside of the bank ----


@pytest.mark.parametrize("feedback", ["52a", "52b", "both"])
@pytest.mark.parametrize("a", [0, 0xFFFF])
@pytest.mark.parametrize("b", [0, 0xFFFF])
def test_what_an_expander_says_of_breakers_that_are_not_there_is_nobodys(feedback, a, b):
    bench = Bench(feedback=feedback)
    for _ in range(3):
        bench.breakers.see(bench.now_ms, a, b, 0xFFFF)
        bench.breakers.follow(bench.now_ms, 0, ALL)
    breakers = bench.breakers
    for mask in (breakers.contacts, breakers.neither, breakers.readable, breakers.closed):
        assert mask & ~ALL == 0
