"""Configurations of older schema numbers, brought to the one of today step by step.

A step knows what its number did not have, renames and rescales; at the end what no older form had
is added as shipped. What is older than a wire is not wired: nothing may trip because of it.
"""

from packwarden import elements, settings


def migrate(config):
    """Bring an older configuration up to date, in place; return the schema number that it had.

    None where it is not older, or is no configuration at all: then nothing is changed, and
    `settings.errors` tells.
    """
    schema = config.get("schema") if isinstance(config, dict) else None
    if isinstance(schema, bool) or not isinstance(schema, int) or schema not in _STEPS:
        return None
    for section in settings.SECTIONS:
        if section != "schema" and not isinstance(config.get(section), dict):
            return None
    if settings.bank_errors(config):
        return None
    for number in range(schema, settings.SCHEMA):
        _STEPS[number](config)
    _complete(config)
    config["schema"] = settings.SCHEMA
    return schema


def _complete(config):
    """Add the elements and levels that are missing, as shipped."""
    shipped = elements.defaults(config["bank"])
    for slug in shipped:
        given = config["elements"].setdefault(slug, {})
        if isinstance(given, dict):
            for key in shipped[slug]:
                given.setdefault(key, shipped[slug][key])


def _from_1(config):
    """Schema 1 began without the external trip and the supply of the coils."""
    for slug, path, absent in (
        ("external_trip", "external_trip", "none"),
        ("control_supply", "control_supply_V", 0),
    ):
        if slug not in config["elements"]:
            config["sensors"].setdefault(path, absent)


def _from_2(config):
    """Schema 2 began without the elements of the condition monitoring: they are merely new."""


_STEPS = {1: _from_1, 2: _from_2}
