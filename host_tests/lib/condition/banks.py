"""Banks for the estimators alone: lugs with their lag, and packs on their ladder."""

import math
import random

from packwarden.condition.joints import Joints
from packwarden.condition.resistances import Resistances
from packwarden.fixed import BIAS, MASK, NONE, ints
from packwarden_sim import bank_build

RATED_mA = 100_000
STEP_s = 10


def domestic(random_, hours, peak=0.4):
    """A home's load in parts of rated, a value each 10 s: base, cycles, and charging by day."""
    load = []
    on = {}
    for number in range(round(hours * 3600 / STEP_s)):
        hour = number * STEP_s / 3600 % 24
        for name, (seconds, per_hour) in {0.3: (240, 1), 0.7: (2700, 0.3), 0.25: (900, 1)}.items():
            if random_.random() < per_hour * STEP_s / 3600 and 6 < hour < 23:
                on[name] = number + seconds // STEP_s
        sun = max(0.0, math.sin((hour - 7) / 11 * math.pi)) if 7 < hour < 18 else 0.0
        amps = 0.03 + peak * sum(name for name, end in on.items() if number < end) - peak * sun
        load.append(max(-peak, min(amps, peak)))
    return load


class Lugs:
    """Terminals with joints of 10 .. 50 uohm, 2 .. 6 K/W, 40 .. 115 J/K, and their sensors."""

    def __init__(self, batteries, seed=1, noise_K=0.3, lag_s=0):
        self.random = random.Random(seed)
        draw = self.random.uniform
        self.batteries = batteries
        self.joint_ohm = [draw(10e-6, 50e-6) for _ in range(2 * batteries)]
        self.thermal_K_W = [draw(2, 6) for _ in range(2 * batteries)]
        self.capacity_J_K = [draw(40, 115) for _ in range(2 * batteries)]
        self.offset_K = [draw(-0.5, 0.5) for _ in range(2 * batteries)]
        self.share = [draw(0.85, 1.15) for _ in range(batteries)]
        self.noise_K = noise_K
        self.lug_C = None
        self.fan = 1.0
        self.air_C = 25.0
        self.swing_K = 0.0  # of the air, up and down within a day
        self.t_s = 0
        self.values = ints(4 * batteries + 3)
        self.joints = Joints(self.values, batteries, RATED_mA, lag_s)

    def loosen(self, terminal, size_K):
        """Let a joint rise by so many kelvin more at rated current."""
        self.joint_ohm[terminal] += size_K / self.thermal_K_W[terminal] / 1e4

    def live(self, load):
        """Let the load (parts of rated, a value each 10 s) flow."""
        for part in load:
            self._warm(part)
            due = [k for k in range(self.batteries) if self.joints.step(k, STEP_s)]
            for k in due:
                self.joints.take(k)
            if due:
                self.joints.judge(0)
                self.joints.judge(1)
        return self

    def _warm(self, part):
        self.t_s += STEP_s
        air_C = self.air_C + self.swing_K * math.sin(self.t_s / 86400 * 2 * math.pi)
        if self.lug_C is None:
            self.lug_C = [air_C + terminal // 2 for terminal in range(2 * self.batteries)]
        for k in range(self.batteries):
            amps = part * self.share[k] * RATED_mA / 1000
            self.values[k] = BIAS + round(amps * 1000)
            for terminal in (2 * k, 2 * k + 1):
                thermal = self.thermal_K_W[terminal] / self.fan
                goal_C = air_C + k + amps * amps * self.joint_ohm[terminal] * thermal
                decay = math.exp(-STEP_s / thermal / self.capacity_J_K[terminal])
                lug_C = self.lug_C[terminal] = goal_C + (self.lug_C[terminal] - goal_C) * decay
                read_C = lug_C + self.offset_K[terminal] + self.random.gauss(0, self.noise_K)
                self.values[2 * self.batteries + 1 + terminal] = BIAS + round(100 * read_C)

    def sure_K(self):
        """What each terminal surely rises more by at rated current; None: nothing is known."""
        return [None if found == NONE else (found - BIAS) / 100 for found in self.joints.sure]


class Packs:
    """A bank on its ladder under steps of the load, measured with the noise of an INA228."""

    def __init__(self, batteries, feed="diagonal", seed=1, scatter=10, tick_ms=100, **figures):
        self.random = random.Random(seed)
        self.figures = bank_build.complete(
            {"batteries": batteries, "feed": feed, "scatter_percent": scatter, **figures}
        )
        self.packs = bank_build.packs(self.figures, seed)
        self.ladder = bank_build.ladder(self.figures)
        self.tick_ms = tick_ms
        self.batteries = batteries
        self.cable_ohm = [2 * self.figures["cable_mohm"] / 1e3] * batteries
        self.values = ints(4 * batteries + 3)
        self.fresh = ints(4 * batteries + 3)
        self.terminal_cC = 2500
        self.gain = [1 + self.random.uniform(-5e-4, 5e-4) for _ in range(batteries + 1)]
        self.resistances = Resistances(self.values, self.fresh, batteries, RATED_mA, 1200)
        self.t_ms = 0
        self.factor()

    def factor(self):
        """Take resistances as they are now."""
        inner = self.packs.inner_ohm
        self.ladder.factor([1 / (inner[k] + self.cable_ohm[k]) for k in range(self.batteries)])

    def live(self, hours, every_s=120, whole=True):
        """Let the load step now and then, every 120 s on the mean."""
        until_ms = self.t_ms + round(hours * 3600e3)
        size = self.batteries / 8
        next_ms = 0
        load = 0.0
        while self.t_ms < until_ms:
            if self.t_ms >= next_ms:
                load = self.random.choice([3, 10, 25, 40, 60, 100, -40, -20]) * size
                wait_ms = round(self.random.expovariate(1 / every_s) * 1000)
                next_ms = self.t_ms + wait_ms // self.tick_ms * self.tick_ms
            self.tick(load, whole)
        for k in range(self.batteries):
            self.resistances.estimate(k)
        self.resistances.judge()
        return self

    def tick(self, load_A, whole=True):
        """Let the bank deliver so much until the next tick, and look at it."""
        currents = [0.0] * self.batteries
        self.packs.refresh()
        self.ladder.open_circuit(self.packs.emf_V)
        self.ladder.share(load_A, self.packs.emf_V, currents)
        self._measure(currents, self.ladder.open_V - self.ladder.source_ohm * load_A)
        self.resistances.look((self.t_ms - 50_000) & MASK)
        self.resistances.take(self.t_ms // self.tick_ms % self.batteries, whole)
        self.packs.advance(currents, self.tick_ms / 1000)
        self.packs.soc_percent[:] = [min(max(s, 20), 90) for s in self.packs.soc_percent]
        self.t_ms += self.tick_ms

    def _measure(self, currents, bus_V):
        n = self.batteries
        gauss = self.random.gauss
        number = self.t_ms // self.tick_ms
        every = max(1, 500 // self.tick_ms)
        for k in range(n):
            self.values[k] = BIAS + round(currents[k] * 1000 + gauss(0, 3))
            for pole in range(2):
                self.values[2 * n + 1 + 2 * k + pole] = BIAS + self.terminal_cC
            if (number + k) % every == 0:
                volts = self.packs.terminal_V(k, currents[k])
                self._voltage(k, volts)
        if number % every == every // 2:
            self._voltage(n, bus_V)

    def _voltage(self, k, volts):
        self.fresh[self.batteries + k] += 1
        read = volts * 1000 * self.gain[k] + self.random.gauss(0, 0.3)
        self.values[self.batteries + k] = BIAS + round(read)

    def true_mohm(self, k):
        """The resistance of a pack 1.0 s after a step."""
        found = self.packs.inner_ohm[k]
        pairs = (self.packs.fast_ohm, self.packs.slow_ohm)
        for ohm, seconds in zip(pairs, self.packs.time_s, strict=True):
            found += ohm[k] * (1 - math.exp(-1 / seconds))
        return 1000 * found

    def link_mohm(self, k):
        """The voltage from a pack to the busbar's sense for each ampere of it, by the ladder.

        The rails on the way are in it, with what all others carry there.
        """
        amps = [0.0] * self.batteries
        level_V = [0.0] * self.batteries
        self.ladder.open_circuit(level_V)
        self.ladder.share(1.0, level_V, amps)
        pack_V = -self.packs.inner_ohm[k] * amps[k]
        return 1000 * (pack_V + self.ladder.source_ohm) / amps[k]
