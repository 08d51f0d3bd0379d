"""Tables of the configuration and of the protection elements, for people and as data."""

import json
from itertools import chain

from packwarden import elements, levels, settings
from packwarden_host import config_diff, output, reasons
from packwarden_host.errors import BadInput

# The bank that shipped settings are shown for: one battery of 16 cells rated 100 A.
_SHOWN = {"rated_current_A": 100, "batteries": 1, "cells": 16}


def element_rows() -> list[dict]:
    """One row per level of every element, with its settings as shipped."""
    return list(chain.from_iterable(_rows_of(element, None) for element in elements.TABLE))


def _rows_of(element: levels.Element, given: dict | None) -> list[dict]:
    """The rows of an element with the settings of a configuration, or (None) as shipped."""
    if not element.levels:
        reason = reasons.LEVELS[element.slug][""]
        return [
            dict.fromkeys(_KEYS)
            | {"slug": element.slug, "device": element.device}
            | {"key": "", "off": False, "latch": True, "action": "none", "reason": reason}
        ]
    return [
        _element_row(
            element, level, given[level.key] if given else levels.level_defaults(level, _SHOWN)
        )
        for level in element.levels
    ]


def _element_row(element: levels.Element, level: levels.Level, given: dict | str) -> dict:
    """A level with settings as a configuration holds them (a dict, or "off")."""
    own = given if isinstance(given, dict) else {}
    return {
        "slug": element.slug,
        "device": element.device,
        "level": levels.LEVEL_NAMES[level.level],
        "key": level.key,
        "off": given == "off",
        "unit": level.shown_unit(),
        "pickup": own.get("pickup"),
        "dropout": own.get("dropout"),
        "delay_ms": own.get("delay_ms"),
        "curve": own.get("curve"),
        "tms": own.get("tms"),
        "at_least": own.get("at_least"),
        "at_least_unit": levels.quantity_facts(level.gate)[1] if level.gate else None,
        "below": level.sign < 0,
        "wait_ms": own.get("wait_ms", level.wait_ms) if own else None,
        "samples": own.get("samples", 1),
        "latch": level.latch,
        "action": levels.ACTION_NAMES[level.action],
        "reason": reasons.LEVELS.get(element.slug, {}).get(level.key, ""),
    }


_KEYS = (
    "slug",
    "device",
    "level",
    "key",
    "off",
    "unit",
    "pickup",
    "dropout",
    "delay_ms",
    "curve",
    "tms",
    "at_least",
    "at_least_unit",
    "below",
    "wait_ms",
    "samples",
    "latch",
    "action",
    "reason",
)
ELEMENT_HEADS = (
    "element",
    "C37.2",
    "level",
    "pickup",
    "dropout",
    "delay",
    "samples",
    "latch",
    "action",
    "waits",
    "reason",
)


def element_cells(row: dict) -> tuple[str, ...]:
    """A row of `element_rows` as the texts under ELEMENT_HEADS, every number with its unit."""
    return (
        row["slug"],
        row["device"] or "",
        row["key"],
        _pickup(row),
        _with_unit(row["dropout"], row["unit"]),
        _delay(row),
        str(row["samples"] or "") if not row["off"] else "",
        "yes" if row["latch"] else "no",
        row["action"],
        _with_unit(row["wait_ms"] and row["wait_ms"] / 1000, "s"),
        row["reason"],
    )


def _pickup(row: dict) -> str:
    if row["off"]:
        return "off"
    if row["pickup"] is None:
        return "state"
    text = ("below " if row["below"] else "") + _with_unit(row["pickup"], row["unit"])
    if row["at_least"] is not None:
        text += f" and {_with_unit(row['at_least'], row['at_least_unit'])}"
    return text


def _delay(row: dict) -> str:
    if row["curve"]:
        return f"{row['curve']}, TMS {row['tms']}"
    if row["delay_ms"] is None:
        return ""
    return f"{row['delay_ms'] / 1000:g} s" if row["delay_ms"] else "at once"


def _with_unit(value: float | None, unit: str | None) -> str:
    if value is None:
        return ""
    return f"{value:g} {unit}" if unit else f"{value:g}"


def elements_markdown() -> str:
    """The table of elements for a README."""
    return output.markdown_table(ELEMENT_HEADS, map(element_cells, element_rows()))


def setting_rows(config: dict) -> list[dict]:
    """One row per value of bank, sensors and breakers: field, value, unit, range, reason."""
    rows = []
    for section in ("schema", "bank", "sensors", "breakers"):
        for path, value in config_diff.leaves(section, config[section]):
            low, high, unit = settings.NUMBERS.get(path, (None, None, None))
            words = settings.WORDS.get(path)
            allowed = " | ".join(words) if words else f"{low} .. {high}" if unit else ""
            reason = reasons.of_setting(path)
            rows.append(
                {"field": path, "value": value, "unit": unit, "range": allowed, "reason": reason}
            )
    return rows


def configured_rows(config: dict, slug: str | None = None) -> list[dict]:
    """One row per level of a good configuration's elements, or of the one with this slug."""
    named = (element for element in elements.TABLE if slug in (None, element.slug))
    rows = (_rows_of(element, config["elements"][element.slug]) for element in named)
    return list(chain.from_iterable(rows))


def setting_cells(row: dict) -> tuple[str, str, str, str]:
    """A row of `setting_rows` as texts: field, value with unit, range, reason."""
    value = row["value"]
    text = value if isinstance(value, str) else json.dumps(value)
    return row["field"], f"{text} {row['unit'] or ''}".strip(), row["range"], row["reason"]


def show_elements(as_json: bool, as_markdown: bool) -> None:
    """Print the table of elements as they ship."""
    if as_json:
        print(json.dumps(element_rows(), indent=1))
    elif as_markdown:
        print(elements_markdown())
    else:
        title = "Protection elements as shipped, for one battery of 16 cells rated 100 A"
        output.table(title, ELEMENT_HEADS, map(element_cells, element_rows()))


def show_config(config: dict, slug: str | None, as_json: bool) -> None:
    """Print a good configuration, or only one element of it; BadInput for an unknown slug."""
    if slug is not None and elements.find(slug) < 0:
        known = ", ".join(element.slug for element in elements.TABLE)
        raise BadInput(f"--element {slug!r} is not one of {known}")
    settings_shown = [] if slug else setting_rows(config)
    rows = configured_rows(config, slug)
    if as_json:
        print(json.dumps({"settings": settings_shown, "elements": rows}, indent=1))
        return
    if settings_shown:
        heads = ("setting", "value", "range", "reason")
        output.table("Bank, sensors, breakers", heads, map(setting_cells, settings_shown))
        print()
    output.table("Protection elements", ELEMENT_HEADS, map(element_cells, rows))
