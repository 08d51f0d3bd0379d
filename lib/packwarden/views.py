"""What the console shows: each command is a generator of pieces of text, one per slice of slack.

Looking only: nothing in here changes anything. Every reply exists as text for people and, with
`--json`, as one line of JSON for programs, numbers in the units that their names say.
"""

import json

from packwarden import elements, levels
from packwarden.breakers import STATE_NAMES
from packwarden.compare import COUNT, IDLE, OPERATED
from packwarden.fixed import decimal
from packwarden.frame import HEALTH_NAMES
from packwarden.records import TERMINAL_NAMES, two_digits
from packwarden.replies import (
    Command,
    Refused,
    cell,
    json_bool,
    json_number,
    json_text,
    no_arguments,
    number,
)


class Context:
    """What commands look at: protection, board's name, version, image, timing, journal, who may.

    `commands`: those that there are, by name. `image`: what names the image that was found to be
    whole, or None. `controls` is what they ask of the board: `button()`, is its button held;
    `random(count)`; `chip()`, which one it is; `service(minutes)`, let service mode begin.
    """

    def __init__(
        self,
        commands,
        protection,
        board,
        version,
        image,
        timing,
        journal,
        access,
        controls,
        staging,
        captures,
        calibration,
        selftest,
        condition,
    ):
        self.commands = commands
        self.protection = protection
        self.board = board
        self.version = version
        self.image = image
        self.timing = timing  # a `timing.Timing`
        self.journal = journal
        self.access = access  # an `access.Access`
        self.controls = controls
        self.staging = staging  # a `staging.Staging`
        self.captures = captures  # a `capture_files.CaptureFiles`
        self.calibration = calibration  # a `calibration.Calibration`
        self.selftest = selftest  # a `selftest.SelfTest`
        self.condition = condition  # a `condition.monitor.Monitor`


def _fact(protection, name, unit, channel):
    """Return (name, unit, value or None, state) of a channel.

    A good thermistor without a reference has no value: then the state is that of the reference.
    """
    health = protection.validator.health
    value = protection.measured.value(channel)
    state = health[channel]
    if value is None and not state:
        state = health[protection.frame.reference]
    return name, unit, value, state


def _battery_facts(protection, k):
    """Return what is known of battery k (from 0): a list of (name, unit, value, state)."""
    frame = protection.frame
    plus = frame.terminal + 2 * k
    return [
        _fact(protection, "current", "A", k),
        _fact(protection, "voltage", "V", frame.voltage + k),
        _fact(protection, "plus", "degC", plus),
        _fact(protection, "minus", "degC", plus + 1),
    ]


def _battery_json(protection, k):
    parts = ['{"battery":%d' % (k + 1)]
    for name, unit, value, health in _battery_facts(protection, k):
        parts.append(',"%s_%s":%s' % (name, unit, json_number(value, unit)))
        if health:
            parts.append(',"%s_state":"%s"' % (name, HEALTH_NAMES[health]))
    state = STATE_NAMES[protection.breakers.state[k]]
    parts.append(',"breaker":"%s"}' % state)
    return "".join(parts)


def _bank_facts(protection):
    frame = protection.frame
    sum_mA = 0
    for k in range(frame.batteries):
        sum_mA += protection.measured.value(k) or 0
    return (
        ("current", "A", sum_mA, 0),
        _fact(protection, "busbar", "V", frame.bus),
        _fact(protection, "ambient", "degC", frame.ambient),
    )


def time_s(protection):
    """Return the time since arming as text in seconds with milliseconds."""
    log = protection.events
    return decimal(log.seconds * 1000 + log.ms, 1000, 3)


def _bank(context, words, as_json):
    no_arguments(words)
    protection = context.protection
    n = protection.frame.batteries
    main = STATE_NAMES[protection.breakers.state[n]]
    if as_json:
        log = protection.events
        yield '{"t_ms":%d' % (log.seconds * 1000 + log.ms)
        for name, unit, value, _ in _bank_facts(protection):
            yield ',"%s_%s":%s' % (name, unit, json_number(value, unit))
        yield ',"main":"%s","fan":%s,"alarm":%s,"batteries":[' % (
            main,
            json_bool(protection.fan),
            json_bool(protection.alarm),
        )
        for k in range(n):
            yield ("," if k else "") + _battery_json(protection, k)
        yield "]}\r\n"
        return
    yield "battery      current    voltage          TERM+          TERM-  breaker\r\n"
    for k in range(n):
        facts = _battery_facts(protection, k)
        line = "BAT" + two_digits(k + 1) + "  "
        for width, fact in zip((13, 11, 15, 15), facts):
            line += cell(fact[2], fact[1], width, fact[3])
        yield line + "  " + STATE_NAMES[protection.breakers.state[k]] + "\r\n"
    line = "bank   "
    for width, fact in zip((13, 11, 15), _bank_facts(protection)):
        line += cell(fact[2], fact[1], width, fact[3])
    yield line + " ambient       " + main + "\r\n"


def _battery(context, words, as_json):
    protection = context.protection
    n = protection.frame.batteries
    if len(words) != 1:
        raise Refused("say which: battery 1 .. %d" % n)
    k = number(words[0], 1, n, "a battery") - 1
    if as_json:
        yield _battery_json(protection, k) + "\r\n"
        return
    yield "BAT%s  breaker %s\r\n" % (
        two_digits(k + 1),
        STATE_NAMES[protection.breakers.state[k]],
    )
    for name, unit, value, health in _battery_facts(protection, k):
        yield "  " + name + " " * (12 - len(name)) + cell(value, unit, 12, health) + "\r\n"
    quantities = protection.quantities
    for name, scope, unit, _, sign in levels.QUANTITIES:
        if scope == levels.BANK or unit is None or name == "temperature":
            continue
        place = quantities.places[name]
        offset = 2 * k if scope == levels.TERMINAL else k
        line = "  " + name + " " * (14 - len(name))
        for pole in range(2 if scope == levels.TERMINAL else 1):
            value = quantities.value(place + offset + pole)
            line += " " * 12 + "-" if value is None else cell(sign * value, unit, 13)
        yield line + "\r\n"
    yield from active_lines(protection, k + 1)


def active(protection, battery):
    """Yield (operated, row, item) of each level of a battery (0: of all) that is not idle."""
    decider = protection.decider
    for r in range(len(decider.rows)):
        row = decider.rows[r]
        for item in range(decider.slots.get(r, COUNT)):
            state = decider.slots.state[decider.slots.slot(r, item)]
            if state != IDLE and (not battery or row.battery(item) == battery):
                yield state >= OPERATED, row, item


def active_lines(protection, battery):
    """Yield the same as lines for people."""
    for operated, row, item in active(protection, battery):
        own = row.battery(item)
        place = "  BAT" + two_digits(own) if own else ""
        if row.terminal(item):
            place += " TERM" + TERMINAL_NAMES[row.terminal(item)]
        yield "  %s %s %s%s\r\n" % (
            "operated " if operated else "picked up",
            levels.LEVEL_NAMES[row.level] or levels.ACTION_NAMES[row.action],
            elements.slug(row.number),
            place,
        )


def _elements(context, words, as_json):
    if len(words) > 1:
        raise Refused("takes one element at most")
    if words and elements.find(words[0]) < 0:
        raise Refused('no element "%s"' % words[0][:32])
    given = context.protection.bank.config["elements"]
    first = True
    for element in elements.TABLE:
        if words and element.slug != words[0]:
            continue
        settings = given[element.slug]
        if as_json:
            yield ("{" if first else ",") + json.dumps(element.slug) + ":" + json.dumps(settings)
            first = False
            continue
        yield element.slug + (" (" + element.device + ")" if element.device else "") + "\r\n"
        for level in element.levels:
            yield "  " + _level_line(level, settings[level.key]) + "\r\n"
            off = settings[level.key] == "off"
            wait_ms = 0 if off else settings[level.key].get("wait_ms", level.wait_ms)
            if wait_ms:
                yield " " * 14 + "after up to %s s for a low current\r\n" % decimal(
                    wait_ms, 1000, 1
                )
    if as_json:
        yield "}\r\n"


def _level_line(level, given):
    name = level.key + " " * (12 - len(level.key))
    if given == "off":
        return name + "off"
    unit = level.shown_unit() if level.curve else level.unit
    text = ""
    if "pickup" in given:
        text = "%s%s %s" % ("below " if level.sign < 0 else "", given["pickup"], unit)
    if level.curve:
        return name + "%s, %s, TMS %s: %s" % (
            text,
            given["curve"],
            given["tms"],
            levels.ACTION_NAMES[level.action],
        )
    if "at_least" in given:
        text += " and %s %s" % (given["at_least"], levels.quantity_facts(level.gate)[1])
    if given.get("delay_ms"):
        text += " for %s s" % decimal(given["delay_ms"], 1000, 1 if given["delay_ms"] > 999 else 2)
    if "dropout" in given:
        text += ", back at %s %s" % (given["dropout"], unit)
    return name + text.strip() + ": " + levels.ACTION_NAMES[level.action]


def why(protection):
    """Return why the last trip came, in one line; without one why the controller restarted.

    None where nothing of both is known.
    """
    log = protection.events
    if log.last_trip < 0:
        return protection.restart.text()
    if log.last_trip < log.oldest_seq:
        return "the record of the last trip is no longer kept"
    event = log.event(log.last_trip)
    parts = [event.place() or "bank", event.finding() or elements.slug(event.element)]
    if event.load_mA is not None:
        parts.append("at " + decimal(event.load_mA, 1000, 1) + " A")
    breakers = protection.breakers
    index = event.battery - 1 if event.action == levels.TRIP_BATTERY else breakers.main
    name = "Q" + two_digits(index + 1) if index != breakers.main else "the main breaker"
    if event.action == levels.TRIP_ALL:
        name = "the main and all batteries"
    if protection.decider.openings.pending & breakers.bit(index):
        end = "waiting for a low current"
    elif breakers.commanded & breakers.bit(index):
        end = "NOT OPEN"
    else:
        end = "open after " + decimal(breakers.clearing_ms[index], 1000, 2) + " s"
    return "%s: tripped %s, %s" % (" ".join(parts), name, end)


def _why(context, words, as_json):
    no_arguments(words)
    protection = context.protection
    reason = why(protection)
    if as_json:
        event = "null"
        if protection.events.last_trip >= protection.events.oldest_seq:
            event = protection.events.line(protection.events.last_trip)
        yield '{"why":%s,"event":%s}\r\n' % (json.dumps(reason), event)
    else:
        yield (reason or "nothing has tripped since the last restart") + "\r\n"


def _settings(context, words, as_json):
    no_arguments(words)
    config = context.protection.bank.config
    sections = ("bank", "sensors", "breakers")
    if as_json:
        for place in range(len(sections)):
            name = sections[place]
            yield ("," if place else "{") + json.dumps(name) + ":" + json.dumps(config[name])
        yield ',"schema":%d}\r\n' % config["schema"]
        return
    for name in sections:
        for key in sorted(config[name]):
            yield "  %s.%s %s\r\n" % (name, key, json.dumps(config[name][key]))


def _version(context, words, as_json):
    no_arguments(words)
    if as_json:
        yield '{"packwarden":%s,"board":%s,"image":%s,"chip":"%s"}\r\n' % (
            json_text(context.version),
            json_text(context.board),
            json_text(context.image),
            context.controls.chip(),
        )
    else:
        image = ", image " + context.image if context.image else ""
        yield "Packwarden %s on %s%s\r\n" % (context.version, context.board, image)


COMMANDS = {
    "bank": Command("bank", "all batteries, a line each", _bank),
    "battery": Command("battery N", "all that is known of one battery", _battery),
    "elements": Command("elements [SLUG]", "the settings of the protection elements", _elements),
    "why": Command("why", "why the last trip came, in one line", _why),
    "settings": Command("settings", "bank, sensors, breakers", _settings),
    "version": Command("version", "what runs here", _version),
}
