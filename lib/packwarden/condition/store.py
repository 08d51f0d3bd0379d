"""What the condition monitoring keeps in flash: counters, baselines, and what was estimated.

In two slots: the older one is overwritten, so that a write which is cut short leaves the newer.
"""

import struct

from micropython import const

from packwarden.fixed import ints
from packwarden.two_slots import TwoSlots

NAME = "condition"
SCHEMA = const(1)
_PIECE = const(128)  # numbers written at once
_RATING = const(1)  # place in the head: in what all but the counters are expressed
_BATTERIES = const(0)
_FIRST = const(2)  # from here on: fields of a record, by part


class Store:
    """The parts of a `monitor.Monitor` in flash: (array, fields of a record), counters first."""

    def __init__(self, fs, batteries, rated_mA, parts):
        self.slots = TwoSlots(fs, NAME)
        self._parts = parts
        self._head = ints(_FIRST + len(parts))
        self._head[_BATTERIES] = batteries
        self._head[_RATING] = rated_mA
        for place in range(len(parts)):
            self._head[_FIRST + place] = parts[place][1]

    def load(self):
        """Take over what is kept; of another kind it begins anew. Boot only; raises nothing."""
        try:
            self.slots.load()
            if self.slots.generation and self.slots.schema == SCHEMA:
                self._read()
        except OSError:
            pass

    def store(self):
        """Return the steps that write it all, see `TwoSlots.store`; nothing may change then."""
        pieces = [memoryview(self._head)]
        for array, _ in self._parts:
            whole = memoryview(array)
            pieces.extend(whole[at : at + _PIECE] for at in range(0, len(array), _PIECE))
        return self.slots.store(SCHEMA, pieces, 4)

    def _read(self):
        numbers = self._numbers()
        head = [next(numbers) for _ in range(len(self._head))]
        for place in range(len(self._parts)):
            array, fields = self._parts[place]
            its = head[_FIRST + place]
            alike = its == fields and (place == 0 or head[_RATING] == self._head[_RATING])
            records = head[_BATTERIES] + (1 if place == 0 else 0)
            for record in range(records):
                known = record < head[_BATTERIES] and record < self._head[_BATTERIES]
                to = record
                if place == 0 and record == head[_BATTERIES]:
                    to = self._head[_BATTERIES]  # the main breaker's stays the last one
                    known = True
                for field in range(its):
                    number = next(numbers)
                    if alike and known:
                        array[to * fields + field] = number

    def _numbers(self):
        for piece in self.slots.pieces():
            for at in range(0, len(piece), 4):
                yield struct.unpack_from("<i", piece, at)[0]
