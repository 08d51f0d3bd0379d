"""What has happened goes to flash: after the outputs, and never between a pickup and its trip."""

import json
import re
import sys
from itertools import pairwise

import pytest

from firmware.test_cabinet import fault, told, trace
from packwarden.captures import AFTER, BEFORE
from packwarden.timing import FLASH, OWN
from packwarden_sim.clock import us
from packwarden_sim.costs import FILE_COMMIT_US


def rows(*rows):
    """A trace of a column: (t_s, cell) of battery 2's positive terminal, 40 A in each battery."""
    currents = ",".join(["40"] * 4)
    lines = [f"{t_s},{currents},{cell}" for t_s, cell in rows]
    return "\n".join(["t_s,i1_A,i2_A,i3_A,i4_A,tp2_C", *lines]) + "\n"


def watched(rig, cabinet):
    """Note each commit: (begin in us, end in us, events that waited, was a trip picked up)."""
    journal = cabinet.recorder.journal
    original = journal.commit
    commits = []

    def commit():
        before = (us[0], journal.waiting(), cabinet.protection.imminent(None))
        original()
        commits.append((before[0], us[0], *before[1:]))

    journal.commit = commit
    return commits


def kept(cabinet):
    return [event for event in cabinet.recorder.journal.events(0) if event and event.kept]


def test_in_health_nothing_is_written_but_the_boot_and_that_before_the_first_tick(rigged):
    rig = rigged(4, trace(20))
    cabinet = rig.cabinet()
    commits = watched(rig, cabinet)
    rig.run(cabinet)
    assert commits == []
    assert [event.detail_name() for event in kept(cabinet)] == ["power-on"]
    assert cabinet.timing.late[FLASH] == 0
    assert cabinet.protection.events.next_seq == 1


def test_a_trip_is_kept_once_its_breaker_is_open_and_not_before(rigged):
    rig = rigged(4, rows((0, 25), (2, 90), (15, 90)))
    cabinet = rig.cabinet()
    commits = watched(rig, cabinet)
    rig.run(cabinet)
    (trip,) = [event for event in kept(cabinet) if event.kind == 3]
    assert trip.energised() == ["Q02", "charge", "discharge"]
    opened_us = rig.tripped_us + 40_000  # when the breaker's contacts open
    first = next(begin for begin, *_ in commits if begin >= rig.tripped_us)
    assert opened_us < first < opened_us + 800_000
    assert not any(picked for *_, picked in commits)


def test_events_that_come_together_are_kept_together(rigged):
    """An alarm and the trip that follows it within half a second: one commit, after the trip."""
    cells = ((0, 25), (2, 90), (15, 90))
    rig = rigged(4, rows(*cells))
    rig.config["elements"]["terminal_overtemperature"]["alarm"]["delay_ms"] = 1900
    (rig.folder / "config.json").write_text(json.dumps(rig.config))
    cabinet = rig.cabinet()
    commits = watched(rig, cabinet)
    rig.run(cabinet)
    assert commits[0][2] == 2
    assert commits[0][0] > rig.tripped_us


def test_while_a_trip_is_picked_up_nothing_is_written(rigged):
    """Warnings come on the way; what is written waits until the trip is over."""
    rig = rigged(4, rows((0, 25), (2, 82), (3.9, 25), (5, 90), (6.9, 25), (9, 25)))
    config = rig.config
    config["elements"]["terminal_overtemperature"]["warn"]["delay_ms"] = 0
    (rig.folder / "config.json").write_text(json.dumps(config))
    cabinet = rig.cabinet()
    commits = watched(rig, cabinet)
    rig.run(cabinet)
    assert told(rig, "terminal_overtemperature")[0][0] < 3000  # the warning
    assert commits and not any(picked for *_, picked in commits)
    assert commits[0][0] / 1000 - rig.armed_ms > 3900


def test_a_breaker_that_is_stuck_is_not_waited_for(rigged):
    rig = rigged(4, rows((0, 25), (2, 90), (20, 90)), stuck=(2, "main"))
    cabinet = rig.cabinet()
    commits = watched(rig, cabinet)
    rig.run(cabinet)
    assert cabinet.protection.breakers.commanded
    assert cabinet.recorder.journal.waiting() == 0
    assert commits[0][0] >= rig.tripped_us + 600_000  # all stages of breaker_failure are over
    assert [event for event in kept(cabinet) if event.kind == 3]


def test_a_trip_that_wavers_below_its_pickup_is_not_waited_for(rigged):
    """Above its dropout for hours: the events of all these hours would be lost with the power."""
    rig = rigged(4, rows((0, 25), (2, 81), (3, 78), (30, 78)))
    cabinet = rig.cabinet()
    watched(rig, cabinet)
    rig.run(cabinet)
    assert cabinet.protection.moving()
    assert cabinet.recorder.journal.waiting() == 0
    assert len(kept(cabinet)) > 2


def test_at_most_one_commit_makes_a_tick_late_and_it_is_blamed_on_the_flash(rigged):
    rig = rigged(4, rows((0, 25), (2, 90), (15, 90)))
    cabinet = rig.cabinet()
    commits = watched(rig, cabinet)
    rig.run(cabinet)
    assert cabinet.timing.late[OWN] == 0
    assert 1 <= len(commits) <= cabinet.timing.late[FLASH]
    assert max(end - begin for begin, end, *_ in commits) <= FILE_COMMIT_US + 10_000
    assert cabinet.timing.worst_late_us[FLASH] < 100_000
    assert told(rig, "controller_fault") == []


@pytest.mark.parametrize("before_us", [3_000_000, 3_003_333, 6_500_000])
@pytest.mark.parametrize("wrap_us", [1 << 30, 1000 << 30])
def test_a_wrap_of_the_tick_counters_loses_no_event(rigged, wrap_us, before_us):
    text = rows((0, 25), (2, 90), (15, 90))
    rig = rigged(4, text, ticks_began_us=wrap_us - before_us)
    cabinet = rig.cabinet()
    commits = watched(rig, cabinet)
    rig.run(cabinet)
    assert cabinet.recorder.journal.waiting() == 0
    assert 1 <= len(commits) <= 4


def test_a_journal_goes_on_where_the_one_before_ended(rigged):
    rig = rigged(4, rows((0, 25), (2, 90), (15, 90)))
    first = kept(rig.run())
    again = rigged(4, trace(2))
    cabinet = again.run()
    events = kept(cabinet)
    assert [event.seq for event in events] == list(range(len(events)))
    assert [event.json() for event in events[: len(first)]] == [event.json() for event in first]
    assert events[len(first)].boot == 2
    assert again.lines()[0]["seq"] == len(first)


def test_every_record_has_the_hash_of_the_configuration(rigged):
    rig = rigged(4, trace(2))
    (first,) = {event.config for event in kept(rig.run())}
    config = rig.config
    config["bank"]["cells"] = 15
    rig = rigged(4, trace(2), choices={"cells": 15})
    assert len({event.config for event in kept(rig.run())} | {first}) == 2


def test_a_flash_that_takes_nothing_is_a_fault_and_is_tried_again(rigged, monkeypatch):
    rig = rigged(4, rows((0, 25), (2, 90), (100, 90)))
    cabinet = rig.cabinet()
    flash = sys.modules["flash"]
    original = flash.open
    broken = []

    def open(name, mode):
        if "r" not in mode and 5_000_000 < us[0] < 30_000_000:
            broken.append(name)
            raise OSError(28)
        return original(name, mode)

    monkeypatch.setattr(flash, "open", open)
    rig.run(cabinet)
    # Neither is tried again at once: it would cost 60 ms each time.
    assert len([name for name in broken if name.startswith("journal")]) == 1
    assert len([name for name in broken if name.startswith("capture")]) == 1
    assert len(list(cabinet.recorder.files.heads())) == 1
    assert not cabinet.recorder.files.failed
    faults = told(rig, "controller_fault")
    assert faults[0][1:] == ("fault", "alarm", "alarm")
    assert cabinet.recorder.journal.waiting() == 0
    texts = [event.text() for event in kept(cabinet)]
    assert any(re.search("FAULT  controller_fault  events are not kept", text) for text in texts)


@pytest.mark.parametrize("target", ["monitor 1", "inputs 0"])
def test_a_fault_of_a_chip_is_kept_too(rigged, target):
    cabinet = rigged(4, trace(6), faults=[fault(target, "nack")]).run()
    assert cabinet.recorder.journal.waiting() == 0
    assert len(kept(cabinet)) > 1


# ---- captures ----------------------------------------------------------------------------------

HOT = ((0, 25), (4, 90), (15, 90))


def written(cabinet):
    """Note each piece of a capture: (begin in us, end in us, was a trip picked up)."""
    files = cabinet.recorder.files
    original = files.write
    pieces = []

    def write():
        before = (us[0], cabinet.protection.imminent(None))
        original()
        pieces.append((before[0], us[0], before[1]))

    files.write = write
    return pieces


def test_a_trip_is_captured_and_kept_in_pieces_once_the_breaker_is_open(rigged):
    rig = rigged(4, rows(*HOT))
    cabinet = rig.cabinet()
    pieces = written(cabinet)
    rig.run(cabinet)
    (head,) = cabinet.recorder.files.heads()
    assert 2000 <= head.facts[BEFORE] < 3200
    assert head.facts[AFTER] == 1000
    assert (head.event().battery, head.event().kept) == (2, True)
    assert pieces[0][0] >= rig.tripped_us + 1_000_000
    assert pieces[-1][1] < rig.tripped_us + 5_000_000
    assert not any(picked for *_, picked in pieces)
    assert all(after[0] - before[0] >= 99_000 for before, after in pairwise(pieces))
    assert max(end - begin for begin, end, _ in pieces) < 100_000
    assert cabinet.timing.late[OWN] == 0


def test_in_health_nothing_is_captured(rigged):
    rig = rigged(4, trace(20))
    cabinet = rig.cabinet()
    pieces = written(cabinet)
    rig.run(cabinet)
    assert pieces == []
    assert list(cabinet.recorder.files.heads()) == []


@pytest.mark.parametrize(("tick_ms", "end_s"), [(10, 8), (1000, 30)])
def test_a_state_is_packed_each_second_in_the_slack(rigged, tick_ms, end_s):
    rig = rigged(4, trace(end_s), tick_ms=tick_ms)
    cabinet = rig.cabinet()
    taken = []
    original = cabinet.recorder.captures.state.pack

    def pack(*where):
        taken.append(us[0])
        return original(*where)

    cabinet.recorder.captures.state.pack = pack
    rig.run(cabinet)
    assert len(taken) >= end_s - 1
    assert all(after - before <= 1_100_000 for before, after in pairwise(taken))


def test_while_a_trip_is_picked_up_no_capture_is_written(rigged):
    """One is tripped, the next one is about to: its trip is not delayed by what is written."""
    cells = ["t_s,i1_A,i2_A,i3_A,i4_A,tp2_C,tp3_C", "0,40,40,40,40,25,25", "4,40,40,40,40,90,25"]
    cells += ["6.5,40,0,40,40,90,90", "15,40,0,40,40,90,90"]
    rig = rigged(4, "\n".join(cells) + "\n")
    cabinet = rig.cabinet()
    pieces = written(cabinet)
    rig.run(cabinet)
    heads = list(cabinet.recorder.files.heads())
    assert [head.event().battery for head in heads] == [2, 3]
    assert not any(picked for *_, picked in pieces)


def test_a_slow_tick_writes_only_what_fits_before_the_deadline(rigged):
    rig = rigged(4, rows(*HOT), tick_ms=1000)
    cabinet = rig.cabinet()
    pieces = written(cabinet)
    rig.run(cabinet)
    assert pieces
    assert cabinet.timing.late[FLASH] == 0
    assert len(list(cabinet.recorder.files.heads())) == 1


def test_captures_outlive_a_restart(rigged):
    rig = rigged(4, rows(*HOT))
    first = [head.number for head in rig.run().recorder.files.heads()]
    again = rigged(4, trace(2)).run()
    assert [head.number for head in again.recorder.files.heads()] == first == [1]


def test_the_parts_of_the_rtc_memory_are_large_enough_and_apart(rigged):
    from packwarden.journal import BATCH, SIZE
    from packwarden.restart import SIZE as RESTART

    rig = rigged(15)
    retained = rig.cabinet()._retained
    memory = sys.modules["memory"]
    assert len(memory.restarts()) >= RESTART
    assert len(memory.events()) == BATCH * SIZE
    assert len(memory.states()) >= retained._lockout_at + len(retained._blank)
    parts = (memory.restarts, memory.states, memory.events, memory.service)
    for mark, part in enumerate(parts, 1):
        part()[:] = bytes([mark]) * len(part())
    for mark, part in enumerate(parts, 1):
        assert set(part()) == {mark}
