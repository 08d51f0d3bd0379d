"""ADS1115 at register level: four inputs against ground or each other, one converter.

Source: Texas Instruments' data sheet SBAS444. Modelled: the pointer, CONFIG with all its inputs,
ranges and rates, single conversions and continuous ones, the time that each takes, saturation,
power-up, the thresholds' registers. Not modelled, for no board here wires it: the pin ALERT/RDY.

The clock is 10 % slow, as slow as the data sheet admits. An input is sampled where its conversion
begins, so that what is read is never newer than it can be; of a continuous one when it is looked
at.
"""

from micropython import const

from packwarden_sim.clock import NEVER, us
from packwarden_sim.noise import INC, MASK, MUL, SHIFT, TRIANGLE, stream

_CONVERSION = const(0)
_CONFIG = const(1)
_OS = const(0x8000)
_SINGLE = const(0x0100)
_AT_POWER_UP = (0x0000, 0x8583, 0x8000, 0x7FFF)

# By PGA the full scale in uV, by DR conversions a second, by MUX both inputs (4: ground).
_RANGES_UV = (6_144_000, 4_096_000, 2_048_000, 1_024_000, 512_000, 256_000, 256_000, 256_000)
_RATES = (8, 16, 32, 64, 128, 250, 475, 860)
_INPUTS = ((0, 1), (0, 3), (1, 3), (2, 3), (0, 4), (1, 4), (2, 4), (3, 4))
_SLOW_PERCENT = const(110)
_WAKE_US = const(25)  # from power-down to the beginning of a conversion
_SUPPLY_UV = const(3_300_000)  # an input is never read beyond it
# Channels of the noise generators: those of the multiplexers, which such a board has not.
_FIRST_STREAM = const(100)


class Ads1115:
    """One converter. `read` and `write` run under the heap lock and allocate nothing."""

    def __init__(self, number, wiring, carried_uv, open_uv, seed):
        """`wiring`: per input the item of `carried_uv` behind it; None is not wired: open."""
        self._wiring = wiring
        self._uv = carried_uv
        self._open_uv = open_uv
        self._random = stream(seed, _FIRST_STREAM + 16 * number)
        self._regs = list(_AT_POWER_UP)
        self._frozen = 0
        self._says = -1
        self.power_up()

    def wire(self, carried_uv):
        """Put something between the inputs and what they carried."""
        self._uv = carried_uv

    def power_up(self):
        """The state after the supply came: a single conversion that nobody has started."""
        for register in range(4):
            self._regs[register] = _AT_POWER_UP[register]
        self._pointer = 0
        self._code = 0
        self._ends_us = NEVER

    def freeze(self, on, reason=1):
        """Fault: conversions do not end (on), or do again."""
        self._frozen = (self._frozen | reason) if on else (self._frozen & ~reason)

    def zero(self, on):
        """Fault: whatever is read is 0 (on), or what it is."""
        self._says = 0 if on else -1

    def impostor(self, on):
        """Fault: another device answers at this address, and keeps nothing."""
        self._says = 0xFF if on else -1

    def write(self, buf):
        """Take the pointer, and a register's two bytes."""
        self._pointer = buf[0] & 3
        if len(buf) < 3 or self._says >= 0:
            return
        self._settle()
        register = self._pointer
        word = buf[1] << 8 | buf[2]
        if register == _CONVERSION:
            return
        if register != _CONFIG:
            self._regs[register] = word
            return
        idle = self._ends_us == NEVER
        self._regs[_CONFIG] = word
        if idle and (word & _OS or not word & _SINGLE):
            self._begin(us[0] + _WAKE_US)

    def read(self, buf):
        """Fill `buf` with the register that the pointer is at; behind it the bus is let go."""
        self._settle()
        if self._says >= 0:
            for item in range(len(buf)):
                buf[item] = self._says
            return
        word = self._regs[self._pointer]
        if self._pointer == _CONFIG:
            word = word & ~_OS if self._ends_us != NEVER else word | _OS
        for item in range(len(buf)):
            buf[item] = (word >> 8 if item == 0 else word & 0xFF) if item < 2 else 0xFF

    def _begin(self, at_us):
        """Sample, and work until `_ends_us`."""
        config = self._regs[_CONFIG]
        positive, negative = _INPUTS[config >> 12 & 7]
        state = (self._random * MUL + INC) & MASK
        self._random = state
        span_uv = _RANGES_UV[config >> 9 & 7]
        level_uv = self._level_uv(positive) - self._level_uv(negative)
        code = (level_uv * 32768 + span_uv // 2) // span_uv + TRIANGLE[state >> SHIFT]
        self._code = max(-32768, min(32767, code)) & 0xFFFF
        self._ends_us = at_us + self._takes_us()

    def _takes_us(self):
        return 10_000 * _SLOW_PERCENT // _RATES[self._regs[_CONFIG] >> 5 & 7]

    def _level_uv(self, place):
        if place == 4:
            return 0
        item = self._wiring[place]
        level_uv = self._open_uv if item is None else self._uv[item]
        return max(0, min(_SUPPLY_UV, level_uv))

    def _settle(self):
        """Let end what has ended; a continuous converter begins again, with what is set by now."""
        while us[0] >= self._ends_us and not self._frozen:
            self._regs[_CONVERSION] = self._code
            if self._regs[_CONFIG] & _SINGLE:
                self._ends_us = NEVER
            else:  # of those that nobody has looked at the last two are enough
                self._begin(max(self._ends_us, us[0] - self._takes_us()))
