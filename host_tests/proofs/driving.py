"""Drives a protection of small integers (`checked`) with the extremes of all that it is given."""

import itertools

from packwarden.calibration import MOST_GAIN, TEMPERATURE, ZERO, limit
from packwarden.chips.ina2xx import CHIPS
from packwarden.fixed import BIAS, MASK, NONE
from packwarden.frame import ABSENT, OK, WRONG_CHIP
from proofs import checked
from proofs.checked import LIMIT, Small

SPANS_ms = (0, 1, 10, 10, 10, 999, 2000, 2001, 5000, 60001, 1 << 29, MASK)
MASKS = (0, 0xFFFF, 0x5555, 0x8001)
HIGHEST_ADC = 33000  # 0.1 mV: the 3.3 V of an ESP32, of which its ADC converts 24500 reliably
HIGHEST_mV = 60000  # of the coils' supply, through its divider
HELD_TICKS = 3  # a channel fails at its third bad attempt
ARMED_AT = 9


class Drive:
    """Frames of raw counts for a protection; the counters of its channels are about to wrap."""

    def __init__(self, config, now_ms=0, change=None):
        self.protection = checked.protection(config, change)
        self.now_ms = now_ms
        self.frame = self.protection.frame
        self.bits = CHIPS[config["sensors"]["monitor"]]["bits"]
        validator = self.protection.validator
        for channel in range(self.frame.channels):
            self.frame.count[channel] = LIMIT - 5
            validator.fresh[channel] = LIMIT - 5
        ends = validator.low[self.frame.reference], validator.high[self.frame.reference]
        self.reference = [end - BIAS for end in ends]
        self.seen = set()  # (kind, element) of the events
        self._seq = 0

    def arm(self):
        self.frame.contacts_known = Small(0xFFFF)
        self.protection.arm(Small(self.now_ms))

    def tick(self, span_ms, counts, notes=None, masks=(0xFFFF, 0), faults=0):
        """Step after `span_ms` with a count (None: failed) and a note per channel."""
        frame = self.frame
        for channel, count in enumerate(counts):
            frame.count[channel] = (int(frame.count[channel]) + 1) & MASK
            frame.raw[channel] = NONE if count is None else BIAS + count
            frame.note[channel] = notes[channel] if notes else ABSENT if count is None else OK
        frame.aux_a, frame.aux_b = map(Small, masks)
        # Whatever the other contacts say as well.
        frame.bms, frame.bms_known = map(Small, masks)
        frame.external = frame.alert = Small(faults & 1)
        frame.trip_circuit = frame.trip_circuit_known = Small(faults >> 1 & 1)
        self.protection.faults = Small(faults)
        self.now_ms = (self.now_ms + span_ms) & MASK
        self.protection.step(Small(self.now_ms))
        events = self.protection.events
        self._seq = max(self._seq, events.oldest_seq)  # a tick may tell more than is kept
        while self._seq < events.next_seq:
            event = events.event(self._seq)
            self.seen.add((event.kind, event.element))
            self._seq += 1

    def limits(self, channel):
        """The lowest and the highest count that acquisition can give a channel."""
        half = 1 << (self.bits - 1)
        if channel < self.frame.voltage or channel == self.frame.main:
            return -half, half - 1
        if channel == self.frame.supply:
            return 0, HIGHEST_mV
        return (0, 2 * half - 1) if channel < self.frame.terminal else (0, HIGHEST_ADC)

    def corners(self, channel):
        """The counts at which a channel is at an end, or at an edge of what is believed."""
        low, high = self.limits(channel)
        if channel < self.frame.voltage or channel == self.frame.main:
            return [low, high, 0, 1, -1]
        if channel == self.frame.supply:
            return [low, high, 24000, 20000]
        if channel < self.frame.terminal:
            return [low, high, high // 2]
        if channel == self.frame.reference:
            low, high = self.reference
            return [low, low, high, high, (low + high) // 2, low - 1, high + 1, 0]
        return [low, high, 1599, 1600, 24500, 20000, 12000, 5000, 1700]

    def calibrate(self, chance):
        """Correct each channel by nothing, or by the most that a person may."""
        frame = self.frame
        corrections = self.protection.measured.corrections
        for channel in range(frame.channels):
            what = TEMPERATURE if frame.terminal <= channel < frame.reference else ZERO
            most = limit(self.protection, what)
            corrections[channel] = BIAS + chance.choice((-most, 0, most))
            gain = chance.choice((-MOST_GAIN, 0, MOST_GAIN))
            if channel < frame.voltage or channel == frame.main:
                corrections[frame.channels + channel] = BIAS + gain

    def mixed(self, chance):
        """A frame of corners: most of a kind alike, some otherwise, some attempts failed."""
        frame = self.frame
        firsts = [0, frame.voltage, frame.terminal, frame.ambient]
        firsts += range(frame.reference, frame.channels + 1)
        counts = []
        for first, end in itertools.pairwise(firsts):
            usual = chance.choice(self.corners(first))
            if first == 0 and chance.random() < 0.4:
                usual = chance.choice((-1, 1)) * int(2 ** chance.uniform(0, self.bits - 1) - 1)
            odd = chance.choice(self.corners(first))
            strange = chance.choice((0, 0, 0.1, 0.5))
            counts += [odd if chance.random() < strange else usual for _ in range(first, end)]
        failing = chance.choice((0, 0, 0, 0.1, 1))
        return [None if chance.random() < failing else count for count in counts]

    def ordeal(self, ticks, chance):
        """Drive corners of everything, each frame for some ticks; arm after a few of them."""
        self.calibrate(chance)
        for number in range(ticks):
            if number % HELD_TICKS == 0:
                counts = self.mixed(chance)
                bad = chance.random() < 0.1
                notes = [chance.randint(OK, WRONG_CHIP) for _ in counts] if bad else None
            if number == ARMED_AT:
                self.arm()
            masks = (0xFFFF, 0)
            if chance.random() < 0.3:
                masks = (chance.choice(MASKS), chance.choice(MASKS))
            faults = chance.choice((0, 0, 1, 2, 3))
            self.tick(chance.choice(SPANS_ms), counts, notes, masks, faults)
