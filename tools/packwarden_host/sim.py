"""`packwarden sim`: the cabinet without hardware, watched through the firmware's own console."""

import json
import math
import os
import tty
from collections.abc import Iterator
from dataclasses import dataclass, field

from packwarden_host import bank_file, output, scenario, verdict
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.replay import restart_text, with_tick
from packwarden_host.scenario import Scenario
from packwarden_host.sim_view import LiveView, PlainView, real_time_s
from packwarden_host.vm import Cabinet, Job

_HEALTHY_S = 3600
_HEALTHY_RATED_A = 100
_HEALTHY_LOAD_A = 40.0  # per battery
_HEALTHY_SOC_PERCENT = 90.0  # an hour of that load leaves half of it
_DEFAULT_BATTERIES = 4
# A person watches a run for so long, if the machine keeps up and no speed was asked for.
_WATCHED_S = 30
_FASTEST = 1_000_000
# The bank is asked so often in a run, whoever watches: all see the same run.
_REPORTS = 300
_PRINTED = 20
_LEAST_PERIOD_MS = 1000
# The last question is asked so long before the end that a reply under way does not swallow it.
_WHY_BEFORE_END_MS = 1000


@dataclass(frozen=True)
class Request:
    """What `sim` was asked to do."""

    scenario: str | None = None
    batteries: int | None = None
    speed: str | None = None
    vm: str = "micropython"
    seed: int | None = None
    pty: bool = False


@dataclass
class _Heard:
    """What a run has said so far."""

    events: list[dict] = field(default_factory=list)
    why: str | None = None


def show_list() -> None:
    """Print the scenarios that come along."""
    rows = [(name, scenario.read(name).title) for name in scenario.shipped()]
    output.table("Scenarios", ("name", "title"), rows)


def run(request: Request) -> None:
    """Run what was asked for; RunFailed if a scenario's expectation was not met."""
    plan = _plan(request)
    config = with_tick(bank_file.build(plan.choices()), plan.tick_ms)
    speed = _speed(request, plan)
    seed = plan.seed if request.seed is None else request.seed
    if request.pty:
        _run_on_pty(request, plan, config, Job(plan.source(), None, seed, speed))
        return
    job = Job(plan.source(), plan.end_ms, seed, speed, console="script", faults=plan.job_faults())
    job.script = [[max(plan.end_ms - _WHY_BEFORE_END_MS, 0), "why --json\n"]]
    job.script_every = [_period_ms(plan.end_ms, _REPORTS), "bank --json\n"]
    _run_watched(request, plan, config, job)


def _plan(request: Request) -> Scenario:
    if request.scenario is not None:
        if request.batteries is not None:
            raise BadInput("--batteries is for a run without a scenario, which has its own bank")
        return scenario.read(request.scenario)
    if request.batteries is None and not request.pty:
        raise BadInput("name a scenario (--list shows them) or give --batteries")
    batteries = _DEFAULT_BATTERIES if request.batteries is None else request.batteries
    if not 1 <= batteries <= 15:
        raise BadInput(f"--batteries {batteries} is outside 1 .. 15")
    return steady(batteries)


def steady(batteries: int) -> Scenario:
    """A healthy bank (1 .. 15) under a steady load for one simulated hour."""
    return Scenario.model_validate(
        {
            "title": f"A healthy bank of {batteries} under a steady load",
            "end_s": _HEALTHY_S,
            "bank": {
                "batteries": batteries,
                "rated_current_A": _HEALTHY_RATED_A,
                "soc_percent": _HEALTHY_SOC_PERCENT,
                "settled": True,
            },
            "load": {"step": [{"at_s": 0, "current_A": _HEALTHY_LOAD_A * batteries}]},
        }
    )


def _speed(request: Request, plan: Scenario) -> float:
    """Times real time; 0 is as fast as the machine can."""
    if request.speed == "max":
        return 0
    if request.speed is None:
        if request.pty:
            return 1
        watched = output.is_terminal() and request.scenario is not None
        return max(1.0, plan.end_s / _WATCHED_S) if watched else 0
    try:
        speed = float(request.speed)
    except ValueError:
        speed = math.nan
    if not 0 < speed <= _FASTEST:
        raise BadInput(f"--speed {request.speed!r} is neither max nor a number above 0")
    return speed


def _period_ms(end_ms: int, parts: int) -> int:
    """A round period that divides a run into about so many parts."""
    for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800):
        if seconds * 1000 * parts >= end_ms:
            return seconds * 1000
    return 3_600_000 * math.ceil(end_ms / parts / 3_600_000)


def _run_watched(request: Request, plan: Scenario, config: dict, job: Job) -> None:
    rated_A = plan.bank.rated_current_A
    view = LiveView(plan.title, rated_A) if output.is_terminal() else PlainView()
    printed_ms = 0 if output.is_terminal() else _period_ms(plan.end_ms, _PRINTED)
    if not output.is_terminal():
        output.line(plan.title)
    began_s = real_time_s()
    heard = _Heard()
    with Cabinet(config, request.vm) as cabinet:
        with view:
            _listen(cabinet.lines(job), view, printed_ms, heard)
        took_s = real_time_s() - began_s
    _summarize(plan, heard, took_s)


def _listen(lines: Iterator[tuple[str, str]], view: PlainView, printed_ms: int, heard: _Heard):
    """Show what the run says; of the bank's reports one each `printed_ms` (0: every one)."""
    next_ms = 0
    for letter, text in lines:
        if letter == "E":
            heard.events.append(json.loads(text))
            view.event(text)
        elif letter == "X":
            view.note(restart_text(json.loads(text)))
        elif letter == "C" and text.startswith('{"t_ms":'):
            report = json.loads(text)
            if report["t_ms"] >= next_ms:
                view.bank(report)
                next_ms = report["t_ms"] - report["t_ms"] % max(printed_ms, 1) + printed_ms
        elif letter == "C" and text.startswith('{"why":'):
            heard.why = json.loads(text)["why"]


def _summarize(plan: Scenario, heard: _Heard, took_s: float) -> None:
    output.line(f"why: {heard.why or 'nothing has tripped'}", "bold")
    findings = verdict.judge(plan, heard.events)
    for finding in findings:
        mark = "ok    " if finding.met else "FAILED"
        output.line(
            f"{mark}  {finding.asked}: {finding.seen}", None if finding.met else "bold red"
        )
    ratio = plan.end_s / took_s
    size = plan.bank.batteries
    output.line(
        f"{size} batteries: {plan.end_s:g} s simulated in {took_s:.1f} s: {ratio:.1f} x real time"
    )
    failed = sum(not finding.met for finding in findings)
    if failed:
        raise RunFailed(f"{failed} of {len(findings)} expectations not met")


def _run_on_pty(request: Request, plan: Scenario, config: dict, job: Job) -> None:
    """Offer the console on a pseudo-terminal until Ctrl-C; events go to stdout meanwhile."""
    master, slave = os.openpty()
    try:
        # No echo and no line editing here: the firmware does both. This side stays open, so that
        # terminal programs may come and go.
        tty.setraw(slave)
        path = os.ttyname(slave)
        output.line(f"{plan.title}: console on {path} (packwarden console {path}); Ctrl-C ends")
        job.console = "stdio"
        job.faults = plan.job_faults()
        view = PlainView()
        with Cabinet(config, request.vm, terminal=master) as cabinet:
            _listen(cabinet.lines(job), view, 0, _Heard())
    finally:
        os.close(master)
        os.close(slave)
