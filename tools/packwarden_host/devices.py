"""Fuses and breakers as data: their characteristics and what they break, one type per TOML file.

Those of `devices/` come along; a file of the same form, with the figures of a data sheet, is named
by its path. Every figure has its source in the file; "assumption" stands there where a figure was
not taken from a standard or a maker.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from packwarden_host import toml_file
from packwarden_host.errors import BadInput
from packwarden_host.scenario_parts import Part
from packwarden_host.time_current import Band, at_once_from, through

SHIPPED = Path(__file__).with_name("devices")
_I2T_s = 0.01  # the time for which least and most I2t are given

Number = Annotated[float, Field(gt=0, le=1_000_000_000)]


def _falling(points: list[list[float]]) -> list[list[float]]:
    for before, after in pairwise(points):
        if before[0] >= after[0] or before[1] <= after[1]:
            raise ValueError(f"{after} does not follow {before}: current rises, time falls")
    return points


Points = Annotated[
    list[Annotated[list[Number], Field(min_length=2, max_length=2)]], AfterValidator(_falling)
]


class Breaking(Part):
    """The current it breaks, and up to which voltage, both DC."""

    capacity_kA: Number
    voltage_V: Number


class Conventional(Part):
    """What it carries for good and what it opens at within a time, in multiples of the rating."""

    up_to_A: Number
    carries: Number
    opens: Number
    within_s: Number

    @model_validator(mode="after")
    def in_order(self) -> Self:
        """It opens at more than it carries."""
        if self.carries >= self.opens:
            raise ValueError(f"opens {self.opens:g} is not above carries {self.carries:g}")
        return self


class Thermal(Part):
    """Points of a breaker's delayed release, in multiples of the rating."""

    up_to_A: Number
    earliest: Points
    latest: Points


class Magnetic(Part):
    """The limits of a breaker's instantaneous release, in multiples of the rating."""

    lowest: Number
    highest: Number
    within_s: Number


class Melting(Part):
    """Points of a fuse, in A, and the least and most I2t to melt in 10 ms."""

    rated_A: Number
    earliest_A: Points
    latest_A: Points
    i2t_A2s: Annotated[list[Number], Field(min_length=2, max_length=2)] | None = None

    @model_validator(mode="after")
    def falls(self) -> Self:
        """The I2t goes on where the points end."""
        _falling(self.points(0))
        _falling(self.points(1))
        return self

    def points(self, side: int) -> list[list[float]]:
        """All points, of the earliest (0) or the latest (1)."""
        given = (self.earliest_A, self.latest_A)[side]
        if self.i2t_A2s is None:
            return given
        return [*given, [math.sqrt(self.i2t_A2s[side] / _I2T_s), _I2T_s]]


class Type(Part):
    """A type of fuse or breaker with all its ratings."""

    title: str = Field(min_length=1, max_length=100)
    kind: Literal["fuse", "breaker"]
    ratings_A: list[Number] = Field(min_length=1)
    source: dict[str, Annotated[str, Field(min_length=1, max_length=300)]]
    breaking: Breaking
    conventional: list[Conventional] = Field(min_length=1)
    thermal: list[Thermal] = []
    magnetic: Magnetic | None = None
    melting: list[Melting] = []

    @model_validator(mode="after")
    def complete(self) -> Self:
        """Every figure has a source, and every rating its figures."""
        given = {name for name in ("thermal", "magnetic", "melting") if getattr(self, name)}
        given |= {"breaking", "conventional"}
        given |= {"i2t" for melting in self.melting if melting.i2t_A2s}
        if given != self.source.keys():
            wrong = sorted(given ^ self.source.keys())
            raise ValueError(f"source has to name those of {', '.join(sorted(given))}: {wrong}")
        if self.kind == "breaker" and self.melting:
            raise ValueError("a breaker has no melting")
        if self.kind == "fuse" and (self.thermal or self.magnetic):
            raise ValueError("a fuse has neither thermal nor magnetic")
        for rated_A in self.ratings_A:
            if rated_A > max(one.up_to_A for one in self.conventional):
                raise ValueError(f"conventional says nothing of {rated_A:g} A")
            if self.thermal and rated_A > max(one.up_to_A for one in self.thermal):
                raise ValueError(f"thermal says nothing of {rated_A:g} A")
            if self.melting and rated_A not in [one.rated_A for one in self.melting]:
                raise ValueError(f"melting says nothing of {rated_A:g} A")
            self.points(rated_A)
        return self

    def conventional_of(self, rated_A: float) -> Conventional:
        """Its conventional currents for a rating."""
        return next(one for one in self.conventional if rated_A <= one.up_to_A)

    def points(self, rated_A: float) -> tuple[list, list]:
        """The points of the earliest and of the latest, in A and s."""
        usual = self.conventional_of(rated_A)
        sides = (
            [[usual.carries * rated_A, usual.within_s]],
            [[usual.opens * rated_A, usual.within_s]],
        )
        for melting in self.melting:
            if melting.rated_A == rated_A:
                sides = (sides[0] + melting.points(0), sides[1] + melting.points(1))
        thermal = next((one for one in self.thermal if rated_A <= one.up_to_A), None)
        if thermal:
            for side, more in zip(sides, (thermal.earliest, thermal.latest), strict=True):
                side.extend([multiple * rated_A, time_s] for multiple, time_s in more)
        return _falling(sides[0]), _falling(sides[1])


@dataclass(frozen=True)
class Device:
    """A type with a rating."""

    name: str
    type: Type
    rated_A: float

    @property
    def title(self) -> str:
        """For people: the type and the rating."""
        return f"{self.type.title}, {self.rated_A:g} A"

    @property
    def carries_A(self) -> float:
        """What it carries for good."""
        return self.type.conventional_of(self.rated_A).carries * self.rated_A

    @property
    def at_once_A(self) -> float:
        """From where on a breaker may open at once; inf without such a release."""
        magnetic = self.type.magnetic
        return magnetic.lowest * self.rated_A if magnetic else math.inf

    def band(self, name: str) -> Band:
        """Its characteristic, under the name that it has in its place."""
        earliest, latest = self.type.points(self.rated_A)
        known = bool(self.type.melting or self.type.thermal)
        first, last = through(earliest, known), through(latest)
        jumps_A = [earliest[0][0], latest[0][0]]
        magnetic = self.type.magnetic
        if magnetic:
            jumps_A += [magnetic.lowest * self.rated_A, magnetic.highest * self.rated_A]
            first = at_once_from(first, jumps_A[2])
            last = at_once_from(last, jumps_A[3], magnetic.within_s)
        return Band(name, first, last, tuple(jumps_A))


def shipped() -> list[str]:
    """The names of the types that come along."""
    return toml_file.names(SHIPPED)


def read(name: str) -> Type:
    """The type of that name or in that file; BadInput names file, key and reason."""
    return toml_file.read(Type, SHIPPED, name, "types")


def parse(text: str, kind: str, option: str) -> Device:
    """The device that an option names, like gg:160; `kind`: what is wanted in its place."""
    name, _, rating = text.rpartition(":")
    try:
        rated_A = float(rating)
    except ValueError:
        rated_A = math.nan
    if not name or not math.isfinite(rated_A):
        like = "gg:160" if kind == "fuse" else "mccb:500"
        raise BadInput(f"{option} {text!r} is not of the form TYPE:AMPERE, like {like}, or none")
    found = read(name)
    if found.kind != kind:
        raise BadInput(f"{option} {text!r}: {found.title} is a {found.kind}, not a {kind}")
    if rated_A not in found.ratings_A:
        ratings = ", ".join(f"{one:g}" for one in found.ratings_A)
        raise BadInput(f"{option} {text!r}: {found.title} is made for {ratings} A")
    return Device(f"{name}:{rated_A:g}", found, rated_A)


def smallest(name: str, least_A: float, option: str) -> Device:
    """The smallest rating of a type that is not below a current; BadInput asks for the option."""
    found = read(name)
    enough = [rated_A for rated_A in found.ratings_A if rated_A >= least_A]
    if not enough:
        raise BadInput(
            f"{found.title}: none is made for {least_A:g} A or more ({max(found.ratings_A):g} A is"
            f" the largest): name another with {option}, or none"
        )
    return Device(f"{name}:{min(enough):g}", found, min(enough))
