"""The manifest of an image, and the image on a simulated board."""

import shutil
import subprocess

import pytest

from packwarden_host import REPOSITORY, boards, image, sources


def test_a_manifest_is_what_sha256sum_reads(tmp_path):
    files = {"main.py": "x = 1\n", "lib/packwarden/decide.mpy": b"M\x06\xff"}
    sources.write(files, tmp_path)
    (tmp_path / image.MANIFEST).write_text(image.manifest(files))
    if shutil.which("sha256sum") is None:
        pytest.skip("no sha256sum here")
    checked = ["sha256sum", "--strict", "-c", image.MANIFEST]
    done = subprocess.run(checked, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count(": OK")) == (0, 2)


@pytest.mark.parametrize("board", boards.names())
def test_a_simulated_board_has_what_would_be_flashed(tmp_path, board):
    image.install(tmp_path, REPOSITORY, board)
    expected = sources.firmware(board) | sources.below("lib", "lib")
    for path, text in expected.items():
        assert (tmp_path / path).read_text() == text
    assert (tmp_path / image.MANIFEST).read_text() == image.manifest(expected)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.py")} == set(expected)
