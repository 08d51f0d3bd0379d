"""A board without a board: the real MicroPython VM's REPL, on a pseudo-terminal or a socket.

`from boards_on_ports import on_pty, on_socket, repl`. The VM's side of its terminal is raw;
whatever opens the port sits at the end of a bridge, as it would at the end of a serial line.
"""

import os
import re
import select
import signal
import socket
import subprocess
import threading
import tty
from contextlib import contextmanager
from pathlib import Path

from mpremote.transport_serial import SerialTransport

from packwarden_host.vm import micropython_path

CHUNK = 4096
INTERRUPT = b"\x03"
TIMEOUT_s = 30


class Plug:
    """Is pulled after so many bytes have gone to the board: it is dead, and its port is gone.

    `carried`: how many have gone.
    """

    def __init__(self, after=None):
        self.carried = 0
        self._after = after

    def takes(self, data):
        """Return what of these bytes still goes to the board."""
        left = len(data) if self._after is None else self._after - self.carried
        self.carried += min(len(data), left)
        return data[:left]

    @property
    def pulled(self):
        return self.carried == self._after


@contextmanager
def on_pty(folder, heap="4m", plug=None):
    """The path of a pseudo-terminal at whose end a VM waits; `folder` is the board's flash."""
    plug = plug or Plug()
    with _vm(folder, heap) as (vm, pid), _pair() as (far, near), _bridged(vm, pid, far, plug):
        yield os.ttyname(near)


@contextmanager
def on_socket(folder, heap="4m"):
    """The same as the URL of a socket, for whoever connects first."""
    with _vm(folder, heap) as (vm, pid), socket.create_server(("127.0.0.1", 0)) as server:
        link = socket.socket()

        def serve():
            nonlocal link
            link = server.accept()[0]
            with _bridged(vm, pid, link.fileno(), Plug()):
                closed.wait()

        closed = threading.Event()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"socket://127.0.0.1:{server.getsockname()[1]}"
        finally:
            closed.set()
            thread.join(TIMEOUT_s)
            link.close()


@contextmanager
def repl(port):
    """The board's raw REPL, as mpremote with `resume` has it."""
    link = SerialTransport(port, timeout=1)
    try:
        link.enter_raw_repl(soft_reset=False)
        yield link
        link.exit_raw_repl()
    finally:
        link.close()


@contextmanager
def _vm(folder, heap):
    with _pair() as (far, near):
        command = [micropython_path(), "-X", f"heapsize={heap}"]
        options = {"stdin": near, "stdout": near, "stderr": near, "start_new_session": True}
        with subprocess.Popen(command, cwd=folder, **options) as process:
            try:
                prompt = b""
                while b">>> " not in prompt:
                    assert select.select([far], [], [], TIMEOUT_s)[0], prompt
                    prompt += os.read(far, CHUNK)
                yield far, process.pid
            finally:
                process.kill()


@contextmanager
def _pair():
    far, near = os.openpty()
    tty.setraw(near)
    try:
        yield far, near
    finally:
        os.close(far)
        os.close(near)


@contextmanager
def _bridged(vm, pid, port, plug):
    """Carry bytes both ways between a VM and its port while the block runs."""
    stop, stopped = os.pipe()

    def carry():
        while True:
            ready = select.select([vm, port, stop], [], [])[0]
            if stop in ready:
                return
            for fd in ready:
                try:
                    data = os.read(fd, CHUNK)
                except OSError:  # nobody has it open any more
                    return
                if not data:
                    return
                if fd == port:
                    os.write(vm, _interrupting(pid, plug.takes(data)))
                    if plug.pulled:
                        os.kill(pid, signal.SIGKILL)
                        nothing = os.open(os.devnull, os.O_RDWR)
                        os.dup2(nothing, port)  # its number stays, for whoever closes it
                        os.close(nothing)
                        return
                else:
                    os.write(port, data)

    thread = threading.Thread(target=carry, daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.write(stopped, b"x")
        thread.join(TIMEOUT_s)
        os.close(stop)
        os.close(stopped)


def _interrupting(pid, data):
    """Make Ctrl-C the signal that it is on a board, while a script runs; returns what else came.

    This VM reads no terminal then, and catches the signal only then: at its prompt, Ctrl-C is a
    byte as any other.
    """
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16)
    if INTERRUPT not in data or not caught >> (signal.SIGINT - 1) & 1:
        return data
    os.kill(pid, signal.SIGINT)
    return data.replace(INTERRUPT, b"")
