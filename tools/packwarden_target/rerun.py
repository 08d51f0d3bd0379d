"""Runs on every target: the step once more, on what a capture holds.

Told by `packwarden replay FILE.pwc`, and by `packwarden export`. The step begins with the memory
that it had when the capture began; then each tick is given what it was given, and so has to do
what it did. Where the capture holds later states, the step has to have come to the same.
"""

import binascii
import json

from packwarden import lockout, restart
from packwarden.captures import OPERATION, STATE
from packwarden.fixed import BIAS, MASK, NONE, ints
from packwarden.protection import Protection
from packwarden.records import COMMAND, SIZE
from packwarden.replies import record
from packwarden.state import AGAIN, FAR, FARTHER, NEAR, WHOLE, State
from packwarden.ticks import INPUTS, INPUTS_CHANGED, NO_COUNT, NOTED, OTHER_CURRENTS, TICK


class Reader:
    """Takes bytes and numbers out of a capture, one after the other."""

    def __init__(self, data):
        self._data = data
        self.at = 0

    def more(self):
        """Return whether there is anything left."""
        return self.at < len(self._data)

    def byte(self):
        """Take a byte."""
        self.at += 1
        return self._data[self.at - 1]

    def number(self, count):
        """Take a number of so many bytes, the lowest first."""
        found = 0
        for place in range(count):
            found |= self.byte() << 8 * place
        return found

    def take(self, count):
        """Take some bytes."""
        self.at += count
        return self._data[self.at - count : self.at]

    def group(self, count):
        """Take a group of numbers with a sign: see `ticks`."""
        if not count:
            return []
        width = self.byte()
        found = []
        bits = held = 0
        for _ in range(count):
            while held < width:
                bits |= self.byte() << held
                held += 8
            number = bits & ((1 << width) - 1)
            found.append(-(number >> 1) - 1 if number & 1 else number >> 1)
            bits >>= width
            held -= width
        return found


def unpack(packed, blocks):
    """Fill the blocks of a State with what `state.State.pack` gave."""
    for array, _, first, count, _ in blocks:
        last = 0
        place = first
        while place < first + count:
            token = packed.byte()
            value = 0
            times = 1
            if token < AGAIN:
                times = token + 1
            else:
                if token < NEAR:
                    times = token - AGAIN + 1
                elif token < FAR:
                    last += token - NEAR - 32
                elif token < FARTHER:
                    last += ((token - FAR) << 8 | packed.byte()) - 4096
                elif token < WHOLE:
                    last += ((token - FARTHER) << 16 | packed.byte() << 8 | packed.byte()) - 524288
                else:
                    last = packed.byte() << 24 | packed.byte() << 16
                    last |= packed.byte() << 8 | packed.byte()
                value = last
            for _ in range(times):
                array[place] = value
                place += 1


class Rerun:
    """The step of a bank, on a capture. `same` of its `states` after the first are as captured."""

    def __init__(self, config, log, shape, seq):
        """`log`: what was captured; `shape`: of its states; `seq`: of the first event."""
        self.protection = Protection(config)
        frame = self.protection.frame
        self.raw = ints(frame.channels)
        self.noted = bytearray(frame.channels)
        self.inputs = ints(len(INPUTS) + 1)
        self.state = State(self.protection, (self.raw, self.noted, self.inputs))
        if self.state.shape != shape:
            raise ValueError("its states are of another shape, so of another version")
        self.protection.events.begin(seq)
        self.protection.armed = True
        self._log = Reader(log)
        self._mask = 0
        self.tick = 0
        self.passed_ms = 0  # since the begin
        self.states = self.same = 0
        self._begin()

    def _begin(self):
        if self._log.byte() != STATE:
            raise ValueError("it does not begin with a state")
        unpack(Reader(self._log.take(self._log.number(2))), self.state.blocks)
        for place in range(len(self.state.owners)):
            setattr(self.state.owners[place], self.state.names[place], self.state.numbers[place])
        frame = self.protection.frame
        for channel in range(frame.channels):
            self._put(channel)
        self._give_inputs()

    def next(self):
        """Run the next tick; return whether there was one."""
        while self._log.more():
            kind = self._log.byte()
            if kind & TICK:
                self._tick(kind)
                return True
            if kind == STATE:
                self._compare(self._log.take(self._log.number(2)))
            elif kind == OPERATION:
                self._operate(self._log.byte(), self._log.byte())
            else:
                raise ValueError("%d is no entry" % kind)
        return False

    def _compare(self, packed):
        buffer = bytearray(2 * len(packed) + 256)
        length = self.state.pack(buffer, 0, len(buffer), len(buffer))
        self.states += 1
        self.same += 1 if buffer[: max(0, length)] == packed else 0

    def _operate(self, what, index):
        """Do what a person did."""
        protection = self.protection
        if what == lockout.RESET:
            lockout.reset(protection, index)
        elif what == lockout.TESTED:
            lockout.test(protection, index)
        elif what == lockout.CLOSED:
            protection.breakers.close(index, protection.now_ms)
            lockout.record(protection, index, COMMAND, lockout.CLOSED)
        elif what == restart.ACKNOWLEDGED:
            protection.restart.acknowledge()
            record(protection, what)
        else:
            raise ValueError("%d is no operation" % what)

    def _tick(self, flags):
        log = self._log
        frame = self.protection.frame
        passed_ms = log.byte()
        if passed_ms == 255:
            passed_ms = log.number(4)
        if flags & INPUTS_CHANGED:
            for place in range(len(self.inputs)):
                self.inputs[place] = log.number(2)
            self._give_inputs()
        if flags & OTHER_CURRENTS:
            self._mask = log.number(2)
        channels = [k for k in range(frame.batteries) if self._mask >> k & 1]
        currents = len(channels)
        channels.extend(log.take(log.byte()))
        if flags & NOTED:
            for channel in channels:
                self.noted[channel] = log.byte()
        steps = log.group(currents) + log.group(len(channels) - currents)
        for channel, step in zip(channels, steps):
            frame.count[channel] = (frame.count[channel] + 1) & MASK
            before = self.raw[channel]
            self.raw[channel] = (BIAS if before == NONE else before) + step
            if self.noted[channel] & NO_COUNT:
                self.raw[channel] = NONE
            self._put(channel)
        self.tick += 1
        self.passed_ms += passed_ms
        self.protection.step((self.protection.now_ms + passed_ms) & MASK)

    def _put(self, channel):
        frame = self.protection.frame
        frame.raw[channel] = self.raw[channel]
        frame.note[channel] = self.noted[channel] & ~NO_COUNT

    def _give_inputs(self):
        for place in range(len(INPUTS)):
            setattr(self.protection.frame, INPUTS[place], self.inputs[place])
        self.protection.faults = self.inputs[len(INPUTS)]


def values(rerun):
    """Return what a tick gave: ms, values of all channels, what ails them, contacts, outputs."""
    protection = rerun.protection
    frame = protection.frame
    measured = protection.measured
    return [
        rerun.passed_ms,
        [measured.value(channel) for channel in range(frame.channels)],
        list(protection.validator.health),
        frame.aux_a if protection.breakers.use_a else ~frame.aux_b & protection.breakers.all,
        frame.bms,
        protection.outputs(),
    ]


def main():
    """Run the capture in log.bin on the bank in config.json; print what came of it.

    job.json: {shape, seq, values: whether to print those}. Lines: `E` tick and event, `V` the
    `values` of a tick, `T` tick and record of the first trip that moved something, `S` how many
    states were compared, and how many were the same.
    """
    with open("config.json") as file:
        config = json.load(file)
    with open("job.json") as file:
        job = json.load(file)
    with open("log.bin", "rb") as file:
        rerun = Rerun(config, file.read(), job["shape"], job["seq"])
    log = rerun.protection.events
    seq = job["seq"]
    tripped = False
    while rerun.next():
        while seq < log.next_seq:
            print("E", rerun.tick, log.line(seq))
            seq += 1
        if job["values"]:
            print("V", json.dumps(values(rerun)))
        if log.last_trip >= 0 and not tripped:
            tripped = True
            packed = bytearray(SIZE)
            log.copy(log.last_trip, packed, 0)
            print("T", rerun.tick, binascii.hexlify(packed).decode())
    print("S", rerun.states, rerun.same)
