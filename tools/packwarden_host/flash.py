"""`packwarden flash PORT IMAGE`: MicroPython onto a board, by esptool."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from packwarden.console import PROMPT
from packwarden_host import micropython_image, output, service
from packwarden_host.dialogue import Line
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.micropython_image import CHIPS, Image

ANSWER_S = 2.0  # how long a console is waited for before the chip is reset
_PATIENCE_s = 60
_CHIP = re.compile(r"^Connected to (ESP32\S*)", re.MULTILINE)


@dataclass(frozen=True)
class Request:
    """What `flash` was asked to do."""

    port: str
    image: Path
    baud: int
    yes: bool


def show_list() -> None:
    """Print which image each board takes, and where it comes from."""
    heads = ("board", "chip", "image", "from version", "goes to", "from")
    output.table("Images of MicroPython", heads, micropython_image.rows())


def run(request: Request) -> None:
    """Check image and chip, erase the flash, write, verify."""
    image = micropython_image.read(request.image)
    _spare(request.port)
    chip = _chip(request.port)
    if chip != CHIPS[image.chip].name:
        raise BadInput(
            f"{request.port}: is an {chip}; {image.path} is for an {CHIPS[image.chip].name}"
        )
    output.line(f"{request.port}: {chip}; {image.path}: {image.version}, {image.size} bytes")
    _confirm(request)
    _write(request, image)
    output.line(f"{request.port}: {image.version} is written and verified", "green")
    output.line(f"packwarden deploy {request.port} --config BANK.json   brings the firmware")


def _spare(port: str) -> None:
    """Refuse (BadInput) a cabinet that protects: esptool would reset it without a word."""
    with Line(port, ANSWER_S) as line:
        try:
            service.wake(line)
            found = line.until(PROMPT.encode(), b">>> ")[1]
        except RunFailed:
            return  # an empty chip, or what is no Packwarden
    if found == PROMPT.encode():
        raise BadInput(
            f"{port}: a cabinet protects; flashing ends that: packwarden service {port} first"
        )


def _chip(port: str) -> str:
    """What esptool says the chip is; RunFailed where it finds none."""
    found = _esptool(port, "--after", "no-reset", "--no-stub", "chip-id")
    match = _CHIP.search(found)
    if match is None:
        raise RunFailed(f"{port}: esptool does not say what chip it is")
    return match[1]


def _confirm(request: Request) -> None:
    if request.yes:
        return
    if not sys.stdin.isatty():
        raise BadInput("--yes is missing (and stdin is no terminal to ask on)")
    import typer

    question = (
        f"{request.port}: erase all of its flash?"
        " Configuration, PIN, lockouts, events and captures go with it"
    )
    typer.confirm(question, abort=True, err=True)


def _write(request: Request, image: Image) -> None:
    """Erase and write with esptool's own progress; it compares the flash with the file."""
    where = hex(CHIPS[image.chip].offset)
    chip = ("--chip", image.chip, "--baud", str(request.baud))
    written = ("write-flash", "--erase-all", where, str(image.path))
    _esptool(request.port, *chip, *written, shown=True)


def _esptool(port: str, *arguments: str, shown: bool = False) -> str:
    """Run esptool; what it printed, which a person sees where `shown`. RunFailed by its words."""
    command = [sys.executable, "-m", "esptool", "--port", port, *arguments]
    if shown and output.is_terminal():
        if subprocess.run(command, check=False).returncode:
            raise RunFailed(f"{port}: esptool has failed: the flash is not whole, flash it again")
        return ""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = (done.stdout + done.stderr).strip().splitlines()
        fatal = [line for line in words if "error" in line.lower()] or words[-1:]
        raise RunFailed(f"{port}: esptool: {' '.join(fatal[-1:]) or 'no word'}")
    if shown:
        print(done.stdout, end="", flush=True)
    return done.stdout
