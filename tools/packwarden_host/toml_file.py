"""Data as TOML files: some that come along, by name, and the user's own, by path.

What a file says is checked whole before it is used, and refused with file, key and reason.
"""

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from packwarden_host.errors import BadInput

Model = TypeVar("Model", bound=BaseModel)


def names(folder: Path) -> list[str]:
    """The names of those that come along in a folder."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def read(model: type[Model], folder: Path, name: str, several: str) -> Model:
    """What is in the file of that name in the folder, or at that path.

    `several`: what those of the folder are called. BadInput names file, key and reason.
    """
    known = names(folder)
    path = folder / f"{name}.toml" if name in known else Path(name)
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except FileNotFoundError as error:
        text = f"{name}: neither a file nor one of the {several} {', '.join(known)}"
        raise BadInput(text) from error
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not TOML: {error}") from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise BadInput(f"{path}: {first_problem(error, data)}") from error


def first_problem(error: ValidationError, data: object) -> str:
    """The first problem as `key: reason`; items of a list count from 1."""
    problem = error.errors(include_url=False)[0]
    places = problem["loc"]
    missing = problem["type"] == "missing"
    key = ""
    for place in places:
        if isinstance(place, int):
            key += f"[{place + 1}]"
            data = data[place] if isinstance(data, list) and place < len(data) else None
        elif isinstance(data, dict) and (place in data or (missing and place == places[-1])):
            # Anything else is the name of a variant that was tried, not a key of the file.
            key += f".{place}" if key else place
            data = data.get(place)
    return f"{key}: {_reason(problem)}" if key else _reason(problem)


def _reason(problem: ErrorDetails) -> str:
    if problem["type"] == "missing":
        return "is missing"
    if problem["type"] == "extra_forbidden":
        return "is not a key that is known here"
    message = problem["msg"]
    if problem["type"] == "value_error":
        return message.removeprefix("Value error, ")
    message = message.replace("Input should be ", "must be ")
    given = problem["input"]
    return f"{message}, not {given!r}" if isinstance(given, int | float | str) else message
