"""What became of a scenario in a campaign: which events decided, how soon, what it left open."""

from dataclasses import dataclass

from packwarden_host import verdict
from packwarden_host.scenario import Scenario
from packwarden_host.scenario_run import Heard
from packwarden_host.verdict import Finding

_GRAVE = ("alarm", "trip")
# Where nothing of what was asked for was seen, so many alarms and trips tell what came instead.
_INSTEAD = 4


@dataclass(frozen=True)
class Outcome:
    """What became of a scenario; `broke`: why its run ended too early, None if it did not."""

    name: str
    plan: Scenario
    heard: Heard
    findings: list[Finding]
    broke: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the run went to its end and everything was as it had to be."""
        return not self.problems

    @property
    def problems(self) -> list[str]:
        """What was not as it had to be, in words; of a run that broke only why."""
        if self.broke is not None:
            return [self.broke]
        return [f"{found.asked}: {found.seen}" for found in self.findings if not found.met]

    @property
    def group(self) -> str:
        """The heading under which the scenario stands, "" for none."""
        return getattr(self.plan, "group", None) or ""


def deciding(outcome: Outcome) -> list[dict]:
    """The events that decided, in their order; without any, the alarms and trips that came."""
    chosen = {id(f.event): f.event for f in outcome.findings if f.event is not None}
    if chosen:
        return sorted(chosen.values(), key=lambda event: (event["t_ms"], event["seq"]))
    return [event for event in outcome.heard.events if event["kind"] in _GRAVE][:_INSTEAD]


def detection_ms(outcome: Outcome) -> int | None:
    """From what went wrong to the first alarm or trip that was expected; None if there is none.

    Where neither was expected the first warning or command counts.
    """
    met = [f.event for f in outcome.findings[: len(outcome.plan.expect)] if f.met and f.event]
    events = [event for event in met if event["kind"] in _GRAVE]
    events = events or [event for event in met if event["kind"] != "clear"]
    if not events:
        return None
    t_ms = min(event["t_ms"] for event in events)
    return t_ms - outcome.plan.went_wrong_ms(t_ms)


def outputs(outcome: Outcome) -> dict | None:
    """How the outputs really are at the end: breakers that are open, relays; None if unknown.

    `opened` by Packwarden, `by_itself` those that no event line told to open.
    """
    truth = outcome.heard.truth
    if truth is None or truth["t_ms"] < outcome.plan.end_ms:
        return None
    size = outcome.plan.bank.batteries
    opened = verdict.opened(truth, size)
    told = _told(outcome.heard.events, size)
    return {
        "opened": [name for name in opened if name in told],
        "by_itself": [name for name in opened if name not in told],
        "alarm": not truth["alarm"],
        "fan": bool(truth["fan"]),
        "charge": bool(truth["charge"]),
        "discharge": bool(truth["discharge"]),
    }


def _told(events: list[dict], size: int) -> set[str]:
    """The breakers that were told to open."""
    told = set()
    for event in events:
        action = event["action"]
        if action == "trip_all":
            told |= {"main", *(f"Q{k:02d}" for k in range(1, size + 1))}
        if "trip_main" in action:
            told.add("main")
        if "trip_battery" in action and event["battery"] is not None:
            told.add(f"Q{event['battery']:02d}")
    return told
