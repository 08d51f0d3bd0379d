"""The bank: the integers of a configuration that has been checked."""

from packwarden.chips.ina2xx import CHIPS
from packwarden.fixed import to_fixed
from packwarden.frame import MAIN_BIT
from packwarden.settings import MAIN, CELL_mV, NEARLY_FULL_mV, PLATEAU_mV, option


class Bank:
    """The integers of a configuration that passed `errors`; made once at boot."""

    def __init__(self, config):
        bank = config["bank"]
        sensors = config["sensors"]
        self.config = config
        self.batteries = bank["batteries"]
        self.rated_mA = to_fixed(bank["rated_current_A"], 1000)
        self.nominal_mV = bank["cells"] * CELL_mV
        self.nearly_full_mV = bank["cells"] * NEARLY_FULL_mV
        self.plateau_mV = bank["cells"] * PLATEAU_mV
        self.tick_ms = option(config, "bank.tick_ms")
        self.monitor = sensors["monitor"]
        self.shunt_uohm = sensors["shunt_uohm"]
        self.main_shunt_uohm = option(config, "sensors.main_shunt_uohm")
        self.excitation_mV = option(config, "sensors.excitation_mV")
        self.supply_mV = to_fixed(option(config, "sensors.control_supply_V"), 1000)
        self.bms_contact = sensors["bms_contact"]
        self.external_trip = option(config, "sensors.external_trip")
        self.trip_circuit = option(config, "sensors.trip_circuit")
        self.breaker_kind = config["breakers"]["kind"]
        self.feedback = config["breakers"]["feedback"]
        self.pulse_ms = option(config, "breakers.pulse_ms")
        self.retries = option(config, "breakers.retries")
        self.repeat_hours = option(config, "breakers.repeat_hours")
        self.has_baseline = option(config, "bank.baseline_percent") is not None

    def level(self, element, level):
        """Return the settings of a row of the table: a dict, or None where it is off."""
        settings = self.config["elements"][element.slug][level.key]
        return None if settings == "off" else settings

    def weights(self):
        """Return each battery's expected part of the bank's current in 1/1024 of the mean part.

        Its capacity times the baseline of its position: between 1/16 and 16 times the mean.
        """
        capacity = _each(self.config["bank"]["capacity_Ah"], self.batteries)
        baseline = _each(option(self.config, "bank.baseline_percent") or 100, self.batteries)
        parts = [to_fixed(capacity[k] * baseline[k], 10) for k in range(self.batteries)]
        total = sum(parts)
        return [(part * self.batteries * 1024 + total // 2) // total for part in parts]

    def chip_limits(self):
        """Return the limits of the monitors themselves: (mA either way, mV); None: not armed.

        Beyond what the elements trip at, for a chip knows neither delay nor direction; and within
        its range, for it never reaches a limit that is not.
        """
        shunt = self.config["elements"]["overcurrent_instantaneous"]["trip"]
        bus = self.config["elements"]["overvoltage"]["trip"]
        facts = CHIPS[self.monitor]
        over_mA = over_mV = None
        if shunt != "off":
            most_mA = facts["shunt_full_scale_uV"] * 950 // self.shunt_uohm
            over_mA = min(to_fixed(shunt["pickup"], 1200), most_mA)
        if bus != "off":
            over_mV = min(to_fixed(bus["pickup"], 1050), facts["bus_full_scale_mV"] * 95 // 100)
        return over_mA, over_mV

    def on_failure(self):
        """Return the mask of breakers that the safe state trips: by default all that a release
        holds.
        """
        given = option(self.config, "breakers.trip_on_failure")
        if given is None:
            return (1 << self.batteries) - 1 | 1 << MAIN_BIT if self.breaker_kind == "uvr" else 0
        mask = 0
        for one in given:
            mask |= 1 << (MAIN_BIT if one == MAIN else one - 1)
        return mask


def _each(value, batteries):
    """Return a list with a number per battery, from one or from many."""
    return value if isinstance(value, list) else [value] * batteries
