"""The table of single faults as data, and the scenarios that each of its rows gives.

A row says what breaks, what must be told of it and how soon, how things must stand afterwards, and
what is unprotected meanwhile. Each is crossed with the situations of the table: alone, and while
the terminal of another battery overheats. Its times count from the fault.
"""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field

from packwarden_host.scenario import Scenario
from packwarden_host.scenario_parts import MOST_SECONDS, Claim, Overheats, Part, Seconds

TABLE = Path(__file__).with_name("fault_table.toml")
_GRAVE = ("alarm", "trip")
# What runs on after the last thing that is waited for.
_AFTER_s = 1.0
_EVER_s = MOST_SECONDS  # a sensor or breaker that it needs does not work


class Told(Claim):
    """An event that must come within a time of the fault, in one situation or in each."""

    within_s: Seconds
    situation: str | None = None


class Situation(Part):
    """What goes on when the fault comes."""

    at_s: Seconds
    watch_s: Seconds
    scenario: dict[str, Any]
    overheats: Overheats | None = None


class Row(Part):
    """A fault, and what must come of it."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    fault: list[dict[str, Any]] = []
    told: list[Told] = []
    own: bool = False  # of a sensor or breaker that the trip needs: for the situation with a trip
    late_s: Seconds = 0  # so much later than usual the trip may come
    trips: list[Claim] = []  # what may trip because of it
    opened: list[str] = []  # what is open in the end because of it
    hot: list[str] | None = None  # where a terminal overheats; None: its battery's breaker as well
    alarm: bool | None = None  # in the end; None: as it was told
    restarts: int = 0  # by the firmware
    wraps: bool = False  # the tick counters, just then
    watch_s: Seconds = 0  # at least
    config: dict[str, Any] = {}
    short: list[str] = []  # situations in which `make test` has a look
    what: str  # breaks, in words
    detected: str
    happens: str
    unprotected: str


class Combination(Scenario):
    """A row in a situation, as a scenario of the campaign."""

    row: Row
    situation: str
    at_s: Seconds  # when the fault comes

    def went_wrong_ms(self, t_ms: int) -> int:
        """The fault's time: that of others is none of our business."""
        return round(self.at_s * 1000)


class Table:
    """The table: its rows in order, and the situations."""

    def __init__(self, path: Path = TABLE):
        data = tomllib.loads(path.read_text())
        situations = data["situation"].items()
        self.situations = {name: Situation.model_validate(one) for name, one in situations}
        self.groups: dict[str, list[Row]] = {}
        for group in data["group"]:
            rows = group.pop("row")
            name = group.pop("name")
            self.groups[name] = [Row.model_validate(group | row) for row in rows]

    def combinations(self) -> dict[str, Combination]:
        """Every row in every situation that concerns it, by name."""
        return {
            f"{row.name}/{name}": self._combination(group, row, name, situation)
            for group, rows in self.groups.items()
            for row in rows
            for name, situation in self.situations.items()
            if situation.overheats is not None or not row.own
        }

    def _combination(self, group: str, row: Row, name: str, situation: Situation) -> Combination:
        at_s, heat = situation.at_s, situation.overheats
        scenario = dict(situation.scenario)
        told = [one for one in row.told if one.situation in (None, name)]
        expect = [_expected(one, at_s) for one in told]
        opened = row.opened
        watch_s = max(situation.watch_s, row.watch_s)
        ends_s = [at_s + watch_s, *(one["by_s"] + _AFTER_s for one in expect)]
        allowed = [_given(claim) for claim in row.trips]
        alarm = any(_grave(one) for one in told)
        overheats = None
        if heat is not None:
            within_s = _EVER_s if row.own else heat.within_s + row.late_s
            overheats = _given(heat) | {"within_s": within_s}
        if heat is not None and not row.own:
            allowed.append({"battery": heat.battery})
            opened = [*opened, f"Q{heat.battery:02d}"] if row.hot is None else row.hot
            ends_s.append(at_s + watch_s + row.late_s)
            alarm = True
        return Combination.model_validate(
            scenario
            | {
                "title": f"{row.what}, {name}",
                "group": group,
                "end_s": max(ends_s),
                "coarse_until_s": at_s,
                "wrap_at_s": at_s + 2 if row.wraps else None,
                "config": scenario.get("config", {}) | row.config,
                "fault": scenario.get("fault", []) + [_later(one, at_s) for one in row.fault],
                "expect": expect,
                "forbid": [{"level": "trip", "unless": allowed}],
                "overheats": overheats,
                "ends": {"opened": opened, "alarm": alarm if row.alarm is None else row.alarm},
                "restarts": row.restarts,
                "row": row,
                "situation": name,
                "at_s": at_s,
            }
        )


def _given(claim: Part) -> dict[str, Any]:
    return claim.model_dump(exclude_unset=True)


def _expected(told: Told, at_s: float) -> dict[str, Any]:
    claim = told.model_dump(exclude_unset=True, exclude={"within_s", "situation"})
    return claim | {"after_s": at_s, "by_s": at_s + told.within_s}


def _grave(told: Told) -> bool:
    return told.level in _GRAVE or told.kind in (*_GRAVE, "fault")


def _later(fault: dict[str, Any], at_s: float) -> dict[str, Any]:
    times = {key: fault[key] + at_s for key in ("at_s", "until_s") if key in fault}
    return {"at_s": at_s} | fault | times
