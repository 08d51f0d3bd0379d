"""`io` of the board: files take the time of its flash. All else is the real module's."""

import io as _real

from packwarden_sim import world
from packwarden_sim.clock import us
from packwarden_sim.costs import (
    BLOCK_BYTES,
    FILE_BLOCK_US,
    FILE_COMMIT_US,
    FILE_OPEN_US,
    FILE_READ_KB_US,
)


class _File:
    """An open file; one that was opened for writing is committed when it is closed."""

    def __init__(self, name, mode):
        us[0] += FILE_OPEN_US
        self._flash = world.current.wiring.flash
        self._writes = "r" not in mode
        self._written = 0
        if self._writes:
            self._flash.change()
        else:
            self._flash.look()
        self._file = _real.open(name, mode)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Close it, and keep what was written."""
        if self._writes:
            us[0] += FILE_COMMIT_US
        self._file.close()

    def seek(self, offset, whence=0):
        """Go to a place; return it."""
        return self._file.seek(offset, whence)

    def readinto(self, buffer):
        """Fill a buffer; return how many bytes there were."""
        count = self._file.readinto(buffer)
        us[0] += count * FILE_READ_KB_US >> 10
        return count

    def write(self, data):
        """Write bytes; return how many. Those beyond a block are not left to the commit."""
        before = self._written // BLOCK_BYTES
        self._written += len(data)
        us[0] += FILE_BLOCK_US * (self._written // BLOCK_BYTES - before)
        self._flash.take()
        return self._file.write(data)


def open(name, mode):
    """Open a file in binary: "rb", "wb" or "ab"."""
    return _File(name, mode)


def __getattr__(name):
    return getattr(_real, name)
