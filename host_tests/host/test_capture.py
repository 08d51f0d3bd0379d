"""`packwarden capture PORT` against the cabinet's console at the end of a pseudo-terminal."""

import os
import re
import threading
import tty
from contextlib import contextmanager

import pytest

from captured import Recorded
from packwarden.console import PROMPT
from packwarden_host import dialogue
from terminals import Terminal


@pytest.fixture(scope="module")
def console():
    """A terminal at a cabinet that has captured one trip."""
    recorded = Recorded()
    terminal = Terminal(recorded.protection)
    files = terminal.context.captures
    files.captures = recorded.captures
    recorded.run(2.5)
    recorded.heat(1)
    recorded.run_until_frozen()
    while recorded.captures.frozen:
        files.write()
    return terminal


@contextmanager
def offered(console, spoil=lambda reply: reply):
    """Offer a console on a pseudo-terminal; `spoil` changes what its replies become on the way."""
    master, slave = os.openpty()
    tty.setraw(slave)
    asked = []

    def play():
        line = b""
        while True:
            try:
                byte = os.read(master, 1)
            except OSError:
                return
            if byte == b"\x03":
                os.write(master, f"^C\r\n{PROMPT}".encode())
            elif byte == b"\r":
                asked.append(line.decode())
                reply = spoil(console.ask(asked[-1]))
                data = f"{asked[-1]}\r\n{reply}{PROMPT}".encode()
                while data:
                    data = data[os.write(master, data[:1024]) :]
                line = b""
            else:
                line += byte

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    yield os.ttyname(slave), asked
    os.close(slave)
    thread.join(20)
    os.close(master)


def content(console, number=1):
    files = console.context.captures
    data = bytearray(files.head(number).size)
    files.read(number, 0, data)
    return bytes(data)


def test_without_a_number_the_captures_are_listed(packwarden, console):
    with offered(console) as (path, asked):
        result = packwarden("capture", path)
    assert (result.code, result.err) == (0, "")
    assert asked == ["capture --json"]
    title, heads, row = result.out.splitlines()
    assert title == "Captures" and heads.split()[0] == "number"
    assert row.startswith("1 ") and "BAT02 TERM+" in row
    assert row.endswith(str(len(content(console))))


def test_one_is_fetched_whole(packwarden, console, tmp_path):
    file = tmp_path / "trip.pwc"
    with offered(console) as (path, _):
        result = packwarden("capture", path, 1, "-o", file)
    assert (result.code, result.err) == (0, "")
    assert file.read_bytes() == content(console)
    assert result.out.startswith(f"{file}: {len(content(console))} bytes: ")


def test_without_a_name_it_gets_one(packwarden, console, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with offered(console) as (path, _):
        assert packwarden("capture", path, 1).code == 0
    assert (tmp_path / "capture-1.pwc").read_bytes() == content(console)


def test_what_is_damaged_on_the_way_is_asked_for_again(packwarden, console, tmp_path):
    file = tmp_path / "trip.pwc"
    worn = []

    def spoil(reply):
        if '"lines"' not in reply or len(worn) == 3:
            return reply
        worn.append(reply)
        lines = reply.split("],[")
        lines[3] = re.sub("[A-Za-z]", "?", lines[3], count=5)
        return "],[".join(lines)

    with offered(console, spoil) as (path, asked):
        result = packwarden("capture", path, 1, "-o", file)
    assert (result.code, result.err) == (0, "")
    assert file.read_bytes() == content(console)
    assert asked[1:] == [f"capture 1 {192 * 3 * times} --json" for times in range(4)]


def test_a_line_that_is_worn_out_is_given_up(packwarden, console, tmp_path):
    file = tmp_path / "trip.pwc"
    with offered(console, lambda reply: reply.replace('",', '";')) as (path, _):
        result = packwarden("capture", path, 1, "-o", file)
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert not file.exists()


def test_only_the_lines_worn_out_is_told(packwarden, console, tmp_path):
    file = tmp_path / "trip.pwc"
    file.write_text("of old")
    spoil = lambda reply: re.sub(r'\[(\d+),"', r'[\1,"A', reply)  # noqa: E731
    with offered(console, spoil) as (path, _):
        result = packwarden("capture", path, 1, "-o", file)
    assert (result.code, result.out) == (1, "")
    assert "comes damaged at byte 0" in result.err
    assert file.read_text() == "of old"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((7,), "there is no capture 7 (there are: 1)"),
        (("-o", "a.pwc"), "say its number"),
        ((1, "-o", "/no/such/folder/a.pwc"), "No such file"),
        ((0,), "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_is_refused(refused, console, arguments, reason):
    with offered(console) as (path, _):
        assert reason in refused("capture", path, *arguments)


def test_an_empty_cabinet_and_one_whose_flash_fails(packwarden):
    recorded = Recorded()
    terminal = Terminal(recorded.protection)
    with offered(terminal) as (path, _):
        assert packwarden("capture", path).out == "no trip has been captured\n"
        files = terminal.context.captures
        files.captures.frozen = 1
        assert packwarden("capture", path).out.endswith("one more is being kept\n")
        files.failed = True
        files.captures.missed = 3
        result = packwarden("capture", path)
        files.captures.frozen = 0
    assert result.out.splitlines()[1:] == [
        "one more is not kept: the cabinet's flash fails",
        "trips since boot that were not captured: 3",
    ]


def test_what_is_no_list_is_told(packwarden, console, monkeypatch):
    monkeypatch.setattr(dialogue, "SILENT_S", 0.5)
    with offered(console, lambda reply: "nonsense\r\n") as (path, _):
        result = packwarden("capture", path)
    assert (result.code, result.out) == (1, "")
    assert "is no list of captures" in result.err
