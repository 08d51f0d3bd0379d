"""`make fuzz`: lines of every kind at the console of the whole firmware in the VM.

What is typed and who watches is `packwarden_sim.fuzz`'s: no operation without an unlock, no
exception behind a reply. Here: the heap in use does not grow, and no restart but into service
mode.
"""

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from packwarden_host.codes import write_job
from packwarden_host.vm import Cabinet, Job
from system.runs import bank, commissioned, each, trace
from terminals import PIN

PART = 25_000  # lines of one run
GROWTH_bytes = 4096  # of the heap in use that is no leak: what the journal has at the moment
# Battery 2 trips and cools down again, so that there is a lockout that may be reset.
TRACE = trace((0, each(3, i_A=40)), (2, {"tp2_C": 90}), (9, {"tp2_C": 25}), (10**7, {}))
KINDS = ("shunt_trip", "contactor", "uvr")


@dataclass
class Outcome:
    """What came of a run."""

    lines: int = 0
    ticks: int = 0
    found: list = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)
    late: Counter = field(default_factory=Counter)
    growth_bytes: int = 0


def run(seed, lines=PART, listen=lambda lines: None):
    """Type so many lines; in every second run the PIN is known. Returns an Outcome."""
    outcome = Outcome()
    pin = PIN if seed % 2 else None
    config = bank(3, breaker=KINDS[seed // 2 % 3])
    with Cabinet(config) as cabinet:
        commissioned(cabinet)
        (cabinet.folder / "trace.csv").write_text(TRACE)
        path = cabinet.folder / "trace.txt"
        end_ms = write_job(cabinet.folder / "trace.csv", config, path)
        source = {"kind": "trace", "path": str(path), "stuck": []}
        job = Job(source, end_ms, seed, console="fuzz", fuzz=[seed, lines, pin])
        reports = []
        for letter, text in cabinet.lines(job):
            if letter == "C":
                reports.append(json.loads(text))
                listen(outcome.lines + reports[-1]["lines"])
            elif letter == "X":
                _take(outcome, reports)
                _look_at_restart(outcome, json.loads(text), pin)
            if outcome.found:
                break
        _take(outcome, reports)
    return outcome


def _take(outcome, reports):
    """Add up what a life has told, and forget it."""
    if reports:
        last = reports[-1]
        outcome.lines += last["lines"]
        outcome.ticks += last["ticks"]
        outcome.found += last["found"]
        outcome.counts += last["counts"]
        outcome.late += last["late"]
        # The first report comes when everything has been used once.
        outcome.growth_bytes = max(outcome.growth_bytes, last["heap"] - reports[0]["heap"])
        if outcome.growth_bytes > GROWTH_bytes:
            outcome.found.append(f"the heap has grown by {outcome.growth_bytes} bytes")
    reports.clear()


def _look_at_restart(outcome, ending, pin):
    said = {"reset": "", "watchdog": "service mode: NOT PROTECTING"}.get(ending["cause"])
    if pin is None or said is None or not (ending["detail"] or "").startswith(said):
        outcome.found.append(f"restarted: {ending}")


def main():
    """Make the long form, with a bar on a terminal, else lines; exit code 1 on findings."""
    from rich.console import Console
    from rich.progress import Progress

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=10**6, help="so many (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the first run (%(default)s)")
    wanted = parser.parse_args()
    began_s = time.monotonic()
    total, seed = Outcome(), wanted.seed
    bar = Progress(console=Console(stderr=True), disable=not sys.stderr.isatty())
    with bar:
        task = bar.add_task("lines", total=wanted.lines)
        while total.lines < wanted.lines:
            done = total.lines
            part = run(
                seed,
                min(PART, wanted.lines - done),
                lambda lines, done=done: bar.update(task, completed=done + lines),
            )
            total.lines += part.lines
            total.ticks += part.ticks
            total.found += [f"seed {seed}: {text}" for text in part.found]
            total.counts += part.counts
            total.late += part.late
            total.growth_bytes = max(total.growth_bytes, part.growth_bytes)
            seed += 1
            if bar.disable:
                done = f"{total.lines} of {wanted.lines} lines, {len(total.found)} findings"
                print(done, file=sys.stderr, flush=True)
    told = ", ".join(f"{count} x {name}" for name, count in sorted(total.counts.items()) if name)
    late = ", ".join(f"{count} by {name}" for name, count in total.late.items())
    print(
        f"{total.lines} lines in {seed - wanted.seed} runs, {total.ticks} ticks of 10 ms, late:"
        f" {late}; heap in use grew by {total.growth_bytes} bytes at most; events: {told}:"
        f" {len(total.found)} findings, in {time.monotonic() - began_s:.0f} s"
    )
    for finding in total.found[:20]:
        print(finding)
    sys.exit(1 if total.found else 0)


if __name__ == "__main__":
    main()
