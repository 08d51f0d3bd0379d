"""Whether a run did what its scenario asks: each claim against the event lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packwarden_host.scenario import Scenario
from packwarden_host.scenario_parts import Claim, Ends, Expect, Forbid, Overheats

_RELAY = {True: "dropped", False: "energised"}
_COMPARED = ("element", "kind", "level", "terminal", "action")


@dataclass(frozen=True)
class Finding:
    """One claim: what was asked, what was seen, whether that is as it should be."""

    asked: str
    seen: str
    met: bool
    event: dict | None = None  # that decided it


def judge(scenario: Scenario, events: list[dict], truths: Sequence[dict] = ()) -> list[Finding]:
    """The findings of a run, expectations first; `events` are decoded event lines in order.

    `truths`: how things really were, in order, the last one at the end.
    """
    findings = [_expected(claim, events) for claim in scenario.expect]
    findings += [_forbidden(claim, events) for claim in scenario.forbid]
    if truths and scenario.ends is not None:
        findings += _ended(scenario.ends, truths[-1], scenario.bank.batteries)
    if truths and scenario.overheats is not None:
        findings.append(_isolated(scenario.overheats, truths))
    return findings


def isolation_ms(asked: Overheats, truths: Sequence[dict]) -> tuple[int | None, int | None]:
    """When the terminal was too hot, and when its battery was off the busbar or the busbar off
    the load; None for what did not happen.
    """
    temperatures = "tp_C" if asked.terminal == "+" else "tn_C"
    k = asked.battery - 1
    hot = (one["t_ms"] for one in truths if one[temperatures][k] >= asked.above_C)
    off = (one["t_ms"] for one in truths if not (one["main"] and one["closed"] >> k & 1))
    return next(hot, None), next(off, None)


def _isolated(asked: Overheats, truths: Sequence[dict]) -> Finding:
    words = f"expected: battery {asked.battery} is off within {asked.within_s:g} s of"
    words += f" {asked.above_C:g} degC at its terminal {asked.terminal}"
    hot_ms, off_ms = isolation_ms(asked, truths)
    if hot_ms is None:
        seen = (
            "it did not get so hot" if off_ms is None else f"off at {off_ms / 1000:.3f} s, before"
        )
        return Finding(words, seen, True)
    if off_ms is None:
        met = truths[-1]["t_ms"] <= hot_ms + asked.within_s * 1000
        return Finding(words, f"{hot_ms / 1000:.3f} s, and never", met)
    took_s = (off_ms - hot_ms) / 1000
    return Finding(words, f"after {took_s:.3f} s", took_s <= asked.within_s)


def opened(truth: dict, batteries: int) -> list[str]:
    """The breakers that are really open: main first, then those of the batteries."""
    names = [] if truth["main"] else ["main"]
    return names + [
        f"Q{k:02d}" for k in range(1, batteries + 1) if not truth["closed"] >> (k - 1) & 1
    ]


def _ended(ends: Ends, truth: dict, batteries: int) -> Iterator[Finding]:
    if ends.opened is not None:
        asked = f"expected: open at the end: {', '.join(ends.opened) or 'none'}"
        seen = opened(truth, batteries)
        yield Finding(asked, ", ".join(seen) or "none", sorted(seen) == sorted(ends.opened))
    if ends.alarm is not None:
        asked = f"expected: the alarm relay at the end {_RELAY[ends.alarm]}"
        dropped = not truth["alarm"]
        yield Finding(asked, _RELAY[dropped], dropped == ends.alarm)


def _expected(claim: Expect, events: list[dict]) -> Finding:
    asked = f"expected: {claim.words()}"
    for event in events:
        if _agrees(claim, event):
            met = event["t_ms"] <= claim.by_s * 1000
            seen = f"seen at {_at(event)}" + ("" if met else ", too late")
            return Finding(asked, seen, met, event)
    return Finding(asked, "not seen", False)


def _forbidden(claim: Forbid, events: list[dict]) -> Finding:
    asked = f"not expected: {claim.words()}"
    for event in events:
        in_time = claim.until_s is None or event["t_ms"] <= claim.until_s * 1000
        excused = any(_agrees(excuse, event) for excuse in claim.unless)
        if in_time and _agrees(claim, event) and not excused:
            return Finding(asked, f"seen at {_at(event)}", False, event)
    return Finding(asked, "not seen", True)


def _agrees(claim: Claim, event: dict) -> bool:
    if event["t_ms"] < claim.after_s * 1000:
        return False
    if claim.battery is not None:
        batteries = claim.battery if isinstance(claim.battery, list) else [claim.battery]
        if event["battery"] not in batteries:
            return False
    wanted = ((getattr(claim, name), event[name]) for name in _COMPARED)
    return all(asked is None or asked == seen for asked, seen in wanted)


def _at(event: dict) -> str:
    return f"{event['t_ms'] / 1000:.3f} s"
