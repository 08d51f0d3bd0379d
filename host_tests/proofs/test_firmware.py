"""The whole firmware's tick allocates nothing, from acquisition to verification.

It locks its heap itself, so an allocation is a MemoryError there, and that a reset: a run that
reaches its end had none. The real firmware in the real VM, with chips that are absent, hang,
forget and lie, breakers that are stuck, trips, and a console that leaves garbage.
"""

import json

import pytest

from packwarden_host import image, sources, vm
from packwarden_host.codes import write_job
from packwarden_host.configurations import every_row_on, ordinary
from packwarden_host.errors import RunFailed
from packwarden_host.vm import Cabinet, Job
from proofs import machines

BATTERIES = 15
END_ms = 30_000
STUCK = [3, "main"]
QUESTIONS = ["status", "bank --json", "why", "battery 3", "events --json", "nonsense"]

# Cells that differ from quiet, by time in ms; they hold until they are given again.
CELLS = {
    0: {f"i{k}_A": "60" for k in range(1, BATTERIES + 1)},
    1000: {"i5_A": "absent", "v5_V": "absent", "tn4_C": "open", "tamb_C": "48"},
    2000: {"i6_A": "frozen", "tp9_C": "short", "tp2_C": "72"},
    4000: {"tp3_C": "95", "tp2_C": "20", "tn8_C": "90"},
    6000: {"tn8_C": "open", "i11_A": "-700", "bms12": "1"},
    9000: {"i5_A": "60", "v5_V": "53", "i6_A": "60", "i13_A": "5000", "vbus_V": "absent"},
    12000: {"i2_A": "130", "cb14": "0", "tamb_C": "25"},
    END_ms: {},
}


def fault(t_ms, until_ms, target, kind, **more):
    return {"t_ms": t_ms, "until_ms": until_ms, "target": target, "kind": kind, **more}


FAULTS = [
    fault(1500, 3000, "monitor 9", "hang"),
    fault(2500, 8000, "monitor bus", "nack"),
    fault(3000, None, "monitor 10", "config_lost"),
    fault(3500, 9000, "monitor 14", "wrong_identity"),
    fault(4000, None, "relay", "config_lost"),
    fault(5000, 7000, "relay", "hang"),
    fault(7500, 9000, "relay", "stuck_bit", bit=2, level=1),
    fault(8000, 12000, "inputs 1", "nack"),
    fault(10000, 11000, "mux", "stuck_bit", bit=1, level=1),
    fault(13000, 15000, "monitor 1", "zero"),
    fault(14000, 20000, "inputs 2", "hang"),
    fault(16000, 22000, "monitor 15", "hang"),
]


def write_trace(path):
    """A trace file of the cells above."""
    names = sorted({name for cells in CELLS.values() for name in cells})
    lines = [",".join(["t_s", *names])]
    held = {}
    for t_ms, cells in CELLS.items():
        held |= cells
        lines.append(",".join([str(t_ms / 1000), *(held.get(name, "") for name in names)]))
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def cabinet(tmp_path):
    """A cabinet on which `lines` gives (letter, text) of the run."""
    config = every_row_on(ordinary(BATTERIES), 50)
    write_trace(tmp_path / "trace.csv")
    with Cabinet(config) as cabinet:
        rows = cabinet.folder / "trace.txt"
        write_job(tmp_path / "trace.csv", config, rows)
        script = [[400 * i, f"{QUESTIONS[i % len(QUESTIONS)]}\n"] for i in range(60)]
        source = {"kind": "trace", "path": str(rows), "stuck": STUCK}
        yield cabinet, Job(source, END_ms, console="script", script=script, faults=FAULTS)


def test_no_tick_allocates_whatever_happens_to_chips_and_batteries(cabinet):
    running, job = cabinet
    lines = list(running.lines(job))
    assert (running.ending["cause"], running.ending["detail"]) == ("end", None)
    assert (running.restarts, running.ending["t_ms"] // 1000) == (0, END_ms // 1000)
    events = [json.loads(text) for letter, text in lines if letter == "E"]
    assert {(event["kind"], event["element"]) for event in events} >= {
        ("alarm", "sensor_fault"),
        ("trip", "sensor_fault"),
        ("trip", "terminal_overtemperature"),
        ("trip", "breaker_failure"),
        ("fault", "output_fault"),
        ("fault", "controller_fault"),
        ("clear", "sensor_fault"),
    }
    assert len([text for letter, text in lines if letter == "C"]) > 100


def test_an_allocation_would_be_a_reset(cabinet, monkeypatch):
    monkeypatch.setattr(vm, "MOST_RESTARTS", 0)
    running, job = cabinet
    flash = running.folder / "state" / "flash"
    lib = machines.changed("protection.py", "dt > GAP_ms", "[dt] > [GAP_ms]")
    sources.write(lib, flash / "lib")
    (flash / image.MANIFEST).unlink()
    with pytest.raises(RunFailed, match="heap is locked"):
        list(running.lines(job))
    assert running.ending["cause"] == "reset"
