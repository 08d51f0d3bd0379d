"""The study of joints: `make study`, or `python -m study --runs 100 --years 1` in host_tests.

Joints that work loose in simulated banks, sound banks over the seasons, and resistances after days
of a home's load, through the board's estimators. The tables and the picture go into
host_tests/README.md, unless --print is given.
"""

import argparse
import os
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from study import resistances, runs, tables

PAGE = Path(__file__).parents[1] / "README.md"
_SECTION = re.compile(r"(?<=^<!-- study -->\n).*?(?=^<!-- end -->$)", re.MULTILINE | re.DOTALL)
_TOGETHER = 50  # banks
_SOUND_SEED = 1_000_000
_RESISTANCE_SEEDS = (1, 2, 3, 4)
_SOUND_DAYS = runs.WINDOWS * runs.WINDOW_DAYS


def study(count, years, jobs, told):
    """Make so many faults and bank-years; return (faults, sounds, days of resistances).

    `told` hears of banks done.
    """
    banks = round(years * 365 / _SOUND_DAYS)
    work = [(runs.faults, seeds) for seeds in _groups(0, count)]
    work += [(runs.sound, seeds) for seeds in _groups(_SOUND_SEED, banks)]
    work += [(resistances.two_days, [seed]) for seed in _RESISTANCE_SEEDS]
    found = {runs.faults: [], runs.sound: [], resistances.two_days: []}
    total = sum(len(seeds) for _, seeds in work)
    told(0, total)
    with ProcessPoolExecutor(jobs) as pool:
        futures = [pool.submit(what, seeds) for what, seeds in work]
        for (what, _), future in zip(work, futures, strict=True):
            found[what] += future.result()
            told(sum(map(len, found.values())), total)
    return tuple(found.values())


def _groups(first, count):
    every = range(first, first + count)
    return [every[at : at + _TOGETHER] for at in range(0, count, _TOGETHER)]


def main():
    """Make the long form, with a bar on a terminal, else lines."""
    from rich.console import Console
    from rich.progress import Progress

    parser = argparse.ArgumentParser(prog="study", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--runs", type=int, default=500, help="joints that work loose (%(default)s)"
    )
    parser.add_argument("--years", type=float, default=10, help="of sound banks (%(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (%(default)s)")
    parser.add_argument("--print", action="store_true", help="leave the documentation as it is")
    wanted = parser.parse_args()
    if wanted.runs < 1 or wanted.years * 365 < _SOUND_DAYS or wanted.jobs < 1:
        parser.error(f"one run, {_SOUND_DAYS} days of sound banks and one process at least")
    began_s = time.monotonic()
    bar = Progress(console=Console(stderr=True), disable=not sys.stderr.isatty())
    with bar:
        task = bar.add_task("banks", total=None)

        def told(done, total):
            bar.update(task, completed=done, total=total)
            if bar.disable:
                print(f"{done} of {total} banks", file=sys.stderr, flush=True)

        faults, sounds, days = study(wanted.runs, wanted.years, wanted.jobs, told)
    page = tables.page(faults, sounds, days)
    print(page, end="")
    if not wanted.print:
        PAGE.write_text(_SECTION.sub(lambda _: page, PAGE.read_text()))
        PAGE.with_name("study.svg").write_text(tables.picture(faults))
    print(f"in {time.monotonic() - began_s:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
