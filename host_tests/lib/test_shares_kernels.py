"""The kernels of shares at their very limits."""

import pytest

from current_kernels import Bank, NEARLY_FULL_mV, PLATEAU_mV
from packwarden import currents, shares
from packwarden.fixed import MASK

MASKS = ("JUDGED", "NEARLY_FULL")

# Who is judged.


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("median_mA", "judged"), [(14_999, 0), (15_000, 0b111), (15_001, 0b111)])
def test_from_15_percent_of_rated_on_all_are_judged(sign, median_mA, judged):
    assert Bank(*[sign * median_mA] * 3).fact(*MASKS) == [judged, 0]


def test_where_nobody_carries_nobody_is_judged():
    assert Bank(0, 0, 0, volts_mV=56_000).fact("JUDGED")[0] == 0


def test_a_bank_of_15_is_judged_to_the_last():
    assert Bank(*[-40_000] * 15).fact(*MASKS) == [0x7FFF, 0]
    bank = Bank(*[-40_000] * 15, volts_mV=56_000)
    assert bank.fact(*MASKS) == [0, 0x7FFF]


@pytest.mark.parametrize(
    ("volts_mV", "was", "nearly"),
    [
        (NEARLY_FULL_mV, 0b101, 0b101),
        (NEARLY_FULL_mV + 1, 0b101, 0b111),
        (PLATEAU_mV, 0b010, 0b010),
        (PLATEAU_mV - 1, 0b010, 0),
        (None, 0b010, 0),
    ],
)
def test_nearly_full_lasts_from_its_limit_until_the_voltage_is_on_the_plateau(
    volts_mV, was, nearly
):
    volts = [53_000, volts_mV, 53_000]
    charging = Bank(-20_000, -20_000, -20_000, volts_mV=volts, nearly_full=was)
    assert charging.fact(*MASKS) == [0b111 & ~nearly, nearly]
    giving = Bank(20_000, 20_000, 20_000, volts_mV=volts, nearly_full=was)
    assert giving.fact(*MASKS) == [0b111, nearly]


def test_while_it_gives_who_is_nearly_full_is_judged_either_way():
    bank = Bank(20_000, 30_000, 20_000, 10_000, 1000, volts_mV=54_000)
    assert bank.found("deviation") == [0, 10_000, 0, 10_000, 19_000]
    assert bank.found("idle") == [-20_000, -30_000, -20_000, -10_000, -1000]


def test_batteries_that_work_against_each_other_do_not_charge():
    assert Bank(-20_000, 20_000, volts_mV=56_000).fact(*MASKS) == [0, 0b11]


def test_what_flows_out_of_the_last_one_says_nothing_of_the_others_voltage():
    assert Bank(-20_000, -20_000, 60_000).fact(*MASKS) == [0b111, 0]


@pytest.mark.parametrize("charge_mA", [20_000, 90_000])
def test_while_charging_who_is_nearly_full_is_not_judged(charge_mA):
    each_mA = [-charge_mA, -charge_mA, -charge_mA * 2, -1000, -charge_mA // 2]
    bank = Bank(*each_mA, volts_mV=[53_601, 53_600, 53_601, 53_601, 53_600])
    assert bank.fact("JUDGED") == [0b10010]
    assert bank.found("deviation") == [0, 0, 0, 0, charge_mA // 2]
    assert bank.found("idle") == ["aside", -charge_mA, "aside", None, -charge_mA // 2]


# How far off the expected share.


def test_it_is_a_deviation_in_milliampere_and_in_tenths_of_a_percent():
    bank = Bank(25_000, 37_512, 25_001, 125_000, 12_399, 24_999, 25_000, None)
    assert bank.found("deviation") == [0, 12_512, 1, 100_000, 12_601, 1, 0, None]
    assert bank.found("imbalance") == [0, 500, 0, 4000, 504, 0, 0, None]
    assert bank.found("drift") == ["aside"] * 8
    bank.ctx[2][currents.HAS_BASELINE] = 1
    bank.look()
    assert bank.found("drift") == bank.found("imbalance")


@pytest.mark.parametrize(("median_mA", "tenths"), [(-24_999, 502), (-25_000, 500)])
def test_it_is_the_same_while_charging(median_mA, tenths):
    bank = Bank(median_mA, median_mA - 12_512, median_mA)
    assert bank.found("imbalance") == [0, tenths, 0]


@pytest.mark.parametrize("sign", [1, -1])
def test_of_three_that_carry_the_reference_is_the_median_of_two_the_other_one(sign):
    assert Bank(20_000 * sign, 30_000 * sign, 60_000 * sign).found("deviation") == [
        10_000,
        0,
        30_000,
    ]
    assert Bank(20_000 * sign, 60_000 * sign, 0).found("deviation") == [40_000, 40_000, 40_000]
    assert Bank(20_000 * sign, 0).found("deviation") == [0, 20_000]


def test_an_open_battery_has_no_verdict():
    assert Bank(25_000, 40_000, 25_000, closed=0b101).found("deviation") == [0, 0, 0]
    assert Bank(14_000, 8_000, 14_000).found("deviation") == [0, 0, 0]


def test_each_is_expected_to_take_its_part():
    bank = Bank(20_000, 10_000, 25_000, weights=[1024, 512, 1024])
    assert bank.found("deviation") == [0, 0, 5000]
    assert bank.found("imbalance") == [0, 0, 250]


@pytest.mark.parametrize(("restraint_mA", "tenths"), [(19_000, 500), (39_935, 250), (80_001, 125)])
def test_a_larger_restraint_takes_the_place_of_the_share(restraint_mA, tenths):
    bank = Bank(20_000, 20_000, 30_000, 20_000, restraint=restraint_mA)
    assert bank.found("imbalance") == [0, 0, tenths, 0]
    assert bank.found("deviation") == [0, 0, 10_000, 0]


def test_each_is_restrained_by_its_own_part():
    bank = Bank(20_000, 5000, 20_000, 90_000, weights=[1024, 512, 1024, 1536], restraint=26_667)
    assert bank.found("deviation") == [0, 5000, 0, 60_000]
    assert bank.found("imbalance") == [0, 375, 0, 1500]


# Who carries none.


def test_idle_is_the_load_upside_down_of_each_that_is_judged():
    bank = Bank(25_000, 25_000, 1_999, None, 0, closed=0b01111)
    assert bank.found("idle") == [-25_000, -25_000, -1_999, None, "aside"]
    assert bank.found("idle_giving") == bank.found("idle")


def test_while_charging_nobody_is_idle_that_should_give():
    bank = Bank(-25_000, -25_000, -1_000)
    assert bank.found("idle") == [-25_000, -25_000, -1_000]
    assert bank.found("idle_giving") == ["aside", "aside", None]
    opened = Bank(-25_000, -25_000, -25_000, 0, closed=0b0111)
    assert opened.found("idle_giving") == ["aside"] * 4


def test_where_nobody_is_judged_who_carries_is_not_idle():
    bank = Bank(10_000, 1_000, 10_000)
    assert bank.found("idle") == ["aside", None, "aside"]


def test_in_balance_the_bank_gives():
    assert Bank(-20_000, 20_000, 0).found("idle_giving") == ["aside", "aside", None]


# What was carried of late.


def follow(bank, *times_ms):
    found = []
    for now_ms in times_ms:
        shares.restrain(bank.ctx, now_ms)
        found.append(bank.facts[currents.RESTRAINT])
    return found


def test_restraint_rises_each_second_and_falls_each_64():
    bank = Bank(-25_000, -25_000, risen_at=MASK - 499)
    assert follow(bank, 499, 500, 1499, 1500) == [0, 390, 390, 390 + 384]
    bank = Bank(0, 0, fallen_at=MASK - 499, restraint=64_000)
    assert follow(bank, 63_499, 63_500, 127_499, 127_500) == [64_000, 63_000, 63_000, 62_015]
    assert follow(bank, 128_500) == [62_015]


def test_a_load_that_recurs_does_not_keep_it_from_falling():
    bank = Bank(0, 0, restraint=64_000)
    assert follow(bank, 10_000) == [64_000]
    bank.measure(70_400, 70_400)
    bank.look()
    assert follow(bank, 60_000) == [64_100]
    bank.measure(0, 0)
    bank.look()
    assert follow(bank, 63_999, 64_000) == [64_100, 63_098]


@pytest.mark.parametrize(
    ("current_mA", "charge_mA"), [(-12_800, 200), (12_800, 0), (0, 0), (-6400, 100)]
)
def test_what_was_charged_of_late_is_followed_beside_it(current_mA, charge_mA):
    bank = Bank(current_mA, current_mA)
    assert follow(bank, 1000) == [abs(current_mA) >> 6]
    assert bank.facts[currents.CHARGE] == charge_mA
    giving = Bank(12_800, 12_800, charge=6400)
    follow(giving, 63_999, 64_000)
    assert giving.facts[currents.CHARGE] == 6300


@pytest.mark.parametrize(
    ("was_mA", "is_mA"),
    [(28_200, 28_150), (25_064, 25_063), (25_001, 25_000), (24_937, 24_937), (24_936, 24_937)],
)
def test_restraint_takes_steps_of_a_milliampere(was_mA, is_mA):
    bank = Bank(-25_000, -25_000, restraint=was_mA)
    assert follow(bank, 64_000) == [is_mA]
