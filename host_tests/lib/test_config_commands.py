"""The console's `config`: what runs, and another one on its way to the board, piece by piece."""

import json

import pytest

from cabinets import Cabinet, at_once, configuration
from packwarden import settings
from packwarden.console import LINE_MAX
from packwarden.lockout import reset
from packwarden.staging import PIECE
from pushes import checksum, piece, text
from terminals import PIN, Terminal

OTHER = {"bank.capacity_Ah": 120, "elements.terminal_rise.trip.pickup": 31}


def announced(terminal, data):
    return terminal.ask(f"config begin {len(data)} {checksum(data)}")


def sent(terminal, data):
    """Send a whole text; returns its hash."""
    assert announced(terminal, data) == f"send {len(data)} bytes\r\n"
    for number, at in enumerate(range(0, len(data), PIECE)):
        assert terminal.ask(piece(number, data[at : at + PIECE])) == f"piece {number}\r\n"
    return checksum(data)


@pytest.fixture
def cabinet():
    cabinet = Cabinet(configuration())
    cabinet.run(1)
    return cabinet


@pytest.fixture
def terminal(cabinet):
    terminal = Terminal(cabinet.protection)
    terminal.ask(f"unlock {PIN}")
    return terminal


def told(cabinet):
    """What the log says of the controller."""
    log = cabinet.protection.events
    events = [log.event(seq) for seq in range(log.oldest_seq, log.next_seq)]
    return [event.detail_name() for event in events if event.detail_name()]


def kept(terminal):
    slots = terminal.context.staging.slots
    slots.load()
    return b"".join(slots.pieces())


def test_it_says_what_runs_and_reads_it_out(cabinet):
    """Looking is free."""
    terminal = Terminal(cabinet.protection, pin=None)
    data = text(cabinet.protection.bank.config)
    name = checksum(data)
    assert terminal.ask("config") == (
        f"runs: hash {name}; kept: generation 1, schema {settings.SCHEMA}, {len(data)} bytes\r\n"
    )
    assert json.loads(terminal.ask("config --json")) == {
        "generation": 1,
        "schema": settings.SCHEMA,
        "bytes": len(data),
        "hash": name,
        "staged": None,
        "refused": [],
    }
    reply = terminal.ask("config read").replace("\r\n", "\n").encode()
    assert reply == data + f"end {len(data)} {name}\n".encode()


def test_a_slow_terminal_reads_it_out_whole(cabinet):
    terminal = Terminal(cabinet.protection, at_once=16)
    data = text(cabinet.protection.bank.config)
    assert terminal.ask("config read").replace("\r\n", "\n").encode().startswith(data)


def test_what_was_pushed_checked_and_activated_is_stored(cabinet, terminal):
    data = text(configuration(changes=OTHER))
    before = kept(terminal)
    name = sent(terminal, data)
    assert f"staged: hash {name}, {len(data)} of {len(data)} bytes, not" in terminal.ask("config")
    assert terminal.ask("config check") == f"good: hash {name}\r\n"
    assert kept(terminal) == before
    facts = json.loads(terminal.ask("config --json"))["staged"]
    assert facts == {"bytes": len(data), "received": len(data), "hash": name, "good": True}
    reply = terminal.ask(f"config activate {name}")
    assert reply == "stored as generation 2: the board starts again\r\n"
    assert kept(terminal) == data
    assert terminal.context.staging.stored
    assert told(cabinet)[-1] == "configuration replaced"


def test_every_line_fits_the_console():
    assert len(piece(999, b"\xff" * PIECE)) <= LINE_MAX


@pytest.mark.parametrize(
    "command", ["begin 1 00000000", "put 0 eA== 00000000", "check", "activate 00000000", "drop"]
)
def test_while_locked_nothing_is_taken(cabinet, command):
    terminal = Terminal(cabinet.protection)
    assert terminal.ask(f"config {command}") == "error: locked: type unlock PIN first\r\n"
    assert terminal.context.staging.length == 0


@pytest.mark.parametrize("command", ["begin", "put 0", "check now", "activate", "drop all"])
def test_what_is_incomplete_is_told_how_it_is_said(terminal, command):
    assert terminal.ask(f"config {command}").startswith(f"error: config {command.split()[0]}")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("config write", 'takes no "write"'),
        ("config read all", 'takes no "all"'),
        ("config begin 0 00000000", '"0" is not a length in bytes, 1 .. 8192'),
        ("config begin 8193 00000000", '"8193" is not a length in bytes, 1 .. 8192'),
        ("config begin 80 0000000", "a checksum has 8 digits of 0 .. 9, a .. f"),
        ("config begin 80 0000000G", "a checksum has 8 digits of 0 .. 9, a .. f"),
        ("config put -1 eA== 8cdc1683", '"-1" is not the number of a piece, 0 .. 8192'),
        ("config put 0 eA== 8cdc1683", "more than the 0 bytes that were announced"),
        ("config check", "the configuration 0 of 0 bytes have come"),
        ("config activate 00000000", "nothing is staged that is checked and good"),
    ],
)
def test_nonsense_is_refused_with_the_reason(terminal, command, reason):
    assert terminal.ask(command) == f"error: {reason}\r\n"


def test_a_piece_that_came_damaged_is_asked_for_again_and_spoils_nothing(terminal):
    data = text(configuration(changes=OTHER))
    announced(terminal, data)
    good = piece(0, data[:PIECE])
    _, _, _, word, crc = good.split()
    for damaged in (
        f"config put 0 {word[:-1]} {crc}",
        f"config put 0 {word[:5] + chr(ord(word[5]) ^ 1) + word[6:]} {crc}",
        f"config put 0 {word} {crc[::-1]}",
        "config put 0 !!!! 00000000",
    ):
        assert terminal.ask(damaged) == "error: piece 0 came damaged: send it again\r\n"
    sent(terminal, data)
    assert terminal.ask("config check").startswith("good: ")


def test_a_piece_may_come_twice_and_none_may_be_left_out(terminal):
    """Its sender may not have heard that it came."""
    data = text(configuration())
    announced(terminal, data)
    pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
    assert terminal.ask(piece(0, pieces[0])) == "piece 0\r\n"
    assert terminal.ask(piece(0, pieces[0])) == "piece 0\r\n"
    assert terminal.ask(piece(0, pieces[1])) == "error: piece 1 is next\r\n"
    assert terminal.ask(piece(2, pieces[2])) == "error: piece 1 is next\r\n"
    assert terminal.context.staging.received == PIECE


def test_more_than_was_announced_is_not_taken(terminal):
    terminal.ask("config begin 70 00000000")
    assert terminal.ask(piece(0, b"x" * PIECE)) == "piece 0\r\n"
    assert "more than the 70 bytes" in terminal.ask(piece(1, b"xx"))


def test_less_than_was_announced_or_another_text_is_not_good(terminal):
    data = text(configuration())
    announced(terminal, data)
    terminal.ask(piece(0, data[:PIECE]))
    assert f"{PIECE} of {len(data)} bytes have come" in terminal.ask("config check")
    terminal.ask(f"config begin {PIECE} 00000000")
    terminal.ask(piece(0, data[:PIECE]))
    actual = checksum(data[:PIECE])
    assert f"has the checksum {actual}, not 00000000" in terminal.ask("config check")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bank.batteries": 16}, "bank.batteries 16 is outside 1 .. 15 batteries"),
        ({"bank.board": "other"}, "bank.board 'other' is not this board, cabinet15"),
        (
            {"elements.terminal_rise.trip.pickup": 900},
            "elements.terminal_rise.trip.pickup 900 is outside 1 .. 100 K",
        ),
        (
            {"bank.cells": 99, "breakers.kind": "fuse"},
            "bank.cells 99 is outside 4 .. 16 cells in series (and 1 more)",
        ),
        ({"schema": 1}, "schema 1 is outside 3"),
        ({"elements.cascade": ...}, "elements.cascade is missing or not an object"),
    ],
)
def test_what_the_board_finds_wrong_is_refused_and_recorded(cabinet, terminal, changes, reason):
    """Its sender may be of another version, or none of ours."""
    before = kept(terminal)
    name = sent(terminal, text(configuration(changes=changes)))
    assert terminal.ask("config check") == f"error: {reason}\r\n"
    assert told(cabinet)[-1] == "configuration refused"
    assert "nothing is staged" in terminal.ask(f"config activate {name}")
    assert kept(terminal) == before


def test_what_is_no_text_of_a_configuration_is_refused_with_its_piece(terminal):
    sent(terminal, b"schema 2\nbank {\n")
    assert terminal.ask("config check") == (
        "error: the configuration line 2 is not a path and JSON\r\n"
    )


def test_the_check_is_made_in_many_pieces(cabinet, terminal):
    """Each of them a slice of the slack."""
    sent(terminal, text(configuration(15)))
    terminal.type("config check\r")
    pieces = 0
    while terminal.console.busy():
        pieces += 1
        terminal.console.work()
        terminal.console.take(10**6)
    assert pieces > 60


def test_what_is_activated_has_to_be_named(terminal):
    name = sent(terminal, text(configuration(changes=OTHER)))
    terminal.ask("config check")
    assert terminal.ask("config activate 00000000") == f"error: staged is {name}\r\n"
    assert terminal.context.staging.slots.generation == 1


def test_what_was_not_checked_is_not_activated(terminal):
    name = sent(terminal, text(configuration(changes=OTHER)))
    assert "nothing is staged that is checked" in terminal.ask(f"config activate {name}")


def test_what_is_changed_after_the_check_is_not_good_any_more(terminal):
    data = text(configuration(changes=OTHER))
    name = sent(terminal, data)
    terminal.ask("config check")
    announced(terminal, data)
    assert "nothing is staged that is checked" in terminal.ask(f"config activate {name}")


def test_while_a_trip_is_picked_up_it_waits():
    cabinet = Cabinet(configuration())
    cabinet.run(1)
    terminal = Terminal(cabinet.protection)
    terminal.ask(f"unlock {PIN}")
    name = sent(terminal, text(configuration(changes=OTHER)))
    terminal.ask("config check")
    cabinet.plus_C = [25.0, 90.0, 25.0, 25.0]
    cabinet.run(0.5)
    assert terminal.ask(f"config activate {name}") == (
        "error: a trip is picked up or a breaker moves: wait\r\n"
    )
    assert told(cabinet)[-1] == "configuration refused"
    cabinet.plus_C = [25.0] * 4
    cabinet.run(1)
    assert terminal.ask(f"config activate {name}").startswith("stored ")


def test_a_battery_that_is_locked_out_is_not_left_out_of_the_bank():
    cabinet = Cabinet(at_once(configuration()))
    cabinet.plus_C = [25.0, 25.0, 25.0, 90.0]
    cabinet.run(3)
    cabinet.plus_C = [25.0] * 4
    cabinet.run(1)
    assert cabinet.protection.breakers.tripped == 1 << 3
    terminal = Terminal(cabinet.protection)
    terminal.ask(f"unlock {PIN}")
    name = sent(terminal, text(configuration(3)))
    terminal.ask("config check")
    assert terminal.ask(f"config activate {name}") == (
        "error: BAT04 is locked out and would not be watched: reset it first\r\n"
    )
    reset(cabinet.protection, 3)
    assert terminal.ask(f"config activate {name}").startswith("stored ")


def test_a_flash_that_does_not_take_it_leaves_what_ran(cabinet, terminal, monkeypatch):
    before = kept(terminal)
    name = sent(terminal, text(configuration(changes=OTHER)))
    terminal.ask("config check")
    original = terminal.files.open

    def full(name, mode):
        if mode == "wb":
            raise OSError(28)
        return original(name, mode)

    monkeypatch.setattr(terminal.files, "open", full)
    assert terminal.ask(f"config activate {name}") == (
        "error: the flash does not take it: what ran runs on\r\n"
    )
    assert not terminal.context.staging.stored
    assert kept(terminal) == before
    monkeypatch.undo()
    assert terminal.ask(f"config activate {name}").startswith("stored ")


def test_once_activated_nothing_else_is_taken(terminal):
    name = sent(terminal, text(configuration(changes=OTHER)))
    terminal.ask("config check")
    terminal.ask(f"config activate {name}")
    for command in ("config drop", "config begin 5 00000000", f"config activate {name}"):
        assert "was activated: wait for the start" in terminal.ask(command)


def test_a_reply_that_is_broken_off_stops_nothing_that_was_activated(cabinet, terminal):
    data = text(configuration(changes=OTHER))
    name = sent(terminal, data)
    terminal.ask("config check")
    terminal.type(f"config activate {name}\r")
    terminal.console.work()
    assert terminal.context.staging.storing
    terminal.type(b"\x03")
    staging = terminal.context.staging
    while staging.due():
        staging.step()
    assert staging.stored
    assert kept(terminal) == data
    assert told(cabinet)[-1] == "configuration replaced"


def test_what_is_staged_can_be_dropped_and_is_after_ten_silent_minutes(cabinet, terminal):
    sent(terminal, text(configuration()))
    assert terminal.ask("config drop") == "nothing is staged\r\n"
    assert json.loads(terminal.ask("config --json"))["staged"] is None
    sent(terminal, text(configuration()))
    staging = terminal.context.staging
    cabinet.run(600, 1000)
    assert not staging.due()
    cabinet.run(2, 1000)
    assert staging.due()
    staging.step()
    assert not staging.due()
    assert (staging.length, staging.received) == (0, 0)


def test_what_was_refused_at_boot_is_told(terminal):
    terminal.context.staging.slots.refused.append(("config.b", 'holds 5 bytes of 9, "see"'))
    assert terminal.ask("config").endswith('refused: config.b: holds 5 bytes of 9, "see"\r\n')
    (refused,) = json.loads(terminal.ask("config --json"))["refused"]
    assert refused == {"file": "config.b", "reason": 'holds 5 bytes of 9, "see"'}


def test_what_runs_and_is_not_kept_is_not_read_out(terminal):
    terminal.context.staging.hash = 0x12345678
    assert terminal.ask("config read") == "error: what runs is not what is kept: see config\r\n"
    assert terminal.ask("config").startswith("runs: hash 12345678; kept: generation 1,")
