"""Resistances by steps: within what is promised after a day, whatever else the load does."""

import random

import pytest

from lib.condition.banks import Packs
from packwarden.condition import steps
from packwarden.condition.resistances import FIELDS, LINK, REJECTED, USED, Resistances
from packwarden.fixed import BIAS, NONE, ints


@pytest.fixture(scope="module")
def after_hours():
    return Packs(4, "one_end", tick_ms=200).live(4)


def mohm(packs, which=0):
    return [packs.resistances.uohm(k, which) / 1000 for k in range(packs.batteries)]


def test_the_internal_resistance_is_within_3_per_cent(after_hours):
    for k, found in enumerate(mohm(after_hours)):
        assert found == pytest.approx(after_hours.true_mohm(k), rel=0.03)
        assert after_hours.resistances.error_uohm(k, 0) < 100


def test_a_battery_off_the_median_is_told_by_so_much(after_hours):
    true = [after_hours.true_mohm(k) for k in range(4)]
    median = (sorted(true)[1] + sorted(true)[2]) / 2
    for k, found in enumerate(after_hours.resistances.spread_uohm):
        assert (found - BIAS) / 1000 == pytest.approx(abs(true[k] - median), abs=0.3)
        assert (found - BIAS) / 1000 <= abs(true[k] - median) + 0.15


def test_a_link_is_told_against_its_baseline():
    packs = Packs(2, [1, 1], seed=3, tick_ms=200)
    packs.live(2)
    assert set(packs.resistances.over_uohm) == {NONE}
    assert packs.resistances.learn() == 3
    before = mohm(packs, LINK)
    packs.cable_ohm[1] += 0.0008
    packs.factor()
    packs.live(3, every_s=45)
    more = [after - was for after, was in zip(mohm(packs, LINK), before, strict=True)]
    assert more == pytest.approx([0, 0.8], abs=0.05)
    surely = [(found - BIAS) / 1000 for found in packs.resistances.over_uohm]
    assert surely[0] == pytest.approx(0, abs=0.03)
    assert 0.65 < surely[1] < 0.83


def test_temperature_is_taken_off():
    """Cells lose 1.2 % a kelvin, copper gains 0.393 %: this bank does neither, and is hot."""
    cold, hot = Packs(2, [1, 1], tick_ms=500), Packs(2, [1, 1], tick_ms=500)
    hot.terminal_cC = 3500
    cold.live(1.5)
    hot.live(1.5)
    for which, factor in ((0, 1.12), (LINK, 1 / 1.0393)):
        expected = [factor * found for found in mohm(cold, which)]
        assert mohm(hot, which) == pytest.approx(expected, rel=0.02)


def test_what_has_changed_is_believed_after_some_outliers():
    packs = Packs(1, [1, 1], tick_ms=500, scatter=0)
    packs.live(2)
    was = mohm(packs)[0]
    packs.packs.r0_ohm[0] *= 2
    packs.packs.changed()
    packs.factor()
    packs.live(1)
    assert packs.resistances.kept[REJECTED] >= 4
    assert mohm(packs)[0] == pytest.approx(packs.true_mohm(0), rel=0.03)
    assert mohm(packs)[0] > was + 3


def test_with_a_battery_out_of_service_links_and_feed_stand_still():
    packs = Packs(1, [1, 1], tick_ms=500).live(1, whole=False)
    assert packs.resistances.kept[USED] > 8
    assert packs.resistances.kept[LINK + USED] == 0
    assert packs.resistances.sag(0) == 0
    assert packs.resistances.uohm(0, LINK) is None


def settled(t_ms, current_mA=10_000, voltage_mV=52_000, bus_mV=51_900, bus=True):
    """A battery that has been quiet until `t_ms`, looked at each 100 ms."""
    values, fresh = ints(7), ints(7)
    found = steps.Steps(values, fresh, 1, 100_000)
    resistances = Resistances(found.found, values, 1, 100_000, 0)
    values[3] = values[4] = BIAS + 2500
    look(
        found, values, fresh, range(0, t_ms, 100), current_mA, voltage_mV, bus_mV if bus else None
    )
    return found, values, fresh, resistances


def look(found, values, fresh, times, current_mA, voltage_mV, bus_mV):
    for t_ms in times:
        values[0] = NONE if current_mA is None else BIAS + current_mA
        for channel, mV in ((1, voltage_mV), (2, bus_mV)):
            values[channel] = NONE if mV is None else BIAS + mV
            fresh[channel] += 1
        found.look(t_ms)


def state(found):
    return found.found[steps.STATE]


def test_a_step_needs_quiet_before_it():
    for quiet_ms, expected in ((9_000, steps.NEW), (11_000, steps.STEPPING)):
        found, values, fresh, _ = settled(quiet_ms)
        look(found, values, fresh, [quiet_ms], 30_000, 51_800, 51_700)
        assert state(found) == expected


def test_a_step_that_does_not_stand_is_rejected():
    found, values, fresh, resistances = settled(11_000)
    look(found, values, fresh, range(11_000, 11_500, 100), 30_000, 51_800, 51_700)
    look(found, values, fresh, [11_500], 50_000, 51_700, 51_600)
    assert not resistances.take(0, True)
    assert resistances.kept[REJECTED] == 1


def test_a_voltage_that_does_not_come_rejects_the_step():
    found, values, fresh, resistances = settled(11_000)
    look(found, values, fresh, range(11_000, 17_000, 100), 30_000, None, 51_600)
    assert not resistances.take(0, True)
    assert resistances.kept[REJECTED] == 1


@pytest.mark.parametrize("jumps", [False, True])
def test_a_voltage_that_stands_or_jumps_is_none(jumps):
    """Its last sample is older than 3 s; or it is 10 V off within a conversion."""
    found, values, fresh, resistances = settled(11_000 if jumps else 7_000)
    for t_ms in range(7_000, 11_000, 100):
        found.look(t_ms)
    look(found, values, fresh, [11_000], 30_000, 51_800, 51_700)
    for number, t_ms in enumerate(range(11_100, 12_200, 100)):
        volts = 41_000 if jumps and number % 2 else 51_800
        look(found, values, fresh, [t_ms], 30_000, volts, 51_700)
    assert resistances.take(0, True)
    assert (resistances.kept[USED], resistances.kept[REJECTED]) == (0, 1)


def test_without_the_busbar_there_is_the_battery_alone():
    found, values, fresh, resistances = settled(11_000, bus=False)
    look(found, values, fresh, range(11_000, 12_100, 100), 30_000, 51_800, None)
    assert resistances.take(0, True)
    assert (resistances.kept[USED], resistances.kept[LINK + USED]) == (1, 0)


@pytest.mark.parametrize("current_mA", [None, 11_500, 400_000])
def test_a_step_too_small_too_large_or_lost_is_none(current_mA):
    found, values, fresh, resistances = settled(11_000)
    look(found, values, fresh, range(11_000, 12_100, 100), current_mA, 51_800, 51_700)
    taken = resistances.take(0, True)
    assert (taken, resistances.kept[USED]) == (current_mA is not None, 0)
    assert resistances.kept[REJECTED] == (current_mA is not None)


@pytest.mark.parametrize("rated_mA", [10_000, 600_000])
def test_whatever_is_measured_it_stays_bounded(rated_mA):
    draw = random.Random(rated_mA)
    values, fresh = ints(7), ints(7)
    found = steps.Steps(values, fresh, 1, rated_mA)
    resistances = Resistances(found.found, values, 1, rated_mA, 3000)
    t_ms = 0
    for _ in range(300):
        current_mA = draw.choice([0, 1, -1, 2, -2]) * rated_mA // draw.choice([1, 2, 20])
        volts = draw.choice([0, 1, 52_000, 85_000])
        values[3] = BIAS + draw.choice([-6000, 20000])
        values[4] = BIAS + draw.choice([-6000, 20000])
        for _ in range(draw.choice([3, 120])):
            t_ms += 100
            noise = draw.choice([0, 0, 40, -3000])
            look(
                found,
                values,
                fresh,
                [t_ms & ((1 << 30) - 1)],
                current_mA,
                volts,
                max(0, volts + noise),
            )
            resistances.take(0, True)
        resistances.estimate(0)
        resistances.judge()
        for array in (resistances.kept, found.found, resistances.spread_uohm):
            assert min(array) >= 0 and max(array) < 1 << 30
        for which in (0, LINK):
            if resistances.uohm(0, which) is not None:
                assert abs(resistances.uohm(0, which)) < 1 << 29
                assert resistances.error_uohm(0, which) < 1 << 29
    assert resistances.kept[USED] > 8
    assert FIELDS == 16
