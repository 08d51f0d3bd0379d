"""Targets: what runs Packwarden's library, each told a script and the files that it needs.

Four of them are on this machine: CPython; the 64-bit MicroPython VM with its viper compiler, and
without; and a 32-bit WebAssembly build of it under node, bytecode, whose small integers are those
of a board: one that is wider, made while the heap is locked, is a MemoryError. A board is a fifth
(`packwarden_host.board_target`). What a script prints has to be the same on all of them.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from packwarden_host import REPOSITORY, sources
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.sources import Files
from packwarden_host.vm import micropython_path

WASM32 = Path(sys.prefix, "wasm/node_modules/@micropython/micropython-webassembly-pyscript")
TIMEOUT_s = 900
_WASM32_RUNNER = Path(__file__).with_name("wasm32.mjs")
# The casts of the viper compiler, for sources whose emitters were taken out.
CASTS = """
import builtins
builtins.ptr8 = builtins.ptr16 = builtins.ptr32 = lambda buffer: buffer
"""

Listener = Callable[[str], None]


def deaf(line: str) -> None:
    """Listen to nothing."""


class Target(Protocol):
    """Something that runs a script; `name` is what a table calls it."""

    name: str

    def run(self, script: str, files: Files, listen: Listener = deaf) -> str:
        """Run a script among its files, which it may import or open; returns what it prints.

        listen: is told each line as it comes. Raises RunFailed with the script's last words if
        it fails, BadInput if this target is not installed.
        """
        ...

    def facts(self) -> dict:
        """What runs there: {name, version, bits, mpy, emitter}.

        mpy: which .mpy files it loads, `sys.implementation._mpy`; emitter: what makes the
        kernels' code, and for which architecture.
        """
        ...

    def end(self) -> None:
        """End what runs, from any thread: `run` then raises RunFailed."""
        ...


@dataclass
class _Local:
    """A target on this machine: a process in a temporary folder that holds the files.

    patience_s: a run that takes longer is ended.
    """

    name: str
    _processes: list[subprocess.Popen] = field(default_factory=list, repr=False)
    _ended: bool = False
    patience_s: float = TIMEOUT_s

    def run(self, script: str, files: Files, listen: Listener = deaf) -> str:
        """Run a script in a process of its own."""
        with tempfile.TemporaryDirectory(prefix="packwarden-") as folder:
            command, environment = self._prepare(script, files, Path(folder))
            return self._listen(command, environment, folder, listen)

    def facts(self) -> dict:
        """Ask it what it is."""
        told = facts(self.run(FACTS, {}))
        return told | {"emitter": self._emitter(told)}

    def end(self) -> None:
        """End every process of this target."""
        self._ended = True
        for process in list(self._processes):
            process.kill()

    def _prepare(self, script: str, files: Files, folder: Path) -> tuple[list[str], dict]:
        raise NotImplementedError

    def _emitter(self, told: dict) -> str:
        return "bytecode"

    def _listen(self, command: list[str], environment: dict, folder: str, listen: Listener) -> str:
        lines: list[str] = []
        with tempfile.TemporaryFile("w+") as complaints:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
            )
            assert process.stdout is not None
            self._processes.append(process)
            patience = threading.Timer(self.patience_s, process.kill)
            patience.start()
            try:
                if self._ended:  # while it was started
                    process.kill()
                for line in process.stdout:
                    lines.append(line)
                    listen(line.rstrip("\n"))
                process.wait()
            finally:
                patience.cancel()
                process.kill()
                process.wait()
                process.stdout.close()
                self._processes.remove(process)
            complaints.seek(0)
            if process.returncode:
                words = f"{''.join(lines)}{complaints.read()}".strip()
                raise RunFailed(f"{self.name}: exit code {process.returncode}: {words[-2000:]}")
        return "".join(lines)


@dataclass
class CPython(_Local):
    """This Python, with the stand-in for the module `micropython`."""

    name: str = "CPython"

    def _prepare(self, script: str, files: Files, folder: Path) -> tuple[list[str], dict]:
        sources.write(files, folder)
        path = os.pathsep.join((str(folder), str(REPOSITORY / "tools/cpython")))
        script = f"import micropython  # supplies the casts\n{script}"
        return [sys.executable, "-B", "-c", script], {"PYTHONPATH": path}

    def _emitter(self, told: dict) -> str:
        return "none"


@dataclass
class UnixVm(_Local):
    """The 64-bit MicroPython VM. heap: its size; 320k is about the 160 KB of an ESP32."""

    name: str = "64-bit VM, viper"
    viper: bool = True
    heap: str = "4m"

    def _prepare(self, script: str, files: Files, folder: Path) -> tuple[list[str], dict]:
        if not self.viper:
            files = sources.without_emitters(files)
            script = CASTS + sources.as_bytecode(script)
        sources.write(files, folder)
        command = [micropython_path(), "-X", f"heapsize={self.heap}", "-c", script]
        return command, {"MICROPYPATH": str(folder)}

    def _emitter(self, told: dict) -> str:
        return f"viper, {march(told)}" if self.viper else "bytecode"


@dataclass
class WasmVm(_Local):
    """The 32-bit WebAssembly VM, bytecode. Its heap grows as it needs."""

    name: str = "32-bit VM, bytecode"

    def _prepare(self, script: str, files: Files, folder: Path) -> tuple[list[str], dict]:
        node = _node()
        if not WASM32.exists():
            raise BadInput("the 32-bit VM is not installed (make setup brings it)")
        job = folder / "job.json"
        job.write_text(json.dumps(_wasm_job(script, files)))
        return [node, str(_WASM32_RUNNER), str(job)], {}


def _wasm_job(script: str, files: Files) -> dict:
    plain = {
        path: data.encode() if isinstance(data, str) else data
        for path, data in sources.without_emitters(files).items()
    }
    return {
        "vm": str(WASM32 / "micropython.mjs"),
        "files": {path: base64.b64encode(data).decode() for path, data in plain.items()},
        # The heap is collected between two parts, and never within one.
        "parts": [CASTS, *sources.as_bytecode(script).split(COLLECT)],
    }


# A line of a script at which garbage has to be collected.
COLLECT = "import gc; gc.collect()\n"


def _node() -> str:
    beside = Path(sys.executable).with_name("node")
    found = str(beside) if beside.exists() else shutil.which("node")
    if found is None:
        raise BadInput("the command node is not installed (make setup brings it)")
    return found


def local() -> list[Target]:
    """The targets on this machine, the reference first."""
    return [CPython(), UnixVm(), UnixVm("64-bit VM, bytecode", viper=False), WasmVm()]


# Tells what runs a script; for `facts`.
FACTS = """
import json, sys
_i = sys.implementation
print(json.dumps([_i.name, list(_i.version)[:3], sys.maxsize > 1 << 32, getattr(_i, "_mpy", 0)]))
"""
# As sys.implementation._mpy numbers them.
_ARCHITECTURES = (None, "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp")
_ARCHITECTURES += ("armv7emdp", "xtensa", "xtensawin", "rv32imc", "rv64imc")


def facts(printed: str) -> dict:
    """{name, version, bits, mpy} of what runs there, from what FACTS prints there."""
    name, version, wide, mpy = json.loads(printed)
    return {"name": name, "version": version, "bits": 64 if wide else 32, "mpy": mpy}


def march(told: Mapping) -> str | None:
    """The architecture of native code there, as mpy-cross calls it; None: bytecode only."""
    number = told["mpy"] >> 10 & 0xF
    return _ARCHITECTURES[number] if number < len(_ARCHITECTURES) else None


def described(told: Mapping) -> str:
    """What runs there, for a table: MicroPython 1.29.0."""
    names = {"cpython": "CPython", "micropython": "MicroPython", "circuitpython": "CircuitPython"}
    version = ".".join(map(str, told["version"]))
    return f"{names.get(told['name'], told['name'])} {version}"
