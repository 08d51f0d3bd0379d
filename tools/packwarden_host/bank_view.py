"""The bank as a table on a terminal, a battery a row: of `sim` while it runs, and of `monitor`."""

from collections.abc import Iterable

from rich.bar import Bar
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.table import Table
from rich.text import Text

from packwarden_host import output

# Levels from weak to strong, as events name them; a mark stands beside what has one.
LEVELS = ("warn", "alarm", "trip")
# From this width on names are shown in full that are left out, or cut, below it.
ROOMY = 100
_HOT = "100.0 degC"
_BREAKER_STYLES = {"closed": "", "open": "bold"}
_DECIMALS = {"V": 2}
_UNKNOWN = "?"


def number(facts: dict, name: str, unit: str) -> str:
    """A value of the console's reply with its unit, or the state of its failed channel."""
    value = facts.get(f"{name}_{unit}")
    if value is None:
        return facts.get(f"{name}_state", _UNKNOWN)
    return f"{value:.{_DECIMALS.get(unit, 1)}f} {unit}"


def duration(seconds: float) -> str:
    """A time as hours, minutes and seconds."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def bank_text(report: dict) -> Text:
    """What the reply to `bank --json` says of the whole bank, as a line."""
    states = [f"bank {number(report, 'current', 'A')}", f"busbar {number(report, 'busbar', 'V')}"]
    states += [f"ambient {number(report, 'ambient', 'degC')}", f"main {report['main']}"]
    states += ["fan on"] if report["fan"] else []
    text = Text("   ".join(states))
    return text.append("   ALARM", output.STYLES["alarm"]) if report["alarm"] else text


class BatteryTable:
    """The reply to `bank --json` as a table, a line for each battery, that uses the room it gets.

    `active` is that of `status --json`. Nothing is told by colour alone.
    """

    def __init__(self, report: dict, rated_A: float | None, active: Iterable[dict] = ()):
        self._report = report
        self._rated_A = rated_A
        self._active = list(active)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        roomy = options.max_width >= ROOMY
        table = Table(box=None, expand=True, padding=(0, 1, 0, 0), pad_edge=False)

        def column(head: str, justify: JustifyMethod, least: int) -> None:
            most = None if roomy else least
            table.add_column(head, justify=justify, no_wrap=True, min_width=least, max_width=most)

        column("battery", "left", len("battery"))
        column("current", "right", len("-123.4 A"))
        table.add_column(f"of {self._rated_A:g} A" if self._rated_A else "", ratio=1)
        column("voltage", "right", len("52.10 V"))
        column("TERM+", "right", len(_HOT) + 2)
        column("TERM-", "right", len(_HOT) + 2)
        column("breaker", "left", len("locked out"))
        column("level", "left", len("pickup"))
        for facts in self._report["batteries"]:
            own = [one for one in self._active if one["battery"] == facts["battery"]]
            table.add_row(
                f"BAT{facts['battery']:02d}",
                number(facts, "current", "A"),
                _bar(facts["current_A"], self._rated_A),
                number(facts, "voltage", "V"),
                _terminal(facts, "plus", own, roomy),
                _terminal(facts, "minus", own, roomy),
                Text(facts["breaker"], _BREAKER_STYLES.get(facts["breaker"], "bold red")),
                _level(own, roomy),
            )
        yield table


def strongest(active: Iterable[dict]) -> dict | None:
    """The strongest level that is operated, None without one."""
    operated = [one for one in active if one["operated"] and one["level"]]
    return max(operated, key=lambda one: LEVELS.index(one["level"]), default=None)


def _bar(current_A: float | None, rated_A: float | None) -> Bar | str:
    if not rated_A or current_A is None:
        return ""
    return Bar(rated_A, 0, min(abs(current_A), rated_A), color="cyan", bgcolor="grey23")


def _terminal(facts: dict, name: str, active: list[dict], roomy: bool) -> Text:
    """A terminal's temperature, or its state, with the mark of its level behind it."""
    sign = {"plus": "+", "minus": "-"}[name]
    worst = strongest(one for one in active if one["terminal"] == sign)
    text = number(facts, name, "degC")
    if len(text) > len(_HOT) and not roomy:
        text = text[: len(_HOT) - 1] + "…"
    if worst is None:
        return Text(f"{text}  ")
    return Text(f"{text} {worst['level'][0].upper()}", output.STYLES[worst["level"]])


def _level(active: list[dict], names: bool) -> Text:
    worst = strongest(active)
    if worst is None:
        waits = [one["element"] for one in active if one["level"]]
        return Text(" ".join(["pickup", *waits[:1]][: 1 + names])) if waits else Text("")
    text = worst["level"].upper() + (f" {worst['element']}" if names else "")
    return Text(text, output.STYLES[worst["level"]])
