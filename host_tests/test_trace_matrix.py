"""Everything that has to be held is held by a test, and the page says by which."""

from pathlib import Path

import pytest

import trace_matrix


@pytest.fixture
def items(request):
    collected = request.session.items
    modules = {item.path for item in collected}
    everything = set(Path(__file__).parent.rglob("test_*.py"))
    if not everything <= modules or request.config.option.keyword:
        pytest.skip("needs the whole suite")
    return collected


def test_nothing_is_without_a_test(items):
    tests = trace_matrix.held(items)
    assert [name for name, found in tests.items() if not found] == []


def test_the_page_is_current(items):
    assert trace_matrix.shown() == trace_matrix.table(items)
