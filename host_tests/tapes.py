"""What a step was given, without end, to run it once more: `from tapes import Tape, rerun`."""

from packwarden.state import State
from packwarden.ticks import Ticks
from rerun import Rerun

STATE = 1
ROOM = 20_000


class Tape:
    """Records a protection as `packwarden.captures` does, but all of it."""

    def __init__(self, protection):
        self.protection = protection
        self.ticks = Ticks(protection)
        self.state = State(protection, (self.ticks.raw, self.ticks.noted, self.ticks.inputs))
        self.log = bytearray()
        self.seq = 0
        self.told = []  # (tick, event line)
        self.outputs = []  # of each tick
        self.longest = 0  # entry

    def begin(self):
        """Begin anew, after the last step."""
        self.log.clear()
        self.told.clear()
        self.outputs.clear()
        self.seq = self._next = self.protection.events.next_seq
        self.ticks.begin()
        self.keep()

    def keep(self):
        """Take the state as it is."""
        self.log += bytes([STATE]) + len(packed := self.packed()).to_bytes(2, "little") + packed
        self.ticks.restart()

    def packed(self):
        buffer = bytearray(ROOM)
        length = self.state.pack(buffer, 0, ROOM, ROOM)
        assert length > 0
        return bytes(buffer[:length])

    def tick(self, now_ms):
        """Take a tick that has just run."""
        length = self.ticks.make(now_ms)
        self.longest = max(self.longest, length)
        assert length <= self.ticks.longest
        self.log += self.ticks.entry[:length]
        self.outputs.append(self.protection.outputs())
        log = self.protection.events
        while self._next < log.next_seq:
            self.told.append((len(self.outputs), log.line(self._next)))
            self._next += 1


def rerun(config, log, shape, seq):
    """Run a log once more; returns the Rerun at its end, events and outputs as a Tape has them."""
    again = Rerun(config, bytes(log), shape, seq)
    events = again.protection.events
    told = []
    outputs = []
    while again.next():
        outputs.append(again.protection.outputs())
        while seq < events.next_seq:
            told.append((again.tick, events.line(seq)))
            seq += 1
    return again, told, outputs
