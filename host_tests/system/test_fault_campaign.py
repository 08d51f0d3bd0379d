"""Single faults through the whole firmware: some that differ, beside a hot terminal.

All of them run in `make faults`.
"""

import pytest

from packwarden_host import fault_rows, scenario_run
from packwarden_host.scenario_run import Heard, Watcher
from packwarden_host.vm import Cabinet

ALL = fault_rows.Table().combinations()
SHORT = [name for name, plan in ALL.items() if plan.situation in plan.row.short]


@pytest.mark.parametrize("name", SHORT)
def test_a_single_fault_ends_as_the_table_says(name):
    plan, heard = ALL[name], Heard()
    with Cabinet(scenario_run.configuration(plan)) as cabinet:
        job = scenario_run.job(plan)
        scenario_run.listen(cabinet.lines(job), Watcher(), heard)
    assert cabinet.ending["cause"] == "end"
    findings = scenario_run.judge(plan, heard)
    assert findings
    assert [finding for finding in findings if not finding.met] == []
    if not heard.restarts and "crawl" not in name:
        # A second each until the fault, then 10 ms; and some while it arms.
        coarse = round(plan.at_s)
        fine = round((plan.end_s - plan.at_s) * 100)
        assert coarse + fine <= cabinet.ending["ticks"] <= coarse + fine + 120


def test_there_are_some_that_differ():
    assert len(SHORT) == 8
    assert len({ALL[name].group for name in SHORT}) >= 6
