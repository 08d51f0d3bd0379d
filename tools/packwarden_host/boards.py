"""Reads what a board folder says about itself (pins, addresses, limits): data only."""

import importlib.util
import re
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
    spec = importlib.util.spec_from_file_location(f"packwarden_board_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise BadInput(f"boards/{name}/board.py: line {error.lineno}: {error.msg}") from error
    except Exception as error:  # data may hold any mistake
        raise BadInput(f"boards/{name}/board.py: {type(error).__name__}: {error}") from error
    return module
