"""Thermistors: the makers' figures come back as temperatures, and a bad bridge is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinets import resistance_ohm
from packwarden import thermistor
from packwarden.fixed import BIAS, ints
from packwarden.measure import temperatures
from packwarden.thermistor import Bridge, errors, resistance, temperature_cC

# part: coefficients (1e-13, 1e-17 / K), the fit's largest error in K, pull-up in ohm, and points
# of the maker's table: degC, ohm.
PARTS = {
    "Semitec 103AT": (
        (8827908763, 2521621322, 19064368990),
        0.09,
        4700,
        {-40: 188500, -20: 67770, 0: 27280, 25: 10000, 50: 4160, 80: 1668, 100: 973.1, 110: 757.6},
    ),
    "TDK B57861S0103": (
        (11254370710, 2346896116, 8572446171),
        0.03,
        3300,
        {-40: 336500, -20: 97070, 0: 32650, 25: 10000, 50: 3603, 80: 1258, 100: 680, 125: 341.7},
    ),
    "Murata NCP18XH103": (
        (8771401452, 2532398028, 18443457540),
        0.39,
        4700,
        {-40: 195652, -20: 68237, 0: 27219, 25: 10000, 50: 4161, 80: 1669, 100: 974, 125: 531},
    ),
}
# Each 10 K from -40 degC.
SEMITEC_OHM = "188500 111300 67770 42470 27280 17960 12090 8313 5827 4160 3020 2228 1668 1266 973"
SEMITEC_OHM += " 758 597 476"
SEMITEC_TABLE = {
    "model": "table",
    "first_C": -40,
    "step_C": 10,
    "r_ohm": [int(ohm) for ohm in SEMITEC_OHM.split()],
}
ROUNDING_K = 0.02  # of a resistance in the maker's table, and of 0.01 degC
TABLE_K = 0.1


def curve_of(coefficients):
    a, b, c = coefficients
    return {"model": "steinhart_hart", "a_e13": a, "b_e13": b, "c_e17": c}


def sensors(curve, pull_up_ohm=4700, **changes):
    bridge = {"thermistor": curve, "pull_up_ohm": pull_up_ohm, "reference_ohm": pull_up_ohm}
    return bridge | {"excitation_mV": 2200} | changes


FIT_BRIDGE = Bridge(sensors(curve_of(PARTS["Semitec 103AT"][0])), 2200)
TABLE_BRIDGE = Bridge(sensors(SEMITEC_TABLE), 2200)


def measured_C(bridge, counts, reference_counts=11000):
    """Return what the step measures for counts of a thermistor and of the reference."""
    held = ints(2)
    held[0], held[1] = BIAS + counts, BIAS + reference_counts
    values = ints(2)
    offsets = ints(1, BIAS)
    temperatures((held, values, None, bridge.table, offsets), 0, 1, 1, bridge.gain)
    return (values[0] - BIAS) / 100


@pytest.mark.parametrize(
    ("coefficients", "error_K", "pull_up_ohm", "points"), PARTS.values(), ids=PARTS
)
def test_a_fit_meets_the_makers_table(coefficients, error_K, pull_up_ohm, points):
    for point_C, ohm in points.items():
        found_C = temperature_cC(curve_of(coefficients), round(ohm * 10), 10) / 100
        assert found_C == pytest.approx(point_C, abs=error_K + ROUNDING_K)


@pytest.mark.parametrize(
    ("coefficients", "error_K", "pull_up_ohm", "points"), PARTS.values(), ids=PARTS
)
def test_counts_become_the_temperature_of_the_makers_table(
    coefficients, error_K, pull_up_ohm, points
):
    bridge = Bridge(sensors(curve_of(coefficients), pull_up_ohm), 2200)
    for point_C, ohm in points.items():
        found_C = measured_C(bridge, round(22000 * ohm / (ohm + pull_up_ohm)))
        assert found_C == pytest.approx(point_C, abs=error_K + TABLE_K)


@pytest.mark.parametrize(
    ("coefficients", "error_K", "pull_up_ohm", "points"), PARTS.values(), ids=PARTS
)
def test_the_boards_table_follows_the_fit_from_minus_40_to_130(
    coefficients, error_K, pull_up_ohm, points
):
    bridge = Bridge(sensors(curve_of(coefficients), pull_up_ohm), 2200)
    for tenths in range(-400, 1301, 3):
        ohm = resistance_ohm(tenths / 10, coefficients)
        found_C = measured_C(bridge, round(22000 * ohm / (ohm + pull_up_ohm)))
        assert found_C == pytest.approx(tenths / 10, abs=TABLE_K)


@given(st.integers(9000, 13000), st.floats(-20, 120))
def test_excitation_and_gain_of_the_adc_drop_out(reference_counts, temperature_C):
    ohm = resistance_ohm(temperature_C)
    counts = round(2 * reference_counts * ohm / (ohm + 4700))
    assert measured_C(FIT_BRIDGE, counts, reference_counts) == pytest.approx(
        temperature_C, abs=0.15
    )


@given(st.integers(0, 22000), st.integers(0, 22000))
def test_more_counts_are_never_warmer(one, other):
    few, many = sorted((one, other))
    assert measured_C(TABLE_BRIDGE, few) >= measured_C(TABLE_BRIDGE, many)


def test_beta_is_exact_at_25_degrees_and_follows_its_formula():
    beta = {"model": "beta", "r25_ohm": 10000, "beta_K": 3435}
    assert temperature_cC(beta, 10000) == 2500
    # 1/T = 1/298.15 + ln(0.3) / 3435 gives T = 332.98 K.
    assert temperature_cC(beta, 3000) == pytest.approx(5980, abs=3)
    # 1/T = 1/298.15 + ln(10) / 3435 gives T = 248.48 K.
    assert temperature_cC(beta, 100000) == pytest.approx(-2467, abs=3)


def test_a_table_is_exact_at_its_points_and_saturates_at_its_ends():
    for place, ohm in enumerate(SEMITEC_TABLE["r_ohm"]):
        assert temperature_cC(SEMITEC_TABLE, ohm) == -4000 + 1000 * place
    assert temperature_cC(SEMITEC_TABLE, 10**7) == -4000
    assert temperature_cC(SEMITEC_TABLE, 1) == 13000


def test_a_table_is_interpolated_along_the_logarithm_of_the_resistance():
    assert temperature_cC(SEMITEC_TABLE, 10000) == pytest.approx(2500, abs=20)
    assert temperature_cC(SEMITEC_TABLE, 3536) == pytest.approx(5500, abs=10)


@pytest.mark.parametrize("curve", [curve_of(PARTS["Semitec 103AT"][0]), SEMITEC_TABLE])
def test_resistance_and_temperature_undo_each_other(curve):
    for cC in range(-3900, 12000, 700):
        assert temperature_cC(curve, resistance(curve, cC)) == pytest.approx(cC, abs=25)


def test_what_no_thermistor_can_have_saturates():
    curve = curve_of(PARTS["Semitec 103AT"][0])
    assert temperature_cC(curve, 1, 100) == thermistor.HOTTEST_cC
    assert temperature_cC(curve, 10**9) == thermistor.COLDEST_cC
    negative = {"model": "beta", "r25_ohm": 10**6, "beta_K": 1000}
    assert temperature_cC(negative, 1, 10**6) == thermistor.HOTTEST_cC


@pytest.mark.parametrize(
    ("coefficients", "error_K", "pull_up_ohm", "points"), PARTS.values(), ids=PARTS
)
def test_the_parts_are_good_with_their_pull_up(coefficients, error_K, pull_up_ohm, points):
    assert errors(sensors(curve_of(coefficients), pull_up_ohm)) == []


@pytest.mark.parametrize(
    ("curve", "path", "text"),
    [
        (None, "", "needs a model: beta, steinhart_hart, table"),
        ({"model": "pt100"}, "", "needs a model"),
        ({"model": []}, "", "needs a model"),
        ({"model": {}}, "", "needs a model"),
        (
            {"model": "beta", "r25_ohm": 99, "beta_K": 3435},
            ".r25_ohm",
            "99 is no whole number in 100",
        ),
        (
            {"model": "beta", "r25_ohm": 10000, "beta_K": 3e3},
            ".beta_K",
            "3000.0 is no whole number",
        ),
        (
            {"model": "beta", "r25_ohm": True, "beta_K": 3435},
            ".r25_ohm",
            "True is no whole number",
        ),
        ({"model": "beta", "r25_ohm": 10000}, ".beta_K", "None is no whole number"),
        (SEMITEC_TABLE | {"first_C": -61}, ".first_C", "-61 is no whole number in -60 .. 25 degC"),
        (SEMITEC_TABLE | {"gain": 1}, ".gain", "is not known"),
        (SEMITEC_TABLE | {"part": 103}, ".part", "103 is not a name"),
        (SEMITEC_TABLE | {"r_ohm": None}, ".r_ohm", "is not a list of 4 .. 64 resistances in ohm"),
        (SEMITEC_TABLE | {"r_ohm": [3, 2, 1]}, ".r_ohm", "is not a list of 4 .. 64"),
        (SEMITEC_TABLE | {"r_ohm": [4, 3, 2, 0]}, ".r_ohm", "0 is no resistance in ohm"),
        (SEMITEC_TABLE | {"r_ohm": [4, 3, "2", 1]}, ".r_ohm", "'2' is no resistance in ohm"),
        (SEMITEC_TABLE | {"r_ohm": [4, 3, 3, 1]}, ".r_ohm", "3 ohm does not fall"),
    ],
)
def test_a_bad_curve_is_refused(curve, path, text):
    (found_path, message), *_ = errors(sensors(curve))
    assert found_path == path
    assert text in message


def test_a_bridge_in_which_130_degrees_look_shorted_is_refused():
    curve = curve_of(PARTS["Semitec 103AT"][0])
    ((path, message),) = errors(sensors(curve, 10000))
    assert path == ""
    assert (
        message
        == "130 degC (473 ohm) gives 99 mV at 10000 ohm pull-up, too near the ADC's blind 150 mV"
    )


def test_a_bridge_in_which_minus_40_degrees_look_open_is_refused():
    curve = {"model": "beta", "r25_ohm": 1000000, "beta_K": 4500}
    ((_, message),) = errors(sensors(curve, 4700))
    assert "cannot be told from an open lead at 4700 ohm pull-up" in message


def test_a_table_that_ends_too_early_is_refused():
    assert errors(sensors(SEMITEC_TABLE | {"r_ohm": SEMITEC_TABLE["r_ohm"][:-2]})) != []
    assert errors(sensors(SEMITEC_TABLE | {"first_C": -30})) != []
