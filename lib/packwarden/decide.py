"""The trip matrix: what an operated element does to breakers, fan and alarm, and its record."""

from micropython import const

from packwarden import compare, elements, records
from packwarden.compare import OPERATED, Slots
from packwarden.elements import (
    ALARM,
    BANK,
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

_ITEM_BITS = const(5)  # as in `compare`
_ITEM = const(31)
_ORDER = (records.CLEAR, records.INFO, records.COMMAND)  # of the records of a tick


class Row:
    """A row of the table that is on, with what its slots do and what their records show."""

    def __init__(self, number, level, given):
        self.number = number  # of the element in the table
        self.table = level  # the row of the table
        self.given = given  # its settings
        self.level = level.level
        self.scope = level.scope
        self.action = level.action
        self.inverse = level.curve is not None
        self.retrips = elements.TABLE[number].device == "50BF"  # a new pulse each time
        self.tells_sensor = elements.TABLE[number].slug == "sensor_fault"
        self.unit = records.UNIT_NAMES.index(level.shown_unit())
        self.shown = 0  # place of the value that records show
        self.limit = 0  # biased, as records show it

    def battery(self, item):
        """Return the battery of a slot, from 1; 0 for the bank."""
        if self.scope == BANK:
            return 0
        return (item // 2 if self.scope == TERMINAL else item) + 1

    def terminal(self, item):
        """Return the terminal of a slot: 1 for +, 2 for -, 0 for none."""
        return item % 2 + 1 if self.scope == TERMINAL else 0


def plan(bank):
    """Return the rows of a bank, in the table's order and level after level. Boot only."""
    rows = []
    for number in range(len(elements.TABLE)):
        element = elements.TABLE[number]
        for level in range(TRIP + 1):
            for row in element.levels:
                given = bank.level(element, row)
                if row.level == level and given is not None:
                    rows.append(Row(number, row, given))
    return rows


def _held(now_ms, since_ms):
    """Return the time since a stamp as records keep it: biased, 6.2 days at most."""
    return min((now_ms - since_ms) & MASK, BIAS - 1) + BIAS


class Decider:
    """The slots of a bank with what each one does; turns what changed into trips and records."""

    def __init__(self, bank, quantities, integrator, fresh, health, breakers, log):
        """Build the slots of a `settings.Bank`. Boot only."""
        self.rows = plan(bank)
        counts = [(2 * bank.batteries, bank.batteries, 1)[row.scope] for row in self.rows]
        self.slots = Slots(counts, quantities.values, fresh)
        self.quantities = quantities
        self.integrator = integrator
        self.health = health
        self.breakers = breakers
        self.log = log
        self.fan = False
        self.alarms = 0  # alarm and trip levels that are operated
        self._cause = ints(breakers.main + 1)  # per breaker: the element that tripped it
        self._keys = ints(self.slots.count)  # of the changed slots: the order of their records
        self._done = bytearray(self.slots.count)  # by key's place: the action that was done
        for r in range(len(self.rows)):
            self._fill(r, self.rows[r])

    def _fill(self, r, row):
        """Fill the fields of row `r` from the table and the bank's settings."""
        table = row.table
        given = row.given
        slots = self.slots
        places = self.quantities.places
        per_unit = elements.UNITS[table.unit][0]
        pickup = dropout = 1  # a flag
        if table.curve:
            pickup = dropout = 100 * per_unit  # the integrator's whole way
        elif not elements.is_flag(table):
            pickup = to_fixed(given["pickup"], per_unit)
            dropout = to_fixed(given["dropout"], per_unit)
        row.shown = places[table.quantity]
        row.limit = pickup + BIAS
        if table.curve:
            row.shown = places["load"]
            row.limit = self.integrator.pickup_mA + BIAS
        elif table.shows:
            row.shown = places[table.shows]
            row.limit = self.quantities.small_mA + BIAS
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
        if table.gate is not None and "at_least" in given:
            per_unit = elements.UNITS[elements.quantity_facts(table.gate)[1]][0]
            least = to_fixed(given["at_least"], per_unit)
            place = self.quantities.places[table.gate]
            slots.set(r, compare.GATE_STEP, 1)
        slots.set(r, compare.GATE, place)
        slots.set(r, compare.GATE_PICKUP, least + BIAS)
        slots.set(r, compare.GATE_DROPOUT, least * 9 // 10 + BIAS)

    def _channel(self, table):
        """Return the channel whose conversions the first slot of a row counts."""
        frame = self.quantities.frame
        if table.scope == TERMINAL:
            return frame.terminal
        if table.scope != BANK:
            return 0
        own = {"busbar_lost": frame.bus, "reference_lost": frame.reference}
        return own.get(table.quantity, frame.ambient)

    def run(self, now_ms, gap):
        """Compare, then do and record what changed. From the control step: allocates nothing.

        Outputs first: every trip is commanded before the first record is written. Records go in
        the order: what cleared, what operated, what was commanded.
        """
        count = self.slots.run(now_ms, gap)
        if count:
            self._follow(count, now_ms)
        if self.breakers.again:
            self._tell_again()

    def _follow(self, count, now_ms):
        """Act on what changed, then record it."""
        self._arrange(count)
        changed = self.slots.changed
        for place in range(count):
            self._act(place, changed[place], now_ms)
        for kind in _ORDER:
            for place in range(count):
                code = changed[place]
                if self._kind(code) == kind:
                    self._record(code, now_ms, kind, self._done[place])

    def _tell_again(self):
        """Record the breakers that were closed while locked out, and so were tripped again."""
        breakers = self.breakers
        for index in range(breakers.main + 1):
            if breakers.again & breakers.bit(index):
                main = index == breakers.main
                self.log.write(
                    records.COMMAND,
                    TRIP,
                    self._cause[index],
                    0 if main else index + 1,
                    0,
                    TRIP_MAIN if main else TRIP_BATTERY,
                    0,
                    0,
                    NONE,
                    NONE,
                    NONE,
                    NONE,
                )
        breakers.again = 0

    def _arrange(self, count):
        """Sort what changed by element, battery, terminal, level, row."""
        changed = self.slots.changed
        for place in range(count):
            r = changed[place] >> _ITEM_BITS
            item = changed[place] & _ITEM
            row = self.rows[r]
            key = (row.number * 16 + row.battery(item)) * 4 + row.terminal(item)
            self._keys[place] = (key * 4 + row.level) * 64 + r
        compare.arrange(changed, self._keys, count)

    def operated(self, code):
        """Return whether a changed slot has operated; if not, it has cleared."""
        return self.slots.state[self.slots.slot(code >> _ITEM_BITS, code & _ITEM)] == OPERATED

    def _kind(self, code):
        """Return CLEAR, COMMAND, or INFO for a level that has operated."""
        if not self.operated(code):
            return records.CLEAR
        return records.INFO if self.rows[code >> _ITEM_BITS].level else records.COMMAND

    def _act(self, place, code, now_ms):
        """Do what a changed slot asks for, and keep what was done for its record."""
        row = self.rows[code >> _ITEM_BITS]
        operated = self.operated(code)
        if row.level >= ALARM:
            self.alarms += 1 if operated else -1
        if row.action == FAN:
            self.fan = operated
        action = row.action if operated else NO_ACTION
        if action >= TRIP_BATTERY:
            action = self._trip(row, row.battery(code & _ITEM) - 1, now_ms)
        self._done[place] = action

    def _trip(self, row, k, now_ms):
        """Trip by the matrix; return the action that was done, NO_ACTION if all was open already.

        Rule 1: the instantaneous element trips the battery that is reversed, else the main. Rule
        2: a reversed battery behind a breaker that failed is fed by the others: opening the main
        would not isolate it, so all are tripped.
        """
        breakers = self.breakers
        action = row.action
        reversed_ = k >= 0 and (self.quantities.bank[REVERSED] >> k) & 1
        if action == BATTERY_OR_MAIN:
            action = TRIP_BATTERY if reversed_ else TRIP_MAIN
        elif action == MAIN_OR_ALL:
            breakers.fail(k)
            action = TRIP_ALL if reversed_ else TRIP_MAIN
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

    def _open(self, index, row, now_ms):
        """Trip a breaker for an element; return False if it was tripped and is open."""
        breakers = self.breakers
        if not breakers.tripped & breakers.bit(index):
            self._cause[index] = row.number
        return breakers.trip(index, now_ms)

    def _record(self, code, now_ms, kind, action):
        r = code >> _ITEM_BITS
        item = code & _ITEM
        row = self.rows[r]
        battery = row.battery(item)
        values = self.quantities.values
        held = NONE
        limit = row.limit
        if kind == records.CLEAR:
            limit = self.slots.get(r, compare.DROPOUT)
        elif row.inverse:
            held = _held(now_ms, self.integrator.since[item])
        else:
            held = _held(now_ms, self.slots.stamp[self.slots.slot(r, item)])
        self.log.write(
            kind if kind != records.INFO else row.level,
            row.level,
            row.number,
            battery,
            row.terminal(item),
            action,
            row.unit,
            self._sensor_state(r, item) if row.tells_sensor else 0,
            values[row.shown + item],
            limit,
            held,
            values[self.quantities.at_load + battery - 1] if battery else NONE,
        )

    def _sensor_state(self, r, item):
        """Return the health that a sensor fault tells, of either channel of a monitor."""
        channel = self.slots.get(r, compare.CHANNEL)
        state = self.health[channel + item * self.slots.get(r, compare.CHANNEL_STEP)]
        if not state and channel == 0:
            state = self.health[self.quantities.frame.voltage + item]
        return state
