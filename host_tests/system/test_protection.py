"""The elements through the whole firmware: what trips, when, and what must stay silent."""

import pytest

from system.runs import bank, beyond_boot, brief, each, first, replayed, told, trace


def trips(events):
    return [
        (e["element"], e["battery"], e["terminal"], e["action"]) for e in told(events, kind="trip")
    ]


# ---- 51, inverse time -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("load_A", "time_s"), [(200, 12.8), (300, 4.2), (160, 31.35), (400, 2.16)]
)
@pytest.mark.parametrize(("batteries", "tick_ms"), [(4, 10), (15, 100)])
def test_inverse_time_trips_by_its_curve(load_A, time_s, batteries, tick_ms):
    """IEC extremely inverse, 125 A, TMS 0.25: 0.25 * 80 / ((I / 125 A)^2 - 1) seconds."""
    n = batteries
    rows = ((0, each(n, i_A=50)), (5, {f"i{n}_A": load_A}), (6 + 1.1 * time_s, {}))
    events = replayed(trace(*rows), bank(n), "--tick-ms", tick_ms).events
    trip = first(events, element="overcurrent_inverse", kind="trip")
    assert (trip["battery"], trip["action"]) == (n, "trip_battery")
    assert trip["t_ms"] - 5000 == pytest.approx(time_s * 1000, rel=0.05)
    assert (trip["limit"], trip["unit"]) == (125, "A")
    assert trip["value"] == pytest.approx(load_A, abs=0.1)
    assert trip["held_ms"] == pytest.approx(time_s * 1000, rel=0.05)
    alarm = first(events, element="overcurrent_inverse", kind="alarm")
    assert (alarm["value"], alarm["unit"]) == (pytest.approx(75, abs=1 + tick_ms / 20), "%")
    assert alarm["t_ms"] - 5000 == pytest.approx(0.75 * time_s * 1000, rel=0.05)


@pytest.mark.holds("tip 5", "overcurrent_inverse")
def test_a_motor_start_of_three_times_rated_current_passes():
    rows = ((0, each(4, i_A=50)), (5, each(4, i_A=300)), (7, each(4, i_A=90)), (60, {}))
    assert beyond_boot(replayed(trace(*rows)).events) == []


def test_starts_that_come_too_often_add_up():
    rows = [(0, each(4, i_A=50))]
    for n in range(8):
        rows += [(5 + 4 * n, each(4, i_A=300)), (7 + 4 * n, each(4, i_A=90))]
    assert ("overcurrent_inverse", 1, None, "trip_main") in trips(
        replayed(trace(*rows, (40, {}))).events
    )


# ---- 50, by direction -----------------------------------------------------------------------


@pytest.mark.holds("rule 1", "overcurrent_instantaneous")
@pytest.mark.parametrize("batteries", [1, 3, 4, 15])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_short_outside_trips_the_main_within_two_samples(batteries, sign):
    rows = ((0, each(batteries, i_A=20 * sign)), (1, each(batteries, i_A=560 * sign)), (2, {}))
    events = replayed(trace(*rows), bank(batteries)).events
    found = told(events, kind="trip", element="overcurrent_instantaneous")
    assert {event["action"] for event in found} == {"trip_main"}
    assert {event["battery"] for event in found} == set(range(1, batteries + 1))
    assert {event["t_ms"] for event in found} <= {1010, 1020}
    assert {action for *_, action in trips(events)} == {"trip_main"}


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("batteries", [3, 4, 15])
def test_one_that_is_reversed_is_tripped_and_the_others_are_blocked(batteries, sign):
    """The others carry more than their pickup as well: they feed it (or it them), and stay."""
    n = batteries
    others = each(n, i_A=550 * sign)
    rows = ((0, each(n, i_A=40 * sign)), (1, others | {f"i{n}_A": -640 * sign}))
    rows += ((1.08, each(n, i_A=40 * sign)), (3, {}))
    events = replayed(trace(*rows), bank(n)).events
    assert {(battery, action) for _, battery, _, action in trips(events)} == {(n, "trip_battery")}
    assert trips(events)[0][0] == "overcurrent_instantaneous"
    assert first(events, kind="trip")["t_ms"] in (1010, 1020)


@pytest.mark.parametrize("faulted", [1, 2])
@pytest.mark.parametrize("outside_A", [90, 0, -90])
def test_of_two_the_one_that_takes_is_tripped_and_the_other_stays(faulted, outside_A):
    """There is no majority among two. A load or a charger outside makes no difference."""
    giver = 3 - faulted
    taken = {f"i{faulted}_A": -560, f"i{giver}_A": 560 + outside_A}
    rows = ((0, each(2, i_A=outside_A / 2)), (1, taken), (1.08, each(2, i_A=0)), (3, {}))
    events = replayed(trace(*rows), bank(2)).events
    assert {(battery, action) for _, battery, _, action in trips(events)} == {
        (faulted, "trip_battery")
    }


def test_the_block_ends_when_the_reversed_battery_is_open():
    """What flows 100 ms after it has gone is a short of another kind: the main."""
    rows = ((0, each(4, i_A=40)), (1, each(4, i_A=550) | {"i2_A": -640}), (3, {}))
    events = replayed(trace(*rows)).events
    assert first(events, kind="trip")["battery"] == 2
    main = first(events, action="trip_main")
    assert main["element"] == "overcurrent_instantaneous"
    assert 1140 <= main["t_ms"] <= 1220


def test_one_sample_of_interference_does_not_trip():
    rows = ((0, each(4, i_A=40)), (1, each(4, i_A=560)), (1.01, each(4, i_A=40)), (3, {}))
    assert beyond_boot(replayed(trace(*rows)).events) == []


# ---- 32, reverse current --------------------------------------------------------------------


def test_a_battery_that_takes_from_a_bank_that_gives():
    rows = ((0, each(4, i_A=60)), (1, {"i4_A": -60}), (4, {}))
    events = replayed(trace(*rows)).events
    trip = first(events, kind="trip")
    assert brief(trip)[2:] == ("reverse_current", "4", "trip_battery")
    assert 2000 <= trip["t_ms"] <= 2020
    assert trip["value"] == pytest.approx(60, abs=0.1)


def test_equalising_currents_of_an_idle_bank_are_normal():
    rows = ((0, {"i1_A": 8, "i2_A": -8, "i3_A": 3, "i4_A": -3}), (700, {}))
    assert beyond_boot(replayed(trace(*rows), None, "--tick-ms", 1000).events) == []


# ---- 60, imbalance --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currents", "expected"),
    [
        ((35.9, 26.2, 20.4, 17.8), [(120_000, "warn", "current_imbalance", "1", "none")]),
        ((26.7, 23.2, 23.2, 26.7), []),
    ],
)
def test_the_worked_example(currents, expected):
    """Four 12 V batteries sharing 100 A: fed from one end, and fed diagonally."""
    cells = {f"i{k}_A": amps for k, amps in enumerate(currents, 1)}
    events = replayed(trace((0, cells), (300, {})), bank(cells=4), "--tick-ms", 50).events
    assert beyond_boot(events) == expected


@pytest.mark.parametrize("batteries", [1, 2])
def test_small_banks_are_compared_with_the_other_one_or_not_at_all(batteries):
    rows = ((0, {"i1_A": 60} | ({"i2_A": 30} if batteries == 2 else {})), (130, {}))
    events = replayed(trace(*rows), bank(batteries), "--tick-ms", 100).events
    named = {e["battery"] for e in told(events, element="current_imbalance")}
    assert named == ({1, 2} if batteries == 2 else set())


# ---- 26, heat -------------------------------------------------------------------------------


@pytest.mark.holds("tip 3", "terminal_rise")
@pytest.mark.parametrize("batteries", [1, 2, 4, 15])
def test_a_rise_over_the_siblings_and_the_own_other_pole(batteries):
    n = batteries
    quiet = each(n, tp_C=30, tn_C=30, i_A=60) | {"tamb_C": 30}
    rows = ((0, quiet), (1, {f"tn{n}_C": 63}), (125, {}))
    events = replayed(trace(*rows), bank(n), "--tick-ms", 100).events
    trip = first(events, element="terminal_rise", kind="trip")
    assert (trip["battery"], trip["terminal"], trip["unit"]) == (n, "-", "K")
    assert trip["value"] == pytest.approx(33, abs=0.5)
    assert 61_000 <= trip["t_ms"] <= 61_800
    others = [e for e in events[1:] if (e["battery"], e["terminal"]) != (n, "-")]
    assert others == []


def test_a_warm_cabinet_in_which_all_rise_together_is_silent():
    rows = [(60 * minute, {"tamb_C": 20 + 0.5 * minute}) for minute in range(30)]
    assert beyond_boot(replayed(trace(*rows), None, "--tick-ms", 1000).events) == []


@pytest.mark.holds("tip 3", "terminal_overtemperature")
def test_the_hottest_terminal_names_the_battery_not_the_highest_current():
    quiet = each(4, i_A=70, tp_C=35, tn_C=35)
    rows = ((0, quiet), (1, {"i3_A": 55, "i1_A": 80, "tp3_C": 81}), (10, {}))
    events = replayed(trace(*rows)).events
    assert {e["battery"] for e in events[1:]} == {3}


# ---- a terminal that is lost hot ------------------------------------------------------------


@pytest.mark.parametrize("word", ["open", "short"])
@pytest.mark.parametrize(
    ("before", "hot"), [([(0, 25)], False), ([(0, 55)], False), ([(0, 65)], True)]
)
def test_a_terminal_lost_above_60_trips_and_below_is_a_sensor_fault(word, before, hot):
    rows = [(t_s, {"tp2_C": temperature}) for t_s, temperature in before]
    events = replayed(trace(*rows, (3, {"tp2_C": word}), (8, {}))).events
    fault = told(events, element="sensor_fault")
    assert {(e["battery"], e["terminal"]) for e in fault} == {(2, "+")}
    kinds = {e["kind"]: e["action"] for e in fault}
    assert kinds["alarm"] == "alarm"
    assert kinds.get("trip") == ("trip_battery" if hot else None)
    if hot:
        assert 5000 <= first(events, kind="trip")["t_ms"] <= 5600


@pytest.mark.parametrize(("pause_s", "trip"), [(50, True), (75, False)])
def test_what_was_hot_a_minute_ago_is_not_hot_now(pause_s, trip):
    rows = ((0, {"tn1_C": 61}), (2, {"tn1_C": 58}), (2 + pause_s, {"tn1_C": "open"}))
    events = replayed(trace(*rows, (8 + pause_s, {})), None, "--tick-ms", 20).events
    assert bool(told(events, kind="trip", element="sensor_fault")) is trip
    assert told(events, kind="alarm", element="sensor_fault")


def test_a_terminal_lost_while_it_rises_fast_trips():
    """6 K/min over its siblings, at 45 degC: loose joints melt their own leads."""
    rows = [(10 * n, {"tp4_C": 31 + n, "tamb_C": 25}) for n in range(14)]
    events = replayed(trace(*rows, (135, {"tp4_C": "open"}), (142, {})), None, "--tick-ms", 50)
    trip = first(events.events, kind="trip")
    assert brief(trip)[2:] == ("sensor_fault", "4+", "trip_battery")
