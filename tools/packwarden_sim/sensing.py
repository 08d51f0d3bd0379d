"""From physical values to what chips and pins carry: conversion codes and microvolts.

The figures are those of the bank's configuration (monitor, shunt, thermistor, pull-up); where it
cannot be read the usual parts stand in, for a cabinet is wired whether or not its flash is sound.
"""

import micropython

from packwarden_sim.thermistor import resistance_ohm

# Shunt LSB in V at the wide range, bus LSB in V, largest codes (data sheets of the INA2xx family).
MONITORS = {
    "ina226": (2.5e-6, 1.25e-3, 32767, 32767),
    "ina228": (312.5e-9, 195.3125e-6, 524287, 524287),
    "ina238": (5e-6, 3.125e-3, 32767, 32767),
}
THERMISTOR_103AT = {
    "model": "steinhart_hart",
    "a_e13": 8_827_908_763,
    "b_e13": 2_521_621_322,
    "c_e17": 19_064_368_990,
}
# The divider's curve is kept at every half degree; between them straight to 0.002 K.
FIRST_C = -60
LAST_C = 260
PER_DEGREE = 2


class Sensing:
    """Conversion for one bank's hardware; made once, then cheap."""

    def __init__(self, hardware):
        """Take the bank's configuration (any part of it may be missing)."""
        sensors = _part(hardware, "sensors", {})
        chip = MONITORS.get(_part(sensors, "monitor", None), MONITORS["ina228"])
        shunt_lsb_V, bus_lsb_V, self.shunt_most, self.bus_most = chip
        self.shunt_per_A = _part(sensors, "shunt_uohm", 250) * 1e-6 / shunt_lsb_V
        self.bus_per_V = 1.0 / bus_lsb_V
        pull_up_ohm = _part(sensors, "pull_up_ohm", 4700)
        reference_ohm = _part(sensors, "reference_ohm", 4700)
        self.excitation_uV = _part(sensors, "excitation_mV", 2200) * 1000
        reference = reference_ohm / (reference_ohm + pull_up_ohm)
        self.reference_uV = round(self.excitation_uV * reference)
        thermistor = _part(sensors, "thermistor", THERMISTOR_103AT)
        self._curve_uV = _curve(thermistor, pull_up_ohm, self.excitation_uV)

    @micropython.native
    def shunt_code(self, current_A):
        """Return the shunt conversion code, saturated as the chip does."""
        code = round(current_A * self.shunt_per_A)
        if code > self.shunt_most:
            return self.shunt_most
        return code if code >= -self.shunt_most - 1 else -self.shunt_most - 1

    @micropython.native
    def bus_code(self, voltage_V):
        """Return the bus voltage code: 0 below zero, saturated above."""
        code = round(voltage_V * self.bus_per_V)
        return min(code, self.bus_most) if code > 0 else 0

    @micropython.native
    def pin_uV(self, temperature_C):
        """Return what the thermistor's divider puts on the pin, in microvolts."""
        place = (temperature_C - FIRST_C) * PER_DEGREE
        if place <= 0.0:
            return round(self._curve_uV[0])
        index = int(place)
        if index >= len(self._curve_uV) - 1:
            return round(self._curve_uV[-1])
        low = self._curve_uV[index]
        return round(low + (place - index) * (self._curve_uV[index + 1] - low))


def _part(settings, key, default):
    """Return a setting, or the default where it (or the place for it) is missing."""
    return settings.get(key, default) if isinstance(settings, dict) else default


def _curve(thermistor, pull_up_ohm, excitation_uV):
    """Return the pin's microvolts at every half degree."""
    curve = []
    for half in range((LAST_C - FIRST_C) * PER_DEGREE + 1):
        ohm = resistance_ohm(thermistor, FIRST_C + half / PER_DEGREE)
        curve.append(excitation_uV * ohm / (ohm + pull_up_ohm))
    return curve
