"""What goes wrong in the controller itself: code that fails, memory that changes.

The firmware that runs is changed from outside: in its next tick a stage does what no code should.
Once, for the life of the board that follows is built anew.
"""

import sys

from packwarden_sim import world
from packwarden_sim.clock import us

_STAGES = ("acquire", "step", "act", "verify")
_STALL_us = 20_000_000
_SCRAMBLED_EACH = 16


def spoil(place, kind):
    """Have a stage of the tick, or the console in the slack, fail from now on.

    `error` raises, `memory` allocates where nothing may, `stall` takes far too long, `skip` does
    nothing at all.
    """
    running = sys.modules["cabinet"].current
    act = _ACTS[kind]
    if place == "console":
        (job,) = [job for job in running.timing.jobs if job.name == place]
        job.due = act
    else:
        stages = list(running._stages)
        stages[_STAGES.index(place)] = act
        running._stages = tuple(stages)


def scramble_memory():
    """One byte in 16 of the memory that outlives a reset has changed."""
    memory = world.current.rtc
    for place in range(0, len(memory), _SCRAMBLED_EACH):
        memory[place] ^= 0x55


def _error(_):
    raise ValueError("sabotage")


def _memory(_):
    bytearray(10)  # the heap is locked in the tick
    raise MemoryError


def _stall(_):
    us[0] += _STALL_us


def _skip(_):
    pass


_ACTS = {"error": _error, "memory": _memory, "stall": _stall, "skip": _skip}
