"""What the console tells of the past: the events of this life of the board and of those before.

They come from the log in RAM and from the journal in flash, oldest first. Looking only.
"""

from packwarden.replies import Command, Refused, number

_SHOWN = 20  # the last ones, where nobody says since when


def state(journal):
    """Return in words whether all that has happened is kept."""
    text = "all events kept"
    if journal.failed:
        text = "NOT KEPT: %d events" % journal.waiting()
    elif journal.waiting():
        text = "%d events not kept yet" % journal.waiting()
    return text + (", %d lost" % journal.lost if journal.lost else "")


def _events(context, words, as_json):
    log = context.protection.events
    seq = max(0, log.next_seq - _SHOWN)
    if words:
        if words[0] != "--since" or len(words) != 2:
            raise Refused("events, or events --since N")
        seq = number(words[1], 0, 999999999, "a number of an event")
    if as_json:
        yield "["
    before = None
    for event in context.journal.events(seq):
        if event is None:
            yield ""  # a piece of reading that found none
            continue
        if as_json:
            yield ("," if before else "") + event.kept_json()
        else:
            yield _headings(event, before) + "%d  %s\r\n" % (event.seq, event.text())
        before = event
    if as_json:
        yield "]\r\n"


def _headings(event, before):
    """Return what is new since the event before: another boot, a gap, the end of what is kept."""
    text = ""
    if before and before.seq + 1 < event.seq:
        text = "%d events are missing\r\n" % (event.seq - before.seq - 1)
    if before is None or before.boot != event.boot:
        text += "boot %d\r\n" % event.boot
    if not event.kept and (before is None or before.kept):
        text += "not kept yet:\r\n"
    return text


COMMANDS = {
    "events": Command("events [--since N]", "what happened, oldest first; also before", _events),
}
