"""ADS1115: one conversion is started, and collected by a later visit; nobody waits for it.

Source: Texas Instruments' data sheet SBAS444. Two registers behind a pointer that stays where it
was left: CONVERSION (0x00) and CONFIG (0x01). The chip has no identity and no settings that last:
each start writes all of CONFIG, and each collection reads it back first. So a value is believed
only if the chip converted the input that was asked for, at the range that was asked for; one that
was reset meanwhile shows its default, 0x8583.

Range: +-4.096 V, 125 uV a count, for the bridge's 2.2 V does not fit into +-2.048 V. Rate: 128
conversions a second, 8.7 ms each at the slowest that the data sheet admits (-10 %).
"""

from micropython import const

from packwarden.frame import CONFIG_LOST, FROZEN, OK

CONVERSION_us = const(8700)  # a visit sooner after the start than that may find it at work

_CONVERSION = const(0x00)
_CONFIG = const(0x01)
# OS 1: start, and reads 1 when idle; MUX 1xx: AINx against ground; PGA 001; MODE 1: one of them.
_UPPER = const(0xC3)
# DR 100; comparator off (COMP_QUE 11).
_LOWER = const(0x83)
_IDLE = const(0x80)  # OS, in the upper byte


class Converter:
    """One converter of four inputs. After the constructor no method allocates; each may run in
    the tick.

    Each raises OSError where the bus does; what was started is then given up.
    """

    def __init__(self, bus, address):
        """Bind to a bus (`writeto`, `readfrom_into`) and a 7-bit address."""
        self._write = bus.writeto
        self._read = bus.readfrom_into
        self._address = address
        self._settings = bytearray((_CONFIG, 0, _LOWER))
        self._select = bytearray((_CONVERSION,))
        self._word = bytearray(2)
        self._started = False
        self.raw = 0  # what was collected last, in 0.1 mV: 0 .. 40960

    def start(self, place):
        """Begin to convert input `place` (0 .. 3). One transaction; the pointer is at CONFIG."""
        self._started = False
        self._settings[1] = _UPPER | place << 4
        self._write(self._address, self._settings)
        self._started = True

    def collect(self):
        """Bring what was started to `raw`: OK; FROZEN, still at work; CONFIG_LOST. Three
        transactions at most.
        """
        if not self._started:
            return CONFIG_LOST
        self._started = False
        word = self._word
        self._read(self._address, word)
        if word[0] | _IDLE != self._settings[1] or word[1] != _LOWER:
            return CONFIG_LOST
        if not word[0] & _IDLE:
            return FROZEN
        self._write(self._address, self._select)
        self._read(self._address, word)
        code = word[0] << 8 | word[1]
        # Below ground, by its own offset, is ground.
        self.raw = (5 * code + 2) // 4 if code < 0x8000 else 0
        return OK
