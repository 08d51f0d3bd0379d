"""The kernels over the voltages: too low, too high, off the busbar; and the cold at charging.

What is wrong with an open battery's voltage is no concern of the inverter: those quantities stand
aside for it. The difference to the busbar is judged with the whole bank at rest, for a load pulls
the busbar down; whether an open battery may be joined now is asked in `permission`.
"""

import micropython
from micropython import const

from packwarden.currents import insert, middle
from packwarden.fixed import ints

_BIAS = const(1 << 29)  # as in `fixed`: kernels need constants of their own module
_NONE = const(0)
_ASIDE = const(1)

# Places in the array of where things are.
_TERMINAL = const(0)  # the first terminal's channel
_LOW = const(1)
_HIGH = const(2)
_COLDEST = const(3)
_CHARGING = const(4)
_MISMATCH = const(5)


@micropython.viper
def busbar(ctx, batteries: int, closed: int) -> int:
    """Return the voltage that a battery is to agree with (biased mV), NONE without one.

    It is the busbar's where a battery is on it, or the median of those that are where it is not
    measured. No battery on it: NONE, and the batteries agree among themselves.
    """
    measured = ptr32(ctx[0])
    order = ctx[3]
    count = 0
    k = 0
    while k < batteries:
        volts = measured[batteries + k]
        if (closed >> k) & 1 and volts != _NONE:
            insert(order, count, volts)
            count += 1
        k += 1
    if closed & ((1 << batteries) - 1) == 0:
        return _NONE
    bus = measured[2 * batteries]
    return bus if bus != _NONE else int(middle(order, count))


@micropython.viper
def apart(volts: int, reference: int, lowest: int, highest: int) -> int:
    """Return how far a voltage is off the reference, or without one off the farthest of all."""
    if reference != _NONE:
        lowest = reference
        highest = reference
    below = highest - volts
    above = volts - lowest
    return (below if below > above else above) + _BIAS


@micropython.viper
def potentials(ctx, batteries: int, closed: int, locked: int, flows: int):
    """Store each battery's voltage (low ones negated), charging current, coldest, mismatch.

    ctx: channel values, quantities, places (as above), scratch. Masks: `closed`, the breakers that
    are; `locked`, those that are locked out, and will not be joined; `flows`, the batteries with
    more than 5 % of rated. From the control step: allocates nothing.
    """
    measured = ptr32(ctx[0])
    values = ptr32(ctx[1])
    place = ptr32(ctx[2])
    reference = int(busbar(ctx, batteries, closed))
    lowest = _NONE
    highest = _NONE
    k = 0
    while k < batteries:
        volts = measured[batteries + k]
        if volts != _NONE:
            if lowest == _NONE or volts < lowest:
                lowest = volts
            if volts > highest:
                highest = volts
        k += 1
    k = 0
    while k < batteries:
        volts = measured[batteries + k]
        own = measured[k]
        low = volts
        high = volts
        if (closed >> k) & 1 == 0:
            low = _ASIDE
            high = _ASIDE
        elif volts != _NONE:
            low = _BIAS - (volts - _BIAS)
        values[place[_LOW] + k] = low
        values[place[_HIGH] + k] = high
        charging = _NONE
        if own != _NONE:
            charging = _BIAS - (own - _BIAS) if own < _BIAS else _BIAS
        values[place[_CHARGING] + k] = charging
        off = _NONE
        if (locked >> k) & 1:
            off = _ASIDE
        elif volts != _NONE and own != _NONE and flows == 0:
            off = int(apart(volts, reference, lowest, highest))
        values[place[_MISMATCH] + k] = off
        plus = measured[place[_TERMINAL] + 2 * k]
        minus = measured[place[_TERMINAL] + 2 * k + 1]
        if plus == _NONE or (minus != _NONE and minus < plus):
            plus = minus
        if plus != _NONE:
            plus = _BIAS - (plus - _BIAS)
        values[place[_COLDEST] + k] = plus if (closed >> k) & 1 else _ASIDE
        k += 1


def context(quantities, order):
    """Return the ctx of `potentials` for the places of `quantities`. Boot only."""
    places = quantities.places
    where = ints(6)
    where[_TERMINAL] = quantities.frame.terminal
    where[_LOW] = places["low_voltage"]
    where[_HIGH] = places["voltage"]
    where[_COLDEST] = places["coldest"]
    where[_CHARGING] = places["charging"]
    where[_MISMATCH] = places["mismatch"]
    return (quantities.measured, quantities.values, where, order)
