"""The lockout: what is kept over a restart, why a breaker is not released, and how it is."""

import binascii

import pytest

from cabinets import Cabinet, at_once, configuration, only
from packwarden import elements, lockout
from packwarden.breakers import LOCKED_OUT, Breakers
from packwarden.lockout import CONFIRMATION, Lockout
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
def test_what_another_bank_has_kept_is_refused(batteries):
    memory = Memory(batteries)
    assert not memory.lockout.load(tripped().dump())
    assert not memory.lockout.load(tripped().dump() + b"\0" * 100)
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


# With the step around it.


def cabinet_that_tripped(*batteries, **changes):
    """Return a cabinet of which these batteries were hot, have tripped, and are cool again."""
    paths = {name.replace("__", "."): value for name, value in changes.items()}
    config = only(
        at_once(configuration(4, paths)), "terminal_overtemperature.trip", "breaker_failure"
    )
    cabinet = Cabinet(config, current_A=40.0)
    cabinet.run(0.1)
    for k in batteries:
        cabinet.plus_C[k] = 85.0
    cabinet.run(3)
    cabinet.plus_C = [25.0] * 4
    cabinet.run(0.1)
    return cabinet


def refusal(cabinet, index, word=None):
    return lockout.refusal(cabinet.protection, index, word)


def reset(cabinet, index):
    """Reset a breaker; returns what is told of it."""
    told = len(cabinet.events)
    lockout.reset(cabinet.protection, index)
    cabinet.tick()
    return cabinet.events[told:]


def test_a_breaker_whose_cause_is_gone_may_be_released():
    cabinet = cabinet_that_tripped(1)
    assert refusal(cabinet, 1) is None


@pytest.mark.parametrize(("index", "who"), [(0, "BAT01"), (4, "the main breaker")])
def test_what_is_not_locked_out_is_not_released(index, who):
    assert refusal(cabinet_that_tripped(1), index) == who + " is not locked out"


@pytest.mark.parametrize("waits", [True, False])
def test_a_breaker_that_is_closed_or_about_to_open_is_not_released(waits):
    cabinet = Cabinet(configuration(4, {"breakers.kind": "contactor"}), current_A=40.0)
    cabinet.run(0.1)
    cabinet.plus_C[1] = 85.0
    cabinet.stuck.add(1)
    cabinet.run_until(3, kind="trip")
    cabinet.run(0.5 if waits else 3)
    cabinet.plus_C[1] = 25.0
    cabinet.run(0.1)
    assert bool(cabinet.protection.decider.openings.pending) == waits
    assert refusal(cabinet, 1) == "BAT02 is not open yet"


def test_a_cause_that_stands_is_named_with_what_it_has_to_come_to():
    cabinet = cabinet_that_tripped(1)
    cabinet.plus_C[1] = 76.0
    cabinet.run(0.1)
    assert refusal(cabinet, 1) == (
        "BAT02 TERM+ terminal_overtemperature is at 75.99 degC, it has to be below 75.00"
    )
    cabinet.plus_C[1] = 74.9
    cabinet.run(0.1)
    assert refusal(cabinet, 1) is None


def test_a_cause_that_is_there_or_not_is_named():
    cabinet = Cabinet(only(at_once(configuration()), "external_trip", "sensor_fault.trip"))
    cabinet.minus_C[1] = 70.0
    cabinet.run(0.5)
    cabinet.counts[cabinet.terminal_channel(1, 1)] = 22000
    cabinet.external_gives = True
    cabinet.run(3)
    assert refusal(cabinet, 1) == "BAT02 TERM- sensor_fault still stands"
    assert refusal(cabinet, cabinet.main) == "external_trip still stands"
    cabinet.counts.clear()
    cabinet.external_gives = False
    cabinet.run(0.1)
    assert refusal(cabinet, 1) is refusal(cabinet, cabinet.main) is None


def test_a_cause_that_cannot_be_measured_any_more_stands():
    cabinet = cabinet_that_tripped(1)
    cabinet.counts[cabinet.terminal_channel(1)] = 22000
    cabinet.run(1)
    assert refusal(cabinet, 1) == (
        "BAT02 TERM+ terminal_overtemperature has no value: its sensor is lost"
    )


def test_the_integrator_has_to_come_back_by_half():
    cabinet = Cabinet(at_once(configuration()), current_A=[250.0, 40.0, 40.0, 40.0])
    cabinet.run_until(8, kind="trip")
    cabinet.current_A = [0.0] * 4
    cabinet.run(0.1)
    assert "overcurrent_inverse is at 99." in refusal(cabinet, 0)
    assert refusal(cabinet, 0).endswith(" %, it has to be below 50.0")
    cabinet.run(8)
    assert refusal(cabinet, 0) is None


def test_a_reset_clears_what_held_it_and_records_both():
    cabinet = cabinet_that_tripped(1, 2)
    assert cabinet.protection.alarm
    cleared, released = reset(cabinet, 1)
    assert (cleared["kind"], cleared["level"], cleared["battery"]) == ("clear", "trip", 2)
    assert (cleared["element"], cleared["terminal"]) == ("terminal_overtemperature", "+")
    assert (cleared["limit"], cleared["action"]) == (75, "none")
    assert (released["element"], released["battery"], released["level"]) == ("lockout", 2, None)
    assert cabinet.protection.breakers.tripped == 0b0100
    assert cabinet.protection.alarm
    reset(cabinet, 2)
    assert not cabinet.protection.alarm
    assert cabinet.run(5) == []
    assert cabinet.closed == [True, False, False, True, True]


def test_what_was_reset_and_comes_back_trips_again():
    cabinet = cabinet_that_tripped(1)
    reset(cabinet, 1)
    cabinet.closed[1] = True
    cabinet.run(1)
    cabinet.plus_C[1] = 85.0
    assert cabinet.run_until(3, kind="trip")["action"] == "trip_battery"
    cabinet.run(0.1)
    assert not cabinet.closed[1]


def test_a_repeated_trip_needs_the_word():
    cabinet = cabinet_that_tripped(1)
    reset(cabinet, 1)
    cabinet.closed[1] = True
    cabinet.plus_C[1] = 85.0
    cabinet.run(3)
    cabinet.plus_C[1] = 25.0
    cabinet.run(0.1)
    reason = 'BAT02 has tripped 2 times within 24 h: find out why, then add the word "inspected"'
    assert refusal(cabinet, 1) == refusal(cabinet, 1, "please") == reason
    assert refusal(cabinet, 1, CONFIRMATION) is None
    cabinet.protection.events.seconds += 24 * 3600
    assert refusal(cabinet, 1) is None


def stuck_behind_the_main():
    """Return a cabinet whose battery 2 stayed, so that the main opened; it is open by hand now."""
    cabinet = Cabinet(at_once(configuration()), current_A=40.0)
    cabinet.stuck.add(1)
    cabinet.plus_C[1] = 85.0
    cabinet.run(3)
    assert not cabinet.closed[cabinet.main]
    cabinet.closed[1] = False
    cabinet.plus_C[1] = 25.0
    cabinet.run(0.2)
    return cabinet


def test_the_main_is_released_after_the_battery_that_took_it_along():
    cabinet = stuck_behind_the_main()
    assert refusal(cabinet, cabinet.main) == "BAT02 tripped the main as well: reset 2 first"
    assert refusal(cabinet, 1) is None
    reset(cabinet, 1)
    assert refusal(cabinet, cabinet.main) is None
    reset(cabinet, cabinet.main)
    assert cabinet.protection.breakers.tripped == 0
    assert not cabinet.protection.alarm


def restarted(cabinet, **measured):
    """Return the cabinet after a restart: what was kept, and where the breakers are."""
    kept = bytes(cabinet.protection.decider.lockout.dump())
    other = Cabinet(cabinet.config, **measured)
    assert other.protection.decider.lockout.load(kept)
    other.closed = list(cabinet.closed)
    other.run(1)
    return other


def test_after_a_restart_the_cause_still_has_to_be_gone():
    cabinet = restarted(cabinet_that_tripped(1), plus_C=[25.0, 79.0, 25.0, 25.0])
    assert refusal(cabinet, 1) == (
        "BAT02 TERM+ terminal_overtemperature is at 79.00 degC, it has to be below 75.00"
    )
    assert cabinet.protection.alarm
    cabinet.plus_C[1] = 70.0
    cabinet.run(0.1)
    assert refusal(cabinet, 1) is None
    reset(cabinet, 1)
    assert cabinet.protection.breakers.tripped == 0


def test_trips_before_a_restart_count():
    cabinet = cabinet_that_tripped(1)
    reset(cabinet, 1)
    cabinet.closed[1] = True
    cabinet = restarted(cabinet)
    cabinet.plus_C[1] = 85.0
    cabinet.run(3)
    assert cabinet.protection.decider.lockout.trips[1] == 2


def test_after_a_50_of_all_the_main_can_be_released_with_the_batteries_closed():
    cabinet = Cabinet(only(configuration(), "overcurrent_instantaneous.trip"), current_A=520.0)
    cabinet.run(0.2)
    cabinet.current_A = [0.0] * 4
    cabinet.run(1)
    assert cabinet.closed == [True] * 4 + [False]
    for k in range(4):
        assert refusal(cabinet, k) is None
        reset(cabinet, k)
    assert refusal(cabinet, cabinet.main) is None


def test_after_a_crossing_the_battery_can_be_released():
    cabinet = Cabinet(at_once(configuration()), current_A=40.0)
    cabinet.run(0.1)
    cabinet.stuck.add(1)
    cabinet.plus_C[1] = 85.0
    cabinet.run_until(3, kind="trip")
    cabinet.closed[2] = False
    cabinet.run(1)
    assert cabinet.protection.breakers.crossed == 0b0010
    cabinet.closed[1] = False
    cabinet.plus_C[1] = 25.0
    cabinet.run(0.2)
    assert refusal(cabinet, 1) is None


def test_a_battery_that_tripped_alone_does_not_hold_the_main():
    cabinet = Cabinet(at_once(configuration()), current_A=[250.0, 40.0, 40.0, 40.0])
    cabinet.run_until(8, kind="trip", action="trip_battery")
    cabinet.external_gives = True
    cabinet.run_until(1, kind="trip", action="trip_main")
    cabinet.external_gives = False
    cabinet.run(1)
    assert refusal(cabinet, cabinet.main) is None


def test_the_only_battery_without_a_contact_is_permitted_again_after_a_reset():
    cabinet = Cabinet(at_once(configuration(1, {"breakers.feedback": "none"})), current_A=30.0)
    cabinet.plus_C = [85.0]
    cabinet.run(3)
    cabinet.plus_C = [25.0]
    cabinet.current_A = [0.0]
    cabinet.run(0.1)
    reset(cabinet, 0)
    cabinet.closed[0] = True
    cabinet.run(1)
    assert cabinet.protection.decider.discharge_allowed
