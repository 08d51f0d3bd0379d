"""The fewest bytes that the design asks of the two buses in a tick.

Counted from the chips' data sheets and from what has to be known how often, not from the drivers
and not from their traffic, which is held against it. A byte is a byte on the wire: the address
byte of each transaction counts, start, stop and acknowledge bits do not.
"""

from dataclasses import dataclass, field

from packwarden_host import boards

_ADDRESS = 1
_REGISTER = 1
_PAIR = 2  # bytes of a monitor's register, and of an expander's two ports
# Bytes of a result: INA228 20 bits in three (SLYS021), INA238 and INA226 two (SLYS025, SBOS547).
_RESULT = {"ina228": 3, "ina238": 2, "ina226": 2}
# Settings in the register of the conversion flag, as parts of all: their pointer stands there.
_WITH_FLAGS = {"ina228": 2 / 10, "ina238": 2 / 10, "ina226": 1 / 5}
_SLOW_ms = 500  # what is not a current is never older
_WHOLE_TICK_ms = 250  # above, all is read in every tick


@dataclass
class Traffic:
    """Bytes and transactions a tick, by what they are for."""

    parts: dict[str, float] = field(default_factory=dict)
    transactions: float = 0

    @property
    def bytes(self) -> float:
        """All of them."""
        return sum(self.parts.values())

    def wire_us(self, freq_hz: int) -> float:
        """Time on the wire: nine bits a byte, start and stop of each transaction."""
        return (9 * self.bytes + 2 * self.transactions) * 1_000_000 / freq_hz

    def write(self, part: str, size: int, times: float = 1) -> None:
        """A transaction of so many bytes behind its address, so often in a tick."""
        self.parts[part] = self.parts.get(part, 0) + (_ADDRESS + size) * times
        self.transactions += times

    def read(self, part: str, size: int, times: float = 1) -> None:
        """A read where the pointer stands already."""
        self.write(part, size, times)

    def visit(self, part: str, size: int, times: float = 1) -> None:
        """A read of another register: the pointer first."""
        self.write(part, _REGISTER, times)
        self.write(part, size, times)


def traffic(config: dict, tick_ms: int) -> Traffic:
    """What a bank of this configuration needs in a quiet tick, on average."""
    needed = Traffic()
    _monitors(needed, config, tick_ms)
    _expanders(needed, config)
    return needed


def _monitors(needed: Traffic, config: dict, tick_ms: int) -> None:
    """Every current in every tick; voltage, conversion flag and a setting of each chip in turn."""
    batteries = config["bank"]["batteries"]
    result = _RESULT[config["sensors"]["monitor"]]
    share = 1 if tick_ms > _WHOLE_TICK_ms else tick_ms / _SLOW_ms
    needed.read("currents", result, batteries)
    needed.visit("voltages", result, (batteries + 1) * share)
    needed.visit("conversion flags", _PAIR, (batteries + 1) * share)
    elsewhere = 1 - _WITH_FLAGS[config["sensors"]["monitor"]]
    needed.write("monitors' settings", _REGISTER, (batteries + 1) * share * elsewhere)
    needed.read("monitors' settings", _PAIR, (batteries + 1) * share)
    needed.write("back to the current", _REGISTER, batteries * share)
    if config["sensors"].get("main_shunt_uohm", 0):
        needed.visit("main current", result, share)


def _expanders(needed: Traffic, config: dict) -> None:
    """Contacts; the relays' word and its read-back; a setting of an expander in each tick.

    Read back are both ports twice: two bytes more than the levels, and they tell a chip that was
    reset, in the tick in which it was. Of the settings every second one is of an input expander,
    whose pointer has to be brought back to its port.
    """
    inputs = _input_expanders(config)
    needed.read("contacts", _PAIR, inputs)
    needed.write("relays' word", _REGISTER + _PAIR)
    needed.read("relays' read-back", 2 * _PAIR)
    needed.visit("expanders' settings", _PAIR, 1 if inputs else 1 / 2)
    if inputs:
        needed.write("back to the port", _REGISTER, 1 / 2)


def _input_expanders(config: dict) -> int:
    """How many input expanders of the board carry a contact of this bank."""
    board = boards.load(config["bank"]["board"])
    batteries = config["bank"]["batteries"]
    feedback = config["breakers"]["feedback"]
    wired: list[tuple[int, int]] = []
    for contacts, names in ((board.AUX_A, ("52a", "both")), (board.AUX_B, ("52b", "both"))):
        if feedback in names:
            wired += [*contacts[:batteries], contacts[-1]]
    if config["sensors"]["bms_contact"] != "none":
        wired += board.BMS[:batteries]
    if config["sensors"].get("trip_circuit", "none") != "none":
        wired.append(board.TRIP_CIRCUIT)
    return len({expander for expander, _ in wired})
