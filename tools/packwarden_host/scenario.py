"""Scenarios: a bank, its load, what goes wrong and what must follow, as one small TOML file.

`read` takes a file or the name of a shipped scenario; what cannot be is refused with file and key.
A scenario then gives the configuration of its bank and the source and faults of a run.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from packwarden_host import boards, solar, toml_file
from packwarden_host.bank_file import Choices
from packwarden_host.errors import BadInput
from packwarden_host.scenario_faults import AnyFault, BankFault, HardwareFault
from packwarden_host.scenario_parts import (
    Bank,
    Config,
    Ends,
    Expect,
    Forbid,
    Heat,
    Load,
    Overheats,
    Part,
    Seconds,
)

SHIPPED = Path(__file__).with_name("scenarios")
# Keys of [bank] that describe the bank to the firmware, and those that only the model knows.
_CONFIGURED = {"batteries", "rated_current_A", "cells", "capacity_Ah"}
_MODELLED = set(Bank.model_fields) - {"rated_current_A", "true_capacity_Ah"}
# Both counters wrap there: that of ms after 2^30, that of us after every 2^30.
_WRAP_us = 2**30 * 1000
_START_s = 1.0  # about how long a board takes until it is armed
_OF_A_BOARD = ("mux", "relay", "inputs", "converter")
_PER_BATTERY = ("true_capacity_Ah", "soc_percent", "r0_mohm", "r1_mohm", "r2_mohm")


class Scenario(Part):
    """One scenario, complete and consistent."""

    title: str = Field(min_length=1, max_length=200)
    group: str | None = Field(default=None, min_length=1, max_length=40)  # of a campaign's table
    end_s: Seconds
    tick_ms: int = Field(default=10, ge=10, le=1000)
    coarse_until_s: Seconds = 0  # until then the tick is a second long
    wrap_at_s: Seconds | None = None  # then the board's tick counters come to their end
    seed: int = Field(default=1, ge=0, le=2**31 - 1)
    bank: Bank
    config: Config = Config()
    thermal: Heat = Heat()
    load: Load
    fault: list[AnyFault] = []
    expect: list[Expect] = []
    forbid: list[Forbid] = []
    ends: Ends | None = None
    overheats: Overheats | None = None
    restarts: int = Field(default=0, ge=0, le=20)  # by a fault of the firmware

    @model_validator(mode="after")
    def consistent(self) -> Self:
        """What one key alone cannot show."""
        problems = chain(_lengths(self.bank), _places(self), _times(self), _steps(self.load))
        problems = chain(problems, _parts(self))
        first = next(problems, None)
        if first is not None:
            raise ValueError(first)
        return self

    def choices(self) -> Choices:
        """What the configuration of this bank is made from."""
        bank = self.bank.model_dump(include=_CONFIGURED)
        return Choices(**bank, **self.config.model_dump())

    def source(self) -> dict:
        """The bank as the `source` of a job."""
        model = self.bank.model_dump(include=_MODELLED, exclude_none=True)
        if self.bank.true_capacity_Ah is not None:
            model["capacity_Ah"] = self.bank.true_capacity_Ah
        heat = self.thermal.model_dump()
        for key in ("room_C", "gradient_K"):
            model[key] = heat.pop(key)
        model["thermal"] = heat
        model["load"] = _load(self.load, self.bank)
        model["faults"] = [fault.entry() for fault in self.fault if isinstance(fault, BankFault)]
        if self.load.solar is not None:
            model["faults"] += solar.room(self.load.solar)
        return {"kind": "bank", "model": model}

    def job_faults(self) -> list[dict]:
        """What fails beside the bank, as the `faults` of a job."""
        return [fault.entry() for fault in self.fault if isinstance(fault, HardwareFault)]

    def went_wrong_ms(self, t_ms: int) -> int:
        """When that went wrong of which an event at `t_ms` tells.

        It is the first fault after the start: one that was there from the start only waits, like
        a stuck breaker. Without a fault it is the last step of the load.
        """
        faults = [round(fault.at_s * 1000) for fault in self.fault]
        later = [at_ms for at_ms in faults if 0 < at_ms <= t_ms]
        if faults:
            return min(later, default=0)
        repeat_ms = round((self.load.repeat_s or self.end_s + 1) * 1000)
        began_ms = t_ms - t_ms % repeat_ms
        steps = [began_ms + round(step.at_s * 1000) for step in self.load.step]
        return max(at_ms for at_ms in (0, *steps) if at_ms <= t_ms)

    def ticks_began_us(self) -> int:
        """Where the tick counters of the board begin."""
        if self.wrap_at_s is None:
            return 0
        return _WRAP_us - round((self.wrap_at_s + _START_s) * 1_000_000)

    @property
    def end_ms(self) -> int:
        """When the run ends, after arming."""
        return round(self.end_s * 1000)


def shipped() -> list[str]:
    """The names of the scenarios that come with the command."""
    return toml_file.names(SHIPPED)


def read(name: str, board: str | None = None) -> Scenario:
    """The scenario of that name or in that file, on another board than its own if one is named.

    BadInput names file, key and reason.
    """
    found = toml_file.read(Scenario, SHIPPED, name, "scenarios")
    if board is not None:
        config = found.config.model_copy(update={"board": board})
        found = found.model_copy(update={"config": config})
        for problem in _parts(found):
            raise BadInput(f"{name}: {problem}")
    return found


def _load(load: Load, bank: Bank) -> dict:
    """The load as arguments of the model's, in milliseconds."""
    told = load.model_dump(include={"most_A", "cutoff_V", "restart_V", "ceiling_V"})
    if load.solar is not None:
        for key, cell_V in solar.LIMITS.items():
            if told[key] is None:
                told[key] = round(cell_V * bank.cells, 3)
        bank_Wh = solar.energy_Wh(bank.batteries, bank.capacity_Ah, bank.cells)
        return told | {"steps": solar.steps(load.solar, bank_Wh), "power": True}
    told["cutoff_V"] = told["cutoff_V"] or 0.0
    power = load.step[0].power_W is not None
    steps = []
    for step in load.step:
        value = step.power_W if power else step.current_A
        steps.append([round(step.at_s * 1000), round(step.ramp_s * 1000), value])
    if load.repeat_s is not None:
        told["repeat_ms"] = round(load.repeat_s * 1000)
    return told | {"steps": steps, "power": power}


def _lengths(bank: Bank) -> Iterator[str]:
    for key, size in (*((key, bank.batteries) for key in _PER_BATTERY), ("link_mohm", None)):
        value = getattr(bank, key)
        wanted = bank.batteries - 1 if size is None else size
        if isinstance(value, list) and len(value) != wanted:
            yield f"bank.{key} has {len(value)} items, {wanted} are needed"
    if isinstance(bank.feed, list) and max(bank.feed) > bank.batteries:
        yield f"bank.feed {bank.feed} is beyond battery {bank.batteries}"


def _places(scenario: Scenario) -> Iterator[str]:
    size = scenario.bank.batteries
    for table in ("fault", "expect", "forbid"):
        for number, entry in enumerate(getattr(scenario, table), 1):
            for key in ("battery", "with_battery"):
                named = getattr(entry, key, None)
                for battery in named if isinstance(named, list) else [named]:
                    if isinstance(battery, int) and battery > size:
                        yield f"{table}[{number}].{key} {battery} is outside 1 .. {size}"
            if getattr(entry, "link", 0) >= size:
                yield f"{table}[{number}].link {entry.link} is outside 1 .. {size - 1}"
            if getattr(entry, "shorted_cells", 0) >= scenario.bank.cells:
                yield f"{table}[{number}].shorted_cells leaves none of {scenario.bank.cells}"
    if scenario.overheats is not None and scenario.overheats.battery > size:
        yield f"overheats.battery {scenario.overheats.battery} is outside 1 .. {size}"
    for name in (scenario.ends and scenario.ends.opened) or ():
        if name > f"Q{size:02d}" and name != "main":
            yield f"ends.opened {name} is outside Q01 .. Q{size:02d}"


def _parts(scenario: Scenario) -> Iterator[str]:
    """Faults of parts that the board has not."""
    name = scenario.config.board
    if name not in boards.names():
        yield f"config.board {name!r} is not one of {', '.join(boards.names())}"
        return
    board = boards.load(name)
    parts = ["mux"] if board.MUX_ADC else []
    parts += ["relay"] if board.RELAY_EXPANDER is not None else []
    parts += [f"inputs {place}" for place in range(len(board.INPUT_EXPANDERS))]
    parts += [f"converter {place}" for place in range(len(board.CONVERTERS))]
    for number, fault in enumerate(scenario.fault, 1):
        if isinstance(fault, HardwareFault):
            target, kind = fault.entry()["target"], fault.entry()["kind"]
            stuck = target == "relay" and kind == "stuck_bit"  # on pins or on an expander
            if target.split()[0] in _OF_A_BOARD and target not in parts and not stuck:
                yield f"fault[{number}].kind {fault.kind}: {name} has no {target}"


def _times(scenario: Scenario) -> Iterator[str]:
    home = scenario.load.solar
    if home is not None and scenario.end_s > home.days * 86_400:
        yield f"end_s {scenario.end_s:g} is after the days of load.solar"
    for number, fault in enumerate(scenario.fault, 1):
        if fault.at_s > scenario.end_s:
            yield f"fault[{number}].at_s {fault.at_s:g} is after end_s {scenario.end_s:g}"
        if fault.until_s is not None and fault.until_s <= fault.at_s:
            yield f"fault[{number}].until_s {fault.until_s:g} is not after at_s {fault.at_s:g}"
    for number, expect in enumerate(scenario.expect, 1):
        if not expect.after_s <= expect.by_s <= scenario.end_s:
            span = f"{expect.after_s:g} .. {scenario.end_s:g}"
            yield f"expect[{number}].by_s {expect.by_s:g} is outside {span}"


def _steps(load: Load) -> Iterator[str]:
    if not load.step:
        return
    before_s = -1.0
    power = load.step[0].power_W is not None
    for number, step in enumerate(load.step, 1):
        if (step.power_W is None) == (step.current_A is None):
            yield f"load.step[{number}] needs either current_A or power_W"
        if (step.power_W is not None) != power:
            yield f"load.step[{number}] goes from current to power; one load keeps to one of them"
        if step.at_s <= before_s:
            yield f"load.step[{number}].at_s {step.at_s:g} is not after {before_s:g}"
        before_s = step.at_s
