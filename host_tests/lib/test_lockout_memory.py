"""What a lockout keeps over a restart and over power loss, and what of it is refused."""

import binascii

import pytest

from packwarden import elements
from packwarden.breakers import LOCKED_OUT, Breakers
from packwarden.lockout import Lockout
from packwarden.records import EventLog

pytestmark = pytest.mark.holds("lockout")

HOT = elements.find("terminal_overtemperature")
FIFTY = elements.find("overcurrent_instantaneous")
MAIN = 1 << 15


class Memory:
    """A lockout alone; `s` is the time of its log."""

    def __init__(self, batteries=3, repeat_hours=24):
        self.breakers = Breakers(batteries, "shunt_trip", "52a", 200)
        self.log = EventLog()
        self.lockout = Lockout(self.breakers, self.log, repeat_hours)

    def trip(self, index, element=HOT, at_s=0):
        self.log.seconds = at_s
        self.lockout.note(index, element)
        self.breakers.tripped |= self.breakers.bit(index)

    def dump(self):
        return bytes(self.lockout.dump())


def tripped():
    memory = Memory()
    memory.trip(1)
    memory.trip(3, FIFTY)
    memory.trip(1, HOT, 60)
    return memory


def test_what_is_kept_comes_back():
    memory = Memory()
    assert memory.lockout.load(tripped().dump())
    assert memory.breakers.tripped == 0b010 | MAIN
    assert [memory.breakers.state[k] for k in (1, 3)] == [LOCKED_OUT] * 2
    assert (memory.lockout.cause[1], memory.lockout.trips[1]) == (HOT, 2)
    assert (memory.lockout.cause[3], memory.lockout.trips[3]) == (FIFTY, 1)
    assert memory.dump() == tripped().dump()


def test_of_the_largest_bank_every_breaker_has_a_place_of_its_own():
    memory = Memory(15)
    for index in range(16):
        memory.trip(index, 1 + index)
    other = Memory(15)
    assert other.lockout.load(memory.dump())
    assert list(other.lockout.cause[:16]) == list(range(1, 17))


def test_what_follows_it_does_not_matter():
    assert Memory().lockout.load(tripped().dump() + b"anything")


def test_every_damage_of_a_byte_is_noticed_and_changes_nothing():
    kept = tripped().dump()
    for place in range(len(kept)):
        for bit in range(8):
            damaged = bytearray(kept)
            damaged[place] ^= 1 << bit
            memory = Memory()
            assert not memory.lockout.load(damaged)
            assert memory.breakers.tripped == 0
            assert memory.dump() == Memory().dump()


@pytest.mark.parametrize("kept", [b"", b"\0" * 16, b"\xff" * 16, b"\0" * 300, b"\xff" * 300])
def test_an_empty_memory_or_one_full_of_noise_is_none(kept):
    assert not Memory().lockout.load(kept)


@pytest.mark.parametrize("batteries", [1, 2, 4, 15])
def test_a_bank_of_another_size_takes_over_what_it_has(batteries):
    """The configuration was replaced. The main is the main, battery 2 is battery 2."""
    kept = tripped().dump()
    memory = Memory(batteries)
    assert memory.lockout.load(kept)
    assert memory.breakers.tripped == (0b010 if batteries > 1 else 0) | MAIN
    assert memory.lockout.cause[batteries] == FIFTY
    assert not memory.lockout.unsaved()
    assert memory.dump() == kept


def test_what_a_smaller_bank_has_not_is_kept_for_a_larger_one():
    memory = Memory(1)
    memory.lockout.load(tripped().dump())
    memory.breakers.release(memory.breakers.main)
    memory.trip(0, FIFTY)
    back = Memory()
    assert back.lockout.load(memory.dump())
    assert back.breakers.tripped == 0b011
    assert list(back.lockout.cause[:2]) == [FIFTY, HOT]
    assert list(back.lockout.trips[:2]) == [1, 2]


def test_what_is_whole_and_of_another_layout_is_refused():
    kept = bytearray(tripped().dump())
    kept[0] ^= 1
    kept[-2:] = binascii.crc_hqx(kept[:-2], 0xFFFF).to_bytes(2, "little")
    memory = Memory()
    assert not memory.lockout.load(kept)
    assert memory.breakers.tripped == 0


def test_the_checksum_is_crc_16():
    kept = tripped().dump()
    assert int.from_bytes(kept[-2:], "little") == binascii.crc_hqx(kept[:-2], 0xFFFF)


def test_it_tells_when_there_is_something_new_to_keep():
    memory = Memory()
    assert not memory.lockout.unsaved()
    memory.trip(0)
    assert memory.lockout.unsaved()
    memory.dump()
    assert not memory.lockout.unsaved()
    memory.breakers.release(0)
    assert memory.lockout.unsaved()
    memory.dump()
    memory.lockout.load(memory.dump())
    assert not memory.lockout.unsaved()


def test_a_repeated_trip_is_new_although_the_same_breaker_was_kept_as_tripped():
    memory = Memory()
    memory.trip(0)
    memory.dump()
    memory.breakers.release(0)
    memory.trip(0)
    assert memory.lockout.unsaved()


def test_what_came_back_is_nothing_new():
    memory = Memory()
    memory.lockout.load(tripped().dump())
    assert not memory.lockout.unsaved()


@pytest.mark.parametrize("cause", [len(elements.TABLE) - 1, len(elements.TABLE), 255])
def test_a_cause_that_this_firmware_does_not_know_is_none(cause):
    memory = Memory()
    memory.trip(1, cause)
    other = Memory()
    assert other.lockout.load(memory.dump())
    assert other.lockout.cause[1] == (cause if cause < len(elements.TABLE) else 0)


def test_what_never_tripped_has_not_tripped_within_any_time():
    assert not any(Memory().lockout.again(index) for index in range(4))


@pytest.mark.parametrize(("apart_s", "trips"), [(24 * 3600 - 1, 2), (24 * 3600, 1)])
def test_a_trip_is_a_repeated_one_within_the_set_hours(apart_s, trips):
    memory = Memory()
    memory.trip(1, at_s=100)
    memory.trip(1, at_s=100 + apart_s)
    assert memory.lockout.trips[1] == trips
    assert memory.lockout.again(1)


def test_more_trips_than_fit_into_a_byte_stay_many():
    memory = Memory()
    for _ in range(300):
        memory.trip(1)
    assert memory.lockout.trips[1] == 255
    assert Memory().lockout.load(memory.dump())
