"""Why the controller had to start again, and what else is wrong inside it, as its records tell it.

A fault of the firmware is noted once the outputs are safe, kept over the restart, and an alarm
after it until a person acknowledges it: what failed once may fail again, and nobody stands beside
a cabinet at night.
"""

import struct

from micropython import const

from packwarden.checksum import crc16

# What was running. The stages of a tick have the numbers of `timing.STAGES`, from 1.
BOOT = const(0)
SLACK = const(5)
UNKNOWN = const(6)
_PLACES = (" at boot", " in acquire", " in step", " in act", " in verify", " between ticks", "")

_WATCHDOG = const(1)
_LEFT = const(12)
_EXCEPTIONS = (  # numbers from 2
    MemoryError,
    OSError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    ZeroDivisionError,
    AssertionError,
    Exception,
)
_CAUSES = (
    "",
    "watchdog",
    "MemoryError",
    "OSError",
    "IndexError",
    "KeyError",
    "TypeError",
    "ValueError",
    "AttributeError",
    "ZeroDivisionError",
    "AssertionError",
    "exception",
    "being left in service mode",
)

# What a record of the controller says that is no restart: its detail is one of these.
ACKNOWLEDGED = const(0xF0)
INPUTS = const(0xF1)
LATE = const(0xF2)
MEMORY = const(0xF3)
ANEW = const(0xF4)
JOURNAL = const(0xF5)
CONFIGURATION = const(0xF6)
_OTHERS = (
    "restart acknowledged",
    "contacts cannot be read",
    "ticks begin late",
    "lockouts are not kept",
    "timing counted anew",
    "events are not kept",
    "configuration refused",
)

# What a person did at the console.
UNLOCKED = const(0xA0)
WRONG_PIN = const(0xA1)
LOCKED = const(0xA2)
PIN_SET = const(0xA3)
PIN_FORGOTTEN = const(0xA4)
REPLACED = const(0xA5)
SERVICE = const(0xA6)
BACK = const(0xA7)
_DONE = (
    "unlocked",
    "wrong PIN",
    "locked",
    "PIN set",
    "PIN forgotten",
    "configuration replaced",
    "service mode",
    "back from service mode",
)

_TAG = const(0x52FA)  # of this layout
_FORMAT = "<HBBBBi"
_SIZE = const(12)
_MOST = const(255)


def describe(detail):
    """Return what the detail of a record says, in words; an empty text for 0."""
    if detail >= ACKNOWLEDGED:
        return _OTHERS[detail - ACKNOWLEDGED]
    if detail >= UNLOCKED:
        return _DONE[detail - UNLOCKED]
    return _CAUSES[detail & 15] + _PLACES[detail >> 4] if detail else ""


class Restart:
    """The fault that ended an earlier life, until it is acknowledged."""

    STATE = ("cause", "place")

    def __init__(self):
        self.cause = 0  # 0: none
        self.place = 0
        self.times = 0  # restarts by a fault since the last acknowledgement, 255 at most
        self.seconds = 0  # of the last one: how long it had protected
        self.changed = False  # since `dump`
        self._buffer = bytearray(_SIZE)

    @property
    def detail(self):
        """What a record of it says: see `describe`; 0 where there is none."""
        return self.place << 4 | self.cause if self.cause else 0

    def failed(self, error, place, seconds):
        """Note an exception (an object), where, and after how long. Allocates nothing."""
        for number in range(len(_EXCEPTIONS)):
            if isinstance(error, _EXCEPTIONS[number]):
                self._note(number + 2, place, seconds)
                return

    def bitten(self):
        """Note that the watchdog ended the life before this one; nobody knows where."""
        self._note(_WATCHDOG, UNKNOWN, 0)

    def left(self):
        """Note that the board was left in service mode until its time was up."""
        self._note(_LEFT, UNKNOWN, 0)

    def acknowledge(self):
        """Forget it, on behalf of a person."""
        self.cause = self.times = 0
        self.changed = True

    def _note(self, cause, place, seconds):
        self.cause = cause
        self.place = place
        self.seconds = seconds
        self.times = min(_MOST, self.times + 1)
        self.changed = True

    def dump(self):
        """Return what is to be kept, in one buffer that is used again. Allocates nothing."""
        buffer = self._buffer
        struct.pack_into(
            _FORMAT, buffer, 0, _TAG, self.cause, self.place, self.times, 0, self.seconds
        )
        struct.pack_into("<H", buffer, _SIZE - 2, crc16(buffer, _SIZE - 2))
        self.changed = False
        return buffer

    def load(self, kept):
        """Take over what `dump` gave before a restart, if it is good. Boot only."""
        kept = bytes(kept[:_SIZE])
        if len(kept) < _SIZE:
            return
        tag, cause, place, times, _, seconds = struct.unpack_from(_FORMAT, kept)
        checksum = struct.unpack_from("<H", kept, _SIZE - 2)[0]
        if tag != _TAG or checksum != crc16(kept, _SIZE - 2):
            return
        if cause < len(_CAUSES) and place < len(_PLACES):
            self.cause, self.place, self.times, self.seconds = cause, place, times, seconds

    def text(self):
        """Return the restart in words, or None where there is none to tell."""
        if not self.cause:
            return None
        after = " after %d s" % self.seconds if self.seconds else ""
        often = ", %d times" % self.times if self.times > 1 else ""
        return "restarted by %s%s%s" % (describe(self.detail), after, often)

    def json(self):
        """Return the restart as JSON: null, or an object."""
        if not self.cause:
            return "null"
        return '{"cause":"%s","seconds":%d,"times":%d}' % (
            describe(self.detail),
            self.seconds,
            self.times,
        )
