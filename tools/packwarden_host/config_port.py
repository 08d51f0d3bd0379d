"""`packwarden config push|pull|diff PORT`: the configuration of a cabinet, over its console."""

import base64
import json
import sys
from binascii import crc32
from pathlib import Path

from packwarden import config_text, migration, settings
from packwarden.console import PROMPT
from packwarden.staging import PIECE
from packwarden_host import bank_file, config_diff
from packwarden_host.dialogue import Dialogue, Refused
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.progress import Progress

_TRIES = 3  # of a piece on a noisy line
_START_S = 30.0  # a cabinet that was told to start again finishes what it keeps before


def push(port: str, file: Path, pin: str | None, yes: bool) -> None:
    """Send a configuration to a cabinet, let it check it, and activate it once that is wanted."""
    config = bank_file.read(file)
    with Dialogue(port) as dialogue:
        runs = _what_runs(dialogue)
        found = config_diff.differences(runs, config) if runs else None
        if found == []:
            print(f"{port}: runs what {file} says: nothing to do")
            return
        if found:
            config_diff.show(found, False)
        dialogue.unlock(pin)
        try:
            name = _stage(dialogue, config)
            _confirm(port, yes)
            print(_said(dialogue.ask(f"config activate {name}")))
        except BaseException:
            _leave(dialogue)
            raise
        print(_started(dialogue, name))


def pull(port: str, file: Path | None, force: bool) -> None:
    """Fetch the configuration that a cabinet runs, to a file or stdout."""
    with Dialogue(port) as dialogue:
        config = fetched(dialogue)
    if file is None:
        sys.stdout.write(bank_file.dump(config))
        return
    bank_file.write(file, config, force)
    print(f"{file}: {bank_file.summary(config)}")


def diff(port: str, file: Path, as_json: bool) -> int:
    """Compare a file with what a cabinet runs: 0 where both mean the same, else 1."""
    config = bank_file.read(file)
    try:
        with Dialogue(port) as dialogue:
            runs = fetched(dialogue)
        found = config_diff.differences(_up_to_date(port, runs), config)
    except RunFailed as error:
        raise BadInput(str(error)) from error  # 1 says that they differ
    config_diff.show(found, as_json)
    return 1 if found else 0


def fetched(dialogue: Dialogue) -> dict:
    """The configuration that a cabinet runs, bit by bit as it keeps it."""
    reply = dialogue.ask("config read").replace("\r\n", "\n")
    text, _, end = reply.rstrip("\n").rpartition("\n")
    text = (text + "\n").encode()
    if end != f"end {len(text)} {crc32(text):08x}":
        raise RunFailed(f"{dialogue.port}: the configuration came damaged: try again")
    config: dict = {}
    try:
        for _ in config_text.read([text], config):
            pass
    except ValueError as error:
        raise RunFailed(f"{dialogue.port}: what runs cannot be read: {error}") from error
    return config


def _up_to_date(port: str, runs: dict) -> dict:
    """What runs as this version would read it; RunFailed where it would not."""
    migration.migrate(runs)
    found = settings.errors(runs)
    if found:
        raise RunFailed(bank_file.one_line(f"{port}: what runs is of another version", found))
    return runs


def _what_runs(dialogue: Dialogue) -> dict | None:
    """What is going to be replaced; None where there is nothing, or it says nothing here."""
    try:
        return _up_to_date(dialogue.port, fetched(dialogue))
    except RunFailed as error:
        print(f"packwarden: no comparison: {error}", file=sys.stderr)
        return None


def _stage(dialogue: Dialogue, config: dict) -> str:
    """Send a configuration and let the cabinet check it; return its hash."""
    text = "".join(config_text.lines(config)).encode()
    name = f"{crc32(text):08x}"
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    with Progress(["push"], len(pieces)) as progress:
        dialogue.ask(f"config begin {len(text)} {name}")
        for number, piece in enumerate(pieces):
            _send(dialogue, number, piece)
            progress.at("push", f"{number + 1} of {len(pieces)} pieces")
        progress.ended("push", f"{len(text)} bytes, hash {name}")
    print(_said(dialogue.ask("config check")))
    return name


def _send(dialogue: Dialogue, number: int, piece: bytes) -> None:
    line = f"config put {number} {base64.b64encode(piece).decode()} {crc32(piece):08x}"
    for left in reversed(range(_TRIES)):
        try:
            if left < _TRIES - 1:
                dialogue.interrupt()
            dialogue.ask(line)
            return
        except RunFailed as error:
            refused = isinstance(error, Refused) and "damaged" not in error.reason
            if refused or not left:
                raise


def _confirm(port: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadInput("--yes is missing (and stdin is no terminal to ask on)")
    import typer

    question = f"{port}: activate it? The cabinet starts again and protects nothing for seconds"
    typer.confirm(question, abort=True, err=True)


def _leave(dialogue: Dialogue) -> None:
    """Leave nothing staged and nothing unlocked behind, if there still is somebody."""
    try:
        dialogue.interrupt()
        for line in ("config drop", "lock"):
            dialogue.ask(line)
    except RunFailed:
        pass


def _started(dialogue: Dialogue, name: str) -> str:
    """Wait until the cabinet has started again; return what runs then."""
    dialogue.line.restarted(PROMPT.encode(), silent_s=_START_S)
    status = dialogue.protecting()
    config = json.loads(dialogue.ask("config --json"))
    if config["hash"] != name:
        why = "; ".join(f"{one['file']}: {one['reason']}" for one in config["refused"])
        runs = f"{dialogue.port}: runs {config['hash']}, not {name}"
        raise RunFailed(f"{runs}: {why or 'see config'}")
    kept = f"hash {name}, generation {config['generation']}"
    return f"{dialogue.port}: runs {kept}; protects again, boot {status['boot']}"


def _said(reply: str) -> str:
    return reply.strip()
