"""`packwarden commission` against the real firmware on a pseudo-terminal.

The person at the simulated cabinet is its scenario: it opens all breakers at first, warms one
terminal, and later closes by hand whatever is open, every 20 s.
"""

import json
import subprocess
from contextlib import contextmanager

from system.lines import COMMAND, offered, opened, pseudo_terminal
from system.runs import command

PIN = "864209"
HEAD = """
title = "A cabinet that is commissioned"
end_s = 7200
tick_ms = {tick_ms}
[bank]
batteries = 2
rated_current_A = 100
soc_percent = 70
precharged = true
"""


def fault(kind, **fields):
    given = "".join(f"{name} = {json.dumps(value)}\n" for name, value in fields.items())
    return f'[[fault]]\nkind = "{kind}"\n{given}'


def warmed(place, from_s, until_s):
    """Somebody warms a terminal for 10 s, again and again."""
    return "".join(
        fault("sensor_offset", sensor=f"terminal {place}", amount_K=8.0, at_s=at_s)
        + f"until_s = {at_s + 10}\n"
        for at_s in range(from_s, until_s, 20)
    )


def hands(close_from_s, until_s):
    """All breakers are open at first, and later closed by hand whenever they are not."""
    all_ = ("main", 1, 2)
    begun = "".join(fault("breaker_opens", battery=place, at_s=0) for place in all_)
    return begun + "".join(
        fault("breaker_closes", battery=place, at_s=at_s)
        for at_s in range(close_from_s, until_s, 20)
        for place in all_
    )


def loads(load_s=20, rest_s=20, current_A=40):
    """Rest, then load, in turn."""
    steps = f"[{{ at_s = 0, current_A = 0 }}, {{ at_s = {rest_s}, current_A = {current_A} }}]"
    return f"[load]\nstep = {steps}\nrepeat_s = {rest_s + load_s}\n"


@contextmanager
def cabinet(folder, *parts, tick_ms=100, speed="max"):
    """A cabinet of two that has a PIN and protects; its console's path."""
    file = folder / "cabinet.toml"
    file.write_text(HEAD.format(tick_ms=tick_ms) + "".join(parts))
    with offered(file, "--speed", speed) as (_, path):
        with opened(path) as line:
            while not json.loads(line.ask("status --json")[0])["armed"]:
                pass
            line.ask(f"pin {PIN}")
        yield path


def answers(folder, **given):
    file = folder / "answers.json"
    file.write_text(json.dumps({"name": "ada"} | given))
    return file


def commission(folder, path, *options, **given):
    report = folder / "commissioning.md"
    return command(
        *("commission", path, "-o", report, "--format", "md", "--pin", PIN),
        *("--yes", answers(folder, **given), *options),
    )


def kept(folder):
    steps = json.loads((folder / "commissioning.json").read_text())["steps"]
    return {name: step["checks"] for name, step in steps.items()}


def failed(folder, step):
    return [check for check in kept(folder)[step] if not check["good"]]


def test_a_cabinet_is_commissioned_and_gone_on_with_after_a_failure(tmp_path):
    with cabinet(tmp_path, loads(), hands(450, 4000), speed="30") as path:
        result = commission(tmp_path, path, warm=False, bms_limit=1)
        assert result.code == 1
        assert "step number has failed: packs in parallel: 2; the same command goes" in result.err
        assert list(kept(tmp_path)) == ["sensors", "zero", "voltages", "number"]
        report = (tmp_path / "commissioning.md").read_text()
        assert report.startswith(
            "# Commissioning: failed\n\nSteps: 1 failed, 5 open, 1 incomplete, 2 good."
        )

        result = commission(tmp_path, path, warm=False, incomplete=True)
        assert result.code == 0, result.err
        today = day(tmp_path)
        note = "left out: each terminal warmed; the same command with --only sensors does it"
        assert result.lines[:3] == [
            f"sensors: incomplete since {today}, {note}",
            f"zero: done on {today}",
            f"voltages: done on {today}",
        ]
        assert f"sensors: {note}" in result.lines[-4:-1]
        told = "commissioning.md: Commissioning: incomplete; steps: 3 incomplete, 6 good"
        assert result.lines[-1].endswith(told)
        found = kept(tmp_path)
        assert found["sensors"][-1]["found"] == "not done: which sensor is where is not proven"
        moved = [check["found"].partition(" after")[0] for check in found["trips"]]
        moved = [text for text in moved if text.endswith("opened")]
        assert moved == ["Q01 opened", "Q02 opened", "the main opened"]
        assert found["baseline"][0]["found"].startswith("baseline stored, of 2 batteries: ")
        with opened(path) as line:
            status = json.loads(line.ask("status --json")[0])
            calibrated = json.loads(line.ask("calibration --json")[0])["corrections"]
        assert (status["unlocked"], status["locked_out"]) == (False, 0)
        assert [(one["what"], one["where"], one["who"]) for one in calibrated] == [
            ("zero", "1", "ada"),
            ("zero", "2", "ada"),
        ]
        events = command("events", path, "--format", "jsonl").events
        tested = [e["battery"] for e in events if e["detail"] == "tripped for a test"]
        assert tested == [1, 2, None]


def day(folder):
    steps = json.loads((folder / "commissioning.json").read_text())["steps"]
    return steps["sensors"]["when"][:10]


def asked(folder, path):
    """Commission on a terminal, as a person who answers; it ends with the first step failed."""
    line = [*COMMAND, "commission", path, "-o", folder / "commissioning.md", "--format", "md"]
    with pseudo_terminal() as (far, person):
        ends = {"stdin": far, "stdout": far, "stderr": far}
        with subprocess.Popen([str(word) for word in line], **ends) as process:
            person.until(rb"Your name")
            person.send("a person\n")
            person.until(rb"Your name")
            person.send("ada\n")
            person.until(rb"Will you warm each terminal")
            person.send("\n")
            person.until(rb"step sensors has failed: BAT01 TERM.+: exchange the two sensors")
        assert process.returncode == 1


def test_wrong_wires_are_found_and_named(tmp_path):
    parts = (
        "[load]\nstep = [{ at_s = 0, current_A = 60 }]\n",
        fault("sensor_reversed", sensor="current 2"),
        fault("breakers_crossed", battery=1, with_battery=2),
        warmed("2-", 20, 7000),
    )
    with cabinet(tmp_path, *parts) as path:
        asked(tmp_path, path)
        (check,) = failed(tmp_path, "sensors")
        assert check["what"] == "BAT01 TERM+ warmed"
        assert check["found"].startswith("BAT02 TERM- has risen by ")

        result = commission(tmp_path, path, "--only", "polarity")
        assert result.code == 1
        (check,) = failed(tmp_path, "polarity")
        assert check["what"] == "BAT02 current" and "exchange S+ and S-" in check["found"]

        result = commission(tmp_path, path, "--only", "trips")
        assert result.code == 1
        check = failed(tmp_path, "trips")[0]
        assert check["what"] == "Q01 tripped" and "are crossed" in check["found"]
        assert "Q02, the main opened, not Q01" in check["found"]

    with cabinet(tmp_path, *parts) as path:  # another one, with the same configuration
        result = commission(tmp_path, path)
        assert result.code == 2 and "was begun at a cabinet with chip " in result.err
        assert "--progress FILE, or delete it" in result.err


def test_contactors_are_closed_again_as_they_are_permitted(tmp_path):
    parts = '[config]\nbreaker = "contactor"\n', loads(60, 120, current_A=22)
    with cabinet(tmp_path, *parts, speed="60") as path:
        result = commission(tmp_path, path, "--only", "trips")
        assert result.code == 0, result.err
        moved = [check["found"].partition(" after")[0] for check in kept(tmp_path)["trips"]]
        assert moved[::2] == ["Q01 opened", "Q02 opened", "the main opened"]
        events = command("events", path, "--format", "jsonl").events
        # Each after its own test; all of them, the main first, after that of the main.
        told = [e["battery"] for e in events if e["detail"] == "told to close"]
        assert told == [1, 2, None, 1, 2]
        with opened(path) as line:
            bank = json.loads(line.ask("bank --json")[0])
        assert bank["main"] == "closed"


def in_turn(*phases):
    """What a person sets at the sources in turn: (kind and fields, or None, for how many s)."""
    text, at_s = "", 0
    for source, seconds in phases:
        if source:
            kind, fields = source
            text += fault(kind, **fields, at_s=at_s, until_s=at_s + seconds)
        at_s += seconds
    return text


def current(battery, offset_A):
    return "current_offset", {"battery": battery, "offset_A": offset_A}


def voltage(battery, reads_V):
    return "voltage_offset", {"battery": battery, "offset_V": reads_V - 52.528}


def warmth(battery, offset_K):
    place = {"battery": battery, "terminal": "+", "offset_K": offset_K}
    return "thermistor_offset", place


def test_elements_are_tested_by_a_source(tmp_path):
    others = in_turn((current(2, 24.0), 630))  # what they discharge
    own = in_turn(
        (current(1, -9.7), 600),
        (current(1, -10.5), 30),
        (voltage(1, 46.63), 30),
        (voltage(1, 46.17), 30),
        (voltage(1, 58.11), 30),
        (voltage(1, 58.69), 30),
        (current(1, 121.25), 30),
        (current(1, 250.0), 30),
        (warmth(1, 29.0), 30),  # 28 K and 33 K over the ambient
        (warmth(1, 34.0), 90),
        (None, 30),
        (warmth(1, 34.0), 30),  # 58 degC, 63 degC
        (warmth(1, 39.0), 30),
    )
    delays_s = {
        "reverse_current.warn": 10,
        "undervoltage.alarm": 10,
        "overvoltage.alarm": 5,
        "overcurrent_inverse.trip": 6.67,  # IEC_EI at twice its pickup
        "terminal_rise.trip": 60,
        "terminal_overtemperature.warn": 5,
    }
    rest = "[load]\nstep = [{ at_s = 0, current_A = 0 }]\n"
    with cabinet(tmp_path, rest, others, own, speed="30") as path:
        given = {"inject_battery": [1], "inject_level": list(delays_s)}
        result = commission(tmp_path, path, "--inject", **given)
        assert result.code == 0, result.err
        found = kept(tmp_path)["injection"]
        whats = ("below its pickup", "above its pickup", "time")
        assert [check["what"] for check in found] == [
            f"BAT01 {level} {what}" for level in delays_s for what in whats
        ]
        took_s = [float(check["found"].split()[0]) for check in found[2::3]]
        for expected_s, own_s in zip(delays_s.values(), took_s, strict=True):
            assert expected_s - 0.4 <= own_s <= expected_s + 0.65
        assert found[11]["wanted"].startswith("6.67 s +/- 0.58 s")
        report = (tmp_path / "commissioning.md").read_text()
        assert "## Secondary injection: pickup and time of elements: good" in report
        assert "by ada" in report and "SHA-256" in report
