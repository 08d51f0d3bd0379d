"""Event records: a ring of fixed-size records in RAM, and their two readings, JSON and text.

A record is written from the control step and allocates nothing; it is rendered in the slack, and
the `journal` copies it to flash as it is. So the numbers in it, of kinds, elements and the like,
keep their meaning for good: new names go to the end of their lists.
"""

import struct

from micropython import const

from packwarden import elements, levels, restart
from packwarden.fixed import BIAS, NONE, decimal
from packwarden.frame import HEALTH_NAMES, MAIN_BIT

CAPACITY = const(256)

# Kinds, as events name them; the first three are levels 1 .. 3 of `elements`.
INFO = const(0)
CLEAR = const(4)
COMMAND = const(5)
FAULT = const(6)
KIND_NAMES = ("info", "warn", "alarm", "trip", "clear", "command", "fault")

OPERATIONS = (
    "",
    "reset",
    "refused",
    "told to close",
    "still locked out",
    "tripped for a test",
)  # of the records of `lockout`

# Why the board started, in the detail of the record of a boot: the numbers of `machine`, and what
# `restart` knows better.
CAUSES = ("", "power-on", "reset", "watchdog", "deep sleep", "soft reset", "brown-out", "panic")

TERMINAL_NAMES = (None, "+", "-")
UNIT_NAMES = (None, "degC", "K", "K/min", "A", "V", "mOhm", "%")

# seconds, ms, kind, level, element, battery, terminal, action, unit, detail; biased: value, limit,
# held ms, load of the battery in mA; outputs, see `Protection.outputs`.
FORMAT = "<iHBBBBBBBBiiiiHB"
SIZE = const(33)

# The bits of a record's outputs above those of the breakers, set while energised.
OUTPUT_NAMES = ("charge", "discharge", "alarm", "fan")
OUTPUT_BIT = const(16)


class Event:
    """One record, unpacked: for the console and the host, never in the control step.

    `boot`: number of the life of the board that wrote it; `config`: its configuration's hash.
    """

    def __init__(self, seq, fields, boot=0, config=0, kept=False):
        self.seq = seq
        self.boot = boot
        self.config = config
        self.kept = kept  # in the journal
        self.t_ms = fields[0] * 1000 + fields[1]
        self.kind = fields[2]
        self.level = fields[3]
        self.element = fields[4]
        self.battery = fields[5]  # from 1; 0: none
        self.terminal = fields[6]
        self.action = fields[7]
        self.unit = UNIT_NAMES[fields[8]]
        self.detail = fields[9]
        self.value, self.limit, self.held_ms, self.load_mA = [
            None if stored == NONE else stored - BIAS for stored in fields[10:14]
        ]
        self.outputs = fields[14] | fields[15] << OUTPUT_BIT

    def number(self, value):
        """Return a value of this event in its unit, as text with the unit's decimals, or None."""
        if value is None or self.unit is None:
            return None
        per_unit, places = levels.UNITS[self.unit]
        return decimal(value, per_unit, places)

    def json(self):
        """Return the event as one JSON object, keys in the contract's order, without a newline."""
        element = None if self.element >= elements.BOOT else elements.TABLE[self.element]
        device = element.device if element else None
        return (
            '{"t_ms":%d,"seq":%d,"kind":"%s","level":%s,"element":"%s","device":%s,"battery":%s,'
            '"terminal":%s,"value":%s,"limit":%s,"unit":%s,"held_ms":%s,"action":"%s"}'
        ) % (
            self.t_ms,
            self.seq,
            KIND_NAMES[self.kind],
            _quoted(levels.LEVEL_NAMES[self.level]),
            elements.slug(self.element),
            _quoted(device),
            self.battery or "null",
            _quoted(TERMINAL_NAMES[self.terminal]),
            self.number(self.value) or "null",
            self.number(self.limit) or "null",
            _quoted(self.unit),
            "null" if self.held_ms is None else self.held_ms,
            levels.ACTION_NAMES[self.action],
        )

    def kept_json(self):
        """Return `json` with what the journal knows besides: boot, cause, load, outputs, kept."""
        names = ['"%s"' % name for name in self.energised()]
        return (
            '%s,"boot":%d,"detail":%s,"load_A":%s,"energised":[%s],"config":"%08x","kept":%s}'
            % (
                self.json()[:-1],
                self.boot,
                _quoted(self.detail_name() or None),
                "null" if self.load_mA is None else decimal(self.load_mA, 1000, 2),
                ",".join(names),
                self.config,
                "true" if self.kept else "false",
            )
        )

    def energised(self):
        """Return the names of the outputs that were energised: Q03, main, charge, alarm, ..."""
        names = []
        for bit in range(OUTPUT_BIT + len(OUTPUT_NAMES)):
            if self.outputs >> bit & 1:
                if bit < MAIN_BIT:
                    names.append("Q" + two_digits(bit + 1))
                else:
                    names.append("main" if bit == MAIN_BIT else OUTPUT_NAMES[bit - OUTPUT_BIT])
        return names

    def detail_name(self):
        """Return what was done, why the board started, or the state of a sensor; or nothing."""
        if self.unit is not None or not self.detail:
            return ""
        slug = elements.slug(self.element)
        if slug == "boot":
            return CAUSES[self.detail]
        if slug in ("controller_fault", "operation"):
            name = restart.describe(self.detail)
            numbered = slug == "operation" and self.value is not None
            return "%s %d" % (name, self.value) if numbered else name
        return (OPERATIONS if slug == "lockout" else HEALTH_NAMES)[self.detail]

    def place(self):
        """Return where it happened: BAT03 TERM+, BAT03, or an empty text for the bank."""
        if not self.battery:
            return ""
        text = "BAT" + two_digits(self.battery)
        return text + " TERM" + TERMINAL_NAMES[self.terminal] if self.terminal else text

    def finding(self):
        """Return what was found: `81.4 degC > 80.0 for 2.0 s`, or the state of a sensor."""
        if self.unit is None:
            return self.detail_name()
        if self.value is None:
            return "no value (%s)" % self.unit
        per_unit, places = levels.UNITS[self.unit]
        places = min(places, 3 if self.unit in ("V", "mOhm") else 1)
        text = decimal(self.value, per_unit, places) + " " + self.unit
        if self.limit is not None:
            sign = " < " if self.value < self.limit else " > "
            text += sign + decimal(self.limit, per_unit, places)
        if self.held_ms is not None:
            text += " for " + decimal(self.held_ms, 1000, 2 if self.held_ms < 1000 else 1) + " s"
        return text

    def text(self):
        """Return the event as one line for people."""
        name = KIND_NAMES[self.kind].upper()
        if self.kind == CLEAR and self.level:
            name += " " + levels.LEVEL_NAMES[self.level]
        parts = [decimal(self.t_ms, 1000, 3) + " s", name, elements.slug(self.element)]
        parts += [part for part in (self.place(), self.finding()) if part]
        line = "  ".join(parts)
        return line + ": " + levels.ACTION_NAMES[self.action] if self.action else line


def two_digits(number):
    """Return a battery's number as it stands on its label: 03."""
    return ("0" if number < 10 else "") + str(number)


def _quoted(name):
    return "null" if name is None else '"' + name + '"'


def pack_boot(buffer, at, cause):
    """Pack the record of a boot: the first of a life, when no output has moved yet.

    `cause`: why the board started, of CAUSES.
    """
    codes = (0, 0, INFO, 0, elements.BOOT, 0, 0, 0, 0, cause, NONE, NONE, NONE, NONE, 0, 0)
    struct.pack_into(FORMAT, buffer, at, *codes)


class EventLog:
    """The ring of the last CAPACITY records of this life of the board.

    `next_seq` is the number of the next one; numbers go on over restarts: see `begin`.
    """

    STATE = ("seconds", "ms")

    def __init__(self):
        self.first_seq = 0
        self.next_seq = 0
        self._outputs = None  # what tells the outputs that a record notes: see `watch`
        self.seconds = 0  # time since arming, kept by the step: the 30-bit clock wraps
        self.ms = 0
        self.last_trip = -1  # of the last trip that moved something
        self._records = bytearray(CAPACITY * SIZE)
        self._pack = struct.pack_into

    def write(
        self,
        kind,
        level,
        element,
        battery,
        terminal,
        action,
        unit,
        detail,
        value,
        limit,
        held,
        load,
    ):
        """Write a record. From the control step: allocates nothing.

        battery from 1, 0: none; terminal 0 none, 1 +, 2 -; unit: index of UNIT_NAMES; detail:
        state of a channel; value, limit, held (ms), load (mA): biased, NONE where there is none.
        """
        outputs = self._outputs() if self._outputs else 0
        self._pack(
            FORMAT,
            self._records,
            self.next_seq % CAPACITY * SIZE,
            self.seconds,
            self.ms,
            kind,
            level,
            element,
            battery,
            terminal,
            action,
            unit,
            detail,
            value,
            limit,
            held,
            load,
            outputs & 0xFFFF,
            outputs >> OUTPUT_BIT,
        )
        if kind == levels.TRIP and action:
            self.last_trip = self.next_seq
        self.next_seq += 1

    @property
    def oldest_seq(self):
        """The sequence number of the oldest record that is still kept."""
        return max(self.first_seq, self.next_seq - CAPACITY)

    def begin(self, seq):
        """Number the records of this life of the board from `seq` on. Boot only, before any."""
        self.first_seq = self.next_seq = seq

    def boot(self, cause):
        """Write the record of the boot, the first one of a life: see `pack_boot`."""
        pack_boot(self._records, self.next_seq % CAPACITY * SIZE, cause)
        self.next_seq += 1

    def watch(self, outputs):
        """Let each record note what `outputs()` returns, see `Protection.outputs`. Boot only."""
        self._outputs = outputs

    def copy(self, seq, buffer, at):
        """Copy a kept record, SIZE bytes, into a buffer. Allocates nothing."""
        begin = seq % CAPACITY * SIZE
        for place in range(SIZE):
            buffer[at + place] = self._records[begin + place]

    def event(self, seq):
        """Return a kept record, unpacked. Allocates: not from the control step."""
        if not self.oldest_seq <= seq < self.next_seq:
            raise ValueError("no event %d" % seq)
        return Event(seq, struct.unpack_from(FORMAT, self._records, seq % CAPACITY * SIZE))

    def line(self, seq):
        """Return a kept record as its JSON line, without newline. Not from the control step."""
        return self.event(seq).json()
