"""`packwarden report`: the command line in front of the monthly check."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from packwarden_host.pin import PinOption


def report(
    source: Annotated[
        str,
        typer.Argument(
            metavar="PORT|FILE",
            help="A cabinet's device, pseudo-terminal or socket://host:port; or the file of its"
            " visits, for the report of the last one once more.",
            show_default=False,
        ),
    ],
    file: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    form: Annotated[Literal["html", "md"], typer.Option("--format")] = "html",
    visits: Annotated[
        Path | None,
        typer.Option(
            help="Where each visit is kept, for the trends; else visits.jsonl beside the report."
        ),
    ] = None,
    by: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who does it, for the report.")
    ] = None,
    date: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"],
            help="When it is done, where this computer's clock is wrong.",
        ),
    ] = None,
    done: Annotated[
        bool,
        typer.Option("--done", help="The check is done: let the board count the days anew."),
    ] = False,
    secret: PinOption = None,
):
    """Make the report of the monthly check: verdicts with reasons, trends, what is left to do."""
    from packwarden_host import report as reporting

    request = reporting.Request(source, file, form, visits, by, date, done, secret)
    reporting.run(request)
