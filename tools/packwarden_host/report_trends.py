"""The trends of a report: how rises and resistances went from visit to visit, per battery."""

import io
from collections.abc import Callable, Sequence

import matplotlib
from matplotlib import style
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from packwarden_host.report_rules import RULES
from packwarden_host.visit import Visit

_MOST_VISITS = 24
_SLOT = 0.7  # of the way to the next battery
_INK, _PALE, _WATCH = "#12355b", "#8fa8c4", "#c77700"
# Value, standard error and baseline of a battery at a visit; None: not known.
_Found = tuple[float | None, float | None, float | None]


def _rise(visit: Visit, k: int) -> _Found:
    if not visit.joints:
        return None, None, None
    return visit.joints[k].rise_K, visit.joints[k].error_K, None


def _internal(visit: Visit, k: int) -> _Found:
    if not visit.resistances:
        return None, None, None
    one = visit.resistances[k]
    return one.internal_mOhm, one.internal_error_mOhm, one.internal_baseline_mOhm


def _link(visit: Visit, k: int) -> _Found:
    if not visit.resistances:
        return None, None, None
    one = visit.resistances[k]
    return one.link_mOhm, one.link_error_mOhm, one.link_baseline_mOhm


_CHARTS: tuple[tuple[str, str, Callable[[Visit, int], _Found]], ...] = (
    ("+ over - at rated current, K", "joint", _rise),
    ("internal resistance, mOhm", "internal", _internal),
    ("battery to busbar, mOhm", "link", _link),
)


def svg(visits: Sequence[Visit]) -> str | None:
    """The charts as an SVG element, of the last visits, the newest dark; None without a value."""
    shown = [one for one in visits if one.batteries == visits[-1].batteries][-_MOST_VISITS:]
    batteries = range(shown[-1].batteries)
    values = (find(one, k)[0] for _, _, find in _CHARTS for one in shown for k in batteries)
    if all(value is None for value in values):
        return None
    # Nothing of the machine and of the moment goes into it.
    stable = matplotlib.rc_context({"svg.hashsalt": "packwarden", "svg.fonttype": "none"})
    with style.context("default"), stable:
        figure = Figure(figsize=(7.3, 4.6), layout="constrained")
        FigureCanvasSVG(figure)
        for axes, (title, rule, find) in zip(
            figure.subplots(len(_CHARTS), sharex=True), _CHARTS, strict=True
        ):
            axes.set_title(title, loc="left", fontsize=9)
            axes.tick_params(labelsize=8)
            axes.grid(axis="y", color="0.9", linewidth=0.6)
            axes.spines[["top", "right"]].set_visible(False)
            axes.set_xlim(-0.5, len(batteries) - 0.5)
            axes.set_xticks(list(batteries), [f"BAT{k + 1:02d}" for k in batteries])
            for k in batteries:
                _slot(axes, k, shown, [find(one, k) for one in shown], RULES[rule].watch)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": "packwarden"})
    text = file.getvalue()
    return text[text.index("<svg") :]


def _slot(axes, k: int, visits: Sequence[Visit], found: list[_Found], watch: float) -> None:
    """The visits of a battery, in their time, with the baseline and where it is watched from."""
    first, last = visits[0].when.timestamp(), visits[-1].when.timestamp()
    span_s = max(last - first, 1.0)
    known = [
        (k + _SLOT * ((visit.when.timestamp() - last) / span_s + 0.5), value, error or 0)
        for visit, (value, error, _) in zip(visits, found, strict=True)
        if value is not None
    ]
    if len(visits) == 1:
        known = [(float(k), value, error) for _, value, error in known]
    ends = [k - _SLOT / 2 - 0.05, k + _SLOT / 2 + 0.05]
    base = found[-1][2]
    if base is not None:
        axes.plot(ends, [base] * 2, color="0.4", linewidth=0.8, linestyle="dashed")
        axes.plot(ends, [base + watch] * 2, color=_WATCH, linewidth=0.8, linestyle="dotted")
    if known:
        places, values, errors = zip(*known, strict=True)
        axes.plot(places, values, color=_PALE, linewidth=1, marker=".", markersize=4)
        last_one = {"color": _INK, "marker": "o", "markersize": 4, "capsize": 2}
        axes.errorbar(places[-1:], values[-1:], yerr=errors[-1:], **last_one)
