"""The console's `config`: which configuration runs, and another one on its way to the board.

`packwarden config push` and `pull` speak it. Pieces are base64 with a CRC-32 each, the whole has
one as well, which is its name: what is activated has to be named.
"""

import binascii

from packwarden import config_text, lockout, restart
from packwarden.replies import (
    Command,
    Refused,
    done,
    json_bool,
    json_text,
    no_arguments,
    number,
    operator,
    record,
)


def _config(context, words, as_json):
    if words and words[0] in _PARTS:
        yield from _PARTS[words[0]](context, words[1:], as_json)
        return
    no_arguments(words)
    staging = context.staging
    slots = staging.slots
    if as_json:
        yield '{"generation":%d,"schema":%d,"bytes":%d,"hash":"%08x","staged":' % (
            slots.generation,
            slots.schema,
            slots.length,
            staging.hash,
        )
        yield (
            "null"
            if not staging.length
            else (
                '{"bytes":%d,"received":%d,"hash":"%08x","good":%s}'
                % (staging.length, staging.received, staging.checksum, json_bool(staging.good))
            )
        )
        refused = ['{"file":"%s","reason":%s}' % (f, json_text(why)) for f, why in slots.refused]
        yield ',"refused":[%s]}\r\n' % ",".join(refused)
        return
    if not staging.hash:
        yield "no configuration runs\r\n"
    else:
        yield "runs: hash %08x; kept: generation %d, schema %d, %d bytes\r\n" % (
            staging.hash,
            slots.generation,
            slots.schema,
            slots.length,
        )
    if staging.length:
        yield "staged: hash %08x, %d of %d bytes, %s\r\n" % (
            staging.checksum,
            staging.received,
            staging.length,
            "good" if staging.good else "not checked yet",
        )
    for refused in slots.refused:
        yield "refused: %s: %s\r\n" % refused


def _read(context, words, as_json):
    """The text of what runs, and how long it is, to be checked by whoever reads it."""
    no_arguments(words)
    slots = context.staging.slots
    if not context.staging.hash:
        raise Refused("no configuration runs")
    if slots.checksum != context.staging.hash:
        raise Refused("what runs is not what is kept: see config")
    for piece in slots.pieces():
        yield piece.decode().replace("\n", "\r\n")
    yield "end %d %08x\r\n" % (slots.length, slots.checksum)


def _begin(context, words, as_json):
    _operate(context, words, 2, "config begin BYTES CRC")
    length = number(words[0], 1, config_text.MOST, "a length in bytes")
    context.staging.begin(length, _hex(words[1]))
    yield done(as_json, "send %d bytes" % length)


def _put(context, words, as_json):
    _operate(context, words, 3, "config put NUMBER BASE64 CRC")
    place = number(words[0], 0, config_text.MOST, "the number of a piece")
    try:
        data = binascii.a2b_base64(words[1])
    except ValueError:
        data = b""
    if not data or binascii.crc32(data) != _hex(words[2]):
        raise Refused("piece %d came damaged: send it again" % place)
    wrong = context.staging.put(place, data)
    if wrong:
        raise Refused(wrong)
    yield done(as_json, "piece %d" % place)


def _check(context, words, as_json):
    _operate(context, words, 0, "config check")
    staging = context.staging
    found = []
    for _ in staging.check(found):
        yield ""
    if found:
        record(context.protection, restart.CONFIGURATION)
        staging.drop()
        more = " (and %d more)" % (len(found) - 1) if len(found) > 1 else ""
        raise Refused(("%s %s" % found[0]).strip() + more)
    yield done(as_json, "good: hash %08x" % staging.checksum)


def _activate(context, words, as_json):
    _operate(context, words, 1, "config activate HASH")
    staging = context.staging
    if not staging.good:
        raise Refused("nothing is staged that is checked and good")
    if _hex(words[0]) != staging.checksum:
        raise Refused("staged is %08x" % staging.checksum)
    reason = _hindrance(context.protection, staging)
    if reason:
        record(context.protection, restart.CONFIGURATION)
        raise Refused(reason)
    staging.store()
    while staging.storing:
        yield None
    if not staging.stored:
        raise Refused("the flash does not take it: what ran runs on")
    yield done(
        as_json, "stored as generation %d: the board starts again" % staging.slots.generation
    )


def _drop(context, words, as_json):
    _operate(context, words, 0, "config drop")
    context.staging.drop()
    yield done(as_json, "nothing is staged")


def _hindrance(protection, staging):
    """Return why the configuration may not be replaced now, or None."""
    if protection.moving():
        return "a trip is picked up or a breaker moves: wait"
    breakers = protection.breakers
    for index in range(staging.batteries, breakers.main) if breakers else ():
        if breakers.tripped & breakers.bit(index):
            return "%s is locked out and would not be watched: reset it first" % lockout.name(
                protection, index
            )
    return None


def _operate(context, words, count, usage):
    """Refuse what is locked, incomplete, or comes while another one is being written."""
    operator(context)
    if len(words) != count:
        raise Refused(usage)
    if context.staging.storing or context.staging.stored:
        raise Refused("a configuration was activated: wait for the start")


def _hex(word):
    """Return a number that was typed with eight hexadecimal digits."""
    for digit in word:
        if digit not in "0123456789abcdef":
            word = ""
    if len(word) != 8:
        raise Refused("a checksum has 8 digits of 0 .. 9, a .. f")
    return int(word, 16)


_PARTS = {
    "read": _read,
    "begin": _begin,
    "put": _put,
    "check": _check,
    "activate": _activate,
    "drop": _drop,
}
COMMANDS = {
    "config": Command(
        "config [read]", "which configuration runs; see packwarden config push", _config
    ),
}
