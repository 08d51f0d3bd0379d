"""`packwarden events PORT` against the real firmware on a pseudo-terminal, over its restarts."""

import csv
import io
import json
import os
import threading

import pytest

from packwarden_host.codes import write_job
from packwarden_host.errors import RunFailed
from packwarden_host.events import COLUMNS
from packwarden_host.vm import Cabinet, Job
from system.lines import pseudo_terminal
from system.runs import bank, command, each, trace

HOT = trace((0, each(4, i_A=40)), (4, {"tp2_C": 90}), (3000, {}))


def off(t_ms, kind="off"):
    return {"t_ms": t_ms, "until_ms": None, "target": "power", "kind": kind}


@pytest.fixture(scope="module")
def port():
    """A cabinet that has tripped battery 2, and was restarted twice; its console's path."""
    with pseudo_terminal() as (far, line), Cabinet(bank(), terminal=far) as cabinet:
        (cabinet.folder / "trace.csv").write_text(HOT)
        end_ms = write_job(cabinet.folder / "trace.csv", cabinet.config, cabinet.folder / "t.txt")
        source = {"kind": "trace", "path": str(cabinet.folder / "t.txt"), "stuck": []}
        faults = [off(9000), off(16000, "brown_out")]
        job = Job(source, end_ms, speed=10, console="stdio", faults=faults)
        lives = threading.Semaphore(0)
        done = threading.Event()

        def play():
            try:
                for letter, text in cabinet.lines(job):
                    if letter == "E" and json.loads(text)["element"] == "boot":
                        lives.release()
            except RunFailed:
                assert done.is_set()

        thread = threading.Thread(target=play)
        thread.start()
        for _ in range(3):
            assert lives.acquire(timeout=120)
        line.until(rb"Packwarden .*packwarden> $")
        yield os.ttyname(line.fd)
        done.set()
        cabinet.end()
        thread.join(20)


def test_as_data_every_event_is_there_over_two_restarts(port):
    result = command("events", port, "--format", "jsonl")
    assert (result.code, result.err) == (0, "")
    events = result.events
    assert [event["seq"] for event in events] == list(range(len(events)))
    boots = [event for event in events if event["element"] == "boot"]
    assert [(event["boot"], event["detail"]) for event in boots] == [
        (1, "power-on"),
        (2, "power-on"),
        (3, "brown-out"),
    ]
    trip = next(event for event in events if event["kind"] == "trip")
    assert (trip["boot"], trip["battery"], trip["terminal"]) == (1, 2, "+")
    assert "Q02" in trip["energised"] and "alarm" not in trip["energised"]
    assert trip["load_A"] == pytest.approx(40, abs=0.5)
    assert {event["config"] for event in events} == {boots[0]["config"]}
    assert all(event["kept"] for event in events if event["boot"] < 3)
    assert '"limit":80.00,' in result.out  # as the cabinet wrote it: with its decimals


def test_as_text_each_boot_has_a_heading(port):
    result = command("events", port)
    assert (result.code, result.err) == (0, "")
    headings = [line for line in result.lines if line.startswith("boot")]
    assert headings == ["boot 1", "boot 2", "boot 3"]
    trip = next(line for line in result.lines if "TRIP " in line)
    assert "BAT02 TERM+" in trip and "> 80.00 for 2 s" in trip


def test_as_csv_a_spreadsheet_reads_it(port):
    result = command("events", port, "--format", "csv")
    assert (result.code, result.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert tuple(rows[0]) == COLUMNS
    events = command("events", port, "--format", "jsonl").events
    assert [int(row["seq"]) for row in rows[:8]] == [event["seq"] for event in events[:8]]
    assert rows[0]["detail"] == "power-on"


def test_since_a_number(port):
    whole = command("events", port, "--format", "jsonl").lines
    later = command("events", port, "--since", "3", "--format", "jsonl").lines
    assert later[:4] == whole[3:7]  # it goes on living
    assert command("events", port, "--since", "100000", "--format", "jsonl").lines == []
