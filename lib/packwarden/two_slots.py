"""A payload kept in two slots of flash: the newest whole one counts, the other is the one before.

Each slot is a file: a head, then the payload. The one that does not count is written, so that a
write which is cut short leaves the payload as it was.
"""

import binascii
import struct

from micropython import const

_HEAD = "<IHIIII"  # magic, schema, generation, length and checksum of the payload; of these
_HEAD_SIZE = const(22)
_CHECKED = const(18)
_MAGIC = const(0x32535750)  # PWS2
_PIECE = const(256)  # bytes read at once
_STEP = const(512)  # bytes written in a step, or one piece more: so it erases one block at most
_NONE = tuple([0] * 4)  # of no slot
_ENOENT = const(2)
_ENOSPC = const(28)


class TwoSlots:
    """The slots NAME.a and NAME.b on a file system as `journal.Journal` has it; `load` first.

    Of the payload that counts: `generation`, which counts what was stored (0: there is none),
    `schema` (0 .. 65535), `length` in bytes, and its CRC-32 `checksum`. `refused`: [(file,
    reason)] of the slots that are there and do not count because they are damaged or no good.
    """

    def __init__(self, fs, name):
        self._fs = fs
        self._names = (name + ".a", name + ".b")
        self._heads = [_NONE, _NONE]  # (generation, schema, length, checksum) of each whole slot
        self._last = 0  # the latest generation that is known
        self.refused = []
        self._choose()

    def load(self):
        """Look what the slots hold. Boot only: reads all of them."""
        self.refused = []
        for slot in range(2):
            self._heads[slot] = self._check(slot)
        self._last = max(head[0] for head in self._heads)
        self._choose()

    def refuse(self, reason):
        """Let the payload that counts do so no longer: what it says is no good. Boot only."""
        self.refused.append((self.name, reason))
        self._heads[self._at] = _NONE
        self._choose()

    @property
    def name(self):
        """The file of the payload that counts."""
        return self._names[self._at]

    def pieces(self):
        """Yield the payload that counts in pieces of bytes."""
        at = _HEAD_SIZE
        end = _HEAD_SIZE + self.length
        while at < end:
            piece = bytearray(min(_PIECE, end - at))
            with self._fs.open(self.name, "rb") as file:
                file.seek(at)
                file.readinto(piece)
            yield piece
            at += len(piece)

    def store(self, schema, pieces, width=1):
        """Commit a payload, a list of bytes, in steps: a generator to be run to its end.

        `width`: bytes of an item of a piece, where it is an array. A step erases one block of the
        flash at most, and stops everything meanwhile. OSError if it failed: then, and where nobody
        runs it to its end, the payload stays what it was.
        """
        slot = 1 - self._at if self.generation else 0
        length = checksum = 0
        for piece in pieces:
            length += len(piece) * width
            checksum = binascii.crc32(piece, checksum)
        head = bytearray(_HEAD_SIZE)
        facts = (self._last + 1, schema, length, checksum)
        struct.pack_into(_HEAD, head, 0, _MAGIC, schema, facts[0], length, checksum, 0)
        struct.pack_into("<I", head, _CHECKED, binascii.crc32(memoryview(head)[:_CHECKED]))
        self._heads[slot] = _NONE  # it is no more what it was, wherever this ends
        with self._fs.open(self._names[slot], "wb") as file:
            _write(file, head, _HEAD_SIZE)
            written = _HEAD_SIZE
            for piece in pieces:
                _write(file, piece, len(piece) * width)
                written += len(piece) * width
                if written >= _STEP:
                    written = 0
                    yield
        self._last = facts[0]
        self._heads[slot] = facts
        self._choose()

    def _choose(self):
        """Let the newest whole slot count."""
        self._at = 0
        self.generation = self.schema = self.length = self.checksum = 0
        for slot in range(2):
            head = self._heads[slot]
            if head[0] > self.generation:
                self._at = slot
                self.generation, self.schema, self.length, self.checksum = head

    def _check(self, slot):
        """Return the head of a slot; _NONE where it is not there or refused."""
        name = self._names[slot]
        try:
            with self._fs.open(name, "rb") as file:
                found = _examine(file)
        except OSError as error:
            if error.args[:1] == (_ENOENT,):
                return _NONE
            found = "cannot be read"
        if isinstance(found, str):
            self.refused.append((name, found))
            return _NONE
        return found


def _write(file, piece, length):
    if file.write(piece) != length:
        raise OSError(_ENOSPC)


def _examine(file):
    """Return (generation, schema, length, checksum) of an open slot, or why it is refused."""
    size = file.seek(0, 2)
    if size < _HEAD_SIZE:
        return "has %d bytes, its head alone has %d" % (size, _HEAD_SIZE)
    file.seek(0)
    head = bytearray(_HEAD_SIZE)
    file.readinto(head)
    magic, schema, generation, length, checksum, of_head = struct.unpack(_HEAD, head)
    if magic != _MAGIC:
        return "begins with %08x, not with %08x" % (magic, _MAGIC)
    actual = binascii.crc32(memoryview(head)[:_CHECKED])
    if actual != of_head:
        return "its head has the checksum %08x, not %08x" % (actual, of_head)
    if length != size - _HEAD_SIZE:
        return "holds %d bytes of %d" % (size - _HEAD_SIZE, length)
    actual = 0
    piece = bytearray(_PIECE)
    count = file.readinto(piece)
    while count:
        actual = binascii.crc32(memoryview(piece)[:count], actual)
        count = file.readinto(piece)
    if actual != checksum:
        return "has the checksum %08x, not %08x" % (actual, checksum)
    return generation, schema, length, checksum
