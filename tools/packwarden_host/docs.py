"""`make docs`: run the commands that the documentation shows, and paste what they print.

In a Markdown file of the repository
- a block fenced as `csv NAME` or `json NAME` is written to that file first;
- a block fenced as `console` holds lines `$ command`, each followed by its output; `packwarden`
  and `make` are run, one after another in one scratch folder per file; a picture (SVG) that they
  write there and the document shows is kept beside the document;
- a table between `<!-- packwarden ... -->` and `<!-- end -->` is the output of that command, which
  has to succeed; what it says on stderr is not part of it.
`make campaign`, `make faults` and `make latency` do the same for one table of a page each, which
takes too long for `make docs`. `differences` tells what has changed since, figures of the
machine's speed aside.
"""

import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from packwarden_host import REPOSITORY, boards

FILES = ("README.md", "lib/README.md", "tools/README.md")
BOARDS = tuple(f"boards/{name}/README.md" for name in boards.names())
_FENCED = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_GENERATED = re.compile(
    r"^<!-- (packwarden [^\n]*) -->\n.*?^<!-- end -->$", re.MULTILINE | re.DOTALL
)
_PICTURE = re.compile(r"!\[[^\]]*\]\((\w+\.svg)\)")
# What depends on the machine: how long a run took, and on which pseudo-terminal.
_SPEED = re.compile(r"(simulated in ).*")


def refreshed(text: str, command: str | None = None) -> tuple[str, dict[str, str]]:
    """Return a document with the output of its commands as it is now, and its pictures by name.

    `command`: a sub-command of `packwarden` with its options: its table alone is made anew, by it.
    """
    with tempfile.TemporaryDirectory(prefix="packwarden-") as folder:

        def fence(match: re.Match) -> str:
            kind, name, body = match.groups()
            if name and kind in ("csv", "json"):
                (Path(folder) / name).write_text(body)
            if kind != "console":
                return match[0]
            commands = [line for line in body.splitlines() if line.startswith("$ ")]
            shown = "".join(f"{line}\n{_output(line[2:], folder)}" for line in commands)
            return f"```console\n{shown}```"

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


def _output(command: str, folder: str) -> str:
    """What a command prints in a pipe: its output, then its complaints."""
    done = _run(command, folder, capture_output=True, timeout=300)
    return done.stdout + done.stderr


def _run(command: str, folder: str, **how) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command)
    where = folder
    if words[0] == "packwarden":
        words[0] = str(Path(sys.executable).with_name("packwarden"))
    elif words[0] == "make":
        where = str(REPOSITORY)
    else:
        raise ValueError(f"the documentation shows a command that is not run: {command}")
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(words, cwd=where, env=plain, text=True, **how)


def _without_speed(text: str) -> str:
    return _SPEED.sub(r"\1...", text)


def differences(name: str) -> list[str]:
    """What a document shows and what its commands print now: lines of a diff, none when equal."""
    path = REPOSITORY / name
    before = path.read_text()
    now, pictures = refreshed(before)
    shown = (_without_speed(before).splitlines(), _without_speed(now).splitlines())
    found = list(difflib.unified_diff(*shown, "shown", "printed", lineterm="", n=1))
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
            sys.exit(f"{error.stdout}{name} stays as it was: {error}")
        except KeyboardInterrupt:
            sys.exit(130)
        path.write_text(text)
        for picture, drawn in pictures.items():
            path.with_name(picture).write_text(drawn)
        print(f"refreshed {name}")


if __name__ == "__main__":
    # A page, and the command whose table it is about; or nothing.
    main(sys.argv[1:2] or FILES + BOARDS, *sys.argv[2:])
