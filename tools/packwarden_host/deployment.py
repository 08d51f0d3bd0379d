"""The way of an image to a board's flash, such that at each moment a whole one would start.

Two folders take turns. main.py names the one that starts, and is replaced by one rename when all
of the other has been copied and read back. Nothing of the image that runs is touched before, and
what nobody brought is removed after it.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from packwarden_host import image
from packwarden_host.board_repl import Repl
from packwarden_host.errors import RunFailed

START = "main.py"
_BEFORE_MAIN = "boot.py"  # what MicroPython runs first: if it raises, main.py does not run
_ASIDE = "main.py.new"
_RESERVE_bytes = 64 * 1024  # for the journal, the captures and the configuration
_TELL = 'told = __import__("json").dumps\n'
_DIGEST = """
import binascii, hashlib, os
piece = bytearray(512)
def digest(path):
    found = hashlib.sha256()
    with open(path, "rb") as file:
        count = file.readinto(piece)
        while count:
            found.update(memoryview(piece)[:count])
            count = file.readinto(piece)
    return binascii.hexlify(found.digest()).decode()
"""
# A line for each file, [path, digest]; few digests are asked for.
_SURVEY = (
    _TELL
    + _DIGEST
    + """
def walk(folder):
    for entry in os.ilistdir(folder or "."):
        path = folder + "/" + entry[0] if folder else entry[0]
        if entry[1] & 0x4000:
            walk(path)
        else:
            asked = path.split("/")[0] in {asked!r}
            print(told([path, digest(path) if asked else ""]))
walk("")
"""
)
_FREE = _TELL + 'stat = __import__("os").statvfs(".")\nprint(told([stat[0], stat[4]]))'
_COPY = """
piece = bytearray(512)
for source, target in {pairs!r}:
    print(target)
    with open(source, "rb") as old, open(target, "wb") as new:
        count = old.readinto(piece)
        while count:
            new.write(memoryview(piece)[:count])
            count = old.readinto(piece)
"""
_REMOVE = """
import os
for path in {files!r}:
    try:
        os.remove(path)
    except OSError as error:
        if error.errno != 2:  # it has gone already
            raise
for path in {folders!r}:
    try:
        os.rmdir(path)
    except OSError:
        pass  # something else lies there
"""
_MAKE = """
import os
for path in {folders!r}:
    try:
        os.mkdir(path)
    except OSError as error:
        if error.errno != 17:  # it is there
            raise
"""
_REPLACE = 'import os\nos.rename({old!r}, {new!r})\nprint("replaced")\n'


def digest(data: str | bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


@dataclass
class Flash:
    """What lies on a board's flash: files, with their digest where it was asked for."""

    files: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str | None:
        """Where the image lies that starts; None: somewhere else, or there is none."""
        starts = self.files.get(START)
        return next(
            (place for place in image.PLACES if digest(image.start(place)) == starts), None
        )

    def within(self, folder: str) -> dict[str, str]:
        """The files below a folder, by their path there."""
        begin = folder + "/"
        return {p.removeprefix(begin): d for p, d in self.files.items() if p.startswith(begin)}


@dataclass(frozen=True)
class Plan:
    """What has to be done; paths of `kept`, `copied`, `sent` are those in the image."""

    place: str  # where the image comes to lie
    kept: list[str]
    copied: dict[str, str]  # {path: where it lies on the flash already}
    sent: list[str]
    outdated: list[str]  # files in that place that go before
    strays: list[str]  # modules elsewhere that go after

    @property
    def starts(self) -> bool:
        """Whether this very image is the one that starts already."""
        return not (self.copied or self.sent or self.outdated)


def plan(flash: Flash, files: Mapping[str, bytes]) -> Plan:
    """How an image (with its manifest) comes to a flash. What is no module and not ours stays."""
    wanted = {path: digest(data) for path, data in files.items()}
    strays = [path for path in sorted(flash.files) if _stray(path)]
    running = flash.place
    if running and flash.within(running) == wanted:
        return Plan(running, sorted(wanted), {}, [], [], strays)
    place = next(place for place in image.PLACES if place != running)
    there = flash.within(place)
    kept = [path for path in sorted(wanted) if there.get(path) == wanted[path]]
    kept = [path for path in kept if path != image.MANIFEST]  # it is written last
    outdated = sorted(f"{place}/{path}" for path in there if path not in kept)
    known = {d: p for p, d in flash.files.items() if d and p not in outdated and p != START}
    missing = [path for path in sorted(wanted) if path not in kept and path != image.MANIFEST]
    copied = {path: known[wanted[path]] for path in missing if wanted[path] in known}
    sent = [path for path in missing if path not in copied]
    return Plan(place, kept, copied, [*sent, image.MANIFEST], outdated, strays)


def _stray(path: str) -> bool:
    """Whether a file is a module, or a manifest, outside of the image's places."""
    if path == START or path.split("/")[0] in image.PLACES:
        return False
    return PurePosixPath(path).suffix in (".py", ".mpy") or path in (image.MANIFEST, _ASIDE)


class Deployment:
    """An image (with its manifest) on its way to the board at a REPL. `starts`: see there."""

    def __init__(self, repl: Repl, files: Mapping[str, bytes]):
        self._repl = repl
        self._files = files
        self.flash = survey(repl)
        self.plan = plan(self.flash, files)
        before = "the image that was there" if self.flash.place else "what was there"
        # Which image would start if all ended now, for whoever is told of an interruption.
        self.starts = "the new image" if self.plan.starts else f"{before}, untouched,"

    def bring(self, tell: Callable[[str], None]) -> None:
        """Bring what is missing, read all of it back, let it be what starts, remove what is none.

        tell: is told each file before it is written. RunFailed where the flash is too small or
        does not hold what it was given.
        """
        if not self.plan.starts:
            self._copy(tell)
            self._check()
            self._switch()
        self._remove(self.plan.strays)

    def put(self, path: str, data: bytes) -> None:
        """Write a file beside the image: whole, or what was there stays."""
        self._repl.write(path + ".new", data)
        self._repl.execute(_REPLACE.format(old=path + ".new", new=path))

    def _copy(self, tell: Callable[[str], None]) -> None:
        place = self.plan.place
        self._remove(self.plan.outdated)
        self._room()
        folders = _folders(f"{place}/{path}" for path in self._files)
        self._repl.execute(_MAKE.format(folders=folders))
        pairs = [(old, f"{place}/{path}") for path, old in self.plan.copied.items()]
        if pairs:
            self._repl.execute(_COPY.format(pairs=pairs), tell)
        for path in self.plan.sent:
            tell(f"{place}/{path}")
            self._repl.write(f"{place}/{path}", self._files[path])

    def _room(self) -> None:
        block, free = json.loads(self._repl.execute(_FREE))
        sizes = [len(self._files[path]) for path in (*self.plan.copied, *self.plan.sent)]
        needs = sum((size // block + 1) * block for size in sizes) + _RESERVE_bytes
        if block * free < needs:
            raise RunFailed(
                f"the flash has {block * free // 1024} KB free, {needs // 1024} KB are needed,"
                f" {_RESERVE_bytes // 1024} KB of them for events and captures:"
                " remove files that are not Packwarden's"
            )

    def _check(self) -> None:
        held = survey(self._repl, self.plan.place).within(self.plan.place)
        wrong = [path for path in self._files if held.get(path) != digest(self._files[path])]
        if wrong:
            raise RunFailed(f"the flash does not hold what it was given: {', '.join(wrong)}")

    def _switch(self) -> None:
        """Replace main.py, by one rename: that is the moment in which the image changes."""
        self._repl.write(_ASIDE, image.start(self.plan.place))
        if _BEFORE_MAIN in self.plan.strays:
            self._remove([_BEFORE_MAIN])
        self.starts = "the new image or the one before, each of them whole,"
        self._repl.execute(_REPLACE.format(old=_ASIDE, new=START))
        self.starts = "the new image"

    def _remove(self, files: list[str]) -> None:
        """Remove files, and the folders that are empty by that."""
        if files:
            folders = _folders(files)[::-1]
            self._repl.execute(_REMOVE.format(files=files, folders=folders))


def _folders(paths: Iterable[str]) -> list[str]:
    """The folders that paths lie in, the outer ones first."""
    found = {str(folder) for path in paths for folder in PurePosixPath(path).parents}
    return sorted(found - {"."})


def survey(repl: Repl, *asked: str) -> Flash:
    """Look at all that lies on a board's flash; asked: whose digests, else all that matter."""
    flash = Flash()
    script = _SURVEY.format(asked=asked or (*image.PLACES, START))
    flash.files.update(json.loads(line) for line in repl.execute(script).splitlines())
    return flash
