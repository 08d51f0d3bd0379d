"""What the elements watch: one number per quantity and terminal, battery or bank, anew each tick.

`Quantities.place` says where a quantity begins in the array `values` (biased; NONE: has no value;
ASIDE: its element has nothing to say here, and lets go). The kernels that find them are in
`currents`, `shares`, `cascade`, `voltages` and `heat`. Flags are stored when they change.
"""

import micropython
from micropython import const

from packwarden import cascade, currents, levels, shares, voltages
from packwarden.currents import FLOWS, LEFT, MEASURED, MEDIAN, SUM
from packwarden.fixed import ASIDE, BIAS, MASK, NONE, ints
from packwarden.frame import MAIN_BIT

_BIAS = const(1 << 29)  # as in `fixed`: kernels need constants of their own module

BLOCK_ms = const(100)  # how long a reversed battery blocks the instantaneous element of the others
WINDOW_ms = const(3000)  # how long after a departure the cascade guard looks
# These stay until something changes, and stand behind all that each step finds anew.
KEPT = ("rate", "inverse", "bank_inverse", "departed", "bms_gives", "external", "trip_circuit")
KEPT += ("monitor_lost", "ambient_lost", "busbar_lost", "reference_lost", "main_shunt_lost")
KEPT += ("discrepant", "crossed", "breaker_stays", "current_stays", "main_discrepant")
KEPT += ("main_stays", "chip_limit", "output_differs", "controller_fails")
KEPT += ("joint", "link", "spread", "share_drift")  # from `condition`, beside the control step
_BATTERIES = const((1 << 15) - 1)  # every bit of a breaker mask but the main's


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

    STATE = (("values", "kept"), "bank", "_seen")

    def __init__(self, frame, measured, health, bank, instantaneous_mA):
        """Bind to the channel values `measured` and their `health`, for a bank. Boot only."""
        self.frame = frame
        self.batteries = n = frame.batteries
        self.places = {}
        length = 0
        for kept in (False, True):
            self.kept = length
            for facts in levels.QUANTITIES:
                if (facts[0] in KEPT) == kept:
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
        parameters[currents.NEARLY_FULL_mV] = bank.nearly_full_mV
        parameters[currents.PLATEAU_mV] = bank.plateau_mV
        parameters[currents.RATED] = bank.rated_mA
        parameters[currents.HAS_BASELINE] = 1 if bank.has_baseline else 0
        parameters[currents.WINDOW_ms] = WINDOW_ms
        parameters[currents.FALL] = bank.rated_mA * 30 // 100
        self.bank = ints(currents.FACTS)
        self.bank[MEDIAN] = NONE
        order = ints(n)
        self.ctx = currents.context(
            measured,
            self.values,
            parameters,
            self.bank,
            order,
            health,
            bank.weights(),
            self.places,
            shares.NAMES,
        )
        self.measured = measured
        self.health = health
        self.supply_mV = bank.supply_mV
        self.voltages = voltages.context(self, order)
        self._bind(bank)
        self.losses()

    def _bind(self, bank):
        """Bind the places that are written in here, and what the contacts mean. Boot only."""
        places = self.places
        self.at_load = places["load"]
        self.at_bms = places["bms_gives"]
        self._at_stays = places["breaker_stays"]
        self._at_flows = places["current_stays"]
        self._at_discrepant = places["discrepant"]
        self._at_crossed = places["crossed"]
        self._at_main_stays = places["main_stays"]
        self._at_main_discrepant = places["main_discrepant"]
        self._at_departed = places["departed"]
        self._at_predicted = places["predicted"]
        self._at_kirchhoff = places["kirchhoff"]
        self._at_supply = places["supply"]
        self._at_external = places["external"]
        self._at_trip_circuit = places["trip_circuit"]
        self._at_chip_limit = places["chip_limit"]
        # How a contact reads when it says what it is there for; None where there is none.
        self._bms_inverts = {"closed_on_alarm": 0, "open_on_alarm": -1}.get(bank.bms_contact)
        self._external_trips = {"closed_on_trip": 1, "open_on_trip": 0}.get(bank.external_trip)
        self._supervised = bank.trip_circuit != "none"
        self._seen = ints(6, MASK)  # what the contacts said last: at first something else

    @micropython.native
    def currents(self, now_ms, closed):
        """Find every quantity of the currents. `closed`: mask of closed breakers. Control step."""
        n = self.batteries
        ctx = self.ctx
        currents.survey(ctx, n, closed)
        currents.directions(ctx, now_ms, n)
        shares.restrain(ctx, now_ms)
        shares.judge(ctx, n)
        shares.balance(ctx, n, closed)
        shares.idle(ctx, n, closed)
        main = self.frame.main
        if main >= 0:
            carried = self.measured[main]
            found = NONE
            if carried != NONE and self.bank[MEASURED] >> MAIN_BIT:
                found = abs(self.bank[SUM] - carried) + BIAS
            self.values[self._at_kirchhoff] = found

    @micropython.native
    def departures(self, now_ms, closed, leaving, tripped):
        """Predict what the others carry once those that are `leaving` have gone. Control step.

        `leaving`: mask of batteries told to open, or waiting for it; `tripped`: of those and all
        that have been tripped before.
        """
        cascade.departures(self.ctx, now_ms, closed, tripped & _BATTERIES, self._at_departed)
        found = ASIDE
        if self.bank[LEFT]:
            found = cascade.predict(self.ctx, self.batteries, closed, leaving)
        self.values[self._at_predicted] = found

    def without(self, closed, leaving):
        """Return the highest load (0.1 % of rated) once those that are leaving have left, or 0."""
        found = cascade.predict(self.ctx, self.batteries, closed, leaving)
        return 0 if found == ASIDE else found - BIAS

    def stuck(self, breakers):
        """Flag what is wrong with breakers that have stirred, by the currents just found. Tick."""
        flows = self.bank[FLOWS]
        commanded = breakers.commanded & ~breakers.queued
        stays = commanded & (breakers.contacts | flows)
        discrepant = breakers.discrepant(flows)
        self._flag(stays, self._at_stays)
        self._flag(commanded & flows, self._at_flows)
        self._flag(discrepant, self._at_discrepant)
        self._flag(breakers.crossed, self._at_crossed)
        self.values[self._at_main_stays] = BIAS + (stays >> MAIN_BIT)
        self.values[self._at_main_discrepant] = BIAS + (discrepant >> MAIN_BIT)

    def _flag(self, mask, at):
        """Store the bits of the batteries as flags. From the control step."""
        flags(self.values, self.batteries, mask, _BATTERIES, at)

    @micropython.native
    def potentials(self, closed, locked):
        """Find every quantity of the voltages, and the coldest terminals. Control step.

        `closed`, `locked`: masks of the breakers that are closed, and locked out.
        """
        flows = self.bank[FLOWS]
        voltages.potentials(self.voltages, self.batteries, closed, locked, flows)
        channel = self.frame.supply
        if channel >= 0:
            supply = self.measured[channel]
            if supply != NONE:
                supply = BIAS - (supply - BIAS) * 1000 // self.supply_mV
            self.values[self._at_supply] = supply

    def losses(self):
        """Flag what is lost, after a health has changed. From the control step."""
        frame = self.frame
        values = self.values
        health = self.health
        places = self.places
        monitors_lost(self.ctx, self.batteries, places["monitor_lost"])
        values[places["ambient_lost"]] = BIAS + 1 if health[frame.ambient] else BIAS
        values[places["busbar_lost"]] = BIAS + 1 if health[frame.bus] else BIAS
        values[places["reference_lost"]] = BIAS + 1 if health[frame.reference] else BIAS
        if frame.main >= 0:
            values[places["main_shunt_lost"]] = BIAS + 1 if health[frame.main] else BIAS

    @micropython.native
    def contacts(self):
        """Find what the contacts of the frame say, when it changes. From the control step."""
        frame = self.frame
        seen = self._seen
        if (
            frame.bms != seen[0]
            or frame.bms_known != seen[1]
            or frame.external != seen[2]
            or frame.trip_circuit != seen[3]
            or frame.trip_circuit_known != seen[4]
            or frame.alert != seen[5]
        ):
            self._contacts()

    def _contacts(self):
        frame = self.frame
        values = self.values
        seen = self._seen
        seen[0] = given = frame.bms
        seen[1] = known = frame.bms_known
        seen[2] = external = frame.external
        seen[3] = circuit = frame.trip_circuit
        seen[4] = circuit_known = frame.trip_circuit_known
        seen[5] = alert = frame.alert
        if self._bms_inverts is not None:
            flags(values, self.batteries, given ^ self._bms_inverts, known, self.at_bms)
        if self._external_trips is not None:
            values[self._at_external] = BIAS + (1 if external == self._external_trips else 0)
        if self._supervised:
            values[self._at_trip_circuit] = BIAS + 1 - circuit if circuit_known else NONE
        values[self._at_chip_limit] = BIAS + alert

    def controller(self, output_differs, fails):
        """Flag the faults of the controller itself (truths), when they change. Control step."""
        self.values[self.places["output_differs"]] = BIAS + 1 if output_differs else BIAS
        self.values[self.places["controller_fails"]] = BIAS + 1 if fails else BIAS

    def value(self, place):
        """Return the quantity at a place in its internal unit, or None where it has no value.

        One that operates when it is too low is kept negated: see `levels.QUANTITIES`.
        """
        stored = self.values[place]
        return None if stored <= ASIDE else stored - BIAS
