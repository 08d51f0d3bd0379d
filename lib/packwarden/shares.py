"""The kernels over shares of the load: who takes more or less than is expected, or nothing.

Expected of a battery is its part of the median of those that carry, or of the other one of two.
ctx is that of `currents`.
"""

import micropython
from micropython import const

from packwarden.currents import carried, weigh
from packwarden.medians import other

# As in `fixed` and in `currents`: kernels need constants of their own module.
_BIAS = const(1 << 29)
_MASK = const((1 << 30) - 1)
_NONE = const(0)
_ASIDE = const(1)
_LOADED = const(2)
_NEARLY_FULL_mV = const(6)
_PLATEAU_mV = const(7)
_HAS_BASELINE = const(9)
_MEDIAN = const(0)
_CARRIERS = const(1)
_CARRY = const(10)
_NEARLY_FULL = const(16)
_JUDGED = const(17)
_RESTRAINT = const(18)
_CHARGE = const(19)
_RISEN_AT = const(20)
_FALLEN_AT = const(21)
_UP_ms = const(1000)  # how often the restraint follows the load by 1/64
_DOWN_ms = const(64000)

# Where among the quantities they store what they find: places in an array of places.
_LOAD = const(0)
_IMBALANCE = const(1)
_DRIFT = const(2)
_DEVIATION = const(3)
_IDLE = const(4)
_GIVING = const(5)
NAMES = ("load", "imbalance", "drift", "deviation", "idle", "idle_giving")


@micropython.viper
def restrain(ctx, now: int):
    """Follow the load of the bank, and its charge: within a minute up, 68 minutes down.

    By a load charges drift apart, until the emptier ones give less of it. When it falls that
    difference stays, as large as before, and is a larger part of what is carried: on the plateau
    charges take an hour or more to come together again. A motor that starts is over before it
    counts. From the control step, like all in here.
    """
    bank = ptr32(ctx[3])
    load = int(carried(ctx))
    up = 0
    down = 0
    if (now - bank[_RISEN_AT]) & _MASK >= _UP_ms:
        bank[_RISEN_AT] = now
        up = 1
    if (now - bank[_FALLEN_AT]) & _MASK >= _DOWN_ms:
        bank[_FALLEN_AT] = now
        down = 1
    place = _RESTRAINT
    while place <= _CHARGE:
        off = load - bank[place]
        if up if off > 0 else down:
            bank[place] += off >> 6
        if bank[_MEDIAN] >= _BIAS:
            load = 0  # nothing of it is a charge
        place += 1


@micropython.viper
def judge(ctx, batteries: int):
    """Find who is judged by the median, a mask: all while it is enough, but who is nearly full.

    Above 3.35 V a cell its voltage rises with its charge again, and while charging the shares
    cross: they are of the charges, no more of the ways. Whoever is ahead takes less, or nothing,
    and whoever is behind the rest. When the charger eases off the voltage falls and the charges
    stay: nearly full ends where the voltage is back on the plateau.
    """
    volts = ptr32(ctx[0])
    parameter = ptr32(ctx[2])
    bank = ptr32(ctx[3])
    nearly = bank[_NEARLY_FULL]
    limit = parameter[_NEARLY_FULL_mV] + _BIAS
    plateau = parameter[_PLATEAU_mV] + _BIAS
    k = 0
    while k < batteries:
        if volts[batteries + k] > limit:
            nearly |= 1 << k
        elif volts[batteries + k] < plateau:
            nearly &= ~(1 << k)
        k += 1
    bank[_NEARLY_FULL] = nearly
    judged = (1 << batteries) - 1 if int(carried(ctx)) >= parameter[_LOADED] else 0
    if bank[_MEDIAN] < _BIAS:
        judged &= ~nearly
    bank[_JUDGED] = judged


@micropython.viper
def balance(ctx, batteries: int, closed: int):
    """Compare each battery's current with its expected share: in 0.1 % of it, and in mA.

    The percentage is of the share of what was carried of late, where that is more (`restrain`).
    Zero (no verdict) for a battery that is open or is not judged by the median.
    """
    current = ptr32(ctx[0])
    values = ptr32(ctx[1])
    bank = ptr32(ctx[3])
    alike = ptr32(ctx[8])
    share = ptr32(ctx[10])
    place = ptr32(ctx[11])
    at = place[_IMBALANCE]
    at_drift = place[_DRIFT]
    at_deviation = place[_DEVIATION]
    learned = ptr32(ctx[2])[_HAS_BASELINE]
    judged = closed & bank[_JUDGED]
    few = bank[_CARRY] if bank[_CARRIERS] <= 2 else 0
    part = ptr32(ctx[6])
    restraint = bank[_RESTRAINT]
    k = 0
    while k < batteries:
        share[k] = bank[_MEDIAN]
        if (few >> k) & 1:
            share[k] = int(other(ctx[4], bank[_CARRIERS], alike[k]))
        k += 1
    weigh(ctx[10], ctx[6], ctx[10], batteries)
    k = 0
    while k < batteries:
        relative = _NONE
        deviation = _NONE
        if current[k] != _NONE:
            relative = _BIAS
            deviation = _BIAS
            if (judged >> k) & 1 and share[k] != _NONE:
                expected = share[k] - _BIAS
                off = current[k] - share[k]
                if off < 0:
                    off = 0 - off
                if expected < 0:
                    expected = 0 - expected
                restrained = (restraint >> 10) * part[k] + (((restraint & 1023) * part[k]) >> 10)
                if expected < restrained:
                    expected = restrained
                if expected < 100:
                    expected = 100
                relative = off // 100 * 1000 // (expected // 100) + _BIAS
                deviation = off + _BIAS
        values[at + k] = relative
        values[at_deviation + k] = deviation
        values[at_drift + k] = relative if learned else _ASIDE
        k += 1


@micropython.viper
def idle(ctx, batteries: int, closed: int):
    """Store the loads, negated, where it says something that a battery carries none.

    That is of each that is judged by the median. The second quantity asks for a bank that
    discharges as well. A battery that carries otherwise is not idle, nor is one whose breaker is
    open: that lets go.
    """
    values = ptr32(ctx[1])
    bank = ptr32(ctx[3])
    place = ptr32(ctx[11])
    at_load = place[_LOAD]
    at = place[_IDLE]
    at_giving = place[_GIVING]
    judged = bank[_JUDGED]
    carry = bank[_CARRY]
    gives = 1 if bank[_MEDIAN] >= _BIAS else 0
    k = 0
    while k < batteries:
        load = values[at_load + k]
        found = _NONE
        if (closed >> k) & 1 == 0:
            found = _ASIDE
        elif load != _NONE:
            if (judged >> k) & 1:
                found = _BIAS - (load - _BIAS)
            elif (carry >> k) & 1:
                found = _ASIDE
        values[at + k] = found
        if found > _ASIDE and gives == 0:
            found = _ASIDE if (carry >> k) & 1 else _NONE
        values[at_giving + k] = found
        k += 1
