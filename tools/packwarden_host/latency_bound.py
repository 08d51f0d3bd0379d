"""The bound of a trip's time: what settings, board and costs allow from the event to the output.

    until it is read     the longest interval between two readings of the channel
    believed             further readings that validation asks for (lost sensors, contacts)
    delay, or samples    the delay and a tick; or the further samples, where they take longer
    wait                 for a low current, where the row waits, and a tick
    acquisition, step, output    the rest of the last tick

A tick may begin late: by a slice of the slack, by a collection of garbage or a commit of the
flash that the executive admits, or because the tick before it met a time-out. What runs beyond
its own deadline leaves out the next one. These add to the first interval and to the last tick.
"""

from dataclasses import dataclass
from types import ModuleType

from packwarden import curves, levels
from packwarden.curves import Integrator
from packwarden.fixed import BIAS, ints
from packwarden_host.latency_cases import CONTACT, CURRENT, PIN, SLOW, THERMISTOR, Case, Situation
from packwarden_sim import costs

# Figures of the firmware: `acquisition`, `contacts`, `terminal`, and the drivers. A test compares.
SLICE_us = 1_500  # of the slack
FASTEST_ms, SLOWEST_ms = 150, 480  # a round of the slow channels
WHOLE_TICK_ms = 250  # above, all is read in each tick
MUX_INPUTS = 16
ASKED = 4  # monitors while there is an alert
FAILURES = 3  # until a chip is left alone
_SLOW_KINDS = 3  # voltage, conversion flag, configuration
_MUX_READINGS = 4


@dataclass(frozen=True)
class Load:
    """What goes on beside the trips, as the bound takes it."""

    stall_us: int = SLICE_us  # how late a tick may begin
    hangs: bool = False  # ticks with a time-out
    skipped: int = 0  # of those, in a row, that do not read what is measured


Terms = list[tuple[str, int]]


class Bound:
    """The terms for one bank on one board."""

    def __init__(self, config: dict, board: ModuleType):
        self._config = config
        self._board = board
        self._n = config["bank"]["batteries"]
        self._tick_ms = config["bank"]["tick_ms"]
        slow = _SLOW_KINDS * (self._n + 1)
        round_ms = max(FASTEST_ms, min(SLOWEST_ms, slow * self._tick_ms))
        whole = self._tick_ms > WHOLE_TICK_ms
        self._slow_ticks = 1 if whole else -(-round_ms // self._tick_ms)
        self._visits = -(-slow // self._slow_ticks)
        self.acquire_us = self._acquire_us()
        self.step_us = costs.step_cost(self._n)
        self.output_us = 4 * costs.PIN_US + _transactions_us(board.I2C_EXPANDERS[3])[3]
        self._timeout_us = costs.i2c_timeout(board.I2C_MONITORS[4])

    def _acquire_us(self) -> int:
        """A whole acquisition, an alert included."""
        config, board = self._config, self._board
        wire = _transactions_us(board.I2C_MONITORS[3])
        result = 3 if config["sensors"]["monitor"] == "ina228" else 2
        # A visit of another register moves the pointer away, and the next current moves it back.
        monitors = self._n * wire[result] + self._visits * (2 * wire[1] + wire[result])
        alert = ASKED * (2 * wire[1] + wire[2])
        contacts = _transactions_us(board.I2C_EXPANDERS[3])
        expanders = (len(board.INPUT_EXPANDERS) + 1) * (contacts[1] + contacts[2])
        readings = len(board.MUX_ADC) * _MUX_READINGS + 1
        pins = len(board.MUX_SELECT) + 2 + 2 * len((board.I2C_MONITORS, board.I2C_EXPANDERS))
        return monitors + alert + expanders + readings * costs.ADC_READ_US + pins * costs.PIN_US

    @property
    def tick_us(self) -> int:
        """A tick, from one deadline to the next."""
        return self._tick_ms * 1000

    def ticks_between(self, read: str) -> int:
        """The ticks between two readings of a channel."""
        rounds = {CURRENT: 1, CONTACT: 1, PIN: 1, SLOW: self._slow_ticks, THERMISTOR: MUX_INPUTS}
        return rounds[read]

    def interval_us(self, read: str) -> int:
        """The time between two readings of a channel, undisturbed."""
        return self.ticks_between(read) * self.tick_us

    def delay_us(self, case: Case, given: dict, load_A: float) -> int:
        """The delay of a row; of an inverse time that of its integrator at a constant load."""
        delay_ms = given.get("delay_ms", 0)
        if case.level.quantity not in ("inverse", "bank_inverse"):
            return delay_ms * 1000
        bank = case.level.quantity == "bank_inverse"
        trip, share = given, 1000
        if not case.level.curve:  # an alarm on the way to the trip, which runs as shipped
            (level,) = (one for one in case.element.levels if one.curve)
            trip = levels.level_defaults(level, self._config["bank"])
            share = round(given["pickup"] * 10)
        assert isinstance(trip, dict)  # those levels ship on
        way_ms = _integrated_ms(trip, round(load_A * 1000), self._n if bank else 1, share)
        return (way_ms + delay_ms) * 1000

    def early_us(self, case: Case, load: Load) -> int:
        """By how much a delay may seem shorter, for it counts from the beginning of a tick.

        That may be a time-out before the reading. An integrator takes its first tick whole.
        """
        inverse = case.level.quantity in ("inverse", "bank_inverse")
        before_us = self._timeout_us if load.hangs else 0
        return before_us + (self.tick_us + load.stall_us + before_us if inverse else 0)

    def terms(
        self, case: Case, situation: Situation, given: dict, load: Load, delay_us: int
    ) -> Terms:
        """The named terms, in us, of which the bound is the sum."""
        work_us = self.acquire_us + self.step_us + self.output_us
        tick_us = self.tick_us
        lost = -(-(load.stall_us + work_us) // tick_us) - 1
        late_us = max(load.stall_us, lost * tick_us)
        hang_us = (-(-(self._timeout_us + work_us) // tick_us) - 1) * tick_us if load.hangs else 0
        ticks = self.ticks_between(situation.read)
        between_us = ticks * tick_us
        skipped_us = load.skipped * (tick_us + hang_us)
        terms = [("until it is read", between_us + skipped_us + late_us + SLICE_us)]
        if situation.attempts > 1:
            terms.append(("believed", (situation.attempts - 1) * between_us + SLICE_us))
        terms += situation.more
        last_us = tick_us + hang_us + late_us
        further_us = (given.get("samples", 1) - 1) * between_us
        if delay_us + last_us > further_us and delay_us:
            terms += [("delay", delay_us), ("a tick after the delay", last_us + 1000)]
        elif further_us:
            terms.append(("further samples", further_us + SLICE_us))
        wait_ms = given.get("wait_ms", 0)
        if wait_ms and case.output == "main":
            terms += [("wait", wait_ms * 1000), ("a tick after the wait", last_us)]
        terms += [
            ("acquisition", self.acquire_us + (self._timeout_us if load.hangs else 0)),
            ("step", self.step_us),
            ("output", self.output_us),
        ]
        return terms


def _transactions_us(freq_hz: int) -> tuple[int, ...]:
    """What transactions take, by their data bytes: the wire and the driver."""
    return tuple(us + costs.I2C_DRIVER_US for us in costs.i2c_wire(freq_hz))


def _integrated_ms(trip: dict, load_mA: int, together: int, share: int) -> int:
    """How long an integrator needs for so much of its way (0.1 %) at a constant load."""
    values = ints(2)
    values[0] = BIAS + load_mA
    integrator = Integrator(1, trip, values, 0, 1, together)
    for ms in range(1, 3_600_000):
        curves.integrate(integrator.ctx, ms, 1, 1)
        if values[1] - BIAS >= share:
            return ms
    raise ValueError("a load below the pickup")
