"""A configuration that was pushed and activated goes to flash, then the board starts again.

It is written in steps, each a commit's time at most, and none while a trip is on its way. The
start waits until lockouts, events and the last reply are out of the house: so nothing that is
latched is lost by it. No output moves before it.
"""

import time

from machine import reset
from micropython import const

import board
from packwarden.staging import Staging

STEP_us = const(100000)  # what a step may take: no slack of a short tick is as long

_LOOK_ms = const(100)  # how often it is asked whether a commit may be: the answer takes a while
_SETTLED_ms = const(10000)  # after this long the start waits for nobody


class Update:
    """The way of another configuration to a board that runs: `staging`, its steps, the start."""

    def __init__(self, protection, configuration):
        self.staging = Staging(protection, board, configuration.slots, configuration.hash)
        self._protection = protection
        self._configuration = configuration
        self._looked_ms = self._since_ms = time.ticks_ms()

    def due(self, settled):
        """Return whether to `run` now. `settled()`: nobody has anything more to keep. Slack."""
        now_ms = time.ticks_ms()
        staging = self.staging
        if not (staging.stored or staging.due()):
            self._since_ms = now_ms
            return False
        if time.ticks_diff(now_ms, self._looked_ms) < _LOOK_ms:
            return False
        self._looked_ms = now_ms
        waited_ms = time.ticks_diff(now_ms, self._since_ms)
        if staging.stored and waited_ms < _SETTLED_ms and not settled():
            return False
        return self._protection.bears_commit(waited_ms)

    def run(self):
        """Write a part of what was activated; or start the board, once all is written."""
        staging = self.staging
        if staging.stored:
            self._protection.restart.ends()
            reset()
        staging.step()
        if staging.stored:
            self._since_ms = time.ticks_ms()
            self._configuration.clear()
