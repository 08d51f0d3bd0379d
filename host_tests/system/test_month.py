"""The short form of `make month`: short days with faults and power cuts, and a minute at 10 ms."""

from system.month import HOUR_S, Spell, TICK_ms, run


def test_days_with_faults_and_power_cuts_leave_all_as_it_was():
    days = [Spell(1, 2 * HOUR_S, 1000), Spell(2, 60, TICK_ms, parts=0), Spell(3, HOUR_S, 1000)]
    outcome = run(days, lambda *_: None)
    assert outcome.failures == []
    assert outcome.counts["faults"] >= 6
    assert outcome.counts["power cuts"] >= 2
    assert outcome.counts["missed"] <= 20
