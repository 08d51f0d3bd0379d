"""The rings stay apart: who may import whom, read from the source.

lib knows itself, its chips only the frame; firmware knows lib and its board; the host command
reaches the firmware through the simulated cabinet.
"""

import ast
from pathlib import Path

import pytest

from packwarden_host import REPOSITORY

# A folder: what its modules may import. A name admits what is below it too.
PURE = {"array", "binascii", "hashlib", "json", "micropython", "packwarden", "struct", "ustruct"}
CHIPS = {"array", "micropython", "packwarden.frame"}
PLATFORM = {"esp", "esp32", "gc", "io", "json", "machine", "micropython", "os", "select", "struct"}
PLATFORM |= {"binascii", "hashlib", "sys", "time"}
OWN = {path.stem for path in (REPOSITORY / "firmware").glob("*.py")}
FIRMWARE = {"board", "packwarden", *PLATFORM, *OWN}
BOARD_DATA = {"fifteen", "micropython"}
BOARD_SIDE = {"board", "esp", "esp32", "machine", *OWN}


def modules(folder, besides=None):
    """Return the paths of the modules below a folder, without those below `besides`."""
    found = sorted((REPOSITORY / folder).rglob("*.py"))
    return [p for p in found if besides is None or REPOSITORY / besides not in p.parents]


def imports(path):
    """Return the dotted names of the modules that a module imports, wherever in it.

    `from a import b` is a.b if there is such a module in lib/ or tools/, else a.
    """
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.update(_imported_from(node, path))
    return names


def _imported_from(node, path):
    package = list(path.relative_to(REPOSITORY).parts[1:-1])  # below lib/ or tools/
    above = package[: len(package) - node.level + 1] if node.level else []
    base = ".".join([*above, *([node.module] if node.module else [])])
    for alias in node.names:
        below = f"{base}.{alias.name}".replace(".", "/")
        places = [
            REPOSITORY / top / f"{below}{end}" for top in ("lib", "tools") for end in ("", ".py")
        ]
        is_module = any(place.exists() for place in places)
        yield f"{base}.{alias.name}" if is_module else base


def admitted(name, allowed):
    return any(name == a or name.startswith(f"{a}.") for a in allowed)


def strangers(path, allowed):
    return sorted(name for name in imports(path) if not admitted(name, allowed))


@pytest.mark.parametrize(
    ("folder", "besides", "allowed"),
    [
        ("lib/packwarden", "lib/packwarden/chips", PURE),
        ("lib/packwarden/chips", None, CHIPS),
        ("firmware", None, FIRMWARE),
        ("boards", None, BOARD_DATA),
    ],
)
def test_a_ring_imports_only_what_is_inside_it(folder, besides, allowed):
    found = modules(folder, besides)
    assert found
    assert {str(p): s for p in found if (s := strangers(p, allowed))} == {}


def test_the_host_command_knows_the_board_side_only_through_the_simulation():
    found = modules("tools/packwarden_host")
    assert found
    reached = {p.name: {n for n in imports(p) if admitted(n, BOARD_SIDE)} for p in found}
    assert {name: names for name, names in reached.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import time", {"time"}),
        ("import packwarden.frame as f", {"packwarden.frame"}),
        ("def f():\n    from machine import Pin", {"machine"}),
        ("from packwarden.frame import NONE", {"packwarden.frame"}),
        ("from packwarden import frame", {"packwarden.frame"}),
        ("from packwarden import chips", {"packwarden.chips"}),
        ("from ..frame import NONE", {"packwarden.frame"}),
        ("from .. import frame", {"packwarden.frame"}),
    ],
)
def test_imports_are_found(source, expected, monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda _: source)
    assert imports(REPOSITORY / "lib/packwarden/chips/some.py") == expected
