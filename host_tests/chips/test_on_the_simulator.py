"""The drivers on the simulated cabinet's chips, which were modelled apart from them."""

import pytest

from packwarden.chips.analog_mux import MuxPair
from packwarden.chips.ina2xx import CHIPS, Monitor
from packwarden.chips.mcp23017 import MARK, Expander
from packwarden.frame import CONFIG_LOST, OK, WRONG_CHIP
from packwarden_sim.chips.ina2xx import Ina
from packwarden_sim.chips.mcp23017 import Mcp23017
from packwarden_sim.chips.thermistor_mux import MuxChannel, SelectLines
from packwarden_sim.clock import us
from packwarden_sim.costs import MUX_SETTLE_US

TICK_US = 10_000
every_chip = pytest.mark.parametrize("name", sorted(CHIPS))


class OneChip:
    """A bus with one chip, which answers at any address."""

    def __init__(self, chip):
        self.chip = chip

    def writeto(self, _, buffer):
        self.chip.write(buffer)

    def readfrom_into(self, _, buffer):
        self.chip.read(buffer)


def monitor(name, current=0, voltage=0):
    """A simulated chip that sees these codes, and its configured driver."""
    chip = Ina(name, [current], [voltage], 0, 1)
    driver = Monitor(OneChip(chip), 0x40, name)
    assert driver.configure() == OK
    us[0] += TICK_US
    return chip, driver


@every_chip
def test_codes_arrive_within_the_noise(name):
    top = 1 << (CHIPS[name]["bits"] - 1)
    for current, voltage in ((0, 0), (top // 7, top // 2), (-top // 7, top // 3)):
        _, driver = monitor(name, current, voltage)
        assert abs(driver.read_current() - current) <= 2
        assert abs(driver.read_voltage() - voltage) <= 2


@every_chip
def test_both_ends_of_the_range_arrive(name):
    top = 1 << (CHIPS[name]["bits"] - 1)
    assert monitor(name, 4 * top)[1].read_current() == top - 1
    assert monitor(name, -4 * top)[1].read_current() == -top


@every_chip
def test_every_tick_finds_a_new_conversion_until_the_chip_freezes(name):
    chip, driver = monitor(name)
    for _ in range(50):
        assert driver.converted()
        us[0] += TICK_US
    chip.freeze(1, 1)
    driver.converted()
    us[0] += 10 * TICK_US
    assert not driver.converted()


@every_chip
def test_a_dip_of_the_supply_is_found_and_repaired(name):
    chip, driver = monitor(name)
    good = dict(chip.regs)
    chip.power_up()
    assert CONFIG_LOST in [driver.verify() for _ in range(6)]
    assert chip.regs == good


@every_chip
def test_another_device_at_the_address_is_found(name):
    chip, driver = monitor(name)
    chip.impostor(1)
    assert WRONG_CHIP in [driver.verify() for _ in range(6)]
    assert driver.configure() == WRONG_CHIP


def expander(outputs, pull_ups, level):
    """A simulated expander and its configured driver."""
    chip = Mcp23017([0])
    driver = Expander(OneChip(chip), 0x20, outputs, pull_ups)
    assert driver.configure(level) == OK
    return chip, driver


def test_outputs_follow_and_come_back_after_a_reset():
    chip, driver = expander(0xFFFF, 0, 0x8001)
    assert chip.outputs == 0x8001
    driver.write(0x0180)
    assert chip.outputs == 0x0180
    assert not driver.differing()
    chip.power_up()
    assert chip.outputs == 0
    driver.write(0x0180)
    assert driver.differing()
    driver.repair()
    assert chip.outputs == 0x0180
    assert not driver.differing()


def test_a_stuck_output_shows_between_latch_and_pins():
    chip, driver = expander(0xFFFF, 0, 0)
    chip.stick(3, 1)
    driver.write(0)
    assert driver.differing()
    chip.stick(3, None)
    assert not driver.differing()


def test_contacts_are_read_on_the_fourteen_inputs():
    chip, driver = expander(0, 0x7F7F, MARK)
    for opened in (0x0000, 0x7F7F, 0x0102, 0x4040):
        chip.contacts(opened)
        assert driver.read_inputs() == opened | MARK


def test_every_input_of_both_multiplexers_is_reached():
    lines = SelectLines()

    class Line:
        def __init__(self, number):
            self.number = number

        def value(self, level):
            lines.set(self.number, level)

    uv = [150_000 + 50_000 * k for k in range(32)]
    adcs = [MuxChannel(lines, n, range(16 * n, 16 * n + 16), uv, 2_200_000, 1) for n in (0, 1)]
    mux = MuxPair([Line(k) for k in range(4)], adcs)
    for address in (0, 15, 1, 8, 7, 10, 5):
        mux.select(address)
        us[0] += MUX_SETTLE_US
        for n in (0, 1):
            assert abs(mux.read(n) * 100 - uv[16 * n + address]) <= 2_000
