"""The cascade element: when one leaves, the flow stops first, and the main opens 500 ms after."""

import pytest

from cabinets import Cabinet, at_once, configuration

pytestmark = pytest.mark.holds("cascade")

KEYS = ("t_ms", "element", "level", "battery", "action")
HOT_s = 2.01  # from a hot terminal to its trip


def sharing(each_A, batteries=4, obeys=False, **changes):
    """Return a cabinet with a load that its batteries share evenly, for a second so far.

    `obeys`: the load stops where its run-permissive is taken away.
    """
    paths = {name.replace("__", "."): value for name, value in changes.items()}
    cabinet = Cabinet(at_once(configuration(batteries, paths)))
    cabinet.load_A = batteries * each_A
    cabinet.out = set()  # opened by its BMS: the breaker stays closed

    def share(cabinet):
        decider = cabinet.protection.decider
        allowed = decider.charge_allowed if cabinet.load_A < 0 else decider.discharge_allowed
        flows = [cabinet.closed[k] and k not in cabinet.out for k in range(batteries)]
        load_A = cabinet.load_A if allowed or not obeys else 0.0
        cabinet.current_A = [load_A / max(1, sum(flows)) if flow else 0.0 for flow in flows]

    cabinet.each_tick = share
    cabinet.run(1)
    return cabinet


def told(cabinet, seconds):
    """Return what is told while time passes: (ms from now, ...) as in KEYS."""
    began_ms = cabinet.t_ms
    events = cabinet.run(seconds)
    return [(e["t_ms"] - began_ms, *(e[name] for name in KEYS[1:])) for e in events]


def trip_of_one(cabinet, battery=1):
    cabinet.plus_C[battery] = 90.0
    cabinet.run_until(3, kind="trip", battery=battery + 1)


@pytest.mark.parametrize(
    ("sign", "stop", "kept"), [(1, "stop_discharge", "charge"), (-1, "stop_charge", "discharge")]
)
def test_the_flow_stops_at_once_and_the_main_opens_after_500_ms(sign, stop, kept):
    cabinet = sharing(sign * 95)
    trip_of_one(cabinet)
    assert told(cabinet, 0.49) == [(10, "cascade", "alarm", None, stop)]
    decider = cabinet.protection.decider
    allowed = {"charge": decider.charge_allowed, "discharge": decider.discharge_allowed}
    assert [name for name in allowed if allowed[name]] == [kept]
    assert told(cabinet, 0.2) == [(20, "cascade", "trip", None, "trip_main")]
    assert cabinet.closed == [True, False, True, True, False]


def test_a_flow_that_stops_keeps_the_main_closed_and_stays_away_for_a_minute():
    cabinet = sharing(95, obeys=True)
    trip_of_one(cabinet)
    assert told(cabinet, 0.1)[0][1:] == ("cascade", "alarm", None, "stop_discharge")
    cabinet.load_A = 4 * 40
    told(cabinet, 2)
    (clear,) = [event for event in told(cabinet, 70) if event[1] == "cascade"]
    assert clear[0] == pytest.approx(60000 - 2100, abs=200)
    assert cabinet.protection.decider.discharge_allowed
    assert cabinet.closed == [True, False, True, True, True]


def test_it_warns_where_the_others_carry_more_than_rated_but_bear_it():
    cabinet = sharing(80)
    trip_of_one(cabinet)
    ((after_ms, *warn),) = told(cabinet, 1.9)
    assert warn == ["cascade", "warn", None, "none"]
    assert 1000 < after_ms < 1100
    assert cabinet.protection.decider.discharge_allowed


def test_the_others_within_their_rating_are_told_nothing():
    cabinet = sharing(70)
    trip_of_one(cabinet)
    assert told(cabinet, 1.9) == []


def test_a_trip_that_waits_for_its_low_current_counts_as_leaving():
    cabinet = Cabinet(configuration(4, {"breakers.kind": "contactor"}), current_A=95)
    cabinet.run(0.1)
    trip_of_one(cabinet)
    (alarm,) = cabinet.run(0.1)
    assert (alarm["element"], alarm["action"]) == ("cascade", "stop_discharge")
    assert alarm["value"] == pytest.approx(126.7, abs=0.5)
    assert cabinet.closed[1]


def test_a_battery_whose_bms_opens_has_left_too():
    cabinet = sharing(95)
    cabinet.out.add(2)
    alarm, trip = told(cabinet, 1)
    assert alarm[1:] == ("cascade", "alarm", None, "stop_discharge")
    assert trip[1:] == ("cascade", "trip", None, "trip_main")
    assert trip[0] - alarm[0] == 500


def test_of_two_batteries_the_last_one_is_guarded():
    cabinet = sharing(70, batteries=2)
    trip_of_one(cabinet)
    assert told(cabinet, 1)[0][1:] == ("cascade", "alarm", None, "stop_discharge")
    assert not cabinet.closed[cabinet.main]


def test_a_battery_opened_by_hand_is_no_departure():
    cabinet = sharing(95)
    cabinet.closed[1] = False
    assert told(cabinet, 5) == []
    assert cabinet.current_A[0] == pytest.approx(126.7, abs=0.1)


def motor_start(cabinet):
    """Let a motor take three times their rating from all that are closed, for two seconds."""
    before_A = cabinet.load_A
    cabinet.load_A = 300 * sum(cabinet.closed[: cabinet.batteries])
    events = told(cabinet, 2)
    cabinet.load_A = before_A
    events += told(cabinet, 1)
    cabinet.run(60, 1000)  # the integrators come back
    return events


def test_a_motor_starts_with_all_batteries_and_with_one_out_for_service():
    cabinet = sharing(30)
    assert motor_start(cabinet) == []
    cabinet.closed[1] = False
    told(cabinet, 0.1)
    assert motor_start(cabinet) == []
    cabinet.closed[1] = True
    assert motor_start(cabinet) == []


def test_a_motor_starts_some_time_after_a_trip():
    cabinet = sharing(30)
    trip_of_one(cabinet)
    cabinet.plus_C[1] = 25.0
    told(cabinet, 20)
    assert motor_start(cabinet) == []


@pytest.mark.parametrize("idle_A", [0.0, 0.5])
def test_a_motor_starts_from_idle(idle_A):
    cabinet = sharing(30)
    cabinet.load_A = 4 * idle_A
    told(cabinet, 5)
    assert motor_start(cabinet) == []


def late(cabinet, *amperes):
    """Let a step of the load be seen, in which some monitors have converted before it came."""
    share, cabinet.each_tick = cabinet.each_tick, None
    cabinet.current_A = list(amperes)
    events = told(cabinet, 0.01)
    cabinet.each_tick = share
    return events


def test_a_step_between_the_conversions_of_two_monitors_is_no_departure():
    cabinet = sharing(30)
    cabinet.load_A = 0
    told(cabinet, 5)
    assert late(cabinet, 300.0, 300.0, 300.0, 0.0) == []
    assert motor_start(cabinet) == []


def test_a_lost_monitor_is_no_departure():
    cabinet = sharing(30)
    cabinet.lose_monitor(0)
    told(cabinet, 1)
    assert [event for event in motor_start(cabinet) if event[1] == "cascade"] == []


def test_a_lost_monitor_makes_no_prediction_higher():
    cabinet = sharing(65, batteries=3)
    cabinet.lose_monitor(0)
    told(cabinet, 15)
    trip_of_one(cabinet)  # 97.5 A for each of the others
    assert [event for event in told(cabinet, 1) if event[1] == "cascade"] == []


# An overload of all: the battery whose time is over first would only burden the others.


def test_an_overload_of_all_trips_the_main():
    cabinet = sharing(200)
    cabinet.run_until(13, kind="trip")
    cabinet.run(0.1)
    trips = cabinet.told(kind="trip")
    assert [trip["battery"] for trip in trips] == [1, 2, 3, 4]
    assert {(t["element"], t["action"]) for t in trips} == {("overcurrent_inverse", "trip_main")}
    assert cabinet.closed == [True, True, True, True, False]


def test_a_battery_that_is_not_measured_is_not_left_with_the_overload_of_all():
    cabinet = sharing(200)
    cabinet.lose_monitor(0)
    cabinet.run_until(13, kind="trip")
    cabinet.run(0.1)
    trips = cabinet.told(kind="trip")
    assert [trip["battery"] for trip in trips] == [2, 3, 4]
    assert {(t["element"], t["action"]) for t in trips} == {("overcurrent_inverse", "trip_main")}
    assert cabinet.closed == [True, True, True, True, False]


def test_an_overload_of_one_trips_that_one():
    cabinet = Cabinet(at_once(configuration()), current_A=[250.0, 40.0, 40.0, 40.0])
    cabinet.run_until(8, kind="trip")
    cabinet.run(0.1)
    assert [trip["action"] for trip in cabinet.told(kind="trip")] == ["trip_battery"]
    assert cabinet.closed == [False, True, True, True, True]


def test_an_overload_of_all_that_the_others_bear_trips_one():
    """15 at 110 A with one at 130: its load makes 119 % of the others."""
    cabinet = Cabinet(at_once(configuration(15)), current_A=[130.0] + [110.0] * 14)
    trip = cabinet.run_until(300, 100, kind="trip")
    assert (trip["element"], trip["battery"]) == ("overcurrent_inverse", 1)
    assert trip["action"] == "trip_battery"


def test_of_one_battery_the_overload_trips_its_own_breaker():
    cabinet = Cabinet(at_once(configuration(1)), current_A=200.0)
    assert cabinet.run_until(15, kind="trip")["action"] == "trip_battery"


def test_where_nobody_guards_an_overload_trips_battery_after_battery():
    cabinet = sharing(200, elements__cascade__trip="off")
    cabinet.run_until(15, kind="trip")
    assert {trip["action"] for trip in cabinet.told(kind="trip")} == {"trip_battery"}
