"""The two slots: the newest whole payload counts, a damaged one is refused with the reason."""

import binascii
import struct
from itertools import pairwise

import pytest

from flash_chip import Chip, Files
from packwarden.two_slots import TwoSlots

FIRST, SECOND = b"first" * 100, b"second" * 200


@pytest.fixture
def files():
    return Files(Chip(), fresh=True)


def loaded(files):
    """The slots as a board finds them, and (schema, payload) of what counts, or None."""
    slots = TwoSlots(files, "config")
    slots.load()
    if not slots.generation:
        return slots, None
    found = b"".join(slots.pieces())
    assert (slots.length, slots.checksum) == (len(found), binascii.crc32(found))
    return slots, (slots.schema, found)


def store(slots, schema, payload, size=66):
    """Store a payload in pieces; return in how many steps."""
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)]
    return 1 + sum(1 for _ in slots.store(schema, pieces))


def stored(files, *payloads):
    slots, _ = loaded(files)
    for schema, payload in enumerate(payloads, 1):
        store(slots, schema, payload)


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
        store(slots, number, b"%d" % number)
        assert loaded(files)[1] == (number, b"%d" % number)
    assert sorted(files.listdir()) == ["config.a", "config.b"]
    assert {bytes(content(files, name)[-1:]) for name in files.listdir()} == {b"4", b"5"}


@pytest.mark.parametrize("size", [0, 5, 21, 22, 23, 700, 1221])
def test_a_half_written_one_is_refused_and_the_one_before_counts(files, size):
    stored(files, FIRST, SECOND)
    write(files, "config.b", content(files, "config.b")[:size])
    slots, found = loaded(files)
    assert found == (1, FIRST)
    ((name, reason),) = slots.refused
    assert name == "config.b"
    if size < 22:
        assert reason == f"has {size} bytes, its head alone has 22"
    else:
        assert reason == f"holds {size - 22} bytes of 1200"


def test_every_changed_byte_is_noticed(files):
    stored(files, FIRST, SECOND)
    whole = content(files, "config.b")
    for place in [*range(22), 22, 700, len(whole) - 1]:
        changed = bytearray(whole)
        changed[place] ^= 1
        write(files, "config.b", changed)
        slots, found = loaded(files)
        assert found == (1, FIRST)
        ((_, reason),) = slots.refused
        assert reason.startswith(("begins with", "has the checksum", "its head has the"))


def test_after_a_refusal_the_damaged_slot_is_written(files):
    stored(files, FIRST, SECOND)
    write(files, "config.b", b"noise")
    slots, _ = loaded(files)
    store(slots, 7, b"third")
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
        store(slots, 3, b"third")
    chip.full = False
    assert loaded(files)[1] == (2, SECOND)
    store(slots, 3, b"third")
    assert loaded(files)[1] == (3, b"third")
    assert content(files, "config.b").endswith(SECOND)


def test_the_layout_is_as_it_was(files):
    """Slots outlive an update of the firmware."""
    stored(files, b"abc")
    head = content(files, "config.a")[:22]
    assert head[:4] == b"PWS2"
    assert struct.unpack("<HIII", head[4:18]) == (1, 1, 3, binascii.crc32(b"abc"))
    assert struct.unpack("<I", head[18:]) == (binascii.crc32(head[:18]),)


def test_several_do_not_disturb_each_other(files):
    stored(files, FIRST)
    other = TwoSlots(files, "baseline")
    other.load()
    assert other.generation == 0
    store(other, 1, SECOND)
    assert loaded(files)[1] == (1, FIRST)


def test_a_store_is_made_in_steps_of_which_none_erases_more_than_a_block():
    """The flash stops everything meanwhile: a step is one slack's."""
    chip = Chip()
    files = Files(chip, fresh=True)
    stored(files, FIRST, SECOND)
    slots, _ = loaded(files)
    payload = b"0123456789" * 900
    steps = slots.store(3, [payload[at : at + 66] for at in range(0, len(payload), 66)])
    erased = []
    for _ in steps:
        erased.append(sum(chip.erased))
        assert loaded(files)[1] == (2, SECOND)
    erased.append(sum(chip.erased))
    assert len(erased) == 9000 // (8 * 66) + 1
    assert max(b - a for a, b in pairwise(erased)) <= 1
    assert loaded(files)[1] == (3, payload)


def test_a_store_that_nobody_ends_leaves_what_was_there(files):
    stored(files, FIRST, SECOND)
    slots, _ = loaded(files)
    steps = slots.store(3, [b"x" * 600, b"y" * 600])
    next(steps)
    steps.close()
    assert (slots.generation, b"".join(slots.pieces())) == (2, SECOND)
    slots, found = loaded(files)
    assert found == (2, SECOND)
    assert [name for name, _ in slots.refused] == ["config.a"]
    store(slots, 3, b"third")
    assert (loaded(files)[1], slots.generation) == ((3, b"third"), 3)


def test_what_is_no_good_gives_way_to_the_one_before(files):
    """Whole, and yet nothing that the firmware can run."""
    stored(files, FIRST, SECOND)
    slots, _ = loaded(files)
    slots.refuse("bank.batteries 16 is outside 1 .. 15 batteries")
    assert (slots.generation, b"".join(slots.pieces())) == (1, FIRST)
    assert slots.refused == [("config.b", "bank.batteries 16 is outside 1 .. 15 batteries")]
    slots.refuse("as bad")
    assert (slots.generation, slots.length, slots.checksum) == (0, 0, 0)
    store(slots, 3, b"third")
    slots, found = loaded(files)
    assert (found, slots.generation) == ((3, b"third"), 3)  # later than both that were refused


class Odd:
    """A file system that takes only a part of what is written, or cannot read one slot."""

    def __init__(self, files, short=False, broken=None):
        self._files, self._short, self._broken = files, short, broken

    def open(self, name, mode):
        if name == self._broken:
            raise OSError(5)
        file = self._files.open(name, mode)
        if self._short and mode == "wb":
            whole = file.write
            file.write = lambda data: whole(data[: len(data) // 2])
        return file


def test_a_file_system_that_takes_less_than_it_is_given_is_noticed(files):
    stored(files, FIRST)
    slots = TwoSlots(Odd(files, short=True), "config")
    slots.load()
    with pytest.raises(OSError):
        store(slots, 3, b"third")
    assert (slots.generation, b"".join(slots.pieces())) == (1, FIRST)


def test_a_slot_that_cannot_be_read_is_refused(files):
    stored(files, FIRST, SECOND)
    slots = TwoSlots(Odd(files, broken="config.b"), "config")
    slots.load()
    assert (slots.generation, slots.refused) == (1, [("config.b", "cannot be read")])
