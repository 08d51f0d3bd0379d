"""Older configurations: brought up to date step by step, and as good as if made today."""

import copy
import json
from pathlib import Path

import pytest

from cabinets import configuration
from packwarden import elements, settings
from packwarden.migration import migrate
from packwarden.protection import Protection

# As the first version of `config new` wrote them: for 4 batteries of 100 A.
FIRST = json.loads((Path(__file__).parent / "older" / "schema1.json").read_text())


@pytest.fixture
def first():
    return copy.deepcopy(FIRST)


def test_the_first_form_is_refused_as_it_is_and_good_once_it_is_up_to_date(first):
    assert settings.errors(first)
    assert migrate(first) == 1
    assert settings.errors(first) == []
    assert first["schema"] == settings.SCHEMA
    assert Protection(first).bank.batteries == 4


def test_the_second_form_gets_the_condition_monitoring_as_shipped():
    second = json.loads((Path(__file__).parent / "older" / "schema2.json").read_text())
    before = copy.deepcopy(second)
    assert settings.errors(second)
    assert migrate(second) == 2
    assert settings.errors(second) == []
    shipped = elements.defaults(second["bank"])
    assert second["elements"]["joint_heating"] == shipped["joint_heating"]
    assert second["bank"] == before["bank"]


def test_what_was_set_stays_as_it_was(first):
    first["elements"]["terminal_rise"]["trip"]["pickup"] = 21
    first["elements"]["terminal_rate"]["trip"] = "off"
    before = copy.deepcopy(first)
    migrate(first)
    for section in ("bank", "sensors", "breakers"):
        assert before[section].items() <= first[section].items()
    for slug, given in before["elements"].items():
        assert given.items() <= first["elements"][slug].items()


def test_what_it_lacked_is_as_shipped(first):
    lacked = set(elements.defaults(first["bank"])) - set(first["elements"])
    assert {"undervoltage", "cascade", "lockout"} <= lacked
    migrate(first)
    shipped = elements.defaults(first["bank"])
    assert all(first["elements"][slug] == shipped[slug] for slug in lacked)
    assert first["elements"]["sensor_fault"]["kirchhoff"] == shipped["sensor_fault"]["kirchhoff"]


def test_what_nobody_had_wired_then_trips_nothing_now(first):
    """A loop that is not there is open, and an open loop trips all."""
    migrate(first)
    assert first["sensors"]["external_trip"] == "none"
    assert first["sensors"]["control_supply_V"] == 0


def test_a_later_file_of_the_same_number_keeps_its_wiring():
    config = configuration()
    config["schema"] = 1
    expected = config | {"schema": settings.SCHEMA}
    assert migrate(config) == 1
    assert config == expected  # the external trip is on by default, and stays


def test_what_is_of_today_or_later_or_unknown_is_left_alone():
    for schema in (settings.SCHEMA, settings.SCHEMA + 1, 0, -1, "1", True, None, 1.0):
        config = configuration(changes={"schema": schema})
        before = copy.deepcopy(config)
        assert migrate(config) is None
        assert config == before


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("bank"),
        lambda c: c.update(elements=[]),
        lambda c: c.update(sensors=None),
        lambda c: c["bank"].update(rated_current_A="much"),
        lambda c: c["bank"].pop("cells"),
        lambda c: c["bank"].update(batteries=0),
    ],
)
def test_what_is_no_configuration_is_left_to_the_check(first, change):
    change(first)
    assert migrate(first) is None
    assert settings.errors(first)


@pytest.mark.parametrize("config", [None, [], "schema", 5])
def test_what_is_no_object_is_left_to_the_check(config):
    assert migrate(config) is None
    assert settings.errors(config)


def test_an_element_that_is_no_object_is_refused_by_its_name(first):
    first["elements"]["terminal_rise"] = "off"
    assert migrate(first) == 1
    assert ("elements.terminal_rise", "is missing or not an object") in settings.errors(first)
