"""The firmware's console on a real pseudo-terminal, and protection while nonsense comes in."""

import json
import os
import pty
import random
import re
import shutil
import sys
import threading

import pytest

from packwarden.commands import COMMANDS
from packwarden_host.codes import write_job
from packwarden_host.vm import Cabinet, Job
from packwarden_sim.costs import FILE_COMMIT_US, NVS_COMMIT_US
from system.contract import check
from system.lines import COMMAND, Line, offered, opened, pseudo_terminal
from system.runs import bank, each, first, replayed, told, trace

PROMPT = rb"packwarden> "
VERSION = rb"Packwarden [0-9.]+ on cabinet15, image [0-9a-f]{8}"
LOOKING = sorted(
    set(COMMANDS) - {"pin", "unlock"} - {name for name in COMMANDS if COMMANDS[name].operates}
)
BATTERIES = 3
TRIES = 20


@pytest.fixture(scope="module")
def path():
    """A cabinet's console, offered by `packwarden sim --pty`, once the cabinet is armed."""
    with offered("--batteries", BATTERIES) as (_, path):
        with opened(path) as line:
            while not json.loads(line.ask("status --json")[0])["armed"]:
                pass  # each answer is a wait of its own, with its own time-out
        yield path


@pytest.fixture
def line(path):
    with opened(path) as line:
        yield line


def typed(name):
    """A command as one types it: with the argument that it needs."""
    return name + (" 2" if name == "battery" else "")


def test_the_console_greets_and_prompts():
    with pseudo_terminal() as (far, line), Cabinet(bank(2), terminal=far) as cabinet:
        (cabinet.folder / "trace.csv").write_text(trace((0, {}), (2, {})))
        end_ms = write_job(cabinet.folder / "trace.csv", cabinet.config, cabinet.folder / "t.txt")
        source = {"kind": "trace", "path": str(cabinet.folder / "t.txt"), "stuck": []}
        check([text for _, text in cabinet.lines(Job(source, end_ms, console="stdio"))])
        line.until(rb'^\r\nPackwarden [0-9.]+: type "help"\r\n' + PROMPT + b"$")


def test_what_is_typed_is_echoed_and_edited(line):
    line.send("verr")
    line.until(b"verr")
    line.send("\x7f")
    line.until(rb"ver\x1b\[K")
    line.send("\x08rsion\r")
    line.until(rb"ve\x1b\[Krsion\r\n" + VERSION + rb"\r\n" + PROMPT)
    line.send("\x1b[A")  # arrow up: the line before
    line.until(b"version")
    line.send("\r")
    line.until(VERSION + rb"\r\n" + PROMPT)


@pytest.mark.parametrize("ending", [b"\r", b"\n", b"\r\n"])
def test_a_line_may_end_as_terminals_end_it(line, ending):
    line.send(b"version" + ending)
    line.until(VERSION + rb"\r\n" + PROMPT)
    line.send("x\r")
    assert PROMPT not in line.until(rb"(.*)error")[1]  # one end of a line is one line


@pytest.mark.parametrize("name", LOOKING)
def test_every_command_answers_people_and_programs(line, name):
    text = line.ask(typed(name))
    assert text and not text[0].startswith("error")
    (reply,) = line.ask(typed(name) + " --json")
    assert json.loads(reply) is not None


def test_the_replies_are_about_this_bank(line):
    (bank_json,) = line.ask("bank --json")
    report = json.loads(bank_json)
    assert [facts["battery"] for facts in report["batteries"]] == [1, 2, 3]
    assert report["current_A"] == pytest.approx(120, rel=0.05)
    (status,) = (json.loads(text) for text in line.ask("status --json"))
    assert status["armed"] is True and status["batteries"] == BATTERIES
    assert line.ask("why") == ["nothing has tripped since power-up"] or line.ask("why")
    (settings,) = (json.loads(text) for text in line.ask("settings --json"))
    assert settings["bank"]["batteries"] == BATTERIES
    (events,) = (json.loads(text) for text in line.ask("events --json"))
    assert events[0]["element"] == "boot"
    assert len(line.ask("help")) >= len(LOOKING)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", 'error: no command "nonsense"; type "help"'),
        ("battery", "error: say which: battery 1 .. 3"),
        ("battery 4", 'error: "4" is not a battery, 1 .. 3'),
        ("battery -1", 'error: "-1" is not a battery, 1 .. 3'),
        ("bank 1", 'error: takes no "1"'),
        ("elements no_such", 'error: no element "no_such"'),
        ("events --since x", 'error: "x" is not a number of an event, 0 .. 999999999'),
        ("--json", 'error: no command "--json"; type "help"'),
        ("' OR 1=1 --", 'error: no command "\'"; type "help"'),
    ],
)
def test_what_cannot_be_answered_is_one_error_line(line, text, said):
    assert line.ask(text) == [said]


def test_ten_thousand_characters_without_an_end_are_one_error_line(line):
    line.send("x" * 10_000)
    line.send("\r")
    match = line.until(rb"x{100,}\r\n(error: [^\r]*)\r\n" + PROMPT)
    assert match[1] == b"error: a line may have 120 characters"
    assert line.ask("version")


def test_bytes_that_are_no_text_are_ignored(line):
    every = bytes(byte for byte in range(256) if byte not in b"\r\n")
    line.send(every + b"\xff\xfe\x80" * 50 + "äöü€".encode())
    line.send(b"\x03")
    line.until(rb"\^C\r\n" + PROMPT)
    line.send(b"ver\xffs\xc3ion\x00\r")
    line.until(VERSION + rb"\r\n" + PROMPT)


def test_ctrl_c_takes_a_line_back_and_ends_a_reply_but_nothing_else(line):
    line.send("bank")
    line.until(b"bank")
    line.send("\x03")
    line.until(rb"\^C\r\n" + PROMPT)
    line.send("elements --json\r\x03")
    line.until(rb"\^C\r\n" + PROMPT)
    line.send("\x04\x1a\x1c\x11\x13")  # what else a terminal driver might take: none of it counts
    assert line.ask("version")
    (status,) = (json.loads(text) for text in line.ask("status --json"))
    assert status["armed"] is True


# ---- through the programs that people use ---------------------------------------------------


def _miniterm(path):
    return [sys.executable, "-m", "serial.tools.miniterm", "--raw", path, "115200"]


def _picocom(path):
    return ["picocom", "--quiet", "--baud", "115200", path]


PROGRAMS = {
    "packwarden console": (lambda path: [*COMMAND, "console", path], b"\x1d"),
    "miniterm": (_miniterm, b"\x1d"),
    "picocom": (_picocom, b"\x01\x18"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_terminal_program_on_a_terminal_of_its_own(path, name):
    command, leave = PROGRAMS[name]
    arguments = command(path)
    if shutil.which(arguments[0]) is None:
        pytest.skip(f"{arguments[0]} is not installed")
    child, fd = pty.fork()
    if child == 0:
        os.execvp(arguments[0], arguments)
    line = Line(fd)
    try:
        for _ in range(TRIES):  # what is typed before it listens may be lost
            line.send("\r")
            if line.came(PROMPT, 1):
                break
        line.send("version\r")
        # One of them makes \r\r\n of \r\n.
        line.until(rb"version\r+\n" + VERSION + rb"\r+\n" + PROMPT)
        line.send(leave)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        os.close(fd)


# ---- protection goes on meanwhile -----------------------------------------------------------

# Battery 2 heats by 2 K a second, and is at 80 degC after 20 s.
DEVELOPING = trace(
    (0, each(4, i_A=40)), *((t, {"tp2_C": 40 + 2 * t}) for t in range(1, 30)), (30, {})
)


class Flood(threading.Thread):
    """Sends nonsense without a pause, and asks for the status in between."""

    def __init__(self, line):
        super().__init__(daemon=True)
        self._line = line
        self._random = random.Random(7)
        self.stop = threading.Event()
        self.sent = 0
        self.statuses = []
        self.failure = None

    def _nonsense(self):
        choice = self._random.randrange(4)
        if choice == 0:
            return self._random.randbytes(700)
        if choice == 1:
            return b"y" * 10_000
        if choice == 2:
            return b"bank --json\r\x03\x03elements\r\xc3\x28\r\n"
        return b"nonsense " * 20 + b"\r"

    def run(self):
        try:
            self._line.until(PROMPT)
            while not self.stop.is_set():
                for _ in range(3):
                    nonsense = self._nonsense()
                    self._line.send(nonsense)
                    self.sent += len(nonsense)
                self._line.send(b"\x03\x03status --json\r")
                match = self._line.until(rb'(\{"armed":.*?\})\r\n')
                self.statuses.append(json.loads(match[1]))
        except (AssertionError, OSError) as failure:
            if not self.stop.is_set():
                self.failure = failure


def test_a_flooded_console_delays_no_trip(tmp_path):
    quiet = first(replayed(DEVELOPING).events, kind="trip")
    lines = []
    with pseudo_terminal() as (far, line), Cabinet(bank(), terminal=far) as cabinet:
        (cabinet.folder / "trace.csv").write_text(DEVELOPING)
        end_ms = write_job(cabinet.folder / "trace.csv", cabinet.config, cabinet.folder / "t.txt")
        source = {"kind": "trace", "path": str(cabinet.folder / "t.txt"), "stuck": []}
        flood = Flood(line)
        flood.start()
        for letter, text in cabinet.lines(Job(source, end_ms, speed=20, console="stdio")):
            assert letter == "E", text  # no restart
            lines.append(text)
        flood.stop.set()
    flood.join(5)
    assert flood.failure is None
    check(lines)
    trip = first([json.loads(text) for text in lines], kind="trip")
    assert (trip["element"], trip["battery"]) == (quiet["element"], 2)
    assert abs(trip["t_ms"] - quiet["t_ms"]) <= 20
    assert flood.sent > 20_000 and len(flood.statuses) > 3
    last = flood.statuses[-1]
    # Lockout and journal are committed to flash, one after the other; nothing else takes so long.
    assert last["worst_late_us"] <= max(NVS_COMMIT_US, FILE_COMMIT_US) + 1000
    assert last["late_ticks"] <= last["ticks"] / 100


def test_a_terminal_that_reads_nothing_delays_no_trip():
    """Whoever types and does not read stops the console, not the protection."""
    with pseudo_terminal() as (far, line), Cabinet(bank(), terminal=far) as cabinet:
        (cabinet.folder / "trace.csv").write_text(DEVELOPING)
        end_ms = write_job(cabinet.folder / "trace.csv", cabinet.config, cabinet.folder / "t.txt")
        source = {"kind": "trace", "path": str(cabinet.folder / "t.txt"), "stuck": []}
        os.write(line.fd, b"elements\r" * 40)  # replies of 100 KB, for a buffer of 4
        lines = [text for _, text in cabinet.lines(Job(source, end_ms, console="stdio"))]
    quiet = first(replayed(DEVELOPING).events, kind="trip")
    assert told([json.loads(text) for text in lines], kind="trip")[0] == quiet


def test_the_prompt_is_what_the_tests_wait_for():
    from packwarden.console import PROMPT as actual

    assert re.fullmatch(PROMPT, actual.encode())
