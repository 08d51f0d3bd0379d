"""A board's flash with littlefs on it: `from flash_chip import Chip, Files`.

The chip is a block device that behaves as NOR flash does: programming clears bits, erasing a block
sets them. Its power can be cut at any write, which is then torn; what it holds can be mounted
again. littlefs itself is the real one, set as MicroPython sets it on the ESP32.
"""

import errno
import random
from contextlib import contextmanager

from littlefs import LittleFS, LittleFSError, lfs
from littlefs.context import UserContext

BLOCK = 4096
BLOCKS = 40
CYCLES = 100
_IO_ERROR = -5
# What is left of the write during which the power went.
TEARS = ("nothing", "a part", "some bits", "all")
_ERRNO = {
    LittleFSError.Error.LFS_ERR_NOENT: errno.ENOENT,
    LittleFSError.Error.LFS_ERR_EXIST: errno.EEXIST,
    LittleFSError.Error.LFS_ERR_NOSPC: errno.ENOSPC,
}


class Chip(UserContext):
    """Flash of BLOCKS blocks; `writes` counts programmings, erasures and syncs.

    `cut_at`: number of the write during which the power goes; `tear`: what is left of it.
    `watch(writes)` is called before every write. `erased`: how often each block was.
    """

    def __init__(self, content=None, blocks=BLOCKS, cycles=CYCLES):
        self.content = bytearray(content or b"\xff" * (BLOCK * blocks))
        self.blocks = len(self.content) // BLOCK
        self.erased = [0] * self.blocks
        self.cycles = cycles  # erasures after which littlefs moves its directory elsewhere
        self.writes = 0
        self.cut_at = None
        self.tear = TEARS[0]
        self.dead = False
        self.watch = None
        self.full = False  # nothing is taken any more

    def read(self, cfg, block, off, size):
        begin = block * BLOCK + off
        return self.content[begin : begin + size]

    def prog(self, cfg, block, off, data):
        begin = block * BLOCK + off
        old = self.content[begin : begin + len(data)]
        cleared = int.from_bytes(old, "big") & int.from_bytes(data, "big")
        new = cleared.to_bytes(len(data), "big")
        return self._write(begin, old, new)

    def erase(self, cfg, block):
        begin = block * BLOCK
        self.erased[block] += 1
        return self._write(begin, self.content[begin : begin + BLOCK], b"\xff" * BLOCK)

    def sync(self, cfg):
        return self._write(0, b"", b"")

    def after(self, begin, old, new, tear):
        """What the chip holds after a write was torn."""
        content = bytearray(self.content)
        content[begin : begin + len(new)] = torn(old, new, tear, self.writes)
        return bytes(content)

    def _write(self, begin, old, new):
        if self.dead or self.full:
            return _IO_ERROR
        if self.watch:
            self.watch(self, begin, old, new)
        if self.writes == self.cut_at:
            self.content[:] = self.after(begin, old, new, self.tear)
            self.dead = True
            return _IO_ERROR
        self.writes += 1
        self.content[begin : begin + len(new)] = new
        return 0


def torn(old, new, tear, seed):
    """What stands where `new` was being written over `old`."""
    if tear == "nothing":
        return bytes(old)
    if tear == "all":
        return bytes(new)
    if tear == "a part":
        half = len(new) // 2
        return bytes(new[:half]) + bytes(old[half:])
    draw = random.Random(seed).randbytes(len(new))
    return bytes(o ^ (o ^ n) & d for o, n, d in zip(old, new, draw, strict=True))


class Files:
    """The file system of a chip, as the firmware has it; failures are OSError as on the board."""

    def __init__(self, chip, fresh=False):
        """Mount it; `fresh`: make one first. OSError where it cannot be mounted."""
        facts = {"block_size": BLOCK, "block_count": chip.blocks, "block_cycles": chip.cycles}
        facts |= {"read_size": 32, "prog_size": 32, "cache_size": 128, "lookahead_size": 32}
        with _as_oserror():
            self._fs = LittleFS(context=chip, mount=False, **facts)
            if fresh:
                self._fs.format()
            self._fs.mount()

    def open(self, name, mode):
        assert mode in ("rb", "wb", "ab")
        with _as_oserror(name):
            return _File(self._fs.fs, lfs.file_open(self._fs.fs, name, mode))

    def rename(self, old, new):
        with _as_oserror(old):
            self._fs.rename(old, new)

    def remove(self, name):
        with _as_oserror(name):
            self._fs.remove(name)

    def listdir(self):
        with _as_oserror():
            return self._fs.listdir(".")


class _File:
    """An open file, with the calls that MicroPython's has."""

    def __init__(self, fs, handle):
        self._both = fs, handle

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with _as_oserror():
            lfs.file_close(*self._both)

    def seek(self, offset, whence=0):
        with _as_oserror():
            return lfs.file_seek(*self._both, offset, whence)

    def readinto(self, buffer):
        with _as_oserror():
            data = lfs.file_read(*self._both, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data):
        with _as_oserror():
            return lfs.file_write(*self._both, bytes(data))


@contextmanager
def _as_oserror(name=None):
    try:
        yield
    except LittleFSError as error:
        raise OSError(_ERRNO.get(error.code, errno.EIO), str(error), name) from None
