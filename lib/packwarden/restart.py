"""Why the controller had to start again, and what else is wrong inside it, as its records tell it.

A fault of the firmware is noted once the outputs are safe, kept over the restart, and an alarm
after it until a person acknowledges it: what failed once may fail again, and nobody stands beside
a cabinet at night. Three within ten minutes are a loop, which only a person ends.
"""

import struct

from micropython import const

from packwarden.checksum import crc16

# What was running. The stages of a tick have the numbers of `timing.STAGES`, from 1.
BOOT = const(0)
SLACK = const(5)
UNKNOWN = const(6)
_PLACES = (" at boot", " in acquire", " in step", " in act", " in verify", " between ticks", "")

# Why the board started: what `machine` knows of it, and what this memory knows better.
POWER_ON = const(1)
HARD = const(2)  # by `machine.reset`, or by a panic
WATCHDOG = const(3)
BROWN_OUT = const(6)  # `machine` says power-on, and the memory is whole
PANIC = const(7)  # a HARD that nobody asked for

_BITTEN = const(1)
_LEFT = const(12)
_PANICKED = const(13)
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
    "panic",
)

# What a record of the controller says that is no restart: its detail is one of these.
ACKNOWLEDGED = const(0xF0)
INPUTS = const(0xF1)
LATE = const(0xF2)
MEMORY = const(0xF3)
ANEW = const(0xF4)
JOURNAL = const(0xF5)
CONFIGURATION = const(0xF6)
LOOP = const(0xF7)
IMAGE = const(0xF8)
SELFTEST = const(0xF9)
_OTHERS = (
    "restart acknowledged",
    "contacts cannot be read",
    "ticks begin late",
    "lockouts are not kept",
    "timing counted anew",
    "events are not kept",
    "configuration refused",
    "held: restarts in a loop",
    "held: not the image that was deployed",
    "self-test bad: see selftest",
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
CALIBRATION = const(0xA8)  # its number stands in the record
BASELINE = const(0xA9)
CHECKED = const(0xAA)
CHECK_DUE = const(0xAB)  # nobody did that: it is a reminder
_DONE = (
    "unlocked",
    "wrong PIN",
    "locked",
    "PIN set",
    "PIN forgotten",
    "configuration replaced",
    "service mode",
    "back from service mode",
    "calibration",
    "baseline stored",
    "monthly check done",
    "monthly check due",
)

_TAG = const(0x52FB)  # of this layout
# Tag, cause, place, times, state, seconds; gap and time since the last one in s; outputs, pulse.
_FORMAT = "<HBBBBiHHHH"
SIZE = const(20)
_MOST = const(255)

LOOP_s = const(600)  # three within this time are a loop
_KEEP_s = const(10)  # how much of a life may not count

# How the life ends that goes on: as a bit of the state.
_RUNNING = const(1)  # nobody knows yet
_NOTED = const(2)  # by a fault that has been noted
_LOOPING = const(4)  # no life is to begin until a person says so


def describe(detail):
    """Return what the detail of a record says, in words; an empty text for 0."""
    if detail >= ACKNOWLEDGED:
        return _OTHERS[detail - ACKNOWLEDGED]
    if detail >= UNLOCKED:
        return _DONE[detail - UNLOCKED]
    return _CAUSES[detail & 15] + _PLACES[detail >> 4] if detail else ""


class Restart:
    """The faults that ended earlier lives, until they are acknowledged; kept as they are noted.

    `memory`: SIZE bytes that outlast a reset, but not the loss of power, and hold noise then.
    """

    STATE = ("cause", "place")

    def __init__(self, memory):
        self._memory = memory
        self.began = 0  # why the board started, of `records.CAUSES`: see `begin`
        self.served = False  # service mode was before it
        self.cause = 0  # 0: none
        self.place = 0
        self.times = 0  # restarts by a fault since the last acknowledgement, 255 at most
        self.seconds = 0  # of the last one: how long it had protected
        self.outputs = 0  # what the safe state energises: a bit per breaker, 15 the main
        self.pulse_ms = 0  # for so long; 0: it holds the breakers in
        self._state = 0
        self._gap_s = self._since_s = self._before_s = LOOP_s
        self._kept_s = 0
        self._whole = self._load()

    @property
    def detail(self):
        """What a record of it says: see `describe`; 0 where there is none."""
        return self.place << 4 | self.cause if self.cause else 0

    @property
    def looping(self):
        """True once there were three within LOOP_s, until they are acknowledged."""
        return self._state & _LOOPING != 0

    def begin(self, cause, served=None):
        """Begin a life of the board: `cause` as `machine.reset_cause` has it. Boot only, once.

        `served`: whether the time of a service mode was up, None where none was before it.
        Afterwards `outputs` is what a fault has left energised just now, 0 after any other end.
        """
        self.served = served is not None
        state = self._state
        faulty = state & _NOTED and cause in (HARD, WATCHDOG)
        if cause == POWER_ON and self._whole:
            cause = BROWN_OUT
        elif state & _RUNNING and cause in (HARD, WATCHDOG):
            faulty = True
            if cause == HARD:
                cause = PANIC
            self._note(_PANICKED if cause == PANIC else _BITTEN, UNKNOWN, 0)
        elif served:
            self._note(_LEFT, UNKNOWN, 0)
        elif cause == WATCHDOG and not faulty and not self.served:
            self._note(_BITTEN, UNKNOWN, 0)
        self.began = cause
        if not faulty:
            self.outputs = self.pulse_ms = 0
        self._before_s = self._since_s
        self._keep(self._state & _LOOPING | _RUNNING)

    def failed(self, error, place=BOOT, seconds=0):
        """Note an exception (an object), where, and after how long. Allocates nothing."""
        for number in range(len(_EXCEPTIONS)):
            if isinstance(error, _EXCEPTIONS[number]):
                self._since_s = min(LOOP_s, self._before_s + seconds)
                self._note(number + 2, place, seconds)
                self._keep(self._state & _LOOPING | _NOTED)
                return

    def lives(self, seconds, outputs, pulse_ms):
        """Keep how long this life has protected, and what its safe state would be.

        From the slack, about once a second; allocates nothing.
        """
        if outputs == self.outputs and seconds < self._kept_s + _KEEP_s:
            return
        self._kept_s = seconds
        self.outputs = outputs
        self.pulse_ms = pulse_ms
        if self._state & _RUNNING:
            self._since_s = min(LOOP_s, self._before_s + seconds)
        self._keep(self._state)

    def ends(self):
        """Note that this life ends because somebody wants it: what follows is no fault."""
        self._keep(self._state & _LOOPING)

    def acknowledge(self):
        """Forget the faults, on behalf of a person."""
        self.cause = self.times = 0
        self._gap_s = self._since_s = self._before_s = LOOP_s
        self._keep(self._state & ~_LOOPING)

    def _note(self, cause, place, seconds):
        self.cause = cause
        self.place = place
        self.seconds = seconds
        self.times = min(_MOST, self.times + 1)
        if cause == _LEFT:
            return  # that is no fault of the board's
        if self._gap_s + self._since_s < LOOP_s:
            self._state |= _LOOPING
        self._gap_s = self._since_s
        self._since_s = self._before_s = 0

    def _keep(self, state):
        self._state = state
        memory = self._memory
        struct.pack_into(
            _FORMAT,
            memory,
            0,
            _TAG,
            self.cause,
            self.place,
            self.times,
            state,
            self.seconds,
            self._gap_s,
            self._since_s,
            self.outputs,
            self.pulse_ms,
        )
        struct.pack_into("<H", memory, SIZE - 2, crc16(memory, SIZE - 2))

    def _load(self):
        """Take over what was kept; return whether it was whole."""
        kept = struct.unpack_from(_FORMAT, self._memory)
        checksum = struct.unpack_from("<H", self._memory, SIZE - 2)[0]
        if kept[0] != _TAG or checksum != crc16(self._memory, SIZE - 2):
            return False
        if kept[1] >= len(_CAUSES) or kept[2] >= len(_PLACES):
            return False
        self.cause, self.place, self.times, self._state, self.seconds = kept[1:6]
        self._gap_s, self._since_s, self.outputs, self.pulse_ms = kept[6:]
        return True

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
