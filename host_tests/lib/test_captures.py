"""Captures: what is recorded around a trip, for how long, and what a small ring makes of it."""

import random

import pytest

from cabinets import configuration, only
from captured import Recorded
from packwarden import lockout
from packwarden.captures import (
    AFTER,
    BEFORE,
    FIRST_SEQ,
    TICKS,
    TRIP_SEQ,
    TRIP_TICK,
    AFTER_ms,
    BEFORE_ms,
)
from packwarden.fixed import BIAS


def test_nothing_is_captured_while_nothing_trips():
    recorded = Recorded()
    recorded.run(7)
    captures = recorded.captures
    assert (captures.frozen, captures.missed) == (0, 0)


def test_a_trip_is_captured_from_two_seconds_before_to_one_second_after_it():
    recorded = Recorded()
    recorded.run(4.2)
    recorded.heat(1)
    facts = recorded.run_until_frozen()
    assert BEFORE_ms <= facts[BEFORE] < BEFORE_ms + 1100
    assert facts[AFTER] == AFTER_ms
    assert facts[TICKS] == (facts[BEFORE] + facts[AFTER]) // 10
    event = recorded.cabinet.events[facts[TRIP_SEQ]]
    assert (event["kind"], event["battery"], event["terminal"]) == ("trip", 2, "+")


def test_run_once_more_it_trips_in_the_same_tick_with_the_same_record():
    recorded = Recorded()
    recorded.run(3)
    recorded.heat(1)
    facts = recorded.run_until_frozen()
    found, told, trips = recorded.again()
    tick, line = trips[0]
    assert tick == facts[TRIP_TICK]
    assert line == recorded.protection.events.line(facts[TRIP_SEQ])
    assert found.states == 2
    events = recorded.protection.events
    assert [line for _, line in told] == [
        events.line(seq) for seq in range(facts[FIRST_SEQ], events.next_seq)
    ]


def test_the_first_armed_tick_is_in_it():
    """A trip at once after boot: captured, with what there is of the time before."""
    recorded = Recorded(only(configuration(4), "external_trip"), external_gives=True)
    facts = recorded.run_until_frozen()
    assert facts[BEFORE] < 200
    assert recorded.again()[2][0][0] == facts[TRIP_TICK]


@pytest.mark.parametrize("tick_ms", [20, 100, 250, 1000])
def test_at_every_tick(tick_ms):
    recorded = Recorded()
    recorded.run(8, tick_ms)
    recorded.heat(0)
    facts = recorded.run_until_frozen(tick_ms=tick_ms)
    assert BEFORE_ms <= facts[BEFORE] <= BEFORE_ms + 1000 + tick_ms
    assert AFTER_ms <= facts[AFTER] <= AFTER_ms + tick_ms
    assert recorded.again()[2][0][0] == facts[TRIP_TICK]


def test_uneven_ticks_and_a_wrap_of_the_clock():
    recorded = Recorded(now_ms=(1 << 30) - 3500)
    chance = random.Random(5)
    for _ in range(350):
        recorded.tick(chance.choice((9, 10, 11, 30)))
    recorded.tick(400)
    recorded.heat(2)
    for _ in range(400):
        recorded.tick(chance.choice((9, 10, 11, 30)))
    facts = list(recorded.captures.facts)
    assert recorded.captures.frozen
    assert recorded.again()[2][0][0] == facts[TRIP_TICK]


def test_trips_within_a_second_are_in_the_same_capture():
    recorded = Recorded()
    recorded.run(3)
    recorded.heat(0)
    recorded.run(0.5)
    recorded.heat(3)
    facts = recorded.run_until_frozen()
    trips = recorded.again()[2]
    assert len(trips) == 2
    assert trips[0][0] == facts[TRIP_TICK]
    recorded.run(3)
    assert recorded.captures.missed == 0


def test_a_trip_behind_one_that_is_not_kept_yet_is_captured_too():
    recorded = Recorded()
    recorded.run(3)
    recorded.heat(0)
    first = recorded.run_until_frozen()
    recorded.heat(1)
    recorded.run(5)
    captures = recorded.captures
    assert list(captures.facts) == first
    kept = recorded.log()
    captures.release()
    second = list(captures.facts)
    assert captures.frozen and recorded.log() != kept
    assert second[TRIP_SEQ] > first[TRIP_SEQ]
    assert second[BEFORE] >= 1900  # since the first one was over
    assert recorded.again()[2][0][0] == second[TRIP_TICK]
    captures.release()
    assert (captures.frozen, captures.missed) == (0, 0)
    recorded.run(3)
    recorded.heat(2)
    third = recorded.run_until_frozen()
    assert third[BEFORE] >= BEFORE_ms
    recorded.again()


def test_trips_that_find_no_place_are_counted():
    recorded = Recorded()
    recorded.run(3)
    recorded.heat(0)
    recorded.run_until_frozen()
    recorded.heat(1)
    recorded.run(5)
    recorded.heat(2)
    recorded.run(5)
    assert recorded.captures.missed == 1


def test_without_slack_a_state_is_late_and_still_comes():
    recorded = Recorded(slack=False)
    recorded.run(9)
    recorded.heat(1)
    facts = recorded.run_until_frozen()
    assert BEFORE_ms <= facts[BEFORE] <= 2 * BEFORE_ms + 100
    recorded.again()


class Noise:
    """Every current jumps over the whole range of its monitor, and some answers are lost."""

    def __init__(self, recorded, far=524_287, losses=0.0):
        self.recorded = recorded
        self.far = far
        self.losses = losses
        self.draw = random.Random(2)
        recorded.cabinet.each_tick = self

    def __call__(self, cabinet):
        for k in range(cabinet.batteries):
            cabinet.counts[k] = self.draw.randint(-self.far, self.far)
            lost = self.draw.random() < self.losses
            cabinet.notes[k] = 1 if lost else 0


QUIET = only(configuration(15), "terminal_overtemperature.trip")


def test_fifteen_batteries_whose_currents_jump_by_20_ampere_each_tick_are_captured_whole():
    recorded = Recorded(QUIET)
    Noise(recorded, far=8000)
    recorded.run(4)
    recorded.heat(14)
    facts = recorded.run_until_frozen()
    assert facts[BEFORE] >= BEFORE_ms
    assert facts[AFTER] == AFTER_ms
    assert recorded.again()[2][0][0] == facts[TRIP_TICK]


def test_a_ring_that_is_too_small_drops_what_is_oldest():
    """Beyond any inverter: the capture begins later, or ends earlier, and is right."""
    recorded = Recorded(QUIET, size=9000)
    Noise(recorded)
    recorded.run(5)
    assert recorded.captures._used <= 9000
    recorded.heat(14)
    facts = recorded.run_until_frozen()
    assert facts[BEFORE] + facts[AFTER] > 300
    assert recorded.again()[2][0][0] == facts[TRIP_TICK]


def test_a_ring_that_is_full_while_another_capture_waits_begins_anew():
    recorded = Recorded(QUIET, size=14_000)
    recorded.run(3)
    recorded.heat(0)
    recorded.run_until_frozen()
    log = recorded.log()
    Noise(recorded, losses=0.1)
    recorded.run(8)
    assert recorded.log() == log
    recorded.captures.release()
    recorded.run(2)
    recorded.heat(1)
    recorded.run_until_frozen()
    recorded.again()


def test_more_states_than_there_is_room_to_note_begin_anew():
    """While a capture waits none is dropped; after 8 s the oldest ones are."""
    recorded = Recorded()
    recorded.run(3)
    recorded.heat(0)
    recorded.run_until_frozen()
    recorded.run(12, tick_ms=100)
    recorded.heat(1)
    recorded.run(5, tick_ms=100)
    recorded.captures.release()
    assert recorded.captures.frozen
    recorded.again()


def test_a_ring_that_does_not_even_hold_a_state_tells_that_trips_are_not_captured():
    recorded = Recorded(size=200)
    recorded.run(3)
    recorded.heat(0)
    recorded.run(5)
    assert (recorded.captures.frozen, recorded.captures.missed) == (0, 1)


def test_what_a_person_does_is_run_again():
    config = only(configuration(3, {"breakers.kind": "contactor"}), "external_trip")
    recorded = Recorded(config, current_A=40.0)
    cabinet, protection, captures = recorded.cabinet, recorded.protection, recorded.captures
    cabinet.external_gives = True
    recorded.run(2)
    cabinet.external_gives = False
    recorded.run_until_frozen()
    captures.release()
    recorded.run(3)
    lockout.reset(protection, protection.breakers.main)
    captures.operated(lockout.RESET, protection.breakers.main)
    recorded.run(0.3)
    protection.breakers.close(3, protection.now_ms)
    lockout.record(protection, 3, 5, lockout.CLOSED)
    captures.operated(lockout.CLOSED, 3)
    cabinet.closed[3] = True
    recorded.run(0.5)
    lockout.test(protection, 0)
    captures.operated(lockout.TESTED, 0)
    recorded.run(0.5)
    cabinet.external_gives = True
    facts = recorded.run_until_frozen()
    _found, told, trips = recorded.again()
    assert trips[0][0] == facts[TRIP_TICK]
    kinds = [line.split('"kind":"')[1].split('"')[0] for _, line in told]
    # The test waits for a low current, which the trip of the main brings.
    assert kinds == ["clear", "clear", "command", "command", "trip", "command"]


def test_what_a_person_does_while_nothing_is_recorded_is_not_noted():
    recorded = Recorded(slack=False)  # so that no state begins what follows
    recorded.run(3)
    recorded.heat(0)
    recorded.run_until_frozen()
    frozen = recorded.log()
    recorded.captures.operated(lockout.RESET, 0)
    assert recorded.log() == frozen


def test_channels_that_fail_come_back_as_they_were():
    recorded = Recorded()
    cabinet = recorded.cabinet
    cabinet.lose_monitor(2)
    cabinet.counts[cabinet.terminal_channel(3)] = 33_000  # open
    recorded.waiting.add(cabinet.frame.voltage + 1)
    recorded.run(3)
    cabinet.notes.clear()
    cabinet.counts[0] = -524_288
    recorded.waiting = set(range(cabinet.frame.channels))  # nobody is asked
    recorded.run(0.1)
    recorded.waiting = set()
    recorded.heat(0)
    facts = recorded.run_until_frozen()
    found, _told, trips = recorded.again()
    assert trips[0][0] == facts[TRIP_TICK]
    assert list(found.protection.frame.raw) == list(recorded.captures.ticks.raw)
    assert found.protection.measured.value(0) == pytest.approx(-524_288 * 1.25, abs=1)
    assert found.protection.frame.raw[cabinet.frame.ambient] > BIAS
