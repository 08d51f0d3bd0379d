"""`packwarden flash`: images of MicroPython, and the real esptool against a chip's boot loader."""

import hashlib
import os
import struct

import pytest

from packwarden_host import flash, micropython_image
from rom_loader import RomLoader
from system.lines import offered

BANNER = b"MicroPython v1.29.0 on 2026-03-01; Generic ESP32 module with ESP32\0"
ESP32, S3, C3 = 0, 9, 5


def part(chip, *segments):
    """A bootloader or an app, as ESP-IDF's app image format has it, with its checksum and hash."""
    head = struct.pack("<BBBBI", 0xE9, len(segments), 2, 0x20, 0x40080000)
    head += struct.pack("<B3sHB8sB", 0xEE, b"", chip, 0, b"", 1)
    body = b"".join(struct.pack("<II", 0x3F400000, len(s)) + s for s in segments)
    filled = head + body
    filled += bytes(15 - len(filled) % 16)
    check = 0xEF
    for segment in segments:
        for byte in segment:
            check ^= byte
    filled += bytes([check])
    return filled + hashlib.sha256(filled).digest()


def app(chip, banner=BANNER):
    description = struct.pack("<I12x32s32s", 0xABCD5432, b"v1.29.0", b"micropython").ljust(256)
    return part(chip, description + banner.ljust(1024, b"\0"), b"\x01\x02\x03\x04" * 300)


def whole(chip=ESP32, banner=BANNER, table=True):
    """An image as micropython.org offers it: bootloader, partition table, app."""
    offset = 0x1000 if chip == ESP32 else 0
    entries = struct.pack("<HBBII16s4x", 0x50AA, 1, 2, 0x9000, 0x6000, b"nvs")
    entries += struct.pack("<HBBII16s4x", 0x50AA, 0, 0, 0x10000, 0x1F0000, b"factory")
    image = part(chip, b"boot" * 100).ljust(0x8000 - offset, b"\xff")
    image = (image + (entries if table else b"")).ljust(0x10000 - offset, b"\xff")
    return image + app(chip, banner)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(flash, "ANSWER_S", 0.1)


def older(version):
    return whole(banner=BANNER.replace(b"v1.29.0", version))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is no image for an ESP32"),
        (b"PK\x03\x04" * 100, "is no image for an ESP32"),
        (whole(C3), "is for ESP32-C3, which no board here has"),
        (whole(77), "is for a chip of number 77"),
        (app(ESP32), "is the app alone"),
        (whole(table=False), "has no partition table with an app"),
        (whole()[:-1], "is damaged or cut short"),
        (whole()[:0xF800], "is damaged or cut short"),
        (whole().replace(b"\x01\x02\x03\x04", b"\x01\x02\x03\x05", 1), "is damaged or cut short"),
        (whole().replace(b"boot", b"boat", 1), "is damaged or cut short"),
        (whole(banner=b"Some other firmware v9"), "holds no MicroPython"),
        (older(b"v1.28.0"), "is MicroPython v1.28.0 on 2026-03-01; this needs 1.29 or newer"),
        (older(b"v1.9.4"), "this needs 1.29 or newer, with which machine.mem_backup came"),
        (older(b"v1.29.0-preview.7.gabc"), "this needs 1.29 or newer"),
    ],
)
def test_what_is_no_image_for_it_is_refused(refused, written, data, reason):
    """By its bytes, whatever it is called; the port is not even opened."""
    path = written(data, "ESP32_GENERIC-20260301-v1.29.0.bin")
    said = refused("flash", "/dev/no-such-port", path, "--yes")
    assert reason in said and str(path) in said
    assert "https://micropython.org/download/" in said or "download it again" in said


def test_a_file_that_is_not_there_and_a_missing_argument_are_refused(refused, tmp_path):
    assert "No such file" in refused("flash", "/dev/null", tmp_path / "none.bin")
    assert "name a port and an image" in refused("flash")


@pytest.mark.parametrize(("number", "chip"), [(ESP32, "esp32"), (S3, "esp32s3")])
def test_an_image_is_known_by_its_bytes(written, number, chip):
    for version in ("v1.29.0", "v1.29.1", "v1.30.0-preview.1.g0", "v2.0.0"):
        data = whole(number, BANNER.replace(b"v1.29.0", version.encode()))
        image = micropython_image.read(written(data, "firmware.bin"))
        assert (image.chip, image.version) == (chip, f"MicroPython {version}")


@pytest.mark.parametrize(("number", "chip", "at"), [(ESP32, "esp32", 0x1000), (S3, "esp32s3", 0)])
def test_it_is_erased_written_and_verified(packwarden, written, number, chip, at):
    data = whole(number)
    with RomLoader(chip) as rom:
        result = packwarden("flash", rom.port, written(data, "m.bin"), "--yes")
    assert (result.code, result.err) == (0, "")
    assert rom.erased == 1
    assert bytes(rom.flash[at : at + len(data)]) == data
    assert set(rom.flash[:at]) <= {0xFF} and set(rom.flash[at + len(data) :]) == {0xFF}
    for said in ("Hash of data verified", f"{rom.port}: MicroPython v1.29.0 is written"):
        assert said in result.out


def test_another_chip_is_refused_before_anything_is_erased(packwarden, written):
    with RomLoader("esp32s3") as rom:
        result = packwarden("flash", rom.port, written(whole(), "m.bin"), "--yes")
    assert result.code == 2
    assert "is an ESP32-S3; " in result.err and "is for an ESP32\n" in result.err
    assert rom.erased == 0


def test_a_flash_that_keeps_something_else_is_told(packwarden, written):
    with RomLoader(spoils=True) as rom:
        result = packwarden("flash", rom.port, written(whole(), "m.bin"), "--yes")
    assert result.code == 1
    assert "esptool" in result.err and result.err.count("\n") == 1
    assert "is written" not in result.out


def test_without_a_yes_nothing_is_erased(packwarden, written):
    with RomLoader() as rom:
        result = packwarden("flash", rom.port, written(whole(), "m.bin"))
    assert result.code == 2 and "--yes is missing" in result.err
    assert rom.erased == 0


def test_a_port_without_a_chip_is_told(packwarden, written, monkeypatch):
    far, near = os.openpty()
    try:
        result = packwarden("flash", os.ttyname(near), written(whole(), "m.bin"), "--yes")
    finally:
        os.close(far)
        os.close(near)
    assert result.code == 1
    assert "esptool" in result.err and result.err.count("\n") == 1


def test_a_cabinet_that_protects_is_left_alone(refused, written, monkeypatch):
    monkeypatch.setattr(flash, "ANSWER_S", 10)
    with offered("--batteries", 2) as (_, path):
        said = refused("flash", path, written(whole(), "m.bin"), "--yes")
    assert "a cabinet protects; flashing ends that" in said


def test_the_list_has_every_board(packwarden):
    said = packwarden("flash", "--list").out
    for words in ("cabinet4", "ESP32_GENERIC_S3", "0x1000", "https://micropython.org/download/"):
        assert words in said
