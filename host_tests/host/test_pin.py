"""Where the command takes a PIN from: option or variable, else a hidden prompt on a terminal."""

import os
import pty
import sys

import pytest
import typer
from typer.testing import CliRunner

from packwarden_host import pin
from packwarden_host.errors import BadInput

app = typer.Typer()


@app.command()
def tell(secret: pin.PinOption = None):
    """A command with a PIN."""
    print(pin.given(secret))


@pytest.fixture
def ran(monkeypatch):
    """Run the command in a pipe; returns what it printed."""

    def run(*arguments, **environment):
        result = CliRunner().invoke(app, arguments, env={pin.VARIABLE: None, **environment})
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.output

    return run


def test_it_is_an_option_or_a_variable(ran):
    assert ran("--pin", "123456") == "123456\n"
    assert ran(PACKWARDEN_PIN="234567") == "234567\n"
    assert ran("--pin", "123456", PACKWARDEN_PIN="234567") == "123456\n"


def test_in_a_pipe_nobody_is_asked(ran):
    with pytest.raises(BadInput, match="PACKWARDEN_PIN"):
        ran()


@pytest.mark.parametrize("word", ["12345", "1234567890123", "12345x", "", "１２３４５６"])
def test_what_can_be_no_pin_is_refused_and_not_repeated(ran, word):
    with pytest.raises(BadInput) as refusal:
        ran("--pin", word)
    assert str(refusal.value) == "a PIN has 6 to 12 digits"


def test_help_shows_no_pin(ran):
    assert "234567" not in ran("--help", PACKWARDEN_PIN="234567")


def test_on_a_terminal_it_is_asked_for_and_not_echoed():
    child, fd = pty.fork()
    if child == 0:
        code = "from packwarden_host import pin; print(pin.given(None, 'PIN of the cabinet'))"
        os.execv(sys.executable, [sys.executable, "-c", code])
    seen = b""
    while b"cabinet: " not in seen:
        seen += os.read(fd, 100)
    os.write(fd, b"345678\n")
    while b"345678\r\n" not in seen:  # the only time, from the command that now knows it
        seen += os.read(fd, 100)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(fd)
    assert seen.count(b"345678") == 1
