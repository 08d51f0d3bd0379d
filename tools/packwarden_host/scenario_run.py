"""The run of a scenario through the whole firmware: its job, what is heard of it, the verdict.

`sim` shows one run, `campaign` makes many, the tests hold the short ones: it is the same run, with
the same questions on the console, whoever watches.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from packwarden_host import bank_file, verdict
from packwarden_host.replay import restart_text, with_tick
from packwarden_host.scenario import Scenario
from packwarden_host.verdict import Finding
from packwarden_host.vm import Job

# How the simulated board tells a reset that its job asked for.
RESET_BY_JOB = "as the job says"
# The bank is asked so often in a run.
_REPORTS = 300
# The last question is asked so long before the end that a reply under way does not swallow it.
_WHY_BEFORE_END_MS = 1000


class Watcher:
    """Somebody who watches a run; this one looks away."""

    def event(self, text: str) -> None:
        """An event line of the firmware came."""

    def note(self, text: str) -> None:
        """There is a remark about the run itself."""

    def bank(self, report: dict) -> None:
        """The firmware replied to `bank --json`."""


@dataclass
class Heard:
    """What a run has told: events and restarts in order, why it tripped, how things really are."""

    events: list[dict] = field(default_factory=list)
    restarts: list[dict] = field(default_factory=list)
    why: str | None = None
    truth: dict | None = None  # of the end, or of the beginning where the run broke before its end


def configuration(plan: Scenario) -> dict:
    """The configuration of a scenario's bank; BadInput where its figures do not fit together."""
    return with_tick(bank_file.build(plan.choices()), plan.tick_ms)


def job(plan: Scenario, seed: int | None = None, speed: float = 0) -> Job:
    """A scenario as the job of a cabinet; `seed` None: its own; `speed` 0: as fast as it goes."""
    return Job(
        plan.source(),
        plan.end_ms,
        plan.seed if seed is None else seed,
        speed,
        console="script",
        script=[[max(plan.end_ms - _WHY_BEFORE_END_MS, 0), "why --json\n"]],
        script_every=[period_ms(plan.end_ms, _REPORTS), "bank --json\n"],
        # At the beginning and at the end: in between it would wake the bank out of its steps.
        truth_every_ms=plan.end_ms,
        faults=plan.job_faults(),
    )


def period_ms(end_ms: int, parts: int) -> int:
    """A round period that divides a run into about so many parts."""
    for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800):
        if seconds * 1000 * parts >= end_ms:
            return seconds * 1000
    return 3_600_000 * math.ceil(end_ms / parts / 3_600_000)


def listen(lines: Iterator[tuple[str, str]], watcher: Watcher, heard: Heard) -> None:
    """Take in the lines of a cabinet to their end, and show them to the watcher as they come."""
    for letter, text in lines:
        if letter == "E":
            heard.events.append(json.loads(text))
            watcher.event(text)
        elif letter == "X":
            heard.restarts.append(json.loads(text))
            watcher.note(restart_text(heard.restarts[-1]))
        elif letter == "S":
            heard.truth = json.loads(text)
        elif letter == "C" and text.startswith('{"t_ms":'):
            watcher.bank(json.loads(text))
        elif letter == "C" and text.startswith('{"why":'):
            heard.why = json.loads(text)["why"]


def judge(plan: Scenario, heard: Heard) -> list[Finding]:
    """The findings of a run: the scenario's claims, and each restart that nobody asked for.

    A scenario asks for one where it cuts the board's supply or resets it.
    """
    findings = verdict.judge(plan, heard.events)
    for ending in heard.restarts:
        if ending["cause"] != "power_off" and ending["detail"] != RESET_BY_JOB:
            seen = restart_text(ending).strip()
            findings.append(Finding("not expected: a restart of the board", seen, False))
    return findings
