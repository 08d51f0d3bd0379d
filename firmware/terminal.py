"""The console's wire: a few bytes a slice between the serial line and the dialogue."""

import select
import sys
import time

from micropython import const

SLICE_us = const(1500)  # the longest that `serve` takes; a piece of a reply is the most of it
_IN = const(24)  # bytes taken in a slice, more than arrive in 2 ms at 115200 baud
_QUICK_us = const(
    100
)  # a piece that took longer was read from flash: it is sent in the next slice
_OUT = const(16)  # bytes sent in a slice: 1.4 ms on the wire


class Terminal:
    """Polls the standard streams; never waits for them. Called in the slack only."""

    def __init__(self, console):
        self._console = console
        self.used = True  # something was allocated; whoever collects it says False
        self._byte = bytearray(1)
        self._poll = select.poll()
        # On the board stdin.buffer and stdout.buffer are one object, registered once for both.
        self._poll.register(sys.stdin.buffer, select.POLLIN | select.POLLOUT)

    def due(self, fits):
        """Return whether to serve: always, where there is time for it."""
        return fits

    def serve(self):
        """Run a slice: take what came in, work on the reply, send; True if there is more.

        False where the line takes nothing: there is no use in asking it again at once.
        """
        for _ in range(_IN):
            if not self._receive():
                break
            self.used = True
        console = self._console
        if console.busy():
            self.used = True
            began_us = time.ticks_us()
            console.work()
            if time.ticks_diff(time.ticks_us(), began_us) > _QUICK_us:
                return True
            if not self._send():
                return False
        return console.busy() and not console.waits

    def _receive(self):
        """Take one byte if there is one."""
        for stream, event in self._poll.ipoll(0):
            if event & select.POLLIN:
                if stream.readinto(self._byte):
                    self._console.feed(self._byte[0])
                    return True
        return False

    def _send(self):
        """Send a piece if the line takes it; return whether it did."""
        for stream, event in self._poll.ipoll(0):
            if event & select.POLLOUT:
                piece = self._console.take(_OUT)
                if piece:
                    stream.write(piece)
                return True
        return False
