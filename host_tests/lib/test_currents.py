"""The kernels over the currents at their very limits: who carries, which way, who is reversed."""

import pytest

from current_kernels import Bank, INSTANT_mA
from packwarden import currents
from packwarden.fixed import BIAS, MASK, NONE, ints

MAIN = 1 << 15


def biased(value):
    return NONE if value is None else BIAS + value


# What is found of the whole bank.


@pytest.mark.parametrize(
    ("current_mA", "parts", "weighed_mA"),
    [
        (10_240, 1024, 10_240),
        (10_241, 512, 5120),
        (-1023, 1023, -1023),
        (1022, 1023, 1021),
        (16_000_000, 1024, 16_000_000),
        (16_000_001, 1024, 16_000_000),
        (-16_000_001, 1024, -16_000_000),
        (8_000_001, 2048, 16_000_000),
        (-8_000_001, 2048, -16_000_000),
        (None, 1024, None),
    ],
)
def test_a_current_is_weighed_by_parts_of_1024_and_bounded(current_mA, parts, weighed_mA):
    given, weights, result = ints(3, biased(7000)), ints(3, parts), ints(3, 99)
    given[1] = biased(current_mA)
    currents.weigh(given, weights, result, 2)
    assert list(result[1:]) == [biased(weighed_mA), 99]


def test_sum_members_and_median():
    bank = Bank(50_000, -30_000, 2000, 1999, None, 40_000, closed=0b011111)
    assert bank.found("load") == [50_000, 30_000, 2000, 1999, None, 40_000]
    assert bank.fact("SUM", "MEDIAN") == [BIAS + 63_999, BIAS + 2000]
    assert bank.fact("MEMBERS", "CARRIERS", "CARRY") == [4, 3, 0b000111]
    assert bank.values[0] == BIAS + 63_999
    assert Bank(-50_000, 49_999).values[0] == BIAS + 1
    assert Bank(0, 1999).fact("MEDIAN") == [NONE]


def test_a_load_has_no_sign_and_is_gone_with_its_monitor():
    bank = Bank(0, 1, -1)
    assert bank.found("load") == [0, 1, 1]
    bank.measure(0, None, None)
    bank.look()
    assert bank.found("load") == [0, None, None]


def test_the_median_is_of_parts():
    bank = Bank(20_000, 30_000, 5000, weights=[1024, 2048, 512])
    assert bank.fact("MEDIAN") == [BIAS + 15_000]


@pytest.mark.parametrize(
    ("currents_mA", "flows"),
    [
        ((5000, -5000, 0), 0),
        ((5001, -5001, 0), 0b011),
        ((2500, 0, 2500), 0),
        ((2501, 0, 2500), MAIN),
        ((-2500, 0, -2500), 0),
        ((-2501, 0, -2500), MAIN),
        ((None, 50_000, 0), 0b010),
    ],
)
def test_above_5_percent_of_rated_a_battery_flows_and_so_does_the_main(currents_mA, flows):
    assert Bank(*currents_mA).fact("FLOWS") == [flows]


def test_the_mains_current_is_known_where_each_that_is_closed_is_measured():
    assert Bank(50_000, None, 0).fact("MEASURED", "FLOWS") == [0b101, 0b001]
    assert Bank(50_000, None, 0, closed=0b101).fact("MEASURED", "FLOWS") == [
        0b101 | MAIN,
        0b001 | MAIN,
    ]
    assert Bank(0, 0, closed=0b0111 | MAIN).fact("MEASURED") == [0b011 | MAIN]
    assert Bank(*[0] * 14, None).fact("MEASURED") == [0x3FFF]


@pytest.mark.parametrize(
    ("currents_mA", "out"),
    [
        ((6000, 6000, -90_000), 1),
        ((-6000, -6000, 90_000), 0),
        ((6000, -6000), 1),
        ((5000, 5000, -5001), 0),
        ((-5000, -5000, 0), 1),
    ],
)
def test_the_majority_of_those_that_flow_is_the_direction(currents_mA, out):
    assert Bank(*currents_mA).fact("DIRECTION") == [out]


def test_in_a_bank_at_rest_nothing_is_carried():
    assert [
        currents.carried(Bank(*each).ctx) for each in ((0, 0), (9000, 9001), (-9000, -9001))
    ] == [
        0,
        9000,
        9001,
    ]


# Which way the bank carries.


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("currents_mA", "was", "carries"),
    [
        ((10_000, 10_000, 10_000), 0, True),
        ((9999, 9999, 9999), 0, False),
        ((8000, 8000, 8000), 1, True),
        ((8000, 8000, 8000), 2, True),
        ((7999, 7999, 7999), 1, False),
        ((10_000, 0, 0), 0, True),
        ((12_000, 0, -2000), 0, False),  # two carry, against each other
        ((12_000, -1999, -2), 0, False),
        ((12_000, -1999, -1), 0, True),
        ((12_000, -2000, -2000, 12_000), 0, False),
        ((12_000, 12_000, -12_000, -1999, -1999, -1999), 0, True),  # half of them make the median
        ((12_000, 0, 0, *[-1900] * 4), 0, False),
        ((12_000, 12_000, 0, 0, -12_000), 0, True),
        ((14_000, 14_000, *[-1800] * 10), 0, True),
        ((14_000, 14_000, *[-1810] * 10), 0, False),
        ((12_000, 12_000, -1900, -1900), 0, True),
        ((0, 0, 0), 1, False),
    ],
)
def test_a_bank_carries_from_10_percent_of_rated_on_and_stays_so_to_8(
    currents_mA, was, carries, sign
):
    bank = Bank(*[sign * current_mA for current_mA in currents_mA], course=was)
    assert bank.fact("COURSE") == [{1: 1, -1: 2}[sign] if carries else 0]


@pytest.mark.parametrize(
    ("currents_mA", "gives"),
    [
        ((10_000, -10_000), 1),
        ((10_000, -9999), 0),
        ((9999, -10_000), 0),
        ((30_000, -20_000), 1),
        ((30_000, 20_000), 1),
        ((-30_000, -20_000), 2),
    ],
)
def test_of_two_against_each_other_the_lesser_says_whether_the_bank_gives(currents_mA, gives):
    assert Bank(*currents_mA).fact("COURSE") == [gives]
    assert Bank(*currents_mA[::-1]).fact("COURSE") == [gives]


# Who is reversed.


@pytest.mark.parametrize("sign", [1, -1])
def test_against_a_bank_that_carries(sign):
    bank = Bank(*[sign * each for each in (50_000, 50_000, -1, 50_000, 0)], None)
    assert bank.found("reverse") == [0, 0, 1, 0, 0, None]
    assert bank.found("reverse_idle") == [0, 0, 0, 0, 0, None]


@pytest.mark.parametrize(
    ("charge_mA", "reverse_mA"),
    [(20_000, 39_000), (19_999, 39_000), (20_001, 38_999), (50_000, 9000), (90_000, 9000)],
)
def test_while_charging_as_far_as_the_fall_of_the_charge_does_not_explain_it(
    charge_mA, reverse_mA
):
    bank = Bank(-20_000, -20_000, 39_000, -20_000, None, charge=charge_mA, restraint=99_000)
    assert bank.found("reverse") == [0, 0, reverse_mA, 0, None]
    assert Bank(-20_000, 9000, -20_000, charge=30_000).found("reverse") == [0, 0, 0]


def test_a_fall_is_shared_by_parts():
    each_mA = (-20_000, 9000, 9000, -20_000, -20_000)
    bank = Bank(*each_mA, weights=[1024, 512, 1536, 1024, 1024], charge=24_001)
    assert bank.found("reverse") == [0, 7000, 2999, 0, 0]


def test_a_fall_explains_nothing_while_the_bank_gives_or_idles():
    assert Bank(20_000, 20_000, -9000, charge=60_000).found("reverse") == [0, 0, 9000]
    assert Bank(5000, 5000, -9000, charge=60_000).found("reverse_idle") == [0, 0, 9000]


@pytest.mark.parametrize(
    ("currents_mA", "idle_mA"),
    [
        ((-9000, 8999, -1), [8999, 0, 1]),
        ((-9000, 9000, -1), [9000, 0, 1]),
        ((-9000, 4000, 4000, 1), [8001, 0, 0, 0]),
        ((4000, -9000, 3000), [0, 7000, 0]),
        ((-9000, None, 1), [9000, None, 0]),
        ((-9000, -7000, -7000), [0, 0, 0]),
    ],
)
def test_into_an_idle_bank_as_far_as_the_siblings_give(currents_mA, idle_mA):
    bank = Bank(*currents_mA)
    assert bank.fact("COURSE") == [0]
    assert bank.found("reverse_idle") == idle_mA
    assert bank.found("reverse") == [None if each is None else 0 for each in idle_mA]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("current_mA", "reversed_"), [(-5000, 0), (-5001, 0b100)])
def test_above_5_percent_of_rated_against_the_majority(current_mA, reversed_, sign):
    bank = Bank(*[sign * each for each in (60_000, 60_000, current_mA, 60_000)])
    assert bank.fact("REVERSED") == [reversed_]


# What the instantaneous element sees.


@pytest.mark.parametrize("sign", [1, -1])
def test_a_strong_reversed_battery_hides_the_others_for_100_ms_more(sign):
    others_mA = [sign * 200_000] * 3
    bank = Bank(*others_mA, -sign * INSTANT_mA)
    seen = [0, 0, 0, INSTANT_mA]
    bank.look(MASK - 49)
    assert bank.found("instantaneous") == seen
    bank.measure(*others_mA, sign * 200_000)
    for now_ms, hidden in ((49, True), (50, False), (51, False)):
        bank.look(now_ms)
        assert bank.found("instantaneous") == ([0] * 4 if hidden else [200_000] * 4)


def test_one_below_the_pickup_or_along_with_the_others_hides_nobody():
    for last_mA in (1 - INSTANT_mA, INSTANT_mA):
        bank = Bank(200_000, 200_000, None, last_mA)
        bank.look(5000)
        assert bank.found("instantaneous") == [200_000, 200_000, None, abs(last_mA)]
        assert bank.fact("BLOCKED") == [0]


def test_it_stays_hidden_for_as_long_as_the_strong_one_flows():
    bank = Bank(-INSTANT_mA, None, 200_000, 200_000)
    for now_ms in range(1000, 2000, 70):
        bank.look(now_ms)
        assert bank.found("instantaneous") == [INSTANT_mA, None, 0, 0]
        assert bank.found("reverse") == [INSTANT_mA, None, 0, 0]
