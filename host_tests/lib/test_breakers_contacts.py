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
    assert bench.breakers.closing == 0
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
    assert bench.breakers.closing == 0
    assert not bench.tick() & 0b010
    bench.breakers.close(1, bench.now_ms)
    assert not bench.tick() & 0b010  # it is locked out
    assert bench.breakers.closing == 0


@pytest.mark.parametrize("kind", ["shunt_trip", "uvr"])
def test_what_is_closed_by_hand_cannot_be_told_to_close(kind):
    bench = Bench(kind, closed=ALL & ~0b010)
    before = bench.breakers.energised()
    bench.breakers.close(1, bench.now_ms)
    assert (bench.tick(), bench.breakers.closing) == (before, 0)


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


@pytest.mark.parametrize("kind", ["shunt_trip", "uvr", "contactor"])
@pytest.mark.parametrize("feedback", ["52a", "52b", "both", "none"])
def test_where_no_contact_tells_what_is_released_counts_as_closed_unless_it_was_let_go(
    kind, feedback
):
    bench = Bench(kind, feedback)
    bench.trip(1)
    bench.tick(3)
    bench.open(1)
    bench.tick(20)
    bench.breakers.release(1)
    closed = bench.breakers.reported & 0b010
    assert bool(closed) == (feedback == "none" and kind != "contactor")


def test_a_release_ends_the_pulse_of_its_breaker_and_of_no_other():
    bench = Bench()
    bench.open(0, 1)
    bench.trip(0)
    bench.tick(5)
    bench.trip(1)
    bench.tick(2)  # each pulse goes on: a contact that was open before may be a cut wire
    assert (bench.state(1), bench.breakers.energised()) == (LOCKED_OUT, 0b011)
    bench.breakers.release(1)
    assert bench.tick() == 0b001


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


def test_a_trip_of_what_was_locked_out_before_the_restart_tells_what_is_found_closed():
    for open_, told in ((0, True), (0b010, False)):
        breakers = Breakers(N, "shunt_trip", "52a", 200)
        breakers.restore(0b010)
        for now_ms in (10, 20):
            breakers.see(now_ms, ALL & ~open_, 0, ALL)
        assert breakers.trip(1, 20) == told
        assert bool(breakers.energised()) == told


def test_the_first_reading_after_a_restart_moves_nothing():
    breakers = Breakers(N, "shunt_trip", "52a", 200)
    breakers.restore(0b010)
    for now_ms, read in ((10, 0b010), (20, ALL & ~0b010)):
        breakers.see(now_ms, read, 0, ALL)
        breakers.follow(now_ms, 0, ALL)
        assert (breakers.closed, breakers.again) == (ALL & ~0b010, 0)


@pytest.mark.parametrize("batteries", [N, 14, 15])
def test_each_breaker_that_was_locked_out_is_so_and_no_other(batteries):
    for index in range(batteries + 1):
        breakers = Breakers(batteries, "shunt_trip", "52a", 200)
        breakers.restore(breakers.bit(index))
        locked_out = [state == LOCKED_OUT for state in breakers.state]
        assert locked_out == [k == index for k in range(batteries + 1)]


def test_a_restored_mask_names_breakers_of_this_bank_only():
    breakers = Breakers(N, "shunt_trip", "52a", 200)
    breakers.restore(0xFFFF)
    assert breakers.tripped == ALL == 0b111 | MAIN


@pytest.mark.parametrize(
    ("open_", "held"),
    [((0,), ALL), ((1,), ALL), ((0, 1), ALL), ((1, 2), ALL), ((0, 1, 2), ALL & ~0b010)],
)
def test_one_or_two_false_readings_at_boot_let_go_no_contactor_and_three_are_believed(open_, held):
    breakers = Breakers(N, "contactor", "52a", 200)
    for tick in range(8):
        now_ms = 10 + 10 * tick
        breakers.see(now_ms, ALL & ~0b010 if tick in open_ else ALL, 0, ALL)
        breakers.follow(now_ms, 0, ALL)
    assert breakers.energised() == held


def test_a_contactor_that_was_found_open_is_not_held_while_another_one_is_waited_for():
    bench = Bench("contactor", closed=ALL & ~0b001, flows=0)
    bench.breakers = Breakers(N, "contactor", "52a", 200)
    bench.known = ALL & ~0b010
    bench.tick(5)
    assert bench.close(0) == ALL & ~0b011
    assert bench.tick(5) == ALL & ~0b011
    bench.known = ALL
    assert bench.tick(5) == ALL & ~0b001


def test_without_a_contact_a_contactor_is_not_let_go_before_its_monitor_has_answered():
    breakers = Breakers(N, "contactor", "none", 200)
    for tick in range(8):
        late = tick < 5
        breakers.see(10 * tick, 0, 0, 0)
        breakers.follow(10 * tick, 0 if late else ALL, ALL & ~0b010 if late else ALL)
    assert breakers.energised() == 0b010
