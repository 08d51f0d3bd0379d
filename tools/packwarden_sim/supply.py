"""The supply of the trip coils: what the ADC sees of it, and whether a coil still works on it.

A shunt trip's coil works from 65 % of its nominal voltage on, a held one drops out below 50 %:
within what IEC 60947-2 asks for, 70 % at the most and between 70 and 35 %.
"""

from packwarden_sim.chips.adc import shown_uV
from packwarden_sim.clock import adc_us, us
from packwarden_sim.costs import ADC_READ_US
from packwarden_sim.noise import INC, MASK, MUL, SHIFT, TRIANGLE, stream

TRIPS_PERCENT = 65
HOLDS_PERCENT = 50
# What feeds the coils where the configuration says that it is not wired to the controller.
_USUAL_V = 24
# Channel of the noise generators: monitors and multiplexers have the ones below.
_STREAM = 140


class Supply:
    """The supply, in whole microvolts: the tick reads it."""

    def __init__(self, configured_V, divider, seed):
        """`configured_V`: 0 where the controller's pin has nothing but its resistor to ground."""
        self.nominal_uV = round((configured_V or _USUAL_V) * 1_000_000)
        self._divider = divider if configured_V else 0
        self._random = stream(seed, _STREAM)
        self.wrong = None  # with the wire to the pin: see `wires`
        self.go(self.nominal_uV)

    def go(self, goal_uV, since_ms=0, span_ms=0):
        """Fault: go to a voltage in a straight line, from `since_ms` on within `span_ms`."""
        self._from_uV = self.now_uV() if span_ms else goal_uV
        self._goal_uV = goal_uV
        self._since_ms = since_ms
        self._span_ms = span_ms

    def now_uV(self):
        """Return the voltage of this moment."""
        passed_ms = us[0] // 1000 - self._since_ms
        if passed_ms >= self._span_ms:
            return self._goal_uV
        return self._from_uV + (self._goal_uV - self._from_uV) * passed_ms // self._span_ms

    def trips(self):
        """Return whether a shunt trip's coil operates its breaker."""
        return self.now_uV() * 100 >= self.nominal_uV * TRIPS_PERCENT

    def holds(self):
        """Return whether a coil that is energised holds its breaker."""
        return self.now_uV() * 100 >= self.nominal_uV * HOLDS_PERCENT

    def read_uv(self):
        """Return the reading of the pin in microvolts; advances time. In the tick."""
        us[0] += ADC_READ_US
        adc_us[0] += ADC_READ_US
        state = (self._random * MUL + INC) & MASK
        self._random = state
        pin_uV = self.now_uV() // self._divider if self._divider else 0
        if self.wrong is not None:
            pin_uV = self.wrong.shown(pin_uV)
        return shown_uV(pin_uV, TRIANGLE[state >> SHIFT])
