"""A report as a page: HTML that needs nothing besides itself and prints on A4, or Markdown."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from packwarden_host import output, page, report_findings, report_trends
from packwarden_host.report_findings import Line, Section
from packwarden_host.report_rules import Verdict
from packwarden_host.visit import Event, Visit, before

DAYS = 30  # to the next check: as many as the board counts until it reminds
_MOST_EVENTS = 40
_QUIET = ("info", "clear", "command")
# What no sensor sees: what to look for, and what would be good.
BY_HAND = (
    ("Cables", "no wear, no kink, no insulation that has become hard or shiny"),
    ("Terminals and lugs", "no heat marks, no discoloured or brittle insulation, no smell"),
    ("Torque", "lines of paint unbroken; a terminal to watch or act on: tightened to its torque"),
    ("Air", "10 cm around each pack, nothing laid on it"),
    ("Dust", "none in fan, filter and on the busbar; the fan runs when its terminal is warmed"),
    ("BMS", "no alarm on the display or app of any battery"),
    ("Covers and labels", "closed, tight, readable"),
)


@dataclass(frozen=True)
class Report:
    """What a report says: the visit, what it is compared with, what came of it; all visits."""

    visit: Visit
    earlier: Visit | None
    sections: list[Section]
    visits: Sequence[Visit]

    @property
    def due(self) -> date:
        """When the next check is due."""
        return (self.visit.when + timedelta(days=DAYS)).date()

    def lines(self, verdict: Verdict) -> list[tuple[str, Line]]:
        """The lines of that verdict, each with the title of its section."""
        return [
            (section.title, line)
            for section in self.sections
            for line in section.lines
            if line.verdict == verdict
        ]

    def summary(self) -> str:
        """How many lines have which verdict."""
        counts = Counter(line.verdict for section in self.sections for line in section.lines)
        return ", ".join(f"{counts[one]} {one.word}" for one in reversed(Verdict) if counts[one])

    @property
    def verdict(self) -> Verdict:
        """The worst that there is; what cannot be judged leaves it to the others."""
        found = {line.verdict for section in self.sections for line in section.lines}
        return max(found - {Verdict.NONE}, default=Verdict.NONE)


def of(visits: Sequence[Visit]) -> Report:
    """The report of the last of these visits to a cabinet."""
    visit = visits[-1]
    earlier = before(visits, visit.when)
    found = report_findings.sections(visit, earlier)
    return Report(visit, earlier, found, visits)


def html(report: Report) -> str:
    """The report as a page; whatever the cabinet told is text in it."""
    trends = report_trends.svg(report.visits)
    return page.render(
        "report.html.jinja",
        report=report,
        facts=_facts(report),
        trends=Markup(trends) if trends else None,
        act=report.lines(Verdict.ACT),
        watch=report.lines(Verdict.WATCH),
        events=_events(report.visit),
        by_hand=BY_HAND,
        limits=report_findings.limits(),
    )


def markdown(report: Report) -> str:
    """The report as Markdown, without the charts."""
    parts = [f"# Monthly check: {report.verdict.word}", report.summary().capitalize() + "."]
    parts.append(_table(("what", "is"), _facts(report)))
    for verdict in (Verdict.ACT, Verdict.WATCH):
        for title, line in report.lines(verdict):
            parts.append(f"- **{verdict.word}**: {title}, {line.cells[0]}: {line.reason}")
    for section in report.sections:
        rows = [(*line.cells, line.verdict.word, line.reason) for line in section.lines]
        parts += [f"## {section.title}", section.note]
        parts.append(_table((*section.heads, "verdict", "reason"), rows))
    parts.append("## Events")
    parts += [f"    {text}" for text in _events(report.visit)] or ["None."]
    parts.append("## By hand")
    parts += [f"- [ ] **{what}**: {good}" for what, good in BY_HAND]
    parts += ["Name, date: ______________________________", "## Limits"]
    parts.append(_table(("value", "watch from", "act from", "source"), report_findings.limits()))
    return _blocks(parts)


def _blocks(parts: Sequence[str]) -> str:
    """Blocks with an empty line between them, but none between items of a list."""
    text = ""
    for part in filter(None, parts):
        item = part.startswith(("- ", "    "))
        text += part + ("\n" if item else "\n\n")
        if not item:
            continue
    return text.replace("\n#", "\n\n#").replace("\n\n\n", "\n\n").rstrip() + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    safe = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return output.markdown_table(heads, safe)


def _facts(report: Report) -> list[tuple[str, str]]:
    """Whose report this is, of when, and when the next one is due."""
    visit, earlier = report.visit, report.earlier
    bank = visit.settings.bank
    rated = f"{bank.batteries} batteries of {bank.rated_current_A:g} A, {bank.cells} cells"
    found = [
        ("Bank", rated),
        ("Board", f"{visit.version.board}, Packwarden {visit.version.packwarden}"),
        ("Checked", f"{visit.when:%Y-%m-%d %H:%M}" + (f" by {visit.by}" if visit.by else "")),
        ("Check before", f"{earlier.when:%Y-%m-%d %H:%M}" if earlier else "none is known"),
    ]
    if visit.status.check_days is not None:
        found.append(("The board counts", f"{visit.status.check_days} days since the last check"))
    found.append(("Next check due", f"{report.due:%Y-%m-%d}"))
    return found


def _events(visit: Visit) -> list[str]:
    """The last events that say something, each as a line, with its date where that is known."""
    told = [one for one in visit.events if one.kind not in _QUIET]
    lines = [f"{len(told) - _MOST_EVENTS} earlier ones: `packwarden events PORT`"]
    lines = lines if len(told) > _MOST_EVENTS else []
    return lines + [_event(visit, one) for one in told[-_MOST_EVENTS:]]


def _event(visit: Visit, event: Event) -> str:
    when = f"boot {event.boot}"
    if event.boot == visit.status.boot:
        ago = timedelta(seconds=visit.status.t_s - event.t_ms / 1000)
        when = f"{visit.when - ago:%Y-%m-%d %H:%M}"
    return f"{when}  {output.event_text(event.model_dump()).strip()}"
