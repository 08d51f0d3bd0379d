"""`select.poll` for the console: it hands over streams of its own in place of stdin and stdout."""

import sys

from packwarden_sim import world
from packwarden_sim.console import POLLIN, POLLOUT

POLLERR = 8
POLLHUP = 16


class _Poll:
    def __init__(self):
        self._wanted = 0
        console = world.current.console
        reading = (console, POLLIN)
        writing = (console, POLLOUT)
        # By the bits that are ready and wanted: asking allocates nothing.
        self._answers = {
            0: (),
            POLLIN: (reading,),
            POLLOUT: (writing,),
            POLLIN | POLLOUT: (reading, writing),
        }
        self._ready = console.ready

    def register(self, stream, events=POLLIN | POLLOUT):
        """Watch sys.stdin for POLLIN, sys.stdout for POLLOUT; nothing else is known here."""
        self._wanted |= POLLIN if _is(stream, sys.stdin) else POLLOUT

    def unregister(self, stream):
        """Watch it no longer."""
        self._wanted &= ~(POLLIN if _is(stream, sys.stdin) else POLLOUT)

    def ipoll(self, timeout=-1, flags=0):
        """Return what is ready as (stream, event); only to be asked with a timeout of 0."""
        return self._answers[self._ready() & self._wanted]

    poll = ipoll


def _is(stream, standard):
    return stream is standard or stream is getattr(standard, "buffer", standard)


def poll():
    """Return a new poll object."""
    return _Poll()
