"""`packwarden campaign`: many scenarios through the whole firmware, side by side, and one table.

They are the scenarios that come along, or single faults in each situation (see `fault_rows`). Each
is a simulated board in a process of its own; a thread listens to each.
"""

import difflib
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from packwarden_host import (
    campaign_table,
    fault_rows,
    output,
    scenario,
    scenario_run,
    single_faults,
)
from packwarden_host.campaign_outcome import Outcome
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.scenario import Scenario
from packwarden_host.scenario_run import Heard, Watcher
from packwarden_host.sim_view import real_time_s
from packwarden_host.vm import Cabinet

# Real ms of a tick and of a simulated second of the bank: of any bank, and for each battery more
# (from the bench, on a shared two-core x86-64 machine).
_TICK_ms = (0.076, 0.0054)
_SECOND_ms = (0.45, 0.041)
# `make test` runs each scenario that costs no more; the others are for the campaign only.
SHORT_s = 4


@dataclass(frozen=True)
class Request:
    """What `campaign` was asked to do."""

    names: tuple[str, ...] = ()
    faults: bool = False
    jobs: int | None = None
    seed: int | None = None
    vm: str = "micropython"
    form: str = "text"
    output: Path | None = None


@dataclass(frozen=True)
class _Run:
    """A scenario that is going to run, and its cabinet."""

    name: str
    plan: Scenario
    cabinet: Cabinet


def cost_s(plan: Scenario) -> float:
    """About how long the run of a scenario takes, in seconds of a machine like the bench's."""
    tick_ms, second_ms = (
        once + each * plan.bank.batteries for once, each in (_TICK_ms, _SECOND_ms)
    )
    coarse_s = min(plan.coarse_until_s, plan.end_s)
    ticks = coarse_s + (plan.end_s - coarse_s) * 1000 / plan.tick_ms
    return (ticks * tick_ms + plan.end_s * second_ms) / 1000


def run(request: Request) -> None:
    """Run what was asked for and print its table; RunFailed if an expectation was not met."""
    runs = _prepared(request)
    if request.output is not None:
        output.check_writable(request.output)
    began_s = real_time_s()
    progress = _Bar(runs) if sys.stderr.isatty() else _Lines(runs)
    with progress:
        outcomes = _run_all(runs, request, progress)
    took_s = real_time_s() - began_s
    if request.faults and request.form == "markdown":
        text = single_faults.markdown(outcomes, took_s)
    else:
        text = campaign_table.rendered(outcomes, took_s, request.form)
    if request.form == "text" and output.is_terminal():
        output.table(campaign_table.TITLE, *campaign_table.table(outcomes))
        output.line(campaign_table.totals(outcomes, took_s), "bold")
    else:
        print(text, end="", flush=True)
    if request.output is not None:
        output.write_whole(request.output, text)
    failed = [outcome.name for outcome in outcomes if not outcome.ok]
    if failed:
        raise RunFailed(f"{len(failed)} of {len(outcomes)} scenarios failed: {', '.join(failed)}")


def _prepared(request: Request) -> list[_Run]:
    """All that is going to run, in the order of the names: whatever is bad is refused here."""
    if request.faults:
        plans = _faults(request.names)
    else:
        plans = {name: scenario.read(name) for name in _chosen(request.names)}
    runs = []
    for name, plan in plans.items():
        try:
            config = scenario_run.configuration(plan)
        except BadInput as error:
            raise BadInput(f"{name}: {error}") from error
        runs.append(_Run(name, plan, Cabinet(config, request.vm)))
    return runs


def _chosen(names: Sequence[str]) -> list[str]:
    """The scenarios that are meant, each once; a folder stands for its TOML files."""
    shipped = scenario.shipped()
    chosen = []
    for name in names or shipped:
        if name in shipped or not Path(name).is_dir():
            chosen.append(name)
            continue
        files = sorted(Path(name).glob("*.toml"))
        if not files:
            raise BadInput(f"{name}: no TOML file in this folder")
        chosen += map(str, files)
    return list(dict.fromkeys(chosen))


def _faults(names: Sequence[str]) -> Mapping[str, Scenario]:
    """The combinations that are meant: by their own names, or all those of a fault."""
    known = fault_rows.Table().combinations()
    if not names:
        return known
    faults = {plan.row.name for plan in known.values()}
    for name in names:
        if name not in faults and name not in known:
            near = difflib.get_close_matches(name, [*faults, *known], 3, 0.4)
            hint = f"; near it: {', '.join(near)}" if near else ""
            raise BadInput(f"{name}: no fault of this name{hint}")
    return {name: plan for name, plan in known.items() if {name, plan.row.name} & set(names)}


def _run_all(runs: list[_Run], request: Request, progress: "_Lines") -> list[Outcome]:
    """The outcomes in the order of the runs. However this is left, no board goes on."""
    pool = ThreadPoolExecutor(request.jobs or os.cpu_count() or 1)
    outcomes = {}
    try:
        # The longest first: otherwise one core waits in the end for the other.
        futures = {
            pool.submit(_run_one, run, request.seed, progress.watcher(run)): run.name
            for run in sorted(runs, key=lambda run: -cost_s(run.plan))
        }
        for future in as_completed(futures):
            outcomes[futures[future]] = future.result()
            progress.ended(future.result())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for run in runs:
            run.cabinet.end()
        pool.shutdown()
    return [outcomes[run.name] for run in runs]


def _run_one(run: _Run, seed: int | None, watcher: Watcher) -> Outcome:
    """A scenario from its beginning to its end, or until it breaks. In a thread of the pool."""
    heard = Heard()
    broke = None
    try:
        with run.cabinet as cabinet:
            scenario_run.listen(cabinet.lines(scenario_run.job(run.plan, seed)), watcher, heard)
            lost = cabinet.ending.get("events_lost")
            broke = f"{lost} events were lost, what they told is unknown" if lost else None
    except (RunFailed, OSError, ValueError) as error:  # ValueError: a line that is cut short
        broke = str(error)
    return Outcome(run.name, run.plan, heard, scenario_run.judge(run.plan, heard), broke)


class _Lines:
    """Progress in a pipe, on stderr: a line as each scenario ends."""

    def __init__(self, runs: list[_Run]):
        self._count = len(runs)
        self._ended = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def watcher(self, run: _Run) -> Watcher:
        """Who watches the run."""
        return Watcher()

    def ended(self, outcome: Outcome) -> None:
        """A scenario has ended."""
        self._ended += 1
        text = f"{self._ended}/{self._count}  {_ending(outcome)}"
        print(text, file=sys.stderr, flush=True)


def _ending(outcome: Outcome) -> str:
    if outcome.ok:
        return f"ok      {outcome.name}"
    return f"FAILED  {outcome.name}: {'; '.join(outcome.problems)}"


class _Bar(_Lines):
    """Progress on a terminal, on stderr: a bar and what runs now; a line for each that failed."""

    def __init__(self, runs: list[_Run]):
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        super().__init__(runs)
        self._costs = {run.name: cost_s(run.plan) for run in runs}
        self._shares: dict[str, float] = {}  # how far those are that have begun
        columns = (BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        console = Console(stderr=True, highlight=False)
        self._progress = Progress(*columns, console=console, transient=True)
        self._task = self._progress.add_task("", total=sum(self._costs.values()))

    def __enter__(self):
        self._progress.start()
        return self

    def __exit__(self, *_):
        self._progress.stop()

    def watcher(self, run: _Run) -> Watcher:
        """Who watches the run and moves the bar."""
        return _Mover(self, run)

    def ended(self, outcome: Outcome) -> None:
        """A scenario has ended."""
        from rich.text import Text

        self._ended += 1
        if not outcome.ok:
            self._progress.console.print(Text(_ending(outcome), style="bold red"))
        self.moved(outcome.name, 1)

    def moved(self, name: str, share: float) -> None:
        """A scenario has come so far, 0 .. 1. From any thread."""
        self._shares[name] = share
        shares = list(self._shares.items())
        done = sum(self._costs[name] * share for name, share in shares)
        running = ", ".join(name for name, share in shares if share < 1)
        text = f"{self._ended}/{self._count}  {running}"
        self._progress.update(self._task, completed=done, description=text)


class _Mover(Watcher):
    """Moves the bar as the firmware reports the time."""

    def __init__(self, bar: _Bar, run: _Run):
        self._bar = bar
        self._run = run

    def bank(self, report: dict) -> None:
        """The firmware replied to `bank --json`."""
        share = report["t_ms"] / max(self._run.plan.end_ms, 1)
        self._bar.moved(self._run.name, min(share, 0.999))
