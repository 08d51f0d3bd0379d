"""`packwarden events PORT`: what a cabinet has recorded, over its restarts."""

import csv
import json
import sys
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
    with Dialogue(port) as dialogue, _Progress() as progress:
        reply = dialogue.ask(f"events --since {since} --json", progress.received)
    lines = reply.strip().removeprefix("[").removesuffix("]").replace("},{", "}\n{").splitlines()
    try:
        events = [json.loads(line, parse_float=str) for line in lines]
        _complain(events)
    except (ValueError, LookupError, TypeError) as error:
        raise RunFailed(f"{port}: the reply is no list of events: {error}") from error
    if form == "csv":
        _csv(events)
    elif form == "jsonl":
        for line in lines:
            print(line)
    else:
        _text(events)


def _csv(events: list[dict]) -> None:
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(COLUMNS)
    for event in events:
        row = event | {"energised": " ".join(event["energised"])}
        table.writerow(row[name] for name in COLUMNS)


def _text(events: list[dict]) -> None:
    before = None
    for event in events:
        if event["boot"] != before:
            output.line(f"boot {event['boot']}")
            before = event["boot"]
        detail = f"  {event['detail']}" if event["detail"] else ""
        kept = "" if event["kept"] else "  (not kept yet)"
        text = f"{event['seq']:6d} {output.event_text(event)}{detail}{kept}"
        output.line(text, output.STYLES.get(event["kind"]))


def _complain(events: list[dict]) -> None:
    for before, after in pairwise(events):
        missing = after["seq"] - before["seq"] - 1
        if missing:
            print(
                f"packwarden: {missing} events are missing before number {after['seq']}",
                file=sys.stderr,
            )


class _Progress:
    """How many events have come, on stderr, where a person watches it."""

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
        """Show about how many events so many bytes are."""
        if self._status:
            self._status.update(f"{count // _EVENT_BYTES} events ...")
