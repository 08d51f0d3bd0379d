"""What the step remembers from one tick to the next, packed into few bytes.

Each part of a Protection names in `STATE` what it remembers, arrays and integers. What is not
named never changes, or is made anew in each step. A name may stand together with another one: that
of a number, from which place on the array counts; or that of an array, where it means nothing at
the places at which that one holds zero.

Packed, an array is a row of tokens of a few bytes: so many zeros; so many times the last value
that was not zero; how far the next value is from that one; or the value itself.
"""

import binascii

import micropython
from micropython import const

from packwarden.fixed import MASK, ints

# First byte of a token, and what it holds; more bytes follow, the highest first.
ZEROS = 0x00  # 1 .. 64 zeros
AGAIN = 0x40  # 1 .. 64 times the last value
NEAR = 0x80  # how far: 6 bits, ...
FAR = 0xC0  # ... 5 bits and a byte, ...
FARTHER = 0xE0  # ... 4 bits and two bytes
WHOLE = 0xF0  # the value, in four bytes

_AGAIN = const(0x40)  # once more: kernels need constants of their own
_NEAR_0 = const(0x80 + 32)  # the tokens of no change at all
_FAR_0 = const((0xC0 << 8) + 4096)
_FARTHER_0 = const((0xE0 << 16) + 524288)
_WHOLE = const(0xF0)
_LONGEST = const(6)  # bytes of a run and of a value after it

# How a block is read: bytes; words; words that count where the byte at their place is not zero.
BYTES = const(0)
WORDS = const(1)
_BYTES = const(0)
_ALIVE = const(2)


@micropython.viper
def pack(
    ring, source, alive, first: int, count: int, form: int, at: int, size: int, room: int
) -> int:
    """Pack `count` places of an array, from `first` on, into a ring of `size` bytes, from `at` on.

    Values are 0 .. 2^30-1. Returns how many of the `room` free bytes it took, -1: there may be too
    few. From the slack: allocates nothing.
    """
    out = ptr8(ring)
    words = ptr32(source)
    small = ptr8(source)
    lives = ptr8(alive)
    last = 0
    run = 0  # the value that the ones before were, ...
    same = 0  # ... and how many of them
    left = room
    i = 0
    while i <= count:
        if left < _LONGEST:
            return -1
        value = -1
        if i < count:
            value = small[first + i] if form == _BYTES else words[first + i]
            if form == _ALIVE and lives[first + i] == 0:
                value = 0
        if same and (value != run or same == 64):
            out[at] = same - 1 if run == 0 else _AGAIN + same - 1
            at = at + 1 if at + 1 < size else 0
            left -= 1
            same = 0
        if value == 0 or value == last:
            run = value
            same += 1
        elif value > 0:
            change = value - last
            last = value
            if change >= -32 and change < 32:
                token = _NEAR_0 + change
                more = 0
            elif change >= -4096 and change < 4096:
                token = _FAR_0 + change
                more = 8
            elif change >= -524288 and change < 524288:
                token = _FARTHER_0 + change
                more = 16
            else:
                out[at] = _WHOLE
                at = at + 1 if at + 1 < size else 0
                left -= 1
                token = value
                more = 24
            while more >= 0:
                out[at] = (token >> more) & 255
                at = at + 1 if at + 1 < size else 0
                left -= 1
                more -= 8
        i += 1
    return room - left


def parts(protection):
    """Return the parts of a Protection that remember something, always in the same order."""
    decider = protection.decider
    return (
        protection,
        protection.validator,
        protection.measured,
        protection.quantities,
        protection.heat,
        protection.integrators[0],
        protection.integrators[1],
        protection.breakers,
        decider,
        decider.slots,
        decider.openings,
        decider.lockout,
        protection.events,
        protection.restart,
    )


class State:
    """The memory of a Protection in blocks; its integers are one of them, the last.

    `blocks`: [(array, array of what lives, first place, count, form)]; `owners`, `names`: of the
    integers in `numbers`. `shape` is one number of it all: what was packed with another one cannot
    be unpacked.
    """

    def __init__(self, protection, more):
        """Find what a protection remembers; `more`: arrays to pack before that. Boot only."""
        self.blocks = []
        self.owners = []  # two lists, not pairs: each would take memory of its own
        self.names = []
        self.shape = 0
        for array in more:
            self._add("", array, None)
        for part in parts(protection):
            for entry in part.STATE:
                name, other = (entry, None) if isinstance(entry, str) else entry
                value = getattr(part, name)
                if isinstance(value, (int, bool)):  # a bool is no int on MicroPython
                    self.owners.append(part)
                    self.names.append(name)
                    self._note(name, 1)
                else:
                    self._add(name, value, other and getattr(part, other))
        self.numbers = ints(len(self.owners))
        self._add("", self.numbers, None)

    def _add(self, name, array, other):
        first = other if isinstance(other, int) else 0
        form = BYTES if len(bytes(array)) == len(array) else WORDS
        alive = array
        if other is not None and not first:
            alive = other
            form = _ALIVE
        self.blocks.append((array, alive, first, len(array) - first, form))
        self._note(name, len(array) - first)

    def _note(self, name, count):
        self.shape = binascii.crc32(b"%s %d" % (name.encode(), count), self.shape)

    def pack(self, ring, at, size, room):
        """Pack it all into a ring of which `room` bytes are free; return how many it took, or -1.

        From the slack: allocates nothing.
        """
        for place in range(len(self.owners)):
            self.numbers[place] = getattr(self.owners[place], self.names[place]) & MASK
        taken = 0
        for array, alive, first, count, form in self.blocks:
            found = pack(ring, array, alive, first, count, form, at, size, room - taken)
            if found < 0:
                return -1
            taken += found
            at = (at + found) % size
        return taken
