"""The image of a board and its manifest, against which a board holds its files at boot."""

import hashlib
import shutil
from pathlib import Path

from packwarden_host import boards
from packwarden_host.sources import Files

MANIFEST = "image.sha256"


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
