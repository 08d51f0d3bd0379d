"""What a simulation shows while it runs: a live table on a terminal, plain lines in a pipe."""

import json
import time
from collections import deque
from typing import TYPE_CHECKING

from packwarden_host import output
from packwarden_host.scenario_run import Watcher

if TYPE_CHECKING:
    from rich.console import RenderableType

_EVENTS_KEPT = 14
# Lines of the live view that are neither a battery's nor an event's.
_FRAME_LINES = 4
_UPDATES_PER_S = 10
_UNKNOWN = "?"


def real_time_s() -> float:
    """A clock that never runs back, in seconds."""
    return time.monotonic()


class PlainView(Watcher):
    """One line per event, and one of the bank each `every_ms` (0: for every report).

    Nothing in them depends on real time.
    """

    def __init__(self, every_ms: int = 0):
        self._every_ms = every_ms
        self._next_ms = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def event(self, text: str) -> None:
        """Show an event line of the firmware."""
        event = json.loads(text, parse_float=str)
        output.line(output.event_text(event), output.STYLES.get(event["kind"]))

    def note(self, text: str) -> None:
        """Show a remark about the run itself."""
        output.line(text)

    def bank(self, report: dict) -> None:
        """Show the firmware's reply to `bank --json`."""
        t_ms = report["t_ms"]
        if t_ms < self._next_ms:
            return
        self._next_ms = t_ms - t_ms % max(self._every_ms, 1) + self._every_ms
        batteries = report["batteries"]
        currents = " ".join(_short(facts["current_A"]) for facts in batteries)
        hottest = max(
            (
                facts[key]
                for facts in batteries
                for key in ("plus_degC", "minus_degC")
                if facts[key]
            ),
            default=None,
        )
        heat = "" if hottest is None else f"  hottest {hottest:.1f} degC"
        opened = [f"Q{f['battery']:02d}" for f in batteries if f["breaker"] != "closed"]
        opened += ["main"] if report["main"] != "closed" else []
        states = f"  not closed: {' '.join(opened)}" if opened else ""
        output.line(f"{t_ms / 1000:12.3f} s  bank  {currents} A{heat}{states}")


def _short(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.1f}"


class LiveView(PlainView):
    """A table that follows the bank, the newest events below it."""

    def __init__(self, title: str, rated_A: float):
        from rich.console import Console
        from rich.live import Live

        super().__init__()
        self._title = title
        self._rated_A = rated_A
        self._report: dict | None = None
        self._events: deque[dict | str] = deque(maxlen=_EVENTS_KEPT)
        self._began_s = real_time_s()
        self._console = Console(highlight=False)
        self._live = Live(
            console=self._console,
            get_renderable=self._render,
            refresh_per_second=_UPDATES_PER_S,
        )

    def __enter__(self):
        self._live.start()
        return self

    def __exit__(self, *_):
        self._live.stop()

    def event(self, text: str) -> None:
        """Show an event line of the firmware."""
        self._events.append(json.loads(text, parse_float=str))

    def note(self, text: str) -> None:
        """Show a remark about the run itself."""
        self._events.append(text)

    def bank(self, report: dict) -> None:
        """Show the firmware's reply to `bank --json`."""
        self._report = report

    def _render(self) -> "RenderableType":
        from rich.console import Group
        from rich.text import Text

        parts = [Text(self._title, style="bold")]
        if self._report is not None:
            parts = self._bank(self._report)
        for event in self._newest_events():
            if isinstance(event, str):
                parts.append(Text(event, style="bold magenta"))
            else:
                style = output.STYLES.get(event["kind"], "")
                parts.append(Text(output.event_text(event), style=style))
        return Group(*parts)

    def _bank(self, report: dict) -> "list[RenderableType]":
        from rich.text import Text

        from packwarden_host.bank_view import BatteryTable, bank_text, duration

        t_s = report["t_ms"] / 1000
        speed = t_s / max(real_time_s() - self._began_s, 0.001)
        return [
            Text(f"{self._title}   {duration(t_s)}   {speed:.0f} x real time", style="bold"),
            bank_text(report),
            BatteryTable(report, self._rated_A),
        ]

    def _newest_events(self) -> list[dict | str]:
        """As many as fit below the table."""
        rows = len(self._report["batteries"]) if self._report else 0
        fitting = max(self._console.height - rows - _FRAME_LINES, 1)
        return list(self._events)[-fitting:]
