"""`packwarden replay`: a trace through the real firmware, or a capture through its step."""

import copy
import json
import re
from dataclasses import dataclass
from pathlib import Path

from packwarden import settings
from packwarden_host import bank_file, capture_file, output
from packwarden_host.codes import write_job
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.targets import CPython, UnixVm
from packwarden_host.vm import Cabinet, Job

FORMATS = ("text", "jsonl")
MAIN = "main"


@dataclass(frozen=True)
class Request:
    """What `replay` was asked to do."""

    trace: Path
    config: Path | None = None
    vm: str = "micropython"
    form: str = "text"
    stuck: tuple[str, ...] = ()
    tick_ms: int | None = None
    seed: int | None = None


def run(request: Request) -> None:
    """Run a trace to its last row, or a capture, and print the events.

    BadInput for a bad file or option; RunFailed where a capture does not trip as it did.
    """
    if request.trace.suffix == capture_file.SUFFIX:
        run_capture(request)
    else:
        run_trace(request)


def run_trace(request: Request) -> None:
    """Run the trace through the firmware in a simulated cabinet."""
    if request.config is None:
        raise BadInput("--config is missing: the configuration of the bank (config new)")
    config = with_tick(bank_file.read(request.config), request.tick_ms)
    stuck = stuck_breakers(request.stuck, config["bank"]["batteries"])
    with Cabinet(config, request.vm) as cabinet:
        job_file = cabinet.folder / "trace.txt"
        end_ms = write_job(request.trace, config, job_file)
        output.working(f"{request.trace}: {end_ms / 1000:g} s through the firmware")
        source = {"kind": "trace", "path": str(job_file), "stuck": stuck}
        for letter, text in cabinet.lines(
            Job(source, end_ms, 1 if request.seed is None else request.seed)
        ):
            if letter == "E":
                show(text, request.form)
            elif letter == "X" and request.form == "text":
                output.line(restart_text(json.loads(text)), "bold magenta")


def run_capture(request: Request) -> None:
    """Run the step on a capture, and say whether it trips as it did in the cabinet."""
    given = {
        "--stuck-breaker": request.stuck,
        "--tick-ms": request.tick_ms,
        "--seed": request.seed,
    }
    for option, value in given.items():
        if value not in (None, ()):
            raise BadInput(f"{option} is for a trace: {request.trace} holds what really happened")
    path = request.trace
    capture = capture_file.read(path, request.config)
    output.working(f"{path}: its ticks through the control step")
    found = capture_file.rerun(path, capture, CPython() if request.vm == "cpython" else UnixVm())
    for _, text in found.events:
        show(text, request.form)
    differs = capture_file.difference(capture, found)
    if differs:
        raise RunFailed(f"{path}: {differs}")
    if request.form == "text":
        output.line(capture_file.verdict(capture, found), "green")


def show(text: str, form: str) -> None:
    """Print an event line of the firmware: as it is (jsonl), or readable."""
    if form == "jsonl":
        output.line(text)
    else:
        event = json.loads(text, parse_float=str)
        output.line(output.event_text(event), output.STYLES.get(event["kind"]))


def restart_text(ending: dict) -> str:
    """One line for a cabinet that ended and starts again."""
    detail = f" ({ending['detail']})" if ending.get("detail") else ""
    return f"{ending['t_ms'] / 1000:12.3f} s  board restarts: {ending['cause']}{detail}"


def with_tick(config: dict, tick_ms: int | None) -> dict:
    """The configuration with another tick; BadInput outside the range that the settings give."""
    if tick_ms is None:
        return config
    low, high, unit = settings.NUMBERS["bank.tick_ms"]
    if not low <= tick_ms <= high:
        raise BadInput(f"--tick-ms {tick_ms} is outside {low} .. {high} {unit}")
    config = copy.deepcopy(config)
    config["bank"]["tick_ms"] = tick_ms
    return config


def stuck_breakers(words: tuple[str, ...], batteries: int) -> list[int | str]:
    """Breakers that do not open: numbers and "main", one a word or several (3,4 or 3 4)."""
    stuck: list[int | str] = []
    for word in (part for text in words for part in re.split(r"[,\s]+", text.strip())):
        if word == MAIN:
            stuck.append(MAIN)
        elif re.fullmatch(r"[0-9]{1,4}", word) and 1 <= int(word) <= batteries:
            stuck.append(int(word))
        else:
            raise BadInput(f"--stuck-breaker {word!r} is neither 1 .. {batteries} nor {MAIN}")
    return stuck
