"""The monitor driver on the register model: codes, pointer, identity, settings, repair."""

import pytest

from chips.register_model import Bus, monitor_chip
from packwarden.chips.ina2xx import CHIPS, Monitor
from packwarden.frame import CONFIG_LOST, OK, WRONG_CHIP

ADDRESS = 0x4A
TICK_US = 10_000
# Conversion times by code: nominal of the INA228 and INA238 with an oscillator at most 1 % slow,
# longest of the INA226; averages by code.
TIMES_85V_US = [t * 1.01 for t in (50, 84, 150, 280, 540, 1052, 2074, 4120)]
TIMES_36V_US = [154, 224, 365, 646, 1210, 2328, 4572, 9068]
AVERAGES = (1, 4, 16, 64, 128, 256, 512, 1024)

ROUND = {"ina226": 5, "ina228": 10, "ina238": 10}  # calls of verify for every register

every_chip = pytest.mark.parametrize("name", sorted(CHIPS))


def fitted(name, configured=True):
    """A bus with one chip on it, the chip, and its driver."""
    chip = monitor_chip(name)
    bus = Bus({ADDRESS: chip})
    monitor = Monitor(bus, ADDRESS, name)
    if configured:
        assert monitor.configure() == OK
    bus.transactions = 0
    return bus, chip, monitor


def settings(chip, name):
    """The configuration registers of a chip, without the flags among them."""
    if name == "ina226":
        return [chip.registers[0x00], chip.registers[0x06] & 0xFC03, chip.registers[0x07]]
    return [chip.registers[r] for r in (0x00, 0x01, *range(0x0C, 0x10))] + [
        chip.registers[0x0B] & 0xF000
    ]


def put_code(chip, name, register, code):
    """Place a conversion code as the chip's register holds it."""
    bits = CHIPS[name]["bits"]
    chip.registers[register] = (code & ((1 << bits) - 1)) << (4 if bits == 20 else 0)


@every_chip
def test_current_is_signed_over_its_whole_range(name):
    _, chip, monitor = fitted(name)
    top = 1 << (CHIPS[name]["bits"] - 1)
    for code in (0, 1, -1, 100, -100, 4095, -4096, top // 3, -top // 3, top - 1, -top):
        put_code(chip, name, CHIPS[name]["shunt_register"], code)
        assert monitor.read_current() == code


@every_chip
def test_voltage_is_unsigned(name):
    _, chip, monitor = fitted(name)
    for code in (0, 1, 15, 16, (1 << CHIPS[name]["bits"]) - 1):
        put_code(chip, name, CHIPS[name]["bus_register"], code)
        assert monitor.read_voltage() == code


def test_the_low_four_bits_of_a_wide_register_do_not_count():
    _, chip, monitor = fitted("ina228")
    chip.registers[0x04] = 0xFFFFEF
    assert monitor.read_current() == -2


@every_chip
def test_the_facts_agree_with_each_other(name):
    facts = CHIPS[name]
    top = 1 << (facts["bits"] - 1)
    assert facts["shunt_lsb_pV"] * top == facts["shunt_full_scale_uV"] * 1_000_000
    assert facts["bus_lsb_pV"] * top >= facts["bus_full_scale_mV"] * 1_000_000_000


@every_chip
def test_the_longest_cycle_follows_from_the_settings_and_fits_the_tick(name):
    _, chip, _ = fitted(name)
    if name == "ina226":
        word = chip.registers[0x00]
        mode, bus, shunt, averages = word & 7, word >> 6 & 7, word >> 3 & 7, word >> 9 & 7
        times, continuous = TIMES_36V_US, 7
    else:
        word = chip.registers[0x01]
        mode, bus, shunt, averages = word >> 12, word >> 9 & 7, word >> 6 & 7, word & 7
        times, continuous = TIMES_85V_US, 0xB
    assert mode == continuous
    cycle_us = AVERAGES[averages] * (times[bus] + times[shunt])
    assert cycle_us <= CHIPS[name]["cycle_us"] < cycle_us + 1
    assert CHIPS[name]["cycle_us"] < 0.9 * TICK_US


@every_chip
def test_the_pointer_is_written_only_when_it_stands_elsewhere(name):
    bus, chip, monitor = fitted(name)
    put_code(chip, name, CHIPS[name]["shunt_register"], 7)
    put_code(chip, name, CHIPS[name]["bus_register"], 9)
    costs = []
    for read in (monitor.read_current,) * 3 + (monitor.read_voltage, monitor.read_current):
        before = bus.transactions
        assert read() == (9 if read == monitor.read_voltage else 7)
        costs.append(bus.transactions - before)
    assert costs == [2, 1, 1, 2, 2]


@every_chip
def test_after_a_refused_transaction_the_pointer_is_written_anew(name):
    bus, chip, monitor = fitted(name)
    put_code(chip, name, CHIPS[name]["shunt_register"], 1234)
    monitor.read_current()
    bus.refuse = 1
    with pytest.raises(OSError):
        monitor.read_current()
    chip.pointer = 0x02
    assert monitor.read_current() == 1234


@every_chip
def test_every_method_hands_the_error_of_the_bus_to_its_caller(name):
    bus, _, monitor = fitted(name)
    for method in (
        monitor.configure,
        monitor.read_current,
        monitor.read_voltage,
        monitor.converted,
        monitor.alerts,
        monitor.verify,
    ):
        del bus.chips[ADDRESS]
        with pytest.raises(OSError):
            method()
        bus.chips[ADDRESS] = monitor_chip(name)


@every_chip
def test_another_chip_is_named_and_left_alone(name):
    for register in (0xFE, 0xFF) if name == "ina226" else (0x3E, 0x3F):
        _, chip, monitor = fitted(name, configured=False)
        chip.registers[register] ^= 0x0100
        before = list(chip.registers)
        assert monitor.configure() == WRONG_CHIP
        assert chip.registers == before


@every_chip
def test_a_later_revision_is_the_same_chip(name):
    _, chip, monitor = fitted(name, configured=False)
    chip.registers[0xFF if name == "ina226" else 0x3F] ^= 0x0002
    assert monitor.configure() == OK


@pytest.mark.parametrize("name", ["ina228", "ina238"])
def test_a_damaged_trim_memory_is_not_accepted(name):
    _, chip, monitor = fitted(name, configured=False)
    chip.registers[0x0B] = 0
    assert monitor.configure() == WRONG_CHIP


@every_chip
def test_a_setting_that_does_not_stay_is_told_at_configuration(name):
    _, chip, monitor = fitted(name, configured=False)
    chip.stuck_register = 0x00 if name == "ina226" else 0x01
    assert monitor.configure() == CONFIG_LOST


@every_chip
def test_verify_goes_round_and_finds_nothing_on_a_good_chip(name):
    bus, _, monitor = fitted(name)
    for _ in range(2 * ROUND[name]):
        before = bus.transactions
        assert monitor.verify() == OK
        assert bus.transactions - before <= 2


@every_chip
def test_verify_repairs_every_lost_setting_within_a_round(name):
    _, chip, monitor = fitted(name)
    good = settings(chip, name)
    lost = {
        "ina226": ((0x00, 0x0001), (0x00, 0x0E00), (0x06, 0x8000), (0x06, 0x0001), (0x07, 1)),
        "ina228": (
            *((0x00, 0x0010), (0x00, 0x0040), (0x01, 0xF000), (0x01, 1), (0x0B, 0x8000)),
            *((0x0B, 0x2000), (0x0C, 1), (0x0D, 0x8000), (0x0E, 0x4000), (0x0F, 0x0001)),
        ),
    }
    for register, flipped in lost.get(name, lost["ina228"]):
        chip.registers[register] ^= flipped
        found = [monitor.verify() for _ in range(ROUND[name])]
        assert found.count(CONFIG_LOST) == 1
        assert settings(chip, name) == good


@every_chip
def test_a_chip_that_was_reset_is_found_within_five_calls_and_configured_again(name):
    _, chip, monitor = fitted(name)
    good = settings(chip, name)
    for _ in range(ROUND[name]):
        chip.reset()
        assert CONFIG_LOST in [monitor.verify() for _ in range(5)]
        assert settings(chip, name) == good
        for _ in range(ROUND[name] - 4):  # the next time from another place of the round
            monitor.verify()


@every_chip
def test_a_chip_that_was_exchanged_is_found(name):
    _, chip, monitor = fitted(name)
    chip.registers[0xFF if name == "ina226" else 0x3F] = 0x2600
    assert WRONG_CHIP in [monitor.verify() for _ in range(ROUND[name])]


@every_chip
def test_the_conversion_flag_is_told_once_per_conversion(name):
    _, chip, monitor = fitted(name)
    assert not monitor.converted()
    for _ in range(3):
        chip.convert()
        assert monitor.converted()
        assert not monitor.converted()


@every_chip
def test_verify_does_not_lose_a_conversion_flag(name):
    _, chip, monitor = fitted(name)
    chip.convert()
    for _ in range(ROUND[name]):
        monitor.verify()
    assert not chip.registers[chip.flag_register] & chip.flag
    assert monitor.converted()
    assert not monitor.converted()


def test_a_reset_ina226_does_not_pass_its_configuration_off_as_a_current():
    _, chip, monitor = fitted("ina226")
    monitor.read_current()
    chip.reset()
    chip.registers[0x01] = 25
    assert monitor.read_current() == 25


def test_a_current_that_looks_like_the_configuration_of_a_reset_ina226_is_read_all_the_same():
    _, chip, monitor = fitted("ina226")
    chip.registers[0x01] = 0x4127
    assert monitor.read_current() == 0x4127


@every_chip
def test_configuration_and_repair_cost_what_their_descriptions_say(name):
    bus, chip, monitor = fitted(name)
    monitor.configure()
    assert bus.transactions == (13 if name == "ina226" else 27)
    chip.reset()
    costs = []
    for _ in range(5):
        before = bus.transactions
        monitor.verify()
        costs.append(bus.transactions - before)
    assert max(costs) == (7 if name == "ina226" else 11)
