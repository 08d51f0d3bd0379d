"""What the console shows of the whole: `status`, what is operated and how the controller fares."""

from packwarden import degraded, elements, history, levels
from packwarden.condition_view import check_json, check_text
from packwarden.records import TERMINAL_NAMES, two_digits
from packwarden.replies import Command, json_bool, json_text, no_arguments
from packwarden.restart import describe
from packwarden.views import active, active_lines, time_s


def _active_json(protection):
    begin = "["
    for operated, row, item in active(protection, 0):
        yield '%s{"operated":%s,"level":%s,"element":"%s","battery":%s,"terminal":%s}' % (
            begin,
            json_bool(operated),
            json_text(levels.LEVEL_NAMES[row.level]),
            elements.slug(row.number),
            row.battery(item) or "null",
            json_text(TERMINAL_NAMES[row.terminal(item)]),
        )
        begin = ","
    yield "[]" if begin == "[" else "]"


def _counts(protection):
    """Return how many slots are picked up, and operated per level warn, alarm, trip."""
    picked = 0
    operated = [0, 0, 0, 0]
    for done, row, _ in active(protection, 0):
        if done:
            operated[row.level] += 1
        else:
            picked += 1
    return picked, operated[1], operated[2], operated[3]


def _timing_facts(timing):
    """Return the ticks, those missed, those late, and the worst lateness in us."""
    return timing.ticks, sum(timing.missed), sum(timing.late), timing.worst_us


def _pin_state(access):
    """Return what there is of a PIN, in a word."""
    return "damaged" if access.damaged else "set" if access.exists else "missing"


def _unlocked(context):
    return context.access.unlocked(context.protection.events.seconds)


def _open(breakers):
    """Return the mask of the breakers that are open, locked out or not."""
    return breakers.all & ~breakers.closed


def _open_text(breakers):
    """Return which breakers are open, by their names."""
    mask = _open(breakers)
    names = ["Q" + two_digits(k + 1) for k in range(breakers.main) if mask >> k & 1]
    if mask & breakers.bit(breakers.main):
        names.append("main")
    return " ".join(names) + ", see permit" if names else "nothing"


def _status(context, words, as_json):
    no_arguments(words)
    protection = context.protection
    picked, warns, alarms, trips = _counts(protection)
    timing = context.timing
    bad = [state for state in protection.validator.health if state]
    if as_json:
        yield (
            '{"armed":%s,"t_s":%s,"batteries":%d,"picked_up":%d,"warn":%d,"alarm":%d,"trip":%d,'
            % (
                json_bool(protection.armed),
                time_s(protection),
                protection.frame.batteries,
                picked,
                warns,
                alarms,
                trips,
            )
        )
        yield (
            '"sensors_failed":%d,"degraded":%d,"locked_out":%d,"open":%d,'
            '"charge_allowed":%s,"discharge_allowed":%s,'
            % (
                len(bad),
                sum(1 for _ in degraded.blind(protection)),
                protection.breakers.tripped,
                _open(protection.breakers),
                json_bool(protection.charge_allowed),
                json_bool(protection.discharge_allowed),
            )
        )
        yield (
            '"pin":"%s","unlocked":%s,'
            % (_pin_state(context.access), json_bool(_unlocked(context)))
        )
        yield (
            '"boot":%d,"events_waiting":%d,"events_lost":%d,"journal_fails":%s,'
            % (
                context.journal.boot,
                context.journal.waiting(),
                context.journal.lost,
                json_bool(context.journal.failed),
            )
        )
        yield (
            '"ticks":%d,"missed_ticks":%d,"late_ticks":%d,"worst_late_us":%d,"controller":"%s",'
            % (_timing_facts(timing) + (describe(protection.inside()),))
        )
        yield (
            '"restart":%s,"image":%s,%s,"active":'
            % (protection.restart.json(), json_text(context.image), check_json(context))
        )
        yield from _active_json(protection)
        yield "}\r\n"
        return
    armed = "protecting for %s s" % time_s(protection) if protection.armed else "NOT ARMED yet"
    yield "%s: %d batteries on %s\r\n" % (armed, protection.frame.batteries, context.board)
    yield "operated: %d trip, %d alarm, %d warn; picked up: %d\r\n" % (
        trips,
        alarms,
        warns,
        picked,
    )
    yield from active_lines(protection, 0)
    yield "sensors: %d of %d channels failed\r\n" % (len(bad), protection.frame.channels)
    yield "ticks: %d, missed %d, late %d, worst %d us late\r\n" % _timing_facts(timing)
    if protection.restart.cause:
        yield "controller: %s, see acknowledge\r\n" % protection.restart.text()
    elif protection.inside():
        yield "controller: %s\r\n" % describe(protection.inside())
    yield "journal: boot %d, %s\r\n" % (context.journal.boot, history.state(context.journal))
    yield "image: %s\r\n" % (context.image or "NOT VERIFIED, it has no manifest")
    blind = sum(1 for _ in degraded.blind(protection))
    yield "degraded: %s\r\n" % ("%d places, see degraded" % blind if blind else "nothing")
    locked = protection.breakers.tripped
    yield "locked out: %s\r\n" % ("see lockout" if locked else "nothing")
    yield "open: %s\r\n" % _open_text(protection.breakers)
    yield "console: PIN %s, %s\r\n" % (
        _pin_state(context.access),
        "unlocked" if _unlocked(context) else "locked",
    )
    yield "monthly check: %s\r\n" % check_text(context)
    yield "permissives: charging %s, discharging %s\r\n" % (
        "allowed" if protection.charge_allowed else "STOPPED",
        "allowed" if protection.discharge_allowed else "STOPPED",
    )


COMMANDS = {
    "status": Command("status", "what is operated and how the controller fares", _status),
}
