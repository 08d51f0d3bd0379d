"""The load by itself: corners of its profile, and what an inverter does with an empty bank."""

from packwarden_sim.clock import NEVER
from packwarden_sim.load import CUTOFF_MS, Load


def test_ramps_that_follow_each_other_share_a_corner():
    load = Load([[0, 1000, 50], [1000, 1000, 70], [5000, 100, 0]])
    corners = []
    t_ms = 0
    while t_ms < NEVER:
        corners.append((t_ms, load.demand(t_ms)))
        t_ms = load.next_ms(t_ms)
    assert corners == [(0, 0), (1000, 50), (2000, 70), (5000, 70), (5100, 0)]


def test_of_two_steps_at_one_time_the_later_holds():
    load = Load([[0, 0, 50], [1000, 0, 60], [1000, 0, 70]])
    assert [load.demand(t_ms) for t_ms in (999, 1000, 2000)] == [50, 70, 70]


def test_before_its_first_step_there_is_no_load():
    assert Load([[1000, 0, 50]]).demand(999) == 0
    assert Load([]).demand(5) == 0


def test_a_profile_that_repeats_begins_anew_without_an_end():
    load = Load([[0, 0, 0], [40_000, 0, 22], [50_000, 5000, 30]], repeat_ms=60_000)
    corners = []
    t_ms = 0
    while t_ms < 120_000:
        corners.append((t_ms, load.demand(t_ms)))
        t_ms = load.next_ms(t_ms)
    one = [(0, 0), (40_000, 22), (50_000, 22), (55_000, 30)]
    assert corners == one + [(at_ms + 60_000, current_A) for at_ms, current_A in one]
    day_ms = 1440 * 60_000
    assert [load.demand(day_ms + ms) for ms in (39_999, 40_000, 52_500)] == [0, 22, 26]


def emptied(restart_V=52.0, **load):
    """A load that has been held at its cut-off of 50 V from 0 to 10 s."""
    load = Load([[0, 0, 100.0]], cutoff_V=50.0, restart_V=restart_V, **load)
    currents = [load.current_A(t_ms, 50.4, 0.01, 1, 1) for t_ms in range(0, CUTOFF_MS + 1, 1000)]
    assert currents[:-1] == [currents[0]] * 10
    assert 0 < currents[0] < 100
    return load, currents[-1]


def test_an_inverter_that_is_held_at_its_cutoff_stops_until_the_bank_has_recovered():
    load, current_A = emptied()
    assert current_A == 0
    assert load.current_A(20_000, 51.9, 0.01, 1, 1) == 0
    assert load.current_A(30_000, 52.0, 0.01, 1, 1) == 100
    assert load.current_A(40_000, 51.1, 0.01, 1, 1) == 100


def test_one_without_a_restart_stays_at_its_cutoff():
    _, current_A = emptied(restart_V=None)
    assert current_A > 0


def test_a_dip_of_seconds_does_not_stop_it():
    load = Load([[0, 0, 100.0]], cutoff_V=50.0, restart_V=52.0)
    for t_ms in range(0, 60_000, 1000):
        empty = t_ms % 10_000 < 9000
        current_A = load.current_A(t_ms, 50.4 if empty else 51.5, 0.01, 1, 1)
        assert (current_A < 100) is empty
        assert current_A > 0


def test_what_the_controller_forbids_is_no_empty_bank():
    load = Load([[0, 0, 100.0]], cutoff_V=50.0, restart_V=52.0)
    for t_ms in range(0, 60_000, 1000):
        assert load.current_A(t_ms, 51.5, 0.01, 1, 0) == 0
    assert load.current_A(60_000, 51.5, 0.01, 1, 1) == 100


def test_an_empty_bank_is_charged():
    load = Load([[0, 0, 100.0], [20_000, 0, -80.0]], cutoff_V=50.0, restart_V=52.0)
    for t_ms in range(0, 15_000, 1000):
        load.current_A(t_ms, 50.4, 0.01, 1, 1)
    assert load.current_A(20_000, 50.4, 0.01, 1, 1) == -80
