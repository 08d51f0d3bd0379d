"""The table of single faults that a campaign gives: a line for each, from all its situations."""

from collections.abc import Sequence

from packwarden_host import campaign_table, output
from packwarden_host.campaign_outcome import Outcome, detection_ms
from packwarden_host.fault_rows import Combination
from packwarden_host.verdict import isolation_ms

HEADS = (
    "part",
    "fault",
    "detected by",
    "told",
    "after",
    "what happens",
    "unprotected meanwhile",
    "hot terminal",
    "result",
)
_NONE = "-"


def markdown(outcomes: Sequence[Outcome], took_s: float) -> str:
    """The table in Markdown, and the campaign's last line."""
    last = campaign_table.totals(outcomes, took_s)
    return f"{output.markdown_table(HEADS, rows(outcomes))}\n\n{last}\n"


def rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """A row for each fault."""
    return [_row(together) for together in _by_fault(outcomes)]


def _by_fault(outcomes: Sequence[Outcome]) -> list[list[tuple[Combination, Outcome]]]:
    """The combinations of each fault with their outcomes, in the order of the table."""
    found: dict[str, list[tuple[Combination, Outcome]]] = {}
    for outcome in outcomes:
        assert isinstance(outcome.plan, Combination)
        found.setdefault(outcome.plan.row.name, []).append((outcome.plan, outcome))
    return list(found.values())


def _row(together: list[tuple[Combination, Outcome]]) -> tuple[str, ...]:
    plan, outcome = together[0]  # the simplest situation comes first
    row = plan.row
    problems = [
        f"{one.situation}: {problem}" for one, done in together for problem in done.problems
    ]
    return (
        plan.group or _NONE,
        row.what,
        row.detected,
        campaign_table.expected(plan) if plan.expect else _NONE,
        campaign_table.duration(detection_ms(outcome)),
        row.happens,
        row.unprotected,
        next((_heat(one, done) for one, done in together if one.overheats), _NONE),
        "ok" if not problems else f"FAILED {'; '.join(problems)}",
    )


def _heat(plan: Combination, outcome: Outcome) -> str:
    """When the battery that overheats was off, counted from when it was too hot."""
    assert plan.overheats is not None
    hot_ms, off_ms = isolation_ms(plan.overheats, outcome.heard.truths)
    if off_ms is not None and hot_ms is not None and off_ms >= hot_ms:
        return f"off after {campaign_table.duration(off_ms - hot_ms)}"
    if off_ms is not None:
        return "off before"
    return "cools" if hot_ms is None else "stays on"
