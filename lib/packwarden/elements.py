"""The table of protection elements: the one place that firmware, console, host and documents read.

An element watches quantities; each of its levels is a row: which quantity, its shipped pickup,
dropout and delay, how many new conversions must agree, what it does, and whether it latches.
Shipped settings are for a bank rated 100 A per battery; levels in ampere scale with the rating.
To add an element, add its rows here, its quantity in `quantities` and its reason on the host side.
"""

from micropython import const

# Scope: one slot per terminal, per battery, or one for the whole bank.
TERMINAL = const(0)
BATTERY = const(1)
BANK = const(2)

# Level of a row, as events name it.
NO_LEVEL = const(0)
WARN = const(1)
ALARM = const(2)
TRIP = const(3)
LEVEL_NAMES = (None, "warn", "alarm", "trip")

# What is done when a level operates, as events name it.
NO_ACTION = const(0)
FAN = const(1)
ALARM_RELAY = const(2)
STOP_CHARGE = const(3)
STOP_DISCHARGE = const(4)
TRIP_BATTERY = const(5)
TRIP_MAIN = const(6)
TRIP_ALL = const(7)
INHIBIT_CLOSE = const(8)
# By direction, see `decide`: the battery if it is reversed, else the main; everything if the
# battery is reversed, else the main.
BATTERY_OR_MAIN = const(9)
MAIN_OR_ALL = const(10)
ACTION_NAMES = (
    "none",
    "fan",
    "alarm",
    "stop_charge",
    "stop_discharge",
    "trip_battery",
    "trip_main",
    "trip_all",
    "inhibit_close",
    "trip_battery or trip_main",
    "trip_main or trip_all",
)

# Units: name, internal counts per unit, decimals shown.
UNITS = {
    "degC": (100, 2),
    "K": (100, 2),
    "K/min": (100, 2),
    "A": (1000, 2),
    "V": (1000, 3),
    "mOhm": (1000, 3),
    "%": (10, 1),
    None: (1, 0),  # a flag: it is so, or it is not
}

# Quantities in the order of their places: name, scope, unit. `quantities` gives each its value.
QUANTITIES = (
    ("temperature", TERMINAL, "degC"),
    ("rise", TERMINAL, "K"),
    ("rate", TERMINAL, "K/min"),
    ("thermistor_lost", TERMINAL, None),
    ("lost_hot", TERMINAL, None),
    ("load", BATTERY, "A"),
    ("inverse", BATTERY, "%"),
    ("instantaneous", BATTERY, "A"),
    ("imbalance", BATTERY, "%"),
    ("deviation", BATTERY, "A"),
    ("reverse", BATTERY, "A"),
    ("reverse_idle", BATTERY, "A"),
    ("monitor_lost", BATTERY, None),
    ("breaker_stays", BATTERY, None),
    ("current_stays", BATTERY, None),
    ("ambient", BANK, "degC"),
    ("ambient_lost", BANK, None),
    ("busbar_lost", BANK, None),
    ("reference_lost", BANK, None),
    ("bank_load", BANK, "A"),
    ("main_stays", BANK, None),
)


def quantity_facts(name):
    """Return (scope, unit) of a quantity."""
    for known, scope, unit in QUANTITIES:
        if known == name:
            return scope, unit
    raise ValueError("no quantity " + name)


class Level:
    """One row: a level of an element, with its shipped settings in the quantity's unit."""

    def __init__(
        self,
        key,
        level,
        quantity,
        action,
        pickup=None,
        dropout=None,
        delay_ms=0,
        samples=1,
        at_least=None,
        gate=None,
        reset_ms=0,
        shows=None,
        curve=None,
        tms=None,
    ):
        self.key = key  # its name in the configuration
        self.level = level
        self.quantity = quantity
        self.scope, self.unit = quantity_facts(quantity)
        self.action = action
        self.latch = level == TRIP
        self.pickup = pickup  # None: shipped "off"
        self.dropout = dropout
        self.delay_ms = delay_ms
        self.samples = samples  # new conversions that must agree
        self.gate = gate  # the quantity of the second condition, or None
        self.at_least = at_least  # pickup of the second condition; it drops out at 90 %
        self.reset_ms = reset_ms  # how long it must be well before it clears
        self.shows = shows  # the quantity that events show instead of a flag
        self.curve = curve  # inverse time: the pickup is a current, the time follows the curve
        self.tms = tms

    def shown_unit(self):
        """Return the unit of the value and limit that events and listings show."""
        if self.curve:
            return "A"
        return quantity_facts(self.shows)[1] if self.shows else self.unit


class Element:
    """A protection element: slug, IEEE C37.2 device number or None, admitted pickups, rows."""

    def __init__(self, slug, device, low, high, levels):
        self.slug = slug
        self.device = device
        self.low = low  # admitted pickup, in the unit of the row; for A: per 100 A rated
        self.high = high
        self.levels = levels


TABLE = (
    Element(
        "terminal_overtemperature",
        "26",
        20,
        130,
        (
            Level("warn", WARN, "temperature", NO_ACTION, 60, 55, 5000),
            Level("alarm", ALARM, "temperature", ALARM_RELAY, 70, 65, 5000),
            Level("trip", TRIP, "temperature", TRIP_BATTERY, 80, 75, 2000, 2),
        ),
    ),
    Element(
        "terminal_rise",
        "26",
        1,
        100,
        (
            Level("warn", WARN, "rise", NO_ACTION, 6, 4, 300000),
            Level("alarm", ALARM, "rise", ALARM_RELAY, 15, 13, 120000),
            Level("trip", TRIP, "rise", TRIP_BATTERY, 30, 28, 60000, 2, 50, "temperature"),
        ),
    ),
    Element(
        "terminal_rate",
        "26",
        0.5,
        60,
        (
            Level("warn", WARN, "rate", NO_ACTION, 2.5, 1.25, 60000),
            Level("alarm", ALARM, "rate", ALARM_RELAY, 5, 2.5, 30000, 1, 5, "rise"),
            Level("trip", TRIP, "rate", TRIP_BATTERY, 10, 5, 15000, 2, 50, "temperature"),
        ),
    ),
    Element(
        "overcurrent_inverse",
        "51",
        10,
        600,
        (
            Level("warn", WARN, "load", NO_ACTION, 110, 104.5, 60000),
            Level("alarm", ALARM, "inverse", ALARM_RELAY, 75, 71.2),
            Level("trip", TRIP, "inverse", TRIP_BATTERY, 125, curve="IEC_EI", tms=0.25),
        ),
    ),
    Element(
        "overcurrent_instantaneous",
        "50",
        50,
        600,
        (
            Level("warn", WARN, "instantaneous", NO_ACTION),
            Level("alarm", ALARM, "instantaneous", ALARM_RELAY),
            Level("trip", TRIP, "instantaneous", BATTERY_OR_MAIN, 500, 400, samples=2),
        ),
    ),
    Element(
        "current_imbalance",
        "60",
        5,
        500,
        (
            Level("warn", WARN, "imbalance", NO_ACTION, 40, 30, 120000, 1, 8, "deviation"),
            Level("alarm", ALARM, "imbalance", ALARM_RELAY, 60, 45, 60000, 1, 15, "deviation"),
            Level("trip", TRIP, "imbalance", TRIP_BATTERY, gate="deviation"),
        ),
    ),
    Element(
        "reverse_current",
        "32",
        1,
        600,
        (
            Level("warn", WARN, "reverse", NO_ACTION, 10, 5, 10000),
            Level("alarm", ALARM, "reverse", ALARM_RELAY, 20, 10, 5000),
            Level("trip", TRIP, "reverse", TRIP_BATTERY, 50, 25, 1000, 2),
            Level("trip_high", TRIP, "reverse", TRIP_BATTERY, 200, 100, samples=2),
            Level("idle_warn", WARN, "reverse_idle", NO_ACTION, 10, 5, 600000),
            Level("idle_alarm", ALARM, "reverse_idle", ALARM_RELAY, 25, 12.5, 60000),
            Level("idle_trip", TRIP, "reverse_idle", TRIP_BATTERY),
        ),
    ),
    Element(
        "ambient_high",
        "49",
        0,
        80,
        (
            Level("fan", NO_LEVEL, "ambient", FAN, 35, 32, 10000),
            Level("warn", WARN, "ambient", NO_ACTION, 40, 37, 60000),
            Level("alarm", ALARM, "ambient", ALARM_RELAY, 45, 42, 60000),
            Level("trip", TRIP, "ambient", TRIP_MAIN),
        ),
    ),
    Element(
        "sensor_fault",
        None,
        1,
        1,
        (
            Level("alarm", ALARM, "monitor_lost", ALARM_RELAY, 1, 1, 1000, reset_ms=10000),
            Level("thermistor", ALARM, "thermistor_lost", ALARM_RELAY, 1, 1, 2000, reset_ms=10000),
            Level("busbar", ALARM, "busbar_lost", ALARM_RELAY, 1, 1, 1000, reset_ms=10000),
            Level("ambient", ALARM, "ambient_lost", ALARM_RELAY, 1, 1, 2000, reset_ms=10000),
            Level("reference", ALARM, "reference_lost", ALARM_RELAY, 1, 1, 2000, reset_ms=10000),
            Level("trip", TRIP, "lost_hot", TRIP_BATTERY, 1, 1, 2000),
        ),
    ),
    Element(
        "breaker_failure",
        "50BF",
        1,
        1,
        (
            Level("retrip", TRIP, "breaker_stays", TRIP_BATTERY, 1, 1, 150, shows="load"),
            Level("main", TRIP, "breaker_stays", MAIN_OR_ALL, 1, 1, 300, shows="load"),
            Level("all", TRIP, "current_stays", TRIP_ALL, 1, 1, 600, shows="load"),
            Level("main_retrip", TRIP, "main_stays", TRIP_MAIN, 1, 1, 150, shows="bank_load"),
            Level("main_all", TRIP, "main_stays", TRIP_ALL, 1, 1, 300, shows="bank_load"),
        ),
    ),
)

# Slugs that records carry beside those of the table: not elements, there is nothing to set.
BOOT = const(100)
OUTPUT_FAULT = const(101)
CONTROLLER_FAULT = const(102)
_OTHER_SLUGS = ("boot", "output_fault", "controller_fault")


def slug(number):
    """Return the slug of an element's number in the table, or of one of the records beside it."""
    return _OTHER_SLUGS[number - BOOT] if number >= BOOT else TABLE[number].slug


def find(name):
    """Return the number of the element with this slug, or -1."""
    for number in range(len(TABLE)):
        if TABLE[number].slug == name:
            return number
    return -1


def is_flag(level):
    """Return True where a row watches a yes-or-no: then only its delay can be set."""
    return level.unit is None


def scales_with_rating(unit):
    """Return True for a unit whose shipped settings are per 100 A rated."""
    return unit == "A"


def level_defaults(level, rated_A):
    """Return the shipped settings of one row for a rating in ampere per battery: a dict or
    "off".
    """

    def scaled(value, unit):
        if not scales_with_rating(unit):
            return value
        tenths = int(value * rated_A / 10 + 0.5)
        return tenths / 10 if tenths % 10 else tenths // 10

    if level.pickup is None:
        return "off"
    if level.curve:
        return {"pickup": scaled(level.pickup, "A"), "curve": level.curve, "tms": level.tms}
    settings = {}
    if not is_flag(level):
        settings["pickup"] = scaled(level.pickup, level.unit)
        settings["dropout"] = scaled(level.dropout, level.unit)
    settings["delay_ms"] = level.delay_ms
    if level.at_least is not None:
        settings["at_least"] = scaled(level.at_least, quantity_facts(level.gate)[1])
    if level.samples != 1:
        settings["samples"] = level.samples
    return settings


def defaults(rated_A):
    """Return the `elements` part of a configuration as shipped, for `rated_A` per battery."""
    return {
        element.slug: {level.key: level_defaults(level, rated_A) for level in element.levels}
        for element in TABLE
    }
