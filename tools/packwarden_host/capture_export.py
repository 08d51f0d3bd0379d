"""`packwarden export`: the values of a capture for people, tick by tick.

As CSV it is a trace, which `packwarden replay` takes; what a trace has no column for (the main
breaker, the outputs) is left out. As COMTRADE (IEEE C37.111-1999, ASCII) all of it is there. The
values are those that the step believes, rounded; whoever needs every bit replays the capture.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from packwarden import frame
from packwarden.bank import Bank
from packwarden.captures import TRIP_TICK
from packwarden.fixed import decimal
from packwarden.frame import MAIN_BIT, Frame
from packwarden.records import OUTPUT_BIT, OUTPUT_NAMES
from packwarden_host import capture_file, output
from packwarden_host.capture_file import Capture
from packwarden_host.errors import RunFailed
from packwarden_host.targets import CPython

# What a cell of a trace says of a channel without a value, by its health.
_MONITOR_WORDS = {frame.FROZEN: "frozen"}  # else absent
_THERMISTOR_WORDS = {frame.SHORT: "short"}  # else open
_MISSING = 99_999  # stands in a .dat file for a value that is not there
_LARGEST = 99_998
# A board has no calendar: its time counts from when it began to protect.
_EPOCH = datetime(2000, 1, 1)


@dataclass(frozen=True)
class Channel:
    """A measured channel: its number in the frame, its names in COMTRADE and in a trace.

    `column` None: a trace has no such column. `per_unit`: counts of a value per unit, `places`:
    decimals.
    """

    number: int
    name: str
    column: str | None
    unit: str
    per_unit: int
    places: int


@dataclass(frozen=True)
class Status:
    """What is so or is not: its name, and a bit of contacts, BMS or outputs of a sample."""

    name: str
    mask: str
    bit: int
    inverts: bool = False


@dataclass(frozen=True)
class Sample:
    """What a tick gave: ms since the begin, values and health by channel, contacts, outputs."""

    t_ms: int
    values: list[int | None]
    health: list[int]
    closed: int
    bms: int
    outputs: int


def run(path: Path, config: Path | None, form: str, file: Path) -> None:
    """Write a capture to a file, as csv or comtrade."""
    capture = capture_file.read(path, config)
    paths = [file] if form == "csv" else [file.with_suffix(".cfg"), file.with_suffix(".dat")]
    for each in paths:
        output.check_writable(each)
    found = capture_file.rerun(path, capture, CPython(), values=True)
    if differs := capture_file.difference(capture, found):
        raise RunFailed(f"{path}: {differs}")
    samples = [Sample(*each) for each in found.values]
    texts = [_csv(capture, samples)] if form == "csv" else _comtrade(capture, samples)
    for each, text in zip(paths, texts, strict=True):
        output.write_whole(each, text)
    names = " and ".join(map(str, paths))
    output.line(f"{names}: {len(samples)} samples: {capture.head.event().text()}")


def channels(config: dict) -> list[Channel]:
    """The channels of a bank, but for the reference resistor, which is none for people."""
    bank = Bank(config)
    layout = Frame(bank.batteries, bank.supply_mV > 0, bank.main_shunt_uohm > 0)
    numbers = range(1, bank.batteries + 1)
    amps, volts, degrees = ("A", 1000, 3), ("V", 1000, 3), ("degC", 100, 2)
    places = count()
    found = [Channel(next(places), f"I{k}", f"i{k}_A", *amps) for k in numbers]
    found += [Channel(next(places), f"V{k}", f"v{k}_V", *volts) for k in numbers]
    found.append(Channel(next(places), "VBUS", "vbus_V", *volts))
    for k in numbers:
        found.append(Channel(next(places), f"T{k}+", f"tp{k}_C", *degrees))
        found.append(Channel(next(places), f"T{k}-", f"tn{k}_C", *degrees))
    found.append(Channel(next(places), "TAMB", "tamb_C", *degrees))
    if layout.supply >= 0:
        found.append(Channel(layout.supply, "VSUPPLY", None, *volts))
    if layout.main >= 0:
        found.append(Channel(layout.main, "IMAIN", None, *amps))
    return found


def statuses(config: dict) -> list[Status]:
    """The contacts and outputs of a bank. One of a breaker is 1: closed; of a BMS: alarm."""
    bank = Bank(config)
    batteries = range(bank.batteries)
    found = []
    if bank.feedback != "none":
        found += [Status(f"52A{k + 1}", "closed", k) for k in batteries]
        found.append(Status("52AMAIN", "closed", MAIN_BIT))
    if bank.bms_contact != "none":
        inverts = bank.bms_contact == "open_on_alarm"
        found += [Status(f"BMS{k + 1}", "bms", k, inverts) for k in batteries]
    found += [Status(f"Q{k + 1}", "outputs", k) for k in batteries]
    found.append(Status("QMAIN", "outputs", MAIN_BIT))
    for place, name in enumerate(OUTPUT_NAMES):
        found.append(Status(name.upper(), "outputs", OUTPUT_BIT + place))
    return found


def _title(capture: Capture) -> str:
    return f"boot {capture.head.boot} capture {capture.head.number}"


def _state(sample: Sample, status: Status) -> int:
    return (getattr(sample, status.mask) >> status.bit & 1) ^ status.inverts


# ---- as a trace --------------------------------------------------------------------------------


def _csv(capture: Capture, samples: list[Sample]) -> str:
    shown = [channel for channel in channels(capture.config) if channel.column]
    wired = [
        each
        for each in statuses(capture.config)
        if each.mask != "outputs" and each.name != "52AMAIN"
    ]
    trip = samples[capture.head.facts[TRIP_TICK] - 1]
    columns = ["t_s", *(str(channel.column) for channel in shown)]
    columns += [each.name.replace("52A", "cb").replace("BMS", "bms") for each in wired]
    lines = [
        f"# Packwarden: {_title(capture)}",
        f"# trip at t_s = {_seconds(trip, samples)}: {capture.head.event().text()}",
        ",".join(columns),
    ]
    for sample in samples:
        cells = [_seconds(sample, samples), *(_cell(sample, channel) for channel in shown)]
        cells += [str(_state(sample, each)) for each in wired]
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def _seconds(sample: Sample, samples: list[Sample]) -> str:
    return decimal(sample.t_ms - samples[0].t_ms, 1000, 3)


def _cell(sample: Sample, channel: Channel) -> str:
    value = sample.values[channel.number]
    if value is not None:
        return decimal(value, channel.per_unit, channel.places)
    health = sample.health[channel.number]
    if channel.unit == "degC":
        return _THERMISTOR_WORDS.get(health, "open")
    return _MONITOR_WORDS.get(health, "absent")


# ---- as COMTRADE -------------------------------------------------------------------------------


def _comtrade(capture: Capture, samples: list[Sample]) -> tuple[str, str]:
    """The configuration and the data."""
    shown = channels(capture.config)
    wired = statuses(capture.config)
    trip_tick = capture.head.facts[TRIP_TICK]
    trip_at = timedelta(milliseconds=samples[trip_tick - 1].t_ms - samples[0].t_ms)
    tripped = _EPOCH + timedelta(milliseconds=capture.head.event().t_ms)
    steps = [_step(channel, samples) for channel in shown]
    cfg = [
        f"Packwarden,{_title(capture)},1999",
        f"{len(shown) + len(wired) + 1},{len(shown)}A,{len(wired) + 1}D",
    ]
    for place, (channel, step) in enumerate(zip(shown, steps, strict=True), 1):
        scale = f"{step / channel.per_unit:g}"
        limits = f"-{_LARGEST},{_LARGEST}"
        cfg.append(f"{place},{channel.name},,,{channel.unit},{scale},0,0,{limits},1,1,P")
    names = [*(each.name for each in wired), "TRIP"]
    cfg += [f"{place},{name},,,0" for place, name in enumerate(names, 1)]
    cfg += ["0", "0", f"0,{len(samples)}", _date(tripped - trip_at), _date(tripped), "ASCII", "1"]
    dat = []
    for number, sample in enumerate(samples, 1):
        row = [number, (sample.t_ms - samples[0].t_ms) * 1000]
        for channel, step in zip(shown, steps, strict=True):
            value = sample.values[channel.number]
            row.append(_MISSING if value is None else _rounded(value, step))
        row += [_state(sample, each) for each in wired]
        row.append(int(number >= trip_tick))
        dat.append(",".join(map(str, row)))
    return "\r\n".join([*cfg, ""]), "\r\n".join([*dat, ""])


def _step(channel: Channel, samples: list[Sample]) -> int:
    """How many counts of a value are one in the file, so that all of them have room there."""
    most = max((abs(sample.values[channel.number] or 0) for sample in samples), default=0)
    return next(step for step in _steps() if _rounded(most, step) <= _LARGEST)


def _steps() -> Iterator[int]:
    for power in count():
        for digit in (1, 2, 5):
            yield digit * 10**power


def _rounded(value: int, step: int) -> int:
    return (value + step // 2) // step


def _date(moment: datetime) -> str:
    return moment.strftime("%d/%m/%Y,%H:%M:%S.%f")
