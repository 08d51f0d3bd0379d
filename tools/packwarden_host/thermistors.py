"""Thermistor parts and the divider they sit in, in floating point for the host side.

The board has its own integer table; this module goes the other way, from a temperature to what the
pin of the ADC carries, and chooses the pull-up.
"""

import math
from dataclasses import dataclass

from packwarden.thermistor import HOT_cC, HOT_MARGIN_raw

ZERO_CELSIUS_K = 273.15
R25_TEMPERATURE_K = 298.15

# What the pin has to carry at the hottest terminal that is still a temperature and no short: the
# ESP32's ADC1 is blind below 150 mV, and the configuration asks for a margin above that.
HOTTEST_READABLE_C = HOT_cC / 100
LOWEST_READABLE_MV = HOT_MARGIN_raw / 10

# Preferred resistor values of the E12 series that make sense as a pull-up, in ohm.
E12_OHM = tuple(
    base * decade
    for decade in (100, 1_000, 10_000)
    for base in (1.0, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2)
)
PREFERRED_PULL_UP_OHM = 4700


@dataclass(frozen=True)
class Part:
    """One catalogue part: three-term Steinhart-Hart, 1/T = A + B ln R + C (ln R)^3.

    A and B are integers in 1e-13, C in 1e-17 (R in ohm, T in kelvin); `error_C` is the largest
    error of the fit over -40..125 degC against the maker's table.
    """

    title: str
    a_e13: int
    b_e13: int
    c_e17: int
    error_C: float

    def settings(self, name: str) -> dict:
        """The part as `sensors.thermistor` of the bank configuration."""
        return {
            "part": name,
            "model": "steinhart_hart",
            "a_e13": self.a_e13,
            "b_e13": self.b_e13,
            "c_e17": self.c_e17,
        }


PARTS = {
    "semitec_103at": Part(
        "Semitec 103AT, 10 kOhm, B25/85 3435 K", 8_827_908_763, 2_521_621_322, 19_064_368_990, 0.09
    ),
    "tdk_b57861s0103": Part(
        "TDK B57861S0103, 10 kOhm, B25/100 3988 K",
        11_254_370_710,
        2_346_896_116,
        8_572_446_171,
        0.03,
    ),
    "murata_ncp18xh103": Part(
        "Murata NCP18XH103, 10 kOhm, B25/50 3380 K",
        8_771_401_452,
        2_532_398_028,
        18_443_457_540,
        0.39,
    ),
}


def resistance_ohm(thermistor: dict, temperature_C: float) -> float:
    """Resistance of a configured thermistor at a temperature above absolute zero, in ohm.

    `thermistor` is `sensors.thermistor` of a valid configuration. Far outside the part's range the
    model is followed as it is, but never beyond 1 GOhm.
    """
    temperature_K = temperature_C + ZERO_CELSIUS_K
    if temperature_K <= 0:
        raise ValueError("a temperature is above -273.15 degC")
    log_r = _LOG_RESISTANCE[thermistor["model"]](thermistor, 1.0 / temperature_K)
    return math.exp(min(log_r, math.log(1e9)))


def _steinhart_hart(thermistor: dict, inverse_K: float) -> float:
    """ln R from 1/T: the one real root of C x^3 + B x + (A - 1/T) = 0 (Cardano)."""
    a = thermistor["a_e13"] * 1e-13
    b = thermistor["b_e13"] * 1e-13
    c = thermistor["c_e17"] * 1e-17
    if c == 0:
        return (inverse_K - a) / b
    half = (inverse_K - a) / (2.0 * c)
    root = math.sqrt((b / (3.0 * c)) ** 3 + half * half)
    return math.cbrt(half + root) + math.cbrt(half - root)


def _beta(thermistor: dict, inverse_K: float) -> float:
    """ln R from 1/T: R = R25 exp(Beta (1/T - 1/298.15 K))."""
    exponent = thermistor["beta_K"] * (inverse_K - 1.0 / R25_TEMPERATURE_K)
    return math.log(thermistor["r25_ohm"]) + exponent


def _table(thermistor: dict, inverse_K: float) -> float:
    """ln R from 1/T: straight in T between points, as on the board; the ends are prolonged."""
    points = thermistor["r_ohm"]
    steps = (1.0 / inverse_K - ZERO_CELSIUS_K - thermistor["first_C"]) / thermistor["step_C"]
    index = int(min(max(steps, 0), len(points) - 2))
    colder, warmer = math.log(points[index]), math.log(points[index + 1])
    return colder + (steps - index) * (warmer - colder)


_LOG_RESISTANCE = {"steinhart_hart": _steinhart_hart, "beta": _beta, "table": _table}


def pin_microvolts(thermistor: dict, pull_up_ohm: float, supply_mV: int, temp_C: float) -> int:
    """What the ADC pin carries: the thermistor to ground, the pull-up to the excitation, in uV."""
    r_ohm = resistance_ohm(thermistor, temp_C)
    return round(1000.0 * supply_mV * r_ohm / (r_ohm + pull_up_ohm))


def largest_pull_up_ohm(thermistor: dict, supply_mV: int) -> float:
    """The pull-up in ohm at which 130 degC still gives the lowest readable voltage."""
    r_hot_ohm = resistance_ohm(thermistor, HOTTEST_READABLE_C)
    return r_hot_ohm * (supply_mV - LOWEST_READABLE_MV) / LOWEST_READABLE_MV


def default_pull_up_ohm(thermistor: dict, supply_mV: int) -> int:
    """4.7 kOhm where 130 degC stays readable with it, else the next lower E12 value that does."""
    largest = min(largest_pull_up_ohm(thermistor, supply_mV), PREFERRED_PULL_UP_OHM)
    fitting = [value for value in E12_OHM if value <= largest]
    return round(max(fitting, default=E12_OHM[0]))
