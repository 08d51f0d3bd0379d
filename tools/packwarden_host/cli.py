"""The `packwarden` command. A sub-command imports what it needs when it runs, so help is quick."""

import os
import re
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from packwarden_host import board_cli, config_cli, coordination_cli, deploy_cli, report_cli
from packwarden_host.commission_cli import commission
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.pin import PinOption

app = typer.Typer(
    help="Packwarden, protection of parallel batteries: the cabinet without hardware, its"
    " configuration and its console.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(config_cli.app, name="config")
app.add_typer(board_cli.app, name="board")
app.command()(coordination_cli.coordination)
app.command()(deploy_cli.flash)
app.command()(deploy_cli.deploy)
app.command()(report_cli.report)
app.command()(commission)

INTERRUPTED = 130

Vm = Annotated[Literal["micropython", "cpython"], typer.Option(help="Where the firmware runs.")]
BoardPort = Annotated[
    str | None,
    typer.Option(
        "--port", help="Also on the board there: device, pseudo-terminal, or socket://host:port."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="As data.")]


@app.command()
def sim(
    scenario: Annotated[
        str | None, typer.Argument(help="A scenario by name (--list), or a TOML file.")
    ] = None,
    batteries: Annotated[int | None, typer.Option(help="Size of the bank, 1 .. 15.")] = None,
    speed: Annotated[str | None, typer.Option(help="Times real time, or max.")] = None,
    vm: Vm = "micropython",
    seed: Annotated[
        int | None, typer.Option(help="Chooses the noise of the chips; else the scenario does.")
    ] = None,
    pty: Annotated[
        bool, typer.Option("--pty", help="Offer the console on a pseudo-terminal until Ctrl-C.")
    ] = False,
    link: Annotated[
        Path | None,
        typer.Option(help="The same, under a name of yours for the pseudo-terminal meanwhile."),
    ] = None,
    board: Annotated[
        str | None, typer.Option(help="A folder of boards/; else the scenario's, or cabinet15.")
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="Name the scenarios that come along.")
    ] = False,
):
    """Run the cabinet without hardware: real firmware, real VM, simulated chips and batteries."""
    from packwarden_host import sim as simulation

    if list_:
        simulation.show_list()
    else:
        on_pty = pty or link is not None
        request = simulation.Request(scenario, batteries, speed, vm, seed, on_pty, link, board)
        simulation.run(request)


@app.command()
def campaign(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="Scenarios by name, TOML files, folders of them, or faults; else all of them.",
            show_default=False,
        ),
    ] = None,
    faults: Annotated[
        bool,
        typer.Option(
            "--faults", help="Single faults, alone and while another battery's terminal overheats."
        ),
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Boards side by side; else one for each core.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Chooses the noise of the chips; else each scenario does.")
    ] = None,
    vm: Vm = "micropython",
    form: Annotated[Literal["text", "markdown", "jsonl"], typer.Option("--format")] = "text",
    file: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the table to this file as well.")
    ] = None,
):
    """Run scenarios through the whole firmware, side by side, and print what came of each."""
    from packwarden_host import campaign as campaigning

    request = campaigning.Request(tuple(names or ()), faults, jobs, seed, vm, form, file)
    campaigning.run(request)


@app.command()
def latency(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ELEMENT",
            help="Elements, or their levels like terminal_rise.trip; else all.",
            show_default=False,
        ),
    ] = None,
    phases: Annotated[
        int, typer.Option(min=1, max=100_000, help="Events, each at a random phase of the tick.")
    ] = 100,
    batteries: Annotated[int, typer.Option(min=3, max=15, help="Size of the bank.")] = 4,
    load: Annotated[
        Literal["quiet", "console", "flash", "journal", "absent", "hung", "all"],
        typer.Option(
            help="What goes on beside it: nothing, a flooded console, a lockout being written,"
            " the journal being written, a chip that is absent, a bus or chip that hangs."
        ),
    ] = "all",
    seed: Annotated[int, typer.Option(help="Chooses the phases and the noise of the chips.")] = 1,
    form: Annotated[Literal["text", "markdown", "jsonl"], typer.Option("--format")] = "text",
    file: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the table to this file as well.")
    ] = None,
):
    """Measure from the value in a chip's register to the output, and hold it against its bound."""
    from packwarden_host import latency as measuring

    loads = measuring.LOADS if load == "all" else (load,)
    request = measuring.Request(tuple(names or ()), phases, batteries, loads, seed, form, file)
    measuring.run(request)


@app.command()
def replay(
    trace: Annotated[
        Path,
        typer.Argument(
            metavar="TRACE.csv|CAPTURE.pwc",
            help="CSV file, a column per measured quantity; or what `capture` has fetched.",
        ),
    ],
    config: Annotated[
        Path | None, typer.Option(help="The bank's configuration (config new), for a trace.")
    ] = None,
    vm: Vm = "micropython",
    form: Annotated[Literal["text", "jsonl"], typer.Option("--format")] = "text",
    stuck_breaker: Annotated[
        list[str] | None,
        typer.Option(metavar="K ...", help="Breakers that stay closed: numbers, or main."),
    ] = None,
    tick_ms: Annotated[int | None, typer.Option(help="Another tick than configured, ms.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Chooses the noise of the chips, for a trace; else 1.")
    ] = None,
):
    """Run a trace through the real firmware, or a captured trip through its step, once more.

    Prints what it does, event by event. Exit code 1: a capture does not trip in the same tick.
    """
    from packwarden_host import replay as replaying

    stuck = tuple(stuck_breaker or ())
    replaying.run(replaying.Request(trace, config, vm, form, stuck, tick_ms, seed))


@app.command()
def elements(
    json_: Annotated[bool, typer.Option("--json", help="As data.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a table for a README.")] = False,
):
    """List the protection elements with the settings they ship with, for 100 A per battery."""
    from packwarden_host import views

    views.show_elements(json_, markdown)


@app.command()
def explain(
    element: Annotated[str | None, typer.Argument(help="An element; without it all.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="As data.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a table for a README.")] = False,
):
    """Say what an element's warning, alarm or trip means, and what to do about it."""
    from packwarden_host import remedies

    remedies.show(element, json_, markdown)


@app.command()
def console(
    port: Annotated[str, typer.Argument(help="Device, pseudo-terminal, or socket://host:port.")],
    baud: Annotated[int, typer.Option(help="Baud rate of a serial port.")] = 115_200,
):
    """Talk to a cabinet: its own console, key by key; in a pipe line by line."""
    from packwarden_host import console as bridge

    bridge.run(port, baud)


@app.command()
def monitor(
    port: Annotated[str, typer.Argument(help="Device, pseudo-terminal, or socket://host:port.")],
):
    """Watch a cabinet: batteries, events, latches, timing. Only looks; survives a lost cable."""
    from packwarden_host import monitor as watching

    return watching.run(port)


@app.command()
def events(
    port: Annotated[str, typer.Argument(help="Device, pseudo-terminal, or socket://host:port.")],
    since: Annotated[
        int, typer.Option(min=0, max=999_999_999, help="Number of the first one to show.")
    ] = 0,
    form: Annotated[Literal["text", "csv", "jsonl"], typer.Option("--format")] = "text",
):
    """Fetch what a cabinet has recorded, over its restarts, oldest first."""
    from packwarden_host import events as history

    history.run(port, since, form)


@app.command()
def capture(
    port: Annotated[str, typer.Argument(help="Device, pseudo-terminal, or socket://host:port.")],
    number: Annotated[
        int | None, typer.Argument(min=1, help="The one to fetch; else all are listed.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; else capture-N.pwc.")
    ] = None,
):
    """List or fetch what a cabinet has captured: all that was measured around its last trips."""
    from packwarden_host import capture as capturing

    capturing.run(port, number, file)


@app.command()
def export(
    capture: Annotated[Path, typer.Argument(help="A capture (.pwc).")],
    file: Annotated[
        Path, typer.Option("--output", "-o", help="File to write; of COMTRADE its .cfg and .dat.")
    ],
    form: Annotated[Literal["csv", "comtrade"], typer.Option("--format")] = "csv",
    config: Annotated[
        Path | None, typer.Option(help="The bank's configuration, for a capture without one.")
    ] = None,
):
    """Write the values of a capture for people: as a trace in CSV, or as COMTRADE of 1999."""
    from packwarden_host import capture_export

    capture_export.run(capture, config, form, file)


@app.command()
def selftest(
    port: Annotated[str, typer.Argument(help="Device, pseudo-terminal, or socket://host:port.")],
    json_: AsJson = False,
):
    """Let a cabinet test itself, while it protects. Exit code 1: something is bad."""
    from packwarden_host import selftest as testing

    return testing.run(port, json_)


@app.command()
def service(
    port: Annotated[str, typer.Argument(help="Device, pseudo-terminal, or socket://host:port.")],
    leave: Annotated[
        bool, typer.Option("--leave", help="Back: restart the board, and wait until it protects.")
    ] = False,
    minutes: Annotated[
        int, typer.Option(min=1, max=240, help="When the board returns by itself.")
    ] = 30,
    opens: Annotated[
        bool,
        typer.Option("--open", help="Also where breakers open by it, since nobody holds them in."),
    ] = False,
    secret: PinOption = None,
):
    """Take a cabinet out of protection, to its REPL, for mpremote; and back."""
    from packwarden_host import service as serving

    if leave:
        serving.leave(port)
    else:
        serving.run(port, secret, minutes, opens)


@app.command()
def vectors(port: BoardPort = None, json_: AsJson = False):
    """Run the same frames on every target, here and on a board: are their bits the same?"""
    from packwarden_host import vectors as vectoring

    vectoring.run(port, json_)


@app.command()
def bench(port: BoardPort = None, json_: AsJson = False):
    """Measure the control step, memory, bus and simulation, here or on a board."""
    from packwarden_host import bench as benchmark

    benchmark.run(port, json_)


@app.command()
def budget(
    batteries: Annotated[
        int | None, typer.Option(help="Size of the bank, 1 .. 15, in detail; else 2 to 15.")
    ] = None,
    tick_ms: Annotated[int, typer.Option(help="The tick, ms.")] = 10,
    json_: Annotated[bool, typer.Option("--json", help="As data.")] = False,
):
    """Show what a tick does with its time and its buses, and where the next limit lies."""
    from packwarden_host import budget as budgeting

    budgeting.run(batteries, tick_ms, json_)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: run a command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run a command line; returns the exit code. Every expected failure is one line on stderr."""
    try:
        with _signals_unwind():
            code = app(args=_spread(arguments), standalone_mode=False, prog_name="packwarden")
            sys.stdout.flush()
            return code if isinstance(code, int) else 0
    except (BadInput, RunFailed, typer.TyperException) as error:
        return _complain(error)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough; nothing may be written at exit any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _complain(error: BadInput | RunFailed | typer.TyperException) -> int:
    text = error.format_message() if isinstance(error, typer.TyperException) else str(error)
    line = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    line = line.replace("Value error, ", "")  # a word of the parser's own
    if line:  # empty where the help was shown instead
        print(f"packwarden: {line}", file=sys.stderr)
    return error.exit_code


def _spread(arguments: list[str]) -> list[str]:
    """`--stuck-breaker 3 main` as one option for each value, which the parser does not know."""
    option = "--stuck-breaker"
    spread: list[str] = []
    several = False
    for argument in arguments:
        several = several and re.fullmatch(r"[0-9]+|main", argument) is not None
        if several and spread[-1] != option:
            spread.append(option)
        spread.append(argument)
        several = several or argument == option
    return spread


@contextmanager
def _signals_unwind():
    """Let SIGTERM and SIGHUP unwind like Ctrl-C: no process and no folder is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number, _frame):
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
