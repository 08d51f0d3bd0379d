"""What the elements watch: one number per quantity and terminal, battery or bank, anew each tick.

`Quantities.place` says where a quantity begins in the array `values` (biased; NONE: has no value;
ASIDE: its element has nothing to say here, and lets go). The kernels that find them are in
`currents`, `cascade`, `voltages` and `heat`.
"""

import micropython
from micropython import const

from packwarden import cascade, currents, levels, voltages
from packwarden.currents import FLOWS, LEFT, MEASURED, MEDIAN, SUM
from packwarden.fixed import ASIDE, BIAS, NONE, ints
from packwarden.frame import MAIN_BIT

_BIAS = const(1 << 29)  # as in `fixed`: kernels need constants of their own module

BLOCK_ms = const(100)  # how long a reversed battery blocks the instantaneous element of the others
WINDOW_ms = const(3000)  # how long after a departure the cascade guard looks


@micropython.viper
def monitors_lost(ctx, batteries: int, at: int):
    """Flag the monitors of which a channel has failed. From the control step."""
    values = ptr32(ctx[1])
    health = ptr32(ctx[5])
    k = 0
    while k < batteries:
        values[at + k] = _BIAS + 1 if health[k] | health[batteries + k] else _BIAS
        k += 1


@micropython.viper
def flags(values, batteries: int, mask: int, known: int, at: int):
    """Store the bits of a mask as flags; without a value where a bit is not known. Tick."""
    stored = ptr32(values)
    k = 0
    while k < batteries:
        stored[at + k] = _BIAS + ((mask >> k) & 1) if (known >> k) & 1 else 0
        k += 1


class Quantities:
    """The quantities of a bank and their places; binds the arrays of the kernels."""

    def __init__(self, frame, measured, health, bank, instantaneous_mA):
        """Bind to the channel values `measured` and their `health`, for a bank. Boot only."""
        self.frame = frame
        self.batteries = n = frame.batteries
        self.places = {}
        length = 0
        for facts in levels.QUANTITIES:
            self.places[facts[0]] = length
            length += (2 * n, n, 1)[facts[1]]
        self.always = length  # a place that always holds zero: the gate of rows without one
        self.values = ints(length + 1, NONE)
        self.values[self.always] = BIAS
        parameters = ints(currents.PARAMETERS)
        parameters[currents.SMALL] = self.small_mA = bank.rated_mA // 20
        parameters[currents.CARRYING] = self.moved_mA = bank.rated_mA // 50
        parameters[currents.LOADED] = self.loaded_mA = bank.rated_mA * 15 // 100
        parameters[currents.FLOWING] = bank.rated_mA // 10
        parameters[currents.INSTANT] = instantaneous_mA
        parameters[currents.BLOCKING_ms] = BLOCK_ms
        parameters[currents.FULL_LOADED] = bank.rated_mA * 30 // 100
        parameters[currents.FULL_mV] = bank.end_of_charge_mV
        parameters[currents.RATED] = bank.rated_mA
        parameters[currents.HAS_BASELINE] = 1 if bank.has_baseline else 0
        parameters[currents.WINDOW_ms] = WINDOW_ms
        self.bank = ints(currents.FACTS)
        self.bank[MEDIAN] = NONE
        self.parts = ints(n)
        inverse = ints(n)
        weights = bank.weights()
        for k in range(n):
            self.parts[k] = weights[k]
            inverse[k] = (1 << 20) // weights[k]
        order = ints(n + 1)
        self.ctx = (
            measured,
            self.values,
            parameters,
            self.bank,
            order,
            health,
            self.parts,
            inverse,
        )
        self.measured = measured
        self.health = health
        self.supply_mV = bank.supply_mV
        self._find_places(bank)
        self.voltages = voltages.context(self, order)

    def _find_places(self, bank):
        """Bind the places that the control step writes, and what the contacts mean."""
        places = self.places
        self.at_load = places["load"]
        self.at_instantaneous = places["instantaneous"]
        self.at_imbalance = places["imbalance"]
        self.at_drift = places["drift"]
        self.at_deviation = places["deviation"]
        self.at_reverse = places["reverse"]
        self.at_reverse_idle = places["reverse_idle"]
        self.at_idle = places["idle"]
        self.at_giving = places["idle_giving"]
        self.at_stays = places["breaker_stays"]
        self.at_flows = places["current_stays"]
        self.at_lost = places["monitor_lost"]
        self.at_bms = places["bms_gives"]
        self.at_discrepant = places["discrepant"]
        self.at_crossed = places["crossed"]
        self.at_ambient = places["ambient"]
        self.at_ambient_lost = places["ambient_lost"]
        self.at_busbar_lost = places["busbar_lost"]
        self.at_reference_lost = places["reference_lost"]
        self.at_main_shunt_lost = places["main_shunt_lost"]
        self.at_bank_load = places["bank_load"]
        self.at_kirchhoff = places["kirchhoff"]
        self.at_predicted = places["predicted"]
        self.at_departed = places["departed"]
        self.at_external = places["external"]
        self.at_trip_circuit = places["trip_circuit"]
        self.at_supply = places["supply"]
        self.at_chip_limit = places["chip_limit"]
        self.at_main_discrepant = places["main_discrepant"]
        self.at_main_stays = places["main_stays"]
        self.at_output_differs = places["output_differs"]
        self.at_controller_fails = places["controller_fails"]
        # How a contact reads when it says what it is there for; None where there is none.
        self._bms_inverts = {"closed_on_alarm": 0, "open_on_alarm": -1}.get(bank.bms_contact)
        self._external_trips = {"closed_on_trip": 1, "open_on_trip": 0}.get(bank.external_trip)
        self._supervised = bank.trip_circuit != "none"

    def currents(self, now_ms, closed):
        """Find every quantity of the currents. `closed`: mask of closed breakers. Control step."""
        n = self.batteries
        ctx = self.ctx
        currents.survey(ctx, n, closed, self.at_load)
        currents.directions(ctx, now_ms, n, self.at_load, self.at_instantaneous)
        currents.balance(ctx, n, closed, self.at_imbalance, self.at_drift, self.at_deviation)
        currents.course(ctx)
        currents.reverse(ctx, n, self.at_reverse, self.at_reverse_idle)
        currents.idle(ctx, n, closed, self.at_idle, self.at_giving)
        values = self.values
        values[self.at_bank_load] = abs(self.bank[SUM] - BIAS) + BIAS
        main = self.frame.main
        if main >= 0:
            carried = self.measured[main]
            found = NONE
            if carried != NONE and self.bank[MEASURED] >> MAIN_BIT:
                found = abs(self.bank[SUM] - carried) + BIAS
            values[self.at_kirchhoff] = found

    def departures(self, now_ms, closed, leaving, tripped):
        """Predict what the others carry once those that are `leaving` have gone. Control step.

        `leaving`: mask of batteries told to open, or waiting for it; `tripped`: of those and all
        that have been tripped before.
        """
        batteries = (1 << MAIN_BIT) - 1
        cascade.departures(self.ctx, now_ms, closed, tripped & batteries, self.at_departed)
        found = ASIDE
        if self.bank[LEFT]:
            found = cascade.predict(self.ctx, self.batteries, closed, leaving)
        self.values[self.at_predicted] = found

    def without(self, closed, leaving):
        """Return the highest load (0.1 % of rated) once those that are leaving have left, or 0."""
        found = cascade.predict(self.ctx, self.batteries, closed, leaving)
        return 0 if found == ASIDE else found - BIAS

    def stuck(self, breakers):
        """Flag what is wrong with the breakers, by the currents just found. Control step."""
        n = self.batteries
        commanded = breakers.commanded & ~breakers.queued
        contacts = breakers.contacts
        flows = self.bank[FLOWS]
        currents.stays(self.ctx, n, commanded, contacts, self.at_stays, self.at_flows)
        main = commanded & (contacts | flows) & (1 << MAIN_BIT)
        values = self.values
        values[self.at_main_stays] = BIAS + 1 if main else BIAS
        known = (1 << MAIN_BIT) - 1
        discrepant = breakers.discrepant(flows)
        flags(values, n, discrepant, known, self.at_discrepant)
        flags(values, n, breakers.crossed, known, self.at_crossed)
        values[self.at_main_discrepant] = BIAS + ((discrepant >> MAIN_BIT) & 1)

    def potentials(self, closed, locked):
        """Find every quantity of the voltages, and the coldest terminals. Control step.

        `closed`, `locked`: masks of the breakers that are closed, and locked out.
        """
        flows = self.bank[FLOWS]
        voltages.potentials(self.voltages, self.batteries, closed, locked, flows)

    def health_flags(self):
        """Flag what is lost, and pass the ambient and the supply on. Control step."""
        monitors_lost(self.ctx, self.batteries, self.at_lost)
        frame = self.frame
        values = self.values
        health = self.health
        values[self.at_ambient] = self.measured[frame.ambient]
        values[self.at_ambient_lost] = BIAS + 1 if health[frame.ambient] else BIAS
        values[self.at_busbar_lost] = BIAS + 1 if health[frame.bus] else BIAS
        values[self.at_reference_lost] = BIAS + 1 if health[frame.reference] else BIAS
        if frame.supply >= 0:
            supply = self.measured[frame.supply]
            if supply != NONE:
                supply = BIAS - (supply - BIAS) * 1000 // self.supply_mV
            values[self.at_supply] = supply
        if frame.main >= 0:
            values[self.at_main_shunt_lost] = BIAS + 1 if health[frame.main] else BIAS

    def contacts(self):
        """Find what the contacts of the frame say. From the control step."""
        frame = self.frame
        values = self.values
        if self._bms_inverts is not None:
            given = frame.bms ^ self._bms_inverts
            flags(values, self.batteries, given, frame.bms_known, self.at_bms)
        if self._external_trips is not None:
            values[self.at_external] = BIAS + (1 if frame.external == self._external_trips else 0)
        if self._supervised:
            found = NONE
            if frame.trip_circuit_known:
                found = BIAS + 1 - frame.trip_circuit
            values[self.at_trip_circuit] = found
        values[self.at_chip_limit] = BIAS + frame.alert

    def controller(self, output_differs, fails):
        """Flag the faults of the controller itself (truths). From the control step."""
        self.values[self.at_output_differs] = BIAS + 1 if output_differs else BIAS
        self.values[self.at_controller_fails] = BIAS + 1 if fails else BIAS

    def value(self, place):
        """Return the quantity at a place in its internal unit, or None where it has no value.

        One that operates when it is too low is kept negated: see `levels.QUANTITIES`.
        """
        stored = self.values[place]
        return None if stored <= ASIDE else stored - BIAS
