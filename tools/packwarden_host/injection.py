"""Secondary injection: pickup and time of elements against their settings, by a source.

A millivolt source takes the place of a shunt, a decade resistor that of a thermistor, a voltage
source that of a battery at its V lead. A level must be quiet a little on one side of its pickup,
and operate in its time on the other. What is injected counts once the cabinet measures it, near
enough; its own records tell when a level picked up and operated. Not among the levels are those of
`terminal_rate`, for no hand turns a resistor by so many kelvin a minute, and the idle ones of
`reverse_current`, for a bank with one source at one shunt is not idle: it charges.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import nan
from statistics import median

from packwarden import elements, levels
from packwarden.curves import operate_ms
from packwarden.fixed import Q
from packwarden_host import thermistors
from packwarden_host.commission_cabinet import HANDS_S, Cabinet, Seen, label
from packwarden_host.commission_person import Person
from packwarden_host.commission_progress import Check
from packwarden_host.errors import BadInput
from packwarden_host.events import decoded, fetch

CURVED = 2.0  # of the pickup of an inverse time, whose time is asked there
TIME_PERCENT = 5
TIME_S = 0.25  # of a time, besides: a tick of 100 ms at most, and its samples
CARRIES_PERCENT = 10  # of rated: from there on the bank has a direction
_STILL_S = 2.0


@dataclass(frozen=True)
class Kind:
    """How far off a pickup a source is set, on either side, and how near it has to be measured.

    Parts of the pickup, or where it is not `relative` in its unit.
    """

    unit: str
    quiet: float
    beyond: float
    near: float
    relative: bool = True


_AMPERES = Kind("A", 0.03, 0.05, 0.01)
_VOLTS = Kind("V", 0.005, 0.005, 0.002)
_DEGREES = Kind("degC", 2, 3, 1, relative=False)
_KELVINS = Kind("K", 2, 3, 1, relative=False)
_KINDS = {
    "load": _AMPERES,
    "inverse": _AMPERES,
    "instantaneous": _AMPERES,
    "reverse": _AMPERES,
    "low_voltage": _VOLTS,
    "voltage": _VOLTS,
    "temperature": _DEGREES,
    "rise": _KELVINS,
}
_SIGNS = {name: sign for name, _, _, _, sign in levels.QUANTITIES}

Checks = Iterator[Check]


@dataclass(frozen=True)
class Target:
    """A level that a source can reach: its settings, and what to inject."""

    element: str
    level: levels.Level
    pickup: float
    given: dict

    @property
    def name(self) -> str:
        """As it is chosen: overcurrent_inverse.trip."""
        return f"{self.element}.{self.level.key}"

    @property
    def kind(self) -> Kind:
        """What its source is set by."""
        return _KINDS[self.level.quantity]

    @property
    def unit(self) -> str:
        """The unit of what is injected."""
        return self.kind.unit

    @property
    def sign(self) -> int:
        """-1 where it operates when it is too low."""
        return _SIGNS[self.level.quantity]

    @property
    def below(self) -> float:
        """Where it must not pick up."""
        return self._off(-self.kind.quiet)

    @property
    def above(self) -> float:
        """Where its time is measured."""
        return self.pickup * CURVED if self.level.curve else self._off(self.kind.beyond)

    @property
    def joined(self) -> bool:
        """Whether it looks at a battery whose breaker is closed, and at no other."""
        return self.level.quantity in ("reverse", "low_voltage", "voltage")

    def _off(self, amount: float) -> float:
        return self.pickup + self.sign * amount * (self.pickup if self.kind.relative else 1)

    def near(self, value: float) -> float:
        """How far off a value its measurement may be."""
        return self.kind.near * (value if self.kind.relative else 1)

    def expected_s(self, value: float) -> float:
        """How long it takes at that value."""
        if self.level.curve:
            multiple = round(value / self.pickup * (1 << Q))
            return (
                operate_ms(self.given["curve"], round(self.given["tms"] * 1000), multiple) / 1000
            )
        return self.given.get("delay_ms", 0) / 1000


def targets(config: dict) -> list[Target]:
    """What the sources reach of this configuration's elements.

    First those that take a closed breaker, which a trip opens: the mildest first.
    """
    found = []
    for element in elements.TABLE:
        for level in element.levels:
            given = config[element.slug][level.key]
            # The warnings of an inverse time are in % of its heat, which no source has.
            reached = level.quantity in _KINDS and (level.curve or level.quantity != "inverse")
            if given != "off" and reached:
                found.append(Target(element.slug, level, float(given["pickup"]), given))
    return sorted(
        found,
        key=lambda one: (
            not one.joined,
            one.joined and one.level.level,
            one.unit,
            one.sign * one.pickup,
        ),
    )


def run(cabinet: Cabinet, person: Person) -> Checks:
    """Inject into each battery that is asked for, level by level."""
    reached = targets(cabinet.json("elements"))
    chosen = person.ask("inject_level")
    wanted = chosen or [one.name for one in reached]
    unknown = set(wanted) - {one.name for one in reached}
    if unknown:
        names = ", ".join(one.name for one in reached)
        raise BadInput(f"inject_level {min(unknown)}: is not one of {names}")
    batteries = person.ask("inject_battery") or list(range(1, cabinet.batteries + 1))
    if max(batteries) > cabinet.batteries:
        raise BadInput(f"inject_battery {max(batteries)} is outside 1 .. {cabinet.batteries}")
    for battery in batteries:
        joined = cabinet.bank().state(str(battery)) == "closed"
        for target in reached:
            if target.name in wanted:
                # Whoever began with a closed breaker closes it again after a trip.
                waits = bool(chosen) or (joined and target.unit == "V")
                yield from _injected(cabinet, battery, target, waits)


def _injected(cabinet: Cabinet, battery: int, target: Target, waits: bool) -> Checks:
    """`waits`: for what it needs besides the source; else it is left out where that is not so."""
    where = f"BAT{battery:02d} {target.name}"
    needs = _needs(cabinet, battery, target)
    patience_s = HANDS_S if waits else 0.0

    def ready(now: Seen) -> bool:
        return _ready(cabinet, now, battery, target)

    if needs and cabinet.until(f"{where}: {needs}", ready, patience_s) is None:
        yield Check(what=where, found="not done", wanted=needs, good=not waits, left_out=not waits)
        return
    for value in (target.below, target.above):
        since = _next_seq(cabinet)
        seen = _set(cabinet, battery, target, value)
        if seen is None:
            yield Check(
                what=where,
                found=f"nothing near {value:.1f} {target.unit} was measured in"
                f" {HANDS_S / 60:g} min: the source, its wires, or the sensor that is configured",
                wanted=f"{value:.1f} {target.unit} within {target.near(value):.2g}",
                good=False,
            )
            return
        if value == target.below:
            cabinet.after(_STILL_S)
            picked = _active(cabinet, battery, target)
            yield Check(
                what=f"{where} below its pickup",
                found=f"{'picked up' if picked else 'quiet'} at {_read(seen, battery, target):.2f}"
                f" {target.unit}",
                wanted=f"quiet: set is {target.pickup:g} {target.unit}",
                good=not picked,
            )
        else:
            yield from _operated(cabinet, battery, target, since)
    cabinet.until(
        f"{where}: take the source off",
        lambda now: target.sign * (_read(now, battery, target) - target.below) < 0,
    )


def _needs(cabinet: Cabinet, battery: int, target: Target) -> str:
    """What has to be so besides the source."""
    if target.level.quantity == "reverse":
        carries_A = cabinet.rated_A * CARRIES_PERCENT / 100
        return f"{label(str(battery))} closed, and the others discharge {carries_A:g} A or more"
    if target.joined:
        closed = f"{label(str(battery))} closed, for it looks at what is on the busbar"
        return f"{closed} (`reset {battery}` where it is locked out)"
    return ""


def _ready(cabinet: Cabinet, seen: Seen, battery: int, target: Target) -> bool:
    closed = [one.battery for one in seen.batteries if one.breaker == "closed"]
    if target.level.quantity == "reverse":
        carried = [seen.current(str(one)) for one in closed if one != battery]
        least_A = cabinet.rated_A * CARRIES_PERCENT / 100
        return battery in closed and bool(carried) and median(carried) >= least_A
    return battery in closed or not target.joined


def _operated(cabinet: Cabinet, battery: int, target: Target, since: int) -> Checks:
    """Wait for the record of the level that operates, and judge it."""
    where = f"BAT{battery:02d} {target.name}"
    expected_s = target.expected_s(target.above)
    event = None

    def came(_: Seen) -> bool:
        nonlocal event
        event = _event(cabinet, battery, target, since)
        return event is not None

    cabinet.until(f"{where}: hold it, about {expected_s:g} s", came, 2 * expected_s + 30)
    if event is None:
        found = f"it has not operated in {2 * expected_s + 30:g} s"
        yield Check(what=where, found=found, wanted="it operates", good=False)
        return
    value, limit = float(event["value"]), float(event["limit"])
    yield Check(
        what=f"{where} above its pickup",
        found=f"operated at {value:g} {target.unit}, pickup {limit:g} {target.unit}",
        wanted=f"set is {target.pickup:g} {target.unit}",
        good=target.sign * (value - limit) > 0
        and abs(limit - target.pickup) <= 0.001 * target.pickup,
    )
    took_s = (event["held_ms"] or 0) / 1000
    expected_s = target.expected_s(value)
    most_s = expected_s * TIME_PERCENT / 100 + TIME_S
    yield Check(
        what=f"{where} time",
        found=f"{took_s:.2f} s at {value:g} {target.unit}",
        wanted=f"{expected_s:.2f} s +/- {most_s:.2f} s",
        good=abs(took_s - expected_s) <= most_s,
    )


def _set(cabinet: Cabinet, battery: int, target: Target, value: float) -> Seen | None:
    """Ask for a value and wait until the cabinet measures it."""
    near = target.near(value)
    source = _source(cabinet, battery, target, value)
    return cabinet.until(
        f"BAT{battery:02d} {target.name}: {source}",
        lambda now: abs(_read(now, battery, target) - value) <= near,
    )


def _read(seen: Seen, battery: int, target: Target) -> float:
    """What is measured: of a temperature TERM+'s; not a number where a sensor gives none."""
    one = seen.batteries[battery - 1]
    plus_degC = nan if one.plus_degC is None else one.plus_degC
    if target.unit == "A":
        current_A = nan if one.current_A is None else one.current_A
        return -current_A if target.level.quantity == "reverse" else abs(current_A)
    if target.unit == "V":
        return nan if one.voltage_V is None else one.voltage_V
    return plus_degC - _reference(seen, battery) if target.unit == "K" else plus_degC


def _reference(seen: Seen, battery: int) -> float:
    """What the rise of TERM+ is over, in degC: the other pole or the siblings, the warmer."""
    siblings = [one for one in seen.batteries if one.breaker == "closed"]
    found = [one.plus_degC for one in siblings if one.battery != battery]
    known = [value for value in found if value is not None]
    over = median(known) if known else seen.ambient_degC
    minus = seen.batteries[battery - 1].minus_degC
    return max((value for value in (over, minus) if value is not None), default=nan)


def _source(cabinet: Cabinet, battery: int, target: Target, value: float) -> str:
    """What the engineer sets at the source."""
    sensors = cabinet.settings["sensors"]
    if target.unit == "A":
        mV = value * sensors["shunt_uohm"] / 1000
        across = "S- and S+, + at S-" if target.level.quantity == "reverse" else "S+ and S-"
        return f"{mV:.2f} mV across {across} ({value:.1f} A)"
    if target.unit == "V":
        return f"{value:.2f} V at the V lead, off its terminal"
    degC = value
    if target.unit == "K":
        degC += _reference(cabinet.bank(), battery)
    ohm = thermistors.resistance_ohm(sensors["thermistor"], degC)
    rise = f", {value:.1f} K over its references" if target.unit == "K" else ""
    return f"{ohm:.0f} ohm in place of the thermistor at TERM+ ({degC:.1f} degC{rise})"


def _next_seq(cabinet: Cabinet) -> int:
    lines = fetch(cabinet.dialogue)
    return decoded(lines)[-1]["seq"] + 1 if lines else 0


def _event(cabinet: Cabinet, battery: int, target: Target, since: int) -> dict | None:
    for event in decoded(fetch(cabinet.dialogue, since)):
        if _same(event, battery, target) and event["kind"] != "clear":
            return event
    return None


def _active(cabinet: Cabinet, battery: int, target: Target) -> bool:
    return any(_same(one, battery, target) for one in cabinet.json("status")["active"])


def _same(told: dict, battery: int, target: Target) -> bool:
    level = levels.LEVEL_NAMES[target.level.level]
    return (told["element"], told["level"], told["battery"]) == (target.element, level, battery)
