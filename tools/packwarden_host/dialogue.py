"""Questions to a cabinet's console, by a program: a line goes out, its reply comes back.

Waits for the prompt, so that it works with a board that is busy, and with one that answers slowly.
"""

import time

import serial

from packwarden.console import PROMPT, shown
from packwarden_host import pin
from packwarden_host.console import open_port
from packwarden_host.errors import RunFailed

# A cabinet answers within a few ticks; one that restarts needs some seconds.
SILENT_S = 10.0
_CTRL_C = b"\x03"
_PROMPT = PROMPT.encode()


class Dialogue:
    """A console at a port (what pyserial opens); a context manager. RunFailed says what fails."""

    def __init__(self, port: str):
        self.port = port
        self._seen = b""

    def __enter__(self):
        self._link = open_port(self.port)
        try:
            # Whatever somebody has typed is taken back, and a reply that runs is ended.
            self._send(_CTRL_C)
            self._until(b"^C\r\n" + _PROMPT)
        except BaseException:
            self._link.close()
            raise
        return self

    def __exit__(self, *_):
        self._link.close()

    def ask(self, line: str, progress=lambda received: None) -> str:
        """Enter a line and return the reply; `progress` learns how many bytes of it came so far.

        RunFailed where the reply is an error.
        """
        self._send(line.encode() + b"\r")
        self._until(shown(line).encode() + b"\r\n")
        reply = self._until(_PROMPT, progress).decode("ascii", errors="replace")
        if reply.startswith("error: "):
            reason = reply.removeprefix("error: ").strip()
            raise RunFailed(f"{self.port}: {shown(line)}: {reason}")
        return reply

    def unlock(self, given: str | None) -> None:
        """Unlock the console with a PIN, or ask for it: see `pin.given`. RunFailed if refused."""
        self.ask(f"unlock {pin.given(given)}")

    def _send(self, data: bytes) -> None:
        try:
            self._link.write(data)
        except (serial.SerialException, OSError) as error:
            raise RunFailed(f"{self.port}: the connection ended: {error}") from error

    def _until(self, wanted: bytes, progress=lambda received: None) -> bytes:
        """Read until something has come; return what came before it."""
        heard_s = time.monotonic()
        while wanted not in self._seen:
            try:
                data = self._link.read() + (self._link.read_all() or b"")
            except (serial.SerialException, OSError) as error:
                raise RunFailed(f"{self.port}: the connection ended: {error}") from error
            if data:
                heard_s = time.monotonic()
                self._seen += data
                progress(len(self._seen))
            elif time.monotonic() - heard_s > SILENT_S:
                raise RunFailed(f"{self.port}: no Packwarden answers within {SILENT_S:g} s")
        found, _, self._seen = self._seen.partition(wanted)
        return found
