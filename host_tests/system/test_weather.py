"""Weeks of other weather and of other batteries: the currents of a sound bank of 15 are silent.

What `test_week` runs through the whole firmware for one weather and one bank: here the model's
currents and the busbar's voltage go straight to the protection, two seconds a step, which takes
five minutes a week instead of an hour. A part of `make week` (pytest -m week).
"""

import pytest

from cabinets import Cabinet
from packwarden_host import bank_file
from packwarden_host.replay import with_tick
from packwarden_sim.bank import BankSource
from system.test_week import DAY_S, home

STEP_MS = 2000


def told(weather, scatter, days=7, batteries=15, prepare=None):
    """What the protection says: of this weather, batteries scattered by that seed; all events.

    `prepare` gets the model before it begins.
    """
    plan = home(batteries, days=days, solar={"seed": weather})
    config = with_tick(bank_file.build(plan.choices()), plan.tick_ms)
    bank = BankSource(plan.source()["model"], config, scatter)
    if prepare:
        prepare(bank)
    all_of_them = (1 << batteries) - 1
    cabinet = Cabinet(config)
    cabinet.noisy = False

    def move_on(cabinet):
        bank.apply(cabinet.t_ms, all_of_them, 1, 0, 1, 1)
        cabinet.current_A = bank.currents_A
        cabinet.voltage_V = [bank.bus_V] * batteries
        cabinet.voltage_bus_V = bank.bus_V

    cabinet.each_tick = move_on
    return cabinet.run(days * DAY_S, STEP_MS)


@pytest.mark.week
@pytest.mark.parametrize("seed", range(2, 10))
def test_the_currents_of_a_sound_bank_are_silent(seed):
    assert told(seed, seed) == []


@pytest.mark.week
def test_a_battery_of_much_resistance_is_named_and_no_other():
    def age(bank):
        bank.packs.r0_ohm[3] += 0.025
        bank.packs.changed()

    found = told(2, 2, days=1, prepare=age)
    assert {(event["element"], event["battery"]) for event in found} == {("current_imbalance", 4)}
