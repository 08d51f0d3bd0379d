"""What the monitor shows, as text: from what is known of a cabinet, and how old that is."""

from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from packwarden.frame import MAIN_BIT
from packwarden_host import events, output
from packwarden_host.bank_view import LEVELS, BatteryTable, bank_text, duration
from packwarden_host.monitor_link import PATIENCE_S

_EVENTS_KEPT = 1000
_EVENTS_SHOWN = 200
# From this width on the parts of events stand below each other.
_COLUMNS_FROM = 115


@dataclass
class Known:
    """What was heard of a cabinet, when of its bank, and what hinders hearing more."""

    port: str
    replies: dict[str, dict] = field(default_factory=dict)
    events: dict[int, dict] = field(default_factory=dict)
    heard_s: float | None = None
    trouble: str = ""
    busy: str = ""  # what is fetched, while nothing else is asked

    def hear(self, question: str, reply: dict, now_s: float) -> None:
        """Take in the reply to a question; what is shown is as old as that about the bank."""
        self.replies[question] = reply
        if question == "bank":
            self.heard_s = now_s
            self.trouble = ""

    def hear_events(self, found: list[dict], anew: bool) -> None:
        """Take in events: new ones, and those that are kept now."""
        self.busy = ""
        if anew:
            self.events.clear()
        self.events.update({event["seq"]: event for event in found})
        for number in sorted(self.events)[:-_EVENTS_KEPT]:
            del self.events[number]

    def out(self, now_s: float) -> bool:
        """Whether what is shown is no longer so."""
        if self.heard_s is None or self.trouble:
            return True
        return not self.busy and now_s - self.heard_s > PATIENCE_S

    def link(self, now_s: float) -> Text:
        """Return how the connection fares, and who is at its other end."""
        age_s = None if self.heard_s is None else now_s - self.heard_s
        if self.out(now_s):
            text = "no answer yet" if age_s is None else f"NO ANSWER for {_age(age_s)}"
            reason = f" ({self.trouble})" if self.trouble else ""
            return Text(f" {self.port}: {text}, trying again{reason} ", "bold reverse")
        if self.busy and age_s is not None:
            return Text(f"{self.port}: {self.busy}; shown as of {_age(age_s)} ago", "bold")
        parts = [Text(f"{self.port}: live", "bold green")]
        status, version = (self.replies.get(name) for name in ("status", "version"))
        if status:
            armed = (
                f"protecting {duration(status['t_s'])}" if status["armed"] else "NOT PROTECTING"
            )
            parts += [Text(armed), Text(f"boot {status['boot']}")]
        if version:
            parts.append(Text(f"Packwarden {version['packwarden']} on {version['board']}"))
        return Text("  ").join(parts)

    def bank(self) -> Text:
        """Return what is told of the whole bank."""
        report = self.replies.get("bank")
        return bank_text(report) if report else Text("")

    def state(self) -> Text:
        """Return what is operated, open, latched, stopped or lost."""
        status = self.replies.get("status")
        if status is None:
            return Text("")
        parts = [
            Text(f"{level.upper()} {status[level]}", output.STYLES[level])
            for level in reversed(LEVELS)
            if status[level]
        ]
        parts += [Text(text) for text in _findings(status)]
        nothing = Text("nothing operated, open, locked out, stopped or lost")
        return Text("  ").join(parts or [nothing])

    def timing(self) -> Text:
        """Return how the controller fares with its time and memory."""
        facts = self.replies.get("timing")
        if facts is None:
            return Text("")
        return Text(
            f"tick {facts['tick_ms']} ms: {facts['missed_ticks']} missed,"
            f" latest {_ms(facts['worst_late_us'])},"
            f" work up to {_ms(facts['worst_work_us']['all'])},"
            f" least heap {facts['least_heap_free_bytes'] // 1024} KB"
        )

    def batteries(self) -> BatteryTable | Text:
        """Return the table of batteries."""
        report = self.replies.get("bank")
        if report is None:
            return Text("")
        rated_A = self.replies.get("settings", {}).get("bank", {}).get("rated_current_A")
        return BatteryTable(report, rated_A, self.replies.get("status", {}).get("active", ()))

    def history(self) -> "EventTable":
        """Return the newest events."""
        return EventTable([self.events[number] for number in sorted(self.events)[-_EVENTS_SHOWN:]])


class EventTable:
    """Events, oldest first; what does not fit a line goes on in the next."""

    def __init__(self, events: list[dict]):
        self._events = events

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table.grid(padding=(0, 1, 0, 0), expand=True)
        table.add_column(justify="right")
        table.add_column(ratio=1)
        for number, text, style in events.texts(self._events):
            shown = text if options.max_width >= _COLUMNS_FROM else " ".join(text.split())
            table.add_row(number, Text(shown), style=style)
        yield table


def _breakers(mask: int) -> str:
    """Return the names of the breakers of a mask."""
    names = [f"Q{k + 1:02d}" for k in range(MAIN_BIT) if mask >> k & 1]
    return " ".join(names + ["main"] * (mask >> MAIN_BIT & 1))


def _findings(status: dict) -> list[str]:
    """Return what is not as it should be, beside the levels that are operated."""
    locked = status["locked_out"]
    opened = status.get("open", 0) & ~locked  # an older firmware does not tell it
    said = {
        f"locked out {_breakers(locked)}": locked,
        f"open {_breakers(opened)}": opened,
        "charging STOPPED": not status["charge_allowed"],
        "discharging STOPPED": not status["discharge_allowed"],
        f"sensors lost {status['sensors_failed']}": status["sensors_failed"],
        f"degraded {status['degraded']}": status["degraded"],
        f"controller {status['controller']}": status["controller"],
        f"restarted by {(status['restart'] or {}).get('cause')}": status["restart"],
        "events NOT KEPT": status["journal_fails"],
        "monthly check due": status.get("check_due"),
        f"picked up {status['picked_up']}": status["picked_up"],
    }
    return [text for text, is_so in said.items() if is_so]


def _age(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else duration(seconds)


def _ms(time_us: int) -> str:
    return f"{time_us} us" if time_us < 1000 else f"{time_us / 1000:.2f} ms"
