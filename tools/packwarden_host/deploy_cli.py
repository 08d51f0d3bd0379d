"""`packwarden deploy` and `flash`: the command lines in front of what brings a board up."""

from pathlib import Path
from typing import Annotated

import typer

from packwarden_host.errors import BadInput
from packwarden_host.pin import PinOption

_Port = Annotated[str, typer.Argument(help="Device, pseudo-terminal, or socket://host:port.")]


def flash(
    port: Annotated[
        str | None, typer.Argument(help="Device, or another port that esptool takes.")
    ] = None,
    image: Annotated[
        Path | None,
        typer.Argument(metavar="IMAGE.bin", help="An image of MicroPython 1.29 or newer: --list."),
    ] = None,
    baud: Annotated[int, typer.Option(help="Baud rate of the writing.")] = 460_800,
    yes: Annotated[
        bool, typer.Option("--yes", help="Erase the flash and all that is on it without asking.")
    ] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="Say which image each board takes, and who has it.")
    ] = False,
):
    """Erase a board's flash and write MicroPython to it, by esptool; the next step is `deploy`."""
    from packwarden_host import flash as flashing

    if list_:
        flashing.show_list()
    elif port is None or image is None:
        raise BadInput("name a port and an image of MicroPython (--list says which)")
    else:
        flashing.run(flashing.Request(port, image, baud, yes))


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
