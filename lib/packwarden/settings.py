"""The bank's configuration: what it may hold, its ranges and units, and its integers.

`errors` is the one validation, run by the host before a file is written and by the board before
it is believed; `compile_bank` turns a good configuration into the integers that the step works on.
Both run at boot or on the host: they allocate.
"""

from packwarden import curves, elements, thermistor
from packwarden.chips.ina2xx import CHIPS
from packwarden.fixed import to_fixed

SCHEMA = 1
MAX_BATTERIES = 15
CELL_mV = 3300  # nominal, LiFePO4
FULL_SCALE_RATIO = 6  # full scale of a monitor over the rated current, at least

BREAKER_KINDS = ("shunt_trip", "uvr", "contactor")
FEEDBACKS = ("52a", "52b", "both", "none")
BMS_CONTACTS = ("closed_on_alarm", "open_on_alarm", "none")

# path: (lowest, highest, unit); the words that others may be; and what stands in where absent.
NUMBERS = {
    "schema": (SCHEMA, SCHEMA, None),
    "bank.batteries": (1, MAX_BATTERIES, "batteries"),
    "bank.rated_current_A": (10, 600, "A"),
    "bank.capacity_Ah": (1, 2000, "Ah"),
    "bank.cells": (4, 16, "cells in series"),
    "bank.tick_ms": (10, 1000, "ms"),
    "sensors.shunt_uohm": (5, 5000, "uohm"),
    "sensors.shunt_rated_A": (10, 2000, "A"),
    "sensors.pull_up_ohm": (500, 100000, "ohm"),
    "sensors.reference_ohm": (500, 100000, "ohm"),
    "sensors.excitation_mV": (1000, 2400, "mV"),
    "breakers.pulse_ms": (20, 1000, "ms"),
}
WORDS = {
    "sensors.monitor": tuple(sorted(CHIPS)),
    "sensors.bms_contact": BMS_CONTACTS,
    "breakers.kind": BREAKER_KINDS,
    "breakers.feedback": FEEDBACKS,
}
OPTIONAL = {"bank.tick_ms": 10, "sensors.excitation_mV": 2200, "breakers.pulse_ms": 200}
OTHERS = ("bank.board", "bank.positions", "sensors.thermistor")
DELAY_ms = (0, 3600000)
SAMPLES = (1, 100)
TMS = (0.01, 15)


def is_number(value):
    """Return True for an int or float that is finite; a bool is not a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, int) or -1e30 < value < 1e30


def lookup(config, path):
    """Return the value at a dotted path of nested dictionaries, or None where there is none."""
    for name in path.split("."):
        if not isinstance(config, dict) or name not in config:
            return None
        config = config[name]
    return config


def errors(config):
    """Return what is wrong with a configuration: a list of (path, message); empty when it is good.

    Never raises, whatever it is given. A message names the value, the range and the unit.
    """
    found = []
    if not isinstance(config, dict):
        return [("", "is not an object with schema, bank, sensors, breakers, elements")]
    _check_keys(config, found)
    for path in sorted(NUMBERS):
        _check_number(config, path, found)
    for path in sorted(WORDS):
        value = lookup(config, path)
        if not isinstance(value, str) or value not in WORDS[path]:
            found.append((path, "%s is not one of %s" % (_show(value), ", ".join(WORDS[path]))))
    if found:
        return found
    _check_bank(config["bank"], found)
    found.extend(
        ("sensors.thermistor" + path, message)
        for path, message in thermistor.errors(config["sensors"])
    )
    _check_full_scale(config, found)
    _check_elements(config, found)
    return found


def _check_keys(config, found):
    known = {"schema": [], "elements": []}
    for path in list(NUMBERS) + list(WORDS) + list(OTHERS):
        if "." in path:
            section, name = path.split(".")
            known.setdefault(section, []).append(name)
    for section in known:
        if section not in config:
            found.append((section, "is missing"))
        elif section != "schema" and not isinstance(config[section], dict):
            found.append((section, "is not an object"))
    for section in config:
        if section not in known:
            found.append((section, "is not known"))
        elif known[section] and isinstance(config[section], dict):
            for name in config[section]:
                if name not in known[section]:
                    found.append((section + "." + name, "is not known"))


def _check_number(config, path, found):
    low, high, unit = NUMBERS[path]
    value = lookup(config, path)
    if path in OPTIONAL and _absent(config, path):
        return
    _check_range(value, low, high, unit, path, found, whole=path != "bank.rated_current_A")


def _absent(config, path):
    section, name = path.split(".")
    return isinstance(config.get(section), dict) and name not in config[section]


def _check_range(value, low, high, unit, path, found, whole=False):
    """Report a value that is no number, no whole one where that is asked, or out of its range."""
    allowed = "%s .. %s%s" % (low, high, " " + unit if unit else "")
    if low == high:
        allowed = str(low)
    if not is_number(value):
        found.append((path, "%s is not a number (%s)" % (_show(value), allowed)))
    elif whole and not isinstance(value, int):
        found.append((path, "%s is not a whole number (%s)" % (_show(value), allowed)))
    elif not low <= value <= high:
        found.append((path, "%s is outside %s" % (_show(value), allowed)))
    else:
        return True
    return False


def _check_bank(bank, found):
    if not isinstance(bank.get("board"), str):
        found.append(("bank.board", "%s is not a name" % _show(bank.get("board"))))
    batteries = bank["batteries"]
    positions = bank.get("positions")
    if not isinstance(positions, list) or not all(is_number(p) for p in positions):
        found.append(("bank.positions", "%s is not a list of numbers" % _show(positions)))
    elif sorted(positions) != list(range(1, batteries + 1)):
        found.append(
            ("bank.positions", "is not each of 1 .. %d once, in the busbar's order" % batteries)
        )


def _check_full_scale(config, found):
    sensors = config["sensors"]
    chip = CHIPS[sensors["monitor"]]
    full_scale_mA = chip["shunt_full_scale_uV"] * 1000 // sensors["shunt_uohm"]
    needed_mA = FULL_SCALE_RATIO * to_fixed(config["bank"]["rated_current_A"], 1000)
    if full_scale_mA < needed_mA:
        found.append(
            (
                "sensors.shunt_uohm",
                "%d uohm on an %s measures up to %d A, less than %d times the rated current (%d A)"
                % (
                    sensors["shunt_uohm"],
                    sensors["monitor"],
                    full_scale_mA // 1000,
                    FULL_SCALE_RATIO,
                    needed_mA // 1000,
                ),
            )
        )
    if full_scale_mA > 10000000:
        found.append(
            ("sensors.shunt_uohm", "measures beyond 10000 A, the most that is computed with")
        )
    if config["bank"]["cells"] * 4000 > chip["bus_full_scale_mV"]:
        found.append(
            (
                "bank.cells",
                "%d cells reach more than the %d V of an %s"
                % (
                    config["bank"]["cells"],
                    chip["bus_full_scale_mV"] // 1000,
                    sensors["monitor"],
                ),
            )
        )


def _check_elements(config, found):
    given = config["elements"]
    for name in given:
        if elements.find(name) < 0:
            found.append(("elements." + name, "is not an element"))
    rated_A = config["bank"]["rated_current_A"]
    for element in elements.TABLE:
        path = "elements." + element.slug
        levels = given.get(element.slug)
        if not isinstance(levels, dict):
            found.append((path, "is missing or not an object"))
            continue
        keys = [level.key for level in element.levels]
        for key in levels:
            if key not in keys:
                found.append((path + "." + key, "is not a level; those are " + ", ".join(keys)))
        for level in element.levels:
            if level.key not in levels:
                found.append((path + "." + level.key, 'is missing (settings, or "off")'))
            else:
                _check_level(
                    element, level, levels[level.key], rated_A, path + "." + level.key, found
                )


def pickup_range(element, level, rated_A):
    """Return (lowest, highest, unit) of a row's pickup for a rating in ampere per battery."""
    unit = "A" if level.curve else level.unit
    if elements.scales_with_rating(unit):
        return element.low * rated_A / 100, element.high * rated_A / 100, unit
    if element.slug == "overcurrent_inverse":
        return 1, 99, unit  # the integrator, in percent of its way to the trip
    return element.low, element.high, unit


def _check_level(element, level, given, rated_A, path, found):
    if given == "off":
        return
    if not isinstance(given, dict):
        found.append((path, '%s is neither an object nor "off"' % _show(given)))
        return
    allowed = level_keys(level)
    for key in given:
        if key not in allowed:
            found.append((path + "." + key, "is not known; known are " + ", ".join(allowed)))
    if "pickup" in allowed:
        low, high, unit = pickup_range(element, level, rated_A)
        good = _check_range(given.get("pickup"), low, high, unit, path + ".pickup", found)
        if good and "dropout" in allowed:
            _check_range(given.get("dropout"), 0, given["pickup"], unit, path + ".dropout", found)
    if level.curve:
        if not isinstance(given.get("curve"), str) or given["curve"] not in curves.CURVES:
            found.append(
                (
                    path + ".curve",
                    "%s is not one of %s"
                    % (_show(given.get("curve")), ", ".join(sorted(curves.CURVES))),
                )
            )
        _check_range(given.get("tms"), TMS[0], TMS[1], None, path + ".tms", found)
        return
    low, high = DELAY_ms
    delay = given.get("delay_ms", 0)
    _check_range(delay, low, high, "ms", path + ".delay_ms", found, whole=True)
    low, high = SAMPLES
    samples = given.get("samples", 1)
    _check_range(samples, low, high, "samples", path + ".samples", found, whole=True)
    if "at_least" in given and level.gate:
        unit = elements.quantity_facts(level.gate)[1]
        high = 6 * rated_A if unit == "A" else 150
        _check_range(given["at_least"], 0, high, unit, path + ".at_least", found)


def level_keys(level):
    """Return the keys that a row's settings may hold."""
    if level.curve:
        return ("pickup", "curve", "tms")
    if elements.is_flag(level):
        return ("delay_ms",)  # samples would never come: a lost channel has no new conversions
    keys = ("pickup", "dropout", "delay_ms", "samples")
    return keys + ("at_least",) if level.gate else keys


def _show(value):
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


class Bank:
    """The integers of a configuration that passed `errors`; made once at boot."""

    def __init__(self, config):
        bank = config["bank"]
        sensors = config["sensors"]
        self.config = config
        self.batteries = bank["batteries"]
        self.rated_mA = to_fixed(bank["rated_current_A"], 1000)
        self.nominal_mV = bank["cells"] * CELL_mV
        self.tick_ms = option(config, "bank.tick_ms")
        self.monitor = sensors["monitor"]
        self.shunt_uohm = sensors["shunt_uohm"]
        self.excitation_mV = option(config, "sensors.excitation_mV")
        self.breaker_kind = config["breakers"]["kind"]
        self.feedback = config["breakers"]["feedback"]
        self.pulse_ms = option(config, "breakers.pulse_ms")

    def level(self, element, level):
        """Return the settings of a row of the table: a dict, or None where it is off."""
        settings = self.config["elements"][element.slug][level.key]
        return None if settings == "off" else settings


def option(config, path):
    """Return the value at a path that may be absent, or its default."""
    value = lookup(config, path)
    return OPTIONAL[path] if value is None else value
