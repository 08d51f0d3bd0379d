"""`packwarden commission PORT`: the steps of a commissioning one after another, and its report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from packwarden_host import commission_load, commission_page, commission_person, injection, output
from packwarden_host import commission_progress as progress
from packwarden_host import commission_steps as steps
from packwarden_host.commission_cabinet import Cabinet
from packwarden_host.commission_person import Person
from packwarden_host.commission_progress import Progress
from packwarden_host.dialogue import Dialogue
from packwarden_host.errors import BadInput, RunFailed

Run = Callable[[Cabinet, Person], steps.Checks]


@dataclass(frozen=True)
class Step:
    """A step: its name, what it is for, what runs it."""

    name: str
    title: str
    run: Run


STEPS = (
    Step("sensors", "Each sensor present, in range, on the right battery", steps.sensors),
    Step("zero", "Zero of each current, breakers open", steps.zero),
    Step("voltages", "Voltages alike, breakers open", steps.voltages),
    Step("number", "Number of packs in parallel", steps.number),
    Step("rest", "Joined at rest: the monitors against each other", steps.rest),
    Step("polarity", "Polarity of each current", commission_load.polarity),
    Step("trips", "Trip test of each output", commission_load.trips),
    Step("estimates", "Shares and resistances under load", commission_load.estimates),
    Step("baseline", "Baseline", commission_load.baseline),
)

# Not of every commissioning: a protection engineer with a source does it.
INJECTION = Step("injection", "Secondary injection: pickup and time of elements", injection.run)


_MARKS = {"good": "ok    ", "left out": "LEFT  ", "failed": "FAILED"}


@dataclass(frozen=True)
class Request:
    """What was asked for."""

    port: str
    file: Path
    form: str
    progress: Path | None
    answers: Path | None
    only: Sequence[str]
    inject: bool
    pin: str | None


def run(request: Request) -> None:
    """Lead through what is not done yet and write the report. RunFailed where a step fails."""
    wanted = _wanted(request)
    answers = commission_person.read(request.answers) if request.answers else None
    person = Person(answers)
    kept = request.progress or request.file.with_suffix(".json")
    for path in (request.file, kept):
        output.check_writable(path)
    if kept == request.file:
        raise BadInput(f"{kept}: is report and progress at once: name another file")
    with Dialogue(request.port) as dialogue:
        cabinet = Cabinet(dialogue, request.pin)
        if not request.inject:  # which operates nothing
            cabinet.check_pin()
        found = progress.read(kept, cabinet.identity())
        try:
            for step in wanted:
                again = request.only or request.inject
                if again or not _is_done(step, cabinet, found):
                    _do(step, cabinet, person, found, kept)
        finally:
            cabinet.lock()
            _report(request, found)
    _end(request, found)


def _wanted(request: Request) -> Sequence[Step]:
    if request.inject:
        if request.only:
            raise BadInput("--inject and --only: one of them")
        return [INJECTION]
    names = [step.name for step in STEPS]
    for name in request.only:
        if name not in names:
            raise BadInput(f"--only {name}: is not one of {', '.join(names)}")
    return [step for step in STEPS if not request.only or step.name in request.only]


def _is_done(step: Step, cabinet: Cabinet, found: Progress) -> bool:
    """Say what is done already; what the board has lost since is not."""
    if not found.done(step.name):
        return False
    day = found.steps[step.name].when[:10]
    if not cabinet.keeps(step.name):
        output.line(f"{step.name}: done on {day}, but the board has lost it", "bold red")
        del found.steps[step.name]
        return False
    if found.state(step.name) == "incomplete":
        note = commission_page.remedy(found, step.name)
        output.line(f"{step.name}: incomplete since {day}, {note}", "yellow")
    else:
        output.line(f"{step.name}: done on {day}", "dim")
    return True


def _end(request: Request, found: Progress) -> None:
    """Say how all of it stands now, and what brings it further."""
    titles = _titles(found)
    verdict = commission_page.verdict(found, titles)
    colour = "green" if verdict == "good" else "yellow"
    for name in titles:
        if found.state(name) == "incomplete":
            output.line(f"{name}: {commission_page.remedy(found, name)}", colour)
    steps_ = commission_page.summary(found, titles)
    output.line(f"{request.file}: Commissioning: {verdict}; steps: {steps_}", colour)


def _do(step: Step, cabinet: Cabinet, person: Person, found: Progress, kept: Path) -> None:
    """Do a step, show what it finds as it does, keep it; RunFailed if it has failed."""
    by = person.ask("name")
    output.line(f"{step.name}: {step.title}", "bold")
    earlier = found.steps.get(step.name)
    checks = []
    for check in step.run(cabinet, person):
        checks.append(check)
        text = f"  {_MARKS[check.result]}  {check.what}: {check.found}"
        wanted = "" if check.good else f" (wanted: {check.wanted})"
        output.line(text + wanted, None if check.good else "bold red")
    when = datetime.now().astimezone().isoformat(timespec="seconds")
    done = progress.Step(when=when, by=by, checks=checks)
    found.steps[step.name] = done
    if step is INJECTION:
        found.steps[step.name] = done.model_copy(update={"checks": with_earlier(earlier, checks)})
    progress.write(kept, found)
    if not done.good:
        reason = next((check for check in checks if not check.good), None)
        why = f"{reason.what}: {reason.found}" if reason else "nothing was looked at"
        raise RunFailed(f"step {step.name} has failed: {why}; the same command goes on from here")


def with_earlier(
    earlier: progress.Step | None, checks: list[progress.Check]
) -> list[progress.Check]:
    """These checks of an injection behind the earlier ones of other batteries and levels."""
    anew = {tuple(check.what.split()[:2]) for check in checks}
    older = earlier.checks if earlier else []
    return [one for one in older if tuple(one.what.split()[:2]) not in anew] + checks


def _titles(found: Progress) -> dict[str, str]:
    """What the steps are for, by name: of all, and of the injection where it was done."""
    steps_ = STEPS + ((INJECTION,) if INJECTION.name in found.steps else ())
    return {step.name: step.title for step in steps_}


def _report(request: Request, found: Progress) -> None:
    page = commission_page.html if request.form == "html" else commission_page.markdown
    output.write_whole(request.file, page(found, _titles(found)))
