"""Why a breaker is not released, to the last count, and what is recorded of an operation."""

import pytest

from cabinets import Cabinet, at_once, configuration, only
from packwarden import compare, elements, lockout
from packwarden.fixed import ASIDE, NONE

pytestmark = pytest.mark.holds("lockout")


class Cause:
    """The trip level of an element, for the first battery or the bank, and its quantity."""

    def __init__(self, slug):
        self.protection = Cabinet(configuration(2)).protection
        decider = self.protection.decider
        (self.r,) = [
            r
            for r, row in enumerate(decider.rows)
            if elements.slug(row.number) == slug and row.table.key == "trip"
        ]
        self.place = decider.slots.get(self.r, compare.PLACE)
        self.dropout = decider.slots.get(self.r, compare.DROPOUT)

    def at(self, stored):
        """Return what is said while the quantity has this stored value."""
        self.protection.quantities.values[self.place] = stored
        return lockout.standing(self.protection, self.r, 0)


@pytest.mark.parametrize(
    ("slug", "text"),
    [
        (
            "terminal_overtemperature",
            "BAT01 TERM+ terminal_overtemperature is at 75.00 degC, it has to be below 75.00",
        ),
        ("undervoltage", "BAT01 undervoltage is at 44.200 V, it has to be above 44.200"),
        ("cascade", "cascade is at 95.0 %, it has to be below 95.0"),
    ],
)
def test_a_cause_is_gone_one_count_beyond_its_dropout(slug, text):
    cause = Cause(slug)
    assert cause.at(cause.dropout) == text
    assert cause.at(cause.dropout - 1) is None
    assert cause.at(ASIDE) is None
    assert cause.at(NONE) is not None


def told(cabinet, operate):
    """Return the events of an operation, without time and number."""
    before = len(cabinet.events)
    operate()
    cabinet.tick()
    names = ("t_ms", "seq")
    return [{n: e[n] for n in e if n not in names} for e in cabinet.events[before:]]


@pytest.mark.parametrize("index", [1, 4])
def test_an_operation_is_recorded_with_its_breaker_and_nothing_else(index):
    cabinet = Cabinet(configuration(4))
    protection = cabinet.protection
    (event,) = told(
        cabinet,
        lambda: lockout.record(protection, index, lockout.records.INFO, lockout.REFUSED),
    )
    unknown = ("level", "terminal", "value", "limit", "unit", "held_ms")
    assert event == dict.fromkeys(unknown) | {
        "kind": "info",
        "element": "lockout",
        "device": "86",
        "battery": 2 if index == 1 else None,
        "action": "none",
    }


def test_a_main_whose_contact_denies_that_it_stays_is_not_released():
    cabinet = Cabinet(only(at_once(configuration()), "external_trip"), current_A=40.0)
    cabinet.run(0.1)
    cabinet.stuck.add(cabinet.main)
    cabinet.lying[cabinet.main] = False
    cabinet.external_gives = True
    cabinet.run(1)
    cabinet.external_gives = False
    cabinet.run(0.1)
    said = lockout.refusal(cabinet.protection, cabinet.main, None)
    assert said == "the main breaker is not open yet"


def test_a_battery_lost_for_the_reason_of_the_main_does_not_hold_the_main():
    """Its own breaker opened for it: the same element has tripped the main for another one."""
    loss = {"elements.overcurrent_inverse.loss": {"delay_ms": 1000}}
    config = only(at_once(configuration(4, loss)), "overcurrent_inverse", "cascade.trip")
    cabinet = Cabinet(config, current_A=40.0)
    cabinet.lose_monitor(0)
    trip = cabinet.run_until(3, kind="trip")
    assert (trip["battery"], trip["action"]) == (1, "trip_battery")
    cabinet.run(15, 1000)
    cabinet.current_A = [200.0] * 4
    trip = cabinet.run_until(15, kind="trip", battery=2)
    assert trip["action"] == "trip_main"
    cabinet.current_A = [0.0] * 4
    cabinet.notes.clear()
    cabinet.run(60, 1000)
    for k in (1, 2, 3):
        assert lockout.refusal(cabinet.protection, cabinet.main, None) is not None
        lockout.reset(cabinet.protection, k)
    assert lockout.refusal(cabinet.protection, cabinet.main, None) is None
