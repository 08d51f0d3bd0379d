"""What may go wrong in a scenario, kind by kind; chips and breakers are in `scenario_hardware`.

A fault of the bank grows from `at_s` in a straight line within `ramp_s` and ends at `until_s`.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from packwarden_host.scenario_hardware import AnyHardwareFault, Fault, HardwareFault
from packwarden_host.scenario_parts import Battery, Kelvin, Milliohm, Seconds, Terminal

__all__ = ["AnyFault", "BankFault", "Fault", "HardwareFault"]


class BankFault(Fault):
    """A fault of the physical bank."""

    def entry(self) -> dict:
        """The fault as `bank_faults` takes it: milliseconds, everything else by name."""
        entry = self.model_dump(exclude_none=True, exclude={"at_s", "until_s", "ramp_s"})
        entry["at_ms"] = round(self.at_s * 1000)
        if self.until_s is not None:
            entry["until_ms"] = round(self.until_s * 1000)
        ramp_s = getattr(self, "ramp_s", 0)
        if ramp_s:
            entry["ramp_ms"] = round(ramp_s * 1000)
        return entry


class GrowingFault(BankFault):
    """One that may come by degrees."""

    ramp_s: Seconds = 0


class JointResistance(GrowingFault):
    """A joint works loose or corrodes: heat there, and a smaller share for its battery."""

    kind: Literal["joint_resistance"]
    battery: Battery
    terminal: Terminal
    added_mohm: Milliohm


class LinkResistance(GrowingFault):
    """A joint of the busbar between battery `link` and the next."""

    kind: Literal["link_resistance"]
    link: int = Field(ge=1, le=14)
    terminal: Terminal
    added_mohm: Milliohm


class InternalResistance(GrowingFault):
    """A battery ages."""

    kind: Literal["internal_resistance"]
    battery: Battery
    added_mohm: Milliohm


class InternalShort(GrowingFault):
    """Cells shorted inside a pack, or a bridge across all of them: the others feed it."""

    kind: Literal["internal_short"]
    battery: Battery
    shorted_cells: float = Field(default=0, ge=0, le=23)
    short_mohm: float | None = Field(default=None, ge=1, le=1_000_000)


class ExternalShort(BankFault):
    """A short across the busbars, ahead of the main breaker or behind it."""

    kind: Literal["external_short"]
    short_mohm: float = Field(ge=0.1, le=1_000_000)
    behind_main: bool = True


class PackVoltage(GrowingFault):
    """A pack whose voltage is off its neighbours'."""

    kind: Literal["pack_voltage"]
    battery: Battery
    offset_V: float = Field(ge=-20, le=20)


class Joined(BankFault):
    """A pack that is only joined at `at_s` (its state of charge is in `bank`)."""

    kind: Literal["joined"]
    battery: Battery


class BmsOpens(BankFault):
    """A BMS opens its battery."""

    kind: Literal["bms_opens"]
    battery: Battery


class BmsAlarm(BankFault):
    """A BMS gives its alarm contact."""

    kind: Literal["bms_alarm"]
    battery: Battery


class CurrentOffset(GrowingFault):
    """A current channel reads wrong: a battery's, or that of the shunt in the main line."""

    kind: Literal["current_offset"]
    battery: Battery | Literal["main"]
    offset_A: float = Field(ge=-1000, le=1000)


class VoltageOffset(GrowingFault):
    """A voltage channel reads wrong."""

    kind: Literal["voltage_offset"]
    battery: Battery
    offset_V: float = Field(ge=-100, le=100)


class ThermistorFault(GrowingFault):
    """One on a terminal, or (without a battery) the ambient's."""

    battery: Battery | None = None
    terminal: Literal["+", "-", "ambient"]

    @model_validator(mode="after")
    def placed(self) -> Self:
        """A terminal belongs to a battery, the ambient to none."""
        if (self.battery is None) != (self.terminal == "ambient"):
            raise ValueError("names a battery and its terminal + or -, or the terminal ambient")
        return self


class ThermistorOffset(ThermistorFault):
    """A thermistor reads wrong."""

    kind: Literal["thermistor_offset"]
    offset_K: Kelvin


class ThermistorOpen(ThermistorFault):
    """A thermistor's lead breaks."""

    kind: Literal["thermistor_open"]


class ThermistorShort(ThermistorFault):
    """A thermistor's leads touch."""

    kind: Literal["thermistor_short"]


class Room(GrowingFault):
    """The room around the cabinet gets warmer or colder."""

    kind: Literal["room"]
    change_K: Kelvin


class FanFails(BankFault):
    """The cabinet's fan does not turn."""

    kind: Literal["fan_fails"]


AnyFault = Annotated[
    JointResistance
    | LinkResistance
    | InternalResistance
    | InternalShort
    | ExternalShort
    | PackVoltage
    | Joined
    | BmsOpens
    | BmsAlarm
    | CurrentOffset
    | VoltageOffset
    | ThermistorOffset
    | ThermistorOpen
    | ThermistorShort
    | Room
    | FanFails
    | AnyHardwareFault,
    Field(discriminator="kind"),
]
