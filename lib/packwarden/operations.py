"""The console's operating commands, and the questions that come before them.

Looking is free; what operates needs `unlock` first (see `pin`) and records what it did. Each
operation obeys the same rules as the protection: a reset only when the cause is gone, a closing
only with permission.
"""

from micropython import const

from packwarden import degraded, lockout, permission, restart
from packwarden.breakers import STATE_NAMES
from packwarden.fixed import decimal
from packwarden.records import COMMAND, INFO
from packwarden.replies import Command, Refused, done, json_text, no_arguments, number, record

_SERVICE_min = const(30)
_LONGEST_min = const(240)
_SOON_ms = const(1000)
_WHOLE = const(1000)  # of the rated current, in 0.1 %


def _breaker(protection, words):
    """Return the index of the breaker that was named: a battery's number, or "main"."""
    n = protection.breakers.main
    if not words:
        raise Refused("say which: 1 .. %d, or main" % n)
    return n if words[0] == "main" else number(words[0], 1, n, "a battery") - 1


def _recorded(context, what, index):
    """Tell the capture that is recorded what the step has not done by itself."""
    context.captures.captures.operated(what, index)


def _reset(context, words, as_json):
    protection = context.protection
    index = _breaker(protection, words)
    if len(words) > 2:
        raise Refused("reset N, or reset N %s" % lockout.CONFIRMATION)
    reason = lockout.refusal(protection, index, words[1] if len(words) > 1 else None)
    if reason:
        lockout.record(protection, index, INFO, lockout.REFUSED)
        raise Refused(reason)
    lockout.reset(protection, index)
    _recorded(context, lockout.RESET, index)
    yield done(as_json, _released(protection, index))


def _released(protection, index):
    """Return what has become of a breaker that was reset, and what its closing waits for."""
    who = lockout.name(protection, index)
    if protection.breakers.closed & protection.breakers.bit(index):
        return who + " is reset, and is closed"
    reasons = permission.waits(protection, index)
    waits = "it waits: " + "; ".join(reasons) if reasons else "it may be closed"
    return "%s is reset and stays open; %s" % (who, waits)


def _acknowledge(context, words, as_json):
    no_arguments(words)
    memory = context.protection.restart
    if not memory.cause:
        raise Refused("no restart has to be acknowledged")
    memory.acknowledge()
    record(context.protection, restart.ACKNOWLEDGED)
    _recorded(context, restart.ACKNOWLEDGED, 0)
    yield done(as_json, "the restart is acknowledged: its alarm ends in 10 s")


def _close(context, words, as_json):
    protection = context.protection
    index = _breaker(protection, words)
    who = lockout.name(protection, index)
    if not protection.breakers.follows:
        raise Refused("%s is closed by hand: its breaker is no contactor" % who)
    reasons = permission.waits(protection, index)
    if reasons:
        lockout.record(protection, index, INFO, lockout.REFUSED)
        raise Refused(reasons[0])
    protection.breakers.close(index, protection.now_ms)
    lockout.record(protection, index, COMMAND, lockout.CLOSED)
    _recorded(context, lockout.CLOSED, index)
    yield done(as_json, "%s is told to close" % who)


def _test(context, words, as_json):
    protection = context.protection
    index = _breaker(protection, words)
    if len(words) > 1:
        raise Refused("test N, or test main")
    breakers = protection.breakers
    bit = breakers.bit(index)
    who = lockout.name(protection, index)
    if protection.moving():
        raise Refused("a trip is picked up or a breaker moves: wait")
    if breakers.tripped & bit:
        raise Refused("%s is locked out: reset it first" % who)
    if not breakers.closed & bit:
        raise Refused("%s is open: there is nothing to trip" % who)
    if index < breakers.main:
        left = protection.quantities.without(breakers.closed, bit)
        if left > _WHOLE:
            percent = decimal(left, 10, 0)
            raise Refused("the others would carry %s %% of rated: take load away" % percent)
    lockout.test(protection, index)
    _recorded(context, lockout.TESTED, index)
    yield done(as_json, "%s is told to open for a test: it stays locked out" % who)


def _service(context, words, as_json):
    protection = context.protection
    breakers = protection.breakers
    minutes = service_minutes(words, breakers.held or breakers.trips_on_failure)
    if protection.imminent(_SOON_ms):
        raise Refused("a trip is under way: wait for its end")
    yield enter_service(context, minutes, as_json)


def service_minutes(words, opens):
    """Return the minutes of a typed `service`; Refused where it `opens` breakers and may not."""
    minutes = _SERVICE_min
    if words and words[0] != "open":
        minutes = number(words[0], 1, _LONGEST_min, "a number of minutes")
        words = words[1:]
    if words not in ([], ["open"]):
        raise Refused("service [MINUTES] [open]")
    if opens and not words:
        raise Refused('nobody holds the breakers in then: they open; add the word "open"')
    return minutes


def enter_service(context, minutes, as_json):
    """Let service mode begin, and return the reply."""
    record(context.protection, restart.SERVICE)
    context.controls.service(minutes)
    return done(
        as_json, "service mode: NOT PROTECTING until a reset, or for %d min at most" % minutes
    )


def _permit(context, words, as_json):
    protection = context.protection
    n = protection.breakers.main
    indices = [_breaker(protection, words)] if words else range(n + 1)
    if as_json:
        yield "["
    first = True
    for index in indices:
        reasons = permission.waits(protection, index)
        who = lockout.name(protection, index)
        if as_json:
            battery = index + 1 if index < n else "null"
            waits = ",".join([json_text(reason) for reason in reasons])
            yield '%s{"battery":%s,"waits":[%s]}' % ("" if first else ",", battery, waits)
        elif not reasons:
            yield who + ": may be closed\r\n"
        for reason in reasons if not as_json else ():
            yield "%s: %s\r\n" % (who, reason)
        first = False
    if as_json:
        yield "]\r\n"


def _lockout(context, words, as_json):
    no_arguments(words)
    protection = context.protection
    breakers = protection.breakers
    memory = protection.decider.lockout
    if as_json:
        yield "["
    first = True
    for index in range(breakers.main + 1):
        if not breakers.tripped & breakers.bit(index):
            continue
        why = lockout.refusal(protection, index, None)
        cause = lockout.cause(protection, index)
        state = STATE_NAMES[breakers.state[index]]
        if as_json:
            yield (
                '%s{"battery":%s,"state":"%s","cause":"%s","trips":%d,"open_after_s":%s,"refusal":%s}'
                % (
                    "" if first else ",",
                    index + 1 if index < breakers.main else "null",
                    state,
                    cause,
                    memory.trips[index],
                    decimal(breakers.clearing_ms[index], 1000, 2),
                    json_text(why),
                )
            )
        else:
            who = lockout.name(protection, index)
            yield "%s: %s by %s, trips: %d\r\n" % (who, state, cause, memory.trips[index])
            yield "  %s\r\n" % (why or "may be reset")
        first = False
    if as_json:
        yield "]\r\n"
    elif first:
        yield "nothing is locked out\r\n"


def _degraded(context, words, as_json):
    no_arguments(words)
    if as_json:
        yield "["
    first = True
    for what, battery, terminal, why, slugs in degraded.blind(context.protection):
        place = degraded.place(what, battery, terminal)
        if as_json:
            names = ",".join(['"%s"' % one for one in slugs])
            yield '%s{"place":"%s","why":"%s","blind":[%s]}' % (
                "" if first else ",",
                place,
                why,
                names,
            )
        else:
            yield "%s: %s%s\r\n" % (place, why, ", blind:" if slugs else "")
            for one in slugs:
                yield "  " + one + "\r\n"
        first = False
    if as_json:
        yield "]\r\n"
    elif first:
        yield "nothing is blind\r\n"


COMMANDS = {
    "permit": Command("permit [N|main]", "what a breaker waits for before it is closed", _permit),
    "lockout": Command("lockout", "what is locked out, by what, what hinders a reset", _lockout),
    "degraded": Command("degraded", "which element is blind, where, and why", _degraded),
    "reset": Command("reset N|main", "release what has tripped, one by one", _reset, True),
    "acknowledge": Command(
        "acknowledge", "end the alarm of a restart by a fault", _acknowledge, True
    ),
    "close": Command("close N|main", "close a contactor, if it is permitted", _close, True),
    "test": Command("test N|main", "trip a breaker, to see that it alone opens", _test, True),
    "service": Command(
        "service [MINUTES]", "a REPL in the place of protection, for 30 min", _service, True
    ),
}
