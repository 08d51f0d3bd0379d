"""Every module that goes to a board compiles for it: mpy-cross refuses what the device would."""

import subprocess

import pytest

from packwarden_host import REPOSITORY
from packwarden_host.sources import mpy_cross

ARCHITECTURES = ("xtensawin", "rv32imc")  # ESP32 and S3; C3 and C6
FOLDERS = ("lib", "firmware", "boards")
MODULES = sorted(
    str(p.relative_to(REPOSITORY)) for f in FOLDERS for p in (REPOSITORY / f).rglob("*.py")
)


@pytest.mark.parametrize("folder", FOLDERS)
def test_there_is_something_to_compile(folder):
    assert any(module.startswith(f"{folder}/") for module in MODULES)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("module", MODULES)
def test_module_compiles(module, architecture, tmp_path):
    output = tmp_path / "module.mpy"
    command = [mpy_cross(), f"-march={architecture}", "-o", output, module]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert output.stat().st_size > 0
