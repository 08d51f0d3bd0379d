"""What ended the lives before: noted at once, kept, told, acknowledged; noise is no record."""

import pytest

from packwarden import records, restart
from packwarden.restart import (
    BROWN_OUT,
    HARD,
    PANIC,
    POWER_ON,
    SIZE,
    WATCHDOG,
    LOOP_s,
    Restart,
    describe,
)

SOFT = 5
NOISE = bytes(number * 89 & 255 for number in range(SIZE))
MAIN = 1 << 15


class Board:
    """A board and its memory; each `start` is a life, which `failed`, `panics` and such end."""

    def __init__(self):
        self.power_off()
        self.start(POWER_ON)

    def power_off(self):
        self.memory = bytearray(NOISE)

    def start(self, cause):
        self.now = Restart(self.memory)
        self.now.begin(cause)
        return self

    def after(self, seconds, outputs=0, pulse_ms=0):
        """Let it protect for so long."""
        for second in range(seconds + 1):
            self.now.lives(second, outputs, pulse_ms)
        self.seconds = seconds
        return self

    def fails(self, error=None, place=2):
        self.now.failed(error or MemoryError(), place, self.seconds)
        return self.start(HARD)

    def panics(self):
        return self.start(HARD)

    def hangs(self):
        return self.start(WATCHDOG)

    def cause(self):
        return records.CAUSES[self.now.began]


@pytest.fixture
def board():
    return Board()


class Unheard(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (MemoryError(), "MemoryError"),
        (OSError(5), "OSError"),
        (IndexError(), "IndexError"),
        (KeyError(), "KeyError"),
        (TypeError(), "TypeError"),
        (ValueError(), "ValueError"),
        (AttributeError(), "AttributeError"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (AssertionError(), "AssertionError"),
        (RuntimeError(), "exception"),
        (Unheard(), "exception"),
    ],
)
@pytest.mark.parametrize(
    ("place", "where"),
    [
        (restart.BOOT, " at boot"),
        (1, " in acquire"),
        (2, " in step"),
        (3, " in act"),
        (4, " in verify"),
        (restart.SLACK, " between ticks"),
    ],
)
def test_it_is_told_by_its_name_and_its_place(board, error, name, place, where):
    told = board.after(77).fails(error, place).now
    assert describe(told.detail) == name + where
    assert told.text() == f"restarted by {name}{where} after 77 s"
    assert board.cause() == "reset"


def test_nobody_knows_where_the_watchdog_bit_or_the_interpreter_broke(board):
    assert board.after(5).hangs().now.text() == "restarted by watchdog"
    assert board.cause() == "watchdog"
    assert board.after(5).panics().now.text() == "restarted by panic, 2 times"
    assert board.cause() == "panic"


def test_the_watchdog_is_told_where_the_memory_is_lost_too(board):
    board.power_off()
    assert board.hangs().now.text() == "restarted by watchdog"


def test_a_brown_out_is_told_from_a_power_on_by_what_the_memory_holds(board):
    assert board.cause() == "power-on"
    assert board.after(5).start(POWER_ON).cause() == "brown-out"
    board.power_off()
    assert board.start(POWER_ON).cause() == "power-on"
    assert board.now.text() is None


def test_what_a_person_ends_is_no_fault(board):
    for cause in (HARD, SOFT):
        board.after(5).now.ends()
        assert board.start(cause).now.text() is None
        assert board.now.began == cause


def test_a_reset_with_noise_in_the_memory_is_no_panic(board):
    board.power_off()
    assert board.start(HARD).now.text() is None
    assert board.cause() == "reset"


def test_a_watchdog_that_bites_after_a_fault_was_noted_is_not_another_one(board):
    """The last words on the console may take longer than the watchdog waits."""
    board.after(9).now.failed(OSError(5), 1, 9)
    told = board.hangs().now
    assert told.text() == "restarted by OSError in acquire after 9 s"
    assert board.cause() == "watchdog"


def test_without_a_fault_nothing_is_told(board):
    now = board.now
    assert (now.detail, now.text(), now.json(), now.looping) == (0, None, "null", False)
    assert describe(0) == ""
    assert board.start(POWER_ON).now.text() is None


def test_each_further_one_is_counted_until_a_person_acknowledges(board):
    for _ in range(300):
        board.after(3).fails(OSError(5), 1)
    assert board.now.text() == "restarted by OSError in acquire after 3 s, 255 times"
    board.now.acknowledge()
    assert board.now.text() is None
    assert board.start(POWER_ON).now.text() is None
    assert board.hangs().now.times == 1


ENDS = {"fails": Board.fails, "panics": Board.panics, "hangs": Board.hangs}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(("lives_s", "loop"), [(0, True), (290, True), (311, False)])
def test_three_faults_within_ten_minutes_are_a_loop(board, end, lives_s, loop):
    """Each life counts to 10 s: less than so long is never kept of it."""
    board.after(3000)
    for looping in (False, False, loop):
        ENDS[end](board)
        assert board.now.looping == looping
        board.after(lives_s)


def test_it_is_the_time_between_the_first_and_the_last_that_counts(board):
    for lives_s in (3000, 500, 20):
        board.after(lives_s).fails()
    assert board.now.looping


def test_time_passes_over_restarts_that_are_no_fault(board):
    board.after(3000).fails()
    board.after(300).start(POWER_ON)
    board.after(200).fails()
    board.after(90).start(POWER_ON)
    board.after(20).fails()
    assert not board.now.looping
    assert board.after(0).fails().now.looping


def test_a_loop_is_ended_by_a_person_or_by_the_loss_of_power_and_by_nothing_else(board):
    for _ in range(3):
        board.after(0).fails()
    for cause in (HARD, WATCHDOG, POWER_ON, SOFT):
        assert board.after(LOOP_s).start(cause).now.looping
    board.now.ends()
    assert board.start(HARD).now.looping
    board.now.acknowledge()
    assert not board.start(HARD).now.looping
    assert not board.after(0).fails().now.looping  # it counts anew
    for _ in range(3):
        board.after(0).fails()
    board.power_off()
    assert not board.start(POWER_ON).now.looping


@pytest.mark.parametrize("end", ENDS)
def test_what_the_safe_state_energises_is_known_after_a_fault(board, end):
    board.after(30, outputs=0b101 | MAIN, pulse_ms=200)
    ENDS[end](board)
    assert (board.now.outputs, board.now.pulse_ms) == (0b101 | MAIN, 200)


@pytest.mark.parametrize("cause", [POWER_ON, SOFT, HARD])
def test_it_is_not_after_any_other_end(board, cause):
    """A contactor that has opened meanwhile would close."""
    board.after(30, outputs=0b101).now.ends()
    assert (board.start(cause).now.outputs, board.now.pulse_ms) == (0, 0)
    board.after(5).fails()
    board.after(30, outputs=0b101)
    board.now.failed(OSError(5), 1, 30)
    assert (board.start(POWER_ON).now.outputs, board.now.pulse_ms) == (0, 0)


def test_an_output_that_changed_is_known_at_once(board):
    board.after(30, outputs=0b11)
    board.now.lives(31, 0b01, 0)
    assert board.panics().now.outputs == 0b01


def test_every_damage_of_a_byte_is_noticed(board):
    board.after(77).fails()
    kept = bytes(board.memory)
    for place in range(SIZE):
        for flip in (1, 0x80, 0xFF):
            damaged = bytearray(kept)
            damaged[place] ^= flip
            assert Restart(damaged).text() is None
    assert Restart(bytearray(kept)).text() is not None
    assert Restart(bytearray(kept + b"more")).text() is not None


def test_a_number_that_this_version_does_not_know_is_no_fault():
    for cause, place in ((200, 0), (2, 99)):
        memory = bytearray(SIZE)
        spoilt = Restart(memory)
        spoilt._note(cause, place, 0)
        spoilt._keep(0)
        assert Restart(memory).cause == 0


def test_causes_are_those_of_the_records():
    named = {POWER_ON: "power-on", HARD: "reset", WATCHDOG: "watchdog"}
    named |= {SOFT: "soft reset", BROWN_OUT: "brown-out", PANIC: "panic"}
    assert {number: records.CAUSES[number] for number in named} == named


@pytest.mark.parametrize(
    ("cause", "left", "told"),
    [(HARD, False, None), (SOFT, False, None), (WATCHDOG, True, "being left in service mode")],
)
def test_service_mode_is_no_fault_and_no_panic(board, cause, left, told):
    """What ends it is a reset, or a watchdog once its time is up: that is told, and no loop."""
    for _ in range(3):
        board.after(5).now.ends()
        board.now = Restart(board.memory)
        board.now.begin(cause, left)
        assert board.now.served and not board.now.looping
        assert board.now.text() is None or board.now.text().startswith(f"restarted by {told}")
        assert (board.now.text() is None) == (told is None)
