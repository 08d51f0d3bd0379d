"""The report of a commissioning, as a page in the style of the monthly check's, or Markdown."""

from collections.abc import Mapping

from packwarden_host import output, page
from packwarden_host.commission_progress import Progress

Titles = Mapping[str, str]  # of the steps by name, in their order
_HEADS = ("what", "found", "wanted", "result")


def state(progress: Progress, name: str) -> str:
    """How a step stands."""
    step = progress.steps.get(name)
    return "open" if step is None else "good" if step.good else "failed"


def verdict(progress: Progress, titles: Titles) -> str:
    """How all of it stands: failed, open or good."""
    states = {state(progress, name) for name in titles}
    return "failed" if "failed" in states else "open" if "open" in states else "good"


def summary(progress: Progress, titles: Titles) -> str:
    """How many steps stand how, and how many checks were left out."""
    states = [state(progress, name) for name in titles]
    counts = ((one, states.count(one)) for one in ("failed", "open", "good"))
    text = ", ".join(f"{count} {one}" for one, count in counts if count)
    checks = [check for step in progress.steps.values() for check in step.checks]
    left_out = sum(check.left_out for check in checks)
    return f"{text}; {left_out} left out" if left_out else text


def html(progress: Progress, titles: Titles) -> str:
    """The report as a page; whatever the cabinet told is text in it."""
    return page.render(
        "commission.html.jinja",
        verdict=verdict(progress, titles),
        summary=summary(progress, titles),
        facts=_facts(progress),
        titles=titles,
        progress=progress,
        state=state,
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
        parts.append(f"## {title}: {state(progress, name)}")
        step = progress.steps.get(name)
        if step is None:
            parts.append("Not done yet.")
            continue
        parts.append(f"{step.when} by {step.by}")
        rows = [[check.what, check.found, check.wanted, check.result] for check in step.checks]
        safe = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
        parts.append(output.markdown_table(_HEADS, safe))
    parts.append("Name, date: ______________________________")
    return "\n\n".join(parts) + "\n"


def _facts(progress: Progress) -> list[tuple[str, str]]:
    """Which cabinet it is, and which file of progress belongs to this report."""
    cabinet = progress.cabinet
    return [
        ("Bank", f"{cabinet.batteries} batteries of {cabinet.rated_current_A:g} A"),
        ("Board", f"{cabinet.board}, Packwarden {cabinet.firmware}"),
        ("Configuration", cabinet.configuration),
        ("SHA-256 of the progress file", progress.seal()),
    ]
