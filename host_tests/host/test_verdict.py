"""Claims against event lines, outputs and temperatures: what is met, and what is said of it."""

import pytest

from packwarden_host import verdict
from packwarden_host.scenario import Scenario

PLAN = {
    "title": "A bank",
    "end_s": 100,
    "bank": {"batteries": 4, "rated_current_A": 100},
    "load": {"step": [{"at_s": 0, "current_A": 100}]},
}
TRIP = {
    "t_ms": 12_340,
    "kind": "trip",
    "level": "trip",
    "element": "terminal_rise",
    "battery": 2,
    "terminal": "+",
    "action": "trip_battery",
}
TRUTH = {"t_ms": 0, "closed": 0b1111, "main": True, "alarm": 1, "tp_C": [25.0] * 4}
HEAT = {"battery": 3, "terminal": "+", "above_C": 80, "within_s": 2}


def judged(events=(), truths=(), **more):
    plan = Scenario.model_validate(PLAN | more)
    return [(found.met, found.seen) for found in verdict.judge(plan, events, truths)]


def truth(t_ms, hot_C=25.0, **more):
    return TRUTH | {"t_ms": t_ms, "tp_C": [25.0, 25.0, hot_C, 25.0]} | more


def test_an_action_without_an_element_may_be_expected():
    claim = {"action": "trip_battery", "level": "trip", "battery": 2, "by_s": 12.34}
    assert judged([TRIP], expect=[claim]) == [(True, "seen at 12.340 s")]
    assert judged([TRIP], expect=[claim | {"battery": 3}]) == [(False, "not seen")]


def test_what_is_excused_may_come():
    ban = {"level": "trip", "unless": [{"battery": 2}, {"action": "trip_main"}]}
    assert judged([TRIP], forbid=[ban]) == [(True, "not seen")]
    assert judged([TRIP, TRIP | {"battery": 3}], forbid=[ban]) == [(False, "seen at 12.340 s")]


@pytest.mark.parametrize(
    ("ends", "truth_at_end", "met", "seen"),
    [
        ({"opened": []}, {}, True, "none"),
        ({"opened": ["Q03"]}, {"closed": 0b1011}, True, "Q03"),
        ({"opened": ["Q03", "main"]}, {"closed": 0b1011, "main": False}, True, "main, Q03"),
        ({"opened": ["Q03"]}, {"closed": 0b0011}, False, "Q03, Q04"),
        ({"alarm": True}, {"alarm": 0}, True, "dropped"),
        ({"alarm": False}, {"alarm": 0}, False, "dropped"),
        ({"alarm": True}, {}, False, "energised"),
    ],
)
def test_the_outputs_are_judged_as_they_really_are_at_the_end(ends, truth_at_end, met, seen):
    truths = [TRUTH | {"closed": 0}, TRUTH | truth_at_end]
    assert judged(truths=truths, ends=ends) == [(met, seen)]
    assert judged(ends=ends) == []  # a run that broke says why


@pytest.mark.parametrize(
    ("truths", "met", "seen"),
    [
        ([truth(0), truth(1000, 79.9)], True, "it did not get so hot"),
        (
            [truth(0), truth(1000, 79.9, main=False)],
            True,
            "off at 1.000 s, before",
        ),
        ([truth(1000, 80), truth(3000, 81, closed=0b1011)], True, "after 2.000 s"),
        ([truth(1000, 80), truth(3100, 81, closed=0b1011)], False, "after 2.100 s"),
        ([truth(1000, 80), truth(2500, 81, main=False)], True, "after 1.500 s"),
        ([truth(1000, 80), truth(3000, 81)], True, "1.000 s, and never"),
        ([truth(1000, 80), truth(3100, 81, closed=0b0111)], False, "1.000 s, and never"),
    ],
)
def test_a_battery_that_overheats_has_to_be_off_in_time(truths, met, seen):
    assert judged(truths=truths, overheats=HEAT) == [(met, seen)]
