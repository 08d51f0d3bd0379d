"""Allocation: from acquisition to verification nothing is allocated, whatever happens.

Every step runs under `heap_lock`, which makes each allocation a MemoryError. In the 32-bit VM, as
on the board, an integer beyond 31 bits is one too. The whole firmware locks its heap by itself: an
allocation in its tick would be a reset.
"""

import pytest

from packwarden import elements, levels
from packwarden_host.configurations import every_row_on, ordinary, without
from packwarden_host.errors import RunFailed
from packwarden_host.targets import UnixVm, WasmVm
from proofs import machines
from proofs.drills import CROSSED, DRILLS, OF_IMBALANCE

WIRED = {"feedback": "both", "main_shunt_uohm": 50, "trip_circuit": "open_on_fault"}
BANK = every_row_on(ordinary(15, **WIRED), 50)


def jobs():
    """The drills as jobs; what would trip first is off."""
    patient = without(BANK, "current_imbalance")
    banks = {OF_IMBALANCE: BANK, CROSSED: without(patient, "breaker_failure")}
    return [
        (name, banks.get(name, patient), ticks, 1, plan) for name, (ticks, plan) in DRILLS.items()
    ]


def seen(printed):
    """{(kind, element): actions} of what an ordeal's end tells."""
    found = {}
    for line in printed.splitlines():
        if " saw " in line:
            kind, slug, action = line.split(" ")[-3:]
            found.setdefault((kind, slug), set()).add(action)
    return found


@pytest.mark.parametrize("target", [UnixVm(), WasmVm()], ids=lambda target: target.name)
def test_no_step_allocates_whatever_it_has_to_tell(target):
    found = seen(machines.driven(target, jobs()))
    rows = {
        ("fault" if element.inside else levels.LEVEL_NAMES[level.level], element.slug)
        for element in elements.TABLE
        for level in element.levels
        if level.level
    }
    assert rows | {("info", "boot"), ("command", "ambient_high")} <= set(found)
    # Whatever can clear: what only trips stays latched.
    latched = {
        element.slug
        for element in elements.TABLE
        if all(level.level == levels.TRIP for level in element.levels)
    }
    slugs = {element.slug for element in elements.TABLE}
    assert {slug for kind, slug in found if kind == "clear"} == slugs - latched
    assert found["trip", "overcurrent_instantaneous"] >= {"trip_battery", "trip_main"}
    assert found["trip", "breaker_failure"] >= {"trip_battery", "trip_main", "trip_all"}
    assert "none" in found["trip", "terminal_overtemperature"]


@pytest.mark.parametrize(
    ("target", "new"),
    [
        (UnixVm(), "dt > GAP_ms * 1.0"),  # a float
        (UnixVm(), "[dt] > [GAP_ms]"),  # a list
        (WasmVm(), "dt + (1 << 30) > GAP_ms + (1 << 30)"),  # an integer of 31 bits
    ],
)
def test_an_allocation_is_noticed(target, new):
    library = machines.changed("protection.py", "dt > GAP_ms", new)
    with pytest.raises(RunFailed, match="MemoryError"):
        machines.driven(target, jobs(), library)
