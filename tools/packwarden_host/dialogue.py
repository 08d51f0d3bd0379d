"""Questions to a cabinet's console, by a program: a line goes out, its reply comes back.

Waits for the prompt, so that it works with a board that is busy, and with one that answers slowly.
"""

import json
import time

import serial

from packwarden.console import PROMPT, shown
from packwarden_host import pin
from packwarden_host.console import await_link, open_port
from packwarden_host.errors import BadInput, RunFailed

# A cabinet answers within a few ticks; one that restarts needs some seconds.
SILENT_S = 10.0
_SELFTEST_S = 60.0  # one that reads all its files for the self-test says nothing meanwhile
ARMED_S = 20  # how long one may take from its first prompt to protecting
_AGAIN_S = 0.5  # how long between two tries to reach a board that starts
_CTRL_C = b"\x03"
_PROMPT = PROMPT.encode()


class Refused(RunFailed):
    """The cabinet's answer is an error: `reason` is its own words."""

    def __init__(self, subject: str, reason: str):
        super().__init__(f"{subject}: {reason}")
        self.reason = reason


class Lost(RunFailed):
    """The connection has ended."""


class Line:
    """A port (what pyserial opens), by what has to come of it; a context manager that closes it.

    BadInput where it cannot be opened; RunFailed where the connection ends, or nothing comes of
    what is waited for in `silent_s` (else SILENT_S), which another thread may shorten.
    """

    def __init__(self, port: str, silent_s: float | None = None):
        self.port = port
        self.silent_s = silent_s or SILENT_S
        self._seen = bytearray()
        if silent_s is None:  # who has less patience does not wait for a cabinet that starts
            await_link(port)
        self._link = open_port(port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._link.close()

    def send(self, data: bytes) -> None:
        """Send bytes."""
        try:
            self._link.write(data)
        except (serial.SerialException, OSError) as error:
            raise Lost(f"{self.port}: the connection ended: {error}") from error

    def until(
        self, *wanted: bytes, progress=lambda received: None, silent_s: float | None = None
    ) -> tuple[bytes, bytes]:
        """Read until one of these has come; return what came before it, and which it was."""
        heard_s = time.monotonic()
        looked = 0
        while True:
            for found in wanted:
                at = self._seen.find(found, looked)
                if at >= 0:
                    before = bytes(self._seen[:at])
                    del self._seen[: at + len(found)]
                    return before, found
            # A long reply may come byte by byte: what was searched is not searched again.
            looked = max(0, len(self._seen) - max(map(len, wanted)) + 1)
            try:
                data = self._link.read() + (self._link.read_all() or b"")
            except (serial.SerialException, OSError) as error:
                raise Lost(f"{self.port}: the connection ended: {error}") from error
            if data:
                heard_s = time.monotonic()
                self._seen += data
                progress(len(self._seen))
            elif time.monotonic() - heard_s > (patience_s := silent_s or self.silent_s):
                raise RunFailed(f"{self.port}: no Packwarden answers within {patience_s:g} s")

    def restarted(self, *wanted: bytes, silent_s: float | None = None) -> tuple[bytes, bytes]:
        """Read `until` one of these prompts, of a board that starts again.

        Where its chip is the USB device itself the port goes meanwhile. It is opened again then,
        and asked for its prompt with empty lines: what the board said when it started is lost. No
        Ctrl-C: that would interrupt the first breath of the firmware.
        """
        try:
            return self.until(*wanted, silent_s=silent_s)
        except Lost as error:
            until_s = time.monotonic() + (silent_s or self.silent_s)
            while time.monotonic() < until_s:
                time.sleep(_AGAIN_S)
                try:
                    self._link.close()
                    self._link = open_port(self.port)
                    self.send(b"\r")
                    return self.until(*wanted, silent_s=_AGAIN_S)
                except (BadInput, RunFailed):
                    pass  # it is not there yet, or starts
            raise error


class Dialogue:
    """A console at a port, as a context manager. See `Line` for what may fail."""

    def __init__(self, port: str, silent_s: float | None = None):
        self.port = port
        self.line = Line(port, silent_s)

    def __enter__(self):
        self.line.__enter__()
        try:
            self.interrupt()
        except BaseException:
            self.line.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.line.__exit__()

    def interrupt(self) -> None:
        """Take back whatever somebody has typed, and end a reply that runs."""
        self.line.send(_CTRL_C)
        self.line.until(b"^C\r\n" + _PROMPT)

    def protecting(self) -> dict:
        """Wait until a cabinet that has started again protects; return its status."""
        until_s = time.monotonic() + ARMED_S
        while not (status := json.loads(self.ask("status --json")))["armed"]:
            if time.monotonic() > until_s:
                raise RunFailed(f"{self.port}: restarted, but does not protect: see its console")
        return status

    def ask(self, line: str, progress=lambda received: None) -> str:
        """Enter a line and return the reply; `progress` learns how many bytes of it came so far.

        Refused where the reply is an error.
        """
        self.line.send(line.encode() + b"\r")
        self.line.until(shown(line).encode() + b"\r\n")
        silent_s = _SELFTEST_S if line.startswith("selftest") else None
        reply, _ = self.line.until(_PROMPT, progress=progress, silent_s=silent_s)
        reply = reply.decode("ascii", errors="replace")
        if reply.startswith("error: "):
            reason = reply.removeprefix("error: ").strip()
            raise Refused(f"{self.port}: {shown(line)}", reason)
        return reply

    def unlock(self, given: str | None) -> None:
        """Unlock the console with a PIN, or ask for it: see `pin.given`. RunFailed if refused."""
        self.ask(f"unlock {pin.given(given)}")
