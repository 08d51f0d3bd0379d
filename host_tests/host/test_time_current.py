"""Characteristics: through their points, straight between them; where something holds."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packwarden_host.time_current import Band, at_once_from, currents, first_of, ranges, through

steps = st.floats(1.01, 20)


@st.composite
def points(draw):
    """Points of rising current and falling time."""
    found = [(draw(st.floats(1, 1000)), draw(st.floats(1, 10_000)))]
    for more, less in draw(st.lists(st.tuples(steps, steps), max_size=4)):
        found.append((found[-1][0] * more, found[-1][1] / less))
    return found


@given(points(), st.floats(0.01, 0.99))
def test_a_characteristic_passes_its_points_and_is_straight_between_them(given_points, part):
    time_s = through(given_points)
    assert time_s(given_points[0][0]) == math.inf
    for point_A, point_s in given_points[1:]:
        assert time_s(point_A) == pytest.approx(point_s)
    for (low_A, long_s), (high_A, short_s) in pairwise(given_points):
        between_A = low_A ** (1 - part) * high_A**part
        assert time_s(between_A) == pytest.approx(long_s ** (1 - part) * short_s**part)


@given(points(), st.floats(1.001, 100))
def test_above_its_last_point_it_takes_the_same_i2t(given_points, multiple):
    last_A, last_s = given_points[-1]
    above_A = last_A * multiple
    assert through(given_points)(above_A) * above_A**2 == pytest.approx(last_s * last_A**2)
    assert through(given_points, known_above=False)(above_A) == 0


@given(st.lists(st.floats(11, 9_000), min_size=2, max_size=2, unique=True).map(sorted))
def test_a_range_is_found_to_its_ends_however_narrow(edges):
    low_A, high_A = edges
    band = Band("any", jumps_A=(low_A, high_A))
    inside = list(ranges(lambda current_A: low_A <= current_A <= high_A, 10, 10_000, [band]))
    assert inside == [(pytest.approx(low_A, rel=2e-6), pytest.approx(high_A, rel=2e-6))]
    outside = list(ranges(lambda current_A: not low_A <= current_A <= high_A, 10, 10_000, [band]))
    assert [outside[0][0], outside[-1][1]] == [10, 10_000]
    assert list(ranges(lambda _: True, 10, 10, [band])) == []


def test_currents_go_from_end_to_end_and_hold_both_sides_of_a_jump():
    every = currents(10, 1000, (5, 300, 2000))
    assert (every[0], every[-1], every == sorted(every)) == (10, 1000, True)
    assert 300 in every
    assert [one for one in every if abs(one - 300) < 0.001] != [300]


def test_several_devices_act_with_the_first_of_them():
    slow = Band("slow", lambda _: 2.0, lambda _: 5.0)
    late = at_once_from(lambda _: math.inf, 100, 3.0)
    both = first_of("both", [slow, Band("at once", late, late, (100,))])
    assert [both.earliest(99), both.latest(99), both.latest(100)] == [2, 5, 3]
    assert first_of("nothing", []).latest(1000) == math.inf


def test_of_many_batteries_the_main_carries_the_sum():
    main = Band("main", through([(400, 10)]), through([(500, 10)]), (400,)).at(4)
    assert main.earliest(100) == math.inf
    assert main.earliest(100.1) == pytest.approx(10, rel=0.01)
    assert main.latest(250) == 10 / 4
    assert main.jumps_A == (100,)
