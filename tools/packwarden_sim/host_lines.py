"""The lines that a board writes for the host.

`A` that it has armed after a restart, `E` events, `C` console, `S` truth, `T` trials, `M` what the
ticks took, `R` the REPL, `P` pull the plug, `X` the end.
"""

import json
import sys


class HostLines:
    """Writer of these lines. Events are fetched from the firmware's event log as they appear."""

    def __init__(self, out):
        """`out`: writable for bytes, unbuffered."""
        self._out = out
        self._seq = 0
        self._lost = 0
        self._limit = None
        self.log = None

    def find_log(self):
        """Return whether the firmware has an event log with at least one event in it."""
        if self.log is None:
            running = _running()
            log = running.events if running is not None else None
            if log is not None and log.next_seq > log.first_seq:
                self.log = log
                self._seq = log.first_seq
        return self.log is not None

    def armed(self, t_ms):
        """Write when, in the time of the run, the events begin to count from 0 once more."""
        self._write(b"A", json.dumps({"t_ms": t_ms}).encode())

    def pending(self):
        """Return whether events wait to be written."""
        return self.log.next_seq != self._seq

    def drain(self):
        """Write the events that are new; count those that the log has dropped already."""
        log = self.log
        end = log.next_seq if self._limit is None else self._limit
        if self._seq < log.oldest_seq:
            self._lost += log.oldest_seq - self._seq
            self._seq = log.oldest_seq
        while self._seq < end:
            self._write(b"E", log.line(self._seq).encode())
            self._seq += 1

    def stop(self):
        """The board stopped: what the firmware still records while it unwinds does not count."""
        if self.find_log():
            self._limit = self.log.next_seq

    def console(self, line):
        """Write a line (bytes) that the firmware printed on its console."""
        self._write(b"C", line)

    def truth(self, fields):
        """Write the physical truth, a dict."""
        self._write(b"S", json.dumps(fields).encode())

    def meter(self, report):
        """Write what the ticks took (see `meter`), and how many the firmware found late."""
        running = _running()
        late = sum(running.timing.late) if hasattr(running, "timing") else 0
        self._write(b"M", json.dumps(dict(report, late_ticks=late)).encode())

    def pull(self):
        """Ask for the plug to be pulled now."""
        self._write(b"P", b"")

    def trial(self, fields):
        """Write what came of a trial, a dict: see `trials`."""
        self._write(b"T", json.dumps(fields).encode())

    def repl(self, watchdog_ms):
        """Write that the process is MicroPython's REPL from now on, until the watchdog bites.

        watchdog_ms: None where none runs.
        """
        self._write(b"R", json.dumps({"watchdog_ms": watchdog_ms}).encode())

    def last(self, cause, t_ms, ticks, detail):
        """Write the last line: how this life of the board ended."""
        if self.log is not None and self._limit is not None:
            self.drain()
        fields = {"cause": cause, "t_ms": t_ms, "ticks": ticks, "detail": detail}
        if self._lost:
            fields["events_lost"] = self._lost
        self._write(b"X", json.dumps(fields).encode())

    def _write(self, letter, data):
        self._out.write(letter + b" " + data + b"\n")


def _running():
    """Return what the firmware runs: the cabinet or, where that is held, the hold; or None."""
    for name in ("cabinet", "hold"):
        running = getattr(sys.modules.get(name), "current", None)
        if running is not None:
            return running
    return None
