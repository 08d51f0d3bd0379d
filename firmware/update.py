"""A configuration that was pushed and activated goes to flash, then the board starts again.

It is written in steps, each a commit's time at most, and none while a trip is on its way. The
start waits until lockouts, events and the last reply are out of the house: so nothing that is
latched is lost by it. No output moves before it.
"""

from machine import reset
from micropython import const

import board
from commits import Commits
from packwarden.staging import Staging

_SETTLED_ms = const(10000)  # after this long the start waits for nobody


class Update:
    """The way of another configuration to a board that runs: `staging`, its steps, the start."""

    def __init__(self, protection, configuration):
        self.staging = Staging(protection, board, configuration.slots, configuration.hash)
        self._protection = protection
        self._configuration = configuration
        self._commits = Commits(protection)

    def due(self, settled):
        """Return whether to `run` now. `settled()`: nobody has anything more to keep. Slack."""
        staging = self.staging
        if not self._commits.due(staging.stored or staging.due()):
            return False
        return not staging.stored or self._commits.waited_ms() >= _SETTLED_ms or settled()

    def run(self):
        """Write a part of what was activated; or start the board, once all is written."""
        staging = self.staging
        if staging.stored:
            self._protection.restart.ends()
            reset()
        staging.step()
        if staging.stored:
            self._commits.due(False)  # its start waits anew
            self._configuration.clear()
