"""The thermistor catalogue against the makers' tables, and the bridge it sits in."""

import pytest

from packwarden_host.thermistors import (
    PARTS,
    default_pull_up_ohm,
    pin_microvolts,
    resistance_ohm,
)

# Resistance in ohm at -40, 0, 25, 60, 100 degC, from the makers' tables.
TABLES = {
    "semitec_103at": (188_500, 27_280, 10_000, 3_020, 973.1),
    "tdk_b57861s0103": (336_500, 32_650, 10_000, 2_488, 680.0),
    "murata_ncp18xh103": (195_652, 27_219, 10_000, 3_014, 974.0),
}


@pytest.mark.parametrize("name", PARTS)
def test_the_fit_meets_the_makers_table(name):
    part = PARTS[name]
    for temperature_C, table_ohm in zip((-40, 0, 25, 60, 100), TABLES[name], strict=True):
        # A thermistor changes by 3 to 7 % a kelvin.
        allowed = part.error_C * 0.07 + 0.001
        found = resistance_ohm(part.settings(name), temperature_C)
        assert found == pytest.approx(table_ohm, rel=allowed)


def test_the_bridge_of_equal_resistors_halves_the_excitation():
    beta = {"model": "beta", "r25_ohm": 10_000, "beta_K": 3435}
    assert pin_microvolts(beta, 10_000, 2200, 25.0) == 1_100_000
    assert pin_microvolts(beta, 4_700, 2200, 1e6) < 15_000
    assert pin_microvolts(beta, 4_700, 2200, -270.0) == pytest.approx(2_200_000, abs=20)


def test_a_table_is_met_at_its_points_and_falls_beyond_them():
    table = {"model": "table", "first_C": 0, "step_C": 25, "r_ohm": [27_280, 10_000, 4_160, 1_924]}
    points = [resistance_ohm(table, t) for t in (0, 25, 50, 75)]
    assert points == pytest.approx([27_280, 10_000, 4_160, 1_924])
    assert resistance_ohm(table, 100) < 1_924 < 4_160 < resistance_ohm(table, 40) < 10_000
    assert resistance_ohm(table, -20) > 27_280


def test_a_fit_without_its_third_term_is_a_beta_curve():
    beta = {"model": "beta", "r25_ohm": 10_000, "beta_K": 3500}
    # 1/T = A + B ln R with B = 1/3500 and A so that 10 kOhm stands at 298.15 K.
    fit = {"model": "steinhart_hart", "a_e13": 7_225_110_260, "b_e13": 2_857_142_857, "c_e17": 0}
    assert resistance_ohm(fit, 80) == pytest.approx(resistance_ohm(beta, 80), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "pull_up_ohm"),
    [("semitec_103at", 4700), ("tdk_b57861s0103", 3300), ("murata_ncp18xh103", 4700)],
)
def test_the_pull_up_keeps_130_degrees_readable(name, pull_up_ohm):
    part = PARTS[name].settings(name)
    assert default_pull_up_ohm(part, 2200) == pull_up_ohm
    assert pin_microvolts(part, pull_up_ohm, 2200, 130.0) > 150_000


def test_below_absolute_zero_there_is_nothing():
    with pytest.raises(ValueError, match="a temperature is above"):
        resistance_ohm(PARTS["semitec_103at"].settings(""), -273.15)
