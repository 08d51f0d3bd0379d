"""What the console shows of the executive's time, and counts anew: `timing`."""

from packwarden.fixed import decimal
from packwarden.replies import Command, done, no_arguments, operator, record
from packwarden.restart import ANEW
from packwarden.timing import BLAMED, STAGES, BUCKETS_us, LATE_us


def _text(time_us):
    """Return a time as a right-aligned cell: us below 1 ms, else ms."""
    text = "%d us" % time_us if time_us < 1000 else decimal(time_us, 1000, 2) + " ms"
    return " " * max(1, 11 - len(text)) + text


def _number(number):
    text = str(number)
    return " " * max(1, 11 - len(text)) + text


def _timing(context, words, as_json):
    if words == ["reset"]:
        operator(context)
        context.timing.begin()
        record(context.protection, ANEW)
        yield done(as_json, "timing is counted anew")
        return
    no_arguments(words)
    yield from _json(context) if as_json else _lines(context)


def _lines(context):
    timing = context.timing
    yield "ticks: %d of %d ms, missed %d, own work longer than a tick %d\r\n" % (
        timing.ticks,
        timing.tick_us // 1000,
        sum(timing.missed),
        timing.overruns,
    )
    yield "latest by %s\r\n" % _text(timing.worst_us).strip()
    yield "tick begins late by      ticks\r\n"
    for place in range(len(BUCKETS_us) + 1):
        last = place == len(BUCKETS_us)
        bound = _text(BUCKETS_us[place - 1 if last else place])
        yield "%s%s%s\r\n" % ("from " if last else "below", bound, _number(timing.bucket(place)))
    yield "late by > %d ms through          ticks     missed      worst\r\n" % (LATE_us // 1000)
    for blame in range(len(BLAMED)):
        yield "  %s%s%s%s%s\r\n" % (
            BLAMED[blame],
            " " * (25 - len(BLAMED[blame])),
            _number(timing.late[blame]),
            _number(timing.missed[blame]),
            _text(timing.worst_late_us[blame]),
        )
    yield "work of a tick            worst\r\n"
    for place in range(len(STAGES)):
        name = STAGES[place]
        yield "  %s%s%s\r\n" % (name, " " * (18 - len(name)), _text(timing.worst_stage_us[place]))
    yield "  all               %s\r\n" % _text(timing.worst_work_us)
    yield "jobs in the slack         worst      bound\r\n"
    for job in timing.jobs:
        yield "  %s%s%s%s\r\n" % (
            job.name,
            " " * (18 - len(job.name)),
            _text(job.worst_us),
            _text(job.bound_us),
        )
    yield "collections: %d, last %s, worst %s; heap free %d bytes, at least %d\r\n" % (
        timing.collections,
        _text(timing.last_pause_us).strip(),
        _text(timing.worst_pause_us).strip(),
        timing.free_bytes,
        timing.least_free_bytes,
    )


def _json(context):
    timing = context.timing
    yield (
        '{"tick_ms":%d,"ticks":%d,"missed_ticks":%d,"overruns":%d,"worst_late_us":%d,"late_from_us":%d'
        % (
            timing.tick_us // 1000,
            timing.ticks,
            sum(timing.missed),
            timing.overruns,
            timing.worst_us,
            LATE_us,
        )
    )
    for place in range(len(BUCKETS_us) + 1):
        below = "null" if place == len(BUCKETS_us) else BUCKETS_us[place]
        begin = "," if place else ',"lateness":['
        yield '%s{"below_us":%s,"ticks":%d}' % (begin, below, timing.bucket(place))
    for blame in range(len(BLAMED)):
        yield '%s"%s":{"late_ticks":%d,"missed_ticks":%d,"worst_late_us":%d}' % (
            "," if blame else '],"late":{',
            BLAMED[blame],
            timing.late[blame],
            timing.missed[blame],
            timing.worst_late_us[blame],
        )
    yield '},"worst_work_us":{"all":%d' % timing.worst_work_us
    for place in range(len(STAGES)):
        yield ',"%s":%d' % (STAGES[place], timing.worst_stage_us[place])
    yield '},"slack":{'
    for job in timing.jobs:
        yield '%s"%s":{"worst_us":%d,"bound_us":%d}' % (
            "" if job is timing.jobs[0] else ",",
            job.name,
            job.worst_us,
            job.bound_us,
        )
    yield '},"collections":%d,"last_pause_us":%d,"worst_pause_us":%d' % (
        timing.collections,
        timing.last_pause_us,
        timing.worst_pause_us,
    )
    yield ',"heap_free_bytes":%d,"least_heap_free_bytes":%d}\r\n' % (
        timing.free_bytes,
        timing.least_free_bytes,
    )


COMMANDS = {
    "timing": Command("timing [reset]", "how late ticks began, and what took how long", _timing),
}
