"""Validation never raises and changes nothing, whatever it is given; what passes can be built."""

import copy
import json

from hypothesis import given
from hypothesis import strategies as st

from cabinets import configuration, put
from packwarden import elements
from packwarden.bank import Bank
from packwarden.settings import errors

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)


def places(config, path=()):
    """Yield the path of everything in a configuration."""
    if path:
        yield path
    if isinstance(config, dict):
        for name in config:
            yield from places(config[name], (*path, name))


PLACES = sorted(places(configuration()))
NUMBER = (
    st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from([0, 1, -1, 4.0, 15, 16, 1e308])
)


@given(JSON)
def test_whatever_it_is_given_it_does_not_raise(value):
    assert errors(value) != []


@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON | NUMBER), min_size=1, max_size=4))
def test_whatever_stands_anywhere_it_does_not_raise(changes):
    config = configuration()
    for path, value in changes:
        try:
            put(config, ".".join(path), copy.deepcopy(value))
        except (TypeError, KeyError):
            continue  # an earlier change took the place away
    before = json.dumps(config)
    for path, text in errors(config):
        assert isinstance(path, str)
        assert text
    assert json.dumps(config) == before


@given(st.sampled_from(PLACES), JSON | NUMBER)
def test_what_passes_can_be_built(path, value):
    config = configuration()
    put(config, ".".join(path), value)
    if errors(config) == []:
        bank = Bank(config)
        assert bank.batteries in range(1, 16)
        assert 10 <= bank.tick_ms <= 1000
        for element in elements.TABLE:
            for level in element.levels:
                assert isinstance(bank.level(element, level), dict | None)
