"""Secondary injection: pickup and time of elements against their settings, by a source.

A millivolt source takes the place of a shunt, a decade resistor that of a thermistor. A level must
be quiet a little below its pickup, and operate in its time above it. What is injected counts once
the cabinet measures it, within CLOSE; its own records tell when a level picked up and operated.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from packwarden import elements, levels
from packwarden.curves import operate_ms
from packwarden.fixed import Q
from packwarden_host import thermistors
from packwarden_host.commission_cabinet import HANDS_S, Cabinet, Seen
from packwarden_host.commission_person import Person
from packwarden_host.commission_progress import Check
from packwarden_host.errors import BadInput
from packwarden_host.events import decoded, fetch

BELOW, ABOVE = 0.97, 1.05  # of a pickup: where it must not pick up, and where it has to
CURVED = 2.0  # of the pickup of an inverse time, whose time is asked there
CLOSE = 0.01  # of what is injected: so near it has to be measured
CLOSE_K = 1.0
TIME_PERCENT = 5
TIME_S = 0.25  # of a time, besides: a tick of 100 ms at most, and its samples
_STILL_S = 2.0
_QUANTITIES = {"load": "A", "instantaneous": "A", "temperature": "degC"}

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
    def unit(self) -> str:
        """The unit of what is injected."""
        return "degC" if self.level.quantity == "temperature" else "A"

    @property
    def below(self) -> float:
        """Where it must not pick up."""
        return self.pickup - 2 if self.unit == "degC" else self.pickup * BELOW

    @property
    def above(self) -> float:
        """Where its time is measured."""
        if self.unit == "degC":
            return self.pickup + 3
        return self.pickup * (CURVED if self.level.curve else ABOVE)

    def expected_s(self, value: float) -> float:
        """How long it takes at that value."""
        if self.level.curve:
            multiple = round(value / self.pickup * (1 << Q))
            return (
                operate_ms(self.given["curve"], round(self.given["tms"] * 1000), multiple) / 1000
            )
        return self.given.get("delay_ms", 0) / 1000


def targets(config: dict) -> list[Target]:
    """What the two sources reach of this configuration's elements, the smaller pickups first."""
    found = []
    for element in elements.TABLE:
        for level in element.levels:
            given = config[element.slug][level.key]
            curved = level.curve and level.quantity == "inverse"
            if given != "off" and (curved or level.quantity in _QUANTITIES):
                found.append(Target(element.slug, level, float(given["pickup"]), given))
    return sorted(found, key=lambda one: (one.unit, one.pickup))


def run(cabinet: Cabinet, person: Person) -> Checks:
    """Inject into each battery that is asked for, level by level."""
    reached = targets(cabinet.json("elements"))
    wanted = person.ask("inject_level") or [one.name for one in reached]
    unknown = set(wanted) - {one.name for one in reached}
    if unknown:
        names = ", ".join(one.name for one in reached)
        raise BadInput(f"inject_level {min(unknown)}: is not one of {names}")
    batteries = person.ask("inject_battery") or list(range(1, cabinet.batteries + 1))
    if max(batteries) > cabinet.batteries:
        raise BadInput(f"inject_battery {max(batteries)} is outside 1 .. {cabinet.batteries}")
    for battery in batteries:
        for target in reached:
            if target.name in wanted:
                yield from _injected(cabinet, battery, target)


def _injected(cabinet: Cabinet, battery: int, target: Target) -> Checks:
    where = f"BAT{battery:02d} {target.name}"
    for value in (target.below, target.above):
        since = _next_seq(cabinet)
        seen = _set(cabinet, battery, target, value)
        if seen is None:
            yield Check(
                what=where,
                found=f"nothing near {value:.1f} {target.unit} was measured in"
                f" {HANDS_S / 60:g} min: the source, its wires, or the shunt that is configured",
                wanted=f"{value:.1f} {target.unit} within {_near(target, value):.2g}",
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
        f"{where}: take the source off", lambda now: _read(now, battery, target) < target.below
    )


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
        good=value > limit and abs(limit - target.pickup) <= 0.001 * target.pickup,
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
    near = _near(target, value)
    return cabinet.until(
        f"BAT{battery:02d} {target.name}: {_source(cabinet, target, value)}",
        lambda now: abs(_read(now, battery, target) - value) <= near,
    )


def _near(target: Target, value: float) -> float:
    return CLOSE_K if target.unit == "degC" else CLOSE * value


def _read(seen: Seen, battery: int, target: Target) -> float:
    """What is measured: of a temperature TERM+'s; -300 where nothing is."""
    one = seen.batteries[battery - 1]
    found = one.plus_degC if target.unit == "degC" else one.current_A
    return -300.0 if found is None else abs(found) if target.unit == "A" else found


def _source(cabinet: Cabinet, target: Target, value: float) -> str:
    """What the engineer sets at the source."""
    sensors = cabinet.settings["sensors"]
    if target.unit == "A":
        mV = value * sensors["shunt_uohm"] / 1000
        return f"{mV:.2f} mV across S+ and S- ({value:.1f} A)"
    ohm = thermistors.resistance_ohm(sensors["thermistor"], value)
    return f"{ohm:.0f} ohm in place of the thermistor at TERM+ ({value:.1f} degC)"


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
