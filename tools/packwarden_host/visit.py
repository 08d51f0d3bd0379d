"""A visit to a cabinet: all that its console tells of its condition, as one line of a file.

The line holds the replies as they came, with the decimals that the firmware chose, so that a
report can be made of it again, and the trends over all visits. It is JSON, for programs too.
"""

import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from packwarden_host import events
from packwarden_host.dialogue import Dialogue, Refused
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.toml_file import first_problem

SCHEMA = 1
# Visits closer together are the same one: a report that is made twice tells the same events.
SAME = timedelta(hours=12)
_ALWAYS = ("version", "settings", "status", "bank", "degraded", "lockout")
# What may be missing: an older firmware refuses them by this word, a busy one has no time.
_NEWER = ("joints", "resistances", "feed", "counters", "calibration", "selftest")
_UNKNOWN = "no command "


class _Told(BaseModel):
    """What is told, as far as a report needs it; more may be there."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class Version(_Told):
    """The reply to `version`."""

    packwarden: str
    board: str
    image: str | None


class BankSettings(_Told):
    """Of the reply to `settings`."""

    batteries: int = Field(ge=1, le=15)
    rated_current_A: float = Field(gt=0)
    cells: int
    positions: list[int]


class Settings(_Told):
    """The reply to `settings`."""

    bank: BankSettings


class Active(_Told):
    """A level that is picked up or operated."""

    operated: bool
    level: str | None
    element: str
    battery: int | None
    terminal: str | None


class Restart(_Told):
    """Why the controller restarted, until somebody has acknowledged it."""

    cause: str


class Status(_Told):
    """The reply to `status`."""

    armed: bool
    t_s: float
    boot: int
    sensors_failed: int
    events_lost: int
    journal_fails: bool
    missed_ticks: int
    controller: str
    restart: Restart | None
    image: str | None
    pin: str
    check_days: int | None = None  # an older firmware does not count them
    active: list[Active]


class BatteryNow(_Told):
    """What is measured of a battery; None where its sensor has failed."""

    battery: int
    current_A: float | None
    voltage_V: float | None
    plus_degC: float | None
    minus_degC: float | None
    breaker: str


class Bank(_Told):
    """The reply to `bank`."""

    current_A: float | None
    busbar_V: float | None
    ambient_degC: float | None
    main: str
    batteries: list[BatteryNow]


class Place(_Told):
    """Of the reply to `degraded`."""

    place: str
    why: str
    blind: list[str]


class Lockout(_Told):
    """Of the reply to `lockout`; battery None: the main breaker."""

    battery: int | None
    state: str
    cause: str
    refusal: str | None


class Joint(_Told):
    """Of the reply to `joints`: rises at rated current."""

    battery: int
    rise_K: float | None
    error_K: float | None
    plus_K: float | None
    minus_K: float | None
    used: int
    idle: int
    rejected: int
    baseline: bool


class Resistance(_Told):
    """Of the reply to `resistances`."""

    battery: int
    internal_mOhm: float | None
    internal_error_mOhm: float | None
    internal_baseline_mOhm: float | None
    internal_used: int
    internal_rejected: int
    link_mOhm: float | None
    link_error_mOhm: float | None
    link_baseline_mOhm: float | None
    link_used: int
    link_rejected: int


class Share(_Told):
    """Of the reply to `feed`: 1 is the mean."""

    battery: int
    share: float | None
    baseline: float | None


class Feed(_Told):
    """The reply to `feed`: near is the battery at the fed end."""

    feed: str
    near: int | None
    highest: float | None
    diagonal: float | None
    shares: list[Share]


class Openings(_Told):
    """Of the reply to `counters`: how often the main breaker opened, without and under load."""

    battery: None
    opened_cold: int
    opened_hot: int


class Counters(_Told):
    """Of the reply to `counters`, since the beginning."""

    battery: int
    charged_Ah: float
    discharged_Ah: float
    cycles: float
    joints_A2h: float
    plus_degC: float | None
    minus_degC: float | None
    hot_h: float
    over_rated_h: float
    opened_cold: int
    opened_hot: int


class Correction(_Told):
    """Of the reply to `calibration`: of a zero in A, of a gain in %, of a temperature in K."""

    what: Literal["zero", "gain", "temperature"]
    where: str
    value: float
    unit: str
    date: str
    who: str


class Calibration(_Told):
    """The reply to `calibration`."""

    corrections: list[Correction]


class Check(_Told):
    """Of the self-test."""

    check: str
    result: str
    detail: str


class Selftest(_Told):
    """The reply to `selftest`."""

    selftest: list[Check]


class Event(_Told):
    """An event as the cabinet keeps it; its numbers keep their decimals."""

    boot: int
    seq: int
    t_ms: int
    kind: str
    level: str | None
    element: str
    device: str | None
    battery: int | None
    terminal: str | None
    value: int | str | None
    limit: int | str | None
    unit: str | None
    held_ms: int | None
    action: str
    detail: str | None


class Visit(_Told):
    """What a cabinet has told at a visit; None: what it did not tell.

    `events`: those since the visit before, or all that it keeps.
    """

    packwarden_visit: int = Field(ge=SCHEMA, le=SCHEMA)
    when: AwareDatetime
    by: str | None
    version: Version
    settings: Settings
    status: Status
    bank: Bank
    degraded: list[Place]
    lockout: list[Lockout]
    joints: list[Joint] | None
    resistances: list[Resistance] | None
    feed: Feed | None
    counters: list[Counters | Openings] | None  # an older firmware does not tell the main one's
    calibration: Calibration | None = None  # an older visit did not ask
    selftest: Selftest | None
    events: list[Event]
    last_seq: int

    @model_validator(mode="after")
    def consistent(self) -> Self:
        """Each list of batteries is of all of them in their order, shares in the busbar's."""
        numbers = list(range(1, self.batteries + 1))
        for name, told, order in (
            ("bank.batteries", self.bank.batteries, numbers),
            ("joints", self.joints, numbers),
            ("resistances", self.resistances, numbers),
            ("counters", self.of_batteries() if self.counters else None, numbers),
            ("feed.shares", self.feed and self.feed.shares, self.settings.bank.positions),
        ):
            if told is not None and [one.battery for one in told] != order:
                raise ValueError(f"{name}: is not of the batteries {order}")
        return self

    def of_batteries(self) -> list[Counters]:
        """The counters without the main breaker's."""
        return [one for one in self.counters or () if isinstance(one, Counters)]

    @property
    def batteries(self) -> int:
        """How many batteries the bank has."""
        return self.settings.bank.batteries


def ask(
    dialogue: Dialogue,
    when: datetime,
    by: str | None,
    earlier: Sequence[Visit],
    progress: Callable[[str], None],
    fits: Callable[[Settings, Status], None] = lambda settings, status: None,
) -> tuple[str, Visit]:
    """Ask a cabinet everything; return the visit as a line (without its end) and decoded.

    `earlier`: the visits to it before; `progress` learns what is asked; `fits` refuses a cabinet,
    before much was asked. RunFailed where a reply cannot be read.
    """
    told = {}
    try:
        for question in _ALWAYS + _NEWER:
            progress(question)
            told[question] = _reply(dialogue, question)
            if question == "status":
                fits(
                    Settings.model_validate_json(told["settings"]),
                    Status.model_validate_json(told["status"]),
                )
        progress("events")
        since = _since(Status.model_validate_json(told["status"]), before(earlier, when))
        lines = events.fetch(dialogue, since, lambda count: progress(f"{count} events"))
        told["events"] = f"[{','.join(lines)}]"
        told["last_seq"] = str(json.loads(lines[-1])["seq"] if lines else since - 1)
        head = {"packwarden_visit": SCHEMA, "when": when.isoformat(timespec="seconds"), "by": by}
        parts = [f'"{name}":{text}' for name, text in told.items()]
        line = f"{json.dumps(head)[:-1]}, {', '.join(parts)}}}"
        return line, _decoded(line)
    except ValueError as error:
        raise RunFailed(
            f"{dialogue.port}: no report can be made of its replies: {error}"
        ) from None


def _since(status: Status, last: Visit | None) -> int:
    """The first event that is new since that visit; 0 where the cabinet began anew."""
    return last.last_seq + 1 if last and status.boot >= last.status.boot else 0


def _reply(dialogue: Dialogue, question: str) -> str:
    """The reply as a line of JSON; "null" where the cabinet knows no such command, or not now."""
    try:
        text = dialogue.ask(f"{question} --json").strip()
    except Refused as error:
        if question not in _NEWER:
            raise
        if not error.reason.startswith(_UNKNOWN):
            print(f"packwarden: without it: {error}", file=sys.stderr)
        return "null"
    try:
        json.loads(text)
    except ValueError:
        raise RunFailed(f"{dialogue.port}: the reply to {question} is garbled") from None
    return " ".join(text.split())


def before(visits: Sequence[Visit], when: datetime) -> Visit | None:
    """The last of these visits before the one at that time; see SAME."""
    return next((visit for visit in reversed(visits) if visit.when <= when - SAME), None)


def read(path: Path) -> list[Visit]:
    """The visits of a file, in their order; BadInput names the line that is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is no text"
        raise BadInput(f"{path}: {reason}") from error
    visits = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            visits.append(_decoded(line))
        except ValueError as error:
            raise BadInput(f"{path}: line {number} is no visit of `report`: {error}") from None
    if not visits:
        raise BadInput(f"{path}: holds no visit")
    return visits


def _decoded(line: str) -> Visit:
    """A line as a visit; ValueError says why it is none."""
    data = json.loads(line, parse_float=str)  # events keep their decimals; the rest become numbers
    if not isinstance(data, dict) or "packwarden_visit" not in data:
        raise ValueError("packwarden_visit: is missing")
    try:
        return Visit.model_validate(data)
    except ValidationError as error:
        raise ValueError(first_problem(error, data)) from None
