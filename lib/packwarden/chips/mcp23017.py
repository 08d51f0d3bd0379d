"""MCP23017: 16 inputs and outputs, written as a whole, its configuration verified and repaired.

Source: Microchip's data sheet DS20001952. Register pairs with IOCON.BANK 0: the first of a pair
is port A (bits 0-7 of every word here), the next one port B (bits 8-15). At reset all pins are
inputs. GPA7 and GPB7 (bits 7 and 15) are called output only since revision D of the data sheet: as
inputs they can disturb SDA when they change. So they are outputs here, whatever is asked for.
"""

from micropython import const

from packwarden.frame import CONFIG_LOST, OK

OUTPUT_ONLY = const(0x8080)

_IODIR = const(0x00)  # 1 = input
_IPOL = const(0x02)  # 1 = inverted
_IOCON = const(0x0A)
_GPPU = const(0x0C)  # 1 = pull-up of about 100 kOhm
_GPIO = const(0x12)
_OLAT = const(0x14)
# Open-drain interrupt pins, which are not used: a word that is not zero tells a chip that was
# reset, and one whose register map was flipped, where this address holds OLATA and nothing.
_IOCON_WORD = const(0x0404)
_IOCON_BANK1 = const(0x05)  # where IOCON is while BANK is 1; GPINTENB otherwise, which is not used


class Expander:
    """One expander. Every method but the constructor may run in the tick: none allocates.

    Each raises OSError where the bus does.
    """

    def __init__(self, bus, address, outputs_mask, pull_ups_mask):
        """Bind to a bus (`writeto`, `readfrom_into`), a 7-bit address and two 16-bit masks."""
        self._write = bus.writeto
        self._read = bus.readfrom_into
        self._address = address
        inputs = ~(outputs_mask | OUTPUT_ONLY) & 0xFFFF
        # In the order of writing: the direction last, when the latch holds the level already.
        self._settings = (
            (_IOCON, _IOCON_WORD),
            (_IPOL, 0),
            (_GPPU, pull_ups_mask),
            (_IODIR, inputs),
        )
        self._level = 0
        self._turn = 0
        self._select = bytearray(1)
        self._byte = bytearray(2)
        self._pair = bytearray(2)
        self._word = bytearray(3)

    def configure(self, level):
        """Bring all outputs to `level` and then make them outputs; OK or CONFIG_LOST by read-back.

        16 transactions, 1.1 ms on the wire at 400 kHz: for boot or for a chip that returns. An
        output that drives already goes to its new level at once, without a pulse.
        """
        self._level = level
        self._write_settings()
        state = OK if self._read_word(_OLAT) == level else CONFIG_LOST
        for row in self._settings:
            if self._read_word(row[0]) != row[1]:
                state = CONFIG_LOST
        return state

    def write(self, level):
        """Write all 16 output latches; call it every tick, so that a lost one is renewed."""
        self._level = level
        self._write_word(_OLAT, level)

    def read_latch(self):
        """Return the output latches: what the outputs were told."""
        return self._read_word(_OLAT)

    def read_pins(self):
        """Return the level of all 16 pins; an output that differs from its latch is stuck."""
        return self._read_word(_GPIO)

    def verify(self):
        """Re-read the next setting, one per call in rotation: OK or CONFIG_LOST.

        Where it differs, everything is written again, the latch first: an expander that was reset
        has lost all of it. CONFIG_LOST reports it although it is repaired then.
        """
        row = self._settings[self._turn]
        self._turn = (self._turn + 1) % len(self._settings)
        if self._read_word(row[0]) == row[1]:
            return OK
        self._write_settings()
        return CONFIG_LOST

    def _write_settings(self):
        """Write latch and settings, whatever register map a disturbance may have left."""
        self._byte[0] = _IOCON_BANK1
        self._byte[1] = 0
        self._write(self._address, self._byte)
        self._write_word(_OLAT, self._level)
        for row in self._settings:
            self._write_word(row[0], row[1])

    def _write_word(self, register, value):
        self._word[0] = register
        self._word[1] = value & 0xFF
        self._word[2] = value >> 8
        self._write(self._address, self._word)

    def _read_word(self, register):
        self._select[0] = register
        self._write(self._address, self._select)
        self._read(self._address, self._pair)
        return self._pair[0] | self._pair[1] << 8
