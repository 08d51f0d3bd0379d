"""INA226, INA228, INA238: shunt current and bus voltage; settings verified and repaired.

Sources: Texas Instruments' data sheets SBOS547 (INA226), SLYS021 (INA228) and SLYS025 (INA238).
Registers are big-endian behind a pointer that stays where it was left. The shunt register is read,
never CURRENT: that one needs SHUNT_CAL (CAL on the INA226), which these chips lose under
interference, and then reads an exact zero.

Conversions. Shunt and bus in turn, continuously; the die temperature would take a third of the
time, and nothing trips on it. A cycle has to end within every 10 ms tick and otherwise to be long:
an inverter draws its current in pulses of 100 or 120 Hz, and the mean over a cycle lets through
(computed) 19 and 1 % of that ripple on the INA228 and INA238, 30 and 10 % on the INA226.
- INA228, INA238: 4 x (1052 + 1052) us = 8.416 ms; with the oscillator 1 % slow, its limit over
  temperature, 8.501 ms.
- INA226: 16 x (332 + 140) us = 7.552 ms; with the longest times of its data sheet (365 + 154 us)
  8.304 ms.
"""

from micropython import const

from packwarden.frame import CONFIG_LOST, OK, WRONG_CHIP

# Facts per chip, all integers. `cycle_us` is the longest conversion cycle with the settings below:
# a visit sooner than that after the last one may find the same sample. 20 bits come as the upper
# ones of three bytes. The shunt range is the wide one (ADCRANGE 0): the narrow one ends at
# 40.96 mV, below the 75 mV of a shunt at its rated current.
CHIPS = {
    "ina226": {
        "bits": 16,
        "shunt_lsb_pV": 2500000,
        "shunt_full_scale_uV": 81920,
        "bus_lsb_pV": 1250000000,
        "bus_full_scale_mV": 36000,
        "shunt_register": 0x01,
        "bus_register": 0x02,
        "flag_register": 0x06,  # MASK/ENABLE: reading it clears CVRF
        "flag_mask": 0x0008,
        "cycle_us": 8304,
        "reset_code": 0x4127,  # CONFIG after a reset, see Monitor
    },
    "ina228": {
        "bits": 20,
        "shunt_lsb_pV": 312500,
        "shunt_full_scale_uV": 163840,
        "bus_lsb_pV": 195312500,
        "bus_full_scale_mV": 85000,
        "shunt_register": 0x04,
        "bus_register": 0x05,
        "flag_register": 0x0B,  # DIAG_ALRT: reading it clears CNVRF while ALATCH is set
        "flag_mask": 0x0002,
        "cycle_us": 8501,
    },
    "ina238": {
        "bits": 16,
        "shunt_lsb_pV": 5000000,
        "shunt_full_scale_uV": 163840,
        "bus_lsb_pV": 3125000000,
        "bus_full_scale_mV": 85000,
        "shunt_register": 0x04,
        "bus_register": 0x05,
        "flag_register": 0x0B,
        "flag_mask": 0x0002,
        "cycle_us": 8501,
    },
}

# Rows of (register, word, mask of the bits that count).
_MAKER = (0x3E, 0x5449, 0xFFFF)  # "TI"
_TRIM = (0x0B, 0x0001, 0x0001)  # MEMSTAT: 0 says that the factory trim memory is damaged
_IDENTITY = {
    "ina226": ((0xFE, 0x5449, 0xFFFF), (0xFF, 0x2260, 0xFFF0)),  # the last digit is a revision
    "ina228": (_MAKER, (0x3F, 0x2280, 0xFFF0), _TRIM),
    "ina238": (_MAKER, (0x3F, 0x2380, 0xFFF0), _TRIM),
}
_SETTINGS_85V = (
    (0x00, 0x0000, 0x3FF0),  # CONFIG: no delay, no temperature compensation, wide shunt range
    (0x01, 0xBB69, 0xFFFF),  # ADC_CONFIG: shunt + bus continuous, 1052 us each, mean of 4
    (0x0B, 0x8001, 0xF000),  # DIAG_ALRT: ALATCH, so that CNVRF stands until it is read
)
_SETTINGS = {
    "ina226": (
        (0x00, 0x4417, 0x0FFF),  # CONFIG: shunt + bus continuous, 332 and 140 us, mean of 16
        (0x06, 0x0000, 0xFC03),  # MASK/ENABLE: no function on the ALERT pin
    ),
    "ina228": _SETTINGS_85V,
    "ina238": _SETTINGS_85V,
}

_UNKNOWN = const(-1)


class Monitor:
    """One monitor chip. Every method but the constructor may run in the tick: none allocates.

    Each raises OSError where the bus does; after that the register pointer counts as unknown and
    is written anew. A chip whose supply dipped has forgotten its pointer as well and sends CONFIG
    for a current: on the INA226 that is the code of 41.7 mV, which would trip, so `read_current`
    asks again; on the others it is zero. Any visit to another register (`read_voltage`,
    `converted`, `verify`) ends it, so make one at least every half second.
    """

    def __init__(self, bus, address, chip):
        """Bind to a bus (`writeto`, `readfrom_into`), a 7-bit address and a key of CHIPS."""
        facts = CHIPS[chip]
        self._write = bus.writeto
        self._read = bus.readfrom_into
        self._address = address
        self._shunt = facts["shunt_register"]
        self._bus = facts["bus_register"]
        self._flag_register = facts["flag_register"]
        self._flag_mask = facts["flag_mask"]
        self._wide = facts["bits"] > 16
        self._reset_code = facts.get("reset_code", -1)
        self._half = 1 << (facts["bits"] - 1)
        self._span = 1 << facts["bits"]
        self._identity = _IDENTITY[chip]
        self._settings = _SETTINGS[chip]
        self._turn = 0
        self._fresh = 0  # a conversion flag that was read, and so cleared, on another errand
        self._pointer = _UNKNOWN
        self._select = bytearray(1)
        self._result = bytearray(3 if self._wide else 2)
        self._word = bytearray(2)
        self._setting = bytearray(3)

    def configure(self):
        """Check the identity, write the settings, read them back: OK, CONFIG_LOST or WRONG_CHIP.

        15 transactions at most, 1 ms on the wire at 400 kHz: for boot or for a chip that returns.
        """
        for row in self._identity:
            if self._read_word(row[0]) & row[2] != row[1]:
                return WRONG_CHIP
        self._write_settings()
        state = OK
        for row in self._settings:
            if (self._read_word(row[0]) ^ row[1]) & row[2]:
                state = CONFIG_LOST
        return state

    def read_current(self):
        """Return the shunt's signed code, positive as wired. One read if it was read last time."""
        code = self._read_result(self._shunt)
        if code == self._reset_code:
            self._pointer = _UNKNOWN
            code = self._read_result(self._shunt)
        return code - self._span if code >= self._half else code

    def read_voltage(self):
        """Return the bus voltage's code, 0 .. 2^20-1 or 2^16-1."""
        return self._read_result(self._bus)

    def converted(self):
        """Return whether a conversion has ended since the last call; clears the chip's flag."""
        self._read_word(self._flag_register)
        fresh = self._fresh
        self._fresh = 0
        return fresh != 0

    def verify(self):
        """Re-read the next register of identity and settings: OK, CONFIG_LOST or WRONG_CHIP.

        One register per call, in rotation. Where a setting differs all are written again, for a
        chip that was reset has lost them all; CONFIG_LOST reports it although it is repaired then.
        """
        turn = self._turn
        places = len(self._identity)
        self._turn = turn + 1 if turn + 1 < places + len(self._settings) else 0
        row = self._identity[turn] if turn < places else self._settings[turn - places]
        if not (self._read_word(row[0]) ^ row[1]) & row[2]:
            return OK
        if turn < places:
            return WRONG_CHIP
        self._write_settings()
        return CONFIG_LOST

    def _read_result(self, register):
        """Return a result register as an unsigned code."""
        data = self._result
        self._fetch(register, data)
        if self._wide:
            return data[0] << 12 | data[1] << 4 | data[2] >> 4
        return data[0] << 8 | data[1]

    def _read_word(self, register):
        """Return a 16-bit register, and keep a conversion flag that comes with it."""
        self._fetch(register, self._word)
        word = self._word[0] << 8 | self._word[1]
        if register == self._flag_register:
            self._fresh |= word & self._flag_mask
        return word

    def _fetch(self, register, buffer):
        """Read a register into a buffer; write the pointer first unless it stands there."""
        standing = self._pointer
        self._pointer = _UNKNOWN  # and stays so if the bus fails below
        if standing != register:
            self._select[0] = register
            self._write(self._address, self._select)
        self._read(self._address, buffer)
        self._pointer = register

    def _write_settings(self):
        """Write every setting. This starts a new conversion cycle."""
        self._pointer = _UNKNOWN
        buffer = self._setting
        for row in self._settings:
            buffer[0] = row[0]
            buffer[1] = row[1] >> 8
            buffer[2] = row[1] & 0xFF
            self._write(self._address, buffer)
