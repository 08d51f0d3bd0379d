"""What the elements of voltage watch: low and high ones, the cold at charging, the way to join."""

import pytest

from cabinets import Cabinet, at_once, configuration, only


def settled(batteries=4, **measured):
    cabinet = Cabinet(configuration(batteries), **measured)
    cabinet.run(0.03)
    return cabinet


def volts(cabinet, name):
    """Return a quantity of each battery in V, degC or A, as it is; None without a value."""
    sign = -1 if name in ("low_voltage", "coldest") else 1
    per_unit = 100 if name == "coldest" else 1000
    found = [cabinet.quantity(name, k) for k in range(cabinet.batteries)]
    return [None if value is None else sign * value / per_unit for value in found]


def near(*values):
    return pytest.approx(values, abs=0.002)


def test_voltages_are_those_of_the_batteries():
    cabinet = settled(voltage_V=[48.0, 52.0, 56.0, 59.0])
    assert volts(cabinet, "voltage") == near(48, 52, 56, 59)
    assert volts(cabinet, "low_voltage") == near(48, 52, 56, 59)


@pytest.mark.parametrize("name", ["voltage", "low_voltage"])
def test_a_lost_voltage_has_no_value_and_that_of_an_open_battery_is_set_aside(name):
    cabinet = settled(voltage_V=51.0)
    cabinet.lose_monitor(0)
    cabinet.closed[1] = False
    cabinet.run(0.05)
    assert volts(cabinet, name) == [None, None, *near(51, 51).expected]


STOPS = ("undervoltage.alarm", "overvoltage.alarm")


def stops(cabinet):
    decider = cabinet.protection.decider
    return not decider.charge_allowed, not decider.discharge_allowed


@pytest.mark.parametrize(
    ("volts_V", "stopped"), [(46.0, (False, True)), (59.0, (True, False)), (52.0, (False, False))]
)
def test_a_voltage_stops_what_makes_it_worse_until_it_is_well_again(volts_V, stopped):
    cabinet = Cabinet(only(configuration(), *STOPS))
    cabinet.voltage_V[2] = volts_V
    cabinet.run(10.5, 100)
    assert stops(cabinet) == stopped
    cabinet.voltage_V[2] = 52.0
    cabinet.run(0.1)
    assert stops(cabinet) == (False, False)


@pytest.mark.parametrize("volts_V", [46.0, 59.0])
def test_an_open_battery_stops_nobody(volts_V):
    cabinet = Cabinet(only(configuration(), *STOPS))
    cabinet.voltage_V[2] = volts_V
    cabinet.run(10.5, 100)
    assert True in stops(cabinet)
    cabinet.closed[2] = False
    cabinet.run(0.1)
    assert stops(cabinet) == (False, False)
    assert cabinet.run(20, 100) == []


@pytest.mark.parametrize(("volts_V", "slug"), [(43.0, "undervoltage"), (59.5, "overvoltage")])
def test_a_lost_voltage_neither_trips_nor_lets_go_of_a_stop(volts_V, slug):
    cabinet = Cabinet(only(configuration(), f"{slug}.alarm", f"{slug}.trip"))
    cabinet.voltage_V[2] = volts_V
    cabinet.run(0.8)
    cabinet.lose_monitor(2)
    assert cabinet.run(20, 100) == []
    cabinet.notes.clear()
    cabinet.voltage_V[2] = 46.0 if volts_V < 48 else 58.5
    cabinet.run_until(20, 100, kind="alarm")
    cabinet.lose_monitor(2)
    cabinet.run(20, 100)
    assert True in stops(cabinet)


def test_a_dip_of_two_seconds_under_a_motor_start_is_left_alone():
    cabinet = Cabinet(at_once(configuration()), current_A=50.0)
    for volts_V, current_A, seconds in ((46.0, 300.0, 2), (52.0, 50.0, 5)):
        cabinet.voltage_V = [volts_V] * 4
        cabinet.current_A = [current_A] * 4
        assert cabinet.run(seconds) == []


def test_a_bus_that_collapses_for_good_trips():
    cabinet = Cabinet(at_once(configuration()), current_A=50.0)
    cabinet.voltage_V[0] = 42.0
    trip = cabinet.run_until(6, kind="trip")
    assert (trip["element"], trip["battery"], trip["t_ms"]) == ("undervoltage", 1, 5010)
    assert trip["value"] == pytest.approx(42, abs=0.01)
    assert (trip["limit"], trip["unit"]) == (43.2, "V")


# The coldest terminal, while the battery is charged.


def test_the_coldest_of_both_terminals_counts_and_one_alone_where_the_other_is_lost():
    cabinet = settled(plus_C=[30.0, 5.0, 5.0, 5.0], minus_C=[4.0, 30.0, 30.0, 30.0])
    cabinet.counts[cabinet.terminal_channel(2)] = 22000
    for terminal in (0, 1):
        cabinet.counts[cabinet.terminal_channel(3, terminal)] = 22000
    cabinet.run(0.05)
    found = volts(cabinet, "coldest")
    assert found[:3] == pytest.approx([4, 5, 30], abs=0.1)
    assert found[3] is None


def test_charging_is_what_flows_in():
    cabinet = settled(current_A=[-20.0, 20.0, 0.0, -5.0])
    assert volts(cabinet, "charging") == pytest.approx([20, 0, 0, 5], abs=0.01)
    cabinet.lose_monitor(0)
    cabinet.run(0.05)
    assert cabinet.quantity("charging", 0) is None


COLD = ("charge_temperature.warn", "charge_temperature.alarm")


def test_charging_in_the_frost_is_stopped_until_it_is_warmer_and_not_only_until_it_stopped():
    cabinet = Cabinet(only(configuration(), *COLD), current_A=-20.0)
    cabinet.minus_C[1] = -2.0
    alarm = cabinet.run_until(61, 100, kind="alarm")
    assert (alarm["action"], alarm["value"]) == ("stop_charge", pytest.approx(-2, abs=0.1))
    assert stops(cabinet) == (True, False)
    cabinet.current_A = [0.0] * 4
    cabinet.run(600, 1000)
    assert stops(cabinet) == (True, False)
    cabinet.minus_C[1] = 2.9
    cabinet.run(1)
    assert stops(cabinet) == (True, False)
    cabinet.minus_C[1] = 3.2
    cabinet.run(1)
    assert stops(cabinet) == (False, False)


def test_discharging_in_the_frost_is_no_matter():
    cabinet = Cabinet(only(configuration(), *COLD), current_A=20.0, minus_C=-10.0)
    assert cabinet.run(120, 1000) == []


def test_a_cold_battery_that_is_opened_stops_nobody():
    cabinet = Cabinet(only(configuration(), *COLD), current_A=-20.0)
    cabinet.minus_C[1] = -2.0
    cabinet.run_until(61, 100, kind="alarm")
    cabinet.closed[1] = False
    cabinet.run(0.1)
    assert stops(cabinet) == (False, False)


# The difference to what a battery is joined to, at rest.


def mismatch(**measured):
    return volts(settled(**measured), "mismatch")


def test_at_rest_a_battery_is_compared_with_the_busbar():
    found = mismatch(voltage_V=[52.8, 52.9, 52.7, 52.8], voltage_bus_V=52.8)
    assert found == near(0, 0.1, 0.1, 0)


def test_without_the_busbar_with_the_median_of_those_that_are_on_it():
    cabinet = settled(voltage_V=[52.8, 53.4, 53.5, 56.0])
    cabinet.notes[cabinet.frame.bus] = 1
    cabinet.closed[3] = False
    cabinet.run(0.05)
    assert volts(cabinet, "mismatch") == near(0.6, 0, 0.1, 2.6)


@pytest.mark.parametrize("alone", range(4))
def test_one_that_is_alone_on_the_busbar_is_what_the_others_are_joined_to(alone):
    cabinet = settled(voltage_V=[52.8, 52.9, 53.1, 53.4], voltage_bus_V=53.0)
    cabinet.closed[:4] = [k == alone for k in range(4)]
    cabinet.run(0.05)
    assert volts(cabinet, "mismatch") == near(0.2, 0.1, 0.1, 0.4)


def test_with_nobody_on_the_busbar_with_the_one_that_differs_most():
    cabinet = settled(voltage_V=[52.7, 52.9, 52.8, 53.1], voltage_bus_V=0.0)
    cabinet.closed[:4] = [False] * 4
    cabinet.run(0.05)
    assert volts(cabinet, "mismatch") == near(0.4, 0.2, 0.3, 0.4)
    cabinet.lose_monitor(1)
    cabinet.run(0.05)
    assert volts(cabinet, "mismatch") == near(0.4, None, 0.3, 0.4)


def test_a_main_breaker_that_is_closed_puts_nobody_on_the_busbar():
    cabinet = settled(15, voltage_V=[52.8] * 14 + [53.1], voltage_bus_V=0.0)
    cabinet.closed[:15] = [False] * 15
    cabinet.run(0.05)
    assert volts(cabinet, "mismatch") == near(*[0.3] * 15)


@pytest.mark.parametrize("current_A", [[6.0, 0.0, 0.0, 0.0], [-6.0, 6.0, 0.0, 0.0], [2.0] * 4])
def test_under_load_nothing_is_known_of_a_difference(current_A):
    assert mismatch(voltage_V=[52.8, 53.8, 52.8, 52.8], current_A=current_A) == [None] * 4


def test_what_is_lost_has_none_and_what_is_locked_out_is_set_aside():
    cabinet = Cabinet(only(configuration(), "terminal_overtemperature.trip"))
    cabinet.voltage_V[1] = 53.5
    cabinet.plus_C[1] = 85.0
    cabinet.lose_monitor(0)
    cabinet.run(3)
    assert volts(cabinet, "mismatch")[:2] == [None, None]


def test_a_battery_that_differs_inhibits_its_closing_after_a_minute_at_rest_and_is_no_alarm():
    cabinet = Cabinet(only(configuration(), "voltage_mismatch"))
    cabinet.closed[1] = False
    cabinet.voltage_V[1] = 53.2
    (alarm,) = cabinet.run(61, 100)
    assert (alarm["battery"], alarm["action"]) == (2, "inhibit_close")
    assert not cabinet.protection.alarm
    cabinet.voltage_V[1] = 52.81
    (clear,) = cabinet.run(1)
    assert (clear["kind"], clear["battery"]) == ("clear", 2)
