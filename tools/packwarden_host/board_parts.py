"""The parts of a board by type and rating, counted from its `board.py`."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from packwarden_host import board_uses
from packwarden_host.board_chips import CHIPS


@dataclass(frozen=True)
class Part:
    """One line: so many per battery, and so many more whatever the size of the bank."""

    what: str
    rating: str
    each: int = 0
    more: int = 0
    condition: str = ""

    def count(self) -> str:
        """The rule in words."""
        each = f"{self.each} per battery" if self.each else ""
        more = str(self.more) if self.more else ""
        return " + ".join(filter(None, (each, more))) + self.condition


def part_rows(board: ModuleType) -> Iterator[tuple[str, ...]]:
    """Part, rating, count in words, and the number for as many batteries as the board takes."""
    for part in parts(board):
        total = part.each * board.MAX_BATTERIES + part.more
        yield part.what, part.rating, part.count(), str(total)


def parts(board: ModuleType) -> list[Part]:
    """All parts, those of the power circuit first."""
    return [*_power(), *_controller(board), *_sensing(board), *_switching(board), *_supply()]


# What clears a short: by the sum of all batteries' currents, see the READMEs.
_BREAKING = "breaking capacity above the short-circuit current of all batteries together"
_PROBE_FUSE = f"125 mA fast, 125 V DC or more, {_BREAKING}, at most 5 ohm"


def _power() -> list[Part]:
    return [
        Part("fuse, class T or NH", f"by battery and cable; {_BREAKING}", 1),
        Part("breaker, not polarised", "DC, by battery and cable; contact 52a; release 24 V", 1),
        Part(
            "main breaker, not polarised",
            f"DC, by the bank's current; contact 52a; release 24 V; {_BREAKING}",
            0,
            1,
        ),
        Part("shunt", "300 A / 75 mV, 0.5 % or better", 1),
        Part("fuse, sense lead", f"500 mA fast, 125 V DC or more, {_BREAKING}", 3, 1),
        Part("fuse, 0 V lead", f"1 A, 125 V DC or more, {_BREAKING}", 0, 1),
        Part("fuse, thermistor lead", _PROBE_FUSE, 4),
    ]


def _controller(board: ModuleType) -> list[Part]:
    title = CHIPS[board.CHIP].title
    modules = " or ".join(board.MODULES)
    return [
        Part(f"{title} DevKit", f"module {modules}", 0, 1),
        Part("resistor 2.2 kOhm", "5 %: pull-ups of the buses", 0, 4),
        Part("resistor 10 kOhm", "5 %: pull-ups of ALERT and external trip", 0, 2),
    ]


def _sensing(board: ModuleType) -> list[Part]:
    return [
        Part("INA228AIDGSR", "85 V, 16 addresses; or INA238; INA226 up to 36 V", 1, 1),
        Part("capacitor 100 nF", "between IN+ and IN-, and one at each chip's supply", 2, 2),
        Part("resistor 10 ohm", "1 %: S+ and S- leads", 2),
        Part("resistor 100 ohm", "1 %: V leads", 1, 1),
        Part("suppressor diode SMBJ60A", "60 V stand-off: IN+, IN-, VBUS", 3, 1),
        Part("thermistor probe", "Semitec 103AT, ring lug, 300 V insulation", 2, 1),
        Part("resistor 4.7 kOhm 0.1 %", "25 ppm/K: thermistor pull-ups and reference", 2, 3),
        Part("resistor 1 kOhm", "1 %: filter of a thermistor", 2, 2),
        Part("capacitor 22 nF", "filter of a thermistor", 2, 2),
        Part("suppressor diode SMF5.0A", "5 V stand-off: thermistor leads", 2, 1),
        Part("regulator 2.2 V", "2 %, 50 mA: excitation", 0, 1),
        *_readers(board),
        Part("resistors 220 kOhm, 10 kOhm", "0.1 %, with 1 uF: divider of the coil supply", 0, 1),
    ]


def _readers(board: ModuleType) -> list[Part]:
    """What reads the thermistors."""
    if board.CONVERTERS:
        return [Part("ADS1115", "3.3 V, 16 bit, 4 inputs, I2C", 0, len(board.CONVERTERS))]
    muxes = len(board.MUX_ADC)
    return [
        Part("analog multiplexer 16:1", "ADG706 or equal, leakage at most 10 nA", 0, muxes),
        Part("capacitor 1 nF", "output of a multiplexer", 0, muxes),
    ]


def _switching(board: ModuleType) -> list[Part]:
    """Contacts, relays, and what guards them."""
    contacts = [place.what for place in board_uses.contacts(board)]
    always = sum(not what.startswith("52b") for what in contacts) + 1  # the external trip
    spare = "; one less without 52b" if board.AUX_B else ""
    with_b = "; 1 per battery + 1 more with 52b" if board.AUX_B else ""
    more = always - 2 * board.MAX_BATTERIES
    found = [
        Part("MCP23017", "3.3 V", 0, (not board.RELAY_PINS) + len(board.INPUT_EXPANDERS), spare),
        Part("optocoupler", "50 % or more at 5 mA, 70 V: contacts", 2, more, with_b),
        Part("resistor 4.7 kOhm", "0.25 W: contacts at 24 V", 2, more, with_b),
        Part("relay", "24 V DC coil; contact for the coil's current at DC-13", 1, 5),
        Part("N-MOSFET", "logic level at 2.5 V, 60 V, 1 A: relays, latch", 1, 6),
        Part("resistors 100 ohm, 4.7 kOhm", "5 %: at each gate", 1, 6),
        Part("diode and zener diode 24 V", "across each relay's coil", 1, 5),
        Part("latching relay", "24 V DC, two coils, changeover: behind ALERT", 0, 1),
        Part("74HC14", "3.3 V, with 390 kOhm, 470 ohm, 1 uF film, BAT54: delay of ALERT", 0, 1),
        Part("hold-up, 3 s", "undervoltage releases and contactors only", 1, 1),
    ]
    if not board.RELAY_PINS:
        timer = "3.3 V, with 2.4 MOhm, 4.7 uF film, 1 nF: timer of the relays"
        found.append(Part("74HC4538", timer, 0, 1))
    return found


def _supply() -> list[Part]:
    return [
        Part("converter to 24 V", "from the bank, isolated, with buffer for all trip coils", 0, 1),
        Part("converter to 5 V", "from 24 V, 1 A: the DevKit", 0, 1),
        Part("USB isolator", "1 kV or more: for a console", 0, 1),
    ]
