"""What survives a restart: the lockouts, the PIN, the integrators, how long it has protected.

RTC memory outlives a reset, the NVS partition also the loss of power. A lockout goes to the RTC
memory in the next slack and to NVS once nothing is picked up and the breakers stand still, for a
commit of the flash stops everything for up to 100 ms. The integrators live in RTC memory only: a
motor that overloads the bank is no cooler because the controller restarted. The PIN and the wrong
tries are in NVS only: a try that waits for the commit is no try before it.
"""

import struct
import time

from esp32 import NVS
from micropython import const

import memory
from packwarden.curves import FULL

SAVE_us = const(1000)  # what writing to the RTC memory may take
NAMESPACE = "packwarden"  # of the NVS
ACCESS = "access"

_SAVE_ms = const(1000)  # how much of its way an integrator may lose by a reset
_TAG = const(0x5057003)  # this layout
_MASK = const((1 << 28) - 1)
_LOCKOUT = "lockout"
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
        self._memory = memory.states()
        self._lockout_at = 4 * sum(len(way) for way in self._ways) + 8
        self._blank = bytes(self._lockout.dump())  # nothing is locked out
        self._kept = False  # an integrator that is not zero has been written
        self._nvs = None
        self._uncommitted = False
        self._saved_ms = self._looked_ms = self._since_ms = time.ticks_ms()
        self.failed = False  # the NVS does not keep what it is given

    def restore(self):
        """Take over what is from before the restart. Boot only; raises nothing.

        A lockout that cannot be read is `failed`, and so an alarm, until one has been kept again.
        """
        self._restore_ways()
        kept = bytearray(self._blank)
        try:
            self._nvs = NVS(NAMESPACE)
            self._nvs.get_blob(_LOCKOUT, kept)
        except OSError:
            kept[:] = self._blank  # nothing has been kept yet
        if not self._lockout.load(self._memory[self._lockout_at :]):
            self.failed = not self._lockout.load(kept)
        self._uncommitted = bytes(kept) != bytes(self._lockout.dump())
        restore_access(self._access, self._nvs)

    def _restore_ways(self):
        found = struct.unpack_from("<%di" % (self._lockout_at // 4), self._memory)
        checksum = _TAG
        for done in found[1:-1]:
            if not 0 <= done <= FULL:
                return
            checksum = _mixed(checksum, done)
        if found[0] != _TAG or found[-1] != checksum:
            return
        at = 1
        for way in self._ways:
            for k in range(len(way)):
                way[k] = found[at]
                at += 1

    @property
    def kept(self):
        """True where nothing waits for NVS, or it takes nothing."""
        return self.failed or not (
            self._uncommitted or self._lockout.unsaved() or self._access.changed
        )

    def save_due(self, fits):
        """Return whether to `save`: a lockout at once, all else once a second. Slack."""
        if self._lockout.unsaved():
            return True
        return fits and time.ticks_diff(time.ticks_ms(), self._saved_ms) >= _SAVE_ms

    def save(self):
        """Write what has changed to the RTC memory. Allocates nothing."""
        self._saved_ms = time.ticks_ms()
        breakers = self._protection.breakers
        self._restart.lives(
            self._protection.events.seconds,
            breakers.on_failure(),
            0 if breakers.held else breakers.pulse_ms,
        )
        moving = False
        for way in self._ways:
            for done in way:
                if done:
                    moving = True
        if moving or self._kept:
            self._save_ways()
        self._kept = moving
        if self._lockout.unsaved():
            self._uncommitted = True
            self._looked_ms = self._since_ms = self._saved_ms
            at = self._lockout_at
            for byte in self._lockout.dump():
                self._memory[at] = byte
                at += 1

    def _save_ways(self):
        pack = struct.pack_into
        pack("<i", self._memory, 0, _TAG)
        checksum = _TAG
        at = 4
        for way in self._ways:
            for done in way:
                pack("<i", self._memory, at, done)
                checksum = _mixed(checksum, done)
                at += 4
        pack("<i", self._memory, at, checksum)

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
                self._nvs = NVS(NAMESPACE)
            if self._uncommitted:
                self._nvs.set_blob(_LOCKOUT, self._lockout.dump())
            if self._access.changed:
                self._nvs.set_blob(ACCESS, self._access.dump())
            self._nvs.commit()
            self._uncommitted = False
            self.failed = False
        except OSError:
            self.failed = True
        self._access.kept(not self.failed)


def restore_access(access, nvs):
    """Let an `access.Access` take over the PIN that is kept in an NVS, or None. Boot only.

    Only where no PIN was ever kept there is none: what cannot be read fits no PIN.
    """
    kept = bytearray(len(access.dump()))
    try:
        if nvs is not None:
            nvs.get_blob(ACCESS, kept)
    except OSError as error:
        if error.args[0] == _NOT_FOUND:
            return
    access.load(kept)


def _mixed(checksum, way):
    """Return a checksum of 28 bits with a number below 2^28 mixed in: no big integers."""
    return ((checksum << 1) & _MASK | checksum >> 27) ^ way
