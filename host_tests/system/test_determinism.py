"""The same run twice is the same run: nothing in it depends on real time."""

from packwarden_host import bank_file, scenario
from system.runs import command, simulated


def test_a_scenario_prints_the_same_twice_but_for_its_speed():
    once, again = (command("sim", "overload") for _ in range(2))
    assert (once.code, once.err) == (0, "")
    assert len(once.lines) > 20
    assert "simulated in" in once.lines[-1]
    assert once.lines[:-1] == again.lines[:-1]


def test_pacing_changes_nothing():
    """A run that waits for real time gives the lines of one that does not."""
    plan = scenario.read("backfed")
    config = bank_file.build(plan.choices())
    fast, paced = (
        simulated(plan.source(), config, end_ms=11_000, seed=plan.seed, speed=speed)
        for speed in (0, 40)
    )
    assert len(fast.lines) > 1
    assert fast.lines == paced.lines
