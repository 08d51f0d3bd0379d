"""The steps of a commissioning with current: polarity, the trip tests, shares, the baseline."""

from collections.abc import Iterator

from packwarden_host.commission_cabinet import HANDS_S, MAIN, Cabinet, Seen, label
from packwarden_host.commission_person import Person
from packwarden_host.commission_progress import Check
from packwarden_host.commission_steps import closed, whole
from packwarden_host.dialogue import Refused
from packwarden_host.errors import RunFailed

LOAD_PERCENT = 10  # of the rated current through each battery, to tell its sign and its end
_GONE_PERCENT = 2  # and what is left at most of one that has been opened
_SETTLED_S = 2.0  # for the second pulse, the main and all others to open if they have to
_TRIPPED_S = 5.0
ESTIMATED_S = 3600.0
_SPREAD_mOHM = 3.0
_SURE = 4

Checks = Iterator[Check]


def _loaded(cabinet: Cabinet, who: str) -> Seen | None:
    """Wait until each battery carries enough."""
    least_A = LOAD_PERCENT / 100 * cabinet.rated_A
    mean_A = f"{least_A:g} A for each battery, {least_A * cabinet.batteries:g} A in all"
    return cabinet.until(
        f"{who}: let the bank carry at least {mean_A}",
        lambda now: (
            whole(now)
            and sum(abs(now.current(place)) for place in now.places()[:-1])
            >= least_A * cabinet.batteries
        ),
    )


def polarity(cabinet: Cabinet, person: Person) -> Checks:
    """A battery that gives reads above zero."""
    seen = _loaded(cabinet, "Polarity")
    if seen is None:
        yield _unloaded(cabinet)
        return
    flow = person.ask("flow")
    sign = 1 if flow == "discharge" else -1
    small_A = _GONE_PERCENT / 100 * cabinet.rated_A
    for place in seen.places()[:-1]:
        current_A = seen.current(place)
        found = f"{current_A:+.2f} A"
        if current_A * sign <= -small_A:
            found += ": exchange S+ and S- at its shunt, or the bank does not " + flow
        yield Check(
            what=f"BAT{int(place):02d} current",
            found=found,
            wanted=f"{'above' if sign > 0 else 'below'} {sign * small_A:+g} A: the bank {flow}s",
            good=current_A * sign > small_A,
        )


def _unloaded(cabinet: Cabinet) -> Check:
    seen = cabinet.bank()
    flows = ", ".join(f"{seen.current(place):.1f}" for place in seen.places()[:-1])
    least_A = LOAD_PERCENT / 100 * cabinet.rated_A
    return Check(
        what="load",
        found=f"{flows} A after {HANDS_S / 60:g} min",
        wanted=f"{least_A:g} A through each battery",
        good=False,
    )


def trips(cabinet: Cabinet, person: Person) -> Checks:
    """Each output opens its breaker, and that alone. RunFailed where nobody is ready for it."""
    if not person.ask("ready"):
        raise RunFailed("step trips: not ready, nothing was opened; the same command goes on here")
    for place, lockout in cabinet.lockouts().items():
        if lockout["cause"] == "test":  # of a try that was ended
            cabinet.reset(place)
    for place in cabinet.places:
        failed = closed(cabinet, person, f"whatever is open, for the test of {label(place)}")
        if failed is not None:
            yield failed
            return
        before = cabinet.bank() if place == MAIN else _loaded(cabinet, f"Test of {label(place)}")
        if before is None:
            yield _unloaded(cabinet)
            return
        try:
            cabinet.operate(f"test {place}")
        except Refused as error:
            yield Check(
                what=f"{label(place)} tripped", found=error.reason, wanted="it trips", good=False
            )
            return
        checks = list(_tripped(cabinet, place, before))
        yield from checks
        if not all(check.good for check in checks):
            return
        reason = cabinet.reset(place)
        if reason is not None:
            yield Check(what=f"{label(place)} reset", found=reason, wanted="reset", good=False)
            return
    if cabinet.contactors and person.ask("close"):
        yield from _whole_again(cabinet, person)


def _whole_again(cabinet: Cabinet, person: Person) -> Checks:
    """Close all contactors after the main one's test: it is permitted while all others are open.

    They open by their own trip once more, without current now.
    """
    what, wanted = "contactors", "closed again, all of them"
    for place in cabinet.places[:-1]:
        try:
            cabinet.operate(f"test {place}")
            reason = cabinet.reset(place)
        except Refused as error:
            reason = error.reason
        if reason is not None:
            yield Check(what=what, found=f"{label(place)}: {reason}", wanted=wanted, good=False)
            return
    failed = closed(cabinet, person, "all of them, the main first")
    yield failed or Check(what=what, found="all closed", wanted=wanted, good=True)


def _tripped(cabinet: Cabinet, place: str, before: Seen) -> Checks:
    """What a test trip has done."""
    cabinet.until("", lambda seen: seen.state(place) == "locked out", _TRIPPED_S)
    seen = cabinet.after(_SETTLED_S)
    moved = [one for one in seen.places() if seen.state(one) in ("open", "locked out")]
    found = ", ".join(label(one) for one in moved) or "none"
    found += " opened"
    if moved == [place]:
        open_s = cabinet.lockouts()[place]["open_after_s"]
        found += f" after {open_s} s"
    elif place not in moved and len(moved) > 0:
        found += f", not {label(place)}: its wires, or those of their contacts, are crossed"
    elif place not in moved:
        found += ": look at coil, relay, contact and their wires"
    yield Check(
        what=f"{label(place)} tripped",
        found=found,
        wanted=f"{label(place)} opens, and it alone",
        good=moved == [place],
    )
    if place == MAIN:
        return
    gone_A = _GONE_PERCENT / 100 * cabinet.rated_A
    left_A = seen.current(place)
    found = f"{before.current(place):.1f} A before, {left_A:.1f} A after"
    ended = [one for one in seen.places()[:-1] if abs(seen.current(one)) < gone_A]
    if abs(left_A) >= gone_A and ended:
        found += f", and BAT{int(ended[0]):02d} has none now: shunts or breakers are exchanged"
    yield Check(
        what=f"BAT{int(place):02d} current",
        found=found,
        wanted=f"ends with its breaker: below {gone_A:g} A",
        good=abs(left_A) < gone_A,
    )


def estimates(cabinet: Cabinet, person: Person) -> Checks:
    """Shares, resistances and joints are known, and alike."""
    incomplete = person.ask("incomplete")

    def known(_: Seen) -> bool:
        missing = [batteries for _, batteries in _unknown(cabinet)]
        return not all(missing) if incomplete else not any(missing)

    told = "Let load come and go: 30 min of it for shares, 8 steps for resistances, an hour for"
    cabinet.until(f"{told} joints; Ctrl-C, and go on another day", known, ESTIMATED_S)
    for what, missing in _unknown(cabinet):
        text = ", ".join(f"BAT{battery:02d}" for battery in missing)
        yield Check(
            what=f"{what} estimated",
            found=f"not yet: {text}" if missing else f"of all {cabinet.batteries}",
            wanted="of all batteries",
            good=incomplete or not missing,
            left_out=bool(incomplete and missing),
        )
    rows = cabinet.json("resistances")
    unlinked = [f"BAT{row['battery']:02d}" for row in rows if row["link_mOhm"] is None]
    if unlinked:  # is not waited for: currents that stand are rarer than steps
        yield Check(
            what="links to the busbar estimated",
            found=f"not yet: {', '.join(unlinked)}",
            wanted="of all batteries",
            good=True,
            left_out=True,
        )
    feed = cabinet.json("feed")
    yield Check(what="feed", found=_feed(feed), wanted="diagonally, where it can be", good=True)
    for share in feed["shares"]:
        if share["share"] is not None:
            percent = (share["share"] - 1) * 100
            yield Check(
                what=f"BAT{share['battery']:02d} share",
                found=f"{share['share']:.3f} of the mean, {percent:+.0f} %",
                wanted="within 40 %",
                good=abs(percent) < 40,
            )
    known_mOhm = sorted(row["internal_mOhm"] for row in rows if row["internal_mOhm"] is not None)
    for row in rows:
        if row["internal_mOhm"] is None:
            continue
        middle = known_mOhm[len(known_mOhm) // 2]
        off = row["internal_mOhm"] - middle
        yield Check(
            what=f"BAT{row['battery']:02d} internal resistance",
            found=f"{row['internal_mOhm']:.2f} +/- {row['internal_error_mOhm']:.2f} mOhm,"
            f" {off:+.2f} mOhm",
            wanted=f"surely within {_SPREAD_mOHM:g} mOhm of the median",
            good=abs(off) - _SURE * row["internal_error_mOhm"] < _SPREAD_mOHM,
        )
        if row["link_mOhm"] is not None:
            yield Check(
                what=f"BAT{row['battery']:02d} link to the busbar",
                found=f"{row['link_mOhm']:.3f} +/- {row['link_error_mOhm']:.3f} mOhm",
                wanted="noted as it is",
                good=True,
            )


def _unknown(cabinet: Cabinet) -> list[tuple[str, list[int]]]:
    """What is estimated, and of which batteries it is not."""
    asked = (
        ("shares", cabinet.json("feed")["shares"], "share"),
        ("internal resistances", cabinet.json("resistances"), "internal_mOhm"),
        ("joints", cabinet.json("joints"), "rise_K"),
    )
    return [
        (what, [row["battery"] for row in rows if row[key] is None]) for what, rows, key in asked
    ]


def _feed(feed: dict) -> str:
    if feed["near"] is None:
        return feed["feed"]
    return (
        f"{feed['feed']}: BAT{feed['near']:02d} would carry {feed['highest']:.2f} of the mean,"
        f" fed diagonally {feed['diagonal']:.2f}"
    )


def baseline(cabinet: Cabinet, _: Person) -> Checks:
    """The bank is taken for sound as it is."""
    try:
        found, good = cabinet.operate("baseline store"), True
    except Refused as error:
        found, good = error.reason, False
    yield Check(what="baseline", found=found, wanted="stored", good=good)
