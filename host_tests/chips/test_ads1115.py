"""The ADS1115's driver: what it asks for, what it believes, what it takes for lost."""

import pytest

from chips.register_model import Bus, ConverterChip
from packwarden.chips.ads1115 import CONVERSION_us, Converter
from packwarden.frame import CONFIG_LOST, FROZEN, OK
from packwarden_sim.chips.ads1115 import Ads1115
from packwarden_sim.clock import us

ADDRESS = 0x48


@pytest.fixture
def made():
    """The driver on a tiny model of its own."""
    chip = ConverterChip()
    bus = Bus({ADDRESS: chip})
    return chip, bus, Converter(bus, ADDRESS)


class OneChip:
    def __init__(self, chip):
        self.chip = chip
        self.visits = []

    def writeto(self, _, buffer):
        self.visits.append(bytes(buffer))
        self.chip.write(buffer)

    def readfrom_into(self, _, buffer):
        self.visits.append(len(buffer))
        self.chip.read(buffer)


@pytest.fixture
def simulated():
    """The driver on the simulator's chip: inputs of 0, 0.576, 1.1 and 2.2 V."""
    us[0] = 0
    chip = Ads1115(0, [0, 1, 2, 3], [0, 576_000, 1_100_000, 2_200_000], 2_200_000, 1)
    bus = OneChip(chip)
    return chip, bus, Converter(bus, ADDRESS)


@pytest.mark.parametrize(("place", "word"), [(0, 0xC3), (1, 0xD3), (2, 0xE3), (3, 0xF3)])
def test_a_start_asks_for_one_conversion_of_one_input_against_ground(simulated, place, word):
    """Tables of the data sheet: OS, MUX 100 .. 111, PGA 001, MODE 1; DR 100, COMP_QUE 11."""
    _, bus, converter = simulated
    converter.start(place)
    assert bus.visits == [bytes((0x01, word, 0x83))]


# The data sheet's ideal codes at +-4.096 V, 125 uV each, in 0.1 mV; below ground is ground.
CODES = {
    0x7FFF: 40_959,
    0x4000: 20_480,
    0x0001: 1,
    0x0000: 0,
    0xFFFF: 0,
    0x8000: 0,
}


@pytest.mark.parametrize("code", CODES)
def test_a_code_of_the_data_sheet_is_its_voltage(made, code):
    chip, _, converter = made
    converter.start(0)
    chip.code = code
    chip.convert()
    assert converter.collect() == OK
    assert converter.raw == CODES[code]


def test_each_input_reads_what_it_carries(simulated):
    _, _, converter = simulated
    for place, expected in enumerate((0, 5760, 11_000, 22_000)):
        converter.start(place)
        us[0] += CONVERSION_us
        assert converter.collect() == OK
        assert abs(converter.raw - expected) <= 3  # noise of a count, and rounding


def test_a_conversion_that_has_not_ended_is_none(simulated):
    _, _, converter = simulated
    converter.start(2)
    us[0] += CONVERSION_us - 200
    assert converter.collect() == FROZEN
    converter.start(2)
    us[0] += CONVERSION_us
    assert converter.collect() == OK


def test_a_visit_takes_four_transactions(simulated):
    _, bus, converter = simulated
    converter.start(1)
    us[0] += CONVERSION_us
    bus.visits.clear()
    converter.collect()
    converter.start(2)
    assert bus.visits == [2, bytes((0,)), 2, bytes((0x01, 0xE3, 0x83))]


def test_a_chip_that_was_reset_gives_no_value(simulated):
    chip, _, converter = simulated
    converter.start(3)
    us[0] += CONVERSION_us
    chip.power_up()
    assert converter.collect() == CONFIG_LOST
    converter.start(3)
    us[0] += CONVERSION_us
    assert converter.collect() == OK
    assert abs(converter.raw - 22_000) <= 3


@pytest.mark.parametrize("bit", [14, 13, 12, 11, 9, 7, 5, 4, 3, 2, 1, 0])
def test_a_setting_that_changed_by_itself_gives_no_value(made, bit):
    chip, _, converter = made
    converter.start(0)
    chip.convert()
    chip.config ^= 1 << bit
    assert converter.collect() == CONFIG_LOST


def test_what_was_not_started_or_collected_already_is_no_value(made):
    chip, bus, converter = made
    assert converter.collect() == CONFIG_LOST
    converter.start(0)
    chip.convert()
    assert converter.collect() == OK
    visits = bus.transactions
    assert converter.collect() == CONFIG_LOST
    assert bus.transactions == visits


def test_a_start_that_was_refused_starts_nothing(made):
    _, bus, converter = made
    converter.start(0)
    bus.refuse = 1
    with pytest.raises(OSError):
        converter.start(1)
    assert converter.collect() == CONFIG_LOST


@pytest.mark.parametrize("says", ["zero", "impostor"])
def test_another_device_at_its_address_gives_no_value(simulated, says):
    chip, _, converter = simulated
    getattr(chip, says)(True)
    converter.start(0)
    us[0] += CONVERSION_us
    assert converter.collect() == CONFIG_LOST
