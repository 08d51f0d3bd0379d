"""Somebody at the console who types whatever comes to mind, and whoever watches what comes of it.

Lines of the console's own grammar with words that it may expect, the same spoiled, noise, keys,
and long ones; for a seed the same ones in each VM. Nothing that is typed may operate without the
PIN, raise, stay in memory, or make a tick late.
"""

import binascii
import gc
import json
import sys

from packwarden import elements, lockout, restart
from packwarden.access import UNLOCKED_s
from packwarden.commands import COMMANDS
from packwarden.console import PROMPT
from packwarden.timing import BLAMED, OWN
from packwarden_sim import costs, noise, world
from packwarden_sim.clock import us
from packwarden_sim.console import POLLIN, POLLOUT

_EACH = 250  # lines between two reports
_SILENT_US = 2_000_000  # what brings no prompt within this is given up with Ctrl-C
_NUMBERS = ("1", "2", "3", "0", "-1", "16", "99999999999", "1.5", "1e3", "0x1", "1234567890123")
_NAMES = ("main", "Main", "reset", "inspected", "open", "forget", "terminal_rise", "no_such")
_MARKS = ("--json", "--since", "--sinc", "NEW", "[N]", "%s", "{}", '"', "\\", ";", "__class__")
_WORDS = _NUMBERS + _NAMES + _MARKS
_SEQUENCES = b"\x1b[A \x1b[B \x1b[C \x1b[D \x1b[H \x1b[F \x1b[3~ \x1b[1;5D \x1bOP".split(b" ")
_CONTROLS = b"\x1b\x01\x03\x04\x05\x08\x09\x15\x7f\x00\xff\xc3"
_KEYS = _SEQUENCES + [bytes([byte]) for byte in _CONTROLS]
_WRONG = (b"000000", b"123456", b"999999", b"000000000000", b"123456 654321", b"111111 --json")
_CHECKSUM = b"%08x" % binascii.crc32(b"{}")
_PUSHES = (
    b"begin 2 " + _CHECKSUM,
    b"put 0 e30= " + _CHECKSUM,
    b"check",
    b"activate " + _CHECKSUM,
    b"drop",
    b"put 1 e30= 0",
    b"begin 99999 00000000",
)
_ENDS = (b"\r", b"\n", b"\r\n")

# What an event says that a person did, and may have done only while the console was unlocked.
_OPERATED = (
    restart.ACKNOWLEDGED,
    restart.ANEW,
    restart.REPLACED,
    restart.CONFIGURATION,
    restart.SERVICE,
    restart.CALIBRATION,
    restart.BASELINE,
)
_LOCKED = (restart.LOCKED, restart.PIN_SET, restart.PIN_FORGOTTEN)
_ON_BREAKERS = (lockout.RESET, lockout.REFUSED, lockout.CLOSED)


class Lines:
    """The lines, one after the other. With a `pin` some of them unlock, without one none does."""

    def __init__(self, seed, pin=None):
        self._state = noise.stream(seed, 3_000)
        self._pin = pin
        self._names = sorted(COMMANDS)

    def next(self):
        """Return the bytes of the next line, with an end."""
        kind = self._below(16)
        if self._pin and not self._below(12):
            line = b"unlock " + self._pin.encode()
        elif kind < 9:
            line = self._grammatical()
        elif kind < 12:
            line = self._spoiled(self._grammatical())
        elif kind == 12:
            line = bytes([self._below(256) for _ in range(self._below(60))])
        elif kind == 13:
            line = self._grammatical() * (1 + self._below(30))
        elif kind == 14:
            line = b"".join([self._choice(_KEYS) for _ in range(self._below(12))])
        else:
            lines = [self._grammatical() + self._choice(_ENDS) for _ in range(self._below(4))]
            line = b"".join(lines) + (b"\x03" if self._below(2) else b"")
        return line + self._choice(_ENDS)

    def _below(self, count):
        self._state = (self._state * noise.MUL + noise.INC) & noise.MASK
        return (self._state >> 8) % count

    def _choice(self, items):
        return items[self._below(len(items))]

    def _grammatical(self):
        name = self._choice(self._names)
        if name == "service" and self._pin and self._below(1000):
            name = "permit"  # the mode itself takes long, and is looked at elsewhere
        if not self._below(16):
            return b"%s %s" % (self._choice((b"unlock", b"pin")), self._choice(_WRONG))
        if not self._below(16):
            return b"config " + self._choice(_PUSHES)
        words = [name] + [self._choice(_WORDS) for _ in range(self._below(4))]
        if not self._below(4):
            words.insert(self._below(len(words) + 1), "--json")
        return " ".join(words).encode()

    def _spoiled(self, line):
        line = bytearray(line)
        for _ in range(1 + self._below(4)):
            at = self._below(len(line) + 1)
            way = self._below(4)
            if way == 0:
                del_to = at + self._below(4)
                line = line[:at] + line[del_to:]
            elif way == 1:
                line = line[:at] + self._choice(_KEYS) + line[at:]
            elif way == 2:
                line = line[:at] + bytes([self._below(256)]) + line[at:]
            else:
                line = line[:at] + line
        return bytes(line)


class Watch:
    """Looks at a protection after each line; `found`: what was wrong, in words, each kind once."""

    def __init__(self, protection, knows_pin):
        """`knows_pin`: whether what is typed may unlock."""
        self.found = []
        self.counts = {}  # of the events, by what their details say
        self._protection = protection
        self._knows_pin = knows_pin
        self._open_until_s = -1
        self._tripped = 0
        self._seq = protection.events.next_seq
        self._own = (elements.OPERATION, elements.find("lockout"))

    def complain(self, text):
        """Note that something is wrong."""
        if text not in self.found:
            self.found.append(text)

    def look(self):
        """Look at the events since the last look, and at the lockouts."""
        log = self._protection.events
        self._seq = max(self._seq, log.oldest_seq)
        while self._seq < log.next_seq:
            self._event(log.event(self._seq))
            self._seq += 1
        tripped = self._protection.breakers.tripped
        if not self._knows_pin and self._tripped & ~tripped:
            self.complain("a lockout has gone")
        self._tripped = tripped

    def _event(self, event):
        operations, lockouts = self._own
        s = event.t_ms // 1000
        detail = event.detail
        operates = event.element == lockouts and detail in _ON_BREAKERS
        if event.element == operations:
            operates = detail in _OPERATED
            if detail == restart.UNLOCKED:
                self._open_until_s = s + UNLOCKED_s
                if not self._knows_pin:
                    self.complain("unlocked without the PIN")
            elif detail in _LOCKED:
                self._open_until_s = -1
        name = event.detail_name()
        self.counts[name] = self.counts.get(name, 0) + 1
        if operates and s >= self._open_until_s:
            self.complain(name + " while it was locked")


class Fuzz:
    """A console for a `World`: types `count` lines, each after the answer, and ends the run.

    `emit` gets a report as a line of JSON every _EACH lines.
    """

    def __init__(self, seed, count, pin, emit):
        self._lines = Lines(seed, pin)
        self._pin = pin
        self._count = count
        self._emit = emit
        self._done = 0
        self._typed = b"\r"
        self._place = 0
        self._next_us = us[0]
        self._heard_us = us[0]
        self._tail = b""
        self._watch = None
        self._seen = [0] * len(BLAMED)  # late ticks as the timing has them
        self._late = [0] * len(BLAMED)

    def ready(self):
        """Return POLLOUT, and POLLIN once the next byte has arrived."""
        if self._place == len(self._typed):
            if us[0] - self._heard_us < _SILENT_US:
                return POLLOUT
            self._type(b"\x03")
        return POLLIN | POLLOUT if us[0] >= self._next_us else POLLOUT

    def readinto(self, buf):
        """Read one byte, if it has arrived; return how many."""
        if self._place == len(self._typed) or us[0] < self._next_us:
            return 0
        buf[0] = self._typed[self._place]
        self._place += 1
        self._next_us += costs.CONSOLE_BYTE_US
        self._heard_us = us[0]
        return 1

    def write(self, data):
        """Take the bytes; after a prompt, type on."""
        us[0] += costs.CONSOLE_BYTE_US * len(data)
        self._heard_us = us[0]
        self._tail = (self._tail + data)[-64:]
        if b"no reply (" in self._tail:
            self._watched().complain("an exception: " + repr(self._tail))
        if self._place == len(self._typed) and self._tail.endswith(PROMPT.encode()):
            self._answered()
        return len(data)

    def _type(self, line):
        self._typed = line
        self._place = 0
        self._tail = b""
        self._next_us = max(self._next_us, us[0])

    def _watched(self):
        if self._watch is None:
            self._watch = Watch(sys.modules["cabinet"].current.protection, self._pin is not None)
        return self._watch

    def _answered(self):
        self._watched().look()
        self._look_at_timing()
        if (self._done and self._done % _EACH == 0) or self._done == self._count:
            self._report()
        if self._done == self._count:
            world.current.end("end")
        self._done += 1
        self._type(self._lines.next())

    def _look_at_timing(self):
        """Add up the ticks that were late; somebody may have counted them anew in between."""
        timing = sys.modules["cabinet"].current.timing
        for place in range(len(BLAMED)):
            more = timing.late[place] - self._seen[place]
            self._late[place] += timing.late[place] if more < 0 else more
            self._seen[place] = timing.late[place]
        if self._late[OWN] or timing.missed[OWN]:
            self._watched().complain("ticks were late for nothing but the console")

    def _report(self):
        gc.collect()
        report = {
            "lines": self._done,
            "found": self._watched().found,
            "counts": self._watched().counts,
            "heap": gc.mem_alloc() if hasattr(gc, "mem_alloc") else 0,
            "ticks": world.current.feeds,
            "late": {BLAMED[place]: self._late[place] for place in range(len(BLAMED))},
        }
        self._emit(json.dumps(report).encode())
