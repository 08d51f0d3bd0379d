"""MCP23017 at register level: 16 pins behind a register map with sequential addressing.

Source: Microchip's data sheet DS20001952. Modelled: resets, address sequencing with SEQOP, both
register maps (BANK), output latch, direction, pull-ups, polarity, pins GPA7 and GPB7 that cannot
be inputs. Not modelled, because no board here uses them: interrupts (their registers only store).

Words here are 16 bits, port A in bits 0-7, port B in bits 8-15.
"""

from micropython import const

from packwarden_sim.clock import us

_IODIR = const(0x00)
_IPOL = const(0x02)
_IOCON = const(0x0A)
_GPPU = const(0x0C)
# Interrupt flags and captures, four registers that cannot be written.
_INTF = const(0x0E)
_GPIO = const(0x12)
_OLAT = const(0x14)
_LAST = const(0x15)

_BANK = const(0x80)
_SEQOP = const(0x20)
_BYTE_MODE = const(0xA0)  # these two, of which SEQOP alone: to and fro within a pair
# GPA7 and GPB7 drive only: an input buffer there is not promised by the data sheet.
_OUTPUT_ONLY = const(0x8080)


class Mcp23017:
    """One expander. `read` and `write` run under the firmware's heap lock and allocate nothing.

    `outputs` is the level of the pins: as driven, or as in `at_rest` where a pin is an input (an
    external resistor holds the relay driver). `moved`: a list of one item that receives the
    virtual time of the last change of `outputs`.
    """

    def __init__(self, moved, at_rest=0):
        self._moved = moved
        self._at_rest = at_rest
        self._regs = bytearray(_LAST + 1)
        self._contacts = 0xFFFF
        self._stuck = 0
        self._stuck_level = 0
        self._says = -1
        self._deaf = False
        self.outputs = at_rest
        self.power_up()

    def power_up(self):
        """The state after the supply came or RESET was low: all pins inputs, the rest zero."""
        for register in range(_LAST + 1):
            self._regs[register] = 0
        self._regs[_IODIR] = self._regs[_IODIR + 1] = 0xFF
        self._pointer = 0
        self._settle()

    def contacts(self, open_word):
        """Set what is wired to the pins: bit 1 = open, 0 = closed to ground."""
        if open_word != self._contacts:
            self._contacts = open_word
            self._settle()

    def stick(self, bit, level):
        """Fault: pin `bit` stays at `level` whatever drives it; `level` None lets it go."""
        if level is None:
            self._stuck &= ~(1 << bit)
        else:
            self._stuck |= 1 << bit
            self._stuck_level = (self._stuck_level & ~(1 << bit)) | (level << bit)
        self._settle()

    def zero(self, on):
        """Fault: whatever is read is 0 (on), or what it is."""
        self._says = 0 if on else -1

    def impostor(self, on):
        """Fault: another device answers at this address, keeps nothing and drives nothing."""
        self._says = 0xFF if on else -1
        self.power_up()
        self._deaf = on

    def read(self, buf):
        """Fill `buf` from the address counter on."""
        if self._says >= 0:
            for item in range(len(buf)):
                buf[item] = self._says
            return
        regs = self._regs
        place = self._pointer
        if len(buf) & 1 == 0 and regs[_IOCON] & _BYTE_MODE == _SEQOP and place <= _LAST:
            for item in range(len(buf)):
                buf[item] = regs[place ^ (item & 1)]
            return
        for item in range(len(buf)):
            buf[item] = regs[self._register()]
            self._advance()

    def write(self, buf):
        """Take an address and any number of data bytes."""
        regs = self._regs
        self._pointer = buf[0]
        if len(buf) == 1 or self._deaf:
            return
        if (
            buf[0] == _GPIO + 1
            and len(buf) == 3
            and regs[_IOCON] & _BYTE_MODE == _SEQOP
            and buf[1] == regs[_OLAT + 1]
            and buf[2] == regs[_OLAT]
        ):
            return  # the same latch, and the pointer is back
        for item in range(1, len(buf)):
            register = self._register()
            self._store(register, buf[item])
            self._advance()
        self._settle()

    def _register(self):
        """Register (numbered as with BANK 0) that the address counter stands on."""
        place = self._pointer
        if not self._regs[_IOCON] & _BANK:
            return place if place <= _LAST else _IOCON + 1
        # Port A in 00..0A, port B in 10..1A.
        return (place & 15) * 2 + (place >> 4 & 1) if place & 15 <= 10 else _IOCON + 1

    def _advance(self):
        place = self._pointer
        control = self._regs[_IOCON]
        if control & _SEQOP:
            # Byte mode: with BANK 0 the counter toggles between the ports of a pair.
            self._pointer = place if control & _BANK else place ^ 1
        elif control & _BANK:
            self._pointer = 0 if place >= 0x1A else place + 1
        else:
            self._pointer = 0 if place >= _LAST else place + 1

    def _store(self, register, value):
        regs = self._regs
        if _INTF <= register < _GPIO:
            return
        if register == _IOCON or register == _IOCON + 1:
            # One register at two addresses; bit 0 is not implemented.
            regs[_IOCON] = regs[_IOCON + 1] = value & 0xFE
        elif register == _GPIO or register == _GPIO + 1:
            # Writing the port writes its latch.
            regs[register + 2] = value
        else:
            regs[register] = value

    def _word(self, register):
        return self._regs[register] | self._regs[register + 1] << 8

    def _settle(self):
        """Work out what the pins drive and what the port reads."""
        inputs = self._word(_IODIR)
        latch = self._word(_OLAT)
        driven = latch & ~inputs & 0xFFFF
        # Without its pull-up an open contact floats: it is taken to read low, like a closed one.
        levels = (self._contacts & self._word(_GPPU) & inputs & ~_OUTPUT_ONLY) | driven
        levels = (levels & ~self._stuck) | (self._stuck_level & self._stuck)
        port = levels ^ self._word(_IPOL)
        self._regs[_GPIO] = port & 0xFF
        self._regs[_GPIO + 1] = port >> 8
        outputs = (driven & ~self._stuck) | (self._stuck_level & self._stuck & ~inputs)
        outputs |= self._at_rest & inputs
        if outputs != self.outputs:
            self.outputs = outputs
            self._moved[0] = us[0]
