"""`packwarden board check|show|picture|image`: the command line in front of a board's facts."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal

import typer

app = typer.Typer(
    help="Check and show a board: what is wired where, and its parts.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="A folder of boards/.", show_default=False)]


@app.command()
def check(name: Name):
    """Check every pin, address and contact of a board: exit code 0, or 2 with each reason."""
    from packwarden_host import board_check, board_uses, boards
    from packwarden_host.board_chips import CHIPS

    board = boards.load(name)
    found = board_check.errors(board, name)
    for fact, reason in found:
        print(f"packwarden: boards/{name}/board.py: {fact}: {reason}", file=sys.stderr)
    if found:
        raise typer.Exit(2)
    pins, chips = len(board_uses.pins(board)), len(board_uses.chips(board))
    print(
        f"{name}: good: {CHIPS[board.CHIP].title}, up to {board.MAX_BATTERIES} batteries;"
        f" {pins} pins, {chips} chips on 2 buses, {len(board_uses.contacts(board))} contacts,"
        f" {len(board_uses.thermistors(board))} thermistor inputs, each used once"
    )


@app.command()
def show(
    name: Name,
    table: Annotated[
        Literal["pins", "chips", "batteries", "states", "parts"] | None,
        typer.Argument(help="One table; else all.", show_default=False),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="As tables for a README.")] = False,
):
    """Show how a board is wired, what its outputs do without the firmware, and its parts."""
    from packwarden_host import board_tables, output

    board = _good(name)
    for one in [table] if table else board_tables.TABLES:
        found = board_tables.TABLES[one]
        if markdown:
            print(output.markdown_table(found.heads, found.rows(board)))
        else:
            output.table(f"{name}: {found.title}", found.heads, found.rows(board))


@app.command()
def picture(
    name: Name,
    file: Annotated[
        Path, typer.Option("--output", "-o", help="SVG file to write.", show_default=False)
    ],
):
    """Draw how a board is wired, pin by pin, as SVG."""
    from packwarden_host import board_picture, output

    output.write_whole(file, board_picture.svg(_good(name)))
    print(f"{file}: the wiring of {name}")


@app.command()
def image(
    name: Name,
    folder: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to make.", show_default=False)
    ],
    march: Annotated[
        str | None, typer.Option(help="Another architecture of mpy-cross than that of the chip.")
    ] = None,
):
    """Compile the firmware of a board into a folder, with its manifest: for a ROMFS partition."""
    from packwarden_host import image as building

    _good(name)
    called = building.write(name, march, folder)
    print(f"{folder}/rom: image {called} of {name}; {folder}/main.py starts it")


def _good(name: str) -> ModuleType:
    """A board without a mistake; BadInput names the first one."""
    from packwarden_host import board_check, boards
    from packwarden_host.errors import BadInput

    board = boards.load(name)
    for fact, reason in board_check.errors(board, name):
        raise BadInput(f"boards/{name}/board.py: {fact}: {reason} (board check names all)")
    return board
