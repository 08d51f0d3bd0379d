"""The plug is pulled: the VM's process is killed at random moments, while it records and commits.

On files of the host a write is no whole thing as on littlefs: what is half written has to be told.
"""

import random

import pytest

from packwarden_host.codes import write_job
from packwarden_host.errors import RunFailed
from packwarden_host.vm import Cabinet, Job
from system.kept import kept
from system.runs import bank, each, trace

KILLS = 15


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_kept_stays_whenever_the_plug_is_pulled(tmp_path, seed):
    draw = random.Random(seed)
    changes = {"terminal_overtemperature.warn.delay_ms": 0}
    cells = [(t, {"tp2_C": 30 + 40 * (t % 2)}) for t in range(1, 60)]
    with Cabinet(bank(2, changes=changes)) as cabinet:
        flash = cabinet.folder / "state" / "flash"
        (cabinet.folder / "trace.csv").write_text(trace((0, each(2, i_A=20)), *cells))
        rows = cabinet.folder / "t.txt"
        end_ms = write_job(cabinet.folder / "trace.csv", cabinet.config, rows)
        job = Job({"kind": "trace", "path": str(rows), "stuck": []}, end_ms)
        before = {}
        for _ in range(KILLS):
            left = draw.randrange(1, 40)
            with pytest.raises(RunFailed):
                for _ in cabinet.lines(job):
                    left -= 1
                    if not left:
                        cabinet.end()
            cabinet = revived(cabinet)
            now = kept(flash, tmp_path / "copy")
            assert before.items() <= now.items()
            assert len(now) > len(before)  # each life has a boot at least
            before = now
            before.popitem()  # the boot of the copy
        assert {boot for boot, _ in before.values()} == set(range(1, KILLS + 1))
        assert len(before) > 3 * KILLS


def revived(cabinet):
    """Let a cabinet that was ended be started again."""
    cabinet._ended = False
    return cabinet
