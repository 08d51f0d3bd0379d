"""Arithmetic of the estimators, against exact fractions."""

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from packwarden.condition.sums import MOST, clipped, ratio, root, toward

MEAN = 1 << 29
VALUES = st.integers(-MEAN, MEAN - 1)


@given(VALUES, VALUES, st.integers(1, 1024))
def test_a_mean_moves_by_a_part_of_the_way(mean, value, count):
    exact = mean + Fraction(value - mean, count)
    assert abs(toward(mean, value, count) - exact) <= Fraction(1, 2)


@given(st.integers(0, (1 << 29) - 1), st.integers(1, (1 << 29) - 1), st.integers(0, 20))
def test_a_ratio_is_cut_off_and_bounded(numerator, denominator, places):
    exact = (numerator << places) // denominator
    assert ratio(numerator, denominator, places) in (min(exact, MOST), MOST)
    if exact < MOST >> 1:
        assert ratio(numerator, denominator, places) == exact


def test_a_ratio_to_nothing_is_the_most():
    assert ratio(1, 0, 3) == MOST


@given(st.integers(0, (1 << 30) - 1))
def test_a_root_is_cut_off(square):
    assert root(square) == math.isqrt(square)


@given(VALUES, st.integers(0, MEAN))
def test_what_is_clipped_is_within(value, most):
    assert abs(clipped(value, most)) <= most
    assert clipped(value, most) == value or abs(value) > most
