"""What the console tells of captures: which there are, and the bytes of one, line by line."""

import binascii
import json

import pytest

from cabinets import Cabinet, configuration
from packwarden import lockout, restart
from packwarden.capture_view import LINE
from packwarden.captures import Captures
from terminals import PIN, Terminal


class Console:
    """A terminal at a cabinet whose captures are written at once."""

    def __init__(self, batteries=2):
        self.cabinet = Cabinet(configuration(batteries))
        self.terminal = Terminal(self.cabinet.protection)
        self.files = self.terminal.context.captures
        self.captures = self.files.captures
        self.captures.take()

    def tick(self):
        self.cabinet.tick()
        self.captures.tick(self.cabinet.now_ms)
        if self.captures.due(True):
            self.captures.take()

    def trip(self, battery):
        self.cabinet.plus_C[battery] = 95.0
        while not self.captures.frozen:
            self.tick()

    def keep(self):
        while self.captures.frozen:
            self.files.write()

    def data(self, number):
        data = bytearray(self.files.head(number).size)
        assert self.files.read(number, 0, data) == len(data)
        return bytes(data)


@pytest.fixture
def console():
    return Console()


def test_no_capture(console):
    assert console.terminal.ask("capture") == "no trip has been captured\r\n"
    found = json.loads(console.terminal.ask("capture --json"))
    assert found == {"captures": [], "waiting": False, "failed": False, "missed": 0}


def test_the_captures_are_listed(console):
    console.trip(1)
    assert console.terminal.ask("capture") == "one more is not kept yet\r\n"
    console.keep()
    first, second = console.terminal.ask("capture").splitlines()
    assert first.startswith("1  boot 1  event 1  2.0")
    assert "TRIP  terminal_overtemperature  BAT02 TERM+" in first
    size = console.files.head(1).size
    assert second == f"   from 2.01 s before to 1.00 s after it, {size} bytes"
    (found,) = json.loads(console.terminal.ask("capture --json"))["captures"]
    assert (found["number"], found["boot"], found["size"]) == (1, 1, size)
    assert (found["before_ms"], found["after_ms"]) == (2010, 1000)
    assert (found["event"]["battery"], found["event"]["terminal"]) == (2, "+")


def test_what_is_not_kept_or_was_not_captured_is_said(console):
    console.trip(0)
    console.files.failed = True
    console.captures.missed = 2
    assert console.terminal.ask("capture").splitlines() == [
        "one more is NOT KEPT: the flash fails",
        "since boot 2 trips were not captured",
    ]
    found = json.loads(console.terminal.ask("capture --json"))
    assert (found["waiting"], found["failed"], found["missed"]) == (True, True, 2)


@pytest.mark.parametrize("offset", [0, 192, 200])
def test_a_capture_comes_whole_in_lines_that_can_be_checked(console, offset):
    console.trip(1)
    console.keep()
    data = b""
    for line in console.terminal.ask(f"capture 1 {offset}").splitlines():
        at, text, checksum = line.split()
        piece = binascii.a2b_base64(text)
        assert int(at) == offset + len(data)
        assert int(checksum, 16) == binascii.crc32(piece, int(at))
        assert len(piece) <= LINE
        data += piece
    assert data == console.data(1)[offset:]


def test_as_data_it_comes_in_the_same_lines(console):
    console.trip(1)
    console.keep()
    text = console.terminal.ask("capture 1").split()
    found = json.loads(console.terminal.ask("capture 1 --json"))
    assert (found["number"], found["size"]) == (1, console.files.head(1).size)
    assert [str(cell) for line in found["lines"] for cell in line] == text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("capture 2", "there is no capture 2"),
        ("capture 0", '"0" is not a number of a capture, 1 .. 999999999'),
        ("capture x", '"x" is not a number of a capture, 1 .. 999999999'),
        ("capture 1 99999999", '"99999999" is not an offset, 0 .. '),
        ("capture 1 0 0", "capture, capture N, or capture N OFFSET"),
    ],
)
def test_what_is_not_there_is_refused(console, line, reason):
    console.trip(1)
    console.keep()
    assert console.terminal.ask(line).startswith(f"error: {reason}")


def test_a_capture_that_is_replaced_while_it_is_shown_ends_with_an_error(console):
    console.trip(1)
    console.keep()
    console.terminal.type("capture 1\r")
    console.terminal.console.work()
    console.files._numbers[0] = 5
    assert "error: capture 1 cannot be read at " in console.terminal.read()


def test_operations_are_part_of_what_is_captured():
    """A lockout is reset, a contactor closed, a restart acknowledged: told with their breaker."""
    config = configuration(2, {"breakers.kind": "contactor"})
    cabinet = Cabinet(config)
    terminal = Terminal(cabinet.protection)
    noted = []
    terminal.context.captures.captures.operated = lambda *what: noted.append(what)
    terminal.ask(f"unlock {PIN}")
    cabinet.protection.breakers.trip(1, cabinet.now_ms)
    for _ in range(30):
        cabinet.tick()
    assert "is reset" in terminal.ask("reset 2")
    assert "told to close" in terminal.ask("close 2")
    cabinet.protection.restart.failed(ValueError())
    assert "acknowledged" in terminal.ask("acknowledge")
    assert noted == [(lockout.RESET, 1), (lockout.CLOSED, 1), (restart.ACKNOWLEDGED, 0)]
    assert isinstance(terminal.context.captures.captures, Captures)
