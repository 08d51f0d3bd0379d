"""`packwarden selftest`: the table, the data, and the exit code."""

import json

import pytest

from packwarden_host import selftest
from packwarden_host.errors import RunFailed

ROWS = [
    {"check": "image", "result": "good", "detail": "image 1a", "when": "daily", "protected": True},
    {"check": "clock", "result": "not done", "detail": "", "when": "daily", "protected": True},
]
BAD = {"check": "outputs", "result": "bad", "detail": "one", "when": "tick", "protected": False}


class Dialogue:
    """A cabinet that gives this answer."""

    port = "/dev/ttyUSB0"

    def __init__(self, rows):
        self._reply = rows if isinstance(rows, str) else json.dumps({"selftest": rows})

    def ask(self, line):
        assert line == "selftest --json"
        return self._reply


def test_where_nothing_is_bad_it_ends_well(capsys):
    assert selftest.show(Dialogue(ROWS)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Self-test"
    assert lines[1].split() == ["check", "result", "when", "protected", "detail"]
    assert lines[2].split() == ["image", "good", "daily", "yes", "image", "1a"]
    assert lines[-1] == "1 good, 0 bad, 1 not done"


def test_what_is_bad_is_exit_code_1(capsys):
    assert selftest.show(Dialogue([*ROWS, BAD])) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[-2].split() == ["outputs", "bad", "tick", "NO", "one"]
    assert out.splitlines()[-1] == "1 good, 1 bad, 1 not done"


def test_as_data(capsys):
    assert selftest.show(Dialogue([*ROWS, BAD]), as_json=True) == 1
    assert json.loads(capsys.readouterr().out) == {"selftest": [*ROWS, BAD]}


def test_on_a_terminal_it_has_colours(capsys, monkeypatch):
    monkeypatch.setattr("packwarden_host.output.is_terminal", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert selftest.show(Dialogue([*ROWS, BAD])) == 1
    assert "\x1b[" in capsys.readouterr().out


@pytest.mark.parametrize("reply", ["", "[]", '{"selftest":[{}]}', '{"selftest":[1]}'])
def test_a_reply_that_is_none_is_said(reply):
    with pytest.raises(RunFailed, match="/dev/ttyUSB0: the reply is no self-test"):
        selftest.show(Dialogue(reply))
