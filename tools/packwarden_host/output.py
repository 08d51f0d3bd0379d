"""How results reach a person: rich tables and colour on a terminal, plain lines in a pipe."""

import errno
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path

from packwarden_host.errors import BadInput

# Colours of event kinds, by rich's names.
STYLES = {
    "warn": "gold1",
    "alarm": "dark_orange",
    "trip": "bold red",
    "clear": "green",
    "command": "cyan",
    "fault": "bold magenta",
    "info": "dim",
}


def working(text: str) -> None:
    """Say on stderr, where a person watches it, what takes a while now."""
    if sys.stderr.isatty():
        print(f"{text} ...", file=sys.stderr, flush=True)


def is_terminal() -> bool:
    """True where a person watches stdout (and colour, unless NO_COLOR is set, makes sense)."""
    return sys.stdout.isatty()


def line(text: str, style: str | None = None) -> None:
    """Print one line, coloured on a terminal, and hand it over at once."""
    if style and is_terminal():
        from rich.console import Console
        from rich.text import Text

        Console(highlight=False, soft_wrap=True).print(Text(text, style=style))
    else:
        print(text, flush=True)


def table(
    title: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    styles: Sequence[str | None] = (),
) -> None:
    """Print a table: of rich on a terminal, else aligned columns that never wrap.

    `styles`: of each row, by rich's names.
    """
    rows = [tuple(row) for row in rows]
    if is_terminal():
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        shown = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
        for head in heads:
            shown.add_column(head, overflow="fold")
        for row, style in zip_longest(rows, styles):
            shown.add_row(*(Text(cell) for cell in row), style=style)
        Console(highlight=False).print(shown)
        return
    print(plain_table(title, heads, rows))


def plain_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as a title and aligned columns that never wrap."""
    lines = [tuple(heads), *(tuple(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = [title]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        shown.append("  ".join(cells).rstrip())
    return "\n".join(shown)


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table for a README."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def check_writable(path: Path) -> None:
    """Refuse, before the work is done, what `write_whole` could not write."""
    if path.exists() and not path.is_file():
        raise BadInput(f"{path}: is {'a directory' if path.is_dir() else 'not a file'}")
    if not os.access(path.parent, os.W_OK):
        missing = not path.parent.is_dir()
        raise BadInput(f"{path}: {os.strerror(errno.ENOENT if missing else errno.EACCES)}")


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file aside, then rename it: there is the whole of it, or what was there before."""
    check_writable(path)
    try:
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(aside).chmod(0o666 & ~umask)
        os.replace(aside, path)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error
    finally:
        Path(aside).unlink(missing_ok=True)


def event_text(event: dict) -> str:
    """An event of the contract, decoded, as one readable line; every number has its unit.

    Decode with `parse_float=str` to keep the decimals that the firmware chose.
    """
    level = f" {event['level']}" if event["kind"] == "clear" and event["level"] else ""
    head = f"{event['t_ms'] / 1000:12.3f} s  {event['kind'].upper() + level:<11}"
    device = f" ({event['device']})" if event["device"] else ""
    parts = [head, event["element"] + device, _place(event), _finding(event)]
    text = "  ".join(part for part in parts if part)
    return text if event["action"] == "none" else f"{text}: {event['action']}"


def _place(event: dict) -> str:
    if event["battery"] is None:
        return ""
    terminal = f" TERM{event['terminal']}" if event["terminal"] else ""
    return f"BAT{event['battery']:02d}{terminal}"


def _finding(event: dict) -> str:
    text = ""
    if event["value"] is not None:
        text = f"{event['value']} {event['unit'] or ''}".rstrip()
    if event["limit"] is not None:
        text += f" {'<' if event['kind'] == 'clear' else '>'} {event['limit']}"
    if event["held_ms"]:
        text += f" for {event['held_ms'] / 1000:g} s"
    return text.strip()
