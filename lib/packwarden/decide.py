"""The trip matrix: what an operated element does to breakers, fan and alarm, and its record."""

from packwarden import elements, records
from packwarden.compare import OPERATED, Slots
from packwarden.elements import (
    ALARM,
    BATTERY,
    BATTERY_OR_MAIN,
    FAN,
    MAIN_OR_ALL,
    NO_ACTION,
    TERMINAL,
    TRIP,
    TRIP_ALL,
    TRIP_BATTERY,
    TRIP_MAIN,
)
from packwarden.fixed import BIAS, MASK, NONE, ints, to_fixed
from packwarden.quantities import REVERSED


def plan(bank):
    """Return the slots of a bank as (element, row, battery, terminal): numbers, -1 where none.

    In the order in which events of a tick are told: element, battery, terminal, level. Boot only.
    """
    found = []
    for number in range(len(elements.TABLE)):
        element = elements.TABLE[number]
        for battery in range(-1, bank.batteries):
            for terminal in range(-1, 2):
                for level in range(TRIP + 1):
                    for row in element.levels:
                        if row.level != level or bank.level(element, row) is None:
                            continue
                        if (battery >= 0, terminal >= 0) == _extent(row.scope):
                            found.append((number, row, battery, terminal))
    return found


def _extent(scope):
    return scope in (BATTERY, TERMINAL), scope == TERMINAL


class Decider:
    """The slots of a bank with what each one does; turns what changed into trips and records."""

    def __init__(self, bank, quantities, integrator, fresh, health, breakers, log):
        """Build the slots of a `settings.Bank`. Boot only."""
        planned = plan(bank)
        self.slots = Slots(len(planned), quantities.values, fresh)
        self.quantities = quantities
        self.integrator = integrator
        self.health = health
        self.breakers = breakers
        self.log = log
        self.fan = False
        self.alarms = 0  # alarm and trip levels that are operated
        self.element = ints(len(planned))
        self.level = ints(len(planned))
        self.battery = ints(len(planned))  # from 1; 0: none
        self.terminal = ints(len(planned))  # 1 +, 2 -; 0: none
        self.action = ints(len(planned))
        self.unit = ints(len(planned))
        self.shown = ints(len(planned))  # place of the value that records show
        self.limit = ints(len(planned))  # biased, as records show it
        self.inverse = ints(len(planned))
        self.done = ints(len(planned))  # what was done when it last operated
        self.retrips = ints(len(planned))  # 1: gives a breaker that stays a new pulse
        self.sensor = ints(len(planned), -1)  # channel whose state the record tells
        for i in range(len(planned)):
            self._fill(i, bank, planned[i])

    def _fill(self, i, bank, planned):
        """Fill slot `i` from its row and the bank's settings."""
        number, row, battery, terminal = planned
        given = bank.level(elements.TABLE[number], row)
        slots = self.slots
        places = self.quantities.places
        offset = (2 * battery + terminal, battery, 0)[row.scope]
        per_unit = elements.UNITS[row.unit][0]
        slots.quantity[i] = places[row.quantity] + offset
        pickup = dropout = 1  # a flag
        if row.curve:
            pickup = dropout = 100 * per_unit  # the integrator's whole way
        elif not elements.is_flag(row):
            pickup = to_fixed(given["pickup"], per_unit)
            dropout = to_fixed(given["dropout"], per_unit)
        slots.pickup[i] = pickup + BIAS
        slots.dropout[i] = dropout + BIAS
        slots.delay[i] = given.get("delay_ms", 0)
        slots.needed[i] = given.get("samples", 1) - 1
        slots.reset[i] = row.reset_ms
        slots.latch[i] = 1 if row.latch else 0
        slots.channel[i] = self._channel(row, battery, terminal)
        self._fill_gate(i, row, given, offset)
        self.element[i] = number
        self.level[i] = row.level
        self.battery[i] = battery + 1
        self.terminal[i] = terminal + 1
        self.action[i] = row.action
        self.unit[i] = records.UNIT_NAMES.index(row.shown_unit())
        self.shown[i] = slots.quantity[i]
        self.limit[i] = slots.pickup[i]
        self.inverse[i] = 1 if row.curve else 0
        self.retrips[i] = 1 if elements.TABLE[number].device == "50BF" else 0
        if elements.TABLE[number].slug == "sensor_fault":
            self.sensor[i] = slots.channel[i]
        if row.curve:
            self.shown[i] = places["load"] + offset
            self.limit[i] = self.integrator.pickup_mA + BIAS
        elif row.shows:
            self.shown[i] = places[row.shows] + offset
            self.limit[i] = self.quantities.small_mA + BIAS

    def _fill_gate(self, i, row, given, offset):
        slots = self.slots
        if row.gate is None or "at_least" not in given:
            slots.gate[i] = self.quantities.always
            slots.gate_pickup[i] = slots.gate_dropout[i] = BIAS
            return
        least = to_fixed(
            given["at_least"], elements.UNITS[elements.quantity_facts(row.gate)[1]][0]
        )
        slots.gate[i] = self.quantities.places[row.gate] + offset
        slots.gate_pickup[i] = least + BIAS
        slots.gate_dropout[i] = least * 9 // 10 + BIAS

    def _channel(self, row, battery, terminal):
        """Return the channel whose conversions a slot counts."""
        frame = self.quantities.frame
        if terminal >= 0:
            return frame.terminal + 2 * battery + terminal
        if battery >= 0:
            return battery
        return {"busbar_lost": frame.bus, "reference_lost": frame.reference}.get(
            row.quantity, frame.ambient
        )

    def run(self, now_ms, gap):
        """Compare, then do and record what changed. From the control step: allocates nothing.

        Outputs first: every trip is commanded before the first record is written.
        """
        changed = self.slots.run(now_ms, gap)
        if changed == 0:
            return
        for place in range(changed):
            self._act(self.slots.changed[place], now_ms)
        for place in range(changed):
            i = self.slots.changed[place]
            if self.slots.state[i] != OPERATED:
                self._record(i, now_ms, records.CLEAR, NO_ACTION)
        for place in range(changed):
            i = self.slots.changed[place]
            if self.slots.state[i] == OPERATED and self.level[i]:
                self._record(i, now_ms, self.level[i], self.done[i])
        for place in range(changed):
            i = self.slots.changed[place]
            if self.slots.state[i] == OPERATED and not self.level[i]:
                self._record(i, now_ms, records.COMMAND, self.done[i])

    def _act(self, i, now_ms):
        """Do what slot `i` asks for, and keep what was done for its record."""
        operated = self.slots.state[i] == OPERATED
        if self.level[i] >= ALARM:
            self.alarms += 1 if operated else -1
        action = self.action[i]
        if action == FAN:
            self.fan = operated
        if operated:
            if action >= TRIP_BATTERY:
                action = self._trip(i, action, self.battery[i] - 1, now_ms)
            self.done[i] = action

    def _trip(self, i, action, k, now_ms):
        """Trip by the matrix; return the action that was done, NO_ACTION if all was open already.

        Rule 1: the instantaneous element trips the battery that is reversed, else the main. Rule
        2: a reversed battery behind a breaker that failed is fed by the others: opening the main
        would not isolate it, so all are tripped.
        """
        breakers = self.breakers
        reversed_ = k >= 0 and (self.quantities.bank[REVERSED] >> k) & 1
        if action == BATTERY_OR_MAIN:
            action = TRIP_BATTERY if reversed_ else TRIP_MAIN
        elif action == MAIN_OR_ALL:
            breakers.fail(k)
            action = TRIP_ALL if reversed_ else TRIP_MAIN
        index = k if action == TRIP_BATTERY else breakers.main
        moved = breakers.trip(index, now_ms)
        if self.retrips[i]:
            breakers.retrip(index, now_ms)
        if action == TRIP_ALL:
            for other in range(breakers.main):
                moved = breakers.trip(other, now_ms) or moved
        return action if moved else NO_ACTION

    def _record(self, i, now_ms, kind, action):
        battery = self.battery[i]
        held = NONE
        limit = self.limit[i]
        if kind == records.CLEAR:
            limit = limit if self.inverse[i] else self.slots.dropout[i]
        elif self.inverse[i]:
            held = ((now_ms - self.integrator.since[battery - 1]) & MASK) + BIAS
        else:
            held = ((now_ms - self.slots.stamp[i]) & MASK) + BIAS
        load = NONE
        if battery:
            load = self.quantities.values[self.quantities.at_load + battery - 1]
        detail = 0
        if self.sensor[i] >= 0:
            detail = self.health[self.sensor[i]]
            if not detail and battery and not self.terminal[i]:
                detail = self.health[self.quantities.frame.voltage + battery - 1]
        self.log.write(
            kind,
            self.level[i],
            self.element[i],
            battery,
            self.terminal[i],
            action,
            self.unit[i],
            detail,
            self.quantities.values[self.shown[i]],
            limit,
            held,
            load,
        )
