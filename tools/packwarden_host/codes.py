"""Turns the cells of a trace into what the chips would convert: integers, before their noise.

The simulated cabinet receives only these integers, so both virtual machines start from the same
bits. A job file has a header line (JSON) and one line per row, space-separated: time in ms, N
current codes, N voltage codes, busbar code, 2N terminal pin voltages in uV (+ and - of battery 1,
of battery 2, ...), ambient pin voltage in uV, N monitor states, busbar monitor state, then two
masks (bit k-1 for battery k): contact 52a follows its breaker, and BMS alarm.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from packwarden.chips.ina2xx import CHIPS
from packwarden_host import boards
from packwarden_host.thermistors import pin_microvolts
from packwarden_host.trace import Cell, Row, Trace

QUIET_TEMPERATURE_C = 25.0
NOMINAL_CELL_V = 3.3

OK, ABSENT, FROZEN = 0, 1, 2
_STATES = {"absent": ABSENT, "frozen": FROZEN}


def saturated(code: float, bits: int, low: int | None = None) -> int:
    """The nearest code of a signed converter with `bits` bits, held at its ends."""
    top = (1 << (bits - 1)) - 1
    bottom = -top - 1 if low is None else low
    return max(bottom, min(top, round(code)))


class Monitor:
    """One INA2xx: shunt current and bus voltage to conversion codes."""

    def __init__(self, chip: str, shunt_uohm: float):
        facts = CHIPS[chip]
        self._bits = facts["bits"]
        self._counts_per_A = shunt_uohm * 1e6 / facts["shunt_lsb_pV"]
        self._counts_per_V = 1e12 / facts["bus_lsb_pV"]

    def current(self, amps: float) -> int:
        """Code of the shunt register; discharge is positive."""
        return saturated(amps * self._counts_per_A, self._bits)

    def voltage(self, volts: float) -> int:
        """Code of the bus register, which never goes below zero."""
        return saturated(volts * self._counts_per_V, self._bits, 0)


class Coder:
    """Codes rows of one trace for one configured bank. Holds the last codes of frozen chips."""

    def __init__(self, config: dict, columns: dict[str, int]):
        bank, sensors = config["bank"], config["sensors"]
        self.batteries = bank["batteries"]
        self._columns = columns
        self._nominal_V = bank["cells"] * NOMINAL_CELL_V
        self._monitor = Monitor(sensors["monitor"], sensors["shunt_uohm"])
        self._supply_mV = boards.load(bank["board"]).EXCITATION_MV
        self._thermistor = sensors["thermistor"]
        self._pull_up_ohm = sensors["pull_up_ohm"]
        self._pin_uV: dict[Cell, int] = {"open": self._supply_mV * 1000, "short": 0}
        self._held = [
            (0, self._monitor.voltage(self._nominal_V)) for _ in range(self.batteries + 1)
        ]

    def row(self, row: Row) -> list[int]:
        """The integers of one row, in the order of the job file."""
        numbers = range(1, self.batteries + 1)
        volts = [self._get(row, f"v{k}_V") for k in numbers]
        pairs = [(self._get(row, f"i{k}_A"), v) for k, v in zip(numbers, volts, strict=True)]
        states = [_state(*pair) for pair in pairs]
        bus = self._get(row, "vbus_V")
        if bus is None:
            given = zip(volts, states, strict=True)
            known = [self._volts(v) for v, state in given if state == OK]
            bus = median(known) if known else self._nominal_V
        pairs.append((None, bus))
        states.append(_state(bus))
        for place, (pair, state) in enumerate(zip(pairs, states, strict=True)):
            if state == OK:
                self._held[place] = self._codes(*pair)
        currents = [current for current, _ in self._held[:-1]]
        voltages = [voltage for _, voltage in self._held]
        return [row.t_ms, *currents, *voltages, *self._pins(row), *states, *self._masks(row)]

    def _get(self, row: Row, name: str) -> Cell:
        place = self._columns.get(name)
        return None if place is None else row.cells[place]

    def _codes(self, amps: Cell, volts: Cell) -> tuple[int, int]:
        assert not isinstance(amps, str)
        current = self._monitor.current(0.0 if amps is None else amps)
        return current, self._monitor.voltage(self._volts(volts))

    def _volts(self, cell: Cell) -> float:
        assert not isinstance(cell, str)
        return self._nominal_V if cell is None else cell

    def _pins(self, row: Row) -> Iterator[int]:
        ambient = self._get(row, "tamb_C")
        quiet = ambient if isinstance(ambient, float) else QUIET_TEMPERATURE_C
        for k in range(1, self.batteries + 1):
            for name in (f"tp{k}_C", f"tn{k}_C"):
                cell = self._get(row, name)
                yield self._microvolts(quiet if cell is None else cell)
        yield self._microvolts(QUIET_TEMPERATURE_C if ambient is None else ambient)

    def _microvolts(self, cell: Cell) -> int:
        if cell not in self._pin_uV:
            assert isinstance(cell, float)
            if len(self._pin_uV) > 100_000:
                self._pin_uV = {"open": self._supply_mV * 1000, "short": 0}
            self._pin_uV[cell] = pin_microvolts(
                self._thermistor, self._pull_up_ohm, self._supply_mV, cell
            )
        return self._pin_uV[cell]

    def _masks(self, row: Row) -> tuple[int, int]:
        follows = alarms = 0
        for k in range(1, self.batteries + 1):
            if self._get(row, f"cb{k}") != 0.0:
                follows |= 1 << (k - 1)
            if self._get(row, f"bms{k}") == 1.0:
                alarms |= 1 << (k - 1)
        return follows, alarms


def _state(*cells: Cell) -> int:
    """State of the monitor chip that two cells share; absent outweighs frozen."""
    states = [_STATES.get(cell, OK) if isinstance(cell, str) else OK for cell in cells]
    return ABSENT if ABSENT in states else max(states)


def write_job(trace: Path, config: dict, target: Path) -> int:
    """Write the job file of a trace; return the time of its last row in ms."""
    reader = Trace(trace, config["bank"]["batteries"])
    coder = Coder(config, reader.columns)
    end_ms = 0
    with target.open("w", encoding="ascii") as file:
        file.write(json.dumps({"batteries": coder.batteries}) + "\n")
        for row in reader:
            end_ms = row.t_ms
            file.write(" ".join(map(str, coder.row(row))) + "\n")
    return end_ms
