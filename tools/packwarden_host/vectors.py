"""`packwarden vectors`: the same frames through the control step of every target, side by side.

Realistic and hostile frames, see `packwarden_target.ordeal`. Folded into a digest are every array
and integer of the step, every output and every event line: one bit that differs is seen, and the
first tick at which it does is named.
"""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from packwarden_host import output, sources, targets
from packwarden_host.board_target import Board
from packwarden_host.configurations import every_row_on, ordinary, uneven, widest, without
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.progress import Progress
from packwarden_host.sources import Files
from packwarden_host.targets import Target

HURRY = 50  # delays of minutes would not pass in ordeals of seconds
IMBALANCE = "current_imbalance"
SHOWN_EVERY = 100  # ticks between two digests
_SMALL = {"monitor": "ina226", "cells": 8, "shunt": "100A/12.5mV"}


@dataclass(frozen=True)
class Job:
    """An ordeal: a bank, how long, and which chance; or a life of the estimators alone.

    config: of a bank, or {batteries, rated_mA} for the estimators.
    """

    name: str
    config: dict
    ticks: int
    seed: int

    def arguments(self, every: int = SHOWN_EVERY) -> list:
        """As `packwarden_target.vectors.run` takes them; every: ticks between two digests."""
        return [self.name, self.config, self.ticks, self.seed, None, every]


def jobs() -> list[Job]:
    """The ordeals, with each monitor chip and each kind of breaker."""
    quick = every_row_on(ordinary(15), HURRY)
    uvr = every_row_on(ordinary(4, breaker="uvr", feedback="both", **_SMALL), HURRY)
    wired = {"feedback": "both", "main_shunt_uohm": 50, "trip_circuit": "open_on_fault"}
    contactors = ordinary(2, breaker="contactor", feedback="none", monitor="ina238")
    kinds = (
        ("15 as shipped", ordinary(15), 400, 1),
        ("15 all rows", quick, 400, 2),
        ("15 no imbalance", without(quick, IMBALANCE), 400, 1),
        ("4 uvr", uvr, 400, 1),
        ("4 uvr no imbalance", without(uvr, IMBALANCE), 400, 2),
        ("2 contactor", every_row_on(contactors, HURRY), 400, 2),
        ("1 shunt trip", every_row_on(ordinary(1, feedback="52b"), HURRY), 400, 2),
        ("2 as shipped", ordinary(2, 50, **_SMALL | {"shunt": "50A/12.5mV"}), 300, 2),
        ("4 widest", widest(4, "ina228", kind="uvr"), 300, 1),
        ("3 uneven", uneven(every_row_on(ordinary(3, **wired), HURRY)), 300, 2),
        ("15 uneven widest", uneven(widest(15, "ina238", main_shunt_uohm=1), 1), 300, 1),
    )
    ordeals = [
        Job(f"{name} {seed}", config, ticks, 1000 * seed + 7)
        for name, config, ticks, seeds in kinds
        for seed in range(seeds)
    ]
    return [*ordeals, estimates(15, 100, 100_000), estimates(2, 800, 10_000)]


def estimates(batteries: int, ticks: int, rated_mA: int) -> Job:
    """A life of the estimators."""
    bank = {"batteries": batteries, "rated_mA": rated_mA}
    return Job(f"{batteries} estimates {rated_mA // 1000} A", bank, ticks, 7)


def short_jobs() -> list[Job]:
    """Fewer and shorter ones, the smallest bank first, for a board: what does not fit, it says."""
    contactors = ordinary(2, breaker="contactor", feedback="none", monitor="ina238")
    banks = (
        ("1 shunt trip", every_row_on(ordinary(1, feedback="52b"), HURRY)),
        ("2 contactor", every_row_on(contactors, HURRY)),
        ("4 widest", widest(4, "ina228", kind="uvr")),
        ("8 all rows", every_row_on(ordinary(8), HURRY)),
        ("15 all rows", every_row_on(ordinary(15), HURRY)),
    )
    ordeals = [Job(name, config, 200, 7) for name, config in banks]
    return [*ordeals, estimates(2, 600, 100_000)]


@dataclass
class Result:
    """What came of one target."""

    target: Target
    facts: dict = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)  # by the names of the jobs
    small: list[str] = field(default_factory=list)  # jobs whose bank does not fit its memory
    problem: str = ""

    def digest(self, names: Sequence[str]) -> str:
        """One number of all that these jobs printed; empty where it did not run."""
        if self.problem:
            return ""
        text = "\n".join(line for name in names for line in self.lines[name])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass
class Report:
    """What came of all of them; the first one that ran is what the others have to agree with."""

    results: list[Result]
    names: list[str]  # of the jobs that fit every target
    ticks: int
    differences: list[str]

    @property
    def agree(self) -> bool:
        """Every target ran, and gave the same bits."""
        return not self.differences and not any(result.problem for result in self.results)


def run(port: str | None, as_json: bool) -> None:
    """Run the vectors and print one digest for each target; RunFailed if they do not agree."""
    if port is None:
        report = compare(targets.local(), jobs())
    else:
        with Board(port) as board:
            report = compare([*targets.local(), board], short_jobs())
    if as_json:
        print(json.dumps(_as_data(report)))
    else:
        output.table("Vectors", *_table(report))
    if report.differences:
        raise RunFailed(f"the targets differ: {'; '.join(report.differences)}")
    if not report.agree:
        silent = [result for result in report.results if result.problem]
        told = "; ".join(f"{result.target.name}: {result.problem}" for result in silent)
        raise RunFailed(f"not every target ran: {told}")
    if not as_json:
        count = f"{len(report.names)} jobs, {report.ticks} ticks"
        output.line(f"agree: {count}, the same bits on {len(report.results)} targets", "green")


def compare(chosen: Sequence[Target], todo: Sequence[Job]) -> Report:
    """Run jobs on targets side by side, a board in this thread, and look where they differ."""
    needed = files([job.arguments() for job in todo])
    steps = sum(job.ticks // SHOWN_EVERY for job in todo)
    pool = ThreadPoolExecutor(len(chosen))
    with Progress([target.name for target in chosen], steps) as progress:
        try:
            futures = {
                pool.submit(_run_one, target, todo, needed, progress): target
                for target in chosen
                if not isinstance(target, Board)
            }
            results = {
                target.name: _run_one(target, todo, needed, progress)
                for target in chosen
                if isinstance(target, Board)
            }
            for future in as_completed(futures):
                results[futures[future].name] = future.result()
            return _report([results[target.name] for target in chosen], todo)
        finally:
            for target in chosen:
                target.end()
            pool.shutdown()


def files(arguments: Sequence[Sequence], library: Files | None = None) -> dict[str, str | bytes]:
    """What a target needs to run jobs, each given as the arguments of `vectors.run`.

    library: another one than our own.
    """
    told = {f"job{number}.json": json.dumps(each) for number, each in enumerate(arguments)}
    return {**(library or sources.library()), **sources.scripts(), **told}


def script(count: int) -> str:
    """What runs that many jobs."""
    names = [f"job{number}.json" for number in range(count)]
    return f"import vectors\nvectors.main({names!r})\n"


def _run_one(target: Target, todo: Sequence[Job], needed: dict, progress: Progress) -> Result:
    result = Result(target)

    def listen(line: str) -> None:
        is_digest = " 0x" in line and " saw " not in line
        progress.at(target.name, line if not is_digest else line.rsplit(" ", 2)[0], is_digest)

    try:
        result.facts = target.facts()
        printed = target.run(script(len(todo)), needed, listen)
        result.lines = {job.name: _of(job.name, printed) for job in todo}
        result.small = [name for name, lines in result.lines.items() if "does not fit" in lines[0]]
        if len(result.small) == len(todo):
            result.problem = "no bank fits its memory"
    except (BadInput, RunFailed) as error:
        words = " ".join(str(error).split()).removeprefix(f"{target.name}: ")
        result.problem = words[-300:]
    progress.ended(target.name, result.problem or "done")
    return result


def _of(name: str, printed: str) -> list[str]:
    """What a target printed of a job, without its name."""
    head = f"{name} "
    lines = [line.removeprefix(head) for line in printed.splitlines() if line.startswith(head)]
    if not lines:
        raise RunFailed(f"printed nothing of {name}")
    return lines


def _report(results: list[Result], todo: Sequence[Job]) -> Report:
    ran = [result for result in results if not result.problem]
    small = {name for result in ran for name in result.small}
    fitting = [job for job in todo if job.name not in small]
    differences = [
        found
        for result in ran[1:]
        for job in fitting
        if (found := _difference(ran[0], result, job))
    ]
    ticks = sum(job.ticks for job in fitting)
    return Report(results, [job.name for job in fitting], ticks, differences)


def _difference(one: Result, other: Result, job: Job) -> str:
    """Where a target first differs from another in a job, to the tick; empty if nowhere."""
    if one.lines[job.name] == other.lines[job.name]:
        return ""
    needed = files([job.arguments(every=1)])
    told = [_of(job.name, result.target.run(script(1), needed)) for result in (one, other)]
    pairs = zip(*told, strict=False)
    place = next((mine.split(" ")[0] for mine, its in pairs if mine != its), None)
    where = f"tick {place}" if place else "no tick: not the same twice"
    return f"{other.target.name} from {one.target.name}, job {job.name!r}, {where}"


def _table(report: Report) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    rows = []
    for result in report.results:
        told = result.facts
        runs = (
            (targets.described(told), str(told["bits"]), told["emitter"]) if told else ("-",) * 3
        )
        note = f" (too small for: {', '.join(result.small)})" if result.small else ""
        shown = f"not run: {result.problem}" if result.problem else result.digest(report.names)
        rows.append((result.target.name, *runs, shown + note))
    return ("target", "runs", "bits", "emitter", "digest"), rows


def _as_data(report: Report) -> dict:
    return {
        "agree": report.agree,
        "jobs": report.names,
        "ticks": report.ticks,
        "differences": report.differences,
        "targets": [
            {
                "target": result.target.name,
                "runs": targets.described(result.facts) if result.facts else None,
                "bits": result.facts.get("bits"),
                "emitter": result.facts.get("emitter"),
                "digest": result.digest(report.names) or None,
                "too_small_for": result.small,
                "problem": result.problem or None,
            }
            for result in report.results
        ],
    }
