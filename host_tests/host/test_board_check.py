"""`packwarden board check`: each seeded mistake is refused, by its fact and with its reason."""

import re
from types import SimpleNamespace

import pytest

from packwarden_host import REPOSITORY, board_check, boards
from packwarden_host.board_chips import CHIPS
from packwarden_host.errors import BadInput

CABINET15 = boards.load("cabinet15")
CABINET4 = boards.load("cabinet4")
NAMES = [name for name in vars(CABINET15) if name.isupper() and name[0] != "_"]


def changed(board=CABINET15, **facts):
    """A board with some facts changed."""
    return SimpleNamespace(**{name: getattr(board, name) for name in NAMES} | facts)


def with_place(places, place, at):
    return (*places[:place], at, *places[place + 1 :])


# What is changed, where the mistake is reported, and why.
MISTAKES = {
    "strapping": ({"PIN_MAIN_TRIP": 12}, "PIN_MAIN_TRIP", "GPIO12 is a strapping pin"),
    "strapping, boot": ({"PIN_ALARM": 0}, "PIN_ALARM", "low at reset starts the boot loader"),
    "flash": ({"MUX_SELECT": (4, 13, 14, 9)}, "MUX_SELECT[3]", "GPIO9 carries the flash"),
    "button on a strap": ({"PIN_BUTTON": 2}, "PIN_BUTTON", "GPIO2 is a strapping pin"),
    "PSRAM": ({"PIN_ALARM": 17}, "PIN_ALARM", "GPIO17 carries the PSRAM of an ESP32-WROVER-E"),
    "console": ({"PIN_CHARGE": 1}, "PIN_CHARGE", "GPIO1 is the console"),
    "no such pin": ({"PIN_CHARGE": 24}, "PIN_CHARGE", "GPIO24 does not exist on an ESP32"),
    "beyond all pins": ({"PIN_CHARGE": 40}, "PIN_CHARGE", "GPIO40 does not exist"),
    "input only": ({"PIN_DISCHARGE": 34}, "PIN_DISCHARGE", "GPIO34 can only be an input"),
    "input only, bus": (
        {"I2C_MONITORS": (0, 22, 37, 400_000, 20_000)},
        "I2C_MONITORS",
        "monitors SDA: GPIO37 can only be an input",
    ),
    "no pull-up": ({"PIN_EXTERNAL_TRIP": 38}, "PIN_EXTERNAL_TRIP", "GPIO38 has no pull-up"),
    "converter 2": ({"MUX_ADC": (34, 4)}, "MUX_ADC[1]", "on converter 2 (ADC2), which fails"),
    "no converter": ({"ADC_SUPPLY": 21}, "ADC_SUPPLY", "GPIO21 has no converter"),
    "glitch": ({"PIN_MAIN_TRIP": 14}, "PIN_MAIN_TRIP", "GPIO14 sends a burst of pulses"),
    "pin twice": (
        {"PIN_ALARM": 25},
        "PIN_CHARGE",
        "charge permissive: GPIO25 is alarm already (PIN_ALARM)",
    ),
    "bus and output": ({"PIN_ALARM": 22}, "PIN_ALARM", "GPIO22 is monitors SCL already"),
    "address twice": (
        {"INPUT_EXPANDERS": (0x21, 0x22, 0x20, 0x24)},
        "INPUT_EXPANDERS[2]",
        "contacts 2: 0x20 on I2C 1 is relays already (RELAY_EXPANDER)",
    ),
    "monitors alike": (
        {"MONITOR_ADDRESSES": (0x40, *range(0x40, 0x4F))},
        "MONITOR_ADDRESSES[1]",
        "battery 2: 0x40 on I2C 0 is battery 1 already",
    ),
    "address of another part": (
        {"RELAY_EXPANDER": 0x48},
        "RELAY_EXPANDER",
        "no expander can be at 0x48, but at 0x20 .. 0x27",
    ),
    "monitor missing": (
        {"MONITOR_ADDRESSES": tuple(range(0x40, 0x4F))},
        "MONITOR_ADDRESSES",
        "15 addresses, not one for each of 15 batteries and the busbar",
    ),
    "same bus": (
        {"I2C_EXPANDERS": (0, 19, 18, 400_000, 20_000)},
        "I2C_EXPANDERS",
        "I2C 0 is the monitors' bus already",
    ),
    "no such bus": ({"I2C_EXPANDERS": (2, 19, 18, 400_000, 20_000)}, "I2C_EXPANDERS", "no I2C 2"),
    "too fast": (
        {"I2C_MONITORS": (0, 22, 21, 1_000_000, 20_000)},
        "I2C_MONITORS",
        "1000000 Hz is outside 10000 .. 400000 Hz",
    ),
    "time-out": (
        {"I2C_MONITORS": (0, 22, 21, 400_000, 1_000)},
        "I2C_MONITORS",
        "a time-out of 1000 us is outside 20000 .. 50000 us",
    ),
    "output-only bit": (
        {"AUX_A": with_place(CABINET15.AUX_A, 3, (0, 7))},
        "AUX_A[3]",
        "52a of battery 4: bit 7 of an MCP23017 (GPA7) can only be an output",
    ),
    "contact twice": (
        {"BMS": with_place(CABINET15.BMS, 0, CABINET15.AUX_A[0])},
        "BMS[0]",
        "BMS contact of battery 1: bit 0 of input expander 0 is 52a of battery 1 already",
    ),
    "no such expander": ({"TRIP_CIRCUIT": (4, 9)}, "TRIP_CIRCUIT", "there is no input expander 4"),
    "no such bit": ({"TRIP_CIRCUIT": (2, 16)}, "TRIP_CIRCUIT", "bits 0 .. 15, not 16"),
    "contact missing": (
        {"AUX_B": CABINET15.AUX_B[:-1]},
        "AUX_B",
        "15 places, not 16: one per breaker, the main one last",
    ),
    "thermistor twice": ({"AMBIENT": (0, 15)}, "AMBIENT", "is reference resistor already"),
    "beyond the select lines": (
        {"AMBIENT": (1, 16)},
        "AMBIENT",
        "4 select lines reach inputs 0 .. 15, not 16",
    ),
    "no such multiplexer": ({"REFERENCE": (2, 0)}, "REFERENCE", "there is no multiplexer 2"),
    "terminal missing": (
        {"TERMINAL_PLUS": CABINET15.TERMINAL_PLUS[:-1]},
        "TERMINAL_PLUS",
        "14 places, not 15: one per battery",
    ),
    "fan on a breaker": (
        {"RELAY_FAN_BIT": 3},
        "RELAY_FAN_BIT",
        "bit 3 is the relay of battery 4 already",
    ),
    "no such relay": ({"RELAY_FAN_BIT": 16}, "RELAY_FAN_BIT", "16 is outside 0 .. 15"),
    "level of no relay": (
        {"ACTIVE_LOW_RELAYS": 0x10000},
        "ACTIVE_LOW_RELAYS",
        "has bits without a relay",
    ),
    "level of no pin": (
        {"ACTIVE_LOW_PINS": ("mian",)},
        "ACTIVE_LOW_PINS",
        "'mian' is not one of main, alarm, charge, discharge",
    ),
    "excitation": (
        {"EXCITATION_MV": 3300},
        "EXCITATION_MV",
        "3300 mV is outside 1000 .. 2401 mV: the ESP32 reads 150 .. 2450 mV",
    ),
    "divider": (
        {"SUPPLY_DIVIDER": 11},
        "SUPPLY_DIVIDER",
        "56 V are 5091 mV at the pin, it reads up to 2450 mV",
    ),
    "clock": ({"CPU_HZ": 250_000_000}, "CPU_HZ", "no clock of an ESP32: 80, 160, 240 MHz"),
    "batteries": ({"MAX_BATTERIES": 16}, "MAX_BATTERIES", "16 is outside 1 .. 15"),
    "module": ({"MODULES": ("ESP32-WROOM",)}, "MODULES", "'ESP32-WROOM' is not known with an"),
    "no module": ({"MODULES": ()}, "MODULES", "names no module; known are ESP32-WROOM-32E"),
    "name": ({"NAME": "cabinet5"}, "NAME", "'cabinet5' is not the name of its folder"),
    "chip": ({"CHIP": "esp8266"}, "CHIP", "'esp8266' is not one of esp32, esp32s3"),
    "wrong kind": ({"PIN_ALARM": "27"}, "PIN_ALARM", "'27' is not a whole number"),
    "bus cut short": (
        {"I2C_MONITORS": (0, 22, 21)},
        "I2C_MONITORS",
        "is not (id, SCL, SDA, Hz, time-out in us)",
    ),
}


# The same, of the board with relays on pins and thermistors behind converters.
MISTAKES4 = {
    "PSRAM": (
        {"MODULES": ("ESP32-WROOM-32E", "ESP32-WROVER-E")},
        "RELAY_PINS[0]",
        "relay of battery 1: GPIO16 carries the PSRAM of an ESP32-WROVER-E",
    ),
    "glitch": (
        {"RELAY_PINS": (16, 17, 4, 14, 33)},
        "RELAY_PINS[3]",
        "relay of battery 4: GPIO14 sends a burst of pulses at power-up: no relay belongs there",
    ),
    "pin twice": (
        {"RELAY_PINS": (16, 17, 4, 23, 33)},
        "PIN_MAIN_TRIP",
        "GPIO23 is relay of battery 4 already (RELAY_PINS[3])",
    ),
    "relay missing": (
        {"RELAY_PINS": (16, 17, 4, 13)},
        "RELAY_PINS",
        "4 pins, not one for each battery and the fan's bit 4",
    ),
    "relays twice": ({"RELAY_EXPANDER": 0x21}, "RELAY_PINS", "either on RELAY_PINS or on"),
    "no relays": ({"RELAY_PINS": ()}, "RELAY_PINS", "either on RELAY_PINS or on"),
    "converters and multiplexers": ({"MUX_ADC": (34,)}, "CONVERTERS", "either on CONVERTERS or"),
    "nothing reads thermistors": ({"CONVERTERS": ()}, "CONVERTERS", "either on CONVERTERS or"),
    "address of another part": (
        {"CONVERTERS": (0x48, 0x49, 0x4C)},
        "CONVERTERS[2]",
        "no converter can be at 0x4C, but at 0x48 .. 0x4B",
    ),
    "address twice": (
        {"CONVERTERS": (0x48, 0x49, 0x49)},
        "CONVERTERS[2]",
        "0x49 on I2C 1 is thermistors 1 already (CONVERTERS[1])",
    ),
    "no such converter": ({"AMBIENT": (3, 1)}, "AMBIENT", "there is no converter 3"),
    "no such input": ({"AMBIENT": (2, 4)}, "AMBIENT", "it has inputs 0 .. 3, not 4"),
    "input twice": (
        {"AMBIENT": (0, 1)},
        "AMBIENT",
        "input 1 of converter 0 is terminal + of battery 2 already (TERMINAL_PLUS[1])",
    ),
    "excitation": (
        {"EXCITATION_MV": 3300},
        "EXCITATION_MV",
        "3300 mV is outside 1000 .. 3235 mV: the ADS1115 reads 0 .. 3300 mV",
    ),
    "divider": ({"SUPPLY_DIVIDER": 11}, "SUPPLY_DIVIDER", "it reads up to 2450 mV"),
}


@pytest.mark.parametrize("mistake", MISTAKES4)
def test_a_seeded_mistake_of_the_small_board_is_refused_with_its_reason(mistake):
    facts, fact, reason = MISTAKES4[mistake]
    found = board_check.errors(changed(CABINET4, **facts), "cabinet4")
    assert [text for where, text in found if where == fact and reason in text], found


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_seeded_mistake_is_refused_where_it_is_and_with_its_reason(mistake):
    facts, fact, reason = MISTAKES[mistake]
    found = board_check.errors(changed(**facts), "cabinet15")
    assert [text for where, text in found if where == fact and reason in text], found


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_fact_is_named(name):
    board = changed()
    delattr(board, name)
    assert (name, "is missing") in [
        (fact, reason.split(",")[0]) for fact, reason in board_check.errors(board)
    ]


def test_a_low_level_that_energises_is_not_left_to_a_glitch():
    good = changed(PIN_MAIN_TRIP=23, ACTIVE_LOW_PINS=("main",))
    assert board_check.errors(good) == []
    [(fact, reason)] = board_check.errors(
        changed(PIN_MAIN_TRIP=14, MUX_SELECT=(4, 13, 23, 33), ACTIVE_LOW_PINS=("main",))
    )
    assert fact == "PIN_MAIN_TRIP"
    assert "GPIO14 sends a burst of pulses at power-up: no relay belongs there" in reason


@pytest.mark.parametrize("name", CHIPS)
def test_the_facts_of_a_chip_are_about_its_own_pins(name):
    chip = CHIPS[name]
    told = {*chip.taken, *chip.input_only, *chip.converter_1, *chip.converter_2}
    told |= {*chip.glitches_high, *chip.glitches_low}
    for taken in chip.modules.values():
        told |= {*taken}
    assert told <= chip.pins
    assert not chip.converter_1 & chip.converter_2


@pytest.mark.parametrize("name", boards.names())
def test_every_board_of_the_repository_is_good(name, packwarden):
    done = packwarden("board", "check", name)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{name}: good: ")


def test_each_mistake_is_a_line_on_stderr_and_the_exit_code_is_2(packwarden, monkeypatch):
    board = changed(PIN_ALARM=12, EXCITATION_MV=3300)
    monkeypatch.setattr("packwarden_host.boards.load", lambda _: board)
    done = packwarden("board", "check", "cabinet15")
    assert (done.code, done.out) == (2, "")
    first, second = done.err.splitlines()
    start = "packwarden: boards/cabinet15/board.py: "
    assert first.startswith(f"{start}PIN_ALARM: alarm: GPIO12 is a strapping pin")
    assert second.startswith(f"{start}EXCITATION_MV: 3300 mV is outside")


@pytest.mark.parametrize("command", [["show"], ["picture", "-o", "x.svg"]], ids=lambda c: c[0])
def test_a_board_with_a_mistake_is_not_shown(refused, monkeypatch, command):
    board = changed(PIN_ALARM=12, EXCITATION_MV=3300)
    monkeypatch.setattr("packwarden_host.boards.load", lambda _: board)
    said = refused("board", command[0], "cabinet15", *command[1:])
    assert "boards/cabinet15/board.py: PIN_ALARM: alarm: GPIO12 is a strapping pin" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NAME = (", "boards/mine/board.py: line 1: '(' was never closed"),
        ("A = B", "boards/mine/board.py: NameError: name 'B' is not defined"),
        ("import machine_", "boards/mine/board.py: ModuleNotFoundError"),
    ],
)
def test_a_board_that_cannot_be_read_says_why(text, message, tmp_path, monkeypatch):
    folder = tmp_path / "boards" / "mine"
    folder.mkdir(parents=True)
    (folder / "board.py").write_text(text)
    monkeypatch.setattr(boards, "REPOSITORY", tmp_path)
    with pytest.raises(BadInput) as raised:
        boards.load("mine")
    assert str(raised.value).startswith(message)


def test_every_fact_that_the_firmware_reads_is_checked():
    told = {fact for _, _, facts in board_check.SHAPES for fact in facts}
    texts = [path.read_text() for path in (REPOSITORY / "firmware").glob("*.py")]
    read = {fact for text in texts for fact in re.findall(r"\bboard\.([A-Z][A-Z_]+)", text)}
    assert len(read) > 15
    assert read <= told
