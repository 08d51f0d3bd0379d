"""What hangs on the bank: an inverter as a bounded source of current or of power, over time.

A profile is a list of steps (at_ms, ramp_ms, value): from `at_ms` on the demand goes in a straight
line, within `ramp_ms`, from what it was to `value`, and holds it. Discharge is positive. A
profile may begin anew every `repeat_ms`.
"""

from array import array
from math import sqrt

from packwarden_sim.clock import NEVER

# An inverter that has been held at its cut-off for so long stops.
CUTOFF_MS = 10_000


class Load:
    """One load; times never run back."""

    def __init__(
        self,
        steps,
        repeat_ms=NEVER,
        power=False,
        most_A=None,
        cutoff_V=0.0,
        ceiling_V=None,
        restart_V=None,
    ):
        """Take steps in order of time, in ampere or (`power`) watt, and the inverter's own limits.

        It never draws or feeds more than `most_A`, discharges no deeper than `cutoff_V` and
        charges no higher than `ceiling_V` (None: no limit). With `restart_V` it stops after 10 s
        at its cut-off and discharges again when the bank has recovered to that.
        """
        self.power = power
        self.most_A = most_A
        self.cutoff_V = cutoff_V
        self.ceiling_V = ceiling_V
        self.restart_V = restart_V
        self._low_ms = NEVER
        self._rests = False
        # Corners of the profile; arrays, for a week of a home has ten thousand.
        self._at_ms, self._values = _corners(steps)
        self._index = 0
        self._repeat_ms = repeat_ms
        self._began_ms = 0

    def demand(self, t_ms):
        """Return the demand at a time, in A or W."""
        index = self._reached(t_ms)
        t_ms -= self._began_ms
        at_ms, value = self._at_ms[index], self._values[index]
        if t_ms <= at_ms or index + 1 == len(self._at_ms):
            return value
        return value + (self._values[index + 1] - value) * (t_ms - at_ms) / (
            self._at_ms[index + 1] - at_ms
        )

    def next_ms(self, t_ms):
        """Return the time of the next corner of the profile after `t_ms`, or NEVER."""
        after = self._reached(t_ms) + 1
        last = after == len(self._at_ms)
        ahead_ms = self._repeat_ms if last else self._at_ms[after]
        return NEVER if ahead_ms == NEVER else self._began_ms + ahead_ms

    def _reached(self, t_ms):
        """Place of the last corner that is not after `t_ms` (of the first, before it)."""
        while t_ms - self._began_ms >= self._repeat_ms:
            self._began_ms += self._repeat_ms
            self._index = 0
        t_ms -= self._began_ms
        corners = self._at_ms
        after = self._index + 1
        while after < len(corners) and corners[after] <= t_ms:
            after += 1
        self._index = after - 1
        return self._index

    def current_A(self, t_ms, open_V, source_ohm, charge, discharge):
        """Return the current that flows from a bank of this open voltage and inner resistance.

        charge, discharge: whether the permissives let the inverter do it.
        """
        current = self.demand(t_ms)
        if self.power:
            current = _current_of_power(current, open_V, source_ohm)
        most = max((open_V - self.cutoff_V) / source_ohm, 0.0) if discharge else 0.0
        if self.restart_V is not None and self._empty(t_ms, open_V, discharge and current > most):
            most = 0.0
        if current > 0.0:
            current = min(current, most)
        elif current < 0.0:
            least = 0.0
            if charge:
                least = current
                if self.ceiling_V is not None:
                    least = min((open_V - self.ceiling_V) / source_ohm, 0.0)
            current = max(current, least)
        if self.most_A is not None:
            current = max(-self.most_A, min(self.most_A, current))
        return current

    def _empty(self, t_ms, open_V, held):
        """Return whether it has stopped at its cut-off; `held`: it is kept from more just now."""
        if not held:
            self._low_ms = NEVER
        elif self._low_ms == NEVER:
            self._low_ms = t_ms
        if open_V >= self.restart_V:
            self._rests = False
        elif t_ms >= self._low_ms + CUTOFF_MS:
            self._rests = True
        return self._rests


def _current_of_power(power_W, open_V, source_ohm):
    """Return I from power = (open_V - source_ohm I) I; the most there is if it is too much."""
    square = open_V * open_V - 4.0 * source_ohm * power_W
    if square <= 0.0:
        return open_V / (2.0 * source_ohm)
    # This form of the smaller root keeps its digits when the source is stiff; no 0 / 0 at 0 V.
    return 2.0 * power_W / (open_V + sqrt(square)) if power_W else 0.0


def _corners(steps):
    """Return the times and values of the corners; of two at one time the later holds."""
    times = array("q")
    values = array("d")
    value = 0.0
    for index in range(len(steps)):
        at_ms, ramp_ms, goal = steps[index]
        end_ms = at_ms + ramp_ms
        # A ramp that goes on where the one before it ended has its first corner already.
        if not times or times[-1] != at_ms:
            times.append(at_ms)
            values.append(value)
        if index + 1 < len(steps) and steps[index + 1][0] < end_ms:
            # The next step begins on the way: it starts from what has been reached.
            next_ms = steps[index + 1][0]
            goal = value + (goal - value) * (next_ms - at_ms) / ramp_ms
            end_ms = next_ms
        times.append(end_ms)
        values.append(goal)
        value = goal
    if not times:
        times.append(0)
        values.append(0.0)
    return times, values
