"""`packwarden monitor`: what it says and does where a cabinet answers late, wrongly or not at all.

The whole, on the real firmware, is in system/test_monitor_pty.py.
"""

import asyncio
import io
import json
import queue
import socketserver
import threading
from contextlib import contextmanager

import pytest
import rich.console

from host.test_events import BOOT, EVENT
from packwarden_host import monitor_link
from packwarden_host.bank_view import BatteryTable
from packwarden_host.dialogue import Dialogue
from packwarden_host.monitor import Monitor, Reply
from packwarden_host.monitor_link import Fetching, Heard, HeardEvents, Link, Lost
from packwarden_host.monitor_view import Known

PROMPT = b"packwarden> "
STATUS = {
    "armed": True,
    "t_s": 75.5,
    "warn": 0,
    "alarm": 0,
    "trip": 0,
    "picked_up": 0,
    "locked_out": 0,
    "charge_allowed": True,
    "discharge_allowed": True,
    "active": [],
    "boot": 4,
    "sensors_failed": 0,
    "degraded": 0,
    "controller": "",
    "restart": None,
    "journal_fails": False,
}
BATTERY = {
    "battery": 1,
    "current_A": 40.0,
    "voltage_V": 52.4,
    "plus_degC": 30.0,
    "minus_degC": 31.0,
    "breaker": "closed",
}
BANK = {
    "t_ms": 75500,
    "current_A": 40.0,
    "busbar_V": 52.4,
    "ambient_degC": 25.0,
    "main": "closed",
    "fan": False,
    "alarm": False,
    "batteries": [BATTERY],
}
REPLIES = {
    "bank --json": BANK,
    "status --json": STATUS,
    "version --json": {"packwarden": "1.2.3", "board": "cabinet15"},
    "settings --json": {"bank": {"rated_current_A": 100}},
    "timing --json": {
        "tick_ms": 10,
        "missed_ticks": 2,
        "worst_late_us": 14250,
        "least_heap_free_bytes": 20480,
        "worst_work_us": {"all": 900},
    },
}


def events(*found):
    return "[" + ",".join(json.dumps(event, separators=(",", ":")) for event in found) + "]"


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch):
    monkeypatch.setattr(monitor_link, "PERIOD_S", 0.05)
    monkeypatch.setattr(monitor_link, "RETRY_S", 0.05)


class Console(socketserver.StreamRequestHandler):
    """A console that answers a line with what `answer` returns; b"" hangs up, None is silence."""

    def handle(self):
        line = b""
        while byte := self.rfile.read(1):
            if byte == b"\x03":
                line = b""
                self.wfile.write(b"^C\r\n" + PROMPT)
            elif byte != b"\r":
                line += byte
            else:
                said = self.server.answer(line.decode())
                if said == "":
                    return
                if said is not None:
                    self.wfile.write(line + b"\r\n" + said.encode() + b"\r\n" + PROMPT)
                line = b""


@contextmanager
def serving(answer):
    """Such a console; yields its port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Console) as server:
        server.answer = answer
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"socket://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@contextmanager
def linked(answer):
    """A Link to such a console; yields what returns the next message of a kind."""
    with serving(answer) as port:
        messages = queue.SimpleQueue()
        link = Link(Dialogue(port, 60), messages.put)
        link.start()

        def heard(kind):
            while not isinstance(message := messages.get(timeout=60), kind):
                pass
            return message

        try:
            yield heard
        finally:
            link.stop()
            assert not link._thread.is_alive()


def answered(line, changes=()):
    """What a cabinet with two events replies, but for what is changed."""
    replies = {line: json.dumps(reply) for line, reply in REPLIES.items()}
    return (replies | {"events --json": events(EVENT, BOOT)} | dict(changes)).get(line, "[]")


def test_all_is_asked_and_events_go_on_behind_the_last_one():
    asked = []
    late = BOOT | {"seq": 9, "kept": True}

    def answer(line):
        asked.append(line)
        return answered(line, {"events --since 8 --json": events(BOOT, late)})

    with linked(answer) as heard:
        assert {f"{heard(Heard).question} --json" for _ in range(5)} == set(REPLIES)
        assert [event["seq"] for event in heard(HeardEvents).events] == [7, 8]
        # Number 8 was not kept: it is told again until it is.
        assert [event["seq"] for event in heard(HeardEvents).events] == [8, 9]
    first_rounds = asked[: asked.index("events --since 8 --json")]
    assert (first_rounds.count("timing --json"), first_rounds.count("bank --json")) == (1, 2)


@pytest.mark.parametrize(
    ("line", "reply", "reason"),
    [
        ("bank --json", '{"t_ms":12', "the reply to bank is garbled"),
        ("status --json", "7", "the reply to status is garbled"),
        ("timing --json", '{"tick_ms":10}', "its timing does not tell missed_ticks worst_late_us"),
        ("events --json", "nonsense", "the reply is no list of events"),
        ("version --json", 'error: no command "version"', 'version --json: no command "version"'),
        ("settings --json", "", "the connection ended"),
    ],
)
def test_what_cannot_be_used_is_a_lost_connection_that_is_tried_again(line, reply, reason):
    wrong = {line: reply}
    with linked(lambda line: answered(line, wrong)) as heard:
        assert heard(Lost).reason.startswith(reason)
        wrong.clear()
        while heard(Heard).question != "status":
            pass


def test_another_cabinet_at_the_port_begins_with_its_own_events():
    boots = iter([4, 4, 1])

    def answer(line):
        if line == "status --json":
            return json.dumps(STATUS | {"boot": next(boots, 1)})
        return answered(line)

    with linked(answer) as heard:
        assert not heard(HeardEvents).anew
        again = heard(HeardEvents)
        assert again.anew and [event["seq"] for event in again.events] == [7, 8]


def test_how_far_a_long_list_of_events_is():
    with linked(lambda line: answered(line, {"events --json": events(*[EVENT] * 60)})) as heard:
        assert 20 < heard(Fetching).count <= 60 * 2
        assert len(heard(HeardEvents).events) == 60


def test_the_end_does_not_wait_for_a_cabinet_that_is_silent():
    asked = threading.Event()

    def answer(line):
        asked.set()

    with linked(answer):
        assert asked.wait(60)
    # `linked` has stopped the thread, which had 60 s of patience.


async def _pressed(port):
    """Press keys while a reply is shown; return the replies that were seen, and the exit code."""
    monitor = Monitor(Dialogue(port, 60))
    seen = []

    async def comes(what, tries=400):
        while not what():
            tries -= 1
            assert tries, seen
            await pilot.pause(0.05)

    def shows(question):
        return isinstance(monitor.screen, Reply) and monitor.screen._question == question

    async with monitor.run_test(size=(80, 24)) as pilot:
        await comes(lambda: "status" in monitor.known.replies)
        for key, question in (("w", "why"), ("s", "status"), ("l", "lockout")):
            await pilot.press(key)
            await comes(lambda question=question: shows(question))
            seen.append(question)
            assert len(monitor.screen_stack) == 2
        await pilot.press("e")
        await comes(lambda: len(monitor.screen_stack) == 1 and monitor.screen.has_class("history"))
        await pilot.press("d")
        await comes(lambda: shows("degraded"))
        await pilot.press("q")
    return seen, monitor.return_code


def test_while_a_reply_is_shown_the_keys_are_those_of_the_view():
    with serving(answered) as port:
        assert asyncio.run(_pressed(port)) == (["why", "status", "lockout"], 0)


def test_a_pipe_is_no_place_for_it(refused):
    assert "monitor needs a terminal" in refused("monitor", "/dev/no-such-port")


def known(**replies):
    heard = Known("/dev/ttyUSB0")
    for question, reply in ({"status": STATUS, "bank": BANK} | replies).items():
        heard.hear(question, reply, 100.0)
    return heard


def test_the_age_of_what_is_shown_is_told():
    heard = Known("/dev/ttyUSB0")
    assert "no answer yet, trying again" in heard.link(100.0).plain
    heard = known()
    assert heard.link(101.0).plain == "/dev/ttyUSB0: live  protecting 0:01:15  boot 4"
    assert "NO ANSWER for 4 s, trying again" in heard.link(104.0).plain
    assert "NO ANSWER for 1:02:03, trying again" in heard.link(100.0 + 3723).plain
    heard.trouble = "no such device"
    assert "NO ANSWER for 1 s, trying again (no such device)" in heard.link(101.0).plain
    heard = known()
    heard.busy = "fetching events, 40 so far"
    assert heard.link(109.0).plain.endswith("40 so far; shown as of 9 s ago")
    heard.hear_events([EVENT], False)
    assert "NO ANSWER" in heard.link(109.0).plain


def test_what_is_wrong_is_told_in_words():
    assert known().state().plain == "nothing operated, open, locked out, stopped or lost"
    status = STATUS | {
        "trip": 1,
        "warn": 2,
        "locked_out": 1 << 15 | 1 << 2,
        "open": 1 << 15 | 1 << 2 | 1 << 3,
        "charge_allowed": False,
        "sensors_failed": 3,
        "controller": "late",
        "restart": {"cause": "watchdog"},
        "journal_fails": True,
        "picked_up": 1,
    }
    assert known(status=status).state().plain == (
        "TRIP 1  WARN 2  locked out Q03 main  open Q04  charging STOPPED  sensors lost 3"
        "  controller late  restarted by watchdog  events NOT KEPT  picked up 1"
    )
    assert known(timing=REPLIES["timing --json"]).timing().plain == (
        "tick 10 ms: 2 missed, latest 14.25 ms, work up to 900 us, least heap 20 KB"
    )


def shown(width, **changes):
    """The row of a battery in the table, at so many cells."""
    active = [
        {"operated": True, "level": "warn", "element": "a", "battery": 1, "terminal": "+"},
        {
            "operated": True,
            "level": "alarm",
            "element": "bms_alarm",
            "battery": 1,
            "terminal": None,
        },
        {"operated": False, "level": "trip", "element": "c", "battery": 1, "terminal": "-"},
    ]
    table = BatteryTable(BANK | {"batteries": [BATTERY | changes]}, 100, active)
    screen = rich.console.Console(width=width, record=True, file=io.StringIO())
    screen.print(table)
    head, row = screen.export_text().splitlines()
    assert max(len(head), len(row)) <= width
    return row.split(None, 1)[1].rstrip()


def test_a_row_holds_every_value_at_80_cells():
    assert shown(80).split() == [
        *("40.0", "A", "████▍", "52.40", "V", "30.0", "degC", "W", "31.0", "degC", "closed"),
        "ALARM",
    ]
    assert shown(80, current_A=-655.3, breaker="locked out").split()[:2] == ["-655.3", "A"]
    lost = {"plus_degC": None, "plus_state": "configuration lost"}
    assert "configura… W" in shown(80, **lost)
    assert "configuration lost W" in shown(160, **lost)
    assert shown(160).endswith("closed     ALARM bms_alarm")
