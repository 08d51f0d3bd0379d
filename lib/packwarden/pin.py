"""The console's commands around the PIN: `pin`, `unlock`, `lock`. What it guards: `operations`."""

from packwarden import restart
from packwarden.access import FEWEST, MOST, SALT, UNLOCKED_s
from packwarden.replies import Command, Refused, armed, done, no_arguments, record


def _checked(word):
    """Return a typed PIN; Refused, in words that do not repeat it, where it can be none."""
    if not (word.isdigit() and FEWEST <= len(word) <= MOST):
        raise Refused("a PIN has %d to %d digits" % (FEWEST, MOST))
    return word


def _prove(context, pin):
    """Be a reply: Refused unless a PIN is the right one; a wrong one is recorded."""
    access = context.access
    log = context.protection.events
    if access.damaged:
        raise Refused("the PIN that was kept cannot be read: pin forget, then set one")
    if not access.exists:
        raise Refused("no PIN is set: pin NEW sets it")
    _checked(pin)
    wait_s = access.wait_s(log.seconds)
    if wait_s:
        raise Refused("after %d wrong PINs: wait %d s" % (access.wrong, wait_s))
    right = yield from access.attempt(pin, log.seconds)
    if not right:
        record(context.protection, restart.WRONG_PIN)
        raise Refused("wrong PIN: the next try in %d s" % access.wait_s(log.seconds))


def _unlock(context, words, as_json):
    armed(context)
    if len(words) != 1:
        raise Refused("unlock PIN")
    yield from _prove(context, words[0])
    context.access.unlock(context.protection.events.seconds)
    record(context.protection, restart.UNLOCKED)
    yield done(as_json, "unlocked for %d min; lock ends it" % (UNLOCKED_s // 60))


def _lock(context, words, as_json):
    no_arguments(words)
    if context.access.unlocked(context.protection.events.seconds):
        context.access.lock()
        record(context.protection, restart.LOCKED)
    yield done(as_json, "locked")


def _pin(context, words, as_json):
    armed(context)
    access = context.access
    if words == ["forget"]:
        if not context.controls.button():
            raise Refused("hold the board's BOOT button down while you enter this")
        access.forget()
        record(context.protection, restart.PIN_FORGOTTEN)
        yield from access.keep()
        yield done(as_json, "the PIN is forgotten: pin NEW sets another one")
        return
    if not 1 <= len(words) <= 2:
        raise Refused("pin NEW, pin OLD NEW, pin forget")
    new = _checked(words[-1])
    if len(words) == 2:
        yield from _prove(context, words[0])
    elif access.exists:
        raise Refused("there is a PIN: pin OLD NEW changes it")
    access.set(new, context.controls.random(SALT))
    record(context.protection, restart.PIN_SET)
    yield from access.keep()
    yield done(as_json, "the PIN is set: unlock PIN")


COMMANDS = {
    "pin": Command("pin [OLD] NEW", "set or change the PIN; pin forget", _pin),
    "unlock": Command("unlock PIN", "allow what operates, for 10 min", _unlock),
    "lock": Command("lock", "end that", _lock),
}
