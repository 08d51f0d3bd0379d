"""Permission to parallel (25): what has to be so before a breaker may be closed.

The same both ways: a battery that is too high charges the others, one that is too low is charged.
Nothing in here closes anything; `waits` says in words what is still missing. From the slack.
"""

from packwarden import levels
from packwarden.fixed import BIAS, NONE, decimal, to_fixed
from packwarden.frame import HEALTH_NAMES
from packwarden.lockout import name
from packwarden.openings import BATTERIES
from packwarden.records import TERMINAL_NAMES
from packwarden.voltages import busbar

MISMATCH_mV = 50  # where the element is off; the guide's matching limit
COLDEST_cC = 0
HOTTEST_cC = 6000
PRECHARGED_percent = 95  # of the battery's voltage, before a dead busbar is joined


def waits(protection, index):
    """Return what a breaker waits for, a text each; an empty list: it may be closed."""
    breakers = protection.breakers
    bit = breakers.bit(index)
    who = name(protection, index)
    if breakers.closed & bit:
        return [who + " is closed"]
    found = []
    if breakers.tripped & bit:
        found.append("%s is locked out: reset it first" % who)
    if index == breakers.main:
        if breakers.closed & BATTERIES:
            found.append("batteries are closed: what is behind the main may not be pre-charged")
        return found
    found.extend(_sensors(protection, index))
    if not found:
        found.extend(_temperatures(protection, index))
        found.extend(_voltage(protection, index))
    if protection.quantities.value(protection.quantities.at_bms + index):
        found.append("the BMS gives an alarm")
    return found


def _sensors(protection, k):
    """Name the sensors of a battery that have failed."""
    frame = protection.frame
    health = protection.validator.health
    plus = frame.terminal + 2 * k
    channels = (
        (k, "current"),
        (frame.voltage + k, "voltage"),
        (plus, "TERM+"),
        (plus + 1, "TERM-"),
        (frame.reference, "reference resistor"),
    )
    return ["%s: %s" % (what, HEALTH_NAMES[health[ch]]) for ch, what in channels if health[ch]]


def _setting(protection, slug, key, unit, otherwise):
    """Return a row's pickup in internal counts, or `otherwise` where the row is off."""
    given = protection.bank.config["elements"][slug][key]
    return otherwise if given == "off" else to_fixed(given["pickup"], levels.UNITS[unit][0])


def _temperatures(protection, k):
    low = _setting(protection, "charge_temperature", "alarm", "degC", COLDEST_cC)
    high = _setting(protection, "terminal_overtemperature", "warn", "degC", HOTTEST_cC)
    for pole in (0, 1):
        value = protection.measured.value(protection.frame.terminal + 2 * k + pole)
        if value is None or not low < value < high:
            yield "TERM%s is at %s degC, between %s and %s is needed" % (
                TERMINAL_NAMES[pole + 1],
                "-" if value is None else decimal(value, 100, 1),
                decimal(low, 100, 1),
                decimal(high, 100, 1),
            )


def _apart(protection, own):
    """Return how far a voltage (mV) is off the busbar, or off the open batteries of a dead one."""
    n = protection.frame.batteries
    reference = busbar(protection.quantities.voltages, n, protection.breakers.closed)
    if reference != NONE:
        return abs(own - (reference - BIAS))
    values = [protection.measured.value(n + k) for k in range(n)]
    return max([abs(own - value) for value in values if value is not None])


def _voltage(protection, k):
    frame = protection.frame
    own = protection.measured.value(frame.voltage + k)
    bus = protection.measured.value(frame.bus)
    dead = not protection.breakers.closed & BATTERIES
    limit = _setting(protection, "voltage_mismatch", "alarm", "V", MISMATCH_mV)
    off = _apart(protection, own)
    if off > limit:
        yield "%s V is %s V off %s, within %s V is needed" % (
            decimal(own, 1000, 3),
            decimal(off, 1000, 3),
            "the open battery that differs most" if dead else "the busbar",
            decimal(limit, 1000, 3),
        )
    if dead:
        needed = own * PRECHARGED_percent // 100
        if bus is None:
            yield "the busbar is dead and its voltage is not known"
        elif bus < needed:
            yield "the busbar is at %s V: pre-charge it to %s V" % (
                decimal(bus, 1000, 1),
                decimal(needed, 1000, 1),
            )
