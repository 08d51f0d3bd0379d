"""A month of a cabinet, day by day: `make month`. The short form is in test_month.py.

Each day has its own weather, faults that come and go, power cuts, and somebody at the console. The
days tick in seconds; now and then an hour follows that ticks as a board does. What the flash holds
goes on from day to day; at midnight the power is cut once more.

What must hold: a fault is told at its place and clears when it is gone, nothing else is told, and
no breaker moves; every life's events are in the journal, numbered through, but for the last
seconds before a power cut; no tick is late or left out by the controller's own doing; the heap
that is free does not shrink in any life.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from packwarden_host import bank_file
from packwarden_host.replay import with_tick
from packwarden_host.scenario import Scenario
from packwarden_host.vm import Cabinet, Job
from system.kept import kept

DAY_S, HOUR_S = 86_400, 3_600
BATTERIES = 4
TICK_ms = 10  # of the hours that tick as a board does
# A commit waits for others that may follow, and for its turn.
UNKEPT_ms = 3_000
BOOT_ms = 5_000  # an event's time is since arming, which a start takes so long to reach, at most
TOLD_ms = 120_000  # how long a fault may take until it is told, or clears
HEAP_bytes = 4_096  # by which it may differ within a life: the simulated bank lives there, too

# What somebody types: to look, by mistake, or without the right to it.
TYPED = (
    "status",
    "status --json",
    "bank",
    "battery 2",
    "why",
    "events",
    "events --json",
    "degraded",
    "elements",
    "elements terminal_rise",
    "settings",
    "help",
    "timing",
    "close 1",
    "reset all",
    "unlock 0000",
    "statsu",
    "\x03\x04\x1b[A",
    "x" * 300,
)
_BATTERY = {"battery"}
# Faults that come and go: what they need besides their times, and which element tells of them.
FAULTS = {
    "thermistor_open": ({"battery", "terminal"}, "sensor_fault"),
    "thermistor_short": ({"battery", "terminal"}, "sensor_fault"),
    "monitor_absent": (_BATTERY, "sensor_fault"),
    "monitor_frozen": (_BATTERY, "sensor_fault"),
    "bms_alarm": (_BATTERY, "bms_alarm"),
}


@dataclass
class Spell:
    """A day, or an hour of short ticks: its seed, length and tick, and what it draws from them."""

    seed: int
    seconds: int
    tick_ms: int
    parts: int = 6  # in each something fails and is well again, or the power is cut
    faults: list = field(default_factory=list)
    script: list = field(default_factory=list)

    def __post_init__(self):
        draw = random.Random(self.seed)
        for number in range(self.parts):
            part_s = self.seconds // self.parts
            begin_s = number * part_s + part_s // 4 + draw.randrange(part_s // 4)
            if draw.random() < 0.3:
                self.faults.append({"kind": "power_cut", "at_s": begin_s})
                continue
            kind = draw.choice(list(FAULTS))
            fault = {"kind": kind, "at_s": begin_s, "until_s": begin_s + part_s // 4}
            if "battery" in FAULTS[kind][0]:
                fault["battery"] = draw.randint(1, BATTERIES)
            if "terminal" in FAULTS[kind][0]:
                fault["terminal"] = draw.choice("+-")
            self.faults.append(fault)
        times = sorted(draw.randrange(1000 * self.seconds) for _ in range(150))
        self.script = [[at_ms, draw.choice(TYPED) + "\r"] for at_ms in times]

    def scenario(self):
        """The spell as the simulated cabinet takes it."""
        draw = random.Random(self.seed + 1)
        solar = {"days": 1, "seed": self.seed}
        return Scenario.model_validate(
            {
                "title": f"Day {self.seed}",
                "end_s": self.seconds,
                "tick_ms": self.tick_ms,
                "bank": {
                    "batteries": BATTERIES,
                    "rated_current_A": 100,
                    "soc_percent": draw.randint(35, 70),
                    "scatter_percent": 2,
                },
                "thermal": {"room_C": draw.randint(16, 28)},
                "load": {"solar": solar},
                "fault": self.faults,
            }
        )


@dataclass
class Life:
    """What the cabinet told from power-on to power-off, in ms since the spell's begin."""

    begin_ms: int
    end_ms: int = 0
    events: list = field(default_factory=list)  # their times are since `begin_ms`
    timings: list = field(default_factory=list)  # what the console said of them


@dataclass
class Outcome:
    """What the month gave: what was counted, and what failed."""

    counts: Counter = field(default_factory=Counter)
    failures: list = field(default_factory=list)
    free_bytes: list = field(default_factory=list)  # at the end of each life


class Month:
    """A cabinet's spells, one after the other, on the same flash."""

    def __init__(self, cabinet):
        self._cabinet = cabinet
        self._state = cabinet.folder / "state"
        self._boot = 0
        self.outcome = Outcome()

    def live(self, spell):
        """Let a spell pass, then hold what it gave against what must be."""
        plan = spell.scenario()
        config = with_tick(bank_file.build(plan.choices()), plan.tick_ms)
        self._begin(config)
        job = Job(
            plan.source(),
            plan.end_ms,
            seed=spell.seed,
            faults=plan.job_faults(),
            console="script",
            script=spell.script,
            script_every=[300_000, "timing --json\r"],
        )
        lives = [Life(0)]
        for letter, text in self._cabinet.lines(job):
            if letter == "E":
                lives[-1].events.append(json.loads(text))
            elif letter == "X":
                lives[-1].end_ms = json.loads(text)["t_ms"]
                lives.append(Life(lives[-1].end_ms))
            elif letter == "C" and text.startswith('{"tick_ms":'):
                lives[-1].timings.append(json.loads(text))
        lives[-1].end_ms = plan.end_ms
        self._judge(spell, lives)

    def _begin(self, config):
        """Power on, with the flash as it is but for its configuration."""
        cabinet = self._cabinet
        cabinet.config = config
        cabinet.restarts, cabinet.ending = 0, {}
        for name in ("rtc.bin", "world.json"):
            (self._state / name).unlink(missing_ok=True)
        (self._state / "flash" / "config.json").write_text(json.dumps(config))

    def _judge(self, spell, lives):
        counts = self.outcome.counts
        counts["seconds"] += spell.seconds
        counts["lives"] += len(lives)
        counts["typed"] += len(spell.script) + sum(len(life.timings) for life in lives)
        counts["events"] += sum(len(life.events) for life in lives)
        found = [*self._untold(spell, lives), *self._untimely(lives), *self._unkept(lives)]
        self.outcome.failures += [f"day {spell.seed}: {text}" for text in found]

    def _untold(self, spell, lives):
        """Yield each fault that is not told or does not clear, and what else is told."""
        counts = self.outcome.counts
        events = [
            event | {"t_ms": life.begin_ms + event["t_ms"]}
            for life in lives
            for event in life.events
        ]
        explained = []
        for fault in spell.faults:
            if fault["kind"] == "power_cut":
                counts["power cuts"] += 1
                continue
            counts["faults"] += 1
            element = FAULTS[fault["kind"]][1]
            place = fault["battery"], fault.get("terminal")
            begin_ms, end_ms = 1000 * fault["at_s"], 1000 * fault["until_s"]
            own = [
                event
                for event in events
                if event["element"] == element
                and (event["battery"], event["terminal"]) == place
                and begin_ms - BOOT_ms <= event["t_ms"] <= end_ms + TOLD_ms
            ]
            explained += own
            kinds = [event["kind"] for event in own]
            if kinds[:1] != ["alarm"] or own[0]["t_ms"] > begin_ms + TOLD_ms:
                yield f"{fault} was not told: {own}"
            elif kinds[-1] != "clear" or own[-1]["t_ms"] < end_ms - BOOT_ms:
                yield f"{fault} did not clear: {own}"
        for event in events:
            fan = event["element"] == "ambient_high" and event["level"] is None
            if event not in explained and event["element"] != "boot" and not fan:
                yield f"nothing explains {event}"

    def _untimely(self, lives):
        """Yield where a tick was late by the controller's own doing, or the heap shrinks."""
        for life in lives:
            if len(life.timings) < 2:
                continue
            first, last = life.timings[1], life.timings[-1]
            self.outcome.counts["ticks"] += last["ticks"]
            self.outcome.counts["missed"] += last["missed_ticks"]
            own = last["late"]["executive"]
            if own["missed_ticks"] or own["late_ticks"]:
                yield f"ticks that are late or missed by its own doing: {own}"
            free_bytes = [timing["heap_free_bytes"] for timing in (first, last)]
            self.outcome.free_bytes.append(free_bytes[1])
            if free_bytes[1] < free_bytes[0] - HEAP_bytes:
                yield f"the heap shrinks: {free_bytes[0]} bytes free, then {free_bytes[1]}"

    def _unkept(self, lives):
        """Yield what the journal does not hold, or holds otherwise than it was told."""
        with tempfile.TemporaryDirectory() as aside:
            found = kept(self._state / "flash", Path(aside) / "copy")
        del found[max(found)]  # the boot of the copy
        oldest = min(found)
        for life in lives:
            self._boot += 1
            for event in life.events:
                kept_ms = life.end_ms - life.begin_ms - UNKEPT_ms
                if event["seq"] >= oldest and event["t_ms"] <= kept_ms:
                    boot, text = found.get(event["seq"], (None, "{}"))
                    held = json.loads(text)
                    if boot != self._boot or any(held[key] != event[key] for key in event):
                        yield f"boot {self._boot}: told {event}, boot {boot} kept {held}"


def spells(days, seed=1):
    """The days of a month, and after one in eight, drawn at random, an hour of short ticks."""
    draw = random.Random(seed)
    hours = {draw.randrange(days) for _ in range(max(1, days // 8))}
    for day in range(days):
        yield Spell(1000 * seed + 2 * day, DAY_S, 1000)
        if day in hours:
            yield Spell(1000 * seed + 2 * day + 1, HOUR_S, TICK_ms)


def run(pieces, told=print):
    """Let spells pass in one cabinet; return an `Outcome`. `told` hears of each one."""
    pieces = list(pieces)
    config = bank_file.build(pieces[0].scenario().choices())
    with Cabinet(config) as cabinet:
        month = Month(cabinet)
        for number, spell in enumerate(pieces):
            month.live(spell)
            told(number + 1, len(pieces))
    return month.outcome


def main():
    """Make the long form, with a bar on a terminal, else lines; exit code 1 on failures."""
    from rich.console import Console
    from rich.progress import Progress

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=30, help="so many (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of weather, faults and texts")
    wanted = parser.parse_args()
    began_s = time.monotonic()
    bar = Progress(console=Console(stderr=True), disable=not sys.stderr.isatty())
    with bar:
        task = bar.add_task("days and hours", total=None)

        def told(done, total):
            bar.update(task, completed=done, total=total)
            if bar.disable:
                print(f"{done} of {total} days and hours", file=sys.stderr, flush=True)

        outcome = run(spells(wanted.days, wanted.seed), told)
    counts = outcome.counts
    print(
        f"{counts['seconds'] / DAY_S:.1f} days, {counts['lives']} lives, {counts['ticks']} ticks:"
        f" {counts['faults']} faults told and cleared, {counts['power cuts']} power cuts,"
        f" {counts['typed']} lines typed, {counts['events']} events, {counts['missed']} ticks left"
        f" out for commits and collections; heap free at the end of a life:"
        f" {min(outcome.free_bytes)} to {max(outcome.free_bytes)} bytes;"
        f" {len(outcome.failures)} failures, in {time.monotonic() - began_s:.0f} s"
    )
    for failure in outcome.failures[:20]:
        print(failure)
    sys.exit(1 if outcome.failures else 0)


if __name__ == "__main__":
    main()
