"""The table of elements: every row operates at its pickup, after its delay, and not below it.

The rows come from the table, so that a new one is tested by being there; what brings a quantity to
a value stands in DRIVES.
"""

import math

import pytest

from cabinets import Cabinet, configuration, only, put
from packwarden import levels, settings
from packwarden.elements import TABLE
from packwarden.fixed import BIAS
from packwarden.levels import UNITS, is_flag, level_defaults
from packwarden.protection import INPUTS_FAIL, OUTPUTS_FAIL

HIT = 1  # the battery that is hit, from 0
# A setting for rows that are shipped off: pickup, dropout, delay.
SWITCHED_ON = {
    "instantaneous": (300, 250, 100),
    "imbalance": (80, 60, 1000),
    "reverse_idle": (20, 10, 1000),
    "idle_giving": (2, 4, 1000),
    "coldest": (-10, -5, 1000),
    "ambient": (50, 45, 1000),
    "joint": (40, 30, 1000),
    "link": (5, 3, 1000),
    "spread": (20, 15, 1000),
}
# What counts, noise and tables may add, in the row's unit.
MARGIN = {"degC": 0.2, "K": 0.3, "K/min": 0.2, "A": 0.01, "%": 0.4, "V": 0.004, "mOhm": 0.001}
# What a row needs of the bank beside its own settings, by its quantity.
NEEDS = {
    "drift": {"bank.baseline_percent": 100},
    "kirchhoff": {"sensors.main_shunt_uohm": 75},
    "main_shunt_lost": {"sensors.main_shunt_uohm": 75},
    "trip_circuit": {"sensors.trip_circuit": "open_on_fault"},
    "discrepant": {"breakers.feedback": "both"},
    "main_discrepant": {"breakers.feedback": "both"},
}
BANK_FACTS = {"rated_current_A": 100, "batteries": 4, "cells": 16}


def temperature(cabinet, value):
    cabinet.plus_C[HIT] = value


def rise(cabinet, value):
    siblings_C = max(25.0, 58.0 - value)  # the trip wants 50 degC as well
    cabinet.plus_C = [siblings_C] * cabinet.batteries
    cabinet.minus_C = [siblings_C] * cabinet.batteries
    cabinet.plus_C[HIT] += value


def rate(cabinet, value):
    began_C, began_ms = cabinet.plus_C[HIT], cabinet.t_ms

    def warm(cabinet):
        cabinet.plus_C[HIT] = began_C + value * (cabinet.t_ms - began_ms) / 60000

    cabinet.each_tick = warm


def load(cabinet, value):
    cabinet.current_A = [value / 2] * cabinet.batteries
    cabinet.current_A[HIT] = value


def imbalance(cabinet, value):
    cabinet.current_A = [60.0] * cabinet.batteries
    cabinet.current_A[HIT] = 60.0 * (1 + value / 100)


def reverse(cabinet, value):
    cabinet.current_A = [60.0] * cabinet.batteries
    cabinet.current_A[HIT] = -value


def reverse_idle(cabinet, value):
    cabinet.current_A = [value / (cabinet.batteries - 1)] * cabinet.batteries
    cabinet.current_A[HIT] = -value


def ambient(cabinet, value):
    cabinet.ambient_C = value


def idle(cabinet, value):
    cabinet.current_A = [30.0] * cabinet.batteries
    cabinet.current_A[HIT] = value


def voltage(cabinet, value):
    cabinet.voltage_V[HIT] = value


def coldest(cabinet, value):
    cabinet.current_A = [-10.0] * cabinet.batteries
    cabinet.minus_C[HIT] = value


def mismatch(cabinet, value):
    cabinet.voltage_V[HIT] = cabinet.voltage_bus_V - value


def bank_load(cabinet, value):
    cabinet.noisy = False
    cabinet.current_A = [value / cabinet.batteries] * cabinet.batteries


def kirchhoff(cabinet, value):
    cabinet.noisy = False
    cabinet.current_A = [20.0] * cabinet.batteries
    cabinet.main_A = 20.0 * cabinet.batteries + value


def predicted(cabinet, value):
    """The battery beside the one that is hit has left, and the others carry its load."""
    cabinet.current_A = [value] * cabinet.batteries
    cabinet.current_A[HIT] = 0.0


def supply(cabinet, value):
    cabinet.supply_V = 24 * value / 100


def estimated(name):
    """Let the condition monitoring, which is not here, have found a value."""

    def found(cabinet, value):
        quantities = cabinet.protection.quantities
        scope, unit = levels.quantity_facts(name)[:2]
        place = quantities.places[name] + HIT * (2 if scope == levels.TERMINAL else 1)
        quantities.values[place] = BIAS + round(value * UNITS[unit][0])

    return found


DRIVES = {
    **{name: estimated(name) for name in ("joint", "link", "spread", "share_drift")},
    "idle": idle,
    "idle_giving": idle,
    "low_voltage": voltage,
    "voltage": voltage,
    "coldest": coldest,
    "mismatch": mismatch,
    "bank_load": bank_load,
    "kirchhoff": kirchhoff,
    "predicted": predicted,
    "supply": supply,
    "drift": imbalance,
    "temperature": temperature,
    "rise": rise,
    "rate": rate,
    "load": load,
    "instantaneous": reverse,
    "imbalance": imbalance,
    "reverse": reverse,
    "reverse_idle": reverse_idle,
    "ambient": ambient,
}

ROWS = [(element, level) for element in TABLE for level in element.levels]
MEASURED = [row for row in ROWS if row[1].quantity in DRIVES]
NAMES = [f"{element.slug}.{level.key}" for element, level in MEASURED]
FLAGS = [row for row in ROWS if is_flag(row[1])]


def test_every_row_is_tested():
    by_themselves = {"inverse", "bank_inverse"}  # below, and the integrator in test_curves
    assert {level.quantity for _, level in ROWS if not is_flag(level)} == {*DRIVES, *by_themselves}


def switched_on(element, level):
    """Return a configuration in which nothing but this row is on, and its settings."""
    config = configuration(changes=NEEDS.get(level.quantity))
    only(config, f"{element.slug}.{level.key}")
    given = level_defaults(level, BANK_FACTS)
    if given == "off":
        given = {"delay_ms": 1000}
        if not is_flag(level):
            pickup, dropout, delay_ms = SWITCHED_ON[level.quantity]
            given = {"pickup": pickup, "dropout": dropout, "delay_ms": delay_ms}
    if level.wait_ms is not None:
        given["wait_ms"] = 0  # openings have their own tests
    put(config, f"elements.{element.slug}.{level.key}", given)
    assert settings.errors(config) == []
    return config, given


def tick_for(level, delay_ms):
    if level.quantity == "rate":
        return 1000
    return 10 if delay_ms <= 1000 else 50 if delay_ms <= 10000 else 1000


def cabinet_for(element, level):
    config, given = switched_on(element, level)
    warm_C = [25.0] * 4
    if level.quantity == "rate":
        warm_C[HIT] = 56.0  # the second conditions want 5 K of rise, and 50 degC
    cabinet = Cabinet(config, plus_C=warm_C)
    if level.quantity == "predicted":
        cabinet.current_A = [60.0] * 4  # all carry, before one leaves
        cabinet.run(0.1)
    return cabinet, given, tick_for(level, given["delay_ms"])


def lasting_s(level, delay_ms):
    """How long to wait for what must not happen; a rate is fitted over a minute."""
    return delay_ms / 1000 * 1.1 + (130 if level.quantity == "rate" else 0.1)


def first(cabinet, element, seconds, tick_ms=10):
    """Return the element's first event, that of a row without delay at once."""
    told = cabinet.told(element=element.slug)
    return told[0] if told else cabinet.run_until(seconds, tick_ms, element=element.slug)


# What is done by direction: here the battery is reversed, and the bank discharges.
DONE = {
    levels.BATTERY_OR_MAIN: "trip_battery",
    levels.STOP_FLOW: "stop_discharge",
    levels.TRIP_CROSSED: "trip_main",
    levels.MAIN_OR_ALL: "trip_main",
}


@pytest.mark.holds("its element")
@pytest.mark.parametrize(("element", "level"), MEASURED, ids=NAMES)
def test_it_operates_at_its_pickup_after_its_delay_and_not_below(element, level):
    cabinet, given, tick_ms = cabinet_for(element, level)
    margin = MARGIN[level.unit] * level.sign
    drive = DRIVES[level.quantity]
    drive(cabinet, given["pickup"] - margin)
    assert cabinet.run(lasting_s(level, given["delay_ms"]), tick_ms) == []
    drive(cabinet, given["pickup"] + margin)
    pickup = level.sign * round(given["pickup"] * UNITS[level.unit][0])
    cabinet.tick(tick_ms)
    while cabinet.quantity(level.quantity, HIT) < pickup:
        cabinet.tick(tick_ms)
        assert cabinet.t_ms < 10**6
    crossed_ms = cabinet.t_ms
    event = first(cabinet, element, lasting_s(level, given["delay_ms"]), tick_ms)
    least_ms = max(given["delay_ms"], tick_ms * (given.get("samples", 1) - 1))
    assert event["t_ms"] - crossed_ms == math.ceil(least_ms / tick_ms) * tick_ms
    assert event["value"] == pytest.approx(given["pickup"], abs=3 * MARGIN[level.unit])
    assert level.sign * event["value"] >= level.sign * given["pickup"]
    told_as_command = level.level == levels.NO_LEVEL
    action = levels.ACTION_NAMES[level.action]
    assert {name: event[name] for name in event if name not in ("t_ms", "seq", "value")} == {
        "kind": "command" if told_as_command else levels.LEVEL_NAMES[level.level],
        "level": levels.LEVEL_NAMES[level.level],
        "element": element.slug,
        "device": element.device,
        "battery": None if level.scope == levels.BANK else HIT + 1,
        "terminal": "+" if level.scope == levels.TERMINAL else None,
        "limit": given["pickup"],
        "unit": level.unit,
        "held_ms": event["t_ms"] - crossed_ms,
        # Which one a 50 trips depends on the direction: here its battery is reversed.
        "action": DONE.get(level.action, action),
    }
    assert cabinet.told() == [cabinet.events[0], event]


@pytest.mark.holds("its element")
@pytest.mark.parametrize(("element", "level"), MEASURED, ids=NAMES)
def test_it_clears_below_its_dropout_and_not_above_unless_it_latches(element, level):
    cabinet, given, tick_ms = cabinet_for(element, level)
    margin = MARGIN[level.unit] * level.sign
    drive = DRIVES[level.quantity]
    drive(cabinet, given["pickup"] + margin)
    first(cabinet, element, 2 * lasting_s(level, given["delay_ms"]), tick_ms)
    told = len(cabinet.events)
    drive(cabinet, given["dropout"] + margin)
    cabinet.run(lasting_s(level, 1000), tick_ms)
    assert len(cabinet.events) == told
    drive(cabinet, given["dropout"] - margin)
    cabinet.run(lasting_s(level, 1000 + level.reset_ms), tick_ms)
    if level.latch:
        assert len(cabinet.events) == told
        return
    (event,) = cabinet.events[told:]
    assert (event["kind"], event["level"]) == ("clear", levels.LEVEL_NAMES[level.level])
    assert (event["limit"], event["action"]) == (given["dropout"], "none")
    assert event["held_ms"] is None
    assert level.sign * event["value"] < level.sign * given["dropout"]


# Rows with a second condition: what brings the quantity above its pickup without it.
WITHOUT_SECOND = {
    "terminal_rise.trip": {"plus_C": [12.0, 45.0, 12.0, 12.0], "minus_C": 12.0},
    "terminal_rate.alarm": {"plus_C": [60.0, 25.0, 60.0, 60.0]},
    "terminal_rate.trip": {"plus_C": 25.0},
    "current_imbalance.warn": {"current_A": [16.0, 23.5, 16.0, 16.0]},
    "current_imbalance.alarm": {"current_A": [16.0, 30.0, 16.0, 16.0]},
    "current_imbalance.drift_warn": {"current_A": [16.0, 20.0, 16.0, 16.0]},
    "current_imbalance.drift_alarm": {"current_A": [16.0, 25.0, 16.0, 16.0]},
    "charge_temperature.warn": {"minus_C": -5.0, "current_A": -1.5},
    "charge_temperature.alarm": {"minus_C": -5.0, "current_A": 10.0},
    # No one has left: the battery that carries nothing never did.
    "cascade.warn": {"current_A": [150.0, 0.0, 150.0, 150.0]},
    "cascade.alarm": {"current_A": [150.0, 0.0, 150.0, 150.0]},
    "cascade.trip": {"current_A": [150.0, 0.0, 150.0, 150.0]},
}
GATED = [
    name
    for name, (_, level) in zip(NAMES, MEASURED, strict=True)
    if level.gate and level.pickup is not None
]


@pytest.mark.parametrize("name", GATED)
def test_without_its_second_condition_it_stays_silent(name):
    (row,) = [row for known, row in zip(NAMES, MEASURED, strict=True) if known == name]
    config, given = switched_on(*row)
    cabinet = Cabinet(config, **WITHOUT_SECOND[name])
    if row[1].quantity == "rate":
        rate(cabinet, given["pickup"] + 2)
    assert cabinet.run(given["delay_ms"] / 1000 + 90, 500) == []
    if row[1].quantity not in ("rate", "predicted"):
        per_unit = UNITS[row[1].unit][0]
        found = cabinet.quantity(row[1].quantity, HIT)
        assert found > row[1].sign * given["pickup"] * per_unit


def lose(cabinet, quantity):
    """Bring a flag about."""
    frame = cabinet.frame
    lost = {
        "busbar_lost": frame.bus,
        "ambient_lost": frame.ambient,
        "reference_lost": frame.reference,
        "main_shunt_lost": frame.main,
    }
    if quantity in ("thermistor_lost", "lost_hot"):
        cabinet.counts[cabinet.terminal_channel(HIT)] = 22000
    elif quantity == "monitor_lost":
        cabinet.lose_monitor(HIT)
    elif quantity in lost:
        cabinet.counts[lost[quantity]] = 0
        cabinet.notes[lost[quantity]] = 1
    elif quantity == "bms_gives":
        cabinet.bms_gives.add(HIT)
    elif quantity == "external":
        cabinet.external_gives = True
    elif quantity == "trip_circuit":
        cabinet.trip_circuit_open = True
    elif quantity == "chip_limit":
        cabinet.alert = 1
    elif quantity in ("discrepant", "main_discrepant"):
        cabinet.both_open = {cabinet.main if quantity == "main_discrepant" else HIT}
    elif quantity == "output_differs":
        cabinet.protection.faults = OUTPUTS_FAIL
    elif quantity == "controller_fails":
        cabinet.protection.faults = INPUTS_FAIL
    elif quantity == "crossed":
        cabinet.stuck.add(HIT)
        cabinet.protection.breakers.trip(HIT, cabinet.now_ms)
        cabinet.closed[HIT + 1] = False
    else:
        index = cabinet.main if quantity == "main_stays" else HIT
        cabinet.stuck.add(index)
        cabinet.protection.breakers.trip(index, cabinet.now_ms)


@pytest.mark.holds("its element")
@pytest.mark.parametrize(
    ("element", "level"), FLAGS, ids=[f"{element.slug}.{level.key}" for element, level in FLAGS]
)
def test_a_flag_operates_after_its_delay(element, level):
    config, given = switched_on(element, level)
    cabinet = Cabinet(config, plus_C=65.0, current_A=40.0)
    cabinet.run(0.1)
    began_ms = cabinet.t_ms
    lose(cabinet, level.quantity)
    while not cabinet.quantity(level.quantity, HIT):
        cabinet.tick()
        assert cabinet.t_ms - began_ms <= 30  # three strikes
    raised_ms = cabinet.t_ms
    event = first(cabinet, element, given["delay_ms"] / 1000 + 0.1)
    assert event["t_ms"] - raised_ms == event["held_ms"] == given["delay_ms"]
    assert event["kind"] == ("fault" if element.inside else levels.LEVEL_NAMES[level.level])
    assert event["level"] == levels.LEVEL_NAMES[level.level]
    assert event["battery"] == (None if level.scope == levels.BANK else HIT + 1)
    assert event["terminal"] == ("+" if level.scope == levels.TERMINAL else None)
    assert event["action"] == DONE.get(level.action, levels.ACTION_NAMES[level.action])
    if level.shows:
        carrying = 3 if level.quantity == "crossed" else 4
        current_A = 40 * carrying if level.scope == levels.BANK else 40
        assert event["value"] == pytest.approx(current_A, abs=0.01)
        by_current = level.quantity.endswith("_stays")
        assert (event["limit"], event["unit"]) == (5 if by_current else None, "A")  # 5 % of rated
    else:
        assert (event["value"], event["limit"], event["unit"]) == (None, None, None)
    assert len(cabinet.events) == 2


def test_the_integrator_warns_at_75_percent_and_trips_at_its_end():
    cabinet = Cabinet(
        only(configuration(), "overcurrent_inverse.alarm", "overcurrent_inverse.trip")
    )
    cabinet.current_A[HIT] = 250.0
    alarm, trip = cabinet.run(8)  # 0.25 * 80 / (2^2 - 1) = 6.667 s
    assert alarm["t_ms"] == pytest.approx(5000, abs=20)
    assert (alarm["level"], alarm["unit"], alarm["limit"]) == ("alarm", "%", 75)
    assert alarm["value"] == pytest.approx(75, abs=0.2)
    assert trip["t_ms"] == pytest.approx(6667, abs=20)
    assert trip["held_ms"] == pytest.approx(6667, abs=20)
    assert (trip["level"], trip["unit"], trip["limit"]) == ("trip", "A", 125)
    assert trip["value"] == pytest.approx(250, abs=0.01)
    assert trip["action"] == "trip_battery"
    clear = cabinet.run_until(60, 100, kind="clear")  # back by dt / (0.25 * 58.2 s)
    assert clear["t_ms"] - 6700 == pytest.approx(0.288 * 14550, abs=150)


def test_the_integrator_runs_for_its_alarm_where_the_trip_is_off():
    cabinet = Cabinet(only(configuration(), "overcurrent_inverse.alarm"))
    cabinet.current_A[HIT] = 250.0
    assert [event["level"] for event in cabinet.run(8)] == ["alarm"]
