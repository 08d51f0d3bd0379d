"""The table as shipped: every figure of the reference typed in once more, and what reads it."""

import pytest

from cabinets import configuration
from packwarden import elements, levels, settings
from packwarden.elements import TABLE, defaults
from packwarden.levels import UNITS

OFF = "off"
BANK = {"rated_current_A": 100, "batteries": 1, "cells": 16}  # what the reference is written for
# Per row: pickup, dropout, delay in ms, then what else there is; for 100 A a battery.
SHIPPED = {
    "terminal_overtemperature": {
        "warn": (60, 55, 5000),
        "alarm": (70, 65, 5000),
        "trip": (80, 75, 2000, {"samples": 2}),
        "loss": OFF,
    },
    "terminal_rise": {
        "warn": (6, 4, 300000),
        "alarm": (15, 13, 120000),
        "trip": (30, 28, 60000, {"samples": 2, "at_least": 50}),
    },
    "terminal_rate": {
        "warn": (2.5, 1.25, 60000),
        "alarm": (5, 2.5, 30000, {"at_least": 5}),
        "trip": (10, 5, 15000, {"samples": 2, "at_least": 50}),
    },
    "overcurrent_inverse": {
        "warn": (110, 104.5, 60000),
        "alarm": (75, 71.2, 0),
        "trip": {"pickup": 125, "curve": "IEC_EI", "tms": 0.25},
        "loss": OFF,
    },
    "overcurrent_instantaneous": {
        "warn": OFF,
        "alarm": OFF,
        "chip_limit": (None, None, 250),
        "trip": (500, 400, 0, {"samples": 2}),
    },
    # "Per bank rating", and slower than the batteries'.
    "bank_overcurrent": {
        "warn": (110, 104.5, 120000),
        "alarm": OFF,
        "trip": {"pickup": 125, "curve": "IEC_EI", "tms": 0.5},
    },
    "current_imbalance": {
        "warn": (40, 38, 120000, {"at_least": 8}),
        "drift_warn": (15, 11, 300000, {"at_least": 5}),
        "alarm": (60, 57, 60000, {"at_least": 15}),
        "drift_alarm": (30, 22, 120000, {"at_least": 10}),
        "slow_warn": (10, 7, 300000),
        "trip": OFF,
    },
    "reverse_current": {
        "warn": (10, 5, 10000),
        "alarm": (20, 10, 5000),
        "trip": (50, 25, 1000, {"samples": 2}),
        "trip_high": (200, 100, 0, {"samples": 2}),
        "idle_warn": (10, 5, 600000),
        "idle_alarm": (25, 12.5, 60000),
        "idle_trip": OFF,
    },
    "idle_string": {
        "warn": (2, 4, 60000),
        "alarm": (2, 4, 600000),
        "trip": OFF,
    },
    "undervoltage": {
        "warn": (48, 49, 60000),
        "alarm": (46.4, 47.4, 10000),
        "trip": (43.2, 44.2, 5000, {"samples": 2}),
        "loss": OFF,
    },
    "overvoltage": {
        "warn": (58, 57.2, 60000),
        "alarm": (58.4, 57.6, 5000),
        "trip": (59.2, 58.4, 1000, {"samples": 2}),
        "loss": OFF,
    },
    "charge_temperature": {
        "warn": (2, 5, 60000, {"at_least": 2}),
        "alarm": (0, 3, 60000, {"at_least": 2}),
        "trip": OFF,
    },
    "voltage_mismatch": {"alarm": (0.05, 0.03, 60000)},
    "bms_alarm": {"alarm": (None, None, 1000), "trip": OFF},
    "external_trip": {"trip": (None, None, 100)},
    "ambient_high": {
        "fan": (35, 32, 10000),
        "warn": (40, 37, 60000),
        "alarm": (45, 42, 60000),
        "trip": OFF,
        "loss": OFF,
    },
    "sensor_fault": {
        "alarm": (None, None, 1000),
        "thermistor": (None, None, 2000),
        "busbar": (None, None, 1000),
        "ambient": (None, None, 2000),
        "reference": (None, None, 2000),
        "main_shunt": (None, None, 1000),
        "kirchhoff": (5, 3, 10000),
        "trip": (None, None, 2000),
    },
    "breaker_failure": {
        "retrip": (None, None, 150),
        "main": (None, None, 300),
        "all": (None, None, 600),
        "main_retrip": (None, None, 150),
        "main_all": (None, None, 300),
    },
    "breaker_discrepancy": {
        "alarm": (None, None, 500),
        "main": (None, None, 500),
        "crossed": (None, None, 0),
    },
    "output_fault": {"alarm": (None, None, 0)},
    "trip_circuit": {"alarm": (None, None, 1000)},
    "control_supply": {"alarm": (85, 90, 1000)},
    "cascade": {
        "warn": (100, 95, 1000),
        "alarm": (125, 95, 0),
        "trip": (125, 95, 500),
    },
    "controller_fault": {"alarm": (None, None, 0)},
    "lockout": {},
    # A level that tells earlier than the reference: what is surely there is told from 1 K on.
    "joint_heating": {
        "early_warn": (1, 0.5, 300000),
        "warn": (8, 5.6, 300000),
        "alarm": (20, 14, 300000),
        "trip": OFF,
    },
    "link_resistance": {
        "warn": (0.3, 0.21, 300000),
        "alarm": (1, 0.7, 300000),
        "trip": OFF,
    },
    "resistance_mismatch": {
        "warn": (3, 2, 300000),
        "alarm": (6, 4, 300000),
        "trip": OFF,
    },
}
DEVICES = {
    "terminal_overtemperature": "26",
    "terminal_rise": "26",
    "terminal_rate": "26",
    "overcurrent_inverse": "51",
    "overcurrent_instantaneous": "50",
    "bank_overcurrent": "51",
    "current_imbalance": "60",
    "reverse_current": "32",
    "idle_string": "37",
    "undervoltage": "27",
    "overvoltage": "59",
    "charge_temperature": "26",
    "voltage_mismatch": "25",
    "bms_alarm": "30",
    "external_trip": None,
    "ambient_high": "49",
    "sensor_fault": None,
    "breaker_failure": "50BF",
    "breaker_discrepancy": "52",
    "output_fault": None,
    "trip_circuit": "74TC",
    "control_supply": "27C",
    "cascade": None,
    "controller_fault": None,
    "lockout": "86",
    "joint_heating": "23",
    "link_resistance": None,
    "resistance_mismatch": None,
}
# What each level does; warn and the rows that are not named here do nothing.
ACTIONS = {
    "terminal_overtemperature.trip": "trip_battery",
    "terminal_overtemperature.loss": "trip_battery",
    "terminal_rise.trip": "trip_battery",
    "terminal_rate.trip": "trip_battery",
    "overcurrent_inverse.trip": "trip_battery or trip_main",
    "overcurrent_inverse.loss": "trip_battery",
    "overcurrent_instantaneous.trip": "trip_battery or trip_main",
    "bank_overcurrent.trip": "trip_main",
    "current_imbalance.trip": "trip_battery",
    "reverse_current.trip": "trip_battery",
    "reverse_current.trip_high": "trip_battery",
    "reverse_current.idle_trip": "trip_battery",
    "idle_string.trip": "trip_battery",
    "undervoltage.alarm": "stop_discharge",
    "undervoltage.trip": "trip_battery",
    "undervoltage.loss": "trip_battery",
    "overvoltage.alarm": "stop_charge",
    "overvoltage.trip": "trip_battery",
    "overvoltage.loss": "trip_battery",
    "charge_temperature.alarm": "stop_charge",
    "charge_temperature.trip": "trip_battery",
    "voltage_mismatch.alarm": "inhibit_close",
    "bms_alarm.trip": "trip_battery",
    "joint_heating.trip": "trip_battery",
    "link_resistance.trip": "trip_battery",
    "resistance_mismatch.trip": "trip_battery",
    "external_trip.trip": "trip_main",
    "ambient_high.fan": "fan",
    "ambient_high.trip": "trip_main",
    "ambient_high.loss": "trip_main",
    "sensor_fault.trip": "trip_battery",
    "breaker_failure.retrip": "trip_battery",
    "breaker_failure.main": "trip_main or trip_all",
    "breaker_failure.all": "trip_all",
    "breaker_failure.main_retrip": "trip_main",
    "breaker_failure.main_all": "trip_all",
    "breaker_discrepancy.crossed": "trip_battery and trip_main",
    "cascade.alarm": "stop_charge or stop_discharge",
    "cascade.trip": "trip_main",
}
# Of what clears by itself: how long it has to be well before.
RESETS_ms = {
    "bms_alarm.alarm": 5000,
    "output_fault.alarm": 1000,
    "cascade.alarm": 60000,  # or the load would come back at once, again and again
    "controller_fault.alarm": 10000,  # ticks that are late now and then are one alarm
} | dict.fromkeys(
    [f"sensor_fault.{key}" for key in SHIPPED["sensor_fault"] if key != "trip"],
    10000,
)
# Rule 4: what waits for a low current, of that also what is shipped off. All other trips do not.
WAITING = {
    "terminal_overtemperature.trip",
    "terminal_overtemperature.loss",
    "terminal_rise.trip",
    "overcurrent_inverse.trip",
    "overcurrent_inverse.loss",
    "bank_overcurrent.trip",
    "current_imbalance.trip",
    "undervoltage.trip",
    "undervoltage.loss",
    "overvoltage.trip",
    "overvoltage.loss",
    "charge_temperature.trip",
    "bms_alarm.trip",
    "joint_heating.trip",
    "link_resistance.trip",
    "resistance_mismatch.trip",
    "ambient_high.trip",
    "ambient_high.loss",
    "sensor_fault.trip",
}


def as_settings(row):
    """Turn a row of SHIPPED into what a configuration holds."""
    if row == OFF or isinstance(row, dict):
        return row
    pickup, dropout, delay_ms, *more = row
    given = {} if pickup is None else {"pickup": pickup, "dropout": dropout}
    return given | {"delay_ms": delay_ms} | (more[0] if more else {})


@pytest.mark.parametrize("slug", SHIPPED)
def test_an_element_is_shipped_with_the_figures_of_the_reference(slug):
    expected = {key: as_settings(row) for key, row in SHIPPED[slug].items()}
    assert defaults(BANK)[slug] == expected


def test_the_table_holds_these_elements_in_this_order():
    assert [(e.slug, e.device) for e in TABLE] == list(DEVICES.items())
    assert list(defaults(BANK)) == list(SHIPPED)


def test_each_level_does_what_the_reference_says():
    for element in TABLE:
        for level in element.levels:
            name = levels.ACTION_NAMES[level.action]
            usual = "alarm" if level.level == levels.ALARM else "none"
            assert name == ACTIONS.get(f"{element.slug}.{level.key}", usual)
            assert level.latch == (level.level == levels.TRIP)
            assert level.reset_ms == RESETS_ms.get(f"{element.slug}.{level.key}", 0)


def test_a_trip_waits_for_a_low_current_unless_there_is_no_time():
    waiting = {
        f"{element.slug}.{level.key}": level.wait_ms
        for element in TABLE
        for level in element.levels
        if level.wait_ms is not None
    }
    assert waiting == dict.fromkeys(WAITING, 2000)


@pytest.mark.parametrize("rated_A", [10, 62.5, 100, 333.3, 600])
@pytest.mark.parametrize("batteries", [1, 15])
@pytest.mark.parametrize("cells", [4, 15, 16])
def test_the_shipped_settings_are_good_for_every_bank(rated_A, batteries, cells):
    config = configuration(batteries, {"sensors.shunt_uohm": 40, "bank.cells": cells}, rated_A)
    config["elements"] = defaults(config["bank"])
    assert settings.errors(config) == []


def test_amperes_scale_with_the_rating_and_nothing_else_does():
    once, double = defaults(BANK), defaults(BANK | {"rated_current_A": 200})
    assert double["overcurrent_inverse"]["trip"]["pickup"] == 250
    assert double["reverse_current"]["trip"]["pickup"] == 100
    assert double["idle_string"]["warn"] == {"pickup": 4, "dropout": 8, "delay_ms": 60000}
    assert double["current_imbalance"]["warn"]["at_least"] == 16
    assert double["current_imbalance"]["warn"]["pickup"] == 40
    assert double["charge_temperature"]["warn"]["at_least"] == 4
    assert double["terminal_rise"]["trip"]["at_least"] == 50
    for slug in ("terminal_overtemperature", "undervoltage", "cascade", "control_supply"):
        assert double[slug] == once[slug]
    assert defaults(BANK | {"rated_current_A": 62.5})["overcurrent_inverse"]["warn"] == {
        "pickup": 68.8,
        "dropout": 65.3,
        "delay_ms": 60000,
    }


def test_what_is_of_the_whole_bank_scales_with_the_number_of_batteries():
    four = defaults(BANK | {"batteries": 4})
    assert four["bank_overcurrent"]["warn"]["pickup"] == 440
    assert four["bank_overcurrent"]["trip"]["pickup"] == 500
    assert four["sensor_fault"]["kirchhoff"] == {"pickup": 20, "dropout": 12, "delay_ms": 10000}
    for slug in SHIPPED:
        if slug not in ("bank_overcurrent", "sensor_fault"):
            assert four[slug] == defaults(BANK)[slug]


def test_voltages_scale_with_the_cells():
    eight = defaults(BANK | {"cells": 8})
    assert eight["undervoltage"]["trip"]["pickup"] == 21.6
    assert eight["overvoltage"]["warn"] == {"pickup": 29, "dropout": 28.6, "delay_ms": 60000}
    assert defaults(BANK | {"cells": 15})["overvoltage"]["trip"]["pickup"] == 55.5
    for slug in SHIPPED:
        if slug not in ("undervoltage", "overvoltage"):
            assert eight[slug] == defaults(BANK)[slug]  # joining: 50 mV whatever the cells


def test_elements_are_found_by_their_slugs():
    for number, element in enumerate(TABLE):
        assert elements.find(element.slug) == number
        assert elements.slug(number) == element.slug
    assert elements.find("sprinkler") == -1
    assert elements.slug(elements.BOOT) == "boot"


def test_keys_within_an_element_differ_and_levels_rise_with_their_pickups():
    for element in TABLE:
        keys = [level.key for level in element.levels]
        assert len(set(keys)) == len(keys)
        for quantity in {level.quantity for level in element.levels}:
            steps = [
                (level.level, level.pickup)
                for level in element.levels
                if level.quantity == quantity and level.pickup is not None and not level.curve
            ]
            assert steps == sorted(steps)


def test_shown_units():
    units = {
        f"{element.slug}.{level.key}": level.shown_unit()
        for element in TABLE
        for level in element.levels
    }
    assert units["terminal_overtemperature.trip"] == "degC"
    assert units["terminal_rise.warn"] == "K"
    assert units["terminal_rate.warn"] == "K/min"
    assert units["overcurrent_inverse.alarm"] == "%"
    assert units["overcurrent_inverse.trip"] == "A"
    assert units["breaker_failure.main_all"] == "A"
    assert units["sensor_fault.alarm"] is None
    assert set(units.values()) <= set(UNITS)


def test_an_unknown_quantity_is_an_error():
    with pytest.raises(ValueError, match="no quantity sunshine"):
        levels.quantity_facts("sunshine")
