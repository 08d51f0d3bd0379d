"""The bank's configuration: what it may hold, its ranges and units, and its integers.

`check` is the one validation, run by the host before a file is written and by the board before it
is believed. It allocates: on a board at boot or, part by part, in the slack.
"""

from packwarden import curves, elements, levels, thermistor
from packwarden.chips.ina2xx import CHIPS
from packwarden.fixed import to_fixed

SCHEMA = 3  # older ones: see `migration`
SECTIONS = ("schema", "bank", "sensors", "breakers", "elements")
MAX_BATTERIES = 15
CELL_mV = 3300  # nominal, LiFePO4
FULL_SCALE_RATIO = 6  # full scale of a monitor over the rated current, at least

NEARLY_FULL_mV = 3350  # a cell; above, while charging, shares cross: 53.6 V of 16 cells
PLATEAU_mV = 3310  # a cell; below, it is not nearly full any more: 52.96 V, at rest 90 %

BREAKER_KINDS = ("shunt_trip", "uvr", "contactor")
FEEDBACKS = ("52a", "52b", "both", "none")
BMS_CONTACTS = ("closed_on_alarm", "open_on_alarm", "none")
EXTERNAL_TRIPS = ("open_on_trip", "closed_on_trip", "none")
TRIP_CIRCUITS = ("open_on_fault", "none")

# path: (lowest, highest, unit); the words that others may be; and what stands in where absent.
NUMBERS = {
    "schema": (SCHEMA, SCHEMA, None),
    "bank.batteries": (1, MAX_BATTERIES, "batteries"),
    "bank.rated_current_A": (10, 600, "A"),
    "bank.capacity_Ah": (1, 2000, "Ah"),
    "bank.baseline_percent": (20, 500, "%"),
    "bank.cells": (4, 16, "cells in series"),
    "bank.tick_ms": (10, 1000, "ms"),
    "bank.joint_lag_s": (60, 720, "s"),
    "bank.resistance_percent_K": (0, 3, "%/K"),
    "sensors.shunt_uohm": (5, 5000, "uohm"),
    "sensors.shunt_rated_A": (10, 2000, "A"),
    "sensors.pull_up_ohm": (500, 100000, "ohm"),
    "sensors.reference_ohm": (500, 100000, "ohm"),
    "sensors.excitation_mV": (1000, 2400, "mV"),
    "sensors.control_supply_V": (0, 56, "V"),
    "sensors.main_shunt_uohm": (0, 5000, "uohm"),
    "breakers.pulse_ms": (20, 1000, "ms"),
    "breakers.retries": (0, 10, "pulses"),
    "breakers.repeat_hours": (1, 168, "hours"),
}
WORDS = {
    "sensors.monitor": tuple(sorted(CHIPS)),
    "sensors.bms_contact": BMS_CONTACTS,
    "sensors.external_trip": EXTERNAL_TRIPS,
    "sensors.trip_circuit": TRIP_CIRCUITS,
    "breakers.kind": BREAKER_KINDS,
    "breakers.feedback": FEEDBACKS,
}
OPTIONAL = {
    "bank.baseline_percent": None,  # nobody has measured one
    "bank.tick_ms": 10,
    "bank.joint_lag_s": 0,  # found by itself
    "bank.resistance_percent_K": 1.2,
    "sensors.excitation_mV": 2200,
    "sensors.external_trip": "open_on_trip",
    "sensors.trip_circuit": "none",
    "sensors.control_supply_V": 24,  # 0: not wired
    "sensors.main_shunt_uohm": 0,  # 0: none fitted
    "breakers.pulse_ms": 200,
    "breakers.retries": 3,
    "breakers.repeat_hours": 24,
    "breakers.trip_on_failure": None,  # by the kind of breaker
}
EACH = ("bank.capacity_Ah", "bank.baseline_percent")  # one number, or a list of one per battery
OTHERS = ("bank.board", "bank.positions", "sensors.thermistor", "breakers.trip_on_failure")
FRACTIONS = (
    "bank.resistance_percent_K",
    "bank.rated_current_A",
    "sensors.control_supply_V",
    "bank.baseline_percent",
)
MAIN = "main"
DELAY_ms = (0, 3600000)
WAIT_ms = (0, 2000)
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
    for _ in check(config, found):
        pass
    return found


def check(config, found):
    """Append what is wrong to `found`, see `errors`; a generator that yields after each part."""
    if not isinstance(config, dict):
        found.append(("", "is not an object with schema, bank, sensors, breakers, elements"))
        return
    _check_keys(config, found)
    for path in sorted(NUMBERS):
        _check_number(config, path, found)
        yield
    for path in sorted(WORDS):
        value = lookup(config, path)
        if path in OPTIONAL and _absent(config, path):
            continue
        if not isinstance(value, str) or value not in WORDS[path]:
            found.append((path, "%s is not one of %s" % (_show(value), ", ".join(WORDS[path]))))
    yield
    if found:
        return
    _check_bank(config["bank"], found)
    _check_on_failure(config, found)
    yield
    found.extend(
        ("sensors.thermistor" + path, message)
        for path, message in thermistor.errors(config["sensors"])
    )
    yield
    _check_full_scale(config, found)
    given = config["elements"]
    for name in given:
        if elements.find(name) < 0:
            found.append(("elements." + name, "is not an element"))
    for element in elements.TABLE:
        yield
        _check_element(element, given.get(element.slug), config["bank"], found)


def bank_errors(config):
    """Return what is wrong with the numbers of its bank, which all ranges hang on."""
    found = []
    for path in NUMBERS:
        if path.startswith("bank."):
            _check_number(config, path, found)
    return found


def board_errors(config, board):
    """Return what of a good configuration a board cannot do; `board`: its module. See `errors`."""
    bank = config["bank"]
    if bank["board"] != board.NAME:
        return [("bank.board", "%s is not this board, %s" % (_show(bank["board"]), board.NAME))]
    found = []
    if bank["batteries"] > board.MAX_BATTERIES:
        text = "%d is outside 1 .. %d batteries of %s"
        found.append(
            ("bank.batteries", text % (bank["batteries"], board.MAX_BATTERIES, board.NAME))
        )
    feedback = config["breakers"]["feedback"]
    wired = ["none", "52a"] + (["52b", "both"] if getattr(board, "AUX_B", None) else [])
    if feedback not in wired:
        text = "%s is not wired on %s, there is: %s"
        found.append(("breakers.feedback", text % (_show(feedback), board.NAME, ", ".join(wired))))
    return found


def _check_keys(config, found):
    known = {section: [] for section in SECTIONS}
    for path in list(NUMBERS) + list(WORDS) + list(OTHERS):
        if "." in path:
            section, name = path.split(".")
            known[section].append(name)
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
    values = value if path in EACH and isinstance(value, list) else [value]
    for each in values:
        if not _check_range(each, low, high, unit, path, found, whole=path not in FRACTIONS):
            return


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
    for path in EACH:
        value = bank.get(path.split(".")[1])
        if isinstance(value, list) and len(value) != batteries:
            found.append((path, "has %d items, not one for each of %d" % (len(value), batteries)))
        elif isinstance(value, list) and max(value) > 4 * min(value):
            found.append((path, "has a largest of more than four times the smallest"))


def _check_on_failure(config, found):
    """Which breakers a failing controller trips: a list of numbers and "main"."""
    path = "breakers.trip_on_failure"
    if _absent(config, path):
        return
    given = lookup(config, path)
    known = [MAIN] + list(range(1, config["bank"]["batteries"] + 1))
    if not isinstance(given, list):
        found.append((path, '%s is not a list of batteries and "main"' % _show(given)))
        return
    for one in given:
        if isinstance(one, (bool, float)) or one not in known:
            message = '%s is not "main" or a battery of 1 .. %d'
            found.append((path, message % (_show(one), config["bank"]["batteries"])))


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


def _check_element(element, given, bank, found):
    path = "elements." + element.slug
    if not isinstance(given, dict):
        found.append((path, "is missing or not an object"))
        return
    keys = [level.key for level in element.levels]
    for key in given:
        if key not in keys:
            found.append((path + "." + key, "is not a level; those are " + ", ".join(keys)))
    for level in element.levels:
        if level.key not in given:
            found.append((path + "." + level.key, 'is missing (settings, or "off")'))
        else:
            _check_level(element, level, given[level.key], bank, path + "." + level.key, found)


def pickup_range(element, level, bank):
    """Return (lowest, highest, unit) of a row's pickup, for the `bank` of a configuration."""
    scale = level.scale
    if level.curve:
        scale = levels.BANK_RATED if level.scope == levels.BANK else levels.RATED
    elif level.quantity in ("inverse", "bank_inverse"):
        return 1, 99, level.unit  # the integrator, in percent of its way to the trip
    low = levels.scaled(element.low, scale, bank)
    return low, levels.scaled(element.high, scale, bank), "A" if level.curve else level.unit


def _check_dropout(level, given, low, high, unit, path, found):
    """Check a dropout: on the good side of the pickup."""
    pickup = given["pickup"]
    if level.sign > 0:
        low, high = (0, pickup)
    else:
        low, high = (pickup, high + (high - low))
    _check_range(given.get("dropout"), low, high, unit, path + ".dropout", found)


def _check_level(element, level, given, bank, path, found):
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
        low, high, unit = pickup_range(element, level, bank)
        good = _check_range(given.get("pickup"), low, high, unit, path + ".pickup", found)
        if good and "dropout" in allowed:
            _check_dropout(level, given, low, high, unit, path, found)
    if level.wait_ms is not None:
        low, high = WAIT_ms
        wait = given.get("wait_ms", level.wait_ms)
        _check_range(wait, low, high, "ms", path + ".wait_ms", found, whole=True)
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
    if "at_least" in given and "at_least" in allowed:
        unit = levels.quantity_facts(level.gate)[1]
        high = 6 * bank["rated_current_A"] if unit == "A" else 150
        _check_range(given["at_least"], 0, high, unit, path + ".at_least", found)


def level_keys(level):
    """Return the keys that a row's settings may hold."""
    keys = () if level.wait_ms is None else ("wait_ms",)
    if level.curve:
        return ("pickup", "curve", "tms") + keys
    if levels.is_flag(level):
        return ("delay_ms",) + keys  # no samples: a lost channel has no new conversions
    keys = ("pickup", "dropout", "delay_ms", "samples") + keys
    gated = level.gate and levels.quantity_facts(level.gate)[1]
    return keys + ("at_least",) if gated else keys


def _show(value):
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def option(config, path):
    """Return the value at a path that may be absent, or its default."""
    value = lookup(config, path)
    return OPTIONAL[path] if value is None else value
