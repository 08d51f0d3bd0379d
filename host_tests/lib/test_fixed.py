"""Fixed point: logarithm and exponential against math, decimals as people write them."""

import math
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packwarden import fixed

ONE = 1 << fixed.Q


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_ln_is_the_natural_logarithm_of_a_ratio(numerator, denominator):
    found = fixed.ln(numerator, denominator) / ONE
    assert found == pytest.approx(math.log(numerator / denominator), abs=1e-9)


@pytest.mark.parametrize(("numerator", "denominator"), [(0, 1), (-1, 1), (1, 0), (1, -1)])
def test_there_is_no_logarithm_of_what_is_not_positive(numerator, denominator):
    with pytest.raises(ValueError, match="not positive"):
        fixed.ln(numerator, denominator)


@given(st.floats(-15, 15))
def test_exp_is_the_exponential(power):
    found = fixed.exp(round(power * ONE)) / ONE
    assert found == pytest.approx(math.exp(power), rel=1e-8, abs=1e-11)


@given(st.integers(1, 10**9))
def test_exp_undoes_ln(number):
    assert fixed.exp(fixed.ln(number, 1000)) * 1000 / ONE == pytest.approx(number, rel=1e-8)


@given(st.integers(0, 10**12), st.integers(1, 10**9))
def test_a_ratio_is_split_into_a_whole_and_the_nearest_20_bit_fraction(numerator, denominator):
    whole, upper, lower = fixed.split_ratio(numerator, denominator)
    assert 0 <= upper < 1024
    assert 0 <= lower < 1024
    found = (whole << 20) + (upper << 10) + lower
    assert abs(found * denominator - (numerator << 20)) <= denominator


@given(st.integers(-(10**8), 10**8), st.sampled_from([1, 10, 100, 1000]))
def test_a_number_of_the_configuration_becomes_the_nearest_count(count, per_unit):
    assert fixed.to_fixed(count / per_unit, per_unit) == count


def test_half_a_count_is_rounded_away_from_zero():
    assert [fixed.to_fixed(x, 10) for x in (0.25, -0.25, 0.24, -0.24)] == [3, -3, 2, -2]


@pytest.mark.parametrize(
    ("value", "per_unit", "places", "text"),
    [
        (8140, 100, 2, "81.40"),
        (8145, 100, 1, "81.5"),
        (-8145, 100, 1, "-81.5"),
        (5, 1000, 2, "0.01"),
        (4, 1000, 2, "0.00"),
        (-4, 1000, 2, "0.00"),
        (-5, 1000, 2, "-0.01"),
        (999, 1000, 1, "1.0"),
        (7, 1, 0, "7"),
        (-7, 1, 0, "-7"),
        (1, 1, 3, "1.000"),
    ],
)
def test_decimals(value, per_unit, places, text):
    assert fixed.decimal(value, per_unit, places) == text


@given(st.integers(-(2**28), 2**28), st.sampled_from([1, 10, 100, 1000]), st.integers(0, 3))
def test_decimals_are_rounded_half_away_from_zero(value, per_unit, places):
    exact = Decimal(value) / per_unit
    rounded = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    assert Decimal(fixed.decimal(value, per_unit, places)) == rounded


def test_no_admitted_value_is_stored_as_none():
    assert fixed.BIAS - 2**28 > fixed.NONE
    assert fixed.BIAS + 2**28 <= fixed.MASK
    assert list(fixed.ints(3, 7)) == [7, 7, 7]
