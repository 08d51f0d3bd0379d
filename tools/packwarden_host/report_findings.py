"""What a report says of a visit: sections of lines, each with its verdict and the reason."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from packwarden import calibration, selftest
from packwarden_host import events as history
from packwarden_host.report_rules import (
    LOADED_PERCENT,
    REST_PERCENT,
    RULES,
    UNKNOWN,
    UNLOADED,
    Judged,
    Verdict,
    against,
    either,
    surely,
    worst,
)
from packwarden_host.visit import BatteryNow, Event, Visit

_OLD = "the cabinet did not tell it"
_GOOD: Judged = (Verdict.GOOD, "")
_SELFTEST = {selftest.GOOD: Verdict.GOOD, selftest.BAD: Verdict.ACT}
_ALONE: Judged = (Verdict.GOOD, "the only one")


@dataclass(frozen=True)
class Line:
    """A line of a section: cells under its heads, verdict, reason."""

    cells: tuple[str, ...]
    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class Section:
    """A part of the report; `note`: what is to be known about all of its lines."""

    title: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    note: str = ""


def sections(visit: Visit, earlier: Visit | None) -> list[Section]:
    """All sections of the report of a visit; `earlier`: the visit before, if there was one."""
    return [
        _terminals(visit),
        _voltages(visit),
        _currents(visit),
        _internal(visit),
        _links(visit),
        _events(visit),
        _breakers(visit, earlier),
        _wear(visit, earlier),
        _sensors(visit),
        _calibration(visit),
    ]


def _section(title: str, heads: Sequence[str], rows: Iterator, note: str = "") -> Section:
    lines = tuple(Line(cells, *judged) for cells, judged in rows)
    return Section(title, tuple(heads), lines, note)


def name(battery: int | None) -> str:
    """A battery as the cabinet names it; None: the main breaker."""
    return "main" if battery is None else f"BAT{battery:02d}"


def _value(value: float | None, unit: str, places: int) -> str:
    return "-" if value is None else f"{value:z.{places}f} {unit}"


def _with_error(value: float | None, error: float | None, unit: str, places: int) -> str:
    if value is None or error is None:
        return "-"
    return f"{value:.{places}f} ± {error:.{places}f} {unit}"


def _others(found: Sequence[float | None], own: int) -> float | None:
    """The median of what is known but one's own."""
    known = [value for k, value in enumerate(found) if k != own and value is not None]
    return median(known) if known else None


def _load_percent(visit: Visit) -> float:
    """What the batteries carry, the median of them, in % of rated."""
    currents = [abs(one.current_A) for one in visit.bank.batteries if one.current_A is not None]
    return 100 * median(currents or [0]) / visit.settings.bank.rated_current_A


def _terminals(visit: Visit) -> Section:
    load = _load_percent(visit)
    note = f"The batteries carry {load:.0f} % of their rating; the cabinet has "
    note += f"{_value(visit.bank.ambient_degC, 'degC', 1)}."
    heads = ("terminal", "now", "over siblings and other pole", "surely at rated current")
    return _section("Terminals", heads, _terminal_rows(visit, load), note)


def _terminal_rows(visit: Visit, load: float) -> Iterator[tuple[tuple[str, ...], Judged]]:
    poles = [[one.plus_degC for one in visit.bank.batteries]]
    poles.append([one.minus_degC for one in visit.bank.batteries])
    for k in range(visit.batteries):
        joint = visit.joints[k] if visit.joints else None
        for pole, sign in enumerate("+-"):
            own = poles[pole][k]
            references = (_others(poles[pole], k), poles[1 - pole][k])
            known = [reference for reference in references if reference is not None]
            rise = min(own - one for one in known) if known and own is not None else None
            sure = joint and (joint.minus_K if pole else joint.plus_K)
            surveyed = against("rise", rise)
            if surveyed[0] == Verdict.GOOD and load < LOADED_PERCENT:
                surveyed = (Verdict.NONE, UNLOADED)
            estimated = against("joint", sure, UNKNOWN if joint else _OLD)
            cells = (
                f"{name(k + 1)} TERM{sign}",
                _value(own, "degC", 1),
                _value(rise, "K", 1),
                _value(sure, "K", 1),
            )
            yield cells, worst([against("temperature", own), either(surveyed, estimated)])


def _closed(one: BatteryNow) -> bool:
    return one.breaker == "closed"


def _voltages(visit: Visit) -> Section:
    at_rest = all(
        one.current_A is not None
        and abs(one.current_A) <= REST_PERCENT / 100 * visit.settings.bank.rated_current_A
        for one in visit.bank.batteries
    )
    note = f"The busbar has {_value(visit.bank.busbar_V, 'V', 3)}; the bank "
    note += "rests." if at_rest else "carries a load, which is in the differences."
    heads = ("battery", "voltage", "off the others' median")
    return _section("Voltages", heads, _voltage_rows(visit, at_rest), note)


def _voltage_rows(visit: Visit, at_rest: bool) -> Iterator[tuple[tuple[str, ...], Judged]]:
    found = [one.voltage_V for one in visit.bank.batteries]
    for k, one in enumerate(visit.bank.batteries):
        others = _others(found, k)
        off = None
        if one.voltage_V is not None and others is not None:
            off = 1000 * (one.voltage_V - others)
        judged = against("voltage", None if off is None else abs(off))
        if len(found) == 1 and one.voltage_V is not None:
            judged = _ALONE
        if judged[0] > Verdict.NONE and _closed(one) and not at_rest:
            judged = (Verdict.NONE, "compare it at rest")
        yield (
            (name(one.battery), _value(one.voltage_V, "V", 3), _value(off, "mV", 0)),
            judged,
        )


def _currents(visit: Visit) -> Section:
    heads = ("battery", "current", "share of the mean", "baseline")
    return _section("Currents and shares", heads, _current_rows(visit), "")


def _current_rows(visit: Visit) -> Iterator[tuple[tuple[str, ...], Judged]]:
    feed = visit.feed
    shares = {one.battery: one for one in feed.shares} if feed else {}
    for one in visit.bank.batteries:
        own = shares.get(one.battery)
        share, baseline = (own.share, own.baseline) if own else (None, None)
        alone = [other.share for other in shares.values() if other.battery != one.battery]
        reference = baseline or _others(alone, -1)
        off = None
        if share is not None and reference:
            off = 100 * abs(share - reference) / reference
        rule = "share" if baseline else "share_alone"
        cells = (
            name(one.battery),
            _value(one.current_A, "A", 1),
            _value(share, "", 3).strip(),
            _value(baseline, "", 3).strip(),
        )
        if visit.batteries == 1:
            yield cells, _ALONE
        else:
            yield cells, against(rule, off, UNKNOWN if feed else _OLD)
    if feed and visit.batteries > 1:
        yield ("the bank", _value(visit.bank.current_A, "A", 1), feed.feed, ""), _feed(visit)


def _feed(visit: Visit) -> Judged:
    feed = visit.feed
    if feed is None or feed.highest is None or feed.diagonal is None:
        return Verdict.NONE, "takes four batteries or more, and hours of changing load"
    if feed.near is None:
        return Verdict.GOOD, "at opposite ends"
    verdict, _ = against("feed", 100 * (feed.highest - feed.diagonal))
    return (
        verdict,
        f"of equal batteries {name(feed.near)} carries {feed.highest:.2f} of the mean; with + and"
        f" - fed at opposite ends the highest is {feed.diagonal:.2f}",
    )


def _internal(visit: Visit) -> Section:
    heads = ("battery", "now", "baseline", "steps used, rejected")
    note = "At 25 degC, 1.0 s after a step of the load."
    return _section("Internal resistance", heads, _internal_rows(visit), note)


def _internal_rows(visit: Visit) -> Iterator[tuple[tuple[str, ...], Judged]]:
    told = visit.resistances
    known = [one.internal_mOhm for one in told or ()]
    for k in range(visit.batteries):
        if not told:
            yield (name(k + 1), "-", "-", "-"), (Verdict.NONE, _OLD)
            continue
        one = told[k]
        value, error, base = one.internal_mOhm, one.internal_error_mOhm, one.internal_baseline_mOhm
        sibling = _others(known, k)
        off = None if value is None or sibling is None else value - sibling
        over = None if value is None or base is None else max(0.0, value - base)
        cells = (
            name(k + 1),
            _with_error(value, error, "mOhm", 2),
            _value(base, "mOhm", 2),
            f"{one.internal_used}, {one.internal_rejected}",
        )
        yield (
            cells,
            either(
                against("spread", surely(off, error), UNKNOWN),
                against("internal", surely(over, error), unknown(visit, value)),
            ),
        )


def unknown(visit: Visit, value: float | None) -> str:
    """Why an estimate cannot be held against a baseline."""
    if value is None:
        return UNKNOWN
    shares = visit.feed.shares if visit.feed else ()
    stored = [one.baseline for one in (*(visit.joints or ()), *shares)]
    for one in visit.resistances or ():
        stored += [one.internal_baseline_mOhm, one.link_baseline_mOhm]
    if not any(stored):
        return "no baseline: `packwarden commission` stores one"
    return (
        "not yet estimated when the baseline was stored: `packwarden commission PORT --only"
        " estimates --only baseline` stores it anew, with all others as they are now"
    )


def _links(visit: Visit) -> Section:
    heads = ("battery", "now", "baseline", "steps used, rejected")
    note = "Cables, joints and breaker between the battery's and the busbar's sense points."
    return _section("From battery to busbar", heads, _link_rows(visit), note)


def _link_rows(visit: Visit) -> Iterator[tuple[tuple[str, ...], Judged]]:
    told = visit.resistances
    for k in range(visit.batteries):
        if not told:
            yield (name(k + 1), "-", "-", "-"), (Verdict.NONE, _OLD)
            continue
        one = told[k]
        value, base = one.link_mOhm, one.link_baseline_mOhm
        over = None if value is None or base is None else max(0.0, value - base)
        cells = (
            name(k + 1),
            _with_error(value, one.link_error_mOhm, "mOhm", 3),
            _value(base, "mOhm", 3),
            f"{one.link_used}, {one.link_rejected}",
        )
        yield cells, against("link", surely(over, one.link_error_mOhm), unknown(visit, value))


def _events(visit: Visit) -> Section:
    return _section("Events since the last check", ("what", "how many"), _event_rows(visit))


def _event_rows(visit: Visit) -> Iterator[tuple[tuple[str, ...], Judged]]:
    operated = [one for one in visit.status.active if one.operated]
    standing = {(one.element, one.battery) for one in operated}
    urgent = [one for one in operated if one.level != "warn"]
    now = Verdict.ACT if urgent else Verdict.WATCH if operated else Verdict.GOOD
    told = Counter(f"{one.element} {one.level or ''}".strip() for one in operated)
    yield ("operated now", str(len(operated))), (now, _counted(told) or "nothing")
    of_bms = [one for one in visit.events if one.element == "bms_alarm"]
    for title, kind, verdict in (
        ("trips", "trip", Verdict.ACT),
        ("alarms", "alarm", Verdict.WATCH),
        ("warnings", "warn", Verdict.WATCH),
        ("faults of the controller", "fault", Verdict.ACT),
    ):
        found = [one for one in visit.events if one.kind == kind and one not in of_bms]
        still = any((one.element, one.battery) in standing for one in found)
        judged = Verdict.ACT if still and kind == "alarm" else verdict
        yield _happened(title, found, judged)
    yield _happened("alarms of a BMS", [one for one in of_bms if one.kind == "alarm"], Verdict.ACT)
    gaps = list(history.missing([one.model_dump() for one in visit.events]))
    lost = visit.status.events_lost
    if gaps or lost or visit.status.journal_fails:
        reasons = gaps + [f"{lost} events lost"] * bool(lost)
        reasons += ["the flash does not take them"] * visit.status.journal_fails
        yield ("records", str(len(visit.events))), (Verdict.ACT, "; ".join(reasons))


def _happened(title: str, found: list[Event], verdict: Verdict) -> tuple[tuple[str, str], Judged]:
    told = Counter(
        f"{one.element} {name(one.battery)}" if one.battery else one.element for one in found
    )
    judged = (verdict, _counted(told)) if found else (Verdict.GOOD, "none")
    return (title, str(len(found))), judged


def _counted(told: Counter) -> str:
    return ", ".join(what if n == 1 else f"{what} ({n} times)" for what, n in told.most_common())


def _breakers(visit: Visit, earlier: Visit | None) -> Section:
    heads = ("breaker", "is", "opened without, under load", "since the last check")
    return _section("Breakers", heads, _breaker_rows(visit, earlier))


def _breaker_rows(visit: Visit, earlier: Visit | None) -> Iterator[tuple[tuple[str, ...], Judged]]:
    counted = {one.battery: one for one in visit.counters or ()}
    earlier_ones = {one.battery: one for one in (earlier.counters if earlier else None) or ()}
    locked = {one.battery: one for one in visit.lockout}
    states = [(one.battery, one.breaker) for one in visit.bank.batteries]
    for battery, state in (*states, (None, visit.bank.main)):
        total = grown = "-"
        judged = _GOOD
        if battery in counted:
            one, before = counted[battery], earlier_ones.get(battery)
            cold = one.opened_cold - (before.opened_cold if before else 0)
            hot = one.opened_hot - (before.opened_hot if before else 0)
            total, grown = f"{one.opened_cold}, {one.opened_hot}", f"{cold}, {hot}"
            if hot > 0:
                judged = (Verdict.WATCH, f"opened under load: {hot}; look at its contacts")
        if state == "open":
            judged = worst([judged, (Verdict.WATCH, "is open: on purpose?")])
        elif state != "closed":
            lockout = locked.get(battery)
            reason = f"{state} by {lockout.cause}" if lockout else state
            hinders = f": {lockout.refusal}" if lockout and lockout.refusal else ""
            judged = worst([judged, (Verdict.ACT, reason + hinders)])
        yield (name(battery), state, total, grown), judged


def _wear(visit: Visit, earlier: Visit | None) -> Section:
    heads = ("battery", "in, out", "cycles", "hottest + -", "at 60 degC", "over rated", "I²t")
    return _section("What it has been through", heads, _wear_rows(visit, earlier))


def _wear_rows(visit: Visit, earlier: Visit | None) -> Iterator[tuple[tuple[str, ...], Judged]]:
    if visit.counters is None:
        yield ("all", *"-" * 6), (Verdict.NONE, _OLD)
    earlier_ones = {one.battery: one for one in (earlier.of_batteries() if earlier else ())}
    for one in visit.of_batteries():
        before = earlier_ones.get(one.battery)
        hot_h = one.hot_h - (before.hot_h if before else 0)
        over_h = one.over_rated_h - (before.over_rated_h if before else 0)
        reasons = [f"{hot_h:.2f} h at 60 degC or more"] * (hot_h > 0)
        reasons += [f"{over_h:.2f} h above rated current"] * (over_h > 0)
        cells = (
            name(one.battery),
            f"{one.charged_Ah:.1f}, {one.discharged_Ah:.1f} Ah",
            f"{one.cycles:.2f}",
            f"{_value(one.plus_degC, '', 1).strip()}, {_value(one.minus_degC, 'degC', 1)}",
            f"{one.hot_h:.2f} h",
            f"{one.over_rated_h:.2f} h",
            f"{one.joints_A2h:.0f} A²h",
        )
        yield cells, (Verdict.WATCH, "; ".join(reasons)) if reasons else _GOOD


def _sensors(visit: Visit) -> Section:
    return _section("Sensors and controller", ("what", "is"), _sensor_rows(visit))


def _sensor_rows(visit: Visit) -> Iterator[tuple[tuple[str, ...], Judged]]:
    status = visit.status
    for one in visit.degraded:
        blind = f"blind: {', '.join(one.blind)}" if one.blind else "failed"
        yield (one.place, one.why), (Verdict.ACT, blind)
    if not visit.degraded:
        yield ("sensors", "all give values"), _GOOD
    if status.restart:
        why = "look at its events, then `acknowledge`"
        yield ("restart", status.restart.cause), (Verdict.ACT, why)
    if status.controller:
        yield ("controller", status.controller), (Verdict.ACT, "see `status` at the console")
    missed = status.missed_ticks
    judged = (Verdict.WATCH, "see `timing` at the console") if missed else _GOOD
    yield ("missed ticks", f"{missed} since it started"), judged
    image = (Verdict.WATCH, "it has no manifest: deploy it") if status.image is None else _GOOD
    yield ("firmware", f"image {status.image or 'not verified'}"), image
    if status.pin != "set":
        yield ("PIN", status.pin), (Verdict.WATCH, "nothing can be operated without one")
    if visit.selftest is None:
        yield ("self-test", "-"), (Verdict.NONE, _OLD)
    for one in visit.selftest.selftest if visit.selftest else ():
        verdict = _SELFTEST.get(one.result, Verdict.NONE)
        judged = _GOOD if verdict == Verdict.GOOD else (verdict, one.detail)
        yield (f"self-test: {one.check}", one.result), judged


def _calibration(visit: Visit) -> Section:
    heads = ("what", "corrected by", "when, by whom")
    return _section("Calibration", heads, _calibration_rows(visit))


def _calibration_rows(visit: Visit) -> Iterator[tuple[tuple[str, ...], Judged]]:
    if visit.calibration is None:
        yield ("all", "-", "-"), (Verdict.NONE, _OLD)
        return
    if not visit.calibration.corrections:
        yield ("all", "nothing", "-"), (Verdict.GOOD, "as measured")
    for one in visit.calibration.corrections:
        amount = abs(one.value)
        if one.what == calibration.ZERO:
            amount *= 100 / visit.settings.bank.rated_current_A
        cells = (
            f"{one.what} {one.where}",
            f"{one.value:+g} {one.unit}",
            f"{one.date}, {one.who}",
        )
        yield cells, against(f"corrected_{one.what}", amount)


def limits() -> list[tuple[str, str, str, str]]:
    """The table of limits: of what, watch from, act from, source."""
    return [
        (rule.what, rule.text(rule.watch), rule.text(rule.act), rule.source)
        for rule in RULES.values()
    ]
