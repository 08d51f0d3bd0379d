"""The table as shipped: every figure of the reference typed in once more, and what reads it."""

import pytest

from cabinets import configuration
from packwarden import elements, settings
from packwarden.elements import TABLE, UNITS, defaults

OFF = "off"
# Per row: pickup, dropout, delay in ms, then what else there is; for 100 A a battery.
SHIPPED = {
    "terminal_overtemperature": {
        "warn": (60, 55, 5000),
        "alarm": (70, 65, 5000),
        "trip": (80, 75, 2000, {"samples": 2}),
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
    },
    "overcurrent_instantaneous": {
        "warn": OFF,
        "alarm": OFF,
        "trip": (500, 400, 0, {"samples": 2}),
    },
    "current_imbalance": {
        "warn": (40, 30, 120000, {"at_least": 8}),
        "alarm": (60, 45, 60000, {"at_least": 15}),
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
    "ambient_high": {
        "fan": (35, 32, 10000),
        "warn": (40, 37, 60000),
        "alarm": (45, 42, 60000),
        "trip": OFF,
    },
    "sensor_fault": {
        "alarm": (None, None, 1000),
        "thermistor": (None, None, 2000),
        "busbar": (None, None, 1000),
        "ambient": (None, None, 2000),
        "reference": (None, None, 2000),
        "trip": (None, None, 2000),
    },
    "breaker_failure": {
        "retrip": (None, None, 150),
        "main": (None, None, 300),
        "all": (None, None, 600),
        "main_retrip": (None, None, 150),
        "main_all": (None, None, 300),
    },
}
DEVICES = {
    "terminal_overtemperature": "26",
    "terminal_rise": "26",
    "terminal_rate": "26",
    "overcurrent_inverse": "51",
    "overcurrent_instantaneous": "50",
    "current_imbalance": "60",
    "reverse_current": "32",
    "ambient_high": "49",
    "sensor_fault": None,
    "breaker_failure": "50BF",
}
# What each level does; warn and the rows that are not named here do nothing.
ACTIONS = {
    "terminal_overtemperature.trip": "trip_battery",
    "terminal_rise.trip": "trip_battery",
    "terminal_rate.trip": "trip_battery",
    "overcurrent_inverse.trip": "trip_battery",
    "overcurrent_instantaneous.trip": "trip_battery or trip_main",
    "current_imbalance.trip": "trip_battery",
    "reverse_current.trip": "trip_battery",
    "reverse_current.trip_high": "trip_battery",
    "reverse_current.idle_trip": "trip_battery",
    "ambient_high.fan": "fan",
    "ambient_high.trip": "trip_main",
    "sensor_fault.trip": "trip_battery",
    "breaker_failure.retrip": "trip_battery",
    "breaker_failure.main": "trip_main or trip_all",
    "breaker_failure.all": "trip_all",
    "breaker_failure.main_retrip": "trip_main",
    "breaker_failure.main_all": "trip_all",
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
    assert defaults(100)[slug] == expected


def test_the_table_holds_these_elements_in_this_order():
    assert [(e.slug, e.device) for e in TABLE] == list(DEVICES.items())
    assert list(defaults(100)) == list(SHIPPED)


def test_each_level_does_what_the_reference_says():
    for element in TABLE:
        for level in element.levels:
            name = elements.ACTION_NAMES[level.action]
            usual = "alarm" if level.level == elements.ALARM else "none"
            assert name == ACTIONS.get(f"{element.slug}.{level.key}", usual)
            assert level.latch == (level.level == elements.TRIP)


@pytest.mark.parametrize("rated_A", [10, 62.5, 100, 333.3, 600])
@pytest.mark.parametrize("batteries", [1, 15])
def test_the_shipped_settings_are_good_for_every_rating(rated_A, batteries):
    config = configuration(batteries, {"sensors.shunt_uohm": 40}, rated_A)
    assert settings.errors(config) == []


def test_amperes_scale_with_the_rating_and_nothing_else_does():
    double = defaults(200)
    assert double["overcurrent_inverse"]["trip"] == {"pickup": 250, "curve": "IEC_EI", "tms": 0.25}
    assert double["reverse_current"]["trip"]["pickup"] == 100
    assert double["current_imbalance"]["warn"]["at_least"] == 16
    assert double["current_imbalance"]["warn"]["pickup"] == 40
    assert double["terminal_overtemperature"] == defaults(100)["terminal_overtemperature"]
    assert double["terminal_rise"]["trip"]["at_least"] == 50
    assert defaults(62.5)["overcurrent_inverse"]["warn"] == {
        "pickup": 68.8,
        "dropout": 65.3,
        "delay_ms": 60000,
    }


def test_elements_are_found_by_their_slugs():
    for number, element in enumerate(TABLE):
        assert elements.find(element.slug) == number
        assert elements.slug(number) == element.slug
    assert elements.find("sprinkler") == -1
    others = (elements.BOOT, elements.OUTPUT_FAULT, elements.CONTROLLER_FAULT)
    assert [elements.slug(n) for n in others] == ["boot", "output_fault", "controller_fault"]


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
        elements.quantity_facts("sunshine")
