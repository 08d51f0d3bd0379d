"""Degraded: which element is blind now, for which battery, and why. From the slack."""

from packwarden import elements
from packwarden.frame import HEALTH_NAMES
from packwarden.records import TERMINAL_NAMES, two_digits

# What each kind of channel is needed for: quantities of `levels`.
_NEEDED = {
    "current": (
        "load",
        "inverse",
        "instantaneous",
        "imbalance",
        "drift",
        "reverse",
        "reverse_idle",
        "idle",
        "idle_giving",
        "joint",
        "link",
        "spread",
        "share_drift",
    ),
    "voltage": ("low_voltage", "voltage", "mismatch", "link", "spread"),
    "terminal": ("temperature", "rise", "rate", "joint"),
    "terminals": ("temperature", "rise", "rate", "coldest", "joint", "link", "spread"),
    "ambient": ("ambient",),
    "main shunt": ("kirchhoff",),
    "contacts": ("discrepant", "main_discrepant", "crossed"),
    "BMS contact": ("bms_gives",),
    "trip circuit contact": ("trip_circuit",),
}


def blind(protection):
    """Yield (what is lost, battery from 1 or 0, terminal 0 none 1 + 2 -, why, [slugs])."""
    frame = protection.frame
    health = protection.validator.health
    for k in range(frame.batteries):
        for channel, kind in ((k, "current"), (frame.voltage + k, "voltage")):
            if health[channel]:
                yield kind, k + 1, 0, HEALTH_NAMES[health[channel]], _slugs(protection, kind)
        for pole in (0, 1):
            state = health[frame.terminal + 2 * k + pole]
            if state and not health[frame.reference]:
                yield "", k + 1, pole + 1, HEALTH_NAMES[state], _slugs(protection, "terminal")
    if health[frame.reference]:
        why = HEALTH_NAMES[health[frame.reference]]
        yield "reference resistor", 0, 0, why, _slugs(protection, "terminals")
    for channel, kind in ((frame.ambient, "ambient"), (frame.main, "main shunt")):
        if channel >= 0 and health[channel]:
            yield kind, 0, 0, HEALTH_NAMES[health[channel]], _slugs(protection, kind)
    yield from _contacts(protection)


def _contacts(protection):
    """Yield the contacts that cannot be read."""
    frame = protection.frame
    bank = protection.bank
    breakers = protection.breakers
    why = "its expander does not answer"
    for index in range(frame.batteries + 1):
        battery = 0 if index == breakers.main else index + 1
        if bank.feedback != "none" and not frame.contacts_known & breakers.bit(index):
            yield "contacts", battery, 0, why, _slugs(protection, "contacts")
        known = frame.bms_known & breakers.bit(index)
        if battery and bank.bms_contact != "none" and not known:
            yield "BMS contact", battery, 0, why, _slugs(protection, "BMS contact")
    if bank.trip_circuit != "none" and not frame.trip_circuit_known:
        yield "trip circuit contact", 0, 0, why, _slugs(protection, "trip circuit contact")


def _slugs(protection, kind):
    """Return the elements with a row that is on and watches what such a channel gives."""
    found = []
    for row in protection.decider.rows:
        slug = elements.TABLE[row.number].slug
        if row.table.quantity in _NEEDED[kind] and slug not in found:
            found.append(slug)
    return found


def place(what, battery, terminal):
    """Return where it is, for people: BAT03 TERM+, BAT03 voltage, ambient."""
    parts = ["BAT" + two_digits(battery)] if battery else []
    if terminal:
        parts.append("TERM" + TERMINAL_NAMES[terminal])
    if what:
        parts.append(what)
    return " ".join(parts)
