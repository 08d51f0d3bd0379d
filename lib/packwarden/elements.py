"""The table of protection elements: the one place that firmware, console, host and documents read.

An element watches quantities; each of its levels is a row: which quantity, its shipped pickup,
dropout and delay, how many new conversions must agree, what it does, and whether it latches.
To add an element, add its rows here, its quantity in `levels` and `quantities`, and its reason on
the host side.
"""

from micropython import const

from packwarden.levels import (
    ALARM,
    ALARM_RELAY,
    BATTERY_OR_BANK,
    BATTERY_OR_MAIN,
    FAN,
    INHIBIT_CLOSE,
    MAIN_OR_ALL,
    NO_ACTION,
    NO_LEVEL,
    STOP_CHARGE,
    STOP_DISCHARGE,
    STOP_FLOW,
    TRIP,
    TRIP_ALL,
    TRIP_BATTERY,
    TRIP_CROSSED,
    TRIP_MAIN,
    WARN,
    Element,
    Level,
    level_defaults,
)

# How long a trip that can wait does, for the inverter to stop and the current to fall below 5 % of
# rated. What is short-circuited, about to burn or asked for from outside never waits.
_WAIT_ms = const(2000)
# Estimates move within minutes: what is told stands in several of them.
_ESTIMATED_ms = const(300000)


def _loss(quantity, action=TRIP_BATTERY):
    """Return the row that trips when the element is blind for too long; shipped off."""
    return Level("loss", TRIP, quantity, action, wait_ms=_WAIT_ms)


TABLE = (
    Element(
        "terminal_overtemperature",
        "26",
        20,
        130,
        (
            Level("warn", WARN, "temperature", NO_ACTION, 60, 55, 5000),
            Level("alarm", ALARM, "temperature", ALARM_RELAY, 70, 65, 5000),
            Level("trip", TRIP, "temperature", TRIP_BATTERY, 80, 75, 2000, 2, wait_ms=_WAIT_ms),
            _loss("thermistor_lost"),
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
            Level(
                "trip",
                TRIP,
                "rise",
                TRIP_BATTERY,
                30,
                28,
                60000,
                2,
                50,
                "temperature",
                wait_ms=_WAIT_ms,
            ),
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
            Level(
                "trip",
                TRIP,
                "inverse",
                BATTERY_OR_BANK,
                125,
                wait_ms=_WAIT_ms,
                curve="IEC_EI",
                tms=0.25,
            ),
            _loss("monitor_lost"),
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
            Level("chip_limit", ALARM, "chip_limit", ALARM_RELAY, 1, 1, 250),
            Level("trip", TRIP, "instantaneous", BATTERY_OR_MAIN, 500, 400, samples=2),
        ),
    ),
    Element(
        "bank_overcurrent",
        "51",
        10,
        600,
        (
            Level("warn", WARN, "bank_load", NO_ACTION, 110, 104.5, 120000),
            Level("alarm", ALARM, "bank_inverse", ALARM_RELAY),
            Level(
                "trip",
                TRIP,
                "bank_inverse",
                TRIP_MAIN,
                125,
                wait_ms=_WAIT_ms,
                curve="IEC_EI",
                tms=0.5,
            ),
        ),
    ),
    Element(
        "current_imbalance",
        "60",
        5,
        500,
        (
            Level("warn", WARN, "imbalance", NO_ACTION, 40, 38, 120000, 1, 8, "deviation"),
            Level("drift_warn", WARN, "drift", NO_ACTION, 15, 11, 300000, 1, 5, "deviation"),
            Level("alarm", ALARM, "imbalance", ALARM_RELAY, 60, 57, 60000, 1, 15, "deviation"),
            Level("drift_alarm", ALARM, "drift", ALARM_RELAY, 30, 22, 120000, 1, 10, "deviation"),
            Level("slow_warn", WARN, "share_drift", NO_ACTION, 10, 7, _ESTIMATED_ms),
            Level("trip", TRIP, "imbalance", TRIP_BATTERY, gate="deviation", wait_ms=_WAIT_ms),
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
        "idle_string",
        "37",
        0.5,
        50,
        (
            Level("warn", WARN, "idle", NO_ACTION, 2, 4, 60000),
            Level("alarm", ALARM, "idle_giving", ALARM_RELAY, 2, 4, 600000),
            Level("trip", TRIP, "idle_giving", TRIP_BATTERY),
        ),
    ),
    Element(
        "undervoltage",
        "27",
        32,
        56,
        (
            Level("warn", WARN, "low_voltage", NO_ACTION, 48.0, 49.0, 60000),
            Level("alarm", ALARM, "low_voltage", STOP_DISCHARGE, 46.4, 47.4, 10000),
            Level(
                "trip",
                TRIP,
                "low_voltage",
                TRIP_BATTERY,
                43.2,
                44.2,
                5000,
                2,
                wait_ms=_WAIT_ms,
            ),
            _loss("monitor_lost"),
        ),
    ),
    Element(
        "overvoltage",
        "59",
        48,
        64,
        (
            Level("warn", WARN, "voltage", NO_ACTION, 58.0, 57.2, 60000),
            Level("alarm", ALARM, "voltage", STOP_CHARGE, 58.4, 57.6, 5000),
            Level("trip", TRIP, "voltage", TRIP_BATTERY, 59.2, 58.4, 1000, 2, wait_ms=_WAIT_ms),
            _loss("monitor_lost"),
        ),
    ),
    Element(
        "charge_temperature",
        "26",
        -20,
        20,
        (
            Level("warn", WARN, "coldest", NO_ACTION, 2, 5, 60000, 1, 2, "charging", seals=True),
            Level(
                "alarm", ALARM, "coldest", STOP_CHARGE, 0, 3, 60000, 1, 2, "charging", seals=True
            ),
            Level("trip", TRIP, "coldest", TRIP_BATTERY, gate="charging", wait_ms=_WAIT_ms),
        ),
    ),
    Element(
        "voltage_mismatch",
        "25",
        0.01,
        1,
        (Level("alarm", ALARM, "mismatch", INHIBIT_CLOSE, 0.05, 0.03, 60000),),
    ),
    Element(
        "bms_alarm",
        "30",
        1,
        1,
        (
            Level("alarm", ALARM, "bms_gives", ALARM_RELAY, 1, 1, 1000, reset_ms=5000),
            Level("trip", TRIP, "bms_gives", TRIP_BATTERY, wait_ms=_WAIT_ms),
        ),
    ),
    Element(
        "external_trip",
        None,
        1,
        1,
        (Level("trip", TRIP, "external", TRIP_MAIN, 1, 1, 100),),
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
            Level("trip", TRIP, "ambient", TRIP_MAIN, wait_ms=_WAIT_ms),
            _loss("ambient_lost", TRIP_MAIN),
        ),
    ),
    Element(
        "sensor_fault",
        None,
        0.1,
        50,
        (
            Level("alarm", ALARM, "monitor_lost", ALARM_RELAY, 1, 1, 1000, reset_ms=10000),
            Level("thermistor", ALARM, "thermistor_lost", ALARM_RELAY, 1, 1, 2000, reset_ms=10000),
            Level("busbar", ALARM, "busbar_lost", ALARM_RELAY, 1, 1, 1000, reset_ms=10000),
            Level("ambient", ALARM, "ambient_lost", ALARM_RELAY, 1, 1, 2000, reset_ms=10000),
            Level("reference", ALARM, "reference_lost", ALARM_RELAY, 1, 1, 2000, reset_ms=10000),
            Level("main_shunt", ALARM, "main_shunt_lost", ALARM_RELAY, 1, 1, 1000, reset_ms=10000),
            Level("kirchhoff", ALARM, "kirchhoff", ALARM_RELAY, 5, 3, 10000, reset_ms=10000),
            Level("trip", TRIP, "lost_hot", TRIP_BATTERY, 1, 1, 2000, wait_ms=_WAIT_ms),
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
    Element(
        "breaker_discrepancy",
        "52",
        1,
        1,
        (
            Level("alarm", ALARM, "discrepant", ALARM_RELAY, 1, 1, 500, shows="load"),
            Level("main", ALARM, "main_discrepant", ALARM_RELAY, 1, 1, 500, shows="bank_load"),
            Level("crossed", TRIP, "crossed", TRIP_CROSSED, 1, 1, shows="load"),
        ),
    ),
    Element(
        "output_fault",
        None,
        1,
        1,
        (Level("alarm", ALARM, "output_differs", ALARM_RELAY, 1, 1, reset_ms=1000),),
        inside=True,
    ),
    Element(
        "trip_circuit",
        "74TC",
        1,
        1,
        (Level("alarm", ALARM, "trip_circuit", ALARM_RELAY, 1, 1, 1000),),
    ),
    Element(
        "control_supply",
        "27C",
        50,
        99,
        (Level("alarm", ALARM, "supply", ALARM_RELAY, 85, 90, 1000),),
    ),
    Element(
        "cascade",
        None,
        50,
        300,
        (
            Level("warn", WARN, "predicted", NO_ACTION, 100, 95, 1000, 1, None, "departed", True),
            Level(
                "alarm",
                ALARM,
                "predicted",
                STOP_FLOW,
                125,
                95,
                gate="departed",
                seals=True,
                reset_ms=60000,  # or the load comes back at once
            ),
            Level("trip", TRIP, "predicted", TRIP_MAIN, 125, 95, 500, 1, None, "departed", True),
        ),
    ),
    Element(
        "controller_fault",
        None,
        1,
        1,
        (Level("alarm", ALARM, "controller_fails", ALARM_RELAY, 1, 1, reset_ms=10000),),
        inside=True,
    ),
    # No levels: what was tripped is locked out. Its records tell what was reset, refused, closed.
    Element("lockout", "86", 1, 1, ()),
    # What `condition` estimates, less its uncertainty: so 1 K is told already.
    Element(
        "joint_heating",
        "23",
        0.5,
        100,
        (
            Level("early_warn", WARN, "joint", NO_ACTION, 1, 0.5, _ESTIMATED_ms),
            Level("warn", WARN, "joint", NO_ACTION, 8, 5.6, _ESTIMATED_ms),
            Level("alarm", ALARM, "joint", ALARM_RELAY, 20, 14, _ESTIMATED_ms),
            Level("trip", TRIP, "joint", TRIP_BATTERY, wait_ms=_WAIT_ms),
        ),
    ),
    Element(
        "link_resistance",
        None,
        0.1,
        50,
        (
            Level("warn", WARN, "link", NO_ACTION, 0.3, 0.21, _ESTIMATED_ms),
            Level("alarm", ALARM, "link", ALARM_RELAY, 1, 0.7, _ESTIMATED_ms),
            Level("trip", TRIP, "link", TRIP_BATTERY, wait_ms=_WAIT_ms),
        ),
    ),
    Element(
        "resistance_mismatch",
        None,
        0.5,
        50,
        (
            Level("warn", WARN, "spread", NO_ACTION, 3, 2, _ESTIMATED_ms),
            Level("alarm", ALARM, "spread", ALARM_RELAY, 6, 4, _ESTIMATED_ms),
            Level("trip", TRIP, "spread", TRIP_BATTERY, wait_ms=_WAIT_ms),
        ),
    ),
)

# What records carry beside the elements of the table, with nothing to set: why the board started,
# and what a person did to the controller at its console.
BOOT = const(100)
OPERATION = const(101)


def slug(number):
    """Return the slug of an element's number in the table, or of the record beside it."""
    if number >= BOOT:
        return "boot" if number == BOOT else "operation"
    return TABLE[number].slug


def find(name):
    """Return the number of the element with this slug, or -1."""
    for number in range(len(TABLE)):
        if TABLE[number].slug == name:
            return number
    return -1


def defaults(bank):
    """Return the `elements` part of a configuration as shipped, for the `bank` part of one."""
    return {
        element.slug: {level.key: level_defaults(level, bank) for level in element.levels}
        for element in TABLE
    }
