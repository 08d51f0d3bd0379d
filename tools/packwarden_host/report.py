"""`packwarden report PORT|FILE`: the monthly check, from a cabinet or from what was kept of it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from packwarden_host import events, output, pin, report_page, visit
from packwarden_host.dialogue import Dialogue
from packwarden_host.errors import BadInput
from packwarden_host.report_rules import Verdict
from packwarden_host.visit import Settings, Status, Visit

VISITS = "visits.jsonl"
_STYLES = {
    Verdict.GOOD: "green",
    Verdict.NONE: "dim",
    Verdict.WATCH: "gold1",
    Verdict.ACT: "bold red",
}


@dataclass(frozen=True)
class Request:
    """What was asked for. `done`: the check is done, the board counts its days anew."""

    source: str
    file: Path
    form: str
    visits: Path | None
    by: str | None
    when: datetime | None
    done: bool
    pin: str | None


def run(request: Request) -> None:
    """Write the report; of a cabinet the visit is kept first. BadInput and RunFailed as usual."""
    output.check_writable(request.file)
    if Path(request.source).is_file():
        _refuse_what_takes_a_cabinet(request)
        _write(request, visit.read(Path(request.source)))
        return
    path = request.visits or request.file.with_name(VISITS)
    earlier, when = _earlier(path, request.when)
    secret = pin.given(request.pin) if request.done else None

    def fits(settings: Settings, status: Status) -> None:
        batteries = settings.bank.batteries
        if earlier and earlier[-1].batteries != batteries:
            raise BadInput(
                f"{path}: is of a bank of {earlier[-1].batteries} batteries, and this has"
                f" {batteries}: give it a file of its own with --visits"
            )
        if request.done and status.pin != "set":
            raise BadInput(
                f"--done takes the cabinet's PIN, and it has none ({status.pin}): set one first,"
                " `pin NEW` at its console"
            )

    with Dialogue(request.source) as dialogue:
        with events.Progress() as progress:
            line, found = visit.ask(dialogue, when, request.by, earlier, progress.tell, fits)
        before = path.read_text(encoding="utf-8") if earlier else ""
        output.write_whole(path, f"{before}{line}\n")
        _write(request, [*earlier, found])
        if request.done:
            dialogue.unlock(secret)
            output.line(dialogue.ask("check done").strip(), "green")


def _refuse_what_takes_a_cabinet(request: Request) -> None:
    for option, given in (
        ("--done", request.done),
        ("--visits", request.visits),
        ("--by", request.by),
        ("--date", request.when),
    ):
        if given:
            raise BadInput(f"{option} goes with a cabinet's port, and {request.source} is a file")


def _earlier(path: Path, given: datetime | None) -> tuple[list[Visit], datetime]:
    """The visits that are kept already, and the time of the one that comes."""
    output.check_writable(path)
    earlier = visit.read(path) if path.exists() else []
    when = (given or datetime.now()).astimezone()
    if earlier and earlier[-1].when > when:
        last = f"{earlier[-1].when:%Y-%m-%d %H:%M}"
        raise BadInput(f"{path}: its last visit is of {last}, later than now: see --date")
    return earlier, when


def _write(request: Request, visits: list[Visit]) -> None:
    """Write the report of the last of these visits, and say what is to be done."""
    report = report_page.of(visits)
    text = report_page.html(report) if request.form == "html" else report_page.markdown(report)
    output.write_whole(request.file, text)
    for verdict in (Verdict.ACT, Verdict.WATCH):
        for title, line in report.lines(verdict):
            said = f"{verdict.word}: {title}, {line.cells[0]}: {line.reason}"
            output.line(said, _STYLES[verdict])
    output.line(
        f"{request.file}: {report.summary()}; next check due {report.due}", _STYLES[report.verdict]
    )
