"""Days of a solar home: the same for a seed, shaped as a home is, and as a scenario has them."""

from itertools import pairwise

import pytest

from packwarden_host import scenario, solar
from packwarden_host.errors import BadInput
from packwarden_host.scenario_parts import Solar
from packwarden_sim.load import Load

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BANK_Wh = solar.energy_Wh(4, 100, 16)
NOTHING = dict.fromkeys(
    ("peak_W", "base_W", "evening_W", "fridge_W", "kettle_W", "oven_W", "washing_W", "motor_W"),
    0.0,
)
HOME = """
title = "a test"
end_s = 86400
[bank]
batteries = 4
rated_current_A = 100
cells = 8
[load]
cutoff_V = 24.0
[load.solar]
days = 1
"""


def steps(days=1, bank_Wh=BANK_Wh, **given):
    return solar.steps(Solar(days=days, **given), bank_Wh)


def ends(found):
    """Corners as (t_ms, W): where each step ends."""
    return [(at_ms + ramp_ms, power_W) for at_ms, ramp_ms, power_W in found]


def written(tmp_path, text):
    path = tmp_path / "home.toml"
    path.write_text(text)
    return str(path)


# ---- the generator


def test_a_seed_gives_the_same_days_however_many_follow():
    week = steps(days=7)
    assert week == steps(days=7)
    assert week != steps(days=7, seed=2)
    first = [step for step in steps(days=1) if step[0] + step[1] < DAY_MS]
    assert week[: len(first)] == first


def test_a_larger_bank_has_a_larger_home_of_the_same_shape():
    small, large = dict(ends(steps())), dict(ends(steps(bank_Wh=10 * BANK_Wh)))
    assert set(small) <= set(large)  # a change below a watt is none
    for t_ms, power_W in small.items():
        assert large[t_ms] == pytest.approx(10 * power_W, abs=6)


def test_a_week_has_some_thousand_steps_in_order_of_time():
    week = steps(days=7)
    assert 1500 < len(week) < 4000
    assert all(isinstance(number, int) for step in week for number in step)
    assert all(a[0] + a[1] <= b[0] for a, b in pairwise(week))
    assert week[-1][0] <= 7 * DAY_MS


def test_nothing_flows_in_the_small_hours():
    days = 7
    load = Load(steps(days=days))
    for day in range(days):
        at_rest = [load.demand(day * DAY_MS + hour * HOUR_MS) for hour in (2, 3, 4)]
        assert at_rest == [0, 0, 0]
        assert load.demand(day * DAY_MS + 20 * HOUR_MS) > 0.1 * BANK_Wh


def test_a_motor_starts_with_three_times_its_power_for_two_seconds():
    found = steps(**NOTHING | {"motor_W": 1000.0})
    assert {power_W for _, _, power_W in found} == {0, 1000, 3000}
    starts = [index for index, step in enumerate(found) if step[2] == 3000]
    assert len(starts) >= 4
    for index in starts:
        assert found[index + 1][0] - found[index][0] == 2000
        assert found[index + 1][2] == 1000


@pytest.mark.parametrize(("sky", "fewest", "most"), [("clear", 0, 12), ("broken", 20, 60)])
def test_clouds_take_the_sun_away_within_seconds(sky, fewest, most):
    found = ends(steps(weather=[sky], **NOTHING | {"peak_W": 1000.0}))
    falls = [(a, b) for a, b in pairwise(found) if b[1] - a[1] > 100 and b[0] - a[0] <= 8000]
    assert fewest <= len(falls) <= most
    assert -1100 <= min(power_W for _, power_W in found) < -900
    assert max(power_W for _, power_W in found) == 0


def test_an_overcast_day_is_dull_and_has_no_edges():
    found = ends(steps(weather=["overcast"], **NOTHING | {"peak_W": 1000.0}))
    assert -450 < min(power_W for _, power_W in found) < -150
    assert all(abs(b[1] - a[1]) < 200 or b[0] - a[0] > 60_000 for a, b in pairwise(found))


def test_the_rooms_temperature_swings_by_day_and_comes_back():
    entries = solar.room(Solar(days=3, weather=["clear"] * 3, swing_K=10))
    temperature = 20.0
    corners = []
    for before, entry in pairwise([*entries, None]):
        temperature += before["change_K"]
        corners.append((temperature, before["at_ms"] + before["ramp_ms"]))
        assert entry is None or entry["at_ms"] == before["at_ms"] + before["ramp_ms"]
    temperatures = [round(value, 6) for value, _ in corners]
    assert temperatures == [16, 26, 16, 26, 16, 26, 16]
    assert corners[1][1] == 15 * HOUR_MS


# ---- in a scenario


def test_a_home_becomes_a_load_of_power_with_the_inverters_limits(tmp_path):
    found = scenario.read(written(tmp_path, HOME))
    model = found.source()["model"]
    load = model["load"]
    assert load["steps"] == steps(bank_Wh=solar.energy_Wh(4, 100, 8))
    limits = (load["power"], load["cutoff_V"], load["restart_V"], load["ceiling_V"])
    assert limits == (True, 24.0, 25.6, 28.0)
    assert [entry["kind"] for entry in model["faults"]] == ["room"] * 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HOME + "days_off = 1", "load.solar.days_off: is not a key"),
        (HOME + "swing_K = -1", "load.solar.swing_K: must be greater than or equal to 0"),
        (HOME + 'weather = ["rain"]', "load.solar.weather[1]: must be 'clear', 'broken' or"),
        (HOME.replace("86400", "86401"), "end_s 86401 is after the days of load.solar"),
        (HOME.replace("[load.solar]\ndays = 1", ""), "load: needs either step or solar"),
        (
            HOME.replace("cutoff_V = 24.0", "step = [{ at_s = 0, power_W = 5 }]"),
            "load: needs either step or solar",
        ),
    ],
)
def test_what_is_no_home_is_refused(tmp_path, text, said):
    with pytest.raises(BadInput) as refusal:
        scenario.read(written(tmp_path, text))
    assert said in str(refusal.value)
