"""Why the last trip came, in one line; and the events that are still kept."""

import json

from cabinets import Cabinet, configuration, only
from packwarden.lockout import REFUSED, record
from packwarden.records import CAPACITY, INFO
from terminals import Terminal


def ask(cabinet, question):
    return Terminal(cabinet.protection).ask(question)


def ask_json(cabinet, question):
    return json.loads(ask(cabinet, question + " --json"))


def test_why_says_nothing_has_tripped():
    assert ask(Cabinet(), "why") == "nothing has tripped since the last restart\r\n"
    assert ask_json(Cabinet(), "why") == {"why": None, "event": None}


def test_why_in_one_line():
    cabinet = Cabinet(configuration(7), current_A=82.3)
    cabinet.plus_C[6] = 81.4
    cabinet.run(3)
    line = "BAT07 TERM+ 81.4 degC > 80.0 for 2.0 s at 82.3 A: tripped Q07, open after 0.05 s"
    assert ask(cabinet, "why") == line + "\r\n"
    answer = ask_json(cabinet, "why")
    assert answer["why"] == line
    assert answer["event"] == cabinet.told(kind="trip")[0]


def test_why_while_a_trip_waits_for_a_low_current():
    config = configuration(changes={"breakers.kind": "contactor"})
    cabinet = Cabinet(config, current_A=82.3)
    cabinet.plus_C[2] = 81.4
    cabinet.run(3)
    assert ask(cabinet, "why").endswith("at 82.3 A: tripped Q03, waiting for a low current\r\n")
    cabinet.run(2)
    assert ask(cabinet, "why").endswith("tripped Q03, open after 0.05 s\r\n")


def why(rows, **measured):
    """Return why, after a second with only these rows on."""
    cabinet = Cabinet(only(configuration(), *rows))
    for name, value in measured.items():
        setattr(cabinet, name, value)
    cabinet.run(1)
    return ask(cabinet, "why").rstrip()


def test_why_of_a_current():
    line = why(["overcurrent_instantaneous.trip"], current_A=[520.0, 20.0, 20.0, 20.0])
    assert line == (
        "BAT01 520.0 A > 500.0 for 0.01 s at 520.0 A: tripped the main breaker, open after 0.05 s"
    )


def test_why_of_breakers_that_stay():
    rows = ["reverse_current.trip_high", "breaker_failure.main"]
    flow = [110.0, 110.0, -250.0, 110.0]
    line = why(rows, current_A=flow, stuck={2}, circulates=True)
    assert line == (
        "BAT03 250.0 A > 5.0 for 0.30 s at 250.0 A: tripped the main and all batteries,"
        " open after 0.19 s"  # the coils of the batteries are staggered
    )
    line = why(rows[:1], current_A=flow, stuck={2})
    assert line == "BAT03 250.0 A > 200.0 for 0.01 s at 250.0 A: tripped Q03, NOT OPEN"


def test_why_of_a_lost_sensor():
    cabinet = Cabinet(plus_C=65.0)
    cabinet.run(0.1)
    cabinet.counts[cabinet.terminal_channel(1)] = 22000
    cabinet.run(3)
    assert ask(cabinet, "why") == "BAT02 TERM+ open at 0.0 A: tripped Q02, open after 0.05 s\r\n"


def test_why_of_the_bank():
    level = {"pickup": 50, "dropout": 45, "delay_ms": 100}
    config = only(configuration(4, {"elements.ambient_high.trip": level}), "ambient_high.trip")
    cabinet = Cabinet(config, ambient_C=51.0)
    cabinet.run(1)
    assert ask(cabinet, "why").startswith("bank 51.0 degC > 50.0 for 0.10 s: tripped the main")


def full_ring():
    """Return a cabinet whose trip has left the ring of events."""
    cabinet = Cabinet(current_A=40, plus_C=[90.0, 25.0, 25.0, 25.0])
    cabinet.run(3)
    assert cabinet.told(kind="trip")
    more_events(cabinet, CAPACITY + 20)
    return cabinet


def more_events(cabinet, count):
    """Have as many records written, one in a tick."""
    for _ in range(count):
        record(cabinet.protection, 0, INFO, REFUSED)
        cabinet.tick()


def asked(cabinet, question):
    """The events of a reply, with the fields that event lines have."""
    fields = list(cabinet.events[0])
    return [{name: event[name] for name in fields} for event in ask_json(cabinet, question)]


def test_events_since_a_number_and_the_last_twenty():
    cabinet = full_ring()
    log = cabinet.protection.events
    assert log.oldest_seq > 0
    assert asked(cabinet, "events --since 0") == cabinet.events[log.oldest_seq :]
    assert asked(cabinet, "events") == cabinet.events[-20:]
    assert asked(cabinet, f"events --since {log.next_seq - 3}") == cabinet.events[-3:]
    assert ask_json(cabinet, "events --since 999999999") == []
    lines = ask(cabinet, "events --since 0").split("\r\n")
    assert lines[:2] == ["boot 1", "not kept yet:"]
    assert len(lines) == CAPACITY + 3
    last = log.next_seq - 1
    assert lines[-2] == f"{last}  {log.event(last).text()}"


def test_events_that_leave_the_ring_during_a_reply_are_left_out():
    cabinet = full_ring()
    terminal = Terminal(cabinet.protection)
    terminal.type("events --since 0 --json\r")
    text = ""
    for _ in range(10):
        terminal.console.work()
        text += terminal.console.take(10**6).decode()
    more_events(cabinet, 60)
    reply = (text + terminal.read()).split("\r\n")[1]
    found = [event["seq"] for event in json.loads(reply)]
    assert found == sorted(set(found))
    assert found[-1] == cabinet.events[-1]["seq"]


def test_why_tells_when_its_record_is_no_longer_kept():
    cabinet = full_ring()
    assert ask(cabinet, "why") == "the record of the last trip is no longer kept\r\n"
    answer = ask_json(cabinet, "why")
    assert answer == {"why": "the record of the last trip is no longer kept", "event": None}
