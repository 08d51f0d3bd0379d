"""What happens at a microsecond of virtual time, before whoever looks next can see it.

The firmware looks through buses, pins and converters, in the middle of its tick: each look first
lets happen what is due. The world's own wakes are too coarse for that.
"""

import micropython

from packwarden_sim.clock import NEVER, us
from packwarden_sim.fakes import machine

_TIMED_OUT_us = 10_000  # an access that takes so long was a time-out


class Moments:
    """The things that are to happen, in the order of their times."""

    def __init__(self):
        self.due = NEVER
        self.timed_out_us = None  # when an access began that ended in a time-out
        self._waiting = []

    def at(self, time_us, action):
        """Have `action` called at a time. In the slack."""
        self._waiting.append((time_us, action))
        self._waiting.sort(key=_when)
        self.due = self._waiting[0][0]

    def clear(self):
        """Forget what has not happened. In the slack."""
        self._waiting.clear()
        self.due = NEVER

    def let_pass(self):
        """Do what is due; in the tick, too, for what is allocated here is not the firmware's."""
        depth = 0
        micropython.heap_lock()
        while micropython.heap_unlock():
            depth += 1
        while self._waiting and self._waiting[0][0] <= us[0]:
            self._waiting.pop(0)[1]()
        self.due = self._waiting[0][0] if self._waiting else NEVER
        for _ in range(depth):
            micropython.heap_lock()

    def watch(self, wiring):
        """Be asked before each look at this wiring from here on; before the firmware begins."""
        machine.I2C, machine.Pin = _classes(self)
        for model in wiring.mux + [wiring.supply]:
            model.read_uv = self._converter(model.read_uv)

    def _converter(self, read_uv):
        def look():
            if us[0] >= self.due:
                self.let_pass()
            return read_uv()

        return look


def _when(item):
    return item[0]


def _classes(moments):
    """Return I2C and Pin of `machine` that let pass what is due before they look."""
    plain_i2c, plain_pin = machine.I2C, machine.Pin

    read, write = plain_i2c.readfrom_into, plain_i2c.writeto

    class I2C(plain_i2c):
        def readfrom_into(self, addr, buf, stop=True):
            now = us[0]
            if now >= moments.due:
                moments.let_pass()
            try:
                return read(self, addr, buf)
            except OSError:
                self._note(now)
                raise

        def writeto(self, addr, buf, stop=True):
            now = us[0]
            if now >= moments.due:
                moments.let_pass()
            try:
                return write(self, addr, buf)
            except OSError:
                self._note(now)
                raise

        def _note(self, began_us):
            if us[0] - began_us >= _TIMED_OUT_us:
                moments.timed_out_us = began_us

    class Pin(plain_pin):
        def value(self, x=None):
            if x is None and us[0] >= moments.due:
                moments.let_pass()
            return plain_pin.value(self, x)

        __call__ = value

    return I2C, Pin
