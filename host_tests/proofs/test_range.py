"""Range proof: no input takes the step outside the small integers of a board of 32 bits.

A copy of the library whose integers and arrays raise is driven at the corners of all inputs and
all settings, and at random. That the proof can fail is shown by kernels that have a defect.
"""

import copy
import random
import sys

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from packwarden import curves, settings
from packwarden.chips.ina2xx import CHIPS
from packwarden.fixed import BIAS, MASK
from packwarden.frame import OK, WRONG_CHIP
from packwarden.protection import GAP_ms
from proofs import checked
from proofs.checked import OutOfBounds, OutOfRange, Small
from proofs.configurations import (
    every_row_on,
    largest,
    narrowest,
    ordinary,
    widest,
    with_curve,
    with_sensors,
)
from proofs.driving import HIGHEST_ADC, Drive, SPANS_ms


@pytest.fixture(autouse=True)
def _untraced():
    """Coverage learns nothing from a copy of the library, and would double the time."""
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)


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


def sweep(made):
    """Every current through the integrator of one battery."""
    integrate = made.step.__globals__["integrate"]
    values, place = made.quantities.values, made.quantities.places["load"]
    load_mA = 0
    while load_mA < 10_000_000:
        values[place] = BIAS + load_mA
        for span_ms in (0, 1, 10, GAP_ms):
            integrate(made.integrator.ctx, Small(span_ms), Small(span_ms), Small(1))
        load_mA += 1 + load_mA // 60


@pytest.mark.parametrize("tms", settings.TMS)
@pytest.mark.parametrize("curve", sorted(curves.CURVES))
def test_every_curve_at_every_current(curve, tms):
    made = checked.protection(with_curve(widest(1, "ina228"), curve, tms))
    sweep(made)
    assert made.integrator.way[0] == curves.FULL


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
        "(stored - _BIAS) // 100 * _M_ONE // pickup",
        "(stored - _BIAS) * _M_ONE // (pickup * 100)",
    ),
    "a way that is multiplied first": (
        "curves",
        "rate >= (FULL - done) // dt + 1",
        "rate * dt > FULL - done",
    ),
    "a percentage of mA": (
        "quantities",
        "off // 100 * 1000 // (expected // 100)",
        "off * 1000 // expected",
    ),
    "a count beyond 30 bits": ("validate", "(fresh[ch] - _MASK)", "(fresh[ch] + 1)"),
    "a time held beyond 6 days": ("decide", "min((now_ms - since_ms) & MASK, BIAS - 1)", "BIAS"),
    "a time added at once": ("protection", "log.ms + dt % 1000", "log.ms + dt"),
    "a negative number stored": ("heat", "rise = own - siblings + _BIAS", "rise = own - siblings"),
    "a place before the array": ("quantities", "while i > 0 and at[i", "while at[i"),
    "a place behind the array": ("validate", "while k < batteries:", "while k <= batteries:"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_found(name):
    drive = Drive(widest(15, "ina228"), change=DEFECTS[name])
    with pytest.raises((OutOfRange, OutOfBounds)):
        drive.ordeal(400, random.Random(5))
