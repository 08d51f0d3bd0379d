"""The fault that ended a life: noted, kept, told, acknowledged; noise in the memory is none."""

import pytest

from packwarden import restart
from packwarden.restart import Restart, describe


def failed(error=None, place=2, seconds=77):
    memory = Restart()
    memory.failed(error or MemoryError(), place, seconds)
    return memory


def reloaded(kept):
    memory = Restart()
    memory.load(kept)
    return memory


class Unheard(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (MemoryError(), "MemoryError"),
        (OSError(5), "OSError"),
        (IndexError(), "IndexError"),
        (KeyError(), "KeyError"),
        (TypeError(), "TypeError"),
        (ValueError(), "ValueError"),
        (AttributeError(), "AttributeError"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (AssertionError(), "AssertionError"),
        (RuntimeError(), "exception"),
        (Unheard(), "exception"),
    ],
)
@pytest.mark.parametrize(
    ("place", "where"),
    [
        (restart.BOOT, " at boot"),
        (1, " in acquire"),
        (2, " in step"),
        (3, " in act"),
        (4, " in verify"),
        (restart.SLACK, " between ticks"),
    ],
)
def test_it_is_told_by_its_name_and_its_place(error, name, place, where):
    memory = reloaded(failed(error, place).dump())
    assert describe(memory.detail) == name + where
    assert memory.text() == f"restarted by {name}{where} after 77 s"


def test_the_watchdog_bites_nobody_knows_where():
    memory = Restart()
    memory.bitten()
    assert memory.text() == "restarted by watchdog"


def test_without_a_fault_nothing_is_told():
    memory = Restart()
    assert (memory.detail, memory.text(), memory.json(), memory.changed) == (
        0,
        None,
        "null",
        False,
    )
    assert describe(0) == ""
    assert reloaded(memory.dump()).text() is None


def test_each_further_one_is_counted_until_a_person_acknowledges():
    memory = failed(ValueError())
    for _ in range(300):
        memory = reloaded(memory.dump())
        assert not memory.changed
        memory.failed(OSError(5), 1, 3)
        assert memory.changed
    assert memory.text() == "restarted by OSError in acquire after 3 s, 255 times"
    memory.acknowledge()
    assert memory.changed
    assert reloaded(memory.dump()).text() is None
    memory.bitten()
    assert memory.times == 1


def test_every_damage_of_a_byte_is_noticed():
    kept = bytes(failed().dump())
    for place in range(len(kept)):
        for flip in (1, 0x80, 0xFF):
            damaged = bytearray(kept)
            damaged[place] ^= flip
            assert reloaded(damaged).text() is None
    assert reloaded(kept[:-1]).text() is None
    assert reloaded(b"").text() is None
    assert reloaded(kept + b"more").text() is not None


def test_a_number_that_this_version_does_not_know_is_no_fault():
    for memory in (Restart(), Restart()):
        memory._note(200, 0, 0)
        assert reloaded(memory.dump()).cause == 0
    memory._note(2, 99, 0)
    assert reloaded(memory.dump()).cause == 0
