"""Resistances after days of a home's load: how far off internal ones and links are.

A bank on its ladder, with the noise of an INA228 (`lib/condition/banks.py`); its load is the home
of `solar`. After the first day the baseline is taken, and one link gets worse.
"""

from dataclasses import dataclass

import numpy as np

from lib.condition.banks import Packs
from packwarden.condition.resistances import FIELDS, LINK, USED
from packwarden_host import solar
from packwarden_host.scenario_parts import Solar

BATTERIES = 4
WORSE_mohm = 0.8
_TICK_ms = 200
_DAY_ms = 86_400_000


@dataclass
class Days:
    """What came of two days of a bank."""

    steps: int  # of the load that were used, by the battery that has the least
    off_mohm: float  # of the internal resistance after a day, of the battery where it is most
    off_percent: float
    link_off_mohm: float  # of the links after a day
    over_off_mohm: float  # of what they are over their baseline a day later
    rails_mohm: float  # what one that is worse shows more, or another less, for the rails' share


def two_days(seeds):
    """Let a bank for each seed live two days."""
    return [_bank(seed) for seed in seeds]


def _bank(seed):
    packs = Packs(BATTERIES, [1, 1], seed=seed, tick_ms=_TICK_ms)
    _live(packs, seed)
    every = range(BATTERIES)
    found = np.array([packs.resistances.uohm(k, 0) / 1000 for k in every])
    true = np.array([packs.true_mohm(k) for k in every])
    steps = min(int(packs.resistances.kept[k * FIELDS + USED]) for k in every)
    packs.resistances.learn()
    before, before_true = _links(packs)
    packs.cable_ohm[1] += WORSE_mohm / 1000
    packs.factor()
    _live(packs, seed + 1)
    after, after_true = _links(packs)
    over_true = after_true - before_true
    over_off = abs(after - before - over_true).max()
    over_true[1] -= WORSE_mohm
    off = abs(found - true)
    links_off = abs(before - before_true).max()
    worst = off.max(), 100 * (off / true).max(), links_off, over_off, abs(over_true).max()
    return Days(steps, *map(float, worst))


def _links(packs):
    """Return what the links are found to be, and what they are, as the senses see them."""
    every = range(BATTERIES)
    found = [packs.resistances.uohm(k, LINK) / 1000 for k in every]
    return np.array(found), np.array([packs.link_mohm(k) for k in every])


def _live(packs, seed):
    """Let a day of the home pass."""
    energy_Wh = solar.energy_Wh(BATTERIES, 100, 16)
    corners = solar.steps(Solar(days=1, seed=seed, weather=["broken"]), energy_Wh)
    ends_ms = [at_ms + ramp_ms for at_ms, ramp_ms, _ in corners]
    at_ms = np.arange(0, _DAY_ms, _TICK_ms)
    amps = np.interp(at_ms, ends_ms, [power for _, _, power in corners]) / 51.2
    for load_A in amps.tolist():
        packs.tick(load_A)
