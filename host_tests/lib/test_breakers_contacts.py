"""Where the breakers are: contacts that cannot be read or contradict, closing, and a restart."""

import pytest

from breaker_bench import ALL, MAIN, Bench, N
from packwarden.breakers import CLOSED, LOCKED_OUT, OPEN, TRIPPING, Breakers


def test_a_contact_that_cannot_be_read_holds_its_breaker_and_no_other():
    bench = Bench(flows=0)
    bench.known = ALL & ~0b010
    bench.open(0, 1)
    assert bench.breakers.closed == ALL & ~0b001
    assert bench.state(1) == CLOSED
    bench.known = ALL
    bench.tick(2)
    assert bench.breakers.closed == ALL & ~0b011


def test_a_trip_without_its_contact_is_over_when_its_time_is_and_nothing_flows():
    bench = Bench()
    bench.known = ALL & ~0b010
    bench.trip(1)
    bench.tick(15)
    assert bench.state(1) == TRIPPING
    bench.open(1)
    assert bench.state(1) == LOCKED_OUT


@pytest.mark.parametrize(("a", "b"), [(ALL & ~0b010, 0), (ALL, 0b010)])
def test_contacts_that_say_neither_or_both_are_discrepant(a, b):
    bench = Bench(feedback="both")
    bench.a, bench.b = a, b
    bench.tick(2)
    assert bench.breakers.discrepant(ALL) == 0b010
    bench.known = ALL & ~0b010
    bench.tick()
    assert bench.breakers.discrepant(ALL) == 0


@pytest.mark.parametrize("feedback", ["52a", "52b", "both"])
@pytest.mark.parametrize("index", [1, N])
def test_a_contact_that_says_open_while_current_flows_is_discrepant(feedback, index):
    bench = Bench(feedback=feedback)
    bit = bench.breakers.bit(index)
    assert bench.breakers.discrepant(ALL) == 0
    bench.a, bench.b = ALL & ~bit, bit
    bench.tick(2)
    assert bench.breakers.discrepant(ALL) == bit
    assert bench.breakers.discrepant(ALL & ~bit) == 0


def test_without_contacts_nothing_is_discrepant():
    bench = Bench(feedback="none")
    assert bench.breakers.discrepant(ALL) == bench.breakers.discrepant(0) == 0


# Closing a contactor, and releasing.


def closing(feedback="52a"):
    """A contactor that was open and is told to close, and the moment when it is."""
    bench = Bench("contactor", feedback, closed=ALL & ~0b010, flows=0b101)
    bench.breakers.close(1, bench.now_ms)
    assert bench.tick() & 0b010
    return bench


def test_a_contactor_that_closes_is_held():
    bench = closing()
    bench.tick(5)
    bench.close(1)
    bench.tick(200)
    assert (bench.state(1), bench.breakers.energised() & 0b010) == (CLOSED, 0b010)


def test_a_contactor_that_does_not_close_is_let_go_after_a_second():
    bench = closing()
    bench.tick(98)
    assert bench.breakers.energised() & 0b010
    bench.tick(2)
    assert not bench.breakers.energised() & 0b010
    assert bench.state(1) == OPEN
    assert bench.close(1) & 0b010 == 0  # nor is it held when it closes later, by hand


def test_a_contactor_whose_contact_cannot_be_read_counts_as_closed_after_a_second():
    bench = closing()
    bench.known = ALL & ~0b010
    bench.tick(105)
    assert bench.breakers.closed & bench.breakers.energised() & 0b010


def test_a_trip_wins_against_a_closing():
    bench = closing()
    bench.trip(1)
    assert not bench.tick() & 0b010
    bench.breakers.close(1, bench.now_ms)
    assert not bench.tick() & 0b010  # it is locked out


@pytest.mark.parametrize("kind", ["shunt_trip", "uvr"])
def test_what_is_closed_by_hand_cannot_be_told_to_close(kind):
    bench = Bench(kind, closed=ALL & ~0b010)
    before = bench.breakers.energised()
    bench.breakers.close(1, bench.now_ms)
    assert bench.tick() == before


@pytest.mark.parametrize(
    ("kind", "energised"), [("shunt_trip", 0), ("uvr", ALL), ("contactor", ALL & ~0b010)]
)
def test_a_release_ends_the_lockout_and_closes_nothing(kind, energised):
    bench = Bench(kind)
    bench.trip(1)
    bench.tick(3)
    bench.open(1)
    assert bench.state() == LOCKED_OUT
    bench.breakers.release(1)
    assert bench.tick() == energised
    assert (bench.state(), bench.breakers.tripped) == (OPEN, 0)
    bench.close(1)
    assert (bench.state(), bench.breakers.again) == (CLOSED, 0)


def test_a_release_of_a_contactor_that_is_closed_and_not_locked_out_opens_nothing():
    """The battery's level tripped the main breaker, and is reset before that."""
    bench = Bench("contactor")
    bench.breakers.release(1)
    assert bench.tick(5) == ALL


# After a restart.


def restarted(kind="shunt_trip", feedback="52a", open_=0b010, flows=0, ticks=60):
    """Breakers of which number 2 was locked out before, and whatever was energised since."""
    breakers = Breakers(N, kind, feedback, 200)
    breakers.restore(0b010)
    ever = breakers.energised()
    for tick in range(ticks):
        now_ms = 10 + 10 * tick
        breakers.see(now_ms, ALL & ~open_, open_, ALL)
        breakers.follow(now_ms, flows, ALL)
        ever |= breakers.energised()
    return breakers, ever


@pytest.mark.parametrize("kind", ["shunt_trip", "uvr", "contactor"])
@pytest.mark.parametrize("feedback", ["52a", "52b", "both", "none"])
def test_what_was_locked_out_is_so_after_a_restart(kind, feedback):
    breakers, ever = restarted(kind, feedback)
    assert (breakers.tripped, breakers.state[1]) == (0b010, LOCKED_OUT)
    assert not breakers.closed & 0b010
    if kind != "shunt_trip":
        assert not ever & 0b010


@pytest.mark.parametrize("feedback", ["52a", "52b", "both", "none"])
def test_a_restart_moves_no_relay_of_what_is_locked_out_and_open(feedback):
    breakers, ever = restarted(feedback=feedback)
    assert (ever, breakers.again) == (0, 0)


@pytest.mark.parametrize("feedback", ["52a", "52b", "both"])
def test_what_is_found_closed_after_a_restart_is_tripped_again(feedback):
    breakers, ever = restarted(feedback=feedback, open_=0)
    assert (ever, breakers.again, breakers.state[1]) == (0b010, 0b010, TRIPPING)


def test_what_carries_after_a_restart_is_tripped_again():
    breakers, ever = restarted(feedback="none", flows=0b010)
    assert (ever, breakers.again, breakers.state[1]) == (0b010, 0b010, TRIPPING)


def test_a_restored_mask_names_breakers_of_this_bank_only():
    breakers = Breakers(N, "shunt_trip", "52a", 200)
    breakers.restore(0xFFFF)
    assert breakers.tripped == ALL == 0b111 | MAIN


def test_one_false_reading_at_boot_lets_go_no_contactor():
    breakers = Breakers(N, "contactor", "52a", 200)
    for tick in range(8):
        breakers.see(10 + 10 * tick, ALL & ~0b010 if tick == 1 else ALL, 0, ALL)
        breakers.follow(10 + 10 * tick, 0, ALL)
    assert breakers.energised() == ALL
