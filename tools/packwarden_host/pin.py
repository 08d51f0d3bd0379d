"""The PIN of a cabinet, as whoever runs the command gives it: never shown, never kept."""

import sys
from typing import Annotated

import typer

from packwarden.access import FEWEST, MOST
from packwarden_host.errors import BadInput

VARIABLE = "PACKWARDEN_PIN"
PinOption = Annotated[
    str | None,
    typer.Option(
        "--pin",
        envvar=VARIABLE,
        show_default=False,
        help="The cabinet's PIN. Others can read a command line: rather leave it out and be asked,"
        " or set the variable.",
    ),
]


def given(pin: str | None, what: str = "PIN") -> str:
    """The PIN that was given, or is asked for on a terminal; BadInput where it can be none."""
    if pin is None:
        if not sys.stdin.isatty():
            raise BadInput(f"a PIN is needed: --pin, or the environment variable {VARIABLE}")
        pin = str(typer.prompt(what, hide_input=True, err=True))
    if not (pin.isascii() and pin.isdigit() and FEWEST <= len(pin) <= MOST):
        raise BadInput(f"a PIN has {FEWEST} to {MOST} digits")
    return pin
