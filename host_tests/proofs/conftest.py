"""What proofs on a copy of the library share."""

import sys

import pytest


@pytest.fixture
def untraced():
    """Coverage learns nothing from a copy of the library, and would double the time."""
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)
