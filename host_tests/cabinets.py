"""A cabinet around the control step, in engineering values: `from cabinets import Cabinet`.

What chips and ADC would count goes into the frame, breakers open 40 ms after their output says so,
events come out as the lines that everybody else sees. Figures of chips and thermistors are typed
in here from their data sheets, so that the library is not measured by itself.
"""

import json
import math
from functools import cache

from packwarden import elements, levels, settings
from packwarden.fixed import BIAS, MASK, NONE
from packwarden.frame import ABSENT, MAIN_BIT
from packwarden.protection import Protection

# Steinhart-Hart coefficients, in 1e-13 and 1e-17 / K.
SEMITEC_103AT = (8827908763, 2521621322, 19064368990)
# Shunt and bus voltage a count, and the largest code.
CHIPS = {
    "ina226": (2.5e-6, 1.25e-3, 32767),
    "ina228": (312.5e-9, 195.3125e-6, 524287),
    "ina238": (5e-6, 3.125e-3, 32767),
}
OPENING_ms = 40
SHORTEST_PULSE_ms = 20


def configuration(batteries=4, changes=None, rated_A=100):
    """Return a good configuration as shipped; `changes`: {dotted path: value}."""
    a, b, c = SEMITEC_103AT
    curve = {"part": "103AT", "model": "steinhart_hart", "a_e13": a, "b_e13": b, "c_e17": c}
    config = {
        "schema": settings.SCHEMA,
        "bank": {
            "board": "cabinet15",
            "batteries": batteries,
            "rated_current_A": rated_A,
            "capacity_Ah": 100,
            "cells": 16,
            "positions": list(range(1, batteries + 1)),
        },
        "sensors": {
            "monitor": "ina228",
            "shunt_uohm": 250,
            "shunt_rated_A": 300,
            "thermistor": curve,
            "pull_up_ohm": 4700,
            "reference_ohm": 4700,
            "bms_contact": "closed_on_alarm",
        },
        "breakers": {"kind": "shunt_trip", "feedback": "52a"},
    }
    config["elements"] = elements.defaults(config["bank"])
    for path, value in (changes or {}).items():
        put(config, path, value)
    return config


def put(config, path, value):
    """Set the value at a dotted path; `...` takes the key away."""
    *names, last = path.split(".")
    for name in names:
        config = config[name]
    if value is ...:
        del config[last]
    else:
        config[last] = value


def only(config, *paths):
    """Switch every row of every element off but those named, like `reverse_current.trip`."""
    for slug, given in config["elements"].items():
        for key in given:
            if f"{slug}.{key}" not in paths and slug not in paths:
                given[key] = "off"
    return config


def at_once(config):
    """Let no trip wait for a low current."""
    for element in elements.TABLE:
        for level in element.levels:
            given = config["elements"][element.slug][level.key]
            if given != "off" and level.wait_ms is not None:
                given["wait_ms"] = 0
    return config


@cache
def resistance_ohm(temperature_C, coefficients=SEMITEC_103AT):
    """Return what a thermistor has at a temperature: Steinhart-Hart the other way round."""
    a, b, c = coefficients[0] * 1e-13, coefficients[1] * 1e-13, coefficients[2] * 1e-17
    y = (a - 1 / (temperature_C + 273.15)) / (2 * c)
    x = math.sqrt((b / (3 * c)) ** 3 + y * y)
    return math.exp(math.cbrt(x - y) - math.cbrt(x + y))


class Cabinet:
    """A cabinet that has just armed. Set what is to be measured, let time pass, read the events.

    current_A, voltage_V, plus_C, minus_C: a value per battery; voltage_bus_V, ambient_C. All may
    be given from the start, and one value for all batteries. `stuck`:
    breakers (index; N is the main) that do not open. `lying`: {index: what its 52a says}.
    `counts`: {channel: raw count instead of the measured one}, `notes`: {channel: what acquisition
    says of it}, `waiting`: channels without new conversions. `noisy`: codes toggle by a count.
    """

    def __init__(self, config=None, now_ms=0, attempts=3, **measured):
        """Build the protection of `config`, show it what is `measured`, and arm it at `now_ms`."""
        self.config = config or configuration()
        self.protection = Protection(self.config)
        self.frame = self.protection.frame
        n = self.batteries = self.frame.batteries
        self.main = n
        sensors = self.config["sensors"]
        self._shunt_V, self._bus_V, self._largest = CHIPS[sensors["monitor"]]
        self._count_A = self._shunt_V / (sensors["shunt_uohm"] * 1e-6)
        self.current_A = [0.0] * n
        self.main_A = None  # of the main shunt; None: the sum of what flows
        self.supply_V = 24.0
        self.bms_gives = set()  # batteries whose BMS gives an alarm
        self.external_gives = False
        self.trip_circuit_open = False
        self.alert = 0
        self.both_open = set()  # breakers (index) of which neither contact is closed
        self.contacts_lost = set()  # breakers (index) whose contacts cannot be read
        self.voltage_V = [3.3 * self.config["bank"]["cells"]] * n
        self.voltage_bus_V = self.voltage_V[0]
        self.plus_C = [25.0] * n
        self.minus_C = [25.0] * n
        self.ambient_C = 25.0
        self.closed = [True] * (n + 1)
        self.stuck = set()
        self.lying = {}
        self.counts = {}
        self.notes = {}
        self.waiting = set()
        self.noisy = True
        self.circulates = False  # batteries feed each other: opening the main ends nothing
        self.each_tick = None  # called before every sample, with this cabinet
        self.events = []
        self.t_ms = 0
        self._told_at = {}  # index of a breaker: when its output began to say open
        self._ticks = 0
        for name, value in measured.items():
            like = getattr(self, name)
            many = isinstance(like, list) and not isinstance(value, list)
            setattr(self, name, [value] * n if many else value)
        self.now_ms = (now_ms - 10 * attempts) & MASK
        for _ in range(attempts):
            self._sample()
            self.protection.step(self.now_ms)
            self.now_ms = (self.now_ms + 10) & MASK
        self.protection.arm(self.now_ms)
        self.tick(0)

    def tick(self, ms=10):
        """Let `ms` pass, sample everything, step."""
        self.now_ms = (self.now_ms + ms) & MASK
        self.t_ms += ms
        if self.each_tick:
            self.each_tick(self)
        self._move_breakers()
        self._sample()
        self.protection.step(self.now_ms)
        self._obey()
        log = self.protection.events
        while len(self.events) < log.next_seq:
            self.events.append(json.loads(log.line(len(self.events))))

    def run(self, seconds, tick_ms=10):
        """Let `seconds` pass in ticks; returns the events of that time."""
        first = len(self.events)
        for _ in range(round(seconds * 1000 / tick_ms)):
            self.tick(tick_ms)
        return self.events[first:]

    def run_until(self, seconds, tick_ms=10, **fields):
        """Tick until an event with these fields is told, for `seconds` at most; returns it."""
        first = len(self.events)
        for _ in range(round(seconds * 1000 / tick_ms)):
            self.tick(tick_ms)
            found = self.told(**fields)
            if found and self.events.index(found[-1]) >= first:
                return found[-1]
        raise AssertionError(f"no event with {fields} within {seconds} s: {self.events[first:]}")

    def told(self, **fields):
        """Return the events that have these fields."""
        return [e for e in self.events if all(e[name] == fields[name] for name in fields)]

    def quantity(self, name, battery=0, terminal=0):
        """Return a quantity (battery from 0; terminal 0 +, 1 -) in its internal unit, or None."""
        scope = levels.quantity_facts(name)[0]
        offset = (2 * battery + terminal, battery, 0)[scope]
        quantities = self.protection.quantities
        return quantities.value(quantities.places[name] + offset)

    def terminal_channel(self, battery, terminal=0):
        return self.frame.terminal + 2 * battery + terminal

    def lose_monitor(self, battery):
        self.notes[battery] = self.notes[self.frame.voltage + battery] = ABSENT

    def count_of(self, temperature_C):
        """Return what the ADC counts at a thermistor of this temperature: 0.1 mV of 2200 mV."""
        r = resistance_ohm(temperature_C)
        return round(22000 * r / (r + self.config["sensors"]["pull_up_ohm"]))

    def flowing_A(self, battery):
        """Return the current that really flows: behind an open main only among batteries."""
        if not self.closed[battery]:
            return 0.0
        if not self.closed[self.main]:
            alone = sum(self.closed[: self.batteries]) == 1
            if alone or not self.circulates:
                return 0.0
        return self.current_A[battery]

    def _sample(self):
        frame = self.frame
        sensors = self.config["sensors"]
        self._ticks += 1
        for k in range(self.batteries):
            toggle = (self._ticks + k) & 1 if self.noisy else 0
            self._put(k, self._code(self.flowing_A(k), self._count_A) + toggle)
            self._put(frame.voltage + k, self._code(self.voltage_V[k], self._bus_V))
            self._put(self.terminal_channel(k, 0), self.count_of(self.plus_C[k]))
            self._put(self.terminal_channel(k, 1), self.count_of(self.minus_C[k]))
        self._put(frame.bus, self._code(self.voltage_bus_V, self._bus_V))
        self._put(frame.ambient, self.count_of(self.ambient_C))
        self._put(frame.reference, 11000)
        if frame.supply >= 0:
            self._put(frame.supply, round(self.supply_V * 1000))
        if frame.main >= 0:
            flows_A = sum(self.flowing_A(k) for k in range(self.batteries))
            main_A = flows_A if self.main_A is None else self.main_A
            per_count_A = self._shunt_V / (sensors["main_shunt_uohm"] * 1e-6)
            self._put(frame.main, self._code(main_A, per_count_A))
        self._contacts()

    def _code(self, value, per_count):
        code = round(value / per_count)
        return max(-self._largest - 1, min(self._largest - 1, code))

    def _put(self, channel, count):
        if channel in self.waiting:
            return
        frame = self.frame
        note = self.notes.get(channel, 0)
        frame.note[channel] = note
        frame.raw[channel] = NONE if note == ABSENT else BIAS + self.counts.get(channel, count)
        frame.count[channel] = (frame.count[channel] + 1) & MASK

    def bit(self, index):
        return 1 << (MAIN_BIT if index == self.main else index)

    def _contacts(self):
        wired = self.config["breakers"]["feedback"]
        a = b = 0
        for index, closed in enumerate(self.closed):
            if self.lying.get(index, closed):
                a |= self.bit(index)
            if not closed:
                b |= self.bit(index)
        for index in self.both_open:
            a &= ~self.bit(index)
            b &= ~self.bit(index)
        self.frame.aux_a = a if wired in ("52a", "both") else 0
        self.frame.aux_b = b if wired in ("52b", "both") else 0
        lost = sum(self.bit(index) for index in self.contacts_lost)
        self.frame.contacts_known = 0xFFFF & ~lost
        sensors = self.config["sensors"]
        given = sum(1 << k for k in self.bms_gives)
        self.frame.bms = given if sensors["bms_contact"] == "closed_on_alarm" else ~given & 0x7FFF
        self.frame.bms_known = 0x7FFF
        closes = sensors.get("external_trip", "open_on_trip") == "closed_on_trip"
        self.frame.external = int(self.external_gives == closes)
        self.frame.trip_circuit = int(not self.trip_circuit_open)
        self.frame.trip_circuit_known = 1
        self.frame.alert = self.alert

    def _obey(self):
        """Note which outputs say open: an energised coil, or a hold that dropped."""
        energised = self.protection.breakers.energised()
        held = self.config["breakers"]["kind"] != "shunt_trip"
        for index in range(self.batteries + 1):
            if bool(energised & self.bit(index)) != held:
                self._told_at.setdefault(index, self.t_ms)
            elif held or self.t_ms - self._told_at.get(index, self.t_ms) < SHORTEST_PULSE_ms:
                self._told_at.pop(index, None)

    def _move_breakers(self):
        for index, told_ms in list(self._told_at.items()):
            if self.t_ms - told_ms >= OPENING_ms:
                del self._told_at[index]
                if index not in self.stuck:
                    self.closed[index] = False
