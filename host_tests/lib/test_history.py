"""What the console tells of the past: this life of the board and those before, kept or not yet."""

import json

import pytest

from cabinets import Cabinet, configuration
from flash_chip import Chip, Files
from packwarden.journal import Journal
from packwarden.protection import Protection
from packwarden.records import CAPACITY
from terminals import Terminal

WATCHDOG = 3


class Board:
    """A cabinet whose journal outlives it: `restart` begins its next life."""

    def __init__(self):
        self.chip = Chip()
        self.files = Files(self.chip, fresh=True)
        self.restart(1)

    def restart(self, cause=WATCHDOG):
        self.protection = Protection(configuration())
        self.journal = Journal(self.files, self.protection.events, 0xC0FFEE)
        self.journal.open(cause)
        self.protection.arm(0, cause)
        self.terminal = Terminal(self.protection)
        self.terminal.context.journal = self.journal
        self.terminal.access.unlock(0)

    def refuse(self, count):
        """Let so many operations be refused, and so recorded."""
        for _ in range(count):
            self.terminal.ask("reset 1")

    def keep(self):
        while self.journal.waiting():
            self.journal.commit()


@pytest.fixture
def board():
    return Board()


def test_what_was_before_a_restart_is_shown_with_its_boot(board):
    board.refuse(2)
    board.keep()
    board.restart()
    board.refuse(1)
    assert board.terminal.ask("events").split("\r\n") == [
        "boot 1",
        "0  0.000 s  INFO  boot  power-on",
        "1  0.000 s  INFO  lockout  BAT01  refused",
        "2  0.000 s  INFO  lockout  BAT01  refused",
        "boot 2",
        "3  0.000 s  INFO  boot  watchdog",
        "not kept yet:",
        "4  0.000 s  INFO  lockout  BAT01  refused",
        "",
    ]


def test_as_json_it_is_told_too(board):
    board.keep()
    board.restart()
    board.refuse(1)
    events = json.loads(board.terminal.ask("events --json"))
    assert [(e["seq"], e["boot"], e["kept"], e["detail"]) for e in events] == [
        (0, 1, True, "power-on"),
        (1, 2, True, "watchdog"),
        (2, 2, False, "refused"),
    ]
    assert {event["config"] for event in events} == {"00c0ffee"}
    assert list(events[0])[:2] == ["t_ms", "seq"]  # the contract's keys come first


def test_what_was_not_kept_before_a_restart_is_gone_and_its_numbers_are_given_again(board):
    board.refuse(3)
    board.restart()
    assert "boot 2\r\n1  0.000 s  INFO  boot" in board.terminal.ask("events")


def test_since_a_number_reaches_into_the_life_before(board):
    board.refuse(30)
    board.keep()
    board.restart()
    events = json.loads(board.terminal.ask("events --since 29 --json"))
    assert [event["seq"] for event in events] == [29, 30, 31]
    assert len(json.loads(board.terminal.ask("events --json"))) == 20


def test_what_the_log_forgot_before_it_was_kept_is_told(board):
    board.refuse(CAPACITY + 4)
    board.keep()
    board.restart()
    assert "4 events are missing\r\n" in board.terminal.ask("events --since 0")


def test_status_tells_whether_all_is_kept(board):
    assert "journal: boot 1, all events kept\r\n" in board.terminal.ask("status")
    board.refuse(2)
    assert "journal: boot 1, 2 events not kept yet\r\n" in board.terminal.ask("status")
    board.chip.full = True
    board.journal.commit()
    assert "journal: boot 1, NOT KEPT: 2 events\r\n" in board.terminal.ask("status")
    told = json.loads(board.terminal.ask("status --json"))
    assert (told["boot"], told["events_waiting"], told["journal_fails"]) == (1, 2, True)
    board.chip.full = False
    board.refuse(CAPACITY + 3)
    board.keep()
    assert "journal: boot 1, all events kept, 5 lost\r\n" in board.terminal.ask("status")
    told = json.loads(board.terminal.ask("status --json"))
    assert (told["events_lost"], told["journal_fails"]) == (5, False)


@pytest.mark.parametrize("words", ["1", "--since", "--since 1 2", "--until 3", "--since x"])
def test_what_cannot_be_shown_is_refused(board, words):
    assert board.terminal.ask("events " + words).startswith("error: ")


def test_a_record_knows_the_outputs_when_it_was_written():
    """A trip's record comes after its command: its own output is energised in it."""
    cabinet = Cabinet(current_A=40.0)
    cabinet.plus_C = [25.0, 25.0, 90.0, 25.0]
    trip = cabinet.run_until(4, kind="trip")
    log = cabinet.protection.events
    assert log.event(0).energised() == []  # the boot
    assert log.event(trip["seq"]).energised() == ["Q03", "charge", "discharge"]


def test_before_it_is_armed_nothing_operates():
    """The first event of a life is its boot."""
    protection = Protection(configuration())
    terminal = Terminal(protection)
    for line in ("unlock 135790", "reset 1", "pin 123456"):
        assert terminal.ask(line) == "error: not armed yet: wait some seconds\r\n"
    assert protection.events.next_seq == 0
