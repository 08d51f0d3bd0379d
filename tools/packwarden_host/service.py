"""`packwarden service PORT`: a cabinet into service mode, to a REPL for mpremote, and back."""

from packwarden.console import PROMPT
from packwarden_host import output
from packwarden_host.dialogue import Dialogue, Line

_CTRL_B, _CTRL_C = b"\x02", b"\x03"  # out of the raw REPL; out of what runs, or of a line
_REPL = b">>> "
_CONSOLE = PROMPT.encode()


def run(port: str, given: str | None, minutes: int, opens: bool) -> None:
    """Bring a cabinet that protects into service mode, and say what can be done there."""
    enter(port, given, minutes, opens)
    output.line(f"mpremote connect {port} resume ...")
    output.line(f"packwarden service {port} --leave   ends it")


def enter(port: str, given: str | None, minutes: int, opens: bool) -> None:
    """Bring a cabinet that protects into service mode; RunFailed says why it did not go."""
    with Dialogue(port) as dialogue:
        dialogue.unlock(given)
        said = dialogue.ask(f"service {minutes}" + (" open" if opens else ""))
        dialogue.line.restarted(_REPL)
    output.line(said.strip(), "bold red")


def wake(line: Line) -> None:
    """Have whoever is there prompt: a console, or a REPL out of what it runs or is given."""
    line.send(_CTRL_C + _CTRL_B + b"\r")


def leave(port: str) -> None:
    """Restart a board from service mode, and wait until it protects."""
    with Line(port) as line:
        wake(line)
        if line.until(_REPL, _CONSOLE)[1] == _CONSOLE:
            output.line(f"{port}: is not in service mode")
            return
        line.send(b"import machine; machine.reset()\r")
        line.restarted(_CONSOLE)
    with Dialogue(port) as dialogue:
        dialogue.protecting()
    output.line(f"{port}: protecting", "green")
