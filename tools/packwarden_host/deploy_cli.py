"""`packwarden deploy` and `flash`: the command lines in front of what brings a board up."""

from pathlib import Path
from typing import Annotated

import typer

from packwarden_host.pin import PinOption

_Port = Annotated[str, typer.Argument(help="Device, pseudo-terminal, or socket://host:port.")]


def deploy(
    port: _Port,
    board: Annotated[
        str | None,
        typer.Option(
            help="A folder of boards/; else that of the configuration, or what is there."
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="BANK.json", help="The bank's configuration, for the board as well."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written and removed; do nothing.")
    ] = False,
    minutes: Annotated[
        int,
        typer.Option(min=1, max=240, help="Service mode: when the board returns by itself."),
    ] = 30,
    opens: Annotated[
        bool,
        typer.Option("--open", help="Also where breakers open by it, since nobody holds them in."),
    ] = False,
    secret: PinOption = None,
):
    """Bring the firmware onto a board that has MicroPython, start it, and run its self-test.

    A cabinet that protects goes through service mode, which takes its PIN. Exit code 1: the
    self-test found something, or the board does not start protecting.
    """
    from packwarden_host import deploy as deploying

    return deploying.run(deploying.Request(port, board, config, secret, minutes, opens, dry_run))
