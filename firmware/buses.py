"""The two I2C buses: whether their lines are free, what a tick waits for, and how one is freed.

A chip that was cut off in the middle of a byte, by a spark or by the controller's own reset, holds
SDA until it has been clocked on. That shows at the line and is looked for before the bus is used:
so it costs no time-out. Nine clocks in the slack free it. A chip that answers with silence costs
one time-out, and then the tick asks nobody else that it has not to ask.
"""

import time

from machine import I2C, Pin
from micropython import const

_HUNG_us = const(10000)  # a transaction that failed after this long was a time-out
_CLOCKS = const(9)  # a byte and its acknowledge: UM10204, 3.1.16
_AGAIN_us = const(1000000)  # until a bus that could not be freed is tried again
RECOVER_us = const(1500)  # what `Buses.recover` may take


class Bus:
    """One bus: the calls of `machine.I2C` that the drivers use, and its lines."""

    def __init__(self, wired):
        """`wired`: (id, SCL, SDA, Hz, time-out in us) as in board.py. Boot only.

        The controller may have been reset in the middle of a byte: then the bus is freed first.
        """
        self._wired = wired
        i2c = self._attach()
        # The peripheral is one object, however often it is made: these calls outlive a recovery.
        self.writeto = i2c.writeto
        self.readfrom_into = i2c.readfrom_into
        # A pin that is given no mode stays with the peripheral; its level can be read as well.
        self._scl = Pin(wired[1]).value
        self._sda = Pin(wired[2]).value
        self.doubted = False  # a transaction timed out since the peripheral was made
        self._failed = False  # it could not be freed ...
        self._freed_us = time.ticks_us()  # ... the last time that this was tried
        if not self.idle():
            self.free()

    def idle(self):
        """Return whether both lines are high, as they are between transactions. Tick."""
        return self._scl() == 1 and self._sda() == 1

    def due(self, now_us):
        """Return whether there is something to free and time to try it (again)."""
        if self._failed and time.ticks_diff(now_us, self._freed_us) < _AGAIN_us:
            return False
        return self.doubted or not self.idle()

    def free(self):
        """Clock on whoever holds SDA, end with a stop, make the peripheral anew. Slack or boot.

        A call of a pin takes longer than half a clock of 400 kHz. Nobody takes the clocks for
        theirs where the line was free: there was no start.
        """
        clock = Pin(self._wired[1], Pin.OPEN_DRAIN, value=1)
        data = Pin(self._wired[2], Pin.OPEN_DRAIN, value=1)
        for _ in range(_CLOCKS):
            clock.value(0)
            clock.value(1)
        clock.value(0)
        data.value(0)
        clock.value(1)
        data.value(1)
        try:
            self._attach()
            self.doubted = False
        except OSError:  # the port has no memory for its driver
            self.doubted = True
        self._failed = self.doubted or not self.idle()
        self._freed_us = time.ticks_us()

    def _attach(self):
        number, scl, sda, freq_hz, timeout_us = self._wired
        return I2C(number, scl=Pin(scl), sda=Pin(sda), freq=freq_hz, timeout=timeout_us)


class Buses:
    """Both buses, and the time-outs of a tick: one, over all chips."""

    def __init__(self, board):
        """Take both buses of a board. Boot only."""
        self.monitors = Bus(board.I2C_MONITORS)
        self.expanders = Bus(board.I2C_EXPANDERS)
        self.timed_out = False  # in this tick
        self.odd = False  # this tick is: in turn, the inputs' settings are re-read, or the relays'
        self._configured = False  # a chip that came back, in this tick
        self._asked_us = 0

    def begin(self):
        """A tick begins: nothing has timed out. Allocates nothing, nor do the next three."""
        self.odd = not self.odd
        self.timed_out = self._configured = False

    def may_configure(self):
        """Return whether a chip that was lost may come back now: one a tick, of some 2 ms."""
        first = not self._configured
        self._configured = True
        return first

    def ask(self):
        """Some transactions begin, of less than 10 ms together while all chips answer."""
        self._asked_us = time.ticks_us()

    def failed(self, bus):
        """One of them failed: return whether it timed out, as it took so long.

        The error does not tell: the port raises the same one for a missing acknowledge.
        """
        if time.ticks_diff(time.ticks_us(), self._asked_us) <= _HUNG_us:
            return False
        self.timed_out = bus.doubted = True
        return True

    def recover(self):
        """Free a bus that is held, or has timed out: one of them, at most once in a second.

        For the slack, `RECOVER_us` before its end; may allocate.
        """
        now_us = time.ticks_us()
        for bus in (self.monitors, self.expanders):
            if bus.due(now_us):
                bus.free()
                return
