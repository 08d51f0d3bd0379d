"""The console of a cabinet that is held: it says what is wrong, and waits for a person."""

import json

import pytest

import pushes
from cabinets import configuration
from flash_chip import Chip, Files
from packwarden.access import Access
from packwarden.console import Console
from packwarden.held import HELD, Context, Unprotected
from packwarden.journal import Journal
from packwarden.records import EventLog
from packwarden.restart import HARD, SIZE, Restart
from packwarden.staging import Staging
from packwarden.two_slots import TwoSlots
from terminals import BOARD, PIN, Controls, Terminal

LOOP = "restarts in a loop: restarted by ValueError in step after 3 s, 3 times"
FILES = "the image is not what was deployed: "


class Held(Terminal):
    """A terminal at such a console."""

    def __init__(self, looping=True, wrong=(), refused=()):
        before = Restart(bytearray(SIZE))
        if looping:
            for _ in range(3):
                before.failed(ValueError(), 2, 3)
                before.begin(HARD)
        events = EventLog()
        self.files = Files(Chip(), fresh=True)
        self.journal = Journal(self.files, events, 0)
        self.journal.open(before.began)
        events.boot(before.began)
        self.access = Access()
        self.flash = lambda: True
        self.pause = lambda: None
        protection = Unprotected(events, before)
        staging = None
        if refused:
            slots = TwoSlots(self.files, "config")
            slots.load()
            slots.refused.extend(refused)
            staging = Staging(protection, BOARD, slots, 0)
        facts = (protection, "cabinet15", "1.2.3", self.journal)
        self.context = Context(*facts, self.access, Controls(), list(wrong), staging)
        self.console = Console(self.context)
        self.at_once = 10**6

    def ask_json(self, line):
        return json.loads(self.ask(line + " --json"))


@pytest.mark.parametrize(
    ("looping", "wrong", "reasons"),
    [
        (True, [], [LOOP]),
        (False, ["main.py is changed"], [FILES + "main.py is changed"]),
        (True, ["a is missing", "b is changed"], [FILES + "a is missing, b is changed", LOOP]),
        (False, list("abcd"), [FILES + "a, b, c, d"]),
        (False, list("abcdefg"), [FILES + "a, b, c, d, and 3 more"]),
    ],
)
def test_it_says_what_is_wrong(looping, wrong, reasons):
    held = Held(looping, wrong)
    assert held.ask("why") == "held, not protecting: " + "; ".join(reasons) + "\r\n"
    assert held.ask_json("why") == {
        "why": "held, not protecting: " + "; ".join(reasons),
        "event": None,
    }
    lines = held.ask("status").split("\r\n")
    assert lines[0] == "HELD, NOT PROTECTING: cabinet15"
    assert [line[2:] for line in lines if line.startswith("  ")] == reasons
    told = held.ask_json("status")
    assert (told["armed"], told["held"], told["wrong"]) == (False, reasons, wrong)
    assert (told["restart"] is not None) == looping
    assert (told["boot"], told["events_waiting"], told["journal_fails"]) == (1, 0, False)


def test_a_journal_that_cannot_be_written_is_told():
    held = Held()
    held.journal.failed = True
    assert "journal: boot 1, NOT KEPT: 0 events" in held.ask("status")
    assert held.ask_json("status")["journal_fails"]


def test_what_happened_and_what_runs_here_is_shown():
    held = Held()
    assert held.ask("version") == "Packwarden 1.2.3 on cabinet15\r\n"
    (boot,) = held.ask_json("events")
    assert (boot["element"], boot["detail"], boot["kept"]) == ("boot", "reset", True)


def test_there_is_help_for_what_there_is_and_nothing_else():
    held = Held()
    held.ask("pin " + PIN)
    assert {usage.split()[0] for usage in held.ask_json("help")} == set(HELD)
    for line in ("close 1", "reset 1", "bank", "elements"):
        assert held.ask(line).startswith("error: no command")


def test_what_operates_is_there_once_a_pin_is_set():
    held = Held()
    assert "acknowledge" not in held.ask("help")
    assert held.ask("acknowledge") == "error: no PIN is set: pin NEW sets it\r\n"
    assert held.ask("pin " + PIN).startswith("the PIN is set")
    assert "acknowledge" in held.ask("help")


@pytest.mark.parametrize("command", HELD)
def test_what_takes_nothing_says_so(command):
    held = Held()
    held.ask("pin " + PIN)
    held.ask("unlock " + PIN)
    assert held.ask(command + " x").startswith("error: ")


def test_only_a_person_at_an_unlocked_console_lets_it_start_again():
    held = Held()
    held.ask("pin " + PIN)
    assert held.ask("acknowledge") == "error: locked: type unlock PIN first\r\n"
    assert not held.context.released
    held.ask("unlock " + PIN)
    assert held.ask("acknowledge") == "the cabinet starts again\r\n"
    assert held.context.released
    assert not held.context.protection.restart.looping
    said = [event["detail"] for event in held.ask_json("events")]
    assert said == ["reset", "PIN set", "unlocked", "restart acknowledged"]
    assert held.ask("acknowledge") == "error: it starts again already\r\n"


def test_where_no_configuration_is_good_any_more_another_one_is_pushed():
    held = Held(False, refused=[("config.a", "is noise"), ("config.b", "holds 5 bytes of 9")])
    reason = (
        "no configuration is good, push another one: config.a: is noise;"
        " config.b: holds 5 bytes of 9"
    )
    assert held.ask_json("status")["held"] == [reason]
    assert held.ask("config").splitlines() == [
        "no configuration runs",
        "refused: config.a: is noise",
        "refused: config.b: holds 5 bytes of 9",
    ]
    assert held.ask("config read") == "error: no configuration runs\r\n"
    assert held.ask("config begin 5 00000000").startswith("error: no PIN is set")
    held.access.set(PIN, bytes(16))
    held.access.kept(True)
    held.ask(f"unlock {PIN}")
    replies = [held.ask(line) for line in pushes.lines(configuration(2))]
    assert not [reply for reply in replies if reply.startswith("error")]
    assert held.context.staging.stored
    slots = held.context.staging.slots
    assert b"".join(slots.pieces()) == pushes.text(configuration(2))


def test_elsewhere_there_is_no_configuration_to_push():
    assert Held().ask("config").startswith('error: no command "config"')
    assert set(HELD) == set(Held().context.commands)
