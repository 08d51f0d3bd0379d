"""Resistances by changes of the load: within what is promised, whatever else the load does."""

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
    before, true = mohm(packs, LINK), [packs.link_mohm(k) for k in range(2)]
    assert before == pytest.approx(true, abs=0.03)
    packs.cable_ohm[1] += 0.0008
    packs.factor()
    packs.live(3, every_s=45)
    more = [after - was for after, was in zip(mohm(packs, LINK), before, strict=True)]
    assert more == pytest.approx([0, 0.8], abs=0.05)
    assert more == pytest.approx([packs.link_mohm(k) - true[k] for k in range(2)], abs=0.02)
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


class Bank:
    """One battery of 100 A and its resistances, looked at each 100 ms."""

    def __init__(self, rated_mA=100_000, falls=0):
        self.values, self.fresh = ints(7), ints(7)
        self.values[3] = self.values[4] = BIAS + 2500
        self.resistances = Resistances(self.values, self.fresh, 1, rated_mA, falls)
        self.kept = self.resistances.kept

    def look(self, times, current_mA, voltage_mV, bus_mV):
        self.values[0] = NONE if current_mA is None else BIAS + current_mA
        for t_ms in times:
            self.convert(1, voltage_mV)
            self.convert(2, bus_mV)
            self.resistances.look(t_ms)

    def convert(self, channel, mV):
        self.values[channel] = NONE if mV is None else BIAS + mV
        self.fresh[channel] += 1

    def state(self):
        return self.resistances.steps.found[steps.STATE]


def settled(t_ms, bus_mV=51_900):
    """A battery that has been quiet until `t_ms`."""
    bank = Bank()
    bank.look(range(0, t_ms, 100), 10_000, 52_000, bus_mV)
    return bank


def test_a_step_needs_quiet_before_it():
    for quiet_ms, expected in ((9_000, steps.NEW), (11_000, steps.STEPPING)):
        bank = settled(quiet_ms)
        bank.look([quiet_ms], 30_000, 51_800, 51_700)
        assert bank.state() == expected


def test_a_step_that_does_not_stand_is_rejected():
    bank = settled(11_000)
    bank.look(range(11_000, 11_500, 100), 30_000, 51_800, 51_700)
    bank.look([11_500], 50_000, 51_700, 51_600)
    assert not bank.resistances.take(0, True)
    assert bank.kept[REJECTED] == 1


def test_a_voltage_that_does_not_come_rejects_the_step():
    bank = settled(11_000)
    bank.look(range(11_000, 17_000, 100), 30_000, None, 51_600)
    assert not bank.resistances.take(0, True)
    assert bank.kept[REJECTED] == 1


@pytest.mark.parametrize("jumps", [False, True])
def test_a_voltage_that_stands_or_jumps_is_none(jumps):
    """Its last sample is older than 3 s; or it is 10 V off within a conversion."""
    bank = settled(11_000 if jumps else 7_000)
    for t_ms in range(7_000, 11_000, 100):
        bank.resistances.look(t_ms)
    bank.look([11_000], 30_000, 51_800, 51_700)
    for number, t_ms in enumerate(range(11_100, 12_200, 100)):
        volts = 41_000 if jumps and number % 2 else 51_800
        bank.look([t_ms], 30_000, volts, 51_700)
    assert bank.resistances.take(0, True)
    assert (bank.kept[USED], bank.kept[REJECTED]) == (0, 1)


def test_without_the_busbar_there_is_the_battery_alone():
    bank = settled(11_000, None)
    bank.look(range(11_000, 12_100, 100), 30_000, 51_800, None)
    assert bank.resistances.take(0, True)
    assert (bank.kept[USED], bank.kept[LINK + USED]) == (1, 0)


@pytest.mark.parametrize("current_mA", [None, 11_500, 400_000])
def test_a_step_too_small_too_large_or_lost_is_none(current_mA):
    bank = settled(11_000)
    bank.look(range(11_000, 12_100, 100), current_mA, 51_800, 51_700)
    taken = bank.resistances.take(0, True)
    assert (taken, bank.kept[USED]) == (current_mA is not None, 0)
    assert bank.kept[REJECTED] == (current_mA is not None)


@pytest.mark.parametrize("rated_mA", [10_000, 600_000])
def test_whatever_is_measured_it_stays_bounded(rated_mA):
    draw = random.Random(rated_mA)
    bank = Bank(rated_mA, 3000)
    found = bank.resistances
    t_ms = 0
    for _ in range(300):
        current_mA = draw.choice([0, 1, -1, 2, -2]) * rated_mA // draw.choice([1, 2, 20])
        volts = draw.choice([0, 1, 52_000, 85_000])
        bank.values[3] = BIAS + draw.choice([-6000, 20000])
        bank.values[4] = BIAS + draw.choice([-6000, 20000])
        for _ in range(draw.choice([3, 120])):
            t_ms += 100
            noise = draw.choice([0, 0, 40, -3000])
            bank.look([t_ms & ((1 << 30) - 1)], current_mA, volts, max(0, volts + noise))
            found.take(0, True)
        found.estimate(0)
        found.judge()
        for array in (found.kept, found.steps.found, found.links.found, found.spread_uohm):
            assert min(array) >= 0 and max(array) < 1 << 30
        for which in (0, LINK):
            if found.uohm(0, which) is not None:
                assert abs(found.uohm(0, which)) < 1 << 29
                assert found.error_uohm(0, which) < 1 << 29
    assert bank.kept[USED] > 8
    assert bank.kept[LINK + USED] > 8
    assert FIELDS == 16


def stand(bank, at_ms, current_mA, seconds=4, falls=0):
    """Let a current stand behind a link of 1 mohm, then take the block; return when it ends.

    The busbar is converted 300 ms behind the battery, each each 500 ms, while both voltages fall
    by so many mV/s.
    """
    bank.values[0] = BIAS + current_mA
    for t_ms in range(at_ms, at_ms + 1000 * seconds, 100):
        level_mV = 52_000 - current_mA * 15 // 1000 - falls * t_ms // 1000
        if t_ms % 500 == 0:
            bank.convert(1, level_mV)
        if t_ms % 500 == 300:
            bank.convert(2, level_mV - current_mA // 1000)
        bank.resistances.look(t_ms)
    bank.values[0] = BIAS - 100_000
    bank.resistances.look(at_ms + 1000 * seconds)
    bank.resistances.take(0, True)
    return at_ms + 1000 * seconds + 100


def test_a_link_is_what_differs_between_currents_that_stand():
    bank = Bank()
    t_ms = 0
    for current_mA in (10_000, 30_000, 5_000, -20_000, 40_000) * 2:
        t_ms = stand(bank, t_ms, current_mA, 7, falls=10)
    assert bank.kept[LINK + USED] == 9
    assert bank.resistances.uohm(0, LINK) == pytest.approx(1000, abs=3)
    assert bank.resistances.error_uohm(0, LINK) < 10
    assert bank.kept[USED] == 0  # 10 s of quiet are asked before a step


def test_a_current_that_stands_for_less_than_8_conversions_is_none():
    for seconds, used in ((4, 0), (5, 1)):
        bank = Bank()
        t_ms = stand(bank, 0, 10_000, 7)
        stand(bank, t_ms, 30_000, seconds)
        assert bank.kept[LINK + USED] == used


def test_currents_alike_say_nothing_of_a_link():
    bank = Bank()
    t_ms = stand(bank, 0, 10_000, 7)
    stand(bank, t_ms, 11_500, 7)
    assert (bank.kept[LINK + USED], bank.kept[LINK + REJECTED]) == (0, 0)


def test_a_link_of_unknown_temperature_is_rejected():
    bank = Bank()
    t_ms = stand(bank, 0, 10_000, 7)
    bank.values[4] = NONE
    stand(bank, t_ms, 30_000, 7)
    assert (bank.kept[LINK + USED], bank.kept[LINK + REJECTED]) == (0, 1)


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_link_waits_while_a_sensor_is_lost(lost):
    bank = Bank()
    t_ms = stand(bank, 0, 10_000, 7)
    bank.look([t_ms], 30_000, 51_550, 51_520)
    for at_ms in range(t_ms + 100, t_ms + 20_000, 100):
        bank.convert(1, 51_550)
        bank.convert(2, 51_520)
        bank.values[lost] = NONE
        bank.resistances.look(at_ms)
        bank.resistances.take(0, True)
    assert bank.kept[LINK + USED] == 0
