"""The trace matrix: what has to hold, and the tests that hold it, by their `holds` markers.

`pytest --collect-only -q --write-matrix` writes it into README.md; test_trace_matrix.py holds that
nothing is without a test and that the page is current.
"""

import re
from pathlib import Path

from packwarden.elements import TABLE

PAGE = Path(__file__).with_name("README.md")
_SECTION = re.compile(r"(?<=<!-- trace matrix -->\n).*?(?=^<!-- end -->$)", re.DOTALL | re.M)

TIPS = {
    "tip 1": "match voltage within 0.05 V and resistance within 3 mOhm before joining",
    "tip 2": "never more batteries than the BMS allows, 15 at most",
    "tip 3": "loose terminals make heat spots",
    "tip 4": "feed the inverter diagonally, never from one battery",
    "tip 5": "one main breaker and one per battery, delayed so that they do not trip falsely",
    "tip 6": "gaps between the units, forced cooling above 35 degC",
    "tip 7": "each month: temperatures, consistency, BMS warnings and logs",
}
RULES = {
    "rule 1": "50 discriminates by direction and blocks the others for 100 ms",
    "rule 2": "a stuck breaker on a shorted battery ends in trip_all",
    "rule 3": "another breaker opened: trip again, the main now, crossed wiring",
    "rule 4": "permissives drop before a breaker opens, where there is time",
    "rule 5": "opened batteries stay watched",
    "rule 6": "thermistor electronics: 130 degC is a temperature and not a short",
    "rule 7": "a dead busbar is joined only after pre-charge is proven",
    "rule 8": "what no sensor sees is out of scope, and said so",
}
STANDARDS = {
    "IEC 60255-151": "SI, VI, EI: operate times within 5 % or 40 ms of the formula",
    "IEEE C37.112": "MI, VI, EI: operate times within 5 % or 40 ms, reset characteristic",
}


def required():
    """Return {name: what it says} of everything that has to be held, in the order of the table."""
    elements = {element.slug: f"element {element.device or ''}".strip() for element in TABLE}
    return TIPS | elements | RULES | STANDARDS


def held(items):
    """Return {name: sorted tests} from collected items."""
    found = {name: set() for name in required()}
    for item in items:
        for marker in item.iter_markers("holds"):
            for name in marker.args:
                if name == "its element":
                    name = item.callspec.params["element"].slug
                path = item.path.relative_to(PAGE.parent).as_posix()
                found[name].add(f"{path}::{item.originalname}")
    return {name: sorted(tests) for name, tests in found.items()}


def table(items):
    """Return the matrix as a Markdown table."""
    tests = held(items)
    lines = ["| what | says | held by |", "|---|---|---|"]
    for name, says in required().items():
        lines.append(f"| {name} | {says} | {'<br>'.join(f'`{test}`' for test in tests[name])} |")
    return "\n".join(lines) + "\n"


def shown():
    """Return the table as the page has it."""
    return _SECTION.search(PAGE.read_text())[0]


def write(items):
    """Write the matrix into the page."""
    new = table(items)
    PAGE.write_text(_SECTION.sub(lambda _: new, PAGE.read_text()))
