"""What all replies of the console share: refusals, arguments, numbers in their units."""

import json

from packwarden import elements, levels
from packwarden.fixed import NONE, decimal
from packwarden.frame import HEALTH_NAMES
from packwarden.records import INFO


class Command:
    """A command: its usage, a line of help, and the generator function that answers it.

    `operates`: it takes an unlocked console, and is there only once a PIN is set.
    """

    def __init__(self, usage, about, answer, operates=False):
        self.usage = usage
        self.about = about
        self.operates = operates
        self._answer = answer

    def run(self, context, words, as_json):
        """Be the reply: yield its pieces, None where it waits for others; may raise Refused."""
        if self.operates:
            operator(context)
        yield from self._answer(context, words, as_json)


class Refused(Exception):
    """A command that cannot be answered; its text says why and what would do."""


def armed(context):
    """Refuse before protection is armed: a boot is the first event."""
    if not context.protection.armed:
        raise Refused("not armed yet: wait some seconds")


def operator(context):
    """Refuse unless protection is armed and the console unlocked."""
    armed(context)
    if not context.access.exists:
        raise Refused("no PIN is set: pin NEW sets it")
    if not context.access.unlocked(context.protection.events.seconds):
        raise Refused("locked: type unlock PIN first")


def record(protection, detail):
    """Record what a person did to the controller: a detail of `restart`. Slack."""
    codes = (INFO, 0, elements.OPERATION, 0, 0, 0, 0, detail)
    protection.events.write(*codes, NONE, NONE, NONE, NONE)


def done(as_json, text):
    """Return the reply of what was done."""
    return ('{"done":%s}' % json_text(text) if as_json else text) + "\r\n"


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
