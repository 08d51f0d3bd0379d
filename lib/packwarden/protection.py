"""The step: from a frame of raw counts and the time to outputs and records, all in integers.

validate -> measure -> quantities -> compare -> decide. Between two calls nothing happens in here:
there is no clock and no I/O, and from `step` on nothing is allocated.
"""

from micropython import const

from packwarden import elements, records
from packwarden.breakers import Breakers
from packwarden.chips.ina2xx import CHIPS
from packwarden.curves import Integrator, integrate
from packwarden.decide import Decider
from packwarden.fixed import MASK, NONE, ints, to_fixed
from packwarden.frame import OK, Frame
from packwarden.heat import Heat
from packwarden.measure import Measurement
from packwarden.quantities import FLOWS, MEDIAN, Quantities
from packwarden.records import EventLog
from packwarden.settings import Bank
from packwarden.thermistor import Bridge
from packwarden.validate import Validator

GAP_ms = 2000  # integrators take no more at once; above, the minimum samples are asked anew
NEVER_mA = 1 << 28  # the pickup of an element that is off

# Faults of the controller itself, for `Protection.faults`.
OUTPUTS_FAIL = const(1)  # the relays' latch does not read back as written
INPUTS_FAIL = const(2)  # the contacts cannot be read


class Protection:
    """Everything that protects one bank. Fill `frame`, call `step`, obey the outputs."""

    def __init__(self, config):
        """Build from a configuration that passed `settings.errors`. Allocates: boot only."""
        bank = self.bank = Bank(config)
        sensors = config["sensors"]
        bridge = Bridge(sensors, bank.excitation_mV)
        self.frame = Frame(bank.batteries)
        chip = CHIPS[bank.monitor]
        values = ints(self.frame.channels, NONE)
        self.validator = Validator(self.frame, bridge, values, chip["bits"])
        self.measured = Measurement(
            self.frame, self.validator.held, values, bridge, chip, bank.shunt_uohm
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
        inverse = config["elements"]["overcurrent_inverse"]["trip"]
        places = self.quantities.places
        self.integrator = Integrator(
            bank.batteries,
            self._shipped_curve() if inverse == "off" else inverse,
            self.quantities.values,
            places["load"],
            places["inverse"],
        )
        self.breakers = Breakers(bank.batteries, bank.breaker_kind, bank.feedback, bank.pulse_ms)
        self.events = EventLog()
        self.decider = Decider(
            bank,
            self.quantities,
            self.integrator,
            self.validator.fresh,
            self.validator.health,
            self.breakers,
            self.events,
        )
        self.armed = False
        self.faults = 0  # mask of what fails inside the controller; set it before each step
        self._told = 0
        self._last_ms = 0

    def arm(self, now_ms):
        """Begin to protect at this tick, once the sensors read; recorded as the first event."""
        self.armed = True
        self._last_ms = now_ms
        self.integrator.begin(now_ms)
        self._record(records.INFO, elements.BOOT)

    def _record(self, kind, element):
        """Record something of the controller itself."""
        self.events.write(kind, 0, element, 0, 0, 0, 0, 0, NONE, NONE, NONE, NONE)

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
        self.validator.run()
        self.measured.run()
        frame = self.frame
        breakers.see(now_ms, frame.aux_a, frame.aux_b, frame.contacts_known)
        quantities.currents(now_ms, breakers.closed)
        found = quantities.bank
        breakers.follow(now_ms, found[FLOWS])
        quantities.stuck(breakers.commanded, breakers.contacts)
        self.validator.doubt_codes(
            found[MEDIAN], quantities.moved_mA, quantities.loaded_mA, breakers.closed
        )
        self.heat.run(now_ms, breakers.closed)
        quantities.health_flags()
        if not self.armed:
            return
        self._advance(dt)
        self._tell_faults()
        integrate(self.integrator.ctx, now_ms, GAP_ms if gap else dt, self.bank.batteries)
        self.decider.run(now_ms, 1 if gap else 0)

    def _advance(self, dt):
        """Add `dt` ms to the time of the records, in seconds and milliseconds."""
        log = self.events
        ms = log.ms + dt % 1000  # log.ms + dt might leave 30 bits
        log.seconds += dt // 1000 + ms // 1000
        log.ms = ms % 1000

    def _shipped_curve(self):
        """Return what runs the integrator where the inverse trip is off: its alarm may be on."""
        number = elements.find("overcurrent_inverse")
        for level in elements.TABLE[number].levels:
            if level.curve:
                return elements.level_defaults(level, self.bank.rated_mA / 1000)

    def _tell_faults(self):
        """Record each fault of the controller when it appears."""
        new = self.faults & ~self._told
        self._told = self.faults
        if new & OUTPUTS_FAIL:
            self._record(records.FAULT, elements.OUTPUT_FAULT)
        if new & INPUTS_FAIL:
            self._record(records.FAULT, elements.CONTROLLER_FAULT)

    @property
    def alarm(self):
        """True while an alarm or trip is operated or a fault stands: the alarm relay drops."""
        return self.decider.alarms > 0 or self.faults != 0

    @property
    def fan(self):
        """True while the cabinet's fan is to run: it is hot, or nobody can say."""
        return self.decider.fan or (self.armed and self.validator.health[self.frame.ambient] != OK)
