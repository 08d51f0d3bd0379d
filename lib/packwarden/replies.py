"""What all replies of the console share: refusals, arguments, numbers in their units."""

import json

from packwarden import levels
from packwarden.fixed import decimal
from packwarden.frame import HEALTH_NAMES


class Command:
    """A command: its usage, a line of help, and the generator function that answers it."""

    def __init__(self, usage, about, answer):
        self.usage = usage
        self.about = about
        self._answer = answer

    def run(self, context, words, as_json):
        """Return the generator of the reply's pieces; it may raise Refused."""
        return self._answer(context, words, as_json)


class Refused(Exception):
    """A command that cannot be answered; its text says why and what would do."""


def no_arguments(words):
    """Refuse what was typed behind a command that takes nothing."""
    if words:
        raise Refused('takes no "%s"' % words[0][:32])


def number(text, low, high, what):
    """Return a typed number of low .. high; `what` it is stands in the refusal."""
    value = int(text) if text.isdigit() and len(text) <= 9 else -1
    if not low <= value <= high:
        raise Refused('"%s" is not %s, %d .. %d' % (text[:32], what, low, high))
    return value


def _scaled(value, unit):
    """Return an internal value as text in its unit, or None."""
    if value is None:
        return None
    per_unit, places = levels.UNITS[unit]
    return decimal(value, per_unit, places)


def json_number(value, unit):
    """Return an internal value in its unit as JSON."""
    return _scaled(value, unit) or "null"


def cell(value, unit, width, health=0):
    """Return a value as a right-aligned cell with its unit, or the state of a failed channel."""
    if value is None:
        text = HEALTH_NAMES[health]
    else:
        per_unit, places = levels.UNITS[unit]
        text = decimal(value, per_unit, 1 if places < 3 else 2) + " " + unit
    return " " * max(1, width - len(text)) + text


def json_text(text):
    """Return a text, or None, as JSON."""
    return json.dumps(text)


def json_bool(value):
    """Return a truth as JSON."""
    return "true" if value else "false"
