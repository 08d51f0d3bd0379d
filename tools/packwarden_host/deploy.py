"""`packwarden deploy PORT`: the firmware and a configuration onto a board, and a look at it."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packwarden.console import PROMPT
from packwarden_host import bank_file, boards, image, output, selftest, service, targets
from packwarden_host.board_repl import LOST, Repl
from packwarden_host.deployment import Deployment, Plan
from packwarden_host.dialogue import Dialogue, Line
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.progress import Progress

OLDEST = (1, 29)
_WHY = ": machine.mem_backup came with it, in which lockouts and events outlast a reset"
CONFIG = "config.json"
_REPL, _CONSOLE = b">>> ", PROMPT.encode()
_START_S = 60.0  # a board that hashes its image and loads its modules
_CHIP = 'import os, sys\nprint(getattr(sys.implementation, "_machine", ""))'
# A session before this one may have left it elsewhere; on a host the root is not a board's flash.
_HOME = 'import os, sys\nif sys.platform == "esp32":\n    os.chdir("/")\n'
_BOARD = """
try:
    import board
    print(board.NAME)
except ImportError:
    pass
"""


@dataclass(frozen=True)
class Request:
    """What `deploy` was asked to do."""

    port: str
    board: str | None = None
    config: Path | None = None
    pin: str | None = None
    minutes: int = 30
    opens: bool = False
    dry_run: bool = False


def run(request: Request) -> int:
    """Deploy; 1 where the board's self-test finds something, or it does not protect."""
    config = bank_file.read(request.config) if request.config else None
    named = _named(request.board, config)
    _reach_repl(request)
    with _at_repl(request.port) as repl:
        told = repl.facts(OLDEST, _WHY)
        repl.execute(_HOME)
        board = named or _board_there(repl)
        _check_chip(repl, board)
        march = targets.march(told)
        if march is None:
            raise BadInput(f"{request.port}: its MicroPython loads no native code")
        files = image.built(board, march)
        name = image.named(files)
        on_its_way = Deployment(repl, files)
        if request.dry_run:
            _list(board, name, on_its_way.plan, config is not None)
            return 0
        with _telling(request.port, on_its_way):
            _bring(on_its_way, config)
    _report(board, name, on_its_way.plan)
    return _start(request.port, name)


def _named(board: str | None, config: dict | None) -> str | None:
    """The board that was named, by itself or in the configuration; BadInput where they differ."""
    if config is not None:
        meant = config["bank"]["board"]
        if board not in (None, meant):
            raise BadInput(f"--board {board}, but the configuration is for {meant}")
        board = meant
    if board is not None:
        boards.load(board)  # refuses one that is not there
    return board


def _reach_repl(request: Request) -> None:
    """Bring a cabinet that answers at its console into service mode; else a REPL answers."""
    with Line(request.port) as line:
        service.wake(line)
        if line.until(_REPL, _CONSOLE)[1] == _REPL:
            return
    if request.dry_run:
        raise BadInput(
            f"{request.port}: a cabinet protects, which --dry-run does not end:"
            f" packwarden service {request.port} first"
        )
    service.enter(request.port, request.pin, request.minutes, request.opens)


@contextmanager
def _at_repl(port: str) -> Iterator[Repl]:
    repl = Repl(port)
    try:
        repl.enter()
        yield repl
        repl.tidy()
    finally:
        repl.close()


def _board_there(repl: Repl) -> str:
    """The board of the image that is there; BadInput where there is none."""
    found = repl.execute(_BOARD).strip()
    if found not in boards.names():
        raise BadInput(
            f"{repl.port}: it does not say which board it is: --board, one of"
            f" {', '.join(boards.names())}, or --config with a configuration"
        )
    return found


def _check_chip(repl: Repl, board: str) -> None:
    """Refuse (BadInput) another chip of the family; whatever is none of it is somebody's VM."""
    machine = repl.execute(_CHIP).strip()
    chip = machine.rpartition(" ")[2].lower().replace("-", "")
    meant = boards.load(board).CHIP
    if chip.startswith("esp") and chip != meant:
        raise BadInput(f"{repl.port}: is a {machine}; {board} is an {meant.upper()}")


@contextmanager
def _telling(port: str, on_its_way: Deployment) -> Iterator[None]:
    """Say of whatever ends it early which image a start of the board would take."""

    def starts() -> str:
        return (
            f"{on_its_way.starts} starts: deploy again, or packwarden service {port} --leave;"
            " a board in service mode returns by itself"
        )

    try:
        yield
    except (*LOST, RunFailed) as error:
        raise RunFailed(f"{port}: {error}; {starts()}") from error
    except BaseException:
        print(f"packwarden: {port}: interrupted; {starts()}", file=sys.stderr)
        raise


def _bring(on_its_way: Deployment, config: dict | None) -> None:
    planned = on_its_way.plan
    steps = len(planned.copied) + len(planned.sent)
    with Progress(["deploy"], max(steps, 1)) as progress:
        on_its_way.bring(lambda path: progress.at("deploy", path))
        if config is not None:
            on_its_way.put(CONFIG, bank_file.dump(config).encode())
        progress.ended("deploy", f"{steps} files written and read back")


def _list(board: str, name: str, planned: Plan, config: bool) -> None:
    output.line(f"image {name} of {board}, in {planned.place}")
    for path in planned.sent:
        output.line(f"send    {planned.place}/{path}")
    for path, there in planned.copied.items():
        output.line(f"copy    {planned.place}/{path} from {there}")
    if config:
        output.line(f"send    {CONFIG}")
    for path in (*planned.outdated, *planned.strays):
        output.line(f"remove  {path}")
    output.line(f"keep    {len(planned.kept)} files")


def _report(board: str, name: str, planned: Plan) -> None:
    folders: dict[str, list[str]] = {}
    for path in map(PurePosixPath, planned.strays):
        folders.setdefault(str(path.parent), []).append(path.name)
    for folder, names in folders.items():
        where = "" if folder == "." else f" from {folder}"
        output.line(f"removed{where}, not of the image: {', '.join(names)}", "gold1")
    if planned.starts:
        output.line(f"image {name} of {board}: is there already, nothing copied")
        return
    sent = [path for path in planned.sent if path != image.MANIFEST]
    names = f": {', '.join(sent)}" if 0 < len(sent) <= 3 else ""
    stay = len(planned.kept) + len(planned.copied)
    count = f"{len(sent)} file{'s' * (len(sent) != 1)} copied{names}"
    output.line(f"image {name} of {board}: {count}; {stay} were on the board")


def _start(port: str, name: str) -> int:
    """Restart the board, wait for its console, show its self-test; return the exit code."""
    with Line(port) as line:
        service.wake(line)
        line.until(_REPL)
        line.send(b"import machine; print('rest' + 'arting'); machine.reset()\r")
        line.until(b"restarting")
        said, found = line.restarted(_CONSOLE, _REPL, silent_s=_START_S)
    if found == _REPL:
        words = said.decode(errors="replace").strip().splitlines() or ["nothing"]
        reason = next((w for w in words if w.startswith("not protecting")), words[-1])
        raise RunFailed(f"{port}: the new image starts, and then: {reason}")
    with Dialogue(port) as dialogue:
        runs = json.loads(dialogue.ask("version --json"))
        if runs["image"] != name:
            raise RunFailed(
                f"{port}: runs image {runs['image']}, not {name}:"
                " a MicroPython with Packwarden frozen in starts that instead"
            )
        output.line(f"{port}: Packwarden {runs['packwarden']} on {runs['board']} answers", "green")
        dialogue.protecting()
        return selftest.show(dialogue)
