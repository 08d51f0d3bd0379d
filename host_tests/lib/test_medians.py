"""Medians: what is sorted, what lies in the middle, and who is compared with the other one."""

from hypothesis import given
from hypothesis import strategies as st

from packwarden.fixed import BIAS, NONE, ints
from packwarden.medians import ascending, middle, other


def stored(values):
    return [NONE if value is None else BIAS + value for value in values]


@given(
    st.lists(st.none() | st.integers(-1000, 1000), min_size=1, max_size=15),
    st.integers(0, 0xFFFF),
    st.integers(0, 3),
    st.integers(1, 2),
)
def test_those_of_a_mask_that_have_a_value_are_sorted_and_counted(values, mask, first, step):
    source = ints(first + step * len(values), BIAS + 7777)
    for k, value in enumerate(stored(values)):
        source[first + step * k] = value
    order = ints(15)
    count = ascending(order, source, first, step, len(values), mask)
    taking_part = [v for k, v in enumerate(values) if mask >> k & 1 and v is not None]
    assert list(order[:count]) == stored(sorted(taking_part))


@given(st.lists(st.integers(0, 1000), max_size=15))
def test_the_median_lies_between_the_two_in_the_middle(values):
    order = ints(15)
    for place, value in enumerate(sorted(values)):
        order[place] = BIAS + value
    found = middle(order, len(values))
    if not values:
        assert found == NONE
    else:
        half = len(values) // 2
        low = order[half] if len(values) & 1 else order[half - 1]
        assert found == (low + order[half]) // 2


def test_one_of_two_is_compared_with_the_other_and_one_alone_with_nobody():
    order = ints(2)
    order[0], order[1] = 10, 20
    assert other(order, 2, 10) == 20
    assert other(order, 2, 20) == 10
    assert other(order, 1, 10) == NONE
    order[1] = 10
    assert other(order, 2, 10) == 10
