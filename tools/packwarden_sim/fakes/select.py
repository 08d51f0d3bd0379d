"""`select.poll` for the console: it hands over streams of its own in place of stdin and stdout."""

import sys

from packwarden_sim import world
from packwarden_sim.console import POLLIN, POLLOUT

POLLERR = 8
POLLHUP = 16


class _Poll:
    """On the board stdin.buffer and stdout.buffer are one object; stdin and stdout are two."""

    def __init__(self):
        self._wanted = {}
        self._answers = ()
        self._console = world.current.console

    def register(self, stream, events=POLLIN | POLLOUT):
        """Watch a standard stream; registering the same one again replaces its events."""
        self._wanted[_key(stream)] = events
        # By the bits that are ready: asking allocates nothing.
        self._answers = tuple([self._answer(ready) for ready in range(8)])

    def _answer(self, ready):
        found = [ready & events for events in self._wanted.values()]
        return tuple([(self._console, events) for events in found if events])

    def unregister(self, stream):
        """Watch it no longer."""
        self.register(stream, 0)

    def ipoll(self, timeout=-1, flags=0):
        """Return what is ready as (stream, events); only to be asked with a timeout of 0."""
        return self._answers[self._console.ready()]

    poll = ipoll


def _key(stream):
    if stream is sys.stdin:
        return "in"
    return "out" if stream is sys.stdout else "both"


def poll():
    """Return a new poll object."""
    return _Poll()
