"""The table of a campaign: what had to happen in each scenario, what did, and how soon."""

import json
from collections.abc import Iterable, Sequence
from itertools import groupby

from packwarden_host import output
from packwarden_host.campaign_outcome import Outcome, deciding, detection_ms, outputs
from packwarden_host.scenario import Scenario
from packwarden_host.scenario_parts import Claim

HEADS = ("scenario", "expected", "seen", "detected after", "outputs at the end", "result")
TITLE = "Campaign"
NOTHING = "nothing"
_NONE = "-"
# What an event's kind says already.
_USUAL = {("warn", "none"), ("alarm", "alarm"), ("trip", "trip_battery"), ("clear", "none")}


def expected(plan: Scenario) -> str:
    """What had to happen, in a few words."""
    if plan.expect:
        return _joined((claim.element or "", _asked(claim)) for claim in plan.expect)
    return NOTHING if plan.forbid else _NONE


def _asked(claim: Claim) -> str:
    places = claim.battery if isinstance(claim.battery, list) else [claim.battery]
    place = "/".join(_place(battery, claim.terminal) for battery in places)
    return _words(claim.kind or claim.level, claim.level, place, claim.action)


def _words(kind: str | None, level: str | None, place: str, action: str | None) -> str:
    """An event or a claim: `trip BAT03+`, `trip: trip_all`, `clear alarm BAT01`, `fan`."""
    parts = [kind if kind != "command" else None, level if kind == "clear" else None, place]
    text = " ".join(part for part in parts if part)
    if action in (None, "none") or (kind, action) in _USUAL:
        return text
    return f"{text}: {action}" if text else action


def _place(battery: int | None, terminal: str | None) -> str:
    return "" if battery is None else f"BAT{battery:02d}{terminal or ''}"


def _joined(parts: Iterable[tuple[str, str]]) -> str:
    """Pairs of an element and words; an element that follows itself is named once."""
    texts = []
    for element, together in groupby(parts, lambda part: part[0]):
        words = ", ".join(words for _, words in together if words)
        texts.append(f"{element} {words}".strip())
    return "; ".join(texts)


def seen(outcome: Outcome) -> str:
    """What happened, in a few words."""
    parts = []
    for event in deciding(outcome):
        place = _place(event["battery"], event["terminal"])
        words = _words(event["kind"], event["level"], place, event["action"])
        parts.append((event["element"], f"{words} {event['t_ms'] / 1000:g} s"))
    return _joined(parts) or NOTHING


def duration(span_ms: int | None) -> str:
    """A time with its unit, in three figures where it has more."""
    if span_ms is None:
        return _NONE
    if span_ms < 1000:
        return f"{span_ms} ms"
    places = 2 if span_ms < 10_000 else 1 if span_ms < 100_000 else 0
    return f"{span_ms / 1000:.{places}f} s"


def outputs_text(outcome: Outcome) -> str:
    """The outputs at the end in words; `-` where all are as in health, `?` where nobody knows."""
    facts = outputs(outcome)
    if facts is None:
        return "?"
    words = [_breakers(facts["opened"], outcome.plan.bank.batteries)]
    words += [f"{name} by itself" for name in facts["by_itself"]]
    words += ["alarm"] if facts["alarm"] else []
    words += ["no charge"] if not facts["charge"] else []
    words += ["no discharge"] if not facts["discharge"] else []
    words += ["fan"] if facts["fan"] else []
    return ", ".join(word for word in words if word) or _NONE


def _breakers(names: list[str], size: int) -> str:
    batteries = [name for name in names if name != "main"]
    if len(batteries) == size > 2:
        names = [name for name in names if name == "main"] + [f"{batteries[0]} .. {batteries[-1]}"]
    return ", ".join(names)


def grouped(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those of a group together, groups in the order in which they come first."""
    order = list(dict.fromkeys(outcome.group for outcome in outcomes))
    return sorted(outcomes, key=lambda outcome: order.index(outcome.group))


def table(outcomes: Sequence[Outcome]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Heads and rows; with a column of groups where there are any."""
    outcomes = grouped(outcomes)
    heads, rows = HEADS, [_row(outcome) for outcome in outcomes]
    if any(outcome.group for outcome in outcomes):
        heads = ("group", *heads)
        rows = [(outcome.group, *row) for outcome, row in zip(outcomes, rows, strict=True)]
    return heads, rows


def _row(outcome: Outcome) -> tuple[str, ...]:
    return (
        outcome.name,
        expected(outcome.plan),
        seen(outcome),
        duration(detection_ms(outcome)),
        outputs_text(outcome),
        "ok" if outcome.ok else f"FAILED {'; '.join(outcome.problems)}",
    )


def totals(outcomes: Sequence[Outcome], took_s: float) -> str:
    """The last line: how many, how many of them as they had to be, how long it took."""
    claims = sum(len(o.plan.expect) + len(o.plan.forbid) for o in outcomes)
    failed = [outcome for outcome in outcomes if not outcome.ok]
    missed = sum(len(outcome.problems) for outcome in failed)
    hours = sum(outcome.plan.end_s for outcome in outcomes) / 3600
    verdict = f"{missed} not met, in {_count(failed, 'scenario')}" if failed else "all met"
    return (
        f"{_count(outcomes, 'scenario')}, {claims} expectations, {verdict};"
        f" {hours:.{1 if hours >= 10 else 2}f} simulated hours in {took_s:.0f} s"
    )


def _count(items: Sequence, noun: str) -> str:
    return f"{len(items)} {noun}{'s' if len(items) != 1 else ''}"


def rendered(outcomes: Sequence[Outcome], took_s: float, form: str) -> str:
    """The table and the last line as text: aligned columns, Markdown, or a JSON object a line."""
    last = totals(outcomes, took_s)
    if form == "jsonl":
        return "\n".join(json.dumps(_facts(outcome)) for outcome in grouped(outcomes)) + "\n"
    heads, rows = table(outcomes)
    if form == "markdown":
        return f"{output.markdown_table(heads, rows)}\n\n{last}\n"
    return f"{output.plain_table(TITLE, heads, rows)}\n{last}\n"


def _facts(outcome: Outcome) -> dict:
    """An outcome as data."""
    return {
        "scenario": outcome.name,
        "group": outcome.group or None,
        "ok": outcome.ok,
        "expected": [claim.words() for claim in outcome.plan.expect],
        "seen": deciding(outcome),
        "detection_ms": detection_ms(outcome),
        "outputs": outputs(outcome),
        "problems": outcome.problems,
        "simulated_s": outcome.plan.end_s,
    }
