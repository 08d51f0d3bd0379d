"""The kernels over the currents: who carries, which way, how evenly, and who would carry what.

The reference is the median of the batteries that are closed, measured and carrying, each current
taken per part: a battery's part is its capacity times the baseline of its position. An opened
battery leaves the reference, never the watched set. For two batteries the reference is the other
one, for one there is none.
"""

import micropython
from micropython import const

_BIAS = const(1 << 29)  # as in `fixed`: kernels need constants of their own module
_NONE = const(0)
_ASIDE = const(1)
_MASK = const((1 << 30) - 1)
_MOST_mA = const(16000000)  # of what is weighed: beyond every monitor's full scale

# Places in the parameters, all in mA but the times, the voltage and the flag.
PARAMETERS = const(11)
SMALL = const(0)  # 5 % of rated: a direction, a breaker failure
CARRYING = const(1)  # 2 %: below, a battery does not carry and leaves the median
LOADED = const(2)  # 15 %: the median from which imbalance is judged
FLOWING = const(3)  # 10 %: the median from which a direction of the bank is judged
INSTANT = const(4)  # pickup of the instantaneous element
BLOCKING_ms = const(5)  # how long a reversed battery blocks that element of the others
FULL_LOADED = const(6)  # 30 %: as LOADED, near the end of charge, where shares cross
FULL_mV = const(7)  # from which voltage on that is, while charging
RATED = const(8)  # of a battery
HAS_BASELINE = const(9)
WINDOW_ms = const(10)  # how long after a battery has left the loads of the others are predicted

# Places in what is found of the whole bank.
FACTS = const(16)
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
MISSING_AT = const(15)  # since when somebody of those does not carry
MEASURED = const(14)  # mask: have a current; the main's bit: every battery that is closed has
_MAIN_BIT = const(15)


@micropython.viper
def insert(order, count: int, value: int):
    """Insert `value` into the first `count` places of an ascending array. Control step."""
    at = ptr32(order)
    i = count
    while i > 0 and at[i - 1] > value:
        at[i] = at[i - 1]
        i -= 1
    at[i] = value


@micropython.viper
def middle(order, count: int) -> int:
    """Return the median of the first `count` places of an ascending array, NONE of none."""
    at = ptr32(order)
    if count == 0:
        return _NONE
    half = count >> 1
    if count & 1:
        return at[half]
    return at[half - 1] + ((at[half] - at[half - 1]) >> 1)


@micropython.viper
def others(order, count: int, own: int, inside: int) -> int:
    """Return the reference for a value: the median, or the other one of two; NONE without others.

    `order`: the first `count` places ascending, biased; `inside` not 0: `own` is one of them.
    """
    at = ptr32(order)
    if count == 0 or (count == 1 and inside != 0):
        return _NONE
    if count == 2 and inside != 0:
        return at[1] if at[0] == own else at[0]
    return int(middle(order, count))


@micropython.viper
def weigh(i: int, parts: int) -> int:
    """Return a current times parts / 1024, within +-16 kA; |i| < 2^24, parts below 2^15."""
    weighed = (i >> 10) * parts + (((i & 1023) * parts) >> 10)
    if weighed > _MOST_mA:
        return _MOST_mA
    return weighed if weighed > 0 - _MOST_mA else 0 - _MOST_mA


@micropython.viper
def survey(ctx, batteries: int, closed: int, at: int):
    """Find the loads, the bank's median, sum and direction from the currents.

    ctx: channel values, quantities, parameters, facts of the bank, order, health, each battery's
    part in 1/1024 of the mean, and the inverse of that. `closed`: mask of the breakers that are
    closed; `at`: place of the loads. From the control step.
    """
    current = ptr32(ctx[0])
    values = ptr32(ctx[1])
    parameter = ptr32(ctx[2])
    bank = ptr32(ctx[3])
    inverse = ptr32(ctx[7])
    total = 0
    carriers = 0
    members = 0
    out = 0
    flows = 0
    measured = 0
    carry = 0
    k = 0
    while k < batteries:
        stored = current[k]
        if stored == _NONE:
            values[at + k] = _NONE
        else:
            i = stored - _BIAS
            load = i if i >= 0 else 0 - i
            values[at + k] = load + _BIAS
            total += i
            measured |= 1 << k
            if load > parameter[SMALL]:
                out += 1 if i > 0 else -1
                flows |= 1 << k
            if (closed >> k) & 1:
                members += 1
                if load >= parameter[CARRYING]:
                    insert(ctx[4], carriers, int(weigh(i, inverse[k])) + _BIAS)
                    carriers += 1
                    carry |= 1 << k
        k += 1
    bank[MEDIAN] = int(middle(ctx[4], carriers))
    bank[CARRIERS] = carriers
    bank[MEMBERS] = members
    bank[SUM] = total + _BIAS
    bank[DIRECTION] = 1 if out >= 0 else 0
    bank[CARRY] = carry
    # The sum is that of the main only where every battery that is closed is in it.
    if (closed & ~measured) & ((1 << batteries) - 1):
        total = 0
    else:
        measured |= 1 << _MAIN_BIT
    bank[MEASURED] = measured
    if total > parameter[SMALL] or total < 0 - parameter[SMALL]:
        flows |= 1 << _MAIN_BIT
    bank[FLOWS] = flows


@micropython.viper
def directions(ctx, now: int, batteries: int, at_load: int, at: int):
    """Tell who flows against the bank, and what the instantaneous element sees (rule 1).

    A battery reversed above the pickup is seen at once and hides the others for as long as it
    flows and 100 ms more: they feed it, and opening them, or the main, would not end that. Where
    directions are in balance, as between two batteries, the one that receives is reversed.
    """
    current = ptr32(ctx[0])
    values = ptr32(ctx[1])
    parameter = ptr32(ctx[2])
    bank = ptr32(ctx[3])
    found = 0
    strong = 0
    k = 0
    while k < batteries:
        if current[k] != _NONE:
            i = current[k] - _BIAS
            if bank[DIRECTION] == 0:
                i = 0 - i
            if i < 0 - parameter[SMALL]:
                found |= 1 << k
                if i <= 0 - parameter[INSTANT]:
                    strong = 1
        k += 1
    bank[REVERSED] = found
    if strong:
        bank[BLOCKED] = 1
        bank[BLOCKED_AT] = now
    elif (now - bank[BLOCKED_AT]) & _MASK >= parameter[BLOCKING_ms]:
        bank[BLOCKED] = 0
    k = 0
    while k < batteries:
        seen = values[at_load + k]
        if seen != _NONE and bank[BLOCKED] != 0 and (found >> k) & 1 == 0:
            seen = _BIAS
        values[at + k] = seen
        k += 1


@micropython.viper
def loaded(ctx, batteries: int, k: int) -> int:
    """Return 1 where the median is enough to judge battery k by it; at the end of charge more is.

    Above 3.45 V a cell, while charging, the shares cross: whoever is full first takes less.
    """
    volts = ptr32(ctx[0])
    parameter = ptr32(ctx[2])
    median = ptr32(ctx[3])[MEDIAN]
    load = median - _BIAS if median != _NONE else 0
    limit = parameter[LOADED]
    if load < 0:
        load = 0 - load
        if volts[batteries + k] > parameter[FULL_mV] + _BIAS:
            limit = parameter[FULL_LOADED]
    return 1 if load >= limit else 0


@micropython.viper
def balance(ctx, batteries: int, closed: int, at: int, at_drift: int, at_deviation: int):
    """Compare each battery's current with its expected share: in 0.1 % of it, and in mA.

    Expected is its part of the median of those that carry, or of the other one of two. Zero (no
    verdict) while the median is below 15 % of rated, and for a battery that is open.
    """
    current = ptr32(ctx[0])
    values = ptr32(ctx[1])
    parameter = ptr32(ctx[2])
    bank = ptr32(ctx[3])
    part = ptr32(ctx[6])
    inverse = ptr32(ctx[7])
    k = 0
    while k < batteries:
        values[at + k] = _NONE
        values[at_deviation + k] = _NONE
        if current[k] != _NONE:
            values[at + k] = _BIAS
            values[at_deviation + k] = _BIAS
            own = current[k] - _BIAS
            carries = (bank[CARRY] >> k) & 1
            alike = int(weigh(own, inverse[k])) + _BIAS
            expected = int(others(ctx[4], bank[CARRIERS], alike, carries))
            if (closed >> k) & 1 and expected != _NONE and int(loaded(ctx, batteries, k)):
                expected = int(weigh(expected - _BIAS, part[k]))
                off = own - expected
                if off < 0:
                    off = 0 - off
                if expected < 0:
                    expected = 0 - expected
                if expected < 100:
                    expected = 100
                values[at_deviation + k] = off + _BIAS
                values[at + k] = off // 100 * 1000 // (expected // 100) + _BIAS
        values[at_drift + k] = values[at + k] if parameter[HAS_BASELINE] else _ASIDE
        k += 1


@micropython.viper
def course(ctx):
    """Find which way the bank carries: 1 out, 2 in, 0 idle; kept with a hysteresis of a fifth.

    The median of those that carry says so. Where two carry, against each other, their median says
    nothing: the one that receives is reversed, so the bank counts as giving, by the lesser of
    them. Where few carry, as when many feed one, the sum has to agree. From the control step.
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
    bank[COURSE] = 0
    if load >= limit:
        bank[COURSE] = 1
    elif load <= 0 - limit:
        bank[COURSE] = 2


@micropython.viper
def reverse(ctx, batteries: int, at: int, at_idle: int):
    """Find the currents against a bank that carries, and into batteries of a bank that is idle."""
    current = ptr32(ctx[0])
    values = ptr32(ctx[1])
    bank = ptr32(ctx[3])
    flow = bank[COURSE]
    k = 0
    while k < batteries:
        values[at + k] = _NONE
        values[at_idle + k] = _NONE
        if current[k] != _NONE:
            i = current[k] - _BIAS
            against = i if flow == 2 else 0 - i
            values[at + k] = against + _BIAS if flow != 0 and against > 0 else _BIAS
            values[at_idle + k] = against + _BIAS if flow == 0 and against > 0 else _BIAS
        k += 1


@micropython.viper
def stays(ctx, batteries: int, commanded: int, contacts: int, at: int, at_flow: int):
    """Flag the breakers told to open that stay: by contact or current, and by current alone."""
    values = ptr32(ctx[1])
    bank = ptr32(ctx[3])
    flows = commanded & bank[FLOWS]
    either = flows | (commanded & contacts)
    k = 0
    while k < batteries:
        values[at_flow + k] = ((flows >> k) & 1) + _BIAS
        values[at + k] = ((either >> k) & 1) + _BIAS
        k += 1


@micropython.viper
def idle(ctx, batteries: int, closed: int, at: int, at_giving: int):
    """Store the loads, negated, where it says something that a battery carries none.

    That is while the median is enough to judge by, and not at the end of charge: who is full first
    takes nothing. The second quantity asks for a bank that discharges as well. A battery that
    carries otherwise is not idle, nor is one whose breaker is open: that lets go.
    """
    values = ptr32(ctx[1])
    bank = ptr32(ctx[3])
    current = ptr32(ctx[0])
    parameter = ptr32(ctx[2])
    k = 0
    while k < batteries:
        found = _NONE
        if (closed >> k) & 1 == 0:
            found = _ASIDE
        elif current[k] != _NONE:
            full = 0
            if bank[MEDIAN] < _BIAS and current[batteries + k] > parameter[FULL_mV] + _BIAS:
                full = 1
            if full == 0 and int(loaded(ctx, batteries, k)):
                load = current[k] - _BIAS
                found = _BIAS - (load if load >= 0 else 0 - load)
            elif (bank[CARRY] >> k) & 1:
                found = _ASIDE
        values[at + k] = found
        if found > _ASIDE and bank[MEDIAN] < _BIAS:
            found = _ASIDE if (bank[CARRY] >> k) & 1 else _NONE
        values[at_giving + k] = found
        k += 1
