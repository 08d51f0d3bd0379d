"""The MCP23017 model against the data sheet: resets, addressing, latch and pins, faults."""

import pytest

from packwarden_sim.chips.mcp23017 import Mcp23017
from packwarden_sim.clock import us

IODIR, IPOL, IOCON, GPPU, GPIO, OLAT = 0x00, 0x02, 0x0A, 0x0C, 0x12, 0x14


@pytest.fixture
def moved():
    us[0] = 0
    return [0]


@pytest.fixture
def chip(moved):
    return Mcp23017(moved)


def get(chip, register, size=2):
    chip.write(bytearray([register]))
    return again(chip, size)


def again(chip, size=2):
    buf = bytearray(size)
    chip.read(buf)
    return int.from_bytes(buf, "little")


def put(chip, register, value, size=2):
    chip.write(bytearray([register, *value.to_bytes(size, "little")]))


def test_all_pins_are_inputs_after_power_up_and_drive_nothing(chip):
    assert get(chip, IODIR) == 0xFFFF
    assert [get(chip, register) for register in range(2, 0x16, 2)] == [0] * 10
    put(chip, OLAT, 0xFFFF)
    assert chip.outputs == 0


def test_the_level_written_before_the_direction_appears_without_a_glitch(chip, moved):
    put(chip, OLAT, 0x0005)
    us[0] = 70
    put(chip, IODIR, 0x0000)
    assert chip.outputs == 0x0005
    assert moved == [70]
    us[0] = 90
    put(chip, OLAT, 0x0005)
    assert moved == [70]


def test_writing_the_port_writes_the_latch(chip):
    put(chip, IODIR, 0)
    put(chip, GPIO, 0x1234)
    assert (get(chip, OLAT), get(chip, GPIO), chip.outputs) == (0x1234, 0x1234, 0x1234)


def test_the_counter_runs_through_the_registers_and_wraps(chip):
    put(chip, IODIR, 0x1122)
    put(chip, IPOL, 0x3344)
    assert get(chip, IODIR, 4) == 0x33441122
    put(chip, OLAT, 0x5566)
    assert get(chip, OLAT, 4) == 0x11225566
    assert again(chip) == 0x3344


def test_byte_mode_toggles_between_the_ports(chip):
    put(chip, IOCON, 0x20, 1)
    put(chip, IODIR, 0x55AA)
    assert get(chip, IODIR, 4) == 0x55AA55AA


def test_the_other_register_map_is_the_same_chip(chip):
    put(chip, IODIR, 0x55AA)
    put(chip, IOCON, 0x80, 1)
    assert (get(chip, 0x00, 1), get(chip, 0x10, 1)) == (0xAA, 0x55)
    put(chip, 0x05, 0, 1)  # IOCON of this map
    assert get(chip, IODIR) == 0x55AA


def test_inputs_read_contacts_through_their_pull_ups(chip):
    put(chip, GPPU, 0x7F7F)
    chip.contacts(0xFFFF & ~0x0103)
    assert get(chip, GPIO) == 0x7E7C
    put(chip, IPOL, 0x00FF)
    assert get(chip, GPIO) == 0x7E83


def test_an_open_contact_without_pull_up_looks_closed(chip):
    assert get(chip, GPIO) == 0


def test_bit_7_of_each_port_is_no_input(chip):
    put(chip, GPPU, 0xFFFF)
    assert get(chip, GPIO) == 0x7F7F


def test_a_stuck_output_differs_from_its_latch(chip, moved):
    put(chip, IODIR, 0)
    us[0] = 5
    chip.stick(3, 1)
    assert (chip.outputs, get(chip, OLAT), get(chip, GPIO)) == (8, 0, 8)
    chip.stick(3, None)
    assert chip.outputs == 0
    chip.stick(2, 0)
    put(chip, OLAT, 0xFFFF)
    assert (chip.outputs, get(chip, OLAT)) == (0xFFFB, 0xFFFF)


def test_a_lost_supply_lets_every_output_go(chip):
    put(chip, OLAT, 0x00F0)
    put(chip, IODIR, 0)
    chip.power_up()
    assert chip.outputs == 0
    assert get(chip, IODIR) == 0xFFFF
