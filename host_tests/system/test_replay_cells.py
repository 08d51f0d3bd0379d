"""Replay: what each cell of a trace means, on the firmware's own console and in its events."""

import pytest

from system.runs import bank, beyond_boot, each, first, replayed, simulated, told, trace

ASK = "bank --json\n"


def reported(rows, *times_ms, config=None, **job):
    """What `bank --json` says at these times, and the run."""
    script = [[t_ms, ASK] for t_ms in times_ms]
    run = simulated(trace(*rows), config, script=script, **job)
    replies = run.replies("t_ms")
    assert len(replies) == len(times_ms)
    return replies, run


def values(report, name):
    return [facts[name] for facts in report["batteries"]]


def test_what_is_missing_is_healthy_and_quiet():
    rows = ((0, {"bms1": 0}), (5, {}))
    (report,), run = reported(rows, 2000, config=bank(15))
    assert beyond_boot(run.events) == []
    assert values(report, "current_A") == pytest.approx([0] * 15, abs=0.01)
    assert values(report, "voltage_V") == pytest.approx([52.8] * 15, abs=0.01)
    for name in ("plus_degC", "minus_degC"):
        assert values(report, name) == pytest.approx([25] * 15, abs=0.2)
    assert values(report, "breaker") == ["closed"] * 15
    assert report["busbar_V"] == pytest.approx(52.8, abs=0.01)
    assert report["ambient_degC"] == pytest.approx(25, abs=0.2)
    assert (report["main"], report["fan"], report["alarm"]) == ("closed", False, False)


def test_the_nominal_voltage_is_the_configured_one():
    (report,), _ = reported(((0, {}), (3, {})), 2000, config=bank(cells=8))
    assert values(report, "voltage_V") == pytest.approx([26.4] * 4, abs=0.01)


def test_rows_hold_and_an_empty_cell_is_quiet_again():
    rows = ((0, {"i2_A": 40, "v2_V": 51}), (4, {"i2_A": "", "v2_V": ""}), (6, {}))
    (held, quiet), _ = reported(rows, 3500, 5500)
    assert values(held, "current_A") == pytest.approx([0, 40, 0, 0], abs=0.05)
    assert values(quiet, "current_A") == pytest.approx([0] * 4, abs=0.05)
    assert held["batteries"][1]["voltage_V"] == pytest.approx(51, abs=0.01)
    assert quiet["batteries"][1]["voltage_V"] == pytest.approx(52.8, abs=0.01)


def test_of_rows_between_two_ticks_the_last_one_counts():
    spike = [(1.001, each(4, i_A=600)), (1.002, {"i2_A": 600}), (1.004, each(4, i_A=10))]
    assert beyond_boot(replayed(trace((0, each(4, i_A=10)), *spike, (2, {}))).events) == []


def test_the_busbar_is_the_median_of_the_batteries():
    rows = ((0, {"v1_V": 52, "v2_V": 53, "v3_V": 54, "v4_V": "absent"}), (2, {}))
    (report,), _ = reported(rows, 1000)
    assert report["busbar_V"] == pytest.approx(53, abs=0.01)


def test_terminals_follow_the_ambient_where_it_is_given():
    (report,), _ = reported(((0, {"tamb_C": 41, "tp2_C": 33}), (2, {})), 1500)
    assert report["ambient_degC"] == pytest.approx(41, abs=0.2)
    assert values(report, "plus_degC") == pytest.approx([41, 33, 41, 41], abs=0.2)
    assert values(report, "minus_degC") == pytest.approx([41] * 4, abs=0.2)


@pytest.mark.parametrize(
    ("monitor", "cells", "rated_A", "shunt"),
    [
        ("ina228", 16, 100, "300A/75mV"),
        ("ina238", 16, 100, "300A/75mV"),
        ("ina226", 8, 50, "300A/75mV"),
    ],
)
def test_each_monitor_measures_and_saturates(monitor, cells, rated_A, shunt):
    config = bank(3, rated_A, monitor=monitor, cells=cells, shunt=shunt)
    full_A = 327.68 if monitor == "ina226" else 655.36
    lsb_A = {"ina226": 0.01, "ina228": 0.00125, "ina238": 0.02}[monitor]
    full_V = {"ina226": 40.96, "ina228": 102.4, "ina238": 102.4}[monitor]
    rows = (
        (0, {"i1_A": 18.75, "i2_A": -18.75, "v3_V": 20}),
        (2, {"i1_A": 1e9, "i2_A": -1e9, "v3_V": 1e6, "v2_V": -5}),
        (2.03, {}),
        (4, {}),
    )
    (before, after), run = reported(rows, 1500, 3000, config=config)
    assert values(before, "current_A") == pytest.approx([18.75, -18.75, 0], abs=3 * lsb_A)
    assert before["batteries"][2]["voltage_V"] == pytest.approx(20, abs=0.01)
    assert after["batteries"][2]["voltage_V"] == pytest.approx(full_V, rel=0.001)
    assert after["batteries"][1]["voltage_V"] == pytest.approx(0, abs=0.01)
    # Over-range is a current of at least full scale, and never a fault of the sensor.
    instant = first(run.events, element="overcurrent_instantaneous")
    assert instant["value"] == pytest.approx(full_A, rel=0.001)
    assert told(run.events, element="sensor_fault") == []


@pytest.mark.parametrize("part", ["semitec_103at", "tdk_b57861s0103", "murata_ncp18xh103"])
def test_thermistors_tell_temperatures_from_minus_40_to_130(part):
    cells = dict(zip(("tp1_C", "tn1_C", "tp2_C", "tn2_C"), (-40, -10, 0, 55), strict=True))
    cells |= dict(zip(("tp3_C", "tn3_C", "tp4_C", "tn4_C"), (80, 100, 115, 130), strict=True))
    (report,), run = reported(((0, cells), (3, {})), 1500, config=bank(thermistor=part))
    assert values(report, "plus_degC") == pytest.approx([-40, 0, 80, 115], abs=0.6)
    assert values(report, "minus_degC") == pytest.approx([-10, 55, 100, 130], abs=0.6)
    assert told(run.events, element="sensor_fault") == []
    hottest = first(run.events, battery=4, terminal="-", kind="trip")
    assert hottest["value"] == pytest.approx(130, abs=1)


@pytest.mark.parametrize("word", ["open", "short"])
@pytest.mark.parametrize(("column", "battery", "terminal"), [("tp1_C", 1, "+"), ("tn4_C", 4, "-")])
def test_a_broken_thermistor_is_a_sensor_fault_and_no_temperature(word, column, battery, terminal):
    rows = ((0, each(4, i_A=40)), (2, {column: word}), (20, {column: 25}), (33, {}))
    (lost, back), run = reported(rows, 15_000, 32_500)
    name = "plus" if terminal == "+" else "minus"
    facts = lost["batteries"][battery - 1]
    assert (facts[name + "_degC"], facts[name + "_state"]) == (None, word)
    assert back["batteries"][battery - 1][name + "_degC"] == pytest.approx(25, abs=0.2)
    alarm, clear = run.events[1:]
    place = ("sensor_fault", battery, terminal)
    assert (alarm["element"], alarm["battery"], alarm["terminal"]) == place
    assert (alarm["kind"], alarm["action"], alarm["value"]) == ("alarm", "alarm", None)
    # Three bad samples 160 ms apart, then 2 s; three good ones and then 10 s.
    assert 4000 <= alarm["t_ms"] <= 4600
    assert (clear["kind"], clear["level"]) == ("clear", "alarm")
    assert 30_000 <= clear["t_ms"] <= 30_600


@pytest.mark.parametrize("word", ["open", "short"])
def test_the_ambient_and_its_thermistor(word):
    rows = ((0, {}), (2, {"tamb_C": word}), (6, {}))
    (report,), run = reported(rows, 5500)
    # Nobody can say how hot it is: the fan runs.
    assert (report["ambient_degC"], report["fan"]) == (None, True)
    assert values(report, "plus_degC") == pytest.approx([25] * 4, abs=0.2)
    (alarm,) = run.events[1:]
    assert (alarm["element"], alarm["battery"]) == ("sensor_fault", None)


@pytest.mark.parametrize("batteries", [1, 2, 4, 15])
@pytest.mark.parametrize("column", ["i", "v"])
def test_an_absent_monitor_is_silent_as_a_whole(batteries, column):
    n = batteries
    name = f"{column}{n}_" + ("A" if column == "i" else "V")
    healthy = 40 if column == "i" else 53
    rows = ((0, each(n, i_A=40, v_V=53)), (2, {name: "absent"}), (10, {name: healthy}), (29, {}))
    (lost, back), run = reported(rows, 8000, 26_000, config=bank(n))
    facts = lost["batteries"][n - 1]
    assert (facts["current_A"], facts["current_state"]) == (None, "absent")
    assert (facts["voltage_V"], facts["voltage_state"]) == (None, "absent")
    assert values(lost, "current_A")[:-1] == pytest.approx([40] * (n - 1), abs=0.05)
    assert values(back, "current_A") == pytest.approx([40] * n, abs=0.05)
    alarm, clear = run.events[1:]
    assert (alarm["kind"], alarm["element"], alarm["battery"]) == ("alarm", "sensor_fault", n)
    assert 3000 <= alarm["t_ms"] <= 3050
    # A chip that was away is asked once in 5 s; then 10 s of health.
    assert (clear["kind"], clear["battery"]) == ("clear", n)
    assert 20_000 <= clear["t_ms"] <= 25_600


@pytest.mark.parametrize("monitor", ["ina228", "ina238", "ina226"])
@pytest.mark.parametrize("load_A", [0, 40])
def test_a_frozen_monitor_is_found_by_its_flag(monitor, load_A):
    """With or without load: the code alone could not tell where nothing moves."""
    config = bank(4, 50, monitor=monitor, cells=8)
    load_A = min(load_A, 20)
    rows = ((0, each(4, i_A=load_A)), (2, {"i3_A": "frozen"}), (9, {"i3_A": load_A}), (22, {}))
    (lost,), run = reported(rows, 8000, config=config)
    facts = lost["batteries"][2]
    assert (facts["current_A"], facts["current_state"]) == (None, "frozen")
    alarm, clear = run.events[1:]
    assert (alarm["kind"], alarm["element"], alarm["battery"]) == ("alarm", "sensor_fault", 3)
    assert 3000 <= alarm["t_ms"] <= 3900
    assert (clear["kind"], clear["battery"]) == ("clear", 3)
    assert 19_000 <= clear["t_ms"] <= 20_500


def test_what_was_frozen_is_the_last_value_and_not_believed():
    """Its battery is measured no more: no imbalance and no direction is told from an old code."""
    rows = (
        (0, each(4, i_A=60)),
        (2, {"i2_A": "frozen"}),
        (3, each(4, i_A=-60) | {"i2_A": "frozen"}),
    )
    events = replayed(trace(*rows, (150, {})), None, "--tick-ms", 100).events
    assert {(e["element"], e["battery"]) for e in events[1:]} == {("sensor_fault", 2)}


@pytest.mark.parametrize("tick_ms", [10, 100, 1000])
@pytest.mark.parametrize("word", ["absent", "frozen"])
def test_the_monitor_of_the_busbar_is_nobodys(tick_ms, word):
    rows = ((0, {}), (2, {"vbus_V": word}), (9, {}))
    events = replayed(trace(*rows), bank(15), "--tick-ms", tick_ms).events
    (alarm,) = events[1:]
    assert (alarm["element"], alarm["battery"], alarm["kind"]) == ("sensor_fault", None, "alarm")
    # A frozen chip: two rounds of the slow channels, of 480 ms at most, until its flag is missed,
    # and three bad attempts, a round each; or three ticks; then 1 s.
    assert 3000 <= alarm["t_ms"] <= 3000 + 5 * 480 + 3 * tick_ms


def test_a_monitor_that_is_absent_from_the_start_does_not_keep_the_rest_unprotected():
    rows = ((0, {"i2_A": "absent", "tp1_C": "open", "tn3_C": 86}), (5, {}))
    events = replayed(trace(*rows)).events
    assert first(events, battery=2)["element"] == "sensor_fault"
    assert first(events, battery=1, terminal="+")["element"] == "sensor_fault"
    trip = first(events, kind="trip")
    assert (trip["t_ms"], trip["battery"], trip["action"]) == (2000, 3, "trip_battery")


def test_a_battery_whose_monitor_is_lost_is_still_protected_from_heat():
    rows = ((0, each(4, i_A=50)), (1, {"i2_A": "absent"}), (4, {"tp2_C": 86}), (12, {}))
    (report,), run = reported(rows, 8000)
    trips = [(e["element"], e["battery"], e["action"]) for e in told(run.events, kind="trip")]
    assert trips == [("terminal_overtemperature", 2, "trip_battery")]
    assert report["batteries"][1]["breaker"] == "locked out"


def test_a_contact_that_says_open_is_believed_and_trips_nothing():
    rows = ((0, each(4, i_A=50)), (1, {"cb3": 0, "i3_A": 0}), (5, {"cb3": 1, "i3_A": 50}), (9, {}))
    (opened, closed), run = reported(rows, 4000, 8000)
    assert values(opened, "breaker") == ["closed", "closed", "open", "closed"]
    assert values(closed, "breaker") == ["closed"] * 4
    assert beyond_boot(run.events) == []
