"""Breakers with their release: what happens between a relay's contact and the open pole.

Shunt trip: opens when its coil was energised. Undervoltage release and contactor: open when their
coil is dropped; a contactor closes again when it is energised, the others are closed by hand.
Hold-up hardware keeps a held coil up over a reset until the firmware energises it for the first
time.
"""

from packwarden_sim.clock import NEVER
from packwarden_sim.costs import BREAKER_PULSE_US, BREAKER_TRAVEL_US, HOLD_UP_US

SHUNT_TRIP = "shunt_trip"
CONTACTOR = "contactor"


class Breaker:
    """One breaker. Times in virtual microseconds; `due` is when its contacts move next."""

    def __init__(self, kind, closed=True, stuck=False):
        self.closed = closed
        self.stuck = stuck
        self.due = NEVER
        self.travel_us = BREAKER_TRAVEL_US
        self.held = kind != SHUNT_TRIP
        self._recloses = kind == CONTACTOR
        self._level = 0
        self._since = 0
        if self.held:
            self._since = HOLD_UP_US
            self.due = HOLD_UP_US + self.travel_us

    def drive(self, level, at_us):
        """The coil's relay went to `level` (0, 1) at `at_us`."""
        if level == self._level:
            return
        self._level = level
        if self._releases():
            self._since = at_us
            self.due = at_us + self.travel_us if self.closed else NEVER
        elif self.closed:
            # Ended before the release had its impulse: nothing moves.
            if at_us - self._since < BREAKER_PULSE_US:
                self.due = NEVER
        elif self._recloses:
            self.due = at_us + self.travel_us

    def _releases(self):
        return self._level != self.held

    def end_hold_up(self, at_us):
        """What acts on a held coil itself drops it although its hold-up lasts."""
        if self.held and self.closed:
            self.due = min(self.due, at_us + self.travel_us)

    def settle(self):
        """The time `due` has come: the contacts move, unless they are stuck."""
        self.due = NEVER
        if not self.closed:
            self.closed = True
        elif not self.stuck:
            self.closed = False

    def slow(self, travel_us):
        """Fault: it takes so long to open; None: as long as usual."""
        self.travel_us = BREAKER_TRAVEL_US if travel_us is None else travel_us

    def by_hand(self, closed, at_us=0):
        """Someone opens or closes it; while its release acts it does not stay closed."""
        self.closed = closed
        self.due = at_us + self.travel_us if closed and self._releases() else NEVER
