"""Replay, to the letter: the event lines of a trace, their order, their numbers, both VMs."""

import json
import re

import pytest

from packwarden_host import vm
from system.contract import BOOT
from system.runs import (
    bank,
    beyond_boot,
    brief,
    command,
    each,
    first,
    replayed,
    simulated,
    told,
    trace,
)

HOT = {"tp2_C": 86}
# Short delays make a short run tell a lot.
QUICK = {
    "terminal_overtemperature.warn.delay_ms": 500,
    "terminal_overtemperature.alarm.delay_ms": 500,
    "terminal_rise.warn.delay_ms": 1000,
    "terminal_rise.alarm.delay_ms": 800,
    "terminal_rise.trip.delay_ms": 3000,
    "terminal_rate.warn.delay_ms": 0,
    "current_imbalance.warn.delay_ms": 700,
    "current_imbalance.alarm.delay_ms": 900,
    "reverse_current.warn.delay_ms": 300,
    "reverse_current.alarm.delay_ms": 300,
    "ambient_high.fan.delay_ms": 200,
    "ambient_high.warn.delay_ms": 400,
    "ambient_high.alarm.delay_ms": 400,
    "overcurrent_inverse.warn.delay_ms": 100,
}


def rich(batteries, end_s=45):
    """A trace in which about everything happens; rates are known from 60 s on."""
    n = batteries
    quiet = {**each(n, i_A=50, tp_C=30, tn_C=30, v_V=53.1), "tamb_C": 25, "vbus_V": 53}
    return trace(
        (0, quiet),
        (1, {f"tp{n}_C": 62, "i1_A": 75, "tamb_C": 47}),
        (3, {f"i{n}_A": -30, "tn1_C": "open", f"cb{n}": 1, f"bms{n}": 1}),
        (6, {f"i{n}_A": 55, "tn1_C": 30, "tamb_C": 20, f"tp{n}_C": 40}),
        (9, {"i1_A": "absent", "v1_V": "absent", f"tn{n}_C": "short"}),
        (14, {"i1_A": 130, "v1_V": 52.5, f"tn{n}_C": 91.5}),
        (21, each(n, i_A=-610)),
        (21.2, {**each(n, i_A=-40), f"i{n}_A": "frozen"}),
        (26, each(n, i_A=0)),
        (end_s, {}),
    )


def test_a_quiet_bank_says_boot_and_nothing_else():
    assert replayed("t_s\n0\n60\n", bank(15)).lines == [BOOT]


def test_a_trace_of_one_row_is_a_run_of_one_tick():
    assert replayed("t_s\n0\n").lines == [BOOT]
    assert replayed(trace((0, each(4, i_A=600)))).lines == [BOOT]


def test_a_run_is_told_to_the_letter():
    """The whole output of a run, byte by byte."""
    rows = ((0, {"tp3_C": 30}), (1, {"tp3_C": 86}), (7, {"tp3_C": 86}))
    result = replayed(trace(*rows), None, "--tick-ms", 1000)
    values = [re.search('"value":([^,]*)', line)[1] for line in result.lines[1:]]
    assert all(85.5 < float(value) < 86.5 for value in values)
    fixed = re.sub(r'"value":\d\d\.\d\d', '"value":86.00', result.out)
    place = '"device":"26","battery":3,"terminal":"+","value":86.00'
    assert fixed.splitlines() == [
        BOOT,
        '{"t_ms":4000,"seq":1,"kind":"trip","level":"trip","element":"terminal_overtemperature",'
        f'{place},"limit":80.00,"unit":"degC","held_ms":2000,"action":"trip_battery"}}',
        '{"t_ms":7000,"seq":2,"kind":"warn","level":"warn","element":"terminal_overtemperature",'
        f'{place},"limit":60.00,"unit":"degC","held_ms":5000,"action":"none"}}',
        '{"t_ms":7000,"seq":3,"kind":"alarm","level":"alarm","element":"terminal_overtemperature",'
        f'{place},"limit":70.00,"unit":"degC","held_ms":5000,"action":"alarm"}}',
    ]


@pytest.mark.parametrize("batteries", range(1, 16))
def test_every_size_of_bank_names_the_right_battery_and_terminal(batteries):
    """A hot terminal at each end of the bank, and a lost monitor in its middle."""
    n = batteries
    middle = (n + 1) // 2
    hot = {"tp1_C": 86, f"tn{n}_C": 92}
    rows = ((0, each(n, i_A=20)), (1, hot), (5, {f"v{middle}_V": "absent"}), (7, {}))
    events = replayed(trace(*rows), bank(n)).events
    # Of a bank of one the lost monitor is the tripped battery's: it is lost all the same.
    assert {(e["element"], e["kind"], e["battery"], e["terminal"]) for e in events[1:]} == {
        ("terminal_overtemperature", kind, *place)
        for kind in ("warn", "alarm", "trip")
        for place in ((1, "+"), (n, "-"))
    } | {("sensor_fault", "alarm", middle, None)}
    trips = told(events, kind="trip")
    assert {e["action"] for e in trips[:1]} == {"trip_battery"}
    assert all(3000 <= e["t_ms"] <= 3200 for e in trips)


def test_the_breaker_of_a_second_hot_terminal_is_open_already():
    """A trip line comes for every trip level that operates; its action says what was done."""
    rows = ((0, {}), (1, {"tp2_C": 86}), (5, {"tn2_C": 86}), (9, {}))
    events = replayed(trace(*rows)).events
    trips = told(events, kind="trip", element="terminal_overtemperature")
    assert [(e["terminal"], e["action"]) for e in trips] == [("+", "trip_battery"), ("-", "none")]


def test_a_jump_past_several_levels_emits_each():
    rows = ((0, {}), (1, {"tn4_C": 99}), (9, {}))
    told_kinds = [e["kind"] for e in replayed(trace(*rows)).events]
    assert told_kinds == ["info", "trip", "warn", "alarm"]


def test_what_stays_true_is_not_repeated_and_what_ends_is_cleared():
    rows = ((0, {"tamb_C": 25}), (1, {"tp1_C": 75}), (30, {"tp1_C": 66}), (45, {"tp1_C": 50}))
    events = replayed(trace(*rows, (120, {}))).events
    seen = [(e["kind"], e["level"]) for e in told(events, element="terminal_overtemperature")]
    assert seen == [("warn", "warn"), ("alarm", "alarm"), ("clear", "warn"), ("clear", "alarm")]
    warn, alarm = (first(events, kind="clear", level=level) for level in ("warn", "alarm"))
    # 75 - 66 is not below the dropout of either; the limit of a clear is the dropout.
    assert (warn["limit"], alarm["limit"]) == (55, 65)
    assert 45_000 <= alarm["t_ms"] <= warn["t_ms"] <= 45_200


def test_the_fan_is_a_command_and_its_end_a_clear():
    rows = ((0, {"tamb_C": 30}), (1, {"tamb_C": 36}), (20, {"tamb_C": 31}), (25, {}))
    events = replayed(trace(*rows), None, "--tick-ms", 100).events
    on, off = events[1:]
    assert (on["kind"], on["level"], on["action"]) == ("command", None, "fan")
    assert (off["kind"], off["level"], off["action"]) == ("clear", None, "none")
    assert (on["limit"], on["held_ms"], on["unit"]) == (35, 10_000, "degC")
    assert 11_000 <= on["t_ms"] <= 11_600
    assert 20_000 <= off["t_ms"] <= 20_600


def test_within_a_tick_comes_fault_then_clear_then_levels_then_command():
    """At a tick of 1 s every terminal is read between two ticks: all of this falls into one."""
    n = 15
    slug = "terminal_overtemperature"
    changes = {f"{slug}.warn.delay_ms": 0, f"{slug}.alarm.delay_ms": 0}
    changes |= {"terminal_rise.warn.delay_ms": 1000, "ambient_high.fan.delay_ms": 3000}
    config = bank(n, changes=changes)
    config["bank"]["tick_ms"] = 1000
    rows = [
        (0, {**each(n, i_A=30, tp_C=28, tn_C=28), "tamb_C": 28, "tp9_C": 45}),
        (1, {"tamb_C": 36}),
        (4, {**each(n, tp_C=75, tn_C=75), "tp9_C": 40}),
        (8, {}),
    ]
    # The relays' latch is lost at 3 s, read wrongly twice, and told in the tick after.
    fault = {"t_ms": 3000, "target": "relay", "kind": "nack"}
    run = simulated(trace(*rows), config, faults=[fault])
    together = [event["kind"] for event in run.events if event["t_ms"] == 5000]
    # `check` holds every tick against the order; here it is that they do meet.
    assert set(together) == {"fault", "clear", "warn", "alarm", "command"}
    assert together.count("warn") == together.count("alarm") > 25


def test_the_rich_trace_tells_of_every_unit():
    events = replayed(rich(4, 95), bank(changes=QUICK)).events
    assert {event["unit"] for event in events} >= {None, "degC", "K", "K/min", "A", "%"}
    assert {event["kind"] for event in events} >= {"warn", "alarm", "trip", "clear", "command"}
    assert len(events) > 30


@pytest.mark.parametrize("batteries", [1, 2, 4, 15])
def test_both_vms_give_the_same_bytes(batteries):
    config = bank(batteries, changes=QUICK)
    options = ("--stuck-breaker", 1, "--seed", 5)
    text = rich(batteries, 95 if batteries == 4 else 45)
    told_by = [replayed(text, config, "--vm", vm_, *options).out for vm_ in vm.VMS]
    assert told_by[0].count("\n") > 15
    assert told_by[0] == told_by[1]


def test_both_vms_give_the_same_bytes_while_chips_fail():
    faults = [
        {"t_ms": 500, "until_ms": 2500, "target": "monitor 3", "kind": "hang"},
        {"t_ms": 700, "target": "monitor 5", "kind": "config_lost"},
        {"t_ms": 800, "until_ms": 8500, "target": "monitor 6", "kind": "zero"},
        {"t_ms": 900, "until_ms": 9500, "target": "monitor 7", "kind": "frozen"},
        {"t_ms": 950, "until_ms": 9000, "target": "monitor 8", "kind": "wrong_identity"},
        {"t_ms": 900, "until_ms": 4000, "target": "monitor bus", "kind": "nack"},
        {"t_ms": 1200, "until_ms": 1300, "target": "mux", "kind": "stuck_bit"}
        | {"bit": 1, "level": 1},
        {"t_ms": 1600, "target": "breaker 9", "kind": "open"},
        {"t_ms": 20_900, "target": "relay", "kind": "config_lost"},
        {"t_ms": 22_000, "until_ms": 23_000, "target": "inputs 0", "kind": "nack"},
    ]
    told_by = [
        simulated(rich(15), bank(15, changes=QUICK), vm_, seed=3, faults=faults).lines
        for vm_ in vm.VMS
    ]
    assert len(told_by[0]) > 40
    assert told_by[0] == told_by[1]


def test_the_seed_changes_the_noise_and_nothing_else():
    config = bank(changes=QUICK)
    same, again, other = (replayed(rich(4), config, "--seed", seed) for seed in (1, 1, 2))
    assert same.out == again.out
    assert same.out != other.out
    for a, b in zip(same.events, other.events, strict=True):
        assert brief(a)[1:] == brief(b)[1:]
        assert abs(a["t_ms"] - b["t_ms"]) <= 160  # a round of the multiplexers
        if a["value"] is not None and a["unit"] in ("A", "degC", "K"):
            assert b["value"] == pytest.approx(a["value"], abs=0.5)


@pytest.mark.parametrize("tick_ms", [10, 20, 33, 100, 250, 251, 500, 1000])
def test_delays_are_times_at_every_tick(tick_ms):
    """Row 1 is hot already: what is held from arming on is 2 s old at 2 s."""
    rows = ((0, {**each(4, i_A=50), **HOT}), (8, {}))
    events = replayed(trace(*rows), None, "--tick-ms", tick_ms).events
    ticks = -(-2000 // tick_ms)
    trip = first(events, kind="trip")
    assert (trip["t_ms"], trip["held_ms"]) == (ticks * tick_ms, ticks * tick_ms)
    warn = first(events, kind="warn", element="terminal_overtemperature")
    assert warn["t_ms"] == -(-5000 // tick_ms) * tick_ms


def test_the_run_ends_with_the_tick_at_the_last_row():
    hot = each(4, i_A=50) | HOT
    assert beyond_boot(replayed(trace((0, hot), (1.99, {}))).events) == []
    ending = beyond_boot(replayed(trace((0, hot), (2, {}))).events)
    assert ending == [(2000, "trip", "terminal_overtemperature", "2+", "trip_battery")]


def test_text_for_people_tells_the_same(tmp_path):
    (tmp_path / "t.csv").write_text(trace((0, HOT), (3, {})))
    (tmp_path / "b.json").write_text(json.dumps(bank()))
    result = command("replay", tmp_path / "t.csv", "--config", tmp_path / "b.json")
    assert result.code == 0
    boot, trip = result.lines
    assert boot.split() == ["0.000", "s", "INFO", "boot"]
    assert re.fullmatch(
        r" +2\.000 s  TRIP +terminal_overtemperature \(26\)  BAT02 TERM\+"
        r"  8[56]\.\d\d degC > 80\.00 for 2 s: trip_battery",
        trip,
    )
