"""The console's view of the condition: joints, resistances, feed, counters; the baselines."""

from packwarden import restart
from packwarden.condition import counters, feed, joints, resistances, shares
from packwarden.fixed import BIAS, NONE, decimal
from packwarden.records import two_digits
from packwarden.replies import (
    Command,
    Refused,
    done,
    json_bool,
    json_number,
    no_arguments,
    operator,
    record,
)


def _signed(stored):
    """Return a biased value, or None."""
    return None if stored == NONE else stored - BIAS


def _rows(as_json, columns, rows):
    """Yield rows, each (battery, facts), None for the main breaker: a table, or one line of JSON.

    `columns`: (name in JSON, heading, unit); a fact is a number in its internal unit, a text that
    is a number already, a truth, or None.
    """
    widths = [max(len(heading) + 2, 8) for _, heading, _ in columns]
    if as_json:
        yield "["
    else:
        yield "battery" + _line([heading for _, heading, _ in columns], widths)
    first = True
    for battery, facts in rows:
        if as_json:
            yield '%s{"battery":%s' % ("" if first else ",", battery or "null")
            for place in range(len(columns)):
                name, _, unit = columns[place]
                yield ',"%s":%s' % (name, _json(facts[place], unit))
            yield "}"
        else:
            cells = []
            for place in range(len(columns)):
                cells.append(_text(facts[place], columns[place][2]))
                yield ""
            label = "BAT" + two_digits(battery) if battery else "main "
            yield label + "  " + _line(cells, widths)
        first = False
    if as_json:
        yield "]\r\n"


def _line(cells, widths):
    line = ""
    for place in range(len(cells)):
        line += " " * max(1, widths[place] - len(cells[place])) + cells[place]
    return line + "\r\n"


def _json(fact, unit):
    if isinstance(fact, bool):
        return json_bool(fact)
    return fact if isinstance(fact, str) else json_number(fact, unit)


def _text(fact, unit):
    if fact is None:
        return "-"
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    return (
        fact if isinstance(fact, str) else json_number(fact, unit) + (" " + unit if unit else "")
    )


_JOINTS = (
    ("rise_K", "+ over -", "K"),
    ("error_K", "+/-", "K"),
    ("plus_K", "TERM+ surely", "K"),
    ("minus_K", "TERM- surely", "K"),
    ("used", "used", None),
    ("idle", "at rest", None),
    ("rejected", "rejected", None),
    ("baseline", "baseline", None),
)


def _joints(context, words, as_json):
    no_arguments(words)
    yield from _rows(as_json, _JOINTS, _joint_rows(context.condition.joints))
    if not as_json:
        yield "Rise at rated current; used, at rest, rejected: blocks of two minutes.\r\n"


def _joint_rows(found):
    for k in range(len(found.rise)):
        at = k * found.fields
        rise = _signed(found.rise[k])
        yield (
            k + 1,
            (
                rise,
                None if rise is None else found.error_cK[k],
                _signed(found.sure[2 * k]),
                _signed(found.sure[2 * k + 1]),
                found.kept[at + joints.USED],
                found.kept[at + joints.IDLE],
                found.kept[at + joints.REJECTED],
                found.kept[at + joints.BASED] == 1,
            ),
        )


_RESISTANCES = (
    ("internal_mOhm", "internal", "mOhm"),
    ("internal_error_mOhm", "+/-", "mOhm"),
    ("internal_baseline_mOhm", "baseline", "mOhm"),
    ("internal_used", "used", None),
    ("internal_rejected", "rejected", None),
    ("link_mOhm", "link", "mOhm"),
    ("link_error_mOhm", "+/-", "mOhm"),
    ("link_baseline_mOhm", "baseline", "mOhm"),
    ("link_used", "used", None),
    ("link_rejected", "rejected", None),
)


def _resistances(context, words, as_json):
    no_arguments(words)
    yield from _rows(as_json, _RESISTANCES, _resistance_rows(context.condition.resistances))
    if not as_json:
        yield "At 25 degC, 1.0 s after a step; used, rejected: steps of the load.\r\n"


def _resistance_rows(found):
    for k in range(len(found.spread_uohm)):
        facts = []
        for which in (0, resistances.LINK):
            at = k * resistances.FIELDS + which
            value = found.uohm(k, which)
            facts += [value, None if value is None else found.error_uohm(k, which)]
            facts.append(_signed(found.kept[at + resistances.BASE]))
            facts.append(found.kept[at + resistances.USED])
            facts.append(found.kept[at + resistances.REJECTED])
        yield k + 1, facts


def _feed(context, words, as_json):
    no_arguments(words)
    monitor = context.condition
    config = context.protection.bank.config["bank"]
    order = config["positions"]
    found = []
    profile = [monitor.resistances.sag(battery - 1) for battery in order]
    for _ in feed.judge(profile, found):
        yield ""
    verdict, near, highest, diagonal = found[0]
    what = feed.NAMES[verdict]
    per_cent = [decimal(one, feed.MEAN, 3) for one in (highest, diagonal)]
    if as_json:
        yield '{"feed":"%s","near":%s,"highest":%s,"diagonal":%s,"shares":[' % (
            what,
            order[-near] if verdict == feed.ONE_END else "null",
            per_cent[0] if verdict else "null",
            per_cent[1] if verdict else "null",
        )
        first = True
        for battery in order:
            at = (battery - 1) * shares.FIELDS
            base = monitor.shares.kept[at + shares.BASE]
            yield '%s{"battery":%d,"share":%s,"baseline":%s}' % (
                "" if first else ",",
                battery,
                _share(monitor.shares.share(battery - 1), 1) or "null",
                _share(base or None, shares.PARTS) or "null",
            )
            first = False
        yield "]}\r\n"
        return
    for battery in order:
        at = (battery - 1) * shares.FIELDS
        base = monitor.shares.kept[at + shares.BASE]
        yield "BAT%s  share %s  baseline %s\r\n" % (
            two_digits(battery),
            _share(monitor.shares.share(battery - 1), 1) or "-",
            _share(base or None, shares.PARTS) or "-",
        )
    yield what
    if verdict == feed.ONE_END:
        yield ": of equal batteries BAT%s would carry %s of the mean" % (
            two_digits(order[-near]),
            per_cent[0],
        )
        yield ", fed diagonally the highest %s" % per_cent[1]
    yield "\r\n"


def _share(value, parts):
    """Return a share as text, 1 being the mean; None where it is not known."""
    return None if value is None else decimal(value, shares.MEAN * parts, 3)


_COUNTERS = (
    ("charged_Ah", "Ah in", None),
    ("discharged_Ah", "Ah out", None),
    ("cycles", "cycles", None),
    ("joints_A2h", "A2h", None),
    ("plus_degC", "hottest +", "degC"),
    ("minus_degC", "hottest -", "degC"),
    ("hot_h", "h at 60 degC", None),
    ("over_rated_h", "h over rated", None),
    ("opened_cold", "opened cold", None),
    ("opened_hot", "hot", None),
)


def _counters(context, words, as_json):
    no_arguments(words)
    n = context.protection.frame.batteries
    kept = context.condition.counters.kept
    yield from _rows(as_json, _COUNTERS, _counter_rows(context, kept, n))


def _counter_rows(context, kept, n):
    capacity = context.protection.bank.config["bank"]["capacity_Ah"]
    for k in range(n):
        at = k * counters.FIELDS
        own_Ah = capacity[k] if isinstance(capacity, list) else capacity
        yield (
            k + 1,
            (
                decimal(kept[at + counters.CHARGED], 100, 2),
                decimal(kept[at + counters.DISCHARGED], 100, 2),
                decimal(kept[at + counters.DISCHARGED], 100 * own_Ah, 2),
                kept[at + counters.HEAT],
                _signed(kept[at + counters.HOTTEST]),
                _signed(kept[at + counters.HOTTEST + 1]),
                decimal(kept[at + counters.HOT_s], 3600, 2),
                decimal(kept[at + counters.OVER_s], 3600, 2),
            )
            + _openings(kept, k),
        )
    yield None, (None,) * 8 + _openings(kept, n)


def _openings(kept, place):
    at = place * counters.FIELDS
    return kept[at + counters.OPENED_COLD], kept[at + counters.OPENED_HOT]


def _baseline(context, words, as_json):
    if words != ["store"]:
        raise Refused("baseline store")
    n = context.protection.frame.batteries
    while context.condition.held:
        yield None
    learnt = context.condition.learn()
    if not (learnt[0] | learnt[1] | learnt[2]):
        raise Refused("nothing is estimated yet: see joints, resistances, feed")
    record(context.protection, restart.BASELINE)
    told = []
    for name, mask in zip(("joints", "resistances", "shares"), learnt):
        count = sum([mask >> k & 1 for k in range(n)])
        told.append("%s %d" % (name, count))
    yield done(as_json, "baseline stored, of %d batteries: %s" % (n, ", ".join(told)))


def check_text(context):
    """Return in words how long ago the monthly check was, and whether one is due."""
    days = context.condition.counters.days()
    due = "DUE, " if days >= counters.DUE_days else ""
    return "%s%d days with power since the last one" % (due, days)


def check_json(context):
    """Return the same as members of an object."""
    days = context.condition.counters.days()
    return '"check_days":%d,"check_due":%s' % (days, json_bool(days >= counters.DUE_days))


def _check(context, words, as_json):
    if words == ["done"]:
        operator(context)
        while context.condition.held:
            yield None
        context.condition.counters.checked()
        context.condition.unsaved = True
        record(context.protection, restart.CHECKED)
        yield done(as_json, "monthly check done: the next one in %d days" % counters.DUE_days)
        return
    no_arguments(words)
    if as_json:
        yield "{%s}\r\n" % check_json(context)
    else:
        yield "monthly check: %s\r\n" % check_text(context)


COMMANDS = {
    "check": Command("check [done]", "when the monthly check is due; that it is done", _check),
    "joints": Command("joints", "which joint works loose: rise at rated current", _joints),
    "resistances": Command("resistances", "of batteries and of links to the busbar", _resistances),
    "feed": Command("feed", "shares along the busbar, and how it is fed", _feed),
    "counters": Command("counters", "what each battery has been through", _counters),
    "baseline": Command("baseline store", "take what is estimated as sound", _baseline, True),
}
