"""Why each setting is what it is: one reason per configuration value and per level of an element.

The board keeps only names, ranges and units; the prose lives here. Figures without a source named
are engineering judgement.
"""

# Reasons of the settings that are not elements, by path in the configuration.
SETTINGS = {
    "schema": "a later Packwarden that reads files differently counts up",
    "bank.board": "says which folder of boards/ describes pins, addresses and limits",
    "bank.batteries": "16 monitor addresses fit one bus: 15 batteries and the busbar",
    "bank.rated_current_A": "continuous current of one battery; all limits in A scale with it",
    "bank.capacity_Ah": "weighs the share of the load that is expected of a battery",
    "bank.cells": "cells in series give the nominal voltage, 3.3 V each (LFP)",
    "bank.baseline_percent": "how a position shares in the load, 100 % being the mean",
    "bank.positions": "order along the busbar: neighbours share joints, ends carry more",
    "bank.joint_lag_s": "thermal lag of the lugs; without it the best of 2, 4.5, 10 min is found",
    "bank.resistance_percent_K": "cells lose so much with warmth: it is compared at 25 degC",
    "bank.tick_ms": "10 ms trips a short in two conversions; slower only for long simulations",
    "sensors.monitor": "ina226 up to 36 V, ina238 and ina228 up to 85 V; the 228 resolves finest",
    "sensors.shunt_uohm": "full scale of the monitor has to reach 6 times rated, or a fault clips",
    "sensors.shunt_rated_A": "what the shunt carries for good without drifting by its own heat",
    "sensors.thermistor": "a fit to the part's table; Beta alone is off by up to 4 K at the ends",
    "sensors.thermistor.model": "Steinhart-Hart, 1/T = A + B ln R + C (ln R)^3 (R in ohm, T in K)",
    "sensors.thermistor.a_e13": "A in 1e-13 / K",
    "sensors.thermistor.b_e13": "B in 1e-13 / K",
    "sensors.thermistor.c_e17": "C in 1e-17 / K",
    "sensors.pull_up_ohm": "130 degC stays above the ADC's blind 150 mV, or it looks shorted",
    "sensors.reference_ohm": "a known resistor through the same mux proves ADC and excitation",
    "sensors.excitation_mV": "below 2.4 V the ESP32's ADC is linear, and open is told from cold",
    "sensors.bms_contact": "a contact that closes on alarm looks healthy when its wire is cut",
    "sensors.external_trip": "smoke, gas, emergency stop: a loop that opens also tells a cut wire",
    "sensors.trip_circuit": "relays that watch the trip coils, their contacts in one chain",
    "sensors.control_supply_V": "what feeds the trip coils; 0: not wired to the controller",
    "sensors.main_shunt_uohm": "a shunt in the main line checks the sum of the others; 0: none",
    "breakers.kind": "a shunt trip needs a pulse; release and contactor open when let go",
    "breakers.feedback": "an auxiliary contact proves that a breaker opened, also without load",
    "breakers.pulse_ms": "coils trip from 20 ms on and are not rated for continuous duty",
    "breakers.retries": "more pulses for a breaker that stays, 2 s apart: coils have to cool",
    "breakers.repeat_hours": "a second trip within this time asks for more than a reset",
    "breakers.trip_on_failure": "what a failing controller opens; by default what a release holds",
}

_RISE = "over the siblings' median and the own other pole: cancels the cabinet's gradient"
_RATE = "slope of 60 s less the siblings' median: sun and fans move all terminals together"
_SHARE = "only while the median carries 15 A: at light load shares are noise"
_BLIND = "one lost sensor is not an outage; on, it trips after this long without a value"
_LOST = "one lost sensor is not an outage, but it is said within seconds"

# Reasons of the levels, by slug and the level's key.
LEVELS = {
    "terminal_overtemperature": {
        "warn": "well above what a sound joint reaches in a cabinet at 40 degC",
        "alarm": "half way to the trip: time for a person to reduce the load",
        "trip": "breaker terminals end at 90 degC (UL 489, 40 ambient); the sensor lags by 9 K"
        " at 37 K/min",
        "loss": _BLIND,
    },
    "terminal_rise": {
        "warn": "NETA 100.18 calls 4 to 15 K probable deficiency; " + _RISE,
        "alarm": "NETA 100.18 asks for repair at once above 15 K between similar parts",
        "trip": "twice the repair limit, and really hot: a cold outlier is no fire",
    },
    "terminal_rate": {
        "warn": _RATE,
        "alarm": "a joint that comes loose heats faster than any load change; 5 K proves it local",
        "trip": "at 10 K/min the limit of 80 degC comes minutes too late; 50 degC proves heat",
    },
    "overcurrent_inverse": {
        "warn": "10 % above rated for a minute is no start of a motor",
        "alarm": "three quarters of the way to the trip leave time to shed load",
        "trip": "200 A opens in 12.8 s, 300 A in 4.2 s: a start of 2 s at 3 times rated passes",
        "loss": _BLIND,
    },
    "overcurrent_instantaneous": {
        "warn": "a fault needs no warning level",
        "alarm": "a fault needs no alarm level",
        "chip_limit": "a monitor's own limit still stands: its latch opens the main at 300 ms",
        "trip": "above every start; direction decides between the faulted battery and the main",
    },
    "current_imbalance": {
        "warn": "a sound diagonal bank of 15 stands 33 % above its median; " + _SHARE,
        "alarm": "a bank fed from one end reaches 54 %; 60 % is a joint, a cable or a cell",
        "drift_warn": "with a baseline the position is known: 15 % is a change of the battery",
        "slow_warn": "10 % off its own baseline for hours of load: an ageing battery or cable",
        "drift_alarm": "30 % off its own baseline for two minutes is a joint or a weak battery",
        "trip": "imbalance wears batteries out but endangers nobody at once; heat is what trips",
    },
    "reverse_current": {
        "warn": "while the bank discharges no battery should charge",
        "alarm": "20 A into one battery while others deliver: it is fed by its siblings",
        "trip": "the battery that takes current from the others is the faulted one",
        "trip_high": "twice rated backwards is a short inside: two samples suffice",
        "idle_warn": "50 mV between two packs is 2.7 A: equalising at rest is normal, 10 A is not",
        "idle_alarm": "25 A without any load: the packs were joined unmatched or one is failing",
        "idle_trip": "equalising ends by itself; a fault shows in the levels under load",
    },
    "ambient_high": {
        "fan": "forced cooling above 35 degC; 3 K and 10 s keep the fan from hunting",
        "warn": "packs and breakers are rated at 40 degC",
        "alarm": "LFP packs must not be charged above 45 degC",
        "trip": "a hot room is no fault of a battery: a person decides",
        "loss": "without its thermistor the fan runs and an alarm is given",
    },
    "sensor_fault": {
        "alarm": "a monitor that is absent, frozen or lost its settings is never read as 0 A; "
        + _LOST,
        "thermistor": "open and short are judged in counts and are no temperature; " + _LOST,
        "busbar": "the busbar channel proves the batteries' voltages; nothing trips on it",
        "ambient": "without it the fan runs and rises count from the siblings only",
        "reference": "without the known resistor no ratio is believed: all thermistors are lost",
        "main_shunt": "the sum of the currents is no longer checked",
        "kirchhoff": "the main shunt differs from the sum: a shunt or a monitor reads wrong",
        "trip": "a thermistor that dies hot or rising fast is a joint burning, not a broken wire",
    },
    "bank_overcurrent": {
        "warn": "twice as slow as the batteries' own warning, which says which one it is",
        "alarm": "the batteries' integrators alarm earlier",
        "trip": "twice as slow as the batteries' own trip: the nearest breaker opens first",
    },
    "idle_string": {
        "warn": "others carry and this one does not: its BMS may have opened",
        "alarm": "ten minutes of load without it: the others wear for it",
        "trip": "an idle battery endangers nobody",
    },
    "undervoltage": {
        "warn": "3.0 V a cell: nearly empty, beyond the 2 s for which a start pulls it down",
        "alarm": "2.9 V a cell for 10 s is no start of a motor; the inverter is asked to stop",
        "trip": "2.7 V a cell: below, the cells lose capacity for good",
        "loss": _BLIND,
    },
    "overvoltage": {
        "warn": "above the charger's 57.6 V for a minute: it charges too far",
        "alarm": "3.65 V a cell is the cells' limit; the inverter is asked to stop charging",
        "trip": "3.7 V a cell: the charger does not stop",
        "loss": _BLIND,
    },
    "charge_temperature": {
        "warn": "LFP cells are charged above 0 degC; terminals follow them slowly",
        "alarm": "below 0 degC lithium plates out and the cell is lost; charging is stopped",
        "trip": "discharging in the cold harms nothing",
    },
    "voltage_mismatch": {
        "alarm": "the guide's 0.05 V, calibrated and at rest: 50 mV across two packs is 2.7 A",
    },
    "bms_alarm": {
        "alarm": "the battery's own BMS says so; a second of it is no bounce",
        "trip": "the BMS opens by itself what it has to",
    },
    "external_trip": {
        "trip": "smoke, gas or a hand on the emergency stop: the main opens and nothing waits",
    },
    "output_fault": {
        "alarm": "an output that reads back wrong twice may not trip when it has to",
    },
    "trip_circuit": {
        "alarm": "a coil or lead that is open would be found at the trip; alarm only",
    },
    "control_supply": {
        "alarm": "coils trip from 70 % of their voltage on; the trip energy must outlast the bank",
    },
    "cascade": {
        "warn": "after one has left, another carries more than its rating",
        "alarm": "the rest is overloaded: the inverter is asked to stop before they trip in turn",
        "trip": "it did not stop: one main breaker instead of the batteries one by one",
    },
    "controller_fault": {
        "alarm": "contacts that cannot be read, ticks that are late: the protection is reduced",
    },
    "lockout": {
        "": "what has tripped stays open over reset and power loss until a person resets it",
    },
    "breaker_discrepancy": {
        "alarm": "a contact contradicts the current, or the other contact: longer than any travel",
        "main": "the same of the main breaker",
        "crossed": "another breaker opened in its place: wires are crossed, so the main opens",
    },
    "joint_heating": {
        "early_warn": "NETA 100.18 has 1 to 3 K investigated; this much at rated current is sure",
        "warn": "NETA 100.18, scaled to rated current: probable deficiency, repair in time",
        "alarm": "NETA 100.18, scaled to rated current: repair at once",
        "trip": "found while it is cool: a person tightens it; the temperatures themselves trip",
    },
    "link_resistance": {
        "warn": "0.3 mOhm over its baseline are 3 W at 100 A, in one joint between the senses",
        "alarm": "1 mOhm over its baseline are 10 W at 100 A: a joint or cable, not the battery",
        "trip": "a joint that heats trips by its heat",
    },
    "resistance_mismatch": {
        "warn": "batteries that work in parallel are matched within 3 mOhm",
        "alarm": "twice the matching limit: the others carry its load",
        "trip": "a weak battery endangers nobody at once",
    },
    "breaker_failure": {
        "retrip": "a breaker clears within 50 ms; a second pulse costs nothing",
        "main": "the next device upstream, after the second pulse had its time",
        "all": "a stuck breaker on a shorted battery is fed by the others: open all of them",
        "main_retrip": "the main gets its second pulse as every breaker does",
        "main_all": "what the main cannot open, the batteries' own breakers can",
    },
}


def of_setting(path: str) -> str:
    """Reason of a configuration value by its path; elements by slug and level, else by section."""
    parts = path.split(".")
    if parts[0] == "elements":
        return LEVELS.get(parts[1], {}).get(parts[2], "") if len(parts) > 2 else ""
    return SETTINGS.get(path) or SETTINGS.get(".".join(parts[:2]), "")
