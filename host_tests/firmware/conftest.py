"""A simulated cabinet for the firmware's modules: see `rig`."""

import pytest

from firmware import rig


@pytest.fixture
def rigged(tmp_path, monkeypatch):
    """Make a Rig whose flash is the current directory; arguments are those of `rig.Rig`."""
    monkeypatch.chdir(tmp_path)
    with rig.firmware():
        yield lambda *args, **more: rig.Rig(tmp_path, *args, **more)
