"""An I2C bus: its two lines, who pulls them low, the chips on it, and what has travelled over it.

SDA stays low while it is shorted, or while a chip that was cut off in the middle of a byte sends a
0: it goes on only when it is clocked. As long as a line is low nobody can use the bus.
"""

from packwarden_sim.clock import us
from packwarden_sim.costs import i2c_timeout

# Raised again and again: see the fake `machine` for why there is only one.
_TIMED_OUT = OSError(116)  # ETIMEDOUT


class Bus:
    """One bus: `chips` by address, None where nobody answers.

    `bytes`: what the wire has carried, the address bytes included and acknowledged or not; a
    transaction that timed out has carried none. `transactions`, `time_outs`: how many; `wire_us`:
    how long the wire was busy with those that did not time out.
    """

    def __init__(self, wiring):
        """`wiring`: (id, scl, sda, freq_hz, timeout_us) as in board.py."""
        self.scl, self.sda = wiring[1], wiring[2]
        self.chips = [None] * 128
        self.timeout_us = wiring[4]
        self.bytes = self.transactions = self.time_outs = self.wire_us = 0
        self.crawl_us = 0  # fault: so much longer a transaction takes, for somebody holds SCL
        self._seated = self.chips[:]
        self._shorted = False
        self._sender = None
        # Lines as the controller leaves them, and whether its I2C peripheral is at them.
        self._clock = self._data = 1
        self._attached = True
        self._usable = True

    def place(self, address, chip):
        """Put a chip, or None, at its address."""
        self._seated[address] = chip
        if self._usable:
            self.chips[address] = chip

    def hang(self, on):
        """Fault: SDA is shorted to ground (on), or not any more."""
        self._shorted = on
        self._settle()

    def cut_off(self, byte, sent):
        """Fault: a chip that sends `byte` lost its controller when `sent` bits were out."""
        self._sender = Sender(byte, sent)
        self._settle()

    # ---- the lines, as pins of the controller see and drive them

    def scl_level(self):
        """Return the level of SCL."""
        return self._clock

    def sda_level(self):
        """Return the level of SDA."""
        if self._shorted or (self._sender is not None and not self._sender.sda()):
            return 0
        return self._data

    def drive(self, pin, level):
        """Pull a line low (0) or let it go (1) by a pin, unless the peripheral is at it."""
        if self._attached:
            return
        before = self.sda_level()
        if pin == self.scl:
            if self._sender is not None and level < self._clock:
                self._sender.clock(before)
            self._clock = level
        else:
            self._data = level
        if self._clock and not before and self.sda_level():
            self._sender = None  # a stop ends whatever was sent

    def take(self):
        """The pins become plain pins: the I2C peripheral is off the bus until `attach`."""
        self._attached = False
        self._settle()

    def attach(self):
        """The I2C peripheral takes the lines; its start ends a byte whose 1 is on SDA."""
        self._attached = True
        self._clock = self._data = 1
        if self.sda_level():
            self._sender = None
        self._settle()

    def _settle(self):
        usable = self._attached and self.sda_level() == 1
        if usable != self._usable:
            self._usable = usable
            for address in range(len(self.chips)):
                self.chips[address] = self._seated[address] if usable else Hung(self)


class Sender:
    """A chip in the middle of a byte, which it sends most significant bit first."""

    def __init__(self, byte, sent):
        self._byte = byte
        self._sent = sent

    def sda(self):
        """Return what it leaves on SDA: from the ninth bit on, which is not its own, 1."""
        return self._byte >> (7 - self._sent) & 1 if self._sent < 8 else 1

    def clock(self, acknowledged):
        """SCL falls: the next bit; after an acknowledge (SDA low in the ninth) the next byte."""
        self._sent = 0 if self._sent == 8 and not acknowledged else self._sent + 1


class Hung:
    """Stands in for a chip, or a whole bus, that holds its line: each visit costs the timeout."""

    def __init__(self, bus):
        self._bus = bus

    def read(self, buf):
        """Wait for the timeout and fail."""
        self._bus.time_outs += 1
        us[0] += i2c_timeout(self._bus.timeout_us)
        _TIMED_OUT.__traceback__ = None
        raise _TIMED_OUT

    write = read
