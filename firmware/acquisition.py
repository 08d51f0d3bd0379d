"""Acquisition: the chips' answers of one tick, put into the frame.

Every current each tick; the slow channels in rotation, so that none is older than 500 ms (with
ticks above 250 ms: all of them each tick). A chip that failed three times in a row is visited once
in 5 s; where one has timed out the tick asks nobody else, and on a bus whose lines are held it
asks nobody at all. A bus that crawls lets ticks take turns: currents, then all the others. Nothing
here allocates after boot.
"""

import time

from micropython import const

from contacts import FAILURES, AWAY_ms, Contacts
from packwarden.chips.ina2xx import Monitor, limit_words
from packwarden.fixed import BIAS, MASK, NONE, ints
from packwarden.frame import ABSENT, CONFIG_LOST, FROZEN, OK, WRONG_CHIP

# A round of the slow channels: at most, so that a time-out of 20 ms in it leaves none older than
# 500 ms; at least, for a small bank is not worth the bytes; until all have been read three times.
_SLOWEST_ms = const(480)
_FASTEST_ms = const(150)
_FIRST_ms = const(240)
_FIRST_ROUNDS = const(3)
_WHOLE_TICK_ms = const(250)
_LONG_us = const(10000)  # a tick that has waited so long leaves the rest to the next, ...
_LONG_share = const(500)  # ... and at least half of it, in us per ms
_LOOK = const(3)  # mask of the batteries after whose current the clock is looked at
_ASKED = const(4)  # monitors in a tick while one of them gives an alert
_ALERT_ms = const(30)  # an alert outlasts the reading of its flags: a conversion and two ticks


class Acquisition:
    """The inputs of a cabinet: monitors, thermistors, contacts, the supply of the coils."""

    def __init__(self, board, bank, frame, buses, select_pins, adcs, inputs):
        """Bind the chips that a board wires to the channels of `frame`. Boot only.

        `inputs`: the pins of the external trip contact and of the monitors' ALERT, and the ADC of
        the coils' supply.
        """
        n = bank.batteries
        self._frame = frame
        self._buses = buses
        addresses = list(board.MONITOR_ADDRESSES[:n]) + [board.MONITOR_ADDRESSES[-1]]
        over_mA, over_mV = bank.chip_limits()
        under_mA = None if over_mA is None else -over_mA
        battery = limit_words(bank.monitor, bank.shunt_uohm, over_mA, under_mA, over_mV, None)
        busbar = limit_words(bank.monitor, bank.shunt_uohm, None, None, over_mV, None)
        self._monitors = [
            Monitor(buses.monitors, address, bank.monitor, battery) for address in addresses[:-1]
        ]
        self._monitors.append(Monitor(buses.monitors, addresses[-1], bank.monitor, busbar))
        self._alert_turn = 0
        self._alert_ms = 0  # when the pin was low last
        self._count = n + 1
        self._state = ints(n + 1)
        self._failures = ints(n + 1, FAILURES)  # nobody has answered yet
        self._away_ms = ints(n + 1)
        self._turn = 0
        self.thermistors = self._bind_thermistors(board, n, select_pins, adcs)
        self._next = 0  # the battery whose current comes first
        self._behind = False  # there was no time for the others in the last tick
        self._long = False  # it took so long that a multiplexer could have moved twice
        self._contacts = Contacts(board, bank, frame, buses)
        self._external, self._alert, self._supply = inputs
        self._divider = board.SUPPLY_DIVIDER
        self._plan_rounds(bank.tick_ms)
        self._usable = False  # the lines of the monitors' bus are free

    def _bind_thermistors(self, board, n, select_pins, adcs):
        """Return what reads the thermistors: a board has multiplexers or converters."""
        frame = self._frame
        wired = []
        for k in range(n):
            wired.append((board.TERMINAL_PLUS[k], frame.terminal + 2 * k))
            wired.append((board.TERMINAL_MINUS[k], frame.terminal + 2 * k + 1))
        wired.append((board.AMBIENT, frame.ambient))
        wired.append((board.REFERENCE, frame.reference))
        # Only what is needed takes memory.
        if board.CONVERTERS:
            from converters import Converters

            return Converters(self._buses, board.CONVERTERS, wired, frame)
        from multiplexers import Multiplexers

        return Multiplexers(select_pins, adcs, wired, frame)

    def _plan_rounds(self, tick_ms):
        """Find how long a round of the slow visits takes: one visit a tick, within limits."""
        self._slow_places = 3 * self._count
        self._tick_ms = tick_ms
        self._long_us = max(_LONG_us, _LONG_share * tick_ms)
        if tick_ms > _WHOLE_TICK_ms:
            self._round_ms = 0
        else:
            self._round_ms = max(_FASTEST_ms, min(_SLOWEST_ms, self._slow_places * tick_ms))
        self._rounds = 0  # that have ended, up to those after boot
        self._read_ms = -1  # time of the last tick
        self._credit = 0  # ms of the round that passed without a visit, times the slow places

    def boot(self):
        """Configure what answers. May take a while; chips that do not answer are asked again.

        Three times at once: then it is known, and nobody waits for them to arm.
        """
        for place in range(self._count):
            attempts = 1
            while not self._revive(place) and attempts < FAILURES:
                attempts += 1
        self._contacts.boot()
        self.thermistors.boot()

    def read(self, now_ms):
        """Fill the frame. From the tick: allocates nothing, raises nothing that a bus causes."""
        began_us = time.ticks_us()
        buses = self._buses
        buses.begin()
        if self._long:
            self.thermistors.read(now_ms)
        alerted = self._look_at_alert(now_ms)
        self._usable = buses.monitors.idle()
        buses.ask()
        self._behind = not self._behind and self._currents(began_us, now_ms)
        if not self._behind:
            for _ in range(self._slow_visits(now_ms)):
                if not buses.timed_out and not self._lasts(began_us):
                    buses.ask()
                    self._slow(now_ms)
        self.thermistors.read(now_ms)
        self._pins()
        buses.ask()
        if alerted:
            self._answer_alert(now_ms)
        if not buses.timed_out and not self._behind:
            self._contacts.read(now_ms)
        self._long = self._lasts(began_us)

    def _lasts(self, began_us):
        """Return whether this tick has waited for long."""
        return time.ticks_diff(time.ticks_us(), began_us) > self._long_us

    def _currents(self, began_us, now_ms):
        """Read the currents, or as many as there is time for; return whether there is no more.

        That is not so where a chip has timed out: the tick has waited for that one alone.
        """
        buses = self._buses
        for _ in range(self._count - 1):
            k = self._next
            self._next = k + 1 if k + 2 < self._count else 0
            if not buses.timed_out:
                self._current(k, now_ms)
            if k & _LOOK == _LOOK and self._lasts(began_us) and not buses.timed_out:
                return True
        return self._lasts(began_us) and not buses.timed_out

    def _slow_visits(self, now_ms):
        """Return how many slow visits are due, also those of ticks that were missed."""
        passed_ms = (now_ms - self._read_ms) & MASK
        if self._read_ms < 0 or 2 * passed_ms < 3 * self._tick_ms:
            passed_ms = self._tick_ms
        self._read_ms = now_ms
        round_ms = self._round_ms
        if self._rounds < _FIRST_ROUNDS:
            round_ms = min(round_ms, _FIRST_ms)
        if passed_ms >= round_ms:
            return self._slow_places
        credit = self._credit + passed_ms * self._slow_places
        self._credit = credit % round_ms
        return credit // round_ms

    def _look_at_alert(self, now_ms):
        """Return whether ALERT is low, before any flag is read in this tick.

        Reading the flags of a monitor lets go of the pin until its next conversion has ended.
        """
        frame = self._frame
        low = not self._alert()
        if low:
            frame.alert = 1
            self._alert_ms = now_ms
        elif frame.alert and (now_ms - self._alert_ms) & MASK >= _ALERT_ms:
            frame.alert = 0
        return low

    def _answer_alert(self, now_ms):
        """Read the flags of some monitors, which clears those that are over.

        All of them within 40 ms: the latch behind ALERT opens the main breaker after 300 ms.
        """
        for _ in range(_ASKED):
            place = self._alert_turn
            self._alert_turn = place + 1 if place + 1 < self._count else 0
            if not self._buses.timed_out and self._present(place, now_ms):
                try:
                    self._monitors[place].alerts()
                except OSError:
                    self._failed(place, now_ms)

    def _pins(self):
        """Read what is on pins of its own; a closed contact pulls its low."""
        frame = self._frame
        frame.external = 1 - self._external()
        if frame.supply >= 0:
            at_mV = self._supply.read_uv() // 1000
            self._store(frame.supply, BIAS + at_mV * self._divider, OK)

    @property
    def inputs_lost(self):
        """True while contacts cannot be read: their last positions are held."""
        return self._contacts.lost

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
        self._turn = turn + 1
        if self._turn == self._slow_places:
            self._turn = 0
            if self._rounds < _FIRST_ROUNDS:
                self._rounds += 1
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
        `validate` do, so that a lost chip is told as lost before it is left alone. On a bus whose
        lines are held it fails without being asked, and is not left alone once they are free:
        then one chip a tick comes back, for to configure it takes as long as many visits.
        """
        if self._failures[place] < FAILURES:
            if self._failures[place] and self._away_ms[place] == now_ms:
                return False
            if not self._usable:
                self._failed(place, now_ms)
            return self._usable
        if not self._usable or (now_ms - self._away_ms[place]) & MASK < AWAY_ms:
            return False
        if not self._buses.may_configure():
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
        if self._failures[place] < FAILURES:
            self._failures[place] += 1
            self._away_ms[place] = now_ms
            if self._failures[place] == FAILURES and not self._usable:
                self._away_ms[place] = (now_ms - AWAY_ms) & MASK
        if place < self._count - 1:
            frame.raw[place] = NONE
            frame.note[place] = ABSENT
            frame.count[place] = (frame.count[place] - MASK) & MASK
        elif frame.main >= 0:
            self._store(frame.main, NONE, ABSENT)
        self._store_voltage(place, NONE, ABSENT)
        self._buses.failed(self._buses.monitors)
