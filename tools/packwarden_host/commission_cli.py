"""`packwarden commission`: the command line in front of the commissioning."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from packwarden_host.pin import PinOption


def commission(
    port: Annotated[str, typer.Argument(help="Device, pseudo-terminal, or socket://host:port.")],
    file: Annotated[Path, typer.Option("--output", "-o", help="The report to write.")] = Path(
        "commissioning.html"
    ),
    form: Annotated[Literal["html", "md"], typer.Option("--format")] = "html",
    kept: Annotated[
        Path | None,
        typer.Option(
            "--progress",
            help="Where it is kept what is done, to go on another day; else the report's name"
            " with .json.",
        ),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option("--yes", metavar="ANSWERS", help="Ask nothing: TOML or JSON with answers."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="STEP", help="Do this step alone, also once more."),
    ] = None,
    inject: Annotated[
        bool,
        typer.Option("--inject", help="Secondary injection: test the elements with a source."),
    ] = False,
    secret: PinOption = None,
):
    """Commission a cabinet step by step, and write the report. Exit code 1: a step has failed."""
    from packwarden_host import commission as commissioning

    request = commissioning.Request(port, file, form, kept, answers, only or [], inject, secret)
    commissioning.run(request)
