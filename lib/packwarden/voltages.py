"""The kernels over the voltages: too low, too high, off the busbar; and the cold at charging.

What is wrong with an open battery's voltage is no concern of the inverter: those quantities stand
aside for it. The difference to the busbar is judged with the whole bank at rest, for a load pulls
the busbar down; whether an open battery may be joined now is asked in `permission`.
"""

import micropython
from micropython import const

from packwarden.currents import places_of
from packwarden.medians import ascending, middle

_BIAS = const(1 << 29)  # as in `fixed`: kernels need constants of their own module
_NONE = const(0)
_ASIDE = const(1)

# Where among the quantities they store what they find: places in an array of places.
_LOW = const(0)
_HIGH = const(1)
_COLDEST = const(2)
_CHARGING = const(3)
_MISMATCH = const(4)
_NAMES = ("low_voltage", "voltage", "coldest", "charging", "mismatch")


@micropython.viper
def busbar(ctx, batteries: int, closed: int) -> int:
    """Return the voltage that a battery is to agree with (biased mV), NONE without one.

    It is the busbar's where a battery is on it, or the median of those that are where it is not
    measured. No battery on it: NONE, and the batteries agree among themselves.
    """
    if closed & ((1 << batteries) - 1) == 0:
        return _NONE
    bus = ptr32(ctx[0])[2 * batteries]
    if bus != _NONE:
        return bus
    count = int(ascending(ctx[3], ctx[0], batteries, 1, batteries, closed))
    return int(middle(ctx[3], count))


@micropython.viper
def potentials(ctx, batteries: int, closed: int, locked: int, flows: int):
    """Store each battery's voltage (low ones negated), charging current, coldest, mismatch.

    ctx: channel values, quantities, places (as above), scratch. Masks: `closed`, the breakers that
    are; `locked`, those that are locked out, and will not be joined; `flows`, the batteries with
    more than 5 % of rated. Off the busbar, or without one off the farthest of all, is judged while
    nothing flows. From the control step: allocates nothing.
    """
    measured = ptr32(ctx[0])
    values = ptr32(ctx[1])
    place = ptr32(ctx[2])
    at_low = place[_LOW]
    at_high = place[_HIGH]
    at_coldest = place[_COLDEST]
    at_charging = place[_CHARGING]
    at_mismatch = place[_MISMATCH]
    terminal = 2 * batteries + 1  # channel of the first one: see `frame`
    lowest = _NONE
    highest = _NONE
    if flows == 0:
        lowest = int(busbar(ctx, batteries, closed))
        highest = lowest
        if lowest == _NONE:
            k = 0
            while k < batteries:
                volts = measured[batteries + k]
                if volts != _NONE and (lowest == _NONE or volts < lowest):
                    lowest = volts
                if volts > highest:
                    highest = volts
                k += 1
    k = 0
    while k < batteries:
        on = (closed >> k) & 1
        volts = measured[batteries + k]
        own = measured[k]
        low = _ASIDE
        high = _ASIDE
        if on:
            low = _BIAS - (volts - _BIAS) if volts != _NONE else _NONE
            high = volts
        values[at_low + k] = low
        values[at_high + k] = high
        charging = _NONE
        if own != _NONE:
            charging = _BIAS - (own - _BIAS) if own < _BIAS else _BIAS
        values[at_charging + k] = charging
        off = _NONE
        if (locked >> k) & 1:
            off = _ASIDE
        elif flows == 0 and volts != _NONE and own != _NONE:
            off = highest - volts if highest - volts > volts - lowest else volts - lowest
            off += _BIAS
        values[at_mismatch + k] = off
        cold = _ASIDE
        if on:
            plus = measured[terminal + 2 * k]
            cold = measured[terminal + 2 * k + 1]
            if cold == _NONE or (plus != _NONE and plus < cold):
                cold = plus
            if cold != _NONE:
                cold = _BIAS - (cold - _BIAS)
        values[at_coldest + k] = cold
        k += 1


def context(quantities, order):
    """Return the ctx of `potentials` for the places of `quantities`. Boot only."""
    where = places_of(_NAMES, quantities.places)
    return (quantities.measured, quantities.values, where, order)
