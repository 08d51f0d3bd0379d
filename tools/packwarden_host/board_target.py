"""A board as a target, through mpremote's raw REPL: any MicroPython from 1.24 on.

What it runs is compiled for its architecture and copied to a scratch folder on its flash, since
its memory is small; modules come from there. Afterwards the board is as it was: no folder, no
module, no path of ours. It is not reset: pins keep their level, and its REPL goes on.
"""

import sys
from pathlib import PurePosixPath

from packwarden_host import sources, targets
from packwarden_host.board_repl import LOST, Repl
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.sources import Files
from packwarden_host.targets import Listener, deaf

SCRATCH = "packwarden.scratch"
OLDEST = (1, 24)

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
        self._repl = Repl(self.port)
        try:
            self._repl.enter()
            self._identify()
        except BaseException:
            self._repl.close()
            raise
        try:
            self._repl.execute(_RESTORE.format(**self._places))  # what an earlier session left
            self._repl.execute(_BEGIN.format(**self._places))
        except BaseException as error:
            self.__exit__(type(error))
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is not None:  # whatever runs there has to end first
                self._repl.enter()
            self._repl.execute(_RESTORE.format(**self._places))
            self._repl.tidy()
        except (*LOST, BadInput, RunFailed) as error:
            left = f"{self.port}: {SCRATCH} may be left on the board, until the next run: {error}"
            print(f"packwarden: {left}", file=sys.stderr)
        finally:
            self._repl.close()

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
            self._repl.execute(_SET_ASIDE.format(tops=tops, kept=_KEPT))
            printed = self._repl.execute(script, listen)
            self._repl.execute(_FORGET.format(**self._places))
        except LOST as error:
            raise RunFailed(f"{self.port}: the board does not answer any more: {error}") from error
        return printed

    def end(self) -> None:
        """Nothing to do: it runs in the thread that an interrupt reaches."""

    def _identify(self) -> None:
        told = self._repl.facts(OLDEST)
        try:
            home = PurePosixPath(self._repl.execute("import os\nprint(os.getcwd())").strip())
        except (*LOST, RunFailed) as error:
            raise BadInput(f"{self.port}: cannot tell where it is: {error}") from error
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
            self._repl.make_folder(str(root / name))
            self._written[name] = ""
        changed = {path: data for path, data in files.items() if self._written.get(path) != data}
        for number, (path, data) in enumerate(changed.items()):
            listen(f"copying {number + 1}/{len(changed)}: {path}")
            self._repl.write(str(root / path), data)
            self._written[path] = data
