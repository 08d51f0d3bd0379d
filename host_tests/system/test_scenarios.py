"""The short scenarios through the whole firmware in the VM: what each asks for happens.

The long ones run in the campaign only: `make campaign`.
"""

import pytest

from packwarden_host import campaign, scenario, scenario_run
from packwarden_host.scenario_run import Heard, Watcher
from packwarden_host.vm import Cabinet
from system.contract import check

COSTS_s = {name: campaign.cost_s(scenario.read(name)) for name in scenario.shipped()}
SHORT = [name for name, cost_s in COSTS_s.items() if cost_s <= campaign.SHORT_s]
# On two cores: a minute.
ALL_SHORT_s = 120


class Lines(Watcher):
    def __init__(self):
        self.events = []

    def event(self, text):
        self.events.append(text)


def judged(plan, vm="micropython"):
    """The findings of a scenario's run, and its events, which keep to the contract."""
    lines, heard = Lines(), Heard()
    with Cabinet(scenario_run.configuration(plan), vm) as cabinet:
        scenario_run.listen(cabinet.lines(scenario_run.job(plan)), lines, heard)
    assert cabinet.ending["cause"] == "end" and "events_lost" not in cabinet.ending
    if not heard.restarts:  # else their numbers begin anew
        check(lines.events)
    return scenario_run.judge(plan, heard), heard.events


@pytest.mark.parametrize("name", SHORT)
def test_a_scenario_ends_as_it_says(name):
    findings, _ = judged(scenario.read(name))
    assert findings
    assert [finding for finding in findings if not finding.met] == []


def test_the_short_scenarios_are_short_together():
    """Give a new one a slower tick or an earlier end, or lower `campaign.SHORT_s`."""
    assert sum(COSTS_s[name] for name in SHORT) <= ALL_SHORT_s


@pytest.mark.parametrize("name", ["backfed", "overload", "stuck-breaker"])
@pytest.mark.parametrize("tick_ms", [20, 100])
def test_at_a_slower_tick_the_same_breakers_open(name, tick_ms):
    plan = scenario.read(name)
    told = []
    for tick in (plan.tick_ms, tick_ms):
        _, events = judged(plan.model_copy(update={"tick_ms": tick}))
        trips = [event for event in events if event["action"].startswith("trip")]
        told.append({(event["element"], event["battery"]) for event in trips})
    assert told[0] == told[1]


def test_a_scenario_is_the_same_on_cpython():
    """The bank is computed in floating point, so its bits may differ; what happens may not."""
    plan = scenario.read("stuck-breaker")
    told = []
    for vm in ("micropython", "cpython"):
        findings, events = judged(plan, vm)
        assert all(finding.met for finding in findings)
        told.append([(event["element"], event["battery"], event["kind"]) for event in events])
    assert told[0] == told[1]
