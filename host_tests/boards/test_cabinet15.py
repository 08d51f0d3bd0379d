"""cabinet15: its pins can be spared, nothing is used twice, and its README says the same."""

import re

import pytest

from packwarden.chips.mcp23017 import OUTPUT_ONLY
from packwarden_host import REPOSITORY, boards
from packwarden_host.thermistors import PARTS, pin_microvolts, resistance_ohm

FOLDER = REPOSITORY / "boards/cabinet15"
board = boards.load("cabinet15")
batteries = range(1, board.MAX_BATTERIES + 1)

# The ESP32's pins, by what forbids them.
MISSING = {20, 24, 28, 29, 30, 31}
STRAPPING = {0, 2, 5, 12, 15}
FLASH = {6, 7, 8, 9, 10, 11}
PSRAM = {16, 17}  # on boards with a WROVER module
CONSOLE = {1, 3}
INPUT_ONLY = {34, 35, 36, 37, 38, 39}
ADC1 = range(32, 40)

BUSES = (board.I2C_MONITORS, board.I2C_EXPANDERS)
OUTPUTS = [
    *(pin for bus in BUSES for pin in bus[1:3]),
    *board.MUX_SELECT,
    board.PIN_MAIN_TRIP,
    board.PIN_ALARM,
    board.PIN_CHARGE,
    board.PIN_DISCHARGE,
]
INPUTS = [*board.MUX_ADC, board.ADC_SUPPLY, board.PIN_EXTERNAL_TRIP, board.PIN_ALERT]
PINS = [*OUTPUTS, *INPUTS, board.PIN_BUTTON]
BOOT = 0  # the strapping pin that has a button on every DevKit


def test_no_pin_is_used_twice():
    assert len(set(PINS)) == len(PINS)


def test_every_pin_is_there_and_free():
    taken = MISSING | STRAPPING | FLASH | PSRAM | CONSOLE
    assert taken & set(PINS) == {board.PIN_BUTTON} == {BOOT}
    assert all(0 <= pin <= 39 for pin in PINS)


def test_no_output_is_on_a_pin_that_is_only_an_input():
    assert not INPUT_ONLY & set(OUTPUTS)


def test_the_multiplexers_are_read_by_adc1():
    assert len(board.MUX_ADC) == 2
    assert {*board.MUX_ADC, board.ADC_SUPPLY} <= set(ADC1)


def test_the_buses_run_within_the_limits_of_chip_and_driver():
    assert [bus[0] for bus in BUSES] == [0, 1]
    for _, _, _, freq_hz, timeout_us in BUSES:
        assert freq_hz <= 400_000
        assert 20_000 <= timeout_us <= 50_000


def test_addresses_are_those_of_the_chips_and_unique_on_each_bus():
    assert list(board.MONITOR_ADDRESSES) == list(range(0x40, 0x50))
    assert len(board.MONITOR_ADDRESSES) == board.MAX_BATTERIES + 1
    expanders = [board.RELAY_EXPANDER, *board.INPUT_EXPANDERS]
    assert len(set(expanders)) == len(expanders)
    assert set(expanders) <= set(range(0x20, 0x28))


def test_relay_outputs_leave_the_fan_its_own():
    assert board.RELAY_FAN_BIT not in [k - 1 for k in batteries]
    assert 0 <= board.RELAY_FAN_BIT <= 15


def test_every_contact_has_an_input_of_its_own():
    places = [*board.AUX_A, *board.AUX_B, *board.BMS, board.TRIP_CIRCUIT]
    assert len(board.AUX_A) == len(board.AUX_B) == board.MAX_BATTERIES + 1
    assert len(board.BMS) == board.MAX_BATTERIES
    assert len(set(places)) == len(places)
    for expander, bit in places:
        assert 0 <= expander < len(board.INPUT_EXPANDERS)
        assert 0 <= bit <= 15
        assert not OUTPUT_ONLY >> bit & 1


def test_every_thermistor_has_an_input_of_its_own():
    assert len(board.TERMINAL_PLUS) == len(board.TERMINAL_MINUS) == board.MAX_BATTERIES
    places = [*board.TERMINAL_PLUS, *board.TERMINAL_MINUS, board.AMBIENT, board.REFERENCE]
    assert len(set(places)) == len(places)
    assert {mux for mux, _ in places} == {0, 1}
    assert all(0 <= place < 1 << len(board.MUX_SELECT) for _, place in places)


def test_the_excitation_stays_in_the_adcs_linear_range():
    assert 2000 <= board.EXCITATION_MV < 2400


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


# Manifest


def sources(folder):
    return folder.resolve().rglob("*.py")


def test_the_manifest_freezes_all_that_runs_on_the_board_and_nothing_else():
    frozen = set()
    names = {
        "include": lambda path: None,
        "module": lambda name: frozen.add(FOLDER / name),
        "package": lambda name, base_path: frozen.update(sources(FOLDER / base_path / name)),
        "freeze": lambda path: frozen.update(sources(FOLDER / path)),
    }
    exec((FOLDER / "manifest.py").read_text(), names)
    needed = {*sources(REPOSITORY / "lib"), *sources(REPOSITORY / "firmware")}
    assert frozen == needed | {FOLDER / "board.py"}
