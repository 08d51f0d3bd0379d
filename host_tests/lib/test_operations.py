"""The operating commands: locked at first, refused with a reason, recorded in any case."""

import json

import pytest

from cabinets import Cabinet, at_once, configuration
from packwarden.protection import INPUTS_FAIL, MEMORY_FAILS, RESTARTED, TICKS_LATE
from terminals import PIN, Terminal

HOT = [25.0, 25.0, 90.0, 25.0]


def tripped(kind="shunt_trip"):
    """A cabinet whose battery 3 was hot, has tripped and is open; it is still hot."""
    cabinet = Cabinet(at_once(configuration(changes={"breakers.kind": kind})), current_A=40.0)
    cabinet.run(0.1)
    cabinet.plus_C = list(HOT)
    cabinet.run(3)
    assert not cabinet.closed[2]
    return cabinet


def unlocked(cabinet):
    terminal = Terminal(cabinet.protection)
    assert terminal.ask(f"unlock {PIN}") == "unlocked for 10 min; lock ends it\r\n"
    return terminal


@pytest.mark.parametrize("line", ["reset 3", "close 3"])
def test_nothing_operates_while_locked(line):
    cabinet = tripped()
    cabinet.plus_C = [25.0] * 4
    cabinet.run(1)
    told = len(cabinet.events)
    assert Terminal(cabinet.protection).ask(line) == "error: locked: type unlock PIN first\r\n"
    cabinet.tick()
    assert len(cabinet.events) == told
    assert cabinet.protection.breakers.tripped == 1 << 2


def test_a_reset_is_refused_while_the_cause_is_there_and_recorded():
    cabinet = tripped()
    terminal = unlocked(cabinet)
    reply = terminal.ask("reset 3")
    assert reply == (
        "error: BAT03 TERM+ terminal_overtemperature is at 89.99 degC, it has to be below"
        " 75.00\r\n"
    )
    cabinet.tick()
    event = cabinet.events[-1]
    assert (event["kind"], event["element"], event["battery"]) == ("info", "lockout", 3)
    assert cabinet.protection.events.event(event["seq"]).text().endswith("BAT03  refused")
    assert cabinet.protection.breakers.tripped == 1 << 2


def test_a_reset_lets_go_of_one_battery_and_closes_nothing():
    cabinet = tripped()
    cabinet.plus_C = [25.0] * 4
    cabinet.run(1)
    assert cabinet.protection.alarm
    said = unlocked(cabinet).ask("reset 3")
    assert said == "BAT03 is reset and stays open; it may be closed\r\n"
    cabinet.run(3)
    clear, reset = cabinet.events[-2:]
    assert (clear["kind"], clear["element"]) == ("clear", "terminal_overtemperature")
    assert (clear["battery"], clear["terminal"], clear["limit"]) == (3, "+", 75)
    assert (reset["kind"], reset["element"], reset["battery"]) == ("clear", "lockout", 3)
    assert not cabinet.protection.alarm
    assert not cabinet.closed[2]
    cabinet.closed[2] = True  # by hand
    cabinet.run(1)
    assert cabinet.closed[2]


@pytest.mark.holds("tip 1", "voltage_mismatch")
def test_a_reset_says_what_closing_waits_for_and_status_that_it_is_open():
    cabinet = tripped()
    cabinet.plus_C = [25.0] * 4
    cabinet.voltage_V = [52.8, 52.8, 50.6, 52.8]
    cabinet.run(1)
    terminal = unlocked(cabinet)
    said = terminal.ask("reset 3")
    assert said.startswith("BAT03 is reset and stays open; it waits: 50.6")
    assert "V off the busbar, within 0.050 V is needed\r\n" in said
    assert "may be closed" not in said
    assert "open: Q03, see permit\r\n" in terminal.ask("status")
    assert json.loads(terminal.ask("status --json"))["open"] == 1 << 2


def test_a_reset_of_a_level_that_tripped_the_main_says_that_its_own_breaker_is_closed():
    cabinet = Cabinet(current_A=[0.0, 0.0, -900.0, 0.0])
    cabinet.run_until(1, kind="trip", action="trip_main")
    cabinet.current_A = [0.0] * 4
    cabinet.run(1)
    assert unlocked(cabinet).ask("reset 3") == "BAT03 is reset, and is closed\r\n"


def test_a_reset_of_a_lost_sensor_waits_for_its_repair():
    cabinet = tripped()
    cabinet.counts[cabinet.terminal_channel(2)] = 22000
    cabinet.run(1)
    terminal = unlocked(cabinet)
    assert "terminal_overtemperature has no value: its sensor is lost" in terminal.ask("reset 3")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("reset", "say which: 1 .. 4, or main"),
        ("reset 5", '"5" is not a battery, 1 .. 4'),
        ("reset 2", "BAT02 is not locked out"),
        ("reset main", "the main breaker is not locked out"),
        ("reset 3 please now", "reset N, or reset N inspected"),
        ("close 3", "BAT03 is closed by hand: its breaker is no contactor"),
    ],
)
def test_what_cannot_be_operated_is_refused_with_the_reason(line, reason):
    assert unlocked(tripped()).ask(line) == f"error: {reason}\r\n"


def test_a_second_trip_asks_for_a_word():
    cabinet = tripped()
    terminal = unlocked(cabinet)
    for line in ("reset 3", "reset 3 inspected"):
        cabinet.plus_C = [25.0] * 4
        cabinet.run(1)
        assert terminal.ask(line) == "BAT03 is reset and stays open; it may be closed\r\n"
        cabinet.closed[2] = True
        cabinet.run(1)
        cabinet.plus_C = list(HOT)
        cabinet.run(3)
        assert not cabinet.closed[2]
        if line == "reset 3":
            cabinet.plus_C = [25.0] * 4
            cabinet.run(1)
            assert 'tripped 2 times within 24 h: find out why, then add the word "inspected"' in (
                terminal.ask("reset 3")
            )


def test_lockout_lists_cause_and_what_hinders():
    cabinet = tripped()
    assert Terminal(cabinet.protection).ask("lockout") == (
        "BAT03: locked out by terminal_overtemperature, trips: 1\r\n"
        "  BAT03 TERM+ terminal_overtemperature is at 89.99 degC, it has to be below 75.00\r\n"
    )
    (found,) = json.loads(Terminal(cabinet.protection).ask("lockout --json"))
    assert (found["battery"], found["cause"]) == (3, "terminal_overtemperature")
    assert Terminal(Cabinet().protection).ask("lockout") == "nothing is locked out\r\n"


# -- service mode ----


def test_service_mode_takes_an_unlocked_console_and_is_recorded():
    cabinet = Cabinet()
    terminal = Terminal(cabinet.protection)
    assert terminal.ask("service") == "error: locked: type unlock PIN first\r\n"
    assert terminal.controls.service_min is None
    terminal = unlocked(cabinet)
    said = "service mode: NOT PROTECTING until a reset, or for %d min at most\r\n"
    assert terminal.ask("service") == said % 30
    assert terminal.controls.service_min == 30
    assert last(cabinet).endswith("INFO  operation  service mode")
    assert terminal.ask("service 240") == said % 240
    assert terminal.controls.service_min == 240


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("0", '"0" is not a number of minutes, 1 .. 240'),
        ("241", '"241" is not a number of minutes, 1 .. 240'),
        ("now", '"now" is not a number of minutes, 1 .. 240'),
        ("5 6", "service [MINUTES] [open]"),
        ("open open", "service [MINUTES] [open]"),
    ],
)
def test_what_service_takes(words, reason):
    terminal = unlocked(Cabinet())
    assert terminal.ask(f"service {words}") == f"error: {reason}\r\n"
    assert terminal.controls.service_min is None


@pytest.mark.parametrize(
    "changes",
    [
        {"breakers.kind": "contactor"},
        {"breakers.kind": "uvr"},
        {"breakers.trip_on_failure": ["main"]},
    ],
)
def test_where_service_opens_breakers_it_takes_a_word(changes):
    terminal = unlocked(Cabinet(configuration(changes=changes)))
    asked = 'error: nobody holds the breakers in then: they open; add the word "open"\r\n'
    assert terminal.ask("service") == terminal.ask("service 5") == asked
    assert terminal.controls.service_min is None
    assert "for 5 min" in terminal.ask("service 5 open")
    assert "for 30 min" in terminal.ask("service open")


def test_service_waits_for_the_end_of_a_trip():
    cabinet = Cabinet(current_A=40.0)
    cabinet.run(0.1)
    terminal = unlocked(cabinet)
    cabinet.plus_C = list(HOT)
    cabinet.run(1.9)  # of the 2 s
    assert terminal.ask("service") == "error: a trip is under way: wait for its end\r\n"
    cabinet.run(10)
    assert "NOT PROTECTING" in terminal.ask("service")


# -- permission to parallel ----


def opened(**measured):
    """A bank whose contactor 2 is open by hand, at rest."""
    cabinet = Cabinet(configuration(changes={"breakers.kind": "contactor"}), current_A=0.0)
    cabinet.run(0.1)
    cabinet.closed[1] = False
    for name, value in measured.items():
        setattr(cabinet, name, value)
    cabinet.run(1.2)  # a contactor that fell open is let go after a second
    return cabinet


def permit(cabinet, number=2):
    (found,) = json.loads(Terminal(cabinet.protection).ask(f"permit {number} --json"))
    assert found["battery"] == number
    return found["waits"]


@pytest.mark.holds("tip 1", "voltage_mismatch")
@pytest.mark.parametrize("off_V", [0.045, -0.045])
def test_a_battery_at_the_busbars_voltage_may_be_closed(off_V):
    cabinet = opened(voltage_V=[52.8, 52.8 + off_V, 52.8, 52.8])
    assert permit(cabinet) == []
    assert Terminal(cabinet.protection).ask("permit 2") == "BAT02: may be closed\r\n"


@pytest.mark.holds("tip 1", "voltage_mismatch")
@pytest.mark.parametrize("off_V", [0.06, -0.06, 0.5, -52.8])
def test_a_battery_off_the_busbars_voltage_waits_either_way(off_V):
    cabinet = opened(voltage_V=[52.8, 52.8 + off_V, 52.8, 52.8])
    (reason,) = permit(cabinet)
    assert f"V is {abs(off_V):.3f} V off the busbar, within 0.050 V is needed" in reason


def test_what_else_a_battery_waits_for():
    cabinet = opened(plus_C=[25.0, 61.0, 25.0, 25.0])
    assert permit(cabinet) == ["TERM+ is at 61.0 degC, between 0.0 and 60.0 is needed"]
    cabinet = opened(minus_C=[25.0, -1.0, 25.0, 25.0])
    assert permit(cabinet) == ["TERM- is at -1.0 degC, between 0.0 and 60.0 is needed"]
    assert permit(opened(bms_gives={1})) == ["the BMS gives an alarm"]
    assert permit(cabinet, 1) == ["BAT01 is closed"]
    cabinet = opened(counts={})
    cabinet.counts[cabinet.terminal_channel(1)] = 22000
    cabinet.lose_monitor(1)
    cabinet.run(1)
    assert permit(cabinet) == ["current: absent", "voltage: absent", "TERM+: open"]
    cabinet.protection.breakers.trip(1, cabinet.now_ms)
    assert permit(cabinet)[0] == "BAT02 is locked out: reset it first"


def dead(bus_V, voltages_V=(52.8, 52.8, 52.8, 52.8)):
    cabinet = opened()
    cabinet.closed = [False] * 5
    cabinet.voltage_V = list(voltages_V)
    cabinet.voltage_bus_V = bus_V
    cabinet.run(1)
    return cabinet


@pytest.mark.holds("rule 7")
def test_a_dead_busbar_is_joined_only_when_it_is_pre_charged():
    assert permit(dead(0.0)) == ["the busbar is at 0.0 V: pre-charge it to 50.2 V"]
    assert permit(dead(50.3)) == []
    cabinet = dead(50.3)
    cabinet.notes[cabinet.frame.bus] = 1
    cabinet.run(1)
    assert permit(cabinet) == ["the busbar is dead and its voltage is not known"]


def test_on_a_dead_busbar_the_open_batteries_have_to_agree():
    found = permit(dead(52.8, (52.8, 52.8, 53.4, 52.8)))
    assert found == [
        "52.800 V is 0.600 V off the open battery that differs most, within 0.050 V is needed"
    ]


def test_a_contactor_closes_on_request_and_only_with_permission():
    cabinet = opened()
    terminal = unlocked(cabinet)
    assert terminal.ask("close 2") == "BAT02 is told to close\r\n"
    assert cabinet.protection.breakers.energised() & 2
    cabinet.tick()
    cabinet.closed[1] = True
    cabinet.run(2)
    assert cabinet.protection.breakers.energised() & 2
    assert terminal.ask("close 2") == "error: BAT02 is closed\r\n"
    cabinet = opened(voltage_V=[52.8, 53.4, 52.8, 52.8])
    assert "0.600 V off the busbar" in unlocked(cabinet).ask("close 2")
    assert not cabinet.protection.breakers.energised() & 2


def test_a_contactor_that_does_not_close_is_let_go():
    cabinet = opened()
    unlocked(cabinet).ask("close 2")
    cabinet.run(1.1)
    assert not cabinet.protection.breakers.energised() & 2


def test_the_main_is_closed_before_the_batteries():
    cabinet = opened()
    cabinet.closed[cabinet.main] = False
    cabinet.run(1)
    terminal = unlocked(cabinet)
    assert "batteries are closed" in terminal.ask("close main")
    cabinet.closed = [False] * 5
    cabinet.run(1)
    assert terminal.ask("close main") == "the main breaker is told to close\r\n"


# -- degraded ----


@pytest.mark.holds("tip 7", "sensor_fault")
def test_degraded_names_place_cause_and_elements():
    cabinet = Cabinet()
    assert Terminal(cabinet.protection).ask("degraded") == "nothing is blind\r\n"
    cabinet.counts[cabinet.terminal_channel(2, 1)] = 22000
    cabinet.notes[1] = 2
    cabinet.contacts_lost.add(3)
    cabinet.run(0.1)
    found = json.loads(Terminal(cabinet.protection).ask("degraded --json"))
    assert [(one["place"], one["why"]) for one in found] == [
        ("BAT02 current", "frozen"),
        ("BAT03 TERM-", "open"),
        ("BAT04 contacts", "its expander does not answer"),
    ]
    assert found[0]["blind"] == [
        "overcurrent_inverse",
        "overcurrent_instantaneous",
        "current_imbalance",
        "reverse_current",
        "idle_string",
        "joint_heating",
        "link_resistance",
        "resistance_mismatch",
    ]
    heat = ["terminal_overtemperature", "terminal_rise", "terminal_rate", "joint_heating"]
    assert found[1]["blind"] == heat
    assert found[2]["blind"] == ["breaker_discrepancy"]


def test_degraded_leaves_out_what_is_off_anyway():
    off = dict.fromkeys(configuration()["elements"]["reverse_current"], "off")
    cabinet = Cabinet(configuration(changes={"elements.reverse_current": off}))
    cabinet.notes[1] = 2
    cabinet.run(0.1)
    (found,) = json.loads(Terminal(cabinet.protection).ask("degraded --json"))
    assert "reverse_current" not in found["blind"]


def last(cabinet):
    """The last record, as people read it."""
    log = cabinet.protection.events
    return log.event(log.next_seq - 1).text()


def restarted():
    """A cabinet that has just restarted by a lack of memory, as the firmware tells protection."""
    cabinet = Cabinet(current_A=40.0)
    cabinet.protection.restart.failed(MemoryError(), 2, 77)
    cabinet.protection.faults = RESTARTED
    cabinet.run(0.1)
    return cabinet


def test_the_alarm_of_a_restart_ends_10_s_after_it_was_acknowledged():
    cabinet = restarted()
    protection = cabinet.protection
    assert last(cabinet).endswith("controller_fault  MemoryError in step: alarm")
    terminal = unlocked(cabinet)
    said = "the restart is acknowledged: its alarm ends in 10 s\r\n"
    assert terminal.ask("acknowledge") == said
    assert last(cabinet).endswith("INFO  operation  restart acknowledged")
    protection.faults = 0
    cabinet.run(9.8)
    assert protection.alarm
    cabinet.run(0.4)
    assert not protection.alarm
    assert terminal.ask("acknowledge") == "error: no restart has to be acknowledged\r\n"


@pytest.mark.parametrize("line", ["acknowledge", "timing reset"])
def test_what_people_do_to_the_controller_takes_an_unlocked_console(line):
    cabinet = restarted()
    terminal = Terminal(cabinet.protection)
    told = len(cabinet.events)
    assert terminal.ask(line) == "error: locked: type unlock PIN first\r\n"
    assert terminal.context.timing.ticks == 12
    assert cabinet.protection.restart.cause
    assert len(cabinet.events) == told


def test_the_timing_is_counted_anew_and_that_is_recorded():
    cabinet = restarted()
    terminal = unlocked(cabinet)
    assert json.loads(terminal.ask("timing --json"))["ticks"] == 12
    assert json.loads(terminal.ask("timing reset --json"))["done"] == "timing is counted anew"
    assert json.loads(terminal.ask("timing --json"))["ticks"] == 0
    assert last(cabinet).endswith("INFO  operation  timing counted anew")
    assert terminal.ask("timing set") == 'error: takes no "set"\r\n'


@pytest.mark.parametrize(
    ("faults", "what"),
    [
        (INPUTS_FAIL, "contacts cannot be read"),
        (TICKS_LATE, "ticks begin late"),
        (MEMORY_FAILS, "lockouts are not kept"),
        (INPUTS_FAIL | TICKS_LATE, "ticks begin late"),
    ],
)
def test_a_fault_of_the_controller_says_what_it_is(faults, what):
    cabinet = Cabinet(current_A=40.0)
    cabinet.protection.faults = faults
    cabinet.run(0.1)
    assert last(cabinet).endswith(f"FAULT  controller_fault  {what}: alarm")
    assert f"controller: {what}\r\n" in Terminal(cabinet.protection).ask("status")
