"""An image of MicroPython for an ESP32, as its makers offer it: what it is, read from its bytes.

Bootloader, partition table and app in one file, which begins where the chip's ROM looks for the
bootloader. Layout: ESP-IDF, "App Image Format" and "Partition Tables"; esp_app_format.h.
"""

import hashlib
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from packwarden_host import boards
from packwarden_host.errors import BadInput

OLDEST = (1, 29, 0)
_MAGIC = 0xE9
_HEADER_bytes = 24
_CHIP_ID = struct.Struct("<12xH")
_HASHED = 23  # place of the byte that says whether a SHA-256 follows the image
_SEGMENT = struct.Struct("<II")  # load address, length
_DESCRIPTION = 0xABCD5432  # begins the first segment of an app, and of no bootloader
_PARTITION = struct.Struct("<HBBII16s4x")  # magic, type, subtype, offset, size, name
_PARTITION_MAGIC = 0x50AA
_TABLE = 0x8000  # where the partition table lies in the flash
_VERSION = re.compile(rb"MicroPython v(\d+)\.(\d+)\.(\d+)(-preview)?[-.\w]* on \d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Chip:
    """A chip that a board of this repository may have."""

    name: str  # as esptool calls it in words
    number: int  # in an image's header
    offset: int  # where its ROM looks for the bootloader
    download: str  # what micropython.org calls its image


# The offsets: ESP-IDF, "Bootloader". The numbers: esp_chip_id_t.
CHIPS = {
    "esp32": Chip("ESP32", 0, 0x1000, "ESP32_GENERIC"),
    "esp32s3": Chip("ESP32-S3", 9, 0, "ESP32_GENERIC_S3"),
}
_OTHERS = {2: "ESP32-S2", 5: "ESP32-C3", 12: "ESP32-C2", 13: "ESP32-C6", 16: "ESP32-H2"}
_OTHERS |= {18: "ESP32-P4", 23: "ESP32-C5"}
SOURCE = "https://micropython.org/download/"


@dataclass(frozen=True)
class Image:
    """An image that can be flashed: for which chip (a key of CHIPS), which MicroPython."""

    path: Path
    chip: str
    version: str
    size: int


def read(path: Path) -> Image:
    """An image of MicroPython; BadInput says why it is none, or none that Packwarden runs on."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error
    if len(data) < _HEADER_bytes + _SEGMENT.size + 4 or data[0] != _MAGIC:
        raise BadInput(f"{path}: is no image for an ESP32; {where()}")
    (number,) = _CHIP_ID.unpack_from(data)
    chip = next((name for name, chip in CHIPS.items() if chip.number == number), None)
    if chip is None:
        raise BadInput(
            f"{path}: is for {_OTHERS.get(number, f'a chip of number {number}')},"
            f" which no board here has; {where()}"
        )
    if struct.unpack_from("<I", data, _HEADER_bytes + _SEGMENT.size)[0] == _DESCRIPTION:
        raise BadInput(f"{path}: is the app alone, for an update: take the whole image; {where()}")
    _check_whole(path, data, CHIPS[chip])
    found = _VERSION.search(data)
    if found is None:
        raise BadInput(f"{path}: holds no MicroPython; {where()}")
    version = tuple(int(part) for part in found.groups()[:3])
    if version < OLDEST or (version == OLDEST and found[4]):
        raise BadInput(
            f"{path}: is {found[0].decode()}; this needs 1.29 or newer, with which"
            f" machine.mem_backup came: in it lockouts and events outlast a reset; {where()}"
        )
    said = found[0].decode().partition(" on ")[0]
    return Image(path, chip, said, len(data))


def where() -> str:
    """Where images come from, and which, in a line."""
    names = " and ".join(f"{chip.download} for an {chip.name}" for chip in CHIPS.values())
    return f"{SOURCE} has them: {names}"


def rows() -> list[tuple[str, ...]]:
    """For each board: chip, image, where it comes from, and where in the flash it goes."""
    found = []
    for name in boards.names():
        chip = CHIPS[boards.load(name).CHIP]
        link = f"{SOURCE}{chip.download}/"
        found.append((name, chip.name, chip.download, "1.29.0", f"0x{chip.offset:X}", link))
    return found


def _check_whole(path: Path, data: bytes, chip: Chip) -> None:
    """Refuse (BadInput) an image without a partition table or app, or that is damaged."""
    table = _TABLE - chip.offset
    apps = []
    while len(data) >= table + _PARTITION.size:
        magic, kind, _, offset, _, _ = _PARTITION.unpack_from(data, table)
        if magic != _PARTITION_MAGIC:
            break
        if kind == 0:
            apps.append(offset - chip.offset)
        table += _PARTITION.size
    if not apps:
        raise BadInput(f"{path}: has no partition table with an app; {where()}")
    for at in (0, apps[0]):
        if not _sound(data, at):
            raise BadInput(f"{path}: is damaged or cut short: download it again")


def _sound(data: bytes, at: int) -> bool:
    """Whether the bootloader or app at a place is all there, and as its SHA-256 says."""
    try:
        if data[at] != _MAGIC:
            return False
        end = at + _HEADER_bytes
        for _ in range(data[at + 1]):
            end += _SEGMENT.size + _SEGMENT.unpack_from(data, end)[1]
        end = at + ((end - at) // 16 + 1) * 16  # the checksum is the last byte of 16
        if not data[at + _HASHED]:
            return len(data) >= end
        return data[end : end + 32] == hashlib.sha256(data[at:end]).digest()
    except (IndexError, struct.error):
        return False
