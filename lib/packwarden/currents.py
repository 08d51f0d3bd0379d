"""The kernels over the currents: who carries, which way, how evenly, and who would carry what.

The reference is the median of the batteries that are closed, measured and carrying, each current
taken per part: a battery's part is its capacity times the baseline of its position. An opened
battery leaves the reference, never the watched set. For two batteries the reference is the other
one, for one there is none.
"""

import micropython
from micropython import const

from packwarden.fixed import ints
from packwarden.medians import ascending, middle

_BIAS = const(1 << 29)  # as in `fixed`: kernels need constants of their own module
_NONE = const(0)
_ASIDE = const(1)
_MASK = const((1 << 30) - 1)
_MOST_mA = const(16000000)  # of what is weighed: beyond every monitor's full scale

# Places in the parameters, all in mA but the times, the voltage and the flag.
PARAMETERS = const(12)
SMALL = const(0)  # 5 % of rated: a direction, a breaker failure
CARRYING = const(1)  # 2 %: below, a battery does not carry and leaves the median
LOADED = const(2)  # 15 %: the median from which imbalance is judged
FLOWING = const(3)  # 10 %: the median from which a direction of the bank is judged
INSTANT = const(4)  # pickup of the instantaneous element
BLOCKING_ms = const(5)  # how long a reversed battery blocks that element of the others
NEARLY_FULL_mV = const(6)  # above which, while charging, shares are not judged
PLATEAU_mV = const(7)  # below which they are again
RATED = const(8)  # of a battery
HAS_BASELINE = const(9)
WINDOW_ms = const(10)  # how long after a battery has left the loads of the others are predicted
FALL = const(11)  # 30 %: the most of a charge's fall that explains a reversal

# Places in what is found of the whole bank.
FACTS = const(22)
MEDIAN = const(0)  # biased mA of the batteries that carry, per part; NONE where none does
CARRIERS = const(1)  # how many do
SUM = const(2)  # biased mA, of all that are measured
MEMBERS = const(3)  # how many are closed and measured
DIRECTION = const(4)  # 1: the bank discharges, 0: it charges, by majority
REVERSED = const(5)  # mask: flow against it by more than 5 % of rated
BLOCKED = const(6)  # 1: a reversed battery explains the current of the others
BLOCKED_AT = const(7)
FLOWS = const(8)  # mask: carry more than 5 % of rated; the main's bit: their sum does
COURSE = const(9)  # which way the bank carries: see `course`
CARRY = const(10)  # mask: closed and carrying
CARRIED = const(11)  # mask: that did so when the bank was loaded last
LEFT = const(12)  # mask: tripped, about to be, or no longer carrying
LEFT_AT = const(13)
MEASURED = const(14)  # mask: have a current; the main's bit: every battery that is closed has
MISSING_AT = const(15)  # since when somebody of those does not carry
NEARLY_FULL = const(16)  # mask: while charging, its share is of its charge
JUDGED = const(17)  # mask: the median is enough to judge them by it
RESTRAINT = const(18)  # mA: what the bank carried of late, per part, ...
CHARGE = const(19)  # ... and what of it was a charge
RISEN_AT = const(20)
FALLEN_AT = const(21)
_MAIN_BIT = const(15)

# Where among the quantities the kernels store what they find: places in an array of places.
_LOAD = const(0)
_INSTANTANEOUS = const(1)
_REVERSE = const(2)
_REVERSE_IDLE = const(3)
_BANK_LOAD = const(4)
_NAMES = ("load", "instantaneous", "reverse", "reverse_idle", "bank_load")


def places_of(names, places):
    """Return an array of the places of some quantities. Boot only."""
    found = ints(len(names))
    for i in range(len(names)):
        found[i] = places[names[i]]
    return found


def context(measured, values, parameters, bank, order, health, weights, places, shares):
    """Return the ctx of these kernels, of `shares` and of `cascade`. Boot only.

    0 channel values, 1 quantities, 2 parameters, 3 facts of the bank, 4 order: what was sorted for
    a median, 5 health, 6 each battery's part in 1/1024 of the mean (`weights`), 7 the inverse of
    that, 8 currents per part (biased mA or NONE), 9 where things are among the quantities, 10 the
    expected currents, 11 where things are for `shares`, which names them.
    """
    n = len(weights)
    parts = ints(n)
    inverse = ints(n)
    for k in range(n):
        parts[k] = weights[k]
        inverse[k] = (1 << 20) // weights[k]
    return (
        measured,
        values,
        parameters,
        bank,
        order,
        health,
        parts,
        inverse,
        ints(n),
        places_of(_NAMES, places),
        ints(n),
        places_of(shares, places),
    )


@micropython.viper
def weigh(currents, weights, result, count: int):
    """Store biased currents times weights / 1024, within +-16 kA; NONE stays.

    The currents are below 2^24 mA, the weights below 2^15. `result` may be `currents`.
    """
    given = ptr32(currents)
    weight = ptr32(weights)
    weighed = ptr32(result)
    k = 0
    while k < count:
        found = given[k]
        if found != _NONE:
            i = found - _BIAS
            parts = weight[k]
            i = (i >> 10) * parts + (((i & 1023) * parts) >> 10)
            if i > _MOST_mA:
                i = _MOST_mA
            elif i < 0 - _MOST_mA:
                i = 0 - _MOST_mA
            found = i + _BIAS
        weighed[k] = found
        k += 1


@micropython.viper
def survey(ctx, batteries: int, closed: int):
    """Find the loads, the bank's median, sum and direction from the currents.

    `closed`: mask of the breakers that are closed. From the control step, like all in here.
    """
    current = ptr32(ctx[0])
    values = ptr32(ctx[1])
    parameter = ptr32(ctx[2])
    bank = ptr32(ctx[3])
    place = ptr32(ctx[9])
    at = place[_LOAD]
    small = parameter[SMALL]
    carrying = parameter[CARRYING]
    total = 0
    members = 0
    out = 0
    flows = 0
    measured = 0
    carry = 0
    bit = 1
    k = 0
    while k < batteries:
        stored = current[k]
        values[at + k] = _NONE
        if stored != _NONE:
            i = stored - _BIAS
            load = i if i >= 0 else 0 - i
            values[at + k] = load + _BIAS
            total += i
            measured |= bit
            if load > small:
                out += 1 if i > 0 else -1
                flows |= bit
            if closed & bit:
                members += 1
                if load >= carrying:
                    carry |= bit
        bit <<= 1
        k += 1
    weigh(ctx[0], ctx[7], ctx[8], batteries)
    carriers = int(ascending(ctx[4], ctx[8], 0, 1, batteries, carry))
    bank[MEDIAN] = int(middle(ctx[4], carriers))
    bank[CARRIERS] = carriers
    bank[MEMBERS] = members
    bank[SUM] = total + _BIAS
    bank[DIRECTION] = 1 if out >= 0 else 0
    bank[CARRY] = carry
    values[place[_BANK_LOAD]] = (total if total >= 0 else 0 - total) + _BIAS
    # The sum is that of the main only where every battery that is closed is in it.
    if (closed & ~measured) & ((1 << batteries) - 1):
        total = 0
    else:
        measured |= 1 << _MAIN_BIT
    bank[MEASURED] = measured
    if total > small or total < 0 - small:
        flows |= 1 << _MAIN_BIT
    bank[FLOWS] = flows


@micropython.viper
def course(ctx) -> int:
    """Find which way the bank carries: 1 out, 2 in, 0 idle; kept with a hysteresis of a fifth.

    The median of those that carry says so. Where two carry, against each other, their median says
    nothing: the one that receives is reversed, so the bank counts as giving, by the lesser of
    them. Where few carry, as when many feed one, the sum has to agree.
    """
    parameter = ptr32(ctx[2])
    bank = ptr32(ctx[3])
    order = ptr32(ctx[4])
    load = bank[MEDIAN] - _BIAS if bank[MEDIAN] != _NONE else 0
    total = bank[SUM] - _BIAS
    limit = parameter[FLOWING]
    if bank[COURSE] != 0:
        limit -= limit // 5
    if bank[CARRIERS] == 2 and order[0] < _BIAS and order[1] > _BIAS:
        load = order[1] - _BIAS
        if load > _BIAS - order[0]:
            load = _BIAS - order[0]
    elif 2 * bank[CARRIERS] < bank[MEMBERS] and total < limit and total > 0 - limit:
        load = 0
    found = 0
    if load >= limit:
        found = 1
    elif load <= 0 - limit:
        found = 2
    bank[COURSE] = found
    return found


@micropython.viper
def gives(ctx, batteries: int) -> int:
    """Return what the batteries that discharge give, in mA; all there may be if one is unknown."""
    current = ptr32(ctx[0])
    if (ptr32(ctx[3])[MEASURED] >> _MAIN_BIT) & 1 == 0:
        return _MOST_mA
    total = 0
    k = 0
    while k < batteries:
        if current[k] > _BIAS:
            total += current[k] - _BIAS
        k += 1
    return total


@micropython.viper
def carried(ctx) -> int:
    """Return how much the median carries, either way, in mA; 0 where nobody does."""
    median = ptr32(ctx[3])[MEDIAN]
    if median == _NONE:
        return 0
    return median - _BIAS if median >= _BIAS else _BIAS - median


@micropython.viper
def directions(ctx, now: int, batteries: int):
    """Find who flows against the bank, and what the instantaneous element sees (rule 1).

    Stored are the currents against a bank that carries, and into batteries of a bank that is idle:
    no more of them than the siblings give, where all are measured, for the rest is a charge.
    When a charge eases off, whoever was ahead gives: at most what it had taken by then. So while
    charging only what is beyond the fall of the charge counts, from what it was of late; and no
    more than 30 % of rated are put down to that, for a full battery that is joined gives too.
    A battery reversed above the pickup of the instantaneous element is seen at once and hides the
    others from it for as long as it flows and 100 ms more: they feed it, and opening them, or the
    main, would not end that. Where directions are in balance, as between two batteries, the one
    that receives is reversed.
    """
    current = ptr32(ctx[0])
    values = ptr32(ctx[1])
    parameter = ptr32(ctx[2])
    bank = ptr32(ctx[3])
    place = ptr32(ctx[9])
    at_load = place[_LOAD]
    at = place[_INSTANTANEOUS]
    at_reverse = place[_REVERSE]
    at_idle = place[_REVERSE_IDLE]
    flow = int(course(ctx))
    out = bank[DIRECTION]
    small = 0 - parameter[SMALL]
    given = int(gives(ctx, batteries))
    part = ptr32(ctx[6])
    fall = bank[CHARGE] - int(carried(ctx))
    if flow != 2 or fall < 0:
        fall = 0
    elif fall > parameter[FALL]:
        fall = parameter[FALL]
    found = 0
    strong = 0
    k = 0
    while k < batteries:
        reverse = _NONE
        idle = _NONE
        if current[k] != _NONE:
            i = current[k] - _BIAS
            against = i if flow == 2 else 0 - i
            against -= (fall >> 10) * part[k] + (((fall & 1023) * part[k]) >> 10)
            reverse = _BIAS
            idle = _BIAS
            if against > 0:
                if flow:
                    reverse += against
                else:
                    idle += against if against < given else given
            if out == 0:
                i = 0 - i
            if i < small:
                found |= 1 << k
                if i <= 0 - parameter[INSTANT]:
                    strong = 1
        values[at_reverse + k] = reverse
        values[at_idle + k] = idle
        values[at + k] = values[at_load + k]
        k += 1
    bank[REVERSED] = found
    if strong:
        bank[BLOCKED] = 1
        bank[BLOCKED_AT] = now
    elif (now - bank[BLOCKED_AT]) & _MASK >= parameter[BLOCKING_ms]:
        bank[BLOCKED] = 0
    if bank[BLOCKED]:
        k = 0
        while k < batteries:
            if values[at + k] != _NONE and (found >> k) & 1 == 0:
                values[at + k] = _BIAS
            k += 1
