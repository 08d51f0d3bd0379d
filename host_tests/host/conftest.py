"""What the tests of the host command share: a command line in this process, a good bank file."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from packwarden_host import bank_file, cli, vm


@dataclass
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def packwarden(capsys):
    """Run a command line in this process: exit code, stdout, stderr."""

    def run(*arguments):
        code = cli.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def refused(packwarden):
    """Run a command line that must be refused: exit code 2, one line on stderr (returned)."""

    def run(*arguments):
        result = packwarden(*arguments)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("packwarden: ")
        assert result.err.count("\n") == 1 and result.err.endswith("\n")
        return result.err

    return run


@pytest.fixture
def bank():
    """A good configuration of four batteries."""
    return bank_file.build(bank_file.Choices(batteries=4, rated_current_A=100))


@pytest.fixture
def bank_path(tmp_path, bank):
    path = tmp_path / "bank.json"
    path.write_text(json.dumps(bank))
    return path


@pytest.fixture
def written(tmp_path):
    """Write a file and return its path."""

    def write(content, name="trace.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


_STAND_IN = """
import json, sys
job = json.load(open(sys.argv[1]))
out = open(job["out_fd"], "wb", 0)
def say(letter, text): out.write((letter + " " + text + "\\n").encode())
"""
_END = "say('X', json.dumps({'cause': 'end', 't_ms': 100000, 'ticks': 1, 'detail': None}))\n"


@pytest.fixture
def cabinet(tmp_path, monkeypatch):
    """Make a list of lines the output of the simulated cabinet."""
    script = tmp_path / "tools" / "packwarden_sim" / "start.py"
    script.parent.mkdir(parents=True)
    monkeypatch.setattr(vm, "REPOSITORY", tmp_path)

    def play(lines=(), source=""):
        said = "".join(f"say({letter!r}, {text!r})\n" for letter, text in lines)
        script.write_text(_STAND_IN + source + said + _END)

    return play
