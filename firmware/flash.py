"""The board's file system as the journal has it: littlefs below `open` and `os`.

A file that was written is committed when it is closed; until then it has its old content.
"""

from io import open
from os import listdir, remove, rename

__all__ = ["listdir", "open", "remove", "rename"]
