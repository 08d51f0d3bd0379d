"""The run that `sim`, `campaign` and the tests share: its job, what is heard, restarts."""

import json
import tomllib

import pytest

from packwarden_host import scenario_run
from packwarden_host.errors import BadInput
from packwarden_host.scenario import Scenario
from packwarden_host.scenario_parts import Expect, Overheats
from packwarden_host.scenario_run import Heard, Watcher

PLAN = """
title = "A board"
end_s = 100
seed = 5
tick_ms = 20
[bank]
batteries = 3
rated_current_A = 100
[load]
step = [{ at_s = 0, current_A = 100 }]
[[forbid]]
kind = "fault"
"""
RESTART = {"cause": "watchdog", "t_ms": 12_340, "ticks": 9, "detail": "ValueError: x"}


def planned(more=""):
    return Scenario.model_validate(tomllib.loads(PLAN + more))


class Notes(Watcher):
    def __init__(self):
        self.seen = []

    def event(self, text):
        self.seen.append(text)

    def note(self, text):
        self.seen.append(text)

    def bank(self, report):
        self.seen.append(report["t_ms"])


def test_a_run_has_the_scenarios_seed_and_its_end_unless_told_otherwise():
    job = scenario_run.job(planned())
    assert (job.seed, job.end_ms, job.speed, job.console) == (5, 100_000, 0, "script")
    job = scenario_run.job(planned(), 7, 2.5)
    assert (job.seed, job.speed) == (7, 2.5)


def test_the_truth_is_told_at_the_end():
    assert scenario_run.job(planned()).truth_every_ms == 100_000


def test_the_configuration_has_the_scenarios_tick():
    config = scenario_run.configuration(planned())
    assert (config["bank"]["tick_ms"], config["bank"]["batteries"]) == (20, 3)


def test_figures_that_do_not_fit_together_are_bad_input():
    with pytest.raises(BadInput, match="shunt"):
        scenario_run.configuration(planned('[config]\nshunt = "50A/75mV"\n'))


def test_what_is_heard_is_shown_and_kept():
    lines = [
        ("E", '{"t_ms":0}'),
        ("C", "packwarden> bank --json"),
        ("C", '{"t_ms":1000,"batteries":[]}'),
        ("S", '{"t_ms":0}'),
        ("X", json.dumps(RESTART)),
        ("S", '{"t_ms":100000}'),
        ("C", '{"why":"it was hot"}'),
    ]
    notes, heard = Notes(), Heard()
    scenario_run.listen(iter(lines), notes, heard)
    told = "      12.340 s  board restarts: watchdog (ValueError: x)"
    assert notes.seen == ['{"t_ms":0}', 1000, told]
    assert heard == Heard([{"t_ms": 0}], [RESTART], "it was hot", [{"t_ms": 0}, {"t_ms": 100_000}])
    assert heard.truth == {"t_ms": 100_000}


def test_after_a_restart_the_times_are_those_of_the_run():
    lines = [
        ("E", '{"t_ms":5,"seq":0,"value":80.00}'),
        ("X", json.dumps(RESTART)),
        ("A", '{"t_ms": 13000}'),
        ("E", '{"t_ms":10,"seq":1,"value":80.00}'),
        ("C", '{"t_ms":1000,"batteries":[]}'),
    ]
    notes, heard = Notes(), Heard()
    scenario_run.listen(iter(lines), notes, heard)
    assert [event["t_ms"] for event in heard.events] == [5, 13_010]
    assert notes.seen[2:] == ['{"t_ms":13010,"seq":1,"value":80.00}', 14_000]


@pytest.mark.parametrize(
    ("cause", "expected", "unmet"),
    [
        ("watchdog", [], 1),
        ("reset", ["terminal_rise"], 1),
        ("power_off", [], 0),
        ("watchdog", ["controller_fault"], 1),
    ],
)
def test_a_restart_that_nobody_asked_for_is_a_finding(cause, expected, unmet):
    claims = [Expect.model_construct(element=element, by_s=50) for element in expected]
    plan = planned().model_copy(update={"expect": claims})
    heard = Heard(restarts=[RESTART | {"cause": cause}])
    found = [f for f in scenario_run.judge(plan, heard) if "restart" in f.asked]
    assert [finding.met for finding in found] == [False] * unmet
    if unmet:
        assert found[0].seen == f"12.340 s  board restarts: {cause} (ValueError: x)"


@pytest.mark.parametrize(
    ("asked", "happened", "met"), [(1, 1, []), (1, 2, [False]), (2, 1, [False])]
)
def test_a_fault_of_the_firmware_restarts_it_as_often_as_the_scenario_says(asked, happened, met):
    plan = planned().model_copy(update={"restarts": asked})
    heard = Heard(restarts=[RESTART] * happened)
    found = [f for f in scenario_run.judge(plan, heard) if "restart" in f.asked]
    assert [finding.met for finding in found] == met


def test_the_tick_is_coarse_at_first_and_the_counters_wrap_where_the_scenario_says_so():
    job = scenario_run.job(planned())
    assert (job.coarse_until_ms, job.ticks_began_us) == (0, 0)
    plan = planned().model_copy(update={"coarse_until_s": 3.5, "wrap_at_s": 7})
    job = scenario_run.job(plan)
    assert job.coarse_until_ms == 3500
    # Arming takes about a second; then 7 more to the end of both counters.
    assert job.ticks_began_us == (1 << 30) * 1000 - 8_000_000


def test_where_a_terminal_overheats_the_truth_is_told_often():
    heat = Overheats(battery=1, terminal="+", above_C=80, within_s=2)
    plan = planned().model_copy(update={"overheats": heat})
    assert scenario_run.job(plan).truth_every_ms == 100


def test_a_reset_that_the_scenario_asks_for_is_no_finding():
    heard = Heard(restarts=[RESTART | {"cause": "reset", "detail": "as the job says"}])
    found = [f for f in scenario_run.judge(planned(), heard) if "restart" in f.asked]
    assert found == []


@pytest.mark.parametrize(
    ("end_ms", "parts", "period_ms"),
    [
        (1, 300, 1000),
        (600_000, 300, 2000),
        (3_600_000, 20, 300_000),
        (30 * 86_400_000, 300, 10_800_000),
    ],
)
def test_periods_are_round(end_ms, parts, period_ms):
    assert scenario_run.period_ms(end_ms, parts) == period_ms
