"""`packwarden deploy` onto the simulated cabinet, whose firmware then is the deployed image."""

import json

import pytest

from packwarden_host import image
from packwarden_host.dialogue import Dialogue
from packwarden_host.sources import compiled as compiled_anew
from system.protecting import protecting
from system.runs import bank, command
from terminals import PIN


@pytest.fixture(scope="module")
def cabinet():
    """A cabinet that protects, with a PIN; the path of its console, and its flash."""
    with protecting(speed=2) as cabinet:
        yield cabinet


def deploy(cabinet, *options):
    """Run `packwarden deploy`, which must end well; what it printed."""
    result = command("deploy", cabinet.port, "--pin", PIN, *options)
    assert result.code == 0, result.err
    return result.out


@pytest.fixture(scope="module")
def compiled():
    """The image of cabinet15 for this VM, compiled once."""
    return image.built("cabinet15", "x64")


@pytest.fixture
def sources(compiled, monkeypatch):
    """What the next image is made of; a test may change it."""
    files = {path: data for path, data in compiled.items() if path != image.MANIFEST}

    def built(board, march):
        assert (board, march) == ("cabinet15", "x64")
        return files | {image.MANIFEST: image.manifest(files).encode()}

    monkeypatch.setattr(image, "built", built)
    return files


def test_from_a_running_cabinet_to_one_that_runs_what_was_deployed(cabinet, sources, tmp_path):
    """Through service mode; then nothing, then what has changed, and whatever shadows goes."""
    port, flash = cabinet.port, cabinet.flash
    with Dialogue(port) as dialogue:
        before = json.loads(dialogue.ask("version --json"))["image"]
    refused = command("deploy", port, "--dry-run")
    assert refused.code == 2
    assert "a cabinet protects, which --dry-run does not end" in refused.err

    said = deploy(cabinet)
    name = image.named(image.built("cabinet15", "x64"))
    assert name != before
    assert "NOT PROTECTING until a reset" in said
    assert f"image {name} of cabinet15: {len(sources)} files copied; 0 were on the board" in said
    assert "Packwarden 0.1.0 on cabinet15 answers" in said
    assert "Self-test" in said and f"image {name}" in said and ", 0 bad, " in said
    assert {path.name for path in flash.glob("*.py")} == {"main.py"}
    with Dialogue(port) as dialogue:
        assert dialogue.protecting()["image"] == name
        assert "NOT VERIFIED" not in dialogue.ask("status")

    (flash / "machine.py").write_text("raise RuntimeError")
    (flash / "boot.py").write_text("raise RuntimeError")
    said = deploy(cabinet)
    assert f"image {name} of cabinet15: is there already, nothing copied" in said
    assert "removed, not of the image: boot.py, machine.py" in said
    assert not (flash / "machine.py").exists()

    with Dialogue(port) as dialogue:
        dialogue.protecting()
    sources |= compiled_anew({"lib/packwarden/__init__.py": 'VERSION = "9.9.9"'}, "x64")
    changes = {"terminal_rise.warn.delay_ms": 200_000}
    (tmp_path / "bank.json").write_text(json.dumps(bank(2, changes=changes)))
    assert command("config", "diff", port, tmp_path / "bank.json").code == 1
    assert command("service", port, "--pin", PIN).code == 0
    listed = deploy(cabinet, "--dry-run", "--config", tmp_path / "bank.json")
    assert (
        "send    image.b/lib/packwarden/__init__.mpy\nsend    image.b/image.sha256\ncopy" in listed
    )
    assert "send    config.json" in listed
    said = deploy(cabinet, "--config", tmp_path / "bank.json")
    changed = "1 file copied: lib/packwarden/__init__.mpy"
    assert f": {changed}; {len(sources) - 1} were on the board" in said
    assert "Packwarden 9.9.9 on cabinet15 answers" in said
    with Dialogue(port) as dialogue:
        assert dialogue.protecting()["image"] == image.named(image.built("cabinet15", "x64"))
    assert command("config", "diff", port, tmp_path / "bank.json").code == 0


@pytest.mark.usefixtures("sources")
def test_a_board_without_a_configuration_starts_and_does_not_protect(cabinet, tmp_path):
    """It says so, and stays at the REPL, to which the next deployment brings one."""
    assert command("service", cabinet.port, "--pin", PIN).code == 0
    for slot in cabinet.flash.glob("config*"):
        slot.unlink()
    result = command("deploy", cabinet.port, "--board", "cabinet15")
    assert result.code == 1
    assert "the new image starts, and then: not protecting: no config.json" in result.err
    (tmp_path / "bank.json").write_text(json.dumps(bank(2)))
    deploy(cabinet, "--config", tmp_path / "bank.json")
    with Dialogue(cabinet.port) as dialogue:
        dialogue.protecting()
