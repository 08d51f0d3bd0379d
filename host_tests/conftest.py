"""Settings of all tests."""

import os
import signal

from hypothesis import settings

import trace_matrix

# Two cores, shared with the VMs: an example may take its time. In CI each run draws the same ones.
settings.register_profile("packwarden", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("packwarden")

# A suite that a script starts in the background inherits that Ctrl-C is ignored, and so would the
# cabinets that tests end by it: they would run for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    """Offer to write the trace matrix (see `trace_matrix`) and the picture of the monitor."""
    parser.addoption("--write-matrix", action="store_true", help="write the trace matrix")
    parser.addoption("--write-picture", action="store_true", help="write the monitor's picture")


def pytest_collection_finish(session):
    """Write the matrix of what was collected, if asked to."""
    if session.config.option.write_matrix:
        trace_matrix.write(session.items)
