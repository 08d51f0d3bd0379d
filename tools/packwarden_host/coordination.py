"""Which device acts first: the elements of a configuration beside fuses, breakers and the BMS.

All currents are those through one battery, in A, and times in s; the main breaker carries as many
times that current as there are batteries, where all carry alike. Cables and busbars, which lower a
fault current, and the few ms in which it rises are left out: both on the safe side.
"""

import math
from dataclasses import dataclass
from functools import cached_property

from packwarden import curves, elements, settings
from packwarden.fixed import MASK, Q, to_fixed
from packwarden_host import devices
from packwarden_host.devices import Device
from packwarden_host.errors import BadInput
from packwarden_host.time_current import Band, Time, at_once_from, first_of, never
from packwarden_sim.costs import BREAKER_TRAVEL_US

OPENING_ms = BREAKER_TRAVEL_US // 1000
# A 48 V pack of 100 Ah, as the simulated one.
FAULT_kA = 3.2
# Of a pack rated 100 A: 150 A for 3 s and a short circuit from 300 A on are those of an EG4-LL-S
# (its manual, page 31); 1 ms for the latter is what slower ones need.
BMS_LIMITS = ((1.5, 3.0), (3.0, 0.001))  # in multiples of the rated current, and s
CELL_V = 3.65  # at the end of charge
# A fuse of this many times the pickup of 51 leaves overloads to Packwarden.
FUSE_OVER_PICKUP = 1.25
LARGEST_MULTIPLE = 32  # above, the integrators take the time at this multiple of the pickup


@dataclass(frozen=True)
class Choices:
    """What a configuration does not tell. A device or BMS that is None is chosen for it."""

    fuse: str | None = None
    breaker: str | None = None
    main: str | None = None
    bms: tuple[str, ...] = ()  # like 150/3, or one word: none
    fault_kA: float = FAULT_kA
    opening_ms: float = OPENING_ms


class Study:
    """A bank with its devices, each as a band over the current through one battery."""

    def __init__(self, config: dict, choices: Choices):
        self._config = config
        bank = config["bank"]
        self.batteries: int = bank["batteries"]
        self.rated_A: float = bank["rated_current_A"]
        self.highest_V: float = bank["cells"] * CELL_V
        self.fault_A = 1000 * choices.fault_kA
        if self.fault_A <= self.rated_A:
            raise BadInput(
                f"--fault-ka {choices.fault_kA:g} is not above a pack's rated {self.rated_A:g} A"
            )
        self.opening_s = choices.opening_ms / 1000
        self._tick_s = settings.option(config, "bank.tick_ms") / 1000
        self.bms_limits = _bms_limits(choices.bms, self.rated_A)
        overload_A = self._pickup_A("overcurrent_inverse", 1.25 * self.rated_A)
        bank_A = self._pickup_A("bank_overcurrent", overload_A * self.batteries)
        least_fuse_A = FUSE_OVER_PICKUP * overload_A
        self.fuse = _device(choices.fuse, "fuse", "--fuse", ("gg",), least_fuse_A)
        self.breaker = _device(
            choices.breaker, "breaker", "--breaker", ("mcb_c", "mccb"), overload_A
        )
        self.main = _device(choices.main, "breaker", "--main", ("mccb",), bank_A)

    def _trip(self, slug: str) -> dict | None:
        """The settings of an element's trip, None where it is off."""
        given = self._config["elements"][slug]["trip"]
        return None if given == "off" else given

    def _pickup_A(self, slug: str, otherwise_A: float) -> float:
        given = self._trip(slug)
        return otherwise_A if given is None else given["pickup"]

    @property
    def instantaneous_A(self) -> float:
        """The pickup of 50, inf where it is off."""
        return self._pickup_A("overcurrent_instantaneous", math.inf)

    @property
    def overload_A(self) -> float:
        """The pickup of 51 of a battery, inf where it is off."""
        return self._pickup_A("overcurrent_inverse", math.inf)

    @property
    def overloads_to_A(self) -> float:
        """Up to where a current counts as an overload and not as a short: where 50 picks up."""
        return max(self.rated_A, min(self.instantaneous_A, self.most_A))

    @property
    def fed_A(self) -> float:
        """What the other batteries feed into a short circuit of one."""
        return (self.batteries - 1) * self.fault_A

    @property
    def busbar_A(self) -> float:
        """What all of them feed into a short circuit behind the main breaker."""
        return self.batteries * self.fault_A

    @property
    def most_A(self) -> float:
        """The largest current that can flow through one battery."""
        return max(self.fault_A, self.fed_A)

    def _wait_s(self, slug: str, given: dict, main: bool) -> float:
        """How long a trip waits at most for a low current: the main's does, and a contactor's."""
        if not main and self._config["breakers"]["kind"] != "contactor":
            return 0.0
        table = elements.TABLE[elements.find(slug)]
        (level,) = (one for one in table.levels if one.key == "trip")
        return given.get("wait_ms", level.wait_ms or 0) / 1000

    def _inverse(self, name: str, slug: str, main: bool) -> Band:
        """An inverse-time element: told at its curve's time, open after ticks, wait and travel.

        A tick passes until the current is read, and one until the integrator has arrived.
        """
        given = self._trip(slug)
        if given is None:
            return Band(name)
        told = operate(given)
        more_s = 2 * self._tick_s + self._wait_s(slug, given, main) + self.opening_s
        return Band(name, told, lambda current_A: told(current_A) + more_s, (given["pickup"],))

    @cached_property
    def overload(self) -> Band:
        """51 of a battery, opening its breaker."""
        return self._inverse("51", "overcurrent_inverse", main=False)

    @cached_property
    def short(self) -> Band:
        """50, opening the battery that is reversed, else the main.

        A tick passes until the current is read, one with each sample, and most of one until the
        output has its level: never less than the bound of `packwarden latency`.
        """
        given = self._trip("overcurrent_instantaneous")
        if given is None:
            return Band("50")
        told_s = given.get("delay_ms", 0) / 1000
        ticks_s = (given.get("samples", 1) + 2) * self._tick_s
        open_s = told_s + ticks_s + self.opening_s
        pickup_A = given["pickup"]
        first, last = (at_once_from(never, pickup_A, time_s) for time_s in (told_s, open_s))
        return Band("50", first, last, (pickup_A,))

    @cached_property
    def bank_overload(self) -> Band:
        """51 of the bank, opening the main."""
        band = self._inverse("51 of the main", "bank_overcurrent", main=True)
        return band.at(self.batteries)

    @cached_property
    def opens_main(self) -> Band:
        """Whatever opens the main breaker where all batteries carry alike."""
        bands = [self.bank_overload, self.short]
        if self._trip("cascade") is not None:  # then 51 of a battery takes the main with it
            bands.append(self._inverse("51 of the batteries", "overcurrent_inverse", main=True))
        return first_of("main", [*bands, self.main_release])

    @cached_property
    def bms(self) -> Band:
        """The BMS of a pack, which switches its own pack off."""
        limits = self.bms_limits

        def time_s(current_A: float) -> float:
            passed = (delay_s for limit_A, delay_s in limits if current_A >= limit_A)
            return min(passed, default=math.inf)

        return Band("BMS", time_s, time_s, tuple(limit_A for limit_A, _ in limits))

    @cached_property
    def fuse_band(self) -> Band:
        """The fuse of a battery; nothing where none is fitted."""
        return self.fuse.band("fuse") if self.fuse else Band("fuse")

    @cached_property
    def release(self) -> Band:
        """The own release of a battery's breaker."""
        name = "breaker itself"
        return self.breaker.band(name) if self.breaker else Band(name)

    @cached_property
    def main_release(self) -> Band:
        """The own release of the main breaker."""
        name = "main itself"
        band = self.main.band(name) if self.main else Band(name)
        return band.at(self.batteries)


def operate(given: dict) -> Time:
    """The time to operate of inverse-time settings at a steady current: the firmware's formula."""
    tms_e3 = to_fixed(given["tms"], 1000)

    def time_s(current_A: float) -> float:
        multiple = min(current_A / given["pickup"], LARGEST_MULTIPLE)
        if multiple <= 1:
            return math.inf
        time_ms = curves.operate_ms(given["curve"], tms_e3, round(multiple * (1 << Q)))
        return math.inf if time_ms == MASK else time_ms / 1000

    return time_s


def _device(
    given: str | None, kind: str, option: str, types: tuple[str, ...], least_A: float
) -> Device | None:
    """The device that is named, or the smallest of the first type that reaches a current."""
    if given == "none":
        return None
    if given is not None:
        return devices.parse(given, kind, option)
    enough = [name for name in types if max(devices.read(name).ratings_A) >= least_A]
    return devices.smallest(enough[0] if enough else types[-1], least_A, option)


def _bms_limits(given: tuple[str, ...], rated_A: float) -> tuple[tuple[float, float], ...]:
    if given == ("none",):
        return ()
    if not given:
        return tuple((multiple * rated_A, delay_s) for multiple, delay_s in BMS_LIMITS)
    return tuple(sorted(_bms_limit(text) for text in given))


def _bms_limit(text: str) -> tuple[float, float]:
    try:
        limit_A, delay_s = (float(part) for part in text.split("/"))
    except ValueError:
        limit_A = delay_s = math.nan
    if not (0 < limit_A < math.inf and 0 <= delay_s < math.inf):
        raise BadInput(f"--bms {text!r} is not of the form AMPERE/SECONDS, like 150/3, or none")
    return limit_A, delay_s
