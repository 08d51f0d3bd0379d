"""The executive's facts: where a lateness is counted, who is blamed for it, when it is ill."""

import pytest

from packwarden.fixed import MASK
from packwarden.timing import (
    BUS,
    COLLECTION,
    FLASH,
    LATE_TICKS,
    OWN,
    BUCKETS_us,
    LATE_us,
    Timing,
)

WORK_us = 3000


def tick(timing, late_us=0, work_us=WORK_us, timed_out=False, blame=OWN):
    """A tick that begins so late and takes so long; returns how many after it are left out."""
    timing.blame = blame
    timing.began(late_us)
    return timing.ended(work_us, late_us + work_us - timing.tick_us, timed_out)


def test_every_tick_is_in_the_bucket_of_its_lateness():
    timing = Timing(10)
    for bound_us in BUCKETS_us:
        tick(timing, bound_us - 1)
        tick(timing, bound_us)
    counted = [timing.bucket(place) for place in range(len(BUCKETS_us) + 1)]
    assert counted == [1, *[2] * (len(BUCKETS_us) - 1), 1]
    assert sum(counted) == timing.ticks == 2 * len(BUCKETS_us)


@pytest.mark.parametrize("late_us", [0, LATE_us])
def test_a_tick_within_a_millisecond_is_not_late(late_us):
    timing = Timing(10)
    assert tick(timing, late_us) == 0
    assert (timing.late[OWN], timing.worst_late_us[OWN]) == (0, late_us)


@pytest.mark.parametrize("blame", [OWN, COLLECTION, FLASH])
def test_a_late_tick_is_counted_for_what_made_it_late(blame):
    timing = Timing(10)
    tick(timing, LATE_us + 1, blame=blame)
    tick(timing)
    assert [timing.late[b] for b in (OWN, BUS, COLLECTION, FLASH)] == [
        int(b == blame) for b in (OWN, BUS, COLLECTION, FLASH)
    ]
    assert timing.worst_late_us[blame] == LATE_us + 1


@pytest.mark.parametrize(
    ("late_us", "work_us", "missed"),
    [
        (0, 9_999, 0),
        (0, 10_000, 1),
        (0, 26_000, 2),
        (7_000, 3_000, 1),
        (6_999, 3_000, 0),
        (15_000, 6_000, 2),
        (99_000, 1_000, 10),
    ],
)
def test_what_cannot_begin_in_time_is_left_out(late_us, work_us, missed):
    """The next deadline lies ahead, and is the first one that does."""
    timing = Timing(10)
    assert tick(timing, late_us, work_us) == missed
    assert late_us + work_us < 10_000 * (missed + 1)
    assert sum(timing.missed) == missed
    assert timing.overruns == int(work_us >= 10_000)


def test_a_stall_is_blamed_for_the_ticks_it_pushes_out_and_no_longer():
    timing = Timing(10)
    assert tick(timing, 15_000, blame=FLASH) == 1
    assert (timing.late[FLASH], timing.missed[FLASH]) == (1, 1)
    timing.began(LATE_us + 1)
    assert timing.late[OWN] == 1


def test_a_time_out_is_the_buss_fault_and_an_overrun_without_one_its_own():
    timing = Timing(10)
    tick(timing, work_us=26_000, timed_out=True)
    tick(timing, work_us=14_000)
    assert (timing.late[BUS], timing.missed[BUS], timing.worst_late_us[BUS]) == (1, 2, 16_000)
    assert (timing.late[OWN], timing.missed[OWN], timing.worst_late_us[OWN]) == (1, 1, 4_000)


@pytest.mark.parametrize("bad", [{"late_us": LATE_us + 1}, {"work_us": 12_000}])
def test_it_is_ill_at_the_third_late_tick_in_a_row_and_well_at_the_next_good_one(bad):
    timing = Timing(10)
    for _ in range(LATE_TICKS - 1):
        tick(timing, **bad)
        assert not timing.ill
    tick(timing, **bad)
    assert timing.ill
    tick(timing)  # in time, but behind ticks that were left out where those were overruns
    tick(timing)
    assert not timing.ill


def test_a_good_tick_between_makes_three_late_ones_no_row():
    timing = Timing(10)
    for late_us in (2000, 2000, 0, 2000, 2000, 0):
        tick(timing, late_us)
        assert not timing.ill
    assert timing.late[OWN] == 4


@pytest.mark.parametrize("blame", [COLLECTION, FLASH])
def test_what_is_explained_makes_nobody_ill(blame):
    timing = Timing(10)
    for _ in range(10):
        tick(timing, 15_000, blame=blame)
        tick(timing, work_us=26_000, timed_out=True)
    assert not timing.ill
    assert (timing.late[OWN], timing.missed[OWN]) == (0, 0)


def test_the_worst_of_stages_work_and_pauses_is_kept():
    timing = Timing(10)
    for spent_us in (10, 700, 20):
        timing.stage(2, spent_us)
        timing.paused(spent_us, 1000 + spent_us)
        tick(timing, work_us=spent_us)
    assert list(timing.worst_stage_us) == [0, 0, 700, 0]
    assert (timing.worst_pause_us, timing.last_pause_us, timing.collections) == (700, 20, 3)
    assert (timing.free_bytes, timing.least_free_bytes) == (1020, 1010)
    assert timing.worst_work_us == 700


def test_counters_end_instead_of_leaving_the_small_integers():
    timing = Timing(1)
    for counters in (timing.histogram, timing.late, timing.missed):
        for place in range(len(counters)):
            counters[place] = MASK - 1
    timing.overruns = timing.collections = MASK
    for _ in range(3):
        tick(timing, 1 << 28, 1 << 28)
        timing.paused(1, 1 << 40)
    worst = [max(c) for c in (timing.histogram, timing.late, timing.missed)]
    assert worst == [MASK] * 3
    assert (timing.overruns, timing.collections) == (MASK, MASK)
    assert timing.free_bytes == MASK


def test_ticks_are_counted_beyond_a_million():
    timing = Timing(10)
    timing._ticks[0], timing._ticks[1] = 1200, 999_998
    for _ in range(3):
        tick(timing)
    assert timing.ticks == 1_201_000_001


def test_it_begins_anew_but_for_how_well_it_is():
    timing = Timing(10)
    for _ in range(LATE_TICKS):
        tick(timing, 2000)
    for free_bytes in (7, 9):
        timing.paused(5, free_bytes)
    timing.stage(0, 5)
    timing.begin()
    assert timing.ill
    assert (timing.ticks, timing.collections, timing.worst_work_us) == (0, 0, 0)
    assert (timing.free_bytes, timing.least_free_bytes) == (9, 9)
    assert sum(timing.late) + sum(timing.histogram) + sum(timing.worst_stage_us) == 0


def test_what_comes_together_is_each_ones_own_and_the_whole():
    """A commit of 20 ms, and then a tick that waits for a bus: 15 ms late, 26 ms of work."""
    timing = Timing(10)
    tick(timing, 15_000, 26_000, timed_out=True, blame=FLASH)
    assert (timing.worst_late_us[FLASH], timing.worst_late_us[BUS]) == (15_000, 16_000)
    assert timing.worst_us == 31_000
