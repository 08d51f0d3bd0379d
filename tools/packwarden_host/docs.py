"""`make docs`: run the commands that the documentation shows, and paste what they print.

In a Markdown file of the repository
- a block fenced as `csv NAME` or `json NAME` is written to that file first;
- a block fenced as `console` holds lines `$ command`, each followed by its output; `packwarden`,
  `make` and `echo TEXT | packwarden` are run, one after another in one scratch folder per file; a
  picture (SVG) that they write there and the document shows is kept beside the document;
- in one fenced as `console live` each command has to succeed, and what it prints is of the moment;
  one that ends in `&` (a simulated cabinet) runs from its first line on, until the next such or
  the end of the file;
- a table between `<!-- packwarden ... -->` and `<!-- end -->` is the output of that command, which
  has to succeed; what it says on stderr is not part of it.
`make campaign`, `make faults` and `make latency` do the same for one table of a page each, which
takes too long for `make docs`. `differences` tells what has changed since, figures of the
machine's speed and of the moment aside.
"""

import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from packwarden_host import REPOSITORY, boards

FILES = ("README.md", "boards/README.md", "lib/README.md", "tools/README.md")
BOARDS = tuple(f"boards/{name}/README.md" for name in boards.names())
_FENCED = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_GENERATED = re.compile(
    r"^<!-- (packwarden [^\n]*) -->\n.*?^<!-- end -->$", re.MULTILINE | re.DOTALL
)
_PICTURE = re.compile(r"!\[[^\]]*\]\((\w+\.svg)\)")
# What depends on the machine: how long a run took, and on which pseudo-terminal.
_SPEED = re.compile(r"(simulated in ).*")
_LIVE = re.compile(r"^```console live\n.*?^```$", re.MULTILINE | re.DOTALL)
_PRINTED = re.compile(r"^(?!\$ |```).*\n", re.MULTILINE)


def refreshed(text: str, command: str | None = None) -> tuple[str, dict[str, str]]:
    """Return a document with the output of its commands as it is now, and its pictures by name.

    `command`: a sub-command of `packwarden` with its options: its table alone is made anew, by it.
    """
    with tempfile.TemporaryDirectory(prefix="packwarden-") as folder, ExitStack() as running:

        def printed(line: str, live: bool) -> str:
            if line.endswith(" &"):
                running.close()
                return running.enter_context(_cabinet(line[2:-2], folder))
            return _output(line[2:], folder, live)

        def fence(match: re.Match) -> str:
            kind, name, body = match.groups()
            if name and kind in ("csv", "json"):
                (Path(folder) / name).write_text(body)
            if kind != "console":
                return match[0]
            lines = [line for line in body.splitlines() if line.startswith("$ ")]
            shown = "".join(f"{line}\n{printed(line, name == 'live')}" for line in lines)
            return f"```{kind}{f' {name}' if name else ''}\n{shown}```"

        def table(match: re.Match) -> str:
            if command is None:
                return _table(match[1], folder)
            meant = _kind(match[1].split()[1:]) == _kind(command.split())
            return _table(f"packwarden {command}", folder) if meant else match[0]

        if command is None:
            text = _FENCED.sub(fence, text)
        text = _GENERATED.sub(table, text)
        made = {path.name: path.read_text() for path in Path(folder).glob("*.svg")}
        return text, {name: made[name] for name in _PICTURE.findall(text) if name in made}


def _kind(words: Sequence[str]) -> tuple[str, bool]:
    """What tells the tables of a page apart: the sub-command, and which campaign it is."""
    return words[0], "--faults" in words


def _table(command: str, folder: str) -> str:
    text = _run(command, folder, stdout=subprocess.PIPE, check=True).stdout
    if not text.startswith("|"):
        text = f"```\n{text}```\n"
    return f"<!-- {command} -->\n{text}<!-- end -->"


def _output(command: str, folder: str, live: bool) -> str:
    """What a command prints in a pipe: its output, then its complaints.

    CalledProcessError where a `live` one fails.
    """
    done = _run(command, folder, capture_output=True, timeout=300, check=live)
    printed = done.stdout + done.stderr
    return printed if printed.endswith("\n") or not printed else f"{printed}\n"


@contextmanager
def _cabinet(command: str, folder: str) -> Iterator[str]:
    """A cabinet that goes on beside other commands; yields its first line, once it is armed."""
    words, how = _prepared(command, folder)
    with subprocess.Popen(words, stdout=subprocess.PIPE, **how) as process:
        assert process.stdout is not None
        try:
            first = process.stdout.readline()
            process.stdout.readline()  # the boot
            yield first
        finally:
            process.terminate()


def _run(command: str, folder: str, **more) -> subprocess.CompletedProcess[str]:
    words, how = _prepared(command, folder)
    return subprocess.run(words, **how, **more)


def _prepared(command: str, folder: str) -> tuple[list[str], dict]:
    """The words of a command that a reader would type, and how a process of it is started."""
    first = command.split()[0]
    if first not in ("packwarden", "make", "echo"):
        raise ValueError(f"the documentation shows a command that is not run: {command}")
    words = ["sh", "-c", command] if first == "echo" else shlex.split(command)
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    plain["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{plain['PATH']}"
    where = str(REPOSITORY) if first == "make" else folder
    return words, {"cwd": where, "env": plain, "text": True, "stdin": subprocess.DEVNULL}


def _lasting(text: str) -> list[str]:
    """The lines of a document without what is of a machine and of a moment."""
    commands = _LIVE.sub(lambda match: _PRINTED.sub("", match[0]), text)
    return _SPEED.sub(r"\1...", commands).splitlines()


def differences(name: str) -> list[str]:
    """What a document shows and what its commands print now: lines of a diff, none when equal."""
    path = REPOSITORY / name
    before = path.read_text()
    now, pictures = refreshed(before)
    pair = (_lasting(before), _lasting(now))
    found = list(difflib.unified_diff(*pair, "shown", "printed", lineterm="", n=1))
    for picture, drawn in pictures.items():
        kept = path.with_name(picture)
        if not kept.is_file() or kept.read_text() != drawn:
            found.append(f"{picture} is drawn otherwise")
    return found


def main(names: Sequence[str], command: str | None = None) -> None:
    """Refresh documents in place; one with a table whose command fails stays as it was."""
    for name in names:
        path = REPOSITORY / name
        try:
            text, pictures = refreshed(path.read_text(), command)
        except subprocess.CalledProcessError as error:
            sys.exit(f"{error.stdout}{error.stderr or ''}{name} stays as it was: {error}")
        except KeyboardInterrupt:
            sys.exit(130)
        path.write_text(text)
        for picture, drawn in pictures.items():
            path.with_name(picture).write_text(drawn)
        print(f"refreshed {name}")


if __name__ == "__main__":
    # A page, and the command whose table it is about; or nothing.
    main(sys.argv[1:2] or FILES + BOARDS, *sys.argv[2:])
