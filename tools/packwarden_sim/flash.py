"""What may be wrong with the file system in the board's flash, as the fakes of `io` and `os` obey.

`full`: it takes nothing more; `read_only`: it is mounted so; `broken`: nothing in it can be read
or written.
"""

import os

_EIO = 5
_ENOSPC = 28
_EROFS = 30
_FOLDER = 0x4000


class Flash:
    """The state of the file system."""

    def __init__(self):
        self.full = self.read_only = self.broken = False
        self.writes_left = 0  # to that one in whose midst the plug is pulled; 0: to none

    def tears(self):
        """Return whether the plug is pulled in the midst of the write that begins now."""
        self.writes_left -= 1
        return self.writes_left == 0

    def look(self):
        """Raise OSError where nothing can be read."""
        if self.broken:
            raise OSError(_EIO)

    def change(self):
        """Raise OSError where nothing can be changed."""
        self.look()
        if self.read_only:
            raise OSError(_EROFS)

    def take(self):
        """Raise OSError where nothing more can be written."""
        self.change()
        if self.full:
            raise OSError(_ENOSPC)


def corrupt():
    """Change a byte of every 64 of every file of the current folder, the first one among them.

    Not of the image: a board would not start it, and say so.
    """
    for name in os.listdir():
        if os.stat(name)[0] & _FOLDER or name.rsplit(".", 1)[-1] in ("py", "sha256"):
            continue
        with open(name, "rb") as file:
            data = bytearray(file.read())
        for place in range(0, len(data), 64):
            data[place] ^= 0x55
        with open(name, "wb") as file:
            file.write(data)
