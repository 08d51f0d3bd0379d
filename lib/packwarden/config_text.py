"""The configuration as it is kept and sent: a line per section and element, of its path and JSON.

So it is read and checked line by line, in pieces that fit the slack. ASCII, lines end with LF.
"""

import json

from packwarden.settings import SECTIONS

MOST = 8192  # bytes of a whole configuration; one of 15 batteries has about 4500
_LONGEST = 1024  # bytes of a line; a thermistor by a table of resistances has about 600


def lines(config):
    """Yield the lines of a good configuration, as text with their ends."""
    for section in SECTIONS:
        if section != "elements":
            yield _line(section, config[section])
    for slug in config["elements"]:
        yield _line("elements." + slug, config["elements"][slug])


def _line(path, value):
    return path + " " + json.dumps(value, separators=(",", ":")) + "\n"


def read(pieces, config):
    """Fill an empty `config` from pieces of bytes; a generator that yields after each line.

    ValueError says what is wrong with the text. What it says is checked by `settings`.
    """
    rest = b""
    number = 1
    for piece in pieces:
        rest += piece
        end = rest.find(b"\n")
        while end >= 0:
            _take(config, rest[:end], number)
            rest = rest[end + 1 :]
            number += 1
            yield
            end = rest.find(b"\n")
        if len(rest) > _LONGEST:
            raise ValueError("line %d is longer than %d bytes" % (number, _LONGEST))
    if rest:
        raise ValueError("line %d has no end" % number)


def _take(config, line, number):
    """Put what a line says where it belongs."""
    try:
        path, _, text = line.decode().partition(" ")
        value = json.loads(text)
    except ValueError:
        raise ValueError("line %d is not a path and JSON" % number)
    section, _, slug = path.partition(".")
    place = config
    if slug:
        place = config.setdefault(section, {})
    if not isinstance(place, dict) or (slug or section) in place:
        raise ValueError("line %d says %s again" % (number, path))
    place[slug or section] = value
