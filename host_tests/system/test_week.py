"""Days of a solar home through the whole firmware: a sound bank is silent, what fails is named.

`make test` runs nine hours of a sound bank of four, `make week` (pytest -m week) everything: seven
days of four and of fifteen, and a day with each fault, some minutes each. A tick of one second:
delays are times. On CPython, which is faster at this and gives the same bytes as the VM.
"""

from dataclasses import dataclass, field

import pytest

from packwarden_host import bank_file
from packwarden_host.replay import with_tick
from packwarden_host.scenario import Scenario
from system.runs import simulated

DAY_S = 86_400
HOUR_S = 3600


def home(batteries=4, days=1, faults=(), **changes):
    """A bank in a solar home; changes: keys of [bank], [thermal], [load] and [load.solar]."""
    solar = {"days": days, "seed": 1} | changes.get("solar", {})
    bank = {"batteries": batteries, "rated_current_A": 100, "soc_percent": 50}
    return Scenario.model_validate(
        {
            "title": "A solar home",
            "end_s": days * DAY_S,
            "tick_ms": 1000,
            "bank": bank | {"scatter_percent": 2} | changes.get("bank", {}),
            "thermal": {"room_C": 24} | changes.get("thermal", {}),
            "load": {"solar": solar} | changes.get("load", {}),
            "fault": list(faults),
        }
    )


def told(plan, hours=None):
    """What a run, or its first hours, says of the bank: {(element, place): first event}.

    Without boot and the fan. A place is a battery with its terminal ("3+"), a battery ("3"), or
    the bank ("").
    """
    config = with_tick(bank_file.build(plan.choices()), plan.tick_ms)
    job = {"seed": plan.seed, "faults": plan.job_faults()}
    end_ms = hours * HOUR_S * 1000 if hours else plan.end_ms
    run = simulated(plan.source(), config, "cpython", end_ms=end_ms, **job)
    assert run.restarts == [] and run.ending["cause"] == "end"
    found = {}
    for event in run.events[1:]:
        if event["element"] != "ambient_high" or event["level"] is not None:
            place = f"{event['battery'] or ''}{event['terminal'] or ''}"
            found.setdefault((event["element"], place), event)
    return found


# ---- a sound bank


def test_a_night_and_a_morning_of_a_sound_bank_are_silent():
    assert told(home(), hours=9) == {}


@pytest.mark.week
@pytest.mark.parametrize("batteries", [4, 15])
def test_a_week_of_a_sound_bank_is_silent(batteries):
    assert told(home(batteries, days=7)) == {}


@pytest.mark.week
@pytest.mark.parametrize("batteries", [1, 2, 3])
def test_a_day_of_a_small_sound_bank_is_silent(batteries):
    assert told(home(batteries)) == {}


# ---- one fault


@dataclass(frozen=True)
class Case:
    """A fault, what it must bring, and what it may: {element: places, separated by spaces}."""

    faults: list
    must: dict = field(default_factory=dict)
    may: dict = field(default_factory=dict)
    changes: dict = field(default_factory=dict)


def fault(kind, at_h=1.0, **keys):
    return {"kind": kind, "at_s": round(at_h * HOUR_S), **keys}


EACH = "1 2 3 4"
# Here the fan makes the difference: the air reaches 39.1 degC with it and 40.6 without.
HOT = {
    "thermal": {"room_C": 36.6},
    "solar": {"peak_W": 18_000.0, "evening_W": 9000.0, "swing_K": 4.0},
}
CASES = {
    "joint": Case(
        [fault("joint_resistance", battery=3, terminal="+", added_mohm=8.0, ramp_s=4 * HOUR_S)],
        {"terminal_rise": "3+", "joint_heating": "3+"},
        {"terminal_overtemperature": "3+", "terminal_rate": "3+", "current_imbalance": "3"},
    ),
    "aged": Case(
        [fault("internal_resistance", battery=2, added_mohm=25.0)],
        {"current_imbalance": "2", "resistance_mismatch": "2"},
    ),
    "low cell": Case(
        [fault("pack_voltage", battery=4, offset_V=-1.0)],
        {"reverse_current": "4"},
        {"current_imbalance": "4", "voltage_mismatch": "4"},
    ),
    "joined empty": Case(
        [fault("joined", battery=2, at_h=3)],
        {"reverse_current": "2", "voltage_mismatch": "2"},
        changes={"bank": {"soc_percent": [50, 8, 50, 50]}},
    ),
    "shorted cell": Case(
        [fault("internal_short", battery=1, shorted_cells=1, at_h=10)],
        {"reverse_current": "1"},
        {"current_imbalance": "1", "voltage_mismatch": "1"},
    ),
    "bms opens": Case(
        [fault("bms_opens", battery=3)],
        {"bms_alarm": "3", "idle_string": "3"},
        {"current_imbalance": "3"},
    ),
    "bms alarms": Case([fault("bms_alarm", battery=3)], {"bms_alarm": "3"}),
    "thermistor open": Case(
        [fault("thermistor_open", battery=2, terminal="+")], {"sensor_fault": "2+"}
    ),
    "thermistor short": Case(
        [fault("thermistor_short", battery=2, terminal="-")], {"sensor_fault": "2-"}
    ),
    "ambient open": Case([fault("thermistor_open", terminal="ambient")], {"sensor_fault": ""}),
    "thermistor drifts up": Case(
        [fault("thermistor_offset", battery=1, terminal="-", offset_K=10.0, ramp_s=HOUR_S)],
        {"terminal_rise": "1-"},
    ),
    "thermistor drifts down": Case(
        [fault("thermistor_offset", battery=1, terminal="-", offset_K=-10.0, ramp_s=HOUR_S)],
    ),
    "monitor absent": Case([fault("monitor_absent", battery=2)], {"sensor_fault": "2"}),
    "monitor frozen": Case([fault("monitor_frozen", battery=2)], {"sensor_fault": "2"}),
    "current offset": Case(
        [fault("current_offset", battery=4, offset_A=12.0)],
        {"current_imbalance": "4"},
        {"reverse_current": "4"},
    ),
    "voltage offset": Case(
        [fault("voltage_offset", battery=4, offset_V=-0.3)], {"voltage_mismatch": "4"}
    ),
    # By hand, say: contact and current agree. Only its voltage goes its own way from then on.
    "breaker opens": Case(
        [fault("breaker_opens", battery=2, at_h=10)], may={"voltage_mismatch": "2"}
    ),
    "contact lies": Case(
        [fault("contact_lies", battery=2, contact="52a", reads="open", at_h=10)],
        {"breaker_discrepancy": "2"},
    ),
    "fan works": Case([], changes=HOT),
    "fan fails": Case([fault("fan_fails")], {"ambient_high": ""}, changes=HOT),
    "inverter drains": Case(
        [],
        {"undervoltage": EACH},
        {"bms_alarm": EACH},
        {"load": {"cutoff_V": 46.8, "restart_V": 51.2}, "bank": {"soc_percent": 6}},
    ),
    "charger overshoots": Case(
        [],
        {"overvoltage": EACH},
        {"bms_alarm": EACH},
        {"load": {"ceiling_V": 58.6}},
    ),
    # The first that is charged has the charger stopped, and no other is.
    "cold room": Case(
        [],
        {"charge_temperature": "4"},
        {"charge_temperature": "1 2 3"},
        {"thermal": {"room_C": -6}},
    ),
}
# By day all of fifteen are charged: battery 1 is by far too much, but it is not reversed.
OF_15 = {name: CASES[name] for name in ("joint", "aged", "bms opens", "current offset")} | {
    "shorted cell": Case(
        CASES["shorted cell"].faults,
        {"overcurrent_inverse": "1"},
        {"reverse_current": "1", "idle_string": "1", **CASES["shorted cell"].may},
    )
}


def places(claims):
    """Claims as pairs (element, place); "" is the bank."""
    return {(slug, place) for slug, words in claims.items() for place in words.split() or [""]}


def names_its_place_and_no_other(case, batteries):
    found = told(home(batteries, faults=case.faults, **case.changes))
    must = places(case.must)
    assert must <= set(found), found
    assert set(found) <= must | places(case.may), found


@pytest.mark.week
@pytest.mark.parametrize("name", CASES)
def test_a_fault_of_a_bank_of_four_names_its_place_and_no_other(name):
    names_its_place_and_no_other(CASES[name], 4)


@pytest.mark.week
@pytest.mark.parametrize("name", OF_15)
def test_a_fault_of_a_bank_of_fifteen_names_its_place_and_no_other(name):
    names_its_place_and_no_other(OF_15[name], 15)
