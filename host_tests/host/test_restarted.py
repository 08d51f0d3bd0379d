"""A board whose chip is the USB device itself: its port goes while it starts, and comes back."""

import os
import threading

import pytest

from packwarden_host import dialogue
from packwarden_host.dialogue import Line, Lost
from system.cable import Cable
from system.lines import pseudo_terminal

PROMPT = b"packwarden> "


@pytest.fixture
def board(tmp_path, monkeypatch):
    """What a board hears and says, its cable, and where that is plugged in."""
    monkeypatch.setattr(dialogue, "_AGAIN_S", 0.05)
    with pseudo_terminal() as (far, line), Cable(far) as cable:
        cable.path = tmp_path / "ttyACM0"
        cable.plug(cable.path)
        cable.board = line.fd
        yield cable


def test_it_is_opened_again_and_asked_without_an_interrupt(board):
    def start():
        board.pull()
        board.plug(board.path)
        heard = b""
        while not heard.endswith(b"\r"):
            heard += read(board.board)
        os.write(board.board, b"\r\n" + PROMPT)

    with Line(str(board.path), 10) as line:
        os.write(board.board, b"the last words")
        line.until(b"words")
        starting = threading.Thread(target=start)
        starting.start()
        assert line.restarted(PROMPT)[1] == PROMPT
        starting.join(10)
        assert set(board.sent) == set(b"\r")


def test_one_that_does_not_come_back_is_lost(board):
    with Line(str(board.path), 0.3) as line:
        board.pull()
        with pytest.raises(Lost, match="the connection ended"):
            line.restarted(PROMPT)


def test_one_whose_port_stays_is_waited_for(board):
    with Line(str(board.path), 10) as line:
        os.write(board.board, b"boot\r\n" + PROMPT)
        assert line.restarted(b">>> ", PROMPT) == (b"boot\r\n", PROMPT)
    assert board.sent == b""


def read(fd):
    """The next bytes, of a descriptor that does not block."""
    os.set_blocking(fd, True)
    return os.read(fd, 100)
