"""The last captures in flash, a file each: head, configuration, what was recorded, checksum.

A capture is written aside, in pieces, and then takes the place of the oldest one: what is there
stays whole, whenever the power goes. The head has a checksum of its own, and tells how long the
file has to be.
"""

import binascii
import struct

from micropython import const

from packwarden import VERSION, records
from packwarden.captures import FACTS, TRIP_SEQ
from packwarden.records import Event

FILES = const(4)
PIECE = const(2048)  # bytes that are written at once, or a part more: they erase one block at most
_PART = const(512)

# Magic; version of the firmware; number of the capture, of the boot; hash of the configuration;
# shape of the state; bytes of the configuration and of what was recorded; the facts; batteries,
# tick in ms; the record of the trip; and the checksum of all that.
HEAD = "<4s16sIIIIIIIIIIIIBH%dsI" % records.SIZE
HEAD_SIZE = struct.calcsize(HEAD)
TAIL_SIZE = const(4)  # the checksum of all before it
_MAGIC = b"PWC1"
_ASIDE = "capture.new"
_ENOSPC = const(28)


class Head:
    """What a capture's file begins with."""

    def __init__(self, packed):
        """Unpack a head that `is_head` has found good."""
        found = struct.unpack(HEAD, packed)
        self.version = found[1].decode().rstrip("\0")
        self.number, self.boot, self.config_hash, self.shape = found[2:6]
        self.config_size, self.log_size = found[6:8]
        self.facts = found[8 : 8 + FACTS]
        self.batteries, self.tick_ms, self.record = found[8 + FACTS : -1]

    @property
    def size(self):
        """How many bytes the whole file has."""
        return HEAD_SIZE + self.config_size + self.log_size + TAIL_SIZE

    def event(self):
        """Return the trip, as an event."""
        fields = struct.unpack(records.FORMAT, self.record)
        return Event(self.facts[TRIP_SEQ], fields, self.boot, self.config_hash, True)


def is_head(packed):
    """Return whether these HEAD_SIZE bytes are the head of a capture."""
    if len(packed) < HEAD_SIZE or bytes(packed[:4]) != _MAGIC:
        return False
    return struct.unpack_from("<I", packed, HEAD_SIZE - 4)[0] == binascii.crc32(packed[:-4])


def file_name(slot):
    """Return the name of a file."""
    return "capture%d" % slot


def _put(file, data):
    if file.write(data) != len(data):
        raise OSError(_ENOSPC)


class CaptureFiles:
    """The captures of a cabinet; `open` first. Slack and boot only.

    `fs` has `open`, as `journal.Journal` has it, and `rename(old, new)`. `failed`: the flash does
    not take the capture that waits.
    """

    def __init__(self, fs, captures, protection, journal, config):
        """`config()`: the configuration in pieces of bytes; `journal` knows its hash."""
        self._fs = fs
        self.captures = captures
        self._protection = protection
        self._journal = journal
        self._config = config
        self._numbers = [0] * FILES  # of the capture in each file; 0: none
        self._work = None
        self.failed = False

    def open(self):
        """Find what is kept. Boot only."""
        for slot in range(FILES):
            head = self._head(slot)
            self._numbers[slot] = head.number if head else 0

    def heads(self):
        """Yield the Head of each capture that is kept, oldest first, a file at a time."""
        for number in sorted(self._numbers):
            head = self._head(self._numbers.index(number)) if number else None
            if head:
                yield head

    def head(self, number):
        """Return the Head of a capture, or None where it is not kept (any more)."""
        return self._head(self._numbers.index(number)) if number in self._numbers else None

    def read(self, number, offset, buffer):
        """Read bytes of a capture into a buffer; return how many there were. OSError if none."""
        with self._fs.open(file_name(self._numbers.index(number)), "rb") as file:
            file.seek(offset)
            return file.readinto(buffer)

    def write(self):
        """Write a piece of the capture that waits; what has failed begins anew."""
        if self._work is None:
            self._work = self._pieces()
            self.failed = False
        try:
            next(self._work)
        except StopIteration:
            self._work = None
            self.captures.release()
        except OSError:
            self._work = None
            self.failed = True

    def _pieces(self):
        """Write the capture; a piece at each `next`."""
        number = max(self._numbers) + 1
        slot = self._numbers.index(min(self._numbers))
        crc = config_size = 0
        for piece in self._config():
            crc = binascii.crc32(piece, crc)
            config_size += len(piece)
        known = crc == self._journal.config_hash  # else another one has been pushed
        head = self._pack_head(number, config_size if known else 0)
        yield
        with self._fs.open(_ASIDE, "wb") as file:
            crc = written = 0
            for piece in self._parts(head, known):
                _put(file, piece)
                crc = binascii.crc32(piece, crc)
                written += len(piece)
                if written >= PIECE:
                    written = 0
                    yield
            _put(file, struct.pack("<I", crc))
            yield  # to close it takes a commit of its own
        yield
        self._fs.rename(_ASIDE, file_name(slot))
        self._numbers[slot] = number

    def _parts(self, head, known):
        """Yield what the file consists of, but for its checksum."""
        yield head
        if known:
            yield from self._config()
        offset = 0
        while offset < self.captures.frozen:
            piece = self.captures.piece(offset, _PART)
            yield piece
            offset += len(piece)

    def _pack_head(self, number, config_size):
        captures = self.captures
        record = bytearray(records.SIZE)
        log = self._protection.events
        seq = captures.facts[TRIP_SEQ]
        if seq >= log.oldest_seq:  # else so much has happened since that it is forgotten
            log.copy(seq, record, 0)
        head = bytearray(HEAD_SIZE)
        struct.pack_into(
            HEAD,
            head,
            0,
            _MAGIC,
            VERSION.encode(),
            number,
            self._journal.boot,
            self._journal.config_hash,
            captures.state.shape,
            config_size,
            captures.frozen,
            *captures.facts,
            self._protection.frame.batteries,
            self._protection.bank.tick_ms,
            record,
            0,
        )
        struct.pack_into("<I", head, HEAD_SIZE - 4, binascii.crc32(memoryview(head)[:-4]))
        return head

    def _head(self, slot):
        """Return the Head of a file, None where it is not a whole capture."""
        packed = bytearray(HEAD_SIZE)
        try:
            with self._fs.open(file_name(slot), "rb") as file:
                file.readinto(packed)
                size = file.seek(0, 2)
        except OSError:
            return None
        if not is_head(packed):
            return None
        head = Head(packed)
        return head if head.size == size else None
