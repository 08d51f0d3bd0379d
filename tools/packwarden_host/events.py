"""`packwarden events PORT`: what a cabinet has recorded, over its restarts."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise

from packwarden_host import output
from packwarden_host.dialogue import Dialogue
from packwarden_host.errors import RunFailed

COLUMNS = (
    *("boot", "seq", "t_ms", "kind", "level", "element", "device", "battery", "terminal"),
    *("value", "limit", "unit", "held_ms", "action", "detail", "load_A", "energised"),
    *("config", "kept"),
)
# About what an event takes on the wire, for the progress.
_EVENT_BYTES = 330


def run(port: str, since: int, form: str) -> None:
    """Print the events from number `since` on as text, csv or jsonl; complaints go to stderr."""
    with Dialogue(port) as dialogue, Progress() as progress:
        lines = fetch(dialogue, since, progress.received)
    events = decoded(lines)
    for complaint in missing(events):
        print(f"packwarden: {complaint}", file=sys.stderr)
    if form == "text":
        for number, text, style in texts(events):
            output.line(f"{number:>6} {text}" if number else text, style)
    else:
        sys.stdout.write(as_file(lines, form))


def fetch(dialogue: Dialogue, since: int | None = None, progress=lambda count: None) -> list[str]:
    """Ask for the events from a number on, or the last ones: a JSON object for each, as it came.

    `progress` learns about how many have come so far. RunFailed where they cannot be read.
    """
    question = "events --json" if since is None else f"events --since {since} --json"
    reply = dialogue.ask(question, lambda size: progress(size // _EVENT_BYTES))
    lines = reply.strip().removeprefix("[").removesuffix("]").replace("},{", "}\n{").splitlines()
    try:
        whole = all(event.keys() >= set(COLUMNS) for event in decoded(lines))
    except (ValueError, AttributeError):
        whole = False
    if not whole:
        raise RunFailed(f"{dialogue.port}: the reply is no list of events")
    return lines


def decoded(lines: list[str]) -> list[dict]:
    """The events of such lines; their numbers keep the decimals that the firmware chose."""
    return [json.loads(line, parse_float=str) for line in lines]


def as_file(lines: list[str], form: str) -> str:
    """Events as the text of a file: csv or jsonl."""
    if form == "jsonl":
        return "".join(f"{line}\n" for line in lines)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for event in decoded(lines):
        row = event | {"energised": " ".join(event["energised"])}
        table.writerow(row[name] for name in COLUMNS)
    return text.getvalue()


def texts(events: Iterable[dict]) -> Iterator[tuple[str, str, str | None]]:
    """Events for people: number, text and style of each, and a heading (no number) per boot."""
    before = None
    for event in events:
        if event["boot"] != before:
            yield "", f"boot {event['boot']}", None
            before = event["boot"]
        detail = f"  {event['detail']}" if event["detail"] else ""
        kept = "" if event["kept"] else "  (not kept yet)"
        text = f"{output.event_text(event)}{detail}{kept}"
        yield str(event["seq"]), text, output.STYLES.get(event["kind"])


def missing(events: list[dict]) -> Iterator[str]:
    """Say how many events are missing, and where."""
    for before, after in pairwise(events):
        count = after["seq"] - before["seq"] - 1
        if count:
            yield f"{count} events are missing before number {after['seq']}"


class Progress:
    """What comes in now, on stderr, where a person watches it: events, or what `tell` says."""

    def __init__(self):
        self._status = None

    def __enter__(self):
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("events ...")
            self._status.start()
        return self

    def __exit__(self, *_):
        if self._status:
            self._status.stop()

    def received(self, count: int) -> None:
        """Show about how many events have come."""
        self.tell(f"{count} events")

    def tell(self, text: str) -> None:
        """Show what comes in."""
        if self._status:
            self._status.update(f"{text} ...")
