"""The table of `packwarden latency`, and its progress on stderr."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

from packwarden_host import output

if TYPE_CHECKING:
    from packwarden_host.latency import Measured

TITLE = "From the register to the output, in ms"
HEADS = ("element", "output", "delay")


def _ms(us: float) -> str:
    return f"{us / 1000:.1f}"


def _delay(one: "Measured") -> str:
    shown = f"{one.delay_us / 1000:g}"
    return shown if one.shipped_ms is None else f"{shown} of {one.shipped_ms}"


def _by_row(found: list["Measured"]) -> list[list["Measured"]]:
    """What belongs into one line of the table: one level and output, under each load."""
    rows: dict = {}
    for one in found:
        rows.setdefault((one.case.name, one.case.output), []).append(one)
    return list(rows.values())


def _figures(one: "Measured", whole: bool) -> list[str]:
    """Cells of a load: minimum, median, worst, bound; or only the last two, as worst / bound."""
    told = [time for time in one.times_us if time is not None]
    if not told:
        return ["-"] * (4 if whole else 1)
    if whole:
        return [_ms(us) for us in (min(told), median(told), max(told), one.bound_us)]
    return [f"{_ms(max(told))} / {_ms(one.bound_us)}"]


def table(found: list["Measured"]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Heads and rows: a row for each level and output, the first load in full."""
    rows = _by_row(found)
    loads = [one.load for one in rows[0]]
    heads = [*HEADS, f"{loads[0]}: min", "median", "worst", "bound", *loads[1:], "result"]
    cells = []
    for row in rows:
        line = [row[0].case.name, row[0].case.output, _delay(row[0])]
        for place, one in enumerate(row):
            line += _figures(one, place == 0)
        wrong = [f"{one.load}: {one.problem}" for one in row if one.problem]
        cells.append((*line, "; ".join(wrong) or "ok"))
    return tuple(heads), cells


def rendered(found: list["Measured"], form: str) -> str:
    """The results as text, as Markdown, or as a JSON object a line."""
    if form == "jsonl":
        return "".join(json.dumps(_fields(one)) + "\n" for one in found)
    heads, rows = table(found)
    if form == "markdown":
        return output.markdown_table(heads, rows) + "\n\n" + totals(found) + "\n"
    return output.plain_table(TITLE, heads, rows) + "\n" + totals(found) + "\n"


def _fields(one: "Measured") -> dict:
    return {
        "element": one.case.element.slug,
        "level": one.case.level.key,
        "output": one.case.output,
        "load": one.load,
        "what": one.what,
        "delay_us": one.delay_us,
        "shipped_ms": one.shipped_ms,
        "terms_us": dict(one.terms),
        "bound_us": one.bound_us,
        "late_us": one.late_us,
        "problem": one.problem,
        "times_us": one.times_us,
    }


def totals(found: list["Measured"]) -> str:
    """How many trials, what does not hold, and how late a tick began under each load."""
    late: dict[str, int] = {}
    for one in found:
        late[one.load] = max(late.get(one.load, 0), one.late_us)
    trials = sum(len(one.times_us) for one in found)
    wrong = sum(one.problem is not None for one in found)
    said = ", ".join(f"{load} {_ms(us)}" for load, us in late.items())
    held = f"{wrong} of {len(found)} do not hold" if wrong else "every bound holds"
    return f"{trials} trials: {held}. The latest beginning of a tick, in ms: {said}."


class Lines:
    """Progress in a pipe: a line as each row has ended under a load."""

    def __init__(self, total: int):
        self._total = total
        self._done = 0

    def trial(self, one: "Measured") -> None:
        """A trial has ended. From any thread."""
        self._done += 1

    def ended(self, one: "Measured") -> None:
        """All trials of a row have ended under a load."""
        text = f"{self._done}/{self._total}  {one.case.name} {one.case.output}, {one.what}: "
        print(text + (one.problem or "ok"), file=sys.stderr, flush=True)


class _Bar(Lines):
    """Progress on a terminal: a bar; a line for what does not hold."""

    def __init__(self, total: int, progress):
        super().__init__(total)
        self._progress = progress
        self._task = progress.add_task("", total=total)

    def trial(self, one: "Measured") -> None:
        """A trial has ended. From any thread."""
        super().trial(one)
        text = f"{one.case.name}, {one.what}"
        self._progress.update(self._task, completed=self._done, description=text)

    def ended(self, one: "Measured") -> None:
        """All trials of a row have ended under a load."""
        if one.problem:
            self._progress.console.print(f"{one.case.name}, {one.what}: {one.problem}")


@contextmanager
def progress(total: int) -> Iterator[Lines]:
    """Show how far `total` trials are, on stderr."""
    if not sys.stderr.isatty():
        yield Lines(total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        yield _Bar(total, shown)
