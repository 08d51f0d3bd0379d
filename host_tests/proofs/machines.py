"""The machines on which a script of the proofs runs: it must print the same on all of them."""

import contextlib
import io
from pathlib import Path

from proofs import vm_vectors
from vms import LIB, lib_sources, run_unix, run_wasm32, without_emitters

HOST_TESTS = Path(__file__).parents[1]
SCRIPTS = {
    f"proofs/{name}": (HOST_TESTS / "proofs" / name).read_text()
    for name in ("vm_ordeal.py", "vm_vectors.py")
}
HEAP = "2m"  # with the compiler and what is folded; the firmware's own share is measured elsewhere
TIMEOUT_s = 120

_CASTS = """
import builtins
builtins.ptr8 = builtins.ptr16 = builtins.ptr32 = lambda buffer: buffer
"""


def script(jobs):
    """The source that runs jobs (JSON text) in a VM."""
    return f"from proofs import vm_vectors\nvm_vectors.main({jobs!r})\n"


def on_cpython(jobs):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        vm_vectors.main(jobs)
    return printed.getvalue()


def on_viper(jobs, lib=LIB):
    """The 64-bit VM with its viper and native compilers."""
    return run_unix(script(jobs), path=(lib, HOST_TESTS), heap=HEAP, timeout_s=TIMEOUT_s)


def on_bytecode(jobs, folder):
    """The 64-bit VM without its compilers; `folder` is for the sources without emitters."""
    sources = {path: without_emitters(source) for path, source in lib_sources().items()}
    write(sources, folder)
    source = _CASTS + script(jobs)
    return run_unix(source, path=(folder, HOST_TESTS), heap=HEAP, timeout_s=TIMEOUT_s)


def on_32_bits(jobs, lib=None):
    """The 32-bit VM, bytecode. `lib`: {path: source} instead of the library's own."""
    modules = {**(lib or lib_sources()), **SCRIPTS}
    return run_wasm32(script(jobs), modules, heap_bytes=2 * 1024 * 1024, timeout_s=TIMEOUT_s)


def write(sources, folder):
    """Write sources, {path: text}, as files of a folder."""
    for path, source in sources.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source)


def changed(name, old, new):
    """The library's sources with a piece of one replaced; it must be there exactly once."""
    sources = lib_sources()
    path = f"packwarden/{name}"
    assert sources[path].count(old) == 1, f"{path} has {sources[path].count(old)} times: {old}"
    return {**sources, path: sources[path].replace(old, new)}
