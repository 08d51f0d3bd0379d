"""No method of a driver allocates: under heap_lock an allocation is a MemoryError.

In the 64-bit VM, and in the 32-bit one, where an integer beyond 31 bits allocates too.
"""

from pathlib import Path

import pytest

from packwarden_host import sources
from packwarden_host.errors import RunFailed
from packwarden_host.targets import UnixVm, WasmVm

HERE = Path(__file__).parent
SCRIPT = (HERE / "vm_allocation.py").read_text()
MODEL = {"chips/register_model.py": (HERE / "register_model.py").read_text()}
FILES = {**sources.library(), **MODEL}


@pytest.mark.parametrize("target", [UnixVm(), WasmVm()], ids=lambda target: target.name)
def test_no_driver_allocates_after_its_constructor(target):
    assert target.run(SCRIPT, FILES) == "nothing allocated\n"


def test_an_allocation_would_be_noticed():
    source = SCRIPT.replace("locked(configure, None, OK)", "locked(list, (1,), [1])")
    with pytest.raises(RunFailed, match="MemoryError"):
        UnixVm().run(source, FILES)
