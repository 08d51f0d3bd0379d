"""What a person has calibrated: the zero and the gain of a current, the offset of a thermistor.

Kept in two slots of their own, a line each: what, where, how much, when, who. So they outlast a
deployment and another configuration. All are small: what is further off is a defect to be repaired
and no error to be corrected.
"""

from micropython import const

from packwarden import elements, restart
from packwarden.fixed import BIAS, NONE
from packwarden.records import INFO
from packwarden.two_slots import TwoSlots

SCHEMA = const(1)
SLOTS = "calibration"

ZERO = "zero"  # mA
GAIN = "gain"  # 1/2^20
TEMPERATURE = "temperature"  # 0.01 K

ZERO_PARTS = const(50)  # of the rated current: 2 %
MOST_GAIN = const(20971)  # 2 %
MOST_cC = const(300)


def find(frame, what, name):
    """Return the channel of a name, -1: none. 3, main; of a temperature 3+, 3-, ambient."""
    poles = "+-" if what == TEMPERATURE else ""
    if name == ("ambient" if poles else "main"):
        return frame.ambient if poles else frame.main
    digits = name[:-1] if poles else name
    pole = poles.find(name[-1])
    if digits not in [str(k + 1) for k in range(frame.batteries)] or (poles and pole < 0):
        return -1
    k = int(digits) - 1
    return frame.terminal + 2 * k + pole if poles else k


def limit(protection, what):
    """Return how far from zero a correction may be."""
    if what == ZERO:
        return protection.bank.rated_mA // ZERO_PARTS
    return MOST_GAIN if what == GAIN else MOST_cC


class Calibration:
    """The corrections of a bank: kept in flash, applied to what is measured.

    `anew()` is called when they have changed while it protects, see `captures.Captures.anew`.
    """

    def __init__(self, fs, protection, anew):
        """`fs`: see `two_slots.TwoSlots`. Boot only; `load` comes next."""
        self.slots = TwoSlots(fs, SLOTS)
        self._protection = protection
        self._anew = anew
        self.storing = False  # a change is being written
        self._steps = iter(())
        self._lines = []  # of that
        self._about = (0, 0)
        self.failed = False  # the last ones could not be stored

    def load(self):
        """Apply what is kept. What cannot be read or is beyond its limits counts for nothing."""
        slots = self.slots
        slots.load()
        while slots.generation:
            reason = "cannot be read"
            try:
                reason = self._apply(list(self.lines()))
            except (OSError, ValueError):
                pass
            if reason is None:
                return
            slots.refuse(reason)
        self._apply([])

    def lines(self):
        """Yield what is kept, each as (what, where, how much, date, who). OSError, ValueError."""
        for line in b"".join(self.slots.pieces()).decode().split("\n")[:-1]:
            what, name, value, date, who = line.split(" ")
            yield what, name, int(value), date, who

    def at(self, what, name):
        """Return where a correction stands among those of the measurement."""
        frame = self._protection.frame
        channel = find(frame, what, name)
        return channel + frame.channels if what == GAIN else channel

    def correction(self, what, name):
        """Return what is applied now: see `find`, `limit`."""
        return self._protection.measured.corrections[self.at(what, name)] - BIAS

    def begin(self, what, name, new, about=(0, 0)):
        """Begin to store a change; `step` does it. OSError, ValueError: of what is kept.

        `new`: (how much, date, who), or None to undo it; without `what` all are undone. `about`:
        battery and terminal, for its record.
        """
        lines = []
        if what:
            lines = [line for line in self.lines() if line[:2] != (what, name)]
            if new:
                lines.append((what, name) + new)
        self._lines = lines
        self._about = about
        pieces = [("%s %s %d %s %s\n" % line).encode() for line in lines]
        self._steps = self.slots.store(SCHEMA, pieces)
        self.storing = True
        self.failed = False

    def step(self):
        """Write a part of it, see `TwoSlots.store`; apply it once it is kept."""
        try:
            next(self._steps)
            return
        except StopIteration:
            self.slots.refused = []
            self._apply(self._lines)
            self._anew()
            self.record(*self._about)
        except OSError:
            self.failed = True
        self.storing = False
        self._lines = []

    def record(self, battery=0, terminal=0):
        """Record which calibration counts from now on, by its generation. Boot, slack."""
        number = BIAS + self.slots.generation
        codes = (INFO, 0, elements.OPERATION, battery, terminal, 0, 0, restart.CALIBRATION)
        self._protection.events.write(*codes, number, NONE, NONE, NONE)

    def _apply(self, lines):
        """Let corrections count, and no others; return what is wrong with one: then none does.

        What belongs to a battery that the bank has not is left out.
        """
        protection = self._protection
        corrections = protection.measured.corrections
        for place in range(len(corrections)):
            corrections[place] = BIAS
        for what, name, value, _, _ in lines:
            if abs(value) > limit(protection, what):
                return "%s %s is beyond its limit" % (what, name)
        for what, name, value, _, _ in lines:
            if find(protection.frame, what, name) >= 0:
                corrections[self.at(what, name)] = BIAS + value
        return None
