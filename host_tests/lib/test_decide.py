"""The trip matrix: who trips for what, and what is told of it."""

import pytest

from cabinets import Cabinet, at_once, configuration, only
from packwarden import lockout
from packwarden.breakers import FAILED
from packwarden.frame import ABSENT, WRONG_CHIP


def actions(events):
    return [(event["element"], event["battery"], event["action"]) for event in events]


def open_breakers(cabinet):
    """Return the numbers (from 1) of batteries whose breaker is open, and "main"."""
    names = [*range(1, cabinet.batteries + 1), "main"]
    return [name for name, closed in zip(names, cabinet.closed, strict=True) if not closed]


FIFTY = "overcurrent_instantaneous.trip"


@pytest.mark.parametrize(("batteries", "k"), [(2, 1), (3, 1), (4, 0), (4, 1), (15, 1)])
def test_a_reversed_battery_above_the_50_trips_and_no_other(batteries, k):
    cabinet = Cabinet(only(configuration(batteries), FIFTY), current_A=40)
    cabinet.current_A = [600.0] * batteries
    cabinet.current_A[k] = -640.0
    events = cabinet.run(0.05)
    assert actions(events) == [("overcurrent_instantaneous", k + 1, "trip_battery")]
    assert events[0]["t_ms"] <= 20
    cabinet.current_A = [40.0] * batteries
    assert cabinet.run(1) == []
    assert open_breakers(cabinet) == [k + 1]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_50_all_the_same_way_trips_the_main(sign):
    cabinet = Cabinet(only(configuration(4), FIFTY))
    cabinet.current_A = [sign * 520.0, sign * 60.0, sign * 60.0, sign * 60.0]
    events = cabinet.run(0.1)
    assert actions(events) == [("overcurrent_instantaneous", 1, "trip_main")]
    assert open_breakers(cabinet) == ["main"]


def test_all_above_the_50_are_told_and_the_main_trips_once():
    cabinet = Cabinet(only(configuration(3), FIFTY))
    cabinet.current_A = [520.0] * 3
    events = cabinet.run(0.1)
    expected = [("overcurrent_instantaneous", k, "trip_main") for k in (1, 2, 3)]
    assert actions(events) == expected
    assert open_breakers(cabinet) == ["main"]


def test_the_feeders_of_a_reversed_battery_count_again_when_they_go_on():
    cabinet = Cabinet(only(configuration(4), FIFTY))
    cabinet.current_A = [600.0, -640.0, 600.0, 600.0]
    cabinet.run(0.1)
    assert open_breakers(cabinet) == [2]
    events = cabinet.run_until(0.3, kind="trip")  # 600 A still flow out of three: a fault outside
    assert events["action"] == "trip_main"
    # 100 ms after the reversed battery was seen last, at 50 ms, and then two samples.
    assert 150 <= events["t_ms"] <= 170


def test_the_only_battery_above_the_50_trips_the_main():
    cabinet = Cabinet(only(configuration(1), FIFTY), current_A=640)
    assert actions(cabinet.run(0.1)) == [("overcurrent_instantaneous", 1, "trip_main")]


def test_one_sample_above_the_50_is_not_enough():
    cabinet = Cabinet(only(configuration(4), FIFTY))
    for _ in range(5):
        cabinet.current_A = [520.0] * 4
        cabinet.tick()
        cabinet.current_A = [100.0] * 4
        cabinet.tick()
    assert cabinet.told() == cabinet.events[:1]


@pytest.mark.holds("rule 5")
def test_an_opened_battery_stays_watched_and_its_trip_says_that_all_was_open():
    cabinet = Cabinet(current_A=40)
    cabinet.current_A[2] = -60.0
    cabinet.run_until(2, kind="trip")
    cabinet.run(0.2)
    assert open_breakers(cabinet) == [3]
    cabinet.minus_C[2] = 85.0
    trip = cabinet.run_until(3, kind="trip", element="terminal_overtemperature")
    assert (trip["battery"], trip["terminal"], trip["action"]) == (3, "-", "none")


def test_a_breaker_opened_by_hand_is_told_to_open_once_its_battery_trips():
    cabinet = Cabinet(current_A=40)
    cabinet.closed[2] = False
    cabinet.run(0.1)
    cabinet.plus_C[2] = 85.0
    trip = cabinet.run_until(3, kind="trip")
    assert trip["battery"] == 3
    cabinet.run(0.5)
    cabinet.closed[2] = True
    cabinet.run(0.1)
    assert open_breakers(cabinet) == [3]


@pytest.mark.holds("rule 3", "breaker_discrepancy")
@pytest.mark.parametrize("opens", [0, 2])
def test_where_another_breaker_opens_the_battery_is_tripped_again_and_the_main_at_once(opens):
    """Rule 3: the coil of battery 2 is wired to another breaker."""
    rows = ("terminal_overtemperature.trip", "breaker_discrepancy")
    cabinet = Cabinet(only(at_once(configuration()), *rows), current_A=40)
    cabinet.stuck.add(1)
    cabinet.plus_C[1] = 85.0
    cabinet.run_until(3, kind="trip")
    cabinet.run(0.04)
    cabinet.closed[opens] = False
    pulses = cabinet.protection.breakers.pulse_count[1]
    crossed = cabinet.run_until(0.1, kind="trip")
    assert (crossed["element"], crossed["device"]) == ("breaker_discrepancy", "52")
    assert (crossed["battery"], crossed["action"]) == (2, "trip_main")
    assert cabinet.protection.breakers.pulse_count[1] == pulses + 1
    assert cabinet.protection.breakers.state[1] == FAILED
    cabinet.run(0.1)
    assert open_breakers(cabinet) == [opens + 1, "main"]
    assert cabinet.protection.breakers.tripped == 0b10 | 1 << 15


def test_a_record_keeps_what_its_battery_carried():
    config = configuration(changes={"elements.ambient_high.fan": {"pickup": 35, "dropout": 32}})
    cabinet = Cabinet(only(config, "terminal_overtemperature.trip", "ambient_high.fan"))
    cabinet.current_A = [40.0, 41.0, 42.0, 43.0]
    cabinet.plus_C[2] = 85.0
    cabinet.ambient_C = 36.0
    trip = cabinet.run_until(3, kind="trip")
    (fan,) = cabinet.told(element="ambient_high")
    log = cabinet.protection.events
    assert log.event(trip["seq"]).load_mA == pytest.approx(42_000, abs=5)
    assert log.event(fan["seq"]).load_mA is None
    assert log.event(trip["seq"]).detail == log.event(fan["seq"]).detail == 0


def test_what_is_too_low_is_told_with_its_limit():
    cabinet = Cabinet(only(at_once(configuration()), "undervoltage.trip"))
    cabinet.voltage_V[1] = 42.0
    trip = cabinet.run_until(6, 50, kind="trip")
    assert (trip["value"], trip["limit"]) == (pytest.approx(42, abs=0.01), 43.2)


@pytest.mark.parametrize("kind", ["shunt_trip", "contactor"])
def test_what_locked_a_battery_out_is_what_tripped_it_first(kind):
    """A contactor still waits for a low current when the second one comes."""
    changes = {"breakers.kind": kind, "elements.bms_alarm.trip": {"delay_ms": 100}}
    config = only(configuration(4, changes), "terminal_overtemperature.trip", "bms_alarm.trip")
    cabinet = Cabinet(config, current_A=40.0)
    cabinet.run(0.1)
    cabinet.plus_C[1] = 85.0
    cabinet.run(1)
    cabinet.bms_gives.add(1)
    cabinet.run_until(1, kind="trip", element="bms_alarm")
    cabinet.run_until(2, kind="trip", element="terminal_overtemperature")
    assert lockout.cause(cabinet.protection, 1) == "bms_alarm"
    assert cabinet.protection.decider.lockout.trips[1] == 1


def test_two_that_trip_in_one_tick_are_both_opened():
    cabinet = Cabinet(current_A=40)
    cabinet.plus_C = [25.0, 85.0, 25.0, 85.0]
    cabinet.run_until(3, kind="trip")
    trips = cabinet.told(kind="trip")
    assert [trip["battery"] for trip in trips] == [2, 4]
    assert len({trip["t_ms"] for trip in trips}) == 1
    cabinet.run(0.1)
    assert open_breakers(cabinet) == [2, 4]


@pytest.mark.parametrize("hot", [0, 1])
def test_of_two_that_are_charged_the_one_that_trips_leaves_it_to_the_other(hot):
    config = only(configuration(2), "terminal_overtemperature.trip")
    cabinet = Cabinet(config, current_A=-40.0)
    cabinet.plus_C[hot] = 85.0
    cabinet.run_until(3, kind="trip")
    cabinet.run(0.1)
    assert open_breakers(cabinet) == [hot + 1]


def test_one_that_was_reset_and_is_closed_again_takes_over_for_the_other():
    config = only(at_once(configuration(2)), "terminal_overtemperature.trip")
    cabinet = Cabinet(config, current_A=-40.0)
    cabinet.plus_C[0] = 85.0
    cabinet.run_until(3, kind="trip")
    cabinet.plus_C[0] = 25.0
    cabinet.run(0.5)
    lockout.reset(cabinet.protection, 0)
    cabinet.closed[0] = True
    cabinet.run(0.5)
    lockout.test(cabinet.protection, 1)  # while it is charged, the last one would wait
    cabinet.run(0.1)
    assert open_breakers(cabinet) == [2]


def test_ambient_can_be_set_to_trip_the_main():
    level = {"pickup": 50, "dropout": 45, "delay_ms": 1000, "wait_ms": 0}
    config = only(configuration(4, {"elements.ambient_high.trip": level}), "ambient_high.trip")
    cabinet = Cabinet(config, ambient_C=55, current_A=20)
    (event,) = cabinet.run(1.2)
    assert (event["action"], event["battery"]) == ("trip_main", None)
    assert open_breakers(cabinet) == ["main"]


def test_a_breaker_closed_while_it_is_locked_out_is_told_to_open_and_recorded():
    cabinet = Cabinet(current_A=40)
    cabinet.plus_C[1] = 85.0
    cabinet.run_until(3, kind="trip")
    cabinet.run(0.5)
    for _ in range(2):
        cabinet.closed[1] = True
        (command,) = cabinet.run(0.2)
        assert (command["kind"], command["element"]) == ("command", "terminal_overtemperature")
        assert (command["battery"], command["action"]) == (2, "trip_battery")
        assert command["value"] is command["held_ms"] is None
        text = cabinet.protection.events.event(command["seq"]).text()
        assert text.endswith("COMMAND  terminal_overtemperature  BAT02: trip_battery")
        assert open_breakers(cabinet) == [2]


def test_a_main_closed_while_it_is_locked_out_is_told_to_open_and_recorded():
    cabinet = Cabinet(only(configuration(4), FIFTY), current_A=520)
    cabinet.run(0.2)
    assert open_breakers(cabinet) == ["main"]
    cabinet.current_A = [40.0] * 4
    cabinet.closed[cabinet.main] = True
    (command,) = cabinet.run(0.2)
    assert (command["kind"], command["element"]) == ("command", "overcurrent_instantaneous")
    assert (command["battery"], command["action"]) == (None, "trip_main")
    assert open_breakers(cabinet) == ["main"]


def test_a_sensor_fault_says_what_its_own_sensor_has():
    rows = ("alarm", "thermistor", "busbar", "ambient")
    cabinet = Cabinet(only(configuration(), *[f"sensor_fault.{row}" for row in rows]))
    frame = cabinet.frame
    cabinet.counts = {cabinet.terminal_channel(1, 1): 22000, frame.ambient: 0}
    cabinet.notes = {2: ABSENT, frame.voltage + 3: WRONG_CHIP, frame.bus: ABSENT}
    cabinet.run(3)
    log = cabinet.protection.events
    found = [log.event(e["seq"]) for e in cabinet.told(element="sensor_fault")]
    assert sorted((event.place(), event.finding()) for event in found) == [
        ("", "absent"),
        ("", "short"),
        ("BAT02 TERM-", "open"),
        ("BAT03", "absent"),
        ("BAT04", "wrong chip"),
    ]


def test_a_level_held_for_longer_than_records_can_say_says_the_most():
    cabinet = Cabinet(only(configuration(), "terminal_overtemperature.warn"))
    cabinet.plus_C[0] = 60.5
    cabinet.tick()
    cabinet.plus_C[0] = 58.0  # it stays picked up, and does not operate
    for _ in range(7):
        cabinet.tick(24 * 3600 * 1000)
    cabinet.plus_C[0] = 60.5
    (warn,) = cabinet.run(0.01)
    assert warn["held_ms"] == 2**29 - 1  # 6.2 days


def test_a_trip_is_on_its_way_from_its_pickup_until_its_breaker_is_open():
    """Flash is written only while none is."""
    level = {"pickup": 50, "dropout": 45, "delay_ms": 1000}
    config = configuration(4, {"elements.ambient_high.trip": level})
    rows = ("terminal_overtemperature", "ambient_high.trip")
    cabinet = Cabinet(only(at_once(config), *rows), current_A=40)
    moving = cabinet.protection.moving
    cabinet.plus_C[3] = 75.0  # a warning and an alarm
    cabinet.run(0.1)
    assert not moving()
    for k in (3, 0):
        cabinet.plus_C[k] = 85.0
        cabinet.run(0.1)
        assert moving()
        cabinet.plus_C[k] = 78.0  # above its dropout: it is still picked up
        cabinet.run(0.1)
        assert moving()
        cabinet.plus_C[k] = 85.0
        cabinet.run_until(3, kind="trip", battery=k + 1)
        assert moving()
        cabinet.run(0.5)
        assert not moving()
        cabinet.minus_C[k] = 85.0  # of one that is open nothing is on its way
        cabinet.run(0.1)
        assert not moving()
    cabinet.ambient_C = 55.0
    cabinet.run(0.1)
    assert moving()
    cabinet.ambient_C = 25.0
    cabinet.run(0.1)
    assert not moving()
