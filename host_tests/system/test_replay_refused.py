"""Replay of what cannot be replayed: exit code 2, one clear line on stderr, nothing else."""

import json
import os
import subprocess

import pytest

from system.lines import COMMAND
from system.runs import bank, command

GOOD = "t_s,i1_A\n0,1\n1,2\n"
TRACES = {
    "empty": (b"", "line 1: the file is empty"),
    "only comments": (b"# nothing\n\n", "line 1: the file is empty"),
    "no header": (b"0,1,2\n1,2,3\n", "line 1: no header row"),
    "no rows": (b"t_s,i1_A\n", "no rows below the header"),
    "unknown column": (b"t_s,amps\n0,1\n", "line 1, column 2 ('amps'): unknown column"),
    "a column twice": (b"t_s,i1_A,i1_A\n0,1,1\n", "line 1, column 3 ('i1_A'): the column appears"),
    "no time": (b"i1_A\n1\n", "the column t_s (time in seconds) is missing"),
    "a word": (b"t_s,i1_A\n0,1\n1,many\n", "line 3, column 2 (i1_A): 'many' is not"),
    "a wrong word": (b"t_s,tp1_C\n0,absent\n", "line 2, column 2 (tp1_C): 'absent' is not"),
    "time running back": (b"t_s\n0\n5\n4\n", "line 4, column 1 (t_s): time runs back"),
    "time from 1": (b"t_s\n1\n2\n", "line 2, column 1 (t_s): the first row stands at 0 s"),
    "nan": (b"t_s,i1_A\n0,nan\n", "line 2, column 2 (i1_A): 'nan' is not a finite number"),
    "infinite": (b"t_s,i1_A\n0,-inf\n", "line 2, column 2 (i1_A): '-inf' is not a finite"),
    "nan as time": (b"t_s\nnan\n", "line 2, column 1 (t_s): 'nan' is not a finite number"),
    "short row": (b"t_s,i1_A\n0\n", "line 2, column 2: the row has 1 cells"),
    "long row": (b"t_s\n0,1\n", "line 2, column 2: the row has 2 cells"),
    "binary": (b"\x7fELF\x02\x01\x01\x00\x00" + bytes(range(256)), "line 1: not UTF-8 text"),
    "binary cells": (b"t_s,i1_A\n0,\xff\xfe\n", "line 2: not UTF-8 text"),
    "one line of a megabyte": (b"t_s" + b"," * 10**6, "line 1: longer than 65536 characters"),
    "too many batteries": (b"t_s,i5_A\n0,1\n", "names battery 5, the configured bank has 4"),
    "sixteen": (b"t_s,i16_A\n0,1\n", "line 1, column 2 ('i16_A'): unknown column"),
    "a breaker half open": (b"t_s,cb1\n0,0.5\n", "line 2, column 2 (cb1): '0.5' is neither 0 nor"),
    "colder than cold": (b"t_s,tamb_C\n0,-300\n", "line 2, column 2 (tamb_C): '-300' is below"),
}


def config(change):
    made = bank()
    change(made)
    return json.dumps(made).encode()


CONFIGS = {
    "empty": (b"", "not JSON"),
    "cut short": (json.dumps(bank()).encode()[:-100], "not JSON"),
    "binary": (bytes(range(128, 256)), "not UTF-8 text"),
    "a list": (b"[1]", "is not an object with schema, bank, sensors, breakers, elements"),
    "null": (b"null", "is not an object"),
    "nested deeply": (b"[" * 100_000, ""),
    "a key twice": (b'{"schema": 1, "schema": 1}', "the key 'schema' appears twice"),
    "an unknown key": (config(lambda c: c.update(extra=1)), "extra: is not known"),
    "a missing section": (config(lambda c: c.pop("sensors")), "sensors: is missing"),
    "sixteen": (config(lambda c: c["bank"].update(batteries=16)), "bank.batteries: 16 is outside"),
    "no number": (config(lambda c: c["bank"].update(batteries="4")), "bank.batteries: '4' is not"),
    "nan": (
        json.dumps(bank()).encode().replace(b'"rated_current_A": 100', b'"rated_current_A": NaN'),
        "bank.rated_current_A: nan is not a number",
    ),
    "another board": (config(lambda c: c["bank"].update(board="x15")), "board 'x15' is not known"),
    "a shunt too large": (
        config(lambda c: c["sensors"].update(shunt_uohm=1000)),
        "sensors.shunt_uohm: 1000 uohm on an ina228 measures up to 163 A",
    ),
    "a pickup out of range": (
        config(lambda c: c["elements"]["terminal_overtemperature"]["trip"].update(pickup=200)),
        "elements.terminal_overtemperature.trip.pickup: 200 is outside 20 .. 130 degC",
    ),
    "an unknown curve": (
        config(lambda c: c["elements"]["overcurrent_inverse"]["trip"].update(curve="STEEP")),
        "'STEEP' is not one of IEC_EI",
    ),
}


@pytest.fixture
def refused(tmp_path):
    """Replay these bytes; the line with which they are refused, after the file's name."""

    def run(trace=None, bank_file=None, options=()):
        trace_path, bank_path = tmp_path / "trace.csv", tmp_path / "bank.json"
        trace_path.write_bytes(GOOD.encode() if trace is None else trace)
        bank_path.write_bytes(config(lambda c: None) if bank_file is None else bank_file)
        result = command("replay", trace_path, "--config", bank_path, *options)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("packwarden: ")
        assert result.err.count("\n") == 1 and result.err.endswith("\n")
        assert len(result.err) < 600 and "Traceback" not in result.err
        return result.err

    return run


@pytest.mark.parametrize("name", TRACES)
def test_a_bad_trace(refused, name, tmp_path):
    content, reason = TRACES[name]
    line = refused(trace=content)
    assert str(tmp_path / "trace.csv") in line
    assert reason in line


@pytest.mark.parametrize("name", CONFIGS)
def test_a_bad_configuration(refused, name, tmp_path):
    content, reason = CONFIGS[name]
    line = refused(bank_file=content)
    assert str(tmp_path / "bank.json") in line
    assert reason in line


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--stuck-breaker", "5"], "--stuck-breaker '5' is neither 1 .. 4 nor main"),
        (["--stuck-breaker", "bus"], "--stuck-breaker 'bus' is neither 1 .. 4 nor main"),
        (["--tick-ms", "9"], "--tick-ms 9 is outside 10 .. 1000 ms"),
        (["--tick-ms", "1001"], "--tick-ms 1001 is outside 10 .. 1000 ms"),
        (["--tick-ms", "1.5"], "--tick-ms"),
        (["--seed", "one"], "--seed"),
        (["--vm", "java"], "--vm"),
        (["--format", "xml"], "--format"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_a_bad_option(refused, options, reason):
    assert reason in refused(options=options)


def test_files_that_are_not_there_and_folders(tmp_path):
    trace, bank_file = tmp_path / "trace.csv", tmp_path / "bank.json"
    trace.write_text(GOOD)
    bank_file.write_bytes(config(lambda c: None))
    missing = tmp_path / "none"
    for arguments in (
        (missing, "--config", bank_file),
        (tmp_path, "--config", bank_file),
        (trace, "--config", missing),
        (trace, "--config", tmp_path),
    ):
        result = command("replay", *arguments)
        assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
        assert "No such file" in result.err or "Is a directory" in result.err


@pytest.mark.parametrize("name", ["empty", "nan", "binary"])
def test_as_a_process_of_its_own(tmp_path, name):
    """What a shell sees: the exit code, one line on stderr, nothing on stdout, no traceback."""
    trace, bank_file = tmp_path / "trace.csv", tmp_path / "bank.json"
    trace.write_bytes(TRACES[name][0])
    bank_file.write_bytes(config(lambda c: None))
    arguments = [*COMMAND, "replay", str(trace), "--config", str(bank_file)]
    done = subprocess.run(arguments, capture_output=True, env=os.environ, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert done.stderr.startswith(b"packwarden: ")


def test_a_good_one_is_exit_code_0_and_nothing_on_stderr(tmp_path):
    trace, bank_file = tmp_path / "trace.csv", tmp_path / "bank.json"
    trace.write_text(GOOD)
    bank_file.write_bytes(config(lambda c: None))
    for vm in ("micropython", "cpython"):
        result = command("replay", trace, "--config", bank_file, "--vm", vm)
        assert (result.code, result.err, len(result.lines)) == (0, "", 1)
