"""Believed counts become engineering values, exact to less than their last digit."""

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cabinets import SEMITEC_103AT
from packwarden.chips.ina2xx import CHIPS
from packwarden.fixed import BIAS, NONE, ints
from packwarden.frame import Frame
from packwarden.measure import Measurement
from packwarden.thermistor import Bridge

# Data sheets: shunt count in nV, bus count in uV, bits.
COUNTS = {
    "ina226": (Fraction(2500), Fraction(1250), 16),
    "ina228": (Fraction("312.5"), Fraction("195.3125"), 20),
    "ina238": (Fraction(5000), Fraction(3125), 16),
}


def bridge(pull_up_ohm=4700):
    a, b, c = SEMITEC_103AT
    curve = {"model": "steinhart_hart", "a_e13": a, "b_e13": b, "c_e17": c}
    sensors = {"thermistor": curve, "pull_up_ohm": pull_up_ohm, "reference_ohm": pull_up_ohm}
    return Bridge(sensors, 2200)


BRIDGE = bridge()


class Bench:
    """A measurement over counts that are set by channel."""

    def __init__(self, chip="ina228", shunt_uohm=250, batteries=2, main_shunt_uohm=0):
        self.frame = Frame(batteries, True, main_shunt_uohm > 0)
        self.held = ints(self.frame.channels, NONE)
        values = ints(self.frame.channels, NONE)
        self.measurement = Measurement(
            self.frame, self.held, values, BRIDGE, CHIPS[chip], shunt_uohm, main_shunt_uohm
        )

    def value(self, channel, count):
        self.held[channel] = BIAS + count
        self.measurement.run()
        return self.measurement.value(channel)


@st.composite
def chip_and_code(draw):
    chip = draw(st.sampled_from(sorted(COUNTS)))
    half = 1 << (COUNTS[chip][2] - 1)
    return chip, draw(st.integers(-half, half - 1))


@given(chip_and_code(), st.integers(16, 5000))
@example(("ina228", 524287), 375)
@example(("ina228", -524288), 375)
@example(("ina228", 524287), 188)
@example(("ina228", -1), 250)
def test_a_current_is_exact_to_less_than_a_milliampere(chip_code, shunt_uohm):
    chip, code = chip_code
    exact_mA = COUNTS[chip][0] * code / shunt_uohm
    assert abs(Bench(chip, shunt_uohm).value(1, code) - exact_mA) < 1


@given(chip_and_code())
def test_a_voltage_is_exact_to_less_than_a_millivolt(chip_code):
    chip, code = chip_code
    bench = Bench(chip)
    exact_mV = COUNTS[chip][1] * code / 1000
    for channel in (bench.frame.voltage, bench.frame.bus):
        assert abs(bench.value(channel, code) - exact_mV) < 1


@given(st.integers(0, 524287), st.integers(16, 5000))
def test_charge_and_discharge_are_measured_alike(code, shunt_uohm):
    bench = Bench("ina228", shunt_uohm)
    assert abs(bench.value(0, code) + bench.value(0, -code)) <= 1


def test_examples_of_the_shipped_shunt():
    bench = Bench()
    assert bench.value(0, 80000) == 100000
    assert bench.value(0, -80000) == -100000
    assert bench.value(0, 0) == 0
    assert bench.value(bench.frame.bus, 270336) == 52800


@given(chip_and_code(), st.integers(1, 5000))
def test_the_main_shunt_has_a_ratio_of_its_own(chip_code, main_uohm):
    chip, code = chip_code
    bench = Bench(chip, 250, main_shunt_uohm=main_uohm)
    assert abs(bench.value(bench.frame.main, code) - COUNTS[chip][0] * code / main_uohm) < 1
    assert abs(bench.value(0, code) - COUNTS[chip][0] * code / 250) < 1


@given(st.integers(0, 100000))
def test_the_supply_of_the_coils_comes_in_millivolts(volts_mV):
    bench = Bench()
    assert bench.value(bench.frame.supply, volts_mV) == volts_mV


def test_a_count_that_is_not_believed_has_no_value():
    bench = Bench()
    assert bench.value(0, 80000) == 100000
    assert bench.measurement.value(1) is None
    bench.held[0] = NONE
    bench.measurement.run()
    assert bench.measurement.value(0) is None


@pytest.mark.parametrize(("counts", "temperature_C"), [(14964, 25), (8606, 60), (5761, 80)])
def test_a_thermistor_against_the_reference(counts, temperature_C):
    # The 103AT has 10000, 3020 and 1668 ohm there, below 4700 ohm on 2200 mV.
    bench = Bench()
    bench.value(bench.frame.reference, 11000)
    for channel in (bench.frame.terminal, bench.frame.ambient):
        assert bench.value(channel, counts) == pytest.approx(100 * temperature_C, abs=8)


def test_without_the_reference_there_is_no_temperature():
    bench = Bench()
    assert bench.value(bench.frame.terminal, 11000) is None
    bench.value(bench.frame.reference, 11000)
    assert bench.value(bench.frame.terminal, 11000) is not None
    assert bench.value(bench.frame.reference, 0) is None
    assert bench.measurement.value(bench.frame.terminal) is None


def test_the_reference_itself_is_no_temperature():
    bench = Bench()
    assert bench.value(bench.frame.reference, 11000) is None


@given(st.integers(0, 32767), st.integers(1, 32767))
def test_every_count_gives_a_temperature_of_the_table(counts, reference_counts):
    bench = Bench()
    bench.held[bench.frame.reference] = BIAS + reference_counts
    assert -6000 <= bench.value(bench.frame.ambient, counts) <= 20000
