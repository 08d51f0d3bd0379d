"""51 by replay: every curve against its formula, over 1.2 to 20 times the pickup.

The figures are those of IEC 60255-151 and IEEE C37.112: t = TMS (k / (M^alpha - 1) + c). What is
held is the accuracy class of a protection relay: 5 %, or 40 ms where that is more.
"""

import pytest

from system.runs import bank, replayed, told, trace

FORMULAS = {
    "IEC_SI": (0.14, 0.02, 0),
    "IEC_VI": (13.5, 1, 0),
    "IEC_EI": (80, 2, 0),
    "IEEE_MI": (0.0515, 0.02, 0.114),
    "IEEE_VI": (19.61, 2, 0.491),
    "IEEE_EI": (28.2, 2, 0.1217),
}
MULTIPLES = (1.2, 1.3, 1.5, 1.7, 2, 2.5, 3, 4, 5, 6.5, 8, 10, 13, 16, 20)
PICKUP_A = 25  # 20 times that is within the monitors' range
TMS = 0.2
BEGIN_S = 1
SETTLED_A = 5


def formula_s(curve, multiple):
    k, alpha, c = FORMULAS[curve]
    return TMS * (k / (multiple**alpha - 1) + c)


def only(config, slug, **levels):
    """Switch every level of every element off but these."""
    for name, given in config["elements"].items():
        for key in given:
            given[key] = levels[key] if name == slug and key in levels else "off"
    return config


@pytest.mark.holds("IEC 60255-151", "IEEE C37.112", "overcurrent_inverse")
@pytest.mark.parametrize("curve", FORMULAS)
def test_every_curve_trips_by_its_formula(curve):
    """Fifteen batteries at fifteen multiples of the pickup, in one run."""
    n = len(MULTIPLES)
    trip = {"pickup": PICKUP_A, "curve": curve, "tms": TMS}
    config = only(bank(n), "overcurrent_inverse", trip=trip)
    flows = {f"i{k}_A": PICKUP_A * m for k, m in enumerate(MULTIPLES, 1)}
    quiet = dict.fromkeys(flows, SETTLED_A)
    last_s = BEGIN_S + 1.1 * formula_s(curve, MULTIPLES[0])
    events = replayed(trace((0, quiet), (BEGIN_S, flows), (last_s, {})), config).events
    trips = {e["battery"]: e for e in told(events, kind="trip")}
    for battery, multiple in enumerate(MULTIPLES, 1):
        expected_ms = 1000 * formula_s(curve, multiple)
        taken_ms = trips[battery]["t_ms"] - 1000 * BEGIN_S
        assert abs(taken_ms - expected_ms) <= max(0.05 * expected_ms, 40), multiple


@pytest.mark.holds("bank_overcurrent")
@pytest.mark.parametrize("curve", ["IEC_EI", "IEEE_VI"])
def test_the_banks_own_curve_trips_the_main(curve):
    trip = {"pickup": 100, "curve": curve, "tms": TMS}
    config = only(bank(4), "bank_overcurrent", trip=trip)
    flows = {f"i{k}_A": 75 for k in range(1, 5)}
    quiet = dict.fromkeys(flows, SETTLED_A)
    expected_ms = 1000 * formula_s(curve, 3)
    events = replayed(trace((0, quiet), (1, flows), (2 + expected_ms / 900, {})), config).events
    (event,) = told(events, kind="trip")
    assert (event["element"], event["battery"], event["action"]) == (
        "bank_overcurrent",
        None,
        "trip_main",
    )
    assert abs(event["t_ms"] - 1000 - expected_ms) <= max(0.05 * expected_ms, 40)


def test_just_below_the_pickup_nothing_trips():
    trip = {"pickup": PICKUP_A, "curve": "IEC_EI", "tms": 0.01}
    config = only(bank(2), "overcurrent_inverse", trip=trip)
    events = replayed(trace((0, {"i1_A": 24.9, "i2_A": 5}), (120, {})), config).events
    assert told(events, kind="trip") == []
