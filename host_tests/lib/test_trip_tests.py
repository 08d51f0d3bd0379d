"""A trip for a test: for what follows it as any other trip, but deliberate, and not counted."""

import json

import pytest

from cabinets import Cabinet, configuration
from packwarden.lockout import Lockout
from terminals import PIN, Terminal


def unlocked(cabinet):
    terminal = Terminal(cabinet.protection)
    terminal.ask(f"unlock {PIN}")
    return terminal


def last(cabinet):
    log = cabinet.protection.events
    return log.event(log.next_seq - 1).text()


def test_a_battery_is_tripped_locked_out_and_recorded_and_it_alone():
    cabinet = Cabinet(current_A=40.0)
    terminal = unlocked(cabinet)
    said = "BAT02 is told to open for a test: it stays locked out\r\n"
    assert terminal.ask("test 2") == said
    assert last(cabinet).endswith("COMMAND  lockout  BAT02  tripped for a test")
    cabinet.run(1)
    assert cabinet.closed == [True, False, True, True, True]
    assert cabinet.protection.alarm
    assert terminal.ask("lockout") == "BAT02: locked out by test, trips: 0\r\n  may be reset\r\n"
    assert json.loads(terminal.ask("lockout --json"))[0]["cause"] == "test"
    assert terminal.ask("reset 2") == "BAT02 is reset and stays open; it may be closed\r\n"
    cabinet.run(3)
    assert not cabinet.closed[1] and not cabinet.protection.alarm
    assert not cabinet.told(kind="trip")


def test_tests_count_as_no_trips_and_never_ask_for_the_word():
    cabinet = Cabinet(current_A=40.0)
    terminal = unlocked(cabinet)
    for _ in range(3):
        assert "told to open" in terminal.ask("test 2")
        cabinet.run(1)
        assert "is reset" in terminal.ask("reset 2")
        cabinet.closed[1] = True
        cabinet.run(1)
    assert cabinet.protection.decider.lockout.trips[1] == 0


@pytest.mark.parametrize("kind", ["shunt_trip", "uvr", "contactor"])
def test_the_main_waits_for_a_low_current_as_with_other_trips(kind):
    cabinet = Cabinet(configuration(changes={"breakers.kind": kind}), current_A=40.0)
    cabinet.run(1)
    unlocked(cabinet).ask("test main")
    cabinet.run(1)
    assert cabinet.closed[cabinet.main]
    assert not cabinet.protection.discharge_allowed and not cabinet.protection.charge_allowed
    cabinet.current_A = [0.5] * 4
    cabinet.run(1)
    assert not cabinet.closed[cabinet.main] and all(cabinet.closed[:4])


def test_crossed_wires_are_found_and_the_main_opens():
    cabinet = Cabinet(current_A=40.0)
    cabinet.each_tick = cross(cabinet, 1, 2)
    unlocked(cabinet).ask("test 2")
    cabinet.run(1)
    assert cabinet.told(element="breaker_discrepancy", battery=2, kind="trip")
    assert cabinet.closed[1] and not cabinet.closed[2] and not cabinet.closed[cabinet.main]


def cross(cabinet, told, opens):
    """The coil of one breaker opens another one."""
    cabinet.stuck = {told}

    def each_tick(one):
        if one.protection.breakers.energised() & one.bit(told):
            one.closed[opens] = False

    return each_tick


def test_a_breaker_that_stays_is_backed_up():
    cabinet = Cabinet(current_A=40.0)
    cabinet.stuck = {1}
    unlocked(cabinet).ask("test 2")
    cabinet.run(1)
    assert cabinet.told(element="breaker_failure", battery=2, action="trip_main")
    assert not cabinet.closed[cabinet.main]


def test_it_takes_an_unlocked_console():
    cabinet = Cabinet(current_A=40.0)
    assert Terminal(cabinet.protection).ask("test 2").startswith("error: locked")
    cabinet.run(1)
    assert all(cabinet.closed)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("test", "say which: 1 .. 4, or main"),
        ("test 5", '"5" is not a battery, 1 .. 4'),
        ("test 2 please", "test N, or test main"),
        ("test 3", "BAT03 is open: there is nothing to trip"),
        ("test 1", "the others would carry 120 % of rated: take load away"),
    ],
)
def test_what_cannot_be_tested_is_refused_with_the_reason(line, reason):
    cabinet = Cabinet(current_A=80.0)
    cabinet.closed[2] = False
    cabinet.run(1)
    assert unlocked(cabinet).ask(line) == f"error: {reason}\r\n"
    cabinet.run(0.2)
    assert cabinet.closed == [True, True, False, True, True]


def test_no_test_while_another_breaker_moves_nor_twice():
    cabinet = Cabinet(current_A=40.0)
    terminal = unlocked(cabinet)
    terminal.ask("test 2")
    assert terminal.ask("test 3") == "error: a trip is picked up or a breaker moves: wait\r\n"
    cabinet.run(1)
    assert terminal.ask("test 2") == "error: BAT02 is locked out: reset it first\r\n"


def test_a_restart_keeps_the_lockout_and_what_it_is_of():
    cabinet = Cabinet(current_A=40.0)
    unlocked(cabinet).ask("test 2")
    cabinet.run(1)
    kept = bytes(cabinet.protection.decider.lockout.dump())
    after = Cabinet(current_A=40.0)
    memory = after.protection.decider.lockout
    assert isinstance(memory, Lockout) and memory.load(kept)
    assert after.protection.breakers.tripped == 0b10
    assert "locked out by test" in Terminal(after.protection).ask("lockout")
