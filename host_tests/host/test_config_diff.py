"""Differences of two configurations: what they mean, field by field, with units."""

import json

from cabinets import configuration, put
from packwarden_host import config_diff


def found(changes, others=None):
    """What differs: (field, runs, file) as texts."""
    here, there = configuration(changes=others), configuration(changes=changes)
    return [one.cells() for one in config_diff.differences(here, there)]


def test_the_same_has_no_difference(capsys):
    assert found({}) == []
    config_diff.show([], False)
    assert capsys.readouterr().out == "no difference\n"


def test_each_field_is_told_with_both_values_and_its_unit():
    assert found(
        {
            "bank.rated_current_A": 80,
            "bank.positions": [2, 1, 3, 4],
            "sensors.external_trip": "none",
            "elements.terminal_rise.trip.pickup": 31,
            "elements.terminal_rise.trip.delay_ms": 7000,
            "elements.overcurrent_inverse.trip.tms": 0.2,
            "elements.current_imbalance.warn.at_least": 11,
        }
    ) == [
        ("sensors.external_trip", "open_on_trip", "none"),
        ("bank.rated_current_A", "100 A", "80 A"),
        ("bank.positions", "[1, 2, 3, 4]", "[2, 1, 3, 4]"),
        ("elements.terminal_rise.trip.pickup", "30 K", "31 K"),
        ("elements.terminal_rise.trip.delay_ms", "60000 ms", "7000 ms"),
        ("elements.overcurrent_inverse.trip.tms", "0.25", "0.2"),
        ("elements.current_imbalance.warn.at_least", "8 A", "11 A"),
    ]


def test_what_is_absent_stands_for_its_default():
    assert found({"bank.tick_ms": 10, "breakers.retries": 3}) == []
    assert found({"elements.terminal_rise.warn.samples": 1}) == found({})
    assert found({"bank.tick_ms": 20}) == [("bank.tick_ms", "10 ms", "20 ms")]


def test_a_level_that_is_switched_off_is_told_with_what_it_was():
    assert found({"elements.bms_alarm.alarm": "off"}) == [
        ("elements.bms_alarm.alarm.delay_ms", "1000 ms", "-"),
        ("elements.bms_alarm.alarm", "-", "off"),
    ]


def test_what_one_has_not_is_told():
    changes = {"breakers.trip_on_failure": [1, "main"]}
    assert found(changes) == [("breakers.trip_on_failure", "-", '[1, "main"]')]


def test_numbers_are_compared_by_what_they_are():
    config = configuration()
    put(config, "bank.rated_current_A", 100.0)
    assert config_diff.differences(configuration(), config) == []


def test_as_data_and_as_a_table(capsys):
    one = config_diff.differences(configuration(), configuration(changes={"bank.cells": 15}))
    config_diff.show(one, True)
    assert json.loads(capsys.readouterr().out) == [
        {"field": "bank.cells", "runs": 16, "file": 15, "unit": "cells in series"}
    ]
    config_diff.show(one, False)
    assert capsys.readouterr().out.splitlines() == [
        "1 difference",
        "field       runs                file",
        "bank.cells  16 cells in series  15 cells in series",
    ]
