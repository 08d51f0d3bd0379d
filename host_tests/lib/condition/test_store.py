"""What is kept: over a restart, of a bank of another size or rating, and over a torn write."""

import pytest

from flash_chip import Chip, Files
from packwarden.condition.store import Store
from packwarden.fixed import ints


@pytest.fixture
def files():
    return Files(Chip(), fresh=True)


class Kept:
    """Counters of five fields and one other part of two, of a bank; numbers from `first` on."""

    def __init__(self, files, batteries=3, rated_mA=100_000, first=None, fields=2):
        self.counters = ints(5 * (batteries + 1))
        self.other = ints(fields * batteries)
        parts = ((self.counters, 5), (self.other, fields))
        self.store = Store(files, batteries, rated_mA, parts)
        self.store.load()
        for array in (self.counters, self.other) if first is not None else ():
            for place in range(len(array)):
                array[place] = first + place

    def save(self):
        return sum(1 for _ in self.store.store())


def test_nothing_was_kept_yet(files):
    assert set(Kept(files).counters) == {0}


def test_it_comes_back(files):
    Kept(files, first=1000).save()
    kept = Kept(files)
    assert list(kept.counters) == list(range(1000, 1020))
    assert list(kept.other) == list(range(1000, 1006))
    assert kept.save() < 5


def test_the_newest_counts_and_a_write_that_was_cut_short_does_not(files):
    kept = Kept(files, 15, first=1, fields=20)
    kept.save()
    kept.counters[0] = 77
    kept.save()
    kept.counters[0] = 99
    steps = kept.store.store()
    next(steps)
    steps.close()
    assert Kept(files, 15, fields=20).counters[0] == 77


def test_a_bank_of_another_size_keeps_what_it_has_of_it(files):
    Kept(files, 2, first=1).save()
    kept = Kept(files, 3)
    assert list(kept.counters) == [*range(1, 11), *[0] * 5, *range(11, 16)]
    assert list(kept.other) == [1, 2, 3, 4, 0, 0]
    Kept(files, 3, first=1).save()
    assert list(Kept(files, 1).counters) == [*range(1, 6), *range(16, 21)]


def test_of_another_rating_the_counters_alone_stay(files):
    Kept(files, first=1).save()
    kept = Kept(files, rated_mA=50_000)
    assert kept.counters[0] == 1
    assert set(kept.other) == {0}


def test_a_part_of_another_form_begins_anew(files):
    Kept(files, first=1).save()
    kept = Kept(files, fields=4)
    assert kept.counters[19] == 20
    assert set(kept.other) == {0}


@pytest.mark.parametrize("good", [0, 1])
def test_a_flash_that_cannot_be_read_gives_nothing(files, good):
    Kept(files, first=1).save()

    opened = files.open
    times = []

    def fails(name, mode):
        times.append(name)
        if len(times) != good:
            raise OSError(5)
        return opened(name, mode)

    files.open = fails
    assert set(Kept(files).counters) == {0}
