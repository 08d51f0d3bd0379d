"""The console's `calibration`, which shows what is corrected, and `calibrate`, which changes it.

What is measured is held against what a person knows: no current flows, a current by a clamp meter,
a temperature by a thermometer. From the mean of some new values, which have to be steady.
"""

from micropython import const

from packwarden.calibration import GAIN, TEMPERATURE, ZERO, find, limit
from packwarden.fixed import BIAS, NONE, decimal
from packwarden.frame import HEALTH_NAMES
from packwarden.measure import GAIN_BITS
from packwarden.replies import Command, Refused, done, json_text, no_arguments

_SAMPLES = const(8)
_PATIENCE_ms = const(9000)  # for so many new values
_LEAST_PARTS = const(5)  # of the rated current, that a gain is taken from at least: 20 %
_STEADY_cC = const(50)
_LONGEST = const(16)  # characters of a name
_USAGE = (
    "calibrate zero N|main DATE WHO, gain N|main AMPERE DATE WHO, temperature N+|N-|ambient"
    " DEGC DATE WHO, undo WHAT WHERE, undo all"
)
# Counts per unit, decimals and unit.
_UNITS = {ZERO: (1000, 3, "A"), GAIN: (1 << GAIN_BITS, 3, "%"), TEMPERATURE: (100, 2, "K")}


def _shown(what, value):
    """Return (number, unit) of a correction, for people and programs."""
    per_unit, places, unit = _UNITS[what]
    return decimal(100 * value if unit == "%" else value, per_unit, places), unit


def _text(what, value):
    return ("+" if value > 0 else "") + "%s %s" % _shown(what, value)


def _calibration(context, words, as_json):
    no_arguments(words)
    calibration = context.calibration
    slots = calibration.slots
    if as_json:
        yield '{"generation":%d,"corrections":[' % slots.generation
    elif slots.generation:
        yield "calibration %d\r\n" % slots.generation
    else:
        yield "nothing is calibrated\r\n"
    first = True
    for what, name, value, date, who in calibration.lines():
        if as_json:
            shown = (what, name) + _shown(what, value) + (date, json_text(who))
            yield ("" if first else ",") + (
                '{"what":"%s","where":"%s","value":%s,"unit":"%s","date":"%s","who":%s}' % shown
            )
        else:
            text = _text(what, value)
            yield "  %s%s%s%s%s%s  %s  %s\r\n" % (
                what,
                " " * (13 - len(what)),
                name,
                " " * (9 - len(name)),
                " " * (10 - len(text)),
                text,
                date,
                who,
            )
        first = False
    if as_json:
        refused = ['{"file":"%s","reason":%s}' % (f, json_text(why)) for f, why in slots.refused]
        yield '],"refused":[%s]}\r\n' % ",".join(refused)
        return
    for refused in slots.refused:
        yield "refused: %s: %s\r\n" % refused


def _fixed(text, places):
    """Return a typed decimal number in its last of so many places."""
    whole, _, part = text.lstrip("-").partition(".")
    if not (whole.isdigit() and len(whole) <= 5 and len(part) <= places and len(text) <= 10):
        raise Refused('"%s" is no number with up to %d decimals' % (text[:16], places))
    part += "0" * (places - len(part))
    if not part.isdigit():
        raise Refused('"%s" is no number' % text[:16])
    value = int(whole + part)
    return -value if text[0] == "-" else value


def _signed(words):
    """Return the date and the name that stand behind a calibration."""
    date, who = words
    digits = date.replace("-", "")
    good = len(date) == 10 and date[4] == date[7] == "-" and len(digits) == 8 and digits.isdigit()
    if not (good and 1 <= int(date[5:7]) <= 12 and 1 <= int(date[8:]) <= 31):
        raise Refused('"%s" is no date like 2027-01-31' % date[:16])
    if len(who) > _LONGEST:
        raise Refused("a name has %d characters at most" % _LONGEST)
    return date, who


def _mean(protection, channel, steady, unit):
    """Be a reply until some new values have come; return their mean. They have to be `steady`."""
    fresh = protection.validator.fresh
    seen = fresh[channel]
    began_ms = protection.now_ms
    values = []
    while len(values) < _SAMPLES:
        if protection.validator.health[channel] or protection.measured.values[channel] == NONE:
            why = HEALTH_NAMES[protection.validator.health[channel]]
            raise Refused("it has no value: %s" % (why if why != "ok" else "no reference"))
        if fresh[channel] != seen:
            seen = fresh[channel]
            values.append(protection.measured.values[channel] - BIAS)
        elif (protection.now_ms - began_ms) & 0x3FFFFFFF > _PATIENCE_ms:
            raise Refused("no new values come")
        yield None
    if max(values) - min(values) > steady:
        per_unit, places, _ = _UNITS[ZERO if unit == "A" else TEMPERATURE]
        low, high = [decimal(end, per_unit, places) for end in (min(values), max(values))]
        raise Refused("it is not steady: %s .. %s %s" % (low, high, unit))
    total = sum(values)
    half = _SAMPLES // 2
    return (total + half) // _SAMPLES if total >= 0 else -((half - total) // _SAMPLES)


def _dead(protection, channel):
    """Refuse where a current may flow: its breaker is not open and the busbar is alive."""
    frame = protection.frame
    breakers = protection.breakers
    index = breakers.main if channel == frame.main else channel
    if not breakers.reported & breakers.bit(index):
        return
    busbar = protection.measured.value(frame.bus)
    if busbar is None or busbar > protection.bank.nominal_mV // 4:
        raise Refused("open its breaker first: a zero is what is measured without any current")


def _new_zero(context, name, channel, _):
    protection = context.protection
    _dead(protection, channel)
    mean = yield from _mean(protection, channel, protection.bank.rated_mA // 200, "A")
    _dead(protection, channel)
    return context.calibration.correction(ZERO, name) - mean


def _new_gain(context, name, channel, typed):
    actual = _fixed(typed, 3)
    protection = context.protection
    least = protection.bank.rated_mA // _LEAST_PARTS
    mean = yield from _mean(protection, channel, abs(actual) // 100, "A")
    if abs(mean) < least:
        needed = decimal(least, 1000, 1)
        raise Refused("it carries %s A, %s A are needed" % (decimal(mean, 1000, 3), needed))
    zero = context.calibration.correction(ZERO, name)
    gain = (1 << GAIN_BITS) + context.calibration.correction(GAIN, name)
    # mean = counts * gain + zero, and so has to be actual = counts * new gain + zero
    return (2 * gain * (actual - zero) // (mean - zero) + 1) // 2 - (1 << GAIN_BITS)


def _new_offset(context, name, channel, typed):
    actual = _fixed(typed, 2)
    mean = yield from _mean(context.protection, channel, _STEADY_cC, "degC")
    return context.calibration.correction(TEMPERATURE, name) + actual - mean


_KINDS = {ZERO: (_new_zero, 4), GAIN: (_new_gain, 5), TEMPERATURE: (_new_offset, 5)}


def _calibrate(context, words, as_json):
    protection = context.protection
    calibration = context.calibration
    if calibration.storing:
        raise Refused("another one is being stored: wait")
    everything = words == ["undo", "all"]
    undo = 1 if words[:1] == ["undo"] else 0
    what, name = (words + ["", ""])[undo : undo + 2]
    if not everything and (what not in _KINDS or len(words) != (3 if undo else _KINDS[what][1])):
        raise Refused(_USAGE)
    if everything:
        yield from _store(context, "", "", None, (0, 0))
        yield done(as_json, "nothing is calibrated: calibration %d" % calibration.slots.generation)
        return
    channel = find(protection.frame, what, name)
    if channel < 0:
        raise Refused('there is no %s of "%s"' % (what, name[:16]))
    before = calibration.correction(what, name)
    new = None
    value = 0
    if undo:
        if not before:
            raise Refused("%s %s is not calibrated" % (what, name))
    else:
        signed = _signed(words[-2:])
        value = yield from _KINDS[what][0](context, name, channel, words[2])
        most = limit(protection, what)
        if abs(value) > most:
            raise Refused(
                "it would take %s, and more than %s is a defect: look at shunt, sensor and wiring"
                % (_text(what, value), "%s %s" % _shown(what, most))
            )
        new = (value,) + signed
    digits = name.rstrip("+-")
    battery = int(digits) if digits.isdigit() else 0
    pole = 1 + "+-".find(name[-1]) if what == TEMPERATURE and battery else 0
    yield from _store(context, what, name, new, (battery, pole))
    facts = (what, name, _text(what, value), _text(what, before), calibration.slots.generation)
    yield done(as_json, "%s %s: %s, was %s; calibration %d" % facts)


def _store(context, what, name, new, about):
    """Be a reply until a change is kept."""
    calibration = context.calibration
    if context.protection.moving():
        raise Refused("a trip is picked up or a breaker moves: wait")
    calibration.begin(what, name, new, about)
    while calibration.storing:
        yield None
    if calibration.failed:
        raise Refused("the flash does not take it: nothing has changed")


COMMANDS = {
    "calibration": Command("calibration", "what is corrected, since when, by whom", _calibration),
    "calibrate": Command(
        "calibrate WHAT ...", "correct what is measured, by a known value", _calibrate, True
    ),
}
