"""The firmware's tick on a machine of 32 bits: acquisition, step and outputs under `heap_lock`.

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
    "acquisition.py": FIRMWARE / "acquisition.py",
    "buses.py": FIRMWARE / "buses.py",
    "contacts.py": FIRMWARE / "contacts.py",
    "outputs.py": FIRMWARE / "outputs.py",
    "chips/register_model.py": HERE.parent / "chips/register_model.py",
    "proofs/vm_tick.py": HERE / "vm_tick.py",
}
TICKS = 300
WRAPS = LIMIT - TICKS // 2  # counters of attempts come to 2^30 on the way


def on_64_bits(script):
    return run_unix(script, path=(LIB, BOARD, FIRMWARE, HERE.parent), heap="2m")


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
def test_no_tick_allocates(machine, monitor, first_count):
    config = ordinary(15, 50, monitor=monitor, cells=8, shunt="50A/12.5mV")
    config = json.dumps(every_row_on(config, 50))
    printed = machine(
        f"from proofs import vm_tick\nvm_tick.main({config!r}, {first_count}, {TICKS})\n"
    )
    assert {TRIP, CLEAR} <= set(json.loads(printed))
