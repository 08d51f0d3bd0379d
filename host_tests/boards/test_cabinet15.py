"""cabinet15: its README says what its board.py says, its manifest freezes what it needs."""

import re

import pytest

from packwarden_host import REPOSITORY, boards
from packwarden_host.thermistors import PARTS, pin_microvolts, resistance_ohm

FOLDER = REPOSITORY / "boards/cabinet15"
board = boards.load("cabinet15")
batteries = range(1, board.MAX_BATTERIES + 1)

# README


def rows():
    """Every table row of the README as a tuple of its cells."""
    lines = (FOLDER / "README.md").read_text().splitlines()
    return [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in lines
        if line.startswith("|")
    ]


ROLES = {
    "monitors SCL": board.I2C_MONITORS[1],
    "monitors SDA": board.I2C_MONITORS[2],
    "expanders SCL": board.I2C_EXPANDERS[1],
    "expanders SDA": board.I2C_EXPANDERS[2],
    **{f"mux select S{n}": pin for n, pin in enumerate(board.MUX_SELECT)},
    **{f"mux {n} to ADC": pin for n, pin in enumerate(board.MUX_ADC)},
    "coil supply to ADC": board.ADC_SUPPLY,
    "monitors ALERT": board.PIN_ALERT,
    "external trip": board.PIN_EXTERNAL_TRIP,
    "button BOOT": board.PIN_BUTTON,
    "main trip": board.PIN_MAIN_TRIP,
    "alarm": board.PIN_ALARM,
    "charge permissive": board.PIN_CHARGE,
    "discharge permissive": board.PIN_DISCHARGE,
}


def test_the_readme_names_each_pin_for_what_it_is():
    told = {row[1]: int(row[0][4:]) for row in rows() if re.fullmatch(r"GPIO\d+", row[0])}
    assert told == ROLES


def pin_name(bit):
    return f"GP{'AB'[bit >> 3]}{bit & 7}"


def battery_rows():
    """What the README's wiring tables have to say of each battery."""
    levels = ("GND", "VS", "SDA", "SCL")
    for k in batteries:
        address = board.MONITOR_ADDRESSES[k - 1]
        yield (str(k), f"0x{address:02X}", levels[address >> 2 & 3], levels[address & 3])
        contacts = board.AUX_A[k - 1], board.AUX_B[k - 1], board.BMS[k - 1]
        yield (
            str(k),
            pin_name(k - 1),
            *(f"0x{board.INPUT_EXPANDERS[place]:02X} {pin_name(bit)}" for place, bit in contacts),
            f"mux {board.TERMINAL_PLUS[k - 1][0]} input {board.TERMINAL_PLUS[k - 1][1]}",
            f"mux {board.TERMINAL_MINUS[k - 1][0]} input {board.TERMINAL_MINUS[k - 1][1]}",
        )


@pytest.mark.parametrize("row", list(battery_rows()), ids="-".join)
def test_the_readme_wires_every_battery_as_the_firmware_reads_it(row):
    assert row in rows()


def test_the_readme_computes_the_bridge_as_the_host_does():
    curve = PARTS["semitec_103at"].settings("semitec_103at")
    told = [row for row in rows() if re.fullmatch(r"-?\d+ degC", row[0])]
    assert len(told) >= 8
    for temperature, resistance, millivolts, *_ in told:
        at_C = int(temperature.split()[0])
        assert resistance == f"{resistance_ohm(curve, at_C):.0f} ohm"
        uV = pin_microvolts(curve, 4700, board.EXCITATION_MV, at_C)
        assert millivolts == f"{uV / 1000:.0f} mV"
