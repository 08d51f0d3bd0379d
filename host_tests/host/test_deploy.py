"""`packwarden deploy`: what it refuses, and what it says where it is cut short."""

import pytest

from boards_on_ports import on_pty
from packwarden_host import deploy, deployment, image, targets


@pytest.fixture
def port(tmp_path):
    flash = tmp_path / "flash"
    flash.mkdir()
    with on_pty(flash) as path:
        yield path


@pytest.fixture
def small(monkeypatch):
    """An image that is small."""
    files = {"main.py": b"print('starts')\n"}
    files[image.MANIFEST] = image.manifest(files).encode()
    monkeypatch.setattr(image, "built", lambda board, march: files)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (
            "_i.name, [1, 28, 0], True, 0x306",
            "needs MicroPython 1.29 or newer: machine.mem_backup",
        ),
        ('"circuitpython", [9, 2, 0], False, 0x306', "runs CircuitPython 9.2.0"),
        ("_i.name, [1, 29, 0], True, 0x306", "loads no native code"),
    ],
)
def test_a_micropython_that_cannot_run_it_is_refused(port, refused, monkeypatch, told, reason):
    script = f"import json, sys\n_i = sys.implementation\nprint(json.dumps([{told}]))"
    monkeypatch.setattr(targets, "FACTS", script)
    assert reason in refused("deploy", port, "--board", "cabinet15")


def test_the_chip_has_to_be_that_of_the_board(port, refused, monkeypatch):
    monkeypatch.setattr(deploy, "_CHIP", "print('Generic ESP32S3 module with ESP32S3')")
    said = refused("deploy", port, "--board", "cabinet15")
    assert "is a Generic ESP32S3 module with ESP32S3; cabinet15 is an ESP32" in said


def test_a_board_that_does_not_say_what_it_is_has_to_be_named(port, refused):
    assert "--board, one of cabinet15, cabinet15_s3, cabinet4" in refused("deploy", port)


def test_a_board_and_a_configuration_for_another_are_refused(refused, bank_path):
    said = refused("deploy", "/dev/null", "--board", "cabinet4", "--config", bank_path)
    assert "--board cabinet4, but the configuration is for cabinet15" in said
    assert "'cabinet5' is not known" in refused("deploy", "/dev/null", "--board", "cabinet5")


@pytest.mark.usefixtures("small")
def test_a_dry_run_lists_and_changes_nothing(port, packwarden, tmp_path):
    (tmp_path / "flash" / "machine.py").write_text("")
    said = packwarden("deploy", port, "--board", "cabinet15", "--dry-run")
    assert (said.code, said.err) == (0, "")
    name = image.named(image.built("", None))
    assert said.out.splitlines() == [
        f"image {name} of cabinet15, in image.a",
        "send    image.a/main.py",
        "send    image.a/image.sha256",
        "remove  machine.py",
        "keep    0 files",
    ]
    assert [path.name for path in (tmp_path / "flash").iterdir()] == ["machine.py"]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("reason", [KeyboardInterrupt, OSError])
def test_what_ends_it_early_says_which_image_starts(port, packwarden, monkeypatch, reason):
    def broken(*_):
        raise reason("as asked")

    monkeypatch.setattr(deployment.Deployment, "_check", broken)
    said = packwarden("deploy", port, "--board", "cabinet15")
    assert said.code == (1 if reason is OSError else 130)
    assert "what was there, untouched, starts: deploy again" in said.err
    assert said.err.count("\n") == 1
