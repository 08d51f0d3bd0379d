"""The journal: event records in flash, of this life of the board and of those before it.

Eight segment files of one block of flash each are written in turn, so that each wears once per
round; records are appended to the newest, and the oldest is replaced as a whole. What was
committed is kept: on littlefs a file has its old content until it is closed. A record that was
torn, or has changed, is told by its checksum and left out. What waits for its commit lies framed
in a batch, which may be in memory that outlasts a reset: then it is kept by the next life.
"""

import binascii
import struct

from micropython import const

from packwarden import records
from packwarden.records import Event

SEGMENTS = const(8)
PER_SEGMENT = const(80)  # 3920 bytes, and a block of flash has 4096
KEPT = (SEGMENTS - 1) * PER_SEGMENT  # records that are there at least, once so many were written
BATCH = const(16)  # records that one commit writes at most

# Boot number and number of the event; then its record as `records` packs it; then the hash of the
# configuration and the checksum of all that.
_HEAD = "<II"
_HEAD_SIZE = const(8)
_TAIL_SIZE = const(8)
SIZE = _HEAD_SIZE + records.SIZE + _TAIL_SIZE
_LAYOUT = const(1)  # what the checksum begins with: records of another layout are none

_ENOENT = const(2)

# What is at a place of a segment.
_END = const(0)
_DAMAGED = const(1)
_GOOD = const(2)


def segment_name(segment):
    """Return the name of a segment's file."""
    return "journal%d" % segment


class Journal:
    """What an EventLog has told, kept over restarts. From boot and slack only.

    `fs` has `open(name, mode)` with the modes "rb", "wb" and, for a file that is there, "ab";
    closing a file that was written commits it. All failures are OSError.
    """

    def __init__(self, fs, log, config_hash, batch=None):
        """Bind to a file system and a log. `config_hash`: 32 bits that stand in every record.

        `batch`: BATCH * SIZE bytes, of a memory that outlasts a reset or not.
        """
        self._fs = fs
        self._log = log
        self.config_hash = config_hash
        self.boot = 1  # number of this life of the board
        self.next_seq = 0  # every event before this one is kept, or lost
        self.lost = 0  # events of this life that the log forgot before they were kept
        self.failed = False  # the last commit could not be made
        self._first = [-1] * SEGMENTS  # number of each segment's first event; -1: it has none
        self._at = 0  # the segment that is written
        self._used = 0  # places of it that are
        self._sound = False  # it may be appended to
        self._batch = memoryview(batch or bytearray(BATCH * SIZE))
        self._staged = 0  # events from `next_seq` on that lie in the batch
        self._record = bytearray(SIZE)

    def open(self, cause):
        """Find what is kept, let the log number on, and commit the record of this boot. Boot only.

        Before it what a reset found in the batch.

        `cause`: why the board started, of `records.CAUSES`. The same record is the log's first
        one, see `Protection.arm`; it is committed now, when no tick waits for it.
        """
        newest = -1
        for segment in range(SEGMENTS):
            self._first[segment] = first = self._find_first(segment)
            if first > newest:
                newest = first
                self._at = segment
        if newest >= 0:
            self._find_last()
        self._commit_staged()
        self._log.begin(self.next_seq)
        records.pack_boot(self._batch, _HEAD_SIZE, cause)
        self._frame(0, self.next_seq)
        self._commit(0, 1)

    def waiting(self):
        """Return how many events are not kept yet. Allocates nothing."""
        return max(0, self._log.next_seq - self.next_seq)

    def unstaged(self):
        """Return whether an event waits that does not lie in the batch. Allocates nothing."""
        return self._staged < min(BATCH, self._log.next_seq - self.next_seq)

    def stage(self):
        """Put the next one of those into the batch; return whether there are more. Slack."""
        log = self._log
        if self.next_seq < log.oldest_seq:
            self.lost += log.oldest_seq - self.next_seq
            self.next_seq = log.oldest_seq
            self._staged = 0
        if self.unstaged():
            at = self._staged * SIZE
            seq = self.next_seq + self._staged
            log.copy(seq, self._batch, at + _HEAD_SIZE)
            self._frame(at, seq)
            self._staged += 1
        return self.unstaged()

    def commit(self):
        """Write what waits in one commit, BATCH records at most; `failed` tells how it went.

        Whoever calls it knows that no trip is on its way: the flash stops everything meanwhile.
        """
        while self.stage():
            pass
        self._commit(0, min(self._staged, self._room()))
        if not self.failed:
            self._staged = 0  # what did not fit is put to the begin of the batch

    def events(self, seq):
        """Yield every event from number `seq` on, oldest first, kept or not yet.

        Reads one record at a time; yields None where that was not one of them.
        """
        log = self._log
        armed = log.next_seq > log.first_seq  # before, the log has not even the boot
        for event in self._older(seq, log.oldest_seq if armed else self.next_seq):
            yield event
            if event:
                seq = event.seq + 1
        seq = max(seq, log.oldest_seq)
        while seq < log.next_seq:
            event = log.event(seq)
            event.boot = self.boot
            event.config = self.config_hash
            event.kept = seq < self.next_seq
            yield event
            seq = max(seq + 1, log.oldest_seq)  # the ring may have moved on meanwhile

    def _older(self, seq, end):
        """Yield the kept events of numbers seq .. end - 1, and None for a place without one."""
        oldest = self._at + 1
        for step in range(SEGMENTS):
            segment = (oldest + step) % SEGMENTS
            first = self._first[segment]
            if not 0 <= first < end or first < self._first[(segment + 1) % SEGMENTS] <= seq:
                continue
            place = min(max(0, seq - first), PER_SEGMENT - 1)
            found = self._load(segment, place)
            if place and (found != _GOOD or self._number() > seq):
                yield None
                place = 0  # some number is missing in between
                found = self._load(segment, place)
            while found != _END:
                if found == _GOOD and seq <= self._number() < end:
                    seq = self._number() + 1
                    yield self._event()
                else:
                    yield None
                place += 1
                if place == PER_SEGMENT:
                    break
                found = self._load(segment, place)
            else:
                yield None

    def _find_first(self, segment):
        """Return the number of the first good record of a segment, -1 where there is none."""
        for place in range(PER_SEGMENT):
            found = self._load(segment, place)
            if found == _GOOD:
                return self._number()
            if found == _END:
                break
        return -1

    def _find_last(self):
        """Go on behind the last good record of the newest segment."""
        self._sound = False
        try:
            with self._fs.open(segment_name(self._at), "rb") as file:
                while self._used < PER_SEGMENT:
                    found = self._read(file)
                    if found == _END:
                        return
                    self._used += 1
                    self._sound = found == _GOOD
                    if found == _GOOD:
                        self.boot = struct.unpack_from(_HEAD, self._record)[0] + 1
                        self.next_seq = self._number() + 1
        except OSError:
            self._sound = False

    def _commit_staged(self):
        """Commit what lies in the batch since before a reset and follows what is kept. Boot only.

        Its numbers are given once, whether it can be kept or not.
        """
        first = count = boot = 0
        for place in range(BATCH):
            record = self._batch[place * SIZE : (place + 1) * SIZE]
            if not _whole(record):
                break
            by, seq = struct.unpack_from(_HEAD, record)
            if not count:
                first, boot = place, by
            if seq == self.next_seq + count and by == boot:
                count += 1
            elif count or seq > self.next_seq:
                break  # what is left of earlier batches
        self.boot = max(self.boot, boot + 1) if count else self.boot
        while count:
            some = min(count, self._room())
            self._commit(first, some)
            if self.failed:
                self.next_seq += some
            first += some
            count -= some

    def _room(self):
        """Return how many records go into the segment that is written next."""
        return PER_SEGMENT - (self._used % PER_SEGMENT if self._sound else 0)

    def _commit(self, first, count):
        """Append `count` framed records of the batch, from place `first` on."""
        if not count:
            return
        at = self._at
        used = self._used
        if not self._sound or used == PER_SEGMENT:
            if used:
                at = (at + 1) % SEGMENTS
            used = 0
        self._sound = False  # what a failure leaves behind is not appended to
        self.failed = True
        try:
            with self._fs.open(segment_name(at), "ab" if used else "wb") as file:
                if file.write(self._batch[first * SIZE : (first + count) * SIZE]) != count * SIZE:
                    return
        except OSError:
            return
        self._sound = True
        self.failed = False
        if not used:
            self._first[at] = self.next_seq
        self._at = at
        self._used = used + count
        self.next_seq += count

    def _frame(self, at, seq):
        """Put head, hash and checksum around the record in the batch at `at`."""
        struct.pack_into(_HEAD, self._batch, at, self.boot, seq)
        end = at + SIZE - _TAIL_SIZE
        struct.pack_into("<I", self._batch, end, self.config_hash)
        checksum = binascii.crc32(self._batch[at : end + 4], _LAYOUT)
        struct.pack_into("<I", self._batch, end + 4, checksum)

    def _load(self, segment, place):
        """Read the record at a place of a segment; return _GOOD, _DAMAGED or _END."""
        try:
            with self._fs.open(segment_name(segment), "rb") as file:
                file.seek(place * SIZE)
                return self._read(file)
        except OSError as error:
            return _END if error.args[:1] == (_ENOENT,) else _DAMAGED

    def _read(self, file):
        """Read the next record of a file; return _GOOD, _DAMAGED or _END."""
        record = self._record
        size = file.readinto(record)
        if not size:
            return _END
        return _GOOD if size == SIZE and _whole(memoryview(record)) else _DAMAGED

    def _number(self):
        """Return the event's number of the record that was read."""
        return struct.unpack_from(_HEAD, self._record)[1]

    def _event(self):
        """Return the record that was read as an Event."""
        boot, seq = struct.unpack_from(_HEAD, self._record)
        config = struct.unpack_from("<I", self._record, SIZE - _TAIL_SIZE)[0]
        fields = struct.unpack_from(records.FORMAT, self._record, _HEAD_SIZE)
        return Event(seq, fields, boot, config, True)


def _whole(record):
    """Return whether a framed record is what it was made as."""
    checksum = struct.unpack_from("<I", record, SIZE - 4)[0]
    return checksum == binascii.crc32(record[: SIZE - 4], _LAYOUT)
