"""The trip matrix: who trips for what, the order of a tick's events, and nothing told twice."""

import pytest

from cabinets import Cabinet, at_once, configuration, only
from packwarden import compare, elements, lockout, restart
from packwarden.breakers import FAILED
from packwarden.fixed import ASIDE, BIAS, NONE
from packwarden.frame import ABSENT, WRONG_CHIP
from packwarden.protection import INPUTS_FAIL, MEMORY_FAILS, OUTPUTS_FAIL, TICKS_LATE

KEYS = ["t_ms", "seq", "kind", "level", "element", "device", "battery", "terminal"]
KEYS += ["value", "limit", "unit", "held_ms", "action"]


def actions(events):
    return [(event["element"], event["battery"], event["action"]) for event in events]


def open_breakers(cabinet):
    """Return the numbers (from 1) of batteries whose breaker is open, and "main"."""
    names = [*range(1, cabinet.batteries + 1), "main"]
    return [name for name, closed in zip(names, cabinet.closed, strict=True) if not closed]


FIFTY = "overcurrent_instantaneous.trip"


def place_of(decider, slug, key):
    """Return the number of a level among the rows."""
    (place,) = [
        r
        for r, row in enumerate(decider.rows)
        if elements.slug(row.number) == slug and row.table.key == key
    ]
    return place


@pytest.mark.parametrize(
    ("slug", "key", "pickup", "dropout", "delay_ms", "samples", "reset_ms", "latches"),
    [
        ("terminal_overtemperature", "trip", 8000, 7500, 2000, 2, 0, 1),
        ("overcurrent_inverse", "alarm", 750, 712, 0, 1, 0, 0),
        ("overcurrent_inverse", "trip", 1000, 500, 0, 1, 0, 1),  # the whole way, and half of it
        ("bank_overcurrent", "trip", 1000, 500, 0, 1, 0, 1),
        ("overcurrent_instantaneous", "trip", 500_000, 400_000, 0, 2, 0, 1),
        ("undervoltage", "trip", -43_200, -44_200, 5000, 2, 0, 1),
        ("external_trip", "trip", 1, 1, 100, 1, 0, 1),
        ("bms_alarm", "alarm", 1, 1, 1000, 1, 5000, 0),
        ("cascade", "alarm", 1250, 950, 0, 1, 60_000, 0),
    ],
)
def test_the_comparator_is_given_what_a_level_is_set_to(
    slug, key, pickup, dropout, delay_ms, samples, reset_ms, latches
):
    decider = Cabinet().protection.decider
    fields = (compare.PICKUP, compare.DROPOUT, compare.DELAY, compare.NEEDED)
    fields += (compare.RESET, compare.LATCH)
    r = place_of(decider, slug, key)
    given = [decider.slots.get(r, field) for field in fields]
    assert given == [BIAS + pickup, BIAS + dropout, delay_ms, samples - 1, reset_ms, latches]


@pytest.mark.parametrize(
    ("slug", "key", "gate", "pickup", "dropout", "each"),
    [
        ("terminal_rise", "trip", "temperature", BIAS + 5000, BIAS + 4500, 1),
        ("charge_temperature", "alarm", "charging", BIAS + 2000, ASIDE, 1),
        ("cascade", "trip", "departed", BIAS + 1, ASIDE, 0),  # a flag, of the bank
        ("external_trip", "trip", None, BIAS, BIAS, 0),
        ("current_imbalance", "trip", None, BIAS, BIAS, 0),  # its second condition is set to none
    ],
)
def test_a_second_condition_drops_out_at_nine_tenths_or_never_if_the_level_seals(
    slug, key, gate, pickup, dropout, each
):
    changes = {
        "elements.current_imbalance.trip": {"pickup": 100, "dropout": 90, "delay_ms": 1000},
    }
    protection = Cabinet(configuration(4, changes)).protection
    quantities = protection.quantities
    place = quantities.places[gate] if gate else quantities.always
    slots = protection.decider.slots
    r = place_of(protection.decider, slug, key)
    fields = (compare.GATE, compare.GATE_PICKUP, compare.GATE_DROPOUT, compare.GATE_STEP)
    assert [slots.get(r, field) for field in fields] == [place, pickup, dropout, each]


@pytest.mark.parametrize(
    ("slug", "key", "channel", "each"),
    [
        ("terminal_overtemperature", "trip", "terminal", 1),
        ("overcurrent_inverse", "trip", None, 1),  # the current of its battery: from channel 0
        ("undervoltage", "trip", "voltage", 1),
        ("overvoltage", "trip", "voltage", 1),
        ("voltage_mismatch", "alarm", "voltage", 1),
        ("ambient_high", "fan", "ambient", 0),
        ("sensor_fault", "ambient", "ambient", 0),
        ("sensor_fault", "busbar", "bus", 0),
        ("sensor_fault", "reference", "reference", 0),
        ("sensor_fault", "main_shunt", "main", 0),
        ("control_supply", "alarm", "supply", 0),
        ("external_trip", "trip", None, 0),
    ],
)
def test_what_has_to_agree_are_the_conversions_of_its_own_channel(slug, key, channel, each):
    protection = Cabinet(configuration(4, {"sensors.main_shunt_uohm": 50})).protection
    slots = protection.decider.slots
    r = place_of(protection.decider, slug, key)
    expected = getattr(protection.frame, channel) if channel else 0
    assert slots.get(r, compare.CHANNEL) == expected
    assert slots.get(r, compare.CHANNEL_STEP) == each


@pytest.mark.parametrize("row", ["control_supply.alarm", "sensor_fault.main_shunt"])
def test_what_is_not_wired_counts_no_conversions_outside_of_the_channels(row):
    config = only(configuration(4, {"sensors.control_supply_V": 0}), row)
    decider = Cabinet(config).protection.decider
    assert decider.slots.get(0, compare.CHANNEL) == 0


@pytest.mark.parametrize(
    ("slug", "key", "shown", "limit"),
    [
        ("terminal_overtemperature", "trip", "temperature", 8000),
        ("undervoltage", "trip", "low_voltage", 43_200),
        ("overcurrent_inverse", "alarm", "inverse", 750),
        ("overcurrent_inverse", "trip", "load", 125_000),
        ("bank_overcurrent", "trip", "bank_load", 500_000),
        ("breaker_failure", "retrip", "load", 5000),
        ("breaker_failure", "main_retrip", "bank_load", 5000),
        ("breaker_discrepancy", "alarm", "load", None),  # a contact says so, whatever flows
    ],
)
def test_what_a_record_shows_is_the_value_and_the_limit_that_a_person_can_measure(
    slug, key, shown, limit
):
    protection = Cabinet().protection
    row = protection.decider.rows[place_of(protection.decider, slug, key)]
    assert row.shown == protection.quantities.places[shown]
    assert row.limit == (NONE if limit is None else BIAS + limit)


@pytest.mark.parametrize(("batteries", "k"), [(2, 1), (3, 1), (4, 0), (4, 1), (15, 1)])
def test_a_reversed_battery_above_the_50_trips_and_no_other(batteries, k):
    cabinet = Cabinet(only(configuration(batteries), FIFTY), current_A=40)
    cabinet.current_A = [600.0] * batteries
    cabinet.current_A[k] = -640.0
    events = cabinet.run(0.05)
    assert actions(events) == [("overcurrent_instantaneous", k + 1, "trip_battery")]
    assert events[0]["t_ms"] <= 20
    cabinet.current_A = [40.0] * batteries
    assert cabinet.run(1) == []
    assert open_breakers(cabinet) == [k + 1]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_50_all_the_same_way_trips_the_main(sign):
    cabinet = Cabinet(only(configuration(4), FIFTY))
    cabinet.current_A = [sign * 520.0, sign * 60.0, sign * 60.0, sign * 60.0]
    events = cabinet.run(0.1)
    assert actions(events) == [("overcurrent_instantaneous", 1, "trip_main")]
    assert open_breakers(cabinet) == ["main"]


def test_all_above_the_50_are_told_and_the_main_trips_once():
    cabinet = Cabinet(only(configuration(3), FIFTY))
    cabinet.current_A = [520.0] * 3
    events = cabinet.run(0.1)
    expected = [("overcurrent_instantaneous", k, "trip_main") for k in (1, 2, 3)]
    assert actions(events) == expected
    assert open_breakers(cabinet) == ["main"]


def test_the_feeders_of_a_reversed_battery_count_again_when_they_go_on():
    cabinet = Cabinet(only(configuration(4), FIFTY))
    cabinet.current_A = [600.0, -640.0, 600.0, 600.0]
    cabinet.run(0.1)
    assert open_breakers(cabinet) == [2]
    events = cabinet.run_until(0.3, kind="trip")  # 600 A still flow out of three: a fault outside
    assert events["action"] == "trip_main"
    # 100 ms after the reversed battery was seen last, at 50 ms, and then two samples.
    assert 150 <= events["t_ms"] <= 170


def test_the_only_battery_above_the_50_trips_the_main():
    cabinet = Cabinet(only(configuration(1), FIFTY), current_A=640)
    assert actions(cabinet.run(0.1)) == [("overcurrent_instantaneous", 1, "trip_main")]


def test_one_sample_above_the_50_is_not_enough():
    cabinet = Cabinet(only(configuration(4), FIFTY))
    for _ in range(5):
        cabinet.current_A = [520.0] * 4
        cabinet.tick()
        cabinet.current_A = [100.0] * 4
        cabinet.tick()
    assert cabinet.told() == cabinet.events[:1]


@pytest.mark.holds("rule 5")
def test_an_opened_battery_stays_watched_and_its_trip_says_that_all_was_open():
    cabinet = Cabinet(current_A=40)
    cabinet.current_A[2] = -60.0
    cabinet.run_until(2, kind="trip")
    cabinet.run(0.2)
    assert open_breakers(cabinet) == [3]
    cabinet.minus_C[2] = 85.0
    trip = cabinet.run_until(3, kind="trip", element="terminal_overtemperature")
    assert (trip["battery"], trip["terminal"], trip["action"]) == (3, "-", "none")


def test_a_breaker_opened_by_hand_is_told_to_open_once_its_battery_trips():
    cabinet = Cabinet(current_A=40)
    cabinet.closed[2] = False
    cabinet.run(0.1)
    cabinet.plus_C[2] = 85.0
    trip = cabinet.run_until(3, kind="trip")
    assert trip["battery"] == 3
    cabinet.run(0.5)
    cabinet.closed[2] = True
    cabinet.run(0.1)
    assert open_breakers(cabinet) == [3]


@pytest.mark.holds("rule 3", "breaker_discrepancy")
@pytest.mark.parametrize("opens", [0, 2])
def test_where_another_breaker_opens_the_battery_is_tripped_again_and_the_main_at_once(opens):
    """Rule 3: the coil of battery 2 is wired to another breaker."""
    rows = ("terminal_overtemperature.trip", "breaker_discrepancy")
    cabinet = Cabinet(only(at_once(configuration()), *rows), current_A=40)
    cabinet.stuck.add(1)
    cabinet.plus_C[1] = 85.0
    cabinet.run_until(3, kind="trip")
    cabinet.run(0.04)
    cabinet.closed[opens] = False
    pulses = cabinet.protection.breakers.pulse_count[1]
    crossed = cabinet.run_until(0.1, kind="trip")
    assert (crossed["element"], crossed["device"]) == ("breaker_discrepancy", "52")
    assert (crossed["battery"], crossed["action"]) == (2, "trip_main")
    assert cabinet.protection.breakers.pulse_count[1] == pulses + 1
    assert cabinet.protection.breakers.state[1] == FAILED
    cabinet.run(0.1)
    assert open_breakers(cabinet) == [opens + 1, "main"]
    assert cabinet.protection.breakers.tripped == 0b10 | 1 << 15


def overload(*currents_A, **changes):
    """Return a cabinet in which these currents are more than some batteries bear."""
    paths = {name.replace("__", "."): value for name, value in changes.items()}
    config = at_once(configuration(len(currents_A), paths))
    cabinet = Cabinet(only(config, "overcurrent_inverse.trip", "cascade.trip"))
    cabinet.noisy = False
    cabinet.current_A = list(currents_A)
    return cabinet


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("others_A", "action"), [(100.0, "trip_main"), (99.9, "trip_battery")])
def test_a_bank_is_overloaded_from_its_rating_on(others_A, action, sign):
    """Without battery 1 the others would carry 183 %: too much, but one after the other."""
    cabinet = overload(250.0 * sign, *[others_A * sign] * 3)
    assert cabinet.run_until(8, 100, kind="trip")["action"] == action


@pytest.mark.parametrize(("pickup", "action"), [(183.2, "trip_main"), (183.3, "trip_battery")])
def test_an_overload_of_all_opens_the_main_where_the_cascade_trip_would(pickup, action):
    """Of the table's levels of the cascade that of its trip counts."""
    config = configuration(4)
    config["elements"]["cascade"]["trip"]["pickup"] = pickup
    rows = ("overcurrent_inverse.trip", "cascade.warn", "cascade.alarm", "cascade.trip")
    cabinet = Cabinet(only(at_once(config), *rows))
    cabinet.noisy = False
    cabinet.current_A = [250.0, 100.0, 100.0, 100.0]
    assert cabinet.run_until(8, 100, kind="trip")["action"] == action


def test_where_the_cascade_trip_is_off_an_overload_opens_one_after_the_other():
    cabinet = overload(250.0, 100.0, 100.0, 100.0, elements__cascade__trip="off")
    assert cabinet.run_until(8, 100, kind="trip")["action"] == "trip_battery"


@pytest.mark.parametrize("lost", [None, 0, 3])
def test_an_overload_that_ends_the_time_of_all_that_are_known_opens_the_main(lost):
    cabinet = overload(*[200.0] * 4)
    if lost is not None:
        cabinet.lose_monitor(lost)
    cabinet.run_until(14, 100, kind="trip")
    trips = cabinet.told(kind="trip")
    assert [trip["battery"] for trip in trips] == [k + 1 for k in range(4) if k != lost]
    assert {trip["action"] for trip in trips} == {"trip_main"}


@pytest.mark.parametrize("k", [0, 1])
def test_an_overload_of_the_only_one_that_is_closed_opens_its_own_breaker(k):
    cabinet = overload(250.0, 250.0)
    cabinet.closed[1 - k] = False
    trip = cabinet.run_until(8, 100, kind="trip")
    assert (trip["battery"], trip["action"]) == (k + 1, "trip_battery")


def test_an_inverse_trip_tells_since_when_its_own_current_was_too_high():
    cabinet = overload(250.0, 0.0, 0.0, 0.0)
    cabinet.run(2, 100)
    trip = cabinet.run_until(6, 100, kind="trip")
    assert trip["battery"] == 1
    assert trip["held_ms"] == pytest.approx(6667, abs=100)  # 0.25 * 80 / (2^2 - 1) s
    config = only(at_once(configuration()), "bank_overcurrent.trip")
    cabinet = Cabinet(config, current_A=[0.0, 300.0, 300.0, 300.0])
    trip = cabinet.run_until(19, 100, kind="trip")
    assert (trip["value"], trip["limit"]) == (pytest.approx(900, abs=0.1), 500)
    assert trip["held_ms"] == pytest.approx(17857, abs=100)  # 0.5 * 80 / (1.8^2 - 1) s


def test_a_record_keeps_what_its_battery_carried():
    config = configuration(changes={"elements.ambient_high.fan": {"pickup": 35, "dropout": 32}})
    cabinet = Cabinet(only(config, "terminal_overtemperature.trip", "ambient_high.fan"))
    cabinet.current_A = [40.0, 41.0, 42.0, 43.0]
    cabinet.plus_C[2] = 85.0
    cabinet.ambient_C = 36.0
    trip = cabinet.run_until(3, kind="trip")
    (fan,) = cabinet.told(element="ambient_high")
    log = cabinet.protection.events
    assert log.event(trip["seq"]).load_mA == pytest.approx(42_000, abs=5)
    assert log.event(fan["seq"]).load_mA is None
    assert log.event(trip["seq"]).detail == log.event(fan["seq"]).detail == 0


def test_what_is_too_low_is_told_with_its_limit():
    cabinet = Cabinet(only(at_once(configuration()), "undervoltage.trip"))
    cabinet.voltage_V[1] = 42.0
    trip = cabinet.run_until(6, 50, kind="trip")
    assert (trip["value"], trip["limit"]) == (pytest.approx(42, abs=0.01), 43.2)


@pytest.mark.parametrize("kind", ["shunt_trip", "contactor"])
def test_what_locked_a_battery_out_is_what_tripped_it_first(kind):
    """A contactor still waits for a low current when the second one comes."""
    changes = {"breakers.kind": kind, "elements.bms_alarm.trip": {"delay_ms": 100}}
    config = only(configuration(4, changes), "terminal_overtemperature.trip", "bms_alarm.trip")
    cabinet = Cabinet(config, current_A=40.0)
    cabinet.run(0.1)
    cabinet.plus_C[1] = 85.0
    cabinet.run(1)
    cabinet.bms_gives.add(1)
    cabinet.run_until(1, kind="trip", element="bms_alarm")
    cabinet.run_until(2, kind="trip", element="terminal_overtemperature")
    assert lockout.cause(cabinet.protection, 1) == "bms_alarm"
    assert cabinet.protection.decider.lockout.trips[1] == 1


def test_two_that_trip_in_one_tick_are_both_opened():
    cabinet = Cabinet(current_A=40)
    cabinet.plus_C = [25.0, 85.0, 25.0, 85.0]
    cabinet.run_until(3, kind="trip")
    trips = cabinet.told(kind="trip")
    assert [trip["battery"] for trip in trips] == [2, 4]
    assert len({trip["t_ms"] for trip in trips}) == 1
    cabinet.run(0.1)
    assert open_breakers(cabinet) == [2, 4]


@pytest.mark.parametrize("hot", [0, 1])
def test_of_two_that_are_charged_the_one_that_trips_leaves_it_to_the_other(hot):
    config = only(configuration(2), "terminal_overtemperature.trip")
    cabinet = Cabinet(config, current_A=-40.0)
    cabinet.plus_C[hot] = 85.0
    cabinet.run_until(3, kind="trip")
    cabinet.run(0.1)
    assert open_breakers(cabinet) == [hot + 1]


def test_one_that_was_reset_and_is_closed_again_takes_over_for_the_other():
    config = only(at_once(configuration(2)), "terminal_overtemperature.trip")
    cabinet = Cabinet(config, current_A=-40.0)
    cabinet.plus_C[0] = 85.0
    cabinet.run_until(3, kind="trip")
    cabinet.plus_C[0] = 25.0
    cabinet.run(0.5)
    lockout.reset(cabinet.protection, 0)
    cabinet.closed[0] = True
    cabinet.run(0.5)
    lockout.test(cabinet.protection, 1)  # while it is charged, the last one would wait
    cabinet.run(0.1)
    assert open_breakers(cabinet) == [2]


def test_ambient_can_be_set_to_trip_the_main():
    level = {"pickup": 50, "dropout": 45, "delay_ms": 1000, "wait_ms": 0}
    config = only(configuration(4, {"elements.ambient_high.trip": level}), "ambient_high.trip")
    cabinet = Cabinet(config, ambient_C=55, current_A=20)
    (event,) = cabinet.run(1.2)
    assert (event["action"], event["battery"]) == ("trip_main", None)
    assert open_breakers(cabinet) == ["main"]


@pytest.mark.holds("tip 6", "ambient_high")
def test_the_fan_runs_above_35_degrees_for_10_s_until_below_32():
    cabinet = Cabinet(ambient_C=36)
    assert cabinet.run(9.9, 100) == []
    assert not cabinet.protection.fan
    (on,) = cabinet.run(0.2, 100)
    assert (on["kind"], on["level"], on["action"]) == ("command", None, "fan")
    assert (on["element"], on["device"], on["limit"]) == ("ambient_high", "49", 35)
    assert cabinet.protection.fan
    cabinet.ambient_C = 32.5
    assert cabinet.run(60, 1000) == []
    cabinet.ambient_C = 31.5
    (off,) = cabinet.run(1)
    assert (off["kind"], off["level"], off["action"]) == ("clear", None, "none")
    assert (off["element"], off["limit"]) == ("ambient_high", 32)
    assert not cabinet.protection.fan
    assert not cabinet.protection.alarm


def test_the_fan_runs_while_nobody_can_say_how_warm_it_is():
    cabinet = Cabinet()
    cabinet.counts[cabinet.frame.ambient] = 0
    cabinet.run(3)
    assert cabinet.protection.fan
    assert cabinet.told(kind="command") == []
    cabinet.counts.clear()
    cabinet.run(0.1)
    assert not cabinet.protection.fan


def test_a_breaker_closed_while_it_is_locked_out_is_told_to_open_and_recorded():
    cabinet = Cabinet(current_A=40)
    cabinet.plus_C[1] = 85.0
    cabinet.run_until(3, kind="trip")
    cabinet.run(0.5)
    for _ in range(2):
        cabinet.closed[1] = True
        (command,) = cabinet.run(0.2)
        assert (command["kind"], command["element"]) == ("command", "terminal_overtemperature")
        assert (command["battery"], command["action"]) == (2, "trip_battery")
        assert command["value"] is command["held_ms"] is None
        text = cabinet.protection.events.event(command["seq"]).text()
        assert text.endswith("COMMAND  terminal_overtemperature  BAT02: trip_battery")
        assert open_breakers(cabinet) == [2]


def test_a_main_closed_while_it_is_locked_out_is_told_to_open_and_recorded():
    cabinet = Cabinet(only(configuration(4), FIFTY), current_A=520)
    cabinet.run(0.2)
    assert open_breakers(cabinet) == ["main"]
    cabinet.current_A = [40.0] * 4
    cabinet.closed[cabinet.main] = True
    (command,) = cabinet.run(0.2)
    assert (command["kind"], command["element"]) == ("command", "overcurrent_instantaneous")
    assert (command["battery"], command["action"]) == (None, "trip_main")
    assert open_breakers(cabinet) == ["main"]


def test_a_bank_on_which_nothing_has_operated_may_be_charged_and_discharged():
    protection = Cabinet().protection
    assert protection.charge_allowed
    assert protection.discharge_allowed
    assert not protection.fan
    assert not protection.alarm


def permitted(cabinet):
    """Return whether the bank may be charged, and discharged."""
    protection = cabinet.protection
    return protection.charge_allowed, protection.discharge_allowed


@pytest.mark.parametrize(("volts_V", "allowed"), [(46.0, (True, False)), (58.8, (False, True))])
def test_a_voltage_forbids_what_makes_it_worse_as_long_as_one_battery_has_it(volts_V, allowed):
    config = only(configuration(), "undervoltage.alarm", "overvoltage.alarm")
    cabinet = Cabinet(config, voltage_V=[volts_V, volts_V, 52.8, 52.8])
    cabinet.run(11, 50)
    assert permitted(cabinet) == allowed
    cabinet.voltage_V[0] = 52.8
    cabinet.run(0.1)
    assert permitted(cabinet) == allowed
    cabinet.voltage_V[1] = 52.8
    cabinet.run(0.1)
    assert permitted(cabinet) == (True, True)


@pytest.mark.parametrize(
    ("current_A", "action", "allowed"),
    [(95.0, "stop_discharge", (True, False)), (-95.0, "stop_charge", (False, True))],
)
def test_what_the_others_could_not_bear_is_stopped_the_way_it_flows(current_A, action, allowed):
    config = only(at_once(configuration()), "terminal_overtemperature.trip", "cascade.alarm")
    cabinet = Cabinet(config, current_A=current_A)
    cabinet.plus_C[1] = 85.0
    cabinet.run_until(3, kind="trip")
    (alarm,) = cabinet.run(0.1)
    assert (alarm["element"], alarm["action"]) == ("cascade", action)
    assert permitted(cabinet) == allowed
    cabinet.current_A = [0.0] * 4
    cabinet.run(59, 1000)
    assert permitted(cabinet) == allowed
    (clear,) = cabinet.run(2, 1000)
    assert (clear["kind"], clear["action"]) == ("clear", "none")
    assert permitted(cabinet) == (True, True)


def test_a_sensor_fault_says_what_its_own_sensor_has():
    rows = ("alarm", "thermistor", "busbar", "ambient")
    cabinet = Cabinet(only(configuration(), *[f"sensor_fault.{row}" for row in rows]))
    frame = cabinet.frame
    cabinet.counts = {cabinet.terminal_channel(1, 1): 22000, frame.ambient: 0}
    cabinet.notes = {2: ABSENT, frame.voltage + 3: WRONG_CHIP, frame.bus: ABSENT}
    cabinet.run(3)
    log = cabinet.protection.events
    found = [log.event(e["seq"]) for e in cabinet.told(element="sensor_fault")]
    assert sorted((event.place(), event.finding()) for event in found) == [
        ("", "absent"),
        ("", "short"),
        ("BAT02 TERM-", "open"),
        ("BAT03", "absent"),
        ("BAT04", "wrong chip"),
    ]


def test_the_alarm_relay_drops_with_an_alarm_and_not_with_a_warning():
    cabinet = Cabinet(ambient_C=42)
    cabinet.run(70, 1000)
    assert cabinet.told(kind="warn")
    assert not cabinet.protection.alarm
    cabinet.ambient_C = 47
    cabinet.run_until(70, 1000, kind="alarm")
    assert cabinet.protection.alarm
    cabinet.ambient_C = 30
    cabinet.run(2)
    assert not cabinet.protection.alarm


def test_after_a_trip_the_alarm_relay_stays():
    cabinet = Cabinet(current_A=40)
    cabinet.plus_C[0] = 85.0
    cabinet.run_until(3, kind="trip")
    cabinet.plus_C[0] = 25.0
    cabinet.run(60, 1000)
    assert cabinet.protection.alarm


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


@pytest.mark.parametrize(
    ("fault", "element", "detail", "reset_ms"),
    [
        (OUTPUTS_FAIL, "output_fault", 0, 1000),
        (INPUTS_FAIL, "controller_fault", restart.INPUTS, 10_000),
        (TICKS_LATE, "controller_fault", restart.LATE, 10_000),
        (MEMORY_FAILS, "controller_fault", restart.MEMORY, 10_000),
    ],
)
def test_a_fault_of_the_controller_drops_the_alarm_relay_and_clears_after_its_time(
    fault, element, detail, reset_ms
):
    cabinet = Cabinet()
    protection = cabinet.protection
    for _ in range(2):
        protection.faults = fault
        (event,) = cabinet.run(1)
        assert (event["kind"], event["level"]) == ("fault", "alarm")
        assert (event["element"], event["battery"]) == (element, None)
        assert (event["value"], event["action"]) == (None, "alarm")
        assert protection.events.event(event["seq"]).detail == detail
        assert protection.alarm
        protection.faults = 0
        assert cabinet.run(0.1) == cabinet.run(reset_ms / 1000 - 0.2, 100) == []
        (clear,) = cabinet.run(0.2)
        assert (clear["kind"], clear["element"]) == ("clear", element)
        assert clear["t_ms"] - event["t_ms"] == 1000 + reset_ms
        assert not protection.alarm


def test_a_fault_drops_the_alarm_relay_where_its_row_is_off_too():
    cabinet = Cabinet(only(configuration()))
    cabinet.protection.faults = TICKS_LATE
    assert cabinet.run(0.1) == []
    assert cabinet.protection.alarm


def test_a_level_held_for_longer_than_records_can_say_says_the_most():
    cabinet = Cabinet(only(configuration(), "terminal_overtemperature.warn"))
    cabinet.plus_C[0] = 60.5
    cabinet.tick()
    cabinet.plus_C[0] = 58.0  # it stays picked up, and does not operate
    for _ in range(7):
        cabinet.tick(24 * 3600 * 1000)
    cabinet.plus_C[0] = 60.5
    (warn,) = cabinet.run(0.01)
    assert warn["held_ms"] == 2**29 - 1  # 6.2 days


def test_a_trip_is_on_its_way_from_its_pickup_until_its_breaker_is_open():
    """Flash is written only while none is."""
    level = {"pickup": 50, "dropout": 45, "delay_ms": 1000}
    config = configuration(4, {"elements.ambient_high.trip": level})
    rows = ("terminal_overtemperature", "ambient_high.trip")
    cabinet = Cabinet(only(at_once(config), *rows), current_A=40)
    moving = cabinet.protection.moving
    cabinet.plus_C[3] = 75.0  # a warning and an alarm
    cabinet.run(0.1)
    assert not moving()
    for k in (3, 0):
        cabinet.plus_C[k] = 85.0
        cabinet.run(0.1)
        assert moving()
        cabinet.plus_C[k] = 78.0  # above its dropout: it is still picked up
        cabinet.run(0.1)
        assert moving()
        cabinet.plus_C[k] = 85.0
        cabinet.run_until(3, kind="trip", battery=k + 1)
        assert moving()
        cabinet.run(0.5)
        assert not moving()
        cabinet.minus_C[k] = 85.0  # of one that is open nothing is on its way
        cabinet.run(0.1)
        assert not moving()
    cabinet.ambient_C = 55.0
    cabinet.run(0.1)
    assert moving()
    cabinet.ambient_C = 25.0
    cabinet.run(0.1)
    assert not moving()
