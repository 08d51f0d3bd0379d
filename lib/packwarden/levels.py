"""What the rows of the element table are made of: scopes, levels, actions, units, quantities.

Shipped settings are for batteries of 16 cells rated 100 A: currents scale with the rating,
voltages with the cells. Those of the bank's current scale with the number of batteries as well.
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
BATTERY_OR_BANK = const(11)  # the battery, or the main where the whole bank is overloaded
TRIP_CROSSED = const(12)  # the battery again, and the main: another breaker opened in its place
STOP_FLOW = const(13)  # stop charging or discharging, whichever the bank does
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
    "trip_battery or trip_main",
    "trip_battery and trip_main",
    "stop_charge or stop_discharge",
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

# What a setting in a quantity's unit is per: shipped figures are for 100 A and 16 cells.
RATED = const(1)  # scales with the rating of a battery
BANK_RATED = const(2)  # with the rating of the bank: batteries times their rating
CELLS = const(3)  # with the cells in series

# Quantities in the order of their places: name, scope, unit, what it scales with, sign; a sign of
# -1 marks one that operates when it is too low: it is kept negated, and shown as it is.
# `quantities` gives each its value.
QUANTITIES = (
    ("temperature", TERMINAL, "degC", 0, 1),
    ("rise", TERMINAL, "K", 0, 1),
    ("rate", TERMINAL, "K/min", 0, 1),
    ("thermistor_lost", TERMINAL, None, 0, 1),
    ("lost_hot", TERMINAL, None, 0, 1),
    ("load", BATTERY, "A", RATED, 1),
    ("inverse", BATTERY, "%", 0, 1),
    ("instantaneous", BATTERY, "A", RATED, 1),
    ("imbalance", BATTERY, "%", 0, 1),
    ("drift", BATTERY, "%", 0, 1),  # imbalance, where baselines are set
    ("deviation", BATTERY, "A", RATED, 1),
    ("reverse", BATTERY, "A", RATED, 1),
    ("reverse_idle", BATTERY, "A", RATED, 1),
    ("idle", BATTERY, "A", RATED, -1),
    ("idle_giving", BATTERY, "A", RATED, -1),  # idle, while the bank discharges
    ("charging", BATTERY, "A", RATED, 1),
    ("low_voltage", BATTERY, "V", CELLS, -1),
    ("voltage", BATTERY, "V", CELLS, 1),
    ("coldest", BATTERY, "degC", 0, -1),
    ("mismatch", BATTERY, "V", 0, 1),
    ("bms_gives", BATTERY, None, 0, 1),
    ("monitor_lost", BATTERY, None, 0, 1),
    ("discrepant", BATTERY, None, 0, 1),
    ("crossed", BATTERY, None, 0, 1),
    ("breaker_stays", BATTERY, None, 0, 1),
    ("current_stays", BATTERY, None, 0, 1),
    ("ambient", BANK, "degC", 0, 1),
    ("ambient_lost", BANK, None, 0, 1),
    ("busbar_lost", BANK, None, 0, 1),
    ("reference_lost", BANK, None, 0, 1),
    ("main_shunt_lost", BANK, None, 0, 1),
    ("bank_load", BANK, "A", BANK_RATED, 1),
    ("bank_inverse", BANK, "%", 0, 1),
    ("kirchhoff", BANK, "A", BANK_RATED, 1),
    ("predicted", BANK, "%", 0, 1),
    ("departed", BANK, None, 0, 1),
    ("external", BANK, None, 0, 1),
    ("trip_circuit", BANK, None, 0, 1),
    ("supply", BANK, "%", 0, -1),
    ("chip_limit", BANK, None, 0, 1),
    ("main_discrepant", BANK, None, 0, 1),
    ("main_stays", BANK, None, 0, 1),
    ("output_differs", BANK, None, 0, 1),
    ("controller_fails", BANK, None, 0, 1),
    # These four are what `condition` surely knows: its estimates less their uncertainty.
    ("joint", TERMINAL, "K", 0, 1),
    ("link", BATTERY, "mOhm", 0, 1),
    ("spread", BATTERY, "mOhm", 0, 1),
    ("share_drift", BATTERY, "%", 0, 1),
)


def quantity_facts(name):
    """Return (scope, unit, what it scales with, sign) of a quantity."""
    for facts in QUANTITIES:
        if facts[0] == name:
            return facts[1:]
    raise ValueError("no quantity " + name)


class Level:
    """One row: a level of an element, with its shipped settings in the quantity's unit.

    What is not given stays with the class: there are a hundred of these, in little memory.
    """

    pickup = None  # None: shipped "off"
    dropout = None
    delay_ms = 0
    samples = 1  # new conversions that must agree
    at_least = None  # pickup of the second condition; it drops out at 90 %
    gate = None  # the quantity of the second condition
    seals = False  # once it has operated, its second condition no longer counts
    wait_ms = None  # how long a trip waits for a low current, unless set otherwise; None: never
    reset_ms = 0  # how long it must be well before it clears
    shows = None  # the quantity that events show instead of a flag
    curve = None  # inverse time: the pickup is a current, the time follows the curve
    tms = None

    def __init__(self, key, level, quantity, action, pickup=None, dropout=None, *more, **given):
        """`more`: delay_ms, samples, at_least, gate, seals, in this order; or by name."""
        self.key = key  # its name in the configuration
        self.level = level
        self.quantity = quantity
        self.action = action
        self._facts = quantity_facts(quantity)
        if pickup is not None:
            self.pickup = pickup
            self.dropout = dropout
        for place in range(len(more)):
            given[("delay_ms", "samples", "at_least", "gate", "seals")[place]] = more[place]
        for name in given:
            if given[name] != getattr(self, name):
                setattr(self, name, given[name])

    @property
    def scope(self):
        """One slot per TERMINAL, per BATTERY, or one for the BANK."""
        return self._facts[0]

    @property
    def unit(self):
        """Unit of the quantity, None for a flag."""
        return self._facts[1]

    @property
    def scale(self):
        """What its settings scale with: see QUANTITIES."""
        return self._facts[2]

    @property
    def sign(self):
        """-1 for a level that operates when its quantity is too low."""
        return self._facts[3]

    @property
    def latch(self):
        """Whether it stays operated until it is reset: every trip does."""
        return self.level == TRIP

    def shown_unit(self):
        """Return the unit of the value and limit that events and listings show."""
        if self.curve:
            return "A"
        return quantity_facts(self.shows)[1] if self.shows else self.unit


class Element:
    """A protection element: slug, IEEE C37.2 device number or None, admitted pickups, rows."""

    def __init__(self, slug, device, low, high, levels, inside=False):
        self.slug = slug
        self.device = device
        self.low = low  # admitted pickup, in the unit of the row, for the shipped scale
        self.high = high
        self.levels = levels
        self.inside = inside  # it tells a fault of Packwarden itself


def is_flag(level):
    """Return True where a row watches a yes-or-no: then only its delay can be set."""
    return level.unit is None


def scaled(value, scale, bank):
    """Return a shipped figure for a bank: `scale` as in QUANTITIES, `bank` the configuration's."""
    if scale == CELLS:
        return value * bank["cells"] / 16
    if scale:
        value = value * bank["rated_current_A"] / 100
        if scale == BANK_RATED:
            value *= bank["batteries"]
    return value


def rounded(value, places):
    """Return a setting with so many decimals, whole where it is whole."""
    per_unit = 10**places
    low = value < 0
    counts = int((-value if low else value) * per_unit + 0.5)
    if low:
        counts = -counts
    return counts / per_unit if counts % per_unit else counts // per_unit


def level_defaults(level, bank):
    """Return the shipped settings of one row: a dict or "off".

    `bank`: that of the configuration, for rated_current_A per battery, batteries and cells.
    """

    def setting(value, scale):
        if not scale:
            return value
        return rounded(scaled(value, scale, bank), 2 if scale == CELLS else 1)

    if level.pickup is None:
        return "off"
    if level.curve:
        scale = BANK_RATED if level.scope == BANK else RATED
        settings = {"pickup": setting(level.pickup, scale), "curve": level.curve, "tms": level.tms}
    else:
        settings = {}
        if not is_flag(level):
            settings["pickup"] = setting(level.pickup, level.scale)
            settings["dropout"] = setting(level.dropout, level.scale)
        settings["delay_ms"] = level.delay_ms
        if level.at_least is not None:
            settings["at_least"] = setting(level.at_least, quantity_facts(level.gate)[2])
        if level.samples != 1:
            settings["samples"] = level.samples
    return settings
