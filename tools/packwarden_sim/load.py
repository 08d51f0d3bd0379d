"""What hangs on the bank: an inverter as a bounded source of current or of power, over time.

A profile is a list of steps (at_ms, ramp_ms, value): from `at_ms` on the demand goes in a straight
line, within `ramp_ms`, from what it was to `value`, and holds it. Discharge is positive.
"""

from math import sqrt

from packwarden_sim.clock import NEVER


class Load:
    """One load; times never run back."""

    def __init__(self, steps, power=False, most_A=None, cutoff_V=0.0, ceiling_V=None):
        """Take steps in order of time, in ampere or (`power`) watt, and the inverter's own limits.

        It never draws or feeds more than `most_A`, stops discharging at `cutoff_V` and charging at
        `ceiling_V` (None: no limit).
        """
        self.power = power
        self.most_A = most_A
        self.cutoff_V = cutoff_V
        self.ceiling_V = ceiling_V
        self._points = _points(steps)
        self._index = 0

    def demand(self, t_ms):
        """Return the demand at a time, in A or W."""
        points = self._points
        while self._index + 1 < len(points) and points[self._index + 1][0] <= t_ms:
            self._index += 1
        at_ms, value = points[self._index]
        if self._index + 1 == len(points) or t_ms <= at_ms:
            return value
        next_ms, goal = points[self._index + 1]
        return value + (goal - value) * (t_ms - at_ms) / (next_ms - at_ms)

    def next_ms(self, t_ms):
        """Return the time of the next corner of the profile after `t_ms`, or NEVER."""
        self.demand(t_ms)
        after = self._index + 1
        return self._points[after][0] if after < len(self._points) else NEVER

    def current_A(self, t_ms, open_V, source_ohm, charge, discharge):
        """Return the current that flows from a bank of this open voltage and inner resistance.

        charge, discharge: whether the permissives let the inverter do it.
        """
        current = self.demand(t_ms)
        if self.power:
            current = _current_of_power(current, open_V, source_ohm)
        if current > 0.0:
            most = max((open_V - self.cutoff_V) / source_ohm, 0.0) if discharge else 0.0
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


def _current_of_power(power_W, open_V, source_ohm):
    """Return I from power = (open_V - source_ohm I) I; the most there is if it is too much."""
    square = open_V * open_V - 4.0 * source_ohm * power_W
    if square <= 0.0:
        return open_V / (2.0 * source_ohm)
    # This form of the smaller root keeps its digits when the source is stiff; no 0 / 0 at 0 V.
    return 2.0 * power_W / (open_V + sqrt(square)) if power_W else 0.0


def _points(steps):
    """Return (t_ms, value) corners; of two at one time the later holds."""
    points = []
    value = 0.0
    for index in range(len(steps)):
        at_ms, ramp_ms, goal = steps[index]
        end_ms = at_ms + ramp_ms
        points.append((at_ms, value))
        if index + 1 < len(steps) and steps[index + 1][0] < end_ms:
            # The next step begins on the way: it starts from what has been reached.
            next_ms = steps[index + 1][0]
            goal = value + (goal - value) * (next_ms - at_ms) / ramp_ms
            end_ms = next_ms
        points.append((end_ms, goal))
        value = goal
    return points or [(0, 0.0)]
