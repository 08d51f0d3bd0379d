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
        self.shunt_most, self.bus_most = _chip(sensors)[2:]
        self.shunt_per_A = codes_per_A(sensors)
        # 0 where no shunt is fitted: both inputs of the busbar's monitor are on one rail then.
        self.main_per_A = codes_per_A(sensors, "main_shunt_uohm", 0)
        self.bus_per_V = codes_per_V(sensors)
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
        return self._saturated(round(current_A * self.shunt_per_A))

    def main_code(self, current_A):
        """Return the conversion code of the shunt in the main line, 0 if there is none."""
        return self._saturated(round(current_A * self.main_per_A))

    @micropython.native
    def _saturated(self, code):
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


def codes_per_A(sensors, shunt="shunt_uohm", usual_uohm=250):
    """Return the codes of one ampere in a shunt, by the configuration's part `sensors`."""
    return _part(sensors, shunt, usual_uohm) * 1e-6 / _chip(sensors)[0]


def codes_per_V(sensors):
    """Return the codes of one volt of the busbar or of a battery."""
    return 1.0 / _chip(sensors)[1]


def shunt_most(sensors):
    """Return the largest code of a shunt; the lowest is its negative, less one."""
    return _chip(sensors)[2]


def pin_uV_per_K(sensors):
    """Return how much one kelvin more or less changes the pin of a thermistor of 25 degC."""
    pull_up_ohm = _part(sensors, "pull_up_ohm", 4700)
    excitation_uV = _part(sensors, "excitation_mV", 2200) * 1000
    thermistor = _part(sensors, "thermistor", THERMISTOR_103AT)
    colder_ohm, warmer_ohm = resistance_ohm(thermistor, 24.5), resistance_ohm(thermistor, 25.5)
    shares = [ohm / (ohm + pull_up_ohm) for ohm in (colder_ohm, warmer_ohm)]
    return excitation_uV * (shares[0] - shares[1])


def _chip(sensors):
    return MONITORS.get(_part(sensors, "monitor", None), MONITORS["ina228"])


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
