"""The two slots: the newest whole payload counts, a damaged one is refused with the reason."""

import struct

import pytest

from flash_chip import Chip, Files
from packwarden.two_slots import TwoSlots

FIRST, SECOND = b"first" * 100, b"second" * 200


@pytest.fixture
def files():
    return Files(Chip(), fresh=True)


def loaded(files):
    slots = TwoSlots(files, "config")
    return slots, slots.load()


def stored(files, *payloads):
    slots, _ = loaded(files)
    for schema, payload in enumerate(payloads, 1):
        slots.store(schema, payload)


def content(files, name):
    with files.open(name, "rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        found = bytearray(size)
        file.readinto(found)
    return found


def write(files, name, data):
    with files.open(name, "wb") as file:
        file.write(data)


def test_nothing_was_stored_yet(files):
    slots, found = loaded(files)
    assert (found, slots.generation, slots.refused) == (None, 0, [])


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 9000])
def test_what_was_stored_comes_back(files, size):
    stored(files, bytes(range(256)) * 36)
    stored(files, b"x" * size)
    slots, found = loaded(files)
    assert found == (1, b"x" * size)
    assert (slots.generation, slots.refused) == (2, [])


def test_the_newest_counts_and_the_one_before_stays(files):
    for number in range(1, 6):
        slots, _ = loaded(files)
        slots.store(number, b"%d" % number)
        assert loaded(files)[1] == (number, b"%d" % number)
    assert sorted(files.listdir()) == ["config.a", "config.b"]
    assert {bytes(content(files, name)[-1:]) for name in files.listdir()} == {b"4", b"5"}


@pytest.mark.parametrize("size", [0, 5, 17, 18, 19, 700, 1217])
def test_a_half_written_one_is_refused_and_the_one_before_counts(files, size):
    stored(files, FIRST, SECOND)
    write(files, "config.b", content(files, "config.b")[:size])
    slots, found = loaded(files)
    assert found == (1, FIRST)
    ((name, reason),) = slots.refused
    assert name == "config.b"
    if size < 18:
        assert reason == f"has {size} bytes, its head alone has 18"
    else:
        assert reason == f"holds {size - 18} bytes of 1200"


def test_every_changed_byte_is_noticed(files):
    stored(files, FIRST, SECOND)
    whole = content(files, "config.b")
    for place in [*range(18), 18, 700, len(whole) - 1]:
        changed = bytearray(whole)
        changed[place] ^= 1
        write(files, "config.b", changed)
        slots, found = loaded(files)
        assert found == (1, FIRST)
        ((_, reason),) = slots.refused
        assert reason.startswith(("begins with", "holds", "has the checksum"))


def test_after_a_refusal_the_damaged_slot_is_written(files):
    stored(files, FIRST, SECOND)
    write(files, "config.b", b"noise")
    slots, _ = loaded(files)
    slots.store(7, b"third")
    slots, found = loaded(files)
    assert (found, slots.refused, slots.generation) == ((7, b"third"), [], 2)
    assert content(files, "config.a").endswith(FIRST)


def test_two_damaged_ones_are_none_and_both_are_told(files):
    stored(files, FIRST, SECOND)
    for name in ("config.a", "config.b"):
        write(files, name, content(files, name)[:-1])
    slots, found = loaded(files)
    assert found is None
    assert [name for name, _ in slots.refused] == ["config.a", "config.b"]


def test_a_store_that_failed_leaves_what_was_there(files):
    chip = Chip()
    files = Files(chip, fresh=True)
    stored(files, FIRST, SECOND)
    slots, _ = loaded(files)
    chip.full = True
    with pytest.raises(OSError):
        slots.store(3, b"third")
    chip.full = False
    assert loaded(files)[1] == (2, SECOND)
    slots.store(3, b"third")
    assert loaded(files)[1] == (3, b"third")
    assert content(files, "config.b").endswith(SECOND)


def test_the_layout_is_as_it_was(files):
    """Slots outlive an update of the firmware."""
    stored(files, b"abc")
    head = content(files, "config.a")[:18]
    assert head[:4] == b"PWS1"
    assert struct.unpack("<HII", head[4:14]) == (1, 1, 3)


def test_several_do_not_disturb_each_other(files):
    stored(files, FIRST)
    other = TwoSlots(files, "baseline")
    assert other.load() is None
    other.store(1, SECOND)
    assert loaded(files)[1] == (1, FIRST)
