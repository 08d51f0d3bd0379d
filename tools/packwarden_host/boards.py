"""Reads what a board folder says about itself (pins, addresses, limits): data only."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

from packwarden_host import REPOSITORY
from packwarden_host.errors import BadInput


def names() -> list[str]:
    """Names of the boards that the repository holds."""
    return sorted(path.parent.name for path in (REPOSITORY / "boards").glob("*/board.py"))


def load(name: str) -> ModuleType:
    """The `board.py` of a board by name; BadInput names the boards there are, or its mistake."""
    if not re.fullmatch(r"[a-z0-9_]+", name) or name not in names():
        raise BadInput(f"board {name!r} is not known, there is: {', '.join(names())}")
    path = REPOSITORY / "boards" / name / "board.py"
    before = list(sys.path)
    sys.path.insert(0, str(REPOSITORY / "boards"))  # for what boards share
    spec = importlib.util.spec_from_file_location(f"packwarden_board_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise BadInput(f"boards/{name}/board.py: line {error.lineno}: {error.msg}") from error
    except Exception as error:  # data may hold any mistake
        raise BadInput(f"boards/{name}/board.py: {type(error).__name__}: {error}") from error
    finally:
        sys.path[:] = before
    return module


def modules(name: str) -> dict[str, Path]:
    """The modules of a board itself, as its manifest names them: {file name: path}."""
    folder = REPOSITORY / "boards" / name
    found: dict[str, Path] = {}

    def module(file: str, base_path: str = ".") -> None:
        found[file] = (folder / base_path / file).resolve()

    others = dict.fromkeys(("include", "package", "freeze"), lambda *_, **__: None)
    exec((folder / "manifest.py").read_text("utf-8"), {"module": module, **others})
    return found
