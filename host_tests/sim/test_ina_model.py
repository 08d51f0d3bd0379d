"""The INA2xx models against the data sheets: registers, conversions, flags, ranges, faults."""

import pytest

from packwarden_sim.chips.ina2xx import Ina
from packwarden_sim.clock import us

VSHUNT, VBUS, DIAG = 4, 5, 0x0B
CYCLE_2X8 = 3 * 1052  # reset: shunt, bus and die temperature, 1052 us each, no averaging
CYCLE_226 = 2 * 1100
ALATCH = 0x8000


@pytest.fixture(autouse=True)
def virtual_time():
    us[0] = 0


class Chip:
    """A model with a bus master's view of it."""

    def __init__(self, kind="ina228", code=0, bus=0):
        self.shunt, self.bus = [code], [bus]
        self.model = Ina(kind, self.shunt, self.bus, 0, 1)

    def word(self, register, size=2):
        self.model.write(bytearray([register]))
        return self.again(size)

    def again(self, size=2):
        buf = bytearray(size)
        self.model.read(buf)
        return int.from_bytes(buf, "big")

    def put(self, register, word):
        self.model.write(bytearray([register, word >> 8, word & 255]))

    def after(self, span_us):
        us[0] += span_us
        return self


def signed(word, bits):
    return word - (1 << bits) if word >> (bits - 1) else word


@pytest.mark.parametrize(
    ("kind", "registers"),
    [
        ("ina226", {0: 0x4127, 1: 0, 2: 0, 5: 0, 6: 0, 7: 0, 0xFE: 0x5449, 0xFF: 0x2260}),
        (
            "ina228",
            {0: 0, 1: 0xFB68, 2: 0x1000, 11: 1, 12: 0x7FFF, 13: 0x8000, 14: 0x7FFF, 15: 0}
            | {16: 0x7FFF, 17: 0xFFFF, 0x3E: 0x5449, 0x3F: 0x2281},
        ),
        ("ina238", {0: 0, 1: 0xFB68, 2: 0x1000, 11: 1, 0x3E: 0x5449, 0x3F: 0x2381}),
    ],
)
def test_registers_after_power_up(kind, registers):
    chip = Chip(kind)
    assert {register: chip.word(register) for register in registers} == registers


def test_identity_and_results_cannot_be_written():
    chip = Chip()
    for register in (0x3E, 0x3F, VSHUNT, VBUS):
        before = chip.word(register)
        chip.put(register, 0xA5A5)
        assert chip.word(register) == before


def test_only_implemented_bits_are_kept():
    chip = Chip("ina238")
    chip.put(0, 0x7FFF)
    assert chip.word(0) == 0x3FD0
    chip.put(DIAG, 0xFFFF)
    assert chip.word(DIAG) & ~2 == 0xF001
    old = Chip("ina226")
    old.put(0, 0x0FFF)
    assert old.word(0) == 0x4FFF


def test_reset_bit_restores_everything_and_clears_itself():
    chip = Chip()
    chip.put(1, 0xB000)
    chip.put(0, 0x8010)
    assert (chip.word(0), chip.word(1)) == (0, 0xFB68)


def test_results_are_zero_until_the_first_conversion_ends():
    chip = Chip(code=1000, bus=2000)
    assert chip.word(VSHUNT, 3) == 0
    chip.after(CYCLE_2X8 - 1)
    assert chip.word(VSHUNT, 3) == 0
    chip.after(1)
    assert abs((chip.word(VSHUNT, 3) >> 4) - 1000) <= 1
    assert abs((chip.word(VBUS, 3) >> 4) - 2000) <= 1


@pytest.mark.parametrize(
    ("kind", "cycle", "size", "shift", "bits"),
    [
        ("ina228", CYCLE_2X8, 3, 4, 20),
        ("ina238", CYCLE_2X8, 2, 0, 16),
        ("ina226", CYCLE_226, 2, 0, 16),
    ],
)
@pytest.mark.parametrize("code", [-5, 0, 5, -32000])
def test_negative_codes_are_twos_complement_of_the_chips_width(
    kind, cycle, size, shift, bits, code
):
    chip = Chip(kind, code).after(cycle)
    word = chip.word(1 if kind == "ina226" else VSHUNT, size)
    assert word & ((1 << shift) - 1) == 0
    assert abs(signed(word >> shift, bits) - code) <= 1


@pytest.mark.parametrize("sign", [1, -1])
def test_full_scale_saturates_whatever_the_noise(sign):
    full = (1 << 19) - 1 if sign > 0 else -(1 << 19)
    chip = Chip(code=full)
    seen = {signed(chip.after(CYCLE_2X8).word(VSHUNT, 3) >> 4, 20) for _ in range(50)}
    assert full in seen
    assert all(abs(value - full) <= 1 and -(1 << 19) <= value < 1 << 19 for value in seen)


def test_the_narrow_range_counts_four_times_as_much_and_saturates():
    chip = Chip(code=1000)
    chip.put(0, 0x0010)
    assert abs((chip.after(CYCLE_2X8).word(VSHUNT, 3) >> 4) - 4000) <= 1
    chip.shunt[0] = 200_000
    assert chip.after(CYCLE_2X8).word(VSHUNT, 3) >> 4 in ((1 << 19) - 1, (1 << 19) - 2)


def test_bus_voltage_is_never_negative():
    chip = Chip(bus=0)
    assert {chip.after(CYCLE_2X8).word(VBUS, 3) >> 4 for _ in range(50)} == {0, 1}


def test_noise_is_one_lsb_triangular_and_stands_still_within_a_conversion():
    chip = Chip(code=1000)
    counts = {999: 0, 1000: 0, 1001: 0}
    for _ in range(4000):
        value = chip.after(CYCLE_2X8).word(VSHUNT, 3) >> 4
        assert chip.again(3) >> 4 == value
        counts[value] += 1
    assert 800 < counts[999] < 1200
    assert 1800 < counts[1000] < 2200


def test_the_pointer_stays_where_it_was_left_until_the_supply_fails():
    chip = Chip(code=1000).after(CYCLE_2X8)
    chip.word(VSHUNT, 3)
    assert abs((chip.after(CYCLE_2X8).again(3) >> 4) - 1000) <= 1
    chip.model.power_up()
    assert chip.again(2) == 0  # CONFIG
    assert chip.word(1) == 0xFB68


@pytest.mark.parametrize(
    ("config", "cycle"),
    [
        (0xBB69, 4 * 2 * 1052),  # shunt and bus, average of 4
        (0xB000, 2 * 50),
        (0xF000, 3 * 50),
        (0xB007, 1024 * 2 * 50),
        (0xA1C7, 1024 * 4120),  # the shunt alone, slowest
    ],
)
def test_conversion_cycle_of_mode_times_and_averages(config, cycle):
    chip = Chip()
    chip.put(DIAG, ALATCH)
    chip.put(1, config)
    assert chip.after(cycle - 1).word(DIAG) & 2 == 0
    assert chip.after(1).word(DIAG) & 2 == 2


@pytest.mark.parametrize(
    ("config", "cycle"), [(0x4417, 16 * (332 + 140)), (0x4005, 140), (0x41C6, 8244)]
)
def test_conversion_cycle_of_the_ina226(config, cycle):
    chip = Chip("ina226")
    chip.put(0, config)
    assert chip.after(cycle - 1).word(6) & 8 == 0
    assert chip.after(1).word(6) & 8 == 8


def test_the_ready_flag_is_cleared_by_reading_it_and_comes_back():
    chip = Chip()
    chip.put(DIAG, ALATCH)
    chip.after(CYCLE_2X8)
    assert chip.word(DIAG) == ALATCH | 3
    assert chip.word(DIAG) == ALATCH | 1
    chip.word(VSHUNT, 3)
    assert chip.after(10 * CYCLE_2X8).word(DIAG) & 2


def test_without_alatch_the_ready_flag_is_a_pulse():
    chip = Chip().after(CYCLE_2X8)
    assert chip.word(DIAG) & 2 == 0


def test_shutdown_converts_nothing_and_a_trigger_converts_once():
    chip = Chip(code=1000)
    chip.put(DIAG, ALATCH)
    chip.put(1, 0x0B68)
    assert chip.after(1_000_000).word(DIAG) & 2 == 0
    chip.put(1, 0x3B68)
    assert chip.after(2 * 1052).word(DIAG) & 2 == 2
    assert chip.after(1_000_000).word(DIAG) & 2 == 0


def test_frozen_stops_code_and_flag_until_it_lets_go():
    chip = Chip(code=1000)
    chip.put(DIAG, ALATCH)
    chip.after(CYCLE_2X8)
    chip.model.freeze(True, 1)
    chip.word(DIAG)
    chip.shunt[0] = 9000
    chip.after(100 * CYCLE_2X8)
    assert chip.word(DIAG) & 2 == 0
    assert abs((chip.word(VSHUNT, 3) >> 4) - 1000) <= 1
    chip.put(1, 0xFB68)  # configuring it anew does not wake it
    assert chip.after(CYCLE_2X8).word(DIAG) & 2 == 0
    chip.model.freeze(False, 1)
    assert abs((chip.after(CYCLE_2X8).word(VSHUNT, 3) >> 4) - 9000) <= 1


def test_two_reasons_to_freeze_must_both_end():
    chip = Chip(code=1000)
    chip.model.freeze(True, 1)
    chip.model.freeze(True, 2)
    chip.model.freeze(False, 1)
    assert chip.after(CYCLE_2X8).word(VSHUNT, 3) == 0
    chip.model.freeze(False, 2)
    assert chip.after(CYCLE_2X8).word(VSHUNT, 3) >> 4


def test_silence_and_impostor_come_and_go():
    chip = Chip(code=1000, bus=1000)
    chip.model.quiet(True)
    chip.model.impostor(True)
    assert {chip.after(CYCLE_2X8).word(VSHUNT, 3) >> 4 for _ in range(20)} == {1000}
    assert chip.word(0x3F) != 0x2281
    chip.model.quiet(False)
    chip.model.power_up()
    assert chip.word(0x3F) != 0x2281  # a reset makes it no other device
    chip.model.impostor(False)
    assert {chip.after(CYCLE_2X8).word(VSHUNT, 3) >> 4 for _ in range(20)} == {999, 1000, 1001}
    assert chip.word(0x3F) == 0x2281


def test_reading_past_a_register_gives_ones():
    assert Chip().word(1, 3) == 0xFB68FF
