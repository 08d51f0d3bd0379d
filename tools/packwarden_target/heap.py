"""Runs in the VM, told by `packwarden bench`: the heap that the firmware alone takes after boot.

`micropython -X heapsize=320k heap.py`, with compiled firmware, library and board on the path and
the configuration in config.json. No simulated chips: nobody answers on the buses, which costs no
heap. Prints one JSON object.
"""

import gc
import json
import sys


class _Nobody:
    """Stands in for every peripheral: present, silent, and without memory of its own."""

    IN, OUT, OPEN_DRAIN, PULL_UP = 1, 3, 7, 2
    ATTN_11DB = 3

    def __init__(self, *args, **kwargs):
        pass

    def value(self, level=None):
        return 0

    def read_uv(self):
        return 1_100_000

    def memory(self, data=None):
        return b""

    def writeto(self, address, data):
        raise OSError(19)

    def readfrom_into(self, address, data):
        raise OSError(19)

    def get_blob(self, key, buffer):
        raise OSError(-0x1102)


class _Machine:
    Pin = ADC = I2C = WDT = RTC = NVS = _Nobody


gc.collect()
_before = gc.mem_alloc()
sys.modules["machine"] = sys.modules["esp32"] = _Machine
import cabinet  # noqa: E402  the stand-ins come first

gc.collect()
_code = gc.mem_alloc() - _before
_running = cabinet.Cabinet([_Nobody() for _ in range(4)])
_running.boot()
for _tick in range(4):
    _running.tick(_tick * 10)
gc.collect()
_used = gc.mem_alloc() - _before
print(
    json.dumps(
        {
            "heap_code_bytes": _code,
            "heap_state_bytes": _used - _code,
            "heap_used_bytes": _used,
            "heap_free_bytes": gc.mem_free(),
        }
    )
)
