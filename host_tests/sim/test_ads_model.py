"""The ADS1115 model against its data sheet: registers, inputs, ranges, rates, modes, faults."""

import pytest

from packwarden_sim.chips.ads1115 import Ads1115
from packwarden_sim.clock import us

INPUTS_UV = [100_000, 1_500_000, 2_000_000, 3_000_000]
SINGLE, AT_128 = 0x0100, 0x0080
OFF = 0x0003  # the comparator
LSB_UV = {0: 187.5, 1: 125, 2: 62.5, 3: 31.25, 4: 15.625, 5: 7.8125}


@pytest.fixture
def chip():
    us[0] = 0
    return Ads1115(0, [0, 1, 2, 3], list(INPUTS_UV), 2_200_000, 1)


def put(chip, register, word):
    chip.write(bytes((register, word >> 8, word & 0xFF)))


def get(chip, register):
    chip.write(bytes((register,)))
    data = bytearray(2)
    chip.read(data)
    return data[0] << 8 | data[1]


def signed(code):
    return code - 0x10000 if code & 0x8000 else code


def convert(chip, mux=4, pga=1):
    """Start one conversion, wait for it, return its code."""
    put(chip, 1, 0x8000 | mux << 12 | pga << 9 | SINGLE | AT_128 | OFF)
    us[0] += 10_000
    return signed(get(chip, 0))


def test_after_power_up_the_registers_are_those_of_the_data_sheet(chip):
    assert [get(chip, register) for register in range(4)] == [0x0000, 0x8583, 0x8000, 0x7FFF]


def test_what_is_written_is_kept_except_the_result(chip):
    put(chip, 2, 0x1234)
    put(chip, 3, 0x4321)
    put(chip, 0, 0x5555)
    assert [get(chip, register) for register in (0, 2, 3)] == [0, 0x1234, 0x4321]


def test_the_pointer_stays_where_it_was_left(chip):
    get(chip, 1)
    data = bytearray(4)
    chip.read(data)
    assert data == bytes((0x85, 0x83, 0xFF, 0xFF))


LEVELS_UV = {
    0: 100_000 - 1_500_000,
    1: 100_000 - 3_000_000,
    2: 1_500_000 - 3_000_000,
    3: 2_000_000 - 3_000_000,
    4: 100_000,
    5: 1_500_000,
    6: 2_000_000,
    7: 3_000_000,
}


@pytest.mark.parametrize("mux", LEVELS_UV)
def test_the_multiplexer_takes_the_inputs_of_its_table(chip, mux):
    assert abs(convert(chip, mux) - LEVELS_UV[mux] / 125) <= 1.5


@pytest.mark.parametrize("pga", LSB_UV)
def test_a_count_is_that_of_the_range_and_saturates_at_its_end(chip, pga):
    full_uV = LSB_UV[pga] * 32768
    for mux in (4, 7, 1):
        expected = max(-32768, min(32767, LEVELS_UV[mux] / LSB_UV[pga]))
        assert abs(convert(chip, mux, pga) - expected) <= 1.5
    assert LEVELS_UV[7] <= full_uV or convert(chip, 7, pga) >= 32766


@pytest.mark.parametrize(
    ("rate", "per_second"),
    list(enumerate((8, 16, 32, 64, 128, 250, 475, 860))),
)
def test_a_conversion_takes_its_time_and_reads_as_busy_meanwhile(chip, rate, per_second):
    slowest_us = 1_100_000 / per_second
    put(chip, 1, 0xC300 | rate << 5 | OFF)
    us[0] += int(slowest_us) - 10
    assert get(chip, 1) & 0x8000 == 0
    assert get(chip, 0) == 0
    us[0] += 100
    assert get(chip, 1) & 0x8000
    assert abs(get(chip, 0) - 800) <= 1


def test_without_its_start_bit_a_single_conversion_does_not_begin(chip):
    put(chip, 1, 0x4383)
    us[0] += 20_000
    assert get(chip, 0) == 0
    assert get(chip, 1) == 0xC383


def test_a_start_while_it_works_changes_nothing_of_what_it_works_on(chip):
    put(chip, 1, 0xC383)
    us[0] += 5_000
    put(chip, 1, 0xF383)
    us[0] += 4_000
    assert abs(get(chip, 0) - 800) <= 1


def test_continuous_mode_goes_on_by_itself(chip):
    put(chip, 1, 0x4283)
    us[0] += 9_000
    assert abs(get(chip, 0) - 800) <= 1
    chip._uv[0] = 200_000
    us[0] += 9_000
    get(chip, 0)
    us[0] += 9_000
    assert abs(get(chip, 0) - 1600) <= 1
    assert get(chip, 1) & 0x8000 == 0


def test_the_input_counts_that_was_there_when_the_conversion_began(chip):
    put(chip, 1, 0xC383)
    chip._uv[0] = 3_000_000
    us[0] += 9_000
    assert abs(get(chip, 0) - 800) <= 1


def test_an_input_that_is_not_wired_reads_the_excitation():
    us[0] = 0
    chip = Ads1115(0, [None, 0, None, None], [1_000_000], 2_200_000, 1)
    assert abs(convert(chip, 4) - 17_600) <= 1
    assert abs(convert(chip, 5) - 8_000) <= 1


def test_one_that_stands_still_does_not_end_until_it_is_let_go(chip):
    chip.freeze(True)
    put(chip, 1, 0xC383)
    us[0] += 1_000_000
    assert get(chip, 1) & 0x8000 == 0
    chip.freeze(False)
    assert abs(get(chip, 0) - 800) <= 1


def test_zero_and_another_device_say_the_same_to_every_question(chip):
    chip.zero(True)
    assert [get(chip, register) for register in range(4)] == [0] * 4
    chip.zero(False)
    chip.impostor(True)
    put(chip, 2, 0x1234)
    assert [get(chip, register) for register in range(4)] == [0xFFFF] * 4
    chip.impostor(False)
    assert get(chip, 2) == 0x8000
