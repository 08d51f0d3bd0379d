"""Range proof: no input takes the step outside the small integers of a board of 32 bits.

A copy of the library whose integers and arrays raise is driven at the corners of all inputs and
all settings, and at random. That the proof can fail is shown by kernels that have a defect.
"""

import copy
import random

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from packwarden import curves, settings
from packwarden.chips.ina2xx import CHIPS
from packwarden.fixed import BIAS, MASK, NONE
from packwarden.frame import OK, WRONG_CHIP
from packwarden.protection import GAP_ms
from packwarden_host.configurations import (
    every_row_on,
    largest,
    narrowest,
    ordinary,
    uneven,
    widest,
    with_curve,
    with_sensors,
)
from proofs import checked
from proofs.checked import OutOfBounds, OutOfRange, Small
from proofs.driving import HIGHEST_ADC, Drive, SPANS_ms

pytestmark = pytest.mark.usefixtures("untraced")
STARTS_ms = (0, 1, MASK)
ENDS = {"widest": widest, "narrowest": narrowest, "largest": largest}


@pytest.mark.parametrize("now_ms", STARTS_ms)
def test_a_full_bank_at_every_corner(now_ms):
    drive = Drive(every_row_on(ordinary(15), 100), now_ms)
    drive.ordeal(240, random.Random(now_ms))
    assert {kind for kind, _ in drive.seen} == set(range(7))
    assert len({element for kind, element in drive.seen if kind == 3}) >= 6


@pytest.mark.parametrize("monitor", sorted(CHIPS))
@pytest.mark.parametrize("batteries", [1, 2, 3, 15])
@pytest.mark.parametrize("end", ENDS)
def test_settings_at_their_ends(end, batteries, monitor):
    drive = Drive(ENDS[end](batteries, monitor), STARTS_ms[batteries % 3])
    drive.ordeal(45 if batteries == 15 else 99, random.Random(f"{end}{batteries}{monitor}"))
    assert drive.seen


@pytest.mark.parametrize("feedback", settings.FEEDBACKS)
@pytest.mark.parametrize("kind", settings.BREAKER_KINDS)
def test_every_breaker(kind, feedback):
    drive = Drive(widest(2, "ina228", kind=kind, feedback=feedback), MASK)
    drive.ordeal(150, random.Random(f"{kind}{feedback}"))
    assert len({element for kind, element in drive.seen if kind == 3}) >= 6


@pytest.mark.parametrize("monitor", ["ina228", "ina238"])
@pytest.mark.parametrize("batteries", [2, 3, 15])
@pytest.mark.parametrize("small", [0, 1])
@pytest.mark.parametrize(
    "sensors",
    [
        {"main_shunt_uohm": 1, "control_supply_V": 0.001},
        {"main_shunt_uohm": 5000, "control_supply_V": 56},
        {"control_supply_V": 0},
    ],
)
def test_parts_main_shunt_and_supply_at_their_ends(sensors, small, batteries, monitor):
    drive = Drive(uneven(widest(batteries, monitor, **sensors), small), MASK)
    assert (drive.frame.main >= 0) == ("main_shunt_uohm" in sensors)
    drive.ordeal(45, random.Random(f"{sensors}{small}{batteries}"))
    assert drive.seen


# What a battery may carry in mA: nothing, about the least that carries, rated, the most.
CURRENTS_mA = (0, 1, -1, 99, 199, 200, 201, -200, 299, 301, 500, 10_000, -10_000, 10**7, -(10**7))


def bank_of_15(small, change=None):
    """The kernels of a bank of the smallest rating and the largest currents, after boot."""
    made = checked.protection(uneven(widest(15, "ina228"), small), change)
    frame = made.frame
    for channel in range(frame.voltage, frame.terminal):
        made.quantities.measured[channel] = BIAS + 56_000
    return made.quantities


BANKS = (bank_of_15(0), bank_of_15(1))


@example_settings(max_examples=150)
@given(
    st.sampled_from(BANKS),
    st.lists(
        st.none() | st.sampled_from(CURRENTS_mA) | st.integers(-(10**7), 10**7),
        min_size=15,
        max_size=15,
    ),
    st.integers(0, 0xFFFF),
    st.integers(0, 0x7FFF),
    st.integers(0, 0x7FFF),
    st.integers(0, MASK),
)
def test_any_currents_and_any_departures(quantities, currents_mA, closed, leaving, locked, now_ms):
    depart(quantities, currents_mA, closed, leaving, locked, now_ms)
    assert 0 <= quantities.without(Small(closed), Small(leaving)) <= 10**7


def depart(quantities, currents_mA, closed=0xFFFF, leaving=0, locked=0, now_ms=0):
    """Find the quantities of these currents (None: not measured) and of these breakers."""
    for k, current_mA in enumerate(currents_mA):
        quantities.measured[k] = NONE if current_mA is None else BIAS + current_mA
    closed, leaving, locked, now_ms = map(Small, (closed, leaving, locked, now_ms))
    quantities.currents(now_ms, closed)
    quantities.departures(now_ms, closed, leaving, leaving | locked)
    quantities.potentials(closed, locked)


@pytest.mark.parametrize(
    ("stays_mA", "old", "new"),
    [
        (10**7, "gone = int(quotient(gone, 100))", "gone = int(quotient(gone, 1))"),
        (0, "    if highest > 1000000:\n        highest = 1000000\n", ""),
    ],
)
def test_a_defect_of_the_prediction_is_found(stays_mA, old, new):
    quantities = bank_of_15(0, ("cascade", old, new))
    with pytest.raises(OutOfRange):
        depart(quantities, [10**7] * 14 + [stays_mA], leaving=0x3FFF)


def sweep(made):
    """Every current through the integrators of a battery and of the bank."""
    integrate = made.step.__globals__["integrate"]
    values, places = made.quantities.values, made.quantities.places
    whose = zip(made.integrators, ("load", "bank_load"), (1, made.bank.batteries), strict=True)
    for integrator, name, batteries in whose:
        load_mA = 0
        while load_mA < 10_000_000 * batteries:
            values[places[name]] = BIAS + load_mA
            for span_ms in (0, 1, 10, GAP_ms):
                integrate(integrator.ctx, Small(span_ms), Small(span_ms), Small(1))
            load_mA += 1 + load_mA // 60


@pytest.mark.parametrize("tms", settings.TMS)
@pytest.mark.parametrize("curve", sorted(curves.CURVES))
def test_every_curve_at_every_current(curve, tms):
    made = checked.protection(with_curve(widest(15, "ina228"), curve, tms))
    sweep(made)
    assert [made.integrators[i].way[0] for i in (0, 1)] == [curves.FULL] * 2


@pytest.mark.parametrize(
    "sensors",
    [
        {"excitation_mV": 2400},
        {"reference_ohm": 500},
        {"reference_ohm": 100000},
        {"thermistor": {"model": "beta", "r25_ohm": 10**6, "beta_K": 1000}, "pull_up_ohm": 10**5},
        {"thermistor": {"model": "beta", "r25_ohm": 100, "beta_K": 1000}, "pull_up_ohm": 500},
        {"thermistor": {"model": "beta", "r25_ohm": 10**5, "beta_K": 4300}, "pull_up_ohm": 27000},
        {
            "thermistor": {"model": "beta", "r25_ohm": 10000, "beta_K": 1000},
            "pull_up_ohm": 10000,
            "excitation_mV": 1000,
        },
        {
            "thermistor": {
                "model": "table",
                "first_C": -60,
                "step_C": 20,
                "r_ohm": [200000 >> i for i in range(11)],
            },
            "pull_up_ohm": 2000,
            "reference_ohm": 100000,
        },
    ],
)
def test_every_thermistor_at_every_voltage(sensors):
    drive = Drive(with_sensors(ordinary(1), sensors))
    drive.arm()
    for reference in drive.reference:
        for count in range(0, HIGHEST_ADC, 190):
            drive.tick(10, [0, 0, 0, count, count, count, reference])


TEMPLATE = Drive(every_row_on(ordinary(3), 100), MASK - 50)


@st.composite
def frames(draw):
    """(span, counts, notes, masks) of a tick: anything that acquisition can give."""
    channels = range(TEMPLATE.frame.channels)
    counts = [
        draw(st.one_of(st.sampled_from(TEMPLATE.corners(c)), st.integers(*TEMPLATE.limits(c))))
        for c in channels
    ]
    notes = None
    if draw(st.integers(0, 4)) == 4:
        notes = [draw(st.integers(OK, WRONG_CHIP)) for _ in channels]
    span_ms = draw(st.one_of(st.sampled_from(SPANS_ms), st.integers(0, MASK)))
    return span_ms, counts, notes, (draw(st.integers(0, 0xFFFF)), draw(st.integers(0, 0xFFFF)))


@example_settings(max_examples=60)
@given(st.lists(st.tuples(frames(), st.integers(1, 4)), min_size=1, max_size=4))
def test_any_frames(sequence):
    drive = copy.deepcopy(TEMPLATE)
    drive.arm()
    for frame, times in sequence:
        for _ in range(times):
            drive.tick(*frame)


# What is wrong with a kernel: (module, its source, the source with the defect).
DEFECTS = {
    "a product with too many places": ("measure", "code * whole", "code * (whole << 10 | upper)"),
    "mA instead of 0.1 A": (
        "curves",
        "(stored - _BIAS) // step_mA * _M_ONE // pickup",
        "(stored - _BIAS) * _M_ONE // (pickup * step_mA)",
    ),
    "a way that is multiplied first": (
        "curves",
        "rate >= (FULL - done) // dt + 1",
        "rate * dt > FULL - done",
    ),
    "a percentage of mA": (
        "shares",
        "off // 100 * 1000 // (expected // 100)",
        "off * 1000 // expected",
    ),
    "a current that is weighed at once": (
        "currents",
        "(i >> 10) * parts + (((i & 1023) * parts) >> 10)",
        "(i * parts) >> 10",
    ),
    "a negative voltage stored": ("voltages", "_BIAS - (volts - _BIAS)", "0 - (volts - _BIAS)"),
    "a count beyond 30 bits": ("validate", "(fresh[ch] - _MASK)", "(fresh[ch] + 1)"),
    "a time held beyond 6 days": ("decide", "min((now_ms - since_ms) & MASK, BIAS - 1)", "BIAS"),
    "a time added at once": ("protection", "log.ms + dt % 1000", "log.ms + dt"),
    "a negative number stored": ("heat", "rise = own - siblings + _BIAS", "rise = own - siblings"),
    "a place before the array": ("medians", "while i > 0 and at[i", "while at[i"),
    "a place behind the array": (
        "heat",
        "while t < terminals:\n        own = measured",
        "while t <= terminals:\n        own = measured",
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_found(name):
    drive = Drive(widest(15, "ina228"), change=DEFECTS[name])
    with pytest.raises((OutOfRange, OutOfBounds)):
        drive.ordeal(400, random.Random(5))
