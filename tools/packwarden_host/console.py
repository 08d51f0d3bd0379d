"""`packwarden console PORT`: the cabinet's console on any port that pyserial opens.

On a terminal every key goes to the cabinet as typed, which does its own echo and line editing,
until the exit key. In a pipe the lines of stdin are sent and the answers printed, until the
cabinet has been silent for a while.
"""

import errno
import os
import select
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager

import serial

from packwarden_host.errors import BadInput, RunFailed

EXIT_KEY = b"\x1d"
EXIT_NAME = "Ctrl-]"
BAUD = 115_200
_CHUNK = 4096
# How often the threads look whether the other one has ended.
_LOOK_S = 0.1
# A reply of the longest command, row by row in the slack of 10 ms ticks, pauses less than this.
QUIET_S = 1.0
# How long a simulated cabinet may take to come, and then to answer for the first time.
LINK_S = 5.0
ANSWER_S = 5.0


def await_link(port: str) -> None:
    """Wait for the link of a simulated cabinet that has just been started, LINK_S at most.

    Devices (/dev/...) and URLs are not waited for.
    """
    if port and not port.startswith("/dev/") and "://" not in port:
        until_s = time.monotonic() + LINK_S
        while not os.path.exists(port) and time.monotonic() < until_s:
            time.sleep(_LOOK_S)


def open_port(port: str, baud: int = BAUD) -> serial.SerialBase:
    """Open a device, pseudo-terminal or URL (socket://host:port, ...); BadInput says why not."""
    try:
        return serial.serial_for_url(port, baudrate=baud, timeout=_LOOK_S, write_timeout=5)
    except (serial.SerialException, OSError, ValueError) as error:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else str(error)
        if number == errno.ENOENT:
            reason += ": is the cable in, or the simulated cabinet running?"
        raise BadInput(f"{port}: cannot be opened: {reason}") from error


def run(port: str, baud: int = BAUD) -> None:
    """Bridge stdin and stdout to the port until exit key, end of input, or loss of the port."""
    await_link(port)
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    with open_port(port, baud) as link, _Bridge(link) as bridge:
        if interactive:
            with _raw_terminal():
                print(f"{port}: {EXIT_NAME} leaves", end="\r\n", file=sys.stderr)
                bridge.send(_keys())
        else:
            bridge.send(_piped())
            bridge.settle()
    if bridge.lost:
        raise RunFailed(f"{port}: the connection ended: {bridge.lost}")


class _Bridge:
    """Copies bytes both ways: a thread from port to stdout, the caller's thread to the port."""

    def __init__(self, link: serial.SerialBase):
        self._link = link
        self._done = threading.Event()
        self._heard = time.monotonic()
        self._sent = False
        self._answered = False
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self.lost = ""

    def __enter__(self):
        self._listener.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._listener.join()

    def send(self, keys: Iterator[bytes]) -> None:
        """Send what `keys` yields while the port lives; it yields b"" when there was nothing."""
        try:
            for data in keys:
                if self._done.is_set():
                    return
                if data:
                    self._heard = time.monotonic()
                    self._sent = True
                    self._link.write(data)
        except (serial.SerialException, OSError) as error:
            self._lose(error)

    def settle(self) -> None:
        """Wait until the port has been silent for QUIET_S; RunFailed where no answer comes."""
        while not self._done.is_set():
            owed = self._sent and not self._answered
            left = self._heard + (ANSWER_S if owed else QUIET_S) - time.monotonic()
            if left <= 0 and owed:
                raise RunFailed(f"{self._link.port}: nothing answers within {ANSWER_S:g} s")
            if left <= 0:
                return
            self._done.wait(left)

    def _listen(self) -> None:
        try:
            while not self._done.is_set():
                data = self._link.read()
                if data:
                    data += self._link.read_all() or b""
                    self._heard = time.monotonic()
                    self._answered = True
                    sys.stdout.buffer.write(data)
                    sys.stdout.buffer.flush()
        except BrokenPipeError:
            self._done.set()
        except (serial.SerialException, OSError) as error:
            self._lose(error)

    def _lose(self, error: Exception) -> None:
        self.lost = self.lost or str(error)
        self._done.set()


@contextmanager
def _raw_terminal() -> Iterator[None]:
    """Stdin without echo, line buffering and signals; restored whatever happens."""
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setraw(fd)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _read_some(fd: int) -> bytes | None:
    """What has arrived on a descriptor: b"" for nothing yet, None at its end."""
    if not select.select([fd], [], [], _LOOK_S)[0]:
        return b""
    return os.read(fd, _CHUNK) or None


def _keys() -> Iterator[bytes]:
    """Keys of the terminal until the exit key."""
    while (data := _read_some(sys.stdin.fileno())) is not None:
        before, found, _ = data.partition(EXIT_KEY)
        yield before
        if found:
            return


def _piped() -> Iterator[bytes]:
    """Stdin until its end; a line feed becomes the carriage return that a terminal would send."""
    while (data := _read_some(sys.stdin.fileno())) is not None:
        yield data.replace(b"\r\n", b"\r").replace(b"\n", b"\r")
