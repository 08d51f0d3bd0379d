"""The integers of a configuration: parts of the load, limits of the chips, the safe state."""

import pytest

from cabinets import configuration
from packwarden import elements
from packwarden.bank import Bank
from packwarden.frame import MAIN_BIT

MAIN = 1 << MAIN_BIT


def bank(batteries=4, rated_A=100, **changes):
    """Return a bank; `changes`: {"section__name": value}."""
    paths = {name.replace("__", "."): value for name, value in changes.items()}
    return Bank(configuration(batteries, paths, rated_A))


def test_the_integers_of_a_bank():
    found = bank(3, breakers__kind="uvr", bank__cells=4)
    assert (found.batteries, found.rated_mA, found.nominal_mV) == (3, 100000, 13200)
    assert (found.nearly_full_mV, found.plateau_mV) == (13400, 13240)
    assert (found.tick_ms, found.pulse_ms, found.excitation_mV) == (10, 200, 2200)
    assert (found.monitor, found.shunt_uohm, found.main_shunt_uohm) == ("ina228", 250, 0)
    assert (found.breaker_kind, found.feedback) == ("uvr", "52a")
    assert (found.supply_mV, found.retries, found.repeat_hours) == (24000, 3, 24)
    assert (found.external_trip, found.trip_circuit) == ("open_on_trip", "none")
    assert not found.has_baseline
    instantaneous = elements.TABLE[elements.find("overcurrent_instantaneous")]
    assert found.level(instantaneous, instantaneous.levels[0]) is None
    assert found.level(instantaneous, instantaneous.levels[3])["pickup"] == 500


def test_a_rating_may_have_decimals():
    assert bank(rated_A=62.5).rated_mA == 62500


@pytest.mark.parametrize(
    ("capacity", "baseline", "parts"),
    [
        (100, ..., [1, 1, 1, 1]),
        (2000, 20, [1, 1, 1, 1]),
        ([100, 100, 50, 150], ..., [1, 1, 0.5, 1.5]),
        (100, [80, 100, 120, 100], [0.8, 1, 1.2, 1]),
        (50, [60, 62.5, 67.5, 60], [0.96, 1, 1.08, 0.96]),
        ([100, 200, 100, 200], [120, 60, 120, 60], [1, 1, 1, 1]),
    ],
)
def test_the_part_of_a_battery_is_its_capacity_times_its_baseline(capacity, baseline, parts):
    found = bank(bank__capacity_Ah=capacity)
    if baseline is not ...:
        found = bank(bank__capacity_Ah=capacity, bank__baseline_percent=baseline)
    assert found.weights() == [pytest.approx(1024 * part, abs=0.51) for part in parts]
    assert found.has_baseline == (baseline is not ...)


@pytest.mark.parametrize("batteries", range(1, 16))
@pytest.mark.parametrize("least", [True, False])
def test_parts_are_between_a_sixteenth_and_sixteen_times_the_mean(batteries, least):
    one, others = (1, 4) if least else (4, 1)
    found = bank(
        batteries,
        bank__capacity_Ah=[one] + [others] * (batteries - 1),
        bank__baseline_percent=[100 * one] + [100 * others] * (batteries - 1),
    )
    assert 1024 // 16 <= min(found.weights()) <= max(found.weights()) < 16 * 1024
    assert sum(found.weights()) == pytest.approx(1024 * batteries, abs=batteries)


@pytest.mark.parametrize(
    ("kind", "given", "mask"),
    [
        ("shunt_trip", ..., 0),
        ("contactor", ..., 0),
        ("uvr", ..., 0b1111 | MAIN),
        ("uvr", [], 0),
        ("shunt_trip", ["main"], MAIN),
        ("contactor", [1, 4], 0b1001),
        ("uvr", [2, "main"], 0b0010 | MAIN),
    ],
)
def test_the_safe_state_trips_what_is_named_and_by_default_what_a_release_holds(kind, given, mask):
    found = bank(breakers__kind=kind)
    if given is not ...:
        found = bank(breakers__kind=kind, breakers__trip_on_failure=given)
    assert found.on_failure() == mask


@pytest.mark.parametrize(
    ("monitor", "shunt_uohm", "cells", "limits"),
    [
        ("ina228", 250, 16, (600000, 62160)),  # 120 % of 500 A, 105 % of 59.2 V
        ("ina228", 270, 16, (576474, 62160)),  # 95 % of what the chip measures
        ("ina226", 130, 8, (598646, 31080)),
    ],
)
def test_the_chips_own_limits_are_beyond_the_elements_and_within_their_range(
    monitor, shunt_uohm, cells, limits
):
    config = configuration(4, {"sensors.monitor": monitor, "sensors.shunt_uohm": shunt_uohm})
    config["bank"]["cells"] = cells
    config["elements"] = elements.defaults(config["bank"])
    assert Bank(config).chip_limits() == limits


def test_a_trip_that_is_off_arms_no_chip():
    off = {"elements__overcurrent_instantaneous__trip": "off"}
    assert bank(**off).chip_limits() == (None, 62160)
    assert bank(elements__overvoltage__trip="off").chip_limits() == (600000, None)
