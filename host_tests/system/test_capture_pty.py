"""A trip of the real firmware: captured, fetched over a pty, run once more, exported."""

import json
import os
import threading

import comtrade
import pytest

from packwarden_host.codes import write_job
from packwarden_host.errors import RunFailed
from packwarden_host.vm import Cabinet, Job
from system.lines import pseudo_terminal
from system.runs import bank, command, each, trace

HOT = trace((0, each(4, i_A=40)), (4, {"tp2_C": 90}), (9, {"tn3_C": 95}), (3000, {}))


@pytest.fixture(scope="module")
def fetched(tmp_path_factory):
    """The captures of two trips, with the power off after the second; the events that came."""
    folder = tmp_path_factory.mktemp("fetched")
    with pseudo_terminal() as (far, line), Cabinet(bank(), terminal=far) as cabinet:
        (cabinet.folder / "trace.csv").write_text(HOT)
        end_ms = write_job(cabinet.folder / "trace.csv", cabinet.config, cabinet.folder / "t.txt")
        source = {"kind": "trace", "path": str(cabinet.folder / "t.txt"), "stuck": []}
        off = {"t_ms": 20_000, "until_ms": None, "target": "power", "kind": "off"}
        job = Job(source, end_ms, speed=20, console="stdio", faults=[off])
        restarted = threading.Event()
        done = threading.Event()
        events = []

        def play():
            try:
                for letter, text in cabinet.lines(job):
                    if letter == "X":
                        restarted.set()
                    elif letter == "E" and not restarted.is_set():
                        events.append(json.loads(text))
            except RunFailed:
                assert done.is_set()

        thread = threading.Thread(target=play)
        thread.start()
        assert restarted.wait(120)
        line.until(rb"Packwarden .*packwarden> $")
        port = os.ttyname(line.fd)
        listed = command("capture", port)
        for number in (1, 2):
            result = command("capture", port, number, "-o", folder / f"{number}.pwc")
            assert (result.code, result.err) == (0, "")
        done.set()
        cabinet.end()
        thread.join(20)
    return folder, events, listed


def trips(events):
    return [event for event in events if event["kind"] == "trip"]


def test_both_are_listed_after_the_power_was_off(fetched):
    _, events, listed = fetched
    assert (listed.code, listed.err) == (0, "")
    rows = listed.lines[2:]
    assert [row.split()[0] for row in rows] == ["1", "2"]
    for row, event in zip(rows, trips(events), strict=True):
        assert f"BAT{event['battery']:02d} TERM{event['terminal']}" in row


@pytest.mark.parametrize("vm", ["cpython", "micropython"])
@pytest.mark.parametrize("number", [1, 2])
def test_run_once_more_it_trips_in_the_same_tick_on_both(fetched, vm, number):
    folder, events, _ = fetched
    path = folder / f"{number}.pwc"
    result = command("replay", path, "--vm", vm)
    assert (result.code, result.err) == (0, "")
    assert " as in the cabinet" in result.lines[-1]
    again = command("replay", path, "--vm", vm, "--format", "jsonl").events
    first = again[0]["seq"]
    assert again == [event for event in events if first <= event["seq"] < first + len(again)]
    assert trips(events)[number - 1] in again


def test_comtrade_loads_it_and_its_values_are_those_that_were(fetched, tmp_path):
    folder, events, _ = fetched
    result = command(
        "export", folder / "1.pwc", "--format", "comtrade", "-o", tmp_path / "trip.cfg"
    )
    assert (result.code, result.err) == (0, "")
    found = comtrade.load(str(tmp_path / "trip.cfg"))
    values = dict(zip(found.analog_channel_ids, found.analog, strict=True))
    states = dict(zip(found.status_channel_ids, found.status, strict=True))
    at = list(states["TRIP"]).index(1)
    trip = trips(events)[0]
    assert values["T2+"][at] == pytest.approx(trip["value"], abs=0.006)
    assert values["T1+"][at] == pytest.approx(25, abs=0.5)
    assert values["I2"][at] == pytest.approx(40, abs=0.01)
    assert values["I2"][-1] == pytest.approx(0, abs=0.01)
    assert values["V1"][0] == pytest.approx(52.8, abs=0.01)
    assert found.time[-1] - found.time[at] == pytest.approx(1, abs=0.011)
    assert found.time[at] >= 1.99
