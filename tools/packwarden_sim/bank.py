"""The physical bank behind the simulated chips, in closed loop with the breakers (a source).

Batteries on their ladder of busbars, the load, the heat and what goes wrong with them, solved when
a breaker, a permissive or the fan changes, at each corner of the profile or of a fault, and every
100 ms, or every tick of a firmware that looks less often; heat once a second. The lists `shunt`,
`bus` and `adc_uv` hold what the chips convert.
"""

import micropython

from packwarden_sim import bank_build
from packwarden_sim.bank_faults import Faults
from packwarden_sim.clock import NEVER
from packwarden_sim.sensing import Sensing

SOLVE_MS = 100
HEAT_MS = 1000


class BankSource:
    """A source as the simulated machine takes it: battery k (from 0) is k-th along the busbar."""

    def __init__(self, model, hardware, seed):
        """Take a model (`bank_build.DEFAULTS`), the bank's configuration, a seed for scatter."""
        figures = bank_build.complete(model)
        size = self.batteries = figures["batteries"]
        self.packs = bank_build.packs(figures, seed)
        self.ladder = bank_build.ladder(figures)
        self.thermal = bank_build.heat(figures)
        self._load = bank_build.load(figures)
        self.sensing = Sensing(hardware)
        self._solve_ms = max(SOLVE_MS, hardware.get("bank", {}).get("tick_ms", 0))
        self._cable_ohm = figures["cable_mohm"] / 1000.0
        self._settled = figures["settled"]
        self._precharged = figures["precharged"]
        self._make_state(figures)
        self.shunt = [0] * (size + 1)
        self.bus = [0] * (size + 1)
        self.adc_uv = [0] * (2 * size + 1) + [self.sensing.reference_uV]
        self.states = [0] * (size + 1)
        self.contacts = (1 << size) - 1
        self.bms = 0
        self.next_ms = 0
        self.end_ms = NEVER
        self._faults = Faults(self, figures["faults"])
        self._show_temperatures()

    def _make_state(self, figures):
        size = self.batteries
        self.currents_A = [0.0] * size
        self.load_A = self.main_A = self.bus_V = 0.0
        # What faults act on, beside the parts. `stale`: the resistances are not those factored.
        self.stale = True
        self.joint_ohm = [figures["joint_mohm"] / 1000.0] * (2 * size)
        self.isolated = [False] * size
        for fault in figures["faults"]:
            if fault["kind"] == "joined":
                self.isolated[fault["battery"] - 1] = True
        self.short_load_S = self.short_bus_S = 0.0
        self.bms_forced = [False] * size
        self.current_offset_A = [0.0] * (size + 1)  # the main's last
        self.voltage_offset_V = [0.0] * size
        self.sensor_offset_K = [0.0] * (2 * size + 1)
        self.pin_held_uV = [None] * (2 * size + 1)
        self.fan_works = True
        # Since when, and under which switches, the currents flow.
        self._t_ms = 0
        self._closed = -1
        self._switches = (0, 0, 0)  # main, charge, discharge
        self._total_A = 0.0
        self._square_A2s = [0.0] * size
        self._heat_ms = 0

    def apply(self, t_ms, closed, main, fan, charge, discharge):
        """Let the bank live until `t_ms`, then take the switches as they are now.

        The arguments are those of every source. The outputs are up to date afterwards.
        """
        passed_ms = t_ms - self._t_ms
        if passed_ms > 0:
            self._flow(passed_ms)
            self._t_ms = t_ms
        if closed != self._closed:
            self._closed = closed
            self.stale = True
        self._switches = (main, charge, discharge)
        wrong = self._faults.follow(t_ms)
        self.thermal.fan = bool(fan and self.fan_works)
        self._solve()
        if self._settled:
            self._settle()
        self._show(passed_ms / 1000.0)
        if wrong or self._heat_ms == 0:
            self._show_temperatures()
        grid_ms = t_ms - t_ms % self._solve_ms + self._solve_ms
        self.next_ms = min(grid_ms, self._load.next_ms(t_ms), self._next_fault_ms(t_ms))

    def truth(self, t_ms):
        """Return what is so, unmeasured: currents, voltages, temperatures, charge (JSON-able)."""
        voltages = [self._post_V(k) for k in range(self.batteries)]
        return {
            "t_ms": t_ms,
            "load_A": round(self.load_A, 2),
            "bus_V": round(self.bus_V, 3),
            "i_A": _rounded(self.currents_A, 2),
            "v_V": _rounded(voltages, 3),
            "tp_C": _rounded(self.thermal.lug_C[::2], 2),
            "tn_C": _rounded(self.thermal.lug_C[1::2], 2),
            "pack_C": _rounded(self.thermal.pack_C, 2),
            "air_C": round(self.thermal.air_C, 2),
            "room_C": round(self.thermal.room_C, 2),
            "soc_percent": _rounded(self.packs.soc_percent, 2),
        }

    def save(self):
        """Return the state that outlives a reset of the firmware; faults follow from the time."""
        packs, heat = self.packs, self.thermal
        return {
            "t_ms": self._t_ms,
            "soc": packs.soc_percent,
            "fast": packs.fast_V,
            "slow": packs.slow_V,
            "bms": packs.bms_open,
            "lug": heat.lug_C,
            "cable": heat.cable_C,
            "pack": heat.pack_C,
            "air": heat.air_C,
        }

    def restore(self, state):
        """Go on from a saved state, before the first `apply`; its time goes on too."""
        packs, heat = self.packs, self.thermal
        self._t_ms = state["t_ms"]
        packs.soc_percent[:] = state["soc"]
        packs.fast_V[:] = state["fast"]
        packs.slow_V[:] = state["slow"]
        packs.bms_open[:] = state["bms"]
        heat.lug_C[:] = state["lug"]
        heat.cable_C[:] = state["cable"]
        heat.pack_C[:] = state["pack"]
        heat.air_C = state["air"]
        self._settled = False
        self.stale = True
        self._show_temperatures()

    @micropython.native
    def _flow(self, ms):
        """Let the currents of the last solution flow for a time."""
        seconds = ms / 1000.0
        currents, square = self.currents_A, self._square_A2s
        self.packs.advance(currents, seconds)
        for k in range(self.batteries):
            square[k] += currents[k] * currents[k] * seconds
        self._heat_ms += ms
        if self._heat_ms >= HEAT_MS:
            self._heat()

    def _heat(self):
        """Bring the temperatures up to date, in steps of about a second."""
        size = self.batteries
        steps = (self._heat_ms + HEAT_MS // 2) // HEAT_MS
        seconds = self._heat_ms / 1000.0 / steps
        square = [value / steps for value in self._square_A2s]
        pack_J = [self.packs.take_heat_J(k) / steps for k in range(size)]
        for _ in range(steps):
            self.thermal.advance(seconds, square, self.joint_ohm, self._cable_ohm, pack_J)
        self._square_A2s = [0.0] * size
        self._heat_ms = 0

    @micropython.native
    def _factor(self):
        """Take the resistances as they are now."""
        self.packs.changed()
        conductance = []
        for k in range(self.batteries):
            on = not (self.isolated[k] or self.packs.bms_open[k]) and (self._closed >> k) & 1
            joints = self.joint_ohm[2 * k] + self.joint_ohm[2 * k + 1]
            branch = self.packs.inner_ohm[k] + 2.0 * self._cable_ohm + joints
            conductance.append(1.0 / branch if on else 0.0)
        self.ladder.factor(conductance)
        self.stale = False

    def _solve(self):
        """Find the currents of this instant."""
        if self.stale:
            self._factor()
        else:
            self.packs.refresh()
        main, charge, discharge = self._switches
        self.ladder.open_circuit(self.packs.emf_V)
        self.load_A = self.main_A = self._total_A = self.bus_V = 0.0
        if self.ladder.source_ohm is not None:
            open_V, source_ohm = self.ladder.open_V, self.ladder.source_ohm
            short_S = self.short_bus_S + (self.short_load_S if main else 0.0)
            # A short across the taps makes it a weaker source with a lower voltage.
            weaker = 1.0 + source_ohm * short_S
            open_V /= weaker
            source_ohm /= weaker
            if main:
                self.load_A = self._load.current_A(
                    self._t_ms, open_V, source_ohm, charge, discharge
                )
            self.bus_V = open_V - source_ohm * self.load_A
            self._total_A = self.load_A + short_S * self.bus_V
            if main:
                self.main_A = self.load_A + self.short_load_S * self.bus_V
        elif main and self._precharged:
            self.bus_V = sum(self.packs.emf_V) / self.batteries
        self.ladder.share(self._total_A, self.packs.emf_V, self.currents_A)

    def _settle(self):
        """Go, once, to where the load of t = 0 leads: RC pairs, then lugs and cables.

        The board boots meanwhile and has not given its permissives yet: they are taken as given.
        """
        self._settled = False
        switches = self._switches
        self._switches = (1, 1, 1)
        packs = self.packs
        given = packs.r0_ohm[:]
        for k in range(self.batteries):
            packs.r0_ohm[k] += packs.fast_ohm[k] + packs.slow_ohm[k]
        self._factor()
        self._solve()
        packs.r0_ohm[:] = given
        packs.settle(self.currents_A)
        self.thermal.settle(self.currents_A, self.joint_ohm, self._cable_ohm)
        self._switches = switches
        self._factor()
        self._solve()

    def _post_V(self, k):
        """Return the voltage between a battery's posts, where its monitor measures."""
        if not self.packs.bms_open[k]:
            return self.packs.terminal_V(k, self.currents_A[k])
        if self.isolated[k] or not (self._closed >> k) & 1:
            return 0.0
        return self.ladder.across_V(k, self._total_A)

    @micropython.native
    def _show(self, seconds):
        """Put currents, voltages and BMS alarms into what the chips convert."""
        sensing, packs = self.sensing, self.packs
        currents = self.currents_A
        alarms = 0
        for k in range(self.batteries):
            voltage = self._post_V(k)
            self.shunt[k] = sensing.shunt_code(currents[k] + self.current_offset_A[k])
            self.bus[k] = sensing.bus_code(voltage + self.voltage_offset_V[k])
            was_open = packs.bms_open[k]
            if packs.judge(k, voltage, seconds) or self.bms_forced[k]:
                alarms |= 1 << k
                if packs.bms_open[k] != was_open:
                    self.stale = True
        main_A = self.main_A + self.current_offset_A[self.batteries]
        self.shunt[self.batteries] = sensing.main_code(main_A)
        self.bus[self.batteries] = sensing.bus_code(self.bus_V)
        self.bms = alarms

    @micropython.native
    def _show_temperatures(self):
        """Put the temperatures of the terminals and the air on the pins."""
        pin_uV = self.sensing.pin_uV
        lug_C, held, offset = self.thermal.lug_C, self.pin_held_uV, self.sensor_offset_K
        last = 2 * self.batteries
        for j in range(last + 1):
            if held[j] is None:
                self.adc_uv[j] = pin_uV((lug_C[j] if j < last else self.thermal.air_C) + offset[j])
            else:
                self.adc_uv[j] = held[j]

    def _next_fault_ms(self, t_ms):
        """Return when a fault begins or ends next; ramps are followed on the grid of 100 ms."""
        soonest_ms = self._faults.next_ms(t_ms)
        return soonest_ms if soonest_ms > t_ms else NEVER


def _rounded(values, digits):
    return [round(value, digits) for value in values]
