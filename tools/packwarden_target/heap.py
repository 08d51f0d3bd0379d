"""Runs on a target, told by `packwarden bench`: the heap that the firmware alone takes.

With compiled firmware, library and board on the path and the configuration in config.json. No
simulated chips: nobody answers on the buses, which costs no heap. The garbage of each part has to
be collected before the next one begins.
"""

import gc
import json
import sys

marks = []
_backup = bytearray(2048)
running = []


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

    def writeto(self, address, data):
        raise OSError(19)

    def readfrom_into(self, address, data):
        raise OSError(19)

    def get_blob(self, key, buffer):
        raise OSError(-0x1102)


class _Registers:
    def __getitem__(self, address):
        return 0

    def __setitem__(self, address, value):
        pass


class _Machine:
    Pin = ADC = I2C = WDT = NVS = _Nobody
    WDT_RESET = 3
    mem32 = _Registers()

    @staticmethod
    def reset_cause():
        return 1

    @staticmethod
    def mem_backup():
        return memoryview(_backup)  # the memory of the board's clock is no heap

    @staticmethod
    def unique_id():
        return b"\x01\x02\x03\x04\x05\x06"

    @staticmethod
    def reset():
        raise SystemExit


def load():
    """First part: the code."""
    marks.append(gc.mem_alloc())
    sys.modules["machine"] = sys.modules["esp32"] = _Machine
    import cabinet

    running.append(cabinet)


def boot():
    """Second part: the state of a cabinet that has booted and ticked."""
    marks.append(gc.mem_alloc())
    running.append(running[0].Cabinet([_Nobody() for _ in range(4)]))
    running[1].boot()
    for tick in range(4):
        running[1].tick(tick * 10)


def tell():
    """Last part: print what both took as a JSON object."""
    marks.append(gc.mem_alloc())
    del sys.modules["machine"], sys.modules["esp32"]
    before, loaded, booted = marks
    found = {
        "heap_code_bytes": loaded - before,
        "heap_state_bytes": booted - loaded,
        "heap_used_bytes": booted - before,
        "heap_free_bytes": gc.mem_free(),
    }
    print(json.dumps(found))
