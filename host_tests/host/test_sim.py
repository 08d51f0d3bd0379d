"""`packwarden sim`: what is asked of the cabinet, what is shown, how a scenario is judged.

A stand-in plays the cabinet; scenarios through the real firmware are in the system tests.
"""

import json
import os
import signal
import subprocess
import sys

import pytest

from packwarden_host import scenario, sim, sim_view, verdict
from packwarden_host.errors import BadInput
from packwarden_host.scenario import Scenario

EVENT = {
    "t_ms": 0,
    "seq": 0,
    "kind": "trip",
    "level": "trip",
    "element": "terminal_rise",
    "device": "26",
    "battery": 2,
    "terminal": "+",
    "value": 31.5,
    "limit": 30.0,
    "unit": "K",
    "held_ms": 60000,
    "action": "trip_battery",
}


def report(t_ms, currents=(40.0, -1.25, None)):
    """A reply to `bank --json`: the last battery lost its monitor and is open."""
    batteries = [
        {
            "battery": k + 1,
            "current_A": amps,
            "voltage_V": 52.8,
            "plus_degC": 30.0 + k,
            "minus_degC": 29.0,
            "breaker": "closed",
        }
        for k, amps in enumerate(currents)
    ]
    batteries[-1] |= {
        "current_state": "absent",
        "plus_degC": None,
        "plus_state": "open",
        "breaker": "locked out",
    }
    return {
        "t_ms": t_ms,
        "current_A": 38.75,
        "busbar_V": 52.7,
        "ambient_degC": None,
        "ambient_state": "open",
        "main": "closed",
        "fan": True,
        "alarm": True,
        "batteries": batteries,
    }


SCENARIO = """
title = "A joint works loose"
end_s = 100
seed = 5
tick_ms = 20
[bank]
batteries = 3
rated_current_A = 100.0
[load]
step = [{ at_s = 0, current_A = 100.0 }]
[[fault]]
kind = "breaker_stuck"
battery = 1
[[expect]]
element = "terminal_rise"
kind = "trip"
battery = 2
by_s = 50
[[forbid]]
kind = "fault"
"""


@pytest.fixture
def simulated(packwarden, written):
    def run(*options):
        path = written(SCENARIO, "loose.toml")
        return packwarden("sim", path, "--vm", "cpython", *options)

    return run


def test_a_run_in_a_pipe_is_plain_lines_and_a_summary(cabinet, simulated):
    cabinet(
        [
            ("C", "packwarden> bank --json"),
            ("C", json.dumps(report(0))),
            ("C", json.dumps(report(1_000))),
            ("E", json.dumps(EVENT | {"t_ms": 12_340})),
            ("C", "error: garbage"),
            ("C", json.dumps(report(15_010))),
            ("C", json.dumps({"why": "BAT02 TERM+ was hot", "event": None})),
        ]
    )
    result = simulated()
    assert (result.code, result.err) == (0, "")
    *lines, last = result.out.splitlines()
    bank = "bank  40.0 -1.2 ? A  hottest 31.0 degC  not closed: Q03"
    assert lines == [
        "A joint works loose",
        f"       0.000 s  {bank}",
        "      12.340 s  TRIP         terminal_rise (26)  BAT02 TERM+"
        "  31.5 K > 30.0 for 60 s: trip_battery",
        f"      15.010 s  {bank}",
        "why: BAT02 TERM+ was hot",
        "ok      expected: trip terminal_rise of battery 2 by 50 s: seen at 12.340 s",
        "ok      not expected: fault: not seen",
    ]
    assert last.startswith("3 batteries: 100 s simulated in ")
    assert last.endswith("x real time")


def test_an_expectation_that_is_not_met_is_exit_code_1(cabinet, simulated):
    cabinet([("E", json.dumps(EVENT | {"kind": "fault", "t_ms": 5}))])
    result = simulated()
    assert (result.code, result.err) == (1, "packwarden: 2 of 2 expectations not met\n")
    assert "FAILED  expected: trip terminal_rise of battery 2 by 50 s: not seen" in result.out
    assert "FAILED  not expected: fault: seen at 0.005 s" in result.out
    assert "why: nothing has tripped" in result.out


def test_the_cabinet_gets_the_scenario_and_is_asked_through_its_console(cabinet, simulated):
    source = """
config = json.load(open(job["state_dir"] + "/flash/config.json"))
told = [config["bank"]["batteries"], config["bank"]["tick_ms"], job["source"]["kind"],
        job["faults"][0]["kind"], job["seed"], job["end_ms"], job["speed"], job["console"],
        job["script"], job["script_every"]]
say("C", json.dumps({"why": json.dumps(told)}))
"""
    cabinet(source=source)
    told = json.loads(simulated("--speed", "max").out.splitlines()[1].removeprefix("why: "))
    asked = [[99_000, "why --json\n"]], [1000, "bank --json\n"]
    assert told == [3, 20, "bank", "stuck", 5, 100_000, 0, "script", *asked]
    other = json.loads(
        simulated("--seed", 8, "--speed", 2.5).out.splitlines()[1].removeprefix("why: ")
    )
    assert (other[4], other[6]) == (8, 2.5)


def test_without_a_scenario_a_healthy_bank_runs_for_an_hour(cabinet, packwarden):
    source = """
model = job["source"]["model"]
told = [model["batteries"], model["load"]["steps"], model["faults"], job["end_ms"]]
say("C", json.dumps({"why": json.dumps(told)}))
"""
    cabinet(source=source)
    result = packwarden("sim", "--batteries", 15, "--vm", "cpython")
    title, why, last = result.out.splitlines()
    assert title == "A healthy bank of 15 under a steady load"
    assert json.loads(why.removeprefix("why: ")) == [15, [[0, 0, 600.0]], [], 3_600_000]
    assert last.startswith("15 batteries: 3600 s simulated in ")
    assert (result.code, result.err) == (0, "")


def test_a_restart_of_the_board_is_noted(cabinet, simulated):
    source = """
if job["restarts"] == 0:
    say("X", '{"cause": "watchdog", "t_ms": 1500, "ticks": 9, "detail": null}')
    sys.exit()
"""
    cabinet([("E", json.dumps(EVENT))], source)
    assert simulated().out.splitlines()[1] == "       1.500 s  board restarts: watchdog"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "name a scenario (--list shows them) or give --batteries"),
        (["--batteries", 16], "--batteries 16 is outside 1 .. 15"),
        (["--batteries", 0], "--batteries 0 is outside 1 .. 15"),
        (["--batteries", 4, "--speed", "fast"], "--speed 'fast' is neither max nor a number"),
        (["--batteries", 4, "--speed", 0], "--speed '0' is neither max nor a number above 0"),
        (["--batteries", 4, "--speed", "nan"], "--speed 'nan' is neither"),
        (["--batteries", 4, "--vm", "pypy"], "--vm"),
        (["no-such-scenario"], "no-such-scenario"),
        (["--batteries", 4, "--board", "cabinet5"], "board 'cabinet5' is not known, there is"),
        (["loose-terminal", "--board", "cabinet5"], "board 'cabinet5' is not known, there is"),
        (["--batteries", 5, "--board", "cabinet4"], "5 is outside 1 .. 4 batteries of cabinet4"),
        (["loose-terminal", "--batteries", 4], "--batteries is for a run without a scenario"),
    ],
)
def test_a_bad_request_is_refused(refused, words, expected):
    assert expected in refused("sim", *words)


def test_a_bad_scenario_is_refused(refused, written):
    assert "not TOML" in refused("sim", written("[", "bad.toml"))
    assert "bad.toml: " in refused("sim", written("title = 3", "bad.toml"))
    assert "bad.toml: " in refused("sim", written(b"\xff", "bad.toml"))


def test_scenarios_that_come_along_are_listed(packwarden):
    out = packwarden("sim", "--list").out
    assert all(name in out for name in scenario.shipped())


def claims(text, **changes):
    """Findings of a scenario with these claims against one event."""
    data = SCENARIO[: SCENARIO.index("[[expect]]")] + text
    return verdict.judge(Scenario.model_validate(_toml(data)), [EVENT | changes])


def _toml(text):
    import tomllib

    return tomllib.loads(text)


@pytest.mark.parametrize(
    ("claim", "met"),
    [
        ('element = "terminal_rise"\nby_s = 20', True),
        ('element = "terminal_rise"\nby_s = 5', False),
        ('element = "terminal_rise"\nafter_s = 15\nby_s = 20', False),
        ('element = "terminal_rate"\nby_s = 20', False),
        ('element = "terminal_rise"\nbattery = [1, 2]\nby_s = 20', True),
        ('element = "terminal_rise"\nbattery = [1, 3]\nby_s = 20', False),
        ('element = "terminal_rise"\nterminal = "-"\nby_s = 20', False),
        ('element = "terminal_rise"\naction = "trip_main"\nby_s = 20', False),
        ('element = "terminal_rise"\nlevel = "trip"\nkind = "trip"\nby_s = 20', True),
    ],
)
def test_an_expectation_agrees_in_every_key_that_is_given(claim, met):
    (finding,) = claims(f"[[expect]]\n{claim}\n", t_ms=10_000)
    assert finding.met is met


@pytest.mark.parametrize(
    ("claim", "met"),
    [
        ('kind = "trip"', False),
        ('kind = "trip"\nuntil_s = 5', True),
        ('kind = "trip"\nafter_s = 15', True),
        ('kind = "trip"\nbattery = 1', True),
        ('element = "terminal_rise"\nafter_s = 5\nuntil_s = 15', False),
    ],
)
def test_what_is_forbidden_must_not_be_seen(claim, met):
    (finding,) = claims(f"[[forbid]]\n{claim}\n", t_ms=10_000)
    assert finding.met is met


def test_the_live_view_shows_bank_and_events():
    from rich.console import Console

    view = sim_view.LiveView("A joint works loose", 100)
    screen = Console(width=120, height=40, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    screen.print(view._render())
    assert "A joint works loose" in screen.export_text()
    view.bank(report(3_725_000))
    view.event(json.dumps(EVENT))
    view.note("board restarts: watchdog")
    screen.print(view._render())
    text = screen.export_text()
    assert "1:02:05" in text and "busbar 52.70 V" in text and "ambient open" in text
    assert "fan on" in text and "ALARM" in text and "board restarts: watchdog" in text
    (third,) = [line for line in text.splitlines() if line.strip().startswith("BAT03")]
    assert " ".join(third.split()) == "BAT03 absent 52.80 V open 29.0 degC locked out"
    assert "terminal_rise (26)  BAT02 TERM+" in text


@pytest.mark.parametrize(
    ("request_", "terminal", "speed"),
    [
        (sim.Request("x"), True, 100 / 30),
        (sim.Request("x"), False, 0),
        (sim.Request(batteries=4), True, 0),
        (sim.Request("x", speed="max"), True, 0),
        (sim.Request("x", speed="3"), False, 3),
        (sim.Request("x", pty=True), True, 1),
        (sim.Request("x", pty=True, speed="5"), True, 5),
    ],
)
def test_a_watched_run_takes_half_a_minute_unless_asked_otherwise(
    monkeypatch, request_, terminal, speed
):
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    assert sim._speed(request_, Scenario.model_validate(_toml(SCENARIO))) == pytest.approx(speed)


def test_on_a_pseudo_terminal_the_real_firmware_answers(tmp_path):
    """The one run through the real firmware here: its console, as a terminal program opens it."""
    code = "from packwarden_host.cli import main; main()"
    name = tmp_path / "cabinet"
    name.symlink_to("/dev/pts/a-run-that-was-killed")
    command = [sys.executable, "-c", code, "sim", "--link", name, "--batteries", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert f"(packwarden console {name})" in process.stdout.readline().decode()
        assert b"boot" in process.stdout.readline()
        ask = [sys.executable, "-c", code, "console", name]
        done = subprocess.run(ask, input=b"version\n", capture_output=True, timeout=60)
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=30)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Packwarden" in done.stdout and b"cabinet15" in done.stdout
    assert (process.returncode, complaints) == (130, b"")
    assert not name.is_symlink()


def test_a_name_that_is_taken_is_refused_and_stays(refused, tmp_path):
    taken = tmp_path / "bank.json"
    taken.write_text("{}")
    said = refused("sim", "--batteries", "2", "--link", taken)
    assert said == f"packwarden: --link {taken}: File exists\n"
    assert taken.read_text() == "{}"


def test_the_name_of_a_cabinet_that_runs_is_refused_and_stays(refused, tmp_path):
    name = tmp_path / "cabinet"
    master, slave = os.openpty()
    with sim._called(name, os.ttyname(slave)):
        said = refused("sim", "--batteries", "2", "--link", name)
        assert said.startswith(f"packwarden: --link {name}: a cabinet runs under this name")
        assert os.readlink(name) == os.ttyname(slave)
    assert not name.is_symlink()
    os.close(master)
    os.close(slave)


def test_a_name_that_somebody_else_has_taken_over_stays(tmp_path):
    name = tmp_path / "cabinet"
    with sim._called(name, "/dev/pts/a-run"):
        name.unlink()
        name.symlink_to("/dev/pts/another-run")
    assert os.readlink(name) == "/dev/pts/another-run"


def test_a_size_outside_is_bad_input():
    with pytest.raises(BadInput):
        sim.run(sim.Request(batteries=99))
