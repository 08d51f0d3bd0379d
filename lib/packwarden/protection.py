"""The step: from a frame of raw counts and the time to outputs and records, all in integers.

validate -> measure -> quantities -> compare -> decide. Between two calls nothing happens in here:
there is no clock and no I/O, and from `step` on nothing is allocated.
"""

import micropython
from micropython import const

from packwarden import compare, elements, levels, lockout, records, restart
from packwarden.bank import Bank
from packwarden.breakers import Breakers
from packwarden.chips.ina2xx import CHIPS
from packwarden.currents import FLOWS, MEASURED, MEDIAN
from packwarden.curves import Integrator, integrate
from packwarden.decide import Decider
from packwarden.fixed import MASK, NONE, ints, to_fixed
from packwarden.frame import OK, Frame
from packwarden.heat import Heat
from packwarden.measure import Measurement
from packwarden.quantities import Quantities
from packwarden.records import OUTPUT_BIT, EventLog
from packwarden.restart import Restart
from packwarden.thermistor import Bridge
from packwarden.validate import Validator

_PATIENCE_ms = const(5000)  # after this long a breaker is not on its way: it is stuck
_MARGIN_ms = const(1000)  # ten times as long as a commit takes

GAP_ms = 2000  # integrators take no more at once; above, the minimum samples are asked anew
NEVER_mA = 1 << 28  # the pickup of an element that is off

# Faults of the controller itself, for `Protection.faults`.
OUTPUTS_FAIL = const(1)  # an output does not read back as written
INPUTS_FAIL = const(2)  # the contacts cannot be read
TICKS_LATE = const(4)  # one tick after the other begins late
MEMORY_FAILS = const(8)  # lockouts could not be read at boot, or cannot be kept
RESTARTED = const(16)  # a fault ended an earlier life, and nobody has acknowledged it
JOURNAL_FAILS = const(32)  # events cannot be kept
CONFIG_REFUSED = const(64)  # a configuration that should run is no good: another one runs
SELFTEST_BAD = const(128)  # the self-test found something that has no other alarm


class Protection:
    """Everything that protects one bank. Fill `frame`, call `step`, obey the outputs."""

    STATE = ("_last_ms", "_faults")

    def __init__(self, config, before=None):
        """Build from a configuration that passed `settings.errors`. Allocates: boot only.

        `before`: the Restart of this board.
        """
        bank = self.bank = Bank(config)
        sensors = config["sensors"]
        bridge = Bridge(sensors, bank.excitation_mV)
        self.frame = Frame(bank.batteries, bank.supply_mV > 0, bank.main_shunt_uohm > 0)
        chip = CHIPS[bank.monitor]
        values = ints(self.frame.channels, NONE)
        little = bank.nominal_mV * 250000000 // chip["bus_lsb_pV"]  # a quarter of it
        self.validator = Validator(self.frame, bridge, values, chip["bits"], little)
        self.measured = Measurement(
            self.frame,
            self.validator.held,
            values,
            bridge,
            chip,
            bank.shunt_uohm,
            bank.main_shunt_uohm,
        )
        instant = config["elements"]["overcurrent_instantaneous"]["trip"]
        self.quantities = Quantities(
            self.frame,
            self.measured.values,
            self.validator.health,
            bank,
            NEVER_mA if instant == "off" else to_fixed(instant["pickup"], 1000),
        )
        self.heat = Heat(self.quantities, values, self.validator.health, self.validator.fresh)
        self.integrators = (
            self._integrator("overcurrent_inverse", bank.batteries, "load", "inverse"),
            self._integrator("bank_overcurrent", 1, "bank_load", "bank_inverse"),
        )
        self.breakers = Breakers(
            bank.batteries,
            bank.breaker_kind,
            bank.feedback,
            bank.pulse_ms,
            bank.retries,
            bank.on_failure(),
        )
        self.events = EventLog()
        self.decider = Decider(
            bank,
            self.quantities,
            self.integrators,
            self.validator.fresh,
            self.validator.health,
            self.breakers,
            self.events,
        )
        self.restart = before or Restart(bytearray(restart.SIZE))
        self.events.watch(self.outputs)
        self.armed = False
        self.faults = 0  # mask of what fails inside the controller; set it before each step
        self._last_ms = 0
        self._faults = -1  # as they were flagged
        self._half_mV = bank.nominal_mV // 2

    @property
    def now_ms(self):
        """The time of the last step."""
        return self._last_ms

    def arm(self, now_ms, cause=0):
        """Begin to protect at this tick, once the sensors read; recorded as the first event.

        `cause`: why the board started, of `records.CAUSES`.
        """
        self.armed = True
        self._last_ms = now_ms
        for integrator in self.integrators:
            integrator.begin(now_ms)
        self.events.boot(cause)
        for index in range(self.breakers.main + 1):
            if self.breakers.tripped & self.breakers.bit(index):
                lockout.record(self, index, records.INFO, lockout.KEPT)

    @micropython.native
    def step(self, now_ms):
        """Run one tick over `frame` at `now_ms` (30-bit milliseconds); allocates nothing.

        Before `arm` it only measures. Time may pass unevenly: a gap above 2 s counts as 2 s for
        integrators, and minimum samples are counted anew after it.
        """
        dt = (now_ms - self._last_ms) & MASK
        self._last_ms = now_ms
        gap = dt > GAP_ms
        breakers = self.breakers
        quantities = self.quantities
        decider = self.decider
        validator = self.validator
        frame = self.frame
        if validator.run():
            quantities.losses()
        self.measured.run()
        breakers.see(now_ms, frame.aux_a, frame.aux_b, frame.contacts_known)
        quantities.currents(now_ms, breakers.closed)
        found = quantities.bank
        breakers.follow(now_ms, found[FLOWS], found[MEASURED])
        closed = breakers.closed
        if breakers.stirred:
            quantities.stuck(breakers)
        leaving = breakers.commanded | decider.openings.pending
        quantities.departures(now_ms, closed, leaving, leaving | breakers.tripped)
        quantities.potentials(closed, breakers.tripped)
        validator.doubt_codes(
            found[MEDIAN], quantities.moved_mA, quantities.loaded_mA, self._half_mV, closed
        )
        self.heat.run(now_ms, closed)
        quantities.contacts()
        if self.faults != self._faults:
            self._faults = faults = self.faults
            quantities.controller(faults & OUTPUTS_FAIL, faults & ~OUTPUTS_FAIL)
            decider.inside = self.inside()
        if not self.armed:
            return
        log = self.events
        if dt < 1000 and log.ms + dt < 1000:
            log.ms += dt
        else:
            self._advance(dt)
        passed = GAP_ms if gap else dt
        integrate(self.integrators[0].ctx, now_ms, passed, self.bank.batteries)
        integrate(self.integrators[1].ctx, now_ms, passed, 1)
        decider.run(now_ms, 1 if gap else 0)

    def inside(self):
        """Return the gravest of the controller's faults: see `restart.describe`."""
        faults = self.faults
        if faults & RESTARTED:
            return self.restart.detail
        if faults & TICKS_LATE:
            return restart.LATE
        if faults & MEMORY_FAILS:
            return restart.MEMORY
        if faults & JOURNAL_FAILS:
            return restart.JOURNAL
        if faults & CONFIG_REFUSED:
            return restart.CONFIGURATION
        if faults & SELFTEST_BAD:
            return restart.SELFTEST
        return restart.INPUTS if faults & INPUTS_FAIL else 0

    def _advance(self, dt):
        """Add `dt` ms to the time of the records, in seconds and milliseconds."""
        log = self.events
        ms = log.ms + dt % 1000  # log.ms + dt might leave 30 bits
        log.seconds += dt // 1000 + ms // 1000
        log.ms = ms % 1000

    def _integrator(self, slug, count, load, result):
        """Return the integrator of an element's trip; as shipped where that is off.

        Its alarm may be on.
        """
        element = elements.TABLE[elements.find(slug)]
        (row,) = [level for level in element.levels if level.curve]
        given = self.bank.level(element, row)
        if given is None:
            given = levels.level_defaults(row, self.bank.config["bank"])
        places = self.quantities.places
        together = self.bank.batteries // count
        values = self.quantities.values
        return Integrator(count, given, values, places[load], places[result], together)

    def moving(self):
        """Return whether a trip is picked up, waits, or its breaker is on its way. Slack."""
        if self.breakers.commanded:
            return True
        return self.imminent(None)

    def bears_commit(self, waited_ms):
        """Return whether the flash, which stops everything, may be written now. Slack.

        Not while anything is `moving`. What has waited for _PATIENCE_ms need not wait for what
        stays so: a breaker that is stuck, a trip that is picked up and cannot come yet.
        """
        if not self.moving():
            return True
        return waited_ms >= _PATIENCE_ms and not self.imminent(_MARGIN_ms)

    def imminent(self, within_ms):
        """Return whether a trip may be commanded within so long, or a coil is energised. Slack.

        None: however long. Else a trip that is picked up and has longer to go does not count, nor
        one that is below its pickup at present, which as all others has to reach it first.
        """
        if self.decider.openings.pending or self.breakers.pulses:
            return True
        slots = self.decider.slots
        rows = self.decider.rows
        for r in range(len(rows)):
            if rows[r].level != levels.TRIP:
                continue
            delay_ms = slots.get(r, compare.DELAY)
            for item in range(slots.get(r, compare.COUNT)):
                state = slots.state[slots.slot(r, item)]
                if not compare.IDLE < state < compare.OPERATED:
                    continue
                if self.breakers.tripped & (1 << rows[r].battery(item) >> 1):
                    continue
                passed_ms = (self._last_ms - slots.stamp[slots.slot(r, item)]) & MASK
                if within_ms is None:
                    return True
                if state == compare.PICKED_UP and delay_ms - passed_ms <= within_ms:
                    return True
        return False

    def outputs(self):
        """Return what is energised: a bit per breaker, above them as `records.OUTPUT_NAMES`.

        From the control step: allocates nothing.
        """
        found = self.breakers.energised()
        if self.charge_allowed:
            found |= 1 << OUTPUT_BIT
        if self.discharge_allowed:
            found |= 2 << OUTPUT_BIT
        if not self.alarm:
            found |= 4 << OUTPUT_BIT
        if self.fan:
            found |= 8 << OUTPUT_BIT
        return found

    @property
    def charge_allowed(self):
        """True while the inverter may charge: never before protection is armed."""
        return self.armed and self.decider.charge_allowed

    @property
    def discharge_allowed(self):
        """True while the inverter may discharge: never before protection is armed."""
        return self.armed and self.decider.discharge_allowed

    @property
    def alarm(self):
        """True while the alarm relay drops: an alarm or a trip stands, or a fault."""
        return self.decider.alarms > 0 or self.faults != 0 or self.breakers.tripped != 0

    @property
    def fan(self):
        """True while the cabinet's fan is to run: it is hot, or nobody can say."""
        return self.decider.fan or (self.armed and self.validator.health[self.frame.ambient] != OK)
