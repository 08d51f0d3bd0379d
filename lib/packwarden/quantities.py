"""What the elements watch: one number per quantity and terminal, battery or bank, anew each tick.

`Quantities.place` says where a quantity begins in the array `values` (biased; NONE: has no value).
The references are medians of the batteries that are closed: an opened battery leaves them, never
the watched set. For two batteries the reference is the other one, for one there is none.
"""

import micropython
from micropython import const

from packwarden import elements
from packwarden.fixed import BIAS, NONE, ints
from packwarden.frame import MAIN_BIT

_BIAS = const(1 << 29)  # as in `fixed`: kernels need constants of their own module
_NONE = const(0)
_MASK = const((1 << 30) - 1)

# Places in the parameters of the kernels over currents, all in mA but the time.
_SMALL = const(0)  # 5 % of rated: a direction, a breaker failure
_CARRYING = const(1)  # 2 %: below, a battery does not carry and leaves the median
_LOADED = const(2)  # 15 %: the median from which imbalance is judged
_FLOWING = const(3)  # 10 %: the median from which a direction of the bank is judged
_INSTANT = const(4)  # pickup of the instantaneous element
_BLOCKING_ms = const(5)  # how long a reversed battery blocks that element of the others

# Places in what is found of the whole bank.
MEDIAN = const(0)  # biased mA of the batteries that carry, NONE where none does
CARRIERS = const(1)  # how many do
SUM = const(2)  # biased mA, of all that are measured
MEMBERS = const(3)  # how many are closed and measured
DIRECTION = const(4)  # 1: the bank discharges, 0: it charges, by majority
REVERSED = const(5)  # mask: flow against it by more than 5 % of rated
BLOCKED = const(6)  # 1: a reversed battery explains the current of the others
_BLOCKED_AT = const(7)
FLOWS = const(8)  # mask: carry more than 5 % of rated; the main's bit: their sum does
COURSE = const(9)  # which way the bank carries: see `course`
_MEDIAN = const(0)
_CARRIERS = const(1)
_SUM = const(2)
_MEMBERS = const(3)
_DIRECTION = const(4)
_REVERSED = const(5)
_BLOCKED = const(6)
_FLOWS = const(8)
_COURSE = const(9)
_MAIN_BIT = const(15)

BLOCK_ms = const(100)


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
def survey(ctx, batteries: int, closed: int, at: int):
    """Find the loads, the bank's median, sum and direction from the currents.

    ctx: channel values, quantities, parameters, facts of the bank, order. `closed`: mask of the
    breakers that are closed; `at`: place of the loads. From the control step.
    """
    current = ptr32(ctx[0])
    values = ptr32(ctx[1])
    parameter = ptr32(ctx[2])
    bank = ptr32(ctx[3])
    total = 0
    carriers = 0
    members = 0
    out = 0
    flows = 0
    measured = 0
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
            if load > parameter[_SMALL]:
                out += 1 if i > 0 else -1
                flows |= 1 << k
            if (closed >> k) & 1:
                members += 1
                if load >= parameter[_CARRYING]:
                    insert(ctx[4], carriers, stored)
                    carriers += 1
        k += 1
    bank[_MEDIAN] = int(middle(ctx[4], carriers))
    bank[_CARRIERS] = carriers
    bank[_MEMBERS] = members
    bank[_SUM] = total + _BIAS
    bank[_DIRECTION] = 1 if out >= 0 else 0
    # The sum is that of the main only where every battery that is closed is in it.
    if (closed & ~measured) & ((1 << batteries) - 1):
        total = 0
    if total > parameter[_SMALL] or total < 0 - parameter[_SMALL]:
        flows |= 1 << _MAIN_BIT
    bank[_FLOWS] = flows


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
            if bank[_DIRECTION] == 0:
                i = 0 - i
            if i < 0 - parameter[_SMALL]:
                found |= 1 << k
                if i <= 0 - parameter[_INSTANT]:
                    strong = 1
        k += 1
    bank[_REVERSED] = found
    if strong:
        bank[_BLOCKED] = 1
        bank[_BLOCKED_AT] = now
    elif (now - bank[_BLOCKED_AT]) & _MASK >= parameter[_BLOCKING_ms]:
        bank[_BLOCKED] = 0
    k = 0
    while k < batteries:
        seen = values[at_load + k]
        if seen != _NONE and bank[_BLOCKED] != 0 and (found >> k) & 1 == 0:
            seen = _BIAS
        values[at + k] = seen
        k += 1


@micropython.viper
def balance(ctx, batteries: int, closed: int, at: int, at_deviation: int):
    """Compare each battery's current with its expected share: in 0.1 % of it, and in mA.

    Expected is the median of those that carry, or the other one of two. Zero (no verdict) while
    the median is below 15 % of rated, and for a battery that is open.
    """
    current = ptr32(ctx[0])
    values = ptr32(ctx[1])
    parameter = ptr32(ctx[2])
    bank = ptr32(ctx[3])
    load = bank[_MEDIAN] - _BIAS if bank[_MEDIAN] != _NONE else 0
    loaded = 1 if load >= parameter[_LOADED] or load <= 0 - parameter[_LOADED] else 0
    k = 0
    while k < batteries:
        values[at + k] = _NONE
        values[at_deviation + k] = _NONE
        if current[k] != _NONE:
            values[at + k] = _BIAS
            values[at_deviation + k] = _BIAS
            own = current[k] - _BIAS
            carries = 0
            if own >= parameter[_CARRYING] or own <= 0 - parameter[_CARRYING]:
                carries = (closed >> k) & 1
            expected = int(others(ctx[4], bank[_CARRIERS], current[k], carries))
            if loaded and (closed >> k) & 1 and expected != _NONE:
                expected -= _BIAS
                off = own - expected
                if off < 0:
                    off = 0 - off
                if expected < 0:
                    expected = 0 - expected
                if expected < 100:
                    expected = 100
                values[at_deviation + k] = off + _BIAS
                values[at + k] = off // 100 * 1000 // (expected // 100) + _BIAS
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
    load = bank[_MEDIAN] - _BIAS if bank[_MEDIAN] != _NONE else 0
    total = bank[_SUM] - _BIAS
    limit = parameter[_FLOWING]
    if bank[_COURSE] != 0:
        limit -= limit // 5
    if bank[_CARRIERS] == 2 and order[0] < _BIAS and order[1] > _BIAS:
        load = order[1] - _BIAS
        if load > _BIAS - order[0]:
            load = _BIAS - order[0]
    elif 2 * bank[_CARRIERS] < bank[_MEMBERS] and total < limit and total > 0 - limit:
        load = 0
    bank[_COURSE] = 0
    if load >= limit:
        bank[_COURSE] = 1
    elif load <= 0 - limit:
        bank[_COURSE] = 2


@micropython.viper
def reverse(ctx, batteries: int, at: int, at_idle: int):
    """Find the currents against a bank that carries, and into batteries of a bank that is idle."""
    current = ptr32(ctx[0])
    values = ptr32(ctx[1])
    bank = ptr32(ctx[3])
    flow = bank[_COURSE]
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
    flows = commanded & bank[_FLOWS]
    either = flows | (commanded & contacts)
    k = 0
    while k < batteries:
        values[at_flow + k] = ((flows >> k) & 1) + _BIAS
        values[at + k] = ((either >> k) & 1) + _BIAS
        k += 1


@micropython.viper
def monitors_lost(ctx, batteries: int, at: int):
    """Flag the monitors of which a channel has failed. From the control step."""
    values = ptr32(ctx[1])
    health = ptr32(ctx[5])
    k = 0
    while k < batteries:
        values[at + k] = _BIAS + 1 if health[k] | health[batteries + k] else _BIAS
        k += 1


class Quantities:
    """The quantities of a bank and their places; binds the arrays of the kernels over currents."""

    def __init__(self, frame, measured, health, bank, instantaneous_mA):
        """Bind to the channel values `measured` and their `health`, for a bank. Boot only."""
        self.frame = frame
        self.batteries = frame.batteries
        self.places = {}
        length = 0
        for name, scope, _ in elements.QUANTITIES:
            self.places[name] = length
            length += (2 * self.batteries, self.batteries, 1)[scope]
        self.always = length  # a place that always holds zero: the gate of rows without one
        self.values = ints(length + 1, NONE)
        self.values[self.always] = BIAS
        parameters = ints(6)
        parameters[_SMALL] = bank.rated_mA // 20
        parameters[_CARRYING] = bank.rated_mA // 50
        parameters[_LOADED] = bank.rated_mA * 15 // 100
        parameters[_FLOWING] = bank.rated_mA // 10
        parameters[_INSTANT] = instantaneous_mA
        parameters[_BLOCKING_ms] = BLOCK_ms
        self.bank = ints(10)
        self.bank[MEDIAN] = NONE
        self.loaded_mA = parameters[_LOADED]
        self.small_mA = parameters[_SMALL]
        self.moved_mA = bank.rated_mA // 50
        self.ctx = (measured, self.values, parameters, self.bank, ints(self.batteries + 1), health)
        self.measured = measured
        self.health = health
        self.at_load = self.places["load"]
        self.at_instantaneous = self.places["instantaneous"]
        self.at_imbalance = self.places["imbalance"]
        self.at_deviation = self.places["deviation"]
        self.at_reverse = self.places["reverse"]
        self.at_idle = self.places["reverse_idle"]
        self.at_stays = self.places["breaker_stays"]
        self.at_flows = self.places["current_stays"]
        self.at_lost = self.places["monitor_lost"]
        self.at_ambient = self.places["ambient"]
        self.at_bank_load = self.places["bank_load"]
        self.at_main_stays = self.places["main_stays"]

    def currents(self, now_ms, closed):
        """Find every quantity of the currents. `closed`: mask of closed breakers. Control step."""
        n = self.batteries
        ctx = self.ctx
        survey(ctx, n, closed, self.at_load)
        directions(ctx, now_ms, n, self.at_load, self.at_instantaneous)
        balance(ctx, n, closed, self.at_imbalance, self.at_deviation)
        course(ctx)
        reverse(ctx, n, self.at_reverse, self.at_idle)
        self.values[self.at_bank_load] = abs(self.bank[SUM] - BIAS) + BIAS

    def stuck(self, commanded, contacts):
        """Flag the breakers that were told to open and stay, by the currents just found.

        `commanded`, `contacts`: masks of breakers told to open, and of contacts that say closed.
        """
        stays(self.ctx, self.batteries, commanded, contacts, self.at_stays, self.at_flows)
        main = commanded & (contacts | self.bank[FLOWS]) & (1 << MAIN_BIT)
        self.values[self.at_main_stays] = BIAS + 1 if main else BIAS

    def health_flags(self):
        """Flag what is lost, and pass the ambient on. From the control step: allocates nothing.

        The places behind `ambient` are ambient_lost, busbar_lost and reference_lost, in this
        order.
        """
        monitors_lost(self.ctx, self.batteries, self.at_lost)
        frame = self.frame
        values = self.values
        at = self.at_ambient
        values[at] = self.measured[frame.ambient]
        values[at + 1] = BIAS + 1 if self.health[frame.ambient] else BIAS
        values[at + 2] = BIAS + 1 if self.health[frame.bus] else BIAS
        values[at + 3] = BIAS + 1 if self.health[frame.reference] else BIAS

    def value(self, place):
        """Return the quantity at a place in its internal unit, or None where it has no value."""
        stored = self.values[place]
        return None if stored == NONE else stored - BIAS
