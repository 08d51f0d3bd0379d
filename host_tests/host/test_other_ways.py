"""Onto a board without `deploy`: mip from this tree, a ROMFS image, the partition it needs."""

import subprocess
import sys

import pytest

from boards_on_ports import on_pty
from packwarden_host import REPOSITORY, boards, image, package, sources
from packwarden_host.vm import micropython_path

FLASH_bytes = {"cabinet15": 4 << 20, "cabinet15_s3": 8 << 20, "cabinet4": 4 << 20}
ROMFS_bytes = 512 * 1024
FROM_ROM = """
import sys, vfs
vfs.mount(vfs.VfsRom(open({path!r}, "rb").read()), "/rom")
sys.path[:] = ["", ".frozen", "/lib", "/rom", "/rom/lib"]
main = open({main!r}).read()
exec(main.replace("import main", "import image, board, packwarden.protection"))
print(image.check(), board.NAME, packwarden.protection.__file__)
"""


def mpremote(*arguments):
    """Run the real mpremote; what it printed."""
    command = [sys.executable, "-m", "mpremote", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def vm(script, folder):
    command = [micropython_path(), "-c", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_the_package_names_every_module():
    """`make docs` writes it anew."""
    assert package.FILE.read_text() == package.text()


def test_mip_installs_it_from_this_tree(tmp_path):
    with on_pty(tmp_path) as port:
        install = ("mip", "install", "--target", "lib", package.FILE)
        mpremote("connect", port, "resume", *install)
    for path, text in (sources.below("firmware") | sources.below("lib")).items():
        assert (tmp_path / "lib" / path).read_text() == text
    script = "import sys\nsys.path.insert(0, 'lib')\nimport packwarden.protection\nprint('good')"
    assert vm(script, tmp_path) == "good"


def test_a_romfs_image_is_found_whole_and_is_what_runs(tmp_path, packwarden):
    made = packwarden("board", "image", "cabinet4", "-o", tmp_path / "made", "--march", "x64")
    assert (made.code, made.err) == (0, "")
    mpremote("romfs", "--output", tmp_path / "made.romfs", "build", tmp_path / "made" / "rom")
    assert (tmp_path / "made.romfs").stat().st_size < ROMFS_bytes
    (tmp_path / "machine.py").write_text("raise RuntimeError")  # lies in the root, shadows nothing
    paths = {"path": str(tmp_path / "made.romfs"), "main": str(tmp_path / "made" / "main.py")}
    name, wrong, board, where = vm(FROM_ROM.format(**paths), tmp_path).replace(",", "").split()
    assert made.out.split("image ")[1].startswith(name.strip("('"))
    assert (wrong, board, where) == ("[])", "cabinet4", "/rom/lib/packwarden/protection.mpy")
    again = packwarden("board", "image", "cabinet4", "-o", tmp_path / "made", "--march", "x64")
    assert again.code == 2 and "File exists" in again.err


@pytest.mark.parametrize("board", boards.names())
def test_the_partitions_fit_the_flash_and_the_image(board):
    text = (REPOSITORY / "boards" / board / "partitions.csv").read_text()
    rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    parts = {row[0].strip(): (int(row[3], 16), int(row[4], 16)) for row in rows}
    end = 0x9000  # behind bootloader and partition table
    for name, (offset, size) in parts.items():
        assert offset >= end, f"{name} begins within what is before it"
        assert offset % (0x10000 if name == "factory" else 0x1000) == 0
        end = offset + size
    assert end == FLASH_bytes[board]
    assert list(parts) == ["nvs", "phy_init", "factory", "romfs", "vfs"]
    assert parts["romfs"][1] == ROMFS_bytes


def test_the_places_of_an_image_are_those_that_the_firmware_knows():
    text = (REPOSITORY / "firmware" / "image.py").read_text()
    assert f"PLACES = {(*image.PLACES, image.ROM)!r}".replace("'", '"') in text
