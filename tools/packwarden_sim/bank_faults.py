"""What goes wrong in the bank itself: each fault changes one thing of the model, by degrees.

A fault's level goes from 0 at `at_ms` in a straight line to 1 within `ramp_ms`, and back to 0 at
`until_ms` (None: stays). Its kind is a function (bank, fault, change, level) that carries the
change of level into the model; severities are linear in the level: faults on one place add up.
Faults of chips and breakers are not here: those models have their own.
"""

from packwarden_sim.clock import NEVER


class Faults:
    """All faults of a run; `follow` at each solution of the bank."""

    def __init__(self, bank, faults):
        """Take the bank that they act on and the scenario's list of dicts."""
        self._bank = bank
        self._faults = sorted(faults, key=lambda fault: fault["at_ms"])
        self._levels = [0.0] * len(faults)
        self._kinds = [KINDS[fault["kind"]] for fault in self._faults]
        self._quiet_until_ms = 0

    def follow(self, t_ms):
        """Bring the bank to the state of its faults at this time; return whether any changed."""
        if t_ms < self._quiet_until_ms:
            return False
        changed = False
        for index in range(len(self._faults)):
            fault = self._faults[index]
            level = _level(fault, t_ms)
            change = level - self._levels[index]
            if change:
                self._levels[index] = level
                self._kinds[index](self._bank, fault, change, level)
                changed = True
        self._quiet_until_ms = self.next_ms(t_ms)
        return changed

    def next_ms(self, t_ms):
        """Return when something changes next after `t_ms`: now, on a ramp; NEVER, if nothing."""
        soonest = NEVER
        for fault in self._faults:
            at_ms, until_ms = fault["at_ms"], fault.get("until_ms")
            if t_ms < at_ms:
                soonest = min(soonest, at_ms)
            elif until_ms is not None and t_ms >= until_ms:
                continue
            elif t_ms < at_ms + fault.get("ramp_ms", 0):
                soonest = min(soonest, t_ms)
            elif until_ms is not None:
                soonest = min(soonest, until_ms)
        return soonest


def _level(fault, t_ms):
    at_ms, until_ms, ramp_ms = fault["at_ms"], fault.get("until_ms"), fault.get("ramp_ms", 0)
    if t_ms < at_ms or (until_ms is not None and t_ms >= until_ms):
        return 0.0
    return min((t_ms - at_ms) / ramp_ms, 1.0) if ramp_ms else 1.0


def _battery(fault):
    return fault["battery"] - 1


def _sensor(bank, fault):
    """Number of a thermistor: those of the terminals, then the ambient's."""
    if fault["terminal"] == "ambient":
        return 2 * bank.batteries
    return 2 * _battery(fault) + (fault["terminal"] == "-")


def _joint_resistance(bank, fault, change, level):
    bank.joint_ohm[_sensor(bank, fault)] += change * fault["added_mohm"] / 1000.0
    bank.stale = True


def _link_resistance(bank, fault, change, level):
    rail = bank.ladder.negative_ohm if fault["terminal"] == "-" else bank.ladder.positive_ohm
    rail[fault["link"] - 1] += change * fault["added_mohm"] / 1000.0
    bank.stale = True


def _internal_resistance(bank, fault, change, level):
    bank.packs.r0_ohm[_battery(fault)] += change * fault["added_mohm"] / 1000.0
    bank.stale = True


def _internal_short(bank, fault, change, level):
    k = _battery(fault)
    bank.packs.cells[k] -= change * fault.get("shorted_cells", 0.0)
    if "short_mohm" in fault:
        bank.packs.short_ohm[k] = fault["short_mohm"] / 1000.0 / level if level else None
    bank.stale = True


def _external_short(bank, fault, change, level):
    siemens = change * 1000.0 / fault["short_mohm"]
    if fault["behind_main"]:
        bank.short_load_S += siemens
    else:
        bank.short_bus_S += siemens


def _pack_voltage(bank, fault, change, level):
    bank.packs.shift_V[_battery(fault)] += change * fault["offset_V"]


def _joined(bank, fault, change, level):
    bank.isolated[_battery(fault)] = not level
    bank.stale = True


def _bms_opens(bank, fault, change, level):
    bank.packs.bms_open[_battery(fault)] = level > 0.0
    bank.stale = True


def _bms_alarm(bank, fault, change, level):
    bank.bms_forced[_battery(fault)] = level > 0.0


def _current_offset(bank, fault, change, level):
    place = bank.batteries if fault["battery"] == "main" else _battery(fault)
    bank.current_offset_A[place] += change * fault["offset_A"]


def _voltage_offset(bank, fault, change, level):
    bank.voltage_offset_V[_battery(fault)] += change * fault["offset_V"]


def _thermistor_offset(bank, fault, change, level):
    bank.sensor_offset_K[_sensor(bank, fault)] += change * fault["offset_K"]


def _thermistor_open(bank, fault, change, level):
    bank.pin_held_uV[_sensor(bank, fault)] = bank.sensing.excitation_uV if level else None


def _thermistor_short(bank, fault, change, level):
    bank.pin_held_uV[_sensor(bank, fault)] = 0 if level else None


def _room(bank, fault, change, level):
    bank.thermal.room_C += change * fault["change_K"]


def _fan_fails(bank, fault, change, level):
    bank.fan_works = not level


KINDS = {
    "joint_resistance": _joint_resistance,
    "link_resistance": _link_resistance,
    "internal_resistance": _internal_resistance,
    "internal_short": _internal_short,
    "external_short": _external_short,
    "pack_voltage": _pack_voltage,
    "joined": _joined,
    "bms_opens": _bms_opens,
    "bms_alarm": _bms_alarm,
    "current_offset": _current_offset,
    "voltage_offset": _voltage_offset,
    "thermistor_offset": _thermistor_offset,
    "thermistor_open": _thermistor_open,
    "thermistor_short": _thermistor_short,
    "room": _room,
    "fan_fails": _fan_fails,
}
