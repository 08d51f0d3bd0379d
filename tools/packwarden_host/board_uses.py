"""What a board uses, read from its `board.py`: each pin, each address of a bus, each contact.

The check, the wiring tables and the wiring picture all start from these lists.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

# How a pin is used.
BUS = "bus"
OUTPUT = "output"
RELAY = "relay"
INPUT = "input"
PULLED_UP = "input with a pull-up"
ANALOG = "converter"
BUTTON = "button"


@dataclass(frozen=True)
class PinUse:
    """One pin. `fact`: where `board.py` says so; `name`: of an output, as in ACTIVE_LOW_PINS."""

    pin: int
    fact: str
    what: str
    how: str
    active_low: bool = False


@dataclass(frozen=True)
class ChipUse:
    """One address on a bus."""

    bus: int
    address: int
    fact: str
    what: str
    part: str


@dataclass(frozen=True)
class Place:
    """One input of an expander, a multiplexer or a converter: (chip, bit or input)."""

    at: tuple[int, int]
    fact: str
    what: str


def pins(board: ModuleType) -> list[PinUse]:
    """Every pin of the controller that a board uses, buses first."""
    return [*_bus_pins(board), *_input_pins(board), *_output_pins(board)]


def _bus_pins(board: ModuleType) -> Iterator[PinUse]:
    for fact, what in (("I2C_MONITORS", "monitors"), ("I2C_EXPANDERS", "expanders")):
        _, scl, sda, _, _ = getattr(board, fact)
        yield PinUse(scl, fact, f"{what} SCL", BUS)
        yield PinUse(sda, fact, f"{what} SDA", BUS)


def _input_pins(board: ModuleType) -> Iterator[PinUse]:
    for line, pin in enumerate(board.MUX_SELECT):
        yield PinUse(pin, f"MUX_SELECT[{line}]", f"mux select S{line}", OUTPUT)
    for mux, pin in enumerate(board.MUX_ADC):
        yield PinUse(pin, f"MUX_ADC[{mux}]", f"mux {mux} to ADC", ANALOG)
    yield PinUse(board.ADC_SUPPLY, "ADC_SUPPLY", "coil supply to ADC", ANALOG)
    yield PinUse(board.PIN_ALERT, "PIN_ALERT", "monitors ALERT", INPUT)
    yield PinUse(board.PIN_EXTERNAL_TRIP, "PIN_EXTERNAL_TRIP", "external trip", PULLED_UP)
    yield PinUse(board.PIN_BUTTON, "PIN_BUTTON", "button BOOT", BUTTON)


# Outputs on pins of their own: fact, name in ACTIVE_LOW_PINS, what it is.
OUTPUTS = (
    ("PIN_MAIN_TRIP", "main", "main trip"),
    ("PIN_ALARM", "alarm", "alarm"),
    ("PIN_CHARGE", "charge", "charge permissive"),
    ("PIN_DISCHARGE", "discharge", "discharge permissive"),
)


def _output_pins(board: ModuleType) -> Iterator[PinUse]:
    for bit, pin in enumerate(board.RELAY_PINS):
        what = "fan" if bit == board.RELAY_FAN_BIT else f"battery {bit + 1}"
        active_low = bool(board.ACTIVE_LOW_RELAYS >> bit & 1)
        yield PinUse(pin, f"RELAY_PINS[{bit}]", f"relay of {what}", RELAY, active_low)
    for fact, name, what in OUTPUTS:
        active_low = name in board.ACTIVE_LOW_PINS
        yield PinUse(getattr(board, fact), fact, what, RELAY, active_low)


def chips(board: ModuleType) -> list[ChipUse]:
    """Every chip on the buses."""
    monitors, expanders = board.I2C_MONITORS[0], board.I2C_EXPANDERS[0]
    found = []
    for place, address in enumerate(board.MONITOR_ADDRESSES):
        last = place == len(board.MONITOR_ADDRESSES) - 1
        what = "busbar" if last else f"battery {place + 1}"
        found.append(ChipUse(monitors, address, f"MONITOR_ADDRESSES[{place}]", what, "monitor"))
    if board.RELAY_EXPANDER is not None:
        relays = ChipUse(expanders, board.RELAY_EXPANDER, "RELAY_EXPANDER", "relays", "expander")
        found.append(relays)
    for place, address in enumerate(board.INPUT_EXPANDERS):
        fact = f"INPUT_EXPANDERS[{place}]"
        found.append(ChipUse(expanders, address, fact, f"contacts {place}", "expander"))
    for place, address in enumerate(board.CONVERTERS):
        fact = f"CONVERTERS[{place}]"
        found.append(ChipUse(expanders, address, fact, f"thermistors {place}", "converter"))
    return found


def relays(board: ModuleType) -> list[Place]:
    """Every relay that has a bit: (0, bit), for there is one word of them."""
    found = [
        Place((0, k), "RELAY_EXPANDER", f"battery {k + 1}") for k in range(board.MAX_BATTERIES)
    ]
    return [*found, Place((0, board.RELAY_FAN_BIT), "RELAY_FAN_BIT", "fan")]


def contacts(board: ModuleType) -> list[Place]:
    """Every contact on an input expander."""
    found = []
    for fact, what in (("AUX_A", "52a"), ("AUX_B", "52b"), ("BMS", "BMS contact")):
        for k, at in enumerate(getattr(board, fact)):
            found.append(Place(at, f"{fact}[{k}]", f"{what} of {_whose(k, board)}"))
    found.append(Place(board.TRIP_CIRCUIT, "TRIP_CIRCUIT", "trip-circuit supervision"))
    return found


def thermistors(board: ModuleType) -> list[Place]:
    """Every input of a multiplexer or converter that has something connected."""
    found = []
    for fact, pole in (("TERMINAL_PLUS", "+"), ("TERMINAL_MINUS", "-")):
        for k, at in enumerate(getattr(board, fact)):
            found.append(Place(at, f"{fact}[{k}]", f"terminal {pole} of {_whose(k, board)}"))
    found.append(Place(board.REFERENCE, "REFERENCE", "reference resistor"))
    found.append(Place(board.AMBIENT, "AMBIENT", "ambient"))
    return found


def _whose(k: int, board: ModuleType) -> str:
    return "the main breaker" if k == board.MAX_BATTERIES else f"battery {k + 1}"
