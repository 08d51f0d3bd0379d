"""What the console shows of the captures: which ones there are, and one of them, byte by byte.

A capture comes in lines: offset, BASE64, CRC-32 of the bytes that begins with the offset, so that
no line can stand for another one. `capture N OFFSET` goes on from there. Looking only.
"""

import binascii

from micropython import const

from packwarden.captures import AFTER, BEFORE, TRIP_SEQ
from packwarden.fixed import decimal
from packwarden.replies import Command, Refused, json_bool, number

LINE = const(192)  # bytes of a capture in a line
_LARGEST = const(999999999)


def _capture(context, words, as_json):
    files = context.captures
    if not words:
        yield from (_list_json if as_json else _list)(files)
        return
    if len(words) > 2:
        raise Refused("capture, capture N, or capture N OFFSET")
    wanted = number(words[0], 1, _LARGEST, "a number of a capture")
    head = files.head(wanted)
    if head is None:
        raise Refused("there is no capture %d" % wanted)
    offset = number(words[1], 0, head.size - 1, "an offset") if len(words) > 1 else 0
    if as_json:
        yield '{"number":%d,"size":%d,"lines":[' % (wanted, head.size)
    line = bytearray(LINE)
    before = ""
    while offset < head.size:
        try:
            count = files.read(wanted, offset, line)
        except (OSError, ValueError):  # ValueError: another one has taken its place
            count = 0
        if not count:
            raise Refused("capture %d cannot be read at %d" % (wanted, offset))
        data = bytes(line[:count])
        form = '%s[%d,"%s","%08x"]' if as_json else "%s%d %s %08x\r\n"
        text = binascii.b2a_base64(data).decode().strip()
        yield form % (before, offset, text, binascii.crc32(data, offset))
        offset += count
        before = "," if as_json else ""
    if as_json:
        yield "]}\r\n"


def _list(files):
    none = True
    for head in files.heads():
        none = False
        yield "%d  boot %d  event %d  %s\r\n" % (
            head.number,
            head.boot,
            head.facts[TRIP_SEQ],
            head.event().text(),
        )
        yield "   from %s s before to %s s after it, %d bytes\r\n" % (
            decimal(head.facts[BEFORE], 1000, 2),
            decimal(head.facts[AFTER], 1000, 2),
            head.size,
        )
    if files.captures.frozen:
        yield "one more is %s\r\n" % (
            "NOT KEPT: the flash fails" if files.failed else "not kept yet"
        )
    elif none:
        yield "no trip has been captured\r\n"
    if files.captures.missed:
        yield "since boot %d trips were not captured\r\n" % files.captures.missed


def _list_json(files):
    yield '{"captures":['
    before = ""
    for head in files.heads():
        yield '%s{"number":%d,"boot":%d,"before_ms":%d,"after_ms":%d,"size":%d,"event":%s}' % (
            before,
            head.number,
            head.boot,
            head.facts[BEFORE],
            head.facts[AFTER],
            head.size,
            head.event().json(),
        )
        before = ","
    yield '],"waiting":%s,"failed":%s,"missed":%d}\r\n' % (
        json_bool(files.captures.frozen > 0),
        json_bool(files.failed),
        files.captures.missed,
    )


COMMANDS = {
    "capture": Command(
        "capture [N [OFFSET]]", "what was measured around the last trips", _capture
    ),
}
