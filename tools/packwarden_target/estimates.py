"""Runs on every target: the estimators of the condition monitoring through a made-up life.

Told by `packwarden vectors`. Load comes and goes, voltages and temperatures follow it, sensors are
lost, and now and then everything is at its extreme. Each piece runs under `heap_lock`; what is
printed must be the same everywhere, bit for bit.
"""

import binascii

import micropython

from packwarden.condition.counters import Counters
from packwarden.condition.joints import Joints
from packwarden.condition.resistances import LINK, Resistances
from packwarden.condition.shares import Shares
from packwarden.fixed import BIAS, MASK, NONE, ints

_LOOKS = 8  # at the steps, in a tick of the others
_BACK_ms = (1 << 30) - 250  # taken off a time: 250 ms later, within 30 bits
_PASSED_s = 30


class Life:
    """A bank's values, and all estimators over them."""

    def __init__(self, batteries, rated_mA, seed):
        self.batteries = batteries
        self.rated_mA = rated_mA
        self.values = ints(4 * batteries + 3)
        self.fresh = ints(4 * batteries + 3)
        self.joints = Joints(self.values, batteries, rated_mA)
        self.resistances = Resistances(self.values, self.fresh, batteries, rated_mA, 1200)
        self.shares = Shares(self.values, batteries, rated_mA)
        self.counters = Counters(self.values, batteries, rated_mA)
        self.arrays = (
            (self.joints.kept, self.joints.rise, self.joints.error_cK, self.joints.sure)
            + (self.resistances.steps.found, self.resistances.links.found)
            + (self.resistances.kept, self.resistances.spread_uohm, self.resistances.over_uohm)
            + (self.shares.kept, self.shares.drift_e3)
            + (self.counters.kept,)
        )
        self.now_ms = MASK - 100_000  # the clock wraps on the way
        self.level = 0  # of the load, in percent of rated
        self.warmth = ints(batteries)  # 0.01 K that the load has brought
        self._state = seed

    def below(self, count):
        """Return a number of 0 .. count - 1, the same everywhere for the same seed."""
        self._state = (self._state * 1103 + 12345) & 0x7FFFF
        return (self._state >> 4) % count

    def tick(self, number):
        """Let 30 s pass, of which the steps see two."""
        if not self.below(25):
            self.level = (0, 2, 30, 60, -40, 0, 0)[self.below(7)]
        wild = number % 97 > 94
        for _ in range(_LOOKS):
            self.now_ms = (self.now_ms - _BACK_ms) & MASK
            self._measure(wild)
            self.resistances.look(self.now_ms)
        due = False
        for k in range(self.batteries):
            self.resistances.take(k, number % 50 < 45)
            self.counters.step(k, _PASSED_s)
            if self.joints.step(k, _PASSED_s):
                self.joints.take(k)
                due = True
        self.counters.breakers(number & MASK, number >> 3, 1 << 15)
        self.shares.step()
        if due:
            self.joints.judge(0)
            self.joints.judge(1)
            for k in range(self.batteries):
                self.resistances.estimate(k)
            self.resistances.judge()
            self.shares.judge()

    def _measure(self, wild):
        n = self.batteries
        for k in range(n):
            load_mA = self.rated_mA // 100 * self.level
            current = load_mA + self.rated_mA // 1000 * k + self.below(40)
            voltage = 52_000 - load_mA // (self.rated_mA // 800) - 3 * k + self.below(2)
            if wild:
                current = (10_000_000, -10_000_000, 0)[self.below(3)]
                voltage = (0, 85_000, 52_000)[self.below(3)]
            goal = self.level * self.level // (8 - k % 3)
            warmth = self.warmth[k] = self.warmth[k] + (goal - self.warmth[k]) // 8
            self.values[k] = BIAS + current
            self.values[n + k] = BIAS + voltage
            self.fresh[n + k] += 1
            for pole in range(2):
                own = 2500 + warmth * (2 - pole) + self.below(60)
                lost = not self.below(400)
                self.values[2 * n + 1 + 2 * k + pole] = NONE if lost else BIAS + own
        self.values[2 * n] = BIAS + 52_000 - self.level * 9 + self.below(2)
        self.fresh[2 * n] += 1

    def learn(self):
        """Take the baselines."""
        self.joints.learn()
        self.resistances.learn()
        self.shares.learn()

    def told(self):
        """Return what was found, for a person who looks whether it found anything."""
        known = [self.resistances.uohm(k, which) for k in range(2) for which in (0, LINK)]
        rises = [rise and rise - BIAS for rise in self.joints.rise]
        return rises[:2] + known + [self.resistances.sag(0)]


def run(name, bank, ticks, seed, plan=None, every=100):
    """Run a life; print a digest now and then, and what was found at its end."""
    try:
        life = Life(bank["batteries"], bank["rated_mA"], seed)
    except MemoryError:
        print(name, "does not fit")
        return
    crc = 0
    for number in range(ticks):
        micropython.heap_lock()
        try:
            life.tick(number)
            if number % 150 == 149:
                life.learn()
        finally:
            micropython.heap_unlock()
        for array in life.arrays:
            crc = binascii.crc32(array, crc)
        if (number + 1) % every == 0:
            print(name, number + 1, hex(crc), 0)
    print(name, "saw", life.told())
