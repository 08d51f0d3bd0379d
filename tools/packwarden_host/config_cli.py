"""`packwarden config new|check|show`: the command line in front of `bank_file` and `views`."""

import sys
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import typer

from packwarden_host.errors import BadInput
from packwarden_host.pin import PinOption

app = typer.Typer(
    help="Make, check and show a bank's configuration; bring it to a cabinet and back.",
    no_args_is_help=True,
)

T = TypeVar("T", int, float, Path)
File = Annotated[Path, typer.Argument(help="A bank's configuration (JSON).", show_default=False)]


@app.command()
def new(
    batteries: Annotated[int | None, typer.Option(help="Batteries in parallel, 1 .. 15.")] = None,
    rated_current_a: Annotated[float | None, typer.Option(help="A, per battery.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write.")] = None,
    cells: Annotated[int, typer.Option(help="Cells in series, 4 .. 16.")] = 16,
    capacity_ah: Annotated[int, typer.Option(help="Ah, per battery.")] = 100,
    monitor: Annotated[Literal["ina228", "ina238", "ina226"], typer.Option()] = "ina228",
    shunt: Annotated[str, typer.Option(help="Its rated current and voltage.")] = "300A/75mV",
    thermistor: Annotated[
        Literal["semitec_103at", "tdk_b57861s0103", "murata_ncp18xh103"], typer.Option()
    ] = "semitec_103at",
    pull_up_ohm: Annotated[
        int | None, typer.Option(help="ohm; without it: so that 130 degC stays readable.")
    ] = None,
    breaker: Annotated[Literal["shunt_trip", "uvr", "contactor"], typer.Option()] = "shunt_trip",
    feedback: Annotated[
        Literal["52a", "52b", "both", "none"], typer.Option(help="Auxiliary contacts wired.")
    ] = "52a",
    board: Annotated[str, typer.Option(help="A folder of boards/.")] = "cabinet15",
    positions: Annotated[
        str | None, typer.Option(help="Order along the busbar, like 1,2,3,4.")
    ] = None,
    bms_contact: Annotated[
        Literal["closed_on_alarm", "open_on_alarm", "none"], typer.Option()
    ] = "closed_on_alarm",
    external_trip: Annotated[
        Literal["open_on_trip", "closed_on_trip", "none"],
        typer.Option(help="Contact of smoke detector, emergency stop: a loop that opens is best."),
    ] = "open_on_trip",
    trip_circuit: Annotated[
        Literal["open_on_fault", "none"],
        typer.Option(help="Chain of the relays that supervise the trip coils."),
    ] = "none",
    control_supply_v: Annotated[
        float, typer.Option(help="Supply of the trip coils in V; 0: not wired.")
    ] = 24,
    main_shunt_uohm: Annotated[
        int, typer.Option(help="Shunt in the main line, on the busbar's monitor; 0: none.")
    ] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
):
    """Write a complete configuration from a few figures; asks for missing ones on a terminal."""
    from packwarden_host import bank_file

    choices = bank_file.Choices(
        batteries=_asked(batteries, "--batteries", "Batteries in parallel (1 .. 15)", int),
        rated_current_A=_asked(
            rated_current_a, "--rated-current-a", "Rated current of one battery in A", float
        ),
        cells=cells,
        capacity_Ah=capacity_ah,
        monitor=monitor,
        shunt=shunt,
        thermistor=thermistor,
        pull_up_ohm=pull_up_ohm,
        breaker=breaker,
        feedback=feedback,
        board=board,
        positions=positions,
        bms_contact=bms_contact,
        external_trip=external_trip,
        trip_circuit=trip_circuit,
        control_supply_V=int(control_supply_v)
        if control_supply_v.is_integer()
        else control_supply_v,
        main_shunt_uohm=main_shunt_uohm,
    )
    path = _asked(output, "--output", "File to write", Path)
    config = bank_file.build(choices)
    bank_file.write(path, config, force)
    print(f"{path}: {bank_file.summary(config)}")


@app.command()
def check(
    file: File,
    all_: Annotated[bool, typer.Option("--all", help="Name every error, one a line.")] = False,
):
    """Check a configuration: exit code 0, or 2 with the reason."""
    from packwarden_host import bank_file

    if all_:
        found = bank_file.errors(bank_file.parse(file))
        for error in found:
            print(bank_file.one_line(file, [error]), file=sys.stderr)
        if found:
            raise typer.Exit(2)
    print(f"{file}: good: {bank_file.summary(bank_file.read(file))}")


@app.command()
def show(
    file: File,
    element: Annotated[str | None, typer.Option(help="Only this element, by its slug.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="As data.")] = False,
):
    """Show every value of a configuration with its unit, range and reason."""
    from packwarden_host import bank_file, views

    views.show_config(bank_file.read(file), element, json_)


Port = Annotated[str, typer.Argument(help="Device, pseudo-terminal, or socket://host:port.")]


@app.command()
def push(
    port: Port,
    file: File,
    pin: PinOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Activate it without asking.")] = False,
):
    """Send a configuration to a cabinet, which checks it, stores it and starts again with it."""
    from packwarden_host import config_port

    config_port.push(port, file, pin, yes)


@app.command()
def pull(
    port: Port,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; else stdout.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
):
    """Fetch the configuration that a cabinet runs."""
    from packwarden_host import config_port

    config_port.pull(port, output, force)


@app.command()
def diff(
    port: Port,
    file: File,
    json_: Annotated[bool, typer.Option("--json", help="As data.")] = False,
):
    """Compare a file with what a cabinet runs: exit code 0 the same, 1 different, 2 bad."""
    from packwarden_host import config_port

    raise typer.Exit(config_port.diff(port, file, json_))


def _asked(given: T | None, option: str, question: str, kind: type[T]) -> T:
    """The value given, or asked for where a person sits at a terminal."""
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise BadInput(f"{option} is missing (and stdin is no terminal to ask on)")
    from rich.prompt import Prompt

    while True:
        try:
            return kind(Prompt.ask(question))
        except ValueError:
            print("that is not a number", file=sys.stderr)
        except EOFError:
            raise BadInput(f"{option} is missing") from None
