"""How results reach a person: rich tables and colour on a terminal, plain lines in a pipe."""

import sys
from collections.abc import Iterable, Sequence

# Colours of event kinds, by rich's names.
STYLES = {
    "warn": "yellow",
    "alarm": "dark_orange",
    "trip": "bold red",
    "clear": "green",
    "command": "cyan",
    "fault": "bold magenta",
    "info": "dim",
}


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


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: of rich on a terminal, else aligned columns that never wrap."""
    rows = [tuple(row) for row in rows]
    if is_terminal():
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        shown = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
        for head in heads:
            shown.add_column(head, overflow="fold")
        for row in rows:
            shown.add_row(*(Text(cell) for cell in row))
        Console(highlight=False).print(shown)
        return
    widths = [max(len(cell) for cell in column) for column in zip(heads, *rows, strict=True)]
    print(title)
    for row in (tuple(heads), *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


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
