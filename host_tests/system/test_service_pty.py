"""Service mode through the programs that people use: `packwarden service` and mpremote."""

import json
import subprocess
import sys

import pytest

from packwarden_host.dialogue import Dialogue
from system.protecting import protecting
from system.runs import command
from terminals import PIN

SPEED = 60  # a minute of the board is a second


@pytest.fixture(scope="module")
def cabinet():
    """A cabinet with a PIN, its console's path, and what the restarts were."""
    with protecting(speed=SPEED) as cabinet:
        yield cabinet


def mpremote(port, *arguments):
    """What mpremote prints."""
    line = [sys.executable, "-m", "mpremote", "connect", port, "resume", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def service(port, *options, pin=PIN):
    return command("service", port, *options, "--pin", pin)


def records(port):
    with Dialogue(port) as dialogue:
        events = json.loads(dialogue.ask("events --json"))
    return [event["detail"] for event in events]


def test_a_wrong_pin_enters_nothing_and_is_not_repeated(cabinet):
    result = service(cabinet.port, pin="24681357")
    assert result.code == 1
    assert "unlock ********: wrong PIN: the next try in 1 s" in result.err
    assert "24681357" not in result.err + result.out
    assert service(cabinet.port, pin="secret").code == 2
    with Dialogue(cabinet.port) as dialogue:
        assert json.loads(dialogue.ask("status --json"))["armed"]
        # On a busy machine its second is longer than ours.
        until_ms = now_ms(dialogue) + 1000
        while now_ms(dialogue) < until_ms:
            pass


def now_ms(dialogue):
    """What the cabinet's clock says."""
    return json.loads(dialogue.ask("bank --json"))["t_ms"]


def test_in_and_out_with_mpremote_in_between(cabinet, tmp_path):
    port = cabinet.port
    result = service(port)
    assert (result.code, result.err) == (0, "")
    assert "NOT PROTECTING until a reset, or for 30 min at most" in result.out
    assert mpremote(port, "exec", "import machine; print(machine.reset_cause())") == "2\n"
    (tmp_path / "note.txt").write_text("was here")
    mpremote(port, "fs", "cp", str(tmp_path / "note.txt"), ":note.txt")
    assert (cabinet.folder / "state" / "flash" / "note.txt").read_text() == "was here"
    assert "note.txt" in mpremote(port, "fs", "ls")
    assert cabinet.causes == ["reset"]
    result = command("service", port, "--leave")
    assert (result.code, result.err, result.out) == (0, "", f"{port}: protecting\n")
    assert cabinet.causes == ["reset", "reset"]
    assert records(port)[-2:] == ["reset", "back from service mode"]
    assert command("service", port, "--leave").out == f"{port}: is not in service mode\n"


def test_ctrl_d_at_the_prompt_leaves_too(cabinet):
    result = service(cabinet.port)
    assert result.code == 0
    with Dialogue(cabinet.port).line as line:
        line.send(b"\x04")
        line.until(b"packwarden> ")
    with Dialogue(cabinet.port) as dialogue:
        dialogue.protecting()
    assert cabinet.causes[-1] == "soft_reset"
    assert records(cabinet.port)[-1] == "back from service mode"


def test_a_board_that_is_left_in_it_returns_and_says_so(cabinet):
    with Dialogue(cabinet.port) as dialogue:
        dialogue.unlock(PIN)
        dialogue.ask("service 1")
        dialogue.line.until(b"NOT PROTECTING >>> ")
        dialogue.line.send(b"while True: pass\r\r")  # a script that hangs, too
        dialogue.line.until(b"packwarden> ")
        assert cabinet.causes[-1] == "watchdog"
        status = dialogue.protecting()
        assert status["restart"]["cause"] == "being left in service mode"
    assert records(cabinet.port)[-2:] == ["back from service mode", "being left in service mode"]
