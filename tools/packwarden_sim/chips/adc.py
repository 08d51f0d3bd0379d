"""The ESP32's ADC: 11 dB attenuation, calibrated, whole millivolts.

Below about 142 mV the converter gives zero counts, which its calibration turns into 142 mV; at the
top it saturates.
"""

FLOOR_MV = 142
CEILING_MV = 3_120


def shown_uV(pin_uV, noise_mV):
    """Return what `read_uv` says of a pin's voltage. In the tick."""
    millivolts = (pin_uV + 500) // 1000 + noise_mV
    if millivolts < FLOOR_MV:
        millivolts = FLOOR_MV
    elif millivolts > CEILING_MV:
        millivolts = CEILING_MV
    return millivolts * 1000
