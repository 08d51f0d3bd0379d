"""The expected share: parts by capacity and baseline, the end of charge, batteries that idle."""

import math

import pytest

from cabinets import Cabinet, configuration, only
from packwarden.currents import CHARGE, FACTS, FALLEN_AT, MEDIAN, RESTRAINT, RISEN_AT
from packwarden.fixed import BIAS, MASK, NONE, ints
from packwarden.shares import restrain

# Shares of a diagonal bank of 15 over their mean: 1.29 at the ends, 0.83 in the middle.
HALF = [1.29, 1.16, 1.06, 0.98, 0.92, 0.87, 0.84]
DIAGONAL_15 = [*HALF, 0.83, *reversed(HALF)]


def carrying(*currents_A, volts_V=52.8, **bank):
    """Return a cabinet in which these currents have flowed for a few ticks."""
    changes = {f"bank.{name}": value for name, value in bank.items()}
    cabinet = Cabinet(configuration(len(currents_A), changes), voltage_V=volts_V)
    cabinet.noisy = False
    cabinet.current_A = [float(current_A) for current_A in currents_A]
    cabinet.run(0.03)
    return cabinet


def percent(cabinet, name="imbalance"):
    found = [cabinet.quantity(name, k) for k in range(cabinet.batteries)]
    return [None if value is None else value / 10 for value in found]


def near(*values):
    return pytest.approx(values, abs=0.6)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_battery_of_half_the_capacity_is_to_carry_half(sign):
    shares = [sign * a for a in (60, 60, 30, 60)]
    assert percent(carrying(*shares, capacity_Ah=[100, 100, 50, 100])) == near(0, 0, 0, 0)
    assert percent(carrying(*shares)) == near(0, 0, 50, 0)
    shares[2] = sign * 60
    assert percent(carrying(*shares, capacity_Ah=[100, 100, 50, 100])) == near(0, 0, 100, 0)


def test_the_deviation_is_from_its_own_share_and_in_its_own_amperes():
    cabinet = carrying(60, 60, 36, 60, capacity_Ah=[200, 200, 100, 200])
    assert cabinet.quantity("deviation", 2) == pytest.approx(6000, abs=60)


def test_a_baseline_takes_the_place_of_a_battery_out_of_its_share():
    baseline = [100 * share for share in DIAGONAL_15]
    shares = [40 * share for share in DIAGONAL_15]
    assert percent(carrying(*shares, baseline_percent=baseline)) == near(*[0] * 15)
    shares[4] *= 0.8
    cabinet = carrying(*shares, baseline_percent=baseline)
    assert percent(cabinet, "drift")[4] == pytest.approx(20, abs=0.6)


def test_capacity_and_baseline_multiply():
    found = carrying(
        20, 80, 40, 40, capacity_Ah=[50, 100, 100, 100], baseline_percent=[100, 200, 100, 100]
    )
    assert percent(found) == near(0, 0, 0, 0)


def test_of_two_each_is_compared_with_the_other_ones_share():
    assert percent(carrying(60, 30, capacity_Ah=[200, 100])) == near(0, 0)
    assert percent(carrying(60, 60, capacity_Ah=[200, 100])) == near(50, 100)


def test_one_battery_has_no_imbalance_and_no_drift():
    cabinet = carrying(80, baseline_percent=100)
    assert (percent(cabinet), percent(cabinet, "drift")) == ([0], [0])


def test_without_a_baseline_nothing_drifts():
    cabinet = carrying(60, 60, 30, 60)
    assert percent(cabinet, "drift") == [None] * 4
    assert cabinet.run(1000, 1000) != []
    assert {event["limit"] for event in cabinet.told(kind="warn")} == {40}


DRIFT = ("current_imbalance.drift_warn", "current_imbalance.drift_alarm")


def test_a_drift_warns_after_five_minutes():
    config = only(configuration(4, {"bank.baseline_percent": [110, 100, 90, 100]}), *DRIFT)
    cabinet = Cabinet(config, current_A=[55.0, 50.0, 45.0, 50.0])
    assert cabinet.run(320, 1000) == []
    cabinet.current_A[2] = 37.0  # 18 % less
    (warn,) = cabinet.run(305, 1000)
    assert (warn["battery"], warn["level"], warn["limit"]) == (3, "warn", 15)
    cabinet.current_A[2] = 30.0
    (alarm,) = cabinet.run(125, 1000)
    assert (alarm["battery"], alarm["level"], alarm["limit"]) == (3, "alarm", 30)


# What was carried of late restrains.


def restraint_mA(*loads, now_ms=MASK - 2500, tick_ms=10, was_mA=0):
    """Return the restraint after these loads: (median in mA or None, seconds)."""
    bank = ints(FACTS)
    bank[RESTRAINT] = was_mA
    bank[RISEN_AT] = bank[FALLEN_AT] = now_ms
    for median_mA, load_s in loads:
        bank[MEDIAN] = NONE if median_mA is None else BIAS + median_mA
        for _ in range(load_s * 1000 // tick_ms):
            now_ms = (now_ms + tick_ms) & MASK
            restrain((None, None, None, bank), now_ms)
    return bank[RESTRAINT]


@pytest.mark.parametrize("tick_ms", [10, 1000])
def test_restraint_follows_the_load_within_a_minute_up_and_68_minutes_down(tick_ms):
    up = restraint_mA((-60_000, 64), tick_ms=tick_ms)
    assert up == pytest.approx(60_000 * (1 - 1 / math.e), rel=0.01)
    down = restraint_mA((20_000, 4096), tick_ms=tick_ms, was_mA=60_000)
    assert down == pytest.approx(20_000 + 40_000 / math.e, rel=0.01)
    assert restraint_mA((None, 4096), tick_ms=tick_ms, was_mA=60_000) < 60_000 / 2.7
    assert restraint_mA((50_000, 900), tick_ms=tick_ms, was_mA=50_000) == 50_000


def test_restraint_comes_back_to_the_load():
    assert restraint_mA((10_000, 12 * 3600), tick_ms=1000, was_mA=60_000) == 10_000


def test_a_motor_that_starts_leaves_little_restraint():
    assert restraint_mA((75_000, 2), was_mA=25_000) == pytest.approx(26_600, abs=100)


@pytest.mark.parametrize(("every_s", "most_mA"), [(60, 76_000), (180, 53_000), (600, 33_000)])
def test_a_motor_that_starts_again_and_again_leaves_a_part_of_it(every_s, most_mA):
    cycle = [(100_000, 2), (20_000, every_s - 2)]
    found = restraint_mA(*cycle * (12 * 3600 // every_s), tick_ms=1000)
    assert most_mA - 6000 < found < most_mA


def test_restraint_is_there_in_the_control_step():
    cabinet = carrying(60, 60, 60, 60)
    cabinet.run(64, 1000)
    found = cabinet.protection.quantities.bank
    assert found[RESTRAINT] == pytest.approx(60_000 * (1 - 1 / math.e), rel=0.01)
    assert found[CHARGE] == 0


def restrained(by_mA, *currents_A, **bank):
    cabinet = carrying(*currents_A, **bank)
    cabinet.protection.quantities.bank[RESTRAINT] = by_mA
    cabinet.run(0.01)
    return percent(cabinet)


@pytest.mark.parametrize("sign", [1, -1])
def test_when_the_load_falls_what_drifted_apart_is_a_part_of_what_it_was(sign):
    currents_A = [current_A * sign for current_A in (13, 25, 25, 25)]
    assert restrained(60_000, *currents_A) == near(20, 0, 0, 0)
    assert restrained(20_000, *currents_A) == near(48, 0, 0, 0)


def test_each_is_restrained_by_its_own_share():
    found = restrained(60_500, 20, 20, 4, 20, capacity_Ah=[100, 100, 50, 100])
    assert found == near(0, 0, 100 * 6 / (60.5 * 50 / 87.5), 0)


# The end of charge: above 3.35 V a cell shares cross.


@pytest.mark.parametrize("third", [1.5, 0.5])
@pytest.mark.parametrize(
    ("each_A", "volts_V", "judged"),
    [(-29, 53.5, True), (-29, 53.7, False), (-80, 53.7, False), (29, 53.7, True)],
)
def test_near_the_end_of_charge_nobody_is_judged(each_A, volts_V, judged, third):
    found = carrying(each_A, each_A, each_A * third, each_A, volts_V=volts_V)
    assert percent(found)[2] == (pytest.approx(50, abs=0.6) if judged else 0)


@pytest.mark.parametrize(("eased_V", "judged"), [(53.1, False), (52.9, True)])
def test_when_the_charger_eases_off_who_was_ahead_gives(eased_V, judged):
    """As a bank of 15 does in changing weather: two of them at 95 %, the others at 88."""
    cabinet = carrying(-29, -34, -48, -48, -48, volts_V=54.9)
    cabinet.run(600, 1000)
    cabinet.current_A = [25.0, 9.0, -19.0, -19.0, -19.0]
    cabinet.voltage_V = [eased_V] * 5
    cabinet.run(0.05)
    reverse_A = [cabinet.quantity("reverse", k) / 1000 for k in range(5)]
    assert reverse_A == [0] * 5
    off_percent = [100 * off_A / 48 if judged else 0 for off_A in (44, 28, 0, 0, 0)]
    assert percent(cabinet) == near(*off_percent)


@pytest.mark.parametrize(("before_A", "trip_mA"), [(80, 85_000), (-80, 55_000)])
def test_a_full_battery_that_is_joined_is_tripped_whatever_was_carried_before(before_A, trip_mA):
    cabinet = carrying(*[before_A] * 3, 0, volts_V=52.2)
    cabinet.run(1800, 1000)
    cabinet.current_A = [0.0] * 4
    cabinet.run(10, 1000)
    cabinet.current_A = [-28.0, -28.0, -28.0, 85.0]
    (trip,) = [e for e in cabinet.run(1.5) if e["kind"] == "trip" and e["level"] == "trip"]
    assert (trip["element"], trip["battery"]) == ("reverse_current", 4)
    assert trip["value"] == pytest.approx(trip_mA / 1000, abs=0.6)


def test_a_voltage_that_is_lost_is_not_the_end_of_charge():
    cabinet = carrying(-20, -20, -8, -20, volts_V=55.4)
    cabinet.notes[cabinet.frame.voltage + 2] = 1
    cabinet.run(0.05)
    assert percent(cabinet)[2] == pytest.approx(60, abs=0.6)


# Idle batteries.


IDLE = ("idle_string.warn", "idle_string.alarm")


def of_idle(*currents_A, **measured):
    cabinet = Cabinet(only(configuration(len(currents_A)), *IDLE), **measured)
    cabinet.current_A = [float(current_A) for current_A in currents_A]
    return cabinet


@pytest.mark.parametrize("others_A", [30, -30])
def test_a_battery_whose_bms_opened_is_idle(others_A):
    cabinet = of_idle(others_A, 0, others_A, others_A)
    (warn,) = cabinet.run(62, 100)
    assert (warn["level"], warn["battery"]) == ("warn", 2)
    assert (warn["value"], warn["limit"]) == (pytest.approx(0, abs=0.01), 2)
    events = cabinet.run(700, 1000)
    assert [(e["level"], e["battery"]) for e in events] == ([("alarm", 2)] if others_A > 0 else [])


def test_it_is_well_again_when_it_carries_4_amperes():
    cabinet = of_idle(30, 0, 30, 30)
    cabinet.run(62, 100)
    cabinet.current_A[1] = 3.9
    assert cabinet.run(10) == []
    cabinet.current_A[1] = 4.1
    (clear,) = cabinet.run(1)
    assert (clear["kind"], clear["limit"]) == ("clear", 4)


def test_a_bank_that_goes_idle_says_nothing_of_it():
    cabinet = of_idle(30, 0, 30, 30)
    cabinet.run(62, 100)
    cabinet.current_A = [0.0] * 4
    assert cabinet.run(100, 1000) == []
    assert cabinet.quantity("idle", 1) is None


def test_whoever_carries_in_a_bank_with_little_load_is_not_idle():
    cabinet = of_idle(30, 0, 30, 30)
    cabinet.run(62, 100)
    cabinet.current_A = [10.0] * 4
    (clear,) = cabinet.run(1)
    assert (clear["kind"], clear["battery"]) == ("clear", 2)


@pytest.mark.parametrize("currents_A", [(14, 14, 0, 14), (0, 0, 0, 0), (1.9, 1.9, 0, 1.9)])
def test_below_15_percent_of_rated_nobody_is_idle(currents_A):
    assert of_idle(*currents_A).run(700, 1000) == []


def test_an_open_breaker_is_no_idle_battery():
    cabinet = of_idle(30, 0, 30, 30)
    cabinet.run(62, 100)
    cabinet.closed[1] = False
    (clear,) = cabinet.run(1)
    assert (clear["kind"], clear["battery"]) == ("clear", 2)
    assert cabinet.run(700, 1000) == []


def test_a_lost_monitor_is_no_idle_battery():
    cabinet = of_idle(30, 30, 30, 30)
    cabinet.lose_monitor(1)
    assert cabinet.run(700, 1000) == []


@pytest.mark.parametrize(
    ("others_A", "voltage_V", "warns"),
    [(-35, 53.7, False), (-35, 53.5, True), (35, 53.7, True)],
)
def test_at_the_end_of_charge_a_battery_may_idle(others_A, voltage_V, warns):
    cabinet = of_idle(others_A, 0, others_A, others_A, voltage_V=voltage_V)
    assert bool(cabinet.run(100, 1000)) == warns


def test_of_one_and_of_two_batteries():
    assert of_idle(0).run(100, 1000) == []
    (warn,) = of_idle(30, 0).run(100, 1000)
    assert warn["battery"] == 2
