"""The cabinet's hardware, wired as the board's `board.py` says: buses, chips, pins, breakers.

This is everything but time and the firmware: `World` moves it on, the fake `machine` hands it to
the firmware, `faults` breaks it.
"""

from packwarden_sim.alert import AlertLine
from packwarden_sim.breakers import Breaker
from packwarden_sim.bus import Bus, Hung
from packwarden_sim.chips.ads1115 import Ads1115
from packwarden_sim.chips.ina2xx import Ina
from packwarden_sim.chips.mcp23017 import Mcp23017
from packwarden_sim.chips.thermistor_mux import MuxChannel, SelectLines
from packwarden_sim.clock import us
from packwarden_sim.contacts import Contacts
from packwarden_sim.flash import Flash
from packwarden_sim.nvs import Nvs
from packwarden_sim.supply import Supply
from packwarden_sim.wires import Wires

_SOURCE = 1  # why a monitor is frozen or absent: the source says so
_FAULT = 2  # a fault of the job does
_ABSENT = 1
_FROZEN = 2
_PINS = 49  # an ESP32-S3 has the most


class Seat:
    """A chip's place on its bus, from which faults take it away."""

    def __init__(self, bus, address, model):
        self.model = model
        self._bus = bus
        self._address = address
        self._missing = 0
        self._hung = 0
        self._place()

    def absent(self, on, reason=_FAULT):
        """The chip does not answer (on), or answers again."""
        self._missing = (self._missing | reason) if on else (self._missing & ~reason)
        self._place()

    def hang(self, on):
        """Each visit ends in the bus's timeout (on), or not any more."""
        self._hung = on
        self._place()

    def _place(self):
        chip = self.model
        if self._missing:
            chip = None
        elif self._hung:
            chip = Hung(self._bus)
        self._bus.place(self._address, chip)


class MonitorSeat(Seat):
    """A monitor's place: one that is absent has no supply, and pulls at ALERT no more."""

    def absent(self, on, reason=_FAULT):
        """The chip does not answer (on), or answers again."""
        super().absent(on, reason)
        self.model.mute(self._missing != 0)


class PinRelays:
    """Relays on pins of the controller, in the place of a relay expander and its seat."""

    def __init__(self, wiring, pins):
        """`pins`: by bit."""
        self.model = self
        self._wiring = wiring
        self._pins = pins

    @property
    def outputs(self):
        """Level of the pads, bit by bit."""
        word = 0
        for bit in range(len(self._pins)):
            word |= self._wiring.levels[self._pins[bit]] << bit
        return word

    def stick(self, bit, level):
        """Fault: a pad stays at `level` whatever is written; None lets it go."""
        self._wiring.stick(self._pins[bit], level)


class Wiring:
    """All hardware of one cabinet, and the source (bank or trace) that feeds it."""

    def __init__(self, board, hardware, source, seed, stuck=(), moved=None):
        """`hardware`: the bank's configuration; `stuck`: numbers of breakers, "main".

        `moved`: what takes the place of the list of that name.
        """
        self.board = board
        self.source = source
        self.seed = seed
        self.batteries = source.batteries
        # Virtual time of the last change of any output, in a list of one: see `Mcp23017`.
        self.moved = [0] if moved is None else moved
        sensors = hardware.get("sensors", {})
        self._build_pins()
        self._build_buses(sensors, seed)
        self._build_thermistors(seed)
        self._build_breakers(hardware, stuck)
        self.supply = Supply(sensors.get("control_supply_V", 24), board.SUPPLY_DIVIDER, seed)
        self.contacts = Contacts(self, sensors)
        self.nvs = Nvs()
        self.flash = Flash()
        self.late_us = 0  # fault: so much later than asked for a sleep ends
        self._wires = None
        self.sensors = sensors
        self._states = [0] * (self.batteries + 1)

    def _build_pins(self):
        board = self.board
        self.outputs = {
            "main": board.PIN_MAIN_TRIP,
            "alarm": board.PIN_ALARM,
            "charge": board.PIN_CHARGE,
            "discharge": board.PIN_DISCHARGE,
        }
        # By pin: level of the pad, what was written last, the level at which it is stuck (-1: no).
        self.levels = [0] * _PINS
        self.levels[board.PIN_BUTTON] = 1  # nobody holds it
        self.written = [0] * _PINS
        self.stuck = [-1] * _PINS
        self._at_rest = {}
        for name, pin in self.outputs.items():
            # A resistor keeps the relay off until the pin is driven.
            self._at_rest[name] = 1 if name in board.ACTIVE_LOW_PINS else 0
            self.levels[pin] = self.written[pin] = self._at_rest[name]
        for bit in range(len(board.RELAY_PINS)):
            pin = board.RELAY_PINS[bit]
            self.levels[pin] = self.written[pin] = board.ACTIVE_LOW_RELAYS >> bit & 1

    def _build_buses(self, sensors, seed):
        board = self.board
        source = self.source
        kind = sensors.get("monitor", "ina228")
        monitors = Bus(board.I2C_MONITORS)
        expanders = Bus(board.I2C_EXPANDERS)
        self.buses = (monitors, expanders)
        self.alert = AlertLine(source.shunt, source.bus, self.moved)
        self.monitors = []
        # The busbar's monitor, the last one of the source's lists, has the last address.
        addresses = list(board.MONITOR_ADDRESSES[: self.batteries]) + [board.MONITOR_ADDRESSES[-1]]
        for index in range(self.batteries + 1):
            model = Ina(kind, source.shunt, source.bus, index, seed, self.alert)
            self.monitors.append(MonitorSeat(monitors, addresses[index], model))
        if board.RELAY_PINS:
            self.relay = PinRelays(self, board.RELAY_PINS)
        else:
            relay = Mcp23017(self.moved, board.ACTIVE_LOW_RELAYS)
            self.relay = Seat(expanders, board.RELAY_EXPANDER, relay)
        self.inputs = [Seat(expanders, a, Mcp23017(self.moved)) for a in board.INPUT_EXPANDERS]

    def _build_thermistors(self, seed):
        """Multiplexers or converters, whichever the board has; what is behind each input."""
        board = self.board
        carried_uv = self.source.adc_uv
        wired = [[None] * 16 for _ in board.MUX_ADC + board.CONVERTERS]
        for k in range(self.batteries):
            chip, place = board.TERMINAL_PLUS[k]
            wired[chip][place] = 2 * k
            chip, place = board.TERMINAL_MINUS[k]
            wired[chip][place] = 2 * k + 1
        chip, place = board.AMBIENT
        wired[chip][place] = 2 * self.batteries
        chip, place = board.REFERENCE
        wired[chip][place] = 2 * self.batteries + 1
        open_uv = board.EXCITATION_MV * 1000
        self.select = SelectLines()
        self.mux = [
            MuxChannel(self.select, n, wired[n], carried_uv, open_uv, seed)
            for n in range(len(board.MUX_ADC))
        ]
        self.converters = []
        for n in range(len(board.CONVERTERS)):
            model = Ads1115(n, wired[n], carried_uv, open_uv, seed)
            self.converters.append(Seat(self.buses[1], board.CONVERTERS[n], model))

    def _build_breakers(self, hardware, stuck):
        kind = hardware.get("breakers", {}).get("kind", "shunt_trip")
        self.breakers = [Breaker(kind, stuck=k + 1 in stuck) for k in range(self.batteries)]
        self.main = Breaker(kind, stuck="main" in stuck)
        # Which relay drives which breaker: each its own, unless their wires are crossed.
        self.relay_of = list(range(self.batteries))

    def closed_mask(self):
        """Main contacts of the batteries' breakers: bit k-1 = breaker k closed."""
        mask = 0
        for k in range(self.batteries):
            if self.breakers[k].closed:
                mask |= 1 << k
        return mask

    def relays(self):
        """Return the energised relays as bits, as the relay expander's outputs."""
        return self.relay.model.outputs ^ self.board.ACTIVE_LOW_RELAYS

    def on(self, name):
        """Return 1 while the relay of an output pin ("main", "alarm" ...) is energised."""
        return self.levels[self.outputs[name]] ^ self._at_rest[name]

    def drive_breakers(self, at_us):
        """Bring relays, main trip pin, latch and supply, as they stand, to the coils."""
        relays = self.relays()
        supplied = self.supply.holds() if self.main.held else self.supply.trips()
        for k in range(self.batteries):
            self.breakers[k].drive(relays >> self.relay_of[k] & 1 if supplied else 0, at_us)
        energised = self.on("main")
        if self.alert.latched:
            # The latch breaks the circuit of a held coil behind its hold-up, or energises a trip.
            energised = 0 if self.main.held else 1
            self.main.end_hold_up(at_us)
        self.main.drive(energised if supplied else 0, at_us)

    def next_breaker(self):
        """Return the breaker whose contacts move next; its `due` is NEVER if none does."""
        found = self.main
        for breaker in self.breakers:
            if breaker.due < found.due:
                found = breaker
        return found

    def positions(self):
        """Return whether each breaker is closed, the main one last."""
        return [bool(breaker.closed) for breaker in self.breakers + [self.main]]

    def set_positions(self, closed):
        """Open the breakers that `closed`, from `positions`, says are open."""
        for breaker, is_closed in zip(self.breakers + [self.main], closed):
            if not is_closed:
                breaker.by_hand(False)

    def state(self):
        """Return breakers and outputs as a dict, for the physical truth."""
        return {
            "closed": self.closed_mask(),
            "main": bool(self.main.closed),
            "fan": self.fan(),
            "alarm": self.on("alarm"),
            "charge": self.on("charge"),
            "discharge": self.on("discharge"),
            "latched": self.alert.latched,
        }

    def fan(self):
        """Return 1 while the fan's relay is energised."""
        return self.relays() >> self.board.RELAY_FAN_BIT & 1

    def stick(self, pin, level):
        """Fault: the pad of an output stays at `level` whatever is written; None lets it go."""
        self.stuck[pin] = -1 if level is None else level
        self.levels[pin] = self.written[pin] if level is None else level
        self.moved[0] = us[0]

    def cross(self, k, j):
        """Fault: the wires of breakers k and j (from 0) change places; once more ends it."""
        relay_of = self.relay_of
        relay_of[k], relay_of[j] = relay_of[j], relay_of[k]

    def wires(self):
        """Return what lies between the source and chips and pins: `Wires` of shunts, buses, pins.

        They are laid when a fault needs them: each look through them takes its time.
        """
        if self._wires is None:
            source = self.source
            shunt, bus, adc_uv = Wires(source.shunt), Wires(source.bus), Wires(source.adc_uv)
            for seat in self.monitors:
                seat.model.wire(shunt, bus)
            self.alert.wire(shunt, bus)
            for model in self.mux + [seat.model for seat in self.converters]:
                model.wire(adc_uv)
            self._wires = (shunt, bus, adc_uv)
        return self._wires

    def update_inputs(self):
        """Bring what the source and the breakers say now to the chips' contacts and states."""
        source = self.source
        self.contacts.show(source.contacts & self.closed_mask(), source.bms, self.main.closed)
        if source.states != self._states:
            self._update_states(source.states)
        self.alert.look()

    def _update_states(self, states):
        for index in range(len(states)):
            if states[index] != self._states[index]:
                seat = self.monitors[index]
                seat.absent(states[index] == _ABSENT, _SOURCE)
                seat.model.freeze(states[index] == _FROZEN, _SOURCE)
        self._states = list(states)
