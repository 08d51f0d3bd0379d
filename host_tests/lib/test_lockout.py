"""The lockout: why a breaker is not released, and how it is."""

import pytest

from cabinets import Cabinet, at_once, configuration, only
from packwarden import lockout
from packwarden.lockout import CONFIRMATION

pytestmark = pytest.mark.holds("lockout")


def cabinet_that_tripped(*batteries, **changes):
    """Return a cabinet of which these batteries were hot, have tripped, and are cool again."""
    paths = {name.replace("__", "."): value for name, value in changes.items()}
    config = only(
        at_once(configuration(4, paths)), "terminal_overtemperature.trip", "breaker_failure"
    )
    cabinet = Cabinet(config, current_A=40.0)
    cabinet.run(0.1)
    for k in batteries:
        cabinet.plus_C[k] = 85.0
    cabinet.run(3)
    cabinet.plus_C = [25.0] * 4
    cabinet.run(0.1)
    return cabinet


def refusal(cabinet, index, word=None):
    return lockout.refusal(cabinet.protection, index, word)


def reset(cabinet, index):
    """Reset a breaker; returns what is told of it."""
    told = len(cabinet.events)
    lockout.reset(cabinet.protection, index)
    cabinet.tick()
    return cabinet.events[told:]


def test_a_breaker_whose_cause_is_gone_may_be_released():
    cabinet = cabinet_that_tripped(1)
    assert refusal(cabinet, 1) is None


@pytest.mark.parametrize(("index", "who"), [(0, "BAT01"), (4, "the main breaker")])
def test_what_is_not_locked_out_is_not_released(index, who):
    assert refusal(cabinet_that_tripped(1), index) == who + " is not locked out"


@pytest.mark.parametrize("waits", [True, False])
def test_a_breaker_that_is_closed_or_about_to_open_is_not_released(waits):
    cabinet = Cabinet(configuration(4, {"breakers.kind": "contactor"}), current_A=40.0)
    cabinet.run(0.1)
    cabinet.plus_C[1] = 85.0
    cabinet.stuck.add(1)
    cabinet.run_until(3, kind="trip")
    cabinet.run(0.5 if waits else 3)
    cabinet.plus_C[1] = 25.0
    cabinet.run(0.1)
    assert bool(cabinet.protection.decider.openings.pending) == waits
    assert refusal(cabinet, 1) == "BAT02 is not open yet"


def test_a_cause_that_stands_is_named_with_what_it_has_to_come_to():
    cabinet = cabinet_that_tripped(1)
    cabinet.plus_C[1] = 76.0
    cabinet.run(0.1)
    assert refusal(cabinet, 1) == (
        "BAT02 TERM+ terminal_overtemperature is at 75.99 degC, it has to be below 75.00"
    )
    cabinet.plus_C[1] = 74.9
    cabinet.run(0.1)
    assert refusal(cabinet, 1) is None


def test_a_cause_that_is_there_or_not_is_named():
    cabinet = Cabinet(only(at_once(configuration()), "external_trip", "sensor_fault.trip"))
    cabinet.minus_C[1] = 70.0
    cabinet.run(0.5)
    cabinet.counts[cabinet.terminal_channel(1, 1)] = 22000
    cabinet.external_gives = True
    cabinet.run(3)
    assert refusal(cabinet, 1) == "BAT02 TERM- sensor_fault still stands"
    assert refusal(cabinet, cabinet.main) == "external_trip still stands"
    cabinet.counts.clear()
    cabinet.external_gives = False
    cabinet.run(0.1)
    assert refusal(cabinet, 1) is refusal(cabinet, cabinet.main) is None


def test_a_cause_that_cannot_be_measured_any_more_stands():
    cabinet = cabinet_that_tripped(1)
    cabinet.counts[cabinet.terminal_channel(1)] = 22000
    cabinet.run(1)
    assert refusal(cabinet, 1) == (
        "BAT02 TERM+ terminal_overtemperature has no value: its sensor is lost"
    )


def test_the_integrator_has_to_come_back_by_half():
    cabinet = Cabinet(at_once(configuration()), current_A=[250.0, 40.0, 40.0, 40.0])
    cabinet.run_until(8, kind="trip")
    cabinet.current_A = [0.0] * 4
    cabinet.run(0.1)
    assert "overcurrent_inverse is at 99." in refusal(cabinet, 0)
    assert refusal(cabinet, 0).endswith(" %, it has to be below 50.0")
    cabinet.run(8)
    assert refusal(cabinet, 0) is None


def test_a_reset_clears_what_held_it_and_records_both():
    cabinet = cabinet_that_tripped(1, 2)
    assert cabinet.protection.alarm
    cleared, released = reset(cabinet, 1)
    assert (cleared["kind"], cleared["level"], cleared["battery"]) == ("clear", "trip", 2)
    assert (cleared["element"], cleared["terminal"]) == ("terminal_overtemperature", "+")
    assert (cleared["limit"], cleared["action"]) == (75, "none")
    assert (released["element"], released["battery"], released["level"]) == ("lockout", 2, None)
    assert cabinet.protection.breakers.tripped == 0b0100
    assert cabinet.protection.alarm
    reset(cabinet, 2)
    assert not cabinet.protection.alarm
    assert cabinet.run(5) == []
    assert cabinet.closed == [True, False, False, True, True]


def test_what_was_reset_and_comes_back_trips_again():
    cabinet = cabinet_that_tripped(1)
    reset(cabinet, 1)
    cabinet.closed[1] = True
    cabinet.run(1)
    cabinet.plus_C[1] = 85.0
    assert cabinet.run_until(3, kind="trip")["action"] == "trip_battery"
    cabinet.run(0.1)
    assert not cabinet.closed[1]


def test_a_repeated_trip_needs_the_word():
    cabinet = cabinet_that_tripped(1)
    reset(cabinet, 1)
    cabinet.closed[1] = True
    cabinet.plus_C[1] = 85.0
    cabinet.run(3)
    cabinet.plus_C[1] = 25.0
    cabinet.run(0.1)
    reason = 'BAT02 has tripped 2 times within 24 h: find out why, then add the word "inspected"'
    assert refusal(cabinet, 1) == refusal(cabinet, 1, "please") == reason
    assert refusal(cabinet, 1, CONFIRMATION) is None
    cabinet.protection.events.seconds += 24 * 3600
    assert refusal(cabinet, 1) is None


def stuck_behind_the_main():
    """Return a cabinet whose battery 2 stayed, so that the main opened; it is open by hand now."""
    cabinet = Cabinet(at_once(configuration()), current_A=40.0)
    cabinet.stuck.add(1)
    cabinet.plus_C[1] = 85.0
    cabinet.run(3)
    assert not cabinet.closed[cabinet.main]
    cabinet.closed[1] = False
    cabinet.plus_C[1] = 25.0
    cabinet.run(0.2)
    return cabinet


def test_the_main_is_released_after_the_battery_that_took_it_along():
    cabinet = stuck_behind_the_main()
    assert refusal(cabinet, cabinet.main) == "BAT02 tripped the main as well: reset 2 first"
    assert refusal(cabinet, 1) is None
    reset(cabinet, 1)
    assert refusal(cabinet, cabinet.main) is None
    reset(cabinet, cabinet.main)
    assert cabinet.protection.breakers.tripped == 0
    assert not cabinet.protection.alarm


def restarted(cabinet, **measured):
    """Return the cabinet after a restart: what was kept, and where the breakers are."""
    kept = bytes(cabinet.protection.decider.lockout.dump())
    other = Cabinet(cabinet.config, **measured)
    assert other.protection.decider.lockout.load(kept)
    other.closed = list(cabinet.closed)
    other.run(1)
    return other


def test_after_a_restart_the_cause_still_has_to_be_gone():
    cabinet = restarted(cabinet_that_tripped(1), plus_C=[25.0, 79.0, 25.0, 25.0])
    assert refusal(cabinet, 1) == (
        "BAT02 TERM+ terminal_overtemperature is at 79.00 degC, it has to be below 75.00"
    )
    assert cabinet.protection.alarm
    cabinet.plus_C[1] = 70.0
    cabinet.run(0.1)
    assert refusal(cabinet, 1) is None
    reset(cabinet, 1)
    assert cabinet.protection.breakers.tripped == 0


def test_trips_before_a_restart_count():
    cabinet = cabinet_that_tripped(1)
    reset(cabinet, 1)
    cabinet.closed[1] = True
    cabinet = restarted(cabinet)
    cabinet.plus_C[1] = 85.0
    cabinet.run(3)
    assert cabinet.protection.decider.lockout.trips[1] == 2


def test_after_a_50_of_all_the_main_can_be_released_with_the_batteries_closed():
    cabinet = Cabinet(only(configuration(), "overcurrent_instantaneous.trip"), current_A=520.0)
    cabinet.run(0.2)
    cabinet.current_A = [0.0] * 4
    cabinet.run(1)
    assert cabinet.closed == [True] * 4 + [False]
    for k in range(4):
        assert refusal(cabinet, k) is None
        reset(cabinet, k)
    assert refusal(cabinet, cabinet.main) is None


def test_after_a_crossing_the_battery_can_be_released():
    cabinet = Cabinet(at_once(configuration()), current_A=40.0)
    cabinet.run(0.1)
    cabinet.stuck.add(1)
    cabinet.plus_C[1] = 85.0
    cabinet.run_until(3, kind="trip")
    cabinet.closed[2] = False
    cabinet.run(1)
    assert cabinet.protection.breakers.crossed == 0b0010
    cabinet.closed[1] = False
    cabinet.plus_C[1] = 25.0
    cabinet.run(0.2)
    assert refusal(cabinet, 1) is None


def test_a_battery_that_tripped_alone_does_not_hold_the_main():
    cabinet = Cabinet(at_once(configuration()), current_A=[250.0, 40.0, 40.0, 40.0])
    cabinet.run_until(8, kind="trip", action="trip_battery")
    cabinet.external_gives = True
    cabinet.run_until(1, kind="trip", action="trip_main")
    cabinet.external_gives = False
    cabinet.run(1)
    assert refusal(cabinet, cabinet.main) is None


def test_the_only_battery_without_a_contact_is_permitted_again_after_a_reset():
    cabinet = Cabinet(at_once(configuration(1, {"breakers.feedback": "none"})), current_A=30.0)
    cabinet.plus_C = [85.0]
    cabinet.run(3)
    cabinet.plus_C = [25.0]
    cabinet.current_A = [0.0]
    cabinet.run(0.1)
    reset(cabinet, 0)
    cabinet.closed[0] = True
    cabinet.run(1)
    assert cabinet.protection.decider.discharge_allowed


def test_what_a_test_leaves_behind_is_kept_although_the_same_breaker_was_kept_as_tripped():
    cabinet = cabinet_that_tripped(1)
    memory = cabinet.protection.decider.lockout
    memory.dump()
    reset(cabinet, 1)
    cabinet.closed[1] = True
    cabinet.run(0.1)
    lockout.test(cabinet.protection, 1)
    assert memory.unsaved()
    restored = restarted(cabinet)
    assert lockout.cause(restored.protection, 1) == lockout.TEST


def test_a_test_of_a_contactor_waits_for_a_low_current_for_two_seconds():
    cabinet = Cabinet(configuration(4, {"breakers.kind": "contactor"}), current_A=40.0)
    cabinet.run(0.1)
    lockout.test(cabinet.protection, 1)
    assert lockout.cause(cabinet.protection, 1) == lockout.TEST
    openings = cabinet.protection.decider.openings
    cabinet.run(1.99)
    cabinet.tick(9)
    assert openings.pending == 0b10
    cabinet.tick(1)
    assert openings.pending == 0
    cabinet.run(0.1)
    told = cabinet.told(kind="command", element="lockout", battery=2)
    assert [event["action"] for event in told] == ["none", "trip_battery"]
    assert cabinet.closed == [True, False, True, True, True]
