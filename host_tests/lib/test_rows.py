"""The rows of a bank: which are on and in what order, whose slots they are, what they show."""

import pytest

from cabinets import configuration
from packwarden.bank import Bank
from packwarden.elements import TABLE
from packwarden.fixed import ASIDE, BIAS, NONE
from packwarden.levels import ALARM, TRIP
from packwarden.records import UNIT_NAMES
from packwarden.rows import plan


def rows(**changes):
    """Return {(slug, key of the level): row} of a bank of four."""
    paths = {name.replace("__", "."): value for name, value in changes.items()}
    found = plan(Bank(configuration(4, paths)))
    return {(TABLE[row.number].slug, row.table.key): row for row in found}


def test_what_is_on_is_there_once_in_the_tables_order_and_level_after_level():
    config = configuration(4)
    found = plan(Bank(config))
    order = [(row.number, row.level) for row in found]
    assert order == sorted(order)
    on = {
        (slug, key)
        for slug, levels in config["elements"].items()
        for key, given in levels.items()
        if given != "off"
    }
    assert [(TABLE[row.number].slug, row.table.key) for row in found] == list(rows())
    assert set(rows()) == on
    assert len(found) == len(on)


def test_a_slot_is_that_of_a_terminal_of_a_battery_or_of_the_bank():
    found = rows()

    def places(slug, key, count):
        row = found[slug, key]
        return [(row.battery(item), row.terminal(item)) for item in range(count)]

    terminals = [(battery, side) for battery in (1, 2, 3, 4) for side in (1, 2)]
    assert places("terminal_overtemperature", "trip", 8) == terminals
    assert places("overcurrent_inverse", "trip", 4) == [(k, 0) for k in (1, 2, 3, 4)]
    assert places("external_trip", "trip", 1) == [(0, 0)]


def test_values_that_operate_when_they_are_low_are_shown_as_they_are():
    found = rows()
    assert found["undervoltage", "trip"].show(BIAS - 43200) == BIAS + 43200
    assert found["overvoltage", "trip"].show(BIAS + 57600) == BIAS + 57600
    for row in found.values():
        assert row.show(NONE) == row.show(ASIDE) == NONE
        assert row.show(ASIDE + 1) != NONE


@pytest.mark.parametrize(("wait_ms", "waits_ms"), [(..., 2000), (0, 0), (700, 700)])
def test_how_long_a_trip_waits_is_its_setting_or_as_shipped(wait_ms, waits_ms):
    level = {"pickup": 80, "dropout": 75, "delay_ms": 2000, "wait_ms": wait_ms}
    if wait_ms is ...:
        del level["wait_ms"]
    found = rows(elements__terminal_overtemperature__trip=level)
    assert found["terminal_overtemperature", "trip"].wait_ms == waits_ms


def test_what_is_short_circuited_or_asked_for_never_waits():
    at_once = ("overcurrent_instantaneous", "external_trip", "breaker_failure")
    waits = [row.wait_ms for (slug, _), row in rows().items() if slug in at_once]
    assert waits == [0] * len(waits) != []


def test_what_a_row_is_for():
    found = rows()
    alarms = {place for place, row in found.items() if row.alarms}
    assert alarms == {
        place
        for place, row in found.items()
        if row.level in (ALARM, TRIP) and place[0] != "voltage_mismatch"
    }
    inside = {slug for (slug, _), row in found.items() if row.inside}
    assert inside == {"output_fault", "controller_fault"}
    retrips = {slug for (slug, _), row in found.items() if row.retrips}
    assert retrips == {"breaker_failure"}
    sensors = {slug for (slug, _), row in found.items() if row.tells_sensor}
    assert sensors == {"sensor_fault"}
    inverse = {place for place, row in found.items() if row.inverse}
    assert inverse == {("overcurrent_inverse", "trip"), ("bank_overcurrent", "trip")}
    assert UNIT_NAMES[found["overcurrent_inverse", "trip"].unit] == "A"
    assert UNIT_NAMES[found["external_trip", "trip"].unit] is None
