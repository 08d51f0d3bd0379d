"""Days of a solar home as a load: panels less consumption in watt, corner by corner.

Everything comes from one seeded generator, day after day: the first days are the same however many
follow, and the shape is the same for every size of bank. Times of day are local; a run begins at
midnight. The figures are engineering judgement for a detached house in a temperate summer, per
watt-hour that the bank holds, so that a sunny day fills it and a dull one empties it.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from random import Random

from packwarden_host.scenario_parts import Solar

_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_MINUTE_MS = 60_000
# What stands for a power that is not given: watt per watt-hour of the bank.
_SHARES = {
    "peak_W": 0.5,
    "base_W": 0.015,
    "evening_W": 0.15,
    "fridge_W": 0.006,
    "kettle_W": 0.08,
    "oven_W": 0.1,
    "washing_W": 0.08,
    "motor_W": 0.15,
}
_CELL_V = 3.2
# Volts per cell: where the inverter stops discharging, from where on it does again, and where it
# holds the charge.
LIMITS = {"cutoff_V": 3.1, "restart_V": 3.2, "ceiling_V": 3.5}

_SWITCH_MS = 200  # an appliance's power is there
_START_MS = 2000  # a motor's, of three times its power
_SUNRISE_H, _SUNSET_H = 6.0, 19.0
_SUN_STEP_H = 0.25
_COLDEST_H, _WARMEST_H = 6, 15
# A day's share of the room's swing.
_SWING = {"clear": 1.0, "broken": 0.8, "overcast": 0.4}


def steps(solar: Solar, bank_Wh: float) -> list[list[int]]:
    """The home's steps as the model's load takes them, [at_ms, ramp_ms, W]; discharge positive."""
    power = {key: _power(getattr(solar, key), share * bank_Wh) for key, share in _SHARES.items()}
    ramps: list[tuple[int, int, float]] = []
    for begin_ms, sky, draw in _days(solar):
        _panels(ramps, begin_ms, power["peak_W"], sky, draw)
        _home(ramps, begin_ms, power, draw)
    return _sum(ramps)


def energy_Wh(batteries: int, capacity_Ah: float, cells: int) -> float:
    """What a bank holds."""
    return batteries * capacity_Ah * cells * _CELL_V


def room(solar: Solar) -> list[dict]:
    """The room's temperature over the days, as faults of the bank; it begins at midnight's."""
    entries = []
    for begin_ms, sky, _ in _days(solar):
        swing_K = solar.swing_K * _SWING[sky]
        if begin_ms == 0:
            # The end of the fall from the day before.
            fallen = _COLDEST_H / (24 + _COLDEST_H - _WARMEST_H)
            entries.append(_drift(0, _COLDEST_H, -swing_K * fallen))
        entries.append(_drift(begin_ms + _COLDEST_H * _HOUR_MS, _WARMEST_H - _COLDEST_H, swing_K))
        fall_h = 24 + _COLDEST_H - _WARMEST_H
        entries.append(_drift(begin_ms + _WARMEST_H * _HOUR_MS, fall_h, -swing_K))
    return entries


def _drift(at_ms: int, hours: float, change_K: float) -> dict:
    ramp_ms = round(hours * _HOUR_MS)
    return {"kind": "room", "at_ms": at_ms, "ramp_ms": ramp_ms, "change_K": round(change_K, 3)}


def _power(given: float | None, usual: float) -> float:
    return usual if given is None else given


def _days(solar: Solar) -> Iterator[tuple[int, str, Random]]:
    """Each day's beginning, sky, and the generator of what happens in it."""
    first = Random(solar.seed)
    for day in range(solar.days):
        draw = Random(first.getrandbits(32))
        lot = draw.random()
        sky = "clear" if lot < 0.3 else "broken" if lot < 0.75 else "overcast"
        if day < len(solar.weather):
            sky = solar.weather[day]
        yield day * _DAY_MS, sky, draw


def _between(draw: Random, low: float, high: float) -> float:
    return low + (high - low) * draw.random()


# ---- panels


def _panels(ramps: list, begin_ms: int, peak_W: float, sky: str, draw: Random) -> None:
    """The panels' power of a day, counted negative."""
    clouds = _clouds(sky, draw)
    sun_h = [_SUNRISE_H + _SUN_STEP_H * n for n in range(_sun_steps() + 1)]
    corners = sorted({*sun_h, *(at_h for at_h, _ in clouds)})
    before_ms, before_W = 0, 0.0
    for at_h in corners:
        power_W = peak_W * _clear_sky(at_h) * _interpolated(clouds, at_h)
        at_ms = begin_ms + round(at_h * _HOUR_MS)
        if at_ms > before_ms:
            ramps.append((before_ms, at_ms - before_ms, before_W - power_W))
            before_ms, before_W = at_ms, power_W


def _sun_steps() -> int:
    return round((_SUNSET_H - _SUNRISE_H) / _SUN_STEP_H)


def _clear_sky(at_h: float) -> float:
    """Share of the peak power under a clear sky."""
    height = math.sin(math.pi * (at_h - _SUNRISE_H) / (_SUNSET_H - _SUNRISE_H))
    return max(height, 0.0) ** 1.3


def _clouds(sky: str, draw: Random) -> list[tuple[float, float]]:
    """Corners (hour, share of the clear sky's light that comes through) of a day."""
    corners = [(_SUNRISE_H, 1.0)]
    at_h = _SUNRISE_H
    while True:
        if sky == "overcast":
            # Thicker and thinner, within minutes.
            at_h += _between(draw, 0.3, 0.8)
            edge_h, shade, lasts_h = _between(draw, 0.05, 0.2), _between(draw, 0.08, 0.35), 0.0
        else:
            # A cloud with edges of seconds, now and then brighter around than the clear sky.
            often_h = 2.5 if sky == "clear" else 0.2
            at_h += 0.03 + draw.expovariate(1 / often_h)
            edge_h = _between(draw, 2, 8) / 3600
            shade = _between(draw, 0.15, 0.5)
            lasts_h = _between(draw, 0.02, 0.2)
        if at_h + edge_h + lasts_h + edge_h >= _SUNSET_H:
            break
        corners += [(at_h, corners[-1][1]), (at_h + edge_h, shade)]
        at_h += edge_h
        if sky != "overcast":
            at_h += lasts_h
            corners += [(at_h, shade), (at_h + edge_h, _between(draw, 0.97, 1.1))]
            at_h += edge_h
    return [*corners, (_SUNSET_H, corners[-1][1])]


def _interpolated(corners: list[tuple[float, float]], at_h: float) -> float:
    for (low_h, low), (high_h, high) in pairwise(corners):
        if low_h <= at_h <= high_h and high_h > low_h:
            return low + (high - low) * (at_h - low_h) / (high_h - low_h)
    return corners[-1][1]


# ---- home


class _Appliances:
    """Adds up what is switched on and off in a day; hours of the day, minutes, watt."""

    def __init__(self, ramps: list, begin_ms: int, draw: Random):
        self._ramps = ramps
        self._begin_ms = begin_ms
        self.draw = draw

    def change(self, at_h: float, power_W: float, within_ms: int = _SWITCH_MS) -> None:
        """From an hour on so much more (less) is drawn."""
        self._ramps.append((self._begin_ms + round(at_h * _HOUR_MS), within_ms, power_W))

    def use(self, at_h: float, minutes: float, power_W: float) -> float:
        """On for some minutes; the hour when it is off again."""
        end_h = at_h + minutes / 60
        self.change(at_h, power_W)
        self.change(end_h, -power_W)
        return end_h

    def drawn(self, low: float, high: float) -> float:
        """A figure between two."""
        return _between(self.draw, low, high)


def _home(ramps: list, begin_ms: int, power: dict[str, float], draw: Random) -> None:
    home = _Appliances(ramps, begin_ms, draw)
    # The inverter rests in the small hours: nothing flows.
    asleep_h, awake_h = home.drawn(1.0, 1.8), home.drawn(4.2, 5.0)
    home.use(0, asleep_h * 60, power["base_W"])
    home.use(awake_h, (24 - awake_h) * 60, power["base_W"])
    _fridge(home, 0, asleep_h, power["fridge_W"])
    _fridge(home, awake_h, 24, power["fridge_W"])
    for hour in (6.7, 10.2, 15.5, 19.2):
        home.use(hour + home.drawn(0, 0.7), home.drawn(3, 5), power["kettle_W"])
    for hour, often in ((11.7, 0.5), (18.2, 0.8)):
        if draw.random() < often:
            _oven(home, hour + home.drawn(0, 0.6), power["oven_W"])
    if draw.random() < 0.6:
        _washing(home, home.drawn(8.5, 14), power["washing_W"])
    evening_h = home.drawn(17, 18)
    home.change(evening_h, power["evening_W"], 45 * _MINUTE_MS)
    home.change(evening_h + home.drawn(4, 5), -power["evening_W"], 30 * _MINUTE_MS)
    _motor(home, power["motor_W"])


def _fridge(home: _Appliances, from_h: float, until_h: float, power_W: float) -> None:
    at_h = from_h + home.drawn(0, 0.6)
    while at_h + 0.3 < until_h:
        at_h = home.use(at_h, home.drawn(12, 18), power_W) + home.drawn(0.4, 0.7)


def _oven(home: _Appliances, at_h: float, power_W: float) -> None:
    """Heats up, then its thermostat switches."""
    at_h = home.use(at_h, home.drawn(8, 12), power_W)
    for _ in range(10):
        at_h = home.use(at_h + home.drawn(2, 3) / 60, home.drawn(1, 2), power_W)


def _washing(home: _Appliances, at_h: float, power_W: float) -> None:
    """Heats its water, then turns its drum."""
    at_h = home.use(at_h, home.drawn(12, 18), power_W)
    for _ in range(20):
        at_h = home.use(at_h + home.drawn(0.5, 1) / 60, 0.25, 0.25 * power_W)


def _motor(home: _Appliances, power_W: float) -> None:
    """A pump: each start takes three times its power for two seconds."""
    at_h = 6 + home.drawn(0, 2)
    while at_h < 23:
        home.change(at_h, 3 * power_W)
        home.change(at_h + _START_MS / _HOUR_MS, -2 * power_W)
        at_h += home.drawn(5, 15) / 60
        home.change(at_h, -power_W)
        at_h += home.drawn(0.7, 3)


# ---- all of it together


def _sum(ramps: list[tuple[int, int, float]]) -> list[list[int]]:
    """The sum of ramps (from at_ms on, within so many ms, so many watt more) as steps."""
    slopes: dict[int, float] = {}
    for at_ms, within_ms, change_W in ramps:
        slopes[at_ms] = slopes.get(at_ms, 0.0) + change_W / within_ms
        end_ms = at_ms + within_ms
        slopes[end_ms] = slopes.get(end_ms, 0.0) - change_W / within_ms
    found = [[0, 0, 0]]
    slope = power_W = 0.0
    corners = sorted(slopes)
    for at_ms, next_ms in pairwise(corners):
        slope += slopes[at_ms]
        power_W += slope * (next_ms - at_ms)
        if round(power_W) != found[-1][2]:
            found.append([at_ms, next_ms - at_ms, round(power_W)])
    return found
