"""`packwarden coordination`: the command line in front of `coordination_view`."""

from pathlib import Path
from typing import Annotated

import typer

from packwarden_host.errors import BadInput

_DEVICE = "A type of --list or a TOML file of the same form, and its rating in A; or none."


def coordination(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="BANK.json", help="A bank's configuration.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Draw the chart, an .svg.")
    ] = None,
    fuse: Annotated[
        str | None,
        typer.Option(
            metavar="TYPE:A",
            help=f"Fuse of each battery. {_DEVICE} Without it: the smallest gG from 1.25 times the"
            " pickup of 51 on.",
        ),
    ] = None,
    breaker: Annotated[
        str | None,
        typer.Option(
            metavar="TYPE:A",
            help=f"Breaker of each battery, for its own release. {_DEVICE} Without it: the"
            " smallest mcb_c, or mccb, from the pickup of 51 on.",
        ),
    ] = None,
    main: Annotated[
        str | None,
        typer.Option(
            metavar="TYPE:A",
            help=f"Main breaker, likewise. {_DEVICE} Without it: the smallest mccb from the pickup"
            " of the main's 51 on.",
        ),
    ] = None,
    bms: Annotated[
        list[str] | None,
        typer.Option(
            metavar="A/S",
            help="Limit of the packs' BMS: A and s, like 150/3, once for each; or none. Without"
            " it: 1.5 times rated for 3 s, 3 times for 1 ms.",
        ),
    ] = None,
    fault_ka: Annotated[
        float,
        typer.Option(
            min=0.1, max=100, help="Prospective short-circuit current of one pack, kA, DC."
        ),
    ] = 3.2,
    opening_ms: Annotated[
        float,
        typer.Option(
            min=1, max=1000, help="From the trip to the open breaker, ms: measure it, or as here."
        ),
    ] = 40,
    list_: Annotated[
        bool, typer.Option("--list", help="Name the types that come along, with their sources.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="As data.")] = False,
):
    """Hold 51, 50, BMS, fuses and breakers against each other: who acts first, what is too small.

    Draws one time-current chart and says in words whether 51 forestalls the fuse, whether the main
    is slower than the batteries, up to which current a short behind the main or in one battery is
    cleared selectively, and whether fuses and breakers break the prospective currents.

    A verdict is ok, a note (to be known, not to be mended), or NOT COORDINATED; one of these makes
    the exit code 1. Fuses and releases are the limits that standards set, not one maker's curve:
    with a data sheet at hand, name a TOML file with its figures.
    """
    from packwarden_host import coordination_view
    from packwarden_host.coordination import Choices

    if list_:
        coordination_view.show_types(json_)
        return
    if file is None:
        raise BadInput("BANK.json is missing: a configuration of `packwarden config new`")
    choices = Choices(fuse, breaker, main, tuple(bms or ()), fault_ka, opening_ms)
    coordination_view.run(coordination_view.Request(file, choices, output, json_))
