"""Runs in the VM, told by `packwarden bench`: time and allocations of the control step.

`micropython step.py`, with the library on the path and the configuration in config.json.
Prints one JSON object.
"""

import gc
import json
import time

import micropython

from packwarden.fixed import BIAS, MASK
from packwarden.protection import Protection

_STEPS = 3000
_TICK_MS = 10


def _fill(frame, now_ms):
    """A quiet bank: 80 A, 52.8 V, 30 degC (INA228 at 250 uohm, 103AT), codes that move a
    little.
    """
    for k in range(frame.batteries):
        frame.raw[k] = BIAS + 64000 + (now_ms // _TICK_MS + k) % 3
        frame.raw[frame.voltage + k] = BIAS + 270336
    frame.raw[frame.bus] = BIAS + 270336
    for channel in range(frame.terminal, frame.reference):
        frame.raw[channel] = BIAS + 13966
    frame.raw[frame.reference] = BIAS + 11000
    frame.raw[frame.supply] = BIAS + 24000
    for channel in range(frame.channels):
        frame.note[channel] = 0
        frame.count[channel] = (frame.count[channel] + 1) & MASK
    frame.contacts_known = frame.bms_known = 0xFFFF
    frame.aux_a = 0xFFFF


def main():
    """Measure: microseconds per step, and bytes that a locked-out heap did not have to give."""
    with open("config.json") as file:
        protection = Protection(json.load(file))
    now_ms = 1000
    for _ in range(4):
        _fill(protection.frame, now_ms)
        protection.step(now_ms)
        now_ms += _TICK_MS
    protection.arm(now_ms)
    step = protection.step
    spent_us = 0
    gc.collect()
    before = gc.mem_alloc()
    for _ in range(_STEPS):
        _fill(protection.frame, now_ms)
        micropython.heap_lock()  # an allocation in the step raises MemoryError
        began_us = time.ticks_us()
        step(now_ms)
        spent_us += time.ticks_diff(time.ticks_us(), began_us)
        micropython.heap_unlock()
        now_ms += _TICK_MS
    grown = gc.mem_alloc() - before
    print(
        json.dumps(
            {
                "step_us": spent_us / _STEPS,
                "alloc_bytes": grown,
                "slots": protection.decider.slots.count,
                "events": protection.events.next_seq,
            }
        )
    )


main()
