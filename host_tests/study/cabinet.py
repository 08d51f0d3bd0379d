"""A cabinet of the study, a day at a time as arrays: the home's load, the lugs, weather and fans.

The model is that of the issue's figures, no measurement: each terminal is a mass of 40 .. 115 J/K
on 2 .. 6 K/W to the air around it, heated by the square of its battery's current in a joint of
10 .. 50 uohm; a loose one has more ohm, `size_K` kelvin more at rated current in still air. The
air follows season, hour and load, is 4 K warmer at the top than at the bottom, and a fan halves
that, takes 2 K away and cools each lug 1.2 to 1.7 times better.
"""

from random import Random

import numpy as np

from packwarden_host import solar
from packwarden_host.scenario_parts import Solar

STEP_s = 10
DAY = 86_400 // STEP_s  # steps
RATED_A = 100
PACK_mohm = 17  # of a battery with its cables: what a loose joint takes its current from
GRADIENT_K = 4
POLES_APART = 0.03  # of the cabinet's height, at most
FAN_ON_C, FAN_OFF_C = 35, 32
_PACK_Wh = solar.energy_Wh(1, 100, 16)
_HOME_PEAK = 0.4  # of rated: what the home of `solar` draws on a busy evening
_SPAN = 60  # steps that are lagged at a time


def lagged(goal, decay, start):
    """Return what follows a goal (steps x n); `decay`: what is left of a distance after a step."""
    found = np.empty_like(goal)
    for begin in range(0, len(goal), _SPAN):
        part = slice(begin, begin + _SPAN)
        left = np.cumprod(decay[part], axis=0)
        found[part] = left * (start + np.cumsum((1 - decay[part]) * goal[part] / left, axis=0))
        start = found[part][-1]
    return found


class Cabinet:
    """`batteries` under a home's load to `peak` (parts of rated), from a day of the year on."""

    def __init__(self, seed, batteries, peak, noise_K, date, timer=False):
        """`timer`: the fan runs some hours of each day too, whatever the temperature."""
        self.draw = draw = np.random.default_rng(seed)
        self.batteries = n = batteries
        self.peak = peak
        self.noise_K = noise_K
        self.date = date
        self.timer = timer
        self.joint_ohm = draw.uniform(10e-6, 50e-6, 2 * n)
        self.thermal_K_W = draw.uniform(2, 6, 2 * n)
        self.capacity_J_K = draw.uniform(40, 115, 2 * n)
        self.offset_K = draw.uniform(-0.5, 0.5, 2 * n)
        self.share = draw.uniform(0.85, 1.15, n)
        self.breeze = draw.uniform(1.2, 1.7, 2 * n)
        own = np.repeat(np.linspace(0, 1, n), 2)
        self.height = own + draw.uniform(-POLES_APART / 2, POLES_APART / 2, 2 * n)
        self.charge = 0.5
        self.warm_K = np.zeros(1)
        self.fan = False
        self.lug_C = None
        self.fan_steps = 0

    def day(self, terminal=0, size_K=0.0):
        """Live a day; return mA (steps x n), read cC and true C (steps x 2n).

        `size_K`: by how much the one joint is loose at each step, or all the time.
        """
        n = self.batteries
        parts = self._load()
        air_C, fan = self._air(parts)
        calm = ~fan[:, None]
        thermal_K_W = self.thermal_K_W, self.thermal_K_W / self.breeze  # calm, with the fan
        decay = np.where(
            calm, *(np.exp(-STEP_s / each / self.capacity_J_K) for each in thermal_K_W)
        )
        rise_K = [
            each * self.joint_ohm * np.repeat(self.share * RATED_A, 2) ** 2 for each in thermal_K_W
        ]
        around_C = air_C[:, None] + GRADIENT_K * self.height * np.where(calm, 1, 0.5)
        goal_C = around_C + (parts**2)[:, None] * np.where(calm, *rise_K)
        amps = RATED_A * parts[:, None] * self.share
        if np.any(size_K):
            extra_ohm = np.broadcast_to(size_K, DAY) / self.thermal_K_W[terminal] / RATED_A**2
            battery = terminal // 2
            amps[:, battery] /= 1 + 1000 * extra_ohm / PACK_mohm
            for own in (2 * battery, 2 * battery + 1):
                ohm = self.joint_ohm[own] + (extra_ohm if own == terminal else 0)
                heat_W = amps[:, battery] ** 2 * ohm
                thermal = np.where(fan, thermal_K_W[1][own], thermal_K_W[0][own])
                goal_C[:, own] = around_C[:, own] + heat_W * thermal
        true_C = lagged(goal_C, decay, around_C[0] if self.lug_C is None else self.lug_C)
        self.lug_C = true_C[-1]
        self.date += 1
        read_C = true_C + self.offset_K + self.noise_K * self.draw.standard_normal((DAY, 2 * n))
        return np.rint(1000 * amps).astype(int), np.rint(100 * read_C).astype(int), true_C

    def _winter(self):
        """Return 0 .. 1: how much it is winter."""
        return (1 + np.cos(2 * np.pi * self.date / 365)) / 2

    def _load(self):
        """Return the battery's load in parts of rated; a full or an empty one takes no more."""
        seed = Random(int(self.draw.integers(1 << 31)))
        winter = self._winter()
        skies = [0.4 - 0.3 * winter, 0.35 - 0.05 * winter, 0.25 + 0.35 * winter]
        (sky,) = seed.choices(["clear", "broken", "overcast"], skies)
        home = Solar(
            days=1,
            seed=seed.getrandbits(31),
            weather=[sky],
            peak_W=0.5 * _PACK_Wh * (1 - 0.6 * winter),
        )
        corners = solar.steps(home, _PACK_Wh)
        ends_ms = [at_ms + ramp_ms for at_ms, ramp_ms, _ in corners]
        powers = np.interp(
            np.arange(DAY) * 1000 * STEP_s, ends_ms, [power for _, _, power in corners]
        )
        wanted = powers / _PACK_Wh * self.peak / _HOME_PEAK
        flows = np.clip(wanted, -self.peak, self.peak).reshape(-1, _SPAN)
        for span in flows:
            after = self.charge - span.sum() * STEP_s / 3600
            if 0.1 <= after <= 1:
                self.charge = after
            else:
                span[:] = 0
        return flows.ravel()

    def _air(self, parts):
        """Return the air's temperature at the bottom, and whether the fan runs, at each step."""
        hour = np.arange(DAY) * STEP_s / 3600
        swing_K = self.draw.uniform(1.5, 4)
        slow = np.full((DAY, 1), np.exp(-STEP_s / 7200))
        warm_K = lagged(20 * parts[:, None] ** 2, slow, self.warm_K)
        self.warm_K = warm_K[-1]
        air_C = 32 - 20 * self._winter() + self.draw.normal(0, 2)
        air_C = air_C + swing_K * np.cos((hour - 15) / 12 * np.pi) + warm_K[:, 0]
        asked = np.where(air_C >= FAN_ON_C, 1, np.where(air_C <= FAN_OFF_C, 0, -1))
        asked[0] = self.fan if asked[0] < 0 else asked[0]
        last = np.maximum.accumulate(np.where(asked >= 0, np.arange(DAY), 0))
        fan = asked[last] > 0
        self.fan = bool(fan[-1])
        if self.timer:
            begins_h = self.draw.uniform(0, 20)
            fan = fan | (hour >= begins_h) & (hour < begins_h + self.draw.uniform(0.2, 8))
        self.fan_steps += int(np.count_nonzero(fan[1:] != fan[:-1]))
        return air_C - 2 * fan, fan
