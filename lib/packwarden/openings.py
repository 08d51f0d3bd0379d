"""Openings: what is let through to the breakers, when, and what the inverter may do meanwhile.

A trip that can wait first takes both run-permissives away and opens its breaker when the current
has fallen below 5 % of rated, or when its time is over; one that cannot wait opens at once.
Waiting is for contactors, which a load may weld; for the main breaker; and for the last battery
while it is charged, since the charger's energy would have nowhere to go. One battery of several
opens at once: its breaker is rated for its load, the others take that over, and a stop would
darken the house. The permissives stay away while the main breaker or the last battery is open or
opening.
"""

from packwarden.currents import MEASURED, SUM
from packwarden.fixed import BIAS, MASK, ints
from packwarden.frame import MAIN_BIT

BATTERIES = (1 << MAIN_BIT) - 1


class Openings:
    """The trips on their way to the breakers of a bank, and its two run-permissives."""

    STATE = ("pending", "waited", "_stamp", "_wait_ms")

    def __init__(self, breakers, found):
        """Bind to the breakers and to what is found of the whole bank. Boot only."""
        self.breakers = breakers
        self._found = found
        self.pending = 0  # mask of breakers that wait for a low current
        self.due = 0  # of those, the ones that were opened in this tick; whoever tells clears it
        self.leaving = 0  # mask of batteries that are tripped in this tick; whoever trips sets it
        self.waited = 0  # mask of those opened after waiting, and not known to be open
        self._stamp = ints(breakers.main + 1)
        self._wait_ms = ints(breakers.main + 1)

    def open(self, index, now_ms, wait_ms):
        """Trip a breaker, at once or after waiting up to `wait_ms` (0: at once) for a low current.

        Returns False if it was tripped and is open. From the control step: allocates nothing.
        """
        breakers = self.breakers
        bit = breakers.bit(index)
        if wait_ms and self._flows(bit) and self._waits(index):
            if not self.pending & bit:
                self.pending |= bit
                self._stamp[index] = now_ms
                self._wait_ms[index] = wait_ms
            return True
        self.pending &= ~bit
        return breakers.trip(index, now_ms)

    def _flows(self, bit):
        """Return whether a breaker carries more than 5 % of rated, or nobody knows."""
        return (self.breakers.flows | ~self._found[MEASURED]) & bit

    def _waits(self, index):
        """Return whether to wait before this breaker opens, if its element can."""
        breakers = self.breakers
        bit = breakers.bit(index)
        if breakers.commanded & bit:
            return False
        if breakers.follows or index == breakers.main:
            return True
        if self._found[SUM] >= BIAS:
            return False
        return not breakers.closed & ~(self.gone | bit) & BATTERIES

    @property
    def gone(self):
        """The mask of batteries that nothing can be left to: they leave, or wait for it."""
        return (self.breakers.commanded | self.pending | self.leaving) & BATTERIES

    def advance(self, now_ms):
        """Open the breakers whose current has fallen or whose time is over. Control step."""
        breakers = self.breakers
        self.waited &= breakers.commanded
        if not self.pending:
            return
        for index in range(breakers.main + 1):
            bit = breakers.bit(index)
            if self.pending & bit:
                waited_ms = (now_ms - self._stamp[index]) & MASK
                if not self._flows(bit) or waited_ms >= self._wait_ms[index]:
                    self.pending &= ~bit
                    self.due |= bit
                    self.waited |= bit
                    breakers.trip(index, now_ms)

    @property
    def stops(self):
        """True while nothing may run: a trip waits, or nobody is left to take the current.

        An inverter that charges into an opening main breaker raises its voltage beyond what any
        monitor survives.
        """
        breakers = self.breakers
        if self.pending or self.waited:
            return True
        closed = breakers.closed | breakers.flows | breakers.lied
        if (breakers.tripped | breakers.commanded | ~closed) & (1 << MAIN_BIT):
            return True
        return not closed & ~breakers.commanded & BATTERIES
