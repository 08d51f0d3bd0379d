"""`packwarden events`: the formats, and what is said where the dialogue fails."""

import csv
import io
import json
import os
import threading
import tty
from contextlib import contextmanager

import pytest

from host.test_console import read_until
from packwarden_host import dialogue

EVENT = {
    "t_ms": 12345,
    "seq": 7,
    "kind": "trip",
    "level": "trip",
    "element": "terminal_rise",
    "device": "26",
    "battery": 3,
    "terminal": "+",
    "value": 37.3,
    "limit": 30.0,
    "unit": "K",
    "held_ms": 60000,
    "action": "trip_battery",
    "boot": 2,
    "detail": None,
    "load_A": 54.6,
    "energised": ["Q03", "charge"],
    "config": "0012abcd",
    "kept": True,
}
BOOT = EVENT | {
    "t_ms": 0,
    "kind": "info",
    "level": None,
    "element": "boot",
    "device": None,
    "seq": 8,
    "battery": None,
    "terminal": None,
    "value": None,
    "limit": None,
    "unit": None,
    "held_ms": None,
    "action": "none",
    "boot": 3,
    "detail": "watchdog",
    "load_A": None,
    "energised": [],
    "kept": False,
}
PROMPT = "packwarden> "


@contextmanager
def cabinet(reply):
    """A console that answers one question so; yields its path and the list of what was asked."""
    master, slave = os.openpty()
    tty.setraw(slave)
    asked = []

    def play():
        read_until(master, b"\x03")
        os.write(master, f"pack^C\r\n{PROMPT}".encode())
        line = read_until(master, b"\r").decode()
        asked.append(line)
        os.write(master, f"{line}\n{reply}".encode())

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    yield os.ttyname(slave), asked
    thread.join(20)
    os.close(master)
    os.close(slave)


def answer(*events):
    return "[" + ",".join(json.dumps(e, separators=(",", ":")) for e in events) + "]\r\n" + PROMPT


def test_jsonl_is_what_the_cabinet_wrote(packwarden):
    with cabinet(answer(EVENT, BOOT)) as (path, asked):
        result = packwarden("events", path, "--format", "jsonl", "--since", 7)
    assert asked == ["events --since 7 --json\r"]
    assert (result.code, result.err) == (0, "")
    assert [json.loads(line) for line in result.out.splitlines()] == [EVENT, BOOT]


def test_text_has_headings_and_tells_what_is_not_kept(packwarden):
    with cabinet(answer(EVENT, BOOT)) as (path, _):
        result = packwarden("events", path)
    assert result.out.splitlines() == [
        "boot 2",
        "     7       12.345 s  TRIP         terminal_rise (26)  BAT03 TERM+"
        "  37.3 K > 30.0 for 60 s: trip_battery",
        "boot 3",
        "     8        0.000 s  INFO         boot  watchdog  (not kept yet)",
    ]


def test_csv_has_a_column_for_everything(packwarden):
    with cabinet(answer(EVENT, BOOT)) as (path, _):
        result = packwarden("events", path, "--format", "csv")
    trip, boot = csv.DictReader(io.StringIO(result.out))
    assert set(trip) == set(EVENT)
    assert (trip["value"], trip["energised"], trip["boot"]) == ("37.3", "Q03 charge", "2")
    assert (boot["value"], boot["energised"], boot["kept"]) == ("", "", "False")


def test_no_events_are_no_lines(packwarden):
    with cabinet(answer()) as (path, _):
        result = packwarden("events", path, "--format", "jsonl")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_a_gap_is_told_on_stderr(packwarden):
    with cabinet(answer(EVENT, BOOT | {"seq": 12})) as (path, _):
        result = packwarden("events", path)
    assert result.code == 0
    assert result.err == "packwarden: 4 events are missing before number 12\n"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (f"error: no such thing\r\n{PROMPT}", "no such thing"),
        (f'[{{"t_ms":1error: no reply (MemoryError)\r\n{PROMPT}', "is no list of events"),
        (f"nonsense\r\n{PROMPT}", "is no list of events"),
        ("[", "no Packwarden answers within 0.3 s"),
    ],
)
def test_a_dialogue_that_fails_is_one_line_and_exit_code_1(packwarden, monkeypatch, reply, reason):
    monkeypatch.setattr(dialogue, "SILENT_S", 0.3)
    with cabinet(reply) as (path, _):
        result = packwarden("events", path)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"packwarden: {path}: ") and reason in result.err
    assert result.err.count("\n") == 1


def test_a_port_that_cannot_be_opened_is_refused(refused):
    assert "No such file" in refused("events", "/dev/no-such-port")


def test_a_number_below_0_is_refused(refused):
    refused("events", "/dev/no-such-port", "--since", "-1")
