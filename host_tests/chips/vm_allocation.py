"""Runs in the MicroPython VM: every method of every driver, under `heap_lock`.

An allocation raises MemoryError there; a wrong answer raises AssertionError once it is unlocked.
"""

import micropython

from chips.register_model import (
    REFUSED,
    Adc,
    Bus,
    ConverterChip,
    ExpanderChip,
    Pin,
    monitor_chip,
)
from packwarden.chips.ads1115 import Converter
from packwarden.chips.analog_mux import MuxPair
from packwarden.chips.ina2xx import BUS_UNDER, CHIPS, SHUNT_OVER, Monitor, limit_words
from packwarden.chips.mcp23017 import MARK, Expander
from packwarden.frame import CONFIG_LOST, FROZEN, OK, WRONG_CHIP


def locked(method, argument, expected):
    """Call a bound method under the lock and check its answer; `expected` REFUSED: an OSError."""
    answer = error = None
    micropython.heap_lock()
    try:
        answer = method() if argument is None else method(argument)
    except OSError as caught:
        error = caught
    finally:
        micropython.heap_unlock()
    if expected is REFUSED:
        assert error is REFUSED
    else:
        assert error is None and answer == expected, (method, argument, answer, expected)


def monitors():
    """Every path of the monitor driver, for each chip."""
    for name in CHIPS:
        chip = monitor_chip(name)
        bus = Bus({0x40: chip})
        monitor = Monitor(bus, 0x40, name)
        read_current, read_voltage = monitor.read_current, monitor.read_voltage
        converted, verify, configure = monitor.converted, monitor.verify, monitor.configure
        locked(configure, None, OK)
        top = 1 << (CHIPS[name]["bits"] - 1)
        for code in (0, 1, -1, top - 1, -top):
            unsigned = code & (2 * top - 1)
            raw = unsigned << (4 if name == "ina228" else 0)
            chip.registers[CHIPS[name]["shunt_register"]] = raw
            chip.registers[CHIPS[name]["bus_register"]] = raw
            locked(read_current, None, code)
            locked(read_current, None, code)
            locked(read_voltage, None, unsigned)
        chip.convert()
        locked(converted, None, True)
        locked(converted, None, False)
        bus.refuse = 1
        locked(read_current, None, REFUSED)
        locked(read_current, None, code)
        chip.reset()
        chip.registers[CHIPS[name]["shunt_register"]] = raw
        if name == "ina226":
            locked(read_current, None, code)
        verified(verify, bus)
        chip.registers[0xFE if name == "ina226" else 0x3E] = 0
        locked(configure, None, WRONG_CHIP)


def verified(verify, bus):
    """More than a round of verify finds and repairs one loss, at the cost that it tells."""
    lost = 0
    for turn in range(11):
        before = bus.transactions
        micropython.heap_lock()
        state = verify()
        micropython.heap_unlock()
        lost += state == CONFIG_LOST
        assert state in (OK, CONFIG_LOST) and bus.transactions - before <= 11, (turn, state)
    assert lost == 1


def monitors_limits():
    """Limits of the monitor driver, for each chip: told, kept by the others, lost, repaired."""
    for name in CHIPS:
        chip = monitor_chip(name)
        bus = Bus({0x40: chip})
        monitor = Monitor(bus, 0x40, name, limit_words(name, 250, 300000, -300000, 62000, 32000))
        alerts, converted, verify = monitor.alerts, monitor.converted, monitor.verify
        locked(monitor.configure, None, OK)
        locked(alerts, None, 0)
        raw = 0x7FFFF0 if name == "ina228" else 0x7FFF
        chip.registers[CHIPS[name]["shunt_register"]] = raw
        beyond = SHUNT_OVER if name == "ina226" else SHUNT_OVER | BUS_UNDER
        for first, second in ((alerts, converted), (converted, alerts)):
            chip.convert()
            locked(first, None, beyond if first == alerts else True)
            locked(second, None, beyond if second == alerts else True)
        chip.reset()
        verified(verify, bus)
        chip.registers[CHIPS[name]["shunt_register"]] = raw
        chip.convert()
        locked(alerts, None, beyond)


def expanders():
    """Every path of the expander driver."""
    chip = ExpanderChip()
    bus = Bus({0x20: chip})
    expander = Expander(bus, 0x20, 0xFFFF, 0)
    configure, write, verify = expander.configure, expander.write, expander.verify
    locked(configure, 0x8001, OK)
    locked(write, 0x7FFF, None)
    locked(expander.differing, None, 0)
    for _ in range(6):
        locked(verify, None, OK)
    chip.reset()
    for expected in (CONFIG_LOST, OK, OK, OK, OK, OK):
        locked(verify, None, expected)
    assert chip.pins() == 0x7FFF
    chip.reset()
    locked(expander.differing, None, 0x7FFF)
    locked(expander.repair, None, None)
    locked(configure, MARK, OK)
    locked(expander.read_inputs, None, MARK)
    chip.reset()
    locked(expander.read_inputs, None, MARK)
    bus.refuse = 1
    locked(write, 0, REFUSED)


def converters():
    """Every path of the converter driver."""
    chip = ConverterChip()
    bus = Bus({0x48: chip})
    converter = Converter(bus, 0x48)
    start, collect = converter.start, converter.collect
    locked(collect, None, CONFIG_LOST)  # nothing was started
    for place in range(4):
        locked(start, place, None)
        assert chip.config == 0x4383 | place << 12
        chip.code = 0x7FFF - place
        chip.convert()
        locked(collect, None, OK)
        assert converter.raw == (5 * chip.code + 2) // 4
    locked(start, 0, None)
    locked(collect, None, FROZEN)
    locked(start, 0, None)
    chip.reset()
    locked(collect, None, CONFIG_LOST)
    for method, argument in ((start, 0), (collect, None)):
        locked(start, 0, None)
        bus.refuse = 1
        locked(method, argument, REFUSED)
        locked(collect, None, CONFIG_LOST)


def multiplexers():
    """Both methods of the multiplexer pair."""
    pins = [Pin(), Pin(), Pin(), Pin()]
    adcs = [Adc(pins, [k * 100000 for k in range(16)]) for _ in range(2)]
    mux = MuxPair(pins, adcs)
    select, read = mux.select, mux.read
    for address in (0, 15, 6):
        locked(select, address, None)
        adcs[1].reads = 0
        locked(read, 1, address * 1000 + 15)


monitors()
monitors_limits()
expanders()
converters()
multiplexers()
print("nothing allocated")
