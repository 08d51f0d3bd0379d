"""The rows of a bank: those of the element table that are on, with what records need of them."""

from packwarden import elements, records
from packwarden.fixed import ASIDE, BIAS, NONE
from packwarden.levels import ALARM, BANK, INHIBIT_CLOSE, TERMINAL, TRIP


class Row:
    """A row of the table that is on, with what its slots do and what their records show."""

    def __init__(self, number, level, given):
        self.number = number  # of the element in the table
        self.table = level  # the row of the table
        self.wait_ms = given.get("wait_ms", level.wait_ms) or 0
        self.unit = records.UNIT_NAMES.index(level.shown_unit())
        self.shown = 0  # place of the value that records show
        self.limit = NONE  # biased, as records show it

    @property
    def level(self):
        """WARN, ALARM, TRIP, or NO_LEVEL."""
        return self.table.level

    @property
    def scope(self):
        """TERMINAL, BATTERY or BANK."""
        return self.table.scope

    @property
    def action(self):
        """What is done when it operates."""
        return self.table.action

    @property
    def inverse(self):
        """Whether its time is that of an integrator."""
        return self.table.curve is not None

    @property
    def inside(self):
        """Whether it tells a fault of Packwarden itself."""
        return elements.TABLE[self.number].inside

    @property
    def alarms(self):
        """Whether it drops the alarm relay: not what only forbids a closing."""
        return self.table.level >= ALARM and self.table.action != INHIBIT_CLOSE

    @property
    def retrips(self):
        """Whether it gives a new pulse each time."""
        return elements.TABLE[self.number].device == "50BF"

    @property
    def tells_sensor(self):
        """Whether its records tell the state of a sensor."""
        return elements.TABLE[self.number].slug == "sensor_fault"

    def battery(self, item):
        """Return the battery of a slot, from 1; 0 for the bank."""
        if self.scope == BANK:
            return 0
        return (item // 2 if self.scope == TERMINAL else item) + 1

    def terminal(self, item):
        """Return the terminal of a slot: 1 for +, 2 for -, 0 for none."""
        return item % 2 + 1 if self.scope == TERMINAL else 0

    def show(self, stored):
        """Return a stored value or limit as records keep it; NONE where there is none."""
        if stored <= ASIDE:
            return NONE
        return BIAS + self.table.sign * (stored - BIAS)


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
