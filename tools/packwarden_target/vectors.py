"""Runs on every target: the step through an ordeal, folded into digests.

Told by `packwarden vectors`, and by the proofs of host_tests. Each step runs under `heap_lock`, so
an allocation is a MemoryError: on a machine with 32 bits that is also an integer beyond 31 bits.
What is printed must be the same everywhere, bit for bit.
"""

import binascii
import json
from array import array

import micropython

import estimates
from ordeal import Chance, Ordeal
from packwarden import elements, levels, records
from packwarden.calibration import MOST_GAIN, MOST_cC
from packwarden.fixed import BIAS
from packwarden.protection import Protection

ARMED_AT = 24  # the tick at which the bank is armed: every channel has been seen three times
SPARE_bytes = 8000  # what folding takes beside the step: with less free, a bank does not fit


class Fold:
    """One number of everything that the step knows: all arrays, all integers, all event lines."""

    def __init__(self, protection):
        """Collect what there is to fold, by name; an array may come more than once."""
        self.crc = 0
        self.protection = protection
        self.arrays = []
        self.integers = []
        for part in (protection, protection.decider):
            for name in sorted(part.__dict__):
                inner = part.__dict__[name]
                if name not in ("bank", "log") and hasattr(inner, "__dict__"):
                    self._collect(inner)
        self.numbers = array("i", [0] * len(self.integers))
        self.seq = 0
        self.seen = {}  # (kind, element, action): how many

    def _collect(self, part):
        for name in sorted(part.__dict__):
            value = part.__dict__[name]
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, array):
                    self.arrays.append(item)
            if isinstance(value, (int, bool)):  # a bool is no int on MicroPython
                self.integers.append((part, name))

    def take(self):
        """Fold what is known after a step."""
        crc = self.crc
        for i in range(len(self.integers)):
            part, name = self.integers[i]
            self.numbers[i] = getattr(part, name)
        for item in self.arrays:
            crc = binascii.crc32(item, crc)
        crc = binascii.crc32(self.numbers, crc)
        events = self.protection.events
        while self.seq < events.next_seq:
            crc = binascii.crc32(events.line(self.seq).encode(), crc)
            event = events.event(self.seq)
            action = levels.ACTION_NAMES[event.action]
            key = " ".join((records.KIND_NAMES[event.kind], elements.slug(event.element), action))
            self.seen[key] = self.seen.get(key, 0) + 1
            self.seq += 1
        self.crc = crc


def locked_step(protection, now_ms):
    """Run the step and ask for every output, as the firmware does: with the heap locked."""
    micropython.heap_lock()
    try:
        protection.step(now_ms)
        outputs = protection.breakers.energised() | protection.breakers.on_failure()
        if protection.fan or protection.alarm:
            outputs |= 1 << 20
    finally:
        micropython.heap_unlock()
    return outputs


def correct(protection, chance):
    """Calibrate all channels within what a person may, at random."""
    corrections = protection.measured.corrections
    channels = protection.frame.channels
    for channel in range(channels):
        corrections[channel] = BIAS + chance.below(2 * MOST_cC + 1) - MOST_cC
        corrections[channels + channel] = BIAS + chance.below(2 * MOST_GAIN + 1) - MOST_GAIN


def run(name, config, ticks, seed, plan=None, every=100):
    """Run a configuration through its ordeal; print a digest now and then, and what was seen.

    every: ticks between two digests. A target whose heap is too small for the bank says so.
    """
    try:
        protection = Protection(config)
        ordeal = Ordeal(protection, seed, plan)
        if plan is None and seed // 1000 % 2:  # those of uncalibrated ones stay what they were
            correct(protection, Chance(seed))
        fold = Fold(protection)
        bytearray(SPARE_bytes)
    except MemoryError:
        print(name, "does not fit")
        return
    for number in range(ticks):
        now_ms = ordeal.next()
        if number == ARMED_AT:
            protection.arm(now_ms)
        outputs = locked_step(protection, now_ms)
        fold.crc = binascii.crc32(b"%d" % outputs, fold.crc)
        fold.take()
        if (number + 1) % every == 0:
            print(name, number + 1, hex(fold.crc), fold.seq)
    for key in sorted(fold.seen):
        print(name, "saw", fold.seen[key], key)


def main(paths):
    """Run jobs, each a JSON file that holds the arguments of `run` as a list."""
    for path in paths:
        with open(path) as file:
            job = json.load(file)
        (estimates.run if "rated_mA" in job[1] else run)(*job)
