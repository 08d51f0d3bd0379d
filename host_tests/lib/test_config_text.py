"""The configuration as text: a line per section and element, read in pieces of any size."""

import json

import pytest

from cabinets import configuration
from packwarden import config_text


def pieces(text, size=66):
    data = text.encode() if isinstance(text, str) else text
    return [data[at : at + size] for at in range(0, len(data), size)]


def read(text, size=66):
    config = {}
    for _ in config_text.read(pieces(text, size), config):
        pass
    return config


@pytest.mark.parametrize("size", [1, 3, 66, 256, 10**6])
def test_what_was_written_comes_back_whatever_the_pieces(size):
    config = configuration(15, {"bank.rated_current_A": 62.5, "bank.capacity_Ah": [100] * 15})
    text = "".join(config_text.lines(config))
    assert read(text, size) == config
    assert text.isascii() and len(text) < config_text.MOST
    assert max(map(len, text.splitlines())) < 600


def test_each_section_and_element_is_a_line_of_its_own():
    config = configuration()
    paths = [line.partition(" ")[0] for line in config_text.lines(config)]
    assert paths[:4] == ["schema", "bank", "sensors", "breakers"]
    assert paths[4:] == ["elements." + slug for slug in config["elements"]]


def test_it_is_read_a_line_at_a_time():
    text = "".join(config_text.lines(configuration()))
    assert sum(1 for _ in config_text.read(pieces(text), {})) == text.count("\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("schema 2\nbank {\n", "line 2 is not a path and JSON"),
        ("schema\n", "line 1 is not a path and JSON"),
        ("\n", "line 1 is not a path and JSON"),
        (b"schema \xff\n", "line 1 is not a path and JSON"),
        ("schema 2", "line 1 has no end"),
        ("schema 2\nschema 2\n", "line 2 says schema again"),
        ("elements.lockout {}\nelements.lockout {}\n", "line 2 says elements.lockout again"),
        ("elements 5\nelements.lockout {}\n", "line 2 says elements.lockout again"),
        ("x" * 2000, "line 1 is longer than 1024 bytes"),
        ("schema 2\nbank " + json.dumps("x" * 2000) + "\n", "line 2 is longer than 1024 bytes"),
    ],
)
def test_what_is_no_such_text_is_refused_with_its_line(text, reason):
    with pytest.raises(ValueError, match=reason):
        read(text)


def test_an_empty_text_is_an_empty_configuration():
    """Which lacks everything, as its check will tell."""
    assert read("") == {}
