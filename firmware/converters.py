"""Thermistors behind converters on the expanders' bus: one visit starts, a later one collects.

One converter a visit: collect what was started the last time, start the next of its inputs. Where
it does not answer all of its inputs have failed, not only the one whose turn it was.
A converter that failed three times in a row is visited once in 5 s; where a chip has timed out in
the tick it is not asked, and on a bus whose lines are held it fails without being asked.
"""

import time

from micropython import const

from contacts import FAILURES, AWAY_ms
from packwarden.chips.ads1115 import CONVERSION_us, Converter
from packwarden.fixed import BIAS, MASK, NONE, ints
from packwarden.frame import ABSENT, OK

_INPUTS = const(4)


class Converters:
    """The thermistors of a cabinet. Nothing allocates after boot."""

    SLICE_us = 21000  # what a visit in the slack may take: a time-out, and itself

    def __init__(self, buses, addresses, wired, frame):
        """`wired`: ((converter, input), channel of the frame). Boot only."""
        self._buses = buses
        self._frame = frame
        count = len(addresses)
        self._chips = [Converter(buses.expanders, address) for address in addresses]
        self._channels = ints(count * _INPUTS, frame.channels)  # that is: not wired
        for place, channel in wired:
            self._channels[place[0] * _INPUTS + place[1]] = channel
        self._at = ints(count)  # the input that was started, or is to be
        for chip in range(count):
            self._at[chip] = self._next(chip, _INPUTS - 1)
        self._started = ints(count)
        self._started_us = [time.ticks_us()] * count
        self._failures = ints(count)  # in a row
        self._away_ms = ints(count)
        self._turn = 0

    def boot(self):
        """Nothing has to be configured: the first visit of each starts its first input."""

    def read(self, now_ms):
        """Visit the next converter, unless it is at work still.

        Once a tick, twice in a long one, and in a longer slack every 20 ms: so the 12 inputs come
        round within 500 ms at any tick.
        """
        buses = self._buses
        chip = self._turn
        if buses.timed_out or self._works(chip):
            return
        self._turn = chip + 1 if chip + 1 < len(self._chips) else 0
        usable = buses.expanders.idle()
        if self._failures[chip] >= FAILURES and not self._started[chip]:
            if not usable or (now_ms - self._away_ms[chip]) & MASK < AWAY_ms:
                return
        if not usable:
            self._failed(chip, now_ms)
            return
        buses.ask()
        try:
            self._visit(chip)
        except OSError:
            buses.failed(buses.expanders)
            self._failed(chip, now_ms)

    def _works(self, chip):
        if not self._started[chip]:
            return False
        return time.ticks_diff(time.ticks_us(), self._started_us[chip]) < CONVERSION_us

    def _visit(self, chip):
        converter = self._chips[chip]
        at = self._at[chip]
        if self._started[chip]:
            note = converter.collect()
            self._failures[chip] = 0
            self._store(chip * _INPUTS + at, BIAS + converter.raw if note == OK else NONE, note)
            at = self._next(chip, at)
        self._started_us[chip] = time.ticks_us()
        converter.start(at)
        self._at[chip] = at
        self._started[chip] = 1

    def _next(self, chip, at):
        """Return the next input of a converter that is wired."""
        for _ in range(_INPUTS):
            at = at + 1 if at + 1 < _INPUTS else 0
            if self._channels[chip * _INPUTS + at] < self._frame.channels:
                break
        return at

    def _store(self, place, stored, note):
        frame = self._frame
        channel = self._channels[place]
        if channel < frame.channels:
            frame.raw[channel] = stored
            frame.note[channel] = note
            frame.count[channel] = (frame.count[channel] - MASK) & MASK

    def _failed(self, chip, now_ms):
        """Count a failure of a converter on all of its inputs."""
        self._started[chip] = 0
        self._away_ms[chip] = now_ms
        if self._failures[chip] < FAILURES:
            self._failures[chip] += 1
        if not self._buses.expanders.idle():  # it is not left alone once the lines are free
            self._away_ms[chip] = (now_ms - AWAY_ms) & MASK
        for place in range(chip * _INPUTS, (chip + 1) * _INPUTS):
            self._store(place, NONE, ABSENT)
