"""A terminal line and who sits at its end: `from system.lines import Line, offered`.

Everything waits for what it expects, with a time-out; nothing waits for time to pass.
"""

import os
import re
import select
import signal
import subprocess
import sys
import time
import tty
from contextlib import contextmanager

from packwarden.console import shown

TIMEOUT_S = 30
COMMAND = [sys.executable, "-c", "from packwarden_host.cli import main; main()"]


class Line:
    """Our end of a terminal line, by its descriptor."""

    def __init__(self, fd):
        self.fd = fd
        self._seen = b""
        os.set_blocking(fd, False)

    def send(self, data):
        """Send all of it, as fast as the other end takes it; drops what comes back meanwhile."""
        data = data.encode() if isinstance(data, str) else data
        end_s = time.monotonic() + TIMEOUT_S
        while data:
            left_s = end_s - time.monotonic()
            readable, writable, _ = select.select([self.fd], [self.fd], [], max(left_s, 0))
            assert readable or writable, f"{len(data)} bytes are not taken"
            if readable:
                self._seen += os.read(self.fd, 4096)
            if writable:
                data = data[os.write(self.fd, data[:512]) :]

    def came(self, pattern, timeout_s):
        """Read until the pattern has come; returns its match and forgets what came up to it.

        None if it does not come in time.
        """
        end_s = time.monotonic() + timeout_s
        while not (match := re.search(pattern, self._seen, re.DOTALL)):
            left_s = end_s - time.monotonic()
            if not select.select([self.fd], [], [], max(left_s, 0))[0]:
                return None
            self._seen += os.read(self.fd, 4096)
        self._seen = self._seen[match.end() :]
        return match

    def until(self, pattern):
        """The match of a pattern that must come."""
        match = self.came(pattern, TIMEOUT_S)
        assert match, f"{pattern} has not come, only {self._seen[-500:]}"
        return match

    def ask(self, line):
        """Enter a line at the prompt; returns the reply's lines."""
        self.send(line + "\r")
        self.until(re.escape(shown(line).encode()) + rb"\r\n")
        reply = self.until(rb"(.*?)packwarden> ")[1].decode("ascii")
        assert reply.endswith("\r\n") or not reply
        return reply.split("\r\n")[:-1]


@contextmanager
def pseudo_terminal():
    """A raw pseudo-terminal: the descriptor of its far side, and a Line at the near one."""
    far, near = os.openpty()
    tty.setraw(near)
    try:
        yield far, Line(near)
    finally:
        os.close(far)
        os.close(near)


@contextmanager
def offered(*options):
    """The console of `packwarden sim --pty`: the process and the path that it offers."""
    command = [*COMMAND, "sim", "--pty", "--speed", "max", *map(str, options)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            match = re.search(r"console on (\S+) ", process.stdout.readline())
            assert match
            yield process, match[1]
        finally:
            process.send_signal(signal.SIGINT)
            _, complaints = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, complaints) == (130, "")


@contextmanager
def opened(path):
    """A Line to a terminal that somebody offers, at its prompt."""
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        line = Line(fd)
        line.send("\x03")
        line.until(rb"\^C\r\npackwarden> ")
        yield line
    finally:
        os.close(fd)
