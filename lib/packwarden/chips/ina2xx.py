"""INA226, INA228, INA238: shunt current, bus voltage, own limits; settings verified and repaired.

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

Limits. The chip compares each finished cycle's mean with limits of its own and pulls ALERT low,
firmware or none: a back-up, whose wiring is in boards/cabinet15/README.md.
- INA228, INA238: all four limits, latched. Flag and pin stand until DIAG_ALRT is read and, while
  the value stays beyond, come again with the next cycle. SLOWALERT: each single conversion would
  be compared without it, and a start's spike of a millisecond would count.
- INA226: it watches one function, here the shunt's over-limit; a current backwards and the bus
  have none. It is not latched (LEN 0): flag and pin stand as long as the last cycle's mean is
  beyond, read or not. So an excursion that ends by itself cannot run into the trip behind ALERT,
  but whoever asks later is not told of it.
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
        "alert_mask": 0x0010,  # AFF
        "alert_shift": 1,
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
        "flag_register": 0x0B,  # DIAG_ALRT: reading it clears its flags while ALATCH is set
        "flag_mask": 0x0002,
        "alert_mask": 0x0078,  # SHNTOL, SHNTUL, BUSOL, BUSUL
        "alert_shift": 3,
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
        "alert_mask": 0x0078,
        "alert_shift": 3,
        "cycle_us": 8501,
    },
}

# What `Monitor.alerts` returns, as bits: the limit that was exceeded.
SHUNT_OVER = const(8)
SHUNT_UNDER = const(4)
BUS_OVER = const(2)
BUS_UNDER = const(1)

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
    (0x0C, 0x7FFF, 0xFFFF),  # SOVL and the next three: never, see limit_words
    (0x0D, 0x8000, 0xFFFF),  # SUVL
    (0x0E, 0x7FFF, 0x7FFF),  # BOVL
    (0x0F, 0x0000, 0x7FFF),  # BUVL
    (0x0B, 0xA001, 0xF000),  # DIAG_ALRT: ALATCH, so that flags stand until read, and SLOWALERT
)
_SETTINGS = {
    "ina226": (
        (0x00, 0x4417, 0x0FFF),  # CONFIG: shunt + bus continuous, 332 and 140 us, mean of 16
        (0x07, 0x7FFF, 0xFFFF),  # ALERT LIMIT, before the function that looks at it
        (0x06, 0x0000, 0xFC03),  # MASK/ENABLE: no function on the ALERT pin, LEN 0
    ),
    "ina228": _SETTINGS_85V,
    "ina238": _SETTINGS_85V,
}

_LIMITS_AT = {"ina226": 1, "ina228": 2, "ina238": 2}  # places of the limits in the settings

_BUS_LIMIT_uV = const(3125)  # an LSB of BOVL and BUVL
_SOL = const(0x8000)  # MASK/ENABLE: shunt over-limit

_UNKNOWN = const(-1)


def limit_words(chip, shunt_uohm, over_mA, under_mA, over_mV, under_mV):
    """Return a chip's limits as the register words that Monitor takes. Boot only: beyond 31 bits.

    `chip`: a key of CHIPS; `under_mA`: negative for a current backwards; None: the limit is off.
    A limit beyond its register stands at the register's end, and there it never operates: a
    shunt's beyond 163.8 mV (INA226 81.9 mV) of either sign, a bus over-limit beyond 102.4 V. The
    INA226 takes `over_mA` alone.

    An LSB is the shunt's full scale / 2^15, that is 5 uV (INA226 2.5 uV), and 3.125 mV of the bus:
    SLYS021 and SLYS025, "Set Desired Fault Thresholds"; SBOS547, "Alert Limit Register".
    """
    shunt_nV = CHIPS[chip]["shunt_full_scale_uV"] * 1000 >> 15
    over = 0x7FFF
    if over_mA is not None:
        over = _code(over_mA * shunt_uohm, shunt_nV, -0x8000) & 0xFFFF
    if chip == "ina226":
        return (over, 0 if over_mA is None else _SOL)
    under, bus_over, bus_under = 0x8000, 0x7FFF, 0
    if under_mA is not None:
        under = _code(under_mA * shunt_uohm, shunt_nV, -0x8000) & 0xFFFF
    if over_mV is not None:
        bus_over = _code(over_mV * 1000, _BUS_LIMIT_uV, 0)
    if under_mV is not None:
        bus_under = _code(under_mV * 1000, _BUS_LIMIT_uV, 0)
    return (over, under, bus_over, bus_under)


def _code(value, lsb, lowest):
    """Return a value in LSBs, rounded, at least `lowest` and at most 2^15-1."""
    return max(lowest, min(0x7FFF, (value + lsb // 2) // lsb))


class Monitor:
    """One monitor chip. Every method but the constructor may run in the tick: none allocates.

    Each raises OSError where the bus does; after that the register pointer counts as unknown and
    is written anew. A chip whose supply dipped has forgotten its pointer as well and sends CONFIG
    for a current: on the INA226 that is the code of 41.7 mV, which would trip, so `read_current`
    asks again; on the others it is zero. Any visit to another register (`read_voltage`,
    `converted`, `verify`) ends it, so make one at least every half second.
    """

    def __init__(self, bus, address, chip, limits=None):
        """Bind to a bus (`writeto`, `readfrom_into`), a 7-bit address and a key of CHIPS.

        `limits`: what `limit_words` returned for this chip; None: all off. Off is written and
        verified as well, for the chip keeps its limits while the controller restarts.
        """
        facts = CHIPS[chip]
        self._write = bus.writeto
        self._read = bus.readfrom_into
        self._address = address
        self._shunt = facts["shunt_register"]
        self._bus = facts["bus_register"]
        self._flag_register = facts["flag_register"]
        self._flag_mask = facts["flag_mask"]
        self._alert_mask = facts["alert_mask"]
        self._alert_shift = facts["alert_shift"]
        self._wide = facts["bits"] > 16
        self._reset_code = facts.get("reset_code", -1)
        self._half = 1 << (facts["bits"] - 1)
        self._span = 1 << facts["bits"]
        self._identity = _IDENTITY[chip]
        self._settings = _SETTINGS[chip]
        self._words = [row[1] for row in self._settings]
        if limits is not None:
            for i in range(len(limits)):
                self._words[_LIMITS_AT[chip] + i] = limits[i]
        self._turn = 0
        self._fresh = 0  # a conversion flag that was read, and so cleared, on another errand
        self._alerts = 0  # alert flags, likewise
        self._pointer = _UNKNOWN
        self._select = bytearray(1)
        self._result = bytearray(3 if self._wide else 2)
        self._word = bytearray(2)
        self._setting = bytearray(3)

    def configure(self):
        """Check the identity, write the settings, read them back: OK, CONFIG_LOST or WRONG_CHIP.

        27 transactions at most, 2 ms on the wire at 400 kHz: for boot or for a chip that returns.
        """
        for row in self._identity:
            if self._read_word(row[0]) & row[2] != row[1]:
                return WRONG_CHIP
        self._write_settings()
        state = OK
        for place in range(len(self._settings)):
            if self._differs(place):
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
        """Return whether a conversion has ended since the last call; clears the chip's flag.

        It takes the alert flags along, as `alerts` the conversion flag: each is kept for its own
        question.
        """
        self._read_word(self._flag_register)
        fresh = self._fresh
        self._fresh = 0
        return fresh != 0

    def alerts(self):
        """Return the limits exceeded since the last call, as SHUNT_OVER and its neighbours.

        Lets go of the ALERT pin, except on the INA226. Where the value is still beyond, flag and
        pin come again at the end of the next cycle.
        """
        self._read_word(self._flag_register)
        alerts = self._alerts
        self._alerts = 0
        return alerts

    def verify(self):
        """Re-read the next register of identity and settings: OK, CONFIG_LOST or WRONG_CHIP.

        One register per call, in rotation. Where a setting differs all are written again, for a
        chip that was reset has lost them all; CONFIG_LOST reports it although it is repaired then.
        Such a chip is found within 5 calls, a single register within 10. 11 transactions at most.
        """
        turn = self._turn
        places = len(self._identity)
        self._turn = turn + 1 if turn + 1 < places + len(self._settings) else 0
        if turn < places:
            row = self._identity[turn]
            return WRONG_CHIP if (self._read_word(row[0]) ^ row[1]) & row[2] else OK
        if not self._differs(turn - places):
            return OK
        self._read_word(self._flag_register)  # a write may clear what stands there
        self._write_settings()
        return CONFIG_LOST

    def _differs(self, place):
        """Return whether a setting is not what was written (non-zero: it is not)."""
        row = self._settings[place]
        return (self._read_word(row[0]) ^ self._words[place]) & row[2]

    def _read_result(self, register):
        """Return a result register as an unsigned code."""
        data = self._result
        self._fetch(register, data)
        if self._wide:
            return data[0] << 12 | data[1] << 4 | data[2] >> 4
        return data[0] << 8 | data[1]

    def _read_word(self, register):
        """Return a 16-bit register, and keep the flags that come with it."""
        self._fetch(register, self._word)
        word = self._word[0] << 8 | self._word[1]
        if register == self._flag_register:
            self._fresh |= word & self._flag_mask
            self._alerts |= (word & self._alert_mask) >> self._alert_shift
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
        for place in range(len(self._settings)):
            word = self._words[place]
            buffer[0] = self._settings[place][0]
            buffer[1] = word >> 8
            buffer[2] = word & 0xFF
            self._write(self._address, buffer)
