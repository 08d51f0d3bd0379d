"""`packwarden bench`: its figures, what is null, and what a board tells."""

import json

import pytest

from boards_on_ports import on_pty, repl
from packwarden_host import bench, bench_table, targets
from packwarden_host.board_target import Board
from packwarden_host.errors import RunFailed
from packwarden_host.targets import UnixVm


class Playing:
    """A target whose control step takes what a function of the batteries says."""

    name = "played"

    def __init__(self, step_us):
        self._step_us = step_us

    def run(self, script, files, listen=targets.deaf):
        batteries = json.loads(files["config.json"])["bank"]["batteries"]
        return json.dumps({"step_us": self._step_us(batteries)})


def test_the_line_through_the_sizes_is_the_least_squares_one():
    found = bench.linearity(Playing(lambda n: 2.5 * n + 10))
    assert found["us_per_battery"] == pytest.approx(2.5)
    assert found["us_fixed"] == pytest.approx(10)
    assert found["us_residual"] == pytest.approx(0)
    assert list(found["step_us_by_batteries"]) == list(range(2, 16))
    bent = bench.linearity(Playing(lambda n: 2.5 * n + 10 - 3 * (n == 8)))
    assert -3 < bent["us_residual"] < -2.5


def test_the_firmware_takes_less_heap_where_words_are_shorter():
    wide = bench.heap(UnixVm(heap=bench.HEAP), "x64")
    narrow = bench.heap_32()
    for name in ("heap_code_bytes", "heap_state_bytes"):
        assert wide[name] / 2 < narrow[f"{name}_32"] < wide[name]
    assert wide["heap_used_bytes"] == wide["heap_code_bytes"] + wide["heap_state_bytes"]
    assert wide["heap_free_bytes"] > 0


def test_without_the_32_bit_vm_its_heap_is_null(monkeypatch, tmp_path):
    monkeypatch.setattr(targets, "WASM32", tmp_path / "none")
    assert set(bench.heap_32().values()) == {None}


def test_a_board_tells_its_own_figures_and_null_for_what_it_cannot_know(packwarden, tmp_path):
    with on_pty(tmp_path) as port:
        result = packwarden("bench", "--port", port, "--json")
    assert (result.code, list(tmp_path.iterdir())) == (0, [])
    told = json.loads(result.out)
    assert set(bench.KEYS) <= set(told)
    known = ("step_us", "step_us_bytecode", "kernel_us", "heap_code_bytes", "heap_state_bytes")
    assert all(told[key] > 0 for key in known)
    assert (told["batteries"], told["alloc_bytes"]) == (15, 0)
    unknown = ("kernel_us_c", "bus_bytes_per_tick", "bus_bytes_minimum", "late_ticks", "sim_ratio")
    assert [told[key] for key in unknown] == [None] * len(unknown)
    assert told["step_us_bytecode"] > told["step_us"]
    assert (told["cpu_hz"], told["runs"]) == (None, "MicroPython 1.29.0, viper, x64")


def test_what_does_not_fit_a_board_is_null_and_said(capsys):
    def too_large():
        raise RunFailed("board on x: MemoryError: memory allocation failed")

    assert bench._if_it_fits(too_large) == {"did_not_fit": True}
    with pytest.raises(RunFailed, match="divide"):
        bench._if_it_fits(lambda: (_ for _ in ()).throw(RunFailed("divide by zero")))
    result = dict.fromkeys(bench.KEYS) | {"batteries": 15, "did_not_fit": True}
    bench_table.show(result | {"runs": "MicroPython 1.24.1", "cpu_hz": 240_000_000}, "/dev/x")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "15 batteries, MicroPython 1.24.1 on /dev/x, 240 MHz"
    assert "too small for what was not measured" in lines[-1]
    assert "<= 500 us at 240 MHz" in lines[2] and "not measured" in lines[2]


FAKE_MACHINE = """
hz = 160000000
def freq(*wanted):
    global hz
    if not wanted:
        return hz
    if wanted[0] > 160000000 and not fast:
        raise ValueError("unsupported")
    hz = wanted[0]
"""


@pytest.mark.parametrize(("fast", "expected"), [(True, 240_000_000), (False, 160_000_000)])
def test_a_board_runs_as_fast_as_it_can_and_then_as_before(tmp_path, fast, expected):
    source = f"fast = {fast}\n{FAKE_MACHINE}".replace("hz = 160000000", "hz = 80000000", 1)
    (tmp_path / "clocks.py").write_text(source)
    ask = "import machine\nprint(machine.freq())\n"
    with on_pty(tmp_path) as port:
        with repl(port) as link:
            link.exec("import sys, clocks\nsys.modules['machine'] = clocks")
        with Board(port) as board:
            with bench._full_speed(board) as cpu_hz:
                assert (cpu_hz, board.run(ask, {})) == (expected, f"{expected}\n")
            assert board.run(ask, {}) == "80000000\n"


def test_the_table_compares_what_one_run_measured(capsys):
    result = dict.fromkeys(bench.KEYS) | {"batteries": 15, "slots": 832, "step_us": 100.0}
    result |= {"step_us_bytecode": 2500.0, "kernel_us": 30.0, "kernel_us_c": 5.0}
    result |= {"heap_code_bytes_32": 70_000, "heap_state_bytes_32": None, "late_ticks": 0}
    result |= {"step_us_by_batteries": {2: 1, 15: 2}, "us_per_battery": 5.0}
    result |= {"us_fixed": 10.0, "us_residual": 0.5, "sim_ratios_4": {"4 batteries": 97.0}}
    bench_table.show(result, None)
    rows = {line[:28].strip(): line for line in capsys.readouterr().out.splitlines()}
    assert "25 x" in rows["bytecode over viper"] and ">= 15" in rows["bytecode over viper"]
    assert "6 x" in rows["kernels over C"] and "<= 12" in rows["kernels over C"]
    assert "not measured" in rows["floats over viper"]
    assert "70000 bytes" in rows["heap on 32 bits, code"]
    assert "not measured" in rows["heap on 32 bits, state"]
    assert rows["late ticks"].split()[2:4] == ["0", "0"]
