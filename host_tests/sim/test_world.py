"""The simulated board as a process with a tiny firmware, in both VMs: time, rows, resets."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from packwarden_host import REPOSITORY, boards
from packwarden_host.vm import micropython_path

START = REPOSITORY / "tools/packwarden_sim/start.py"
COMMANDS = {"micropython": [micropython_path(), "-X", "heapsize=4m"], "cpython": [sys.executable]}
EXACT = 100  # codes are told in hundreds, so that noise does not make a new one
QUIET_uV = 1_000_000


class Board:
    """A simulated board in a folder; `run` lives one life of it and returns its lines."""

    def __init__(self, folder, vm, batteries=2, act=None, limits=None):
        self.folder, self.vm, self.batteries = folder, vm, batteries
        folder.mkdir(exist_ok=True)
        flash = folder / "state/flash"
        shutil.copytree(Path(__file__).parent / "tiny_firmware", flash)
        for name, path in boards.modules("cabinet15").items():
            (flash / name).symlink_to(path)
        (flash / "lib").symlink_to(REPOSITORY / "lib")
        told = {"batteries": batteries, "act": act, "limits": limits}
        (flash / "config.json").write_text(json.dumps(told))

    def trace(self, *rows):
        """Rows of (t_ms, code of battery 1, state of its monitor)."""
        n = self.batteries
        lines = [json.dumps({"batteries": n})]
        for t_ms, code, state in rows:
            row = [t_ms, code, *[EXACT] * (n - 1), *[1000] * (n + 1), *[QUIET_uV] * (2 * n + 1)]
            row += [state, *[0] * n, (1 << n) - 1, 0]
            lines.append(" ".join(map(str, row)))
        (self.folder / "trace.txt").write_text("\n".join(lines) + "\n")

    def run(self, end_ms=None, stuck=(), typed=b"", **job):
        source = {"kind": "trace", "path": str(self.folder / "trace.txt"), "stuck": list(stuck)}
        read_fd, write_fd = os.pipe()
        told = {"repo": str(REPOSITORY), "source": source}
        told |= {"state_dir": str(self.folder / "state"), "end_ms": end_ms, "out_fd": write_fd}
        path = self.folder / "job.json"
        path.write_text(json.dumps(told | job))
        command = [*map(str, COMMANDS[self.vm]), str(START), str(path)]
        with os.fdopen(read_fd, encoding="utf-8") as reader:
            try:
                done = subprocess.run(
                    command, input=typed, capture_output=True, pass_fds=[write_fd], timeout=20
                )
            finally:
                os.close(write_fd)
            lines = reader.read().splitlines()
        assert done.returncode == 0
        self.printed = done.stdout
        return lines


@pytest.fixture(params=COMMANDS)
def vm(request):
    return request.param


@pytest.fixture
def board(tmp_path, vm):
    return Board(tmp_path, vm)


def events(lines):
    return [json.loads(line[2:]) for line in lines if line[0] == "E"]


def changes(lines):
    """(t_ms, code, contact open, errno) whenever one of them changed."""
    return [tuple(event[:4]) for event in events(lines)[1:] if event[4] is None]


def ending(lines):
    assert [line[0] for line in lines].count("X") == 1
    return json.loads(lines[-1][2:])


def test_rows_are_seen_in_the_first_tick_at_or_after_their_time(board):
    board.trace((0, 1000, 0), (100, 2000, 0), (205, 3000, 0), (206, 4000, 0), (300, 5000, 0))
    lines = board.run(300)
    assert changes(lines) == [
        (0, 1000, 0, 0),
        (100, 2000, 0, 0),
        (210, 4000, 0, 0),
        (300, 5000, 0, 0),
    ]
    assert ending(lines) == {"cause": "end", "t_ms": 310, "ticks": 35, "detail": None}


def test_a_trace_of_one_row_ends_with_the_tick_that_armed(board):
    board.trace((0, 1000, 0))
    assert ending(board.run(0)) == {"cause": "end", "t_ms": 10, "ticks": 5, "detail": None}


def test_the_end_may_come_from_the_last_row_alone(board):
    board.trace((0, 1000, 0), (50, 1000, 0))
    assert ending(board.run())["t_ms"] == 60


def test_a_tripped_breaker_opens_after_its_travel_and_its_current_is_gone(board):
    board.trace((0, 1000, 0), (100, 200_000, 0), (400, 200_000, 0))
    assert changes(board.run(400)) == [(0, 1000, 0, 0), (100, 200_000, 0, 0), (150, 0, 1, 0)]


def test_a_stuck_breaker_stays_closed(board):
    board.trace((0, 1000, 0), (100, 200_000, 0), (400, 200_000, 0))
    assert changes(board.run(400, stuck=[1]))[-1] == (100, 200_000, 0, 0)


def test_states_of_the_trace_silence_and_freeze_the_monitor(board):
    board.trace((0, 1000, 0), (100, 1000, 2), (200, 5000, 2), (300, 5000, 1), (400, 5000, 0))
    seen = changes(board.run(400))
    assert seen == [(0, 1000, 0, 0), (300, 0, 0, 19), (400, 5000, 0, 19)]


def test_a_hung_chip_costs_its_timeout_and_the_error_has_its_number(board):
    board.trace((0, 1000, 0), (1000, 1000, 0))
    fault = {"t_ms": 100, "until_ms": 200, "target": "monitor 1", "kind": "hang"}
    seen = changes(board.run(1000, faults=[fault]))
    assert seen[1] == (100, 0, 0, 116)
    # Five ticks of 20 ms and more fit into the 100 ms; the other battery's monitor answers.
    assert seen[2][:2] == (200, 1000) or 200 < seen[2][0] < 230


def test_an_unfed_watchdog_resets_the_board_in_time(tmp_path, vm):
    board = Board(tmp_path, vm, act="hang")
    board.trace((0, 1000, 0), (60_000, 1000, 0))
    last = ending(board.run(60_000))
    assert last["cause"] == "watchdog"
    assert 1450 <= last["t_ms"] <= 1470  # 50th tick, 45 ticks after arming, and one second


def test_a_reset_keeps_memory_breakers_and_time(tmp_path, vm):
    board = Board(tmp_path, vm, act="reset")
    board.trace((0, 1000, 0), (100, 200_000, 0), (1000, 1000, 0), (2000, 1000, 0))
    first = board.run(2000)
    assert events(first)[0] == ["boot", 1, False]
    assert ending(first)["cause"] == "reset"
    t_ms = ending(first)["t_ms"]
    (tmp_path / "state/flash/config.json").write_text('{"batteries": 2}')
    second = board.run(2000, restarts=1, cause="reset")
    assert events(second)[0] == ["boot", 2, True]
    assert changes(second) == [(0, 0, 1, 0)]
    last = ending(second)
    assert last["cause"] == "end"
    assert 2000 < last["t_ms"] <= 2020
    # The time of the boot has passed as well.
    assert (2000 - t_ms - 310) // 10 <= last["ticks"] <= (2020 - t_ms - 300) // 10


def test_the_nvs_outlives_resets_and_the_loss_of_power(tmp_path, vm):
    board = Board(tmp_path, vm, act="nvs")
    board.trace((0, 1000, 0), (60_000, 1000, 0))
    corrupt = {"t_ms": 1500, "target": "nvs", "kind": "corrupt"}
    told = []
    for life, cause in enumerate((None, "reset", "power_off", "reset")):
        lines = board.run(60_000, restarts=life, cause=cause, faults=[corrupt])
        assert ending(lines)["cause"] == "reset"
        told += [event[1:] for event in events(lines) if event[0] == "lives"]
    mark = repr(b"\x00kept\xff")
    assert told[:2] == [[0, "-4354"], [1, mark]]
    assert [number for number, _ in told] == [0, 1, 2, 3]
    assert [seen == mark for _, seen in told[1:]] == [True, False, True]


@pytest.mark.parametrize(("limits", "code"), [("read", 80_000), ("deaf", 0)])
def test_the_latch_trips_the_main_of_a_firmware_that_hears_no_alert(tmp_path, vm, limits, code):
    board = Board(tmp_path, vm, limits=limits)
    board.trace((0, 1000, 0), (100, 80_000, 0), (1000, 80_000, 0))
    seen = changes(board.run(1000))
    assert seen[:2] == [(0, 1000, 0, 0), (100, 80_000, 0, 0)]
    assert seen[-1][1] == code
    if code == 0:
        assert 440 <= seen[-1][0] <= 460  # a conversion, 300 ms, 40 ms, a tick


def test_power_off_loses_the_memory_and_tells(board):
    board.trace((0, 1000, 0), (1000, 1000, 0))
    fault = {"t_ms": 500, "target": "power", "kind": "off"}
    assert ending(board.run(1000, faults=[fault])) == {
        "cause": "power_off",
        "t_ms": 500,
        "ticks": 54,
        "detail": None,
    }
    assert not (board.folder / "state/rtc.bin").exists()


@pytest.mark.parametrize(
    ("act", "detail"), [("raise", "ValueError: as asked"), ("idle", "the firmware did not arm")]
)
def test_a_firmware_that_fails_is_a_crash(tmp_path, vm, act, detail):
    board = Board(tmp_path, vm, act=act)
    board.trace((0, 1000, 0), (1000, 1000, 0))
    last = ending(board.run(1000))
    assert (last["cause"], last["detail"]) == ("crash", detail)


def test_a_script_types_and_its_answer_comes_line_by_line(board):
    board.trace((0, 1000, 0), (1000, 1000, 0))
    lines = board.run(1000, console="script", script=[[100, "help\n"], [300, "x\n"]])
    assert [line for line in lines if line[0] == "C"] == ["C HELP", "C X"]


def test_stdio_is_the_console_byte_by_byte(board):
    board.trace((0, 1000, 0), (500, 1000, 0))
    lines = board.run(500, console="stdio", typed=b"a\xff\x03b")
    assert board.printed == b"A\xff\x03B"
    assert ending(lines)["cause"] == "end"


def test_pacing_makes_it_wait(board):
    board.trace((0, 1000, 0), (400, 1000, 0))
    before = os.times().elapsed
    board.run(400, speed=2)
    assert os.times().elapsed - before >= 0.2


def test_both_vms_write_the_same_events_byte_by_byte(tmp_path):
    faults = [
        {"t_ms": 500, "until_ms": 900, "target": "monitor 3", "kind": "hang"},
        {"t_ms": 700, "target": "monitor 5", "kind": "config_lost"},
        {"t_ms": 800, "until_ms": 1500, "target": "monitor 6", "kind": "zero"},
        {"t_ms": 900, "until_ms": 1500, "target": "monitor 7", "kind": "frozen"},
        {"t_ms": 900, "until_ms": 1900, "target": "inputs 0", "kind": "stuck_bit", "bit": 4}
        | {"level": 0},
        {"t_ms": 1200, "until_ms": 1300, "target": "mux", "kind": "stuck_bit", "bit": 1}
        | {"level": 1},
        {"t_ms": 1600, "target": "breaker 9", "kind": "open"},
        {"t_ms": 1700, "until_ms": 2500, "target": "external_trip", "kind": "tripped"},
        {"t_ms": 1700, "until_ms": 3500, "target": "supply", "kind": "volts", "volts": 7.3}
        | {"ramp_ms": 1500},
        {"t_ms": 1800, "target": "sensor current 4", "kind": "noise", "amount": 3.3},
        {"t_ms": 1800, "target": "sensor voltage 4", "kind": "noise", "amount": 0.2},
        {"t_ms": 1800, "target": "sensor terminal 4-", "kind": "noise", "amount": 1.5},
        {"t_ms": 1800, "target": "sensor ambient", "kind": "slow", "lag_ms": 700},
        {"t_ms": 2600, "until_ms": 2700, "target": "bus monitors", "kind": "hang"},
    ]
    told = []
    for vm in COMMANDS:
        board = Board(tmp_path / vm, vm, batteries=15, limits="read")
        board.trace((0, 1000, 0), (1000, -70_000, 0), (2000, 200_000, 0), (5000, 0, 0))
        told.append([line for line in board.run(5000, seed=7, faults=faults) if line[0] == "E"])
    assert len(told[0]) > 8
    assert told[0] == told[1]
