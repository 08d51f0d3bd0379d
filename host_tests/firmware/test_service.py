"""Service mode on the board: safe outputs first, what is kept, the REPL, and the way back."""

import sys
from types import SimpleNamespace

import pytest

from firmware.test_access import commissioned
from packwarden_sim import world
from terminals import PIN

TRACE = "t_s,i1_A,i2_A\n0,40,40\n20,40,40\n"
BYTES = 2048


@pytest.fixture
def backed(rigged, monkeypatch):
    """RTC memory alone: returns the module `service` and sets why the board has started."""
    rigged(2)
    here = SimpleNamespace(rtc=bytearray(BYTES), watched=[])
    here.feed = None
    here.watch = here.watched.append
    monkeypatch.setattr(world, "current", here)
    monkeypatch.delattr(sys, "ps1", raising=False)
    module = sys.modules["service"]
    return module, here, lambda cause: monkeypatch.setattr(module, "reset_cause", lambda: cause)


@pytest.mark.parametrize("kind", ["shunt_trip", "uvr", "contactor"])
def test_outputs_record_and_marker_come_before_the_reset(rigged, kind):
    word = "" if kind == "shunt_trip" else " open"
    script = [[1000, f"unlock {PIN}\nservice 7{word}\n"]]
    rig = commissioned(rigged(2, TRACE, script=script, choices={"breaker": kind}))
    cause, t_ms, _, _ = rig.main()
    assert cause == "reset" and 1000 < t_ms < 3000
    board = rig.board
    levels = [rig.wiring.levels[pin] for pin in (board.PIN_ALARM, board.PIN_CHARGE)]
    assert levels == [0, 0] and rig.wiring.levels[board.PIN_DISCHARGE] == 0
    # Those that are held stay so as long as the hardware has it.
    held = {"shunt_trip": 0, "uvr": 0, "contactor": 0b11}[kind]
    assert rig.wiring.relay.model.outputs == held
    assert "service mode: NOT PROTECTING until a reset, or for 7 min at most" in rig.lines("C")
    from packwarden.journal import Journal
    from packwarden.records import EventLog

    journal = Journal(sys.modules["flash"], EventLog(), 0)
    journal.open(1)
    details = [event.detail_name() for event in journal.events(0) if event]
    assert details == ["power-on", "unlocked", "service mode", "power-on"]
    assert sys.modules["service"]._noted(1) == 7


def test_a_terminal_that_reads_nothing_does_not_hold_it_up(rigged):
    rig = commissioned(rigged(2, TRACE, script=[[1000, f"unlock {PIN}\n"], [3000, "service\n"]]))

    def stall():
        if rig.world.now_ms() > 2900:
            rig.console.ready = lambda: 1 if rig.console._place < len(rig.console._typed) else 0

    rig.each_wake = stall
    assert rig.main()[0] == "reset"
    assert 13_000 <= rig.world.now_ms() <= 13_200


def test_it_waits_until_the_capture_of_a_trip_is_kept(rigged):
    text = "t_s,i1_A,tp2_C\n0,40,25\n1,40,90\n5,40,25\n60,40,25\n"
    rig = commissioned(rigged(2, text, script=[[3000, f"unlock {PIN}\n"], [3800, "service\n"]]))
    assert rig.main()[0] == "reset"
    (trip,) = [event for event in rig.lines() if event["kind"] == "trip"]
    cabinet = sys.modules["cabinet"].current
    assert rig.world.now_ms() > trip["t_ms"] + 1000  # what comes after it belongs to it
    assert not cabinet.recorder.captures.frozen and not cabinet.recorder.files.failed


def test_the_next_start_is_service_and_the_one_after_it_is_not(rigged, monkeypatch, capsys):
    rig = rigged(2, TRACE)
    sys.modules["service"].ask(3)
    monkeypatch.delattr(sys, "ps1", raising=False)
    assert rig.main() is None  # main.py has ended: the REPL comes
    assert capsys.readouterr().out.startswith("service mode: NOT PROTECTING; machine.reset()")
    assert sys.ps1 == "NOT PROTECTING >>> "
    monkeypatch.delattr(sys, "ps1")
    pins = (rig.board.PIN_MAIN_TRIP, rig.board.PIN_ALARM, rig.board.PIN_CHARGE)
    assert [rig.wiring.levels[pin] for pin in pins] == [0, 0, 0]
    assert not [entry for entry in rig.log if entry[1] == "chip"]
    assert 179_000_000 < rig.world.watched_us() <= 180_000_000
    assert not sys.modules["service"].begins()


@pytest.mark.parametrize("cause", [1, 2, 3, 5])
def test_what_ended_it_is_told_once(backed, cause):
    module, here, began_by = backed
    assert module.ended() is None
    module.ask(30)
    assert module.begins()
    assert here.watched == [30 * 60_000_000]
    began_by(cause)
    assert module.ended() is (cause == 3)
    assert module.ended() is None and not module.begins()


def test_noise_in_the_memory_is_no_wish(backed):
    module, here, _ = backed
    module.ask(30)
    good = bytes(here.rtc)
    for place in range(2040, BYTES):
        for bit in range(8):
            here.rtc[:] = good
            here.rtc[place] ^= 1 << bit
            assert not module.begins() and module.ended() is None
    here.rtc[:] = b"\xff" * BYTES
    assert not module.begins()
    module.ask(241)
    assert not module.begins()
