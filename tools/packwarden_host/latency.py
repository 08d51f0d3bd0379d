"""`packwarden latency`: from the value in a chip's register to the output, at random phases.

Each row of the element table that drives an output runs for itself, all others off, through the
real firmware in the real VM: `packwarden_sim.trials` makes its event happen again and again. What
is measured is held against the bound of `latency_bound`.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from packwarden import elements, levels
from packwarden_host import bank_file, boards, latency_table, output
from packwarden_host import latency_cases as cases
from packwarden_host.codes import Coder
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.latency_bound import FAILURES, Bound, Load, SLICE_us, Terms
from packwarden_host.latency_cases import Case, Situation
from packwarden_host.trace import Row
from packwarden_host.vm import Cabinet, Job
from packwarden_sim import costs

LOADS = ("quiet", "console", "flash", "journal", "absent", "hung")
KEPT_ms = 1000  # longer delays are shortened ...
SHORT_ms = 300  # ... to this
WAIT_ms = 100  # and the wait for a low current
_RATED_A = 100
_SPAN_us = 40_000  # of the random times of the events, at least
_EARLY_us = 1000  # times are compared in whole ms


@dataclass(frozen=True)
class Request:
    """What `latency` was asked to do."""

    elements: tuple[str, ...] = ()
    phases: int = 100
    batteries: int = 4  # 3 at least: one that trips, one that fails, and one beside them
    loads: tuple[str, ...] = LOADS
    seed: int = 1
    form: str = "text"
    output: Path | None = None


@dataclass
class Measured:
    """One row under one load. Times in us; None in `times_us`: the output never followed."""

    case: Case
    load: str
    what: str  # the load in words, "" where the row has no meaning under it
    delay_us: int
    shipped_ms: int | None  # the delay, where it was shortened
    terms: Terms
    early_us: int = _EARLY_us  # by how much a time may be less than the delay
    times_us: list = field(default_factory=list)
    late_us: int = 0
    broke: str | None = None  # why the run ended before its last trial

    @property
    def bound_us(self) -> int:
        """What the settings allow."""
        return sum(us for _, us in self.terms)

    @property
    def problem(self) -> str | None:
        """What is wrong with it, in words; None when it holds."""
        if self.broke or not self.what:
            return self.broke
        if not self.times_us:
            return "nothing was measured"
        if None in self.times_us:
            return f"{self.times_us.count(None)} of {len(self.times_us)} never operated"
        if max(self.times_us) > self.bound_us:
            return f"{max(self.times_us) / 1000:.2f} ms exceed the bound"
        if min(self.times_us) < self.delay_us - self.early_us:
            return f"{min(self.times_us) / 1000:.2f} ms are less than its delay"
        return None


@dataclass
class Run:
    """A row under a load, prepared: the configuration, the trace's quiet row, the trials."""

    measured: Measured
    config: dict
    quiet: list[int]
    plan: dict
    console: str
    seed: int


def run(request: Request) -> None:
    """Measure what was asked for and print the table; RunFailed if a bound does not hold."""
    chosen = _chosen(request.elements)
    if request.output is not None:
        output.check_writable(request.output)
    found = measure(chosen, request)
    text = latency_table.rendered(found, request.form)
    print(text, end="", flush=True)
    if request.output is not None:
        output.write_whole(request.output, text)
    wrong = [one for one in found if one.problem]
    if wrong:
        said = "; ".join(f"{one.case.name}, {one.what}: {one.problem}" for one in wrong[:5])
        raise RunFailed(f"{len(wrong)} of {len(found)} do not hold: {said}")


def _chosen(names: tuple[str, ...]) -> list[Case]:
    """The cases of elements (terminal_rise) and of levels (terminal_rise.trip)."""
    every = list(cases.every_case())
    known = {case.name for case in every} | {case.element.slug for case in every}
    for name in names:
        if name not in known:
            slugs = [element.slug for element in elements.TABLE]
            reason = "drives no output" if name in slugs else "is no element and no level of one"
            raise BadInput(f"{name!r} {reason} (packwarden elements lists them)")
    return [case for case in every if not names or {case.name, case.element.slug} & set(names)]


def measure(chosen: list[Case], request: Request) -> list[Measured]:
    """Run every case under every load, side by side; the results in the order of the table."""
    runs = [prepared(case, load, request) for case in chosen for load in request.loads]
    todo = [one for one in runs if one.measured.what]
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    cabinets = {id(one): Cabinet(one.config) for one in todo}
    with latency_table.progress(len(todo) * request.phases) as progress:
        try:
            futures = {
                pool.submit(_run_one, one, cabinets[id(one)], progress): one for one in todo
            }
            for future in as_completed(futures):
                future.result()
                progress.ended(futures[future].measured)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for cabinet in cabinets.values():
                cabinet.end()
            pool.shutdown()
    return [one.measured for one in runs]


def _run_one(run: Run, cabinet: Cabinet, progress: latency_table.Lines) -> None:
    """All trials of a run. In a thread of the pool."""
    measured = run.measured
    with cabinet:
        path, plan = cabinet.folder / "quiet.txt", cabinet.folder / "trials.json"
        head = json.dumps({"batteries": run.config["bank"]["batteries"]})
        path.write_text(head + "\n" + " ".join(map(str, run.quiet)) + "\n")
        plan.write_text(json.dumps(run.plan))
        source = {"kind": "trials", "path": str(path), "trials": str(plan)}
        job = Job(source, None, run.seed, console=run.console)
        try:
            for letter, text in cabinet.lines(job):
                if letter == "T":
                    told = json.loads(text)
                    measured.times_us.append(told["us"])
                    measured.late_us = max(measured.late_us, told["late_us"])
                    progress.trial(measured)
                elif letter == "X":
                    raise RunFailed(f"the board started again: {text}")
        except RunFailed as error:
            measured.broke = str(error)


def prepared(case: Case, load: str, request: Request) -> Run:
    """Everything that a row needs to run under a load."""
    n = request.batteries
    config = bank_file.build(bank_file.Choices(n, _RATED_A))
    given = cases.settings(case, config["bank"])
    shipped_ms = _shorten(given)
    # The first battery is the one that fails beside them.
    places = range(2, n + 1) if case.level.scope != levels.BANK else range(2, 3)
    situations = [cases.situation(case, given, k, n) for k in places]
    first = situations[0]
    configure(config, case, given, first)
    bound = Bound(config, boards.load(config["bank"]["board"]))
    what, told, effect = _beside(case, first, load)
    load_A = 600.0
    if case.level.quantity == "bank_inverse":
        load_A *= n - 1 if "monitor 1" in what else n  # its current is missing in the sum
    delay_us = bound.delay_us(case, given, load_A)
    terms = bound.terms(case, first, given, effect, delay_us)
    early_us = _EARLY_us + bound.early_us(case, effect)
    measured = Measured(case, load, what, delay_us, shipped_ms, terms, early_us)
    quiet, rows = _rows(config, situations)
    plan = {
        "cases": [
            _trial(case, k, one, row) for k, one, row in zip(places, situations, rows, strict=True)
        ],
        "phases": request.phases,
        "span_us": max(_SPAN_us, bound.interval_us(first.read)),
        "patience_ticks": 3 * bound.ticks_between(first.read) + 12,
        "leaps": first.leaps,
        "delay_us": delay_us,
        "limit_us": 2 * measured.bound_us + 1_000_000,
        "load": told,
    }
    console = "flood" if load == "console" else "none"
    return Run(measured, config, quiet, plan, console, request.seed)


def _trial(case: Case, k: int, situation: Situation, row: list[int]) -> dict:
    """A situation at battery k as `packwarden_sim.trials` takes it."""
    return {
        "row": " ".join(map(str, row)),
        "faults": situation.faults,
        "extra": situation.extra,
        "stages": cases.stages(case, situation, k),
        "zero_us": None if situation.first is None else situation.zero_us,
    }


def _shorten(given: dict) -> int | None:
    """Shorten what takes too long to be waited for a thousand times; the shipped delay, if so."""
    delay_ms = given.get("delay_ms", 0)
    if delay_ms <= KEPT_ms:
        return None
    given["delay_ms"] = SHORT_ms
    return delay_ms


def configure(config: dict, case: Case, given: dict, situation: Situation) -> None:
    """Switch everything off but the row, and what it needs."""
    if case.level.wait_ms is not None:
        given["wait_ms"] = WAIT_ms
    shipped = elements.defaults(config["bank"])
    for slug in config["elements"]:
        config["elements"][slug] = dict.fromkeys(config["elements"][slug], "off")
    for name, changes in situation.rows.items():
        slug, key = name.split(".")
        config["elements"][slug][key] = shipped[slug][key] | changes
    config["elements"][case.element.slug][case.level.key] = given
    for path, value in situation.changes.items():
        section, name = path.split(".")
        config[section][name] = value
    found = bank_file.errors(config)
    if found:
        raise BadInput(bank_file.one_line(case.name, found))


def _rows(config: dict, situations: list[Situation]) -> tuple[list[int], list[list[int]]]:
    """The quiet row of a trace and the one of each situation, as the chips carry them."""
    n = config["bank"]["batteries"]
    usual = {f"i{k}_A": 20.0 for k in range(1, n + 1)}
    quiet = usual | situations[0].quiet
    events = [quiet | one.event for one in situations]
    names = sorted(set().union(quiet, *events))
    coder = Coder(config, {name: place for place, name in enumerate(names)})
    coded = [
        coder.row(Row(0, 0, [cells.get(name) for name in names])) for cells in [quiet, *events]
    ]
    return coded[0], coded[1:]


def _beside(case: Case, situation: Situation, load: str) -> tuple[str, dict, Load]:
    """A load for a row: in words, as the trials take it, as the bound does.

    No words where the row has no value under it.
    """
    none = {"kind": "none"}
    if load == "quiet":
        return "quiet", none, Load()
    if load == "console":
        return "console flooded", none, Load(max(SLICE_us, costs.GC_US))
    if load == "flash":
        return "a lockout is written", {"kind": "flash"}, Load(costs.NVS_COMMIT_US)
    if load == "journal":
        commit_us = costs.FILE_OPEN_US + costs.FILE_COMMIT_US
        return "the journal is written", {"kind": "journal"}, Load(commit_us)
    if case.level.quantity in cases.OF_THE_SUM:
        return "", none, Load()
    chip = "monitor bus" if case.level.quantity == "monitor_lost" else "monitor 1"
    if load == "absent":
        return f"{chip} absent", _failing(chip, "nack"), Load()
    if case.output == "alarm":
        # Three late ticks in a row give the alarm by themselves: it hangs since long.
        return f"{chip} hangs", _failing(chip, "hang", True), Load(hangs=True, skipped=1)
    for bus, needed in (
        ("monitors", situation.monitors),
        ("expanders", situation.expanders(case)),
    ):
        if not needed:
            return (
                f"bus of the {bus} held",
                _failing(f"bus {bus}", "hang"),
                Load(hangs=True, skipped=1),
            )
    return f"{chip} hangs", _failing(chip, "hang"), Load(hangs=True, skipped=FAILURES)


def _failing(target: str, kind: str, stays: bool = False) -> dict:
    """Something on a bus that fails just before each event, or (`stays`) for the whole run."""
    return {"kind": "chip", "faults": [{"target": target, "kind": kind}], "stays": stays}
