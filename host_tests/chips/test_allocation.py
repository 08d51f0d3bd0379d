"""No method of a driver allocates: under heap_lock an allocation is a MemoryError.

In the 64-bit VM, and in the 32-bit one, where an integer beyond 31 bits allocates too.
"""

from pathlib import Path

import pytest

from vms import LIB, VmError, lib_sources, run_unix, run_wasm32

HERE = Path(__file__).parent
SCRIPT = HERE / "vm_allocation.py"


def test_no_driver_allocates_after_its_constructor():
    assert run_unix(SCRIPT, path=(LIB, HERE.parent)) == "nothing allocated\n"


def test_nor_on_a_machine_with_32_bits():
    model = {"chips/register_model.py": (HERE / "register_model.py").read_text()}
    printed = run_wasm32(SCRIPT.read_text(), modules={**lib_sources(), **model})
    assert printed == "nothing allocated\n"


def test_an_allocation_would_be_noticed():
    source = SCRIPT.read_text().replace("locked(configure, None, OK)", "locked(list, (1,), [1])")
    with pytest.raises(VmError, match="MemoryError"):
        run_unix(source, path=(LIB, HERE.parent))
