"""The condition monitoring of a cabinet: its pieces in the slack, and what it keeps in flash.

Every ten minutes, and at once after what a person did, all of it goes to the older of two
slots, in steps of a commit each; what happens meanwhile is taken in afterwards.
"""

import time

from micropython import const

import flash
from commits import Commits
from packwarden.condition.monitor import Monitor
from packwarden.condition.store import Store

LOOK_us = const(300)  # what looking at a tick may take
ESTIMATE_us = const(3000)  # and a piece of the estimating
SAVE_ms = const(600000)


class Estimates:
    """The `condition.monitor.Monitor` of a protection, and its place in flash."""

    def __init__(self, protection):
        self._protection = protection
        self.monitor = Monitor(protection)
        bank = protection.bank
        self._store = Store(flash, bank.batteries, bank.rated_mA, self.monitor.parts())
        self._steps = None  # of the storing that runs
        self._commits = Commits(protection)
        self._saved_ms = time.ticks_ms()

    def boot(self):
        """Take over what is kept. Boot only."""
        self._store.load()

    def look_due(self, fits):
        """Return whether to look at the last tick. Slack; allocates nothing."""
        return fits and self.monitor.unseen()

    def piece_due(self, fits):
        """Return whether there is a piece to do: none while it is being stored. Slack."""
        return fits and self.monitor.due()

    def save_due(self, fits):
        """Return whether to `save` a step. Slack; allocates nothing."""
        passed_ms = time.ticks_diff(time.ticks_ms(), self._saved_ms)
        wanted = self._steps is not None or self.monitor.unsaved or passed_ms >= SAVE_ms
        return self._commits.due(wanted and self._protection.armed)

    def save(self):
        """Store what has been found, a step of it. Slack."""
        try:
            if self._steps is None:
                self.monitor.unsaved = False
                self._saved_ms = time.ticks_ms()
                self.monitor.held = True
                self._steps = self._store.store()
            next(self._steps)
        except (StopIteration, OSError, MemoryError):  # not taken by the flash: again in 10 min
            self._steps = None
            self.monitor.held = False
