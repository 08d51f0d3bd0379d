"""What survives a restart: the lockouts, the PIN, the integrators, the fault that caused it.

RTC memory outlives a reset, the NVS partition also the loss of power. A lockout goes to the RTC
memory in the next slack and to NVS once nothing is picked up and the breakers stand still, for a
commit of the flash stops everything for up to 100 ms. The integrators live in RTC memory only: a
motor that overloads the bank is no cooler because the controller restarted. So does the fault:
whoever switches the power off and on stands before the cabinet. The PIN and the wrong tries are in
NVS only: a try that waits for the commit is no try before it. The memory holds noise after
power-on: tags and checksums tell.
"""

import struct
import time

from esp32 import NVS
from machine import RTC
from micropython import const

from packwarden.curves import FULL
from packwarden.fixed import ints

SAVE_us = const(1000)  # what writing to the RTC memory may take
COMMIT_us = const(100000)  # what a commit may take: no slack of a short tick is as long

_SAVE_ms = const(1000)  # how much of its way an integrator may lose by a reset
_TAG = const(0x5057002)  # this layout
_MASK = const((1 << 28) - 1)
_NAMESPACE = "packwarden"
_KEY = "lockout"
_ACCESS = "access"
_NOT_FOUND = const(-0x1102)
_LOOK_ms = const(100)  # how often it is asked whether a commit may be: the answer takes a while
_AGAIN_ms = const(60000)  # how soon a commit that failed is tried again


class Retained:
    """The RTC memory and the NVS of a cabinet, bound to what they keep of its protection, and who
    may operate it (an `access.Access`).
    """

    def __init__(self, protection, access):
        self._protection = protection
        self._lockout = protection.decider.lockout
        self._restart = protection.restart
        self._access = access
        self._ways = [integrator.way for integrator in protection.integrators]
        self._count = sum(len(way) for way in self._ways)
        self._flat = ints(self._count)
        self._rtc = RTC()
        self._lockout_at = 4 * self._count + 8
        self._blank = bytes(self._lockout.dump())  # nothing is locked out
        self._restart_at = self._lockout_at + len(self._blank)
        self._buffer = bytearray(self._restart_at + len(self._restart.dump()))
        self._kept = False  # an integrator that is not zero has been written
        self._nvs = None
        self._uncommitted = False
        self._saved_ms = self._looked_ms = self._since_ms = time.ticks_ms()
        self.failed = False  # the NVS does not keep what it is given

    def restore(self):
        """Take over what is from before the restart. Boot only; raises nothing.

        A lockout that cannot be read is `failed`, and so an alarm, until one has been kept again.
        """
        memory = self._rtc.memory()
        self._restore_ways(memory)
        self._restart.load(memory[self._restart_at :])
        kept = bytearray(self._blank)
        try:
            self._nvs = NVS(_NAMESPACE)
            self._nvs.get_blob(_KEY, kept)
        except OSError:
            kept[:] = self._blank  # nothing has been kept yet
        if not self._lockout.load(memory[self._lockout_at :]):
            self.failed = not self._lockout.load(kept)
        self._uncommitted = bytes(kept) != bytes(self._lockout.dump())
        self._restore_access()

    def _restore_access(self):
        """Only where no PIN was ever kept there is none: what cannot be read fits no PIN."""
        kept = bytearray(len(self._access.dump()))
        try:
            if self._nvs is not None:
                self._nvs.get_blob(_ACCESS, kept)
        except OSError as error:
            if error.args[0] == _NOT_FOUND:
                return
        self._access.load(kept)

    def _restore_ways(self, memory):
        if len(memory) < len(self._buffer):
            return
        found = struct.unpack_from("<%di" % (self._count + 2), memory)
        ways = found[1:-1]
        if found[0] != _TAG or found[-1] != _checksum(ways):
            return
        if min(ways) < 0 or max(ways) > FULL:
            return
        at = 0
        for way in self._ways:
            for k in range(len(way)):
                way[k] = ways[at + k]
            at += len(way)

    @property
    def kept(self):
        """True where nothing waits for NVS, or it takes nothing."""
        return self.failed or not (
            self._uncommitted or self._lockout.unsaved() or self._access.changed
        )

    def save_due(self, fits):
        """Return whether to `save`: a lockout at once, the integrators once a second. Slack."""
        if self._lockout.unsaved() or self._restart.changed:
            return True
        return fits and time.ticks_diff(time.ticks_ms(), self._saved_ms) >= _SAVE_ms

    def save(self):
        """Write what has changed to the RTC memory. Allocates nothing."""
        self._saved_ms = time.ticks_ms()
        at = 0
        moving = False
        for way in self._ways:
            for done in way:
                self._flat[at] = done
                at += 1
                if done:
                    moving = True
        changed = self._lockout.unsaved()
        if changed:
            self._uncommitted = True
            self._looked_ms = self._since_ms = self._saved_ms
        if not (moving or self._kept or changed or self._restart.changed):
            return
        self._kept = moving
        buffer = self._buffer
        struct.pack_into("<i", buffer, 0, _TAG)
        for k in range(self._count):
            struct.pack_into("<i", buffer, 4 * k + 4, self._flat[k])
        struct.pack_into("<i", buffer, self._lockout_at - 4, _checksum(self._flat))
        self._put(self._lockout_at, self._lockout.dump())
        self._put(self._restart_at, self._restart.dump())
        self._rtc.memory(buffer)

    def _put(self, at, kept):
        for byte in kept:
            self._buffer[at] = byte
            at += 1

    def commit_due(self, fits):
        """Return whether to `commit`: never while a trip is picked up or a breaker moves. Slack.

        It fits no slack of a short tick, so that is not asked.
        """
        now_ms = time.ticks_ms()
        if not (self._uncommitted or self._access.changed):
            self._since_ms = now_ms
            return False
        if time.ticks_diff(now_ms, self._looked_ms) < _LOOK_ms:
            return False
        self._looked_ms = now_ms
        waited_ms = time.ticks_diff(now_ms, self._since_ms)
        if self.failed and waited_ms < _AGAIN_ms:
            return False
        return self._protection.bears_commit(waited_ms)

    def commit(self):
        """Write lockouts and PIN to NVS. Slack."""
        self._since_ms = time.ticks_ms()
        try:
            if self._nvs is None:
                self._nvs = NVS(_NAMESPACE)
            if self._uncommitted:
                self._nvs.set_blob(_KEY, self._lockout.dump())
            if self._access.changed:
                self._nvs.set_blob(_ACCESS, self._access.dump())
            self._nvs.commit()
            self._uncommitted = False
            self.failed = False
        except OSError:
            self.failed = True
        self._access.kept(not self.failed)


def _checksum(ways):
    """Return 28 bits over numbers below 2^28, by rotating and mixing: no big integers."""
    total = _TAG
    for way in ways:
        total = ((total << 1) & _MASK | total >> 27) ^ way
    return total
