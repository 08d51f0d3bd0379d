"""The cabinet: chips and protection built from board and configuration, and the cyclic executive.

Every tick: acquire, step, act, verify, feed the watchdog, with the heap locked. The rest of the
time belongs to the console and to the garbage collector, a slice at a time, and only while it
lasts.
"""

import gc
import json
import time

import micropython
from machine import ADC, Pin
from micropython import const

import board
from acquisition import Acquisition
from buses import Buses, RECOVER_us
from outputs import Outputs
from packwarden import VERSION, settings
from packwarden.console import Console
from packwarden.protection import (
    INPUTS_FAIL,
    MEMORY_FAILS,
    OUTPUTS_FAIL,
    TICKS_LATE,
    Protection,
)
from packwarden.views import Context
from retained import Retained, SAVE_ms
from terminal import SLICE_us, Terminal

CONFIG = "config.json"

_ATTEMPTS = const(3)  # of every channel before it is believed; then the cabinet arms
_ARM_ms = const(3000)  # and at the latest after this long: what is missing is a sensor fault
_MUX_us = const(20000)  # how often the multiplexers move at least: see `Acquisition.temperatures`
_LATE_us = const(1000)
_LATE_TICKS = const(3)  # one after the other, and protection is no longer in time
_COLLECT_us = const(6000)  # what a collection may take
_COLLECT_ms = const(1000)  # how often garbage of the console is collected ...
_OVERDUE_ms = const(2000)  # ... and when it is although no slack is long enough

current = None  # the cabinet that runs, for whoever looks at it from outside


class ConfigurationError(Exception):
    """The configuration is missing, unreadable or bad; its text says which and why."""


def load_config():
    """Read and check the configuration. Boot only."""
    try:
        with open(CONFIG) as file:
            config = json.load(file)
    except OSError:
        raise ConfigurationError("no " + CONFIG)
    except ValueError:
        raise ConfigurationError(CONFIG + " is not JSON")
    found = settings.errors(config)
    if found:
        raise ConfigurationError("%s: %s %s" % ((CONFIG,) + found[0]))
    if config["bank"]["board"] != board.NAME:
        raise ConfigurationError(
            "%s is for board %s, this is %s" % (CONFIG, config["bank"]["board"], board.NAME)
        )
    return config


class Cabinet:
    """One cabinet, from boot to reset."""

    def __init__(self, pins):
        """Build everything; `pins`: main trip, alarm, charge, discharge, at their safe level."""
        config = load_config()
        self.protection = Protection(config)
        bank = self.protection.bank
        self.tick_ms = bank.tick_ms
        self._buses = Buses(board)
        frame = self.protection.frame
        self._acquisition = Acquisition(board, bank, frame, self._buses, *inputs())
        self._outputs = Outputs(board, self._buses, pins)
        self.timing = {"ticks": 0, "late_ticks": 0, "worst_late_us": 0, "missed_ticks": 0}
        self._console = Console(Context(self.protection, board.NAME, VERSION, self.timing))
        self._terminal = Terminal(self._console)
        self._retained = Retained(self.protection)
        self._saved_ms = 0
        self._late_running = 0
        self._collected_ms = 0

    def boot(self):
        """Bring the outputs to their level first, then configure the chips."""
        self._retained.restore()
        self._outputs.boot(self.protection.breakers.energised())
        self._acquisition.boot()
        self._console.greet()
        gc.collect()

    def run(self, watchdog):
        """Protect until something raises. Arms once every channel has been read."""
        tick_us = self.tick_ms * 1000
        deadline = time.ticks_us()
        began_ms = time.ticks_ms()
        while True:
            now_ms = time.ticks_ms()
            if not self.protection.armed:
                self._arm(now_ms, began_ms)
            micropython.heap_lock()
            try:
                self.tick(now_ms)
            finally:
                micropython.heap_unlock()
            watchdog.feed()
            deadline = self._next(deadline, tick_us)
            self._slack(deadline)

    def tick(self, now_ms):
        """One tick: acquire, step, act, verify. Allocates nothing."""
        protection = self.protection
        self._acquisition.read(now_ms)
        protection.faults = self._faults()
        protection.step(now_ms)
        self._outputs.write(
            protection.breakers.energised(),
            protection.fan,
            protection.alarm,
            protection.charge_allowed,
            protection.discharge_allowed,
        )
        self._outputs.verify()

    def fail_safe(self):
        """Bring the outputs to their safe level: see `Outputs.fail_safe`."""
        self._outputs.fail_safe(self.protection.breakers.on_failure())

    def _arm(self, now_ms, began_ms):
        """Arm when every channel has been read often enough, or has had its time."""
        waited = time.ticks_diff(now_ms, began_ms)
        if self._acquisition.complete(_ATTEMPTS) or waited >= _ARM_ms:
            self.protection.arm(now_ms)

    def _faults(self):
        """Return the mask of what fails inside the controller."""
        faults = OUTPUTS_FAIL if self._outputs.failed else 0
        if self._acquisition.inputs_lost:
            faults |= INPUTS_FAIL
        if self._retained.failed:
            faults |= MEMORY_FAILS
        return faults | TICKS_LATE if self._late_running >= _LATE_TICKS else faults

    def _next(self, deadline, tick_us):
        """Return the next deadline; ticks that were missed are left out, not made up for."""
        deadline = time.ticks_add(deadline, tick_us)
        timing = self.timing
        timing["ticks"] += 1
        late = time.ticks_diff(time.ticks_us(), deadline)
        if late >= 0:
            self._lateness(late)
        while late >= 0:
            timing["missed_ticks"] += 1
            deadline = time.ticks_add(deadline, tick_us)
            late -= tick_us
        return deadline

    def _slack(self, deadline):
        """Serve the console while there is time, then sleep to the deadline and measure."""
        if time.ticks_diff(deadline, time.ticks_us()) > RECOVER_us:
            self._buses.recover()
        self._collect(deadline)
        moved_us = time.ticks_us()
        while True:
            left = time.ticks_diff(deadline, time.ticks_us())
            if left <= 0:
                break
            if time.ticks_diff(time.ticks_us(), moved_us) >= _MUX_us:
                moved_us = time.ticks_us()
                self._acquisition.temperatures()
            if left > SLICE_us and self._terminal.serve():
                continue
            self._retain()
            left = time.ticks_diff(deadline, time.ticks_us())
            if left > 0:
                time.sleep_us(min(left, _MUX_us))
        self._lateness(-left)

    def _lateness(self, late_us):
        timing = self.timing
        if late_us > timing["worst_late_us"]:
            timing["worst_late_us"] = late_us
        if late_us > _LATE_us:
            timing["late_ticks"] += 1
            self._late_running += 1
        else:
            self._late_running = 0

    def _retain(self):
        """Keep what has to survive a reset: a lockout at once, the integrators once a second."""
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._saved_ms) >= SAVE_ms or self._retained.urgent():
            self._retained.save()
            self._saved_ms = now_ms
        self._retained.commit()

    def _collect(self, deadline):
        """Collect what the console left behind, at a time of our choice and not in the tick.

        A large bank at a short tick never has the time that it takes: then a tick is late for it.
        """
        now_ms = time.ticks_ms()
        waited = time.ticks_diff(now_ms, self._collected_ms)
        if not self._terminal.used or waited < _COLLECT_ms:
            return
        left = time.ticks_diff(deadline, time.ticks_us())
        if left > _COLLECT_us or waited >= _OVERDUE_ms:
            gc.collect()
            self._terminal.used = False
            self._collected_ms = now_ms


def inputs():
    """Return the pins and converters of an `Acquisition`: multiplexers, then all the others."""
    return (
        [Pin(number, Pin.OUT, value=0) for number in board.MUX_SELECT],
        [ADC(Pin(number), atten=ADC.ATTN_11DB) for number in board.MUX_ADC],
        (
            Pin(board.PIN_EXTERNAL_TRIP, Pin.IN, Pin.PULL_UP).value,
            Pin(board.PIN_ALERT, Pin.IN).value,
            ADC(Pin(board.ADC_SUPPLY), atten=ADC.ATTN_11DB),
        ),
    )
