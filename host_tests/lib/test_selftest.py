"""The self-test's table: each row tells how it stands, and what has no other alarm makes one."""

import json

import pytest

from cabinets import Cabinet, configuration
from packwarden.protection import MEMORY_FAILS, OUTPUTS_FAIL, SELFTEST_BAD
from packwarden.selftest import (
    CALIBRATION,
    CLOCK,
    CONFIGURATION,
    GOOD,
    IMAGE,
    NOT_DONE,
    WATCHDOG,
    LEAST_bytes,
    SelfTest,
)
from terminals import Terminal

DAY_s = 86400
FOUND = {
    IMAGE: (GOOD, "image 1a2b3c4d"),
    CONFIGURATION: (GOOD, "config.a: hash 12345678, generation 1"),
    CALIBRATION: (GOOD, "none is kept"),
    CLOCK: (GOOD, "500 ms are 501 ms of the RTC"),
    WATCHDOG: (GOOD, "armed"),
}


class Bench:
    """A terminal at a cabinet, and a board that has found all of it good."""

    def __init__(self, changes=None, **measured):
        self.cabinet = Cabinet(configuration(changes=changes), **measured)
        self.cabinet.run(1)
        self.terminal = Terminal(self.cabinet.protection)
        self.selftest = self.terminal.context.selftest
        self.selftest.found.update(FOUND)
        self.terminal.context.timing.paused(5000, 40_000)

    def rows(self):
        found = json.loads(self.terminal.ask("selftest --json"))["selftest"]
        assert all(row["protected"] for row in found)
        return {row["check"]: (row["result"], row["detail"]) for row in found}


def test_of_a_sound_cabinet_everything_is_good_but_what_python_cannot_do():
    bench = Bench()
    rows = bench.rows()
    not_done = [name for name, (result, _) in rows.items() if result == NOT_DONE]
    assert not_done == [
        "CPU registers (1.1)",
        "program counter (1.3)",
        "interrupts (2)",
        "variable memory (4.2)",
        "addressing (4.3)",
        "internal data path (5)",
    ]
    assert {result for name, (result, _) in rows.items() if name not in not_done} == {GOOD}
    assert len([name for name in rows if name.startswith("thermistor")]) == 9
    assert len([name for name in rows if name.startswith("monitor")]) == 5
    assert rows["thermistor BAT03 TERM-"] == (GOOD, "25.0 degC")
    assert rows["ADC reference"][1].startswith("1100.0 mV, within 1034.0 .. 1166.0")
    assert rows["memory"][1] == "at least 40000 bytes were free, 4096 are needed"
    assert bench.selftest.bad == []


def test_as_text_it_has_a_line_for_each_and_says_that_protection_goes_on():
    bench = Bench()
    lines = bench.terminal.ask("selftest").split("\r\n")
    assert len(lines) == len(bench.rows()) + 2
    assert lines[0].split() == ["image", "good", "boot,", "daily", "image", "1a2b3c4d"]
    assert lines[-2].startswith("protection went on")
    assert lines[-2].endswith(": nothing")


@pytest.mark.parametrize("name", [IMAGE, CONFIGURATION, CALIBRATION, CLOCK])
def test_what_the_board_finds_bad_is_named_until_it_is_good_again(name):
    bench = Bench()
    bench.selftest.found[name] = ("bad", "it is changed")
    assert bench.rows()[name] == ("bad", "it is changed")
    assert bench.selftest.bad == [name]
    bench.selftest.found[name] = (GOOD, "")
    bench.rows()
    assert bench.selftest.bad == []


def test_what_the_board_has_not_looked_at_is_not_done_and_no_alarm():
    bench = Bench()
    bench.selftest.found.clear()
    rows = bench.rows()
    assert rows[IMAGE] == (NOT_DONE, "not yet")
    assert rows[WATCHDOG] == ("bad", "not armed")
    assert bench.selftest.bad == []


def test_a_calibration_that_is_refused_is_bad():
    bench = Bench()
    bench.terminal.context.calibration.slots.refused.append(("calibration.a", "cannot be read"))
    assert bench.rows()[CALIBRATION] == ("bad", "calibration.a: cannot be read")
    assert bench.selftest.bad == [CALIBRATION]


@pytest.mark.parametrize(
    ("free", "result"), [(0, NOT_DONE), (LEAST_bytes - 1, "bad"), (LEAST_bytes, GOOD)]
)
def test_the_memory_that_was_left_at_least(free, result):
    bench = Bench()
    bench.terminal.context.timing.paused(5000, free)
    assert bench.rows()["memory"][0] == result
    assert bench.selftest.bad == (["memory"] if result == "bad" else [])


def test_a_terminal_that_is_far_colder_than_the_others_does_not_touch():
    bench = Bench(plus_C=60, minus_C=60)
    bench.cabinet.minus_C[1] = 44.0
    bench.cabinet.run(1)
    name = "thermistor BAT02 TERM-"
    assert bench.rows()[name] == ("bad", "44.0 degC, 16.0 K below all others: does it touch?")
    assert bench.selftest.bad == [name]
    bench.cabinet.minus_C[1] = 46.0
    bench.cabinet.run(1)
    assert bench.rows()[name] == (GOOD, "46.0 degC")
    assert bench.selftest.bad == []


@pytest.mark.parametrize("minus_C", [[75, 25], [25, 25]])
def test_hot_terminals_make_the_others_no_cold_ones(minus_C):
    cabinet = Cabinet(configuration(2), plus_C=[75, 25], minus_C=minus_C)
    selftest = SelfTest(cabinet.protection)
    context = Terminal(cabinet.protection).context
    selftest.done(context.timing, context.calibration)
    assert selftest.bad == []


def test_of_a_single_battery_nobody_can_tell():
    cabinet = Cabinet(configuration(1), plus_C=75, minus_C=25)
    selftest = SelfTest(cabinet.protection)
    context = Terminal(cabinet.protection).context
    selftest.done(context.timing, context.calibration)
    assert selftest.bad == []


def test_what_has_an_alarm_of_its_own_is_bad_here_and_makes_no_second_one():
    bench = Bench({"breakers.feedback": "52a"}, current_A=40)
    cabinet = bench.cabinet
    cabinet.lose_monitor(2)
    cabinet.counts[cabinet.terminal_channel(0)] = 22000
    cabinet.lying = {3: False}
    cabinet.contacts_lost = {cabinet.main}
    cabinet.run(1)
    cabinet.protection.faults = OUTPUTS_FAIL | MEMORY_FAILS
    bench.terminal.context.journal.lost = 3
    rows = bench.rows()
    bad = {name: detail for name, (result, detail) in rows.items() if result == "bad"}
    assert bad == {
        "monitor BAT03": "absent",
        "thermistor BAT01 TERM+": "open",
        "outputs": "one is not where it has to be",
        "breaker contacts": "Q04, main: cannot be read",
        "journal": f"boot 1, {bench.terminal.context.journal.waiting()} waiting, 3 lost",
        "lockouts": "not kept",
    }
    assert bench.selftest.bad == []


def test_a_reference_that_reads_wrong_is_named_with_its_limits():
    bench = Bench()
    bench.cabinet.counts[bench.cabinet.frame.reference] = 5000
    bench.cabinet.run(1)
    rows = bench.rows()
    assert rows["ADC reference"] == (
        "bad",
        "reference out of range, not within 1034.0 .. 1166.0 mV",
    )
    assert rows["thermistor ambient"] == ("bad", "no reference")


def test_a_contact_that_lies_is_named_and_where_none_is_wired_nothing_is_checked():
    bench = Bench(current_A=40)
    bench.cabinet.lying = {3: False}
    bench.cabinet.run(1)
    assert bench.rows()["breaker contacts"] == ("bad", "Q04: contradicts the current")
    bench = Bench({"breakers.feedback": "none"})
    assert bench.rows()["breaker contacts"] == (NOT_DONE, "none are wired")


def test_it_is_due_once_armed_and_then_once_a_day_or_when_somebody_asks():
    bench = Bench()
    selftest, protection = bench.selftest, bench.cabinet.protection
    assert selftest.due()
    bench.rows()
    assert not selftest.due()
    protection.events.seconds += DAY_s - 1
    assert not selftest.due()
    protection.events.seconds += 1
    assert selftest.due()
    selftest.done(bench.terminal.context.timing, bench.terminal.context.calibration)
    selftest.asked = True
    assert selftest.due()
    protection.armed = False
    assert not selftest.due()
    assert bench.terminal.ask("selftest") == "error: not armed yet: wait some seconds\r\n"


def test_where_there_is_no_time_for_it_that_is_said():
    bench = Bench()
    bench.selftest.due = lambda: False
    bench.terminal.pause = lambda: bench.cabinet.tick(1000)
    reply = bench.terminal.ask("selftest")
    assert reply == "error: there was no time for it in 8 s: see timing\r\n"


def test_it_is_an_alarm_of_the_controller():
    cabinet = Cabinet()
    cabinet.protection.faults = SELFTEST_BAD
    cabinet.run(1)
    log = cabinet.protection.events
    text = log.event(log.next_seq - 1).text()
    assert text.endswith("controller_fault  self-test bad: see selftest: alarm")
    assert cabinet.protection.alarm
    assert "controller: self-test bad: see selftest" in Terminal(cabinet.protection).ask("status")
