"""A breaker that stays: re-trip after 150 ms, the main at 300, all others at 600 (rule 2)."""

import pytest

from cabinets import Cabinet, configuration, only
from packwarden.breakers import FAILED, TRIPPING

HIT = 2  # battery 3, or the last of two
ROWS = ("terminal_overtemperature.trip", "breaker_failure")


def tripped(current_A, stuck=True, batteries=4, **config):
    """Return a cabinet whose battery 3 (of two: 2) has just tripped for a hot terminal."""
    changes = {f"breakers.{name}": value for name, value in config.items()}
    cabinet = Cabinet(only(configuration(batteries, changes), *ROWS), current_A=current_A)
    hit = min(HIT, batteries - 1)
    if stuck:
        cabinet.stuck.add(hit)
    cabinet.plus_C[hit] = 85.0
    cabinet.run_until(3, kind="trip")
    return cabinet


def stages(cabinet, seconds=1.0):
    """Return (ms after the trip, battery, action) of what follows."""
    began_ms = cabinet.t_ms
    events = cabinet.run(seconds)
    found = [event for event in events if event["element"] == "breaker_failure"]
    return [(e["t_ms"] - began_ms, e["battery"], e["action"]) for e in found]


# The flag rises with the tick after the command: 10 ms.
RETRIP = (160, 3, "trip_battery")
MAIN = (310, 3, "trip_main")
ALL = (310, 3, "trip_all")


def test_a_breaker_that_opens_has_not_failed():
    assert stages(tripped(40, stuck=False)) == []


def test_by_contact_and_current_the_main_ends_it():
    cabinet = tripped(40)
    assert stages(cabinet) == [RETRIP, MAIN]
    # The main took the current away; the contact still says closed, and nobody else suffers.
    assert cabinet.closed == [True, True, True, True, False]


def feeding_another(**how):
    """Return two batteries: the one that stays feeds the other, so the main ends nothing."""
    cabinet = tripped([-40.0, 40.0], batteries=2, **how)
    cabinet.circulates = True
    return cabinet


def test_when_the_current_persists_after_the_main_all_others_follow():
    cabinet = feeding_another()
    assert stages(cabinet) == [
        (160, 2, "trip_battery"),
        (310, 2, "trip_main"),
        (610, 2, "trip_all"),
    ]
    assert cabinet.closed == [False, True, False]


def test_by_contact_alone_the_main_opens_and_no_other():
    cabinet = tripped(1)
    assert stages(cabinet) == [RETRIP, MAIN]
    assert cabinet.closed == [True, True, True, True, False]


@pytest.mark.parametrize("feedback", ["52a", "52b", "both"])
def test_every_contact_that_says_closed_counts(feedback):
    assert stages(tripped(1, feedback=feedback)) == [RETRIP, MAIN]
    assert stages(tripped(1, stuck=False, feedback=feedback)) == []


def test_by_current_alone_while_the_contact_lies_open():
    cabinet = tripped(40)
    cabinet.lying[HIT] = False
    assert stages(cabinet) == [RETRIP, MAIN]
    cabinet = feeding_another()
    cabinet.lying[1] = False
    assert stages(cabinet) == [
        (160, 2, "trip_battery"),
        (310, 2, "trip_main"),
        (610, 2, "trip_all"),
    ]


def test_by_current_alone_where_no_contact_is_wired():
    assert stages(tripped(40, feedback="none")) == [RETRIP, MAIN]
    assert stages(tripped(4.9, feedback="none")) == []


def test_a_contact_that_lies_open_from_the_start_does_not_cut_the_pulse_short():
    cabinet = Cabinet(only(configuration(), *ROWS), current_A=40)
    cabinet.lying[HIT] = False
    cabinet.run(0.1)
    cabinet.plus_C[HIT] = 85.0
    cabinet.run_until(3, kind="trip")
    assert stages(cabinet) == []
    assert not cabinet.closed[HIT]


@pytest.mark.holds("rule 2", "breaker_failure")
@pytest.mark.parametrize("sign", [1, -1])
def test_a_stuck_breaker_on_a_reversed_battery_ends_in_trip_all_at_once(sign):
    cabinet = tripped(sign * 40)

    def fed(battery):
        """Whoever is left feeds the one that stays, so that nothing flows through the main."""
        feeding = sum(cabinet.closed[k] for k in range(4) if k != HIT)
        if not cabinet.closed[battery] or not feeding:
            return 0.0
        return -sign * 120.0 if battery == HIT else sign * 120.0 / feeding

    cabinet.flowing_A = fed
    assert stages(cabinet) == [RETRIP, ALL]
    assert cabinet.closed == [False, False, True, False, False]


def test_a_retrip_opens_a_breaker_that_missed_its_first_pulse():
    cabinet = tripped(40, pulse_ms=100)
    cabinet.run(0.14)
    cabinet.stuck.clear()
    cabinet.run(0.3)
    assert [event["action"] for event in cabinet.told(element="breaker_failure")] == [
        "trip_battery"
    ]
    assert cabinet.closed == [True, True, False, True, True]


def test_the_lines_show_the_current_and_the_limit_of_5_percent_of_rated():
    cabinet = tripped(40)
    retrip, main = cabinet.run(0.4)
    for event in (retrip, main):
        assert event["device"] == "50BF"
        assert event["value"] == pytest.approx(40, abs=0.01)
        assert (event["limit"], event["unit"], event["battery"]) == (5, "A", 3)
    assert (retrip["held_ms"], main["held_ms"]) == (150, 300)


def test_where_only_a_contact_says_that_a_breaker_stays_there_is_no_limit():
    for event in tripped(1).run(0.4):
        assert (event["value"], event["limit"]) == (pytest.approx(1, abs=0.01), None)


def test_a_stuck_main_is_tripped_again_and_then_all():
    level = {"pickup": 50, "dropout": 45, "delay_ms": 1000, "wait_ms": 0}
    config = configuration(3, {"elements.ambient_high.trip": level})
    cabinet = Cabinet(only(config, "ambient_high.trip", "breaker_failure"), current_A=40)
    cabinet.stuck.add(cabinet.main)
    cabinet.ambient_C = 55.0
    cabinet.run_until(2, kind="trip")
    assert stages(cabinet) == [(160, None, "trip_main"), (310, None, "trip_all")]
    assert cabinet.closed == [False, False, False, True]
    assert cabinet.protection.breakers.state[cabinet.main] == FAILED
    event = cabinet.told(element="breaker_failure")[0]
    assert event["value"] == pytest.approx(120, abs=0.02)


def test_a_breaker_has_failed_once_its_second_pulse_did_not_open_it():
    cabinet = tripped(40)
    state = cabinet.protection.breakers.state
    cabinet.run(0.29)
    assert state[HIT] == TRIPPING
    cabinet.run(0.03)
    assert state[HIT] == FAILED
    level = {"pickup": 50, "dropout": 45, "delay_ms": 1000, "wait_ms": 0}
    config = configuration(3, {"elements.ambient_high.trip": level})
    cabinet = Cabinet(only(config, "ambient_high.trip", "breaker_failure"), current_A=40)
    state = cabinet.protection.breakers.state
    cabinet.stuck.add(cabinet.main)
    cabinet.ambient_C = 55.0
    cabinet.run_until(2, kind="trip")
    cabinet.run(0.29)
    assert state[cabinet.main] == TRIPPING
    cabinet.run(0.03)
    assert state[cabinet.main] == FAILED


def test_a_battery_that_stays_does_not_say_that_the_main_has_failed_too():
    cabinet = Cabinet(only(configuration(2), *ROWS), current_A=[40.0, -40.0])
    cabinet.stuck = {0, cabinet.main}
    cabinet.plus_C[0] = 85.0
    cabinet.run_until(3, kind="trip")
    cabinet.run_until(1, kind="trip", battery=1, action="trip_all")
    state = cabinet.protection.breakers.state
    assert (state[0], state[cabinet.main]) == (FAILED, TRIPPING)  # its own time ends next
    cabinet.run_until(0.02, kind="trip", battery=None)
    assert state[cabinet.main] == FAILED


def test_a_lost_monitor_leaves_the_contact_to_judge():
    cabinet = tripped(40)
    cabinet.lose_monitor(HIT)
    retrip, main = cabinet.run(0.4)
    assert (retrip["value"], retrip["action"]) == (None, "trip_battery")
    assert main["action"] == "trip_main"


def test_a_tripped_battery_that_carries_again_is_told_to_open_again():
    """A breaker that was taken for open because nothing flowed, and was not."""
    cabinet = tripped(1, feedback="none")
    cabinet.run(0.3)
    assert cabinet.told(element="breaker_failure") == []
    cabinet.current_A[HIT] = 40.0
    assert stages(cabinet) == [RETRIP, MAIN]
    (command,) = cabinet.told(kind="command")
    assert (command["element"], command["level"]) == ("terminal_overtemperature", "trip")
    assert (command["battery"], command["action"]) == (3, "trip_battery")


def test_a_late_current_behind_a_contact_that_lies_open_is_told_too():
    cabinet = Cabinet(only(configuration(), *ROWS), current_A=1)
    cabinet.stuck.add(HIT)
    cabinet.lying[HIT] = False
    cabinet.run(0.1)
    cabinet.plus_C[HIT] = 85.0
    cabinet.run_until(3, kind="trip")
    cabinet.run(0.5)
    cabinet.current_A[HIT] = 40.0
    assert stages(cabinet) == [RETRIP, MAIN]
    (command,) = cabinet.told(kind="command")
    assert (command["element"], command["level"]) == ("terminal_overtemperature", "trip")
    assert (command["battery"], command["action"]) == (3, "trip_battery")


def test_behind_an_open_main_a_lost_monitor_does_not_look_like_a_main_that_stays():
    level = {"pickup": 50, "dropout": 45, "delay_ms": 1000, "wait_ms": 0}
    config = configuration(3, {"elements.ambient_high.trip": level})
    cabinet = Cabinet(only(config, "ambient_high.trip", "breaker_failure"), current_A=5.0)
    cabinet.circulates = True
    cabinet.ambient_C = 55.0
    cabinet.run_until(2, kind="trip")
    cabinet.current_A = [20.0, -10.0, -10.0]
    cabinet.run(1)
    cabinet.lose_monitor(0)
    assert stages(cabinet) == []
    assert cabinet.closed == [True, True, True, False]
