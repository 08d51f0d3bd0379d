"""`packwarden budget`: what a tick does with its time, for how many batteries, and what ends it.

Bytes and the time on the wire are those of the real firmware in a run in the VM; they are shown
beside the minimum that the design asks for. All other times come from `packwarden_sim.costs`.
"""

import json
import sys
from dataclasses import asdict, dataclass

from packwarden_host import bank_file, boards, bus_minimum, output
from packwarden_host.errors import BadInput
from packwarden_host.replay import with_tick
from packwarden_host.sim import steady
from packwarden_host.vm import Cabinet, Job
from packwarden_sim import costs

SIZES = range(2, 16)
_MOST = 15
# A run that holds many rounds of whatever is read in turn.
_RUN_MS = 10_000
_RUN_TICKS = 200


@dataclass(frozen=True)
class Budget:
    """A quiet tick of a bank: means over a run, and the worst tick of it. Times in us."""

    batteries: int
    tick_ms: int
    bus_bytes_per_tick: float
    bus_bytes_minimum: float
    monitors_bytes: float
    expanders_bytes: float
    transactions: float
    wire_us: float
    wire_minimum_us: float
    driver_us: float
    adc_us: float
    compute_us: float
    other_us: float
    busy_us: float
    worst_busy_us: int
    slack_us: float
    least_slack_us: int
    condition_us: float
    late_ticks: int

    @property
    def ratio(self) -> float:
        """Bytes a tick over their minimum."""
        return self.bus_bytes_per_tick / self.bus_bytes_minimum


def measure(batteries: int, tick_ms: int = 10) -> Budget:
    """Run a healthy bank (1 .. 15) under a steady load in the VM, and account for its ticks."""
    plan = steady(batteries)
    config = with_tick(bank_file.build(plan.choices()), tick_ms)
    report: dict = {}
    with Cabinet(config) as cabinet:
        job = Job(plan.source(), max(_RUN_MS, _RUN_TICKS * tick_ms), meter=True)
        for letter, text in cabinet.lines(job):
            if letter == "M":
                report = json.loads(text)
    mean, worst = report["mean"], report["worst"]
    minimum = bus_minimum.traffic(config, tick_ms)
    parts_us = {name: mean[name] for name in ("wire_us", "driver_us", "adc_us", "compute_us")}
    tick_us = tick_ms * 1000
    return Budget(
        batteries=batteries,
        tick_ms=tick_ms,
        bus_bytes_per_tick=mean["monitors_bytes"] + mean["expanders_bytes"],
        bus_bytes_minimum=minimum.bytes,
        monitors_bytes=mean["monitors_bytes"],
        expanders_bytes=mean["expanders_bytes"],
        transactions=mean["monitors_transactions"] + mean["expanders_transactions"],
        wire_minimum_us=minimum.wire_us(boards.load(config["bank"]["board"]).I2C_MONITORS[3]),
        **parts_us,
        other_us=mean["tick_us"] - sum(parts_us.values()),
        busy_us=mean["tick_us"],
        worst_busy_us=worst["tick_us"],
        slack_us=tick_us - mean["tick_us"],
        least_slack_us=tick_us - worst["tick_us"],
        condition_us=costs.condition_cost(batteries, tick_ms),
        late_ticks=report["late_ticks"],
    )


def bus_figures(batteries: int) -> dict:
    """For the bench: bus_bytes_per_tick, bus_bytes_minimum, late_ticks at a tick of 10 ms."""
    found = measure(batteries)
    return {
        "bus_bytes_per_tick": round(found.bus_bytes_per_tick, 1),
        "bus_bytes_minimum": round(found.bus_bytes_minimum, 1),
        "late_ticks": found.late_ticks,
    }


def run(batteries: int | None, tick_ms: int, as_json: bool) -> None:
    """Measure one size in detail or all of them, and print."""
    if batteries is not None and not 1 <= batteries <= _MOST:
        raise BadInput(f"--batteries {batteries} is outside 1 .. {_MOST}")
    sizes = SIZES if batteries is None else [batteries]
    found = []
    for size in sizes:
        if len(sizes) > 1:
            print(f"measuring {size} of {_MOST} batteries", file=sys.stderr, flush=True)
        found.append(measure(size, tick_ms))
    if as_json:
        rows = [asdict(row) | {"ratio": round(row.ratio, 3)} for row in found]
        print(json.dumps(rows[0] if batteries is not None else rows))
        return
    if batteries is None:
        _show_all(found)
        _show_limits(found)
    else:
        _show_one(found[0])
    output.line(
        "Bytes and wire: what the firmware sent in the VM, at 400 kHz. Driver, converters and"
        " computing:\nassumptions of packwarden_sim/costs.py, until they are measured on a board."
    )


def _ms(us: float) -> str:
    return f"{us / 1000:.2f} ms"


def _show_all(found: list[Budget]) -> None:
    heads = ("batteries", "bytes", "minimum", "ratio", "wire", "at minimum", "driver")
    heads += ("converters", "computing", "other", "slack", "worst tick leaves", "late")
    rows = [
        (
            str(row.batteries),
            f"{row.bus_bytes_per_tick:.1f}",
            f"{row.bus_bytes_minimum:.1f}",
            f"{row.ratio:.2f}",
            _ms(row.wire_us),
            _ms(row.wire_minimum_us),
            _ms(row.driver_us),
            _ms(row.adc_us),
            _ms(row.compute_us),
            _ms(row.other_us),
            _ms(row.slack_us),
            _ms(row.least_slack_us),
            str(row.late_ticks),
        )
        for row in found
    ]
    output.table(f"A quiet tick of {found[0].tick_ms} ms", heads, rows)


def _show_one(row: Budget) -> None:
    tick_us = row.tick_ms * 1000
    parts = [
        ("monitors' bus", f"{row.monitors_bytes:.1f} bytes", ""),
        ("expanders' bus", f"{row.expanders_bytes:.1f} bytes", ""),
        ("both", f"{row.bus_bytes_per_tick:.1f} bytes", f"{row.transactions:.1f} transactions"),
        ("minimum", f"{row.bus_bytes_minimum:.1f} bytes", f"ratio {row.ratio:.3f}"),
    ]
    config = with_tick(bank_file.build(steady(row.batteries).choices()), row.tick_ms)
    parts += [
        (f"  {name}", f"{size:.1f} bytes", "")
        for name, size in bus_minimum.traffic(config, row.tick_ms).parts.items()
    ]
    for name, us in (
        ("wire", row.wire_us),
        ("driver", row.driver_us),
        ("converters", row.adc_us),
        ("computing", row.compute_us),
        ("other: pins, clock", row.other_us),
        ("slack", row.slack_us),
    ):
        parts.append((name, _ms(us), f"{100 * us / tick_us:.1f} % of the tick"))
    taken = f"{_of_slack(row)} of the slack"
    parts.append(("  condition monitoring", _ms(row.condition_us), taken))
    parts.append(("wire at the minimum", _ms(row.wire_minimum_us), ""))
    parts.append(("worst tick leaves", _ms(row.least_slack_us), ""))
    parts.append(("late ticks", str(row.late_ticks), "of the run, boot included"))
    title = f"A quiet tick of {row.tick_ms} ms, {row.batteries} batteries"
    output.table(title, ("what", "a tick", ""), parts)
    output.line(_shortest(row))


def _show_limits(found: list[Budget]) -> None:
    """Say where the next limit lies: by batteries, by the tick, and what fills it."""
    last = found[-1]
    tick_us = last.tick_ms * 1000
    fits = [row.batteries for row in found if row.least_slack_us >= costs.GC_US]
    most = f"up to {fits[-1]} batteries" if fits else "for no bank"
    output.line(
        f"A garbage collection of {_ms(costs.GC_US)} fits into every slack {most}; beyond, one"
        " that is due makes a tick late."
    )
    each_us = (last.worst_busy_us - found[0].worst_busy_us) / (last.batteries - found[0].batteries)
    room = int(last.batteries + last.least_slack_us / each_us)
    parts = {
        "wire": (last.wire_us, found[0].wire_us),
        "driver": (last.driver_us, found[0].driver_us),
        "computing": (last.compute_us, found[0].compute_us),
    }
    filling = max(parts, key=lambda name: parts[name][0] - parts[name][1])
    output.line(
        f"A battery more costs {_ms(each_us)}, most of it {filling}: a tick of {last.tick_ms} ms"
        f" would have slack up to {room} batteries; the monitors' 16 addresses end at {_MOST}."
    )
    monitors_us = last.wire_us * last.monitors_bytes / last.bus_bytes_per_tick
    output.line(
        f"The monitors' bus is busy for {100 * monitors_us / tick_us:.0f} % of the tick with"
        f" {last.batteries} batteries."
    )
    output.line(
        f"Condition monitoring takes {_ms(last.condition_us)} of the slack with {last.batteries}"
        f" batteries: {_of_slack(last)}."
    )
    output.line(_shortest(last))


def _of_slack(row: Budget) -> str:
    return f"{100 * row.condition_us / row.slack_us:.1f} %"


def _shortest(row: Budget) -> str:
    """Say at which tick the slack of this bank ends."""
    return f"With {row.batteries} batteries the slack ends at a tick of {_ms(row.worst_busy_us)}."
