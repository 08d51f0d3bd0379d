"""The RTC's own oscillator, against which the crystal is checked: no part of the tick knows it.

The IDF measures it at boot, in us by 2^-19 a count (ESP32 Technical Reference Manual, 31.3 and
RTC_CNTL_TIME_UPDATE_REG; ESP32-S3, 10.3; the IDF's rom/rtc.h for STORE1). It is an RC oscillator:
some parts in a hundred off with its temperature.
"""

from machine import mem32
from micropython import const

import board

_UPDATE = const(0x0C)
_VALID = const(1 << 30)
_LOW = const(0x10)
_TRIES = const(50)
# Where the RTC's registers begin, and in which of them the IDF keeps what it has measured.
_WHERE = {"esp32": (0x3FF48000, 0x50), "esp32s3": (0x60008000, 0x54)}


def counts():
    """Return the lower 32 bits of its count, or None on a chip that is not known. Slack."""
    base = _WHERE.get(board.CHIP, (0, 0))[0]
    if not base:
        return None
    mem32[base + _UPDATE] = 1 << 31
    for _ in range(_TRIES):
        if mem32[base + _UPDATE] & _VALID:  # the ESP32-S3 has no such bit, and is ready at once
            break
    return mem32[base + _LOW]


def passed_us(before, now):
    """Return the time between two counts."""
    base, period = _WHERE[board.CHIP]
    return ((now - before) & 0xFFFFFFFF) * mem32[base + period] >> 19
