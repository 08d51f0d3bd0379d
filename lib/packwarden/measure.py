"""Believed counts to engineering values: mA, mV, 0.01 degC, one value per channel of the frame."""

import micropython
from micropython import const

from packwarden.fixed import BIAS, NONE, ints, split_ratio

_BIAS = const(1 << 29)  # as in `fixed`: kernels need constants of their own module
_NONE = const(0)
_HALF = const(512)  # of a 10-bit fraction


@micropython.viper
def scale(ctx, first: int, last: int, at: int):
    """Multiply the counts of channels first .. last-1 by the ratio at `at` of the parameters.

    ctx: held counts, values, parameters (whole, upper and lower 10-bit fraction). Codes are signed
    20-bit numbers, values stay below 2^28. Rounds half way upwards: within 0.76 of the exact
    value. From the control step: allocates nothing.
    """
    held = ptr32(ctx[0])
    values = ptr32(ctx[1])
    parameters = ptr32(ctx[2])
    whole = parameters[at]
    upper = parameters[at + 1]
    lower = parameters[at + 2]
    ch = first
    while ch < last:
        if held[ch] == _NONE:
            values[ch] = _NONE
        else:
            code = held[ch] - _BIAS
            part = (code * upper + ((code * lower) >> 10) + _HALF) >> 10
            values[ch] = code * whole + part + _BIAS
        ch += 1


@micropython.viper
def temperatures(ctx, first: int, last: int, reference: int, gain: int):
    """Interpolate the temperatures of channels first .. last-1 (biased 0.01 degC).

    ctx: held counts, values, parameters, table of `thermistor.Bridge`. `reference`: the channel of
    the reference resistor; while it has no believed count, no temperature has a value. Counts are
    below 2^15 (0.1 mV), `gain` at most 2^15, the table has 513 places. From the control step.
    """
    held = ptr32(ctx[0])
    values = ptr32(ctx[1])
    table = ptr32(ctx[3])
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
            values[ch] = table[at] + ((cold * (ratio & 63)) >> 6)
        ch += 1


class Measurement:
    """The engineering values of a frame; binds the arrays of the kernels."""

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
        self.ctx = (held, self.values, parameters, bridge.table)

    @micropython.native
    def run(self):
        """Turn every believed count into its value. From the control step: allocates nothing."""
        frame = self.frame
        ctx = self.ctx
        voltage = frame.voltage
        terminal = frame.terminal
        scale(ctx, 0, voltage, 0)
        scale(ctx, voltage, terminal, 3)
        temperatures(ctx, terminal, frame.reference, frame.reference, self.gain)
        supply = frame.supply
        if supply >= 0:
            self.values[supply] = self.held[supply]  # in mV as it is
        main = frame.main
        if main >= 0:
            scale(ctx, main, main + 1, 6)

    def value(self, channel):
        """Return a channel's value (mA, mV, 0.01 degC), or None where there is none."""
        stored = self.values[channel]
        return None if stored == NONE else stored - BIAS
