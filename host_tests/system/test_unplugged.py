"""The plug is pulled while a cabinet records, commits, is locked out, is given a configuration."""

import random

from packwarden_host.vm import Cabinet
from proofs.plug_pulls import pull_during_push
from system.plug import Plug, job
from system.runs import bank, each, trace

PULLS = 8


def test_what_was_kept_stays_whenever_the_plug_is_pulled():
    draw = random.Random(1)
    changes = {"terminal_overtemperature.warn.delay_ms": 0}
    cells = [(t, {"tp2_C": 30 + 40 * (t % 2)}) for t in range(1, 60)]
    with Cabinet(bank(2, changes=changes)) as cabinet:
        plug = Plug(cabinet)
        told = job(cabinet, trace((0, each(2, i_A=20)), *cells))
        before = {}
        for _ in range(PULLS):
            assert plug.live(told, draw.randrange(1, 40))
            now = plug.journal()
            assert before.items() <= now.items()
            assert len(now) > len(before)  # each life has a boot at least
            before = now
        assert {boot for boot, _ in before.values()} == set(range(1, PULLS + 1))
        assert len(before) > 3 * PULLS


def test_a_push_that_is_cut_off_leaves_the_old_or_the_new_one_whole():
    outcome = pull_during_push(3, PULLS)
    assert outcome.pulls == PULLS and outcome.torn > 1
    assert outcome.replaced > 0 and outcome.locked_out > 0 and outcome.events > PULLS
