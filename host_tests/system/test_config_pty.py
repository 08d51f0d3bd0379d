"""`packwarden config push|pull|diff` against the real firmware on a pseudo-terminal."""

import json

import pytest

from packwarden_host import bank_file
from system.lines import offered, opened
from system.runs import command

PIN = "864209"


@pytest.fixture(scope="module")
def port():
    """A cabinet of two that has a PIN; its console's path."""
    with offered("--batteries", 2) as (_, path):
        with opened(path) as line:
            while not json.loads(line.ask("status --json")[0])["armed"]:
                pass
            assert line.ask(f"pin {PIN}") == ["the PIN is set: unlock PIN"]
        yield path


@pytest.fixture
def runs(port, tmp_path):
    """What the cabinet runs, as a file and as data."""
    file = tmp_path / "runs.json"
    result = command("config", "pull", port, "-o", file)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"{file}: 2 batteries of ")
    return file, bank_file.read(file)


def written(folder, config, **changes):
    file = folder / "other.json"
    elements = config["elements"]
    rise = elements["terminal_rise"]
    rise = rise | {"trip": rise["trip"] | changes}
    file.write_text(json.dumps(config | {"elements": elements | {"terminal_rise": rise}}))
    return file


def asked(port, line):
    with opened(port) as console:
        return json.loads(console.ask(f"{line} --json")[0])


def test_what_runs_is_pulled_to_a_file_or_to_stdout(port, runs):
    file, config = runs
    result = command("config", "pull", port)
    assert (result.code, json.loads(result.out)) == (0, config)
    result = command("config", "diff", port, file)
    assert (result.code, result.out, result.err) == (0, "no difference\n", "")
    result = command("config", "pull", port, "-o", file)
    assert result.code == 2 and "exists already" in result.err


def test_what_was_pushed_runs_after_a_restart_and_is_recorded(port, runs, tmp_path):
    _, config = runs
    before = asked(port, "config")
    file = written(tmp_path, config, delay_ms=7000)
    result = command("config", "diff", port, file)
    assert (result.code, result.err) == (1, "")
    assert result.lines[-1].split() == [
        *("elements.terminal_rise.trip.delay_ms", "60000", "ms", "7000", "ms")
    ]
    (one,) = json.loads(command("config", "diff", port, file, "--json").out)
    assert one == {
        "field": "elements.terminal_rise.trip.delay_ms",
        "runs": 60000,
        "file": 7000,
        "unit": "ms",
    }

    result = command("config", "push", port, file, "--pin", PIN, "--yes")
    assert result.code == 0, result.err
    assert "stored as generation" in result.out and "protects again, boot 2" in result.out
    after = asked(port, "config")
    assert after["generation"] == before["generation"] + 1
    assert after["hash"] != before["hash"] and after["refused"] == []
    assert command("config", "diff", port, file).code == 0
    again = command("config", "push", port, file, "--pin", PIN, "--yes")
    assert (again.code, again.err) == (0, "") and "nothing to do" in again.out

    events = command("events", port, "--format", "jsonl").events
    details = [(event["boot"], event["config"], event["detail"]) for event in events]
    assert (1, before["hash"], "configuration replaced") in details
    assert (2, after["hash"], "reset") in details
    assert not [event for event in events if event["kind"] == "fault"]  # it was no failure
    status = asked(port, "status")
    assert status["restart"] is None and not status["unlocked"]


def test_a_push_is_refused_with_the_reason_and_leaves_nothing_behind(port, runs, tmp_path):
    _, config = runs
    before = asked(port, "config")
    file = written(tmp_path, config, pickup=900)
    result = command("config", "push", port, file, "--pin", PIN, "--yes")
    assert result.code == 2
    assert "terminal_rise.trip.pickup: 900 is outside 1 .. 100 K" in result.err
    file = written(tmp_path, config, delay_ms=9000)
    result = command("config", "push", port, file, "--pin", PIN)
    assert result.code == 2 and "--yes is missing" in result.err
    result = command("config", "push", port, file, "--yes")
    assert result.code == 2 and "a PIN is needed" in result.err
    result = command("config", "push", port, file, "--pin", "000000", "--yes")
    assert result.code == 1 and "wrong PIN" in result.err
    assert asked(port, "config") == before
    assert not asked(port, "status")["unlocked"]


def test_a_port_where_nobody_is_ends_with_2(tmp_path, runs):
    file, _ = runs
    for line in (["diff", "/dev/nowhere", file], ["pull", "/dev/nowhere"]):
        result = command("config", *line)
        assert result.code == 2 and result.err.startswith("packwarden: /dev/nowhere: ")
