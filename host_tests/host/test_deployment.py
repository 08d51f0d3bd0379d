"""An image on its way to a board: the real VM with its flash, a plug that is pulled, mpremote."""

import random
import shutil
import subprocess
from contextlib import contextmanager, suppress

import pytest

from boards_on_ports import Plug, on_pty
from flash_chip import TEARS, Chip, Files
from packwarden_host import REPOSITORY, board_repl, deployment, image
from packwarden_host.board_repl import LOST, Repl
from packwarden_host.deployment import Deployment
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.vm import micropython_path

SEED = 6
POINTS = 20
# What stands for the firmware: it says which image runs, and what the board's own check says.
MAIN = """
import image, newest
from packwarden import core
print(image.check()[1], newest.NUMBER, core.NUMBER)
"""


def built(number):
    """An image with its manifest: the firmware's own check, and modules that know its number."""
    firmware = REPOSITORY / "firmware"
    files = {
        "main.py": MAIN.encode(),
        "image.py": (firmware / "image.py").read_bytes(),
        "flash.py": (firmware / "flash.py").read_bytes(),
        "newest.py": b"NUMBER = %d\n" % number,
        "lib/packwarden/__init__.py": b"",
        "lib/packwarden/core.py": b"NUMBER = %d\n" % number + b"# long\n" * 500,
    }
    return files | {image.MANIFEST: image.manifest(files).encode()}


def started(folder):
    """What a board says that starts with this flash: path and working directory as on a board."""
    script = (
        "import os, sys\nsys.path[:] = ['', '.frozen', os.getcwd() + '/lib']\n"
        "exec(compile(open('main.py').read(), 'main.py', 'exec'), {'__name__': '__main__'})\n"
    )
    command = [micropython_path(), "-c", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def runs(number):
    return f"[] {number} {number}"


@contextmanager
def at(folder, plug=None):
    """The raw REPL of a board with this flash."""
    with on_pty(folder, plug=plug) as port:
        repl = Repl(port)
        try:
            repl.enter()
            yield repl
        finally:
            repl.close()


def deploy(folder, number):
    """Deploy without an interruption: the plan, the files that were told."""
    told = []
    with at(folder) as repl:
        on_its_way = Deployment(repl, built(number))
        on_its_way.bring(told.append)
    assert on_its_way.starts == "the new image"
    return on_its_way.plan, told


@pytest.fixture
def first(tmp_path):
    """A board on which image 1 has been deployed, and which has kept something."""
    flash = tmp_path / "flash"
    flash.mkdir()
    deploy(flash, 1)
    (flash / "journal0").write_bytes(b"kept")
    return flash


def test_the_first_time_everything_is_sent_then_nothing_then_what_has_changed(first):
    assert started(first) == runs(1)
    plan, told = deploy(first, 1)
    assert (plan.starts, told) == (True, [])
    plan, told = deploy(first, 2)
    assert set(plan.sent) == {"newest.py", "lib/packwarden/core.py", image.MANIFEST}
    assert told[-1] == f"{plan.place}/{image.MANIFEST}"
    assert started(first) == runs(2)
    plan, told = deploy(first, 1)  # the folder with image 1 is still there
    assert plan.place == "image.a" and plan.sent == [image.MANIFEST] and not plan.copied
    assert started(first) == runs(1)
    assert (first / "journal0").read_bytes() == b"kept"


def test_one_changed_file_is_one_that_is_sent(first):
    files = built(1) | {"newest.py": b"NUMBER = 3\n"}
    del files[image.MANIFEST]
    files[image.MANIFEST] = image.manifest(files).encode()
    with at(first) as repl:
        on_its_way = Deployment(repl, files)
        on_its_way.bring(lambda path: None)
    assert on_its_way.plan.sent == ["newest.py", image.MANIFEST]
    assert started(first) == "[] 3 1"


@pytest.mark.parametrize("path", ["machine.py", "lib/image.py", "boot.py", "packwarden/core.mpy"])
def test_what_would_be_taken_in_the_place_of_a_module_goes(first, path):
    (first / path).parent.mkdir(exist_ok=True)
    (first / path).write_text("raise RuntimeError\n")
    plan, _ = deploy(first, 1)
    assert plan.strays == [path]
    assert not (first / path).exists()
    assert (first / path).parent == first or not (first / path).parent.exists()
    assert started(first) == runs(1)


def test_an_image_that_lies_in_the_root_is_replaced_and_removed(tmp_path):
    """As it is copied by hand, with a manifest or without."""
    for path, data in built(1).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    assert started(tmp_path) == "[] 1 1"
    deploy(tmp_path, 2)
    assert started(tmp_path) == runs(2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image.a", "main.py"]


def test_what_lies_damaged_or_strange_in_a_place_is_not_kept(first):
    (first / "image.a" / "newest.py").write_text("NUMBER = 7\n")
    (first / "image.b").mkdir()
    (first / "image.b" / "machine.py").write_text("raise RuntimeError\n")
    (first / "image.b" / "main.py").write_text("cut sh")
    assert started(first) == "['newest.py is changed'] 7 1"
    plan, _ = deploy(first, 1)
    assert plan.outdated == ["image.b/machine.py", "image.b/main.py"]
    assert started(first) == runs(1)


def test_boot_py_beside_an_image_in_its_folder_is_told(first):
    (first / "boot.py").write_text("")
    assert started(first) == "['boot.py is not of the image'] 1 1"


def test_a_flash_that_is_too_small_keeps_what_it_has(first, monkeypatch):
    monkeypatch.setattr(deployment, "_FREE", "print('[4096, 20]')")
    with at(first) as repl:
        on_its_way = Deployment(repl, built(2))
        with pytest.raises(RunFailed, match=r"has 80 KB free, \d+ KB are needed, 64 KB"):
            on_its_way.bring(lambda path: None)
    assert on_its_way.starts == "the image that was there, untouched,"
    assert started(first) == runs(1)


def test_a_flash_that_does_not_hold_what_it_was_given_does_not_start_it(first):
    def spoil(path):
        if path.endswith(image.MANIFEST):
            (first / "image.b" / "newest.py").write_text("NUMBER = 9\n")

    with at(first) as repl:
        on_its_way = Deployment(repl, built(2))
        with pytest.raises(RunFailed, match=r"does not hold what it was given: newest\.py"):
            on_its_way.bring(spoil)
    assert started(first) == runs(1)


def points():
    """Where in the traffic of a deployment to pull the plug: shares of it, drawn.

    As many again are drawn from its end, in which the one image takes the place of the other.
    """
    draw = random.Random(SEED)
    return [draw.uniform(begin, 1) for begin in (0, 0.92) for _ in range(POINTS // 2)]


def test_a_board_starts_whenever_the_plug_is_pulled(first, tmp_path, monkeypatch):
    """The old image or the new one, the one that is said; and the next deployment ends it."""
    monkeypatch.setattr(board_repl, "SILENCE_s", 5)
    (first / "machine.py").write_text("raise RuntimeError")  # there is something to remove, too
    whole = Plug()
    shutil.copytree(first, tmp_path / "whole")
    with at(tmp_path / "whole", whole) as repl:
        Deployment(repl, built(2)).bring(lambda path: None)
    admitted = {
        "the image that was there, untouched,": {runs(1)},
        "the new image or the one before, each of them whole,": {runs(1), runs(2)},
        "the new image": {runs(2)},
    }
    seen = set()
    for number, point in enumerate(points()):
        flash = tmp_path / f"pulled{number}"
        shutil.copytree(first, flash)
        on_its_way = None
        plug = Plug(int(point * whole.carried))
        with suppress(*LOST, BadInput, RunFailed), at(flash, plug) as repl:
            on_its_way = Deployment(repl, built(2))
            on_its_way.bring(lambda path: None)
        assert plug.pulled
        said = on_its_way.starts if on_its_way else "the image that was there, untouched,"
        assert started(flash) in admitted[said]
        seen.add(said)
        if number % 5 == 0:
            deploy(flash, 2)
            assert started(flash) == runs(2)
    assert seen == set(admitted)  # each of them was met


def switch(files):
    """What a deployment does in the moment in which the image changes."""
    with files.open("main.py.new", "wb") as file:
        file.write(image.start("image.b").encode())
    files.rename("main.py.new", "main.py")


@pytest.mark.parametrize("tear", TEARS)
def test_on_littlefs_main_py_is_one_or_the_other_wherever_the_power_goes(tear):
    """At every write of the flash, torn; as on a board, whose file system is littlefs."""
    before, after = (image.start(place).encode() for place in ("image.a", "image.b"))
    chip = Chip()
    files = Files(chip, fresh=True)
    with files.open("main.py", "wb") as file:
        file.write(before)
    content, begun = bytes(chip.content), chip.writes
    switch(files)
    seen = set()
    for cut_at in range(chip.writes - begun):
        cut = Chip(content)
        cut.cut_at, cut.tear = cut_at, tear
        files = Files(cut)
        with suppress(OSError):
            switch(files)
        assert cut.dead
        held = bytearray(1000)
        files = Files(Chip(cut.content))
        with files.open("main.py", "rb") as file:
            seen.add(bytes(held[: file.readinto(held)]))
    assert seen == {before, after} if tear == "all" else seen <= {before, after}
