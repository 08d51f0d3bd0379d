"""What makes each level of the element table operate, and which output it drives.

A situation is told in the columns of a trace (see `codes`) and the faults of a scenario's job: the
quiet bank, and what changes at once at the event. One per quantity: a new row needs nothing here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from packwarden import elements, levels
from packwarden.levels import Element, Level
from packwarden_sim.costs import BREAKER_TRAVEL_US

# Where the firmware finds what changed: with every tick or in rotation, and on which bus.
CURRENT, SLOW, THERMISTOR, CONTACT, PIN = "current", "slow", "thermistor", "contact", "pin"

# Settings of the levels that ship "off", at 100 A a battery and 16 cells; and of those whose
# pickup a small bank cannot reach without being in motion as a whole.
_OFF = {
    "overcurrent_instantaneous.alarm": {"pickup": 300, "dropout": 250},
    "bank_overcurrent.alarm": {"pickup": 75, "dropout": 71.2},
    "current_imbalance.trip": {"pickup": 100, "dropout": 80, "at_least": 20},
    "reverse_current.idle_alarm": {"pickup": 12, "dropout": 6, "delay_ms": 60000},
    "reverse_current.idle_trip": {"pickup": 12, "dropout": 6},
    "idle_string.trip": {"pickup": 2, "dropout": 4},
    "charge_temperature.trip": {"pickup": 0, "dropout": 3, "at_least": 2},
    "ambient_high.trip": {"pickup": 50, "dropout": 45},
}
# Quantities that have no value while one battery's current is not known.
OF_THE_SUM = ("kirchhoff", "main_discrepant")
_STILL = (levels.NO_ACTION, levels.INHIBIT_CLOSE)
_PINS = {
    levels.ALARM_RELAY: "alarm",
    levels.STOP_CHARGE: "charge",
    levels.STOP_DISCHARGE: "discharge",
    levels.STOP_FLOW: "discharge",  # the banks here discharge
    levels.TRIP_MAIN: "main",
    levels.TRIP_ALL: "main",  # it is the first to be told
    levels.MAIN_OR_ALL: "main",
    levels.TRIP_CROSSED: "main",  # the battery was told already
}
# What is found within minutes and hours, beside the control step, has no latency to be measured.
_ESTIMATED = ("joint", "link", "spread", "share_drift")
FAN_BIT = 15
# What the second stage of a breaker's failure needs first: a trip.
_FIRST_TRIP = {"reverse_current.trip_high": {"samples": 1}}
_FIRST_MAIN = {"external_trip.trip": {"delay_ms": 0}}


@dataclass(frozen=True)
class Case:
    """One row of the table and one way to make it operate, for one output."""

    element: Element
    level: Level
    output: str  # a pin's name, "battery", "fan"

    @property
    def name(self) -> str:
        """As on the command line: terminal_rise.trip, and the output where it may be another."""
        return f"{self.element.slug}.{self.level.key}"


@dataclass
class Situation:
    """How the bank is before the event and after it, for an event at battery k (from 1)."""

    read: str
    quiet: dict = field(default_factory=dict)  # cells of a trace's row
    event: dict = field(default_factory=dict)  # what differs from `quiet` then
    faults: list = field(default_factory=list)
    extra: dict = field(default_factory=dict)
    changes: dict = field(default_factory=dict)  # of the configuration, by dotted path
    rows: dict = field(default_factory=dict)  # other rows that have to be on, with their changes
    attempts: int = 1  # readings until it is believed
    more: tuple = ()  # further terms of the bound: (what, us)
    first: list | None = None  # the stage at the outputs from which time counts ...
    zero_us: int = 0  # ... after this long
    leaps: int = 0  # of 4.5 s, until all is forgotten
    currents: bool = False  # it needs them, whatever it reads in the end

    @property
    def monitors(self) -> bool:
        """Whether it needs the monitors."""
        return self.currents or self.read in (CURRENT, SLOW)

    def expanders(self, case: "Case") -> bool:
        """Whether it needs the expanders, for a contact or for a relay."""
        relays = case.output in ("battery", "fan") or (self.first and self.first[0] == "relays")
        return bool(relays) or self.read == CONTACT


def every_case() -> Iterator[Case]:
    """All that drives an output, in the table's order."""
    for element in elements.TABLE:
        for level in element.levels:
            if level.action not in _STILL and level.quantity not in _ESTIMATED:
                yield from _cases(element, level)


def _cases(element: Element, level: Level) -> Iterator[Case]:
    action = level.action
    if action in (levels.BATTERY_OR_BANK, levels.BATTERY_OR_MAIN):
        yield Case(element, level, "battery")
        yield Case(element, level, "main")
    elif action == levels.FAN:
        yield Case(element, level, "fan")
    else:
        yield Case(element, level, _PINS.get(action, "battery"))


def settings(case: Case, bank: dict) -> dict:
    """The settings of a case's row as shipped; of one that ships off such as make sense."""
    given = levels.level_defaults(case.level, bank)
    if given == "off":
        given = {"delay_ms": 1000}
    assert isinstance(given, dict)
    return given | _OFF.get(case.name, {})


def stages(case: Case, situation: Situation, k: int) -> list[list]:
    """What has to happen at the outputs, as `packwarden_sim.trials` takes it."""
    if case.output == "battery":
        last = ["relays", 1 << (k - 1), 1]
    elif case.output == "fan":
        last = ["relays", 1 << FAN_BIT, 1]
    else:
        last = [case.output, 0, 1 if case.output == "main" else 0]
    if situation.first is None:
        return [last]
    # Where the same output is meant again its pulse has to end first.
    again = [[*last[:2], 0]] if situation.first == last else []
    return [situation.first, *again, last]


def situation(case: Case, given: dict, k: int, batteries: int) -> Situation:
    """The situation in which a row operates at battery k, with the row's settings."""
    return _SITUATIONS[case.level.quantity](case, given, k, batteries)


def _all(batteries: int, **columns: float) -> dict:
    """Cells of every battery: _all(2, i_A=20.0) is {"i1_A": 20.0, "i2_A": 20.0}."""
    cells = {}
    for name, value in columns.items():
        kind, _, unit = name.partition("_")
        cells |= {f"{kind}{k}_{unit}": value for k in range(1, batteries + 1)}
    return cells


Maker = Callable[[Case, dict, int, int], Situation]


def _temperature(case, given, k, n):
    return Situation(THERMISTOR, event={f"tp{k}_C": given["pickup"] + 10.0})


def _rise(case, given, k, n):
    above = max(given["pickup"] + 10.0, 40.0)
    return Situation(THERMISTOR, event={f"tp{k}_C": 25.0 + above})


def _rate(case, given, k, n):
    # The first sample of the fit has only a part of the step, the second all of it.
    more = (("two samples of the slope", 2 * 5_000_000),)
    return Situation(THERMISTOR, event={f"tp{k}_C": 85.0}, more=more, leaps=15)


def _thermistor_lost(case, given, k, n):
    return Situation(THERMISTOR, event={f"tp{k}_C": "open"}, attempts=3)


def _lost_hot(case, given, k, n):
    quiet = _all(n, tp_C=70.0, tn_C=70.0)
    return Situation(THERMISTOR, quiet, {f"tp{k}_C": "open"}, attempts=3)


def _inverse(case, given, k, n):
    if case.output == "main":
        made = _bank_inverse(case, given, k, n)
        made.rows = {"cascade.trip": {}}  # guards the others, or each battery trips alone
        return made
    return Situation(CURRENT, event={f"i{k}_A": 600.0})


def _bank_inverse(case, given, k, n):
    return Situation(CURRENT, event=_all(n, i_A=600.0))


def _instantaneous(case, given, k, n):
    if case.output == "battery":
        return Situation(CURRENT, _all(n, i_A=50.0), {f"i{k}_A": -650.0})
    return Situation(CURRENT, event={f"i{k}_A": 650.0})


def _chip_limit(case, given, k, n):
    # Another element's trip arms the limit, and is too slow to interfere.
    rows = {"overvoltage.trip": {"delay_ms": 60000}}
    more = (("a conversion, then ALERT", 8_501),)
    return Situation(PIN, event={f"v{k}_V": 64.0}, rows=rows, more=more)


def _imbalance(case, given, k, n):
    return Situation(CURRENT, _all(n, i_A=50.0), {f"i{k}_A": 150.0})


def _drift(case, given, k, n):
    made = _imbalance(case, given, k, n)
    made.changes = {"bank.baseline_percent": 100}
    return made


def _reverse(case, given, k, n):
    return Situation(CURRENT, _all(n, i_A=50.0), {f"i{k}_A": -given["pickup"] - 20.0})


def _reverse_idle(case, given, k, n):
    against = given["pickup"] + 2.0
    fed = _all(n, i_A=against / (n - 1)) | {f"i{k}_A": -against}
    return Situation(CURRENT, _all(n, i_A=0.0), fed)


def _idle(case, given, k, n):
    return Situation(CURRENT, _all(n, i_A=50.0), {f"i{k}_A": 0.5})


def _low_voltage(case, given, k, n):
    return Situation(SLOW, event={f"v{k}_V": given["pickup"] - 2.0})


def _voltage(case, given, k, n):
    return Situation(SLOW, event={f"v{k}_V": given["pickup"] + 0.8})


def _coldest(case, given, k, n):
    quiet = _all(n, i_A=-30.0)
    return Situation(THERMISTOR, quiet, {f"tp{k}_C": -8.0}, currents=True)


def _bms(case, given, k, n):
    return Situation(CONTACT, event={f"bms{k}": 1.0})


def _monitor_lost(case, given, k, n):
    return Situation(CURRENT, event={f"i{k}_A": "absent"}, attempts=3)


def _discrepant(case, given, k, n):
    lie = {"target": f"contact {k}", "kind": "52a", "closed": False}
    return Situation(CONTACT, _all(n, i_A=50.0), faults=[lie], attempts=2)


def _main_discrepant(case, given, k, n):
    lie = {"target": "contact main", "kind": "52a", "closed": False}
    return Situation(CONTACT, _all(n, i_A=50.0), faults=[lie], attempts=2)


def _crossed(case, given, k, n):
    other = k + 1 if k < n else k - 1
    return Situation(
        CONTACT,
        _all(n, i_A=50.0),
        {f"i{k}_A": -300.0},
        [{"target": f"breaker {k}", "kind": "crossed", "with": other}],
        rows=_FIRST_TRIP,
        attempts=2,
        first=["relays", 1 << (k - 1), 1],
        zero_us=BREAKER_TRAVEL_US,
        currents=True,
    )


def _stays(case, given, k, n):
    return Situation(
        CURRENT,
        _all(n, i_A=50.0),
        {f"i{k}_A": -300.0},
        [{"target": f"breaker {k}", "kind": "stuck"}],
        changes={"breakers.pulse_ms": 60},
        rows=_FIRST_TRIP,
        first=["relays", 1 << (k - 1), 1],
    )


def _main_stays(case, given, k, n):
    return Situation(
        CURRENT,
        _all(n, i_A=50.0),
        faults=[
            {"target": "breaker main", "kind": "stuck"},
            {"target": "external_trip", "kind": "tripped"},
        ],
        changes={"breakers.pulse_ms": 60},
        rows=_FIRST_MAIN,
        first=["main", 0, 1],
    )


def _ambient(case, given, k, n):
    quiet = _all(n, tp_C=25.0, tn_C=25.0)
    return Situation(THERMISTOR, quiet, {"tamb_C": given["pickup"] + 5.0})


def _ambient_lost(case, given, k, n):
    return Situation(THERMISTOR, event={"tamb_C": "open"}, attempts=3)


def _busbar_lost(case, given, k, n):
    return Situation(SLOW, event={"vbus_V": "absent"}, attempts=3)


def _reference_lost(case, given, k, n):
    return Situation(THERMISTOR, extra={"reference_uV": 200_000}, attempts=3)


def _main_shunt_lost(case, given, k, n):
    made = _busbar_lost(case, given, k, n)
    made.changes = {"sensors.main_shunt_uohm": 250}
    return made


def _kirchhoff(case, given, k, n):
    # 100 A more of a shunt of 250 uohm, in codes of 312.5 nV.
    extra = {"main": 80_000}
    return Situation(SLOW, extra=extra, changes={"sensors.main_shunt_uohm": 250})


def _predicted(case, given, k, n):
    left = _all(n, i_A=140.0) | {f"i{k}_A": 0.5}
    more = (("a departure has to last", 100_000),)
    return Situation(CURRENT, _all(n, i_A=90.0), left, more=more)


def _external(case, given, k, n):
    return Situation(PIN, faults=[{"target": "external_trip", "kind": "tripped"}])


def _trip_circuit(case, given, k, n):
    return Situation(
        CONTACT,
        faults=[{"target": "trip_circuit", "kind": "circuit"}],
        changes={"sensors.trip_circuit": "open_on_fault"},
    )


def _supply(case, given, k, n):
    return Situation(PIN, faults=[{"target": "supply", "kind": "volts", "volts": 18}])


def _output_differs(case, given, k, n):
    pad = {"target": "pin charge", "kind": "stuck", "level": 0}
    return Situation(PIN, faults=[pad], attempts=3)  # twice wrong, and told in the tick after


def _controller_fails(case, given, k, n):
    return Situation(CONTACT, faults=[{"target": "inputs 1", "kind": "nack"}], attempts=3)


_SITUATIONS: dict[str, Maker] = {
    "temperature": _temperature,
    "rise": _rise,
    "rate": _rate,
    "thermistor_lost": _thermistor_lost,
    "lost_hot": _lost_hot,
    "inverse": _inverse,
    "instantaneous": _instantaneous,
    "imbalance": _imbalance,
    "drift": _drift,
    "reverse": _reverse,
    "reverse_idle": _reverse_idle,
    "idle_giving": _idle,
    "low_voltage": _low_voltage,
    "voltage": _voltage,
    "coldest": _coldest,
    "bms_gives": _bms,
    "monitor_lost": _monitor_lost,
    "discrepant": _discrepant,
    "crossed": _crossed,
    "breaker_stays": _stays,
    "current_stays": _stays,
    "ambient": _ambient,
    "ambient_lost": _ambient_lost,
    "busbar_lost": _busbar_lost,
    "reference_lost": _reference_lost,
    "main_shunt_lost": _main_shunt_lost,
    "bank_inverse": _bank_inverse,
    "kirchhoff": _kirchhoff,
    "predicted": _predicted,
    "external": _external,
    "trip_circuit": _trip_circuit,
    "supply": _supply,
    "chip_limit": _chip_limit,
    "main_discrepant": _main_discrepant,
    "main_stays": _main_stays,
    "output_differs": _output_differs,
    "controller_fails": _controller_fails,
}
