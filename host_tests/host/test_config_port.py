"""`packwarden config push` and the library's own console at the end of a pty: noise, questions."""

import json
import os
import threading
import tty
from contextlib import contextmanager

import pytest

from cabinets import Cabinet, configuration
from packwarden_host import bank_file, config_port, dialogue
from packwarden_host.bank_file import Choices
from packwarden_host.errors import BadInput, RunFailed
from terminals import PIN, Terminal

# A battery more or less in what runs: the file is another one.
OTHER = bank_file.build(Choices(4, 100, capacity_Ah=120))


class Served:
    """A console behind a pty, which starts again once something was activated."""

    def __init__(self, master, noise, piece):
        self.master = master
        self.noise = noise  # {number of a received byte: what comes in its place}
        self.piece = piece  # the number of a piece whose data never come as they were sent
        self.received = 0
        self.lines = []
        self._begin(configuration())

    def _begin(self, config):
        cabinet = Cabinet(config)
        cabinet.run(1)
        self.terminal = Terminal(cabinet.protection)

    def play(self):
        while True:
            try:
                data = os.read(self.master, 256)
            except OSError:
                return
            for byte in data:
                byte = self.noise.pop(self.received, byte)
                self.received += 1
                if byte > 32 and self._typed().startswith(f"config put {self.piece} "):
                    byte = ord("#")
                self.terminal.type(bytes([byte]))
                os.write(self.master, self.terminal.read().encode())
                staging = self.terminal.context.staging
                if staging.stored:
                    self._start(staging)

    def _typed(self):
        return self.terminal.console._editor.line

    def _start(self, staging):
        slots = staging.slots
        config = {}
        for _ in config_port.config_text.read(slots.pieces(), config):
            pass
        self._begin(config)
        self.terminal.console.greet()
        os.write(self.master, self.terminal.read().encode())


@contextmanager
def served(noise=(), piece=None):
    master, slave = os.openpty()
    tty.setraw(slave)
    console = Served(master, dict(noise), piece)
    thread = threading.Thread(target=console.play, daemon=True)
    thread.start()
    try:
        yield console, os.ttyname(slave)
    finally:
        os.close(slave)
        thread.join(10)
        os.close(master)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "other.json"
    path.write_text(json.dumps(OTHER))
    return path


def test_a_push_over_a_noisy_line_arrives_whole(file, monkeypatch, capsys):
    """A byte of a piece is changed, one is a Ctrl-C, one is lost: each piece is sent again."""
    monkeypatch.setattr(dialogue, "SILENT_S", 0.5)
    with served({1500: ord("#"), 2600: 3, 3700: 0}) as (console, port):
        config_port.push(port, file, PIN, True)
        assert not console.noise
        config = console.terminal.context.protection.bank.config
    assert config == OTHER
    out, err = capsys.readouterr()
    assert "bank.capacity_Ah 100 Ah 120 Ah" in " ".join(out.split())
    assert "protects again" in out
    assert err.startswith("push: ")


def test_a_piece_that_never_arrives_ends_it_and_leaves_nothing_staged(file, monkeypatch):
    monkeypatch.setattr(dialogue, "SILENT_S", 0.3)
    with served(piece=5) as (console, port):
        with pytest.raises(RunFailed):
            config_port.push(port, file, PIN, True)
        staging = console.terminal.context.staging
        assert (staging.length, staging.stored) == (0, False)
        assert console.terminal.context.protection.bank.config == configuration()


@pytest.mark.parametrize(("answer", "activated"), [("y", True), ("n", False)])
def test_a_person_is_asked_before_it_is_activated(file, monkeypatch, answer, activated):
    import typer

    asked = []

    def confirm(question, abort, err):
        asked.append(question)
        if answer == "n":
            raise typer.Abort

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", confirm)
    with served() as (console, port):
        if activated:
            config_port.push(port, file, PIN, False)
        else:
            with pytest.raises(typer.Abort):
                config_port.push(port, file, PIN, False)
        assert "activate it?" in asked[0]
        config = console.terminal.context.protection.bank.config
        assert (config == OTHER) is activated
        assert console.terminal.context.staging.length == 0


def test_what_came_damaged_is_no_configuration(monkeypatch, tmp_path):
    monkeypatch.setattr(
        dialogue.Dialogue, "ask", lambda self, line, progress=None: "schema 2\r\nend 9 00000000"
    )
    with served() as (_, port):
        with pytest.raises(RunFailed, match="came damaged: try again"):
            config_port.pull(port, None, False)
        good = tmp_path / "good.json"
        good.write_text(json.dumps(OTHER))
        with pytest.raises(BadInput, match="came damaged: try again"):  # exit code 2, not 1
            config_port.diff(port, good, False)
