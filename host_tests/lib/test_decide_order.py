"""The order in which a tick's events are told, and that nothing is told twice."""

from cabinets import Cabinet, configuration, only

KEYS = ["t_ms", "seq", "kind", "level", "element", "device", "battery", "terminal"]
KEYS += ["value", "limit", "unit", "held_ms", "action"]


def test_a_jump_past_several_levels_tells_each():
    cabinet = Cabinet(only(configuration(), "terminal_overtemperature"))
    cabinet.plus_C[0] = 85.0
    events = cabinet.run(6)
    assert [(event["t_ms"], event["level"]) for event in events] == [
        (2010, "trip"),
        (5010, "warn"),
        (5010, "alarm"),
    ]


def test_events_of_a_tick_come_in_the_agreed_order():
    level = {"pickup": 50, "dropout": 45, "delay_ms": 10000}
    changes = {
        "elements.ambient_high.fan": level | {"pickup": 40, "dropout": 35},
        "elements.reverse_current.warn": level | {"pickup": 10, "dropout": 5},
        "elements.terminal_overtemperature.warn": level | {"delay_ms": 10000},
        "elements.terminal_overtemperature.alarm": level | {"pickup": 60, "delay_ms": 10000},
        "elements.overcurrent_inverse.warn": level | {"pickup": 30, "dropout": 20, "delay_ms": 0},
    }
    rows = ["ambient_high.fan", "reverse_current.warn", "overcurrent_inverse.warn"]
    rows += ["output_fault.alarm", "controller_fault.alarm"]
    config = only(configuration(4, changes), "terminal_overtemperature", *rows)
    config["elements"]["terminal_overtemperature"]["trip"] = "off"
    cabinet = Cabinet(config, current_A=40)
    assert {event["element"] for event in cabinet.told(kind="warn")} == {"overcurrent_inverse"}
    told = len(cabinet.events)
    cabinet.ambient_C = 41.0
    cabinet.plus_C = [55.0, 25.0, 25.0, 65.0]
    cabinet.minus_C = [65.0, 25.0, 25.0, 25.0]
    cabinet.current_A = [40.0, 40.0, -19.0, 40.0]

    def late(cabinet):
        if cabinet.t_ms == 10010:  # with the tick at which the others operate
            cabinet.current_A = [19.0, 19.0, -19.0, 19.0]
            cabinet.protection.faults = 3

    cabinet.each_tick = late
    cabinet.run(0.1)
    (cleared,) = cabinet.events[told:]
    assert (cleared["kind"], cleared["battery"]) == ("clear", 3)
    events = cabinet.run(9.91)
    assert {event["t_ms"] for event in events} == {10010}
    assert [
        (e["kind"], e["element"], e["battery"], e["terminal"], e["level"]) for e in events
    ] == [
        ("fault", "output_fault", None, None, "alarm"),
        ("fault", "controller_fault", None, None, "alarm"),
        ("clear", "overcurrent_inverse", 1, None, "warn"),
        ("clear", "overcurrent_inverse", 2, None, "warn"),
        ("clear", "overcurrent_inverse", 4, None, "warn"),
        ("warn", "terminal_overtemperature", 1, "+", "warn"),
        ("warn", "terminal_overtemperature", 1, "-", "warn"),
        ("alarm", "terminal_overtemperature", 1, "-", "alarm"),
        ("warn", "terminal_overtemperature", 4, "+", "warn"),
        ("alarm", "terminal_overtemperature", 4, "+", "alarm"),
        ("warn", "reverse_current", 3, None, "warn"),
        ("command", "ambient_high", None, None, None),
    ]
    assert [event["seq"] for event in cabinet.events] == list(range(len(cabinet.events)))
    assert all(list(event) == KEYS for event in cabinet.events)


def test_what_operates_in_a_tick_is_told_battery_by_battery_terminal_by_terminal_level_by_level():
    level = {"dropout": 50, "delay_ms": 1000}
    changes = {
        "elements.terminal_overtemperature.warn": level | {"pickup": 55},
        "elements.terminal_overtemperature.alarm": level | {"pickup": 60},
    }
    rows = ("terminal_overtemperature.warn", "terminal_overtemperature.alarm")
    cabinet = Cabinet(only(configuration(2, changes), *rows), plus_C=65.0, minus_C=65.0)
    told = [(e["battery"], e["terminal"], e["level"]) for e in cabinet.run(1.1)]
    assert told == [
        (battery, terminal, level)
        for battery in (1, 2)
        for terminal in ("+", "-")
        for level in ("warn", "alarm")
    ]


def test_of_two_levels_of_one_kind_the_first_in_the_table_is_told_first():
    level = {"dropout": 25, "delay_ms": 1000, "samples": 2}
    changes = {
        "elements.reverse_current.trip": level | {"pickup": 50},
        "elements.reverse_current.trip_high": level | {"pickup": 200},
    }
    rows = ("reverse_current.trip", "reverse_current.trip_high")
    cabinet = Cabinet(only(configuration(4, changes), *rows))
    cabinet.current_A = [100.0, 100.0, 100.0, -220.0]
    assert [(e["battery"], e["limit"]) for e in cabinet.run(1.1)] == [(4, 50), (4, 200)]


def test_the_last_of_15_is_told_before_the_bank_by_the_element_after_it():
    changes = {
        "elements.overcurrent_instantaneous.alarm": {"pickup": 300, "dropout": 200},
        "elements.bank_overcurrent.warn": {"pickup": 1600, "dropout": 1500},
    }
    for level in changes.values():
        level["delay_ms"] = 1000
    rows = ("overcurrent_instantaneous.alarm", "bank_overcurrent.warn")
    cabinet = Cabinet(only(configuration(15, changes), *rows), current_A=[100.0] * 14 + [400.0])
    events = cabinet.run(1.1)
    assert [(event["element"], event["battery"]) for event in events] == [
        ("overcurrent_instantaneous", 15),
        ("bank_overcurrent", None),
    ]


def test_what_stays_is_not_repeated():
    cabinet = Cabinet(ambient_C=50, current_A=[60.0, 20.0, 60.0, -15.0])
    cabinet.plus_C[1] = 72.0
    cabinet.lose_monitor(2)
    cabinet.protection.faults = 1
    cabinet.run(700, 1000)
    names = ("kind", "level", "element", "battery", "terminal")
    told = [tuple(event[name] for name in names) for event in cabinet.events]
    assert len(set(told)) == len(told)
    assert len(told) > 8
    assert cabinet.run(100, 1000) == []
