"""Counters that last: nothing lost by rounding, nothing beyond its most."""

import pytest

from packwarden.condition import counters
from packwarden.condition.counters import FIELDS, Counters
from packwarden.fixed import BIAS, NONE, ints

MAIN = 1 << 15


def bank(batteries=1, current_mA=0, plus_cC=2500, minus_cC=2500):
    values = ints(4 * batteries + 3)
    found = Counters(values, batteries, 100_000)
    show(found, current_mA, plus_cC, minus_cC)
    return found


def show(found, current_mA, plus_cC=2500, minus_cC=2500):
    values = found._values
    n = found._batteries
    for k in range(n):
        values[k] = NONE if current_mA is None else BIAS + current_mA
        values[2 * n + 1 + 2 * k] = NONE if plus_cC is None else BIAS + plus_cC
        values[2 * n + 2 + 2 * k] = NONE if minus_cC is None else BIAS + minus_cC


@pytest.mark.parametrize("current_mA", [-37, 40, 12_345, 100_001])
def test_an_hour_of_a_current_is_its_ampere_hours(current_mA):
    found = bank(1, current_mA)
    for _ in range(3600):
        found.step(0, 1)
    ways = [found.kept[counters.CHARGED], found.kept[counters.DISCHARGED]]
    told = ways if current_mA < 0 else ways[::-1]
    assert told[1] == 0
    assert told[0] == abs(current_mA) // 10
    assert found.kept[counters.HEAT] == pytest.approx((current_mA / 1000) ** 2, rel=0.03, abs=1)
    assert found.kept[counters.OVER_s] == (3600 if current_mA > 100_000 else 0)


def test_the_hottest_and_the_hours_of_heat():
    found = bank(1, 0, 6100, None)
    found.step(0, 10)
    show(found, 0, 5999, 7000)
    found.step(0, 5)
    show(found, None, 5999, -500)
    found.step(0, 5)
    assert [found.kept[counters.HOTTEST + pole] - BIAS for pole in (0, 1)] == [6100, 7000]
    assert found.kept[counters.HOT_s] == 15


def test_breakers_that_open_are_counted_hot_or_cold():
    found = bank(2)
    found.breakers(3 | MAIN, 1, MAIN)
    found.breakers(2 | MAIN, 0, MAIN)
    found.breakers(0, MAIN, MAIN)
    found.breakers(3 | MAIN, 3 | MAIN, MAIN)
    found.breakers(3, 3, MAIN)
    hot = [found.kept[k * FIELDS + counters.OPENED_HOT] for k in range(3)]
    cold = [found.kept[k * FIELDS + counters.OPENED_COLD] for k in range(3)]
    assert (hot, cold) == ([1, 0, 1], [0, 1, 1])


def test_the_monthly_check_is_due_after_30_days_with_power_and_every_30_after():
    found = bank(2)
    place = 2 * FIELDS
    month_s = 30 * 86400
    found.kept[place] = month_s - 20
    assert (found.passed(19), found.days()) == (False, 29)
    assert (found.passed(1), found.days()) == (True, 30)
    assert not found.passed(30)
    found.kept[place] = 2 * month_s - 1
    assert found.passed(1)
    found.checked()
    assert (found.days(), found.passed(1), found.kept[place]) == (0, False, 1)
    assert not any(found.kept[:place])


def test_a_counter_stays_at_its_most():
    found = bank(1, 10**7, 20000, 20000)
    for place in range(FIELDS):
        if place not in (1, 3, 5):
            found.kept[place] = (1 << 29) - 2
    for _ in range(100):
        found.step(0, counters.LONGEST_s)
    assert max(found.kept) < (1 << 29) + 20001
    assert found.kept[counters.DISCHARGED] == (1 << 29) - 1
