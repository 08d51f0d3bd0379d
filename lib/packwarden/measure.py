"""Believed counts to engineering values: mA, mV, 0.01 degC, one value per channel of the frame.

A current is corrected by the gain and the offset of its channel, a temperature by its offset; both
are zero until somebody has calibrated it (see `calibration`), and then change no bit.
"""

import micropython
from micropython import const

from packwarden.fixed import BIAS, NONE, ints, split_ratio

_BIAS = const(1 << 29)  # as in `fixed`: kernels need constants of their own module
_NONE = const(0)
_HALF = const(512)  # of a 10-bit fraction
_LOW_BITS = const(8191)  # 13 bits: what a gain times the rest of a value leaves of 30
_GAIN_HALF = const(64)  # of the 7 bits that are left of 20
GAIN_BITS = const(20)  # a gain of 1 more is 1 << 20


@micropython.viper
def scale(ctx, first: int, last: int, at: int, gains: int):
    """Multiply the counts of channels first .. last-1 by the ratio at `at` of the parameters, and
    correct them.

    ctx: held counts, values, parameters (whole, upper and lower 10-bit fraction), table, offsets
    and, from place `gains` on, gains (biased 1/2^20, at most 2 % either way). Codes are signed
    20-bit numbers, values stay below 2^28. Rounds half way upwards: within 0.76 of the exact
    value, and so does the correction. From the control step: allocates nothing.
    """
    held = ptr32(ctx[0])
    values = ptr32(ctx[1])
    parameters = ptr32(ctx[2])
    whole = parameters[at]
    upper = parameters[at + 1]
    lower = parameters[at + 2]
    corrections = ptr32(ctx[4])
    ch = first
    while ch < last:
        if held[ch] == _NONE:
            values[ch] = _NONE
        else:
            code = held[ch] - _BIAS
            part = (code * upper + ((code * lower) >> 10) + _HALF) >> 10
            value = code * whole + part
            gain = corrections[gains + ch] - _BIAS
            part = (value >> 13) * gain + (((value & _LOW_BITS) * gain) >> 13)
            values[ch] = value + ((part + _GAIN_HALF) >> 7) + corrections[ch]
        ch += 1


@micropython.viper
def temperatures(ctx, first: int, last: int, reference: int, gain: int):
    """Interpolate the temperatures of channels first .. last-1 (biased 0.01 degC).

    ctx: held counts, values, parameters, table of `thermistor.Bridge`, offsets. `reference`: the
    channel of the reference resistor; while it has no believed count, no temperature has a value.
    Counts are below 2^15 (0.1 mV), `gain` at most 2^15, the table has 513 places. Control step.
    """
    held = ptr32(ctx[0])
    values = ptr32(ctx[1])
    table = ptr32(ctx[3])
    offsets = ptr32(ctx[4])
    divisor = held[reference] - _BIAS
    ch = first
    while ch < last:
        if held[ch] == _NONE or divisor <= 0:
            values[ch] = _NONE
        else:
            ratio = (held[ch] - _BIAS) * gain // divisor
            if ratio > 32767:
                ratio = 32767
            at = ratio >> 6
            cold = table[at + 1] - table[at]
            values[ch] = table[at] + ((cold * (ratio & 63)) >> 6) + (offsets[ch] - _BIAS)
        ch += 1


class Measurement:
    """The engineering values of a frame; binds the arrays of the kernels.

    `corrections`: of each channel its offset (biased mA, 0.01 K), then of each its gain (biased
    1/2^20), which is that of a current.
    """

    STATE = ("corrections",)

    def __init__(self, frame, held, values, bridge, chip, shunt_uohm, main_shunt_uohm=0):
        """Bind to believed counts; `chip`: the monitor's facts, see `chips.ina2xx.CHIPS`."""
        self.frame = frame
        self.held = held
        self.gain = bridge.gain
        self.values = values
        current = split_ratio(chip["shunt_lsb_pV"], shunt_uohm * 1000)  # pV / uohm is uA
        voltage = split_ratio(chip["bus_lsb_pV"], 1000000000)  # pV to mV
        main = split_ratio(chip["shunt_lsb_pV"], (main_shunt_uohm or shunt_uohm) * 1000)
        parameters = ints(9)
        for i in range(3):
            parameters[i] = current[i]
            parameters[3 + i] = voltage[i]
            parameters[6 + i] = main[i]
        self.corrections = ints(2 * frame.channels, BIAS)
        self.ctx = (held, self.values, parameters, bridge.table, self.corrections)

    @micropython.native
    def run(self):
        """Turn every believed count into its value. From the control step: allocates nothing."""
        frame = self.frame
        ctx = self.ctx
        voltage = frame.voltage
        terminal = frame.terminal
        channels = frame.channels
        scale(ctx, 0, voltage, 0, channels)
        scale(ctx, voltage, terminal, 3, channels)
        temperatures(ctx, terminal, frame.reference, frame.reference, self.gain)
        supply = frame.supply
        if supply >= 0:
            self.values[supply] = self.held[supply]  # in mV as it is
        main = frame.main
        if main >= 0:
            scale(ctx, main, main + 1, 6, channels)

    def value(self, channel):
        """Return a channel's value (mA, mV, 0.01 degC), or None where there is none."""
        stored = self.values[channel]
        return None if stored == NONE else stored - BIAS
