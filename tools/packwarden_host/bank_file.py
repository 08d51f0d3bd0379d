"""The bank configuration as a file: made from a few figures, read, checked, written whole."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from packwarden import elements, migration, settings
from packwarden.chips.ina2xx import CHIPS
from packwarden_host import boards, output
from packwarden_host.errors import BadInput
from packwarden_host.thermistors import PARTS, default_pull_up_ohm

# A rounded shunt of a whole number of uOhm may be off by this much; shunts are 0.5 % parts.
_SHUNT_ROUNDING = 0.005
_SHUNT = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,3})?)\s*A\s*/\s*([0-9]{1,4}(?:\.[0-9]{1,3})?)\s*mV")
# A configuration of 15 batteries is about 4 KB.
_LARGEST_BYTES = 1_000_000


@dataclass(frozen=True)
class Choices:
    """What `config new` asks for; everything else follows from it."""

    batteries: int
    rated_current_A: float
    cells: int = 16
    capacity_Ah: int = 100
    monitor: str = "ina228"
    shunt: str = "300A/75mV"
    thermistor: str = "semitec_103at"
    pull_up_ohm: int | None = None
    breaker: str = "shunt_trip"
    feedback: str = "52a"
    board: str = "cabinet15"
    positions: str | None = None
    bms_contact: str = "closed_on_alarm"
    external_trip: str = settings.OPTIONAL["sensors.external_trip"]
    trip_circuit: str = settings.OPTIONAL["sensors.trip_circuit"]
    control_supply_V: float = settings.OPTIONAL["sensors.control_supply_V"]
    main_shunt_uohm: int = settings.OPTIONAL["sensors.main_shunt_uohm"]


def build(choices: Choices) -> dict:
    """A complete, checked configuration; BadInput says what of the choices does not fit."""
    rated_A = choices.rated_current_A
    low, high, unit = settings.NUMBERS["bank.rated_current_A"]
    if not low <= rated_A <= high:
        raise BadInput(f"rated current {rated_A:g} is outside {low} .. {high} {unit}")
    shunt_uohm, shunt_rated_A = parse_shunt(choices.shunt)
    if choices.thermistor not in PARTS:
        raise BadInput(f"thermistor {choices.thermistor!r} is not one of {', '.join(PARTS)}")
    thermistor = PARTS[choices.thermistor].settings(choices.thermistor)
    board = boards.load(choices.board)
    pull_up_ohm = choices.pull_up_ohm
    if pull_up_ohm is None:
        pull_up_ohm = default_pull_up_ohm(thermistor, board.EXCITATION_MV)
    config = {
        "schema": settings.SCHEMA,
        "bank": {
            "board": choices.board,
            "batteries": choices.batteries,
            "rated_current_A": int(rated_A) if rated_A == int(rated_A) else rated_A,
            "capacity_Ah": choices.capacity_Ah,
            "cells": choices.cells,
            "positions": _positions(choices),
            "tick_ms": settings.OPTIONAL["bank.tick_ms"],
            "resistance_percent_K": settings.OPTIONAL["bank.resistance_percent_K"],
        },
        "sensors": {
            "monitor": choices.monitor,
            "shunt_uohm": shunt_uohm,
            "shunt_rated_A": shunt_rated_A,
            "thermistor": thermistor,
            "pull_up_ohm": pull_up_ohm,
            "reference_ohm": pull_up_ohm,
            "excitation_mV": board.EXCITATION_MV,
            "bms_contact": choices.bms_contact,
            "external_trip": choices.external_trip,
            "trip_circuit": choices.trip_circuit,
            "control_supply_V": choices.control_supply_V,
            "main_shunt_uohm": choices.main_shunt_uohm,
        },
        "breakers": {
            "kind": choices.breaker,
            "feedback": choices.feedback,
            "pulse_ms": settings.OPTIONAL["breakers.pulse_ms"],
            "retries": settings.OPTIONAL["breakers.retries"],
            "repeat_hours": settings.OPTIONAL["breakers.repeat_hours"],
        },
    }
    config["elements"] = elements.defaults(config["bank"])
    found = errors(config)
    if found:
        raise BadInput(one_line("these choices do not fit together", found))
    return config


def parse_shunt(text: str) -> tuple[int, int]:
    """'300A/75mV' as (uOhm, rated A)."""
    match = _SHUNT.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise BadInput(f"shunt {text!r} is not of the form 300A/75mV")
    exact_uohm = float(match[2]) * 1000 / float(match[1])
    uohm = round(exact_uohm)
    if abs(uohm - exact_uohm) > exact_uohm * _SHUNT_ROUNDING:
        raise BadInput(f"shunt {text!r} has {exact_uohm:g} uohm, a whole number is needed")
    return uohm, round(float(match[1]))


def _positions(choices: Choices) -> list[int]:
    if choices.positions is None:
        return list(range(1, choices.batteries + 1))
    parts = choices.positions.split(",")
    if not all(re.fullmatch(r" *[0-9]{1,2} *", part) for part in parts):
        raise BadInput(f"positions {choices.positions!r} are not numbers like 1,2,3,4")
    return [int(part) for part in parts]


def errors(config: object) -> list[tuple[str, str]]:
    """What is wrong with a configuration, also against its board: (path, message)."""
    found = settings.errors(config)
    if found:
        return found
    assert isinstance(config, dict)
    try:
        board = boards.load(config["bank"]["board"])
    except BadInput as error:
        return [("bank.board", str(error))]
    return settings.board_errors(config, board)


def summary(config: dict) -> str:
    """A good configuration in one line."""
    bank, sensors, breakers = config["bank"], config["sensors"], config["breakers"]
    full_scale_A = CHIPS[sensors["monitor"]]["shunt_full_scale_uV"] // sensors["shunt_uohm"]
    return (
        f"{bank['batteries']} batteries of {bank['rated_current_A']:g} A, {bank['cells']} cells;"
        f" {sensors['monitor']} on {sensors['shunt_uohm']} uohm measures {full_scale_A} A;"
        f" breakers: {breakers['kind']}, feedback {breakers['feedback']}"
    )


def one_line(subject: object, found: list[tuple[str, str]]) -> str:
    """The first error with its place, and how many more there are."""
    path, message = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{subject}: {path + ': ' if path else ''}{message}{more}"


def parse(path: Path) -> object:
    """The JSON of a file, brought up to date but not yet checked.

    BadInput names file, line and column; of an older schema number the user is told.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from error
    if len(data) > _LARGEST_BYTES:
        raise BadInput(f"{path}: longer than {_LARGEST_BYTES} bytes, not a configuration")
    try:
        config = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_no_twins)
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not UTF-8 text (byte {error.start})") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadInput(f"{path}: {where}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: {error}") from error
    schema = migration.migrate(config)
    if schema is not None:
        told = f"{path}: schema {schema}, read as {settings.SCHEMA}: what it lacks is as shipped"
        print(f"packwarden: {told}", file=sys.stderr)
    return config


def _no_twins(pairs: list[tuple[str, object]]) -> dict:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the key {name!r} appears twice in one object")
    return dict(pairs)


def read(path: Path) -> dict:
    """A good configuration from a file; BadInput names file, field, value, range and unit."""
    config = parse(path)
    found = errors(config)
    if found:
        raise BadInput(one_line(path, found))
    assert isinstance(config, dict)
    return config


def dump(config: dict) -> str:
    """The configuration as text, with short objects on one line."""
    text = json.dumps(config, indent=2)
    return re.sub(r"([\[{])\s+([^\[\]{}]{1,120}?)\s+([\]}])", _joined, text) + "\n"


def _joined(match: re.Match[str]) -> str:
    inner = re.sub(r"\n\s+", " ", match[2])
    return match[1] + inner + match[3]


def write(path: Path, config: dict, force: bool = False) -> None:
    """Write a configuration whole: aside, then renamed. Refuses an existing file unless forced."""
    if path.is_file() and not force:
        raise BadInput(f"{path}: exists already, --force replaces it")
    output.write_whole(path, dump(config))
