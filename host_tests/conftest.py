"""Settings of all tests."""

import os

from hypothesis import settings

# Two cores, shared with the VMs: an example may take its time. In CI each run draws the same ones.
settings.register_profile("packwarden", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("packwarden")
