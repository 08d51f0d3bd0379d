"""Shares of the load, slowly averaged, against the baseline of each position."""

import pytest

from packwarden.condition.shares import LEAST, Shares
from packwarden.fixed import BIAS, NONE, ints


def bank(currents_mA, times=LEAST, shares=None):
    shares = shares or Shares(ints(len(currents_mA)), len(currents_mA), 100_000)
    for k, current in enumerate(currents_mA):
        shares._values[k] = NONE if current is None else BIAS + current
    for _ in range(times):
        shares.step()
    shares.judge()
    return shares


def drift_percent(shares):
    return [None if d == NONE else (d - BIAS) / 10 for d in shares.drift_e3]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_share_is_of_the_mean_whichever_way_it_flows(sign):
    shares = bank([sign * 20_000, sign * 30_000, sign * 40_000])
    assert [shares.share(k) / 1024 for k in range(3)] == pytest.approx([2 / 3, 1, 4 / 3], abs=2e-3)


def test_what_drifts_off_its_baseline_is_told_slowly():
    shares = bank([30_000] * 3)
    assert drift_percent(shares) == [None] * 3
    assert shares.learn() == 7
    bank([30_000] * 3, 1, shares)
    assert drift_percent(shares) == [0, 0, 0]
    bank([24_000, 33_000, 33_000], 30, shares)
    assert max(drift_percent(shares)) < 5
    bank([24_000, 33_000, 33_000], 3000, shares)
    assert drift_percent(shares) == pytest.approx([20, 10, 10], abs=0.7)


@pytest.mark.parametrize("currents_mA", [[14_000, 14_000], [60_000, None], [60_000, -60_000]])
def test_little_load_or_a_lost_sensor_tells_nothing(currents_mA):
    shares = bank(currents_mA)
    assert [shares.share(k) for k in range(2)] == [None, None]
    assert shares.learn() == 0


def test_the_largest_currents_stay_bounded():
    shares = bank([10**7, -(10**7) + 40_000, 0], 1000)
    assert [shares.share(k) for k in range(3)] == [None] * 3  # there is no mean
    shares = bank([10**7, -(10**7) + 60_000, 0], 1000)
    assert shares.learn() == 1
    assert min(shares.kept) >= 0 and max(shares.kept) < 1 << 30
