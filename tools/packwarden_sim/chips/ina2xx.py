"""INA226, INA228 and INA238 at register level: what the bus sees of a shunt monitor.

Sources: TI's data sheets SBOS547 (INA226), SLYS021 (INA228), SLYS025 (INA238): register maps,
reset values, conversion times. Modelled: pointer, identity, resets, conversion cycles in virtual
time, operating modes, ADCRANGE, saturation, the conversion-ready flag, noise, CURRENT by its
calibration, the limits of shunt and bus with their flags and the ALERT pin. Not modelled, because
no driver here uses them: POWER, ENERGY, CHARGE (read as 0), limits of power and temperature, ALERT
for a conversion (CNVR) or inverted (APOL). What is compared is always the averaged value
(SLOWALERT), without its noise.

A conversion's value is taken from the bank when the register is first read after the conversion
ended, not in its middle: at most one cycle too fresh.
"""

from packwarden_sim.alert import AlertLine
from packwarden_sim.chips import ina2xx_limits as limits
from packwarden_sim.chips.ina2xx_registers import FACTS
from packwarden_sim.clock import NEVER, us
from packwarden_sim.noise import INC, MASK, MUL, QUIET, SHIFT, TRIANGLE, stream

_AVERAGES = (1, 4, 16, 64, 128, 256, 512, 1024)
_TIMES_226 = (140, 204, 332, 588, 1100, 2116, 4156, 8244)
_TIMES_2X8 = (50, 84, 150, 280, 540, 1052, 2074, 4120)

_RST = 0x8000
_ADCRANGE = 0x0010
_ALATCH = 0x8000
_CVRF_226 = 0x0008
_CNVRF = 0x0002
_AFF_226 = 0x0010
_LEN_226 = 0x0001


class Ina:
    """One monitor. `read` and `write` run under the firmware's heap lock and allocate nothing."""

    def __init__(self, chip, shunt, bus, index, seed, line=None):
        """`shunt`, `bus`: the source's lists of codes, of which this chip reads item `index`.

        `line`: the AlertLine on which its ALERT pin hangs; None: one of its own.
        """
        facts = FACTS[chip]
        self._bits, self._position, self._shunt, self._bus, self._flags = facts[:5]
        self._resets, self._masks, self._widths, self._identity = facts[5:]
        self._old = chip == "ina226"
        self._width = self._widths.get(self._shunt, 2)
        self._shunt_codes = shunt
        self._bus_codes = bus
        self._index = index
        self._random = stream(seed, 2 * index)
        self._bus_random = stream(seed, 2 * index + 1)
        self._triangle = TRIANGLE
        self._top = (1 << (self._bits - 1)) - 1
        # Two's complement in the register's width, once shifted to its place.
        self._field = ((1 << self._bits) - 1) << self._position
        self._frozen = 0
        self.line = AlertLine(shunt, bus, [0]) if line is None else line
        self.line.join(index, self)
        self._limit_registers = limits.REGISTERS_226 if self._old else limits.REGISTERS_2X8
        # Flags of the limits that the input exceeds, and of those that a conversion found.
        self._beyond = self._standing = 0
        self._mute = False
        self._foreign = 0  # what another device at this address has otherwise in its identity
        self.regs = dict(self._resets)
        self.power_up()

    # ---- the bus side -------------------------------------------------------------------------

    def read(self, buf):
        """Fill `buf` from the register that the pointer stands on, most significant byte first."""
        pointer = self.pointer
        width = self._width
        if pointer == self._shunt:
            if us[0] >= self._due:
                self._finish(us[0])
            if self._shunt_fresh:
                self._convert_shunt()
            value = self._shunt_value
        elif pointer == self._bus:
            if us[0] >= self._due:
                self._finish(us[0])
            if self._bus_fresh:
                self._convert_bus()
            value = self._bus_value
        else:
            value = self._plain(pointer)
            width = self._widths.get(pointer, 2)
        if width == 3 and len(buf) == 3:
            buf[0] = value >> 16
            buf[1] = value >> 8 & 255
            buf[2] = value & 255
        elif width == 2 and len(buf) == 2:
            buf[0] = value >> 8
            buf[1] = value & 255
        else:
            self._put(buf, value, width)

    def write(self, buf):
        """Take a pointer byte, or pointer and two bytes of data."""
        pointer = buf[0]
        self.pointer = pointer
        if len(buf) != 3 or pointer not in self._masks:
            return
        value = buf[1] << 8 | buf[2]
        if pointer == 0 and value & _RST:
            self._reset_registers()
            return
        mask = self._masks[pointer]
        self.regs[pointer] = (self.regs[pointer] & ~mask) | (value & mask)
        if pointer == (0 if self._old else 1):
            self._configure()
        if pointer in self._limit_registers:
            self._take_limits()

    def _put(self, buf, value, width):
        # Beyond the register's width nobody drives SDA any more: ones.
        for place in range(len(buf)):
            buf[place] = (value >> 8 * (width - 1 - place)) & 255 if place < width else 255

    def _plain(self, pointer):
        """Value of any register but shunt and bus; reading the flags clears the ready flag."""
        if pointer == (4 if self._old else 7):
            return self._current()
        if pointer != self._flags:
            return self.regs.get(pointer, 0)
        if us[0] >= self._due:
            self._finish(us[0])
        value = self.regs[pointer]
        if self._standing:
            value |= self._read_flags()
        if self._ready:
            self._ready = 0
            if self._old:
                value |= _CVRF_226
            elif value & _ALATCH:
                value |= _CNVRF
            # Without ALATCH the flag is a pulse that nobody polling at leisure meets.
        return value

    def _current(self):
        """CURRENT: the shunt's code by CAL (INA226) or SHUNT_CAL, 0 where that was never set."""
        if us[0] >= self._due:
            self._finish(us[0])
        if self._shunt_fresh:
            self._convert_shunt()
        code = self._shunt_value >> self._position
        if code > self._top:
            code -= 2 * (self._top + 1)
        if self._old:
            code = code * self.regs[5] // 2048
        else:
            code = code * 4096 // self.regs[2] if self.regs[2] else 0
        code = max(-self._top - 1, min(self._top, code))
        return (code << self._position) & self._field

    # ---- limits and ALERT, all of it in the tick ----------------------------------------------

    def _take_limits(self):
        if self._old:
            limits.arm_226(self.regs, self.line, self._index)
        else:
            limits.arm_2x8(self.regs, self._bits - 16, self.line, self._index)

    def look(self):
        """Compare what the input carries now; return whether this chip is to be watched.

        What is beyond a limit counts from the end of the conversion under way.
        """
        line = self.line
        k = self._index
        beyond = 0
        if not self._mute:
            if self._shunt_on:
                code = self._shunt_codes[k]
                if code >= line.over[k]:
                    beyond = limits.SHUNT_OVER
                if code < line.under[k]:
                    beyond |= limits.SHUNT_UNDER
            if self._bus_on:
                code = self._bus_codes[k]
                if code >= line.bus_over[k]:
                    beyond |= limits.BUS_OVER
                if code < line.bus_under[k]:
                    beyond |= limits.BUS_UNDER
        if beyond | self._beyond | self._standing:
            # The conversions that have ended so far had what was before.
            self.settle()
        self._beyond = beyond
        return beyond | self._standing

    def settle(self):
        """Bring flags and ALERT up to date with the conversions that have ended."""
        if us[0] >= self._due:
            self._finish(us[0])

    def _latching(self):
        return self.regs[6] & _LEN_226 if self._old else self.regs[0x0B] & _ALATCH

    def _read_flags(self):
        """The flags as the bus sees them; reading them clears those that are latched."""
        flags = _AFF_226 if self._old else self._standing
        if self._latching():
            self.line.settle()  # others may have pulled before this one lets go
            self._stand(0, us[0])
        return flags

    def _stand(self, flags, at_us):
        was = self._standing
        self._standing = flags
        if (flags != 0) != (was != 0):
            self.line.pull(self._index, flags != 0, at_us)

    # ---- conversions --------------------------------------------------------------------------

    def _configure(self):
        """Decode mode and times, and start a conversion cycle, as a write of the register does.

        The firmware repairs a chip in its tick: an assignment of four would make a tuple.
        """
        if self._old:
            word = self.regs[0]
            times = _TIMES_226
            average = word >> 9 & 7
            heat_on = 0
            shunt_on, bus_on, again = word & 1, word >> 1 & 1, word >> 2 & 1
            shunt_time, bus_time = word >> 3 & 7, word >> 6 & 7
        else:
            word = self.regs[1]
            times = _TIMES_2X8
            average = word & 7
            bus_on, shunt_on = word >> 12 & 1, word >> 13 & 1
            heat_on, again = word >> 14 & 1, word >> 15
            shunt_time, bus_time = word >> 6 & 7, word >> 9 & 7
        once = shunt_on * times[shunt_time] + bus_on * times[bus_time]
        once += heat_on * times[word >> 3 & 7]
        self._shunt_on, self._bus_on, self._again = shunt_on, bus_on, again
        self._cycle = once * _AVERAGES[average]
        self._ready = 0
        self._restart()

    def _restart(self):
        running = self._cycle and not self._frozen
        self._due = us[0] + self._cycle if running else NEVER

    def _finish(self, now):
        """Note that the cycle has ended (several may have), and when the next one will."""
        if self._beyond | self._standing:
            kept = self._standing if self._latching() else 0
            self._stand(self._beyond | kept, self._due)
        self._ready = 1
        self._shunt_fresh = self._shunt_on
        self._bus_fresh = self._bus_on
        if self._again:
            self._due = now - (now - self._due) % self._cycle + self._cycle
        else:
            self._due = NEVER

    def _convert_shunt(self):
        self._shunt_fresh = 0
        state = (self._random * MUL + INC) & MASK
        self._random = state
        code = self._shunt_codes[self._index]
        if not self._old and self.regs[0] & _ADCRANGE:
            code *= 4
        code += self._triangle[state >> SHIFT]
        if code > self._top:
            code = self._top
        elif code < -self._top - 1:
            code = -self._top - 1
        self._shunt_value = (code << self._position) & self._field

    def _convert_bus(self):
        self._bus_fresh = 0
        state = (self._bus_random * MUL + INC) & MASK
        self._bus_random = state
        code = self._bus_codes[self._index] + self._triangle[state >> SHIFT]
        if code > self._top:
            code = self._top
        elif code < 0:
            code = 0
        self._bus_value = code << self._position

    # ---- the simulator's side -----------------------------------------------------------------

    def power_up(self):
        """The state after the supply came: registers at reset, pointer 0, converting."""
        self.pointer = 0
        self._reset_registers()

    def _reset_registers(self):
        for register in self._resets:
            self.regs[register] = self._resets[register]
        self.regs[self._identity] ^= self._foreign
        self._shunt_value = self._bus_value = 0
        self._shunt_fresh = self._bus_fresh = 0
        self._configure()
        self._beyond = 0
        self._stand(0, us[0])
        self._take_limits()

    def freeze(self, on, reason):
        """Stop (on) or let go on the conversions; `reason` is a bit, several may hold at once."""
        before = self._frozen
        self._frozen = (before | reason) if on else (before & ~reason)
        if self._frozen != 0 and before == 0:
            if us[0] >= self._due:
                self._finish(us[0])
            if self._shunt_fresh:
                self._convert_shunt()
            if self._bus_fresh:
                self._convert_bus()
            self._due = NEVER
        elif before != 0 and self._frozen == 0:
            self._restart()

    def renew(self):
        """Both results are what the input carries now, as if a conversion had just ended."""
        if not self._frozen:
            self._shunt_fresh = self._shunt_on
            self._bus_fresh = self._bus_on

    def wire(self, shunt, bus):
        """The inputs carry these lists from now on."""
        self._shunt_codes, self._bus_codes = shunt, bus

    def quiet(self, on):
        """Fault: results come without noise, while the flag goes on as usual."""
        self._triangle = QUIET if on else TRIANGLE

    def mute(self, on):
        """A chip without supply (on) pulls at no line; its registers are another fault's."""
        self._mute = on
        if on:
            self._beyond = 0
            self._stand(0, us[0])
        self.line.watch(self._index)

    def impostor(self, on):
        """Fault: another device answers at this address (its device identity differs)."""
        self._foreign = 0x0F00 if on else 0
        self.regs[self._identity] = self._resets[self._identity] ^ self._foreign
