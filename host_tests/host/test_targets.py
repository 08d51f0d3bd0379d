"""Targets are what the vectors and the proofs take them for."""

import pytest

from packwarden_host import sources, targets
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.targets import CPython, UnixVm, WasmVm

SUM_UNDER_LOCK = """
import micropython
def add(a, b):
    micropython.heap_lock()
    try:
        return a + b
    except MemoryError:
        return "too wide"
    finally:
        micropython.heap_unlock()
print(add((1 << 29) - 1, 1 << 29), add(1 << 29, 1 << 29))
"""

KERNEL = """
import micropython
from array import array
@micropython.viper
def first(values) -> int:
    return int(ptr32(values)[0])
print(first(array("i", [7])))
"""


EACH = pytest.mark.parametrize("target", targets.local(), ids=lambda target: target.name)


def test_the_unix_vm_has_wide_small_integers():
    assert UnixVm().run(SUM_UNDER_LOCK, {}) == f"{(1 << 30) - 1} {1 << 30}\n"


def test_the_wasm_vm_has_the_small_integers_of_the_board():
    assert WasmVm().run(SUM_UNDER_LOCK, {}) == f"{(1 << 30) - 1} too wide\n"


@EACH
def test_a_kernel_runs_with_and_without_the_viper_compiler(target):
    assert target.run(KERNEL, {}) == "7\n"
    assert target.run("import kernel", {"kernel.py": KERNEL}) == "7\n"


@EACH
def test_the_library_is_the_one_that_it_is_given(target):
    files = {**sources.library(), "packwarden/fixed.py": "BIAS = 4711\n"}
    assert target.run("from packwarden.fixed import BIAS\nprint(BIAS)", files) == "4711\n"


@EACH
def test_a_script_opens_its_files(target):
    script = "with open('said.txt') as file:\n    print(file.read())"
    assert target.run(script, {"said.txt": "a\nb"}) == "a\nb\n"


@EACH
def test_lines_are_told_as_they_come(target):
    heard = []
    target.run("print(1)\nprint(2)", {}, heard.append)
    assert heard == ["1", "2"]


@EACH
def test_a_script_that_fails_shows_its_output_and_its_traceback(target):
    with pytest.raises(RunFailed, match=r"(?s)before.*ZeroDivisionError"):
        target.run("print('before')\n1 // 0", {})


@EACH
def test_it_says_what_it_is(target):
    told = target.facts()
    machines = {
        "CPython": ("cpython", 64, "none"),
        "64-bit VM, viper": ("micropython", 64, "viper, x64"),
        "64-bit VM, bytecode": ("micropython", 64, "bytecode"),
        "32-bit VM, bytecode": ("micropython", 32, "bytecode"),
    }
    assert (told["name"], told["bits"], told["emitter"]) == machines[target.name]
    assert len(told["version"]) == 3


@pytest.mark.parametrize("target", [CPython(), UnixVm()], ids=lambda target: target.name)
def test_what_runs_is_ended_from_another_thread(target):
    with pytest.raises(RunFailed, match="exit code -9"):
        target.run("print(1)\nwhile True: pass", {}, lambda line: target.end())


def test_what_is_not_installed_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(targets, "WASM32", tmp_path / "none")
    with pytest.raises(BadInput, match="32-bit VM is not installed"):
        WasmVm().run("", {})


@pytest.mark.parametrize(("march", "magic"), [(None, 0), ("x64", 2), ("xtensawin", 10)])
def test_what_is_compiled_says_for_what(march, magic):
    files = sources.compiled({"kernel.py": "X = 1\n" if march is None else KERNEL}, march)
    assert list(files) == ["kernel.mpy"]
    data = files["kernel.mpy"]
    assert (data[:2], data[2] >> 2) == (b"M\x06", magic)


def test_what_does_not_compile_is_named():
    with pytest.raises(RunFailed, match=r"kernel\.py does not compile for bytecode"):
        sources.compiled({"kernel.py": KERNEL}, None)
