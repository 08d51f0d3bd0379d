"""ALERT: the open drain of all monitors on one line, and the latch behind it.

While a monitor is beyond one of its own limits it pulls the line low. Low for longer than
ALERT_LATCH_US sets a latch that trips the main breaker without the controller's doing; a person
resets it, so it stands until the end of a run.

The line costs a few comparisons where the bank's values change. Only a monitor that is beyond a
limit is watched from there on: its limits act when its next conversion ends.
"""

import micropython

from packwarden_sim.clock import NEVER, us
from packwarden_sim.costs import ALERT_LATCH_US


class AlertLine:
    """The line. `watched`: bit k for each monitor that is beyond a limit, or pulls."""

    def __init__(self, shunt, bus, moved):
        """`shunt`, `bus`: the source's lists of codes; `moved`: see `Mcp23017`."""
        size = len(shunt)
        self.latched = False
        self.watched = 0
        self._monitors = [None] * size
        self._shunt, self._bus = shunt, bus
        self._moved = moved
        # From which code on a monitor is over its limits, and below which it is under them.
        self.over, self.under = [NEVER] * size, [-NEVER] * size
        self.bus_over, self.bus_under = [NEVER] * size, [-NEVER] * size
        self._pulling = 0
        self._fell_us = NEVER

    def join(self, index, monitor):
        """Connect the monitor of the lists' item `index`."""
        self._monitors[index] = monitor

    def arm(self, index, over, under, bus_over, bus_under):
        """Take a monitor's limits as codes. In the tick, as the next ones are too."""
        self.over[index], self.under[index] = over, under
        self.bus_over[index], self.bus_under[index] = bus_over, bus_under
        self.watch(index)

    def watch(self, index):
        """Ask one monitor whether it is to be watched."""
        if self._monitors[index].look():
            self.watched |= 1 << index
        else:
            self.watched &= ~(1 << index)

    def pull(self, index, on, at_us):
        """Monitor `index` has pulled the line low (on) or let it go at a time."""
        if on:
            self._fell_us = min(self._fell_us, at_us)
            self._pulling |= 1 << index
        else:
            self._pulling &= ~(1 << index)
            if self._pulling == 0:
                self._judge(at_us)
                self._fell_us = NEVER

    def level(self):
        """Return what the pin shows."""
        self.settle()
        return 0 if self._pulling else 1

    def settle(self):
        """Bring the line up to date with the conversions that have ended."""
        watched = self.watched
        index = 0
        while watched:
            if watched & 1:
                self._monitors[index].settle()
            watched >>= 1
            index += 1
        self._judge(us[0])

    def _judge(self, now):
        if now - self._fell_us > ALERT_LATCH_US and not self.latched:
            self.latched = True
            self._moved[0] = self._fell_us + ALERT_LATCH_US

    # ---- in the slack -------------------------------------------------------------------------

    def wire(self, shunt, bus):
        """The monitors' inputs carry these lists from now on."""
        self._shunt, self._bus = shunt, bus

    @micropython.native
    def look(self):
        """The source's lists have changed: find out who is to be watched."""
        shunt, bus = self._shunt, self._bus
        over, under = self.over, self.under
        bus_over, bus_under = self.bus_over, self.bus_under
        asked = self.watched
        for k in range(len(shunt)):
            code, volts = shunt[k], bus[k]
            if code >= over[k] or code < under[k] or volts >= bus_over[k] or volts < bus_under[k]:
                asked |= 1 << k
        index = 0
        while asked:
            if asked & 1:
                self.watch(index)
            asked >>= 1
            index += 1
