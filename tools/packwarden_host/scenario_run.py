"""The run of a scenario through the whole firmware: its job, what is heard of it, the verdict.

`sim` shows one run, `campaign` makes many, the tests hold the short ones: it is the same run, with
the same questions on the console, whoever watches.
"""

import json
import math
import re
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
_TRUTH_ms = 100
_TIME = re.compile(r'^{"t_ms":([0-9]+)')
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
    """What a run has told: events and restarts in order, why it tripped, how things really are.

    Times are those of the run, also after a restart, where the board's own begin anew.
    """

    events: list[dict] = field(default_factory=list)
    restarts: list[dict] = field(default_factory=list)
    why: str | None = None
    truths: list[dict] = field(default_factory=list)  # how things really are, from time to time

    @property
    def truth(self) -> dict | None:
        """The last of them: of the end, unless the run broke before."""
        return self.truths[-1] if self.truths else None


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
        truth_every_ms=_TRUTH_ms if plan.overheats else plan.end_ms,
        faults=plan.job_faults(),
        ticks_began_us=plan.ticks_began_us(),
        coarse_until_ms=round(plan.coarse_until_s * 1000),
    )


def period_ms(end_ms: int, parts: int) -> int:
    """A round period that divides a run into about so many parts."""
    for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800):
        if seconds * 1000 * parts >= end_ms:
            return seconds * 1000
    return 3_600_000 * math.ceil(end_ms / parts / 3_600_000)


def listen(lines: Iterator[tuple[str, str]], watcher: Watcher, heard: Heard) -> None:
    """Take in the lines of a cabinet to their end, and show them to the watcher as they come."""
    began_ms = 0
    for letter, text in lines:
        if letter == "A":
            began_ms = json.loads(text)["t_ms"]
        elif letter == "E":
            text = _timed(text, began_ms)
            heard.events.append(json.loads(text))
            watcher.event(text)
        elif letter == "X":
            heard.restarts.append(json.loads(text))
            watcher.note(restart_text(heard.restarts[-1]))
        elif letter == "S":
            heard.truths.append(json.loads(text))
        elif letter == "C" and text.startswith('{"t_ms":'):
            watcher.bank(json.loads(_timed(text, began_ms)))
        elif letter == "C" and text.startswith('{"why":'):
            heard.why = json.loads(text)["why"]


def _timed(text: str, began_ms: int) -> str:
    """A JSON object that begins with a time of this life, with that of the run."""
    return _TIME.sub(lambda match: f'{{"t_ms":{int(match[1]) + began_ms}', text)


def judge(plan: Scenario, heard: Heard) -> list[Finding]:
    """The findings of a run: the scenario's claims, and each restart that nobody asked for.

    A scenario asks for one where it cuts the board's supply or resets it, and says how often the
    firmware may have to.
    """
    findings = verdict.judge(plan, heard.events, heard.truths)
    own = [ending for ending in heard.restarts if not _asked_for(ending)]
    for ending in own[plan.restarts :]:
        seen = restart_text(ending).strip()
        findings.append(Finding("not expected: a restart of the board", seen, False))
    if len(own) < plan.restarts:
        findings.append(Finding("expected: a restart of the board", "not seen", False))
    return findings


def _asked_for(ending: dict) -> bool:
    return ending["cause"] == "power_off" or ending["detail"] == RESET_BY_JOB
