"""Random histories for the kernels, and what came out of them on both sides.

A window is a bank, its rows and a history of frames. A frame comes in as a record of 32-bit
integers,

    now_ms, gap, slot to reset or -1, held counts, conversions per channel, quantities

and goes out as another:

    number of changed slots, measured values, changed slots (-1 beyond their number),
    states, stamps, bases

`vm_kernels` and replay.c run one; `difference` names the first thing in which two results differ.
"""

from dataclasses import dataclass, field

import numpy as np

from oracle import vm_kernels
from packwarden import compare
from packwarden.calibration import MOST_GAIN
from packwarden.chips.ina2xx import CHIPS
from packwarden.fixed import ASIDE, BIAS, MASK, NONE
from packwarden.protection import Protection

FAR = 1 << 28  # no admitted value is further from zero
HOUR_ms = 3600_000

# What a place of a window holds most of the time, and how often that changes.
QUIET = (0.5, 0.8, 0.95)
RESTLESS = (0.02, 0.1, 0.5)
PACES_ms = (1, 10, 10, 10, 250, 1000, 60000)
SPANS_ms = (0, 1, 1999, 2000, 2001, 60001, HOUR_ms, 1 << 29, MASK)
DELAYS_ms = (0, 0, 1, 25, 100, 1000, 2000, 60000, 600000, HOUR_ms)
NEEDED = (0, 0, 0, 1, 1, 2, 7)


@dataclass
class Window:
    """A bank with its rows (one line of `compare.ROW` fields each) and the frames it sees."""

    batteries: int
    supply: int
    monitor: str
    shunt_uohm: int
    main_shunt_uohm: int
    gain: int
    table: np.ndarray
    rows: np.ndarray
    quantities: int
    corrections: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    frames: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int32))

    def __post_init__(self):
        if not len(self.corrections):
            self.corrections = np.full(2 * self.channels, BIAS, np.int32)

    @property
    def channels(self):
        return 4 * self.batteries + 3 + self.supply + (self.main_shunt_uohm > 0)

    @property
    def slots(self):
        return int(self.rows[:, compare.COUNT].sum())

    @property
    def width_out(self):
        return 1 + self.channels + 4 * self.slots

    def header(self):
        """The integers that describe the bank, as `vm_kernels.Kernels` takes them."""
        monitor = vm_kernels.MONITORS.index(self.monitor)
        facts = (self.batteries, self.supply, monitor, self.shunt_uohm, self.main_shunt_uohm)
        sizes = (self.gain, self.quantities, len(self.rows), len(self.frames))
        return np.array(facts + sizes, np.int32)

    def parts(self):
        """What `vm_kernels.Kernels` takes."""
        return self.header(), self.table, self.rows, self.corrections

    def to_bytes(self):
        """What `vm_kernels.main` reads."""
        return b"".join(part.tobytes() for part in (*self.parts(), self.frames))


def draw(rng, frames):
    """Draw a bank with a few rows, and its history."""
    window = _bank(rng, int(rng.choice((1, 1, 2, 2, 3, 4, 6, 15))))
    n = window.batteries
    # Where quantities begin: for each scope (terminals, batteries, the bank) a few.
    scopes = [scope for scope in range(3) for _ in range(rng.integers(1, 4))]
    lengths = [(2 * n, n, 1)[scope] for scope in scopes]
    places = np.concatenate(([0], np.cumsum(lengths)))
    window.quantities = int(places[-1]) + 1  # the last place always holds zero
    most = 6 if n == 15 else 14
    pace_ms = int(rng.choice(PACES_ms))
    rows = [_row(rng, window, scopes, places, pace_ms) for _ in range(rng.integers(2, most))]
    window.rows = np.array(rows, np.int32)
    counts = window.rows[:, compare.COUNT]
    window.rows[:, compare.FIRST] = np.cumsum(counts) - counts
    window.frames = history(rng, window, frames, pace_ms)
    return window


def of(config, rng, frames, pace_ms):
    """The bank of a configuration with the rows of its element table, and a drawn history."""
    made = Protection(config)
    slots = made.decider.slots
    window = Window(
        made.bank.batteries,
        int(made.bank.supply_mV > 0),
        made.bank.monitor,
        made.bank.shunt_uohm,
        made.bank.main_shunt_uohm,
        made.measured.gain,
        np.array(made.measured.ctx[3], np.int32),
        np.array(slots.rows, np.int32).reshape(-1, compare.ROW),
        len(made.quantities.values),
    )
    window.frames = history(rng, window, frames, pace_ms)
    return window


def _bank(rng, batteries):
    monitor = str(rng.choice(sorted(CHIPS)))
    # No shunt makes more than 10,000 A of the full scale, see `settings`; the main shunt may.
    least_uohm = CHIPS[monitor]["shunt_full_scale_uV"] // 10000 + 1
    table = rng.integers(-6000, 20001, 513)
    if rng.random() < 0.8:
        table = np.sort(table)[::-1]
    window = Window(
        batteries,
        int(rng.integers(2)),
        monitor,
        int(rng.choice((least_uohm, 250, 5000, rng.integers(least_uohm, 5000)))),
        int(rng.choice((0, 1, 50, 5000))),
        int(rng.choice((1, 16384, 32767, 32768, rng.integers(1, 32768)))),
        (table + BIAS).astype(np.int32),
        np.zeros((0, compare.ROW), np.int32),
        0,
    )
    if rng.random() < 0.7:
        window.corrections = _corrections(rng, window.channels)
    return window


def _corrections(rng, channels):
    """Offsets and gains: of some channels none, of some the most."""
    found = []
    for most in (300, MOST_GAIN):  # 3 K; and a zero of so many mA
        choices = [np.zeros(channels), np.full(channels, most), np.full(channels, -most)]
        choices.append(rng.integers(-most, most + 1, channels))
        found.append(np.choose(rng.integers(0, len(choices), channels), choices))
    return (BIAS + np.concatenate(found)).astype(np.int32)


def _row(rng, window, scopes, places, pace_ms):
    """Draw the fields of a row. Its second condition is of its own scope, or of the bank."""
    n = window.batteries
    which = int(rng.integers(len(scopes)))
    scope = scopes[which]
    row = [0] * compare.ROW
    row[compare.PLACE] = places[which]
    row[compare.COUNT] = (2 * n, n, 1)[scope]
    pickup = int(rng.choice((1, 1, rng.integers(-9000, 90000), FAR, -FAR)))
    row[compare.PICKUP] = BIAS + pickup
    row[compare.DROPOUT] = BIAS + pickup - int(rng.choice((0, 1, rng.integers(5000))))
    seconds = [q for q in range(len(scopes)) if q != which and scopes[q] in (scope, 2)]
    row[compare.GATE] = window.quantities - 1
    row[compare.GATE_PICKUP] = row[compare.GATE_DROPOUT] = BIAS
    if seconds and rng.random() < 0.5:
        second = int(rng.choice(seconds))
        least = int(rng.choice((1, rng.integers(1, 50000))))
        row[compare.GATE] = places[second]
        row[compare.GATE_STEP] = int(scopes[second] != 2)
        row[compare.GATE_PICKUP] = BIAS + least
        row[compare.GATE_DROPOUT] = ASIDE if rng.random() < 0.4 else BIAS + least * 9 // 10
    row[compare.DELAY] = int(rng.choice((*DELAYS_ms, 5 * pace_ms, 20 * pace_ms)))
    row[compare.NEEDED] = int(rng.choice(NEEDED))
    row[compare.CHANNEL] = (2 * n + 1, int(rng.choice((0, n))), 2 * n)[scope]
    row[compare.CHANNEL_STEP] = int(scope != 2)
    row[compare.RESET] = int(rng.choice((0, 0, 10000, 3 * pace_ms)))
    row[compare.LATCH] = int(rng.random() < 0.25)
    return row


def history(rng, window, frames, pace_ms):
    """Draw frames for a bank and its rows: times, counts, conversions, quantities."""
    spans = np.where(rng.random(frames) < 0.02, rng.choice(SPANS_ms, frames), pace_ms)
    start = rng.choice((0, MASK, MASK - pace_ms * frames // 2, rng.integers(MASK)))
    now = (start + np.cumsum(spans)) & MASK
    gap = ((spans > 2000) & (pace_ms <= 2000)) ^ (rng.random(frames) < 0.01)
    reset = np.where(rng.random(frames) < 0.05, rng.integers(0, window.slots, frames), -1)
    new = rng.random((frames, window.channels)) < rng.choice((0.2, 0.9, 1))
    first = rng.choice((0, MASK - frames // 2))
    conversions = (first + np.cumsum(new, axis=0)) & MASK
    parts = (
        np.stack([now, gap, reset], axis=1),
        _held(rng, window, frames),
        conversions,
        _quantities(rng, window, frames),
    )
    return np.hstack(parts).astype(np.int32)


def _held(rng, window, frames):
    """Believed counts: both ends, around zero, anything between, and none."""
    n = window.batteries
    half = 1 << (CHIPS[window.monitor]["bits"] - 1)
    current, volts, adc = (-half, half - 1), (0, 2 * half - 1), (0, 32767)
    limits = [current] * n + [volts] * (n + 1) + [adc] * (2 * n + 2)
    limits += [(0, 60000)] * window.supply + [current] * (window.main_shunt_uohm > 0)
    low, high = np.array(limits).T
    shape = (frames, window.channels)
    choices = [
        np.broadcast_to(low, shape),
        np.broadcast_to(high, shape),
        np.clip(rng.integers(-1, 2, shape), low, high),
        rng.integers(low, high + 1, shape),
        rng.integers(low, high + 1, shape) // 64,
    ]
    held = np.choose(rng.integers(0, len(choices), shape), choices) + BIAS
    held[rng.random(shape) < 0.1] = NONE
    return held


def _quantities(rng, window, frames):
    """Values that stay for a while: mostly quiet, else one count around a limit, or none."""
    limits = [set() for _ in range(window.quantities)]
    for row in window.rows.tolist():
        for i in range(row[compare.COUNT]):
            limits[row[compare.PLACE] + i] |= {row[compare.PICKUP], row[compare.DROPOUT]}
            gate = row[compare.GATE] + i * row[compare.GATE_STEP]
            limits[gate] |= {row[compare.GATE_PICKUP], row[compare.GATE_DROPOUT]}
    candidates = []
    for found in limits:
        found = sorted(found - {ASIDE}) or [BIAS]
        near = [limit + step for limit in found for step in (-1, 0, 1)]
        near += [found[0] - 1000, found[-1] + 1000, NONE, ASIDE, BIAS - FAR, BIAS + FAR]
        candidates.append(near)
    most = max(map(len, candidates))
    table = np.array([(near * most)[:most] for near in candidates])
    shape = (frames, window.quantities)
    chosen = rng.integers(0, most, shape)
    value = table[np.arange(window.quantities), chosen]
    value = np.where(rng.random(shape) < rng.choice(QUIET), BIAS - FAR, value)
    since = np.where(rng.random(shape) < rng.choice(RESTLESS), np.arange(frames)[:, None], 0)
    value = np.take_along_axis(value, np.maximum.accumulate(since, axis=0), axis=0)
    value[:, -1] = BIAS
    return value


def difference(window, theirs, ours):
    """Say where two results differ first: frame, row and item, or channel. None: nowhere.

    Stamps count while a slot is not idle, bases while it is picked up: nobody reads the others.
    """
    differs = theirs != ours
    n = window.slots
    at_states = 1 + window.channels + n
    states = ours[:, at_states : at_states + n]
    differs[:, at_states + n : at_states + 2 * n] &= states != compare.IDLE
    differs[:, at_states + 2 * n :] &= states == compare.PICKED_UP
    if not differs.any():
        return None
    frame = int(np.nonzero(differs)[0][0])
    columns = np.nonzero(differs[frame])[0]
    column = next((at for at in columns if at >= at_states), columns[0])  # a slot says most
    place = _name(window, int(column))
    return f"frame {frame}, {place}: {theirs[frame, column]}, oracle {ours[frame, column]}"


def _name(window, column):
    """Say what stands in a column of a result."""
    if column == 0:
        return "number of changed slots"
    if column <= window.channels:
        return f"channel {column - 1} measured"
    part, slot = divmod(column - 1 - window.channels, window.slots)
    if part == 0:
        return f"changed slot {slot} (row << 5 | item)"
    firsts = window.rows[:, compare.FIRST]
    row = int(np.searchsorted(firsts, slot, side="right")) - 1
    name = ("state", "stamp", "base")[part - 1]
    return f"row {row} item {slot - firsts[row]}, {name}"


def transitions(window, result):
    """Count the transitions of the slots' states: a 5 x 5 table, from the first index."""
    at = 1 + window.channels + window.slots
    states = result[:, at : at + window.slots]
    pairs = 5 * states[:-1] + states[1:]
    return np.bincount(pairs.ravel(), minlength=25).reshape(5, 5)
