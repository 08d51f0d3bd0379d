"""The files of the image against their manifest: does what was deployed run here?

The manifest has a line for each file: SHA-256 in hexadecimal, two spaces, path. Whoever deploys
writes it last. Without one nothing is known, and that is told: files that were copied by hand have
none. Else each file has to be what it was, and beside them must be no module that would be taken
in their place: the root comes before lib/, and .py before .mpy.

An image lies in the root of the flash, or where main.py has put the front of the path: in one of
the two folders of `packwarden deploy`, or on a ROMFS partition.
"""

import binascii
import hashlib
import sys

from micropython import const

from flash import listdir, open

MANIFEST = "image.sha256"
PLACES = ("image.a", "image.b", "/rom")

_PIECE = const(512)
_DIGITS = const(64)
_ENOENT = const(2)


def check():
    """Return (8 digits that name this image, what is wrong with it: [text]). Boot only.

    Without a manifest (None, []).
    """
    try:
        manifest = _read(_at(MANIFEST))
        lines = manifest.decode().split("\n")[:-1]
    except (OSError, ValueError) as error:
        if error.args[:1] == (_ENOENT,):
            return None, []
        return None, [MANIFEST + " cannot be read"]
    name = binascii.hexlify(hashlib.sha256(manifest).digest()).decode()[:8]
    paths = [line[_DIGITS + 2 :] for line in lines]
    wrong = [MANIFEST + " names no file"] if not paths else []
    piece = bytearray(_PIECE)
    for line in lines:
        wrong.extend([text for text in _look(line, piece) if text])
    return name, wrong + _strangers(paths)


def again(name):
    """Look at the files once more, in pieces: yield None after each, or what is wrong. Slack.

    `name`: from `check`.
    """
    piece = bytearray(_PIECE)
    whole = hashlib.sha256()
    try:
        with open(_at(MANIFEST), "rb") as manifest:
            line = manifest.readline()
            while line:
                whole.update(line)
                yield
                yield from _look(line.decode().strip(), piece)
                line = manifest.readline()
    except OSError:
        yield MANIFEST + " cannot be read"
        return
    if binascii.hexlify(whole.digest()).decode()[:8] != name:
        yield MANIFEST + " is changed"


def _at(path):
    """Return where a path of the image is on the flash."""
    place = sys.path[0]
    if place in PLACES:
        return place + "/" + path if path else place
    return path or "."


def _read(path):
    with open(path, "rb") as file:
        content = bytearray(file.seek(0, 2))
        file.seek(0)
        file.readinto(content)
    return content


def _look(line, piece):
    """Yield None after each piece of a file, then what is wrong with it, or None."""
    path = line[_DIGITS + 2 :]
    found = hashlib.sha256()
    try:
        with open(_at(path), "rb") as file:
            count = file.readinto(piece)
            while count:
                found.update(memoryview(piece)[:count])
                yield
                count = file.readinto(piece)
    except OSError as error:
        yield path + (" is missing" if error.args[:1] == (_ENOENT,) else " cannot be read")
        return
    if binascii.hexlify(found.digest()).decode() != line[:_DIGITS]:
        yield path + " is changed"


def _strangers(paths):
    """Return what would be imported and is not of the image: [text]."""
    folders = {""}
    for path in paths:
        while "/" in path:
            path = path.rsplit("/", 1)[0]
            folders.add(path)
    packages = [folder.rsplit("/", 1)[-1] for folder in folders if folder]
    found = []
    for folder in sorted(folders):
        try:
            names = listdir(_at(folder))
        except OSError:
            continue  # its files are missing
        for name in names:
            path = folder + "/" + name if folder else name
            module = name.rsplit(".", 1)[-1] in ("py", "mpy") or name in packages
            if module and path not in paths and path not in folders:
                found.append(path + " is not of the image")
    if _at("") != "." and "boot.py" in listdir():  # before main.py it comes from the root
        found.append("boot.py is not of the image")
    return found
