"""Two configurations, field by field: what differs in what they mean, with units."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from packwarden import elements, levels, settings
from packwarden_host import output

ABSENT = "-"
HEADS = ("field", "runs", "file")


@dataclass(frozen=True)
class Difference:
    """A field of two configurations; None where one has not got it."""

    field: str
    runs: object
    file: object
    unit: str | None

    def cells(self) -> tuple[str, str, str]:
        """The texts under HEADS."""
        return self.field, self._text(self.runs), self._text(self.file)

    def _text(self, value: object) -> str:
        if value is None:
            return ABSENT
        text = value if isinstance(value, str) else json.dumps(value)
        return f"{text} {self.unit}" if self.unit and not isinstance(value, str) else text


def differences(runs: dict, file: dict) -> list[Difference]:
    """What differs between two good configurations; what is absent stands for its default."""
    units = _units(file) | _units(runs)
    here, there = dict(_fields(runs)), dict(_fields(file))
    return [
        Difference(field, here.get(field), there.get(field), units.get(field))
        for field in here | there
        if here.get(field) != there.get(field)
    ]


def show(found: list[Difference], as_json: bool) -> None:
    """Print differences, as a table or as data."""
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=1))
    elif found:
        title = f"{len(found)} difference{'s' if len(found) > 1 else ''}"
        output.table(title, HEADS, (one.cells() for one in found))
    else:
        print("no difference")


def _fields(config: dict) -> Iterator[tuple[str, object]]:
    """Every field with what it means: defaults are filled in."""
    for path, default in settings.OPTIONAL.items():
        if default is not None and settings.lookup(config, path) is None:
            yield path, default
    for section in settings.SECTIONS:
        if section != "elements":
            yield from leaves(section, config[section])
    for element, level, path in _rows():
        given = config["elements"][element.slug][level.key]
        if given == "off":
            yield path, given
            continue
        every = {"delay_ms": 0, "samples": 1, "wait_ms": level.wait_ms} | given
        yield from ((f"{path}.{key}", every.get(key)) for key in settings.level_keys(level))


def _units(config: dict) -> dict[str, str | None]:
    units = {path: unit for path, (_, _, unit) in settings.NUMBERS.items()}
    for element, level, path in _rows():
        pickup = settings.pickup_range(element, level, config["bank"])[2]
        gate = levels.quantity_facts(level.gate)[1] if level.gate else None
        units |= {f"{path}.{key}": pickup for key in ("pickup", "dropout")}
        units |= {f"{path}.{key}": "ms" for key in ("delay_ms", "wait_ms")}
        units |= {f"{path}.at_least": gate}
    return units


def _rows() -> Iterator[tuple]:
    for element in elements.TABLE:
        for level in element.levels:
            yield element, level, f"elements.{element.slug}.{level.key}"


def leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    """Every value below a path that is no object, with its own path."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(f"{path}.{name}", inner)
    else:
        yield path, value
