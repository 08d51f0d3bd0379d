"""The time-current chart of a bank."""

import io
import math

import matplotlib
from matplotlib import style
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from packwarden_host.coordination import Study
from packwarden_host.coordination_checks import amps
from packwarden_host.time_current import Band, currents

_SHORTEST_s, _LONGEST_s = 1e-3, 1e4
_PER_DECADE = 80


def svg(study: Study) -> str:
    """The chart as the text of an SVG file, the same for the same study."""
    # Nothing of the machine and of the moment goes into it.
    stable = matplotlib.rc_context({"svg.hashsalt": "packwarden", "svg.fonttype": "none"})
    with style.context("default"), stable:
        figure = Figure(figsize=(9, 6.5))
        FigureCanvasSVG(figure)
        axes = figure.add_axes((0.08, 0.08, 0.9, 0.87))
        _scales(axes, study)
        _draw(axes, study)
        axes.legend(loc="upper right", fontsize=8, framealpha=0.9)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": "packwarden"})
    return file.getvalue()


def _scales(axes, study: Study) -> None:
    n = study.batteries
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(study.rated_A / 2, study.most_A * 1.5)
    axes.set_ylim(_SHORTEST_s, _LONGEST_s)
    axes.set_xlabel(f"current through one battery (main breaker: current of the bank / {n})")
    axes.set_ylabel("time")
    axes.set_title(f"{n} batteries of {study.rated_A:g} A", loc="left")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda current_A, _: amps(current_A)))
    axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    axes.grid(which="major", color="0.8", linewidth=0.6)
    axes.grid(which="minor", color="0.92", linewidth=0.4)
    axes.set_axisbelow(True)


def _tick(time_s: float, _place: int) -> str:
    return f"{time_s:.0f} s" if time_s >= 1 else f"{1000 * time_s:.0f} ms"


def _draw(axes, study: Study) -> None:
    """Fuses and releases as bands, elements and BMS as lines: when the breaker is open."""
    if study.main:
        _band(axes, study.main_release, "#999999", f"main breaker itself, {study.main.name}")
    if study.breaker:
        _band(axes, study.release, "#56b4e9", f"breaker itself, {study.breaker.name}")
    if study.fuse:
        _band(axes, study.fuse_band, "#e69f00", f"fuse, {study.fuse.name}")
    _line(axes, study.bms, "#d55e00", "dotted", "BMS of a pack, switched off")
    _line(axes, study.bank_overload, "#004d40", "dashed", "51 of the main, opened")
    _line(axes, study.overload, "#009e73", "solid", "51 of a battery, opened")
    _line(axes, study.short, "#cc79a7", "dashdot", "50, opened")
    marks = {study.rated_A: "rated", study.fault_A: "fault of one pack"}
    if study.fed_A > study.fault_A:
        marks[study.fed_A] = "fault fed by the others"
    for current_A, text in marks.items():
        axes.axvline(current_A, color="0.3", linewidth=0.8, linestyle=(0, (1, 2)))
        place = {"rotation": 90, "ha": "right", "fontsize": 7, "color": "0.3"}
        axes.text(current_A, 1.3 * _SHORTEST_s, f"{text}, {amps(current_A)}", **place)


def _times(axes, band: Band) -> tuple[list[float], list[float], list[float]]:
    """The currents at which it acts, and the earliest and latest times there, as far as shown."""
    low_A, high_A = axes.get_xlim()
    every = currents(low_A, high_A, band.jumps_A, _PER_DECADE)
    acts = [current_A for current_A in every if band.earliest(current_A) < math.inf]
    first, last = (
        [min(max(time_s(current_A), _SHORTEST_s), _LONGEST_s) for current_A in acts]
        for time_s in (band.earliest, band.latest)
    )
    return acts, first, last


def _band(axes, band: Band, color: str, label: str) -> None:
    acts, first, last = _times(axes, band)
    axes.fill_between(acts, first, last, color=color, alpha=0.45, linewidth=0, label=label)


def _line(axes, band: Band, color: str, dashes: str, label: str) -> None:
    acts, _, last = _times(axes, band)
    if acts:
        places = [acts[0], *acts], [_LONGEST_s, *last]
        axes.plot(*places, color=color, linestyle=dashes, linewidth=1.8, label=label)
