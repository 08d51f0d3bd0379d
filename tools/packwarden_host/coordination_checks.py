"""What is asked of a bank's protection, and the answers in words.

Above the pickup of 50 a fuse may act before a breaker is open: it is there to clear shorts. Below,
overloads are Packwarden's, and a fuse or release that may be faster is not coordinated.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from packwarden_host.coordination import Study
from packwarden_host.devices import Device
from packwarden_host.time_current import Band, Point, currents, first_of, ranges

OK, NOTE, FAULT = "ok", "note", "NOT COORDINATED"

_LONG_s = 36_000
_CLEARED_s = 5.0  # IEC 60364-4-41: within this time a fault in what is wired for good
_NARROW = 1.01  # ratio of two currents that no characteristic tells apart


@dataclass(frozen=True)
class Finding:
    """The answer to a check, and between which currents through one battery it applies."""

    check: str
    verdict: str
    text: str
    ranges_A: tuple[Point, ...] = ()


def amps(current_A: float) -> str:
    """A current with three digits: 66.2 A, 1.24 kA."""
    return f"{_digits(current_A / 1000)} kA" if current_A >= 999.5 else f"{_digits(current_A)} A"


def seconds(time_s: float) -> str:
    """A time with three digits: 4.59 ms, 12.8 s, 2 h; above 10 h that it is more."""
    if time_s > _LONG_s:
        return f"> {seconds(_LONG_s)}"
    if time_s >= 3600:
        return f"{_digits(time_s / 3600)} h"
    return f"{_digits(time_s)} s" if time_s >= 0.9995 else f"{_digits(1000 * time_s)} ms"


def _digits(value: float) -> str:
    return f"{value:.3g}" if value < 999.5 else f"{value:.0f}"


def spans(found: list[Point]) -> str:
    """Ranges of currents as words: between 320 A and 580 A."""
    return " and ".join(f"between {amps(low_A)} and {amps(high_A)}" for low_A, high_A in found)


def faster(one: Band, other: Band, low_A: float, high_A: float) -> list[Point]:
    """Where one may act before the other has for sure."""

    def may(current_A: float) -> bool:
        return one.earliest(current_A) < other.latest(current_A)

    found = ranges(may, low_A, high_A, (one, other))
    return [(from_A, to_A) for from_A, to_A in found if to_A > _NARROW * from_A]


def findings(study: Study) -> list[Finding]:
    """All checks, in the order in which a person would ask."""
    checks = (_carry, _bms, _fuse, _release, _takeover, _main, _shared, _fed, _break)
    return [finding for check in checks for finding in check(study)]


def _places(study: Study) -> list[tuple[str, Device, int]]:
    """The devices that are fitted: the name of the place, and how many batteries it carries."""
    every = (
        ("fuse", study.fuse, 1),
        ("breaker", study.breaker, 1),
        ("main breaker", study.main, study.batteries),
    )
    return [(name, device, share) for name, device, share in every if device]


def _carry(study: Study) -> Iterator[Finding]:
    for name, device, share in _places(study):
        rated_A = study.rated_A * share
        text = f"the {name} carries {amps(device.carries_A)}, rated are {amps(rated_A)}"
        yield Finding("carries", OK if device.carries_A >= rated_A else FAULT, text)
    for name, pickup_A in (("51", study.overload_A), ("50", study.instantaneous_A)):
        if pickup_A < study.rated_A:
            text = f"{name} picks up at {amps(pickup_A)}, below the rated {amps(study.rated_A)}"
            yield Finding("carries", FAULT, text)


def _bms(study: Study) -> Iterator[Finding]:
    if not study.bms_limits:
        return
    low_A = study.bms_limits[0][0]
    if low_A < study.rated_A:
        text = f"the BMS switches off from {amps(low_A)} on, below the rated {amps(study.rated_A)}"
        yield Finding("BMS", FAULT, text)
        return
    relays = first_of("51 and 50", [study.overload, study.short])
    found = faster(study.bms, relays, study.rated_A, study.most_A)
    if not found:
        yield Finding("BMS", OK, "51 and 50 are faster than the packs' BMS at every current")
        return
    text = (
        f"{spans(found)} the BMS may switch its pack off before 51 or 50 opens its breaker: they"
        " back it up; where all packs are overloaded alike, the packs leave one after the other"
    )
    yield Finding("BMS", NOTE, text, tuple(found))


def _fuse(study: Study) -> Iterator[Finding]:
    """51 against the fuse, up to where 50 begins."""
    if not study.fuse:
        return
    high_A = study.overloads_to_A
    found = faster(study.fuse_band, study.overload, study.rated_A, high_A)
    if found:
        text = f"{spans(found)} the fuse may melt before 51 has opened the breaker"
        yield Finding("51 and fuse", FAULT, text, tuple(found))
        return
    at_A, times = _closest(study.fuse_band, study.overload, study.rated_A, high_A)
    text = (
        f"up to {amps(high_A)} 51 has opened the breaker before the fuse may melt; closest at"
        f" {amps(at_A)}: {times}"
    )
    yield Finding("51 and fuse", OK, text)


def _closest(slow: Band, fast: Band, low_A: float, high_A: float) -> tuple[float, str]:
    """Where the ratio of two times is least, and both there as words."""

    def ratio(current_A: float) -> float:
        return slow.earliest(current_A) / fast.latest(current_A)

    every = currents(low_A, high_A, (*slow.jumps_A, *fast.jumps_A))
    both = [I_A for I_A in every if slow.earliest(I_A) + fast.latest(I_A) < math.inf]
    if not both:
        return high_A, "never both"
    at_A = min(both, key=ratio)
    return at_A, f"{seconds(fast.latest(at_A))} against {seconds(slow.earliest(at_A))}"


def _release(study: Study) -> Iterator[Finding]:
    """The own release of a breaker, where it forestalls 51 or 50."""
    own = {"breaker": (study.release, study.overload)}
    own["main breaker"] = (study.main_release, study.bank_overload)
    for name, device, share in _places(study):
        if name not in own:
            continue
        release, element = own[name]
        at_once_A, until_A = device.at_once_A / share, study.overloads_to_A
        if at_once_A < until_A:
            text = (
                f"from {amps(at_once_A)} on the {name} may open by itself at once, where 50 lets a"
                f" start pass up to {amps(until_A)}"
            )
            yield Finding("own release", FAULT, text, ((at_once_A, until_A),))
        found = faster(release, element, study.rated_A, min(until_A, at_once_A))
        if found:
            text = (
                f"{spans(found)} the {name} may open by itself before 51 opens it: the same"
                " breaker, without a trip on record"
            )
            yield Finding("own release", NOTE, text, tuple(found))


def _takeover(study: Study) -> Iterator[Finding]:
    """Who clears a short circuit: 50 and the breaker, or the fuse."""
    if not study.fuse:
        text = "no fuse: shorts are left to the breakers' own releases, and to 50"
        yield Finding("short circuit", NOTE if study.breaker else FAULT, text)
        return
    if study.instantaneous_A > study.most_A:
        text = f"50 does not pick up at {amps(study.most_A)}: shorts are left to the fuse"
        yield Finding("short circuit", NOTE, text)
    else:
        found = faster(study.fuse_band, study.short, study.instantaneous_A, study.most_A)
        if found:
            text = (
                f"50 has opened the breaker in {seconds(study.short.latest(study.most_A))}; from"
                f" {amps(found[0][0])} on the fuse may melt before that"
            )
            yield Finding("short circuit", OK, text, tuple(found))
    melts_s = study.fuse_band.latest(study.fault_A)
    verdict = OK if melts_s <= _CLEARED_s else FAULT
    text = f"at the {amps(study.fault_A)} of one pack the fuse has melted after {seconds(melts_s)}"
    if verdict is FAULT:
        text += f", more than {seconds(_CLEARED_s)}"
    yield Finding("short circuit", verdict, text)


def _main(study: Study) -> Iterator[Finding]:
    """51 of the main against that of a battery."""
    slow, fast = study.bank_overload, study.overload
    if slow.latest(study.most_A) == math.inf or fast.latest(study.most_A) == math.inf:
        off = "the main" if slow.latest(study.most_A) == math.inf else "the batteries"
        text = f"51 of {off} does not trip: nothing to compare"
        yield Finding("battery and main", NOTE, text)
        return
    high_A = study.overloads_to_A
    found = faster(slow, fast, study.rated_A, high_A)
    if found:
        text = f"{spans(found)} the main's 51 may trip before a battery's has opened its breaker"
        yield Finding("battery and main", FAULT, text, tuple(found))
        return
    every = currents(study.rated_A, high_A, (*slow.jumps_A, *fast.jumps_A))
    both = [I_A for I_A in every if slow.earliest(I_A) + fast.latest(I_A) < math.inf]
    if not both:
        text = f"from {amps(high_A)} on 50 is first, and below none of both 51 trips"
        yield Finding("battery and main", OK, text)
        return
    margin_s, at_A = min((slow.earliest(I_A) - fast.latest(I_A), I_A) for I_A in both)
    text = (
        f"the main's 51 is slower than the batteries' by at least {seconds(margin_s)} (at"
        f" {amps(at_A)} through each), the breaker's opening counted in"
    )
    yield Finding("battery and main", OK, text)


def _shared(study: Study) -> Iterator[Finding]:
    """A load or short behind the main, which all carry alike: does the main open first?"""
    for name, plural, device, band in (
        ("fuse", "fuses may melt", study.fuse, study.fuse_band),
        ("breaker", "breakers may open by themselves", study.breaker, study.release),
    ):
        if not device:
            continue
        found = faster(band, study.opens_main, study.rated_A, study.fault_A)
        check = f"main and {name}s"
        if not found:
            text = f"the main is open before the batteries' {plural}, up to {amps(study.fault_A)}"
            yield Finding(check, OK, text)
            continue
        over = name == "fuse" and found[0][0] < study.overloads_to_A
        limit = f"{amps(found[0][0])} a battery, {amps(found[0][0] * study.batteries)} of the bank"
        text = (
            f"carried alike, selective up to {limit}; {spans(found)} the batteries' {plural}"
            " before the main is open"
        )
        yield Finding(check, FAULT if over else NOTE, text, tuple(found))


def _fed(study: Study) -> Iterator[Finding]:
    """A short in one battery, fed by the others: is it alone disconnected?"""
    others = study.batteries - 1
    if not others:
        return
    faulted = [study.overload, study.short, study.release, study.fuse_band]
    alone = first_of("the faulted one", faulted).at(others)
    rest = first_of("the others", [study.release, study.fuse_band])
    found = faster(rest, alone, study.rated_A / others, study.fault_A)
    if not found:
        text = (
            f"a faulted battery is disconnected before the {others} others, which feed it with up"
            f" to {amps(study.fed_A)}"
        )
        yield Finding("faulted battery", OK, text)
        return
    over = found[0][0] * others < study.overloads_to_A
    text = (
        f"a faulted battery is disconnected alone while each other feeds it with up to"
        f" {amps(found[0][0])}; {spans(found)} others may open or melt as well"
    )
    yield Finding("faulted battery", FAULT if over else NOTE, text, tuple(found))


def _break(study: Study) -> Iterator[Finding]:
    """Breaking capacities against the prospective currents, and voltages."""
    n = study.batteries
    for name, device, _ in _places(study):
        if device is study.main:
            most_A, what = study.busbar_A, f"all {n} packs into a short behind it"
        elif n > 2:
            most_A, what = study.fed_A, f"the other {n - 1} packs into a short of one"
        else:
            most_A, what = study.fault_A, "one pack into a short"
        breaking = device.type.breaking
        capacity_A = 1000 * breaking.capacity_kA
        enough = capacity_A >= most_A
        text = (
            f"the {name} breaks {amps(capacity_A)}, {'enough for' if enough else 'less than'} the"
            f" {amps(most_A)} of {what}"
        )
        yield Finding("breaking capacity", OK if enough else FAULT, text)
        if breaking.voltage_V < study.highest_V:
            text = (
                f"the {name} breaks up to {breaking.voltage_V:g} V DC, the bank reaches"
                f" {study.highest_V:g} V"
            )
            yield Finding("voltage", FAULT, text)
