"""What survives a reset in RTC memory: the inverse-time integrators.

A motor that overloads the bank is no cooler because the controller restarted. The memory is lost
at power-off and holds noise after it: a tag and a checksum tell. Written in the slack.
"""

import struct

from machine import RTC
from micropython import const

from packwarden.curves import FULL

SAVE_ms = const(1000)  # how much of its way an integrator may lose by a reset

_TAG = const(0x5057001)  # this layout
_MASK = const((1 << 28) - 1)


class Retained:
    """The RTC memory of a cabinet, bound to the array of its integrators' ways (0 .. FULL)."""

    def __init__(self, way):
        self._way = way
        self._rtc = RTC()
        self._buffer = bytearray(4 * len(way) + 8)
        self._kept = False  # something that is not all zero has been written

    def restore(self):
        """Take the ways over from before the reset; return whether there were any. Boot only."""
        memory = self._rtc.memory()
        if len(memory) < len(self._buffer):
            return False
        found = struct.unpack_from("<%di" % (len(self._way) + 2), memory)
        ways = found[1:-1]
        if found[0] != _TAG or found[-1] != _checksum(ways):
            return False
        if min(ways) < 0 or max(ways) > FULL:
            return False
        for k in range(len(ways)):
            self._way[k] = ways[k]
        return True

    def save(self):
        """Write the ways, unless they are all zero and were. Allocates nothing."""
        moving = False
        for way in self._way:
            if way:
                moving = True
        if moving or self._kept:
            self._kept = moving
            struct.pack_into("<i", self._buffer, 0, _TAG)
            for k in range(len(self._way)):
                struct.pack_into("<i", self._buffer, 4 * k + 4, self._way[k])
            struct.pack_into("<i", self._buffer, len(self._buffer) - 4, _checksum(self._way))
            self._rtc.memory(self._buffer)


def _checksum(ways):
    """Return 28 bits over numbers below 2^28, by rotating and mixing: no big integers."""
    total = _TAG
    for way in ways:
        total = ((total << 1) & _MASK | total >> 27) ^ way
    return total
