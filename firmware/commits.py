"""When something that a person waits for may go to flash: soon, but during no trip."""

import time

from micropython import const

COMMIT_us = const(100000)  # what a commit may take: no slack of a short tick is as long

_LOOK_ms = const(100)  # how often it is asked whether a commit may be: the answer takes a while


class Commits:
    """The turns of one who writes: see `Protection.bears_commit`."""

    def __init__(self, protection):
        self._protection = protection
        self._looked_ms = self._since_ms = time.ticks_ms()

    def waited_ms(self):
        """Return for how long something has waited. Slack."""
        return time.ticks_diff(time.ticks_ms(), self._since_ms)

    def due(self, wanted):
        """Return whether to commit what is wanted now. Slack; allocates nothing."""
        now_ms = time.ticks_ms()
        if not wanted:
            self._since_ms = now_ms
            return False
        if time.ticks_diff(now_ms, self._looked_ms) < _LOOK_ms:
            return False
        self._looked_ms = now_ms
        return self._protection.bears_commit(time.ticks_diff(now_ms, self._since_ms))
