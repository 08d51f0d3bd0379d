"""The board's console behind the fake `select`: nothing, texts at virtual times, or real stdio.

Each console has `ready()` (bits of POLLIN and POLLOUT), `readinto(buf)` and `write(data)`.
`Script` hands complete lines of the firmware's output to the host.
"""

import sys

from packwarden_sim import costs
from packwarden_sim.clock import us

POLLIN = 1
POLLOUT = 4


class Silent:
    """Nobody is connected: nothing to read, and what is written is lost."""

    def ready(self):
        """Return POLLOUT: a UART takes bytes whether or not anybody listens."""
        return POLLOUT

    def readinto(self, buf):
        """Return 0: there is nothing."""
        return 0

    def write(self, data):
        """Take the bytes, in the time the wire needs; return how many."""
        us[0] += costs.CONSOLE_BYTE_US * len(data)
        return len(data)


class Script(Silent):
    """Types texts at given times since arming; `emit` gets each line that the firmware prints."""

    def __init__(self, emit):
        self._emit = emit
        self._typed = b""
        self._place = 0
        self._next_us = 0
        self._line = bytearray()

    def type(self, text):
        """Type `text` now: its bytes arrive one by one at the console's speed."""
        self._typed = self._typed[self._place :] + text.encode()
        self._place = 0
        self._next_us = max(self._next_us, us[0])

    def ready(self):
        """Return POLLOUT, and POLLIN once the next byte has arrived."""
        if self._place < len(self._typed) and us[0] >= self._next_us:
            return POLLIN | POLLOUT
        return POLLOUT

    def readinto(self, buf):
        """Fill `buf` with the bytes that have arrived; return how many."""
        count = 0
        while count < len(buf) and self.ready() & POLLIN:
            buf[count] = self._typed[self._place]
            self._place += 1
            self._next_us += costs.CONSOLE_BYTE_US
            count += 1
        return count

    def write(self, data):
        """Collect the bytes and emit the lines that are complete."""
        line = self._line
        for byte in data:
            if byte == 10:
                self._emit(bytes(line).replace(b"\r", b""))
                line = self._line = bytearray()
            else:
                line.append(byte)
        return super().write(data)


class Flood(Silent):
    """Somebody types without a pause, at the full speed of the line, what makes long replies."""

    _TYPED = b"bank\nelements\nevents\nbank --json\ntiming\ndegraded\nlockout --json\nnonsense\n"
    _HELD = 256  # bytes that the driver holds; what comes beyond them is lost

    def __init__(self):
        self._next_us = us[0]
        self._place = 0

    def ready(self):
        """Return POLLOUT, and POLLIN once the next byte has arrived."""
        lost = (us[0] - self._next_us) // costs.CONSOLE_BYTE_US - self._HELD
        if lost > 0:
            self._skip(lost)
        return POLLIN | POLLOUT if us[0] >= self._next_us else POLLOUT

    def readinto(self, buf):
        """Read one byte, if it has arrived; return how many."""
        if not self.ready() & POLLIN:
            return 0
        buf[0] = self._TYPED[self._place]
        self._skip(1)
        return 1

    def _skip(self, count):
        self._place = (self._place + count) % len(self._TYPED)
        self._next_us += count * costs.CONSOLE_BYTE_US


class Stdio(Silent):
    """The process's own stdin and stdout, byte by byte."""

    def __init__(self, select):
        """`select`: the real module."""
        self._micropython = sys.implementation.name == "micropython"
        self._in = open(0, "rb") if self._micropython else open(0, "rb", 0)
        self._out = open(1, "wb") if self._micropython else open(1, "wb", 0)
        self._poll = select.poll()
        self._poll.register(self._in, POLLIN)
        self._poll.register(self._out, POLLOUT)
        self._in_key = self._in if self._micropython else 0

    def ready(self):
        """Return what the real streams are ready for."""
        mask = 0
        for item in self._poll.poll(0):
            if item[0] == self._in_key:
                mask |= POLLIN
            elif item[1] & POLLOUT:
                mask |= POLLOUT
        return mask

    def readinto(self, buf):
        """Read what is there; at the end of the input stop asking."""
        count = self._in.readinto(buf)
        if not count:
            self._poll.unregister(self._in)
        return count or 0

    def write(self, data):
        """Write to the real stdout in the virtual time of the wire; return how many bytes went."""
        us[0] += costs.CONSOLE_BYTE_US * len(data)
        return self._out.write(data)
