"""A configuration on its way to the board: received piece by piece, checked, stored, not yet run.

It runs from the next start on. Until it is stored nothing of it is in flash, and what runs is not
touched.
"""

import binascii

from packwarden import config_text, restart, settings
from packwarden.replies import record

PIECE = 69  # bytes, so that it fits a line of the console
_SILENT_s = 600  # after so long without a word it is dropped


class Staging:
    """What is staged. `slots` hold what runs, `hash` is its; `board`: the module of the board.

    `length` of what is staged and its CRC-32 `checksum`, as announced (0: nothing is);
    `received` bytes; it is `good` once checked, and `stored` once a start will run it.
    """

    def __init__(self, protection, board, slots, running):
        self.slots = slots
        self.hash = running
        self.stored = False
        self._protection = protection
        self._board = board
        self._steps = None
        self.drop()

    def drop(self):
        """Forget what is staged."""
        self._pieces = []
        self.length = self.checksum = self.received = self._actual = 0
        self.batteries = 0  # of a good one
        self._touch()

    @property
    def good(self):
        """True once it was checked, whole and without an error."""
        return self.batteries > 0

    @property
    def storing(self):
        """True while it is being written."""
        return self._steps is not None

    def begin(self, length, checksum):
        """Announce a text of so many bytes and its CRC-32; what was staged is forgotten."""
        self.drop()
        self.length = length
        self.checksum = checksum

    def put(self, number, data):
        """Take the piece of a number, from 0; return what is wrong with it, or None.

        The last one may come again: its sender may not have heard that it came.
        """
        self._touch()
        pieces = self._pieces
        if number < len(pieces) and data == pieces[number]:
            return None
        if number != len(pieces):
            return "piece %d is next" % len(pieces)
        if self.received + len(data) > self.length:
            return "more than the %d bytes that were announced" % self.length
        pieces.append(data)
        self.received += len(data)
        self._actual = binascii.crc32(data, self._actual)
        return None

    def check(self, found):
        """Append what is wrong with it to `found`, (path, message); yields after each part."""
        self._touch()
        if self.received < self.length or not self.length:
            text = "%d of %d bytes have come" % (self.received, self.length)
            found.append(("the configuration", text))
            return
        if self._actual != self.checksum:
            text = "has the checksum %08x, not %08x" % (self._actual, self.checksum)
            found.append(("the configuration", text))
            return
        config = {}
        try:
            for _ in config_text.read(self._pieces, config):
                yield
        except ValueError as error:
            found.append(("the configuration", str(error)))
            return
        for _ in settings.check(config, found):
            yield
        if not found:
            found.extend(settings.board_errors(config, self._board))
        if not found:
            self.batteries = config["bank"]["batteries"]

    def store(self):
        """Begin to write what is good; `step` does it."""
        self._steps = self.slots.store(settings.SCHEMA, self._pieces)

    def due(self):
        """Return whether a `step` is to be done. Slack; allocates nothing."""
        if self.length and self._protection.events.seconds - self._heard_s > _SILENT_s:
            return True
        return self.storing

    def step(self):
        """Write a part of it, see `TwoSlots.store`; or drop it, where nobody asks for it."""
        steps = self._steps
        if steps is None:
            self.drop()
            return
        try:
            next(steps)
        except StopIteration:
            self._steps = None
            self.stored = True
            record(self._protection, restart.REPLACED)
        except OSError:
            self._steps = None

    def _touch(self):
        self._heard_s = self._protection.events.seconds
