"""Drills for a full bank: in each, certain elements have to operate, and some clear again.

A drill is a number of ticks and a plan as `ordeal.Ordeal` takes it. Channels of 15 batteries:
currents from 0, voltages from 15, busbar 30, terminals from 31, ambient 61, reference 62, supply
63, main shunt 64.
Thermistors, as `drift` numbers them: terminals from 0, ambient 30.
"""

from ordeal import TOP, ZERO
from packwarden.frame import ABSENT, OK

TENTH = [0, "span_ms", None, 100]
SECOND = [0, "span_ms", None, 1000]
ALL_STUCK = [0, "stuck", None, 0xFFFF]
HEAT = -100  # 0.1 mV a visit: about 30 K/min at one visit a second
COOL = 180
OF_IMBALANCE = "one carries too much, twice"
CROSSED = "crossed wires"

DRILLS = {
    "a joint heats up, and cools": (
        240,
        [SECOND, [30, "drift", 4, HEAT], [140, "drift", 4, COOL], [190, "drift", 4, 0]],
    ),
    "hot behind breakers that are stuck": (
        110,
        [SECOND, ALL_STUCK, [30, "target", None, 600], [35, "drift", 9, HEAT]],
    ),
    "overload, relieved, and again": (
        170,
        [
            SECOND,
            [30, "target", None, 1450],
            [45, "target", None, 300],
            [75, "target", None, 1450],
        ],
    ),
    "short circuit": (80, [[30, "target", None, 6500], [50, "target", None, 100]]),
    "short circuit in a battery": (60, [[30, "target", None, 200], [35, "odd", 3, -6500]]),
    "the same, and it does not open": (
        60,
        [ALL_STUCK, [30, "target", None, 200], [35, "odd", 3, -6500]],
    ),
    OF_IMBALANCE: (
        130,
        [
            TENTH,
            [30, "target", None, 500],
            [40, "odd", 2, 500],
            [60, "odd", 2, 0],
            [80, "odd", 2, 500],
        ],
    ),
    "one is charged by the others": (
        130,
        [
            TENTH,
            [30, "target", None, 300],
            [40, "odd", 5, -550],
            [70, "odd", 5, 0],
            [80, "odd", 5, -1000],
            [100, "odd", 7, -2600],
        ],
    ),
    "one is charged while the bank is idle": (
        120,
        [
            [0, "span_ms", None, 200],
            [30, "target", None, 30],
            [40, "odd", 6, -280],
            [70, "odd", 6, 0],
            [80, "odd", 6, -400],
        ],
    ),
    "the cabinet heats up, and cools": (
        160,
        [SECOND, [30, "drift", 30, HEAT], [95, "drift", 30, COOL], [130, "drift", 30, 0]],
    ),
    "sensors are lost, and return": (
        160,
        [
            [0, "span_ms", None, 250],
            *([40, "trouble", channel, ABSENT] for channel in (3, 18, 30, 64)),
            *([40, "trouble", channel, TOP] for channel in (33, 61)),
            [50, "trouble", 62, ZERO],
            *([70, "trouble", channel, OK] for channel in (3, 18, 30, 33, 61, 62, 64)),
        ],
    ),
    "a thermistor is lost while it is hot": (
        80,
        [SECOND, [30, "adc", 8, 7800], [60, "trouble", 39, TOP]],
    ),
    "empty, and charged too far": (
        200,
        [
            SECOND,
            [20, "sag", 2, -100],
            [35, "sag", 2, -130],
            [50, "sag", 2, 0],
            [60, "sag", 2, -210],
            [80, "sag", 5, 110],
            [110, "sag", 5, 0],
            [120, "sag", 5, 140],
        ],
    ),
    "charging in the cold": (
        140,
        [
            SECOND,
            [20, "target", None, -300],
            [20, "adc", 6, 19500],
            [60, "adc", 6, 14400],
            [90, "adc", 6, 21000],
        ],
    ),
    "voltages that differ at rest": (
        80,
        [SECOND, [20, "sag", 4, 5], [60, "sag", 4, 0]],
    ),
    "contacts": (
        240,
        [
            TENTH,
            [30, "bms", None, 1 << 4],
            [30, "circuit", None, 0],
            [30, "supply_mV", None, 19000],
            [30, "alert", None, 1],
            [40, "bms", None, 0],
            [40, "circuit", None, 1],
            [40, "supply_mV", None, 24000],
            [40, "alert", None, 0],
            [60, "lie", None, 1 << 2 | 1 << 15],
            [80, "lie", None, 0],
            [90, "bms", None, 1 << 5],
            [220, "external", None, 0],
        ],
    ),
    CROSSED: (
        90,
        [[0, "crosses", None, 1 << 3], [30, "target", None, 200], [35, "adc", 6, 5000]],
    ),
    "one is gone, and the others are overloaded": (
        120,
        [
            [0, "span_ms", None, 200],
            [20, "target", None, 1300],
            [40, "adc", 4, 6500],
            [90, "target", None, 100],
        ],
    ),
    "one carries nothing": (
        150,
        [SECOND, [20, "target", None, 400], [40, "share", 4, 0], [120, "share", 4, 1000]],
    ),
    "an overload that no breaker ends": (
        220,
        [SECOND, ALL_STUCK, [20, "target", None, 1500], [200, "target", None, 100]],
    ),
    "the sum is not what flows": (
        120,
        [
            TENTH,
            [20, "target", None, 300],
            [30, "main_off", None, 2000],
            [80, "main_off", None, 0],
        ],
    ),
    "a joint, a link and a cell get worse, and are mended": (
        160,
        [
            SECOND,
            *([20, "joint", pole, 30_000] for pole in (4, 9)),
            *([20, name, 3, 100_000] for name in ("link", "spread")),
            *([90, "joint", pole, 0] for pole in (4, 9)),
            *([90, name, 3, 0] for name in ("link", "spread")),
        ],
    ),
    "the controller itself": (
        170,
        [
            TENTH,
            [30, "faults", None, 1],
            [35, "faults", None, 3],
            [40, "faults", None, 0],  # it clears after 10 s
            [150, "faults", None, 2],
        ],
    ),
}
