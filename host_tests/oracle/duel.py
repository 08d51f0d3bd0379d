"""A window through the kernels, in the VM or on CPython, and through the reference in C."""

import contextlib
import ctypes
import os
import subprocess
import threading
from array import array

import numpy as np

from oracle import vm_kernels, windows
from packwarden_host import REPOSITORY, oracle
from packwarden_host.errors import RunFailed
from packwarden_host.vm import micropython_path

HEAP = "64m"
TIMEOUT_s = 300  # a kernel that does not end is ended


class Vm:
    """The VM with its viper kernels, fed with windows; a context manager."""

    def __init__(self, lib=REPOSITORY / "lib"):
        script = REPOSITORY / "host_tests/oracle/vm_kernels.py"
        self._process = subprocess.Popen(
            [micropython_path(), "-X", f"heapsize={HEAP}", str(script)],
            env={**os.environ, "MICROPYPATH": str(lib)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._end = threading.Timer(TIMEOUT_s, self._process.kill)
        self._end.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end.cancel()
        self._process.kill()
        self._process.communicate()

    def send(self, window):
        """Let it run a window; to be followed by `receive`."""
        with contextlib.suppress(BrokenPipeError):  # `receive` tells what it died of
            self._process.stdin.write(window.to_bytes())
            self._process.stdin.flush()

    def receive(self, window):
        """Return what came out of the window that was sent, a line per frame."""
        size = 4 * len(window.frames) * window.width_out
        told = self._process.stdout.read(size)
        if len(told) < size:
            _, words = self._process.communicate()
            raise RunFailed(f"exit code {self._process.returncode}\n{words.decode()}")
        return np.frombuffer(told, np.int32).reshape(len(window.frames), -1)


def on_cpython(window):
    """Return what comes out of the library's kernels under CPython."""
    numbers = [array("i", part.tobytes()) for part in window.parts()]
    kernels = vm_kernels.Kernels(*numbers)
    out = array("i", bytes(4 * len(window.frames) * window.width_out))
    kernels.replay(len(window.frames), array("i", window.frames.tobytes()), out)
    return np.frombuffer(out, np.int32).reshape(len(window.frames), -1)


def by_reference(library, window):
    """Return what comes out of the reference, see `packwarden_host.oracle.load`."""
    rows = np.ascontiguousarray(window.rows).ravel()
    bank = oracle.bank(
        window.monitor,
        window.shunt_uohm,
        window.main_shunt_uohm,
        table=window.table,
        corrections=window.corrections,
        row=rows,
        batteries=window.batteries,
        supply=window.supply,
        gain=window.gain,
        quantities=window.quantities,
        rows=len(window.rows),
    )
    out = np.zeros((len(window.frames), window.width_out), np.int32)
    given, told = (oracle.pointer(part.reshape(-1)) for part in (window.frames, out))
    assert library.replay(ctypes.byref(bank), len(window.frames), given, told)
    return out


def duels(vm, library, drawn):
    """Yield (window, what the VM made of it, what the reference did) of windows as they are drawn.

    The next one is drawn while the VM runs one.
    """
    drawn = iter(drawn)
    window = next(drawn, None)
    while window is not None:
        vm.send(window)
        ours = by_reference(library, window)
        following = next(drawn, None)
        yield window, vm.receive(window), ours
        window = following


def drawn(seed, count, frames):
    """Draw `count` windows of `frames` frames."""
    rng = np.random.default_rng(seed)
    return (windows.draw(rng, frames) for _ in range(count))


def first_difference(vm, library, drawn):
    """Say where the VM and the reference differ first, None where nowhere."""
    for number, (window, theirs, ours) in enumerate(duels(vm, library, drawn)):
        found = windows.difference(window, theirs, ours)
        if found:
            return f"window {number}, {found}"
    return None
