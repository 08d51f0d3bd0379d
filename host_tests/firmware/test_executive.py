"""The executive on the simulated cabinet: the grid, the bounds of the slack, what makes it ill."""

import contextlib
from itertools import pairwise

import pytest

from firmware.test_cabinet import spied, told, trace
from packwarden.commands import COMMANDS
from packwarden.timing import ALL_STAGES, COLLECTION, FLASH, OWN, STAGES
from packwarden_sim import world
from packwarden_sim.clock import Over, us
from packwarden_sim.costs import FILE_COMMIT_US, GC_US
from packwarden_sim.fakes import machine

WRAP_us = 1 << 30
ASKED = "".join(f"{name}\r" for name in COMMANDS)


def job(cabinet, name):
    return next(job for job in cabinet.timing.jobs if job.name == name)


def slowed(rig, cabinet, plan):
    """Let ticks take longer: {number of a tick from arming on: us}."""
    read = cabinet._acquisition.read
    count = [0]

    def slow(now_ms):
        read(now_ms)
        if cabinet.protection.armed:
            us[0] += plan.get(count[0], 0)
            count[0] += 1

    cabinet._acquisition.read = slow


def changes(levels):
    return [b for a, b in pairwise([None, *levels]) if a != b]


@pytest.mark.parametrize("batteries", [1, 4, 15])
def test_a_flooded_console_moves_no_tick_off_its_grid(rigged, batteries):
    """Each piece of work began only where its longest fitted; garbage has its own account."""
    rig = rigged(batteries, trace(8), script_every=[20, ASKED])
    cabinet = rig.cabinet()
    began = []
    spied(rig, cabinet, "tick", began)
    timing = rig.run(cabinet).timing
    assert (timing.late[OWN], timing.missed[OWN], timing.late[FLASH]) == (0, 0, 0)
    assert timing.worst_late_us[OWN] < 100
    assert timing.collections > 2
    if batteries < 15:
        assert timing.late[COLLECTION] == 0
    first_us = began[0][0]
    # A collection that fits no slack begins in one: its tick is late by less than it takes.
    assert all((at_us - first_us) % 10_000 < GC_US for at_us, _ in began)
    assert began[-1][0] - first_us == pytest.approx(
        10_000 * (len(began) + sum(timing.missed)), abs=20_000
    )
    for each in timing.jobs:
        assert each.worst_us <= each.bound_us, each.name
    assert job(cabinet, "console").worst_us > 1000


def test_a_piece_begins_only_where_its_longest_fits(rigged):
    rig = rigged(8, trace(5), script_every=[20, ASKED])
    cabinet = rig.cabinet()
    begun = {}

    def watched(each):
        run = each.run

        def noted():
            left_us = cabinet._executive._left_us()
            begun[each.name] = min(left_us, begun.get(each.name, left_us))
            return run()

        each.run = noted

    for each in cabinet.timing.jobs:
        if each.name != "collection":  # which has to where it is overdue
            watched(each)
    rig.run(cabinet)
    slices = {"memory", "state", "steps", "estimates", "console", "self-test"}
    assert set(begun) == slices
    for name, least_us in begun.items():
        assert least_us + 2 >= job(cabinet, name).bound_us  # reading the clock takes 2 us


def rig_run(cabinet):

    watchdog = machine.WDT(timeout=5000)
    cabinet.boot()
    with contextlib.suppress(Over):
        cabinet.run(watchdog)
    return world.current.ended


def test_the_pause_of_a_collection_is_measured_and_bounds_the_next_one(rigged):
    cabinet = rigged(4, trace(4), script=[[1000, "bank\r"]]).run()
    timing = cabinet.timing
    assert 6000 <= timing.last_pause_us <= timing.worst_pause_us <= 6100
    assert 0 <= job(cabinet, "collection").bound_us - timing.worst_pause_us <= 100
    assert timing.collections == 3  # at boot, behind the greeting, behind the reply


def test_garbage_is_collected_although_the_clock_went_half_way_round_since_the_last_one(rigged):
    """A console that nobody used for a week."""
    cabinet = rigged(4, trace(1)).cabinet()
    cabinet.boot()
    garbage = job(cabinet, "collection")
    cabinet._terminal.used = False
    for _ in range(8):
        assert not garbage.due(True)
        us[0] += 86_400_000_000
    assert not garbage.due(True)
    cabinet._terminal.used = True
    us[0] += 1_001_000
    assert garbage.due(True)
    assert not garbage.due(False)
    us[0] += 1_000_000
    assert garbage.due(False)


@pytest.mark.parametrize("late", [1, 2])
def test_one_or_two_ticks_that_take_too_long_are_no_alarm(rigged, late):
    rig = rigged(4, trace(3))
    cabinet = rig.cabinet()
    slowed(rig, cabinet, dict.fromkeys(range(50, 50 + late), 12_000))
    rig.run(cabinet)
    assert cabinet.timing.overruns == cabinet.timing.missed[OWN] == late
    assert told(rig, "controller_fault") == []


def test_three_in_a_row_are_an_alarm_until_it_is_well_for_10_s(rigged):
    rig = rigged(4, trace(14), script=[[700, "status\r"]])
    cabinet = rig.cabinet()
    slowed(rig, cabinet, dict.fromkeys((50, 51, 52), 12_000))
    rig.run(cabinet)
    raised, cleared = told(rig, "controller_fault")
    # Three ticks from 0.5 s on that took two each: the one after them tells.
    assert raised == (560, "fault", "alarm", "alarm")
    assert cleared[1:3] == ("clear", "alarm")
    assert 10_560 <= cleared[0] <= 10_600
    assert changes(rig.pins(rig.board.PIN_ALARM)) == [1, 0, 1]


def test_ticks_that_are_late_now_and_then_make_no_chatter(rigged):
    rig = rigged(4, trace(30))
    cabinet = rig.cabinet()
    plan = {at + k: 12_000 for at in range(100, 1500, 400) for k in range(3)}
    slowed(rig, cabinet, plan)
    rig.run(cabinet)
    assert [event[1] for event in told(rig, "controller_fault")] == ["fault", "clear"]
    assert changes(rig.pins(rig.board.PIN_ALARM)) == [1, 0, 1]


@pytest.mark.parametrize("stage", range(len(STAGES)))
def test_a_tick_that_skips_a_stage_feeds_no_watchdog(rigged, stage):
    rig = rigged(4, trace(20))
    cabinet = rig.cabinet()
    whole = cabinet._stages

    def skipping():
        if rig.world.now_ms() >= 1000:
            cabinet._stages = tuple(s for s in whole if s != whole[stage])

    rig.each_wake = skipping
    cause, t_ms, _, _ = rig_run(cabinet)
    assert cause == "watchdog"
    assert 5900 <= t_ms <= 6100


def test_every_stage_says_itself_that_it_has_run(rigged):
    cabinet = rigged(4, trace(1)).cabinet()
    cabinet.boot()
    seen = set()
    for stage in cabinet._stages:
        cabinet._done = 0
        stage(0)
        seen.add(cabinet._done)
    assert sorted(seen) == [1, 2, 4, 8]
    assert sum(seen) == ALL_STAGES
    cabinet._done = ALL_STAGES
    cabinet._stages = ()
    assert not cabinet.tick(10)  # what an earlier tick has done does not count


def test_the_watchdog_bit_is_told_by_the_next_life(rigged):
    rig = rigged(4, trace(3), cause="watchdog", script=[[1000, "status\r"]])
    cabinet = rig.run()
    assert told(rig, "controller_fault") == [(0, "fault", "alarm", "alarm")]
    assert "controller: restarted by watchdog, see acknowledge" in rig.lines("C")
    assert cabinet.protection.alarm


@pytest.mark.parametrize("tick_ms", [10, 20])
def test_a_commit_of_the_flash_is_late_on_its_own_account_and_no_alarm(rigged, tick_ms):
    rig = rigged(4, trace(8, {"tp2_C": 86}), tick_ms=tick_ms)
    cabinet = rig.cabinet()
    commits = []

    def counted(each):
        run = each.run
        each.run = lambda: (commits.append(each.name), run())[1]

    for each in cabinet.timing.jobs:
        if each.blame == FLASH:
            counted(each)
    timing = rig.run(cabinet).timing
    assert set(commits) == {"flash", "journal", "captures"}
    # A capture is closed and renamed in pieces that may fit.
    assert len(commits) - commits.count("captures") < timing.late[FLASH] <= len(commits)
    assert 1_000 < timing.worst_late_us[FLASH] <= FILE_COMMIT_US  # less the slack that it had
    assert (timing.late[OWN], timing.missed[OWN]) == (0, 0)
    assert told(rig, "controller_fault") == []


def test_a_commit_that_fits_is_not_late(rigged):
    rig = rigged(4, trace(20, {"tp2_C": 86}), tick_ms=500)
    timing = rig.run().timing
    assert rig.wiring.nvs.save()
    assert max(timing.worst_late_us) < 100


def test_nothing_is_committed_while_another_trip_is_picked_up(rigged):
    """Battery 2 trips after 2 s; another trip is picked up then, until 12 s."""
    rig = rigged(4, trace(15, {"tp2_C": 86}))
    cabinet = rig.cabinet()
    protection = cabinet.protection
    whole = protection.imminent
    protection.imminent = lambda ms: whole(ms) or 2000 <= rig.world.now_ms() < 12_000
    committed = []
    commit = rig.wiring.nvs.commit
    rig.wiring.nvs.commit = lambda name: (committed.append(rig.world.now_ms()), commit(name))
    rig.run(cabinet)
    (at_ms,) = committed
    assert 12_000 <= at_ms <= 12_200


# us wrap alone, and both counters at the same instant; a few seconds after the start.
@pytest.mark.parametrize("wrap_us", [WRAP_us, 1000 * WRAP_us])
@pytest.mark.parametrize("before_us", [3_003_333, 6_500_000])
def test_a_wrap_of_the_tick_counters_moves_nothing(rigged, tmp_path, wrap_us, before_us):
    text = "t_s,i1_A,i2_A,tp2_C\n0,40,40,30\n1,40,300,86\n9,40,40,86\n16,40,40,30\n"
    runs = []
    for began_us in (0, wrap_us - before_us):
        for file in [*tmp_path.glob("journal*"), *tmp_path.glob("capture*")]:
            file.unlink()  # a first life, both times
        rig = rigged(4, text, ticks_began_us=began_us, script_every=[700, "bank\r"])
        cabinet = rig.cabinet()
        began = []
        spied(rig, cabinet, "tick", began)
        for name in ("journal", "captures"):
            job(cabinet, name).due = lambda fits: False  # it goes by ms, which begin elsewhere
        timing = rig.run(cabinet).timing
        facts = [list(timing.late), list(timing.missed), list(timing.worst_late_us)]
        runs.append((rig.lines(), [at_us for at_us, _ in began], facts, timing.collections))
    assert runs[0] == runs[1]
    assert [event["kind"] for event in runs[0][0]].count("trip") >= 1
