"""`packwarden board check`: the command line in front of what is known of a board."""

import sys
from typing import Annotated

import typer

app = typer.Typer(help="Check a board: what is wired where.", no_args_is_help=True)

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
