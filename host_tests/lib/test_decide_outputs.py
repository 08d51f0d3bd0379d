"""What the bank is told beside trips: the fan, the permissives, the alarm relay."""

import pytest

from cabinets import Cabinet, at_once, configuration, only
from packwarden import restart
from packwarden.protection import INPUTS_FAIL, MEMORY_FAILS, OUTPUTS_FAIL, TICKS_LATE


@pytest.mark.holds("tip 6", "ambient_high")
def test_the_fan_runs_above_35_degrees_for_10_s_until_below_32():
    cabinet = Cabinet(ambient_C=36)
    assert cabinet.run(9.9, 100) == []
    assert not cabinet.protection.fan
    (on,) = cabinet.run(0.2, 100)
    assert (on["kind"], on["level"], on["action"]) == ("command", None, "fan")
    assert (on["element"], on["device"], on["limit"]) == ("ambient_high", "49", 35)
    assert cabinet.protection.fan
    cabinet.ambient_C = 32.5
    assert cabinet.run(60, 1000) == []
    cabinet.ambient_C = 31.5
    (off,) = cabinet.run(1)
    assert (off["kind"], off["level"], off["action"]) == ("clear", None, "none")
    assert (off["element"], off["limit"]) == ("ambient_high", 32)
    assert not cabinet.protection.fan
    assert not cabinet.protection.alarm


def test_the_fan_runs_while_nobody_can_say_how_warm_it_is():
    cabinet = Cabinet()
    cabinet.counts[cabinet.frame.ambient] = 0
    cabinet.run(3)
    assert cabinet.protection.fan
    assert cabinet.told(kind="command") == []
    cabinet.counts.clear()
    cabinet.run(0.1)
    assert not cabinet.protection.fan


def test_a_bank_on_which_nothing_has_operated_may_be_charged_and_discharged():
    protection = Cabinet().protection
    assert protection.charge_allowed
    assert protection.discharge_allowed
    assert not protection.fan
    assert not protection.alarm


def permitted(cabinet):
    """Return whether the bank may be charged, and discharged."""
    protection = cabinet.protection
    return protection.charge_allowed, protection.discharge_allowed


@pytest.mark.parametrize(("volts_V", "allowed"), [(46.0, (True, False)), (58.8, (False, True))])
def test_a_voltage_forbids_what_makes_it_worse_as_long_as_one_battery_has_it(volts_V, allowed):
    config = only(configuration(), "undervoltage.alarm", "overvoltage.alarm")
    cabinet = Cabinet(config, voltage_V=[volts_V, volts_V, 52.8, 52.8])
    cabinet.run(11, 50)
    assert permitted(cabinet) == allowed
    cabinet.voltage_V[0] = 52.8
    cabinet.run(0.1)
    assert permitted(cabinet) == allowed
    cabinet.voltage_V[1] = 52.8
    cabinet.run(0.1)
    assert permitted(cabinet) == (True, True)


@pytest.mark.parametrize(
    ("current_A", "action", "allowed"),
    [(95.0, "stop_discharge", (True, False)), (-95.0, "stop_charge", (False, True))],
)
def test_what_the_others_could_not_bear_is_stopped_the_way_it_flows(current_A, action, allowed):
    config = only(at_once(configuration()), "terminal_overtemperature.trip", "cascade.alarm")
    cabinet = Cabinet(config, current_A=current_A)
    cabinet.plus_C[1] = 85.0
    cabinet.run_until(3, kind="trip")
    (alarm,) = cabinet.run(0.1)
    assert (alarm["element"], alarm["action"]) == ("cascade", action)
    assert permitted(cabinet) == allowed
    cabinet.current_A = [0.0] * 4
    cabinet.run(59, 1000)
    assert permitted(cabinet) == allowed
    (clear,) = cabinet.run(2, 1000)
    assert (clear["kind"], clear["action"]) == ("clear", "none")
    assert permitted(cabinet) == (True, True)


def test_the_alarm_relay_drops_with_an_alarm_and_not_with_a_warning():
    cabinet = Cabinet(ambient_C=42)
    cabinet.run(70, 1000)
    assert cabinet.told(kind="warn")
    assert not cabinet.protection.alarm
    cabinet.ambient_C = 47
    cabinet.run_until(70, 1000, kind="alarm")
    assert cabinet.protection.alarm
    cabinet.ambient_C = 30
    cabinet.run(2)
    assert not cabinet.protection.alarm


def test_after_a_trip_the_alarm_relay_stays():
    cabinet = Cabinet(current_A=40)
    cabinet.plus_C[0] = 85.0
    cabinet.run_until(3, kind="trip")
    cabinet.plus_C[0] = 25.0
    cabinet.run(60, 1000)
    assert cabinet.protection.alarm


@pytest.mark.parametrize(
    ("fault", "element", "detail", "reset_ms"),
    [
        (OUTPUTS_FAIL, "output_fault", 0, 1000),
        (INPUTS_FAIL, "controller_fault", restart.INPUTS, 10_000),
        (TICKS_LATE, "controller_fault", restart.LATE, 10_000),
        (MEMORY_FAILS, "controller_fault", restart.MEMORY, 10_000),
    ],
)
def test_a_fault_of_the_controller_drops_the_alarm_relay_and_clears_after_its_time(
    fault, element, detail, reset_ms
):
    cabinet = Cabinet()
    protection = cabinet.protection
    for _ in range(2):
        protection.faults = fault
        (event,) = cabinet.run(1)
        assert (event["kind"], event["level"]) == ("fault", "alarm")
        assert (event["element"], event["battery"]) == (element, None)
        assert (event["value"], event["action"]) == (None, "alarm")
        assert protection.events.event(event["seq"]).detail == detail
        assert protection.alarm
        protection.faults = 0
        assert cabinet.run(0.1) == cabinet.run(reset_ms / 1000 - 0.2, 100) == []
        (clear,) = cabinet.run(0.2)
        assert (clear["kind"], clear["element"]) == ("clear", element)
        assert clear["t_ms"] - event["t_ms"] == 1000 + reset_ms
        assert not protection.alarm


def test_a_fault_drops_the_alarm_relay_where_its_row_is_off_too():
    cabinet = Cabinet(only(configuration()))
    cabinet.protection.faults = TICKS_LATE
    assert cabinet.run(0.1) == []
    assert cabinet.protection.alarm
