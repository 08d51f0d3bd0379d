"""Both directions: drivers by others read the cabinet's chips, ours the data sheets' examples.

Adafruit's CircuitPython drivers talk to the chips of a simulated cabinet4 over a shim of `busio`:
what they make of them has to be what is there. Figures of the examples: INA228 SLYS021 and INA238
SLYS025, tables of returned values (97.2 mV, 48 V, 6 A in 16.2 mohm); INA226 SBOS547, its example
of 10 A in 2 mohm. That of the ADS1115, a table of codes, is in test_ads1115.py.
"""

import importlib
import sys
from types import SimpleNamespace

import pytest

from chips.register_model import Bus, monitor_chip
from packwarden.chips.ads1115 import CONVERSION_us, Converter
from packwarden.chips.ina2xx import CHIPS, Monitor, limit_words
from packwarden.frame import CONFIG_LOST, OK
from packwarden_host import boards
from packwarden_sim.chips.ina2xx import Ina
from packwarden_sim.clock import us
from packwarden_sim.fakes import time as board_time
from sim.rig import Rig

BOARD = boards.load("cabinet4")


class I2C:
    """`busio.I2C` in front of the simulated board's `machine.I2C`."""

    def __init__(self, i2c):
        self._i2c = i2c

    def try_lock(self):
        return True

    def unlock(self):
        pass

    def writeto(self, address, buffer, *, start=0, end=None):
        if not buffer:
            raise OSError("a probe without a byte")  # then the driver probes with a read
        self._i2c.writeto(address, bytes(buffer[start:end]))

    def readfrom_into(self, address, buffer, *, start=0, end=None):
        self._i2c.readfrom_into(address, memoryview(buffer)[start:end])

    def writeto_then_readfrom(
        self, address, out, into, *, out_start=0, out_end=None, in_start=0, in_end=None
    ):
        self.writeto(address, out, start=out_start, end=out_end)
        self.readfrom_into(address, into, start=in_start, end=in_end)


# What their annotations name.
TYPES = {
    "busio": {"I2C": I2C},
    "circuitpython_typing": {"ReadableBuffer": bytes, "WriteableBuffer": bytearray},
    "circuitpython_typing.device_drivers": {"I2CDeviceDriver": object},
}


def sleep_ms(span_ms):
    board_time.sleep_us(span_ms * 1000)


@pytest.fixture
def theirs(monkeypatch):
    """Import one of their modules, on the shim and in the board's time."""

    def load(name):
        for needed, types in TYPES.items():
            monkeypatch.setitem(sys.modules, needed, SimpleNamespace(**types))
        module = importlib.import_module(name)
        clock = SimpleNamespace(sleep=lambda span_s: board_time.sleep_us(round(span_s * 1e6)))
        monkeypatch.setattr(module, "time", clock)
        return module

    return load


@pytest.fixture
def cabinet():
    return Rig(board=BOARD)


# ---- INA228


@pytest.fixture
def ina228(theirs, cabinet):
    """Their driver on the monitor of battery 2, and the cabinet."""
    module = theirs("adafruit_ina228")
    made = module.INA228(I2C(cabinet._monitors), BOARD.MONITOR_ADDRESSES[1])
    return module, made, cabinet


def inputs(cabinet, shunt, bus):
    """Codes at the inputs of battery 2's monitor, and the time that it takes to convert them."""
    cabinet.source.shunt[1] = shunt
    cabinet.source.bus[1] = bus
    cabinet.wiring.update_inputs()
    sleep_ms(100)


LSB_V, BUS_LSB_V = 312.5e-9, 195.3125e-6  # noise is one code at most


@pytest.mark.parametrize(
    ("shunt", "bus"), [(311_040, 245_760), (-311_040, 1), (0, 0), (524_000, 400_000), (1, 270_000)]
)
def test_they_read_the_voltages_that_are_there(ina228, shunt, bus):
    _, driver, cabinet = ina228
    inputs(cabinet, shunt, bus)
    assert driver.shunt_voltage == pytest.approx(shunt * LSB_V, abs=1.01 * LSB_V)
    assert driver.bus_voltage == pytest.approx(bus * BUS_LSB_V, abs=1.01 * BUS_LSB_V)


def test_they_read_the_example_of_the_data_sheet(ina228):
    _, driver, cabinet = ina228
    driver.set_calibration(0.0162, 10.0)
    inputs(cabinet, 311_040, 245_760)
    assert driver.shunt_voltage == pytest.approx(0.0972, abs=4e-7)
    assert driver.bus_voltage == pytest.approx(48, abs=2e-4)
    assert driver.current == pytest.approx(6, abs=6e-5)
    assert driver.die_temperature == 25
    inputs(cabinet, -311_040, 245_760)
    assert driver.current == pytest.approx(-6, abs=6e-5)


@pytest.mark.parametrize("current_A", [-300, -20, 0, 100, 600])
def test_they_read_the_current_in_the_shunt_of_a_cabinet(ina228, current_A):
    _, driver, cabinet = ina228
    driver.set_calibration(250e-6, 655.36)
    inputs(cabinet, round(current_A * 250e-6 / LSB_V), 270_000)
    assert driver.current == pytest.approx(current_A, abs=0.003)


def test_the_narrow_range_reads_the_same_voltage_in_finer_steps(ina228):
    _, driver, cabinet = ina228
    driver.adc_range = 1
    inputs(cabinet, 40_000, 270_000)
    assert driver.shunt_voltage == pytest.approx(0.0125, abs=1e-7)
    inputs(cabinet, 300_000, 270_000)  # 93.75 mV, beyond it
    assert driver.shunt_voltage == pytest.approx(0.04096, abs=2e-7)


def test_what_they_set_is_what_they_read_back(ina228):
    module, driver, _ = ina228
    driver.averaging_count = module.AveragingCount.COUNT_128
    driver.bus_voltage_conv_time = module.ConversionTime.TIME_1052_US
    driver.shunt_voltage_conv_time = module.ConversionTime.TIME_4120_US
    driver.temp_conv_time = module.ConversionTime.TIME_540_US
    driver.mode = module.Mode.TRIG_BUS_SHUNT
    driver.shunt_tempco = 1234
    assert driver.averaging_count == module.AveragingCount.COUNT_128
    assert driver.bus_voltage_conv_time == module.ConversionTime.TIME_1052_US
    assert driver.shunt_voltage_conv_time == module.ConversionTime.TIME_4120_US
    assert driver.temp_conv_time == module.ConversionTime.TIME_540_US
    assert driver.mode == module.Mode.TRIG_BUS_SHUNT
    assert driver.shunt_tempco == 1234


def test_a_chip_that_they_shut_down_converts_no_more(ina228):
    module, driver, cabinet = ina228
    inputs(cabinet, 100_000, 270_000)
    before = driver.shunt_voltage
    driver.mode = module.Mode.SHUTDOWN
    inputs(cabinet, 200_000, 270_000)
    assert driver.shunt_voltage == before
    driver.mode = module.Mode.CONTINUOUS
    sleep_ms(100)
    assert driver.shunt_voltage == pytest.approx(200_000 * LSB_V, abs=2 * LSB_V)


def test_a_limit_that_they_set_is_told_by_the_flag_that_they_know(ina228):
    """A limit of the shunt goes straight to its register: their scale is not the data sheet's."""
    _, driver, cabinet = ina228
    driver.alert_latch = 1
    driver._sovl = 10_000
    driver.bus_voltage_underlimit = 40.0
    inputs(cabinet, 100_000, 270_000)  # 31.25 mV, 52.7 V
    assert not any(driver.alert_flags[name] for name in ("SHNTOL", "SHNTUL", "BUSOL", "BUSUL"))
    inputs(cabinet, 200_000, 150_000)  # 62.5 mV, 29.3 V
    flags = driver.alert_flags
    assert flags["SHNTOL"] and flags["BUSUL"]
    assert not flags["SHNTUL"] and not flags["BUSOL"]


def test_another_device_is_none_to_them(theirs, cabinet):
    module = theirs("adafruit_ina228")
    cabinet.wiring.monitors[1].model.impostor(True)
    with pytest.raises(RuntimeError, match="Failed to find INA228"):
        module.INA228(I2C(cabinet._monitors), BOARD.MONITOR_ADDRESSES[1])
    cabinet.wiring.monitors[2].absent(True)
    with pytest.raises(ValueError, match="No I2C device"):
        module.INA228(I2C(cabinet._monitors), BOARD.MONITOR_ADDRESSES[2])


def test_our_driver_finds_what_theirs_has_changed_and_reads_the_same(ina228):
    _, driver, cabinet = ina228
    monitor = Monitor(cabinet._monitors, BOARD.MONITOR_ADDRESSES[1], "ina228")
    assert monitor.configure() == OK
    driver.averaging_count = 0
    assert CONFIG_LOST in [monitor.verify() for _ in range(12)]
    inputs(cabinet, 123_456, 234_567)
    assert monitor.read_current() * LSB_V == pytest.approx(driver.shunt_voltage, abs=2.1 * LSB_V)
    ours_V = monitor.read_voltage() * BUS_LSB_V
    assert ours_V == pytest.approx(driver.bus_voltage, abs=2.1 * BUS_LSB_V)


def test_they_read_the_limits_that_our_driver_writes(ina228):
    _, driver, cabinet = ina228
    words = limit_words("ina228", 250, 300_000, -300_000, 62_000, 32_000)
    monitor = Monitor(cabinet._monitors, BOARD.MONITOR_ADDRESSES[1], "ina228", words)
    assert monitor.configure() == OK
    assert driver._sovl * 5e-6 == pytest.approx(0.075, abs=6e-6)
    assert driver.bus_voltage_overlimit == pytest.approx(62, abs=0.004)
    assert driver.bus_voltage_underlimit == pytest.approx(32, abs=0.004)


# ---- ADS1115


@pytest.fixture
def ads1115(theirs, cabinet):
    """Their driver on the converter of the + terminals, each of which has its own voltage."""
    module = theirs("adafruit_ads1x15.ads1x15")
    package = importlib.import_module("adafruit_ads1x15")
    for k, level_uV in enumerate((100_000, 1_100_000, 1_496_000)):
        cabinet.source.adc_uv[2 * k] = level_uV
    made = package.ADS1115(I2C(cabinet._expanders), address=BOARD.CONVERTERS[0])
    return module, package, made, cabinet


LEVELS_V = (0.1, 1.1, 1.496, 2.2)  # the last one is not wired: the excitation


@pytest.mark.parametrize("gain", [2 / 3, 1, 2, 4, 8, 16])
def test_they_read_every_input_at_every_range(ads1115, gain):
    _, package, driver, _ = ads1115
    driver.gain = gain
    full_V = 4.096 / gain
    for place, level_V in enumerate(LEVELS_V):
        read_V = package.AnalogIn(driver, place).voltage
        expected_V = min(level_V, full_V)
        assert read_V == pytest.approx(expected_V, abs=2.1 * full_V / 32768)


@pytest.mark.parametrize("pair", [(0, 1), (0, 3), (1, 3), (2, 3)])
def test_they_read_differences_of_inputs(ads1115, pair):
    _, package, driver, _ = ads1115
    expected_V = LEVELS_V[pair[0]] - LEVELS_V[pair[1]]
    assert package.AnalogIn(driver, *pair).voltage == pytest.approx(expected_V, abs=3e-4)


def test_at_every_rate_they_wait_for_as_long_as_a_conversion_takes(ads1115):
    _, package, driver, _ = ads1115
    for rate in driver.rates:
        driver.data_rate = rate
        began_us = us[0]
        assert package.AnalogIn(driver, 1).voltage == pytest.approx(1.1, abs=3e-4)
        assert 0.9e6 / rate <= us[0] - began_us <= 1.1e6 / rate + 1_000


def test_in_continuous_mode_they_follow_an_input(ads1115):
    """Of the input that was read last: in this mode they leave the multiplexer as it is."""
    module, package, driver, cabinet = ads1115
    channel = package.AnalogIn(driver, 0)
    assert channel.voltage == pytest.approx(0.1, abs=3e-4)
    driver.mode = module.Mode.CONTINUOUS
    sleep_ms(20)
    told_V = channel.convert_to_voltage(driver.get_last_result())
    assert told_V == pytest.approx(0.1, abs=3e-4)
    cabinet.source.adc_uv[0] = 900_000
    for _ in range(2):
        sleep_ms(20)
        told_V = channel.voltage
    assert told_V == pytest.approx(0.9, abs=3e-4)


def test_both_drivers_read_the_same_of_the_same_input(ads1115):
    _, package, driver, cabinet = ads1115
    ours = Converter(cabinet._expanders, BOARD.CONVERTERS[0])
    for place in range(4):
        ours.start(place)
        us[0] += CONVERSION_us
        assert ours.collect() == OK
        theirs_V = package.AnalogIn(driver, place).voltage
        assert ours.raw / 10_000 == pytest.approx(theirs_V, abs=4e-4)


def test_a_conversion_that_they_started_is_not_taken_for_ours(ads1115):
    _, package, driver, cabinet = ads1115
    ours = Converter(cabinet._expanders, BOARD.CONVERTERS[0])
    ours.start(0)
    us[0] += CONVERSION_us
    assert package.AnalogIn(driver, 2).voltage > 1
    assert ours.collect() == CONFIG_LOST


# ---- the data sheets' examples, read by our drivers

# Chip, register and code of shunt and bus; uV of the shunt, mV of the bus.
EXAMPLES = {
    "ina228": (311_040, 245_760, 97_200, 48_000),
    "ina238": (19_440, 15_360, 97_200, 48_000),
    "ina226": (0x1F40, 0x2570, 20_000, 11_980),
}


def value(code, lsb_pV):
    return code * lsb_pV / 1e6


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("sign", [1, -1])
def test_our_driver_reads_the_example_of_the_data_sheet(name, sign):
    """From the registers' bytes; the chip is not the simulator's."""
    shunt, bus, shunt_uV, bus_mV = EXAMPLES[name]
    facts = CHIPS[name]
    chip = monitor_chip(name)
    monitor = Monitor(Bus({0x40: chip}), 0x40, name)
    assert monitor.configure() == OK
    up = 4 if facts["bits"] == 20 else 0
    span = 1 << facts["bits"]
    chip.registers[facts["shunt_register"]] = (sign * shunt % span) << up
    chip.registers[facts["bus_register"]] = bus << up
    assert monitor.read_current() == sign * shunt
    assert value(monitor.read_current(), facts["shunt_lsb_pV"]) == sign * shunt_uV
    assert value(monitor.read_voltage(), facts["bus_lsb_pV"]) / 1000 == bus_mV


# Chip, codes of shunt and of calibration register with its address, register of CURRENT, its code.
CURRENTS = {
    "ina228": (311_040, 2, 4050, 7, 314_572),
    "ina238": (19_440, 2, 4050, 7, 19_660),
    "ina226": (0x1F40, 5, 0xA00, 4, 0x2710),
}


@pytest.mark.parametrize("name", CURRENTS)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_simulated_chip_computes_the_current_of_the_example(name, sign):
    shunt, calibration, factor, register, current = CURRENTS[name]
    us[0] = 0
    chip = Ina(name, [sign * shunt], [0], 0, 1)
    chip.quiet(True)
    chip.write(bytes((calibration, factor >> 8, factor & 255)))
    us[0] += 1_000_000
    chip.write(bytes((register,)))
    data = bytearray(3 if name == "ina228" else 2)
    chip.read(data)
    bits = 20 if name == "ina228" else 16
    code = int.from_bytes(data, "big") >> (8 * len(data) - bits)
    code -= (code >> bits - 1) << bits
    assert abs(code - sign * current) <= 1
    chip.write(bytes((calibration, 0, 0)))
    chip.write(bytes((register,)))
    chip.read(data)
    assert bytes(data) == bytes(len(data))
