"""The buses on simulated lines: seen before they cost time, freed in the slack, one time-out."""

import sys

import pytest

from packwarden.timing import FLASH
from packwarden_sim.clock import us
from packwarden_sim.meter import TIME_OUTS, TICK_us

HUNG_us = 20_000
SECOND_us = 1_000_000


@pytest.fixture
def buses(rigged):
    rig = rigged(4)
    return rig, rig.buses


def both(buses):
    return (buses.monitors, buses.expanders)


def module():
    return sys.modules["buses"]


def recovered(buses):
    """Call `recover` as the slack does, within what it may take."""
    began_us = us[0]
    buses.recover()
    took_us = us[0] - began_us
    assert took_us < module().RECOVER_us
    return took_us


@pytest.mark.parametrize("sent", range(9))
@pytest.mark.parametrize("byte", [0x00, 0x01, 0x55, 0xFE, 0xFF])
@pytest.mark.parametrize("number", [0, 1])
def test_a_chip_that_was_cut_off_anywhere_in_a_byte_is_clocked_out(buses, number, byte, sent):
    rig, made = buses
    rig.wiring.buses[number].cut_off(byte, sent)
    recovered(made)
    assert both(made)[number].idle()
    address = (rig.monitor(1), rig.board.RELAY_EXPANDER)[number]
    data = bytearray(2)
    both(made)[number].readfrom_into(address, data)  # the calls of before go on


def test_where_nothing_is_wrong_recovery_does_nothing(buses):
    _, made = buses
    assert recovered(made) < 50


def test_a_line_that_stays_held_is_tried_once_a_second(buses):
    rig, made = buses
    rig.wiring.buses[0].hang(True)
    tries = 0
    end_us = us[0] + 5 * SECOND_us
    while us[0] < end_us:
        tries += recovered(made) > 100
        us[0] += 10_000
    assert 5 <= tries <= 6
    rig.wiring.buses[0].hang(False)
    assert made.monitors.idle()


def test_a_line_that_is_held_again_after_it_was_freed_is_freed_at_once(buses):
    rig, made = buses
    for _ in range(5):
        rig.wiring.buses[1].cut_off(0, 0)
        recovered(made)
        assert made.expanders.idle()


def test_both_buses_are_freed_one_after_the_other(buses):
    rig, made = buses
    for bus in rig.wiring.buses:
        bus.cut_off(0, 3)
    recovered(made)
    assert [bus.idle() for bus in both(made)] == [True, False]
    recovered(made)
    assert [bus.idle() for bus in both(made)] == [True, True]


def test_a_bus_that_timed_out_with_free_lines_gets_its_peripheral_anew(buses):
    """A peripheral that lost its way: here one whose pins were taken from it."""
    rig, made = buses
    rig.wiring.buses[0].take()
    made.begin()
    made.ask()
    with pytest.raises(OSError):
        made.monitors.readfrom_into(rig.monitor(1), bytearray(2))
    assert made.failed(made.monitors) and made.timed_out
    assert recovered(made) > 100
    made.monitors.readfrom_into(rig.monitor(1), bytearray(2))
    assert recovered(made) < 50


def test_a_peripheral_that_cannot_be_made_is_tried_again(buses, monkeypatch):
    rig, made = buses
    real = module().I2C
    full = [True]

    def crowded(*args, **kwargs):
        if full[0]:
            raise OSError(0x101)  # the IDF has no memory
        return real(*args, **kwargs)

    monkeypatch.setattr(module(), "I2C", crowded)
    rig.wiring.buses[0].cut_off(0, 0)
    made.recover()
    us[0] += SECOND_us
    full[0] = False
    made.recover()
    assert made.monitors.idle()
    made.monitors.readfrom_into(rig.monitor(1), bytearray(2))


def test_a_refusal_is_no_time_out(buses):
    rig, made = buses
    rig.wiring.monitors[0].absent(True)
    made.begin()
    made.ask()
    with pytest.raises(OSError):
        made.monitors.readfrom_into(rig.monitor(1), bytearray(2))
    assert not made.failed(made.monitors)
    assert not made.timed_out and not made.monitors.doubted


def test_a_controller_that_was_reset_in_a_byte_finds_its_buses_free(rigged):
    rig = rigged(4)
    for bus in rig.wiring.buses:
        bus.cut_off(0x00, 2)
    made = rig.buses
    assert made.monitors.idle() and made.expanders.idle()


# ---- the whole cabinet, tick by tick


def run(rigged, faults, end_s=4, batteries=4, **more):
    text = f"t_s,i1_A\n0,30\n{end_s},30\n"
    rig = rigged(batteries, text, faults=faults, **more)
    cabinet = rig.cabinet()
    time_outs = []
    feed = rig.world.feed

    def noted():
        feed()
        time_outs.append((rig.world.meter.last[TIME_OUTS], rig.world.now_ms()))

    rig.world.feed = noted
    rig.run(cabinet)
    return rig, cabinet, [entry for entry in time_outs if entry[0]]


def fault(target, kind, t_ms=1000, until_ms=None, **more):
    return {"t_ms": t_ms, "until_ms": until_ms, "target": target, "kind": kind, **more}


@pytest.mark.parametrize("bus", ["monitors", "expanders"])
def test_a_byte_that_was_cut_off_costs_one_tick_its_answers_and_no_event(rigged, bus):
    rig, cabinet, time_outs = run(rigged, [fault(f"bus {bus}", "cut_off", byte=0, sent=1)])
    assert time_outs == []
    assert [event["element"] for event in rig.lines()] == ["boot"]
    assert others_missed(cabinet) == 0
    assert cabinet.protection.frame.contacts_known & 0b1111 == 0b1111


@pytest.mark.parametrize("bus", ["monitors", "expanders"])
def test_a_line_that_stays_held_costs_no_time_out_and_is_told(rigged, bus):
    rig, cabinet, time_outs = run(rigged, [fault(f"bus {bus}", "hang")])
    assert time_outs == []
    told = {event["element"] for event in rig.lines()}
    expected = {"monitors": {"sensor_fault"}, "expanders": {"controller_fault", "output_fault"}}
    assert told == {"boot"} | expected[bus]
    assert others_missed(cabinet) == 0


@pytest.mark.parametrize("batteries", [4, 15])
def test_all_monitors_come_back_when_the_line_is_let_go_one_a_tick(rigged, batteries):
    faults = [fault("bus monitors", "hang", 1000, 2500)]
    _, cabinet, _ = run(rigged, faults, batteries=batteries)
    frame = cabinet.protection.frame
    assert all(frame.raw[k] for k in range(batteries + frame.voltage + 1))
    assert set(frame.note[:batteries]) == {0}
    assert others_missed(cabinet) <= 1  # the greeting's garbage


@pytest.mark.parametrize("batteries", [4, 15])
def test_where_every_chip_hangs_no_tick_has_more_than_one_time_out(rigged, batteries):
    chips = [f"monitor {k + 1}" for k in range(batteries)] + ["monitor bus", "relay"]
    chips += [f"inputs {k}" for k in range(3)]
    faults = [fault(chip, "hang") for chip in chips]
    _, _, time_outs = run(rigged, faults, 8, batteries)
    assert {count for count, _ in time_outs} == {1}
    # Three of each chip that is asked, the relays two and once a second; then each once in 5 s.
    early = [t_ms for _, t_ms in time_outs if t_ms < 4000]
    assert len(early) <= 3 * (batteries + 4) + 2 + 3
    late = [t_ms for _, t_ms in time_outs if 4000 <= t_ms < 6000]
    assert len(late) <= 2 + 1


def test_a_trip_is_written_in_a_tick_in_which_a_chip_timed_out(rigged):
    """And nothing but that: the relays' renewal waits for the next tick."""
    text = "t_s,tp2_C\n0,25\n1,86\n4,86\n"
    usual = rigged(4, text)
    usual.run()
    trip_us = usual.tripped_us - usual.armed_ms * 1000
    when_ms = trip_us // 10_000 * 10 - 5  # applied at the wake before the trip's tick
    late = rigged(4, text, faults=[fault("monitor 1", "hang", when_ms)])
    late.run()
    assert 0 < late.tripped_us - late.armed_ms * 1000 - trip_us <= HUNG_us + 500


def others_missed(cabinet):
    """Ticks that were missed for anything else than a commit of what has happened."""
    missed = cabinet.timing.missed
    return sum(missed) - missed[FLASH]


# What boards/cabinet15/README.md says: the most that a failure adds to a tick of 15 batteries.
COSTS_us = {
    "an absent monitor": ([fault("monitor 3", "nack")], 3_000),
    "a hung monitor": ([fault("monitor 3", "hang")], 20_000),
    "a hung input": ([fault("inputs 0", "hang")], 20_100),
    "a hung relay": ([fault("relay", "hang")], 20_500),
    "a stuck bus of monitors, let go": ([fault("bus monitors", "hang", 1000, 3000)], 3_000),
    "a stuck bus of expanders, let go": ([fault("bus expanders", "hang", 1000, 3000)], 2_100),
    "a byte cut off": ([fault("bus monitors", "cut_off", byte=0, sent=1)], 100),
    "relays reset": ([fault("relay", "config_lost")], 600),
    "inputs reset": ([fault("inputs 0", "config_lost")], 1_000),
    "a monitor reset": ([fault("monitor 3", "config_lost")], 1_200),
}


@pytest.mark.parametrize("name", COSTS_us)
def test_what_a_failing_chip_costs_a_tick(rigged, name):
    faults, most_us = COSTS_us[name]
    rig = rigged(15, "t_s,i1_A\n0,30\n6.5,30\n", faults=faults)
    cabinet = rig.cabinet()
    before, after = [], []
    feed = rig.world.feed
    late = [0]  # ticks that began late for a commit of what has happened, which the meter adds

    def noted():
        feed()
        if late[0] != cabinet.timing.late[FLASH]:
            late[0] = cabinet.timing.late[FLASH]
            return
        took_us = rig.world.meter.last[TICK_us]
        if rig.world.now_ms() > 500:
            (before if rig.world.now_ms() < 1000 else after).append(took_us)

    rig.world.feed = noted
    rig.run(cabinet)
    added_us = max(after) - max(before)
    assert added_us <= most_us
