"""MCP23017: 16 inputs and outputs, written as a whole, its configuration verified and repaired.

Source: Microchip's data sheet DS20001952. Register pairs with IOCON.BANK 0: the first of a pair
is port A (bits 0-7 of every word here), the next one port B (bits 8-15). At reset all pins are
inputs. GPA7 and GPB7 (bits 7 and 15) are called output only since revision D of the data sheet: as
inputs they can disturb SDA when they change. So they are outputs here, whatever is asked for.

The chip is kept in byte mode (IOCON.SEQOP), where the address pointer goes to and fro between the
registers of a pair (3.2.1): after two bytes it stands where it was, and a read of the same pair
needs no address (figure 3-3). What is written to GPIO goes to the latch (3.5.10), so a write of
the outputs leaves the pointer where their read-back begins. A chip that was reset counts on
instead, from any register to the next: that shows in what it sends, and it is set up at once.
"""

from micropython import const

from packwarden.frame import CONFIG_LOST, OK

OUTPUT_ONLY = const(0x8080)
# The level with which inputs are configured: GPB7 high and GPA7 low, both unconnected. No other
# register but the latch looks like that, nor does the port with its bytes exchanged.
MARK = const(0x8000)

_IODIR = const(0x00)  # 1 = input
_IPOL = const(0x02)  # 1 = inverted
# GPINTENB, for interrupts that are not used; with the other register map (BANK 1) this is IOCON,
# and two zeros lead back to this map.
_MAP = const(0x05)
_IOCON = const(0x0A)
_GPPU = const(0x0C)  # 1 = pull-up of about 100 kOhm
_GPIO = const(0x12)
_OLAT = const(0x14)
_IOCON_WORD = const(0x2424)  # byte mode; open-drain interrupt pins, which are not used
_UNKNOWN = const(-1)


class Expander:
    """One expander. Every method but the constructor may run in the tick: none allocates.

    Each raises OSError where the bus does; after that the pointer counts as unknown.
    """

    def __init__(self, bus, address, outputs_mask, pull_ups_mask):
        """Bind to a bus (`writeto`, `readfrom_into`), a 7-bit address and two 16-bit masks."""
        self._write = bus.writeto
        self._read = bus.readfrom_into
        self._address = address
        inputs = ~(outputs_mask | OUTPUT_ONLY) & 0xFFFF
        # In the order of writing: the direction last, when the latch holds the level already.
        self._settings = (
            (_MAP, 0),
            (_IOCON, _IOCON_WORD),
            (_IPOL, 0),
            (_GPPU, pull_ups_mask),
            (_IODIR, inputs),
        )
        self._level = 0
        self._turn = 0
        self._pointer = _UNKNOWN
        self._select = bytearray(1)
        self._pair = bytearray(2)
        self._twice = bytearray(4)
        self._word = bytearray(3)

    def configure(self, level):
        """Bring all outputs to `level` and then make them outputs; OK or CONFIG_LOST by read-back.

        18 transactions, 1.2 ms on the wire at 400 kHz: for boot or for a chip that returns. An
        output that drives already goes to its new level at once, without a pulse.
        """
        self._level = level
        self.repair()
        state = OK if self._read_word(_OLAT) == level else CONFIG_LOST
        for row in self._settings:
            if self._read_word(row[0]) != row[1]:
                state = CONFIG_LOST
        return state

    def write(self, level):
        """Write all 16 output latches; call it every tick, so that a lost one is renewed."""
        self._level = level
        self._pointer = _UNKNOWN
        self._word[0] = _GPIO + 1
        self._word[1] = level >> 8
        self._word[2] = level & 0xFF
        self._write(self._address, self._word)
        self._pointer = _GPIO + 1

    def differing(self):
        """Return the mask of the pins that have not the level that was written last, 0: none.

        Port B and port A are read, twice, and what differs once differs: a chip that was reset
        before the write sends the latch of port B and then its directions and polarity, FF FF 00,
        which no level looks like. One read after a write.
        """
        data = self._twice
        self._fetch(_GPIO + 1, data)
        level = self._level
        return ((data[0] << 8 | data[1]) ^ level) | ((data[2] << 8 | data[3]) ^ level)

    def repair(self):
        """Write latch and settings, whatever register map a disturbance may have left.

        6 transactions. An output that drives goes to its level at once.
        """
        for row in self._settings:
            self._write_word(row[0], row[1])
            if row[0] == _MAP:
                self._write_word(_OLAT, self._level)

    def read_inputs(self):
        """Return the level of all 16 pins of a chip configured with MARK; -1: cannot be read.

        One that was reset is configured anew at once: 9 transactions then. Where nothing but byte
        mode was lost, one reading is the latch's before the next one finds it.
        """
        word = self._read_word(_GPIO)
        if word & OUTPUT_ONLY != MARK:
            self.repair()
            word = self._read_word(_GPIO)
        return word if word & OUTPUT_ONLY == MARK else -1

    def verify(self):
        """Re-read the next setting, one per call in rotation: OK or CONFIG_LOST.

        Where it differs, everything is written again, the latch first. CONFIG_LOST reports it
        although it is repaired then.
        """
        row = self._settings[self._turn]
        self._turn = (self._turn + 1) % len(self._settings)
        if self._read_word(row[0]) == row[1]:
            return OK
        self.repair()
        return CONFIG_LOST

    def _write_word(self, register, value):
        self._pointer = _UNKNOWN
        self._word[0] = register
        self._word[1] = value & 0xFF
        self._word[2] = value >> 8
        self._write(self._address, self._word)
        self._pointer = register

    def _read_word(self, register):
        """Return a pair of registers."""
        self._fetch(register, self._pair)
        return self._pair[0] | self._pair[1] << 8

    def _fetch(self, register, buffer):
        """Read a pair of registers; write the pointer first unless it stands there."""
        standing = self._pointer
        self._pointer = _UNKNOWN  # and stays so if the bus fails below
        if standing != register:
            self._select[0] = register
            self._write(self._address, self._select)
        self._read(self._address, buffer)
        self._pointer = register
