"""Time-current characteristics: when a device acts at a steady current, and when it has for sure.

A characteristic is given by points; between them it runs straight on logarithmic scales, below the
first it never acts, and above the last it takes the same I2t, as metal does that heats faster than
it cools. Currents in A, times in s.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

Time = Callable[[float], float]
Point = tuple[float, float]

PER_DECADE = 200  # currents that are looked at; the ends of what is found are narrowed down
_CLOSE = 1e-6  # relative


def never(_current_A: float) -> float:
    """The time of what does not act."""
    return math.inf


@dataclass(frozen=True)
class Band:
    """A device: its name, when it may act, when it has acted for sure, and where that jumps."""

    name: str
    earliest: Time = never
    latest: Time = never
    jumps_A: tuple[float, ...] = ()

    def at(self, share: float, name: str | None = None) -> "Band":
        """The same device where it carries `share` times the current that is asked for."""
        return Band(
            name or self.name,
            lambda current_A: self.earliest(current_A * share),
            lambda current_A: self.latest(current_A * share),
            tuple(jump_A / share for jump_A in self.jumps_A),
        )


def first_of(name: str, bands: Sequence[Band]) -> Band:
    """Several devices as one: it acts with the first of them."""
    return Band(
        name,
        lambda current_A: min((band.earliest(current_A) for band in bands), default=math.inf),
        lambda current_A: min((band.latest(current_A) for band in bands), default=math.inf),
        tuple(jump_A for band in bands for jump_A in band.jumps_A),
    )


def through(points: Sequence[Point], known_above: bool = True) -> Time:
    """The characteristic through points of rising current and falling time.

    `known_above`: whether it goes on above the last one with its I2t; if not it may act at once.
    """

    def time_s(current_A: float) -> float:
        if current_A <= points[0][0]:
            return math.inf
        for (low_A, long_s), (high_A, short_s) in pairwise(points):
            if current_A <= high_A:
                part = math.log(current_A / low_A) / math.log(high_A / low_A)
                return long_s * (short_s / long_s) ** part
        last_A, last_s = points[-1]
        return last_s * (last_A / current_A) ** 2 if known_above else 0.0

    return time_s


def at_once_from(before: Time, lowest_A: float, within_s: float = 0.0) -> Time:
    """A characteristic that ends at a current, and takes a fixed time from there on."""
    return lambda current_A: within_s if current_A >= lowest_A else before(current_A)


def currents(
    low_A: float, high_A: float, jumps_A: Sequence[float], per_decade: int = PER_DECADE
) -> list[float]:
    """Currents from low to high, evenly on a logarithmic scale, and both sides of each jump."""
    count = max(2, math.ceil(per_decade * math.log10(high_A / low_A)))
    found = {low_A * (high_A / low_A) ** (i / count) for i in range(count)} | {high_A}
    for jump_A in jumps_A:
        found |= {side for side in _sides(jump_A) if low_A <= side <= high_A}
    return sorted(found)


def _sides(jump_A: float) -> tuple[float, float, float]:
    return jump_A * (1 - _CLOSE / 10), jump_A, jump_A * (1 + _CLOSE / 10)


def ranges(
    holds: Callable[[float], bool], low_A: float, high_A: float, bands: Sequence[Band]
) -> Iterator[Point]:
    """Where, from low to high, something holds of the bands: (from, to) in A."""
    if low_A >= high_A:
        return
    jumps_A = [jump_A for band in bands for jump_A in band.jumps_A]
    every = currents(low_A, high_A, jumps_A)
    begin = every[0] if holds(every[0]) else None
    for before_A, after_A in pairwise(every):
        if holds(after_A) == (begin is not None):
            continue
        edge_A = _edge(holds, before_A, after_A)
        if begin is None:
            begin = edge_A
        else:
            yield begin, edge_A
            begin = None
    if begin is not None:
        yield begin, high_A


def _edge(holds: Callable[[float], bool], before_A: float, after_A: float) -> float:
    """Where between two currents it begins or ends to hold."""
    there = holds(after_A)
    while after_A / before_A > 1 + _CLOSE:
        middle_A = math.sqrt(before_A * after_A)
        if holds(middle_A) == there:
            after_A = middle_A
        else:
            before_A = middle_A
    return after_A
