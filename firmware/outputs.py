"""Outputs: written as a whole every tick, read back, and brought to their safe level on a failure.

The alarm relay is energised in health and drops; the two run-permissives are energised while
charging and discharging are allowed. Relay k of the expander is breaker k's: a shunt trip's coil,
or what holds an undervoltage release or a contactor in; one more is the fan.
"""

import time

from micropython import const

from packwarden.chips.mcp23017 import Expander
from packwarden.frame import MAIN_BIT, OK

_BATTERIES = (1 << MAIN_BIT) - 1
_MISMATCHES = const(2)
_HUNG_us = const(10000)  # a transaction that failed after this long was a time-out
_AWAY_us = const(1000000)  # how often a hung expander is asked


class Outputs:
    """The relays of a cabinet. After the constructor nothing in here allocates."""

    def __init__(self, board, expanders_bus, pins):
        """Bind the relay expander and the pins (main trip, alarm, charge, discharge). Boot."""
        self._relays = Expander(expanders_bus, board.RELAY_EXPANDER, 0xFFFF, 0)
        self._fan = 1 << board.RELAY_FAN_BIT
        self._main, self._alarm, self._charge, self._discharge = [pin.value for pin in pins]
        self._word = 0
        self._written = False
        self._hung = False  # the expander lets the bus time out
        self._tried_us = 0
        self._mismatches = 0

    @property
    def failed(self):
        """True while the relays' latch cannot be read back as written, twice in a row."""
        return self._mismatches >= _MISMATCHES

    def boot(self, energised):
        """Configure the relay expander with the level of every output, latch before direction."""
        self._word = energised & _BATTERIES
        try:
            if self._relays.configure(self._word) != OK:
                self._mismatches = _MISMATCHES
        except OSError:
            self._mismatches = _MISMATCHES

    def write(self, energised, fan, alarm):
        """Renew every output: mask of energised breaker outputs, fan, alarm (True: drops)."""
        self._main((energised >> MAIN_BIT) & 1)
        self._alarm(0 if alarm else 1)
        self._charge(1)
        self._discharge(1)
        word = energised & _BATTERIES
        if fan:
            word |= self._fan
        if self._hung and word == self._word:
            if time.ticks_diff(time.ticks_us(), self._tried_us) < _AWAY_us:
                return  # a hung expander is asked once a second, and at each change
        self._word = word
        self._written = False
        self._tried_us = time.ticks_us()
        try:
            self._relays.write(word)
            self._written = True
            self._hung = False
        except OSError:  # `verify` counts it
            self._hung = time.ticks_diff(time.ticks_us(), self._tried_us) > _HUNG_us

    def verify(self):
        """Read the latch back and repair the expander's configuration in rotation.

        Not where it did not even take the word: a second time-out would cost another 20 ms.
        """
        good = False
        if self._written:
            try:
                good = self._relays.read_latch() == self._word
                good = self._relays.verify() == OK and good
            except OSError:
                good = False
        if good:
            self._mismatches = 0
        elif self._mismatches < _MISMATCHES:
            self._mismatches += 1

    def fail_safe(self, energised):
        """Take the safe state: alarm and permissives drop, breaker outputs go to `energised`."""
        self._alarm(0)
        self._charge(0)
        self._discharge(0)
        self._main((energised >> MAIN_BIT) & 1)
        try:
            self._relays.write(energised & _BATTERIES)
        except OSError:
            pass  # nothing is left to do; the reset that follows configures the chip anew
