"""Runs in the VM, and on CPython: the frames of a window through the library's own kernels.

In the VM it reads windows from stdin and writes what came out to stdout, as `windows` lays them
out: a record of integers per frame.
"""

import gc
import sys
from array import array

import micropython

from packwarden.chips.ina2xx import CHIPS
from packwarden.compare import COUNT, IDLE, OPERATED, ROW, Slots
from packwarden.fixed import ints
from packwarden.frame import Frame
from packwarden.measure import Measurement

MONITORS = sorted(CHIPS)
HEADER = 9
TABLE = 513


@micropython.viper
def copy(target, at: int, source, first: int, count: int):
    """Copy `count` integers."""
    to = ptr32(target)
    given = ptr32(source)
    i = 0
    while i < count:
        to[at + i] = given[first + i]
        i += 1


@micropython.viper
def copy_slots(target, at: int, ctx, found: int, count: int):
    """Copy what is known of all slots: the changed ones, states, stamps and bases."""
    to = ptr32(target)
    states = ptr8(ctx[3])
    stamps = ptr32(ctx[4])
    bases = ptr32(ctx[5])
    changed = ptr16(ctx[6])
    i = 0
    while i < count:
        to[at + i] = changed[i] if i < found else -1
        to[at + count + i] = states[i]
        to[at + 2 * count + i] = stamps[i]
        to[at + 3 * count + i] = bases[i]
        i += 1


class _Bridge:
    def __init__(self, gain, table):
        self.gain = gain
        self.table = table


class Kernels:
    """The measurement and the slots of a window's bank."""

    def __init__(self, header, table, rows, corrections):
        """Take the parts that describe a window, see `windows.Window`."""
        batteries, supply, monitor, shunt_uohm, main_uohm, gain, quantities, row_count = header[:8]
        frame = Frame(batteries, supply > 0, main_uohm > 0)
        self.held = ints(frame.channels)
        self.values = ints(quantities)
        self.fresh = ints(frame.channels)
        self.measurement = Measurement(
            frame,
            self.held,
            ints(frame.channels),
            _Bridge(gain, table),
            CHIPS[MONITORS[monitor]],
            shunt_uohm,
            main_uohm,
        )
        copy(self.measurement.corrections, 0, corrections, 0, len(corrections))
        counts = [rows[r * ROW + COUNT] for r in range(row_count)]
        self.slots = Slots(counts, self.values, self.fresh)
        copy(self.slots.rows, 0, rows, 0, len(rows))
        self.width_in = 3 + 2 * frame.channels + quantities
        self.width_out = 1 + frame.channels + 4 * self.slots.count

    def replay(self, frames, given, out):
        """Run `frames` records of `given`; write what comes out into `out`."""
        channels = len(self.held)
        slots = self.slots
        at = to = 0
        for _ in range(frames):
            reset = given[at + 2]
            if reset >= 0 and slots.state[reset] == OPERATED:
                slots.state[reset] = IDLE
            copy(self.held, 0, given, at + 3, channels)
            copy(self.fresh, 0, given, at + 3 + channels, channels)
            copy(self.values, 0, given, at + 3 + 2 * channels, len(self.values))
            self.measurement.run()
            found = slots.run(given[at], given[at + 1])
            out[to] = found
            copy(out, to + 1, self.measurement.values, 0, channels)
            copy_slots(out, to + 1 + channels, slots.ctx, found, slots.count)
            at += self.width_in
            to += self.width_out


def main():
    """Replay windows until stdin ends."""
    while True:
        header = ints(HEADER)
        if not sys.stdin.buffer.readinto(header):
            return
        table = ints(TABLE)
        sys.stdin.buffer.readinto(table)
        rows = ints(ROW * header[7])
        sys.stdin.buffer.readinto(rows)
        corrections = ints(2 * Frame(header[0], header[1] > 0, header[4] > 0).channels)
        sys.stdin.buffer.readinto(corrections)
        kernels = Kernels(header, table, rows, corrections)
        frames = header[8]
        given = array("i", bytes(4 * frames * kernels.width_in))
        sys.stdin.buffer.readinto(given)
        out = array("i", bytes(4 * frames * kernels.width_out))
        kernels.replay(frames, given, out)
        sys.stdout.buffer.write(out)
        kernels = given = out = None
        gc.collect()


if __name__ == "__main__":
    main()
