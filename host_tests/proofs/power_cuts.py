"""Power cuts: `make cuts`, or `python -m proofs.power_cuts --cuts 20000 --seed 7` in host_tests.

One long random run of what is kept in flash: the journal, the two slots, and the captures, over
clean restarts, on littlefs on a block device model. The power is cut at every single write of that
run (programming, erasing, syncing), and the write is torn in one of four ways. After each cut the
flash is mounted again and must hold

- every event that was acknowledged, of the last 512, bit by bit, and none that was never told;
- the payload of the slots as it was or as it was to be, whole, and nothing else;
- the last four captures that were kept, whole; of the one that was on its way all or nothing;

and the board must boot, number its events and boots on, and keep what it is given. During that
second life the power is cut once more, at a random write, and all is asked again.
"""

import argparse
import binascii
import contextlib
import os
import random
import struct
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace

from flash_chip import CYCLES, TEARS, Chip, Files
from frozen import Frozen
from packwarden import elements, records
from packwarden.capture_files import FILES, HEAD_SIZE, CaptureFiles, Head, file_name, is_head
from packwarden.fixed import NONE
from packwarden.journal import BATCH, PER_SEGMENT, SEGMENTS, SIZE, Journal, segment_name
from packwarden.records import EventLog
from packwarden.two_slots import TwoSlots

LEAST = 512  # events that have to be there
CONFIG_TEXT = b"bank 2\n" * 100
CONFIG = binascii.crc32(CONFIG_TEXT)
_PART = 500  # cuts that a process makes of one run


@dataclass
class Truth:
    """What was told to the flash, and what of it was acknowledged."""

    told: dict = field(default_factory=dict)  # number of an event: (boot, its packed record)s
    acknowledged: int = 0  # events 0 .. acknowledged - 1 are kept
    boot: int = 0  # the last boot whose record was acknowledged
    slots: tuple = (None,)  # what they may hold; two while one is being stored
    captures: dict = field(default_factory=dict)  # number: what was captured; the last four
    coming: dict = field(default_factory=dict)  # the one that is being kept

    def copy(self):
        told = {seq: set(found) for seq, found in self.told.items()}
        captures = dict(self.captures), dict(self.coming)
        return Truth(told, self.acknowledged, self.boot, self.slots, *captures)


class Log(EventLog):
    """A log that notes what it is told, and the record of the boot, which the journal makes."""

    def __init__(self, board, cause):
        super().__init__()
        self._board = board
        self._cause = cause

    def begin(self, seq):
        super().begin(seq)
        boot = (0, 0, records.INFO, 0, elements.BOOT, 0, 0, 0, 0, self._cause, *(NONE,) * 4, 0, 0)
        self._board.note(seq, struct.pack(records.FORMAT, *boot))

    def write(self, *fields):
        super().write(*fields)
        packed = bytearray(records.SIZE)
        self.copy(self.next_seq - 1, packed, 0)
        self._board.note(self.next_seq - 1, bytes(packed))


class Board:
    """What a life of the board does with its flash. OSError where the power goes."""

    def __init__(self, chip, truth, draw):
        self.truth = truth
        self._draw = draw
        self.files = Files(chip)
        cause = draw.randrange(1, 6)
        self.log = Log(self, cause)
        self.log.watch(lambda: draw.getrandbits(20))
        self.journal = Journal(self.files, self.log, CONFIG)
        self.journal.open(cause)
        if self.journal.failed:
            raise OSError("the record of the boot was not kept")
        self._acknowledge()
        self.tell(1)  # in the place of the boot, which is kept already
        self.frozen = Frozen(draw)
        facts = SimpleNamespace(batteries=2, tick_ms=10)
        protection = SimpleNamespace(events=self.log, frame=facts, bank=facts)
        self.captures = CaptureFiles(
            self.files, self.frozen, protection, self.journal, lambda: [CONFIG_TEXT]
        )
        self.captures.open()
        self.slots = TwoSlots(self.files, "config")
        self.slots.load()
        self.found = None
        if self.slots.generation:
            self.found = (self.slots.schema, b"".join(self.slots.pieces()))

    def note(self, seq, packed):
        self.truth.told.setdefault(seq, set()).add((self.journal.boot, packed))

    def _acknowledge(self):
        self.truth.acknowledged = self.journal.next_seq
        self.truth.boot = self.journal.boot

    def tell(self, count):
        """Tell so many random events."""
        draw = self._draw
        for _ in range(count):
            self.log.seconds, self.log.ms = draw.getrandbits(29), draw.randrange(1000)
            codes = [draw.randrange(7), draw.randrange(4), draw.randrange(25), draw.randrange(16)]
            codes += [draw.randrange(3), draw.randrange(9), draw.randrange(8), draw.randrange(5)]
            self.log.write(*codes, *(draw.getrandbits(30) for _ in range(4)))

    def commit(self):
        """Make one commit; what the journal says then is acknowledged."""
        self.journal.commit()
        if self.journal.failed:
            raise OSError("not kept")
        self._acknowledge()

    def keep(self, count):
        self.tell(count)
        while self.journal.waiting():
            self.commit()

    def store(self):
        """Store a random payload in the slots."""
        payload = self._draw.randbytes(self._draw.choice((0, 60, 900, 5000, 9000)))
        new = (self._draw.randrange(65536), payload)
        self.truth.slots = (self.truth.slots[0], new)
        pieces = [payload[at : at + 66] for at in range(0, len(payload), 66)]
        with contextlib.closing(self.slots.store(new[0], pieces)) as steps:
            for _ in steps:
                if self._draw.random() < 0.1:  # what happens is kept meanwhile
                    self.tell(1)
                    self.commit()
        self.truth.slots = (new,)

    def capture(self):
        """Keep a capture, a piece after the other."""
        truth = self.truth
        self.frozen.freeze(self._draw.choice((1, 900, 3000, 6000)), self.log.next_seq)
        number = max(truth.captures, default=0) + 1
        truth.coming = {number: self.frozen.data}
        try:
            while self.frozen.frozen:
                self.captures.write()
                if self.captures.failed:
                    raise OSError("the capture was not kept")
                if self._draw.random() < 0.2:  # what happens is kept meanwhile
                    self.tell(1)
                    self.commit()
        finally:
            with contextlib.suppress(AttributeError, OSError):
                self.captures._work.close()  # else its file would be closed at any time
        truth.captures |= truth.coming
        truth.coming = {}
        truth.captures.pop(number - FILES, None)

    def live(self):
        """Do one thing."""
        what = self._draw.random()
        if what < 0.80:
            self.tell(self._draw.choice((1, 1, 1, 2, 3, BATCH, BATCH + 5)))
            self.commit()
        elif what < 0.90:
            self.store()
        else:
            self.capture()


def kept(files):
    """Return {number: (boot, packed record)} of the journal, read without the library."""
    found = {}
    for segment in range(SEGMENTS):
        data = content(files, segment_name(segment)) or b""
        assert len(data) <= PER_SEGMENT * SIZE, "a segment is longer than its block"
        for at in range(0, len(data) - SIZE + 1, SIZE):
            record = data[at : at + SIZE]
            boot, seq = struct.unpack_from("<II", record)
            config, checksum = struct.unpack_from("<II", record, SIZE - 8)
            if checksum == binascii.crc32(record[:-4], 1):
                assert config == CONFIG
                found[seq] = (boot, record[8:-8])
    return found


def content(files, name):
    """Return what a file holds, None where there is none."""
    try:
        with files.open(name, "rb") as file:
            data = bytearray(file.seek(0, 2))
            file.seek(0)
            file.readinto(data)
            return bytes(data)
    except OSError as error:
        if error.errno != 2:
            raise
        return None


def check_journal(files, truth):
    """Hold the journal against what was acknowledged and told."""
    found = kept(files)
    for seq in range(max(0, truth.acknowledged - LEAST), truth.acknowledged):
        assert seq in found, f"event {seq} was acknowledged and is lost"
    for seq, record in found.items():
        assert record in truth.told.get(seq, ()), f"event {seq} is not what was told"


def check_captures(files, truth):
    """Hold the captures against those that were kept, read without the library; number of each."""
    found = {}
    for slot in range(FILES):
        data = content(files, file_name(slot)) or b""
        head = Head(data[:HEAD_SIZE]) if is_head(data[:HEAD_SIZE]) else None
        if head and len(data) == head.size:
            checksum = int.from_bytes(data[-4:], "little")
            assert checksum == binascii.crc32(data[:-4]), "a torn capture is taken for a whole one"
            found[head.number] = data[-4 - head.log_size : -4]
    for number, data in found.items():
        kept = {**truth.captures, **truth.coming}
        assert data == kept.get(number), f"capture {number} is not what was captured"
    for number in truth.captures:
        replaced = number + FILES in found
        assert replaced or number in found, f"capture {number} was kept and is lost"
    return found


def reboot(chip, truth, draw, whole):
    """Boot a board on what a cut has left, hold it against the truth, let it live and restart."""
    check_journal(Files(chip), truth)
    board = Board(chip, truth, draw)
    since = 0 if whole else max(0, board.log.first_seq - 5)
    numbers = [event.seq for event in board.journal.events(since) if event]
    assert numbers == sorted(set(numbers))
    assert board.found in truth.slots, "the slots hold neither payload"
    found = check_captures(board.files, truth)
    assert sorted(found) == [head.number for head in board.captures.heads()]
    truth.slots = (board.found,)
    truth.captures = found
    truth.coming = {}
    board.keep(3)
    board.store()
    board.capture()
    board.keep(1)
    check_journal(board.files, truth)
    check_captures(board.files, truth)
    return board


def cut_and_boot(content, cycles, tear_again, truth, seed):
    """Boot from what a cut has left; cut again during that, and boot once more.

    Returns how often the power went; raises AssertionError or OSError where something is wrong.
    """
    draw = random.Random(seed)
    first = Chip(content, cycles=cycles)
    again = truth.copy()
    boot = truth.boot
    acknowledged = truth.acknowledged
    board = reboot(first, truth, random.Random(seed), seed % 40 == 0)
    assert board.journal.boot > boot, "the boot has no number of its own"
    assert board.log.first_seq >= acknowledged, "a number is given twice"
    second = Chip(content, cycles=cycles)
    second.cut_at = draw.randrange(first.writes)
    second.tear = tear_again
    with contextlib.suppress(OSError):
        reboot(second, again, random.Random(seed), False)
    assert second.dead
    reboot(Chip(second.content, cycles=cycles), again, draw, False)
    return 2


@dataclass
class Outcome:
    """What came of some cuts."""

    cuts: int = 0
    again: int = 0
    tears: Counter = field(default_factory=Counter)
    writes: int = 0
    restarts: int = 0
    events: int = 0
    failures: list = field(default_factory=list)


def run(seed, cuts):
    """Make a run until its power was cut so often; returns an Outcome.

    It begins with a journal of any age, so that all its segments are replaced in some run; every
    other one has a directory that soon moves to other blocks.
    """
    draw = random.Random(seed)
    chip = Chip(cycles=4 if seed % 2 else CYCLES)
    Files(chip, fresh=True)
    truth = Truth()
    outcome = Outcome()

    def cut(chip, begin, old, new):
        if outcome.cuts >= cuts:
            return
        number = outcome.cuts
        outcome.cuts += 1
        tear = TEARS[number % len(TEARS)] if new else TEARS[0]
        outcome.tears[tear] += 1
        left = chip.after(begin, old, new, tear)
        again = TEARS[number // len(TEARS) % len(TEARS)]
        try:
            outcome.again += cut_and_boot(left, chip.cycles, again, truth.copy(), number) - 1
        except Exception as failure:  # littlefs would swallow it
            place = f"seed {seed}, write {chip.writes}, {tear} of it, then {again}"
            outcome.failures.append(f"{place}: {failure!r}")

    board = Board(chip, truth, draw)
    for _ in range(draw.randrange(120)):
        board.keep(draw.randrange(BATCH))
    for _ in range(draw.randrange(2 * FILES)):
        board.capture()
    before = truth.acknowledged
    chip.watch = cut
    while outcome.cuts < cuts:
        if draw.random() < 0.02:
            outcome.restarts += 1
            board = Board(chip, truth, draw)
            assert board.found in truth.slots
        board.live()
    outcome.writes = chip.writes
    outcome.events = truth.acknowledged - before
    return outcome


def _part(arguments):
    return run(*arguments)


def main():
    """Make the long form, with a bar on a terminal, else lines; exit code 1 on failures."""
    from rich.console import Console
    from rich.progress import Progress

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuts", type=int, default=12_000, help="at least so many (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the first run (%(default)s)")
    wanted = parser.parse_args()
    parts = [(wanted.seed + k, _PART) for k in range(-(-wanted.cuts // _PART))]
    began_s = time.monotonic()
    outcomes = []
    bar = Progress(console=Console(stderr=True), disable=not sys.stderr.isatty())
    with bar, ProcessPoolExecutor(os.cpu_count()) as pool:
        task = bar.add_task("power cuts", total=len(parts) * _PART)
        for outcome in pool.map(_part, parts):
            outcomes.append(outcome)
            bar.advance(task, outcome.cuts)
            if bar.disable:
                made = sum(one.cuts for one in outcomes)
                print(f"{made} of {len(parts) * _PART} cuts", file=sys.stderr, flush=True)
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    tears = sum((outcome.tears for outcome in outcomes), Counter())
    print(
        f"{sum(o.cuts for o in outcomes)} cuts, one at each write of {len(outcomes)} runs"
        f" ({', '.join(f'{tears[tear]} left {tear}' for tear in TEARS)} of the write),"
        f" and {sum(o.again for o in outcomes)} more while the board booted and lived on;"
        f" {sum(o.events for o in outcomes)} events acknowledged,"
        f" {sum(o.restarts for o in outcomes)} clean restarts:"
        f" {len(failures)} failures, in {time.monotonic() - began_s:.0f} s"
    )
    for failure in failures[:20]:
        print(failure)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
