"""A payload kept in two slots of flash: the newest whole one counts, the other is the one before.

Each slot is a file: magic, schema number, generation, length, checksum, payload. The one that does
not count is written, so that a write which is cut short leaves the payload as it was.
"""

import binascii
import struct

from micropython import const

_HEAD = "<IHIII"  # magic, schema, generation, length of the payload, checksum of all but itself
_HEAD_SIZE = const(18)
_CHECKED = const(14)
_MAGIC = const(0x31535750)  # PWS1
_PIECE = const(256)
_ENOENT = const(2)
_ENOSPC = const(28)


class TwoSlots:
    """The slots NAME.a and NAME.b on a file system as `journal.Journal` has it; `load` first.

    `generation` counts what was stored, 0: nothing. `refused`: [(file, reason)] of the slots that
    are there and do not count because they are damaged.
    """

    def __init__(self, fs, name):
        self._fs = fs
        self._names = (name + ".a", name + ".b")
        self._next = 0  # the slot that is written next
        self.generation = 0
        self.refused = []

    def load(self):
        """Return (schema, payload) of the newest whole slot, or None where there is none."""
        self.generation = 0
        self._next = 0
        self.refused = []
        newest = None
        for slot in range(2):
            head = self._check(self._names[slot])
            if head and (newest is None or head[1] > newest[1]):
                newest = head
                self._next = 1 - slot
        if newest is None:
            return None
        schema, self.generation, length = newest
        payload = bytearray(length)
        with self._fs.open(self._names[1 - self._next], "rb") as file:
            file.seek(_HEAD_SIZE)
            file.readinto(payload)
        return schema, payload

    def store(self, schema, payload):
        """Commit a payload (bytes) with its schema number, 0 .. 65535; OSError if that failed."""
        head = bytearray(_HEAD_SIZE)
        generation = self.generation + 1
        struct.pack_into(_HEAD, head, 0, _MAGIC, schema, generation, len(payload), 0)
        checksum = binascii.crc32(payload, binascii.crc32(memoryview(head)[:_CHECKED]))
        struct.pack_into("<I", head, _CHECKED, checksum)
        with self._fs.open(self._names[self._next], "wb") as file:
            for piece in (head, payload):
                if file.write(piece) != len(piece):
                    raise OSError(_ENOSPC)
        self.generation = generation
        self._next = 1 - self._next

    def _check(self, name):
        """Return (schema, generation, length) of a slot; None where it is not there or refused."""
        try:
            with self._fs.open(name, "rb") as file:
                found = self._examine(file)
        except OSError as error:
            if error.args[:1] == (_ENOENT,):
                return None
            found = "cannot be read"
        if isinstance(found, str):
            self.refused.append((name, found))
            return None
        return found

    def _examine(self, file):
        """Return (schema, generation, length) of an open slot, or why it is refused."""
        size = file.seek(0, 2)
        if size < _HEAD_SIZE:
            return "has %d bytes, its head alone has %d" % (size, _HEAD_SIZE)
        file.seek(0)
        head = bytearray(_HEAD_SIZE)
        file.readinto(head)
        magic, schema, generation, length, checksum = struct.unpack(_HEAD, head)
        if magic != _MAGIC:
            return "begins with %08x, not with %08x" % (magic, _MAGIC)
        if length != size - _HEAD_SIZE:
            return "holds %d bytes of %d" % (size - _HEAD_SIZE, length)
        actual = binascii.crc32(memoryview(head)[:_CHECKED])
        piece = bytearray(_PIECE)
        count = file.readinto(piece)
        while count:
            actual = binascii.crc32(memoryview(piece)[:count], actual)
            count = file.readinto(piece)
        if actual != checksum:
            return "has the checksum %08x, not %08x" % (actual, checksum)
        return schema, generation, length
