"""The lock pins everything that set-up installs, and names no place to fetch it from."""

import re
from importlib.metadata import PackageNotFoundError, requires, version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from packwarden_host import REPOSITORY
from packwarden_host.targets import WASM32

LOCK = (REPOSITORY / "requirements.lock").read_text().splitlines()
PINS = dict(line.split("==") for line in LOCK if not line.startswith("#"))


def installed_for(name, extra=""):
    """Return {name: version} of what a distribution needs here, however far down."""
    found = {}
    for text in requires(name) or ():
        needed = Requirement(text)
        key = canonicalize_name(needed.name)
        if needed.marker is None or needed.marker.evaluate({"extra": extra}):
            found[key] = version(key)
            for inner in needed.extras or {""}:
                found |= installed_for(key, inner)
    return found


def test_each_installed_package_is_pinned():
    pins = {canonicalize_name(name): pin for name, pin in PINS.items()}
    installed = installed_for("packwarden") | installed_for("packwarden", "dev")
    assert len(installed) > len(requires("packwarden") or ())
    assert installed.items() <= pins.items()


def test_the_drivers_by_others_are_pinned_and_came_without_what_they_need():
    peers = [Requirement(text) for text in requires("packwarden") or () if "peers" in text]
    assert len(peers) == 4
    for peer in peers:
        assert version(peer.name) == PINS[peer.name]
    with pytest.raises(PackageNotFoundError):
        version("Adafruit-Blinka")


def test_the_wasm_vm_is_the_pinned_one():
    pin = next(line.rpartition("@")[2] for line in LOCK if line.startswith("# npm: "))
    assert f'"version": "{pin}"' in (WASM32 / "package.json").read_text()


def test_a_pin_is_a_name_and_a_version():
    assert PINS
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in LOCK if line[0] != "#")
