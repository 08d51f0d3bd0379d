"""The firmware's tick on a machine of 32 bits: acquisition, step and outputs under `heap_lock`.

The simulated cabinet, which runs the firmware as it is, counts time in integers that such a
machine has to allocate; so here the firmware's modules run on the register models of the chips.
"""

import json
from pathlib import Path

import pytest

from packwarden.levels import TRIP
from packwarden.records import CLEAR
from packwarden_host import sources
from packwarden_host.configurations import every_row_on, ordinary
from packwarden_host.targets import UnixVm, WasmVm
from proofs.checked import LIMIT

HERE = Path(__file__).parent
FILES = {
    **sources.library(),
    **sources.firmware(),
    "chips/register_model.py": (HERE.parent / "chips/register_model.py").read_text(),
    "proofs/vm_tick.py": (HERE / "vm_tick.py").read_text(),
}
TICKS = 300
MANY = 1_000_000
WRAPS = LIMIT - TICKS // 2  # counters of attempts come to 2^30 on the way


def run(target, monitor, first_count, ticks):
    config = ordinary(15, 50, monitor=monitor, cells=8, shunt="50A/12.5mV")
    config = json.dumps(every_row_on(config, 50))
    script = f"from proofs import vm_tick\nvm_tick.main({config!r}, {first_count}, {ticks})\n"
    return json.loads(target.run(script, FILES))


@pytest.mark.parametrize(
    ("target", "monitor", "first_count"),
    [
        (UnixVm(), "ina228", WRAPS),
        (WasmVm(), "ina226", 0),
        (WasmVm(), "ina228", 0),
        (WasmVm(), "ina238", 0),
        (WasmVm(), "ina228", WRAPS),
    ],
)
def test_no_tick_allocates_nor_does_an_idle_slack_nor_the_last_resort(
    target, monitor, first_count
):
    kinds, fed, late, kept = run(target, monitor, first_count, TICKS)
    assert {TRIP, CLEAR} <= set(kinds)
    assert fed > TICKS
    assert late == 0
    assert kept.startswith("restarted by exception between ticks")


@pytest.mark.soak
def test_no_allocation_in_a_million_ticks():
    """Every tick and every slack with the heap locked: one allocation would raise."""
    _, fed, late, _ = run(UnixVm(patience_s=7200), "ina228", 0, MANY)
    print(f"{fed} ticks, {late} late, nothing allocated")
    assert fed > MANY
    assert late == 0
