"""Plays a trace's job file as the bank behind the chips: integers in, integers out.

File: a JSON line {"batteries": N}, then per row of the trace one line of integers, separated by
spaces: t_ms, N current codes, N voltage codes, busbar code, 2N terminal pin voltages in uV,
ambient uV, N monitor states and the busbar's, mask of 52a contacts, mask of BMS alarms. The
interface is the one that every source has:

- `shunt`, `bus`: lists of N+1 conversion codes (ADCRANGE 0), the last one of the busbar's monitor,
  with the current of the main line where it has a shunt;
  `adc_uv`: 2N+2 voltages at the ADC pin, terminals, ambient, reference; `states`: N+1 of 0 ok,
  1 absent, 2 frozen. The chips hold these lists, so they are only ever changed in place.
- `contacts`, `bms`: masks, bit k-1 for battery k. 52a shows closed only if the breaker is as well.
- `next_ms`: when `apply` wants to be called next; `end_ms`: when the run is over. NEVER if not.
- `apply(t_ms, closed, main, fan, charge, discharge)` brings all of it to time t_ms after arming (0
  until then), after going on with the arguments of the call before. May allocate.
- `truth(t_ms)`: what really is, for people, or None. `save()`, `restore(saved)`: over a reset.
"""

import json

from packwarden_sim.clock import NEVER

_CHUNK = 16_384


class TraceSource:
    """The trace as a source. A breaker that opened leaves its battery's current at zero."""

    def __init__(self, path, reference_uv, main=(0, 1, 0)):
        """Open the job file and take its first row; `reference_uv`: at the reference resistor.

        `main`: shunt in the main line and shunts of the batteries in uohm, largest code.
        """
        self._main_uohm, self._shunt_uohm, self._most = main
        self._lines = _lines(path)
        self.batteries = n = json.loads(next(self._lines))["batteries"]
        self.shunt = [0] * (n + 1)
        self.bus = [0] * (n + 1)
        self.adc_uv = [0] * (2 * n + 1) + [reference_uv]
        self.states = [0] * (n + 1)
        self.contacts = 0
        self.bms = 0
        self.next_ms = 0
        self.end_ms = NEVER
        self._currents = [0] * n
        self._closed = -1
        self._main = 1
        self._take(next(self._lines))
        self._carry()
        self._look_ahead()

    def apply(self, t_ms, closed, main, fan, charge, discharge):
        """Bring the lists to the last row at or before t_ms, and currents to the breakers."""
        changed = closed != self._closed or main != self._main
        self._closed = closed
        self._main = main
        if self.next_ms <= t_ms:
            line = self._line
            while self.next_ms <= t_ms:
                line = self._line
                self._look_ahead()
            self._take(line)
            changed = True
        if changed:
            self._carry()

    def truth(self, t_ms):
        """Return None: a trace knows nothing beyond what the chips show."""
        return

    def save(self):
        """Return None: the time says which row it is."""
        return

    def restore(self, saved):
        """Nothing to take back."""

    def _look_ahead(self):
        """Read the next row's line and its time; without one the row before was the last."""
        last_ms = self.next_ms
        self._line = next(self._lines, None)
        if self._line:
            self.next_ms = int(self._line.split(" ", 1)[0])
        else:
            self.next_ms = NEVER
            self.end_ms = last_ms

    def _take(self, line):
        """Bring one row's integers to the lists."""
        n = self.batteries
        # A third of the time of splitting and converting word by word.
        row = json.loads("[" + line.replace(" ", ",") + "]")
        if len(row) != 5 * n + 6:
            raise ValueError("a row of %d integers, not %d" % (len(row), 5 * n + 6))
        self._currents = row[1 : n + 1]
        place = n + 1
        for k in range(n + 1):
            self.bus[k] = row[place + k]
        place += n + 1
        for k in range(2 * n + 1):
            self.adc_uv[k] = row[place + k]
        place += 2 * n + 1
        for k in range(n + 1):
            self.states[k] = row[place + k]
        self.contacts = row[-2]
        self.bms = row[-1]

    def _carry(self):
        """Currents flow where battery's and main breaker are closed."""
        closed = self._closed if self._main else 0
        total = 0
        for k in range(self.batteries):
            self.shunt[k] = self._currents[k] if closed >> k & 1 else 0
            total += self.shunt[k]
        if self._main_uohm:
            # Rounded; what flows through the main breaker is the sum of what flows.
            code = (2 * total * self._main_uohm + self._shunt_uohm) // (2 * self._shunt_uohm)
            self.shunt[self.batteries] = max(-self._most - 1, min(self._most, code))


def _lines(path):
    """Yield a file's lines; MicroPython's own `readline` asks the system for each byte."""
    with open(path) as file:
        rest = ""
        while True:
            chunk = file.read(_CHUNK)
            if not chunk:
                if rest:
                    yield rest
                return
            lines = (rest + chunk).split("\n")
            rest = lines.pop()
            for line in lines:
                yield line
