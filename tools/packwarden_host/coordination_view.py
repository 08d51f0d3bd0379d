"""`packwarden coordination`: the study as tables and sentences, as data, and as a chart."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packwarden_host import bank_file, devices, output
from packwarden_host.coordination import Choices, Study
from packwarden_host.coordination_checks import FAULT, NOTE, Finding, amps, findings, seconds
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.time_current import Band, ranges

_STYLES = {FAULT: "bold red", NOTE: "yellow"}


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    config: Path
    choices: Choices
    chart: Path | None = None
    as_json: bool = False


@dataclass(frozen=True)
class First:
    """Between two currents through one battery: which device has acted first for sure."""

    case: str
    from_A: float
    to_A: float
    device: str
    from_s: float
    to_s: float


def run(request: Request) -> None:
    """Print what the devices do to each other, draw it; RunFailed where it does not fit."""
    if request.chart is not None:
        if request.chart.suffix.lower() != ".svg":
            raise BadInput(f"{request.chart}: the chart is an .svg, name it so")
        output.check_writable(request.chart)
    study = Study(bank_file.read(request.config), request.choices)
    found = findings(study)
    first = acting_first(study)
    if request.as_json:
        print(json.dumps(_data(study, first, found), indent=2))
    else:
        _show(study, first, found)
        _show_assumed(study, request.choices)
    if request.chart is not None:
        from packwarden_host import coordination_chart

        output.write_whole(request.chart, coordination_chart.svg(study))
        if not request.as_json:
            output.line(f"{request.chart}: the time-current chart")
    faults = sum(finding.verdict == FAULT for finding in found)
    if faults:
        raise RunFailed(f"not coordinated: {faults} of {len(found)} checks")


def show_types(as_json: bool) -> None:
    """List the types of fuses and breakers that come along, with the sources of their figures."""
    types = [(name, devices.read(name)) for name in devices.shipped()]
    if as_json:
        print(json.dumps({name: kind.model_dump(mode="json") for name, kind in types}, indent=2))
        return
    rows = [
        (
            name,
            kind.title,
            ", ".join(f"{rated_A:g}" for rated_A in kind.ratings_A),
            f"{kind.breaking.capacity_kA:g} kA, {kind.breaking.voltage_V:g} V",
        )
        for name, kind in types
    ]
    output.table("Types of fuses and breakers", ("type", "is", "for A", "breaks, DC"), rows)
    for name, kind in types:
        for what, source in kind.source.items():
            output.line(f"{name}, {what}: {source}")


def acting_first(study: Study) -> list[First]:
    """Who acts first: in one battery, the same while its BMS fails, and in all alike."""
    own = [study.overload, study.short, study.release, study.fuse_band]
    low_A, high_A = study.rated_A, study.most_A
    shared = [study.opens_main, study.release, study.fuse_band]
    found = []
    if study.bms_limits:
        found += _first("one battery", [study.bms, *own], low_A, high_A)
    found += _first("one, BMS fails" if study.bms_limits else "one battery", own, low_A, high_A)
    found += _first("all alike", shared, low_A, study.fault_A)
    return found


def _first(case: str, bands: Sequence[Band], low_A: float, high_A: float) -> list[First]:
    found = []
    for place, band in enumerate(bands):

        def leads(current_A: float, place: int = place) -> bool:
            times = [one.latest(current_A) for one in bands]
            return times[place] < math.inf and times.index(min(times)) == place

        for from_A, to_A in ranges(leads, low_A, high_A, bands):
            inside = [from_A * (1 + 1e-6), to_A * (1 - 1e-6)]
            times = [band.latest(current_A) for current_A in inside]
            found.append(First(case, from_A, to_A, band.name, *times))
    return sorted(found, key=lambda one: one.from_A)


def _rows(study: Study) -> list[tuple[str, ...]]:
    rows = []
    if study.bms_limits:
        limits = ", ".join(
            f"{amps(limit_A)} {seconds(delay_s)}" for limit_A, delay_s in study.bms_limits
        )
        rows.append(("BMS", "", limits, "", ""))
    for name, device in (
        ("fuse", study.fuse),
        ("breaker", study.breaker),
        ("main breaker", study.main),
    ):
        if device is None:
            rows.append((name, "none", "", "", ""))
            continue
        breaking = device.type.breaking
        rows.append(
            (
                name,
                device.name,
                device.title,
                amps(device.carries_A),
                f"{breaking.capacity_kA:g} kA, {breaking.voltage_V:g} V DC",
            )
        )
    return rows


def _show(study: Study, first: list[First], found: list[Finding]) -> None:
    output.table("Devices", ("place", "type", "is", "carries", "breaks"), _rows(study))
    rows = [
        (
            one.case,
            amps(one.from_A),
            amps(one.to_A),
            one.device,
            f"{seconds(one.from_s)} .. {seconds(one.to_s)}"
            if seconds(one.from_s) != seconds(one.to_s)
            else seconds(one.from_s),
        )
        for one in first
    ]
    heads = ("in", "from", "to", "first is", "within")
    output.table("First to act, by the current through one battery", heads, rows)
    for finding in found:
        text = f"{finding.verdict}: {finding.check}: {finding.text}"
        output.line(text, _STYLES.get(finding.verdict))


def _show_assumed(study: Study, choices: Choices) -> None:
    """Name what was neither given nor measured, and what no standard or maker states."""
    assumed = [] if choices.bms else ["limits of the BMS"] * bool(study.bms_limits)
    usual = Choices()
    if choices.fault_kA == usual.fault_kA:
        assumed.append(f"{choices.fault_kA:g} kA of one pack")
    if choices.opening_ms == usual.opening_ms:
        assumed.append(f"{choices.opening_ms:g} ms from trip to open")
    assumed += [
        f"{what} of {device.name}"
        for device in (study.fuse, study.breaker, study.main)
        if device
        for what, source in device.type.source.items()
        if "assumption" in source
    ]
    if assumed:
        names = ", ".join(dict.fromkeys(assumed))
        output.line(f"assumptions, until you have the data sheets: {names}")


def _data(study: Study, first: list[First], found: list[Finding]) -> dict:
    placed = {"fuse": study.fuse, "breaker": study.breaker, "main_breaker": study.main}
    return {
        "batteries": study.batteries,
        "rated_current_A": study.rated_A,
        "fault_current_A": {
            "one_pack": study.fault_A,
            "into_one_pack": study.fed_A,
            "busbar": study.busbar_A,
        },
        "opening_ms": study.opening_s * 1000,
        "bms": [{"limit_A": limit_A, "delay_s": delay_s} for limit_A, delay_s in study.bms_limits],
        "devices": {
            name: device
            and {
                "type": device.name,
                "title": device.title,
                "carries_A": device.carries_A,
                "breaks_A": 1000 * device.type.breaking.capacity_kA,
                "voltage_V": device.type.breaking.voltage_V,
                "source": device.type.source,
            }
            for name, device in placed.items()
        },
        "first": [
            {
                "in": one.case,
                "from_A": _rounded(one.from_A),
                "to_A": _rounded(one.to_A),
                "first": one.device,
                "from_s": _rounded(one.from_s),
                "to_s": _rounded(one.to_s),
            }
            for one in first
        ],
        "findings": [
            {
                "check": finding.check,
                "verdict": finding.verdict.lower(),
                "text": finding.text,
                "ranges_A": [[_rounded(one) for one in pair] for pair in finding.ranges_A],
            }
            for finding in found
        ],
        "coordinated": all(finding.verdict != FAULT for finding in found),
    }


def _rounded(value: float) -> float:
    """Six digits: what the characteristics are worth, and the same on every machine."""
    return float(f"{value:.6g}")
