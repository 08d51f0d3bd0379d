"""Steps of the current, and what the voltages do within the second after one: by each tick.

A battery that has carried the same for 10 s and then another current is a step. Its voltage just
before, drawn on along the line of the last seconds, and 1.0 s after it, drawn between the two
samples there, belong to a time that is the same for all.
"""

import micropython
from micropython import const

from packwarden.fixed import BIAS, NONE, ints

QUIET_ms = const(10000)  # for so long nothing has moved before a step
AFTER_ms = const(1000)  # the resistance is that of this long after it
_BACK_ms = const((1 << 30) - 1000)  # taken off a time: AFTER_ms later, within 30 bits
_SETTLES_ms = const(300)  # by then the load has its new current
_WAIT_ms = const(5000)  # a voltage that has not come by then is none
_ANCHOR_ms = const(4000)
_OLDEST_ms = const(12000)

# Of a battery in `found`.
FIELDS = const(8)
STATE = const(0)
SINCE = const(1)  # when it became quiet; when it stepped
REFERENCE = const(2)  # current before, biased mA, and after
AFTER = const(3)
BANK = const(4)  # sum of all currents before, and after
BANK_AFTER = const(5)
DROP = const(6)  # how far the voltage fell, biased, 1/8 mV; NONE: it was not measured
LOST = const(7)  # steps that came to nothing since they were counted last

NEW = const(0)
QUIET = const(1)
STEPPING = const(2)
READY = const(3)

# Of a voltage in `lines`: conversions seen; time and value of the last two, and of two that are
# 4 to 8 s older.
_LINE = const(9)
_SEEN = const(0)
_T0 = const(1)
_V0 = const(2)
_T1 = const(3)
_V1 = const(4)
_TA = const(5)
_VA = const(6)
_TB = const(7)
_VB = const(8)

_BIAS = const(1 << 29)  # as in `fixed`: kernels need constants of their own module
_NONE = const(0)
_MASK = const((1 << 30) - 1)
_MOST_mV = const(8000)
_FAR_ms = const(3000)  # from a sample to the time that is asked for


@micropython.viper
def drawn(lines, at: int, first: int, last: int, when: int) -> int:
    """Return the voltage at a time on the line through two samples, biased 1/8 mV; NONE: none.

    `at`: of the voltage in `lines`; `first`, `last`: places of the times there.
    """
    line = ptr32(lines)
    v0 = line[at + first + 1]
    v1 = line[at + last + 1]
    t1 = line[at + last]
    span = (t1 - line[at + first]) & _MASK
    if v0 == _NONE or v1 == _NONE or span == 0 or span > _OLDEST_ms:
        return _NONE
    rise = v1 - v0
    if rise > _MOST_mV or rise < 0 - _MOST_mV:
        return _NONE
    ahead = (when - t1) & _MASK
    if ahead >= _BIAS:
        ahead = 0 - ((t1 - when) & _MASK)
    if ahead > _FAR_ms or ahead < 0 - _FAR_ms:
        return _NONE
    rise *= ahead * 8
    # Of numbers that are not negative: a division rounds otherwise elsewhere.
    if rise >= 0:
        rise = rise // span
    else:
        rise = 0 - (0 - rise) // span
    return (v1 - _BIAS) * 8 + rise + _BIAS


@micropython.viper
def follow(ctx, now: int, voltages: int):
    """Take new conversions of the voltages into their lines.

    ctx: values, conversions, lines, found, [band in mA]; voltages: how many, the busbar's last.
    """
    values = ptr32(ctx[0])
    fresh = ptr32(ctx[1])
    line = ptr32(ctx[2])
    channel = voltages - 1  # the first voltage: behind as many currents as there are batteries
    end = channel + voltages
    at = 0
    while channel < end:
        value = values[channel]
        if fresh[channel] != line[at] or value == _NONE:
            line[at] = fresh[channel]
            if value == _NONE:
                line[at + _V0] = _NONE
                line[at + _V1] = _NONE
                line[at + _VA] = _NONE
                line[at + _VB] = _NONE
            else:
                line[at + _T0] = line[at + _T1]
                line[at + _V0] = line[at + _V1]
                line[at + _T1] = now
                line[at + _V1] = value
                if line[at + _VB] == _NONE or (now - line[at + _TB]) & _MASK >= _ANCHOR_ms:
                    line[at + _TA] = line[at + _TB]
                    line[at + _VA] = line[at + _VB]
                    line[at + _TB] = now
                    line[at + _VB] = value
        channel += 1
        at += _LINE


@micropython.viper
def watch(ctx, now: int, batteries: int):
    """Look for the steps of all batteries. Slack, after each tick; allocates nothing."""
    values = ptr32(ctx[0])
    line = ptr32(ctx[2])
    found = ptr32(ctx[3])
    band = ptr32(ctx[4])[0]
    total = _BIAS
    k = 0
    while k < batteries:
        if values[k] != _NONE:
            total += values[k] - _BIAS
        k += 1
    at = 0
    k = 0
    while k < batteries:
        current = values[k]
        state = found[at]
        waited = (now - found[at + SINCE]) & _MASK
        if current == _NONE:
            found[at] = NEW
        elif state == NEW:
            found[at] = QUIET
            found[at + SINCE] = now
            found[at + REFERENCE] = current
            found[at + BANK] = total
        elif state == QUIET:
            off = current - found[at + REFERENCE]
            if off > band or off < 0 - band:
                found[at] = NEW
                if waited >= QUIET_ms:
                    when = (now - _BACK_ms) & _MASK
                    found[at] = STEPPING
                    found[at + SINCE] = now
                    found[at + AFTER] = _NONE
                    # A sample that was taken in this very tick belongs to the time after it.
                    found[at + DROP] = int(before(ctx[2], k * _LINE, now, when))
            elif line[k * _LINE + _T1] == now:
                found[at + REFERENCE] += off >> 4
                found[at + BANK] += (total - found[at + BANK]) >> 4
        elif state == STEPPING and waited >= _SETTLES_ms:
            settle(ctx, at, k, current, total, waited)
        at += FIELDS
        k += 1


@micropython.viper
def settle(ctx, at: int, k: int, current: int, total: int, waited: int):
    """Follow a step that has been seen: the load must stand, and the voltage come."""
    line = ptr32(ctx[2])
    found = ptr32(ctx[3])
    band = ptr32(ctx[4])[0]
    since = found[at + SINCE]
    if found[at + AFTER] == _NONE:
        found[at + AFTER] = current
        found[at + BANK_AFTER] = total
    off = current - found[at + AFTER]
    if off > band or off < 0 - band or waited > _WAIT_ms:
        found[at] = NEW
        found[at + LOST] += 1
    elif waited >= AFTER_ms:
        mine = k * _LINE
        own = (line[mine + _T1] - since) & _MASK
        if own >= AFTER_ms and own < _BIAS:
            found[at + DROP] = int(fallen(ctx[2], mine, since, found[at + DROP]))
            found[at] = READY


@micropython.viper
def before(lines, at: int, now: int, when: int) -> int:
    """Return what the voltage would be at a time without the step that is seen now, or NONE."""
    line = ptr32(lines)
    if line[at + _T1] != now:
        return int(drawn(lines, at, _TA, _T1, when))
    return int(drawn(lines, at, _TA, _T0, when))


@micropython.viper
def fallen(lines, at: int, since: int, was: int) -> int:
    """Return how far the voltage is below what it was, 1.0 s after a step; biased 1/8 mV, or NONE.

    Both samples have to be of the time after the step.
    """
    line = ptr32(lines)
    if was == _NONE or (line[at + _T0] - since) & _MASK >= _BIAS:
        return _NONE
    found = int(drawn(lines, at, _T0, _T1, (since - _BACK_ms) & _MASK))
    if found == _NONE:
        return _NONE
    return was - found + _BIAS


class Steps:
    """The steps of a bank over `values` and conversions `fresh`, in the order of the frame."""

    def __init__(self, values, fresh, batteries, rated_mA):
        self._batteries = batteries
        self.found = ints(batteries * FIELDS)
        self.lines = ints((batteries + 1) * _LINE, NONE)
        band = ints(1, rated_mA // 100)
        for k in range(batteries):
            self.found[k * FIELDS + REFERENCE] = BIAS
        self._ctx = (values, fresh, self.lines, self.found, band)

    def look(self, now_ms):
        """Take a tick in. Slack; allocates nothing."""
        follow(self._ctx, now_ms, self._batteries + 1)
        watch(self._ctx, now_ms, self._batteries)
