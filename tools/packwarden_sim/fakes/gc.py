"""`gc` of the board: a collection takes its virtual time.

In the MicroPython VM it is done as well; CPython frees by counting, and a full collection there
would only cost real time.
"""

import gc as _real
import sys

from packwarden_sim import world
from packwarden_sim.clock import us
from packwarden_sim.costs import GC_US

_MICROPYTHON = sys.implementation.name == "micropython"


def collect():
    """Collect, in the time that the board would need."""
    us[0] += GC_US
    if world.current is not None:
        world.current.meter.began_us = us[0]  # it is done in the slack
    if _MICROPYTHON:
        _real.collect()


def mem_free():
    """Return the free heap in bytes; 0 under CPython, which has none."""
    return _real.mem_free() if _MICROPYTHON else 0


def mem_alloc():
    """Return the heap in use in bytes; 0 under CPython."""
    return _real.mem_alloc() if _MICROPYTHON else 0


def threshold(amount=-1):
    """Set the amount after which a collection runs by itself."""
    return _real.threshold(amount) if _MICROPYTHON else amount


enable = _real.enable
disable = _real.disable
