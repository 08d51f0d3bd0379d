"""What is wrong with a board: every pin, address and contact of its `board.py` against the facts.

`errors` is the one validation. Each rule names the fact of `board.py` and says why it cannot be.
"""

from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType

from packwarden import settings
from packwarden.chips.mcp23017 import OUTPUT_ONLY
from packwarden_host import board_uses
from packwarden_host.board_chips import CHIPS, Chip
from packwarden_host.board_uses import ANALOG, BUS, BUTTON, OUTPUT, PULLED_UP, RELAY, PinUse

Found = tuple[str, str]

# Addresses that a part can be wired to, by its data sheet.
ADDRESSES = {
    "monitor": range(0x40, 0x50),
    "expander": range(0x20, 0x28),
    "converter": range(0x48, 0x4C),
}
_CONVERTER_INPUTS = 4
_CONVERTER_mV = (0, 3300)  # an ADS1115 reads up to its supply
_FASTEST_Hz = 400_000
_TIMEOUT_us = (20_000, 50_000)  # the port's driver waits in steps of 10 ms
_BITS = 16
# The regulator of the excitation may be 2 % off, and an open lead has to be seen as one.
_EXCITATION_MARGIN = 1.02
_BUS = "(id, SCL, SDA, Hz, time-out in us)"


def errors(board: ModuleType, name: str | None = None) -> list[Found]:
    """Return what is wrong with a board: (fact of board.py, reason); empty when it is good.

    name: of its folder. What has the wrong shape is reported alone, for nothing else can be read.
    """
    found = list(_shape(board))
    if found:
        return found
    if name is not None and name != board.NAME:
        found.append(("NAME", f"{board.NAME!r} is not the name of its folder, {name!r}"))
    chip = CHIPS[board.CHIP]
    found += _controller(board, chip)
    for use in board_uses.pins(board):
        found += ((use.fact, f"{use.what}: {reason}") for reason in _pin(use, board, chip))
    found += _twice([(use.pin, use.fact, use.what) for use in board_uses.pins(board)], _gpio)
    found += _buses(board)
    found += _relays(board)
    found += _contacts(board)
    found += _thermistors(board, chip)
    return found


# ---- shape


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number_or_none(value: object) -> bool:
    return value is None or _is_number(value)


def _is_numbers(value: object) -> bool:
    return isinstance(value, tuple) and all(map(_is_number, value))


def _is_place(value: object) -> bool:
    return _is_numbers(value) and isinstance(value, tuple) and len(value) == 2


def _is_places(value: object) -> bool:
    return isinstance(value, tuple) and all(map(_is_place, value))


def _is_bus(value: object) -> bool:
    return _is_numbers(value) and isinstance(value, tuple) and len(value) == 5


def _is_words(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(word, str) for word in value)


def _is_word(value: object) -> bool:
    return isinstance(value, str)


# Facts of a board by what they have to be.
SHAPES = (
    (_is_word, "a name", ("NAME", "CHIP")),
    (_is_words, "a tuple of names", ("MODULES", "ACTIVE_LOW_PINS")),
    (
        _is_number,
        "a whole number",
        (
            *("CPU_HZ", "MAX_BATTERIES", "RELAY_FAN_BIT", "EXCITATION_MV"),
            *("PIN_MAIN_TRIP", "PIN_ALARM", "PIN_CHARGE", "PIN_DISCHARGE", "ACTIVE_LOW_RELAYS"),
            *("PIN_EXTERNAL_TRIP", "PIN_ALERT", "PIN_BUTTON", "ADC_SUPPLY", "SUPPLY_DIVIDER"),
        ),
    ),
    (_is_number_or_none, "an address or None", ("RELAY_EXPANDER",)),
    (_is_bus, _BUS, ("I2C_MONITORS", "I2C_EXPANDERS")),
    (
        _is_numbers,
        "a tuple of whole numbers",
        (
            *("MONITOR_ADDRESSES", "INPUT_EXPANDERS", "RELAY_PINS"),
            *("MUX_SELECT", "MUX_ADC", "CONVERTERS"),
        ),
    ),
    (_is_place, "(chip, bit)", ("REFERENCE", "AMBIENT", "TRIP_CIRCUIT")),
    (
        _is_places,
        "a tuple of (chip, bit)",
        ("AUX_A", "AUX_B", "BMS", "TERMINAL_PLUS", "TERMINAL_MINUS"),
    ),
)


def _shape(board: ModuleType) -> Iterator[Found]:
    for good, what, facts in SHAPES:
        for fact in facts:
            if not hasattr(board, fact):
                yield fact, f"is missing, {what}"
            elif not good(getattr(board, fact)):
                yield fact, f"{getattr(board, fact)!r} is not {what}"
    chip = getattr(board, "CHIP", None)
    if _is_word(chip) and chip not in CHIPS:
        yield "CHIP", f"{chip!r} is not one of {', '.join(CHIPS)}"


# ---- controller and pins


def _controller(board: ModuleType, chip: Chip) -> Iterator[Found]:
    if not 1 <= board.MAX_BATTERIES <= settings.MAX_BATTERIES:
        reason = f"{board.MAX_BATTERIES} is outside 1 .. {settings.MAX_BATTERIES}"
        yield "MAX_BATTERIES", reason
    if board.CPU_HZ not in [mhz * 1_000_000 for mhz in chip.cpu_MHz]:
        clocks = ", ".join(map(str, chip.cpu_MHz))
        yield "CPU_HZ", f"{board.CPU_HZ} Hz is no clock of an {chip.title}: {clocks} MHz"
    if not board.MODULES:
        yield "MODULES", f"names no module; known are {', '.join(chip.modules)}"
    for module in board.MODULES:
        if module not in chip.modules:
            reason = f"{module!r} is not known with an {chip.title}: {', '.join(chip.modules)}"
            yield "MODULES", reason
    known = [name for _, name, _ in board_uses.OUTPUTS]
    for name in board.ACTIVE_LOW_PINS:
        if name not in known:
            yield "ACTIVE_LOW_PINS", f"{name!r} is not one of {', '.join(known)}"


def _pin(use: PinUse, board: ModuleType, chip: Chip) -> Iterator[str]:
    """Why this pin cannot be what it is used for."""
    pin = _gpio(use.pin)
    if use.pin not in chip.pins:
        yield f"{pin} does not exist on an {chip.title}"
        return
    if use.pin in chip.taken and not (use.how == BUTTON and use.pin == chip.button):
        yield f"{pin} {chip.taken[use.pin]}"
    for module in board.MODULES:
        if use.pin in chip.modules.get(module, {}):
            yield f"{pin} {chip.modules[module][use.pin]}"
    if use.pin in chip.input_only:
        if use.how in (BUS, OUTPUT, RELAY):
            yield f"{pin} can only be an input"
        elif use.how in (PULLED_UP, BUTTON):
            yield f"{pin} has no pull-up, it can only be a plain input"
    if use.how == ANALOG and use.pin not in chip.converter_1:
        if use.pin in chip.converter_2:
            yield f"{pin} is on converter 2 (ADC2), which fails while WiFi runs"
        else:
            yield f"{pin} has no converter"
    if use.how == RELAY:
        glitches = chip.glitches_low if use.active_low else chip.glitches_high
        if use.pin in glitches:
            yield f"{pin} {glitches[use.pin]}: no relay belongs there"


def _gpio(pin: int) -> str:
    return f"GPIO{pin}"


def _twice(uses: Sequence[tuple], name) -> Iterator[Found]:
    """What two uses have in common: (what must be unique, fact, what)."""
    first: dict = {}
    for key, fact, what in uses:
        if key in first:
            other_fact, other = first[key]
            yield fact, f"{what}: {name(key)} is {other} already ({other_fact})"
        else:
            first[key] = (fact, what)


# ---- buses


def _buses(board: ModuleType) -> Iterator[Found]:
    for fact in ("I2C_MONITORS", "I2C_EXPANDERS"):
        number, _, _, freq_hz, timeout_us = getattr(board, fact)
        if number not in (0, 1):
            yield fact, f"there is no I2C {number}, there is: 0, 1"
        if not 10_000 <= freq_hz <= _FASTEST_Hz:
            yield fact, f"{freq_hz} Hz is outside 10000 .. {_FASTEST_Hz} Hz, the parts' limits"
        if not _TIMEOUT_us[0] <= timeout_us <= _TIMEOUT_us[1]:
            low, high = _TIMEOUT_us
            yield fact, f"a time-out of {timeout_us} us is outside {low} .. {high} us"
    if board.I2C_MONITORS[0] == board.I2C_EXPANDERS[0]:
        yield "I2C_EXPANDERS", f"I2C {board.I2C_MONITORS[0]} is the monitors' bus already"
    needed = board.MAX_BATTERIES + 1
    if len(board.MONITOR_ADDRESSES) != needed:
        given = len(board.MONITOR_ADDRESSES)
        reason = f"{given} addresses, not one for each of {needed - 1} batteries and the busbar"
        yield "MONITOR_ADDRESSES", reason
    uses = board_uses.chips(board)
    for use in uses:
        possible = ADDRESSES[use.part]
        if use.address not in possible:
            limits = f"0x{possible[0]:02X} .. 0x{possible[-1]:02X}"
            reason = f"{use.what}: no {use.part} can be at 0x{use.address:02X}, but at {limits}"
            yield use.fact, reason
    keys = [((use.bus, use.address), use.fact, use.what) for use in uses]
    yield from _twice(keys, lambda key: f"0x{key[1]:02X} on I2C {key[0]}")


# ---- relays, contacts, thermistors


def _relays(board: ModuleType) -> Iterator[Found]:
    fan = board.RELAY_FAN_BIT
    if (board.RELAY_EXPANDER is None) == (not board.RELAY_PINS):
        yield "RELAY_PINS", "relays are either on RELAY_PINS or on RELAY_EXPANDER (else None)"
    elif board.RELAY_PINS and len(board.RELAY_PINS) != max(fan, board.MAX_BATTERIES - 1) + 1:
        reason = f"{len(board.RELAY_PINS)} pins, not one for each battery and the fan's bit {fan}"
        yield "RELAY_PINS", reason
    if not 0 <= fan < _BITS:
        yield "RELAY_FAN_BIT", f"{fan} is outside 0 .. {_BITS - 1}"
    elif fan < board.MAX_BATTERIES:
        yield "RELAY_FAN_BIT", f"bit {fan} is the relay of battery {fan + 1} already"
    wired = (1 << board.MAX_BATTERIES) - 1 | 1 << max(fan, 0)
    if board.ACTIVE_LOW_RELAYS & ~wired:
        reason = f"0x{board.ACTIVE_LOW_RELAYS:04X} has bits without a relay (0x{wired:04X})"
        yield "ACTIVE_LOW_RELAYS", reason


def _contacts(board: ModuleType) -> Iterator[Found]:
    breakers = board.MAX_BATTERIES + 1
    yield from _count("AUX_A", board, breakers, "breaker, the main one last")
    if board.AUX_B:
        yield from _count("AUX_B", board, breakers, "breaker, the main one last")
    yield from _count("BMS", board, board.MAX_BATTERIES, "battery")
    places = board_uses.contacts(board)
    for place in places:
        expander, bit = place.at
        if not 0 <= expander < len(board.INPUT_EXPANDERS):
            yield place.fact, f"{place.what}: there is no input expander {expander}"
        elif not 0 <= bit < _BITS:
            yield place.fact, f"{place.what}: an expander has bits 0 .. {_BITS - 1}, not {bit}"
        elif OUTPUT_ONLY >> bit & 1:
            reason = f"bit {bit} of an MCP23017 (GP{'AB'[bit >> 3]}7) can only be an output"
            yield place.fact, f"{place.what}: {reason}"
    yield from _twice(
        [(place.at, place.fact, place.what) for place in places],
        lambda at: f"bit {at[1]} of input expander {at[0]}",
    )


def _count(fact: str, board: ModuleType, needed: int, of_what: str) -> Iterable[Found]:
    given = len(getattr(board, fact))
    return [(fact, f"{given} places, not {needed}: one per {of_what}")] if given != needed else []


def _thermistors(board: ModuleType, chip: Chip) -> Iterator[Found]:
    for fact in ("TERMINAL_PLUS", "TERMINAL_MINUS"):
        yield from _count(fact, board, board.MAX_BATTERIES, "battery")
    if (not board.MUX_ADC) == (not board.CONVERTERS):
        yield "CONVERTERS", "thermistors are either on CONVERTERS or on MUX_ADC"
    multiplexed = not board.CONVERTERS
    what = "multiplexer" if multiplexed else "converter"
    chips = len(board.MUX_ADC or board.CONVERTERS)
    inputs = 1 << len(board.MUX_SELECT) if multiplexed else _CONVERTER_INPUTS
    places = board_uses.thermistors(board)
    for place in places:
        number, at = place.at
        if not 0 <= number < chips:
            yield place.fact, f"{place.what}: there is no {what} {number}"
        elif not 0 <= at < inputs:
            reach = f"{len(board.MUX_SELECT)} select lines reach" if multiplexed else "it has"
            yield place.fact, f"{place.what}: {reach} inputs 0 .. {inputs - 1}, not {at}"
    yield from _twice(
        [(place.at, place.fact, place.what) for place in places],
        lambda at: f"input {at[1]} of {what} {at[0]}",
    )
    low_mV, high_mV = chip.converter_mV if multiplexed else _CONVERTER_mV
    reads = chip.title if multiplexed else "ADS1115"
    most_mV = int(high_mV / _EXCITATION_MARGIN)
    if not 1000 <= board.EXCITATION_MV <= most_mV:
        reason = f"the {reads} reads {low_mV} .. {high_mV} mV, an open lead has to be inside"
        yield (
            "EXCITATION_MV",
            f"{board.EXCITATION_MV} mV is outside 1000 .. {most_mV} mV: {reason}",
        )
    _, supply_V, _ = settings.NUMBERS["sensors.control_supply_V"]
    at_pin_mV = supply_V * 1000 / max(board.SUPPLY_DIVIDER, 1)
    if at_pin_mV > chip.converter_mV[1]:
        reason = f"{supply_V} V are {at_pin_mV:.0f} mV at the pin, it reads up to"
        reason = f"{reason} {chip.converter_mV[1]} mV"
        yield "SUPPLY_DIVIDER", reason
