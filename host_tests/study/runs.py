"""Runs of the study, many banks at a time: joints that work loose, sound banks over the seasons.

The estimator is that of the board, fed every 10 s; beside it the rules that it is compared with:
fixed limits of a terminal's temperature, and 15 K over the siblings' median.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from packwarden import elements
from packwarden.condition.joints import BLOCK_s
from packwarden.fixed import BIAS
from study.cabinet import DAY, RATED_A, Cabinet, STEP_s
from study.many import Many

QUALIFIES = 0.2  # of rated: a block of two minutes with this current counts as qualifying load
BLOCK = BLOCK_s // STEP_s  # steps
BLOCK_h = BLOCK_s / 3600
DAY_BLOCKS = DAY // BLOCK
RULES = ("60 degC", "70 degC", "80 degC", "15 K over siblings")
SIZES_K = ((2, 3), (3, 5), (5, 8), (8, 16), (16, 40), (40, 60))
_OF_TEN = (0, 1, 1, 2, 3, 3, 4, 4, 5, 5)  # which sizes ten runs have
_BASELINE_DAYS = 4
DAYS = 5  # after the joint has begun to work loose
WINDOWS, WINDOW_DAYS = 6, 10  # of a sound bank's year
_FAULTS_OF = (2, 3, 4, 4, 4, 5, 6, 8, 12, 15)  # batteries
_SOUND_OF = (2, 3, 3, 4, 4, 4, 4, 6)

(_EARLY,) = (
    level
    for level in elements.TABLE[elements.find("joint_heating")].levels
    if level.key == "early_warn"
)


@dataclass
class Fault:
    """What came of a joint that worked loose. Hours count from when it is as loose as it gets."""

    size_K: float
    batteries: int
    terminal: int
    peak: float
    load_h: float = 0.0  # qualifying load that there was
    named: bool | None = None  # the right one first, or a wrong one; None: nobody
    named_load_h: float = np.inf  # of qualifying load
    named_h: float = np.inf
    named_C: float = np.nan  # what the terminal had then
    rules: dict = field(default_factory=dict)  # name: (hours, degC)


@dataclass
class Sound:
    """What came of a sound bank."""

    batteries: int
    days: int
    told: int = 0  # early warnings
    most_K: float = 0.0  # the largest sure rise
    fan_steps: int = 0
    loaded_h: float = 0.0  # qualifying load, of all its batteries
    rules: dict = field(default_factory=lambda: dict.fromkeys(RULES, 0))  # name: terminals x days


class Group:
    """Cabinets that live side by side."""

    def __init__(self, cabinets):
        self.cabinets = cabinets
        sizes = [cabinet.batteries for cabinet in cabinets]
        first = np.cumsum([0, *sizes])
        self.terminals = [slice(2 * a, 2 * b) for a, b in pairwise(first)]
        self.joints = Many(sizes, 1000 * RATED_A)
        self._held = np.full(2 * first[-1], -1)

    def day(self, loose):
        """Live a day with (terminal, size_K) per cabinet; return its days, and by block

        the sure rises (K) and whether early_warn tells them just then.
        """
        days = [cabinet.day(*how) for cabinet, how in zip(self.cabinets, loose, strict=True)]
        current_mA = np.hstack([day[0] for day in days])
        read_cC = np.hstack([day[1] for day in days])
        sure_K, told = [], []
        for _ in self.joints.blocks(current_mA, read_cC, STEP_s):
            sure_K.append((self.joints.sure - BIAS) / 100)
            told.append(self._compare(sure_K[-1]))
        return days, np.array(sure_K), np.array(told)

    def _compare(self, sure_K):
        """Do what the comparator does with the level: `_held` counts blocks above the dropout."""
        picks = (self._held < 0) & (sure_K >= _EARLY.pickup)
        self._held = np.where(picks, 0, np.where(self._held < 0, -1, self._held + 1))
        self._held[sure_K < _EARLY.dropout] = -1
        return self._held == -(-_EARLY.delay_ms // (1000 * BLOCK_s))


def blocks(steps):
    """Return the means of blocks of two minutes."""
    return steps.reshape(-1, BLOCK, *steps.shape[1:]).mean(axis=1)


def qualifying(current_mA):
    """Return whether each block is load by which a joint has to be judged."""
    return np.sqrt(blocks((current_mA / 1000) ** 2)) >= QUALIFIES * RATED_A


def by_rules(read_C):
    """Return {rule: whether it tells each terminal, in each block}, from blocks of readings."""
    found = {rule: read_C >= float(rule.split()[0]) for rule in RULES[:3]}
    over_K = np.empty_like(read_C)
    for terminal in range(read_C.shape[1]):
        others = [k for k in range(terminal % 2, read_C.shape[1], 2) if k != terminal]
        over_K[:, terminal] = read_C[:, terminal] - np.median(read_C[:, others], axis=1)
    return found | {RULES[3]: over_K > 15}


def _drawn(seed, sizes):
    draw = np.random.default_rng(seed)
    batteries = int(draw.choice(sizes))
    figures = draw.uniform(0.1, 0.5), draw.uniform(0.2, 0.5), draw.uniform(0, 365)
    return draw, Cabinet(int(draw.integers(1 << 31)), batteries, *figures, draw.random() < 0.5)


def _learn(group):
    """Let sound banks live some days, and take the baseline; return their early warnings."""
    quiet = [(0, 0.0)] * len(group.cabinets)
    told = [group.day(quiet)[2] for _ in range(_BASELINE_DAYS)]
    group.joints.learn()
    return np.concatenate(told)


def faults(seeds, days=DAYS):
    """Let a joint of a bank for each seed work loose, at once or within hours or days."""
    drawn = [_drawn(seed, _FAULTS_OF) for seed in seeds]
    outcomes, begins, grows = [], [], []
    for seed, (draw, cabinet) in zip(seeds, drawn, strict=True):
        size_K = draw.uniform(*SIZES_K[_OF_TEN[seed % 10]])
        terminal = int(draw.integers(2 * cabinet.batteries))
        outcomes.append(Fault(size_K, cabinet.batteries, terminal, cabinet.peak))
        begins.append(int(draw.integers(DAY)))
        grows.append(int(draw.choice([0, draw.uniform(1, 48)]) * 3600 / STEP_s))
    group = Group([cabinet for _, cabinet in drawn])
    before = _learn(group)
    history = []
    for number in range(days):
        at = np.arange(DAY) + number * DAY
        parts = [
            np.clip((at - b + 1) / max(1, g), 0, 1) for b, g in zip(begins, grows, strict=True)
        ]
        loose = [(o.terminal, o.size_K * part) for o, part in zip(outcomes, parts, strict=True)]
        history.append(group.day(loose))
    told = np.concatenate([before, *(told for _, _, told in history)])
    for place, (outcome, own) in enumerate(zip(outcomes, group.terminals, strict=True)):
        lived = [every[place] for every, _, _ in history]
        there = -(-(begins[place] + grows[place]) // BLOCK)
        _judge(outcome, lived, told[:, own], len(before), begins[place] // BLOCK, there)
    return outcomes


def _judge(outcome, lived, told, sound, begins, there):
    """Fill in what came of a fault; `sound`, `begins`, `there`: blocks before, until it shows."""
    true_C = np.concatenate([day[2][BLOCK - 1 :: BLOCK, outcome.terminal] for day in lived])
    current_mA = np.concatenate([day[0][:, outcome.terminal // 2] for day in lived])
    load = qualifying(current_mA)
    outcome.load_h = load[there:].sum() * BLOCK_h

    def when(block):
        return float(max(0, block + 1 - there) * BLOCK_h), float(true_C[block])

    first = np.argwhere(told)
    if len(first):
        block, terminal = first[0]
        block -= sound
        outcome.named = bool(block >= begins and terminal == outcome.terminal)
        if outcome.named:
            outcome.named_h, outcome.named_C = when(block)
            outcome.named_load_h = load[there : block + 1].sum() * BLOCK_h
    found = by_rules(blocks(np.concatenate([day[1] for day in lived]) / 100))
    for rule, tells in found.items():
        at = np.flatnonzero(tells[:, outcome.terminal])
        if len(at):
            outcome.rules[rule] = when(at[0])


def sound(seeds, windows=WINDOWS, window_days=WINDOW_DAYS):
    """Let a sound bank for each seed live windows of a year, after one baseline."""
    group = Group([_drawn(seed, _SOUND_OF)[1] for seed in seeds])
    outcomes = [Sound(c.batteries, windows * window_days) for c in group.cabinets]
    quiet = [(0, 0.0)] * len(group.cabinets)
    _learn(group)
    begun = [cabinet.date for cabinet in group.cabinets]
    for number in range(windows * window_days):
        for cabinet, date in zip(group.cabinets, begun, strict=True):
            cabinet.date = date + number // window_days * 365 / windows + number % window_days
        days, sure_K, told = group.day(quiet)
        for outcome, own, day in zip(outcomes, group.terminals, days, strict=True):
            outcome.told += int(told[:, own].sum())
            outcome.most_K = max(outcome.most_K, float(sure_K[:, own].max()))
            outcome.loaded_h += float(qualifying(day[0]).sum() * BLOCK_h)
            for rule, found in by_rules(blocks(day[1] / 100)).items():
                outcome.rules[rule] += int(found.any(axis=0).sum())
    for outcome, cabinet in zip(outcomes, group.cabinets, strict=True):
        outcome.fan_steps = cabinet.fan_steps
    return outcomes
