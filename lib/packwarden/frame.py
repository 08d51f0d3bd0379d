"""The frame: the raw counts of one tick, as acquisition leaves them and the step takes them.

Channels of N batteries, in this order: N currents, N voltages, the busbar voltage, 2N terminals
(+ and - of battery 1, of battery 2, ...), the ambient thermistor, the reference resistor; and,
where they are wired, the supply of the trip coils (mV) and the main shunt.
"""

from micropython import const

from packwarden.fixed import NONE, ints

# What acquisition says of a channel (`Frame.note`) and `validate` of its health.
OK = const(0)
ABSENT = const(1)  # no answer
FROZEN = const(2)  # answers, but does not convert any more, or its code stands while others move
CONFIG_LOST = const(3)  # its configuration was not what had been written; written anew
WRONG_CHIP = const(4)  # answers with another identity
OPEN = const(5)  # thermistor or its lead open, judged in counts
SHORT = const(6)  # thermistor or its lead shorted, judged in counts
ZERO = const(7)  # an exact zero under load, again and again, or next to no voltage
ADC = const(8)  # the reference resistor does not read as one: no ratio can be formed

HEALTH_NAMES = (
    "ok",
    "absent",
    "frozen",
    "configuration lost",
    "wrong chip",
    "open",
    "short",
    "zero",
    "reference out of range",
)

MAIN_BIT = const(15)  # of every breaker mask; battery k (from 0) is bit k


class Frame:
    """Raw counts of one tick; made once at boot, filled in place by acquisition."""

    def __init__(self, batteries, supply=False, main_shunt=False):
        """`supply`, `main_shunt`: those are wired; if not, their channel is -1. Boot only."""
        self.batteries = batteries
        self.voltage = batteries
        self.bus = 2 * batteries
        self.terminal = 2 * batteries + 1
        self.ambient = 4 * batteries + 1
        self.reference = 4 * batteries + 2
        self.channels = 4 * batteries + 3
        self.supply = self._next() if supply else -1
        self.main = self._next() if main_shunt else -1
        self.raw = ints(self.channels, NONE)  # BIAS + code, NONE where the attempt failed
        self.count = ints(self.channels)  # attempts, modulo 2^30: a new conversion or a failure
        self.note = ints(self.channels, ABSENT)
        self.contacts_known = 0  # bit set: the contacts of this breaker could be read
        self.aux_a = 0  # bit set: contact 52a is closed, that is: the breaker is closed
        self.aux_b = 0  # bit set: contact 52b is closed, that is: the breaker is open
        self.bms = 0  # bit set: the battery's alarm contact is closed
        self.bms_known = 0  # bit set: it could be read
        self.external = 0  # 1: the external trip contact is closed
        self.trip_circuit = 0  # 1: the chain of supervision relays is closed
        self.trip_circuit_known = 0  # 1: it could be read
        self.alert = 0  # 1: a monitor is beyond its own limits

    def _next(self):
        self.channels += 1
        return self.channels - 1
