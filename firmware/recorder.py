"""What has happened goes to flash, when nobody is in a hurry: events, and captures of trips.

See `packwarden.journal` and `capture_files`. A commit erases a block, and the flash stands still
for all meanwhile. So it waits while a trip is picked up or a breaker moves; what stays so is not
waited for longer than that a trip could come. Events that wait lie in RTC memory from the next
slack on: a reset loses none.
"""

import time

from micropython import const

import flash
import memory
from commits import COMMIT_us
from packwarden.capture_files import CaptureFiles
from packwarden.captures import Captures
from packwarden.journal import Journal

STAGE_us = const(500)  # what framing a record may take
STATE_us = const(2500)  # what packing the state of the step may take

_LOOK_ms = const(100)  # how often it is asked whether a commit may be: the answer takes a while
_SETTLE_ms = const(500)  # how long an event waits for others: a trip often follows its alarm
_AGAIN_ms = const(60000)  # how soon a commit that failed is tried again


class Recorder:
    """The journal and the captures of a cabinet, and when they are written.

    `config()`: the configuration in pieces of bytes; `config_hash`: of these, CRC-32.
    """

    def __init__(self, protection, config, config_hash):
        self._protection = protection
        self.captures = Captures(protection)
        self.journal = Journal(flash, protection.events, config_hash, memory.events())
        self.files = CaptureFiles(flash, self.captures, protection, self.journal, config)
        self._fitting = protection.bank.tick_ms * 1000 > 2 * COMMIT_us
        self._looked_ms = self._since_ms = time.ticks_ms()
        self._wrote_ms = self._waits_ms = self._since_ms  # the captures' part of that

    def boot(self):
        """Find what is kept, and keep that the board has started. Boot only, before any tick."""
        self.journal.open(self._protection.restart.began)
        self.files.open()
        self._since_ms = time.ticks_ms()

    @property
    def failed(self):
        """True while the flash does not keep what it is given."""
        return self.journal.failed

    def stage_due(self, fits):
        """Return whether an event is to be staged: at once. Slack; allocates nothing."""
        return fits and self.journal.unstaged()

    def commit_due(self, fits):
        """Return whether to `commit` now. Slack; allocates nothing.

        `fits`: before the deadline, which it does in no slack of a short tick; then it is not
        asked for.
        """
        if self._fitting and not fits:
            return False
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._looked_ms) < _LOOK_ms:
            return False
        self._looked_ms = now_ms
        if not self.journal.waiting():
            self._since_ms = now_ms
            return False
        waited_ms = time.ticks_diff(now_ms, self._since_ms)
        if waited_ms < (_AGAIN_ms if self.failed else _SETTLE_ms):
            return False
        return self._protection.bears_commit(waited_ms)

    def commit(self):
        """Write what waits, or a batch of it, in one commit. Slack."""
        self.journal.commit()
        if self.failed:
            self._since_ms = time.ticks_ms()

    def capture_due(self, fits):
        """Return whether to `write_capture` now, a piece of it: as `commit_due`, and no sooner."""
        now_ms = time.ticks_ms()
        if not self.captures.frozen:
            self._waits_ms = now_ms
            return False
        if self._fitting and not fits:
            return False
        since_ms = time.ticks_diff(now_ms, self._wrote_ms)
        if since_ms < (_AGAIN_ms if self.files.failed else _LOOK_ms):
            return False
        self._wrote_ms = now_ms
        return self._protection.bears_commit(time.ticks_diff(now_ms, self._waits_ms))

    def write_capture(self):
        """Write a piece of a capture. Slack."""
        self.files.write()
        self._wrote_ms = time.ticks_ms()
