"""`packwarden replay`: what reaches the cabinet, what is printed, what is refused.

The runs through the real firmware are in the system tests; here a stand-in plays the cabinet.
"""

import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packwarden_host import replay, vm
from packwarden_host.errors import BadInput

EVENT = (
    '{"t_ms":12340,"seq":3,"kind":"trip","level":"trip","element":"terminal_overtemperature",'
    '"device":"26","battery":3,"terminal":"+","value":81.40,"limit":80.00,"unit":"degC",'
    '"held_ms":2000,"action":"trip_battery"}'
)
LINE = (
    "      12.340 s  TRIP         terminal_overtemperature (26)  BAT03 TERM+"
    "  81.40 degC > 80.00 for 2 s: trip_battery"
)

_STAND_IN = """
import json, sys
job = json.load(open(sys.argv[1]))
out = open("/dev/fd/%d" % job["out_fd"], "wb", 0)
"""


@pytest.fixture
def cabinet(tmp_path, monkeypatch):
    """Make a script the simulated cabinet; without one it prints EVENT."""
    script = tmp_path / "tools" / "packwarden_sim" / "start.py"
    script.parent.mkdir(parents=True)
    monkeypatch.setattr(vm, "REPOSITORY", tmp_path)

    def play(source=f"say('E', '{EVENT}')"):
        script.write_text(
            _STAND_IN
            + "def say(letter, text): out.write((letter + ' ' + text + '\\n').encode())\n"
            + source
            + "\nsay('X', json.dumps({'cause': 'end', 't_ms': 1, 'ticks': 1, 'detail': None}))\n"
        )

    play()
    return play


@pytest.fixture
def replayed(packwarden, written, bank_path):
    def run(*options, trace="t_s,i1_A\n0,10\n2,20\n"):
        return packwarden("replay", written(trace), "--config", bank_path, *options)

    return run


@pytest.mark.parametrize("kind", vm.VMS)
def test_event_lines_are_printed_as_they_are(cabinet, replayed, kind):
    result = replayed("--format", "jsonl", "--vm", kind)
    assert (result.code, result.out, result.err) == (0, EVENT + "\n", "")


def test_people_get_a_readable_line(cabinet, replayed):
    result = replayed()
    assert (result.code, result.out, result.err) == (0, LINE + "\n", "")


def test_the_cabinet_gets_trace_seed_tick_and_stuck_breakers(cabinet, replayed, bank):
    cabinet(
        "config = json.load(open(job['state_dir'] + '/flash/config.json'))\n"
        "say('E', json.dumps([job['source']['kind'], job['source']['stuck'], job['seed'],"
        " job['end_ms'], job['speed'], config['bank']['tick_ms'],"
        " len(open(job['source']['path']).readlines())]))"
    )
    plain = json.loads(replayed("--format", "jsonl").out)
    assert plain == ["trace", [], 1, 2000, 0, 10, 3]
    options = (
        "--seed",
        7,
        "--tick-ms",
        50,
        "--stuck-breaker",
        3,
        "main",
        "--stuck-breaker",
        "1,2",
    )
    asked = json.loads(replayed("--format", "jsonl", *options).out)
    assert asked == ["trace", [3, "main", 1, 2], 7, 2000, 0, 50, 3]


def test_a_restart_of_the_board_is_shown_to_people_only(cabinet, replayed):
    source = """
if job["restarts"] == 0:
    say('X', '{"cause": "watchdog", "t_ms": 1500, "ticks": 9, "detail": null}')
    sys.exit()
"""
    cabinet(source)
    assert replayed().out == "       1.500 s  board restarts: watchdog\n"
    assert replayed("--format", "jsonl").out == ""


def test_a_cabinet_that_dies_is_exit_code_1(cabinet, replayed):
    cabinet("raise ValueError('no such pin')")
    result = replayed("--vm", "cpython")
    assert (result.code, result.out) == (1, "")
    assert result.err == "packwarden: the simulated cabinet died: ValueError: no such pin\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--vm", "pypy"], "--vm"),
        (["--format", "xml"], "--format"),
        (["--tick-ms", 0], "--tick-ms 0 is outside"),
        (["--tick-ms", "often"], "--tick-ms"),
        (["--seed", "x"], "--seed"),
        (["--stuck-breaker", 5], "--stuck-breaker '5' is neither 1 .. 4 nor main"),
        (["--stuck-breaker", 0], "--stuck-breaker '0' is neither 1 .. 4 nor main"),
        (["--stuck-breaker", "all"], "--stuck-breaker 'all' is neither 1 .. 4 nor main"),
    ],
)
def test_a_bad_option_is_refused(cabinet, refused, written, bank_path, options, expected):
    trace = written("t_s\n0\n")
    assert expected in refused("replay", trace, "--config", bank_path, *options)


def test_files_that_are_missing_or_bad_are_refused(cabinet, refused, written, bank_path, tmp_path):
    trace = written("t_s\n0\n")
    assert "--config" in refused("replay", trace)
    assert "No such file" in refused("replay", trace, "--config", tmp_path / "none.json")
    assert "not JSON" in refused("replay", trace, "--config", written("{", "bad.json"))
    assert "No such file" in refused("replay", tmp_path / "none.csv", "--config", bank_path)
    assert "Is a directory" in refused("replay", tmp_path, "--config", bank_path)
    line = refused("replay", written("t_s,i5_A\n0,1\n"), "--config", bank_path)
    assert "line 1, column 2 ('i5_A'): names battery 5, the configured bank has 4" in line


def test_breakers_are_numbers_or_main():
    assert replay.stuck_breakers(("3", "main", "1, 2"), 4) == [3, "main", 1, 2]
    assert replay.stuck_breakers((), 4) == []
    with pytest.raises(BadInput):
        replay.stuck_breakers(("",), 4)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_random_bytes_are_refused_in_one_line(refused, written, bank_path, content):
    refused("replay", written(content), "--config", bank_path)


def test_a_reader_that_leaves_early_is_no_error(written, bank_path):
    """`packwarden elements | head -1`: nothing on stderr."""
    code = "import sys; from packwarden_host.cli import main; main()"
    listing = [sys.executable, "-c", code, "elements"]
    with subprocess.Popen(listing, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
