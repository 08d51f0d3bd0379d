"""A calibration on the board: kept when it is answered, applied again after the power went."""

import sys

from firmware.test_access import commissioned
from firmware.test_cabinet import trace
from packwarden.fixed import BIAS
from packwarden.timing import OWN
from packwarden_sim.clock import us
from terminals import PIN

LINE = "calibrate temperature 2+ 25.5 2027-01-31 anna"
SCRIPT = [[2000, f"unlock {PIN}\n"], [3000, f"{LINE}\n"]]


def correction(cabinet):
    frame = cabinet.protection.frame
    return cabinet.protection.measured.corrections[frame.terminal + 2] - BIAS


def details(cabinet):
    kept = [event for event in cabinet.recorder.journal.events(0) if event and event.kept]
    return [event.detail_name() for event in kept]


def test_it_is_kept_and_no_tick_is_late_for_it_but_by_the_flash(rigged):
    rig = commissioned(rigged(2, trace(20), script=SCRIPT, end_ms=8000))
    cabinet = rig.run()
    assert 40 <= correction(cabinet) <= 60
    (said,) = [line for line in rig.lines("C") if "calibration 1" in line]
    assert "temperature 2+: +0." in said
    assert details(cabinet)[-1] == "calibration 1"
    assert cabinet.timing.missed[OWN] == 0
    before = correction(cabinet)
    again = rig.again(None, end_ms=16000).run()
    assert correction(again) == before
    assert details(again)[-2:] == ["power-on", "calibration 1"]


def test_it_waits_while_a_trip_is_on_its_way(rigged):
    """Typed 1 s before a battery gets too hot: it is written after the trip, or before it."""
    text = "t_s,tp1_C\n0,25\n3.2,90\n12,90\n"
    rig = commissioned(rigged(2, text, script=SCRIPT))
    cabinet = rig.cabinet()
    seen = []
    original = cabinet._calibration.step
    for job in cabinet._executive._jobs:
        if job.name == "calibration":

            def step():
                seen.append((us[0], sys.modules["cabinet"].current.protection.moving()))
                return original()

            job.run = step
    rig.run(cabinet)
    assert rig.tripped_us is not None
    assert not any(moving for _, moving in seen)
