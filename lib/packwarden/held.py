"""What the console answers where the cabinet is held: nothing is protected, and why.

It is held where restarts by a fault are a loop, where the image is not what was deployed, or where
no configuration is good any more: then another one can be pushed. What stands behind these
commands is as little as can be: what has failed may be anything.
"""

from packwarden import history, restart
from packwarden.commands import COMMANDS
from packwarden.operations import enter_service, service_minutes
from packwarden.replies import Command, Refused, done, json_bool, json_text, no_arguments, record

_SHOWN = 4  # files that are named in one line


class Unprotected:
    """Stands for the protection that is not there: its log, and why it is not.

    `holds`: an output holds a breaker in.
    """

    def __init__(self, events, before, holds=False):
        self.holds = holds
        self.armed = True  # its log has begun: what is recorded comes after the boot
        self.events = events
        self.restart = before
        self.breakers = None

    def moving(self):
        """Return False: no trip is on its way."""
        return False

    def bears_commit(self, waited_ms):
        """Return True: the flash may stop everything, for nothing goes on."""
        return True


class Context:
    """What these commands look at: see `views.Context`. `wrong`: [text], about the image.

    `staging`: where no configuration is good any more.
    """

    def __init__(self, protection, board, version, journal, access, controls, wrong, staging=None):
        self.commands = HELD
        if staging:
            self.commands = dict(HELD)
            self.commands["config"] = COMMANDS["config"]
        self.staging = staging
        self.protection = protection
        self.board = board
        self.version = version
        self.image = None
        self.journal = journal
        self.access = access
        self.controls = controls
        self.wrong = wrong
        self.released = False  # a person wants the cabinet to start again


def reasons(context):
    """Yield in words each reason why the cabinet is held."""
    if context.wrong:
        text = ", ".join(context.wrong[:_SHOWN])
        more = len(context.wrong) - _SHOWN
        yield (
            "the image is not what was deployed: "
            + text
            + (", and %d more" % more if more > 0 else "")
        )
    if context.protection.restart.looping:
        yield "restarts in a loop: %s" % context.protection.restart.text()
    if context.staging:
        refused = ["%s: %s" % one for one in context.staging.slots.refused]
        yield "no configuration is good, push another one: " + "; ".join(refused)


def _why(context, words, as_json):
    no_arguments(words)
    text = "held, not protecting: " + "; ".join(reasons(context))
    yield ('{"why":%s,"event":null}' % json_text(text) if as_json else text) + "\r\n"


def _status(context, words, as_json):
    no_arguments(words)
    journal = context.journal
    if as_json:
        yield '{"armed":false,"held":[%s],' % ",".join([json_text(r) for r in reasons(context)])
        yield '"wrong":[%s],' % ",".join([json_text(text) for text in context.wrong])
        yield '"boot":%d,"events_waiting":%d,"events_lost":%d,"journal_fails":%s,' % (
            journal.boot,
            journal.waiting(),
            journal.lost,
            json_bool(journal.failed),
        )
        yield '"restart":%s,"image":null}\r\n' % context.protection.restart.json()
        return
    yield "HELD, NOT PROTECTING: %s\r\n" % context.board
    for reason in reasons(context):
        yield "  %s\r\n" % reason
    yield "outputs as after a failure, alarm given, charging and discharging STOPPED\r\n"
    yield "journal: boot %d, %s\r\n" % (journal.boot, history.state(journal))
    yield "once the cause is gone: unlock PIN, then acknowledge\r\n"


def _acknowledge(context, words, as_json):
    no_arguments(words)
    if context.released:
        raise Refused("it starts again already")
    context.protection.restart.acknowledge()
    record(context.protection, restart.ACKNOWLEDGED)
    context.released = True
    yield done(as_json, "the cabinet starts again")


def _service(context, words, as_json):
    minutes = service_minutes(words, context.protection.holds)
    yield enter_service(context, minutes, as_json)


HELD = {
    "status": Command("status", "what is wrong", _status),
    "why": Command("why", "the same, in one line", _why),
    "acknowledge": Command("acknowledge", "start again", _acknowledge, True),
    "service": Command("service [MINUTES]", "the REPL, then start again", _service, True),
}
for _name in ("help", "version", "events", "pin", "unlock", "lock"):
    HELD[_name] = COMMANDS[_name]
