"""Configurations of the proofs: as shipped, with every row on, and at both ends of all ranges."""

import copy

from packwarden import elements, levels, settings
from packwarden.chips.ina2xx import CHIPS
from packwarden_host.bank_file import Choices, build

LARGEST_A = 10000  # what a monitor may measure at most, see `settings`

# What is shipped "off", in the unit of its row, for 100 A rated.
_OFF = {
    ("overcurrent_instantaneous", "warn"): {"pickup": 200, "dropout": 150},
    ("overcurrent_instantaneous", "alarm"): {"pickup": 300, "dropout": 250},
    ("current_imbalance", "trip"): {
        "pickup": 80,
        "dropout": 60,
        "at_least": 25,
        "delay_ms": 150000,
    },
    ("reverse_current", "idle_trip"): {"pickup": 30, "dropout": 15, "delay_ms": 60000},
    ("ambient_high", "trip"): {"pickup": 55, "dropout": 50, "delay_ms": 60000},
    ("bank_overcurrent", "alarm"): {"pickup": 75, "dropout": 70},
    ("idle_string", "trip"): {"pickup": 1, "dropout": 3, "delay_ms": 900000},
    ("joint_heating", "trip"): {"pickup": 40, "dropout": 30, "delay_ms": 600000},
    ("link_resistance", "trip"): {"pickup": 5, "dropout": 3, "delay_ms": 600000},
    ("resistance_mismatch", "trip"): {"pickup": 20, "dropout": 15, "delay_ms": 600000},
    ("charge_temperature", "trip"): {"pickup": -10, "dropout": -5, "delay_ms": 60000},
}
_OFF_FLAG = {"delay_ms": 600000}  # a loss, a BMS alarm


def ordinary(batteries, rated_A=100, **choices):
    """A configuration as shipped; `choices`: fields of `bank_file.Choices`."""
    return build(Choices(batteries=batteries, rated_current_A=rated_A, **choices))


def every_row_on(config, hurry):
    """The same with every row on, and all delays divided by `hurry`. Rated 100 A."""
    config = copy.deepcopy(config)
    config["bank"]["baseline_percent"] = 100
    for slug, key, row in rows(config):
        if row == "off":
            row = config["elements"][slug][key] = dict(_OFF.get((slug, key), _OFF_FLAG))
        if "delay_ms" in row:
            row["delay_ms"] //= hurry
    return checked(config)


def without(config, slug):
    """The same with an element off, which would trip before others can."""
    config = copy.deepcopy(config)
    config["elements"][slug] = dict.fromkeys(config["elements"][slug], "off")
    return checked(config)


def widest(batteries, monitor, **changes):
    """The largest currents there can be, in a bank of the smallest rating; rows at their low end.

    `changes`: other settings of sensors or breakers.
    """
    shunt_uohm = CHIPS[monitor]["shunt_full_scale_uV"] // LARGEST_A + 1
    return _at_end(_rated(batteries, monitor, 10), 0, {"shunt_uohm": shunt_uohm, **changes})


def narrowest(batteries, monitor):
    """The smallest currents a count; rows at their high end."""
    shunt_uohm = CHIPS[monitor]["shunt_full_scale_uV"] // (settings.FULL_SCALE_RATIO * 10)
    return _at_end(_rated(batteries, monitor, 10), 1, {"shunt_uohm": shunt_uohm})


def largest(batteries, monitor):
    """A bank of the largest rating; rows at their high end."""
    return _at_end(_rated(batteries, monitor, 600), 1, {})


def _rated(batteries, monitor, rated_A):
    shunt = "60A/60mV" if rated_A == 10 else "1000A/20mV"
    cells = 8 if monitor == "ina226" else 16  # it ends at 36 V
    return ordinary(batteries, rated_A, shunt=shunt, monitor=monitor, cells=cells)


def _at_end(config, end, changes):
    config = copy.deepcopy(config)
    for name, value in changes.items():
        config["breakers" if name in config["breakers"] else "sensors"][name] = value
    bank = config["bank"]
    rated_A = bank["rated_current_A"]
    for element in elements.TABLE:
        for level in element.levels:
            given = config["elements"][element.slug]
            pickup = settings.pickup_range(element, level, bank)[end]
            if level.curve:
                given[level.key] |= {"pickup": pickup, "tms": settings.TMS[end]}
                continue
            gate_A = level.gate and levels.quantity_facts(level.gate)[1] == "A"
            ends = {
                "pickup": pickup,
                "dropout": pickup if end or level.sign < 0 else min(0, pickup),
                "delay_ms": settings.DELAY_ms[end],
                "samples": settings.SAMPLES[end],
                "at_least": end * (6 * rated_A if gate_A else 150),
                "wait_ms": settings.WAIT_ms[end],
            }
            given[level.key] = {key: ends[key] for key in settings.level_keys(level)}
    return checked(config)


def uneven(config, small=0):
    """The same with a battery whose part of the load is 16 times as large as that of the others.

    `small` 1: a sixteenth of it. Each of capacity and baseline admits a ratio of four.
    """
    config = copy.deepcopy(config)
    bank = config["bank"]
    one, others = (1, 4) if small else (4, 1)
    bank["capacity_Ah"] = [one] + [others] * (bank["batteries"] - 1)
    bank["baseline_percent"] = [100 * one] + [100 * others] * (bank["batteries"] - 1)
    return checked(config)


def with_curve(config, curve, tms):
    """The same with another inverse-time characteristic, of the batteries and of the bank."""
    config = copy.deepcopy(config)
    for slug in ("overcurrent_inverse", "bank_overcurrent"):
        config["elements"][slug]["trip"] |= {"curve": curve, "tms": tms}
    return checked(config)


def rows(config):
    """Every (slug, key, settings or "off") of a configuration."""
    for slug, given in config["elements"].items():
        for key in given:
            yield slug, key, given[key]


def checked(config):
    """The configuration itself, if it is a good one."""
    found = settings.errors(config)
    if found:
        raise ValueError(found)
    return config


def with_sensors(config, changes):
    """The same with other settings of its sensors."""
    config = copy.deepcopy(config)
    config["sensors"] |= changes
    return checked(config)
