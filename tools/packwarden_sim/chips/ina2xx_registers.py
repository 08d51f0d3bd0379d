"""Registers of INA226, INA228 and INA238 as the data sheets print them: data for the model.

Sources: TI's data sheets SBOS547 (INA226), SLYS021 (INA228), SLYS025 (INA238).
"""

# Register widths in bytes where they are not 2.
_WIDE_228 = {0x04: 3, 0x05: 3, 0x07: 3, 0x08: 3, 0x09: 5, 0x0A: 5}
_WIDE_238 = {0x08: 3}

# 25 degC of die temperature in both: 7.8125 mdegC in 16 bits, 125 mdegC in bits 15-4.
_DIETEMP = 0x0C80

_RESET_226 = {
    0x00: 0x4127,
    0x01: 0,
    0x02: 0,
    0x03: 0,
    0x04: 0,
    0x05: 0,
    0x06: 0,
    0x07: 0,
    0xFE: 0x5449,
    0xFF: 0x2260,
}
_RESET_2X8 = {
    0x00: 0,
    0x01: 0xFB68,
    0x02: 0x1000,
    0x04: 0,
    0x05: 0,
    0x06: _DIETEMP,
    0x07: 0,
    0x08: 0,
    0x0B: 0x0001,
    0x0C: 0x7FFF,
    0x0D: 0x8000,
    0x0E: 0x7FFF,
    0x0F: 0,
    0x10: 0x7FFF,
    0x11: 0xFFFF,
    0x3E: 0x5449,
}
# Bits that a write changes; the others keep their value, registers not named are read-only.
_WRITE_226 = {0x00: 0x0FFF, 0x05: 0x7FFF, 0x06: 0xFC03, 0x07: 0xFFFF}
_WRITE_238 = {
    0x00: 0x3FD0,
    0x01: 0xFFFF,
    0x02: 0x7FFF,
    0x0B: 0xF000,
    0x0C: 0xFFFF,
    0x0D: 0xFFFF,
    0x0E: 0x7FFF,
    0x0F: 0x7FFF,
    0x10: 0xFFFF,
    0x11: 0xFFFF,
}


def _with(base, extra):
    merged = dict(base)
    merged.update(extra)
    return merged


# Per chip: code bits, position of a result in its register, shunt, bus and flag registers, reset
# values, write masks, widths, device identity register.
FACTS = {
    "ina226": (16, 0, 0x01, 0x02, 0x06, _RESET_226, _WRITE_226, {}, 0xFF),
    "ina228": (
        20,
        4,
        0x04,
        0x05,
        0x0B,
        _with(_RESET_2X8, {0x03: 0, 0x09: 0, 0x0A: 0, 0x3F: 0x2281}),
        _with(_WRITE_238, {0x00: 0x3FF0, 0x03: 0x3FFF}),
        _WIDE_228,
        0x3F,
    ),
    "ina238": (
        16,
        0,
        0x04,
        0x05,
        0x0B,
        _with(_RESET_2X8, {0x3F: 0x2381}),
        _WRITE_238,
        _WIDE_238,
        0x3F,
    ),
}
