"""`time` of the board on virtual time. The tick counters are 30 bits wide, as on the board.

`start` may let them begin at `began_us`, short of a wrap: us wrap after 18 min, ms after 12 days.
"""

from packwarden_sim import world
from packwarden_sim.clock import us
from packwarden_sim.costs import TICKS_US

_MASK = (1 << 30) - 1
_HALF = 1 << 29

began_us = 0


def ticks_ms():
    """Return milliseconds since the start, 0 .. 2^30-1."""
    us[0] += TICKS_US
    return (us[0] + began_us) // 1000 & _MASK


def ticks_us():
    """Return microseconds since the start, 0 .. 2^30-1."""
    us[0] += TICKS_US
    return (us[0] + began_us) & _MASK


ticks_cpu = ticks_us


def ticks_add(ticks, delta):
    """Return `ticks` moved by `delta`, wrapped."""
    return (ticks + delta) & _MASK


def ticks_diff(end, start):
    """Return the signed distance from `start` to `end`, -2^29 .. 2^29-1."""
    return ((end - start + _HALF) & _MASK) - _HALF


def sleep_us(duration):
    """Let `duration` microseconds pass."""
    world.current.sleep(duration if duration > 0 else 0)


def sleep_ms(duration):
    """Let `duration` milliseconds pass."""
    world.current.sleep(duration * 1000 if duration > 0 else 0)


def sleep(seconds):
    """Let `seconds` (float or int) pass."""
    sleep_us(int(seconds * 1_000_000))


def time():
    """Return seconds since the start: the board has no clock that is set."""
    return us[0] // 1_000_000
