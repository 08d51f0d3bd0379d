"""What the comparator is given of each level, and what a record of it shows."""

import pytest

from cabinets import Cabinet, configuration, only
from packwarden import compare, elements
from packwarden.fixed import ASIDE, BIAS, NONE


def place_of(decider, slug, key):
    """Return the number of a level among the rows."""
    (place,) = [
        r
        for r, row in enumerate(decider.rows)
        if elements.slug(row.number) == slug and row.table.key == key
    ]
    return place


def given(protection, slug, key, *fields):
    """Return what the comparator has of a level: fields of `compare`."""
    r = place_of(protection.decider, slug, key)
    return [protection.decider.slots.get(r, field) for field in fields]


@pytest.mark.parametrize(
    ("slug", "key", "pickup", "dropout", "delay_ms", "samples", "reset_ms", "latches"),
    [
        ("terminal_overtemperature", "trip", 8000, 7500, 2000, 2, 0, 1),
        ("overcurrent_inverse", "alarm", 750, 712, 0, 1, 0, 0),
        ("overcurrent_inverse", "trip", 1000, 500, 0, 1, 0, 1),  # the whole way, and half of it
        ("bank_overcurrent", "trip", 1000, 500, 0, 1, 0, 1),
        ("overcurrent_instantaneous", "trip", 500_000, 400_000, 0, 2, 0, 1),
        ("undervoltage", "trip", -43_200, -44_200, 5000, 2, 0, 1),
        ("external_trip", "trip", 1, 1, 100, 1, 0, 1),
        ("bms_alarm", "alarm", 1, 1, 1000, 1, 5000, 0),
        ("cascade", "alarm", 1250, 950, 0, 1, 60_000, 0),
    ],
)
def test_the_comparator_is_given_what_a_level_is_set_to(
    slug, key, pickup, dropout, delay_ms, samples, reset_ms, latches
):
    fields = (compare.PICKUP, compare.DROPOUT, compare.DELAY, compare.NEEDED)
    fields += (compare.RESET, compare.LATCH)
    found = given(Cabinet().protection, slug, key, *fields)
    assert found == [BIAS + pickup, BIAS + dropout, delay_ms, samples - 1, reset_ms, latches]


@pytest.mark.parametrize(
    ("slug", "key", "gate", "pickup", "dropout", "each"),
    [
        ("terminal_rise", "trip", "temperature", BIAS + 5000, BIAS + 4500, 1),
        ("charge_temperature", "alarm", "charging", BIAS + 2000, ASIDE, 1),
        ("cascade", "trip", "departed", BIAS + 1, ASIDE, 0),  # a flag, of the bank
        ("external_trip", "trip", None, BIAS, BIAS, 0),
        ("current_imbalance", "trip", None, BIAS, BIAS, 0),  # its second condition is set to none
    ],
)
def test_a_second_condition_drops_out_at_nine_tenths_or_never_if_the_level_seals(
    slug, key, gate, pickup, dropout, each
):
    changes = {
        "elements.current_imbalance.trip": {"pickup": 100, "dropout": 90, "delay_ms": 1000},
    }
    protection = Cabinet(configuration(4, changes)).protection
    quantities = protection.quantities
    place = quantities.places[gate] if gate else quantities.always
    fields = (compare.GATE, compare.GATE_PICKUP, compare.GATE_DROPOUT, compare.GATE_STEP)
    assert given(protection, slug, key, *fields) == [place, pickup, dropout, each]


@pytest.mark.parametrize(
    ("slug", "key", "channel", "each"),
    [
        ("terminal_overtemperature", "trip", "terminal", 1),
        ("overcurrent_inverse", "trip", None, 1),  # the current of its battery: from channel 0
        ("undervoltage", "trip", "voltage", 1),
        ("overvoltage", "trip", "voltage", 1),
        ("voltage_mismatch", "alarm", "voltage", 1),
        ("ambient_high", "fan", "ambient", 0),
        ("sensor_fault", "ambient", "ambient", 0),
        ("sensor_fault", "busbar", "bus", 0),
        ("sensor_fault", "reference", "reference", 0),
        ("sensor_fault", "main_shunt", "main", 0),
        ("control_supply", "alarm", "supply", 0),
        ("external_trip", "trip", None, 0),
    ],
)
def test_what_has_to_agree_are_the_conversions_of_its_own_channel(slug, key, channel, each):
    protection = Cabinet(configuration(4, {"sensors.main_shunt_uohm": 50})).protection
    expected = getattr(protection.frame, channel) if channel else 0
    found = given(protection, slug, key, compare.CHANNEL, compare.CHANNEL_STEP)
    assert found == [expected, each]


@pytest.mark.parametrize("row", ["control_supply.alarm", "sensor_fault.main_shunt"])
def test_what_is_not_wired_counts_no_conversions_outside_of_the_channels(row):
    config = only(configuration(4, {"sensors.control_supply_V": 0}), row)
    decider = Cabinet(config).protection.decider
    assert decider.slots.get(0, compare.CHANNEL) == 0


@pytest.mark.parametrize(
    ("slug", "key", "shown", "limit"),
    [
        ("terminal_overtemperature", "trip", "temperature", 8000),
        ("undervoltage", "trip", "low_voltage", 43_200),
        ("overcurrent_inverse", "alarm", "inverse", 750),
        ("overcurrent_inverse", "trip", "load", 125_000),
        ("bank_overcurrent", "trip", "bank_load", 500_000),
        ("breaker_failure", "retrip", "load", 5000),
        ("breaker_failure", "main_retrip", "bank_load", 5000),
        ("breaker_discrepancy", "alarm", "load", None),  # a contact says so, whatever flows
    ],
)
def test_what_a_record_shows_is_the_value_and_the_limit_that_a_person_can_measure(
    slug, key, shown, limit
):
    protection = Cabinet().protection
    row = protection.decider.rows[place_of(protection.decider, slug, key)]
    assert row.shown == protection.quantities.places[shown]
    assert row.limit == (NONE if limit is None else BIAS + limit)
