"""The cabinet's hardware, wired as the board's `board.py` says: buses, chips, pins, breakers.

This is everything but time and the firmware: `World` moves it on, the fake `machine` hands it to
the firmware, `faults` breaks it.
"""

from packwarden_sim.breakers import Breaker
from packwarden_sim.chips.ina2xx import Ina
from packwarden_sim.chips.mcp23017 import Mcp23017
from packwarden_sim.chips.thermistor_mux import MuxChannel, SelectLines
from packwarden_sim.clock import us
from packwarden_sim.costs import i2c_timeout

_TIMED_OUT = OSError(116)  # ETIMEDOUT; see the fake `machine` for why there is only one

_SOURCE = 1  # why a monitor is frozen or absent: the source says so
_FAULT = 2  # a fault of the job does
_ABSENT = 1
_FROZEN = 2
_PINS = 49  # an ESP32-S3 has the most


class Bus:
    """One I2C bus: `chips` by address, None where nobody answers."""

    def __init__(self, wiring):
        """`wiring`: (id, scl, sda, freq_hz, timeout_us) as in board.py."""
        self.scl, self.sda = wiring[1], wiring[2]
        self.chips = [None] * 128
        self.timeout_us = wiring[4]


class Hung:
    """Stands in for a chip that stretches the clock for ever: each visit costs the timeout."""

    def __init__(self, bus):
        self._bus = bus

    def read(self, buf):
        """Wait for the timeout and fail."""
        us[0] += i2c_timeout(self._bus.timeout_us)
        _TIMED_OUT.__traceback__ = None
        raise _TIMED_OUT

    write = read


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
        self._bus.chips[self._address] = chip


class Wiring:
    """All hardware of one cabinet, and the source (bank or trace) that feeds it."""

    def __init__(self, board, hardware, source, seed, stuck=()):
        """`hardware`: the bank's configuration; `stuck`: numbers of breakers, "main"."""
        self.board = board
        self.source = source
        self.batteries = source.batteries
        # Virtual time of the last change of any output, in a list of one: see `Mcp23017`.
        self.moved = [0]
        self.levels = [0] * _PINS
        self._build_buses(hardware, seed)
        self._build_mux(seed)
        self._build_breakers(hardware, stuck)
        contact = hardware.get("sensors", {}).get("bms_contact", "closed_on_alarm")
        self._bms_wired = contact != "none"
        self._bms_open_on_alarm = contact == "open_on_alarm"
        self._states = [0] * (self.batteries + 1)
        self._shown = None

    def _build_buses(self, hardware, seed):
        board = self.board
        source = self.source
        kind = hardware.get("sensors", {}).get("monitor", "ina228")
        monitors = Bus(board.I2C_MONITORS)
        expanders = Bus(board.I2C_EXPANDERS)
        self.buses = (monitors, expanders)
        self.monitors = []
        # The busbar's monitor, the last one of the source's lists, has the last address.
        addresses = list(board.MONITOR_ADDRESSES[: self.batteries]) + [board.MONITOR_ADDRESSES[-1]]
        for index in range(self.batteries + 1):
            model = Ina(kind, source.shunt, source.bus, index, seed)
            self.monitors.append(Seat(monitors, addresses[index], model))
        self.relay = Seat(expanders, board.RELAY_EXPANDER, Mcp23017(self.moved))
        self.inputs = [Seat(expanders, a, Mcp23017(self.moved)) for a in board.INPUT_EXPANDERS]

    def _build_mux(self, seed):
        board = self.board
        source = self.source
        wiring = ([None] * 16, [None] * 16)
        for k in range(self.batteries):
            mux, place = board.TERMINAL_PLUS[k]
            wiring[mux][place] = 2 * k
            mux, place = board.TERMINAL_MINUS[k]
            wiring[mux][place] = 2 * k + 1
        mux, place = board.AMBIENT
        wiring[mux][place] = 2 * self.batteries
        mux, place = board.REFERENCE
        wiring[mux][place] = 2 * self.batteries + 1
        self.select = SelectLines()
        open_uv = board.EXCITATION_MV * 1000
        self.mux = [
            MuxChannel(self.select, n, wiring[n], source.adc_uv, open_uv, seed) for n in (0, 1)
        ]

    def _build_breakers(self, hardware, stuck):
        kind = hardware.get("breakers", {}).get("kind", "shunt_trip")
        self.breakers = [Breaker(kind, stuck=k + 1 in stuck) for k in range(self.batteries)]
        self.main = Breaker(kind, stuck="main" in stuck)

    def closed_mask(self):
        """Main contacts of the batteries' breakers: bit k-1 = breaker k closed."""
        mask = 0
        for k in range(self.batteries):
            if self.breakers[k].closed:
                mask |= 1 << k
        return mask

    def drive_breakers(self, at_us):
        """Bring relays and main trip pin, as they stand, to the coils."""
        outputs = self.relay.model.outputs
        for k in range(self.batteries):
            self.breakers[k].drive(outputs >> k & 1, at_us)
        self.main.drive(self.levels[self.board.PIN_MAIN_TRIP], at_us)

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
        board = self.board
        return {
            "closed": self.closed_mask(),
            "main": bool(self.main.closed),
            "fan": self.fan(),
            "alarm": self.levels[board.PIN_ALARM],
            "charge": self.levels[board.PIN_CHARGE],
            "discharge": self.levels[board.PIN_DISCHARGE],
        }

    def fan(self):
        """Return 1 while the fan's relay is energised."""
        return self.relay.model.outputs >> self.board.RELAY_FAN_BIT & 1

    def update_inputs(self):
        """Bring what the source and the breakers say now to the chips' contacts and states."""
        source = self.source
        contacts = source.contacts & self.closed_mask()
        # Mostly nothing has changed, and this runs whenever the source does.
        shown = contacts | source.bms << 16 | (1 << 32 if self.main.closed else 0)
        if shown != self._shown:
            self._shown = shown
            self._show_contacts(contacts)
        if source.states != self._states:
            self._update_states(source.states)

    def _show_contacts(self, contacts):
        source = self.source
        words = [0xFFFF] * len(self.inputs)
        bms = 0
        if self._bms_wired:
            bms = source.bms ^ ((1 << self.batteries) - 1 if self._bms_open_on_alarm else 0)
        board = self.board
        for k in range(self.batteries):
            _close(words, (board.AUX_A if contacts >> k & 1 else board.AUX_B)[k])
            if bms >> k & 1:
                _close(words, board.BMS[k])
        _close(words, (board.AUX_A if self.main.closed else board.AUX_B)[-1])
        for index in range(len(words)):
            self.inputs[index].model.contacts(words[index])

    def _update_states(self, states):
        for index in range(len(states)):
            if states[index] != self._states[index]:
                seat = self.monitors[index]
                seat.absent(states[index] == _ABSENT, _SOURCE)
                seat.model.freeze(states[index] == _FROZEN, _SOURCE)
        self._states = list(states)


def _close(words, place):
    """Pull the input of a contact (expander, bit) low."""
    words[place[0]] &= ~(1 << place[1])
