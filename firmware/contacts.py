"""The contacts on the input expanders: breakers, BMS, trip circuits, as masks in the frame."""

from micropython import const

from packwarden.chips.mcp23017 import MARK, Expander
from packwarden.fixed import MASK, ints
from packwarden.frame import MAIN_BIT

FAILURES = const(3)  # in a row: a chip is lost ...
AWAY_ms = const(5000)  # ... and visited this often
_ALL = const(0xFFFF)  # every battery's bit, and the main's


class Contacts:
    """The input expanders that have a contact of this bank. Nothing allocates after boot."""

    def __init__(self, board, bank, frame, buses):
        """Bind what a board wires to the masks of `frame`. Boot only."""
        n = bank.batteries
        self._frame = frame
        self._buses = buses
        self._aux_a = _places(board.AUX_A, n, board) if bank.feedback in ("52a", "both") else ()
        self._aux_b = _places(board.AUX_B, n, board) if bank.feedback in ("52b", "both") else ()
        self._bms = _places(board.BMS, n, board) if bank.bms_contact != "none" else ()
        self._trip_circuit = board.TRIP_CIRCUIT if bank.trip_circuit != "none" else None
        wired = ints(len(board.INPUT_EXPANDERS))
        for expander, bit, _ in self._aux_a + self._aux_b + self._bms:
            wired[expander] |= 1 << bit
        if self._trip_circuit:
            wired[self._trip_circuit[0]] |= 1 << self._trip_circuit[1]
        self._places = [place for place in range(len(wired)) if wired[place]]
        # Per expander: the breakers and the batteries whose contacts it carries.
        self._breakers_of = ints(len(wired))
        self._bms_of = ints(len(wired))
        for expander, _, target in self._aux_a + self._aux_b:
            self._breakers_of[expander] |= 1 << target
        for expander, _, target in self._bms:
            self._bms_of[expander] |= 1 << target
        self._failures = ints(len(self._places))  # in a row
        self._away_ms = ints(len(self._places))
        self._known = ints(len(self._places))  # 1: its word is what its pins are
        self._words = ints(len(wired))
        self._verified = 0
        self._expanders = [
            Expander(buses.expanders, board.INPUT_EXPANDERS[place], 0, wired[place])
            for place in self._places
        ]

    def boot(self):
        """Configure what answers, each with its pull-ups; what does not is asked again."""
        for i in range(len(self._expanders)):
            try:
                self._expanders[i].configure(MARK)
            except OSError:
                self._failures[i] += 1

    @property
    def lost(self):
        """True while contacts cannot be read: their last positions are held."""
        for failures in self._failures:
            if failures >= FAILURES:
                return True
        return False

    def read(self, now_ms):
        """Read the contacts into the frame; a closed one pulls its input low. Tick."""
        usable = self._buses.expanders.idle()
        self._buses.ask()
        for i in range(len(self._expanders)):
            if not self._buses.timed_out:
                self._read(i, now_ms, usable)
        if self._expanders and self._buses.odd:
            self._verified = (self._verified + 1) % len(self._expanders)
        frame = self._frame
        frame.aux_a = self._gather(self._aux_a)
        frame.aux_b = self._gather(self._aux_b)
        frame.bms = self._gather(self._bms)
        self._tell_known(frame)
        if self._trip_circuit:
            word = self._words[self._trip_circuit[0]]
            frame.trip_circuit = (word >> self._trip_circuit[1]) & 1

    def _tell_known(self, frame):
        unknown = 0
        bms_unknown = 0
        circuit_known = 1
        for i in range(len(self._places)):
            if not self._known[i] or self._failures[i] >= FAILURES:
                expander = self._places[i]
                unknown |= self._breakers_of[expander]
                bms_unknown |= self._bms_of[expander]
                if self._trip_circuit and expander == self._trip_circuit[0]:
                    circuit_known = 0
        frame.contacts_known = _ALL & ~unknown
        frame.bms_known = _ALL & ~bms_unknown
        frame.trip_circuit_known = circuit_known

    def _read(self, i, now_ms, usable):
        """Read one expander; one that was away is configured anew first.

        On a bus whose lines are held it fails without being asked, as the monitors do.
        """
        lost = self._failures[i] >= FAILURES
        if lost:
            if not usable or (now_ms - self._away_ms[i]) & MASK < AWAY_ms:
                return
            if not self._buses.may_configure():
                return
        word = self._word(i, lost) if usable else -1
        if word >= 0:
            self._words[self._places[i]] = word ^ 0xFFFF
            self._failures[i] = 0
            self._known[i] = 1
            return
        self._away_ms[i] = now_ms
        if not lost:
            self._failures[i] += 1
        if self._failures[i] >= FAILURES:
            self._known[i] = 0
            if not usable:
                self._away_ms[i] = (now_ms - AWAY_ms) & MASK

    def _word(self, i, lost):
        """Return the level of an expander's pins, or -1."""
        expander = self._expanders[i]
        try:
            if lost:
                expander.configure(MARK)
            if i == self._verified and self._buses.odd:
                expander.verify()
            return expander.read_inputs()
        except OSError:
            self._buses.failed(self._buses.expanders)
            return -1

    def _gather(self, places):
        """Return the mask of the contacts that are closed."""
        mask = 0
        for expander, bit, target in places:
            mask |= ((self._words[expander] >> bit) & 1) << target
        return mask


def _places(wired, batteries, board):
    """Return (expander, bit, bit of the mask) for contacts of the batteries and the main.

    A list that has the main breaker's has it last, behind those of all the board's batteries.
    """
    found = [(wired[k][0], wired[k][1], k) for k in range(batteries)]
    if len(wired) > board.MAX_BATTERIES:
        found.append((wired[-1][0], wired[-1][1], MAIN_BIT))
    return tuple(found)
