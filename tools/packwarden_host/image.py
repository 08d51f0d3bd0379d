"""The image of a board and its manifest, against which a board holds its files at boot."""

import hashlib
import shutil
from pathlib import Path

from packwarden_host import boards, sources
from packwarden_host.errors import BadInput
from packwarden_host.sources import Files

MANIFEST = "image.sha256"
PLACES = ("image.a", "image.b")  # the folders on a board's flash, of which main.py starts one
ROM = "/rom"  # where MicroPython mounts a ROMFS partition
_MARCH = {"esp32": "xtensawin", "esp32s3": "xtensawin"}  # by a board's CHIP, as mpy-cross calls it
_START = """\
# Written by packwarden: the image that this board starts is the one in {place}.
import sys

# Neither the root nor /lib: nothing that lies there is taken in the place of a module.
sys.path[:] = [{place!r}, {place!r} + "/lib"] + [
    path for path in sys.path if path and not path.endswith("/lib")
]
import main
"""


def built(board: str, march: str | None) -> dict[str, bytes]:
    """The image of a board, compiled for an architecture, with its manifest, in one of PLACES."""
    source = sources.firmware(board) | sources.below("lib", "lib")
    files = {
        path: data.encode() if isinstance(data, str) else data
        for path, data in sources.compiled(source, march).items()
    }
    return files | {MANIFEST: manifest(files).encode()}


def named(files: Files) -> str:
    """The name of an image with its manifest, as the board tells it: 8 digits."""
    data = files[MANIFEST]
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()[:8]


def start(place: str) -> str:
    """The main.py of a board that starts the image in a place. Which image runs is this file."""
    return _START.format(place=place)


def write(board: str, march: str | None, folder: Path) -> str:
    """Write the image of a board to a new folder, for a ROMFS partition, and the main.py for it.

    Returns its name. march: None for that of the board's chip. BadInput where the folder is there,
    or cannot be made.
    """
    files = built(board, march or _MARCH[boards.load(board).CHIP])
    whole = {f"rom/{path}": data for path, data in files.items()} | {"main.py": start(ROM)}
    try:
        folder.mkdir()
        sources.write(whole, folder)
    except OSError as error:
        raise BadInput(f"{folder}: {error.strerror or error}") from error
    return named(files)


def manifest(files: Files) -> str:
    """The manifest of an image's files, as `sha256sum` writes it; it is copied to a board last.

    Paths are those that the board sees; what is no module (the configuration) is not of the image.
    """
    lines = []
    for path in sorted(files):
        data = files[path]
        digits = hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()
        lines.append(f"{digits}  {path}\n")
    return "".join(lines)


def install(flash: Path, repository: Path, board: str) -> None:
    """Put the image of a repository on the flash (a folder) of a simulated board.

    With the bytecode that CPython has cached, for its runs.
    """
    for folder, target in (("firmware", flash), ("lib", flash / "lib")):
        if (repository / folder).exists():
            shutil.copytree(repository / folder, target, dirs_exist_ok=True)
    for name, source in boards.modules(board).items():
        shutil.copy2(source, flash / name)
    files = {str(path.relative_to(flash)): path.read_bytes() for path in flash.rglob("*.py")}
    (flash / MANIFEST).write_text(manifest(files))
