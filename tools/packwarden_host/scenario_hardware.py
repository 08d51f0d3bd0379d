"""What may go wrong in a scenario beside the bank: chips, contacts, coils, breakers, controller.

Each kind becomes an entry of the simulated cabinet's `faults`, which says what it does.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from packwarden_host.scenario_parts import Battery, Part, Seconds

Breakers = Battery | Literal["main"]
Level = Literal[0, 1]


class Fault(Part):
    """Times of a fault, in seconds of the run."""

    at_s: Seconds = 0
    until_s: Seconds | None = None

    def entry(self) -> dict:
        """The fault as the simulated cabinet takes it."""
        raise NotImplementedError


class HardwareFault(Fault):
    """A fault of a chip, a wire, a breaker or the controller."""

    def _entry(self, target: str, kind: str, **more) -> dict:
        until_ms = None if self.until_s is None else round(self.until_s * 1000)
        begin_ms = round(self.at_s * 1000)
        return {"t_ms": begin_ms, "until_ms": until_ms, "target": target, "kind": kind, **more}


# Kinds that need nothing but their times, with target and kind of the entry.
_PLAIN = {
    "external_trip": ("external_trip", "tripped"),
    "external_trip_wire_cut": ("external_trip", "cut"),
    "trip_circuit_open": ("trip_circuit", "circuit"),
    "nvs_full": ("nvs", "full"),
    "nvs_corrupt": ("nvs", "corrupt"),
    "flash_full": ("flash", "full"),
    "flash_read_only": ("flash", "read_only"),
    "flash_broken": ("flash", "broken"),
    "flash_corrupt": ("flash", "corrupt"),
    "rtc_corrupt": ("rtc", "corrupt"),
    "power_cut": ("power", "off"),
    "brown_out": ("power", "brown_out"),
    "panic": ("power", "panic"),
}


class Plain(HardwareFault):
    """External trip and trip circuits; the memories and the power of the board."""

    kind: Literal[
        "external_trip",
        "external_trip_wire_cut",
        "trip_circuit_open",
        "nvs_full",
        "nvs_corrupt",
        "flash_full",
        "flash_read_only",
        "flash_broken",
        "flash_corrupt",
        "rtc_corrupt",
        "power_cut",
        "brown_out",
        "panic",
    ]

    def entry(self) -> dict:
        """The fault as the cabinet takes it."""
        return self._entry(*_PLAIN[self.kind])


_MONITOR = {
    "monitor_absent": "nack",
    "monitor_hangs": "hang",
    "monitor_frozen": "frozen",
    "monitor_config_lost": "config_lost",
    "monitor_zero": "zero",
    "monitor_wrong_identity": "wrong_identity",
}


class Monitor(HardwareFault):
    """A current monitor is gone, hangs, freezes, forgets its settings, reads zero, is another."""

    kind: Literal[
        "monitor_absent",
        "monitor_hangs",
        "monitor_frozen",
        "monitor_config_lost",
        "monitor_zero",
        "monitor_wrong_identity",
    ]
    battery: Battery | Literal["bus"]

    def entry(self) -> dict:
        """The fault as the model of the chip takes it."""
        return self._entry(f"monitor {self.battery}", _MONITOR[self.kind])


_AMOUNT_V = r"(voltage ([1-9]|1[0-5]|bus)|reference|supply)"
_AMOUNT_K = r"(terminal ([1-9]|1[0-5])[+-]|ambient)"
_AMOUNT_A = r"(current ([1-9]|1[0-5]|main))"
Sensor = Annotated[str, Field(pattern=f"^({_AMOUNT_A}|{_AMOUNT_V}|{_AMOUNT_K})$")]


class SensorFault(HardwareFault):
    """A sensor or its wires: "current 2", "current main", "voltage 2", "voltage bus",
    "terminal 2+", "ambient", "reference", "supply".
    """

    sensor: Sensor

    @property
    def battery(self) -> int | None:
        """The battery whose sensor it is: for whoever checks that there is such a battery."""
        place = self.sensor.split()[-1].rstrip("+-")
        return int(place) if place.isdigit() else None


class SensorPlain(SensorFault):
    """A sensor whose wire is cut, or touches another, or that stands still."""

    kind: Literal["sensor_open", "sensor_short", "sensor_frozen"]

    def entry(self) -> dict:
        """The fault as the wires take it."""
        return self._entry(f"sensor {self.sensor}", self.kind.removeprefix("sensor_"))


class SensorReversed(SensorFault):
    """The sense wires of a shunt are exchanged: it reads discharge as charge."""

    kind: Literal["sensor_reversed"]
    sensor: Annotated[str, Field(pattern=f"^{_AMOUNT_A}$")]

    def entry(self) -> dict:
        """The fault as the wires take it."""
        return self._entry(f"sensor {self.sensor}", "reversed")


class SensorOff(SensorFault):
    """A sensor is off, or by up to so much each sample anew (kelvin as at 25 degC)."""

    kind: Literal["sensor_offset", "sensor_noise"]
    amount_A: float | None = Field(default=None, ge=-1000, le=1000)
    amount_V: float | None = Field(default=None, ge=-100, le=100)
    amount_K: float | None = Field(default=None, ge=-100, le=100)

    @model_validator(mode="after")
    def one_amount(self) -> Self:
        """The sensor says which unit is meant."""
        units = {"amount_A": _AMOUNT_A, "amount_V": _AMOUNT_V, "amount_K": _AMOUNT_K}
        (wanted,) = [key for key, names in units.items() if re.fullmatch(names, self.sensor)]
        if [key for key in units if getattr(self, key) is not None] != [wanted]:
            raise ValueError(f"needs {wanted}, and no other amount, for {self.sensor}")
        return self

    def entry(self) -> dict:
        """The fault as the wires take it."""
        (amount,) = {self.amount_A, self.amount_V, self.amount_K} - {None}
        kind = self.kind.removeprefix("sensor_")
        return self._entry(f"sensor {self.sensor}", kind, amount=amount)


class SensorSlow(SensorFault):
    """A sensor follows like a first-order lag."""

    kind: Literal["sensor_slow"]
    lag_s: float = Field(ge=0.01, le=3600)

    def entry(self) -> dict:
        """The fault as the wires take it."""
        return self._entry(f"sensor {self.sensor}", "slow", lag_ms=round(self.lag_s * 1000))


class BusHangs(HardwareFault):
    """A data line is stuck: every transaction on that bus times out."""

    kind: Literal["bus_hangs"]
    bus: Literal["monitors", "expanders"]

    def entry(self) -> dict:
        """The fault as the bus takes it."""
        return self._entry(f"bus {self.bus}", "hang")


class BusCutOff(HardwareFault):
    """A chip was cut off while it sent a byte: it holds the data line until it is clocked on."""

    kind: Literal["bus_cut_off"]
    bus: Literal["monitors", "expanders"]
    byte: int = Field(default=0, ge=0, le=255)
    sent_bits: int = Field(default=1, ge=0, le=8)

    def entry(self) -> dict:
        """The fault as the bus takes it."""
        return self._entry(f"bus {self.bus}", "cut_off", byte=self.byte, sent=self.sent_bits)


class BusCrawls(HardwareFault):
    """Somebody stretches the clock: each transaction on that bus takes so much longer."""

    kind: Literal["bus_crawls"]
    bus: Literal["monitors", "expanders"]
    stretch_us: int = Field(ge=1, le=1_000_000)

    def entry(self) -> dict:
        """The fault as the bus takes it."""
        return self._entry(f"bus {self.bus}", "crawl", stretch_us=self.stretch_us)


_EXPANDER = {
    "expander_reset": "config_lost",
    "expander_absent": "nack",
    "expander_hangs": "hang",
    "expander_zero": "zero",
    "expander_wrong_identity": "wrong_identity",
}


class Expander(HardwareFault):
    """An expander forgets its settings, is gone, hangs, reads zero, or is another device.

    Inputs count from 0 as in the board's INPUT_EXPANDERS.
    """

    kind: Literal[
        "expander_reset",
        "expander_absent",
        "expander_hangs",
        "expander_zero",
        "expander_wrong_identity",
    ]
    expander: Literal["relay", "inputs 0", "inputs 1", "inputs 2", "inputs 3"]

    def entry(self) -> dict:
        """The fault as the model of the chip takes it."""
        return self._entry(self.expander, _EXPANDER[self.kind])


_CONVERTER = {
    "converter_reset": "config_lost",
    "converter_absent": "nack",
    "converter_hangs": "hang",
    "converter_frozen": "frozen",
    "converter_zero": "zero",
    "converter_wrong_identity": "wrong_identity",
}


class Converter(HardwareFault):
    """A converter of thermistors forgets, is gone, hangs, stands still, or is another device.

    They count from 0 as in the board's CONVERTERS.
    """

    kind: Literal[
        "converter_reset",
        "converter_absent",
        "converter_hangs",
        "converter_frozen",
        "converter_zero",
        "converter_wrong_identity",
    ]
    converter: int = Field(ge=0, le=3)

    def entry(self) -> dict:
        """The fault as the model of the chip takes it."""
        return self._entry(f"converter {self.converter}", _CONVERTER[self.kind])


class MuxLineStuck(HardwareFault):
    """A select line of the multiplexers stays at one level."""

    kind: Literal["mux_line_stuck"]
    line: int = Field(ge=0, le=3)
    level: Level

    def entry(self) -> dict:
        """The fault as the select lines take it."""
        return self._entry("mux", "stuck_bit", bit=self.line, level=self.level)


class OutputStuck(HardwareFault):
    """An output stays at one level (not: energised or not), whatever is written."""

    kind: Literal["output_stuck"]
    output: Breakers | Literal["alarm", "charge", "discharge", "fan"]
    level: Level

    @property
    def battery(self) -> int | None:
        """The battery whose relay it is: for whoever checks that there is such a battery."""
        return self.output if isinstance(self.output, int) else None

    def entry(self) -> dict:
        """The fault as the relay expander or a pin takes it."""
        if isinstance(self.output, int):
            return self._entry("relay", "stuck_bit", bit=self.output - 1, level=self.level)
        if self.output == "fan":
            return self._entry("relay", "stuck_bit", bit="fan", level=self.level)
        return self._entry(f"pin {self.output}", "stuck", level=self.level)


class ControlSupply(HardwareFault):
    """The supply of the trip coils sags, or fails."""

    kind: Literal["control_supply"]
    volts: float = Field(ge=0, le=60)
    ramp_s: Seconds = 0

    def entry(self) -> dict:
        """The fault as the supply takes it."""
        ramp_ms = round(self.ramp_s * 1000)
        return self._entry("supply", "volts", volts=self.volts, ramp_ms=ramp_ms)


_BREAKER = {"breaker_stuck": "stuck", "breaker_opens": "open", "breaker_closes": "close"}


class Breaker(HardwareFault):
    """A breaker does not open when told, or somebody opens or closes it."""

    kind: Literal["breaker_stuck", "breaker_opens", "breaker_closes"]
    battery: Breakers

    def entry(self) -> dict:
        """The fault as the model of the breaker takes it."""
        return self._entry(f"breaker {self.battery}", _BREAKER[self.kind])


class BreakerSlow(HardwareFault):
    """A breaker takes its time from the energised coil to its open contacts."""

    kind: Literal["breaker_slow"]
    battery: Breakers
    travel_ms: int = Field(ge=1, le=60_000)

    def entry(self) -> dict:
        """The fault as the model of the breaker takes it."""
        return self._entry(f"breaker {self.battery}", "slow", travel_ms=self.travel_ms)


class BreakersCrossed(HardwareFault):
    """The coils' wires of two breakers are crossed: the relay of one opens the other."""

    kind: Literal["breakers_crossed"]
    battery: Battery
    with_battery: Battery

    @model_validator(mode="after")
    def two(self) -> Self:
        """It takes two."""
        if self.battery == self.with_battery:
            raise ValueError("battery and with_battery are the same")
        return self

    def entry(self) -> dict:
        """The fault as the wiring takes it."""
        return self._entry(f"breaker {self.battery}", "crossed", **{"with": self.with_battery})


class ContactLies(HardwareFault):
    """An auxiliary contact reads open or closed, wherever its breaker stands."""

    kind: Literal["contact_lies"]
    battery: Breakers
    contact: Literal["52a", "52b"]
    reads: Literal["open", "closed"]

    def entry(self) -> dict:
        """The fault as the contacts take it."""
        return self._entry(f"contact {self.battery}", self.contact, closed=self.reads == "closed")


class CodeFails(HardwareFault):
    """A stage of the tick, or the console in the slack, fails once: see `sabotage`."""

    kind: Literal["code_fails"]
    stage: Literal["acquire", "step", "act", "verify", "console"]
    how: Literal["error", "memory", "stall", "skip"]

    def entry(self) -> dict:
        """The fault as the controller takes it."""
        return self._entry(f"code {self.stage}", self.how)


class TicksLate(HardwareFault):
    """The processor is busy elsewhere: each tick begins so much later than it should."""

    kind: Literal["ticks_late"]
    late_us: int = Field(ge=1, le=1_000_000)

    def entry(self) -> dict:
        """The fault as the controller takes it."""
        return self._entry("cpu", "late", late_us=self.late_us)


AnyHardwareFault = Annotated[
    Plain
    | Monitor
    | SensorPlain
    | SensorReversed
    | SensorOff
    | SensorSlow
    | BusHangs
    | BusCutOff
    | BusCrawls
    | Expander
    | Converter
    | MuxLineStuck
    | OutputStuck
    | ControlSupply
    | Breaker
    | BreakerSlow
    | BreakersCrossed
    | ContactLies
    | CodeFails
    | TicksLate,
    Field(discriminator="kind"),
]
