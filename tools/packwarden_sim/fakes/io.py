"""`io` of the board: files take the time of its flash. All else is the real module's."""

import io as _real

from packwarden_sim import world
from packwarden_sim.clock import us
from packwarden_sim.costs import (
    BLOCK_BYTES,
    FILE_BLOCK_US,
    FILE_COMMIT_US,
    FILE_OPEN_US,
    HASH_BYTES,
    IMAGE_US,
)


class _File:
    """An open file; one that was opened for writing is committed when it is closed."""

    def __init__(self, name, mode):
        us[0] += _opening_us(name)
        self._hashed = _of_image(name) and world.current.watched_us() is not None
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
        if self._hashed:
            us[0] += len(buffer) // HASH_BYTES
        return self._file.readinto(buffer)

    def readline(self):
        """Return the next line, with its end."""
        return self._file.readline()

    def write(self, data):
        """Write bytes; return how many. Those beyond a block are not left to the commit."""
        before = self._written // BLOCK_BYTES
        self._written += len(data)
        us[0] += FILE_BLOCK_US * (self._written // BLOCK_BYTES - before)
        self._flash.take()
        if self._flash.tears():
            self._file.write(data[: len(data) // 2])
            self._file.flush()
            world.current.pull()
        return self._file.write(data)


def _opening_us(name):
    """Return what it takes to open a file: at boot the manifest stands for all of the image."""
    if world.current.watched_us() is not None:
        return FILE_OPEN_US
    if name.rsplit("/", 1)[-1] == "image.sha256":
        return IMAGE_US
    return 0 if _of_image(name) else FILE_OPEN_US


def _of_image(name):
    return name.rsplit(".", 1)[-1] in ("py", "mpy")


def open(name, mode):
    """Open a file in binary: "rb", "wb" or "ab"."""
    return _File(name, mode)


def __getattr__(name):
    return getattr(_real, name)
