"""The multiplexers and the ADC model: wiring, settling, whole millivolts, dead zone, faults."""

import pytest

from packwarden_sim.chips.adc import CEILING_MV, FLOOR_MV
from packwarden_sim.chips.thermistor_mux import MuxChannel, SelectLines
from packwarden_sim.clock import us
from packwarden_sim.costs import ADC_READ_US, MUX_SETTLE_US

OPEN_UV = 2_200_000


@pytest.fixture
def lines():
    us[0] = 0
    return SelectLines()


def channel(lines, adc_uv, seed=1, number=0):
    wiring = list(range(len(adc_uv))) + [None] * (16 - len(adc_uv))
    return MuxChannel(lines, number, wiring, adc_uv, OPEN_UV, seed)


def select(lines, address):
    for line in range(4):
        lines.set(line, address >> line & 1)


def test_readings_are_whole_millivolts_around_the_pin(lines):
    mux = channel(lines, [1_000_400])
    seen = {mux.read_uv() for _ in range(200)}
    assert seen == {999_000, 1_000_000, 1_001_000}
    assert us[0] == 200 * ADC_READ_US


@pytest.mark.parametrize(("pin_uv", "shown_mv"), [(0, FLOOR_MV), (5_000_000, CEILING_MV)])
def test_the_converter_ends_at_its_limits(lines, pin_uv, shown_mv):
    assert {channel(lines, [pin_uv]).read_uv() for _ in range(50)} == {shown_mv * 1000}


def test_an_input_that_is_not_wired_reads_the_excitation(lines):
    select(lines, 9)
    us[0] += MUX_SETTLE_US
    assert abs(channel(lines, [1_000_000]).read_uv() - OPEN_UV) <= 1000


def test_the_old_input_is_seen_until_the_filter_has_settled(lines):
    us[0] = 10_000
    mux = channel(lines, [1_000_000, 300_000, 300_000, 1_500_000])
    select(lines, 3)
    assert abs(mux.read_uv() - 1_000_000) <= 1000
    us[0] += MUX_SETTLE_US
    assert abs(mux.read_uv() - 1_500_000) <= 1000


def test_a_stuck_select_line_reads_another_input(lines):
    mux = channel(lines, [400_000, 800_000, 1_200_000, 1_600_000])
    lines.stick(0, 1)
    select(lines, 2)
    us[0] += MUX_SETTLE_US
    assert abs(mux.read_uv() - 1_600_000) <= 1000
    lines.stick(0, None)
    select(lines, 3)
    select(lines, 2)
    us[0] += MUX_SETTLE_US
    assert abs(mux.read_uv() - 1_200_000) <= 1000


def test_channels_have_noise_of_their_own_that_the_seed_repeats(lines):
    def run(seed, number):
        mux = channel(lines, [1_000_000], seed, number)
        return [mux.read_uv() for _ in range(40)]

    assert run(1, 0) == run(1, 0)
    assert run(1, 0) != run(1, 1)
    assert run(1, 0) != run(2, 0)
