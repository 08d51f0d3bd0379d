"""The lockout (86): what was tripped, why and how often, and the deliberate way back.

A tripped breaker is released one by one, by a person, when it is open and the cause is gone. One
that has tripped more than once within the set hours needs a word more: see `refusal`. What is kept
over a reset and over power loss is packed by `dump`.
"""

import struct

from micropython import const

from packwarden import compare, elements, levels, records
from packwarden.checksum import crc16
from packwarden.fixed import ASIDE, BIAS, NONE, decimal, ints
from packwarden.records import two_digits

# What was done to a breaker by a person, in the detail of its record.
RESET = const(1)
REFUSED = const(2)
CLOSED = const(3)
KEPT = const(4)  # by nobody: it was locked out before the restart
TESTED = const(5)

TEST = "test"  # what locks out a breaker that was tripped for a test, as others are by an element

CONFIRMATION = "inspected"  # what a repeated trip has to be confirmed with

_TAG = const(0x5087)  # of this layout
_PLACES = const(16)  # breakers that there can be: a bit each, and the bytes of cause and trips
_SIZE = const(38)
_MOST = const(255)  # trips that are counted
_WAIT_ms = const(2000)  # that a test waits for a low current, where a trip would


class Lockout:
    """The lockouts of a bank's breakers: index k for battery k, N for the main one."""

    STATE = ("cause", "trips", "_last_s")

    def __init__(self, breakers, log, repeat_hours):
        """Bind to the breakers and to the log, whose seconds are the time here. Boot only."""
        self.breakers = breakers
        self._log = log
        self.repeat_s = repeat_hours * 3600
        self.cause = ints(breakers.main + 1)  # number of the element that tripped it
        self.trips = ints(breakers.main + 1)  # each within the set hours of the one before
        self._last_s = ints(breakers.main + 1)
        self.changed = False  # since `dump`
        self._buffer = bytearray(_SIZE)
        self._others = 0  # mask of what was kept of breakers that this bank has not
        self._told = 0

    def note(self, index, element):
        """Note that an element trips a breaker which was not tripped. From the control step."""
        self.trips[index] = min(_MOST, self.trips[index] + 1) if self.again(index) else 1
        self._last_s[index] = self._log.seconds
        self.cause[index] = element
        self.changed = True

    def again(self, index):
        """Return whether a breaker has tripped within the set hours.

        After a restart the time before it is not known: it counts as none.
        """
        return self.trips[index] > 0 and self._log.seconds - self._last_s[index] < self.repeat_s

    def dump(self):
        """Return what is to be kept, in one buffer that is used again. Allocates nothing."""
        buffer = self._buffer
        tripped = self.breakers.tripped
        struct.pack_into("<HH", buffer, 0, _TAG, tripped | self._others)
        for index in range(len(self.trips)):
            place = self._place(index)
            buffer[place] = self.cause[index]
            buffer[place + 1] = self.trips[index]
        struct.pack_into("<H", buffer, _SIZE - 2, crc16(buffer, _SIZE - 2))
        self.changed = False
        self._told = tripped
        return buffer

    def unsaved(self):
        """Return whether `dump` would give something new. Allocates nothing."""
        return self.changed or self._told != self.breakers.tripped

    def load(self, kept):
        """Take over what `dump` gave before a restart; return whether it was good. Boot only.

        It may be that of a bank of another size: what was locked out stays so, and what this bank
        has not is kept for one that has it.
        """
        if len(kept) < _SIZE:
            return False
        kept = bytearray(kept[:_SIZE])
        tag, tripped = struct.unpack_from("<HH", kept, 0)
        checksum = struct.unpack_from("<H", kept, _SIZE - 2)[0]
        if tag != _TAG or checksum != crc16(kept, _SIZE - 2):
            return False
        self._buffer = kept
        for index in range(len(self.trips)):
            place = self._place(index)
            self.cause[index] = kept[place] if kept[place] < len(elements.TABLE) else 0
            self.trips[index] = kept[place + 1]
        self.breakers.restore(tripped)
        self._told = self.breakers.tripped
        self._others = tripped & ~self._told
        return True

    def _place(self, index):
        """Return where in the buffer the cause of a breaker is: the main one's at the end."""
        return 4 + 2 * (_PLACES - 1 if index == self.breakers.main else index)


def name(protection, index):
    """Return the name of a breaker's place, as on its label: BAT03, or "the main breaker"."""
    if index == protection.breakers.main:
        return "the main breaker"
    return "BAT" + two_digits(index + 1)


def refusal(protection, index, word):
    """Return why a breaker is not released now, or None where it may be. From the slack.

    `word`: what was typed as confirmation, or None.
    """
    breakers = protection.breakers
    bit = breakers.bit(index)
    who = name(protection, index)
    slots = held(protection, index)
    if not breakers.tripped & bit and not slots:
        return who + " is not locked out"
    pending = protection.decider.openings.pending
    if (pending | breakers.tripped & (breakers.commanded | breakers.closed)) & bit:
        return who + " is not open yet"
    for r, item in slots:
        reason = standing(protection, r, item)
        if reason:
            return reason
    if index == breakers.main:
        for k in range(breakers.main):
            if _took_main(protection, k):
                return "BAT%s tripped the main as well: reset %d first" % (
                    two_digits(k + 1),
                    k + 1,
                )
    lockout = protection.decider.lockout
    if lockout.trips[index] > 1 and lockout.again(index) and word != CONFIRMATION:
        return '%s has tripped %d times within %d h: find out why, then add the word "%s"' % (
            who,
            lockout.trips[index],
            lockout.repeat_s // 3600,
            CONFIRMATION,
        )
    return None


def held(protection, index):
    """Return the trip slots that hold a breaker: [(row, item)].

    Those that have operated, and those of the element that tripped it before a restart.
    """
    decider = protection.decider
    battery = 0 if index == protection.breakers.main else index + 1
    tripped = protection.breakers.tripped & protection.breakers.bit(index)
    found = []
    for r in range(len(decider.rows)):
        row = decider.rows[r]
        if row.level != levels.TRIP:
            continue
        for item in range(decider.slots.get(r, compare.COUNT)):
            if row.battery(item) == battery:
                operated = decider.slots.state[decider.slots.slot(r, item)] == compare.OPERATED
                if operated or (tripped and row.number == decider.lockout.cause[index]):
                    found.append((r, item))
    return found


def _took_main(protection, k):
    """Return whether a latched level of a battery has tripped the main breaker."""
    decider = protection.decider
    cause = decider.lockout.cause[protection.breakers.main]
    for r, item in held(protection, k):
        row = decider.rows[r]
        if row.action > levels.TRIP_BATTERY and row.number == cause:
            if decider.slots.state[decider.slots.slot(r, item)] == compare.OPERATED:
                return True
    return False


def standing(protection, r, item):
    """Return in words that a level's cause is still there, or None where it is gone."""
    decider = protection.decider
    row = decider.rows[r]
    stored = protection.quantities.values[decider.slots.get(r, compare.PLACE) + item]
    dropout = decider.slots.get(r, compare.DROPOUT)
    if stored == ASIDE or NONE < stored < dropout:
        return None
    place = ("BAT" + two_digits(row.battery(item)) + " ") if row.battery(item) else ""
    if row.terminal(item):
        place += "TERM" + records.TERMINAL_NAMES[row.terminal(item)] + " "
    what = place + elements.slug(row.number)
    if stored == NONE:
        return what + " has no value: its sensor is lost"
    unit = row.table.unit
    if unit is None:
        return what + " still stands"
    per_unit, places = levels.UNITS[unit]
    return "%s is at %s %s, it has to be %s %s" % (
        what,
        decimal(row.table.sign * (stored - BIAS), per_unit, places),
        unit,
        "below" if row.table.sign > 0 else "above",
        decimal(row.table.sign * (dropout - BIAS), per_unit, places),
    )


def reset(protection, index):
    """Release a breaker and clear what held it, and record both; ask `refusal` first. Slack."""
    decider = protection.decider
    for r, item in held(protection, index):
        slot = decider.slots.slot(r, item)
        if decider.slots.state[slot] == compare.OPERATED:
            decider.slots.state[slot] = compare.IDLE
            decider.count(decider.rows[r], False)
            limit = decider.rows[r].show(decider.slots.get(r, compare.DROPOUT))
            decider.tell(r, item, records.CLEAR, levels.NO_ACTION, limit, NONE)
    protection.breakers.release(index)
    record(protection, index, records.CLEAR, RESET)


def test(protection, index):
    """Trip a breaker as an element does, and record it; it does not count as a trip. Slack.

    All that follows a trip follows this one: the lockout, and what finds a breaker that stays or
    another one that opens.
    """
    decider = protection.decider
    decider.lockout.cause[index] = elements.find("lockout")
    decider.lockout.changed = True
    decider.openings.open(index, protection.now_ms, _WAIT_ms)
    record(protection, index, records.COMMAND, TESTED)


def cause(protection, index):
    """Return what locked a breaker out: the slug of an element, or TEST. Slack."""
    name = elements.slug(protection.decider.lockout.cause[index])
    return TEST if name == "lockout" else name


def record(protection, index, kind, what):
    """Record an operation on a breaker, done or refused: `kind` of `records`. Slack."""
    battery = 0 if index == protection.breakers.main else index + 1
    number = elements.find("lockout")
    protection.events.write(kind, 0, number, battery, 0, 0, 0, what, NONE, NONE, NONE, NONE)
