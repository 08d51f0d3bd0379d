"""One breaker at a time: states, outputs of each kind, contacts, pulses, and what never closes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breaker_bench import ALL, MAIN, Bench, N
from packwarden.breakers import CLOSED, FAILED, LOCKED_OUT, OPEN, TRIPPING, Breakers

KINDS = ("shunt_trip", "uvr", "contactor")
FEEDBACKS = ("52a", "52b", "both", "none")


def test_the_life_of_a_breaker_that_is_tripped():
    bench = Bench()
    assert bench.state() == CLOSED
    assert bench.trip(1)
    assert bench.state() == TRIPPING
    assert bench.tick(3) == 0b010
    assert bench.open(1) == 0
    assert bench.state() == LOCKED_OUT
    assert bench.breakers.clearing_ms[1] == 50
    assert [bench.state(k) for k in (0, 2, N)] == [CLOSED] * 3


def test_the_life_of_a_breaker_that_is_opened_and_closed_by_hand():
    bench = Bench()
    bench.open(1)
    assert bench.state() == OPEN
    bench.close(1)
    assert bench.state() == CLOSED
    assert bench.breakers.energised() == 0


def test_one_false_reading_of_the_contacts_moves_nothing():
    bench = Bench(flows=0)
    for wrong in (0, ALL & ~0b010):
        bench.a = wrong
        bench.tick()
        bench.a = None
        bench.tick(3)
    bench.open(2)
    bench.a = ALL
    bench.tick()
    bench.a = None
    bench.tick(3)
    assert [bench.state(k) for k in range(N + 1)] == [CLOSED, CLOSED, OPEN, CLOSED]


@pytest.mark.parametrize("feedback", FEEDBACKS)
@pytest.mark.parametrize("kind", ["shunt_trip", "uvr"])
def test_a_tick_in_which_nothing_can_have_moved_is_left_out(kind, feedback):
    bench = Bench(kind=kind, feedback=feedback)
    bench.tick(20)
    assert not bench.breakers.stirred
    for move in (lambda: bench.open(1), lambda: bench.close(1)):
        move()
        assert bench.breakers.stirred or feedback == "none"
        bench.tick(20)
        assert not bench.breakers.stirred
    bench.flows ^= 0b010
    bench.tick()
    assert bench.breakers.stirred
    bench.tick(20)
    assert not bench.breakers.stirred
    bench.trip(1)
    bench.tick(5)
    assert bench.breakers.stirred


@pytest.mark.parametrize("feedback", ["52a", "52b", "both"])
def test_a_locked_out_breaker_that_is_closed_by_hand_is_tripped_again(feedback):
    bench = Bench(feedback=feedback)
    bench.trip(1)
    bench.tick(3)
    bench.open(1)
    bench.tick(100)
    assert bench.breakers.again == 0
    assert bench.close(1) == 0b010
    assert bench.state() == TRIPPING
    assert bench.breakers.again == 0b010
    bench.tick(3)
    bench.open(1)
    assert bench.state() == LOCKED_OUT


def test_one_that_was_locked_out_before_a_restart_and_is_closed_is_tripped_without_a_current():
    breakers = Breakers(N, "shunt_trip", "52a", 200)
    breakers.restore(0b010)
    for now_ms in range(0, 50, 10):
        breakers.see(now_ms, ALL, 0, ALL)
        breakers.follow(now_ms, 0, ALL)
    assert breakers.commanded == breakers.energised() == 0b010


def test_a_locked_out_breaker_without_contacts_is_tripped_again_when_it_carries():
    bench = Bench(feedback="none")
    bench.trip(1)
    bench.flows &= ~0b010
    bench.tick(20)
    assert bench.state() == LOCKED_OUT
    bench.flows |= 0b010
    assert bench.tick() == 0b010


def test_a_trip_is_idempotent():
    bench = Bench(pulse_ms=100)
    assert bench.trip(1)
    bench.tick(5)
    assert bench.trip(1)
    bench.tick(4)
    assert bench.tick() == 0  # the second one gave no second pulse
    bench.open(1)
    assert not bench.trip(1)
    assert bench.tick() == 0
    assert bench.state() == LOCKED_OUT


def test_a_pulse_ends_by_itself_and_a_retrip_gives_another():
    bench = Bench(pulse_ms=50)
    bench.trip(N)
    assert bench.tick(4) == MAIN
    assert bench.tick() == 0
    bench.breakers.retrip(N, bench.now_ms)
    assert bench.tick(4) == MAIN
    assert bench.tick() == 0


def test_a_pulse_ends_when_the_contact_opens_and_the_current_is_gone():
    bench = Bench()
    bench.trip(1)
    bench.tick(2)
    bench.closed &= ~0b010
    assert bench.tick(3) == 0b010  # the contact alone may lie
    assert bench.state() == TRIPPING
    bench.flows &= ~0b010
    assert bench.tick() == 0
    assert bench.state() == LOCKED_OUT


@pytest.mark.parametrize("flows", [0, 0b010])
def test_a_contact_that_said_open_before_does_not_end_the_pulse(flows):
    bench = Bench(flows=flows)
    bench.a = ALL & ~0b010
    bench.tick(5)
    assert bench.trip(1)
    assert bench.tick(19) == 0b010
    assert bench.tick() == 0


def test_a_contact_that_ended_a_pulse_does_not_end_the_next_one_without_closing():
    bench = Bench()
    bench.trip(1)
    bench.tick(3)
    bench.open(1)
    bench.breakers.release(1)
    bench.tick(100)
    bench.trip(1)
    assert bench.tick(19) == 0b010
    assert bench.tick() == 0


def test_a_battery_that_carries_is_closed_whatever_its_contact_says():
    bench = Bench()
    bench.a = 0
    bench.tick(5)
    assert bench.breakers.closed == 0b111
    assert bench.state() == CLOSED
    assert bench.state(N) == OPEN  # the main's current is a sum, and no evidence of this


def test_only_what_was_told_to_open_can_be_retripped_or_fail():
    bench = Bench()
    bench.breakers.retrip(1, bench.now_ms)
    bench.breakers.fail(1)
    assert (bench.tick(), bench.state()) == (0, CLOSED)
    bench.trip(1)
    bench.breakers.fail(1)
    assert bench.state() == FAILED
    bench.open(1)
    assert bench.state() == LOCKED_OUT


def test_without_contacts_a_breaker_is_open_when_it_had_its_time_and_carries_nothing():
    bench = Bench(feedback="none")
    bench.open(0)
    assert bench.state(0) == CLOSED  # nobody can know
    bench.trip(1)
    bench.flows &= ~0b010
    bench.tick(9)
    assert bench.breakers.closed == ALL
    bench.tick()
    assert bench.breakers.closed == ALL & ~0b010
    assert bench.state() == LOCKED_OUT


def test_without_contacts_a_breaker_that_carries_is_closed():
    bench = Bench(feedback="none")
    bench.trip(1)
    bench.tick(50)
    assert bench.breakers.closed == ALL
    assert bench.breakers.commanded == 0b010


def test_with_both_contacts_a_breaker_is_open_when_both_say_so():
    for a, b, closed, says_closed in (
        (ALL, 0, True, True),
        (ALL & ~0b010, 0b010, False, False),
        (ALL & ~0b010, 0, True, False),  # neither: a cut wire
        (ALL, 0b010, True, False),
    ):
        bench = Bench(feedback="both", flows=0)
        bench.a, bench.b = a, b
        bench.tick(2)
        assert bool(bench.breakers.closed & 0b010) == closed
        assert bool(bench.breakers.contacts & 0b010) == says_closed


def test_before_the_contacts_are_read_all_count_as_closed():
    breakers = Breakers(N, "shunt_trip", "52a", 200)
    for _ in range(3):
        breakers.see(10, 0, 0, 0)
        breakers.follow(10, 0, ALL)
        assert (breakers.closed, breakers.state[0]) == (ALL, CLOSED)
    for _ in range(2):
        breakers.see(20, 0, 0, ALL)
        breakers.follow(20, 0, ALL)
    assert (breakers.closed, breakers.state[0]) == (0, OPEN)


def test_an_undervoltage_release_is_held_and_dropped_to_trip():
    bench = Bench("uvr")
    assert bench.tick() == ALL
    bench.trip(1)
    assert bench.tick() == ALL & ~0b010
    bench.open(1)
    assert bench.tick(100) == ALL & ~0b010


def test_an_undervoltage_release_is_held_from_the_first_moment_and_while_open():
    assert Breakers(N, "uvr", "52a", 200).energised() == ALL
    bench = Bench("uvr")
    assert bench.open(0) == ALL  # it could not be closed by hand otherwise


def test_a_contactor_is_held_only_where_it_was_found_closed():
    assert Breakers(N, "contactor", "52a", 200).energised() == 0
    bench = Bench("contactor", closed=ALL & ~0b001)
    assert bench.tick() == ALL & ~0b001
    assert bench.close(0) == ALL & ~0b001
    bench.trip(1)
    assert bench.tick() == ALL & ~0b011


def test_a_contactor_that_opens_by_hand_is_not_held_any_more():
    bench = Bench("contactor")
    bench.tick(5)
    bench.open(0)
    assert bench.tick(110) == ALL & ~0b001
    assert bench.close(0) == ALL & ~0b001


def test_a_contact_that_bounces_lets_go_no_contactor():
    bench = Bench("contactor")
    bench.tick(5)
    bench.open(0)
    bench.tick(50)
    bench.close(0)
    assert bench.tick(200) == ALL


@pytest.mark.parametrize("index", [0, N])
def test_a_contact_whose_wire_is_cut_under_load_lets_go_no_contactor(index):
    bench = Bench("contactor", flows=ALL)
    bench.tick(5)
    bench.a = ALL & ~bench.breakers.bit(index)
    bench.tick(60)
    bench.flows = 0  # the load ends; the contact goes on to say open
    assert bench.tick(200) == ALL


@pytest.mark.parametrize("batteries", [N, 14, 15])
def test_a_contactor_is_held_once_its_contact_was_read_closed_three_times(batteries):
    breakers = Breakers(batteries, "contactor", "52a", 200)
    for held in (0, 0, breakers.all, breakers.all):
        breakers.see(10, breakers.all, 0, breakers.all)
        breakers.follow(10, 0, breakers.all)
        assert breakers.energised() == held


def test_a_contactor_is_held_at_once_where_a_current_proves_it_closed():
    breakers = Breakers(N, "contactor", "52a", 200)
    breakers.see(10, ALL, 0, ALL)
    breakers.follow(10, 0b101, ALL)
    assert breakers.energised() == 0b101


@pytest.mark.parametrize("lost", [(0,), (1,), (2,), (0, 2), (0, 1, 2, 3)])
def test_a_reading_that_fails_while_booting_drops_no_contactor(lost):
    breakers = Breakers(N, "contactor", "52a", 200)
    for tick in range(8):
        known = 0 if tick in lost else ALL
        breakers.see(10 + 10 * tick, known, 0, known)
        breakers.follow(10 + 10 * tick, 0, ALL)
    assert breakers.energised() == ALL


@pytest.mark.parametrize(
    ("feedback", "flows", "held"),
    [
        ("52a", 0, ALL),
        ("both", 0, ALL),
        ("52b", 0, 0),  # a contact that is open may as well be cut
        ("52b", 0b101, 0b101),
        ("none", 0, 0),
        ("none", ALL, ALL),
    ],
)
def test_the_absence_of_a_sign_is_no_proof_that_a_contactor_is_closed(feedback, flows, held):
    assert Bench("contactor", feedback, flows=flows).breakers.energised() == held


@pytest.mark.parametrize(
    ("kind", "trips", "healthy", "tripped"),
    [
        ("shunt_trip", 0, 0, 0b010),
        ("shunt_trip", 0b100 | MAIN, 0b100 | MAIN, 0b110 | MAIN),
        ("uvr", ALL, 0, 0),
        ("uvr", MAIN, 0b111, 0b101),
        ("contactor", 0, ALL & ~0b001, ALL & ~0b011),
        ("contactor", 0b100, 0b010 | MAIN, MAIN),
    ],
)
def test_the_safe_state_trips_what_is_configured_and_keeps_the_rest(kind, trips, healthy, tripped):
    bench = Bench(kind, closed=ALL & ~0b001, on_failure=trips)
    assert bench.breakers.on_failure() == healthy
    bench.trip(1)
    bench.tick()
    assert bench.breakers.on_failure() == tripped


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start_ms", [(1 << 30) - 25, (1 << 30) - 105])
def test_the_clock_may_wrap_while_a_breaker_opens(kind, start_ms):
    for index in range(N):
        bench = Bench(kind, pulse_ms=100)
        bench.now_ms = start_ms
        bench.trip(index)
        bench.tick(9)
        assert bool(bench.breakers.pulses)
        bench.tick(2)
        assert bench.breakers.pulses == 0
        bench.open(index)
        assert bench.breakers.clearing_ms[index] == 130


MOVES = st.tuples(
    st.sampled_from(["trip", "retrip", "fail", "open", "close", "carry", "release"]),
    st.integers(0, N),
)


@given(st.sampled_from(KINDS), st.sampled_from(FEEDBACKS), st.integers(0, 7), st.lists(MOVES))
def test_nothing_ever_energises_what_would_close(kind, feedback, found_closed, moves):
    bench = Bench(kind, feedback, pulse_ms=50, closed=found_closed | MAIN)
    before = bench.breakers.energised()
    if kind == "contactor":
        assert before & ~(found_closed | MAIN) == 0
    for name, index in moves:
        bit = bench.breakers.bit(index)
        if name == "trip":
            bench.trip(index)
        elif name == "retrip":
            bench.breakers.retrip(index, bench.now_ms)
        elif name == "fail":
            bench.breakers.fail(index)
        elif name == "carry":
            bench.flows |= bit
        elif name == "open":
            bench.open(index)
        elif name == "close":
            bench.close(index)
        elif not (bench.breakers.commanded | bench.breakers.closed) & bit:
            bench.breakers.release(index)
            before |= bit if kind == "uvr" else 0  # it holds, and closes nothing
        now = bench.tick()
        if kind == "shunt_trip":
            assert now & ~bench.breakers.tripped == 0
        else:
            assert now & ~before == 0  # an output that dropped stays so
            assert now & bench.breakers.tripped == 0
        assert bench.breakers.state[index] in (CLOSED, TRIPPING, OPEN, FAILED, LOCKED_OUT)
        before = now
