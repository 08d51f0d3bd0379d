"""Runs in a MicroPython VM: the executive with its ticks and its slack, all under `heap_lock`.

The firmware as it is on register models of the chips and a clock of its own: what the simulated
cabinet does in the 64-bit VM, small enough for the 32-bit one. Chips refuse, forget and return.
"""

import json
import sys

import micropython

import board
from chips.register_model import Adc, Bus, ExpanderChip, Pin, monitor_chip
from packwarden.chips.ina2xx import CHIPS
from packwarden.fixed import MASK
from packwarden.restart import Restart
from packwarden.selftest import NOT_DONE

ROUND = 1000  # ticks, after which the chips misbehave as before
SHORTED = range(150, 190)  # of a round: all currents at the top
REFERENCE_uv = 1100000
SUPPLY_uv = 1043478
HALF = 1 << 29


class Over(Exception):
    """The run has had its ticks."""


OVER = Over()


class Time:
    """The board's `time`, in small integers only: each look at it takes 7 us."""

    def __init__(self, until_wrap_ms):
        self.ms = MASK - until_wrap_ms
        self.us = MASK - until_wrap_ms * 1000
        self.rest = 0
        self.woken = None

    def pass_us(self, span_us):
        self.us = ((self.us ^ HALF) - HALF + span_us) & MASK
        self.rest += span_us
        self.ms = ((self.ms ^ HALF) - HALF + self.rest // 1000) & MASK
        self.rest %= 1000

    def ticks_us(self):
        self.pass_us(7)
        return self.us

    def ticks_ms(self):
        self.pass_us(7)
        return self.ms

    def ticks_add(self, ticks, span):
        return ((ticks ^ HALF) - HALF + span) & MASK

    def ticks_diff(self, end, start):
        return (((end - start) & MASK) ^ HALF) - HALF

    def sleep_us(self, span_us):
        self.pass_us(span_us)
        self.woken()


class Pins:
    """`machine.Pin`: one model per number."""

    IN, OUT, OPEN_DRAIN, PULL_UP = 1, 3, 7, 2

    def __init__(self):
        self.models = {}
        for wired in (board.I2C_MONITORS, board.I2C_EXPANDERS):
            for number in wired[1:3]:  # lines that nobody holds
                self(number, value=1)

    def __call__(self, number, mode=-1, pull=-1, value=None):
        if number not in self.models:
            self.models[number] = Pin()
        if value is not None:
            self.models[number].value(value)
        return self.models[number]


class Adcs:
    """`machine.ADC`: the multiplexers, and the supply."""

    ATTN_11DB = 3

    def __init__(self, pins):
        self.pins = pins
        self.models = []

    def __call__(self, pin, atten):
        select = [self.pins(number) for number in board.MUX_SELECT]
        supply = pin is self.pins(board.ADC_SUPPLY)
        model = Adc(select, [SUPPLY_uv if supply else REFERENCE_uv] * 16)
        if not supply:
            self.models.append(model)
        return model


class Nvs:
    """`esp32.NVS`: empty."""

    def __init__(self, namespace):
        pass

    def get_blob(self, key, buffer):
        raise OSError(-0x1102)

    def set_blob(self, key, value):
        pass

    def commit(self):
        pass


class Silence:
    """`select` and the streams: nobody is at the console."""

    POLLIN, POLLOUT = 1, 4
    NOTHING = ()
    buffer = None

    def __init__(self):
        self.stdin = self.stdout = self

    def poll(self):
        return self

    def register(self, stream, events):
        pass

    def ipoll(self, timeout):
        return self.NOTHING


class Flash:
    """`flash`: nothing is there, and what is written is taken."""

    def open(self, name, mode):
        if mode == "rb":
            raise OSError(2)
        return self

    def listdir(self, path):
        return []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def write(self, data):
        return len(data)


class Registers:
    """`machine.mem32`: the clock of the RTC stands still, which is nothing to a tick."""

    def __getitem__(self, address):
        return 0

    def __setitem__(self, address, value):
        pass


class Machine:
    """`machine` and `esp32`, with the chips of a cabinet behind them."""

    NVS = Nvs
    WDT_RESET = 3
    WDT = reset_cause = None  # of service mode: nobody wants it

    def __init__(self, monitor):
        self.monitors = [monitor_chip(monitor) for _ in board.MONITOR_ADDRESSES]
        self.expanders = {address: ExpanderChip() for address in board.INPUT_EXPANDERS}
        self.relay = self.expanders[board.RELAY_EXPANDER] = ExpanderChip()
        places = range(len(self.monitors))
        monitors = {board.MONITOR_ADDRESSES[place]: self.monitors[place] for place in places}
        self.buses = (Bus(monitors), Bus(self.expanders))
        self.Pin = Pins()
        self.ADC = Adcs(self.Pin)
        self.mem32 = Registers()
        self.backup = bytearray([number * 89 & 255 for number in range(2048)])  # noise

    def I2C(self, number, scl, sda, freq, timeout):
        return self.buses[0 if number == board.I2C_MONITORS[0] else 1]

    def mem_backup(self):
        return memoryview(self.backup)

    def unique_id(self):
        return b"\x01\x02\x03\x04\x05\x06"

    def reset(self):
        raise OVER


class Rig:
    """A cabinet's firmware on these; it is the watchdog as well, and ends the run."""

    def __init__(self, config, first_count):
        """Build and boot it; `first_count`: of attempts and good conversions of every channel."""
        self.machine = Machine(config["sensors"]["monitor"])
        self.clock = Time(300)
        self.clock.woken = self.misbehave
        silence = Silence()
        for name, module in (
            ("machine", self.machine),
            ("esp32", self.machine),
            ("time", self.clock),
            ("select", silence),
            ("flash", Flash()),
        ):
            sys.modules[name] = module
        import cabinet
        import memory
        import terminal

        terminal.sys = silence
        cabinet.Configuration.load = lambda self: config
        # What takes an event to the flash allocates: it is none of a tick.
        cabinet.Recorder.stage_due = lambda self, fits: False
        cabinet.Recorder.commit = cabinet.Recorder.write_capture = lambda self: None
        pins = (board.PIN_MAIN_TRIP, board.PIN_ALARM, board.PIN_CHARGE, board.PIN_DISCHARGE)
        self.before = Restart(memory.restarts())
        self.cabinet = cabinet.Cabinet([self.machine.Pin(number) for number in pins], self.before)
        self.cabinet.boot()
        facts = CHIPS[self.cabinet.protection.bank.monitor]
        self.codes = facts["shunt_register"], facts["bus_register"]
        self.top = 0x7FFFFF if self.cabinet.protection.bank.monitor == "ina228" else 0x7FFF
        frame = self.cabinet.protection.frame
        for channel in range(frame.channels):
            frame.count[channel] = first_count
            self.cabinet.protection.validator.fresh[channel] = first_count
        self.fed = 0
        self.end = 0

    def feed(self):
        """Count the ticks that ran whole; end the run after the last one."""
        self.fed += 1
        if self.fed == self.end:
            raise OVER

    def run(self, ticks):
        """Run so many ticks, with their slack."""
        self.end = self.fed + ticks
        try:
            self.cabinet.run(self)
        except Over:
            return

    def misbehave(self):
        """Before each tick: codes move, a chip converts; some refuse or have forgotten all."""
        number = self.fed % ROUND
        current = self.top if number in SHORTED else number & 15
        voltage = number * 104729 & (2 * self.top + 1)
        for chip in self.machine.monitors:
            chip.registers[self.codes[0]] = current
            chip.registers[self.codes[1]] = voltage
        # Each is asked once in a round of the slow channels whether it has converted.
        self.machine.monitors[number % len(self.machine.monitors)].convert()
        for adc in self.machine.ADC.models:
            adc.reads = 0
        monitors, expanders = self.machine.buses
        monitors.refuse = 3 if number % 11 == 5 else 0
        expanders.refuse = 4 if number % 50 in (20, 21, 22, 23) else 0
        if number % 30 == 7:
            self.machine.monitors[number % 15].reset()
            self.machine.relay.reset()


def main(config, first_count, ticks):
    """Run ticks while the chips misbehave one after another; print what was recorded."""
    rig = Rig(json.loads(config), first_count)
    protection = rig.cabinet.protection
    while not protection.armed:
        rig.run(1)  # arming allocates
    rig.cabinet._inspection._clocks = lambda: (NOT_DONE, "")
    rig.run(100)  # and so do the greeting, which nobody reads, and the first self-test
    micropython.heap_lock()
    try:
        rig.run(ticks)
        rig.cabinet.fail(OVER)
    finally:
        micropython.heap_unlock()
    events = protection.events
    kinds = {events.event(seq).kind for seq in range(events.oldest_seq, events.next_seq)}
    timing = rig.cabinet.timing
    kept = Restart(rig.machine.mem_backup()).text()
    print(json.dumps([sorted(kinds), rig.fed, sum(timing.late), kept]))
