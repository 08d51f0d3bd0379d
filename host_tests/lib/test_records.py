"""Event records: what was written comes back as JSON and as text; the ring forgets the oldest."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packwarden import elements, levels, records
from packwarden.elements import TABLE
from packwarden.fixed import BIAS, NONE
from packwarden.frame import ABSENT, OPEN
from packwarden.levels import LEVEL_NAMES, UNITS
from packwarden.records import CAPACITY, CLEAR, COMMAND, FAULT, INFO, UNIT_NAMES, EventLog

OVERTEMPERATURE = elements.find("terminal_overtemperature")
SENSOR = elements.find("sensor_fault")
KEYS = ["t_ms", "seq", "kind", "level", "element", "device", "battery", "terminal"]
KEYS += ["value", "limit", "unit", "held_ms", "action"]


def write(log, kind=levels.TRIP, value=None, limit=None, held_ms=None, load_mA=None, **more):
    """Write a record; returns its sequence number."""
    fields = {"level": levels.TRIP, "element": OVERTEMPERATURE, "battery": 7, "terminal": 1}
    fields |= {"action": levels.TRIP_BATTERY, "unit": "degC", "detail": 0} | more
    fields["unit"] = UNIT_NAMES.index(fields["unit"])
    stored = [
        NONE if number is None else BIAS + number for number in (value, limit, held_ms, load_mA)
    ]
    log.write(kind, *fields.values(), *stored)
    return log.next_seq - 1


def trip():
    log = EventLog()
    log.seconds, log.ms = 12, 345
    seq = write(log, value=8140, limit=8000, held_ms=2000, load_mA=82300)
    return log, seq


def test_a_record_as_a_json_line():
    log, seq = trip()
    assert log.line(seq) == (
        '{"t_ms":12345,"seq":0,"kind":"trip","level":"trip","element":"terminal_overtemperature",'
        '"device":"26","battery":7,"terminal":"+","value":81.40,"limit":80.00,"unit":"degC",'
        '"held_ms":2000,"action":"trip_battery"}'
    )


def test_a_record_as_text():
    log, seq = trip()
    assert log.event(seq).text() == (
        "12.345 s  TRIP  terminal_overtemperature  BAT07 TERM+  81.4 degC > 80.0 for 2.0 s"
        ": trip_battery"
    )


def test_what_is_not_there_is_null():
    log = EventLog()
    write(log, INFO, level=0, element=elements.BOOT, battery=0, terminal=0, action=0, unit=None)
    assert json.loads(log.line(0)) == dict.fromkeys(KEYS) | {
        "t_ms": 0,
        "seq": 0,
        "kind": "info",
        "element": "boot",
        "action": "none",
    }
    assert log.event(0).text() == "0.000 s  INFO  boot"


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("degC", -1234, "-12.34"),
        ("K", 5, "0.05"),
        ("K/min", 1000, "10.00"),
        ("A", 35899, "35.90"),
        ("A", -4, "0.00"),
        ("V", 52800, "52.800"),
        ("mOhm", 1500, "1.500"),
        ("%", 541, "54.1"),
    ],
)
def test_every_unit_has_its_decimals(unit, value, text):
    log = EventLog()
    write(log, value=value, limit=value, unit=unit)
    assert f'"value":{text},"limit":{text},"unit":"{unit}"' in log.line(0)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"value": 8140, "limit": 8000, "held_ms": 150}, "81.4 degC > 80.0 for 0.15 s"),
        ({"value": 8140, "limit": 8000, "held_ms": 999}, "81.4 degC > 80.0 for 1.00 s"),
        ({"value": 8140, "limit": 8000, "held_ms": 60000}, "81.4 degC > 80.0 for 60.0 s"),
        ({"value": 7499, "limit": 7500, "kind": CLEAR}, "75.0 degC < 75.0"),
        ({"value": 8140}, "81.4 degC"),
        ({}, "no value (degC)"),
        ({"value": 52800, "unit": "V"}, "52.800 V"),
        ({"value": 300, "unit": "mOhm"}, "0.300 mOhm"),
        ({"unit": None, "element": SENSOR, "detail": OPEN}, "open"),
        ({"unit": None, "element": SENSOR}, ""),
    ],
)
def test_what_was_found_in_words(fields, text):
    log = EventLog()
    assert log.event(write(log, **fields)).finding() == text


@pytest.mark.parametrize(
    ("battery", "terminal", "place"),
    [(3, 2, "BAT03 TERM-"), (15, 1, "BAT15 TERM+"), (9, 0, "BAT09"), (0, 0, "")],
)
def test_where_it_happened(battery, terminal, place):
    log = EventLog()
    assert log.event(write(log, battery=battery, terminal=terminal)).place() == place


def test_texts_of_the_other_kinds():
    log = EventLog()
    write(log, CLEAR, value=5490, limit=5500, level=levels.WARN, action=0)
    write(log, COMMAND, value=3510, limit=3500, level=0, battery=0, terminal=0, action=levels.FAN)
    write(
        log,
        FAULT,
        level=0,
        element=elements.find("output_fault"),
        battery=0,
        terminal=0,
        action=0,
        unit=None,
    )
    write(
        log,
        levels.ALARM,
        level=levels.ALARM,
        element=SENSOR,
        action=2,
        unit=None,
        detail=ABSENT,
    )
    assert [log.event(seq).text() for seq in range(4)] == [
        "0.000 s  CLEAR warn  terminal_overtemperature  BAT07 TERM+  54.9 degC < 55.0",
        "0.000 s  COMMAND  terminal_overtemperature  35.1 degC > 35.0: fan",
        "0.000 s  FAULT  output_fault",
        "0.000 s  ALARM  sensor_fault  BAT07 TERM+  absent: alarm",
    ]


@given(
    st.sampled_from(range(len(records.KIND_NAMES))),
    st.sampled_from(range(len(LEVEL_NAMES))),
    st.sampled_from([*range(len(TABLE)), elements.BOOT]),
    st.integers(0, 15),
    st.integers(0, 2),
    st.sampled_from(range(len(levels.ACTION_NAMES))),
    st.sampled_from(UNIT_NAMES),
    st.lists(st.none() | st.integers(1 - 2**29, 2**29 - 1), min_size=4, max_size=4),
    st.integers(0, 2**31 - 1),
    st.integers(0, 999),
)
def test_every_record_comes_back(
    kind, level, element, battery, terminal, action, unit, numbers, seconds, ms
):
    log = EventLog()
    log.seconds, log.ms = seconds, ms
    value, limit, held_ms, load_mA = numbers
    fields = {"level": level, "element": element, "battery": battery, "terminal": terminal}
    write(log, kind, value, limit, held_ms, load_mA, **fields, action=action, unit=unit)
    line = json.loads(log.line(0))
    assert list(line) == KEYS
    assert line["t_ms"] == seconds * 1000 + ms
    assert (line["kind"], line["level"]) == (records.KIND_NAMES[kind], LEVEL_NAMES[level])
    assert (line["battery"], line["held_ms"]) == (battery or None, held_ms)
    for name, number in (("value", value), ("limit", limit)):
        if number is None or unit is None:
            assert line[name] is None
        else:
            per_unit, places = UNITS[unit]
            assert line[name] == pytest.approx(number / per_unit, abs=0.51 * 10**-places)
    event = log.event(0)
    assert event.load_mA == load_mA
    assert event.text()


def test_the_ring_keeps_the_last_ones():
    log = EventLog()
    assert (log.next_seq, log.oldest_seq) == (0, 0)
    for number in range(CAPACITY + 10):
        write(log, value=number)
    assert (log.next_seq, log.oldest_seq) == (CAPACITY + 10, 10)
    assert json.loads(log.line(10))["value"] == 0.10
    assert json.loads(log.line(CAPACITY + 9))["seq"] == CAPACITY + 9
    for seq in (9, CAPACITY + 10, -1):
        with pytest.raises(ValueError, match=f"no event {seq}"):
            log.line(seq)


def test_the_last_trip_is_the_last_one_that_moved_a_breaker():
    log = EventLog()
    assert log.last_trip == -1
    write(log, levels.WARN)
    assert log.last_trip == -1
    write(log)
    write(log, action=levels.NO_ACTION)
    write(log, levels.ALARM)
    assert log.last_trip == 1


def test_a_log_of_many_years_still_tells_the_time():
    log = EventLog()
    log.seconds = 68 * 365 * 24 * 3600
    assert json.loads(log.line(write(log)))["t_ms"] == log.seconds * 1000
