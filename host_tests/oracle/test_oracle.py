"""A million frames: viper kernels in the VM and the reference in C come to the same bits."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from oracle import duel, windows
from packwarden import compare
from packwarden.compare import IDLE, OPERATED, PICKED_UP, RETURNING, WAVERING
from packwarden.fixed import NONE
from packwarden_host import oracle, sources
from packwarden_host.configurations import every_row_on, ordinary
from packwarden_host.targets import UnixVm
from proofs import machines

SHARDS = 4
WINDOWS = 250
FRAMES = 1000

# What a slot can do between two frames.
STEPS = (
    (IDLE, PICKED_UP),
    (IDLE, OPERATED),
    (PICKED_UP, IDLE),
    (PICKED_UP, WAVERING),
    (PICKED_UP, OPERATED),
    (WAVERING, IDLE),
    (WAVERING, PICKED_UP),
    (WAVERING, OPERATED),
    (OPERATED, RETURNING),
    (RETURNING, OPERATED),
    (RETURNING, IDLE),
    (OPERATED, IDLE),
)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_quarter_of_a_million_frames(shard, library):
    seen = np.zeros((5, 5), int)
    with duel.Vm() as vm:
        drawn = duel.drawn(shard, WINDOWS, FRAMES)
        for number, (window, theirs, ours) in enumerate(duel.duels(vm, library, drawn)):
            found = windows.difference(window, theirs, ours)
            assert found is None, f"window {number}: {found}"
            seen += windows.transitions(window, ours)
    assert {step: int(seen[step]) for step in STEPS if seen[step] < 100} == {}


@pytest.mark.parametrize("pace_ms", [10, 1000])
@pytest.mark.parametrize("batteries", [2, 15])
def test_the_element_table(batteries, pace_ms, library):
    rng = np.random.default_rng(batteries + pace_ms)
    config = every_row_on(ordinary(batteries, main_shunt_uohm=50), 50)
    table = windows.of(config, rng, 500, pace_ms)
    with duel.Vm() as vm:
        assert duel.first_difference(vm, library, [table] * 2) is None


def test_the_benchmark_gives_both_the_same_quiet_frame(library):
    files = {**sources.library(), **sources.scripts(), "config.json": json.dumps(ordinary(15))}
    found = json.loads(UnixVm().run("import kernels\nkernels.main(True)\n", files))
    assert found["kernel_us"] > 0
    assert oracle.kernel_us_c(found["quiet"]) > 0
    given = {
        name: np.array(found["quiet"].pop(name), np.int32)
        for name in ("table", "corrections", "row", "frame")
    }
    assert found["quiet"].pop("rows") == len(given["row"]) // compare.ROW
    rows = given["row"].reshape(-1, compare.ROW)
    window = windows.Window(
        **found["quiet"],
        table=given["table"],
        corrections=given["corrections"],
        rows=rows,
        frames=given["frame"][None, :],
    )
    ours = duel.by_reference(library, window)
    with duel.Vm() as vm:
        assert duel.first_difference(vm, library, [window]) is None
    assert ours[0, 0] == 0
    # The reference resistor has no temperature.
    assert np.count_nonzero(ours[0, 1 : 1 + window.channels] == NONE) == 1


# What a difference names, by where the defect is.
PLACES = {
    "measure": r"frame \d+, channel \d+ measured: ",
    "compare": r"frame \d+, row \d+ item \d+, ",
}

# One count or one comparison, in the reference ...
ORACLE_DEFECTS = [
    ("measure.c", "ratio + half", "ratio + half - 1"),
    ("measure.c", "+ denominator / 2", ""),
    ("measure.c", "gains[ch] - BIAS", "gains[ch] - BIAS - 1"),
    ("measure.c", "BIAS) + offsets[ch]", "BIAS) + 1 + offsets[ch]"),
    ("measure.c", "values[ch] += offsets[ch]", "values[ch] += 1 + offsets[ch]"),
    ("measure.c", "(ends[0] * (SEGMENT", "(1 + ends[0] * (SEGMENT"),
    ("measure.c", "FULL_RATIO = 32767", "FULL_RATIO = 32766"),
    ("compare.c", "value < condition->dropout", "value <= condition->dropout"),
    ("compare.c", "first >= own->pickup", "first > own->pickup"),
    ("compare.c", "watched[i] < level->own.pickup", "watched[i] <= level->own.pickup"),
    ("compare.c", "other >= second->pickup", "other > second->pickup"),
    ("compare.c", "< level->delay_ms", "<= level->delay_ms"),
    ("compare.c", "< level->needed", "<= level->needed"),
    ("compare.c", "< level->reset_ms", "<= level->reset_ms"),
    ("compare.c", "|| gap", "|| (gap && level->latch)"),
    ("compare.c", "(now - since) & CLOCK_MASK", "now - since"),
    ("compare.c", "value != NONE && ", ""),
    ("compare.c", "if (level->latch)", "if (level->latch && !well)"),
]

# ... and in the library.
LIBRARY_DEFECTS = [
    ("measure.py", "const(512)", "const(511)"),
    ("measure.py", "= code * whole", "= 1 + code * whole"),
    ("measure.py", "const(64)", "const(63)"),
    ("measure.py", "divisor <= 0", "divisor < 2"),
    ("compare.py", "values[place + i] >= pickup", "values[place + i] > pickup"),
    ("compare.py", "& _MASK < row[at + DELAY]", "& _MASK <= row[at + DELAY]"),
    (
        "compare.py",
        "(now - stamps[slot]) & _MASK < row[at + RESET]",
        "now - stamps[slot] < row[at + RESET]",
    ),
]


def short():
    return duel.drawn(1, 60, 300)


def test_a_short_run_finds_no_difference(library):
    with duel.Vm() as vm:
        assert duel.first_difference(vm, library, short()) is None


@pytest.mark.parametrize("defect", ORACLE_DEFECTS, ids=str)
def test_a_defect_of_the_reference_is_found(defect, library, tmp_path):
    name, old, new = defect
    sources = tmp_path / "sources"
    shutil.copytree(oracle.SOURCES, sources)
    source = (sources / name).read_text()
    assert source.count(old) == 1
    (sources / name).write_text(source.replace(old, new))
    with duel.Vm() as vm:
        found = duel.first_difference(vm, oracle.load(tmp_path, sources), short())
    assert found and re.search(PLACES[Path(name).stem], found)


@pytest.mark.parametrize("defect", LIBRARY_DEFECTS, ids=str)
def test_a_defect_of_the_library_is_found(defect, library, tmp_path):
    sources.write(machines.changed(*defect), tmp_path)
    with duel.Vm(tmp_path) as vm:
        found = duel.first_difference(vm, library, short())
    assert found and re.search(PLACES[Path(defect[0]).stem], found)
