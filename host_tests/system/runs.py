"""Runs of the whole firmware in a VM, for tests: `from system.runs import replayed, simulated`.

A trace is given as text or, shorter, by `trace`: rows of a time and what is not healthy and quiet.
`replayed` goes through the `packwarden` command, `simulated` through the runner behind it, which
also types on the console and breaks chips. Both check every event line against the contract.
"""

import json
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from packwarden.access import Access
from packwarden_host import bank_file, cli
from packwarden_host.codes import write_job
from packwarden_host.vm import Cabinet, Job
from system.contract import check
from terminals import PIN


def bank(batteries=4, rated_current_A=100, changes=None, **choices):
    """A configuration as `config new` makes it; `changes`: {"terminal_rise.warn.delay_ms": 0}."""
    choices = bank_file.Choices(batteries, rated_current_A, **choices)
    config = bank_file.build(choices)
    for path, value in (changes or {}).items():
        *names, last = path.split(".")
        place = config["elements"]
        for name in names:
            place = place[name]
        place[last] = value
    return config


def trace(*rows):
    """A trace: each row (t_s, {column: cell}); what a row does not name stays as it was."""
    columns = sorted({name for _, cells in rows for name in cells})
    now = dict.fromkeys(columns, "")
    lines = [",".join(["t_s", *columns])]
    for t_s, cells in rows:
        now |= cells
        lines.append(",".join(str(cell) for cell in (t_s, *now.values())))
    return "\n".join(lines) + "\n"


def each(batteries, **columns):
    """Cells of every battery: each(4, i_A=50) is {"i1_A": 50, ..., "i4_A": 50}."""
    cells = {}
    for name, value in columns.items():
        kind, _, unit = name.partition("_")
        for k in range(1, batteries + 1):
            cells[f"{kind}{k}_{unit}" if unit else f"{kind}{k}"] = value
    return cells


@dataclass
class Result:
    """What a command line gave."""

    code: int
    out: str
    err: str

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def events(self):
        return [json.loads(line) for line in self.lines]


def command(*arguments):
    """Run `packwarden` with these arguments, in this process."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.run([str(argument) for argument in arguments])
    return Result(code, out.getvalue(), err.getvalue())


def replayed(text, config=None, *options):
    """Events of `packwarden replay` for a trace (text); the run must succeed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "trace.csv").write_text(text)
        (folder / "bank.json").write_text(json.dumps(config or bank()))
        files = (folder / "trace.csv", "--config", folder / "bank.json")
        result = command("replay", *files, "--format", "jsonl", *options)
    assert (result.code, result.err) == (0, "")
    check(result.lines)
    return result


@dataclass
class Run:
    """What a run told: event lines, the console's lines, why it started again."""

    lines: list = field(default_factory=list)
    console: list = field(default_factory=list)
    restarts: list = field(default_factory=list)
    ending: dict = field(default_factory=dict)

    @property
    def events(self):
        return [json.loads(line) for line in self.lines]

    def replies(self, key):
        """The console's JSON replies that begin with this key, in their order."""
        begin = '{"' + key + '":'
        return [json.loads(line) for line in self.console if line.startswith(begin)]


def simulated(source, config=None, vm="micropython", stuck=(), end_ms=None, prepare=None, **job):
    """Run a trace (text) or the source of a scenario to its end; `job`: fields of vm.Job.

    `prepare` gets the cabinet before its first life. Events of a life that follows a reset are
    not held against the contract: their numbers begin anew.
    """
    run = Run()
    config = config or bank()
    with Cabinet(config, vm) as cabinet:
        if isinstance(source, str):
            (cabinet.folder / "trace.csv").write_text(source)
            path = cabinet.folder / "trace.txt"
            end_ms = write_job(cabinet.folder / "trace.csv", config, path)
            source = {"kind": "trace", "path": str(path), "stuck": list(stuck)}
        if prepare:
            prepare(cabinet)
        if job.get("script") or job.get("script_every"):
            job["console"] = "script"
        for letter, text in cabinet.lines(Job(source, end_ms, **job)):
            {"E": run.lines, "C": run.console, "X": run.restarts, "A": []}[letter].append(text)
        run.ending = cabinet.ending
    run.restarts = [json.loads(text) for text in run.restarts]
    if not run.restarts:
        check(run.lines)
    return run


def commissioned(cabinet):
    """Let a cabinet (of `vm`) have its PIN from the beginning: for `prepare`."""
    access = Access()
    access.set(PIN, bytes(16))
    kept = {"packwarden": {"access": access.dump().hex()}}
    (cabinet.folder / "state" / "nvs.json").write_text(json.dumps(kept))


def told(events, **fields):
    """The events that have these fields."""
    return [e for e in events if all(e[name] == value for name, value in fields.items())]


def first(events, **fields):
    """The first of those; there must be one."""
    found = told(events, **fields)
    assert found, f"no event with {fields} in {[brief(event) for event in events]}"
    return found[0]


def brief(event):
    """An event in a word or two, for comparisons: t_ms, kind, element, battery + terminal."""
    place = f"{event['battery'] or ''}{event['terminal'] or ''}"
    return event["t_ms"], event["kind"], event["element"], place, event["action"]


def beyond_boot(events):
    """Everything but the first line, in brief."""
    return [brief(event) for event in events[1:]]
