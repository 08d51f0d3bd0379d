"""The cascade guard's kernels: who has left the bank, and what the others would have to carry.

A battery that is opened leaves its load to the others; where that is beyond their rating they
would be lost one by one.
"""

import micropython
from micropython import const

_BIAS = const(1 << 29)  # as in `fixed`, and as in `currents`
_NONE = const(0)
_ASIDE = const(1)
_MASK = const((1 << 30) - 1)
_CARRYING = const(1)
_LOADED = const(2)
_RATED = const(8)
_WINDOW_ms = const(10)
_MEDIAN = const(0)
_CARRY = const(10)
_CARRIED = const(11)
_LEFT = const(12)
_LEFT_AT = const(13)
_MEASURED = const(14)
_MISSING_AT = const(15)
_LASTS_ms = const(100)  # longer than contacts take to tell that a breaker was opened


@micropython.viper
def departures(ctx, now: int, closed: int, tripped: int, at: int):
    """Note who has left the bank: by a trip, or by its BMS, and whether that is just now (1).

    `tripped`: mask of batteries told to open, open after that, or waiting for it. A battery that
    carried and does not any more has left when that lasts, while it is measured and its breaker is
    closed: opened by hand, it was taken out of service.
    """
    values = ptr32(ctx[1])
    parameter = ptr32(ctx[2])
    bank = ptr32(ctx[3])
    load = bank[_MEDIAN] - _BIAS if bank[_MEDIAN] != _NONE else 0
    left = (bank[_LEFT] & ~bank[_CARRY]) | tripped
    carried = bank[_CARRIED] & closed
    missing = carried & ~bank[_CARRY] & bank[_MEASURED]
    if load < parameter[_LOADED] and load > 0 - parameter[_LOADED]:
        missing = 0
    if missing == 0:
        bank[_MISSING_AT] = now
    elif (now - bank[_MISSING_AT]) & _MASK >= _LASTS_ms:
        left |= missing
        carried &= ~missing
    bank[_CARRIED] = carried | bank[_CARRY]
    left &= closed | tripped
    if left & ~bank[_LEFT]:
        bank[_LEFT_AT] = now
        values[at] = _BIAS + 1
    elif left == 0 or (now - bank[_LEFT_AT]) & _MASK >= parameter[_WINDOW_ms]:
        values[at] = _BIAS
    bank[_LEFT] = left


@micropython.viper
def quotient(i: int, by: int) -> int:
    """Return i / by, towards zero: a division of what is negative rounds otherwise elsewhere."""
    return i // by if i >= 0 else 0 - (0 - i) // by


@micropython.viper
def predict(ctx, batteries: int, closed: int, leaving: int) -> int:
    """Return the highest load of those that stay (biased 0.1 % of rated), ASIDE if none does.

    What the leaving ones carry is taken over by the others in proportion to what they carry now,
    for that is how their resistances share it; one that flows the other way takes nothing over.
    Where nobody else carries, in equal parts. One that is closed and not measured is taken to
    carry as much as the others do on average. The sums are in 0.1 A.
    """
    current = ptr32(ctx[0])
    parameter = ptr32(ctx[2])
    total = 0
    gone = 0
    k = 0
    while k < batteries:
        if current[k] != _NONE:
            i = current[k] - _BIAS
            total += i
            if (leaving >> k) & 1:
                gone += i
        k += 1
    sign = 1 if total >= 0 else -1
    gone = gone * sign
    if gone < 0:
        return _ASIDE  # the others feed it: its leaving relieves them
    gone = int(quotient(gone, 100))
    carried = 0
    staying = 0
    known = 0
    k = 0
    while k < batteries:
        if (closed & ~leaving) >> k & 1:
            staying += 1
            if current[k] != _NONE:
                known += 1
                i = (current[k] - _BIAS) * sign
                if i > 0:
                    carried += i // 100
        k += 1
    if known:
        carried = carried * staying // known
    if staying == 0:
        return _ASIDE
    ratio = 0  # what is taken over for each 1/256 that is carried
    if carried > parameter[_CARRYING] // 100:
        ratio = int(quotient(gone * 256, carried))
        if ratio > 2048:
            ratio = 2048
        gone = 0
    return int(
        heaviest(ctx, batteries, closed & ~leaving, sign, ratio, int(quotient(gone, staying)))
    )


@micropython.viper
def heaviest(ctx, batteries: int, staying: int, sign: int, ratio: int, each: int) -> int:
    """Return the highest load of some batteries (biased 0.1 % of rated) when more comes to it.

    `sign`: which way the bank flows; `ratio`: what is added, in 1/256 of what one carries that
    way; `each`: what is added to every one, in 0.1 A.
    """
    current = ptr32(ctx[0])
    parameter = ptr32(ctx[2])
    highest = 0
    k = 0
    while k < batteries:
        if current[k] != _NONE and (staying >> k) & 1:
            load = int(quotient((current[k] - _BIAS) * sign, 100))
            if load > 0:
                load = load + ((load * ratio) >> 8)
            load += each
            if load < 0:
                load = 0 - load
            if load > highest:
                highest = load
        k += 1
    if highest > 1000000:
        highest = 1000000
    return highest * 1000 // (parameter[_RATED] // 100) + _BIAS
