"""Every shipped scenario through the whole firmware in the VM: what it asks for happens."""

import pytest

from packwarden_host import bank_file, scenario, verdict
from packwarden_host.replay import with_tick
from system.runs import simulated

# Hours of a bank that drifts: at another tick than the scenario's own, to be done in seconds.
SLOW_TICK_MS = {
    "healthy-15": 500,
    "ambient-fan": 1000,
    "worked-example-diagonal": 50,
    "worked-example-one-end": 20,
    "lost-hot": 50,
    "loose-terminal": 20,
}


def judged(plan, config, **job):
    """The findings of a scenario's run, and the run."""
    run = simulated(
        plan.source(),
        config,
        end_ms=plan.end_ms,
        seed=plan.seed,
        faults=plan.job_faults(),
        **job,
    )
    assert run.restarts == [] and run.ending["cause"] == "end"
    return verdict.judge(plan, run.events), run


@pytest.mark.parametrize("name", scenario.shipped())
def test_a_scenario_ends_as_it_says(name):
    plan = scenario.read(name)
    config = with_tick(bank_file.build(plan.choices()), SLOW_TICK_MS.get(name, plan.tick_ms))
    findings, _ = judged(plan, config)
    assert findings
    assert [finding for finding in findings if not finding.met] == []


@pytest.mark.parametrize("name", ["backfed", "overload", "stuck-breaker"])
@pytest.mark.parametrize("tick_ms", [20, 100])
def test_at_a_slower_tick_the_same_breakers_open(name, tick_ms):
    plan = scenario.read(name)
    told = []
    for tick in (plan.tick_ms, tick_ms):
        _, run = judged(plan, with_tick(bank_file.build(plan.choices()), tick))
        events = [event for event in run.events if event["action"].startswith("trip")]
        told.append({(event["element"], event["battery"]) for event in events})
    assert told[0] == told[1]


def test_a_scenario_is_the_same_on_cpython():
    """The bank is computed in floating point, so its bits may differ; what happens may not."""
    plan = scenario.read("stuck-breaker")
    config = bank_file.build(plan.choices())
    told = []
    for vm in ("micropython", "cpython"):
        findings, run = judged(plan, config, vm=vm)
        assert all(finding.met for finding in findings)
        told.append([(event["element"], event["battery"], event["kind"]) for event in run.events])
    assert told[0] == told[1]
