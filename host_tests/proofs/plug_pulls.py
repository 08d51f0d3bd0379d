"""The plug is pulled during a push: `make pulls`, or `python -m proofs.plug_pulls --pulls 100`.

The process of a cabinet in the VM is killed at random moments while a configuration is pushed to
it, while it restarts with it, while a battery trips and is locked out, and while all that is kept;
about every other time in the midst of a write to the flash, of which a half is there then.
"""

import argparse
import json
import random
import sys
import time
from dataclasses import dataclass

import pushes
from packwarden_host.vm import Cabinet
from system.plug import Plug, job
from system.runs import bank, commissioned, each, trace
from terminals import PIN

# Told lines of a life that pushes a configuration, from its first pieces to its lockout.
_FIRST, _LAST = 60, 210
_WRITES = 60  # of such a life to the flash, about
_HOT = trace((0, each(2, i_A=20)), (14, {"tp2_C": 90}), (25, {}))
_PART = 50  # pulls of one cabinet


@dataclass
class Outcome:
    """What came of some pulls."""

    pulls: int = 0
    torn: int = 0  # of these in the midst of a write
    replaced: int = 0  # configurations that were new after a pull
    locked_out: int = 0  # pulls after which the lockout was kept
    events: int = 0  # that were kept


def pull_during_push(seed, pulls, advance=lambda: None):
    """Push configurations to a cabinet whose plug is pulled each time; returns what was seen.

    Each life pushes what does not run; later in it battery 2 trips. After each pull what was kept
    has to be there: events, lockout, and a configuration that is the old or the new one whole.
    """
    draw = random.Random(seed)
    configs = [bank(2, capacity_Ah=capacity) for capacity in (100, 120)]
    outcome = Outcome()
    with Cabinet(configs[0]) as cabinet:
        commissioned(cabinet)
        plug = Plug(cabinet)
        events, locked, generation, runs = {}, 0, 0, 0
        while outcome.pulls < pulls:
            script = pushes.script(configs[1 - runs], PIN, 1000, 9000)
            told = job(cabinet, _HOT, console="script", script=script)
            torn = draw.random() < 0.5
            if torn:
                pulled = plug.live_to_write(told, draw.randrange(1, _WRITES))
            else:
                pulled = plug.live(told, draw.randrange(_FIRST, _LAST))
            now = plug.journal()
            assert events.items() <= now.items(), "an event that was kept is lost"
            assert plug.locked_out() & locked == locked, "a lockout that was kept is lost"
            before, events, locked = events.keys(), now, plug.locked_out()
            after, config = plug.configuration()
            assert after >= generation > 0 or generation == 0, "a configuration is lost"
            if after > max(1, generation):
                runs = 1 - runs
                outcome.replaced += 1
            assert config == configs[runs], "it is neither the old nor the new one"
            generation = after
            outcome.pulls += pulled
            outcome.torn += torn and pulled
            outcome.locked_out += bool(locked)
            outcome.events += len(now.keys() - before)
            if pulled:
                advance()
        # At last it may live: it boots, protects, and knows of its lockout.
        told = job(cabinet, _HOT)
        lines = [json.loads(text) for letter, text in cabinet.lines(told) if letter == "E"]
        assert lines[0]["element"] == "boot"
        kept = [line["battery"] for line in lines if line["element"] == "lockout"]
        assert kept == ([2] if locked else [])
    return outcome


def main():
    """Make the long form, with a bar on a terminal, else lines; exit code 1 on a failure."""
    from rich.console import Console
    from rich.progress import Progress

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pulls", type=int, default=1000, help="so many (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the first 50 (%(default)s)")
    wanted = parser.parse_args()
    began_s = time.monotonic()
    total = Outcome()
    failures = []
    bar = Progress(console=Console(stderr=True), disable=not sys.stderr.isatty())
    with bar:
        task = bar.add_task("pulls of the plug", total=wanted.pulls)
        for part in range(-(-wanted.pulls // _PART)):
            pulls = min(_PART, wanted.pulls - part * _PART)
            try:
                outcome = pull_during_push(wanted.seed + part, pulls, lambda: bar.advance(task))
            except AssertionError as failure:
                failures.append(f"seed {wanted.seed + part}: {failure}")
                continue
            total.pulls += outcome.pulls
            total.torn += outcome.torn
            total.replaced += outcome.replaced
            total.locked_out += outcome.locked_out
            total.events += outcome.events
            if bar.disable:
                print(f"{total.pulls} of {wanted.pulls} pulls", file=sys.stderr, flush=True)
    print(
        f"{total.pulls} pulls of the plug, {total.torn} in the midst of a write to the flash:"
        f" {total.events} events kept,"
        f" {total.replaced} configurations replaced, {total.locked_out} times a lockout kept:"
        f" {len(failures)} failures, in {time.monotonic() - began_s:.0f} s"
    )
    for failure in failures:
        print(failure)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
