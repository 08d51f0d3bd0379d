"""What the study found, as the tables of the documentation and their picture."""

import io

import matplotlib
import numpy as np
from matplotlib import style
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from study.resistances import BATTERIES, WORSE_mohm
from study.runs import DAYS, RULES, SIZES_K

_NAMED = "joint_heating"
_COLOURS = ("#56b4e9", "#0072b2", "#009e73", "#e69f00", "#d55e00", "#cc79a7")
_SIZES = "S at rated current"


def _of(faults, low_K, high_K):
    return [fault for fault in faults if low_K <= fault.size_K < high_K]


def within(faults, limit_h):
    """Return (named within so much qualifying load, how many had as much)."""
    had = [fault for fault in faults if fault.load_h >= limit_h]
    return sum(fault.named_load_h <= limit_h for fault in had), len(had)


def _share(count, of):
    return f"{count} of {of} ({100 * count / of:.1f} %)" if of else "-"


def _middle(values, digits):
    return f"{np.median(values):.{digits}f}" if len(values) else "-"


def targets(faults):
    """The table of what is named when, by size."""
    lines = [
        f"| {_SIZES} | runs | named within 2 h of qualifying load | within 6 h | within 24 h"
        f" | never in {DAYS} days | a wrong one first | load until named, median"
        " | terminal then, median |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for low_K, high_K in (*SIZES_K, (8, 61), (40, 61)):
        found = _of(faults, low_K, high_K)
        right = [fault for fault in found if fault.named]
        label = f"{low_K} .. {high_K} K" if high_K < 61 else f"{low_K} K and more"
        lines.append(
            f"| {label} | {len(found)} | {_share(*within(found, 2))}"
            f" | {_share(*within(found, 6))} | {_share(*within(found, 24))}"
            f" | {sum(fault.named is None for fault in found)}"
            f" | {sum(fault.named is False for fault in found)}"
            f" | {_middle([fault.named_load_h for fault in right], 2)} h"
            f" | {_middle([fault.named_C for fault in right], 1)} degC |"
        )
    return "\n".join(lines) + "\n"


def by_rule(faults, sounds):
    """The table of who tells how many, when, how warm; and what of sound banks."""
    groups = ((2, 8), (8, 40), (40, 61))
    lines = [
        "| who tells | "
        + " | ".join(f"S {a} .. {min(b, 60)} K" for a, b in groups)
        + " | hours, median | terminal then, median | told of sound banks |",
        "|---|---|---|---|---|---|---|",
    ]
    for rule in (_NAMED, *RULES):
        cells = []
        for group in groups:
            found = _of(faults, *group)
            cells.append(
                _share(sum(_told(fault, rule) is not None for fault in found), len(found))
            )
        told = [_told(fault, rule) for fault in faults if _told(fault, rule) is not None]
        sound = sum(one.told if rule == _NAMED else one.rules[rule] for one in sounds)
        lines.append(
            f"| {rule} | {' | '.join(cells)} | {_middle([h for h, _ in told], 1)}"
            f" | {_middle([c for _, c in told], 1)}{' degC' if told else ''} | {sound} |"
        )
    return "\n".join(lines) + "\n"


def _told(fault, rule):
    """When (hours, degC) a rule has told the terminal; None: never."""
    if rule == _NAMED:
        return (fault.named_h, fault.named_C) if fault.named else None
    return fault.rules.get(rule)


def silence(sounds):
    """What sound banks have shown, as a sentence."""
    years = sum(one.days for one in sounds) / 365
    told = sum(one.told for one in sounds)
    bound = f"; fewer than {3 / years:.2f} a bank-year at 95 % confidence" if not told else ""
    return (
        f"{len(sounds)} sound banks ({sum(one.batteries for one in sounds)} batteries) over"
        f" {years:.1f} bank-years, {sum(one.loaded_h for one in sounds):.0f} battery-hours of"
        f" qualifying load and {sum(one.fan_steps for one in sounds)} switchings of fans:"
        f" {told} early warnings{bound}. The largest rise that was sure was"
        f" {max(one.most_K for one in sounds):.2f} K.\n"
    )


def resistances(days):
    """How far resistances are off, as a sentence."""
    steps = [one.steps for one in days]
    off_mohm = max(one.off_mohm for one in days)
    off_percent = max(one.off_percent for one in days)
    links_mohm = max(one.link_off_mohm for one in days)
    overs_mohm = max(one.over_off_mohm for one in days)
    rails_mohm = max(one.rails_mohm for one in days)
    return (
        f"Resistances of {len(days)} banks of {BATTERIES}, with the noise of an INA228: after a"
        f" day of the home, {min(steps)} to {max(steps)} steps, internal ones are off by"
        f" {off_mohm:.2f} mOhm ({off_percent:.1f} %) at most. Links, the voltage from the battery"
        f" to the busbar's sense for each ampere, are off by {links_mohm:.3f} mOhm at most, and"
        f" what they are over the baseline of that day, another day later, by"
        f" {overs_mohm:.3f} mOhm. The rails on the way are in them: {WORSE_mohm} mOhm more in one"
        f" cable change a link by up to {rails_mohm:.3f} mOhm besides, as the load moves to the"
        " others.\n"
    )


def page(faults, sounds, days):
    """All of it in Markdown."""
    parts = targets(faults), by_rule(faults, sounds), silence(sounds), resistances(days)
    return "\n".join(parts)


def picture(faults):
    """The chart as the text of an SVG file, the same for the same outcomes."""
    stable = matplotlib.rc_context({"svg.hashsalt": "packwarden", "svg.fonttype": "none"})
    with style.context("default"), stable:
        figure = Figure(figsize=(10, 4.2))
        FigureCanvasSVG(figure)
        left, right = figure.subplots(1, 2)
        _shares(left, faults)
        _heats(right, faults)
        figure.tight_layout()
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": "packwarden"})
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def _shares(axes, faults):
    limits_h = np.linspace(0, 6, 37)
    for (low_K, high_K), colour in zip(SIZES_K, _COLOURS, strict=True):
        pairs = [within(_of(faults, low_K, high_K), limit_h) for limit_h in limits_h]
        shares = [100 * named / known if known else np.nan for named, known in pairs]
        axes.plot(limits_h, shares, color=colour, label=f"{low_K} .. {high_K} K")
    axes.set_xlabel("qualifying load (h)")
    axes.set_ylabel("named (% of those that had it)")
    axes.set_title("The right terminal named, by size", loc="left")
    axes.legend(title=_SIZES, fontsize=8)
    axes.grid(color="0.9")


def _heats(axes, faults):
    for rule, colour in zip((_NAMED, *RULES), _COLOURS, strict=False):
        told = [(fault.size_K, _told(fault, rule)) for fault in faults]
        points = [(size_K, when[1]) for size_K, when in told if when is not None]
        if points:
            axes.scatter(*zip(*points, strict=True), s=8, color=colour, label=rule)
    for rule in RULES[:3]:
        axes.axhline(float(rule.split()[0]), color="0.4", linewidth=1, linestyle="dashed")
    axes.set_xlabel(f"{_SIZES} (K)")
    axes.set_ylabel("terminal when told (degC)")
    axes.set_title("How warm it is then", loc="left")
    axes.legend(fontsize=8)
    axes.grid(color="0.9")
