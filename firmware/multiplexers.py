"""Thermistors behind two multiplexers and the controller's own converter."""

import time

from micropython import const

from packwarden.chips.analog_mux import MuxPair
from packwarden.fixed import BIAS, MASK, ints
from packwarden.frame import OK

_MUX_INPUTS = const(16)
_SETTLE_us = const(1000)  # an input has to reach the converter


class Multiplexers:
    """The thermistors of a cabinet. Nothing allocates after boot."""

    SLICE_us = 500  # what a visit in the slack may take

    def __init__(self, select_pins, adcs, wired, frame):
        """`wired`: ((multiplexer, input), channel of the frame). Boot only."""
        self._mux = MuxPair(select_pins, adcs)
        self._frame = frame
        self._at = 0
        self._moved_us = time.ticks_us()
        self._channels = ints(2 * _MUX_INPUTS, frame.channels)  # that is: not wired
        for place, channel in wired:
            self._channels[place[0] * _MUX_INPUTS + place[1]] = channel

    def boot(self):
        """Select the first address."""
        self._mux.select(0)

    def read(self, now_ms):
        """Read the multiplexers at the address that was selected, then select the next.

        Once a tick, twice in a long one, and in a longer slack every 20 ms: so the 16 addresses
        come round within 500 ms at any tick. Each has a millisecond or more to settle.
        """
        now_us = time.ticks_us()
        if time.ticks_diff(now_us, self._moved_us) < _SETTLE_us:
            return
        self._moved_us = now_us
        self._thermistor(0)
        self._thermistor(1)
        self._at = (self._at + 1) % _MUX_INPUTS
        self._mux.select(self._at)

    def _thermistor(self, mux):
        frame = self._frame
        channel = self._channels[mux * _MUX_INPUTS + self._at]
        if channel < frame.channels:
            frame.raw[channel] = BIAS + self._mux.read(mux)
            frame.note[channel] = OK
            frame.count[channel] = (frame.count[channel] - MASK) & MASK
