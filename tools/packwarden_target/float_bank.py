"""The quiet step's work as one would first write it: floats, lists, an object for each battery.

The peer that the control step is compared with. It validates and measures the same channels, finds
the same quantities, compares them by the same rows of the element table and follows the breakers,
in A, V, degC and s. What comes after an operation is not in here: a quiet bank asks for none.
"""

from float_parts import (
    Battery,
    Breaker,
    Integrator,
    Row,
    Sensor,
    Slot,
    Thermometer,
    always,
    median,
    reference_for,
)
from packwarden import elements, levels
from packwarden.bank import Bank
from packwarden.chips.ina2xx import CHIPS
from packwarden.rows import plan


class FloatBank:
    """A bank in engineering values. Call `step` with the raw counts of each tick."""

    def __init__(self, config):
        """Build from a configuration that passed `settings.errors`."""
        bank = self.bank = Bank(config)
        chip = CHIPS[bank.monitor]
        sensors = config["sensors"]
        self.batteries = []
        self.rated_A = bank.rated_mA / 1000
        self.amperes_per_count = chip["shunt_lsb_pV"] * 1e-6 / bank.shunt_uohm
        self.volts_per_count = chip["bus_lsb_pV"] * 1e-12
        self.thermometer = Thermometer(sensors)
        settings = self._curve("overcurrent_inverse")
        for _ in range(bank.batteries):
            self.batteries.append(
                Battery(self._amperes, self._volts, self.thermometer, Integrator(settings))
            )
        self.integrator = Integrator(self._curve("bank_overcurrent"))
        self.shares = [weight / 1024 for weight in bank.weights()]
        self.bus = Sensor(self._volts, always)
        self.ambient = Sensor(self.thermometer.celsius, self.thermometer.believable)
        full = 10 * bank.excitation_mV
        reference_ohm = sensors["reference_ohm"]
        self.nominal = full * reference_ohm / (reference_ohm + sensors["pull_up_ohm"])
        self.reference = Sensor(float, self._is_reference)
        self.supply = Sensor(self._millivolts, always)
        self.main = Breaker()
        self.found = {}
        self.course = 0
        self.left = []
        self.sampled_at_s = 0.0
        self.restraint_A = self.charge_A = self.risen_at_s = self.fallen_at_s = 0.0
        self.last_s = 0.0
        self.rows = [self._row(row) for row in plan(bank)]

    def _amperes(self, count):
        return count * self.amperes_per_count

    def _volts(self, count):
        return count * self.volts_per_count

    def _millivolts(self, count):
        return count / 1000

    def _is_reference(self, count):
        return 0.94 * self.nominal <= count <= 1.06 * self.nominal

    def _curve(self, slug):
        """Return the settings of an element's inverse time."""
        return self.bank.config["elements"][slug]["trip"]

    def _row(self, row):
        """Return a row with a slot for each terminal or battery, or one for the bank."""
        made = Row(row, self.bank.level(elements.TABLE[row.number], row.table))
        gate_scope = levels.quantity_facts(made.gate)[0] if made.gate else levels.BANK
        first = self.batteries[0].current
        if row.scope == levels.BANK:
            made.slots.append(Slot(self.found, self.found, first))
        for battery in self.batteries:
            gate = self.found if gate_scope == levels.BANK else battery.found
            if row.scope == levels.BATTERY:
                made.slots.append(Slot(battery.found, gate, battery.current))
            elif row.scope == levels.TERMINAL:
                for terminal in (battery.plus, battery.minus):
                    if gate_scope == levels.TERMINAL:
                        gate = terminal.found
                    made.slots.append(Slot(terminal.found, gate, terminal.sensor))
        return made

    def step(self, now_s, counts, contacts):
        """Run one tick over the counts of a frame and its contacts; return what has changed.

        `contacts`: "closed", a list of breakers, the main's last; "bms", a list of alarms;
        "external", "circuit_closed" and "alert".
        """
        dt_s = now_s - self.last_s
        self.last_s = now_s
        self._read(counts)
        for battery, contact in zip(self.batteries, contacts["closed"]):
            battery.breaker.follow(contact, battery.current.value, self.rated_A * 0.05)
        self._find_currents()
        self._restrain(now_s)
        self._find_shares()
        self._find_departures(now_s)
        self._find_voltages()
        self._find_heat(now_s)
        self._find_flags(contacts)
        for battery in self.batteries:
            battery.found["inverse"] = battery.integrator.advance(battery.found["load"], dt_s)
        self.found["bank_inverse"] = self.integrator.advance(self.found["bank_load"], dt_s)
        changed = []
        for row in self.rows:
            changed.extend(row.compare(now_s))
        return changed

    def _read(self, counts):
        """Take the counts: the reference resistor first, by which temperatures are measured."""
        n = len(self.batteries)
        self.reference.read(counts[4 * n + 2])
        self.thermometer.set_reference(self.reference.value)
        self.bus.read(counts[2 * n])
        self.ambient.read(counts[4 * n + 1])
        if self.bank.supply_mV:
            self.supply.read(counts[4 * n + 3])
        for k in range(n):
            self.batteries[k].read(counts, k, n)

    def _find_currents(self):
        """Find the loads, the median of those that carry, and who flows against the bank."""
        total = 0.0
        out = 0
        carrying = []
        self.members = 0
        for battery, share in zip(self.batteries, self.shares):
            current = battery.current.value
            battery.carries = False
            battery.found["load"] = None if current is None else abs(current)
            if current is not None:
                total += current
                if abs(current) > self.rated_A * 0.05:
                    out += 1 if current > 0 else -1
                if battery.breaker.closed:
                    self.members += 1
                    if abs(current) >= self.rated_A * 0.02:
                        battery.carries = True
                        carrying.append(current / share)
        self.total_A = total
        self.carrying = carrying
        self.median_A = median(carrying)
        self.found["bank_load"] = abs(total)
        self._find_course()
        given = self._given_A()
        fall = max(self.charge_A - abs(self.median_A or 0), 0) if self.course == -1 else 0
        fall = min(fall, self.rated_A * 0.3)
        for battery, share in zip(self.batteries, self.shares):
            current = battery.current.value
            reverse = idle = None
            if current is not None:
                against = current if self.course == -1 else -current
                against -= fall * share
                reverse = max(against, 0) if self.course else 0
                idle = 0 if self.course else min(max(against, 0), given)
            battery.found["reverse"] = reverse
            battery.found["reverse_idle"] = idle
            battery.found["instantaneous"] = battery.found["load"]

    def _given_A(self):
        """Return what the batteries that discharge give; without bound if one is unknown."""
        given = 0.0
        for battery in self.batteries:
            current = battery.current.value
            if current is not None:
                given += max(current, 0)
            elif battery.breaker.closed:
                return float("inf")
        return given

    def _find_course(self):
        """Find which way the bank carries: 1 out, -1 in, 0 idle; with a hysteresis."""
        load = self.median_A or 0
        limit = self.rated_A * (0.08 if self.course else 0.1)
        low, high = (min(self.carrying), max(self.carrying)) if self.carrying else (0, 0)
        if len(self.carrying) == 2 and low < 0 < high:
            load = min(high, -low)
        elif 2 * len(self.carrying) < self.members and abs(self.total_A) < limit:
            load = 0
        self.course = 0 if abs(load) < limit else 1 if load > 0 else -1

    def _restrain(self, now_s):
        """Let the restraint follow the load."""
        median_A = self.median_A or 0
        up = now_s - self.risen_at_s >= 1
        down = now_s - self.fallen_at_s >= 64
        if up:
            self.risen_at_s = now_s
        if down:
            self.fallen_at_s = now_s
        self.restraint_A += _step(abs(median_A) - self.restraint_A, up, down)
        self.charge_A += _step(max(-median_A, 0) - self.charge_A, up, down)

    def _judged(self, battery):
        """Return whether a battery is judged by the median."""
        volts_mV = (battery.voltage.value or 0) * 1000
        if volts_mV > self.bank.nearly_full_mV:
            battery.nearly_full = True
        elif volts_mV < self.bank.plateau_mV:
            battery.nearly_full = False
        charging = self.median_A is not None and self.median_A < 0
        if charging and battery.nearly_full:
            return False
        return abs(self.median_A or 0) >= self.rated_A * 0.15

    def _find_shares(self):
        """Compare each battery's current with its expected share."""
        for battery, share in zip(self.batteries, self.shares):
            current = battery.current.value
            closed = battery.breaker.closed
            judged = self._judged(battery)
            imbalance = deviation = idle = None
            if current is not None:
                imbalance = deviation = 0.0
                expected = reference_for(current / share, self.carrying, battery.carries)
                if closed and judged and expected is not None:
                    expected *= share
                    deviation = abs(current - expected)
                    restrained = max(abs(expected), self.restraint_A * share, 0.1)
                    imbalance = 100 * deviation / restrained
                if closed and judged:
                    idle = abs(current)
            giving = idle if self.median_A is not None and self.median_A > 0 else None
            battery.found["imbalance"] = imbalance
            battery.found["drift"] = imbalance if self.bank.has_baseline else None
            battery.found["deviation"] = deviation
            battery.found["idle"] = idle
            battery.found["idle_giving"] = giving
            battery.found["charging"] = None if current is None else max(-current, 0)

    def _find_departures(self, now_s):
        """Notice a battery that carried and does not any more, while the bank is loaded."""
        loaded = self.median_A is not None and abs(self.median_A) >= self.rated_A * 0.15
        self.left = []
        for battery in self.batteries:
            if battery.carries:
                battery.carried = True
                battery.missing_at_s = None
            elif battery.carried and loaded and battery.breaker.closed:
                if battery.missing_at_s is None:
                    battery.missing_at_s = now_s
                if now_s - battery.missing_at_s >= 0.1:
                    self.left.append(battery)
        self.found["departed"] = 1 if self.left else 0
        self.found["predicted"] = None

    def _find_voltages(self):
        """Find the voltages, and how far each is off the busbar while the bank is at rest."""
        resting = not any(battery.breaker.flows for battery in self.batteries)
        resting = resting and abs(self.total_A) <= self.rated_A * 0.05
        bus = self.bus.value
        on_bus = []
        for battery in self.batteries:
            if battery.breaker.closed and battery.voltage.value is not None:
                on_bus.append(battery.voltage.value)
        if bus is None:
            bus = median(on_bus)
        for battery in self.batteries:
            volts = battery.voltage.value
            shown = volts if battery.breaker.closed else None
            battery.found["voltage"] = shown
            battery.found["low_voltage"] = shown
            off = None
            if resting and volts is not None and bus is not None:
                off = abs(volts - bus)
            battery.found["mismatch"] = off
            poles = (battery.plus.sensor.value, battery.minus.sensor.value)
            poles = [value for value in poles if value is not None]
            coldest = min(poles) if poles and battery.breaker.closed else None
            battery.found["coldest"] = coldest

    def _find_heat(self, now_s):
        """Find the rises and rates of the terminals over their siblings and their other pole."""
        sampling = now_s - self.sampled_at_s >= 5
        if sampling:
            self.sampled_at_s = now_s
        for pole in ("plus", "minus"):
            terminals = [getattr(battery, pole) for battery in self.batteries]
            if sampling:
                for terminal in terminals:
                    terminal.take_sample()
            warm = []
            slopes = []
            for battery, terminal in zip(self.batteries, terminals):
                if battery.breaker.closed and terminal.sensor.value is not None:
                    warm.append(terminal.sensor.value)
                if battery.breaker.closed and terminal.slope is not None:
                    slopes.append(terminal.slope)
            for battery, terminal in zip(self.batteries, terminals):
                other = battery.minus if pole == "plus" else battery.plus
                closed = battery.breaker.closed
                terminal.found["rise"] = self._rise(terminal, other, warm, closed)
                rate = terminal.slope
                if rate is not None:
                    siblings = reference_for(rate, slopes, closed)
                    rate = rate if siblings is None else rate - siblings
                terminal.found["rate"] = rate
                terminal.find_lost_hot(now_s)
        self.found["ambient"] = self.ambient.value

    def _rise(self, terminal, other, warm, closed):
        """Return the rise of a terminal over its siblings or its other pole, whichever is less."""
        own = terminal.sensor.value
        if own is None:
            return None
        siblings = reference_for(own, warm, closed)
        if siblings is None:
            siblings = self.ambient.value
        references = (siblings, other.sensor.value)
        rises = [own - reference for reference in references if reference is not None]
        return min(rises) if rises else None

    def _find_flags(self, contacts):
        """Find what contacts say, and what is lost."""
        loaded = self.median_A is not None and abs(self.median_A) >= self.rated_A * 0.15
        for battery, alarm in zip(self.batteries, contacts["bms"]):
            battery.found["bms_gives"] = 1 if alarm else 0
            battery.found.update(battery.breaker.flags())
            battery.doubt(battery.current.value, loaded)
        found = self.found
        found["ambient_lost"] = 1 if self.ambient.lost else 0
        found["busbar_lost"] = 1 if self.bus.lost else 0
        found["reference_lost"] = 1 if self.reference.lost else 0
        found["external"] = 1 if contacts["external"] else 0
        found["trip_circuit"] = 0 if contacts["circuit_closed"] else 1
        found["chip_limit"] = 1 if contacts["alert"] else 0
        if self.bank.supply_mV:
            volts = self.supply.value
            nominal_V = self.bank.supply_mV / 1000
            found["supply"] = None if volts is None else 100 * volts / nominal_V
        main = self.main
        main.follow(contacts["closed"][-1], self.total_A, self.rated_A * 0.05)
        flags = main.flags()
        found["main_discrepant"] = flags["discrepant"]
        found["main_stays"] = flags["breaker_stays"]
        found["output_differs"] = found["controller_fails"] = 0


def _step(off_A, up, down):
    """Return the step of a restraint towards a load that is so far off."""
    return off_A / 64 if (up if off_A > 0 else down) else 0.0
