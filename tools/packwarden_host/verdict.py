"""Whether a run did what its scenario asks: each claim against the event lines."""

from dataclasses import dataclass

from packwarden_host.scenario import Scenario
from packwarden_host.scenario_parts import Claim, Expect, Forbid

_COMPARED = ("element", "kind", "level", "terminal", "action")


@dataclass(frozen=True)
class Finding:
    """One claim: what was asked, what was seen, whether that is as it should be."""

    asked: str
    seen: str
    met: bool
    event: dict | None = None  # that decided it


def judge(scenario: Scenario, events: list[dict]) -> list[Finding]:
    """The findings of a run, expectations first; `events` are decoded event lines in order."""
    findings = [_expected(claim, events) for claim in scenario.expect]
    return findings + [_forbidden(claim, events) for claim in scenario.forbid]


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
        if in_time and _agrees(claim, event):
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
