"""The configuration: the ends of every range, what messages say, and that nothing raises."""

import copy
import math
from types import SimpleNamespace

import pytest

from cabinets import configuration, put
from packwarden import elements, levels, settings
from packwarden.settings import errors


def found(path, value, **more):
    """Return what is wrong once the value at a path is another one."""
    return errors(configuration(4, {path: value, **more}))


def message(path, value):
    """Return the one message, which must be about this path."""
    ((where, text),) = found(path, value)
    assert where == path
    return text


def test_a_shipped_configuration_is_good():
    for batteries in range(1, 16):
        assert errors(configuration(batteries)) == []


def fitting(**bank):
    """Return the elements as shipped for another bank."""
    return elements.defaults({"rated_current_A": 100, "batteries": 4, "cells": 16} | bank)


# path: lowest, highest, unit; and what else must change for an end to be good.
RANGES = {
    "bank.rated_current_A": (10, 600, "A"),
    "bank.capacity_Ah": (1, 2000, "Ah"),
    "bank.baseline_percent": (20, 500, "%"),
    "bank.cells": (4, 16, "cells in series"),
    "bank.tick_ms": (10, 1000, "ms"),
    "bank.joint_lag_s": (60, 720, "s"),
    "bank.resistance_percent_K": (0, 3, "%/K"),
    "sensors.shunt_rated_A": (10, 2000, "A"),
    "sensors.excitation_mV": (1000, 2400, "mV"),
    "sensors.control_supply_V": (0, 56, "V"),
    "sensors.main_shunt_uohm": (0, 5000, "uohm"),
    "breakers.pulse_ms": (20, 1000, "ms"),
    "breakers.retries": (0, 10, "pulses"),
    "breakers.repeat_hours": (1, 168, "hours"),
}
BETA = {"model": "beta", "r25_ohm": 10000, "beta_K": 2500}
FITTING = {
    ("bank.rated_current_A", 10): {"elements": fitting(rated_current_A=10)},
    ("bank.rated_current_A", 600): {
        "elements": fitting(rated_current_A=600),
        "sensors.shunt_uohm": 45,
    },
    ("bank.cells", 4): {"elements": fitting(cells=4)},
    ("sensors.excitation_mV", 1000): {"sensors.thermistor": BETA},
}


@pytest.mark.parametrize("path", RANGES)
def test_the_ends_of_a_range_are_good_and_what_is_beyond_is_not(path):
    low, high, unit = RANGES[path]
    for end in (low, high):
        assert found(path, end, **FITTING.get((path, end), {})) == []
    for value in (low - 1, high + 1):
        assert message(path, value) == f"{value} is outside {low} .. {high} {unit}"


@pytest.mark.parametrize("path", ["sensors.pull_up_ohm", "sensors.reference_ohm"])
def test_resistors_are_500_to_100000_ohm(path):
    for value in (499, 100001):
        assert message(path, value) == f"{value} is outside 500 .. 100000 ohm"


def test_the_shunt_is_5_to_5000_uohm():
    for value in (4, 5001):
        assert message("sensors.shunt_uohm", value) == f"{value} is outside 5 .. 5000 uohm"


@pytest.mark.holds("tip 2")
def test_there_are_1_to_15_batteries_and_a_position_for_each():
    for value in (0, 16):
        assert message("bank.batteries", value) == f"{value} is outside 1 .. 15 batteries"
    assert found("bank.positions", [4, 1, 3, 2]) == []
    expected = "is not each of 1 .. 4 once, in the busbar's order"
    for positions in ([1, 2, 3], [1, 2, 3, 3], [0, 1, 2, 3], [1, 2, 3, 4, 5]):
        assert message("bank.positions", positions) == expected
    for positions in (None, "1234", [1, 2, 3, "4"], {}):
        assert "is not a list of numbers" in message("bank.positions", positions)


def test_every_range_is_tested():
    others = ("schema", "bank.batteries", "sensors.shunt_uohm")
    resistors = ("sensors.pull_up_ohm", "sensors.reference_ohm")
    assert set(settings.NUMBERS) == {*RANGES, *others, *resistors}


@pytest.mark.parametrize("path", sorted(settings.NUMBERS))
@pytest.mark.parametrize("value", ["4", None, True, [], {}, math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(path, value):
    none_of_each = value == [] and path in settings.EACH
    assert ("has 0 items" if none_of_each else "is not a number") in message(path, value)


WITH_DECIMALS = {"bank.rated_current_A", "bank.baseline_percent", "sensors.control_supply_V"}
WITH_DECIMALS |= {"bank.resistance_percent_K"}


@pytest.mark.parametrize("path", sorted(set(settings.NUMBERS) - WITH_DECIMALS - {"schema"}))
def test_a_number_that_is_counted_must_be_whole(path):
    low, high, _ = settings.NUMBERS[path]
    for value in (low + 0.5, float(high)):
        assert "is not a whole number" in message(path, value)


def test_others_may_have_decimals():
    assert errors(configuration(4, rated_A=62.5)) == []
    assert found("bank.baseline_percent", 99.5) == []
    assert found("sensors.control_supply_V", 13.8) == []


@pytest.mark.parametrize("path", ["bank.capacity_Ah", "bank.baseline_percent"])
def test_what_a_battery_takes_of_the_load_is_one_number_or_one_for_each(path):
    assert found(path, [100, 50, 200, 100]) == []
    assert message(path, [100, 50, 200]) == "has 3 items, not one for each of 4"
    assert message(path, [49, 100, 100, 200]) == (
        "has a largest of more than four times the smallest"
    )
    assert " is outside " in message(path, [100, 100, 100, 5000])
    for value in ("100", None, True):
        assert "is not a number" in message(path, [100, 100, 100, value])


def test_which_breakers_a_failing_controller_trips():
    path = "breakers.trip_on_failure"
    for value in ([], [1, 4], ["main"], [2, "main"]):
        assert found(path, value) == []
    for value in (None, 1, "main", {"main": 1}):
        assert message(path, value).endswith(' is not a list of batteries and "main"')
    for value in (0, 5, "bat1", True, 2.0, None, []):
        assert message(path, [1, value]).endswith('is not "main" or a battery of 1 .. 4')


WORDS = {
    "sensors.monitor": ["ina228", "ina238"],
    "sensors.bms_contact": ["closed_on_alarm", "open_on_alarm", "none"],
    "sensors.external_trip": ["open_on_trip", "closed_on_trip", "none"],
    "sensors.trip_circuit": ["open_on_fault", "none"],
    "breakers.kind": ["shunt_trip", "uvr", "contactor"],
    "breakers.feedback": ["52a", "52b", "both", "none"],
}


@pytest.mark.parametrize("path", WORDS)
def test_words(path):
    for word in WORDS[path]:
        assert found(path, word) == []
    for value in ("", "other", None, 1, [], {}):
        assert " is not one of " in message(path, value)


def test_only_what_has_a_default_may_be_left_out():
    optional = {
        "bank.baseline_percent": None,
        "bank.tick_ms": 10,
        "bank.joint_lag_s": 0,
        "bank.resistance_percent_K": 1.2,
        "sensors.excitation_mV": 2200,
        "sensors.external_trip": "open_on_trip",
        "sensors.trip_circuit": "none",
        "sensors.control_supply_V": 24,
        "sensors.main_shunt_uohm": 0,
        "breakers.pulse_ms": 200,
        "breakers.retries": 3,
        "breakers.repeat_hours": 24,
        "breakers.trip_on_failure": None,
    }
    for path in (*settings.NUMBERS, *settings.WORDS, *settings.OTHERS):
        config = configuration(4, {"bank.tick_ms": 20})
        if settings.lookup(config, path) is not None:
            put(config, path, ...)
        if path in optional:
            assert errors(config) == []
            assert settings.option(config, path) == optional[path]
        else:
            assert path in [where for where, _ in errors(config)]


@pytest.mark.parametrize("section", ["schema", "bank", "sensors", "breakers", "elements"])
def test_every_section_is_needed_and_must_be_an_object(section):
    assert (section, "is missing") in found(section, ...)
    if section != "schema":
        assert (section, "is not an object") in found(section, [])


@pytest.mark.parametrize("path", ["more", "bank.more", "sensors.more", "breakers.more"])
def test_what_is_not_known_is_refused(path):
    assert message(path, 1) == "is not known"


def test_a_configuration_is_an_object():
    for value in (None, [], "text", 3, 1.5, True):
        ((path, text),) = errors(value)
        assert (path, text) == (
            "",
            "is not an object with schema, bank, sensors, breakers, elements",
        )


def test_the_monitor_must_measure_six_times_the_rated_current():
    # 163.84 mV over 273 uohm are 600.1 A, over 274 uohm 597.9 A.
    assert found("sensors.shunt_uohm", 273) == []
    assert message("sensors.shunt_uohm", 274) == (
        "274 uohm on an ina228 measures up to 597 A, less than 6 times the rated current (600 A)"
    )
    assert (
        "on an ina226 measures up to 327 A"
        in dict(
            found("sensors.monitor", "ina226", **{"bank.cells": 8, "elements": fitting(cells=8)})
        )["sensors.shunt_uohm"]
    )


def test_the_monitor_must_not_measure_beyond_what_is_computed_with():
    assert found("sensors.shunt_uohm", 17) == []
    assert "beyond 10000 A" in message("sensors.shunt_uohm", 16)


def test_the_monitor_must_bear_the_voltage_of_the_cells():
    small = {"sensors.monitor": "ina226", "sensors.shunt_uohm": 130}
    assert found("bank.cells", 9, **small, elements=fitting(cells=9)) == []
    ((path, text),) = found("bank.cells", 10, **small, elements=fitting(cells=10))
    assert (path, text) == ("bank.cells", "10 cells reach more than the 36 V of an ina226")


def test_a_bad_thermistor_is_refused_under_its_path():
    assert message("sensors.thermistor", {"model": "pt100"}).startswith("needs a model")
    beta = {"model": "beta", "r25_ohm": 10000, "beta_K": 9000}
    ((path, text),) = found("sensors.thermistor", beta)
    assert path == "sensors.thermistor.beta_K"
    assert text == "9000 is no whole number in 1000 .. 6000 K"


def test_the_board_is_a_name():
    assert message("bank.board", 15) == "15 is not a name"


TRIP = "elements.terminal_overtemperature.trip"
INVERSE = "elements.overcurrent_inverse.trip"


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("elements.sprinkler", {}, "is not an element"),
        ("elements.current_imbalance", ..., "is missing or not an object"),
        ("elements.current_imbalance", [], "is missing or not an object"),
        ("elements.terminal_rise.shout", {}, "is not a level; those are warn, alarm, trip"),
        (TRIP, ..., 'is missing (settings, or "off")'),
        (TRIP, "on", "'on' is neither an object nor \"off\""),
        (TRIP, None, "None is neither an object"),
        (TRIP + ".pickup", 19.9, "19.9 is outside 20 .. 130 degC"),
        (TRIP + ".pickup", 131, "131 is outside 20 .. 130 degC"),
        (TRIP + ".pickup", ..., "None is not a number (20 .. 130 degC)"),
        (TRIP + ".dropout", 80.5, "80.5 is outside 0 .. 80 degC"),
        (TRIP + ".dropout", -1, "-1 is outside 0 .. 80 degC"),
        (TRIP + ".dropout", ..., "None is not a number"),
        (TRIP + ".delay_ms", -1, "-1 is outside 0 .. 3600000 ms"),
        (TRIP + ".delay_ms", 3600001, "3600001 is outside 0 .. 3600000 ms"),
        (TRIP + ".delay_ms", 0.5, "0.5 is not a whole number (0 .. 3600000 ms)"),
        (TRIP + ".samples", 0, "0 is outside 1 .. 100 samples"),
        (TRIP + ".samples", 101, "101 is outside 1 .. 100 samples"),
        (TRIP + ".at_least", 5, "is not known; known are pickup, dropout, delay_ms, samples"),
        (TRIP + ".curve", "IEC_EI", "is not known; known are"),
        ("elements.terminal_rise.trip.at_least", 151, "151 is outside 0 .. 150 degC"),
        ("elements.current_imbalance.warn.at_least", 601, "601 is outside 0 .. 600 A"),
        (INVERSE + ".pickup", 9.9, "9.9 is outside 10.0 .. 600.0 A"),
        (INVERSE + ".curve", "LINEAR", "'LINEAR' is not one of IEC_EI, IEC_SI, IEC_VI, IEEE_EI"),
        (INVERSE + ".curve", [], "[] is not one of"),
        (INVERSE + ".tms", 0, "0 is outside 0.01 .. 15"),
        (INVERSE + ".tms", 15.1, "15.1 is outside 0.01 .. 15"),
        (INVERSE + ".delay_ms", 5, "is not known; known are pickup, curve, tms, wait_ms"),
        (INVERSE + ".wait_ms", 2001, "2001 is outside 0 .. 2000 ms"),
        (TRIP + ".wait_ms", -1, "-1 is outside 0 .. 2000 ms"),
        (TRIP + ".wait_ms", 0.5, "0.5 is not a whole number (0 .. 2000 ms)"),
        ("elements.reverse_current.trip.wait_ms", 0, "is not known; known are"),
        ("elements.terminal_rate.trip.wait_ms", 0, "is not known; known are"),
        ("elements.overcurrent_instantaneous.trip.wait_ms", 0, "is not known; known are"),
        ("elements.external_trip.trip.wait_ms", 0, "is not known; known are delay_ms"),
        ("elements.lockout.trip", {}, "is not a level; those are "),
        ("elements.undervoltage.warn.dropout", 47.9, "47.9 is outside 48 .. 80.0 V"),
        ("elements.bank_overcurrent.warn.pickup", 39, "39 is outside 40.0 .. 2400.0 A"),
        ("elements.cascade.alarm.at_least", 1, "is not known; known are"),
        ("elements.overcurrent_inverse.alarm.pickup", 100, "100 is outside 1 .. 99 %"),
        ("elements.sensor_fault.alarm.pickup", 1, "is not known; known are delay_ms"),
        ("elements.sensor_fault.alarm.samples", 2, "is not known; known are delay_ms"),
    ],
)
def test_what_is_wrong_with_an_element_is_said_with_range_and_unit(path, value, text):
    assert text in message(path, value)


@pytest.mark.parametrize("rated_A", [10, 100, 600])
def test_the_ends_of_every_pickup_are_good_and_what_is_beyond_is_not(rated_A):
    base = configuration(4, {"sensors.shunt_uohm": 45}, rated_A)
    for element in elements.TABLE:
        for level in element.levels:
            if levels.is_flag(level):
                continue
            low, high, unit = settings.pickup_range(element, level, base["bank"])
            config = copy.deepcopy(base)
            row = {"pickup": low, "dropout": low if level.sign > 0 else 2 * high - low}
            if level.curve:
                row = {"pickup": low, "curve": "IEC_SI", "tms": 15}
            config["elements"][element.slug][level.key] = row
            path = f"elements.{element.slug}.{level.key}.pickup"
            for value, good in (
                (low, True),
                (high, True),
                (low - 0.01, False),
                (high + 0.01, False),
            ):
                row["pickup"] = value
                assert (errors(config) == []) == good
                if not good:
                    assert errors(config)[0] == (
                        path,
                        f"{value} is outside {low} .. {high} {unit}",
                    )


@pytest.mark.parametrize("slug", [element.slug for element in elements.TABLE])
def test_every_level_can_be_switched_off(slug):
    config = configuration()
    for key in config["elements"][slug]:
        config["elements"][slug][key] = "off"
    assert errors(config) == []


def test_a_long_value_is_shown_in_short():
    text = message("breakers.kind", "long" * 250)
    assert len(text) < 100
    assert text.startswith("'longlong")
    assert "..." in text


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"bank.board": "other"}, [("bank.board", "'other' is not this board, small")]),
        (
            {"bank.batteries": 3},
            [("bank.batteries", "3 is outside 1 .. 2 batteries of small")],
        ),
        (
            {"breakers.feedback": "both"},
            [("breakers.feedback", "'both' is not wired on small, there is: none, 52a")],
        ),
    ],
)
def test_what_a_board_lacks_is_told(changes, expected):
    board = SimpleNamespace(NAME="small", MAX_BATTERIES=2)
    config = configuration(2, {"bank.board": "small"} | changes)
    assert settings.board_errors(config, board) == expected
