"""`packwarden sim`: the cabinet without hardware, watched through the firmware's own console."""

import math
import os
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from packwarden_host import boards, output, scenario, scenario_run
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.scenario import Scenario
from packwarden_host.scenario_run import Heard
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
# In a pipe the bank is shown so often in a run.
_PRINTED = 20


@dataclass(frozen=True)
class Request:
    """What `sim` was asked to do."""

    scenario: str | None = None
    batteries: int | None = None
    speed: str | None = None
    vm: str = "micropython"
    seed: int | None = None
    pty: bool = False
    link: Path | None = None
    board: str | None = None


def show_list() -> None:
    """Print the scenarios that come along."""
    rows = [(name, scenario.read(name).title) for name in scenario.shipped()]
    output.table("Scenarios", ("name", "title"), rows)


def run(request: Request) -> None:
    """Run what was asked for; RunFailed if a scenario's expectation was not met."""
    plan = _plan(request)
    config = scenario_run.configuration(plan)
    job = scenario_run.job(plan, request.seed, _speed(request, plan))
    if request.pty:
        _run_on_pty(request, plan, config, job)
    else:
        _run_watched(request, plan, config, job)


def _plan(request: Request) -> Scenario:
    if request.board is not None:
        boards.load(request.board)  # refuses one that is not there
    if request.scenario is not None:
        if request.batteries is not None:
            raise BadInput("--batteries is for a run without a scenario, which has its own bank")
        return scenario.read(request.scenario, request.board)
    if request.batteries is None and not request.pty:
        raise BadInput("name a scenario (--list shows them) or give --batteries")
    batteries = _DEFAULT_BATTERIES if request.batteries is None else request.batteries
    if not 1 <= batteries <= 15:
        raise BadInput(f"--batteries {batteries} is outside 1 .. 15")
    return steady(batteries, request.board or "cabinet15")


def steady(batteries: int, board: str = "cabinet15") -> Scenario:
    """A healthy bank (1 .. 15) under a steady load for one simulated hour."""
    return Scenario.model_validate(
        {
            "title": f"A healthy bank of {batteries} under a steady load",
            "end_s": _HEALTHY_S,
            "config": {"board": board},
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


def _run_watched(request: Request, plan: Scenario, config: dict, job: Job) -> None:
    if output.is_terminal():
        view = LiveView(plan.title, plan.bank.rated_current_A)
    else:
        view = PlainView(scenario_run.period_ms(plan.end_ms, _PRINTED))
        output.line(plan.title)
    began_s = real_time_s()
    heard = Heard()
    with Cabinet(config, request.vm) as cabinet:
        with view:
            scenario_run.listen(cabinet.lines(job), view, heard)
        took_s = real_time_s() - began_s
    _summarize(plan, heard, took_s)


def _summarize(plan: Scenario, heard: Heard, took_s: float) -> None:
    output.line(f"why: {heard.why or 'nothing has tripped'}", "bold")
    findings = scenario_run.judge(plan, heard)
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
        with _called(request.link, os.ttyname(slave)) as path:
            console = f"console on {path} (packwarden console {path})"
            output.line(f"{plan.title}: {console}; Ctrl-C ends")
            # Nobody but the person at the terminal types, and there is no end.
            job = Job(job.source, None, job.seed, job.speed, console="stdio", faults=job.faults)
            with Cabinet(config, request.vm, terminal=master) as cabinet:
                scenario_run.listen(cabinet.lines(job), PlainView(), Heard())
    finally:
        os.close(master)
        os.close(slave)


@contextmanager
def _called(link: Path | None, path: str) -> Iterator[str]:
    """Give a pseudo-terminal the name that was asked for, as long as it is there; yield its name.

    What a run that was killed has left there is replaced; BadInput where it is something else, or
    the name of a cabinet that runs.
    """
    if link is None:
        yield path
        return
    try:
        if link.is_symlink() and os.readlink(link).startswith("/dev/"):
            if _is_there(link):
                raise BadInput(
                    f"--link {link}: a cabinet runs under this name: end it, or choose another"
                )
            link.unlink()
        link.symlink_to(path)
    except OSError as error:
        raise BadInput(f"--link {link}: {error.strerror}") from error
    try:
        yield str(link)
    finally:
        # Somebody may have put another one in its place.
        if link.is_symlink() and os.readlink(link) == path:
            link.unlink(missing_ok=True)


def _is_there(link: Path) -> bool:
    """Whether the terminal that a link names can be opened: somebody has its other side."""
    try:
        os.close(os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
    except PermissionError:
        return True
    except OSError:
        return False
    return True
