"""`packwarden capture PORT`: which trips a cabinet has captured, and fetching one of them."""

import json
import re
import sys
from binascii import Error, a2b_base64, crc32
from pathlib import Path

from packwarden_host import capture_file, output
from packwarden_host.dialogue import Dialogue
from packwarden_host.errors import BadInput, RunFailed

_LINE = re.compile(r'\[(\d+),"([A-Za-z0-9+/=]*)","([0-9a-f]{8})"\]')
_TRIES = 5  # in a row that bring nothing


def run(port: str, number: int | None, file: Path | None) -> None:
    """List the captures of a cabinet, or fetch one into a file."""
    if number is None:
        if file is not None:
            raise BadInput("-o is for a capture: say its number")
        with Dialogue(port) as dialogue:
            _show(_listed(dialogue))
        return
    path = file or Path(f"capture-{number}{capture_file.SUFFIX}")
    output.check_writable(path)
    with Dialogue(port) as dialogue:
        known = {each["number"]: each["size"] for each in _listed(dialogue)["captures"]}
        if number not in known:
            there = ", ".join(map(str, known)) or "none"
            raise BadInput(f"{port}: there is no capture {number} (there are: {there})")
        data = _fetched(dialogue, number, known[number])
    try:
        head = capture_file.check(f"capture {number}", data)
    except BadInput as error:
        raise RunFailed(f"{port}: {error}") from error
    output.write_whole(path, data)
    output.line(f"{path}: {len(data)} bytes: {head.event().text()}")


def _listed(dialogue: Dialogue) -> dict:
    """What the console lists."""
    reply = dialogue.ask("capture --json")
    try:
        return json.loads(reply, parse_float=str)
    except ValueError as error:
        raise RunFailed(f"{dialogue.port}: the reply is no list of captures: {error}") from error


def _show(found: dict) -> None:
    rows = [
        (
            str(each["number"]),
            str(each["boot"]),
            str(each["event"]["seq"]),
            output.event_text(each["event"]).strip(),
            f"{each['before_ms'] / 1000:.2f} s",
            f"{each['after_ms'] / 1000:.2f} s",
            f"{each['size']}",
        )
        for each in found["captures"]
    ]
    if rows:
        heads = ("number", "boot", "event", "trip", "from before", "to after", "bytes")
        output.table("Captures", heads, rows)
    else:
        output.line("no trip has been captured")
    if found["failed"]:
        output.line("one more is not kept: the cabinet's flash fails", output.STYLES["fault"])
    elif found["waiting"]:
        output.line("one more is being kept")
    if found["missed"]:
        output.line(f"trips since boot that were not captured: {found['missed']}")


def _fetched(dialogue: Dialogue, number: int, size: int) -> bytes:
    """A capture's bytes; what came damaged is asked for again."""
    data = b""
    tries = 0
    with _Progress(size) as progress:
        while len(data) < size:
            before = len(data)
            reply = dialogue.ask(
                f"capture {number} {before} --json",
                lambda received, before=before: progress.at(before + received * 3 // 4),
            )
            data += _good(reply, before)
            tries = tries + 1 if len(data) == before else 0
            if tries == _TRIES:
                raise RunFailed(
                    f"{dialogue.port}: capture {number} comes damaged at byte {before}"
                )
    return data


def _good(reply: str, offset: int) -> bytes:
    """What is good of a reply, from an offset on: lines that follow each other, each whole."""
    data = b""
    for at, text, checksum in _LINE.findall(reply):
        try:
            piece = a2b_base64(text)
        except Error:
            break
        if int(at) != offset + len(data) or int(checksum, 16) != crc32(piece, int(at)):
            break
        data += piece
    return data


class _Progress:
    """How much has come, on stderr, where a person watches it."""

    def __init__(self, size: int):
        self._size = size
        self._bars = None

    def __enter__(self):
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

            columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
            self._bars = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bars.add_task("", total=self._size)
            self._bars.start()
        return self

    def __exit__(self, *_):
        if self._bars:
            self._bars.stop()

    def at(self, count: int) -> None:
        """So many bytes are there."""
        if self._bars:
            self._bars.update(self._task, completed=min(count, self._size))
