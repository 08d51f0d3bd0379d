"""Acquisition: the chips' answers of one tick, put into the frame.

Every current each tick; the slow channels in rotation, so that none is older than 500 ms (with
ticks above 250 ms: all of them each tick). A chip that failed three times in a row is visited once
in 5 s; where a transaction took so long that it must have timed out, the tick asks nobody else.
Nothing here allocates after boot.
"""

import time

from micropython import const

from packwarden.chips.analog_mux import MuxPair
from packwarden.chips.ina2xx import Monitor, limit_words
from packwarden.chips.mcp23017 import Expander
from packwarden.fixed import BIAS, MASK, NONE, ints
from packwarden.frame import ABSENT, CONFIG_LOST, FROZEN, MAIN_BIT, OK, WRONG_CHIP

_FAILURES = const(3)
_AWAY_ms = const(5000)
_SLOW_ms = const(400)  # a round of the slow channels
_WHOLE_TICK_ms = const(250)
_HUNG_us = const(10000)  # a transaction that failed after this long was a time-out
_MUX_INPUTS = const(16)
_ASKED = const(4)  # monitors in a tick while one of them gives an alert
ALL = const(0xFFFF)  # every battery's bit, and the main's


class Acquisition:
    """The inputs of a cabinet: monitors, multiplexers, contacts, the supply of the coils."""

    def __init__(self, board, bank, frame, monitors_bus, expanders_bus, select_pins, adcs, inputs):
        """Bind the chips that a board wires to the channels of `frame`. Boot only.

        `inputs`: the pins of the external trip contact and of the monitors' ALERT, and the ADC of
        the coils' supply.
        """
        n = bank.batteries
        self._frame = frame
        self._bus_channel = frame.bus
        addresses = list(board.MONITOR_ADDRESSES[:n]) + [board.MONITOR_ADDRESSES[-1]]
        over_mA, over_mV = bank.chip_limits()
        under_mA = None if over_mA is None else -over_mA
        battery = limit_words(bank.monitor, bank.shunt_uohm, over_mA, under_mA, over_mV, None)
        busbar = limit_words(bank.monitor, bank.shunt_uohm, None, None, over_mV, None)
        self._monitors = [
            Monitor(monitors_bus, address, bank.monitor, battery) for address in addresses[:-1]
        ]
        self._monitors.append(Monitor(monitors_bus, addresses[-1], bank.monitor, busbar))
        self._alert_turn = 0
        self._count = n + 1
        self._state = ints(n + 1)
        self._failures = ints(n + 1, _FAILURES)  # nobody has answered yet
        self._away_ms = ints(n + 1)
        self._turn = 0
        self._mux = MuxPair(select_pins, adcs)
        self._mux_at = 0
        self._aux_a = _places(board.AUX_A, n) if bank.feedback in ("52a", "both") else ()
        self._aux_b = _places(board.AUX_B, n) if bank.feedback in ("52b", "both") else ()
        self._bms = _places(board.BMS, n) if bank.bms_contact != "none" else ()
        self._trip_circuit = board.TRIP_CIRCUIT if bank.trip_circuit != "none" else None
        self._external, self._alert, self._supply = inputs
        self._divider = board.SUPPLY_DIVIDER
        self._plan_inputs(board, expanders_bus)
        self._verified = 0
        self._channels = self._plan_mux(board, n)
        self._rounds(bank.tick_ms)
        self._hung = False
        self._started_us = 0

    def _plan_inputs(self, board, bus):
        """Bind the input expanders that have a contact of this bank; each with its pull-ups."""
        wired = ints(len(board.INPUT_EXPANDERS))
        for expander, bit, _ in self._aux_a + self._aux_b + self._bms:
            wired[expander] |= 1 << bit
        if self._trip_circuit:
            wired[self._trip_circuit[0]] |= 1 << self._trip_circuit[1]
        self._places = [place for place in range(len(wired)) if wired[place]]
        # Per expander: the breakers and the batteries whose contacts it carries.
        self._breakers_of = ints(len(wired))
        self._bms_of = ints(len(wired))
        for expander, _, target in self._aux_a + self._aux_b:
            self._breakers_of[expander] |= 1 << target
        for expander, _, target in self._bms:
            self._bms_of[expander] |= 1 << target
        self._inputs_failures = ints(len(self._places))  # in a row
        self._inputs_away_ms = ints(len(self._places))
        self._inputs_read = ints(len(self._places))  # 1: its word is what its pins are
        self._inputs = [
            Expander(bus, board.INPUT_EXPANDERS[place], 0, wired[place]) for place in self._places
        ]
        self._words = ints(len(wired))

    def _plan_mux(self, board, n):
        """Return the channel (-1: none) behind each input of each multiplexer."""
        frame = self._frame
        channels = ints(2 * _MUX_INPUTS, 0)
        for place in range(2 * _MUX_INPUTS):
            channels[place] = frame.channels  # not wired
        for k in range(n):
            for pole, wired in ((0, board.TERMINAL_PLUS[k]), (1, board.TERMINAL_MINUS[k])):
                channels[wired[0] * _MUX_INPUTS + wired[1]] = frame.terminal + 2 * k + pole
        for wired, channel in (
            (board.AMBIENT, frame.ambient),
            (board.REFERENCE, frame.reference),
        ):
            channels[wired[0] * _MUX_INPUTS + wired[1]] = channel
        return channels

    def _rounds(self, tick_ms):
        """Find how many slow visits a tick needs."""
        slow = 3 * self._count
        if tick_ms > _WHOLE_TICK_ms:
            self._slow_visits = slow
        else:
            self._slow_visits = (slow * tick_ms + _SLOW_ms - 1) // _SLOW_ms

    def boot(self):
        """Configure what answers. May take a while; chips that do not answer are asked again."""
        for place in range(self._count):
            self._revive(place)
        for i in range(len(self._inputs)):
            try:
                self._inputs[i].configure(0)
            except OSError:
                self._inputs_failures[i] += 1
        self._mux.select(0)

    def read(self, now_ms):
        """Fill the frame. From the tick: allocates nothing, raises nothing that a bus causes."""
        self._started_us = time.ticks_us()
        self._hung = False
        for k in range(self._count - 1):
            if not self._hung:
                self._current(k, now_ms)
        for _ in range(self._slow_visits):
            if not self._hung:
                self._slow(now_ms)
        self.temperatures()
        self._pins()
        if self._frame.alert:
            self._answer_alert(now_ms)
        if not self._hung:
            self._contacts(now_ms)

    def _answer_alert(self, now_ms):
        """Read the flags of some monitors, which clears those that are over.

        All of them within 40 ms: the latch behind ALERT opens the main breaker after 300 ms.
        """
        for _ in range(_ASKED):
            place = self._alert_turn
            self._alert_turn = place + 1 if place + 1 < self._count else 0
            if not self._hung and self._present(place, now_ms):
                try:
                    self._monitors[place].alerts()
                except OSError:
                    self._failed(place, now_ms)

    def _pins(self):
        """Read what is on pins of its own; a closed contact and an alert pull theirs low."""
        frame = self._frame
        frame.external = 1 - self._external()
        frame.alert = 1 - self._alert()
        if frame.supply >= 0:
            at_mV = self._supply.read_uv() // 1000
            self._store(frame.supply, BIAS + at_mV * self._divider, OK)

    def complete(self, attempts):
        """Return True when every channel has been attempted that often."""
        for count in self._frame.count:
            if count < attempts:
                return False
        return True

    def _current(self, k, now_ms):
        if not self._present(k, now_ms):
            return
        frame = self._frame
        try:
            frame.raw[k] = BIAS + self._monitors[k].read_current()
        except OSError:
            self._failed(k, now_ms)
            return
        self._failures[k] = 0
        frame.note[k] = self._state[k]
        frame.count[k] = (frame.count[k] - MASK) & MASK
        if self._state[k] == CONFIG_LOST:
            self._state[k] = OK  # repaired; this sample alone was doubtful

    def _slow(self, now_ms):
        """Make the next slow visit: a voltage, a conversion flag, or a configuration register."""
        turn = self._turn
        self._turn = turn + 1 if turn + 1 < 3 * self._count else 0
        place = turn // 3
        if not self._present(place, now_ms):
            return
        monitor = self._monitors[place]
        try:
            if turn % 3 == 0:
                self._store_voltage(place, BIAS + monitor.read_voltage(), self._state[place])
                if place == self._count - 1 and self._frame.main >= 0:
                    self._store(
                        self._frame.main, BIAS + monitor.read_current(), self._state[place]
                    )
            elif turn % 3 == 1:
                converted = monitor.converted()
                if not converted:
                    self._state[place] = FROZEN
                elif self._state[place] == FROZEN:
                    self._state[place] = OK
            else:
                wrong = self._state[place] == WRONG_CHIP
                state = monitor.configure() if wrong else monitor.verify()
                if wrong or state != OK:
                    self._state[place] = state
        except OSError:
            self._failed(place, now_ms)
            return
        if place == self._count - 1:
            self._failures[place] = 0
            if self._state[place] == CONFIG_LOST:
                self._state[place] = OK

    def _store_voltage(self, place, stored, note):
        self._store(self._frame.voltage + place, stored, note)  # behind the last: the busbar's

    def _store(self, channel, stored, note):
        frame = self._frame
        frame.raw[channel] = stored
        frame.note[channel] = note
        frame.count[channel] = (frame.count[channel] - MASK) & MASK

    def _present(self, place, now_ms):
        """Return whether to ask a monitor now; one that was away is configured anew first.

        Once failed it is not asked again in the same tick: failures count ticks, as the strikes of
        `validate` do, so that a lost chip is told as lost before it is left alone.
        """
        if self._failures[place] < _FAILURES:
            return self._failures[place] == 0 or self._away_ms[place] != now_ms
        if (now_ms - self._away_ms[place]) & MASK < _AWAY_ms:
            return False
        self._away_ms[place] = now_ms
        return self._revive(place)

    def _revive(self, place):
        try:
            self._state[place] = self._monitors[place].configure()
        except OSError:
            self._failed(place, self._away_ms[place])
            return False
        self._failures[place] = 0
        return True

    def _failed(self, place, now_ms):
        """Count a failure of a monitor on both of its channels."""
        frame = self._frame
        if self._failures[place] < _FAILURES:
            self._failures[place] += 1
            self._away_ms[place] = now_ms
        if place < self._count - 1:
            frame.raw[place] = NONE
            frame.note[place] = ABSENT
            frame.count[place] = (frame.count[place] - MASK) & MASK
        elif frame.main >= 0:
            self._store(frame.main, NONE, ABSENT)
        self._store_voltage(place, NONE, ABSENT)
        self._notice_hang()

    def _notice_hang(self):
        """After a failure: where it took so long that it was a time-out, ask nobody else."""
        if time.ticks_diff(time.ticks_us(), self._started_us) > _HUNG_us:
            self._hung = True

    def temperatures(self):
        """Read the multiplexers at the address that was selected, then select the next.

        Once a tick, and in a longer slack every 20 ms: so the 16 addresses come round within 500
        ms at any tick, and each has a millisecond or more to settle.
        """
        self._thermistor(0)
        self._thermistor(1)
        self._mux_at = (self._mux_at + 1) % _MUX_INPUTS
        self._mux.select(self._mux_at)

    def _thermistor(self, mux):
        frame = self._frame
        channel = self._channels[mux * _MUX_INPUTS + self._mux_at]
        if channel < frame.channels:
            frame.raw[channel] = BIAS + self._mux.read(mux)
            frame.note[channel] = OK
            frame.count[channel] = (frame.count[channel] - MASK) & MASK

    @property
    def inputs_lost(self):
        """True while contacts cannot be read: their last positions are held."""
        for failures in self._inputs_failures:
            if failures >= _FAILURES:
                return True
        return False

    def _contacts(self, now_ms):
        """Read the contacts; a closed one pulls its input low."""
        for i in range(len(self._inputs)):
            if not self._hung:
                self._input(i, now_ms)
        if self._inputs:
            self._verified = (self._verified + 1) % len(self._inputs)
        frame = self._frame
        frame.aux_a = self._gather(self._aux_a)
        frame.aux_b = self._gather(self._aux_b)
        frame.bms = self._gather(self._bms)
        unknown = 0
        bms_unknown = 0
        circuit_known = 1
        for i in range(len(self._places)):
            if not self._inputs_read[i] or self._inputs_failures[i] >= _FAILURES:
                expander = self._places[i]
                unknown |= self._breakers_of[expander]
                bms_unknown |= self._bms_of[expander]
                if self._trip_circuit and expander == self._trip_circuit[0]:
                    circuit_known = 0
        frame.contacts_known = ALL & ~unknown
        frame.bms_known = ALL & ~bms_unknown
        frame.trip_circuit_known = circuit_known
        if self._trip_circuit:
            word = self._words[self._trip_circuit[0]]
            frame.trip_circuit = (word >> self._trip_circuit[1]) & 1

    def _input(self, i, now_ms):
        """Read the contacts of one expander; one that was away is configured anew first."""
        expander = self._inputs[i]
        lost = self._inputs_failures[i] >= _FAILURES
        if lost and (now_ms - self._inputs_away_ms[i]) & MASK < _AWAY_ms:
            return
        try:
            if lost:
                expander.configure(0)
            word = expander.read_pins() ^ 0xFFFF
            if i == self._verified:
                expander.verify()
        except OSError:
            self._inputs_away_ms[i] = now_ms
            if not lost:
                self._inputs_failures[i] += 1
            if self._inputs_failures[i] >= _FAILURES:
                self._inputs_read[i] = 0
            self._notice_hang()
            return
        self._words[self._places[i]] = word
        self._inputs_failures[i] = 0
        self._inputs_read[i] = 1

    def _gather(self, places):
        """Return the mask of the contacts that are closed."""
        mask = 0
        for expander, bit, target in places:
            mask |= ((self._words[expander] >> bit) & 1) << target
        return mask


def _places(wired, batteries):
    """Return (expander, bit, bit of the mask) for contacts of the batteries and the main."""
    found = [(wired[k][0], wired[k][1], k) for k in range(batteries)]
    if len(wired) > MAIN_BIT:
        found.append((wired[-1][0], wired[-1][1], MAIN_BIT))
    return tuple(found)
