"""The self-test: what is checked, when, and what came of it; and the console's `selftest`.

Most is supervised all the time, and has an alarm of its own: its row tells how that stands. The
others are checked at boot and once a day, by the board where it takes its files and clocks: what
of these is bad is an alarm until a later self-test is good. Nothing in here interrupts protection.
"""

from micropython import const

from packwarden import protection as faults
from packwarden.fixed import BIAS, decimal
from packwarden.frame import HEALTH_NAMES, MAIN_BIT
from packwarden.records import TERMINAL_NAMES, two_digits
from packwarden.replies import Command, Refused, json_text, no_arguments

GOOD = "good"
BAD = "bad"
NOT_DONE = "not done"

IMAGE = "image"
CONFIGURATION = "configuration"
CALIBRATION = "calibration"
CLOCK = "clock against RTC"
WATCHDOG = "watchdog"

LEAST_bytes = const(4096)  # of the heap: what the longest reply takes, and some more
COLD_cC = const(1500)  # below all others: no joint is, so it does not touch its terminal

_DAY_s = const(86400)
_FEW = const(3)
_NAMED = const(3)  # in one line
_PATIENCE_s = const(8)  # of who asks at the console: some seconds are usual
_DAILY = "boot, daily"
_TICK = "each tick"
_ROUND = "each 0.5 s"
# IEC 60730-1, table H.1: of class B, what takes machine code.
_MACHINE = (
    "CPU registers (1.1)",
    "program counter (1.3)",
    "interrupts (2)",
    "variable memory (4.2)",
    "addressing (4.3)",
    "internal data path (5)",
)


class SelfTest:
    """What is known of the self-test. The board runs it, when it is `due`, and says `done`.

    `found`: {check: (result, detail)} of what the board looks at. `bad`: checks without an alarm
    of their own that were bad; then it is an alarm.
    """

    def __init__(self, protection):
        self._protection = protection
        self.found = {}
        self.bad = []
        self.asked = False
        self.done_s = -1  # when the last one ended, in the time of the records; -1: none has

    def due(self):
        """Return whether to run it: once armed, when somebody asks, once a day. Slack."""
        protection = self._protection
        if not protection.armed:
            return False
        now_s = protection.events.seconds
        return self.asked or self.done_s < 0 or now_s - self.done_s >= _DAY_s

    def done(self, timing, calibration):
        """Judge, now that the board has found what it could. Slack."""
        judged = self.judged(timing, calibration)
        self.bad = [name for name, result, _, _ in judged if result == BAD]
        for name, _, below_cC in _thermistors(self._protection):
            if below_cC > COLD_cC:
                self.bad.append(name)
        self.done_s = self._protection.events.seconds
        self.asked = False

    def judged(self, timing, calibration):
        """Yield the rows of what has no other alarm: (check, result, detail, when)."""
        for name in (IMAGE, CONFIGURATION, CALIBRATION, CLOCK):
            result, detail = self.found.get(name, (NOT_DONE, "not yet"))
            if name == CALIBRATION and calibration.slots.refused:
                result, detail = BAD, "%s: %s" % calibration.slots.refused[0]
            yield name, result, detail, _DAILY
        yield _memory(timing)


def _memory(timing):
    least = timing.least_free_bytes
    if not least:  # a host has no such heap
        return "memory", NOT_DONE, "not known", _DAILY
    detail = "at least %d bytes were free, %d are needed" % (least, LEAST_bytes)
    return "memory", GOOD if least >= LEAST_bytes else BAD, detail, _DAILY


def _thermistors(protection):
    """Yield (check, value or None, how far below all other terminals), in 0.01 K.

    Of three or fewer none is told from a cold one among hot ones.
    """
    frame = protection.frame
    terminals = [protection.measured.value(ch) for ch in range(frame.terminal, frame.ambient)]
    values = sorted([value for value in terminals if value is not None])
    for place in range(len(terminals)):
        k = place // 2
        name = "thermistor BAT%s TERM%s" % (two_digits(k + 1), TERMINAL_NAMES[1 + place % 2])
        value = terminals[place]
        alone = value is not None and len(values) > _FEW
        yield name, value, values[1] - value if alone else 0
    yield "thermistor ambient", protection.measured.value(frame.ambient), 0


def _thermistor_rows(protection):
    channel = protection.frame.terminal
    for name, value, below_cC in _thermistors(protection):
        state = protection.validator.health[channel]
        detail = HEALTH_NAMES[state] if state else "no reference"
        if value is not None:
            detail = decimal(value, 100, 1) + " degC"
        if below_cC > COLD_cC:
            detail += ", %s K below all others: does it touch?" % decimal(below_cC, 100, 1)
        yield name, BAD if value is None or below_cC > COLD_cC else GOOD, detail, _ROUND
        channel += 1


def _supervised(context):
    """Yield the rows of what is supervised all the time: (check, result, detail, when)."""
    protection = context.protection
    yield _reference(protection)
    yield from _monitors(protection)
    yield from _thermistor_rows(protection)
    failing = protection.faults
    bad = failing & faults.OUTPUTS_FAIL
    yield (
        "outputs",
        BAD if bad else GOOD,
        "one is not where it has to be" if bad else "read back as written",
        _TICK,
    )
    yield _contacts(protection)
    journal = context.journal
    bad = journal.failed or journal.lost
    detail = "boot %d, %d waiting, %d lost" % (journal.boot, journal.waiting(), journal.lost)
    yield "journal", BAD if bad else GOOD, detail, "each commit"
    bad = failing & faults.MEMORY_FAILS
    yield "lockouts", BAD if bad else GOOD, "not kept" if bad else "kept", "each commit"
    result, detail = context.selftest.found.get(WATCHDOG, (BAD, "not armed"))
    yield "watchdog", result, detail, _TICK


def _reference(protection):
    reference = protection.frame.reference
    validator = protection.validator
    bounds = [decimal(end[reference] - BIAS, 10, 1) for end in (validator.low, validator.high)]
    state = validator.health[reference]
    if state:
        text = "%s, not within %s .. %s mV" % (HEALTH_NAMES[state], bounds[0], bounds[1])
        return "ADC reference", BAD, text, _ROUND
    read = decimal(validator.held[reference] - BIAS, 10, 1)
    text = "%s mV, within %s .. %s" % (read, bounds[0], bounds[1])
    return "ADC reference", GOOD, text, _ROUND


def _monitors(protection):
    frame = protection.frame
    health = protection.validator.health
    for k in range(frame.batteries + 1):
        busbar = k == frame.batteries
        channels = (frame.bus, frame.main) if busbar else (k, frame.voltage + k)
        states = [HEALTH_NAMES[health[ch]] for ch in channels if ch >= 0 and health[ch]]
        detail = states[0] if states else "identity and settings as they have to be"
        name = "monitor " + ("busbar" if busbar else "BAT" + two_digits(k + 1))
        yield name, BAD if states else GOOD, detail, _ROUND


def _contacts(protection):
    if protection.bank.feedback == "none":
        return "breaker contacts", NOT_DONE, "none are wired", _TICK
    breakers = protection.breakers
    unknown = breakers.all & ~protection.frame.contacts_known
    lying = breakers.discrepant(breakers.flows) & ~unknown
    where = []
    for index in range(breakers.main + 1):
        if (unknown | lying) & breakers.bit(index):
            where.append(
                "main" if breakers.bit(index) >> MAIN_BIT else "Q" + two_digits(index + 1)
            )
    if not where:
        return "breaker contacts", GOOD, "agree with the currents", _TICK
    what = "cannot be read" if unknown else "contradicts the current"
    return "breaker contacts", BAD, "%s: %s" % (_named(where), what), _TICK


def _named(names):
    """Return names as they fit a line."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (" and %d more" % more if more > 0 else "")


def rows(context):
    """Yield all rows: (check, result, detail, when)."""
    yield from context.selftest.judged(context.timing, context.calibration)
    yield from _supervised(context)
    for name in _MACHINE:
        yield name, NOT_DONE, "takes machine code, this is Python", "never"


def _selftest(context, words, as_json):
    no_arguments(words)
    if not context.protection.armed:
        raise Refused("not armed yet: wait some seconds")
    selftest = context.selftest
    log = context.protection.events
    began_s = log.seconds
    selftest.asked = True
    while selftest.asked:
        if log.seconds - began_s > _PATIENCE_s:
            raise Refused("there was no time for it in %d s: see timing" % _PATIENCE_s)
        yield None
    if as_json:
        yield '{"selftest":['
    first = True
    for name, result, detail, when in rows(context):
        if as_json:
            yield ("" if first else ",") + (
                '{"check":"%s","result":"%s","detail":%s,"when":"%s","protected":true}'
                % (name, result, json_text(detail), when)
            )
        else:
            yield "%s%s%s%s%s%s%s\r\n" % (
                name,
                " " * (24 - len(name)),
                result,
                " " * (10 - len(result)),
                when,
                " " * (13 - len(when)),
                detail,
            )
        first = False
    if as_json:
        yield "]}\r\n"
        return
    bad = _named(selftest.bad) or "nothing"
    yield "protection went on; bad without another alarm: %s\r\n" % bad


COMMANDS = {
    "selftest": Command("selftest", "check all that can be, and say what came of it", _selftest),
}
