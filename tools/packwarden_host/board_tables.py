"""Wiring tables of a board, from its `board.py` and what is known of its chip: for its README."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

from packwarden_host import board_parts, board_uses
from packwarden_host.board_chips import CHIPS, Chip
from packwarden_host.board_uses import (
    ANALOG,
    BUS,
    BUTTON,
    INPUT,
    OUTPUT,
    PULLED_UP,
    RELAY,
    PinUse,
    Place,
)

Row = tuple[str, ...]

# Hardware that does not need the firmware (boards' READMEs): what holds an output without it.
TIMER_S = 8
HOLD_UP_S = 3

# What a pin's net does until the firmware runs, by how the pin is used.
_LEVELS = {
    BUS: "high by 2.2 kOhm: bus idle",
    OUTPUT: "any: no effect",
    ANALOG: "input",
    INPUT: "high by 10 kOhm, low while a monitor says so",
    PULLED_UP: "high by 10 kOhm, low while the contact is closed",
    BUTTON: "high by the DevKit's 10 kOhm",
}
# What a glitch of the pin itself at power-up does to its net.
_GLITCHES = {
    BUS: "which no chip takes for a start",
    OUTPUT: "which harms no select line",
    ANALOG: "before anybody reads it",
    INPUT: "before anybody reads it",
    PULLED_UP: "before anybody reads it",
    RELAY: "which is relay off",
}
# What a relay says that is off.
_OFF_BREAKER = "no trip, or the breaker cannot be closed"
_OFF = {
    "relay of fan": "it stands",
    "alarm": "alarm",
    "charge permissive": "charging not allowed",
    "discharge permissive": "discharging not allowed",
}


def pin_rows(board: ModuleType) -> Iterator[Row]:
    """Every pin of the controller that is used, and why it may be."""
    chip = CHIPS[board.CHIP]
    for use in board_uses.pins(board):
        yield f"GPIO{use.pin}", use.what, _why(use, chip), _level(use)


def _why(use: PinUse, chip: Chip) -> str:
    if use.how == BUTTON:
        return "on the DevKit already; never held at reset, which would start the boot loader"
    reasons = []
    if use.how == ANALOG:
        reasons.append("converter 1 (ADC1), which works while WiFi runs")
    if use.pin in chip.input_only:
        reasons.append("input only, so of no other use")
    glitch = chip.glitches_high.get(use.pin) or chip.glitches_low.get(use.pin)
    if glitch:
        reasons.append(f"{glitch}, {_GLITCHES[use.how]}")
    return "; ".join(reasons) or "no function and no glitch at reset"


def _level(use: PinUse) -> str:
    if use.how != RELAY:
        return _LEVELS[use.how]
    level = "high by 4.7 kOhm to 3.3 V" if use.active_low else "low by 4.7 kOhm"
    return f"{level}, relay off: {_OFF.get(use.what, _OFF_BREAKER)}"


# ---- buses

_NETS = ("GND", "VS", "SDA", "SCL")
PARTS = {"monitor": "INA228", "expander": "MCP23017", "converter": "ADS1115"}


def address_pins(part: str, address: int) -> str:
    """What the address pins of a part are wired to, by its data sheet."""
    if part == "monitor":  # table of SBOS547, SLYS021 and SLYS025: A1 and A0 to one of four nets
        return f"A1 {_NETS[address >> 2 & 3]}, A0 {_NETS[address & 3]}"
    if part == "converter":  # table of SBAS444: ADDR to one of four nets
        return f"ADDR {_NETS[address & 3]}"
    levels = ("GND", "3.3 V")  # DS20001952, figure 1-4
    return ", ".join(f"A{n} {levels[address >> n & 1]}" for n in (2, 1, 0))


def chip_rows(board: ModuleType) -> Iterator[Row]:
    """Every chip on the buses, with its address pins."""
    for use in board_uses.chips(board):
        what = use.what
        if use.fact.startswith("INPUT_EXPANDERS"):
            what = _carried(board_uses.contacts(board), int(use.fact[16:-1]))
        elif use.fact.startswith("CONVERTERS"):
            what = _carried(board_uses.thermistors(board), int(use.fact[11:-1]))
        address = f"0x{use.address:02X}"
        straps = address_pins(use.part, use.address)
        yield f"I2C {use.bus}", address, PARTS[use.part], what, straps


def _carried(places: list[Place], chip: int) -> str:
    """What one of several chips carries, in a few words."""
    groups: dict[str, list[str]] = {}
    for place in places:
        if place.at[0] == chip:
            kind, _, whose = place.what.partition(" of ")
            groups.setdefault(kind, []).append(whose)
    return "; ".join(
        f"{kind} of {_several(whose)}" if whose != [""] else kind for kind, whose in groups.items()
    )


def _several(whose: list[str]) -> str:
    numbers = [one.removeprefix("battery ") for one in whose if one.startswith("battery ")]
    others = [one for one in whose if not one.startswith("battery ")]
    if len(numbers) > 2:
        others.insert(0, f"batteries {numbers[0]} to {numbers[-1]}")
    else:
        others = [f"battery {number}" for number in numbers] + others
    return " and ".join(others)


# ---- batteries


def expander_pin(bit: int) -> str:
    """Name of a pin of an MCP23017 by its bit."""
    return f"GP{'AB'[bit >> 3]}{bit & 7}"


def battery_rows(board: ModuleType) -> Iterator[Row]:
    """Per battery: its monitor, relay, contacts and thermistors; then what there is besides."""
    address = {use.what: f"0x{use.address:02X}" for use in board_uses.chips(board)}
    relay = {place.what: relay_pin(board, place.at[1]) for place in board_uses.relays(board)}
    wired = {place.what: _input(board, place.at) for place in board_uses.contacts(board)}
    wired |= {place.what: _thermistor(board, place.at) for place in board_uses.thermistors(board)}
    whose = [f"battery {k + 1}" for k in range(board.MAX_BATTERIES)]
    for one in [*whose, "the main breaker"]:
        main = one == "the main breaker"
        found = (
            "-" if main else address[one],
            f"GPIO{board.PIN_MAIN_TRIP}" if main else relay[one],
            *(wired.get(f"{what} of {one}", "-") for what in ("52a", "52b", "BMS contact")),
            *(wired.get(f"terminal {pole} of {one}", "-") for pole in "+-"),
        )
        yield one.removeprefix("the "), *found
    yield "busbar", address["busbar"], *["-"] * 6
    yield "fan", "-", relay["fan"], *["-"] * 5
    for what in ("ambient", "reference resistor"):
        yield what, *["-"] * 5, wired[what], "-"


def relay_pin(board: ModuleType, bit: int) -> str:
    """Where the relay of a bit is."""
    if board.RELAY_PINS:
        return f"GPIO{board.RELAY_PINS[bit]}"
    return f"0x{board.RELAY_EXPANDER:02X} {expander_pin(bit)}"


def _input(board: ModuleType, at: tuple[int, int]) -> str:
    return f"0x{board.INPUT_EXPANDERS[at[0]]:02X} {expander_pin(at[1])}"


def _thermistor(board: ModuleType, at: tuple[int, int]) -> str:
    if board.CONVERTERS:
        return f"0x{board.CONVERTERS[at[0]]:02X} AIN{at[1]}"
    return f"mux {at[0]} input {at[1]}"


# ---- safe state


def state_rows(board: ModuleType) -> Iterator[Row]:
    """Every output, and what it does while the firmware does not say."""
    by_bit = _on_pin if board.RELAY_PINS else _on_expander
    for what, meaning in (
        ("battery, shunt trip", "no trip"),
        ("battery, undervoltage release or contactor", None),
    ):
        yield what, *by_bit(meaning)
    yield "main, shunt trip", *_on_pin("no trip")
    yield "main, undervoltage release or contactor", *_on_pin(None)
    yield "alarm", *_on_pin("alarm")
    yield "charge permissive", *_on_pin("charging not allowed")
    yield "discharge permissive", *_on_pin("discharging not allowed")
    yield "fan", *by_bit("stands")


_CLOSED_NEVER = "off: the breaker cannot be closed"


def _on_expander(meaning: str | None) -> Row:
    """Held by the expander's latch until its timer resets it; None: a coil holds the breaker."""
    if meaning is None:
        return (
            _CLOSED_NEVER,
            f"as it was for up to {TIMER_S} s, then opens after hold-up",
            f"as it was for {TIMER_S} s, then opens after hold-up",
            "opens after hold-up",
        )
    return (
        f"off: {meaning}",
        f"as it was for up to {TIMER_S} s, then off",
        f"as it was for {TIMER_S} s, then off",
        f"off: {meaning}",
    )


def _on_pin(meaning: str | None) -> Row:
    """On a pin of the controller, which its resistor holds at off."""
    if meaning is None:
        return (
            _CLOSED_NEVER,
            f"held by its hold-up, {HOLD_UP_S} s",
            "opens after hold-up",
            "opens after hold-up",
        )
    return (f"off: {meaning}",) * 4


# ---- all of them


@dataclass(frozen=True)
class Table:
    """One table: rows of a board under heads."""

    title: str
    heads: Row
    rows: Callable[[ModuleType], Iterator[Row]]


TABLES = {
    "pins": Table(
        "pins of the controller",
        ("Pin", "What", "Why this pin", "Level at power-up, reset and flashing"),
        pin_rows,
    ),
    "chips": Table("chips", ("Bus", "Address", "Part", "What", "Address pins"), chip_rows),
    "batteries": Table(
        "batteries",
        ("", "Monitor", "Relay", "52a", "52b", "BMS contact", "Terminal +", "Terminal -"),
        battery_rows,
    ),
    "states": Table(
        "outputs while the firmware does not drive them",
        (
            "Output",
            "Power-up, until the firmware runs",
            "Reset or watchdog, until it is healthy again",
            "Boot loader, also while flashing",
            "Control supply lost",
        ),
        state_rows,
    ),
    "parts": Table(
        "parts", ("Part", "Rating", "Count", "For all batteries"), board_parts.part_rows
    ),
}
