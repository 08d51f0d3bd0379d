"""Openings: the permissives drop before the breaker opens where there is time, and how long."""

import pytest

from cabinets import Cabinet, configuration, only
from packwarden.frame import MAIN_BIT
from packwarden.protection import Protection

pytestmark = pytest.mark.holds("rule 4")

HOT = "terminal_overtemperature.trip"
WARM = {"elements.ambient_high.trip": {"pickup": 50, "dropout": 45, "delay_ms": 1000}}


def of_main(current_A, batteries=4, kind="shunt_trip", **more):
    """Return a cabinet whose main breaker has just been told to open, by ambient."""
    changes = WARM | {"breakers.kind": kind} | more
    rows = ("ambient_high.trip", "external_trip", "breaker_failure")
    cabinet = Cabinet(only(configuration(batteries, changes), *rows), current_A=current_A)
    cabinet.run(0.1)
    cabinet.ambient_C = 55.0
    cabinet.run_until(2, kind="trip")
    return cabinet


def of_battery(current_A, batteries=4, kind="contactor", k=1, noisy=True):
    """Return a cabinet of which a battery has just been told to open: it is hot."""
    config = only(configuration(batteries, {"breakers.kind": kind}), HOT, "breaker_failure")
    cabinet = Cabinet(config, current_A=current_A, noisy=noisy)
    cabinet.run(0.1)
    cabinet.plus_C[k] = 85.0
    cabinet.run_until(3, kind="trip")
    return cabinet


def allowed(cabinet):
    decider = cabinet.protection.decider
    return decider.charge_allowed, decider.discharge_allowed


def told(cabinet, seconds=0.0, since=0):
    """Return (ms after the trip, kind, level, battery, action) of what follows it."""
    (began_ms,) = {event["t_ms"] for event in cabinet.told(kind="trip")[:1]}
    cabinet.run(seconds)
    names = ("kind", "level", "battery", "action")
    return [(e["t_ms"] - began_ms, *(e[name] for name in names)) for e in cabinet.events[1:]][
        since:
    ]


@pytest.mark.parametrize("batteries", [4, 14, 15])
@pytest.mark.parametrize(("current_A", "stop"), [(40, "stop_discharge"), (-40, "stop_charge")])
def test_the_main_waits_for_a_low_current_for_two_seconds_at_most(current_A, stop, batteries):
    cabinet = of_main(current_A, batteries)
    assert allowed(cabinet) == (False, False)
    assert told(cabinet, 1.99) == [
        (0, "trip", "trip", None, "trip_main"),
        (0, "command", None, None, stop),
    ]
    assert cabinet.closed[cabinet.main]
    assert told(cabinet, 0.1, 2) == [(2000, "command", "trip", None, "trip_main")]
    assert not cabinet.closed[cabinet.main]
    assert allowed(cabinet) == (False, False)


@pytest.mark.parametrize(
    ("currents_A", "stop"),
    [
        ([6.0] * 4, "stop_discharge"),  # too little to say which way the bank carries
        ([-6.0] * 4, "stop_charge"),
        ([20.0, 20.0, 20.0, -100.0], "stop_discharge"),  # it carries out, and feeds one
        ([-20.0, -20.0, -20.0, 100.0], "stop_charge"),
    ],
)
def test_what_is_stopped_is_what_the_bank_does_or_else_what_its_sum_says(currents_A, stop):
    cabinet = of_main(currents_A)
    assert told(cabinet)[1:] == [(0, "command", None, None, stop)]


def test_of_two_contactors_that_feed_each_other_neither_way_is_charging():
    cabinet = of_battery([8.0, -8.0], batteries=2, noisy=False)
    assert told(cabinet)[1:] == [(0, "command", None, 2, "stop_discharge")]


def test_it_opens_as_soon_as_the_current_is_below_5_percent_of_rated():
    cabinet = of_main(40)
    cabinet.run(0.3)
    cabinet.current_A = [1.3] * 4  # of the bank 5.2 A
    cabinet.run(0.3)
    assert cabinet.closed[cabinet.main]
    cabinet.current_A = [1.2] * 4
    cabinet.run(0.1)
    assert told(cabinet, 0, 2) == [(610, "command", "trip", None, "trip_main")]
    assert not cabinet.closed[cabinet.main]


def test_where_little_flows_nothing_waits():
    cabinet = of_main(1.0)
    assert told(cabinet, 0.1) == [(0, "trip", "trip", None, "trip_main")]
    assert not cabinet.closed[cabinet.main]


@pytest.mark.parametrize("wait_ms", [0, 700])
def test_how_long_it_waits_is_a_setting(wait_ms):
    level = WARM["elements.ambient_high.trip"] | {"wait_ms": wait_ms}
    cabinet = of_main(40, **{"elements.ambient_high.trip": level})
    cabinet.run(max(0, wait_ms - 10) / 1000)
    assert bool(cabinet.protection.decider.openings.pending) == (wait_ms > 0)
    cabinet.run(0.1)
    assert not cabinet.closed[cabinet.main]


def test_what_must_not_wait_opens_what_waits():
    cabinet = of_main(40)
    cabinet.run(0.1)
    cabinet.external_gives = True
    trip = cabinet.run_until(0.2, kind="trip")
    assert (trip["element"], trip["action"]) == ("external_trip", "trip_main")
    cabinet.run(0.1)
    assert not cabinet.closed[cabinet.main]
    assert cabinet.protection.decider.openings.pending == 0
    assert cabinet.run(3) == []


def test_one_battery_of_several_opens_at_once_and_nobody_stops():
    for current_A in (40, -40):
        cabinet = of_battery(current_A, kind="shunt_trip")
        assert told(cabinet, 0.1) == [(0, "trip", "trip", 2, "trip_battery")]
        assert not cabinet.closed[1]
        assert allowed(cabinet) == (True, True)


def test_a_contactor_waits_for_its_own_current():
    cabinet = of_battery(40)
    assert told(cabinet, 0.5) == [
        (0, "trip", "trip", 2, "trip_battery"),
        (0, "command", None, 2, "stop_discharge"),
    ]
    assert allowed(cabinet) == (False, False)
    cabinet.current_A[1] = 4.0  # whatever the others carry
    assert told(cabinet, 0.2, 2) == [(510, "command", "trip", 2, "trip_battery")]
    assert not cabinet.closed[1]
    assert allowed(cabinet) == (True, True)


def test_the_permissives_stay_away_until_the_contactor_is_known_to_be_open():
    cabinet = of_battery(40)
    cabinet.stuck.add(1)
    cabinet.run(2.1)
    assert cabinet.protection.breakers.commanded & 0b10
    assert allowed(cabinet) == (False, False)


@pytest.mark.parametrize(("current_A", "waits"), [(-40, True), (40, False)])
@pytest.mark.parametrize("kind", ["shunt_trip", "uvr"])
def test_the_last_battery_waits_while_it_is_charged(kind, current_A, waits):
    cabinet = of_battery(current_A, batteries=1, kind=kind, k=0)
    cabinet.run(0.1)
    assert cabinet.closed[0] == waits
    assert allowed(cabinet) == (False, False)
    if waits:
        assert told(cabinet, 0, 1) == [(0, "command", None, 1, "stop_charge")]
        cabinet.current_A = [0.0]
        cabinet.run(0.1)
        assert not cabinet.closed[0]


def test_the_last_one_is_the_last_that_is_closed_and_stays():
    cabinet = of_battery(-40, batteries=3, kind="shunt_trip")
    cabinet.run(0.1)
    assert not cabinet.closed[1]
    cabinet.closed[0] = False  # by hand
    cabinet.run(0.1)
    cabinet.plus_C[2] = 85.0
    trip = cabinet.run_until(3, kind="trip", battery=3)
    cabinet.run(0.5)
    assert (trip["battery"], cabinet.closed[2]) == (3, True)
    assert allowed(cabinet) == (False, False)
    cabinet.run(2)
    assert not cabinet.closed[2]


def test_one_that_was_told_to_open_and_stays_is_not_left_to_the_last():
    cabinet = Cabinet(only(configuration(2), HOT), current_A=-40.0)
    cabinet.stuck.add(0)
    cabinet.plus_C[0] = 85.0
    cabinet.run_until(3, kind="trip", battery=1)
    cabinet.plus_C[1] = 85.0
    cabinet.run_until(3, kind="trip", battery=2)
    cabinet.run(0.3)
    assert cabinet.closed == [True] * 3
    assert allowed(cabinet) == (False, False)


def test_where_all_trip_at_once_while_charging_each_waits():
    cabinet = Cabinet(only(configuration(3), HOT), current_A=-40.0)
    cabinet.plus_C = [85.0] * 3
    cabinet.run_until(3, kind="trip")
    cabinet.run(0.3)
    assert cabinet.closed == [True] * 4
    assert allowed(cabinet) == (False, False)
    cabinet.run(2)
    assert cabinet.closed == [False, False, False, True]


@pytest.mark.parametrize("idle", [0, 1])
def test_of_two_that_trip_at_once_the_one_that_is_charged_waits(idle):
    cabinet = Cabinet(only(configuration(2), HOT), current_A=-6.0)
    cabinet.current_A[idle] = 0.0
    cabinet.plus_C = [85.0] * 2
    cabinet.run_until(3, kind="trip")
    cabinet.run(0.3)
    assert cabinet.closed == [idle != 0, idle != 1, True]


def test_while_the_main_is_open_or_no_battery_is_left_nothing_is_permitted():
    cabinet = of_main(0)
    cabinet.run(5)
    assert allowed(cabinet) == (False, False)
    cabinet = Cabinet(configuration(2))
    cabinet.closed = [False, False, True]
    cabinet.run(0.1)
    assert allowed(cabinet) == (False, False)
    cabinet.closed[0] = True
    cabinet.run(0.1)
    assert allowed(cabinet) == (True, True)


def test_the_wait_ends_over_the_wrap_of_the_clock():
    config = only(configuration(2, WARM), "ambient_high.trip")
    cabinet = Cabinet(config, now_ms=(1 << 30) - 2000, current_A=40.0, ambient_C=55.0)
    trip = cabinet.run_until(2, kind="trip")
    opened = cabinet.run_until(3, kind="command", action="trip_main")
    assert opened["t_ms"] - trip["t_ms"] == 2000


@pytest.mark.parametrize("current_A", [40, -40])
def test_the_main_waits_where_a_monitor_is_lost(current_A):
    cabinet = Cabinet(only(configuration(4, WARM), "ambient_high.trip"), current_A=current_A)
    cabinet.lose_monitor(3)
    cabinet.run(0.1)
    cabinet.ambient_C = 55.0
    cabinet.run_until(2, kind="trip")
    cabinet.run(1.5)
    assert cabinet.closed[cabinet.main]


def test_a_contactor_that_trips_for_a_lost_monitor_waits():
    loss = {"elements.overcurrent_inverse.loss": {"delay_ms": 1000}}
    config = only(
        configuration(4, {"breakers.kind": "contactor"} | loss), "overcurrent_inverse.loss"
    )
    cabinet = Cabinet(config, current_A=40)
    cabinet.lose_monitor(1)
    cabinet.run_until(2, kind="trip")
    cabinet.run(1.5)
    assert cabinet.closed[1]


def test_behind_a_main_breaker_that_was_opened_by_hand_nothing_is_permitted():
    cabinet = Cabinet(configuration(2))
    cabinet.closed[cabinet.main] = False
    cabinet.run(0.1)
    assert allowed(cabinet) == (False, False)


@pytest.mark.parametrize(
    ("kind", "batteries", "index"),
    [
        ("contactor", 3, 3),
        ("shunt_trip", 3, 3),
        ("uvr", 3, 3),
        ("contactor", 1, 0),
        ("shunt_trip", 1, 0),
    ],
)
def test_a_contact_that_is_cut_under_load_darkens_no_house(kind, batteries, index):
    cabinet = Cabinet(configuration(batteries, {"breakers.kind": kind}), current_A=40.0)
    cabinet.run(0.5)
    cabinet.lying[index] = False
    cabinet.run(2)
    assert allowed(cabinet) == (True, True)
    cabinet.current_A = [1.0] * batteries
    cabinet.run(3)
    assert allowed(cabinet) == (True, True)


def test_what_opened_without_waiting_was_not_opened_after_waiting():
    cabinet = of_main(40)
    cabinet.external_gives = True
    cabinet.run_until(0.3, kind="trip", element="external_trip")
    cabinet.run(0.5)
    assert cabinet.told(kind="command", action="trip_main") == []


def test_a_main_that_opens_at_once_leaves_no_battery_that_waits_closed():
    config = configuration(4, {"breakers.kind": "contactor"})
    cabinet = Cabinet(only(config, HOT, "external_trip"), current_A=40)
    cabinet.run(0.1)
    cabinet.plus_C[1] = 85.0
    cabinet.run_until(3, kind="trip")
    cabinet.external_gives = True
    cabinet.run(0.3)
    assert cabinet.closed == [True, False, True, True, False]


def test_what_was_told_to_open_does_not_wait_any_more():
    cabinet = Cabinet(only(configuration(4, WARM), "ambient_high.trip", "external_trip"))
    cabinet.current_A = [40.0] * 4
    cabinet.stuck.add(cabinet.main)
    cabinet.external_gives = True
    cabinet.run_until(0.3, kind="trip")
    cabinet.ambient_C = 55.0
    cabinet.run_until(2, kind="trip", element="ambient_high")
    assert cabinet.protection.decider.openings.pending == 0
    assert cabinet.told(kind="command") == []


def test_the_last_battery_whose_current_nobody_knows_opens_at_once():
    cabinet = Cabinet(only(configuration(1), HOT), current_A=-40)
    cabinet.lose_monitor(0)
    cabinet.run(0.1)
    cabinet.plus_C[0] = 85.0
    cabinet.run_until(3, kind="trip")
    cabinet.run(0.1)
    assert not cabinet.closed[0]


@pytest.mark.parametrize("kind", ["shunt_trip", "contactor"])
def test_a_main_whose_contact_denies_its_current_is_closed_until_it_trips(kind):
    config = only(configuration(4, {"breakers.kind": kind}), "external_trip")
    cabinet = Cabinet(config, current_A=40)
    cabinet.run(0.5)
    cabinet.lying[cabinet.main] = False
    cabinet.run(1)
    assert allowed(cabinet) == (True, True)
    cabinet.external_gives = True
    cabinet.run(1)
    assert not cabinet.closed[cabinet.main]
    assert allowed(cabinet) == (False, False)


def test_a_contactor_of_the_main_that_has_denied_its_current_is_closed_without_one():
    cabinet = Cabinet(only(configuration(4, {"breakers.kind": "contactor"})), current_A=40)
    cabinet.run(0.5)
    cabinet.lying[cabinet.main] = False
    cabinet.run(1)
    cabinet.current_A = [0.0] * 4
    cabinet.run(3)
    assert allowed(cabinet) == (True, True)


def test_before_the_first_tick_nothing_is_on_its_way():
    openings = Protection(configuration()).decider.openings
    assert (openings.gone, openings.stops) == (0, False)


def test_while_the_main_is_locked_out_since_before_a_restart_nothing_is_permitted():
    protection = Protection(configuration())
    protection.breakers.restore(1 << MAIN_BIT)
    assert not protection.decider.charge_allowed  # before anything is measured, too
    assert not protection.decider.discharge_allowed
