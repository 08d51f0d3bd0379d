"""The steps of a commissioning up to the bank at rest: sensors, zeros, voltages, number, contacts.

A step is a generator of `Check`s; it has failed where one of them is not good.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from statistics import median

from packwarden.permission import PRECHARGED_percent
from packwarden_host.commission_cabinet import HANDS_S, MAIN, Cabinet, Seen, label
from packwarden_host.commission_person import Person
from packwarden_host.commission_progress import Check
from packwarden_host.dialogue import Refused

MATCH_mV = 50  # packs are joined within it: 50 mV between two of them drive 2.7 A
MOST = 15  # batteries of a board
REST_PERCENT = 5  # of the rated current, at most, where nothing is said to flow
_WARMED_K = 2.0  # of one terminal over all others: a hand makes 3 K or more
_COLD_C, _HOT_C = -20.0, 50.0  # of a cabinet where a person works
_ALIKE_K = 5.0  # at rest, after hours, all terminals have about the temperature of the air
_DEAD = 0.25  # of the packs' voltage, on a busbar that none of them feeds
_LEAST_V, _MOST_V = 2.5, 3.65  # a cell of LFP

Checks = Iterator[Check]


def sensors(cabinet: Cabinet, person: Person) -> Checks:
    """Every sensor present, in range, and on the right battery."""
    blind = cabinet.json("degraded")
    found = ", ".join(f"{one['place']}: {one['why']}" for one in blind[:4])
    yield Check(what="sensors lost", found=found or "none", wanted="none", good=not blind)
    rows = cabinet.json("selftest")["selftest"]
    bad = [f"{row['check']}: {row['detail']}" for row in rows if row["result"] == "bad"]
    tested = f"{len(rows) - len(bad)} of {len(rows)} without a finding"
    yield Check(
        what="self-test", found="; ".join(bad) or tested, wanted="nothing bad", good=not bad
    )
    seen = cabinet.bank()
    cells = cabinet.settings["bank"]["cells"]
    for one in seen.batteries:
        yield _within(
            f"BAT{one.battery:02d} voltage", one.voltage_V, _LEAST_V * cells, _MOST_V * cells, "V"
        )
    for place, value in {**seen.terminals(), "ambient": seen.ambient_degC}.items():
        yield _within(_terminal(place), value, _COLD_C, _HOT_C, "degC")
    if person.ask("warm"):
        left = list(seen.terminals())
        while left:
            check = _warmed(cabinet, left)
            yield check
            if not check.good:
                return
            left.pop(0)
    else:
        yield Check(
            what="each terminal warmed",
            found="not done: which sensor is where is not proven",
            wanted=f"it alone rises, {_WARMED_K:g} K or more",
            good=True,
            left_out=True,
        )


def _terminal(place: str) -> str:
    return f"BAT{int(place[:-1]):02d} TERM{place[-1]}" if place[-1] in "+-" else place


def _within(what: str, value: float | None, low: float, high: float, unit: str) -> Check:
    found = "no value" if value is None else f"{value:.2f} {unit}"
    good = value is not None and low <= value <= high
    return Check(what=what, found=found, wanted=f"{low:g} .. {high:g} {unit}", good=good)


def _warmed(cabinet: Cabinet, left: Sequence[str]) -> Check:
    """Wait until one terminal that is left gets warm; it has to be the first of them."""
    asked = left[0]
    lowest: dict[str, float] = {}  # so far: what was warmed before cools down meanwhile

    def risen(seen: Seen) -> tuple[str, float]:
        """The terminal that has risen most, and by how much over all others."""
        rises = {}
        for place, value in seen.terminals().items():
            if value is not None:
                lowest[place] = min(value, lowest.get(place, value))
                rises[place] = value - lowest[place]
        place = max(left, key=lambda one: rises.get(one, 0.0))
        return place, rises.get(place, 0.0) - median(rises.values() or [0.0])

    seen = cabinet.until(f"Warm {_terminal(asked)}", lambda seen: risen(seen)[1] >= _WARMED_K)
    what, wanted = f"{_terminal(asked)} warmed", f"it alone rises, {_WARMED_K:g} K or more"
    if seen is None:
        found = (
            f"no terminal has risen within {HANDS_S / 60:g} min: look at plug and lead of"
            f" {_terminal(asked)}, warm the lug itself, or answer no"
        )
        return Check(what=what, found=found, wanted=wanted, good=False)
    place, rise_K = risen(seen)
    found = f"{_terminal(place)} has risen by {rise_K:.1f} K"
    if place != asked:
        found += ": exchange the two sensors, or their plugs"
    return Check(what=what, found=found, wanted=wanted, good=place == asked)


def opened(cabinet: Cabinet) -> Check | None:
    """Wait until all breakers are open; the check that failed otherwise.

    Where no contact tells the busbar has to be dead.
    """

    def met(seen: Seen) -> bool:
        if not cabinet.contacts:
            return seen.busbar_V is not None and seen.busbar_V < _DEAD * seen.middle_V()
        return all(seen.state(place) in ("open", "locked out") for place in seen.places())

    by_hand = "contactor" if cabinet.contactors else "breaker by hand"
    if cabinet.until(f"Open every {by_hand}, the main one too", met) is not None:
        return None
    return _not_so(cabinet, "all breakers open", ("open", "locked out"))


def closed(cabinet: Cabinet, person: Person, what: str) -> Check | None:
    """Wait until all breakers are closed; the check that failed otherwise. `what` is to be closed.

    Contactors are told to, where the person has allowed it, as they are permitted.
    """
    seen = cabinet.bank()
    if whole(seen):
        return None
    may_close = cabinet.contactors and person.ask("close")
    told = _closing(cabinet, seen, may_close, what)

    def met(seen: Seen) -> bool:
        if may_close:
            cabinet.close_permitted(seen)
        return whole(seen)

    if cabinet.until(told, met) is not None:
        return None
    return _not_so(cabinet, "all breakers closed", ("closed",))


def _closing(cabinet: Cabinet, seen: Seen, may_close: bool, what: str) -> str:
    """What a person is told while `what` is closed, and has to do for it."""
    if not cabinet.contactors:
        return f"Close by hand: {what}"
    told = f"Closing, as permitted: {what}" if may_close else f"Close, as permitted: {what}"
    if seen.state(MAIN) != "closed":
        told += (
            "; pre-charge what is behind the main contactor until the busbar has"
            f" {PRECHARGED_percent} % of the batteries' voltage"
        )
    return told


def whole(seen: Seen) -> bool:
    """Whether all breakers are closed."""
    return all(seen.state(place) == "closed" for place in seen.places())


def _not_so(cabinet: Cabinet, wanted: str, states: tuple[str, ...]) -> Check:
    seen = cabinet.bank()
    others = [place for place in seen.places() if seen.state(place) not in states]
    found = ", ".join(f"{label(place)} {seen.state(place)}" for place in others)
    waits = [why for place in others if "closed" in states for why in cabinet.waits(place)]
    found = "; ".join([found, *dict.fromkeys(waits)])
    return Check(what="breakers", found=found, wanted=wanted, good=False)


def zero(cabinet: Cabinet, person: Person) -> Checks:
    """What the monitors read while nothing can flow is zero."""
    failed = opened(cabinet)
    if failed is not None:
        yield failed
        return
    signed = f"{date.today().isoformat()} {person.ask('name')}"
    for place in cabinet.zeroed:
        what = f"zero of {'the main shunt' if place == MAIN else f'BAT{int(place):02d}'}"
        try:
            found, good = cabinet.operate(f"calibrate zero {place} {signed}"), True
        except Refused as error:
            found, good = error.reason, False
        found = found.removeprefix(f"zero {place}: ")
        yield Check(what=what, found=found, wanted="steady, within 2 % of rated", good=good)


def voltages(cabinet: Cabinet, _: Person) -> Checks:
    """The packs are alike before they are joined."""
    failed = opened(cabinet)
    if failed is not None:
        yield failed
        return
    yield from _voltages(cabinet.bank(), "the packs' median")


def _voltages(seen: Seen, others: str) -> Checks:
    middle_V = seen.middle_V()
    for one in seen.batteries:
        value = one.voltage_V
        off_mV = 0.0 if value is None else (value - middle_V) * 1000
        found = "no value" if value is None else f"{value:.3f} V, {off_mV:+.0f} mV"
        yield Check(
            what=f"BAT{one.battery:02d} voltage",
            found=found,
            wanted=f"within {MATCH_mV} mV of {others}",
            good=value is not None and abs(off_mV) <= MATCH_mV,
        )


def number(cabinet: Cabinet, person: Person) -> Checks:
    """Not more packs in parallel than their maker allows."""
    what, n = "packs in parallel", cabinet.batteries
    limit = person.ask("bms_limit")
    if limit is None:
        found, wanted = (
            f"{n}; their maker's limit is not given",
            "at most as many as their maker allows",
        )
        yield Check(what=what, found=found, wanted=wanted, good=True, left_out=True)
        return
    limit = min(MOST, limit)
    yield Check(what=what, found=str(n), wanted=f"at most {limit}", good=n <= limit)


def rest(cabinet: Cabinet, person: Person) -> Checks:
    """Joined and at rest the monitors have to agree with each other."""
    failed = closed(cabinet, person, "the main first, then one battery's after the other")
    if failed is not None:
        yield failed
        return
    most_A = REST_PERCENT / 100 * cabinet.rated_A
    seen = cabinet.until(
        f"Let the bank rest: less than {most_A:g} A through each battery",
        lambda now: whole(now) and all(abs(now.current(p)) < most_A for p in now.places()[:-1]),
    )
    if seen is None:
        now = cabinet.bank()
        flows = ", ".join(f"{now.current(place):.1f}" for place in now.places()[:-1])
        yield Check(what="rest", found=f"{flows} A", wanted=f"below {most_A:g} A", good=False)
        return
    yield from _voltages(seen, "the median")
    bus_V, middle_V = seen.busbar_V, seen.middle_V()
    off_mV = None if bus_V is None else (bus_V - middle_V) * 1000
    yield Check(
        what="busbar voltage",
        found="no value" if off_mV is None else f"{bus_V:.3f} V, {off_mV:+.0f} mV",
        wanted=f"within {MATCH_mV} mV of the median",
        good=off_mV is not None and abs(off_mV) <= MATCH_mV,
    )
    values = {place: value for place, value in seen.terminals().items() if value is not None}
    middle_C = median(values.values())
    for place, value in values.items():
        yield Check(
            what=_terminal(place),
            found=f"{value:.1f} degC, {value - middle_C:+.1f} K",
            wanted=f"within {_ALIKE_K:g} K of the median at rest",
            good=abs(value - middle_C) <= _ALIKE_K,
        )
