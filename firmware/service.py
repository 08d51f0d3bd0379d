"""Service mode: MicroPython's REPL in the place of protection, for mpremote, and for a set time.

It is asked for in RTC memory and begins with a reset, so that it runs without the cabinet's
watchdog. What ends it at last is a watchdog with a long time: a timer would not outlast the soft
reset with which mpremote begins, and a script that hangs would keep it from running.
"""

import struct
import sys

from machine import WDT, WDT_RESET, reset_cause
from micropython import const

import memory

_LONGEST_min = const(240)

_MAGIC = const(0x5E41)
_ASKED = const(1)
_BEGUN = const(2)
_FORMAT = "<HHHH"  # magic, state, minutes, their sum


def _note(state, minutes):
    total = _MAGIC + state + minutes
    struct.pack_into(_FORMAT, memory.service(), 0, _MAGIC, state, minutes, total)


def _noted(state):
    """Return the minutes that were noted with a state, 0 where none were: the memory has noise."""
    magic, found, minutes, total = struct.unpack_from(_FORMAT, memory.service())
    good = magic == _MAGIC and total == _MAGIC + found + minutes and found == state
    return minutes if good and minutes <= _LONGEST_min else 0


def ask(minutes):
    """Let the next start of the board begin service mode, for so many minutes."""
    _note(_ASKED, minutes)


def begins():
    """Return whether this start begins it; then main.py has to end, for the REPL to come."""
    minutes = _noted(_ASKED)
    if not minutes:
        return False
    _note(_BEGUN, minutes)
    WDT(timeout=minutes * 60000)
    sys.ps1 = "NOT PROTECTING >>> "
    print("service mode: NOT PROTECTING; machine.reset() ends it, or %d min" % minutes)
    return True


def ended():
    """Return None where no service mode was before this start, else whether its time was up."""
    if not _noted(_BEGUN):
        return None
    _note(0, 0)
    return reset_cause() == WDT_RESET
