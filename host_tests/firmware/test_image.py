"""The image against its manifest: which file is changed, missing, or not of it."""

import sys
from pathlib import Path

import pytest

from packwarden_host.image import MANIFEST, manifest

FILES = {
    "main.py": "import cabinet\n" * 200,
    "cabinet.mpy": bytes(range(256)) * 5,
    "lib/packwarden/__init__.mpy": b"",
    "lib/packwarden/decide.mpy": b"M\x06",
    "lib/packwarden/chips/ina2xx.mpy": b"M\x07",
}


@pytest.fixture
def check(rigged, tmp_path):
    """Deploy FILES to the flash, and check them."""
    rigged(2)
    for path, data in FILES.items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)
    (tmp_path / MANIFEST).write_text(manifest(FILES))
    return sys.modules["image"].check


def test_what_was_deployed_is_whole_and_has_a_name(check):
    name, wrong = check()
    assert wrong == []
    assert len(name) == 8 and int(name, 16) >= 0
    Path("main.py").write_text("import cabinet\n")
    Path(MANIFEST).write_text(manifest(FILES | {"main.py": "import cabinet\n"}))
    other, wrong = check()
    assert wrong == [] and other != name


@pytest.mark.parametrize("path", FILES)
def test_a_file_that_is_changed_or_missing_is_named(check, path):
    content = Path(path).read_bytes()
    for changed in (content + b"x", content[:-1], content[:-1] + b"x"):
        if changed != content:
            Path(path).write_bytes(changed)
            assert check()[1] == [path + " is changed"]
    Path(path).unlink()
    assert check()[1] == [path + " is missing"]


def test_a_folder_that_is_missing_is_its_files(check):
    Path("lib/packwarden/chips/ina2xx.mpy").unlink()
    Path("lib/packwarden/chips").rmdir()
    assert check()[1] == ["lib/packwarden/chips/ina2xx.mpy is missing"]


def test_a_file_that_cannot_be_read_is_named(check):
    Path("cabinet.mpy").unlink()
    Path("cabinet.mpy").mkdir()
    assert check()[1] == ["cabinet.mpy cannot be read"]


@pytest.mark.parametrize(
    "path",
    ["cabinet.py", "boot.py", "time.py", "lib/packwarden/decide.py", "lib/struct.mpy"],
)
def test_a_module_that_would_be_taken_in_the_place_of_another_is_named(check, path):
    Path(path).write_text("")
    assert check()[1] == [path + " is not of the image"]


def test_a_package_in_the_root_hides_the_one_in_lib(check):
    Path("packwarden").mkdir()
    assert check()[1] == ["packwarden is not of the image"]


def test_what_is_no_module_may_lie_there(check):
    for name in ("config.json", "journal0", "config.a", "lib/README.md", "notes.txt"):
        Path(name).write_text("x")
    assert check()[1] == []


def test_without_a_manifest_nothing_is_known(check):
    Path(MANIFEST).unlink()
    Path("main.py").unlink()
    assert check() == (None, [])


@pytest.mark.parametrize("damage", ["", "0" * 64, "\n", "\xff\xfe", "no manifest\n"])
def test_a_manifest_that_is_none_is_no_missing_one(check, damage):
    Path(MANIFEST).write_bytes(damage.encode("latin1"))
    assert check()[1]


def test_a_manifest_that_is_cut_short_leaves_modules_that_are_not_of_the_image(check):
    whole = Path(MANIFEST).read_text()
    for size in range(0, len(whole), 7):
        Path(MANIFEST).write_text(whole[:size])
        assert check()[1]


def test_a_manifest_that_cannot_be_read_is_no_missing_one(check):
    Path(MANIFEST).unlink()
    Path(MANIFEST).mkdir()
    assert check() == (None, [MANIFEST + " cannot be read"])
