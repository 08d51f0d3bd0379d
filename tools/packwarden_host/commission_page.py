"""The report of a commissioning, as a page in the style of the monthly check's, or Markdown."""

from collections.abc import Mapping

from packwarden_host import output, page
from packwarden_host.commission_progress import Progress

Titles = Mapping[str, str]  # of the steps by name, in their order
_HEADS = ("what", "found", "wanted", "result")
_STATES = ("failed", "open", "incomplete", "good")  # the first that a step has is that of all

# How a step is done once more, where that is not `--only` alone.
_AGAIN = {"estimates": "--only estimates --only baseline", "injection": "--inject"}


def verdict(progress: Progress, titles: Titles) -> str:
    """How all of it stands: failed, open, incomplete or good."""
    states = {progress.state(name) for name in titles}
    return next(one for one in _STATES if one in states)


def summary(progress: Progress, titles: Titles) -> str:
    """How many steps stand how."""
    states = [progress.state(name) for name in titles]
    counts = ((one, states.count(one)) for one in _STATES)
    return ", ".join(f"{count} {one}" for one, count in counts if count)


def remedy(progress: Progress, name: str) -> str:
    """What a step has left out, and what does it after all."""
    whats = ", ".join(check.what for check in progress.steps[name].checks if check.left_out)
    return f"left out: {whats}; the same command with {_AGAIN.get(name, f'--only {name}')} does it"


def html(progress: Progress, titles: Titles) -> str:
    """The report as a page; whatever the cabinet told is text in it."""
    return page.render(
        "commission.html.jinja",
        verdict=verdict(progress, titles),
        summary=summary(progress, titles),
        facts=_facts(progress),
        titles=titles,
        progress=progress,
        note=_note,
        heads=_HEADS,
    )


def markdown(progress: Progress, titles: Titles) -> str:
    """The report as Markdown."""
    parts = [
        f"# Commissioning: {verdict(progress, titles)}",
        f"Steps: {summary(progress, titles)}.",
    ]
    parts.append(output.markdown_table(("what", "is"), _facts(progress)))
    for name, title in titles.items():
        parts.append(f"## {title}: {progress.state(name)}")
        step = progress.steps.get(name)
        if step is None:
            parts.append("Not done yet.")
            continue
        parts.append(f"{step.when} by {step.by}" + _note(progress, name))
        rows = [[check.what, check.found, check.wanted, check.result] for check in step.checks]
        safe = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
        parts.append(output.markdown_table(_HEADS, safe))
    parts.append("Name, date: ______________________________")
    return "\n\n".join(parts) + "\n"


def _note(progress: Progress, name: str) -> str:
    return f"; {remedy(progress, name)}" if progress.state(name) == "incomplete" else ""


def _facts(progress: Progress) -> list[tuple[str, str]]:
    """Which cabinet it is, and which file of progress belongs to this report."""
    cabinet = progress.cabinet
    return [
        ("Bank", f"{cabinet.batteries} batteries of {cabinet.rated_current_A:g} A"),
        ("Board", f"{cabinet.board}, Packwarden {cabinet.firmware}"),
        ("Configuration", cabinet.configuration),
        ("SHA-256 of the progress file", progress.seal()),
    ]
