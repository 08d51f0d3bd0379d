"""The whole step: a healthy bank is left alone, known examples, time, and what always holds."""

import pytest

from cabinets import Cabinet, configuration, only
from packwarden import elements

QUIET_AFTER_BOOT = 1  # the one event of a healthy cabinet


def lines(cabinet):
    """Return the events after the first as tuples without their numbers."""
    return [tuple(v for k, v in e.items() if k != "seq") for e in cabinet.events[1:]]


def test_the_first_event_is_the_boot():
    cabinet = Cabinet()
    assert cabinet.events == [
        {
            "t_ms": 0,
            "seq": 0,
            "kind": "info",
            "level": None,
            "element": "boot",
            "device": None,
            "battery": None,
            "terminal": None,
            "value": None,
            "limit": None,
            "unit": None,
            "held_ms": None,
            "action": "none",
        }
    ]


def test_before_it_is_armed_it_measures_and_tells_nothing():
    cabinet = Cabinet(plus_C=95.0, attempts=600)  # 6 s before it arms
    assert len(cabinet.events) == QUIET_AFTER_BOOT
    assert cabinet.quantity("temperature") == pytest.approx(9500, abs=20)
    trip = cabinet.run_until(3, kind="trip")
    assert trip["held_ms"] == 2000


def test_an_overload_from_before_it_is_armed_is_held_since_then():
    cabinet = Cabinet(only(configuration(), "overcurrent_inverse.trip"), 12345, current_A=250)
    trip = cabinet.run_until(8, kind="trip")
    assert trip["held_ms"] == trip["t_ms"] == pytest.approx(6667, abs=20)


@pytest.mark.parametrize(
    ("batteries", "current_A"),
    [(1, 0.0), (1, 105.0), (1, -60.0), (2, 105.0), (2, -60.0), (3, 0.0), (15, 0.0), (15, 105.0)],
)
def test_a_healthy_bank_is_left_alone(batteries, current_A):
    cabinet = Cabinet(configuration(batteries), current_A=current_A, plus_C=38.0, minus_C=35.0)
    cabinet.ambient_C = 30.0
    assert cabinet.run(320, 1000) == []
    assert not cabinet.protection.alarm
    assert not cabinet.protection.fan
    assert cabinet.protection.breakers.energised() == 0


def test_a_load_that_comes_and_goes_is_left_alone():
    cabinet = Cabinet(configuration(15))
    for load_A in (100, 5, 60, -50, 0, 105, -100, 30):
        for share in (0.5, 0.9, 1):
            cabinet.current_A = [load_A * share] * 15
            assert cabinet.run(0.1) == []


def test_a_motor_start_of_two_seconds_is_left_alone():
    cabinet = Cabinet(current_A=50)
    for _ in range(3):
        cabinet.current_A = [300.0] * 4
        assert cabinet.run(2) == []
        cabinet.current_A = [50.0] * 4
        assert cabinet.run(60, 1000) == []


def of_four_cells():
    """Return the configuration of four 12 V batteries."""
    config = configuration(4, {"bank.cells": 4})
    config["elements"] = elements.defaults(config["bank"])
    return config


@pytest.mark.holds("tip 4", "current_imbalance")
def test_the_worked_example_fed_from_one_end_names_battery_1():
    cabinet = Cabinet(of_four_cells(), current_A=[35.9, 26.2, 20.4, 17.8])
    (warn,) = cabinet.run(660, 1000)
    assert (warn["element"], warn["level"], warn["battery"]) == ("current_imbalance", "warn", 1)
    assert warn["value"] == pytest.approx(54.1, abs=0.3)
    assert (warn["limit"], warn["unit"], warn["held_ms"]) == (40, "%", 120000)


@pytest.mark.holds("tip 4", "current_imbalance")
def test_the_worked_example_fed_diagonally_is_silent():
    cabinet = Cabinet(of_four_cells(), current_A=[26.7, 23.2, 23.2, 26.7])
    assert cabinet.run(320, 1000) == []


# Shares of a diagonal bank of 15 over their mean: 1.29 at the ends, 0.83 in the middle.
DIAGONAL_15 = [
    1.29,
    1.16,
    1.06,
    0.98,
    0.92,
    0.87,
    0.84,
    0.83,
    0.84,
    0.87,
    0.92,
    0.98,
    1.06,
    1.16,
    1.29,
]


@pytest.mark.parametrize("mean_A", [-60, 10, 16, 45, 80])
def test_a_diagonal_bank_of_15_is_silent(mean_A):
    cabinet = Cabinet(configuration(15), current_A=[mean_A * share for share in DIAGONAL_15])
    assert cabinet.run(180, 1000) == []
    if abs(mean_A) > 20:
        assert cabinet.quantity("imbalance") == pytest.approx(325, abs=90)


def test_two_batteries_are_each_compared_with_the_other():
    cabinet = Cabinet(configuration(2), current_A=[50.0, 33.0])
    (warn,) = cabinet.run(130, 1000)
    assert (warn["battery"], warn["level"]) == (1, "warn")  # 52 %; the other one has 34 %
    cabinet = Cabinet(configuration(2), current_A=[60.0, 25.0])
    cabinet.run(130, 1000)
    assert [e["battery"] for e in cabinet.told(kind="warn")] == [1, 2]


def test_a_loose_terminal_warns_alarms_and_trips_its_breaker_and_the_others_go_on():
    cabinet = Cabinet(current_A=60)

    def warm(cabinet):
        cabinet.plus_C[2] = min(95.0, 25 + 4 * cabinet.t_ms / 60000)

    cabinet.each_tick = warm
    cabinet.run(1200, 1000)
    told = [e for e in cabinet.events if e["kind"] in ("warn", "alarm", "trip")]
    assert {(e["battery"], e["terminal"]) for e in told} == {(3, "+")}
    assert told[0]["kind"] == "warn"
    trips = cabinet.told(kind="trip", action="trip_battery")
    assert len(trips) == 1
    assert cabinet.closed == [True, True, False, True, True]
    assert cabinet.told(element="breaker_failure") == []


def test_a_lost_monitor_is_an_alarm_and_no_trip_and_clears_after_10_healthy_seconds():
    cabinet = Cabinet(current_A=60)
    cabinet.lose_monitor(1)
    (alarm,) = cabinet.run(30, 100)
    assert (alarm["kind"], alarm["element"], alarm["battery"]) == ("alarm", "sensor_fault", 2)
    assert cabinet.protection.alarm
    cabinet.notes.clear()
    (clear,) = cabinet.run(30, 100)
    assert (clear["kind"], clear["battery"]) == ("clear", 2)
    assert clear["t_ms"] - 30000 == 3 * 100 + 10000  # believed at the third good conversion
    assert not cabinet.protection.alarm


def test_a_lost_cool_thermistor_is_an_alarm_and_no_trip():
    for count in (0, 22000):
        cabinet = Cabinet(plus_C=58.0)
        cabinet.counts[cabinet.terminal_channel(3, 1)] = count
        (alarm,) = cabinet.run(60, 100)
        assert (alarm["kind"], alarm["battery"], alarm["terminal"]) == ("alarm", 4, "-")


def test_a_terminal_lost_hot_trips():
    cabinet = Cabinet(plus_C=[25.0, 62.0, 25.0, 25.0])
    cabinet.run(1)
    cabinet.counts[cabinet.terminal_channel(1)] = 22000
    trip = cabinet.run_until(3, kind="trip")
    assert (trip["element"], trip["battery"], trip["terminal"]) == ("sensor_fault", 2, "+")
    assert (trip["action"], trip["held_ms"]) == ("trip_battery", 2000)
    assert cabinet.told(kind="alarm", element="sensor_fault")


def test_a_lost_reference_is_one_alarm_and_blinds_without_tripping():
    cabinet = Cabinet(plus_C=58.0, minus_C=58.0)
    cabinet.run(1)
    cabinet.counts[cabinet.frame.reference] = 0
    events = cabinet.run(60, 100)
    assert [(e["kind"], e["element"], e["battery"]) for e in events] == [
        ("alarm", "sensor_fault", None)
    ]


def test_a_terminal_that_was_hot_when_the_reference_was_lost_trips():
    cabinet = Cabinet(plus_C=[25.0, 62.0, 25.0, 25.0])
    cabinet.run(1)
    cabinet.counts[cabinet.frame.reference] = 0
    events = cabinet.run(10)
    assert [(e["kind"], e["element"], e["battery"]) for e in events] == [
        ("alarm", "sensor_fault", None),
        ("trip", "sensor_fault", 2),
    ]


def test_sensors_that_never_answered_are_alarms_and_no_trips():
    events = Cabinet(configuration(2), notes=dict.fromkeys(range(11), 1)).run(60, 100)
    assert {(e["kind"], e["element"]) for e in events} == {("alarm", "sensor_fault")}
    assert len(events) == 2 + 4 + 3  # monitors, terminals, and busbar, ambient, reference


def test_a_gap_in_time_does_not_replace_a_sample():
    cabinet = Cabinet(only(configuration(), "overcurrent_instantaneous.trip"))
    cabinet.current_A = [520.0] * 4
    cabinet.tick()
    cabinet.tick(3000)
    assert len(cabinet.events) == QUIET_AFTER_BOOT
    cabinet.tick()
    assert cabinet.told(kind="trip")


def test_integrators_take_two_seconds_at_most_from_a_gap():
    cabinet = Cabinet(only(configuration(), "overcurrent_inverse.trip"))
    cabinet.current_A = [250.0] * 4  # 6.7 s
    cabinet.tick()
    cabinet.tick(60000)
    assert cabinet.quantity("inverse") == pytest.approx(300, abs=5)
    assert len(cabinet.events) == QUIET_AFTER_BOOT


SCENE = {"current_A": [60.0, 10.0, 60.0, -55.0], "plus_C": [25.0, 85.0, 25.0, 25.0]}


def played(tick_ms, now_ms=0, seconds=140):
    cabinet = Cabinet(now_ms=now_ms)
    for name, value in SCENE.items():
        setattr(cabinet, name, list(value))
    cabinet.run(seconds, tick_ms)
    return cabinet


@pytest.mark.parametrize("now_ms", [(1 << 30) - 1, (1 << 30) - 100005, 1 << 29])
def test_the_wrap_of_the_clock_changes_nothing(now_ms):
    expected = lines(played(500))
    assert len(expected) > 5
    assert lines(played(500, now_ms)) == expected


def test_ticks_of_a_second_tell_the_same_within_a_second():
    coarse, fine = played(1000, seconds=12), played(10, seconds=12)
    names = ("kind", "level", "element", "battery", "terminal", "action")

    def told(cabinet):
        return {tuple(e[name] for name in names): e["t_ms"] for e in cabinet.events}

    assert set(told(coarse)) == set(told(fine))
    for key, t_ms in told(fine).items():
        assert 0 <= told(coarse)[key] - t_ms <= 2000


def test_a_run_longer_than_the_clock_still_tells_the_time():
    cabinet = Cabinet()
    for _ in range(20):
        cabinet.tick(24 * 3600 * 1000)
    cabinet.plus_C[0] = 85.0
    assert cabinet.run_until(3, kind="trip")["t_ms"] == 20 * 86400000 + 2010
