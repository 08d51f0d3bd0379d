"""Runs in a MicroPython VM: the firmware's tick, acquisition to verification, under `heap_lock`.

Its modules on the register models of the chips: what the simulated cabinet does in the 64-bit VM,
small enough for the 32-bit one. Chips refuse, forget and return.
"""

import json
import sys

import micropython

import board
from chips.register_model import Adc, Bus, ExpanderChip, Pin, monitor_chip


class Line(Pin):
    """A line of a bus, which nobody holds."""

    OPEN_DRAIN = 7

    def __init__(self, number, mode=-1, value=1):
        self.level = value


class Machine:
    """Stands in for the board's module: lines, and the buses that a Rig has made, by number."""

    Pin = Line
    buses = [None, None]

    def I2C(number, **wiring):
        """Return a bus: `machine.I2C`."""
        return Machine.buses[number]


sys.modules["machine"] = Machine
from acquisition import Acquisition  # noqa: E402  they import `machine`
from buses import Buses  # noqa: E402
from outputs import Outputs  # noqa: E402
from packwarden.chips.ina2xx import CHIPS  # noqa: E402
from packwarden.fixed import MASK  # noqa: E402
from packwarden.protection import Protection  # noqa: E402

ARMED_AT = 60
SHORTED = range(150, 190)  # all currents at the top
REFERENCE_uv = 1100000


class Rig:
    """A cabinet's firmware without its loop."""

    def __init__(self, config, first_count):
        """Build and boot it; `first_count`: of attempts and good conversions of every channel."""
        self.protection = Protection(config)
        bank = self.protection.bank
        self.monitors = {a: monitor_chip(bank.monitor) for a in board.MONITOR_ADDRESSES}
        self.expanders = {a: ExpanderChip() for a in board.INPUT_EXPANDERS}
        self.relay = self.expanders[board.RELAY_EXPANDER] = ExpanderChip()
        self.monitors_bus = Bus(self.monitors)
        self.expanders_bus = Bus(self.expanders)
        Machine.buses[:] = (self.monitors_bus, self.expanders_bus)
        self.buses = Buses(board)
        select = [Pin() for _ in board.MUX_SELECT]
        self.adcs = [Adc(select, [REFERENCE_uv] * 16) for _ in board.MUX_ADC]
        self.acquisition = Acquisition(
            board,
            bank,
            self.protection.frame,
            self.buses,
            select,
            self.adcs,
            (Pin().value, Pin().value, Adc(select, [1_043_478] * 16)),
        )
        self.outputs = Outputs(board, self.buses, [Pin() for _ in range(4)])
        self.outputs.boot(self.protection.breakers.energised())
        self.acquisition.boot()
        facts = CHIPS[bank.monitor]
        self.codes = facts["shunt_register"], facts["bus_register"]
        for channel in range(self.protection.frame.channels):
            self.protection.frame.count[channel] = first_count
            self.protection.validator.fresh[channel] = first_count

    def measure(self, current, voltage):
        """Let every chip convert; both are what its register holds."""
        for chip in self.monitors.values():
            chip.registers[self.codes[0]] = current
            chip.registers[self.codes[1]] = voltage
            chip.convert()
        for adc in self.adcs:
            adc.reads = 0

    def tick(self, now_ms):
        """Do what `cabinet.Cabinet.tick` does."""
        protection = self.protection
        micropython.heap_lock()
        try:
            self.acquisition.read(now_ms)
            protection.faults = 2 if self.acquisition.inputs_lost else 0
            protection.faults |= 1 if self.outputs.failed else 0
            protection.step(now_ms)
            energised = protection.breakers.energised()
            self.outputs.write(
                energised,
                protection.fan,
                protection.alarm,
                protection.charge_allowed,
                protection.discharge_allowed,
            )
            self.outputs.verify()
        finally:
            micropython.heap_unlock()


def main(config, first_count, ticks):
    """Run ticks while the chips misbehave one after another; print what was recorded."""
    rig = Rig(json.loads(config), first_count)
    now_ms = MASK - 300
    for number in range(ticks):
        top = 0x7FFFFF if rig.protection.bank.monitor == "ina228" else 0x7FFF
        rig.measure(top if number in SHORTED else number & 15, number * 104729 & (2 * top + 1))
        rig.monitors_bus.refuse = 3 if number % 11 == 5 else 0
        rig.expanders_bus.refuse = 4 if number % 50 in (20, 21, 22, 23) else 0
        if number % 30 == 7:
            rig.monitors[board.MONITOR_ADDRESSES[number % 15]].reset()
            rig.relay.reset()
        if number == ARMED_AT:
            rig.protection.arm(now_ms)
        rig.tick(now_ms)
        now_ms = (now_ms + 10) & MASK
    events = rig.protection.events
    kinds = {events.event(seq).kind for seq in range(events.oldest_seq, events.next_seq)}
    print(sorted(kinds))
