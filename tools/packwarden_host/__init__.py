"""The `packwarden` command: everything that runs on the host, CPython only.

The repository is used in place (an editable install), so the firmware, the boards and the
simulated cabinet are found relative to this folder.
"""

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
