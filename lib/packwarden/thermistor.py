"""Thermistors: a table from the bridge's ratio to temperature, built at boot by big integers.

Each thermistor hangs below a pull-up of its own on a common excitation; a reference resistor below
an equal pull-up is measured like one of them, so that the excitation and the gain of the ADC drop
out: ratio = U(thermistor) / U(excitation), with U(excitation) = U(reference) * (Rp + Rr) / Rr.
The curve comes as Steinhart-Hart coefficients, as beta, or as a table of resistances.
"""

from micropython import const

from packwarden.fixed import BIAS, Q, ints, ln

SEGMENTS = const(512)  # of the ratio 0 .. 1; an interpolation error below 0.1 K from -40 to 130
RATIO_SHIFT = const(15)  # a ratio of 1 is 1 << 15; a segment is 1 << 6

COLDEST_cC = const(-6000)  # the table saturates here and ...
HOTTEST_cC = const(20000)  # ... here
COLD_cC = const(-4000)  # must still be told from an open lead ...
HOT_cC = const(13000)  # ... and this from a short
BLIND_raw = const(1500)  # 150 mV: below, the ESP32's ADC1 reads nothing reliable (in 0.1 mV)
SHORT_raw = const(1600)
HOT_MARGIN_raw = const(1700)
OPEN_MARGIN_raw = const(100)

_ZERO_C_cK = const(27315)
_MODELS = {
    "steinhart_hart": (
        ("a_e13", 1, 10**11, "in 1e-13 / K"),
        ("b_e13", 1, 10**11, "in 1e-13 / K"),
        ("c_e17", 0, 10**13, "in 1e-17 / K"),
    ),
    "beta": (("r25_ohm", 100, 1000000, "ohm"), ("beta_K", 1000, 6000, "K")),
    "table": (("first_C", -60, 25, "degC"), ("step_C", 1, 20, "K")),
}


def errors(sensors):
    """Return what is wrong with `sensors.thermistor` and its bridge: a list of (subpath, message).

    `sensors` holds pull_up_ohm, reference_ohm and excitation_mV already checked. Boot, host.
    """
    curve = sensors.get("thermistor")
    model = curve.get("model") if isinstance(curve, dict) else None
    # A tuple, since whatever JSON gives can be compared, but not be looked up in a dictionary.
    if model not in tuple(_MODELS):
        return [("", "needs a model: " + ", ".join(sorted(_MODELS)))]
    found = []
    for name, low, high, unit in _MODELS[model]:
        value = curve.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            found.append(
                ("." + name, "%r is no whole number in %s .. %s %s" % (value, low, high, unit))
            )
    if model == "table":
        found.extend(_table_errors(curve.get("r_ohm")))
    if not isinstance(curve.get("part", ""), str):
        found.append((".part", "%r is not a name" % (curve["part"],)))
    known = [row[0] for row in _MODELS[model]] + ["model", "part", "r_ohm"]
    for name in curve:
        if name not in known:
            found.append(("." + name, "is not known"))
    return found or _bridge_errors(sensors)


def _table_errors(points):
    if not isinstance(points, list) or not 4 <= len(points) <= 64:
        return [(".r_ohm", "is not a list of 4 .. 64 resistances in ohm")]
    for i in range(len(points)):
        if isinstance(points[i], bool) or not isinstance(points[i], int) or points[i] < 1:
            return [(".r_ohm", "%r is no resistance in ohm" % (points[i],))]
        if i and points[i] >= points[i - 1]:
            return [(".r_ohm", "%d ohm does not fall with the temperature" % points[i])]
    return []


def _bridge_errors(sensors):
    """Tell of a bridge in which 130 degC would look like a short or -40 degC like an open lead."""
    pull_up = sensors["pull_up_ohm"]
    excitation = 10 * sensors.get("excitation_mV", 2200)
    hot = resistance(sensors["thermistor"], HOT_cC)
    cold = resistance(sensors["thermistor"], COLD_cC)
    found = []
    if excitation * hot // (hot + pull_up) < HOT_MARGIN_raw:
        message = (
            "130 degC (%d ohm) gives %d mV at %d ohm pull-up, too near the ADC's blind 150 mV"
        )
        found.append(("", message % (hot, excitation * hot // (hot + pull_up) // 10, pull_up)))
    if excitation * pull_up // (cold + pull_up) < OPEN_MARGIN_raw:
        message = "-40 degC (%d ohm) cannot be told from an open lead at %d ohm pull-up"
        found.append(("", message % (cold, pull_up)))
    return found


def temperature_cC(curve, numerator, denominator=1):
    """Return the temperature in 0.01 degC of a resistance in ohm, given as a ratio. Boot, host.

    Steinhart-Hart: 1/T = A + B ln R + C (ln R)^3; beta: 1/T = 1/T25 + ln(R/R25)/beta.
    """
    if curve["model"] == "table":
        return _from_table(curve, ln(numerator, denominator))
    if curve["model"] == "beta":
        log = ln(numerator, denominator * curve["r25_ohm"])
        inverse = (100 << Q) // (_ZERO_C_cK + 2500) + log // curve["beta_K"]
    else:
        log = ln(numerator, denominator)
        inverse = ((curve["a_e13"] << Q) + curve["b_e13"] * log) // 10**13
        inverse += curve["c_e17"] * (log * log * log >> 2 * Q) // 10**17
    if inverse <= 0:
        return HOTTEST_cC
    cC = (100 << 2 * Q) // inverse
    return max(COLDEST_cC, min(HOTTEST_cC, (cC >> Q) - _ZERO_C_cK))


def _from_table(curve, log):
    """Interpolate ln R between the points of a table; beyond its ends the table saturates."""
    points = curve["r_ohm"]
    step_cC = 100 * curve["step_C"]
    warm = 100 * curve["first_C"]
    upper = ln(points[0])
    if log >= upper:
        return warm
    for r in points[1:]:
        lower = ln(r)
        if log > lower:
            return warm + step_cC * (upper - log) // (upper - lower)
        upper = lower
        warm += step_cC
    return warm


def resistance(curve, cC):
    """Return the resistance in ohm at a temperature in 0.01 degC, by bisection. Boot, host."""
    low, high = 1, 1 << 27
    while low < high:
        middle = (low + high) // 2
        if temperature_cC(curve, middle) > cC:
            low = middle + 1
        else:
            high = middle
    return low


class Bridge:
    """What the control step needs of the bridge; made once at boot.

    `table`: temperature (biased 0.01 degC) at each 1/512 of the ratio. `gain`: ratio (1 is 1 <<
    15) = counts * gain // counts of the reference. `open_gain`: counts above
    reference * open_gain >> 12 are an open lead. `reference_low`, `reference_high`: the counts
    (0.1 mV) between which the reference channel is believed.
    """

    def __init__(self, sensors, excitation_mV):
        pull_up = sensors["pull_up_ohm"]
        reference = sensors["reference_ohm"]
        curve = sensors["thermistor"]
        self.gain = (reference << RATIO_SHIFT) // (reference + pull_up)
        self.table = ints(SEGMENTS + 1, HOTTEST_cC + BIAS)
        for i in range(1, SEGMENTS):
            self.table[i] = temperature_cC(curve, pull_up * i, SEGMENTS - i) + BIAS
        self.table[SEGMENTS] = COLDEST_cC + BIAS
        cold = resistance(curve, COLD_cC)
        # Half way between the ratio at -40 degC and 1, over the reference's own ratio.
        open_e16 = (((2 * cold + pull_up) << 16) // (cold + pull_up)) // 2
        self.open_gain = ((open_e16 * (reference + pull_up)) // reference) >> 4
        nominal = 10 * excitation_mV * reference // (reference + pull_up)
        self.reference_low = nominal * 94 // 100
        self.reference_high = nominal * 106 // 100
