"""The verdicts of a report: one table of limits, and how a line of the report is judged by it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from packwarden import calibration
from packwarden.condition import resistances
from packwarden.measure import GAIN_BITS
from packwarden_host import views


class Verdict(IntEnum):
    """How a line fares, the better first; `NONE`: it cannot be judged now."""

    GOOD = 0
    NONE = 1
    WATCH = 2
    ACT = 3

    @property
    def word(self) -> str:
        """As it stands in the report."""
        return ("good", "no verdict", "watch", "act")[self]


@dataclass(frozen=True)
class Rule:
    """Limits of a value: `watch` and `act` from there on, in its unit, with their source."""

    what: str
    unit: str
    watch: float
    act: float
    source: str

    @property
    def places(self) -> int:
        """Decimals that tell its limits apart."""
        return 2 if self.unit == "mOhm" else 0 if self.unit in ("mV", "%") else 1

    def text(self, value: float) -> str:
        """A value with its unit."""
        return f"{value:.{self.places}f} {self.unit}"


_NETA = "ANSI/NETA MTS table 100.18, similar parts under similar load: from 4 K probable, beyond"
_NETA += " 15 K a major deficiency"
_SHIPPED = {(row["slug"], row["key"]): row for row in views.element_rows()}


def _as_shipped(what: str, slug: str, watch: str, act: str) -> Rule:
    """The rule of an element: watched from the pickup of one level on, to act from another."""
    rows = _SHIPPED[slug, watch], _SHIPPED[slug, act]
    source = f"{slug} as shipped, {watch} and {act}"
    return Rule(what, rows[0]["unit"], rows[0]["pickup"], rows[1]["pickup"], source)


def _corrected(what: str, unit: str, most: float) -> Rule:
    """The rule of a calibration: watched from half of what the cabinet takes on."""
    return Rule(
        f"corrected of {what}", unit, most / 2, most, "`calibrate` takes no more than to act from"
    )


RULES = {
    "temperature": _as_shipped("the terminal", "terminal_overtemperature", "warn", "alarm"),
    "rise": Rule("over its siblings and its battery's other pole", "K", 4, 15, _NETA),
    "joint": _as_shipped(
        "surely over its references at rated current", "joint_heating", "early_warn", "warn"
    ),
    "voltage": Rule(
        "off the others' median, at rest",
        "mV",
        50,
        500,
        "packs are joined within 50 mV (2.7 A between two of them); 500 mV drive 27 A",
    ),
    "share": _as_shipped("off its baseline", "current_imbalance", "slow_warn", "drift_alarm"),
    "share_alone": _as_shipped(
        "off the others' median, no baseline", "current_imbalance", "warn", "alarm"
    ),
    "feed": Rule(
        "would the battery at the fed end carry less, fed diagonally",
        "%",
        1,
        20,
        "of the mean current; engineering judgement",
    ),
    "spread": _as_shipped(
        "surely off its siblings' median", "resistance_mismatch", "warn", "alarm"
    ),
    "internal": _as_shipped("surely over its baseline", "resistance_mismatch", "warn", "alarm"),
    "link": _as_shipped(
        "surely over the baseline of its link", "link_resistance", "warn", "alarm"
    ),
    "corrected_zero": _corrected("a zero", "% of rated", 100 / calibration.ZERO_PARTS),
    "corrected_gain": _corrected("a gain", "% of it", 100 * calibration.MOST_GAIN / 2**GAIN_BITS),
    "corrected_temperature": _corrected("a temperature", "K", calibration.MOST_cC / 100),
}
LOADED_PERCENT = 40  # of rated, at least, for a survey of temperatures: ANSI/NETA MTS
REST_PERCENT = 5  # of rated, at most, where voltages are compared
SURE = (
    resistances.SURE
)  # standard errors between an estimate and what is surely so, as in the firmware
# What waits for a load, or for its absence, tells so.
UNLOADED = f"no load: surveyed from {LOADED_PERCENT} % of rated on"
UNKNOWN = "not estimated yet: takes hours of changing load"

Judged = tuple[Verdict, str]


def against(name: str, value: float | None, unknown: str = "its sensor has failed") -> Judged:
    """The verdict on a value by the rule of that name, with its reason; `unknown`: why None."""
    rule = RULES[name]
    if value is None:
        return Verdict.NONE, unknown
    if value < rule.watch:
        return Verdict.GOOD, f"below {rule.text(rule.watch)}"
    verdict, limit = (Verdict.ACT, rule.act) if value >= rule.act else (Verdict.WATCH, rule.watch)
    return verdict, f"{rule.text(value)} {rule.what} (limit {rule.text(limit)})"


def surely(value: float | None, error: float | None) -> float | None:
    """How far a value is off zero, less what its standard error may explain."""
    return None if value is None or error is None else max(0.0, abs(value) - SURE * error)


def worst(judged: Iterable[Judged]) -> Judged:
    """The worst verdict, with the reasons of all that are not good, the worst first.

    Where all are, with those.
    """
    found = sorted(judged, key=lambda one: -one[0])
    told = [one for one in found if one[0] != Verdict.GOOD] or found
    return found[0][0], "; ".join(dict.fromkeys(reason for _, reason in told if reason))


def either(*judged: Judged) -> Judged:
    """The worst of those that can be judged: each of them alone is evidence."""
    return worst([one for one in judged if one[0] != Verdict.NONE] or judged)
