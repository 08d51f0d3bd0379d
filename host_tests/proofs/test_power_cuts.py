"""The short form of `make cuts`, and that it would notice what it looks for."""

from contextlib import suppress

import pytest

from flash_chip import TEARS, Files
from packwarden.journal import Journal
from packwarden.two_slots import TwoSlots
from proofs import power_cuts

CUTS = 160


@pytest.mark.parametrize("seed", [101, 102])
def test_a_power_cut_at_any_write_loses_nothing_that_was_acknowledged(seed):
    outcome = power_cuts.run(seed, CUTS)
    assert outcome.failures == []
    assert (outcome.cuts, outcome.again) == (CUTS, CUTS)
    assert outcome.writes >= CUTS and outcome.events > 20
    assert min(outcome.tears[tear] for tear in TEARS) > CUTS // 10


def test_a_payload_that_is_written_over_itself_is_noticed(monkeypatch):
    """One slot instead of two: the file system alone does not keep the payload whole."""

    class OneSlot(TwoSlots):
        def store(self, schema, pieces):
            self._fs.remove(self._names[0]) if self.generation else None
            self._at = 1
            return super().store(schema, pieces)

    monkeypatch.setattr(power_cuts, "TwoSlots", OneSlot)
    monkeypatch.setattr(power_cuts.Board, "live", power_cuts.Board.store)
    failures = power_cuts.run(110, 60).failures
    assert any("the slots hold neither payload" in failure for failure in failures)


def test_a_capture_that_is_removed_before_another_one_takes_its_place_is_noticed(monkeypatch):
    class Removing(Files):
        def rename(self, old, new):
            with suppress(OSError):
                self.remove(new)
            super().rename(old, new)

    monkeypatch.setattr(power_cuts, "Files", Removing)
    monkeypatch.setattr(power_cuts.Board, "live", power_cuts.Board.capture)
    failures = power_cuts.run(108, 80).failures
    assert any("was kept and is lost" in failure for failure in failures)


def test_an_acknowledgement_before_the_commit_is_noticed(monkeypatch):
    class Hasty(power_cuts.Board):
        def commit(self):
            self.truth.acknowledged = min(self.log.next_seq, self.journal.next_seq + 16)
            super().commit()

    monkeypatch.setattr(power_cuts, "Board", Hasty)
    failures = power_cuts.run(104, CUTS).failures
    assert any("was acknowledged and is lost" in failure for failure in failures)


def test_a_record_that_was_never_told_is_noticed(monkeypatch):
    original = Journal._frame

    def frame(self, at, seq):
        self._batch[at + 20] ^= seq == 7
        original(self, at, seq)

    monkeypatch.setattr(Journal, "_frame", frame)
    failures = power_cuts.run(105, 80).failures
    assert any("event 7 is not what was told" in failure for failure in failures)


def test_numbers_that_begin_anew_are_noticed(monkeypatch):
    monkeypatch.setattr(Journal, "_find_last", lambda self: None)
    failures = power_cuts.run(106, 40).failures
    assert any("has no number of its own" in failure for failure in failures)
