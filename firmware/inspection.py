"""What the self-test looks at in files and clocks, in pieces that fit the slack.

At boot the files have just been read, so that only the clocks are compared; once a day, and when
somebody asks for it, all of it is done. Nothing in it may end protection: what fails is a row.
"""

import binascii
import time

from micropython import const

import image
import slow_clock
from packwarden.selftest import (
    BAD,
    CALIBRATION,
    CLOCK,
    CONFIGURATION,
    GOOD,
    IMAGE,
    NOT_DONE,
)

PIECE_us = const(2000)  # what a piece may take: opening a file is the most of it

_SPAN_us = const(500000)  # for which the clocks run
_FAR_percent = const(10)


class Inspection:
    """The board's part of a `packwarden.selftest.SelfTest`."""

    def __init__(self, selftest, name, configuration, calibration, timing):
        """`name`: of the image, see `image.check`; `configuration`: a Configuration."""
        self._selftest = selftest
        self._name = name
        self._configuration = configuration
        self._calibration = calibration
        self._timing = timing
        self._steps = None
        self._began_us = time.ticks_us()
        self._count = None
        found = selftest.found
        found[IMAGE] = (GOOD, "image %s" % name) if name else (NOT_DONE, "it has no manifest")
        found[CONFIGURATION] = self._kept(configuration.slots, configuration.slots.checksum)
        found[CALIBRATION] = self._kept(calibration.slots, calibration.slots.checksum)

    def due(self, fits):
        """Return whether to `run`: a piece is to be done, and the clocks have run. Slack."""
        if not fits or not (self._steps or self._selftest.due()):
            return False
        waited_us = time.ticks_diff(time.ticks_us(), self._began_us)
        return self._count is None or waited_us >= _SPAN_us

    def run(self):
        """Do a piece; return whether there is more. Slack."""
        if self._count is None:
            self._count = slow_clock.counts() or 0
            self._began_us = time.ticks_us()
            return False
        try:
            if self._steps is None:
                self._steps = self._pieces(self._selftest.done_s >= 0 or self._selftest.asked)
            next(self._steps)
            return True
        except (StopIteration, MemoryError):
            self._steps = self._count = None
        self._selftest.done(self._timing, self._calibration)
        return False

    def _pieces(self, files):
        """Do all of it; yield after each piece."""
        found = self._selftest.found
        found[CLOCK] = self._clocks()
        if not files:
            return
        for name, work in (
            (IMAGE, self._image()),
            (CONFIGURATION, self._read(self._configuration.slots)),
            (CALIBRATION, self._read(self._calibration.slots)),
        ):
            result = None
            try:
                for found_so_far in work:
                    result = found_so_far
                    yield
            except (OSError, ValueError):
                result = BAD, "cannot be read"
            except MemoryError:
                result = NOT_DONE, "there was no memory for it"
            found[name] = result

    def _image(self):
        """Yield None after each piece, then the result. Where one is wrong, after a second look at
        all: a read may fail once.
        """
        if not self._name:
            yield NOT_DONE, "it has no manifest"
            return
        wrong = None
        for _ in range(2):
            wrong = None
            for text in image.again(self._name):
                wrong = wrong or text
                yield
            if not wrong:
                break
        yield (BAD, wrong) if wrong else (GOOD, "image %s" % self._name)

    def _read(self, slots):
        """Yield None after each piece of what counts, then the result."""
        checksum = 0
        for piece in slots.pieces():
            checksum = binascii.crc32(piece, checksum)
            yield
        yield self._kept(slots, checksum)

    def _kept(self, slots, checksum):
        """Return the result of slots whose content has this checksum."""
        if slots.refused:
            return BAD, "%s: %s" % slots.refused[0]
        if checksum != slots.checksum:
            return BAD, "%s is %08x, not %08x" % (slots.name, checksum, slots.checksum)
        if not slots.generation:
            return GOOD, "none is kept"
        return GOOD, "%s: hash %08x, generation %d" % (slots.name, checksum, slots.generation)

    def _clocks(self):
        """Return the result of the crystal's time against that of the RTC's oscillator."""
        count = slow_clock.counts()
        if count is None:
            return NOT_DONE, "not known on this chip"
        passed_us = time.ticks_diff(time.ticks_us(), self._began_us)
        slow_us = slow_clock.passed_us(self._count, count)
        off_percent = (slow_us - passed_us) * 100 // passed_us
        text = "%d ms are %d ms of the RTC" % (passed_us // 1000, slow_us // 1000)
        return GOOD if abs(off_percent) <= _FAR_percent else BAD, text
