"""A cabinet whose trips are captured: `from captured import Recorded`."""

import binascii

from cabinets import Cabinet, at_once, configuration
from flash_chip import Chip, Files
from packwarden import config_text
from packwarden.capture_files import CaptureFiles
from packwarden.captures import FIRST_SEQ, TICKS, Captures
from packwarden.journal import Journal
from tapes import rerun

HOT_C = 95.0


class Recorded:
    """A cabinet whose ticks are recorded; slow channels come in turn, as in the firmware."""

    def __init__(self, config=None, slack=True, size=None, **measured):
        self.config = at_once(config or configuration(4))
        self.cabinet = Cabinet(self.config, **measured)
        self.protection = self.cabinet.protection
        self.captures = Captures(self.protection)
        if size:
            self.captures.size = size
        self.slack = slack
        self.waiting = set()
        self.ticks = 0
        self.captures.take()

    def tick(self, ms=10):
        frame = self.cabinet.frame
        self.ticks += 1
        if ms <= 250:
            slow = range(frame.voltage, frame.reference + 1)
            idle = {ch for ch in slow if (ch + self.ticks) % (16 if ch >= frame.terminal else 48)}
            self.cabinet.waiting = idle | self.waiting
        else:
            self.cabinet.waiting = self.waiting
        self.cabinet.tick(ms)
        self.captures.tick(self.cabinet.now_ms)
        if self.captures.due(self.slack):
            self.captures.take()

    def run(self, seconds, tick_ms=10):
        for _ in range(round(seconds * 1000 / tick_ms)):
            self.tick(tick_ms)

    def heat(self, battery):
        """A terminal is hot from now on: its trip comes after 2 s."""
        self.cabinet.plus_C[battery] = HOT_C

    def run_until_frozen(self, seconds=20, tick_ms=10):
        for _ in range(round(seconds * 1000 / tick_ms)):
            self.tick(tick_ms)
            if self.captures.frozen:
                return list(self.captures.facts)
        raise AssertionError("nothing was captured")

    def log(self):
        data = b""
        while len(data) < self.captures.frozen:
            piece = bytes(self.captures.piece(len(data), 700))
            assert 0 < len(piece) <= 700
            data += piece
        return data

    def again(self):
        """Run what is captured once more: (the Rerun, [(tick, event)], trips of it)."""
        facts = self.captures.facts
        shape = self.captures.state.shape
        found, told, _ = rerun(self.config, self.log(), shape, facts[FIRST_SEQ])
        assert found.same == found.states
        assert found.tick == facts[TICKS]
        trips = [(tick, line) for tick, line in told if '"kind":"trip"' in line]
        return found, told, trips

    def kept(self, pushed=None):
        """Keep what is captured in a flash; return it as its file.

        `pushed`: another configuration, bytes, that has come in the place of the one that runs.
        """
        text = "".join(config_text.lines(self.config)).encode()
        files = Files(Chip(), fresh=True)
        journal = Journal(files, self.protection.events, binascii.crc32(text))
        kept = CaptureFiles(
            files, self.captures, self.protection, journal, lambda: [pushed or text]
        )
        while self.captures.frozen:
            kept.write()
        assert not kept.failed
        data = bytearray(kept.head(1).size)
        kept.read(1, 0, data)
        return bytes(data)
