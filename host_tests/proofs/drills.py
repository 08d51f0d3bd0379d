"""Drills for a full bank: in each, certain elements have to operate, and some clear again.

A drill is a number of ticks and a plan as `vm_ordeal.Ordeal` takes it. Channels of 15 batteries:
currents from 0, voltages from 15, busbar 30, terminals from 31, ambient 61, reference 62.
Thermistors, as `drift` numbers them: terminals from 0, ambient 30.
"""

from packwarden.frame import ABSENT, OK
from proofs.vm_ordeal import TOP, ZERO

TENTH = [0, "span_ms", None, 100]
SECOND = [0, "span_ms", None, 1000]
ALL_STUCK = [0, "stuck", None, 0xFFFF]
HEAT = -100  # 0.1 mV a visit: about 30 K/min at one visit a second
COOL = 180
OF_IMBALANCE = "one carries too much, twice"

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
            *([40, "trouble", channel, ABSENT] for channel in (3, 18, 30)),
            *([40, "trouble", channel, TOP] for channel in (33, 61)),
            [50, "trouble", 62, ZERO],
            *([70, "trouble", channel, OK] for channel in (3, 18, 30, 33, 61, 62)),
        ],
    ),
    "a thermistor is lost while it is hot": (
        80,
        [SECOND, [30, "adc", 8, 7800], [60, "trouble", 39, TOP]],
    ),
    "the controller itself": (
        60,
        [
            [30, "faults", None, 1],
            [35, "faults", None, 3],
            [40, "faults", None, 0],
            [45, "faults", None, 2],
        ],
    ),
}
