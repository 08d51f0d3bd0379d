"""The trip matrix: what an operated element does to breakers and outputs, and its record."""

from micropython import const

from packwarden import compare, elements, levels, records
from packwarden.compare import OPERATED, Slots
from packwarden.currents import COURSE, MEASURED, MEDIAN, REVERSED, SUM
from packwarden.fixed import ASIDE, BIAS, MASK, NONE, ints, to_fixed
from packwarden.levels import (
    BANK,
    BATTERY_OR_MAIN,
    FAN,
    NO_ACTION,
    NO_LEVEL,
    STOP_CHARGE,
    STOP_DISCHARGE,
    STOP_FLOW,
    TERMINAL,
    TRIP,
    TRIP_ALL,
    TRIP_BATTERY,
    TRIP_MAIN,
)
from packwarden.lockout import Lockout
from packwarden.openings import BATTERIES, Openings
from packwarden.rows import plan

_ITEM_BITS = const(5)  # as in `compare`
_ITEM = const(31)
_ORDER = (records.FAULT, records.CLEAR, records.INFO, records.COMMAND)  # of the records of a tick
_ROWS_BITS = const(7)  # of a record's key


def _held(now_ms, since_ms):
    """Return the time since a stamp as records keep it: biased, 6.2 days at most."""
    return min((now_ms - since_ms) & MASK, BIAS - 1) + BIAS


class Decider:
    """The slots of a bank with what each one does; turns what changed into trips and records."""

    STATE = ("fan", "alarms", "charge_stops", "discharge_stops", "_flow_stop", "inside")

    def __init__(self, bank, quantities, integrators, fresh, health, breakers, log):
        """Build the slots of a `bank.Bank`. Boot only.

        `integrators`: that of the batteries and that of the bank.
        """
        self.rows = plan(bank)
        counts = [(2 * bank.batteries, bank.batteries, 1)[row.scope] for row in self.rows]
        self.slots = Slots(counts, quantities.values, fresh)
        self.quantities = quantities
        self.integrators = integrators
        self.health = health
        self.breakers = breakers
        self.openings = Openings(breakers, quantities.bank)
        self.lockout = Lockout(breakers, log, bank.repeat_hours)
        self.log = log
        self.fan = False
        self.alarms = 0  # alarm and trip levels that are operated
        self.charge_stops = 0  # operated levels that forbid charging, and ...
        self.discharge_stops = 0  # ... discharging
        self._flow_stop = NO_ACTION  # what the level that stops the flow has stopped
        self._keys = ints(self.slots.count)  # of the changed slots: the order of their records
        self._done = bytearray(self.slots.count)  # likewise: the action that was done, ...
        self._kinds = bytearray(self.slots.count)  # ... and which kind of record tells it
        self.inside = 0  # what a record of a controller fault says
        self._cascade_limit = NONE  # in 0.1 % of rated; NONE: nobody guards
        for r in range(len(self.rows)):
            row = self.rows[r]
            given = bank.level(elements.TABLE[row.number], row.table)
            self._fill(r, row, given)
            if row.table.quantity == "predicted" and row.level == TRIP:
                self._cascade_limit = to_fixed(given["pickup"], 10)

    def _fill(self, r, row, given):
        """Fill the fields of row `r` from the table and its settings."""
        table = row.table
        slots = self.slots
        places = self.quantities.places
        per_unit = levels.UNITS[table.unit][0]
        pickup = dropout = 1  # a flag
        if table.curve:
            pickup = 100 * per_unit  # the integrator's whole way
            dropout = 50 * per_unit  # and it has to come back by half before a reset
        elif not levels.is_flag(table):
            pickup = table.sign * to_fixed(given["pickup"], per_unit)
            dropout = table.sign * to_fixed(given["dropout"], per_unit)
        row.shown = places[table.quantity]
        row.limit = row.show(pickup + BIAS)
        if table.curve:
            bank = row.scope == BANK
            row.shown = places["bank_load" if bank else "load"]
            row.limit = self.integrators[1 if bank else 0].pickup_mA + BIAS
        elif table.shows:
            row.shown = places[table.shows]
            stays = table.quantity.endswith("_stays")  # else a contact says so, whatever flows
            row.limit = self.quantities.small_mA + BIAS if stays else NONE
        slots.set(r, compare.PLACE, places[table.quantity])
        slots.set(r, compare.PICKUP, pickup + BIAS)
        slots.set(r, compare.DROPOUT, dropout + BIAS)
        slots.set(r, compare.DELAY, given.get("delay_ms", 0))
        slots.set(r, compare.NEEDED, given.get("samples", 1) - 1)
        slots.set(r, compare.RESET, table.reset_ms)
        slots.set(r, compare.LATCH, 1 if table.latch else 0)
        slots.set(r, compare.CHANNEL, self._channel(table))
        slots.set(r, compare.CHANNEL_STEP, 0 if row.scope == BANK else 1)
        self._fill_gate(r, table, given)

    def _fill_gate(self, r, table, given):
        slots = self.slots
        least = 0
        place = self.quantities.always
        if table.gate is not None:
            scope, unit, _, _ = levels.quantity_facts(table.gate)
            if unit is None:
                least = 1
            elif "at_least" in given:
                least = to_fixed(given["at_least"], levels.UNITS[unit][0])
            if least:
                place = self.quantities.places[table.gate]
                slots.set(r, compare.GATE_STEP, 0 if scope == BANK else 1)
        slots.set(r, compare.GATE, place)
        slots.set(r, compare.GATE_PICKUP, least + BIAS)
        slots.set(r, compare.GATE_DROPOUT, ASIDE if table.seals else least * 9 // 10 + BIAS)

    def _channel(self, table):
        """Return the channel whose conversions the first slot of a row counts."""
        frame = self.quantities.frame
        if table.scope == TERMINAL:
            return frame.terminal
        own = {
            "low_voltage": frame.voltage,
            "voltage": frame.voltage,
            "mismatch": frame.voltage,
            "ambient": frame.ambient,
            "ambient_lost": frame.ambient,
            "busbar_lost": frame.bus,
            "reference_lost": frame.reference,
            "supply": frame.supply,
            "main_shunt_lost": frame.main,
        }
        return max(0, own.get(table.quantity, 0))

    def run(self, now_ms, gap):
        """Compare, then do and record what changed. From the control step: allocates nothing.

        Outputs first: every trip is commanded before the first record is written. Records go in
        the order: faults, what cleared, what operated, what was commanded.
        """
        openings = self.openings
        if openings.pending or openings.waited:
            openings.advance(now_ms)
        count = self.slots.run(now_ms, gap)
        if count:
            self._follow(count, now_ms)
        if openings.due:
            self._tell_opened()
        if self.breakers.again:
            self._tell_again()

    @property
    def charge_allowed(self):
        """True while the inverter may charge. From the control step."""
        return not (self.charge_stops or self._flow_stop == STOP_CHARGE or self.openings.stops)

    @property
    def discharge_allowed(self):
        """True while the inverter may discharge. From the control step."""
        stopped = self.discharge_stops or self._flow_stop == STOP_DISCHARGE
        return not (stopped or self.openings.stops)

    def _follow(self, count, now_ms):
        """Act on what changed, then record it."""
        self._arrange(count)
        changed = self.slots.changed
        pending = self.openings.pending
        self.openings.leaving = self._leaving(count)
        for place in range(count):
            self._act(place, changed[place], now_ms)
        self.openings.leaving = 0
        for kind in _ORDER:
            for place in range(count):
                if self._kinds[place] == kind:
                    self._record(changed[place], now_ms, kind, self._done[place])
        if self.openings.pending & ~pending:
            self._tell_stop(self.openings.pending & ~pending)

    def _tell(self, index, action, level=TRIP):
        """Record what was commanded for a breaker, with the element that caused it."""
        battery = 0 if index == self.breakers.main else index + 1
        cause = self.lockout.cause[index]
        self.log.write(
            records.COMMAND, level, cause, battery, 0, action, 0, 0, NONE, NONE, NONE, NONE
        )

    def _tell_stop(self, waiting):
        """Record that the permissives were taken away for the trips that begin to wait."""
        for index in range(self.breakers.main + 1):
            if waiting & self.breakers.bit(index):
                self._tell(index, self._direction(), NO_LEVEL)

    def _direction(self):
        """Return the stop that concerns a bank that flows as it does."""
        bank = self.quantities.bank
        if bank[COURSE] == 2 or (bank[COURSE] == 0 and bank[SUM] < BIAS):
            return STOP_CHARGE
        return STOP_DISCHARGE

    def _tell_opened(self):
        """Record the breakers that were told to open after having waited."""
        self._tell_each(self.openings.due)
        self.openings.due = 0

    def _tell_again(self):
        """Record the breakers that were closed while locked out, and so were tripped again."""
        self._tell_each(self.breakers.again)
        self.breakers.again = 0

    def _tell_each(self, mask):
        for index in range(self.breakers.main + 1):
            if mask & self.breakers.bit(index):
                self._tell(index, TRIP_MAIN if index == self.breakers.main else TRIP_BATTERY)

    def _arrange(self, count):
        """Sort what changed by element, battery, terminal, level, row."""
        changed = self.slots.changed
        for place in range(count):
            r = changed[place] >> _ITEM_BITS
            item = changed[place] & _ITEM
            row = self.rows[r]
            key = (row.number * 16 + row.battery(item)) * 4 + row.terminal(item)
            self._keys[place] = ((key * 4 + row.level) << _ROWS_BITS) + r
        compare.arrange(changed, self._keys, count)

    def _leaving(self, count):
        """Return the mask of batteries that trip in this tick: none takes over for another."""
        mask = 0
        for place in range(count):
            code = self.slots.changed[place]
            row = self.rows[code >> _ITEM_BITS]
            if row.level == TRIP and row.scope != BANK and self.operated(code):
                mask |= 1 << (row.battery(code & _ITEM) - 1)
        return mask

    def operated(self, code):
        """Return whether a changed slot has operated; if not, it has cleared."""
        return self.slots.state[self.slots.slot(code >> _ITEM_BITS, code & _ITEM)] == OPERATED

    def _act(self, place, code, now_ms):
        """Do what a changed slot asks for, and keep what its record will tell.

        Its kind is CLEAR, COMMAND, FAULT, or INFO for a level that has operated.
        """
        row = self.rows[code >> _ITEM_BITS]
        operated = self.operated(code)
        action = self.count(row, operated)
        if operated and row.level == TRIP:
            action = self._trip(row, row.battery(code & _ITEM) - 1, now_ms)
        self._done[place] = action if operated else NO_ACTION
        if not operated:
            kind = records.CLEAR
        elif row.inside:
            kind = records.FAULT
        else:
            kind = records.INFO if row.level else records.COMMAND
        self._kinds[place] = kind

    def count(self, row, operated):
        """Take a slot that has operated, or let go, into account; return what a record shows.

        From the control step, and from the slack for one that was reset.
        """
        step = 1 if operated else -1
        action = row.action
        if row.alarms:
            self.alarms += step
        if action == FAN:
            self.fan = operated
        elif action == STOP_CHARGE:
            self.charge_stops += step
        elif action == STOP_DISCHARGE:
            self.discharge_stops += step
        elif action == STOP_FLOW:
            action = self._direction() if operated else NO_ACTION
            self._flow_stop = action
        return action

    def _trip(self, row, k, now_ms):
        """Trip by the matrix; return the action that was done, NO_ACTION if all was open already.

        Rule 1: the instantaneous element trips the battery that is reversed, else the main. Rule
        2: a reversed battery behind a breaker that failed is fed by the others: opening the main
        would not isolate it, so all are tripped. Rule 3: where another breaker opened, the main
        opens now. An overloaded battery takes the main with it where all are overloaded, and
        the others could not carry its load.
        """
        breakers = self.breakers
        action = row.action
        reversed_ = k >= 0 and (self.quantities.bank[REVERSED] >> k) & 1
        if action == BATTERY_OR_MAIN:
            action = TRIP_BATTERY if reversed_ else TRIP_MAIN
        elif action == levels.BATTERY_OR_BANK:
            action = TRIP_MAIN if self._cascades(k) else TRIP_BATTERY
        elif action == levels.MAIN_OR_ALL:
            breakers.fail(k)
            action = TRIP_ALL if reversed_ else TRIP_MAIN
        elif action == levels.TRIP_CROSSED:
            breakers.fail(k)
            breakers.retrip(k, now_ms)
            action = TRIP_MAIN
        index = k if action == TRIP_BATTERY else breakers.main
        if action == TRIP_ALL and k < 0:
            breakers.fail(breakers.main)
        moved = self._open(index, row, now_ms)
        if row.retrips:
            breakers.retrip(index, now_ms)
        if action == TRIP_ALL:
            for other in range(breakers.main):
                moved = self._open(other, row, now_ms) or moved
        return action if moved else NO_ACTION

    def _cascades(self, k):
        """Return whether the bank is overloaded, and no others known could carry what k does."""
        median = self.quantities.bank[MEDIAN]
        rated_mA = 20 * self.quantities.small_mA
        if self._cascade_limit == NONE or median == NONE or abs(median - BIAS) < rated_mA:
            return False
        closed = self.breakers.closed & BATTERIES
        gone = self.openings.gone
        if not closed & ~gone & self.quantities.bank[MEASURED]:
            return closed != 1 << k  # all at once, or the others unknown; or the only one
        return self.quantities.without(closed, gone) >= self._cascade_limit

    def _open(self, index, row, now_ms):
        """Trip a breaker for an element; return False if it was tripped and is open."""
        breakers = self.breakers
        bit = breakers.bit(index)
        if not (breakers.tripped | self.openings.pending) & bit:
            self.lockout.note(index, row.number)
        return self.openings.open(index, now_ms, row.wait_ms)

    def _record(self, code, now_ms, kind, action):
        r = code >> _ITEM_BITS
        item = code & _ITEM
        row = self.rows[r]
        limit = row.limit
        held = NONE
        if kind == records.CLEAR:
            limit = row.show(self.slots.get(r, compare.DROPOUT))
        elif row.inverse:
            held = _held(now_ms, self.integrators[1 if row.scope == BANK else 0].since[item])
        else:
            held = _held(now_ms, self.slots.stamp[self.slots.slot(r, item)])
            if row.table.shows and self.quantities.values[row.shown + item] < limit:
                limit = NONE  # a contact said so, and no current
        self.tell(r, item, kind if kind != records.INFO else row.level, action, limit, held)

    def tell(self, r, item, kind, action, limit, held):
        """Record what a slot did. From the control step, and from the slack for a reset."""
        row = self.rows[r]
        battery = row.battery(item)
        values = self.quantities.values
        self.log.write(
            kind,
            row.level,
            row.number,
            battery,
            row.terminal(item),
            action,
            row.unit,
            self._detail(r, item),
            row.show(values[row.shown + item]),
            limit,
            held,
            values[self.quantities.at_load + battery - 1] if battery else NONE,
        )

    def _detail(self, r, item):
        """Return the health that a sensor fault tells, or what a fault of the controller is."""
        row = self.rows[r]
        if not row.tells_sensor:
            return self.inside if row.table.quantity == "controller_fails" else 0
        channel = self.slots.get(r, compare.CHANNEL)
        state = self.health[channel + item * self.slots.get(r, compare.CHANNEL_STEP)]
        if not state and channel == 0:
            state = self.health[self.quantities.frame.voltage + item]
        return state
