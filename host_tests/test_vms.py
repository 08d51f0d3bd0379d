"""The VMs are what the other tests take them for."""

import pytest

from vms import VmError, run_unix, run_wasm32

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


def test_the_unix_vm_has_wide_small_integers():
    assert run_unix(SUM_UNDER_LOCK) == f"{(1 << 30) - 1} {1 << 30}\n"


def test_the_wasm_vm_has_the_small_integers_of_the_board():
    assert run_wasm32(SUM_UNDER_LOCK, modules={}) == f"{(1 << 30) - 1} too wide\n"


@pytest.mark.parametrize("run", [run_unix, run_wasm32])
def test_a_kernel_runs_with_and_without_the_viper_compiler(run):
    assert run(KERNEL) == "7\n"


@pytest.mark.parametrize("run", [run_unix, run_wasm32])
def test_the_library_is_there(run):
    assert run("import packwarden\nprint(packwarden.__name__)") == "packwarden\n"


@pytest.mark.parametrize("run", [run_unix, run_wasm32])
def test_a_script_that_fails_shows_its_output_and_its_traceback(run):
    with pytest.raises(VmError, match=r"(?s)before.*ZeroDivisionError"):
        run("print('before')\n1 // 0")


def test_a_script_file_gets_its_arguments(tmp_path):
    script = tmp_path / "show.py"
    script.write_text("import sys\nprint(sys.argv[1:])")
    assert run_unix(script, "a", 2) == "['a', '2']\n"
