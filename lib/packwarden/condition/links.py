"""What lies between each battery and the busbar while its current stands: means, by each tick.

A block is up to 32 conversions of the battery's voltage, less the busbar's drawn to the same time,
with the current then. It ends when it is full, or when the current leaves the band; of fewer than
8 it is none. No conversion is from before the current stood, or the last before it moved.
"""

import micropython
from micropython import const

from packwarden.condition.steps import drawn
from packwarden.fixed import ints

# Of a battery in `found`.
FIELDS = const(8)
STATE = const(0)
SINCE = const(1)  # when the current came to stand
LEVEL = const(2)  # current then, biased mA
COUNT = const(3)
CURRENT = const(4)  # sum of the distances from LEVEL, mA, biased
VOLTAGE = const(5)  # sum of battery less busbar, 1/8 mV, biased
MEAN_mA = const(6)  # of the block before, biased; NONE: there is none
MEAN = const(7)  # 1/8 mV, biased

NEW = const(0)
STANDS = const(1)
READY = const(2)

_LEAST = const(8)
_MOST = const(32)
_SETTLES_ms = const(300)
_BIAS = const(1 << 29)  # as in `fixed` and `steps`: kernels need constants of their own module
_NONE = const(0)
_MASK = const((1 << 30) - 1)
_LINE = const(9)
_T0 = const(1)
_V0 = const(2)
_T1 = const(3)


@micropython.viper
def gather(ctx, now: int, batteries: int):
    """Take new conversions into the blocks; behind `steps.follow`.

    ctx: values, lines, found, [band in mA].
    """
    values = ptr32(ctx[0])
    line = ptr32(ctx[1])
    found = ptr32(ctx[2])
    band = ptr32(ctx[3])[0]
    bus = batteries * _LINE
    mine = 0
    at = 0
    k = 0
    while k < batteries:
        current = values[k]
        off = current - found[at + LEVEL]
        if current == _NONE:
            found[at] = NEW
        elif found[at] == NEW:
            found[at] = STANDS
            found[at + SINCE] = now
            found[at + LEVEL] = current
            found[at + COUNT] = 0
            found[at + CURRENT] = _BIAS
            found[at + VOLTAGE] = _BIAS
        elif found[at] == STANDS:
            if off > band or off < 0 - band:
                found[at] = READY if found[at + COUNT] >= _LEAST else NEW
            elif line[mine + _T1] == now and line[mine + _V0] != _NONE:
                when = line[mine + _T0]
                own = (when - found[at + SINCE]) & _MASK
                its = (line[bus + _T0] - found[at + SINCE]) & _MASK
                if _SETTLES_ms <= own < _BIAS and _SETTLES_ms <= its < _BIAS:
                    volts = int(drawn(ctx[1], bus, _T0, _T1, when))
                    if volts != _NONE:
                        found[at + COUNT] += 1
                        found[at + CURRENT] += off
                        found[at + VOLTAGE] += (line[mine + _V0] - _BIAS) * 8 + _BIAS - volts
                        if found[at + COUNT] == _MOST:
                            found[at] = READY
        mine += _LINE
        at += FIELDS
        k += 1


class Links:
    """The blocks of a bank over `values`, from the lines of its `steps.Steps`."""

    def __init__(self, values, lines, batteries, rated_mA):
        self._batteries = batteries
        self.found = ints(batteries * FIELDS)
        self._ctx = (values, lines, self.found, ints(1, rated_mA // 100))

    def look(self, now_ms):
        """Take a tick in, behind the steps. Slack; allocates nothing."""
        gather(self._ctx, now_ms, self._batteries)
