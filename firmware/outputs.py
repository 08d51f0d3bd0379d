"""Outputs: written as a whole every tick, read back, and brought to their safe level on a failure.

The alarm relay is energised in health and drops; the two run-permissives are energised while
charging and discharging are allowed, and are written before any breaker's output. Relay k of the
expander is breaker k's: a shunt trip's coil, or what holds an undervoltage release or a contactor
in; one more is the fan. Which level energises is the board's: see ACTIVE_LOW in board.py.

Where a chip has timed out in the tick, the relays' word is written only if it has changed: a trip
waits for nobody, its renewal can wait for the next tick. Where a board has its relays on pins of
its own (RELAY_PINS) no bus stands in their way.

An output that was not where it had to be, twice in a row, has failed until it has been there: that
it stands right at its other level proves nothing, and would be told anew with each change.
"""

import time

from micropython import const

from packwarden.chips.mcp23017 import Expander
from packwarden.frame import MAIN_BIT, OK

_BATTERIES = (1 << MAIN_BIT) - 1
_MISMATCHES = const(2)
_LASTING = const(10)  # visits for which an expander has kept its settings: more than a rotation
_AWAY_us = const(1000000)  # how often a hung expander is asked


class Output:
    """A relay on a pin of its own, with the level that energises it."""

    def __init__(self, pin, active_low):
        self._value = pin.value
        self._off = 1 if active_low else 0
        self._level = self._off
        self._missed = 0
        self._wrong = -1  # the level that it did not take

    def write(self, energised):
        """Energise (1) or let go (0). Allocates nothing."""
        self._level = self._off ^ energised
        self._value(self._level)

    def failed(self):
        """Read the pad back, for a short would hold it; return whether it has failed."""
        if self._value() == self._level:
            self._missed = 0
            if self._wrong == self._level:
                self._wrong = -1
        else:
            self._missed += 1
            if self._missed >= _MISMATCHES:
                self._missed = _MISMATCHES
                self._wrong = self._level
        return self._wrong >= 0


class Outputs:
    """The relays of a cabinet. After the constructor nothing in here allocates."""

    def __init__(self, board, buses, pins):
        """Bind the pins (main, alarm, charge, discharge, relays) or the expander. Boot only."""
        self._buses = buses
        self._on_pins = len(board.RELAY_PINS) > 0
        if self._on_pins:
            from pin_relays import PinRelays  # elsewhere it takes no memory

            self._relays = PinRelays(pins[-len(board.RELAY_PINS) :])
        else:
            self._relays = Expander(buses.expanders, board.RELAY_EXPANDER, 0xFFFF, 0)
        self._fan = 1 << board.RELAY_FAN_BIT
        self._inverted = board.ACTIVE_LOW_RELAYS
        names = ("main", "alarm", "charge", "discharge")
        self._pins = [
            Output(pins[place], names[place] in board.ACTIVE_LOW_PINS)
            for place in range(len(names))
        ]
        self._main, self._alarm, self._charge, self._discharge = self._pins
        self._word = self._inverted
        self._written = False
        self._postponed = False
        self._hung = 0  # how often running the expander let the bus time out, twice at most
        self._tried_us = 0
        self._mismatches = 0  # of the relays, in a row
        self._low = self._high = 0  # masks of the relays that did not go there
        self._kept = _LASTING  # visits since its settings were lost
        self._forgets = False  # they are lost again and again
        self.failed = False  # an output is not where it has to be

    def boot(self, energised):
        """Configure the relay expander with the level of every output, latch before direction."""
        self._word = (energised & _BATTERIES) ^ self._inverted
        try:
            self.failed = self._relays.configure(self._word) != OK
        except OSError:
            self.failed = True
        if self.failed:
            self._mismatches = _MISMATCHES

    def write(self, energised, fan, alarm, charge, discharge):
        """Renew every output: mask of energised breaker outputs, fan, alarm (True: drops), and
        whether charging and discharging are allowed.
        """
        self._charge.write(1 if charge else 0)
        self._discharge.write(1 if discharge else 0)
        self._main.write((energised >> MAIN_BIT) & 1)
        self._alarm.write(0 if alarm else 1)
        word = energised & _BATTERIES
        if fan:
            word |= self._fan
        word ^= self._inverted
        self._written = False
        late = self._buses.timed_out and not self._on_pins
        self._postponed = late and (word == self._word or self._hung > 0)
        if not self._postponed and self._asks(word):
            self._write(word)

    def _asks(self, word):
        """Return whether to ask the expander: a hung one once a second, and at each change."""
        if self._on_pins:
            return True
        if not self._buses.expanders.idle():
            return False
        if self._hung < _MISMATCHES or word != self._word:
            return True
        return time.ticks_diff(time.ticks_us(), self._tried_us) >= _AWAY_us

    def _write(self, word):
        self._word = word
        self._tried_us = time.ticks_us()
        self._buses.ask()
        try:
            self._relays.write(word)
            self._written = True
            self._hung = 0
        except OSError:  # `verify` counts it
            self._failed()

    def _failed(self):
        hung = self._buses.failed(self._buses.expanders)
        self._hung = min(_MISMATCHES, self._hung + 1) if hung else 0

    def verify(self):
        """Read every output back, at its pin, and look after the expander's configuration.

        Where an output differs all of it is written at once: a relay that dropped with its chip
        is back before a breaker has noticed. In rotation it is re-read. Not where the expander did
        not even take the word: a second time-out would cost another 20 ms.
        """
        if not self._postponed:  # else nothing new is known of the expander
            if self._written and self._verify_relays():
                self._mismatches = 0
            elif self._mismatches < _MISMATCHES:
                self._mismatches += 1
        failed = self._mismatches >= _MISMATCHES or self._forgets or self._low | self._high != 0
        for pin in self._pins:
            failed = pin.failed() or failed
        self.failed = failed

    def _verify_relays(self):
        """Read the relays back; return whether all is as it has to be."""
        self._buses.ask()
        good = True
        try:
            differing = self._relays.differing()
            self._judge(differing)
            if differing:
                good = False
                if self._mismatches < _MISMATCHES:
                    self._relays.repair()
            if not self._buses.odd and (good or self._mismatches >= _MISMATCHES):
                good = self._keeps(self._relays.verify() == OK) and good
        except OSError:
            good = False
            self._failed()
        return good

    def _keeps(self, kept):
        """Note whether a setting of the expander was kept; return it."""
        if not kept:
            self._forgets = self._forgets or self._kept < _LASTING
            self._kept = 0
        elif self._kept < _LASTING:
            self._kept += 1
        else:
            self._forgets = False
        return kept

    def _judge(self, differing):
        """Note which relays do not go where, and which have gone there after all."""
        word = self._word
        self._low &= word | differing
        self._high &= ~word | differing
        if self._mismatches:  # the second time in a row
            self._low |= differing & ~word
            self._high |= differing & word

    def look(self):
        """Read the relays, and no more: the timer at their RESET waits for a clock on the bus."""
        try:
            self._relays.differing()
        except OSError:
            pass  # what has dropped stays so

    def fail_safe(self, energised):
        """Take the safe state: alarm and permissives drop, breaker outputs go to `energised`."""
        self._charge.write(0)
        self._discharge.write(0)
        self._alarm.write(0)
        self._main.write((energised >> MAIN_BIT) & 1)
        try:
            self._relays.write((energised & _BATTERIES) ^ self._inverted)
        except OSError:
            pass  # nothing is left to do; the reset that follows configures the chip anew
