"""Joints: the terminal that works loose is named, and no other; nothing is told without load."""

import random

import pytest

from lib.condition.banks import Lugs, STEP_s, domestic
from packwarden.condition.joints import LEAST, Joints
from packwarden.fixed import BIAS, NONE, ints

EARLY_K = 1.0  # as joint_heating.early_warn is shipped


def learnt(batteries=3, seed=1, **more):
    """A bank that has lived a day and a half, with its baseline."""
    lugs = Lugs(batteries, seed, **more)
    lugs.live(domestic(lugs.random, 34))
    assert lugs.joints.learn() == (1 << batteries) - 1
    return lugs


@pytest.fixture(scope="module")
def sound():
    return learnt()


def evening(hours, seed=3):
    """Qualifying load: 20 .. 40 % of rated, with pauses."""
    draw = random.Random(seed)
    load = []
    while len(load) * STEP_s < hours * 3600:
        load += [draw.uniform(0.25, 0.4)] * draw.randint(60, 200) + [0.03] * draw.randint(10, 60)
    return load


@pytest.mark.parametrize(("terminal", "size_K"), [(0, 8), (3, 40)])
def test_the_terminal_that_works_loose_is_named_within_two_hours(terminal, size_K):
    lugs = learnt(3, seed=terminal + 2)
    lugs.loosen(terminal, size_K)
    lugs.live(evening(2))
    sure = lugs.sure_K()
    assert sure[terminal] >= EARLY_K
    assert max(sure[:terminal] + sure[terminal + 1 :]) < EARLY_K
    assert sure[terminal] < size_K * 1.1


def test_a_sound_bank_is_silent_in_the_wind_of_a_fan(sound):
    sound.fan = 1.7
    sound.air_C = 38.0
    sound.live(evening(6, seed=9))
    assert max(sound.sure_K()) < EARLY_K / 2


def test_lugs_of_unlike_lag_are_not_loose_because_the_air_gets_colder():
    """Loaded in the morning before the baseline, in the evening after it: others lag."""
    lugs = Lugs(1, 3)
    lugs.thermal_K_W, lugs.capacity_J_K = [2, 6], [40, 115]
    lugs.swing_K = 4.0
    lugs.live(2 * ([0.2] * 1500 + [0.02] * 7140))
    assert lugs.joints.learn() == 1
    lugs.live(2 * ([0.02] * 3600 + [0.2] * 1500 + [0.02] * 3540))
    assert max(lugs.sure_K()) < EARLY_K  # nearly 5 K if it were not learnt at rest


@pytest.mark.parametrize("based", [True, False])
@pytest.mark.parametrize("drift_K", [10.0, -10.0])
def test_a_sensor_that_drifts_at_night_is_no_loose_joint_in_the_morning(drift_K, based):
    lugs = Lugs(3, seed=6)
    lugs.live(domestic(lugs.random, 34))
    if based:
        lugs.joints.learn()
    lugs.live([0.03] * 720)
    for _ in range(30):
        lugs.offset_K[1] += drift_K / 30
        lugs.live([0.03] * 12)
    lugs.live([0.03] * 1440)
    highest_K = 0.0
    for part in evening(6):
        lugs.live([part])
        highest_K = max(highest_K, *lugs.sure_K())
    assert highest_K < EARLY_K
    lugs.loosen(4, 12)
    lugs.live(evening(2))
    assert lugs.sure_K()[4] >= EARLY_K


def test_nothing_is_known_without_load_nor_without_rest():
    assert Lugs(2).live([0.02] * 3000).sure_K() == [None] * 4
    assert Lugs(2).live([0.02] * 400 + [0.12] * 1500).sure_K() == [None] * 4  # too little
    restless = Lugs(2).live([0.3] * 3000)
    assert restless.sure_K() == [None] * 4
    assert restless.joints.kept[3] > 200  # rejected


def test_without_a_baseline_what_healthy_joints_differ_by_is_allowed_for():
    lugs = Lugs(3, seed=5)
    lugs.live(domestic(lugs.random, 30))
    assert max(lugs.sure_K()) == 0
    lugs.loosen(4, 16)
    lugs.live(evening(4))
    sure = lugs.sure_K()
    assert sure[4] >= EARLY_K and sure.count(0) == 5


def test_a_set_lag_stands_alone_and_finds_the_same():
    lugs = learnt(1, seed=8, lag_s=240)
    lugs.loosen(1, 12)
    lugs.live(evening(2))
    assert lugs.sure_K()[1] >= EARLY_K
    assert lugs.sure_K()[0] == 0


def test_a_lost_sensor_is_no_sample():
    lugs = learnt(1, seed=4)
    before = list(lugs.joints.kept)
    for number in range(12):
        lugs._warm(0.4)
        lugs.values[3 if number % 2 else 0] = NONE
        lugs.joints.step(0, STEP_s)
    lugs.joints.take(0)
    changed = [place for place in range(len(before)) if lugs.joints.kept[place] != before[place]]
    assert changed == [3]


def test_without_an_estimate_nothing_is_learnt():
    joints = Joints(ints(11), 2, 100_000)
    assert joints.learn() == 0
    assert LEAST == 12


@pytest.mark.parametrize("rated_mA", [10_000, 62_500, 600_000])
@pytest.mark.parametrize("end", [0, 1])
def test_whatever_is_measured_it_stays_bounded(rated_mA, end):
    draw = random.Random(rated_mA + end)
    values = ints(11)
    joints = Joints(values, 2, rated_mA)
    currents = [0, rated_mA // 3, -rated_mA, 10**7, -(10**7)]
    heats = [-6000, 20000]
    for block in range(200):
        for _ in range(4):
            idle = block < 20
            for k in range(2):
                values[k] = BIAS + (0 if idle else currents[(block + draw.randint(0, end)) % 5])
                for pole in range(2):
                    values[5 + 2 * k + pole] = BIAS + heats[draw.randint(0, end) ^ pole]
            for k in range(2):
                joints.step(k, 30)
        for k in range(2):
            joints.take(k)
        joints.judge(0)
        joints.judge(1)
        for array in (joints.kept, joints.sure, joints.rise, joints.error_cK):
            assert min(array) >= 0 and max(array) < 1 << 30
