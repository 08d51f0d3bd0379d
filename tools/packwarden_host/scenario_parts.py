"""What a scenario file may say, as data models: bank, heat, load, faults, expectations.

Units are in the names. Every value has a range; what is outside is refused before anything runs.
"""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from packwarden import elements, levels, settings
from packwarden_sim.bank_build import DEFAULTS
from packwarden_sim.thermal import DEFAULTS as HEAT

MOST_BATTERIES = 15
MOST_SECONDS = 30 * 86_400

Seconds = Annotated[float, Field(ge=0, le=MOST_SECONDS)]
Milliohm = Annotated[float, Field(ge=0, le=1000)]
Kelvin = Annotated[float, Field(ge=-100, le=100)]
Battery = Annotated[int, Field(ge=1, le=MOST_BATTERIES)]
Terminal = Literal["+", "-"]


class Part(BaseModel):
    """A table of the file: no unknown keys, no words for numbers, no inf or nan."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, frozen=True, validate_default=True
    )


# One number for all batteries (links), or a list with one for each.
Each = float | list[float]


def _within(low: float, high: float) -> AfterValidator:
    """The range of a number, or of every number of a list."""

    def check(value: Each | None) -> Each | None:
        for number in value if isinstance(value, list) else [value]:
            if number is not None and not low <= number <= high:
                raise ValueError(f"{number:g} is outside {low:g} .. {high:g}")
        return value

    return AfterValidator(check)


class Bank(Part):
    """The batteries and how they are joined; the first five go into the configuration too."""

    batteries: Battery
    rated_current_A: float = Field(ge=1, le=1000)
    cells: int = Field(default=16, ge=4, le=24)
    capacity_Ah: int = Field(default=100, ge=1, le=2000)
    true_capacity_Ah: Annotated[Each | None, _within(1, 2000)] = None
    soc_percent: Annotated[Each, _within(0, 100)] = DEFAULTS["soc_percent"]
    r0_mohm: Annotated[Each | None, _within(0.1, 1000)] = None
    r1_mohm: Annotated[Each | None, _within(0, 1000)] = None
    r2_mohm: Annotated[Each | None, _within(0, 1000)] = None
    tau1_s: float = Field(default=DEFAULTS["tau1_s"], ge=1, le=1000)
    tau2_s: float = Field(default=DEFAULTS["tau2_s"], ge=1, le=10_000)
    bms_mohm: Milliohm = DEFAULTS["bms_mohm"]
    cable_mohm: Milliohm = DEFAULTS["cable_mohm"]
    joint_mohm: Milliohm = DEFAULTS["joint_mohm"]
    feed: (
        Literal["one_end", "diagonal"]
        | Annotated[list[Battery], Field(min_length=2, max_length=2)]
    ) = DEFAULTS["feed"]
    link_mohm: Annotated[Each, _within(0, 1000)] = DEFAULTS["link_mohm"]
    scatter_percent: float = Field(default=DEFAULTS["scatter_percent"], ge=0, le=50)
    settled: bool = DEFAULTS["settled"]
    precharged: bool = DEFAULTS["precharged"]


class Config(Part):
    """What else the configuration of the bank is made from: options of `packwarden config new`."""

    board: str = "cabinet15"
    monitor: str = "ina228"
    shunt: str = "300A/75mV"
    thermistor: str = "semitec_103at"
    pull_up_ohm: int | None = None
    breaker: str = "shunt_trip"
    feedback: str = "52a"
    bms_contact: str = "closed_on_alarm"
    external_trip: str = settings.OPTIONAL["sensors.external_trip"]
    trip_circuit: str = settings.OPTIONAL["sensors.trip_circuit"]
    control_supply_V: float = settings.OPTIONAL["sensors.control_supply_V"]
    main_shunt_uohm: int = settings.OPTIONAL["sensors.main_shunt_uohm"]


class Heat(Part):
    """The room, and the constants of the thermal model where they differ from the usual ones."""

    room_C: float = Field(default=DEFAULTS["room_C"], ge=-40, le=80)
    gradient_K: Kelvin = DEFAULTS["gradient_K"]
    lug_J_K: float = Field(default=HEAT["lug_J_K"], ge=20, le=1000)
    lug_air_K_W: float = Field(default=HEAT["lug_air_K_W"], ge=1, le=100)
    lug_cable_K_W: float = Field(default=HEAT["lug_cable_K_W"], ge=1, le=100)
    lug_pack_K_W: float = Field(default=HEAT["lug_pack_K_W"], ge=1, le=1000)
    cable_J_K: float = Field(default=HEAT["cable_J_K"], ge=50, le=10_000)
    cable_air_K_W: float = Field(default=HEAT["cable_air_K_W"], ge=0.2, le=100)
    pack_J_K: float = Field(default=HEAT["pack_J_K"], ge=1000, le=1_000_000)
    pack_air_K_W: float = Field(default=HEAT["pack_air_K_W"], ge=0.01, le=10)
    air_J_K: float = Field(default=HEAT["air_J_K"], ge=2000, le=1_000_000)
    air_room_K_W: float = Field(default=HEAT["air_room_K_W"], ge=0.01, le=10)
    fan_factor: float = Field(default=HEAT["fan_factor"], ge=1, le=5)
    fan_room_factor: float = Field(default=HEAT["fan_room_factor"], ge=1, le=10)


class Step(Part):
    """From `at_s` on the demand goes to its new value within `ramp_s`; discharge is positive."""

    at_s: Seconds
    ramp_s: Seconds = 0
    current_A: float | None = Field(default=None, ge=-100_000, le=100_000)
    power_W: float | None = Field(default=None, ge=-1_000_000, le=1_000_000)


Watt = Annotated[float | None, Field(ge=0, le=1_000_000)]


class Solar(Part):
    """Days of a home with panels; a power that is not given follows from the bank (`solar`)."""

    days: int = Field(default=7, ge=1, le=MOST_SECONDS // 86_400)
    seed: int = Field(default=1, ge=0, le=2**31 - 1)
    weather: list[Literal["clear", "broken", "overcast"]] = []  # of the first days; then drawn
    peak_W: Watt = None  # of the panels
    base_W: Watt = None
    evening_W: Watt = None
    fridge_W: Watt = None
    kettle_W: Watt = None
    oven_W: Watt = None
    washing_W: Watt = None
    motor_W: Watt = None  # running; three times as much for two seconds at each start
    swing_K: float = Field(default=8, ge=0, le=40)  # of the room, from its coldest to its warmest


class Load(Part):
    """What the inverter wants of the whole bank, and where it stops by itself.

    Either steps, which may begin anew every `repeat_s`, or a solar home; the latter has limits of
    voltage where none are given.
    """

    step: list[Step] = []
    repeat_s: Annotated[float | None, Field(gt=0, le=MOST_SECONDS)] = None
    solar: Solar | None = None
    most_A: float | None = Field(default=None, ge=0, le=100_000)
    cutoff_V: float | None = Field(default=None, ge=0, le=100)
    restart_V: float | None = Field(default=None, ge=0, le=100)
    ceiling_V: float | None = Field(default=None, ge=0, le=100)

    @model_validator(mode="after")
    def one_kind(self) -> Self:
        """Steps and a home cannot both be meant."""
        if bool(self.step) == (self.solar is not None):
            raise ValueError("needs either step or solar")
        if self.repeat_s is not None:
            if self.solar is not None:
                raise ValueError("repeat_s is of steps; a home has days")
            end_s = self.step[-1].at_s + self.step[-1].ramp_s
            if self.repeat_s <= end_s:
                raise ValueError(f"repeat_s {self.repeat_s:g} is not after the steps: {end_s:g}")
        return self


class Claim(Part):
    """Which event lines are meant: those that agree in every key that is given."""

    element: str | None = None
    kind: Literal["warn", "alarm", "trip", "clear", "command", "fault", "info"] | None = None
    level: Literal["warn", "alarm", "trip"] | None = None
    battery: Battery | list[Battery] | None = None
    terminal: Terminal | None = None
    action: str | None = None
    after_s: Seconds = 0

    @field_validator("element", "action")
    @classmethod
    def known(cls, name: str | None, info: ValidationInfo) -> str | None:
        """Slugs and actions are those of the firmware's table."""
        names = levels.ACTION_NAMES
        if info.field_name == "element":
            names = tuple(element.slug for element in elements.TABLE)
        if name is not None and name not in names:
            raise ValueError(f"{name!r} is not one of {', '.join(names)}")
        return name


class Expect(Claim):
    """An event that must come, after `after_s` and by `by_s`."""

    by_s: Seconds

    @model_validator(mode="after")
    def named(self) -> Self:
        """Without an element or what is done the boot record would do."""
        if self.element is None and self.action is None:
            raise ValueError("element is missing")
        return self

    def words(self) -> str:
        """The expectation as a sentence's subject."""
        return _words(self) + f" by {self.by_s:g} s"


class Forbid(Claim):
    """An event that must not come between `after_s` and `until_s` (None: the end).

    What agrees with one of `unless` may.
    """

    until_s: Seconds | None = None
    unless: list[Claim] = []

    def words(self) -> str:
        """The ban as a sentence's subject."""
        return _words(self)


class Ends(Part):
    """How the outputs must really be at the end; what is not given does not matter."""

    opened: list[Annotated[str, Field(pattern=r"^(main|Q0[1-9]|Q1[0-5])$")]] | None = None
    alarm: bool | None = None  # the alarm relay has dropped


class Overheats(Part):
    """A terminal that gets too hot: within a time its battery carries nothing any more."""

    battery: Battery
    terminal: Terminal
    above_C: float = Field(ge=0, le=200)
    within_s: Seconds


def _words(claim: Claim) -> str:
    where = "" if claim.battery is None else f" of battery {claim.battery}"
    parts = [claim.kind, claim.element, claim.level, claim.action]
    return " ".join(part for part in parts if part) + where + (claim.terminal or "")
