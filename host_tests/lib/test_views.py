"""What the console shows: every command as text and as JSON, for healthy and troubled banks."""

import json

import pytest

from cabinets import Cabinet, configuration
from packwarden import elements
from packwarden.commands import COMMANDS
from terminals import Terminal

QUESTIONS = [
    "help",
    "status",
    "bank",
    "battery 1",
    "elements",
    "elements terminal_rise",
    "why",
    "events",
    "events --since 0",
    "capture",
    "settings",
    "config",
    "calibration",
    "selftest",
    "version",
    "permit",
    "permit 1",
    "lockout",
    "degraded",
    "lock",
    "timing",
    "joints",
    "resistances",
    "feed",
    "counters",
    "check",
]
OPERATING = {
    "reset",
    "close",
    "acknowledge",
    "service",
    "calibrate",
    "unlock",
    "pin",
    "baseline",
    "test",
}  # see test_operations, test_calibration, test_pin, condition
LARGE_TABLE = {
    "model": "table",
    "first_C": -60,
    "step_C": 5,
    "r_ohm": [int(560000 * 0.82**place) for place in range(52)],
}


def troubled(batteries=4):
    """Return a cabinet with trips, alarms, a warning, lost sensors and a fault."""
    cabinet = Cabinet(configuration(batteries, {"sensors.thermistor": LARGE_TABLE}), current_A=40)
    cabinet.plus_C = [62.0] * batteries
    cabinet.plus_C[0] = 90.0
    cabinet.lose_monitor(batteries - 1)
    cabinet.counts[cabinet.terminal_channel(batteries // 2, 1)] = 22000
    cabinet.counts[cabinet.frame.ambient] = 0
    cabinet.protection.faults = 1
    cabinet.run(8, 100)
    return cabinet


CABINETS = {
    "healthy 4": Cabinet(current_A=40),
    "healthy 1": Cabinet(configuration(1)),
    "troubled 15": troubled(15),
    "troubled 2": troubled(2),
}


def ask(cabinet, question):
    return Terminal(cabinet.protection).ask(question)


def ask_json(cabinet, question):
    return json.loads(ask(cabinet, question + " --json"))


@pytest.mark.holds("tip 7")
@pytest.mark.parametrize("name", CABINETS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_is_answered_in_text_and_in_json(name, question):
    text = ask(CABINETS[name], question)
    assert text.endswith("\r\n")
    assert "error" not in text
    assert all(len(line) < 120 for line in text.split("\r\n") if "sensors.thermistor" not in line)
    line = ask(CABINETS[name], question + " --json")
    assert line.count("\r\n") == 1
    json.loads(line)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("json_too", ["", " --json"])
def test_a_slow_terminal_gets_the_same_reply(question, json_too):
    cabinet = CABINETS["troubled 15"]
    fast = Terminal(cabinet.protection).ask(question + json_too)
    assert Terminal(cabinet.protection, at_once=1).ask(question + json_too) == fast


def test_every_command_is_asked_here():
    assert {question.split()[0] for question in QUESTIONS} | OPERATING == set(COMMANDS)


@pytest.mark.parametrize(
    ("question", "reply"),
    [
        ("battery", "say which: battery 1 .. 4"),
        ("battery 1 2", "say which: battery 1 .. 4"),
        ("battery 5", '"5" is not a battery, 1 .. 4'),
        ("battery 0", '"0" is not a battery, 1 .. 4'),
        ("battery -1", '"-1" is not a battery, 1 .. 4'),
        ("battery 1.0", '"1.0" is not a battery, 1 .. 4'),
        ("battery " + "9" * 60, f'"{"9" * 32}" is not a battery, 1 .. 4'),
        ("elements sprinkler", 'no element "sprinkler"'),
        ("elements terminal_rise terminal_rate", "takes one element at most"),
        ("events 5", "events, or events --since N"),
        ("events --since", "events, or events --since N"),
        ("events --since x", '"x" is not a number of an event, 0 .. 999999999'),
        ("status now", 'takes no "now"'),
        ("bank 1", 'takes no "1"'),
        ("help me", 'takes no "me"'),
        ("why not", 'takes no "not"'),
        ("settings bank", 'takes no "bank"'),
        ("version 2", 'takes no "2"'),
    ],
)
@pytest.mark.parametrize("json_too", ["", " --json"])
def test_what_cannot_be_answered_is_refused_in_one_line(question, reply, json_too):
    assert ask(CABINETS["healthy 4"], question + json_too) == f"error: {reply}\r\n"


def test_help_names_every_command():
    text = ask(CABINETS["healthy 4"], "help")
    names = [line.split()[0] for line in text.split("\r\n")[:-2]]
    assert names == sorted(COMMANDS)
    usages = ask_json(CABINETS["healthy 4"], "help")
    assert [usage.split()[0] for usage in usages] == names


def test_version():
    assert ask_json(CABINETS["healthy 4"], "version") == {
        "packwarden": "1.2.3",
        "board": "cabinet15",
        "image": None,
        "chip": "7061636b7764",
    }


def test_whether_the_image_was_verified_is_told():
    terminal = Terminal(CABINETS["healthy 4"].protection)
    assert "image: NOT VERIFIED, it has no manifest\r\n" in terminal.ask("status")
    assert json.loads(terminal.ask("status --json"))["image"] is None
    terminal.context.image = "89abcdef"
    assert "image: 89abcdef\r\n" in terminal.ask("status")
    assert json.loads(terminal.ask("status --json"))["image"] == "89abcdef"
    assert terminal.ask("version") == "Packwarden 1.2.3 on cabinet15, image 89abcdef\r\n"


def test_the_bank_in_json():
    cabinet = Cabinet(configuration(2), current_A=[40.0, -20.5], voltage_V=[52.8, 53.1])
    cabinet.plus_C[1] = 31.0
    cabinet.run(0.02)
    bank = ask_json(cabinet, "bank")
    assert bank["t_ms"] == 20
    assert bank["current_A"] == pytest.approx(19.5, abs=0.02)
    assert bank["busbar_V"] == pytest.approx(52.8, abs=0.001)
    assert bank["ambient_degC"] == pytest.approx(25, abs=0.1)
    assert (bank["main"], bank["fan"], bank["alarm"]) == ("closed", False, False)
    first, second = bank["batteries"]
    assert list(first) == [
        "battery",
        "current_A",
        "voltage_V",
        "plus_degC",
        "minus_degC",
        "breaker",
    ]
    assert second == ask_json(cabinet, "battery 2")
    assert (second["battery"], second["breaker"]) == (2, "closed")
    assert second["current_A"] == pytest.approx(-20.5, abs=0.01)
    assert second["voltage_V"] == pytest.approx(53.1, abs=0.001)
    assert second["plus_degC"] == pytest.approx(31, abs=0.1)


def test_the_bank_as_a_table():
    cabinet = Cabinet(configuration(2), current_A=40)
    cabinet.closed[1] = False
    cabinet.run(0.1)
    assert ask(cabinet, "bank").split("\r\n") == [
        "battery      current    voltage          TERM+          TERM-  breaker",
        "BAT01         40.0 A    52.80 V      25.0 degC      25.0 degC  closed",
        "BAT02          0.0 A    52.80 V      25.0 degC      25.0 degC  open",
        "bank          40.0 A    52.80 V      25.0 degC ambient       closed",
        "",
    ]


def test_a_lost_sensor_shows_its_state_and_no_number():
    cabinet = troubled()
    bank = ask_json(cabinet, "bank")
    assert bank["ambient_degC"] is None
    lost = bank["batteries"][3]
    assert (lost["current_A"], lost["current_state"]) == (None, "absent")
    assert (lost["voltage_V"], lost["voltage_state"]) == (None, "absent")
    open_lead = bank["batteries"][2]
    assert (open_lead["minus_degC"], open_lead["minus_state"]) == (None, "open")
    text = ask(cabinet, "bank").split("\r\n")
    assert "absent" in text[4]
    assert "open" in text[3]
    assert "short ambient" in text[5]
    assert "absent" in ask(cabinet, "battery 4")


def test_without_the_reference_temperatures_show_why():
    cabinet = Cabinet()
    cabinet.counts[cabinet.frame.reference] = 0
    cabinet.run(0.1)
    battery = ask_json(cabinet, "battery 1")
    assert (battery["plus_degC"], battery["plus_state"]) == (None, "reference out of range")
    table = ask(cabinet, "bank")
    assert table.count("reference out of range") == 2 * 4 + 1
    assert " ok " not in table


def test_a_battery_shows_its_quantities_and_what_is_picked_up():
    cabinet = Cabinet(current_A=[36.0, 26.2, 20.4, 17.8])
    cabinet.run(1)
    text = ask(cabinet, "battery 1")
    assert "  imbalance            54.5 %\r\n" in text
    assert "  deviation            12.7 A\r\n" in text
    assert "  picked up warn current_imbalance  BAT01\r\n" in text
    assert "current_imbalance" not in ask(cabinet, "battery 2")
    assert (
        "  rate                      -            -\r\n" in text
    )  # not before a minute has passed


def test_status_counts_what_is_picked_up_operated_and_lost():
    cabinet = troubled()
    status = ask_json(cabinet, "status")
    assert status["armed"] is True
    assert status["batteries"] == 4
    assert status["t_s"] == 8
    told = [e["level"] for e in cabinet.events if e["kind"] != "command"]
    for level in ("warn", "alarm", "trip"):
        assert status[level] == told.count(level) > 0
    assert status["sensors_failed"] == 4
    assert (status["ticks"], status["late_ticks"], status["worst_late_us"]) == (12, 3, 1500)
    text = ask(cabinet, "status")
    assert text.startswith("protecting for 8.000 s: 4 batteries on cabinet15\r\n")
    assert "  operated  trip terminal_overtemperature  BAT01 TERM+\r\n" in text
    assert "  picked up" in text
    assert "sensors: 4 of 20 channels failed\r\n" in text
    assert "degraded: 4 places, see degraded\r\n" in text
    assert "locked out: see lockout\r\n" in text
    assert "open: Q01, see permit\r\n" in text
    assert "permissives: charging allowed, discharging allowed\r\n" in text


def test_status_names_each_level_that_is_picked_up_or_operated_in_both_forms():
    cabinet = troubled()
    status = ask_json(cabinet, "status")
    active = status["active"]
    assert [one["operated"] for one in active].count(False) == status["picked_up"] > 0
    for level in ("warn", "alarm", "trip"):
        operated = [one["level"] for one in active if one["operated"]]
        assert operated.count(level) == status[level] > 0
    hot = {"element": "terminal_overtemperature", "battery": 1, "terminal": "+"}
    assert {"operated": True, "level": "trip", **hot} in active
    lines = [line for line in ask(cabinet, "status").splitlines() if line.startswith("  ")]
    assert len(lines) == len(active)
    for line, one in zip(lines, active, strict=True):
        assert line.startswith("  operated " if one["operated"] else "  picked up")
        assert one["element"] in line
    assert ask_json(Cabinet(), "status")["active"] == []


def test_status_shows_the_fan_and_says_when_it_is_not_armed():
    cabinet = Cabinet(ambient_C=36)
    cabinet.run(11, 100)
    assert "  operated  fan ambient_high\r\n" in ask(cabinet, "status")
    cabinet.protection.armed = False
    assert ask(cabinet, "status").startswith("NOT ARMED yet: ")


def test_elements_shows_the_settings():
    cabinet = CABINETS["healthy 4"]
    assert ask(cabinet, "elements terminal_rise") == (
        "terminal_rise (26)\r\n"
        "  warn        6 K for 300.0 s, back at 4 K: none\r\n"
        "  alarm       15 K for 120.0 s, back at 13 K: alarm\r\n"
        "  trip        30 K and 50 degC for 60.0 s, back at 28 K: trip_battery\r\n"
        "              after up to 2.0 s for a low current\r\n"
    )
    text = ask(cabinet, "elements")
    assert "  trip        125 A, IEC_EI, TMS 0.25: trip_battery or trip_main\r\n" in text
    assert "  trip        below 43.2 V for 5.0 s, back at 44.2 V: trip_battery\r\n" in text
    assert "  retrip      for 0.15 s: trip_battery\r\n" in text
    assert "  idle_trip   off\r\n" in text
    assert "sensor_fault\r\n" in text
    assert ask_json(cabinet, "elements") == elements.defaults(cabinet.config["bank"])
    (slug,) = ask_json(cabinet, "elements ambient_high")
    assert slug == "ambient_high"


def test_settings_are_those_of_the_configuration():
    cabinet = CABINETS["troubled 15"]
    config = dict(cabinet.config)
    del config["elements"]
    assert ask_json(cabinet, "settings") == config
    text = ask(cabinet, "settings")
    assert '  breakers.kind "shunt_trip"\r\n' in text
    assert "  bank.batteries 15\r\n" in text


def test_the_timing_says_how_late_and_through_what():
    shown = ask_json(CABINETS["healthy 4"], "timing")
    assert (shown["ticks"], shown["missed_ticks"], shown["overruns"]) == (12, 0, 0)
    assert [(b["below_us"], b["ticks"]) for b in shown["lateness"] if b["ticks"]] == [
        (10, 9),
        (2000, 3),
    ]
    assert shown["late"]["executive"] == {
        "late_ticks": 3,
        "missed_ticks": 0,
        "worst_late_us": 1500,
    }
    text = ask(CABINETS["healthy 4"], "timing")
    assert "below    2.00 ms          3\r\n" in text
    assert "executive                          3          0    1.50 ms\r\n" in text
