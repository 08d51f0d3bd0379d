"""Replay: breakers that open and stay open, breakers that do not, and who acts then."""

import pytest

from system.runs import bank, brief, each, first, replayed, simulated, told, trace

ASK = "bank --json\n"
LOADED = each(4, i_A=80)
HOT = {"tp2_C": 86}
ALL_CLOSED = ["closed"] * 4


def reports(run):
    return run.replies("t_ms")


def states(report):
    return [facts["breaker"] for facts in report["batteries"]]


def currents(report):
    return [facts["current_A"] for facts in report["batteries"]]


def test_a_breaker_opens_after_40_ms_and_stays_open_whatever_the_cells_say():
    rows = ((0, LOADED), (1, HOT), (5, {"i2_A": 120, "cb2": 1, "tp2_C": 25}), (9, {"i2_A": -90}))
    script = [[2900, ASK], [4000, ASK], [7000, ASK], [10_000, ASK], [10_500, "why --json\n"]]
    run = simulated(trace(*rows, (12, {})), script=script)
    before, *after = reports(run)
    assert states(before) == ALL_CLOSED
    for report in after:
        assert states(report) == ["closed", "locked out", "closed", "closed"]
        assert currents(report) == pytest.approx([80, 0, 80, 80], abs=0.05)
        assert report["main"] == "closed"
    (why,) = run.replies("why")
    # 40 ms, and the ticks that see it.
    assert why["why"].endswith(("tripped Q02, open after 0.05 s", "open after 0.06 s"))
    assert [e["action"] for e in told(run.events, kind="trip")] == ["trip_battery"]


@pytest.mark.parametrize("tick_ms", [10, 20])
def test_a_trip_before_its_breaker_is_open_counts_the_travel(tick_ms):
    """At 60 ms after the trip the battery carries no more, at 30 ms it still does."""
    config = bank()
    config["bank"]["tick_ms"] = tick_ms
    for after_ms, current in ((20, 80), (60, 0)):
        rows = ((0, LOADED | HOT), (4, {}))
        # The reply's row of battery 2 is made a few slices after it was asked for.
        run = simulated(trace(*rows), config, script=[[2000 + after_ms, ASK]])
        assert first(run.events, kind="trip")["t_ms"] == 2000
        assert currents(reports(run)[0])[1] == pytest.approx(current, abs=0.05)


def test_when_the_main_opens_every_current_is_zero():
    rows = ((0, each(4, i_A=30)), (1, each(4, i_A=560)), (1.5, each(4, i_A=70)), (4, {}))
    run = simulated(trace(*rows), script=[[500, ASK], [1200, ASK], [3000, ASK]])
    before, *after = reports(run)
    assert currents(before) == pytest.approx([30] * 4, abs=0.05)
    for report in after:
        assert currents(report) == pytest.approx([0] * 4, abs=0.05)
        assert (report["main"], states(report)) == ("locked out", ALL_CLOSED)
    assert {e["action"] for e in told(run.events, kind="trip")} == {"trip_main"}
    assert told(run.events, element="breaker_failure") == []


def test_a_stuck_breaker_is_tripped_again_then_the_main():
    rows = ((0, LOADED | HOT), (6, {}))
    run = simulated(trace(*rows), stuck=[2], script=[[4000, ASK]])
    trips = [brief(e) for e in told(run.events, kind="trip")]
    (t0, *_), (retrip, *_), (main, *_) = trips
    assert [trip[1:] for trip in trips] == [
        ("trip", "terminal_overtemperature", "2+", "trip_battery"),
        ("trip", "breaker_failure", "2", "trip_battery"),
        ("trip", "breaker_failure", "2", "trip_main"),
    ]
    assert t0 == 2000
    assert 150 <= retrip - t0 <= 170
    assert 300 <= main - t0 <= 320
    (report,) = reports(run)
    assert currents(report) == pytest.approx([0] * 4, abs=0.05)
    assert states(report) == ["closed", "failed", "closed", "closed"]
    assert report["main"] == "locked out"


def test_where_the_main_is_stuck_as_well_all_others_open():
    rows = ((0, LOADED | HOT), (6, {}))
    run = simulated(trace(*rows), stuck=[2, "main"], script=[[4000, ASK]])
    failures = told(run.events, element="breaker_failure")
    assert {e["kind"] for e in failures} == {"trip"}
    by_action = {}
    for event in failures:
        by_action.setdefault(event["action"], event["t_ms"] - 2000)
    assert 150 <= by_action["trip_battery"] <= 170
    assert 300 <= by_action["trip_main"] <= 320
    # The main has its own 300 ms, the battery its 600: both say the same, neither waits longer.
    assert 600 <= by_action["trip_all"] <= 640
    (report,) = reports(run)
    assert states(report) == ["locked out", "failed", "locked out", "locked out"]
    assert currents(report) == pytest.approx([0, 80, 0, 0], abs=0.05)


def test_a_stuck_battery_that_its_neighbours_feed_is_cut_off_from_them():
    """Rule 2: opening the main does not isolate a reversed battery."""
    rows = ((0, each(4, i_A=40)), (1, each(4, i_A=90) | {"i3_A": -260}), (4, {}))
    run = simulated(trace(*rows), stuck=[3])
    trips = told(run.events, kind="trip")
    assert brief(trips[0])[2:] == ("reverse_current", "3", "trip_battery")
    assert trips[0]["t_ms"] <= 1020
    everything = first(run.events, action="trip_all")
    assert (everything["element"], everything["battery"]) == ("breaker_failure", 3)
    assert 300 <= everything["t_ms"] - trips[0]["t_ms"] <= 320
    assert told(run.events, action="trip_main") == []


def test_a_main_that_is_stuck_trips_all_batteries():
    rows = ((0, each(4, i_A=30)), (1, each(4, i_A=560)), (3, {}))
    run = simulated(trace(*rows), stuck=["main"], script=[[2500, ASK]])
    events = run.events
    trip = first(events, kind="trip")
    assert (trip["element"], trip["action"]) == ("overcurrent_instantaneous", "trip_main")
    retrip = told(events, element="breaker_failure", action="trip_main")[0]["t_ms"]
    everything = first(events, action="trip_all")["t_ms"]
    assert 150 <= retrip - trip["t_ms"] <= 170
    assert 300 <= everything - trip["t_ms"] <= 320
    (report,) = reports(run)
    assert states(report) == ["locked out"] * 4
    assert currents(report) == pytest.approx([0] * 4, abs=0.05)


@pytest.mark.parametrize("kind", ["shunt_trip", "uvr", "contactor"])
@pytest.mark.parametrize("feedback", ["52a", "52b", "both", "none"])
def test_every_kind_of_breaker_opens_and_nothing_else_does(kind, feedback):
    config = bank(breaker=kind, feedback=feedback)
    rows = ((0, LOADED), (1, HOT), (8, {}))  # a contactor waits for up to 2 s
    run = simulated(trace(*rows), config, script=[[500, ASK], [7000, ASK]])
    before, after = reports(run)
    assert states(before) == ALL_CLOSED
    assert states(after) == ["closed", "locked out", "closed", "closed"]
    assert currents(after) == pytest.approx([80, 0, 80, 80], abs=0.05)
    assert [e["action"] for e in told(run.events, kind="trip")] == ["trip_battery"]


@pytest.mark.parametrize("feedback", ["52a", "52b", "both", "none"])
def test_a_stuck_breaker_is_noticed_with_and_without_contacts(feedback):
    config = bank(feedback=feedback)
    run = simulated(trace((0, LOADED | HOT), (4, {})), config, stuck=[2])
    actions = [e["action"] for e in told(run.events, element="breaker_failure")]
    assert actions == ["trip_battery", "trip_main"]


def test_a_stuck_breaker_without_current_is_noticed_by_its_contact():
    run = simulated(trace((0, each(4, i_A=0) | HOT), (4, {})), stuck=[2])
    actions = [e["action"] for e in told(run.events, element="breaker_failure")]
    assert actions == ["trip_battery", "trip_main"]


@pytest.mark.parametrize("batteries", [1, 2, 15])
def test_the_highest_breaker_of_every_size_is_the_one_that_is_stuck(batteries):
    n = batteries
    rows = ((0, each(n, i_A=80) | {f"tn{n}_C": 90}), (6, {}))
    events = replayed(trace(*rows), bank(n), "--stuck-breaker", n).events
    trips = [(e["element"], e["battery"], e["action"]) for e in told(events, kind="trip")]
    assert trips == [
        ("terminal_overtemperature", n, "trip_battery"),
        ("breaker_failure", n, "trip_battery"),
        ("breaker_failure", n, "trip_main"),
    ]


def test_the_option_takes_several_and_main():
    rows = ((0, LOADED | HOT | {"tp4_C": 90}), (4, {}))
    options = ("--stuck-breaker", 2, 4, "--stuck-breaker", "main")
    events = replayed(trace(*rows), None, *options).events
    failed = {e["battery"] for e in told(events, element="breaker_failure")}
    assert failed == {2, 4, None}
    assert first(events, action="trip_all")["t_ms"] <= 2640
