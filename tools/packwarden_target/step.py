"""Runs in the VM, told by `packwarden bench`: time and allocations of the control step.

`micropython step.py`, with the library and this folder on the path and the configuration in
config.json. Prints one JSON object. A quiet step finds nothing to tell; in the worst one every
slot of every element operates at once.
"""

import gc
import json
import time

import micropython
from quiet import QuietBank, fill

from packwarden import compare
from packwarden.protection import Protection

_TICK_MS = 10
_ROUND = 500  # steps: 5 s, in which every part of the step runs that does not run in each
_ROUNDS = 5
_GROUP_us = 2000  # steps so short are added before the least is taken: a clock of 1 us is coarse
_GROUP = 10
_WORST = 3


def _armed(config, quiet):
    """Return a Protection that has seen the quiet bank and is armed, and the time of its next
    step.
    """
    protection = Protection(config)
    now_ms = 0
    for number in range(4):
        now_ms += _TICK_MS
        fill(protection.frame, quiet.counts(number), quiet.bank)
        protection.step(now_ms)
    protection.arm(now_ms)
    return protection, now_ms + _TICK_MS


def _timed(step, now_ms):
    """Return the time of a step in us, under a locked heap: an allocation raises MemoryError."""
    micropython.heap_lock()
    began_us = time.ticks_us()
    step(now_ms)
    spent_us = time.ticks_diff(time.ticks_us(), began_us)
    micropython.heap_unlock()
    return spent_us


def _refuse_unless_quiet(protection):
    told = [protection.events.line(seq) for seq in range(1, protection.events.next_seq)]
    moving = sum([state != compare.IDLE for state in protection.decider.slots.state])
    if told or moving or protection.alarm or protection.fan or protection.breakers.pulses:
        raise RuntimeError("the bank was not quiet: %d slots moved, %s" % (moving, told))
    if not (protection.charge_allowed and protection.discharge_allowed):
        raise RuntimeError("the bank was not quiet: the inverter was stopped")


def quiet_step(config):
    """Return what a quiet step takes: of each the least of some rounds, of those the median."""
    quiet = QuietBank(config)
    protection, now_ms = _armed(config, quiet)
    step = protection.step
    # No longer than needed: whoever else runs on this machine would be measured as well.
    each = _GROUP if _timed(step, now_ms) * _GROUP <= _GROUP_us else 1
    least_us = [1 << 29] * (_ROUND // each)
    gc.collect()
    for _ in range(_ROUNDS):
        for group in range(len(least_us)):
            spent_us = 0
            for _ in range(each):
                now_ms += _TICK_MS
                fill(protection.frame, quiet.counts(now_ms // _TICK_MS), quiet.bank)
                spent_us += _timed(step, now_ms)
            least_us[group] = min(least_us[group], spent_us)
    now_ms += _TICK_MS
    fill(protection.frame, quiet.counts(0), quiet.bank)
    gc.collect()
    before = gc.mem_alloc()
    _timed(step, now_ms)
    grown = gc.mem_alloc() - before
    _refuse_unless_quiet(protection)
    return {
        "step_us": sorted(least_us)[len(least_us) // 2] / each,
        "slowest_step_us": max(least_us) / each,
        "steps": _ROUNDS * _ROUND,
        "alloc_bytes": grown,
        "slots": protection.decider.slots.count,
        "events": protection.events.next_seq,
    }


def worst_step(config):
    """Return what a step takes in which all slots operate at once: no fault could do that.

    Every threshold is lowered below every value, and nothing waits.
    """
    quiet = QuietBank(config)
    least_us = 1 << 29
    for _ in range(_WORST):
        gc.collect()
        protection, now_ms = _armed(config, quiet)
        slots = protection.decider.slots
        for r in range(slots.row_count):
            for field in (compare.PICKUP, compare.GATE_PICKUP, compare.DELAY, compare.NEEDED):
                slots.set(r, field, 0)
            for field in (compare.DROPOUT, compare.GATE_DROPOUT):
                slots.set(r, field, 0)
        fill(protection.frame, quiet.counts(4), quiet.bank)
        least_us = min(least_us, _timed(protection.step, now_ms))
        operated = sum([state == compare.OPERATED for state in slots.state])
        if operated != slots.count:
            raise RuntimeError("%d of %d slots operated" % (operated, slots.count))
    return {"worst_step_us": least_us, "worst_step_slots": operated}


def main():
    """Measure both, and print them."""
    with open("config.json") as file:
        config = json.load(file)
    found = quiet_step(config)
    found.update(worst_step(config))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
