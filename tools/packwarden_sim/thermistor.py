"""Thermistor models in floating point, from temperature to resistance and to the pin of the ADC.

The firmware has its own integer table the other way round; nothing is shared, so that an error in
one shows against the other.
"""

from math import exp, log, sqrt

ZERO_CELSIUS_K = 273.15
R25_TEMPERATURE_K = 298.15
MOST_OHM = 1e9


def resistance_ohm(thermistor, temperature_C):
    """Return the resistance at a temperature in degC (kept above -100), at most 1 GOhm.

    `thermistor` is `sensors.thermistor` of a valid bank configuration: Steinhart-Hart coefficients
    as integers (`a_e13`, `b_e13`, `c_e17`), Beta with the resistance at 25 degC, or a table.
    """
    inverse_K = 1.0 / (max(temperature_C, -100.0) + ZERO_CELSIUS_K)
    log_ohm = _MODELS[thermistor["model"]](thermistor, inverse_K)
    return exp(min(log_ohm, log(MOST_OHM)))


def _steinhart_hart(thermistor, inverse_K):
    """ln R from 1/T = A + B ln R + C (ln R)^3, by Cardano's formula for its one real root."""
    a = thermistor["a_e13"] * 1e-13
    b = thermistor["b_e13"] * 1e-13
    c = thermistor["c_e17"] * 1e-17
    if not c:
        return (inverse_K - a) / b
    half = (inverse_K - a) / (2.0 * c)
    root = sqrt((b / (3.0 * c)) ** 3 + half * half)
    return _cube_root(root + half) - _cube_root(root - half)


def _beta(thermistor, inverse_K):
    """ln R from R = R25 exp(Beta (1/T - 1/298.15 K))."""
    exponent = thermistor["beta_K"] * (inverse_K - 1.0 / R25_TEMPERATURE_K)
    return log(thermistor["r25_ohm"]) + exponent


def _table(thermistor, inverse_K):
    """ln R from a table: straight in ln R over 1/T between points, the ends prolonged."""
    step = thermistor["step_C"]
    points = thermistor["r_ohm"]
    place = (1.0 / inverse_K - ZERO_CELSIUS_K - thermistor["first_C"]) / step
    index = int(min(max(place, 0.0), len(points) - 2))
    cold_K = thermistor["first_C"] + index * step + ZERO_CELSIUS_K
    low, high = log(points[index]), log(points[index + 1])
    share = (1.0 / cold_K - inverse_K) / (1.0 / cold_K - 1.0 / (cold_K + step))
    return low + (high - low) * share


def _cube_root(value):
    """Cube root of a positive number (MicroPython has no cbrt)."""
    return value ** (1.0 / 3.0) if value > 0.0 else 0.0


_MODELS = {"steinhart_hart": _steinhart_hart, "beta": _beta, "table": _table}
