"""The condition monitoring on the simulated board: in the slack, and kept over a restart."""

import sys

import pytest

from firmware.test_cabinet import trace
from packwarden.condition import counters
from packwarden.timing import OWN
from packwarden_sim.clock import us

FLOWS = {"i1_A": 36, "i2_A": 36, "i3_A": 36, "i4_A": 36}  # 0.01 Ah a second


def discharged(cabinet, k=0):
    kept = cabinet._estimates.monitor.counters.kept
    return kept[k * counters.FIELDS + counters.DISCHARGED]


@pytest.fixture
def hasty(rigged, monkeypatch):
    """A rig that saves each 3 s instead of each 10 min."""

    def make(*args, **more):
        monkeypatch.setattr(sys.modules["estimates"], "SAVE_ms", 3000)
        return rigged(*args, **more)

    return make


def test_counters_outlive_a_restart_but_for_one_interval(hasty):
    first = hasty(4, trace(12, FLOWS)).run()
    counted = discharged(first)
    assert 9 <= counted <= 12
    again = hasty(4, trace(2))
    cabinet = again.cabinet()
    cabinet._estimates.boot()
    assert counted - 4 <= discharged(cabinet) <= counted


def test_a_flash_that_takes_nothing_is_tried_again_and_costs_nothing_else(hasty, monkeypatch):
    rig = hasty(4, trace(12, FLOWS))
    cabinet = rig.cabinet()
    flash = sys.modules["flash"]
    original = flash.open
    broken = []

    def open(name, mode):
        if "r" not in mode and name.startswith("condition") and us[0] < 6_000_000:
            broken.append(name)
            raise OSError(28)
        return original(name, mode)

    monkeypatch.setattr(flash, "open", open)
    rig.run(cabinet)
    assert broken
    assert discharged(cabinet) >= 9
    assert cabinet._estimates._store.slots.generation >= 1


def test_in_a_full_bank_at_10_ms_each_piece_has_its_slack(hasty):
    cells = {f"i{k}_A": 36 for k in range(1, 16)}
    cabinet = hasty(15, trace(6, cells)).run()
    assert cabinet.timing.late[OWN] == 0
    assert [discharged(cabinet, k) for k in (0, 14)] == pytest.approx([5, 5], abs=1)
    monitor = cabinet._estimates.monitor
    assert not monitor.unseen()
