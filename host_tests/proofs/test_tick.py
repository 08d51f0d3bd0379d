"""The firmware's executive on a machine of 32 bits, tick and slack under `heap_lock`.

The simulated cabinet, which runs the firmware as it is, counts time in integers that such a
machine has to allocate; so here the firmware's modules run on the register models of the chips.
"""

import json
from pathlib import Path

import pytest

from packwarden.levels import TRIP
from packwarden.records import CLEAR
from proofs.checked import LIMIT
from proofs.configurations import every_row_on, ordinary
from vms import LIB, ROOT, lib_sources, run_unix, run_wasm32

HERE = Path(__file__).parent
BOARD = ROOT / "boards/cabinet15"
FIRMWARE = ROOT / "firmware"
MODULES = {
    "board.py": BOARD / "board.py",
    **{path.name: path for path in FIRMWARE.glob("*.py") if path.name != "main.py"},
    "chips/register_model.py": HERE.parent / "chips/register_model.py",
    "proofs/vm_tick.py": HERE / "vm_tick.py",
}
TICKS = 300
MANY = 1_000_000
WRAPS = LIMIT - TICKS // 2  # counters of attempts come to 2^30 on the way


def script(monitor, first_count, ticks):
    config = ordinary(15, 50, monitor=monitor, cells=8, shunt="50A/12.5mV")
    config = json.dumps(every_row_on(config, 50))
    return f"from proofs import vm_tick\nvm_tick.main({config!r}, {first_count}, {ticks})\n"


def on_64_bits(script, timeout_s=60):
    path = (LIB, BOARD, FIRMWARE, HERE.parent)
    return run_unix(script, path=path, heap="2m", timeout_s=timeout_s)


def on_32_bits(script):
    modules = {name: path.read_text() for name, path in MODULES.items()}
    return run_wasm32(script, {**lib_sources(), **modules}, heap_bytes=2 * 1024 * 1024)


@pytest.mark.parametrize(
    ("machine", "monitor", "first_count"),
    [
        (on_64_bits, "ina228", WRAPS),
        (on_32_bits, "ina226", 0),
        (on_32_bits, "ina228", 0),
        (on_32_bits, "ina238", 0),
        (on_32_bits, "ina228", WRAPS),
    ],
)
def test_no_tick_allocates_nor_does_an_idle_slack_nor_the_last_resort(
    machine, monitor, first_count
):
    kinds, fed, late, written = json.loads(machine(script(monitor, first_count, TICKS)))
    assert {TRIP, CLEAR} <= set(kinds)
    assert fed > TICKS
    assert late == 0
    assert written > 1  # integrators, lockouts, and what ended it


@pytest.mark.soak
def test_no_allocation_in_a_million_ticks():
    """Every tick and every slack with the heap locked: one allocation would raise."""
    _, fed, late, _ = json.loads(on_64_bits(script("ina228", 0, MANY), timeout_s=7200))
    print(f"{fed} ticks, {late} late, nothing allocated")
    assert fed > MANY
    assert late == 0
