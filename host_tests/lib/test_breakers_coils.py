"""What the coils get: one after the other, again for a breaker that stays, and not for ever."""

import pytest

from breaker_bench import ALL, MAIN, Bench, N


def test_coils_are_energised_50_ms_apart_and_the_mains_first():
    bench = Bench()
    for index in (2, 0, N, 1):
        bench.trip(index)
    assert bench.breakers.pulses == 0b100  # the first one at once
    assert bench.pulses(0.3) == [(50, MAIN), (100, 0b001), (150, 0b010)]


def test_two_trips_further_apart_than_that_wait_for_nothing():
    bench = Bench()
    bench.trip(0)
    bench.tick(5)
    bench.trip(1)
    assert bench.breakers.pulses == 0b011


@pytest.mark.parametrize("kind", ["uvr", "contactor"])
def test_what_is_dropped_waits_for_nothing(kind):
    bench = Bench(kind)
    for index in range(N + 1):
        bench.trip(index)
    assert bench.breakers.energised() == 0
    assert list(bench.breakers.stamp) == [bench.now_ms] * (N + 1)


def test_a_trip_between_two_ticks_energises_one_coil_and_not_those_that_wait():
    breakers = Bench().breakers
    for index, at_ms in ((0, 2000), (1, 2000), (2, 2050)):
        breakers.trip(index, at_ms)
    assert (breakers.pulses, breakers.queued) == (0b011, 0b100)


def test_a_breaker_that_waits_for_its_coil_has_neither_failed_nor_begun_to_open():
    bench = Bench()
    bench.trip(N)
    bench.trip(1)
    assert (bench.breakers.commanded, bench.breakers.queued) == (MAIN | 0b010, 0b010)
    bench.tick(5)
    assert bench.breakers.queued == 0
    bench.tick(2)
    bench.open(1)
    assert bench.breakers.clearing_ms[1] == 40  # since its own coil


def test_the_stagger_holds_over_the_wrap_of_the_clock():
    bench = Bench()
    bench.now_ms = (1 << 30) - 25
    bench.tick()
    for index in (0, 1, 2):
        bench.trip(index)
    assert bench.pulses(0.2) == [(50, 0b010), (100, 0b100)]


def test_where_a_tick_is_longer_than_the_stagger_as_many_begin_as_it_has_time_for():
    """No fewer, or the last of 15 would wait for 15 ticks; and no more, for the supply."""
    bench = Bench()
    bench.tick(ms=100)
    for index in range(N + 1):
        bench.trip(index)
    assert bench.pulses(0.3, ms=100) == [(100, MAIN | 0b010), (200, 0b100)]


@pytest.mark.parametrize("retries", [0, 3])
def test_a_breaker_that_stays_gets_so_many_more_pulses_two_seconds_apart(retries):
    bench = Bench(retries=retries)
    bench.trip(1)
    bench.tick(15)
    bench.breakers.retrip(1, bench.now_ms)
    began = bench.pulses(60)
    # The second one, of breaker_failure, has been given within the first one's 200 ms.
    assert began == [(2000 * k, 0b010) for k in range(1, retries + 1)]


def test_without_a_retrip_the_second_pulse_comes_after_two_seconds():
    bench = Bench()
    bench.trip(1)
    assert bench.pulses(60) == [(2000, 0b010)]


def test_a_breaker_that_opens_late_gets_no_further_pulse():
    bench = Bench(retries=3)
    bench.trip(1)
    bench.tick(150)
    bench.open(1)
    assert bench.pulses(60) == []


def test_a_current_that_comes_and_goes_does_not_heat_the_coil():
    """Behind a contact that is cut the breaker is stuck, and its current swings about 5 %."""
    bench = Bench(retries=3)
    bench.a = ALL & ~0b010
    bench.tick(5)
    bench.trip(1)
    began = []
    for swing in range(120):
        bench.flows ^= 0b010
        began += [swing for _ in bench.pulses(0.5)]
    assert len(began) <= 2 + 3


def test_a_breaker_that_is_closed_by_hand_again_and_again_is_tripped_each_time():
    bench = Bench(retries=0)
    bench.trip(1)
    for _ in range(10):
        bench.tick(3)
        bench.open(1)
        bench.tick(300)
        assert bench.close(1) == 0b010


def test_one_that_is_closed_by_hand_and_stays_has_all_its_pulses_anew():
    bench = Bench(retries=1)
    bench.trip(1)
    bench.tick(3)
    bench.open(1)
    bench.tick(300)
    assert bench.close(1) == 0b010
    assert len(bench.pulses(60)) == 2


def test_one_that_trips_again_after_its_release_has_all_its_pulses_anew():
    bench = Bench()
    bench.trip(1)
    bench.tick(250)
    bench.open(1)
    bench.breakers.release(1)
    bench.close(1)
    bench.trip(1)
    assert len(bench.pulses(60)) == 1  # two seconds after its first


def crossed(stays=1, opens=2, **how):
    """Trip a breaker of which another one's coil is energised."""
    bench = Bench(**how)
    bench.now_ms = 0  # whatever was never told has 0 in its place
    bench.trip(stays)
    bench.tick(4)
    bench.open(opens)
    return bench.breakers


@pytest.mark.holds("rule 3")
def test_where_another_breaker_opens_in_its_place_its_wiring_is_crossed():
    assert crossed().crossed == 0b010
    assert crossed(opens=N).crossed == 0b010
    for batteries in (N, 14, 15):
        assert crossed(stays=batteries, opens=0, batteries=batteries).crossed == MAIN
    assert crossed(feedback="both").crossed == 0b010
    assert crossed(kind="uvr").crossed == 0b010


def test_a_crossing_is_over_when_the_right_one_opens_after_all():
    bench = Bench()
    bench.trip(0)
    bench.trip(1)
    bench.tick(9)
    bench.open(2)
    assert bench.breakers.crossed == 0b011
    bench.open(1)
    assert bench.breakers.crossed == 0b001


def test_without_contacts_nothing_is_known_of_a_crossing():
    assert crossed(feedback="none").crossed == 0


def test_two_that_were_both_told_to_open_are_not_crossed():
    bench = Bench()
    bench.trip(1)
    bench.trip(2)
    bench.tick(9)
    bench.open(2)
    bench.open(1)
    assert bench.breakers.crossed == 0


def test_one_opened_by_hand_without_a_trip_or_long_after_one_is_not_crossed():
    bench = Bench()
    bench.open(2)
    assert bench.breakers.crossed == 0
    bench.trip(1)
    bench.tick(25)
    bench.open(0)
    assert bench.breakers.crossed == 0


def test_one_that_opens_with_the_right_one_is_not_crossed():
    bench = Bench()
    bench.trip(1)
    bench.tick(4)
    bench.closed &= ~0b110
    bench.tick(2)  # an arc, or a slow monitor: it carries for a while longer
    assert bench.breakers.crossed == 0


def test_one_that_opens_after_the_right_one_has_is_not_crossed():
    bench = Bench()
    bench.trip(1)
    bench.tick(4)
    bench.open(1)
    bench.open(2)
    assert bench.breakers.crossed == 0
