"""`packwarden replay`: a recorded or written trace through the real firmware, event by event."""

import copy
import json
import re
from dataclasses import dataclass
from pathlib import Path

from packwarden import settings
from packwarden_host import bank_file, output
from packwarden_host.codes import write_job
from packwarden_host.errors import BadInput
from packwarden_host.vm import Cabinet, Job

FORMATS = ("text", "jsonl")
MAIN = "main"


@dataclass(frozen=True)
class Request:
    """What `replay` was asked to do."""

    trace: Path
    config: Path
    vm: str = "micropython"
    form: str = "text"
    stuck: tuple[str, ...] = ()
    tick_ms: int | None = None
    seed: int = 1


def run(request: Request) -> None:
    """Run the trace to its last row and print the events; BadInput for a bad file or option."""
    config = with_tick(bank_file.read(request.config), request.tick_ms)
    stuck = stuck_breakers(request.stuck, config["bank"]["batteries"])
    with Cabinet(config, request.vm) as cabinet:
        job_file = cabinet.folder / "trace.txt"
        end_ms = write_job(request.trace, config, job_file)
        source = {"kind": "trace", "path": str(job_file), "stuck": stuck}
        for letter, text in cabinet.lines(Job(source, end_ms, request.seed)):
            if letter == "E":
                show(text, request.form)
            elif letter == "X" and request.form == "text":
                output.line(restart_text(json.loads(text)), "bold magenta")


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
