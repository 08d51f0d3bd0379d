"""The plug is pulled: the VM's process is killed at any moment: `from system.plug import Plug`.

On files of the host a write is no whole thing as on littlefs: what is half written has to be told.
"""

import binascii
import json
import shutil
from dataclasses import replace

from packwarden import config_text
from packwarden.breakers import Breakers
from packwarden.journal import Journal
from packwarden.lockout import Lockout
from packwarden.records import EventLog
from packwarden.two_slots import TwoSlots
from packwarden_host.codes import write_job
from packwarden_host.errors import RunFailed
from packwarden_host.vm import Job


def job(cabinet, text, **more):
    """A job that lets a cabinet live through a trace (text); `more`: fields of vm.Job."""
    (cabinet.folder / "trace.csv").write_text(text)
    rows = cabinet.folder / "t.txt"
    end_ms = write_job(cabinet.folder / "trace.csv", cabinet.config, rows)
    return Job({"kind": "trace", "path": str(rows), "stuck": []}, end_ms, **more)


class Folder:
    """A folder of the host as a file system of the board."""

    def __init__(self, path):
        self._path = path

    def open(self, name, mode):
        return open(self._path / name, mode)


class Plug:
    """A cabinet (of `vm`) that lives until the plug is pulled, and what it has kept by then."""

    def __init__(self, cabinet):
        self.cabinet = cabinet
        self.flash = cabinet.folder / "state" / "flash"
        self.lives = 0

    def live(self, job, lines):
        """Let it live until it has told so many lines, then pull the plug; return whether it was.

        It starts again by itself where it was reset meanwhile. The process goes on until it is
        killed, so where it is killed is another place each time. False where it did not tell so
        many: then it has lived to its end.
        """
        return self._live(job, lambda told, letter: told == lines)

    def live_to_write(self, job, write):
        """Pull the plug in the midst of a write to the flash, or of a commit to the NVS.

        `write`: the number of it, of one start of the board. Returns as `live`.
        """
        return self._live(replace(job, pull_at_write=write), lambda told, letter: letter == "P")

    def _live(self, job, wanted):
        """Let it live until it is `wanted` that the plug is pulled; return whether it was."""
        told = 0
        pulled = False
        self.lives += 1
        try:
            for letter, _ in self.cabinet.lines(job):
                told += 1
                if not pulled and wanted(told, letter):
                    pulled = True
                    self.cabinet.end()
        except RunFailed:
            assert pulled, "it ended by itself"
        self._without_power()
        return pulled

    def _without_power(self):
        """Let it be started again as a board is that had no power: its RTC memory is gone."""
        self.cabinet._ended = False
        self.cabinet.restarts = 0
        self.cabinet.ending = {}
        (self.cabinet.folder / "state" / "rtc.bin").unlink(missing_ok=True)

    def journal(self):
        """The events that are kept: {number: (boot, event)}; the flash stays as it is."""
        aside = self.cabinet.folder / "aside"
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(self.flash, aside)
        journal = Journal(Folder(aside), EventLog(), 0)
        journal.open(0)
        found = [event for event in journal.events(0) if event]
        found.pop()  # the boot of the copy
        numbers = [event.seq for event in found]
        assert numbers == list(range(len(numbers)))
        boots = [event.boot for event in found]
        assert boots == sorted(boots)
        return {event.seq: (event.boot, event.kept_json()) for event in found}

    def configuration(self):
        """(generation, configuration) that the next start runs; 0: it is still the file."""
        slots = TwoSlots(Folder(self.flash), "config")
        slots.load()
        if not slots.generation:
            return 0, json.loads((self.flash / "config.json").read_text())
        config = {}
        for _ in config_text.read(slots.pieces(), config):
            pass
        return slots.generation, config

    def locked_out(self):
        """The mask of the breakers that are locked out, as the NVS partition has it."""
        kept = json.loads((self.cabinet.folder / "state" / "nvs.json").read_text())
        blob = kept["packwarden"].get("lockout")
        if blob is None:
            return 0
        lockout = Lockout(Breakers(15, "shunt_trip", "52a", 200), EventLog(), 24)
        assert lockout.load(binascii.unhexlify(blob)), "the lockouts are damaged"
        return lockout.breakers.tripped
