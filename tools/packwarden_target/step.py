"""Runs in the VM, told by `packwarden bench`: time and allocations of the control step.

`micropython step.py [ROUNDS]`, with the library and this folder on the path and the configuration
in config.json. Prints one JSON object. A quiet step finds nothing to tell; in the worst one every
slot of every element operates at once.
"""

import gc
import json
import time

import micropython

from packwarden import compare
from packwarden.protection import Protection
from quiet import ROUND, QuietBank, TICK_ms, fill, least_us, middle, passed_us, rounds

_ARMED_AT = 4  # ticks: every channel is believed
_WORST = 3


def _armed(config, quiet):
    """Return a Protection that has seen the quiet bank and is armed."""
    protection = Protection(config)
    for number in range(_ARMED_AT):
        fill(protection.frame, quiet.counts(number), quiet.bank)
        protection.step(number * TICK_ms)
    protection.arm(_ARMED_AT * TICK_ms)
    return protection


def _timed(step, now_ms):
    """Return the time of a step in us, under a locked heap: an allocation raises MemoryError."""
    micropython.heap_lock()
    began_us = time.ticks_us()
    step(now_ms)
    spent_us = passed_us(began_us)
    micropython.heap_unlock()
    return spent_us


def refuse_unless_quiet(protection):
    """Raise RuntimeError where a bank has anything to tell, to do or to wait for."""
    told = [protection.events.line(seq) for seq in range(1, protection.events.next_seq)]
    moving = sum([state != compare.IDLE for state in protection.decider.slots.state])
    if told or moving or protection.alarm or protection.fan or protection.breakers.pulses:
        raise RuntimeError("the bank was not quiet: %d slots moved, %s" % (moving, told))
    if not (protection.charge_allowed and protection.discharge_allowed):
        raise RuntimeError("the bank was not quiet: the inverter was stopped")


def quiet_step(config):
    """Return what a quiet step takes."""
    quiet = QuietBank(config)
    protection = _armed(config, quiet)
    step = protection.step
    first = _ARMED_AT + 1

    def prepare(number):
        fill(protection.frame, quiet.counts(number), quiet.bank)

    gc.collect()
    times_us = least_us(prepare, lambda number: _timed(step, (first + number) * TICK_ms))
    now_ms = (first + ROUND * rounds() + 1) * TICK_ms
    prepare(0)
    gc.collect()
    before = gc.mem_alloc()
    _timed(step, now_ms)
    grown = gc.mem_alloc() - before
    refuse_unless_quiet(protection)
    return {
        "step_us": middle(times_us),
        "slowest_step_us": max(times_us),
        "steps": ROUND * rounds(),
        "alloc_bytes": grown,
        "slots": protection.decider.slots.count,
        "events": protection.events.next_seq,
    }


def worst_step(config):
    """Return what a step takes in which all slots operate at once: no fault could do that.

    Every threshold is lowered below every value, and nothing waits.
    """
    quiet = QuietBank(config)
    least = 1 << 29
    operated = 0
    for _ in range(_WORST):
        gc.collect()
        protection = _armed(config, quiet)
        slots = protection.decider.slots
        for r in range(slots.row_count):
            for field in (compare.PICKUP, compare.GATE_PICKUP, compare.DELAY, compare.NEEDED):
                slots.set(r, field, 0)
            for field in (compare.DROPOUT, compare.GATE_DROPOUT):
                slots.set(r, field, 0)
        fill(protection.frame, quiet.counts(_ARMED_AT), quiet.bank)
        least = min(least, _timed(protection.step, (_ARMED_AT + 1) * TICK_ms))
        operated = sum([state == compare.OPERATED for state in slots.state])
        if operated != slots.count:
            raise RuntimeError("%d of %d slots operated" % (operated, slots.count))
    return {"worst_step_us": least, "worst_step_slots": operated}


def main():
    """Measure both, and print them."""
    with open("config.json") as file:
        config = json.load(file)
    found = quiet_step(config)
    found.update(worst_step(config))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
