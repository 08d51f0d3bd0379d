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
        self._releases_at = 1 if kind == SHUNT_TRIP else 0
        self._recloses = kind == CONTACTOR
        self._level = 0
        self._since = 0
        if self._releases_at == 0:
            self._since = HOLD_UP_US
            self.due = HOLD_UP_US + BREAKER_TRAVEL_US

    def drive(self, level, at_us):
        """The coil's relay went to `level` (0, 1) at `at_us`."""
        if level == self._level:
            return
        self._level = level
        if level == self._releases_at:
            self._since = at_us
            self.due = at_us + BREAKER_TRAVEL_US if self.closed else NEVER
        elif self.closed:
            # Ended before the release had its impulse: nothing moves.
            if at_us - self._since < BREAKER_PULSE_US:
                self.due = NEVER
        elif self._recloses:
            self.due = at_us + BREAKER_TRAVEL_US

    def settle(self):
        """The time `due` has come: the contacts move, unless they are stuck."""
        self.due = NEVER
        if not self.closed:
            self.closed = True
        elif not self.stuck:
            self.closed = False

    def by_hand(self, closed):
        """Someone opens or closes it."""
        self.closed = closed
        self.due = NEVER
