"""What only a person knows of a cabinet: asked on the terminal, or read from a file of answers."""

import json
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from packwarden_host.errors import BadInput
from packwarden_host.toml_file import first_problem

_DELIBERATE = ("ready", "close")  # a terminal offers no answer to it


def _word(text: str) -> str:
    if not 1 <= len(text) <= 16 or any(one.isspace() for one in text):
        raise ValueError(f"up to 16 characters, without a blank, not {text!r}")
    return text


class Answers(BaseModel):
    """The answers by the question's name; what is not given has its default.

    The descriptions are the questions, as a terminal shows them.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[
        str,
        AfterValidator(_word),
        Field(description="Your name (up to 16 characters, without a blank)"),
    ]
    bms_limit: Annotated[
        int | None,
        Field(ge=1, le=64, description="How many packs does their maker allow in parallel"),
    ] = None
    warm: Annotated[
        bool,
        Field(
            description="Will you warm each terminal when it is asked for, by hand or hair dryer"
        ),
    ] = True
    flow: Annotated[
        Literal["discharge", "charge"],
        Field(description="What does the bank do now, by the inverter's display"),
    ] = "discharge"
    close: Annotated[
        bool,
        Field(
            description="Keep hands clear: may contactors be closed now, and again after each"
            " test, as they are permitted"
        ),
    ] = True
    ready: Annotated[
        bool,
        Field(description="Each breaker will now be opened under load. Ready"),
    ] = True
    incomplete: Annotated[
        bool,
        Field(description="Store the baseline as soon as some of it is estimated, not all"),
    ] = False
    inject_battery: Annotated[
        list[Annotated[int, Field(ge=1, le=15)]],
        Field(description="Which batteries get the source, by number; none: all"),
    ] = []
    inject_level: Annotated[
        list[str],
        Field(description="Which levels, like overcurrent_inverse.trip; none: all that can be"),
    ] = []


class Person:
    """Whoever commissions: `ask` gives the answer to a question of `Answers`, by its name."""

    def __init__(self, answers: Answers | None):
        """`answers`: None where somebody is there to be asked; BadInput where nobody is."""
        if answers is None and not sys.stdin.isatty():
            raise BadInput("--yes ANSWERS is missing (and stdin is no terminal to ask on)")
        self._answers = answers
        self._given: dict[str, Any] = {}

    def ask(self, name: str, *, anew: bool = False) -> Any:
        """The answer; a question is put once in a run, or again where it is wanted `anew`."""
        if self._answers is not None:
            return getattr(self._answers, name)
        if anew or name not in self._given:
            self._given[name] = _asked(name)
        return self._given[name]


def read(path: Path) -> Answers:
    """The answers of a file, TOML or JSON by its ending; BadInput names file, key and reason."""
    data: object = None
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        return Answers.model_validate(data)
    except ValidationError as error:
        raise BadInput(f"{path}: {first_problem(error, data)}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or f"is no {path.suffix or 'TOML'}: {error}"
        raise BadInput(f"{path}: {reason}") from error


def _asked(name: str) -> Any:
    """Put a question on the terminal until its answer can be one."""
    from rich.console import Console
    from rich.prompt import Confirm, Prompt

    console = Console(stderr=True, highlight=False)
    field = Answers.model_fields[name]
    kind: Any = field.annotation
    question = f"{field.description}?"
    choices = list(get_args(kind)) if get_origin(kind) is Literal else None
    offered: Any = ...  # nothing
    if not (field.is_required() or field.default in (None, []) or name in _DELIBERATE):
        offered = field.default if kind is bool else _text(field.default)
    while True:
        try:
            if kind is bool:
                return Confirm.ask(question, default=offered, console=console)
            typed = Prompt.ask(question, choices=choices, default=offered, console=console)
        except EOFError as error:
            raise BadInput("the input has ended: what is done is kept") from error
        value = _value(typed, kind)
        try:
            Answers.model_validate({"name": "x", name: value})
            return value
        except ValidationError as error:
            console.print(first_problem(error, {name: value}), style="red")


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _value(typed: str, kind: Any) -> Any:
    """What was typed, as the kind of value that is asked for."""
    typed = typed.strip()
    if get_origin(kind) is list:
        words = typed.replace(",", " ").split()
        return [int(word) if word.isdigit() else word for word in words]
    return int(typed) if int in get_args(kind) and typed.isdigit() else typed
