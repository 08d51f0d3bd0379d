"""Two 16-way analog multiplexers on common select lines, and the ESP32's ADC behind each.

After the select lines moved the ADC shows the input that was connected before until its filter
settled.
"""

from packwarden_sim.chips.adc import shown_uV
from packwarden_sim.clock import adc_us, us
from packwarden_sim.costs import ADC_READ_US, MUX_SETTLE_US
from packwarden_sim.noise import INC, MASK, MUL, SHIFT, TRIANGLE, stream

# Channels of the noise generators: the monitors have the ones below.
_FIRST_STREAM = 100


class SelectLines:
    """Level of the select lines: the address, the one before, and when it changed."""

    def __init__(self):
        self.address = 0
        self.before = 0
        self.settled_us = 0
        self.stuck_high = 0
        self.stuck_low = 0

    def set(self, line, level):
        """Select line `line` (0..3) goes to `level`."""
        bit = 1 << line
        address = (self.address | bit) if level else (self.address & ~bit)
        address = (address | self.stuck_high) & ~self.stuck_low
        if address != self.address:
            if us[0] >= self.settled_us:
                self.before = self.address
            self.address = address
            self.settled_us = us[0] + MUX_SETTLE_US

    def stick(self, line, level):
        """Fault: a select line stays at `level`; None lets it go."""
        bit = 1 << line
        self.stuck_high &= ~bit
        self.stuck_low &= ~bit
        if level is not None:
            if level:
                self.stuck_high |= bit
            else:
                self.stuck_low |= bit
            self.set(line, level)


class MuxChannel:
    """One multiplexer with its ADC. `read_uv` runs under the heap lock and allocates nothing."""

    def __init__(self, lines, number, wiring, adc_uv, open_uv, seed):
        """`wiring`: per input the item of `adc_uv` behind it; None is not wired and reads open."""
        self._lines = lines
        self._wiring = wiring
        self._uv = adc_uv
        self._open_uv = open_uv
        first = _FIRST_STREAM + 16 * number
        self._random = [stream(seed, first + item) for item in range(16)]

    def wire(self, adc_uv):
        """The inputs carry this list from now on."""
        self._uv = adc_uv

    def read_uv(self):
        """Return the calibrated reading in microvolts, whole millivolts; advances time."""
        us[0] += ADC_READ_US
        adc_us[0] += ADC_READ_US
        lines = self._lines
        address = lines.address if us[0] >= lines.settled_us else lines.before
        place = self._wiring[address]
        value = self._open_uv if place is None else self._uv[place]
        state = (self._random[address] * MUL + INC) & MASK
        self._random[address] = state
        return shown_uV(value, TRIANGLE[state >> SHIFT])
