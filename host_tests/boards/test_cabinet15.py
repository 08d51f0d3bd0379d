"""cabinet15: what its README computes is what the host computes."""

import re

from packwarden_host import REPOSITORY, boards
from packwarden_host.thermistors import PARTS, pin_microvolts, resistance_ohm

board = boards.load("cabinet15")


def rows():
    """Every table row of the README as a tuple of its cells."""
    lines = (REPOSITORY / "boards/cabinet15/README.md").read_text().splitlines()
    return [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in lines
        if line.startswith("|")
    ]


def test_the_readme_computes_the_bridge_as_the_host_does():
    curve = PARTS["semitec_103at"].settings("semitec_103at")
    told = [row for row in rows() if re.fullmatch(r"-?\d+ degC", row[0])]
    assert len(told) >= 8
    for temperature, resistance, millivolts, *_ in told:
        at_C = int(temperature.split()[0])
        assert resistance == f"{resistance_ohm(curve, at_C):.0f} ohm"
        uV = pin_microvolts(curve, 4700, board.EXCITATION_MV, at_C)
        assert millivolts == f"{uV / 1000:.0f} mV"
