"""Captures: what the step was given around a trip, so that it can be run once more.

A ring holds chapters in a row. Each begins with the packed state of the step and goes on with an
entry for each tick. At a trip the oldest one began at least BEFORE_ms ago; AFTER_ms later the row
is frozen until it is kept in flash (see `capture_files`), and a new one begins in the room that is
left. What trips within that time is in the same capture.

    STATE       two bytes of length, then what `state.State.pack` gives
    OPERATION   what a person did, of `records.OPERATIONS`; the breaker's index
    else        a tick, see `ticks`
"""

import micropython
from micropython import const

from packwarden.fixed import MASK, ints
from packwarden.state import State
from packwarden.ticks import Ticks

STATE = 1
OPERATION = 2

BEFORE_ms = const(2000)
AFTER_ms = const(1000)

# The facts of a capture, in arrays.
FACTS = const(6)
TRIP_SEQ = const(0)  # number of the event
TRIP_TICK = const(1)  # the tick in which it tripped, from 1
TICKS = const(2)
FIRST_SEQ = const(3)  # number of the next event at its begin
BEFORE = const(4)  # ms from its begin to the trip, ...
AFTER = const(5)  # ... and from there to its end

_CHAPTERS = const(8)
_CHAPTER_ms = const(1000)
_LATE_ms = const(2000)  # then a tick may be late for it
_HEAD = const(3)  # bytes before a state
_RING = const(4096)  # bytes, and ...
_PER_BATTERY = const(1024)  # ... so many more for each
_CHANNEL = const(32)  # bytes of the first state, about

_WAITING = const(0)  # for a state to begin with
_RECORDING = const(1)
_FOLLOWING = const(2)  # a trip
_HELD = const(3)  # followed to its end, behind another one that is not kept yet


@micropython.viper
def copy(ring, entry, length: int, at: int, size: int) -> int:
    """Copy bytes into a ring from `at` on; return the place behind them. Control step."""
    out = ptr8(ring)
    given = ptr8(entry)
    i = 0
    while i < length:
        out[at] = given[i]
        at = at + 1 if at + 1 < size else 0
        i += 1
    return at


class Captures:
    """Records what the step is given, always, and keeps it when it trips."""

    def __init__(self, protection):
        """Bind to a protection. Boot only: a large array."""
        frame = protection.frame
        self._protection = protection
        self.ticks = Ticks(protection)
        self.state = State(protection, (self.ticks.raw, self.ticks.noted, self.ticks.inputs))
        self.size = _RING + _PER_BATTERY * frame.batteries
        self._ring = bytearray(self.size)
        self._head = 0  # where the next entry goes
        self._used = 0  # bytes before it
        self._phase = _WAITING
        self._count = 0  # ticks that were recorded, 30 bits
        self._state_size = _CHANNEL * frame.channels  # of the last one, and so about of the next
        # The chapters, oldest first: where each begins, when, after which tick, at which event.
        self._chapters = 0
        self._at = ints(_CHAPTERS)
        self._since = ints(_CHAPTERS)
        self._after = ints(_CHAPTERS)
        self._seq = ints(_CHAPTERS)
        self._lists = (self._at, self._since, self._after, self._seq)
        self._told = -1  # the last trip that was seen
        self._trip_ms = 0
        self._next = ints(FACTS)  # of the trip that is followed
        self.frozen = 0  # bytes of the capture that waits for the flash: the oldest of the ring
        self.facts = ints(FACTS)  # of that capture
        self.missed = 0  # trips since boot that no capture has

    @micropython.native
    def tick(self, now_ms):
        """Record the tick that has just run. After its outputs; allocates nothing."""
        ticks = self.ticks
        if self._takes(ticks.longest):
            self._put(ticks.make(now_ms))
            self._count = (self._count - MASK) & MASK
        if self._protection.events.last_trip != self._told:
            self._tripped(now_ms)
        elif self._phase == _FOLLOWING and (now_ms - self._trip_ms) & MASK >= AFTER_ms:
            self._end()

    def due(self, fits):
        """Return whether to `take` a state now. Slack; allocates nothing."""
        if self._phase == _WAITING:
            room = self.size - self._used
            return fits and self._protection.armed and room >= 2 * self._state_size
        if self._phase != _RECORDING:
            return False
        age_ms = self._age_ms(self._chapters - 1)
        return age_ms >= (_CHAPTER_ms if fits else _LATE_ms)

    def take(self):
        """Begin a chapter with the state as it is; drop those that no trip needs any more.

        From the slack, and before the first tick that protects. Allocates nothing.
        """
        if self._phase == _WAITING:
            self.ticks.begin()
        self._make_room(self._state_size + self._state_size // 4)
        if self._chapters == _CHAPTERS:
            self._forget()
        room = self.size - self._used - _HEAD
        length = self.state.pack(self._ring, (self._head + _HEAD) % self.size, self.size, room)
        if length < 0:
            self._state_size = min(2 * self._state_size, self.size // 2)
            return
        self._state_size = length
        self._begin_chapter(length)
        while self._chapters > 1 and self._age_ms(1) >= BEFORE_ms and not self.frozen:
            self._drop()

    def operated(self, what, index):
        """Record what a person did to a breaker, once it is done. Slack."""
        if self._takes(_HEAD):
            entry = self.ticks.entry
            entry[0] = OPERATION
            entry[1] = what
            entry[2] = index
            self._put(_HEAD)

    def anew(self):
        """Begin anew, with what is measured in another way from now on. Slack."""
        if self._phase == _FOLLOWING:
            self._end()
        elif self._phase == _RECORDING:
            self._forget()

    def piece(self, offset, most):
        """Return up to `most` bytes of the frozen capture, less where the ring ends. Slack."""
        at = (self._head - self._used + offset) % self.size
        length = min(most, self.frozen - offset, self.size - at)
        return memoryview(self._ring)[at : at + length]

    def release(self):
        """Let go of the frozen capture: it is kept, or given up. Slack."""
        self._used -= self.frozen
        self.frozen = 0
        if self._phase == _HELD:
            self._freeze()

    @micropython.native
    def _takes(self, needed):
        """Return whether an entry is recorded now; then there is room for it."""
        if _WAITING < self._phase < _HELD:
            return self.size - self._used >= needed or self._make_room(needed)
        return False

    def _put(self, length):
        """Append the entry."""
        self._head = copy(self._ring, self.ticks.entry, length, self._head, self.size)
        self._used += length

    def _begin_chapter(self, length):
        """Begin a chapter with a state of so many bytes, which stand behind its head."""
        entry = self.ticks.entry
        entry[0] = STATE
        entry[1] = length & 255
        entry[2] = length >> 8
        place = self._chapters
        self._at[place] = self._head
        self._since[place] = self._protection.now_ms
        self._after[place] = self._count
        self._seq[place] = self._protection.events.next_seq
        self._chapters = place + 1
        self._put(_HEAD)
        self._head = (self._head + length) % self.size
        self._used += length
        self.ticks.restart()
        self._phase = _RECORDING

    def _age_ms(self, chapter):
        return (self._protection.now_ms - self._since[chapter]) & MASK

    def _make_room(self, needed):
        """Return whether so many bytes are free now; else what is recorded has ended."""
        if self._phase == _FOLLOWING:
            self._end()
            return False
        while self.size - self._used < needed and self._chapters > 1 and not self.frozen:
            self._drop()
        if self.size - self._used >= needed:
            return True
        self._forget()
        return False

    def _drop(self):
        """Drop the oldest chapter."""
        self._used -= (self._at[1] - self._at[0]) % self.size
        self._chapters -= 1
        for facts in self._lists:
            for place in range(self._chapters):
                facts[place] = facts[place + 1]

    def _forget(self):
        """Drop all chapters, and wait for a state to begin anew."""
        if self._chapters:
            self._head = self._at[0]
            self._used = self.frozen
            self._chapters = 0
        self._phase = _WAITING

    def _tripped(self, now_ms):
        """Follow a trip, unless another one is followed."""
        self._told = self._protection.events.last_trip
        if self._phase == _RECORDING:
            self._phase = _FOLLOWING
            self._trip_ms = now_ms
            facts = self._next
            facts[TRIP_SEQ] = self._told
            facts[TRIP_TICK] = (self._count - self._after[0]) & MASK
            facts[FIRST_SEQ] = self._seq[0]
            facts[BEFORE] = (now_ms - self._since[0]) & MASK
        elif self._phase != _FOLLOWING:
            self.missed = min(MASK - 1, self.missed) + 1

    def _end(self):
        """The capture ends with the last tick that was recorded."""
        facts = self._next
        facts[TICKS] = (self._count - self._after[0]) & MASK
        facts[AFTER] = (self.ticks.last_ms - self._trip_ms) & MASK
        if self.frozen:
            self._phase = _HELD
        else:
            self._freeze()

    def _freeze(self):
        for fact in range(FACTS):
            self.facts[fact] = self._next[fact]
        self.frozen = self._used
        self._chapters = 0
        self._phase = _WAITING
