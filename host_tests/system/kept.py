"""What the journal in the flash of a simulated cabinet holds: `from system.kept import kept`."""

import shutil

from packwarden.journal import Journal
from packwarden.records import EventLog


class Folder:
    """A folder of the host as a file system of the board."""

    def __init__(self, path):
        self._path = path

    def open(self, name, mode):
        return open(self._path / name, mode)


def kept(flash, aside):
    """What the journal in a folder holds: {number: (boot, event)}; the folder stays as it is."""
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(flash, aside)
    journal = Journal(Folder(aside), EventLog(), 0)
    journal.open(0)
    events = [event for event in journal.events(0) if event]
    numbers = [event.seq for event in events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    boots = [event.boot for event in events]
    assert boots == sorted(boots)
    return {event.seq: (event.boot, event.kept_json()) for event in events}
