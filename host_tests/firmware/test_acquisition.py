"""Acquisition on the simulated chips: where values land, how old they get, what failures cost."""

import pytest

from firmware.ticks import Ticks, distinct
from packwarden.fixed import BIAS, NONE
from packwarden.frame import ABSENT, CONFIG_LOST, FROZEN, MAIN_BIT, OK, WRONG_CHIP
from packwarden_sim.clock import us

HUNG_us = 20_000  # the bus's time-out on this board


@pytest.fixture
def ready(rigged):
    """A rig, its frame, and ticks on its acquisition."""

    def make(*args, tick_ms=10, **more):
        rig = rigged(*args, tick_ms=tick_ms, **more)
        acquisition, frame = rig.acquisition()
        return rig, frame, Ticks(acquisition, tick_ms)

    return make


@pytest.mark.parametrize("batteries", [1, 4, 15])
def test_every_channel_holds_what_is_wired_to_it(ready, batteries):
    n = batteries
    rig, frame, ticks = ready(n, distinct(n))
    ticks.run(50)
    source = rig.wiring.source
    # The noise of the chips is a code or two; of the ADC 1 mV, averaged.
    for k in range(n):
        assert frame.raw[k] - BIAS == pytest.approx(source.shunt[k], abs=2)
    for k in range(n + 1):
        assert frame.raw[frame.voltage + k] - BIAS == pytest.approx(source.bus[k], abs=2)
    assert frame.bus == frame.voltage + n
    for place in range(2 * n + 2):
        counts = frame.raw[frame.terminal + place] - BIAS
        assert counts == pytest.approx(source.adc_uv[place] / 100, abs=15)
    assert (frame.ambient, frame.reference) == (frame.terminal + 2 * n, frame.terminal + 2 * n + 1)
    assert set(frame.note) == {OK}
    # The temperatures are told apart by more than the noise.
    assert len({round(source.adc_uv[place] / 100 / 15) for place in range(2 * n + 1)}) > n


@pytest.mark.parametrize("feedback", ["52a", "52b", "both", "none"])
def test_contacts_are_read_to_their_breakers(ready, feedback):
    rig, frame, ticks = ready(15, choices={"feedback": feedback})
    ticks.run()
    every = (1 << 15) - 1 | 1 << MAIN_BIT
    assert frame.contacts_known or feedback == "none"
    assert frame.aux_a == (every if feedback in ("52a", "both") else 0)
    assert frame.aux_b == 0
    for index, breaker in enumerate([*rig.wiring.breakers, rig.wiring.main]):
        breaker.by_hand(False)
        rig.wiring.update_inputs()
        ticks.run()
        bit = 1 << (MAIN_BIT if index == 15 else index)
        assert frame.aux_a == (every & ~bit if feedback in ("52a", "both") else 0)
        assert frame.aux_b == (bit if feedback in ("52b", "both") else 0)
        breaker.by_hand(True)
        rig.wiring.update_inputs()


@pytest.mark.parametrize("batteries", [1, 4, 15])
@pytest.mark.parametrize("tick_ms", [10, 20, 50, 250, 1000])
def test_an_alert_stands_while_its_monitor_is_beyond_its_limit(ready, batteries, tick_ms):
    """Its flags are read meanwhile, which lets go of the pin until the next conversion ends."""
    rig, frame, ticks = ready(batteries, tick_ms=tick_ms)
    ticks.run(5)
    assert frame.alert == 0
    quiet = rig.wiring.source.bus[0]
    rig.wiring.source.bus[0] = round(64 / 195.3125e-6)  # beyond 1.05 times 59.2 V
    rig.wiring.update_inputs()
    ticks.run(3)
    seen = []
    ticks.run(300, lambda _: seen.append(frame.alert))
    assert set(seen) == {1}
    rig.wiring.source.bus[0] = quiet
    rig.wiring.update_inputs()
    ticks.run(max(3, 200 // tick_ms))
    assert frame.alert == 0


@pytest.mark.parametrize("contact", ["closed_on_alarm", "open_on_alarm"])
def test_bms_contacts_are_read_to_their_batteries(ready, contact):
    rig, frame, ticks = ready(15, choices={"bms_contact": contact})
    for battery in range(15):
        rig.wiring.source.bms = 1 << battery
        rig.wiring.update_inputs()
        ticks.run()
        alarms = frame.bms if contact == "closed_on_alarm" else ~frame.bms & 0x7FFF
        assert alarms == 1 << battery


def ages(rig, frame, ticks, channels, seconds):
    """The longest time in ms between two new counts of each channel."""
    seen = {channel: (frame.count[channel], None) for channel in channels}
    worst = dict.fromkeys(channels, 0)

    def look(now_us):
        for channel in channels:
            count, since_us = seen[channel]
            if frame.count[channel] != count:
                if since_us is not None:
                    worst[channel] = max(worst[channel], (now_us - since_us) / 1000)
                seen[channel] = (frame.count[channel], now_us)

    ticks.run(round(seconds * 1e6 / ticks.tick_us), look)
    assert all(since_us is not None for _, since_us in seen.values())
    return worst


@pytest.mark.parametrize("batteries", [1, 2, 4, 8, 15])
@pytest.mark.parametrize("tick_ms", [10, 20, 50, 100, 250])
def test_no_slow_channel_of_a_monitor_is_older_than_half_a_second(ready, batteries, tick_ms):
    rig, frame, ticks = ready(batteries, tick_ms=tick_ms)
    worst = ages(rig, frame, ticks, range(frame.voltage, frame.terminal), 3)
    assert max(worst.values()) <= 500


@pytest.mark.parametrize("tick_ms", [251, 500, 1000])
def test_above_a_quarter_second_every_channel_is_read_in_every_tick(ready, tick_ms):
    _, frame, ticks = ready(15, tick_ms=tick_ms)
    before = list(frame.count)
    ticks.run(8)
    for channel in range(frame.terminal):
        assert frame.count[channel] - before[channel] == 8


def test_every_register_of_the_settings_is_looked_at_in_turn(ready):
    """A setting that was lost is found within its rotation: 6 registers, a round of 0.4 s each."""
    rig, frame, ticks = ready(4)
    ticks.run(10)
    model = rig.wiring.monitors[1].model
    good = dict(model.regs)
    for register in (0x00, 0x01, 0x0B):
        model.write(bytes((register, 0x00, 0x10 if register == 0 else 0x00)))
        assert model.regs != good
        ticks.run(260)
        assert model.regs == good
    assert frame.note[1] == OK


@pytest.mark.parametrize(("batteries", "battery"), [(1, 1), (2, 1), (4, 1), (4, 4), (15, 15)])
def test_an_absent_chip_is_told_as_absent_and_then_visited_once_in_five_seconds(
    ready, batteries, battery
):
    """Three failed ticks, however often the slow channels of a small bank come round."""
    rig, frame, ticks = ready(batteries)
    ticks.run(10)
    rig.wiring.monitors[battery - 1].absent(True)
    before = frame.count[battery - 1]
    address = rig.monitor(battery)
    visits = rig.visits(address)
    attempts = []
    ticks.run(3, lambda _: attempts.append(frame.count[battery - 1] - before))
    assert (frame.raw[battery - 1], frame.note[battery - 1]) == (NONE, ABSENT)
    assert frame.raw[frame.voltage + battery - 1] == NONE
    # One failed attempt per tick, in both channels: what is counted is what was tried.
    assert attempts == [1, 2, 3]
    assert rig.visits(address) - visits == 3
    visits = rig.visits(address)
    ticks.run(2000)
    assert 3 <= rig.visits(address) - visits <= 4
    others = [k for k in range(batteries) if k != battery - 1]
    assert all(frame.note[k] == OK and frame.raw[k] != NONE for k in others)


def test_a_chip_that_comes_back_is_configured_anew(ready):
    rig, frame, ticks = ready(4)
    seat = rig.wiring.monitors[2]
    ticks.run(10)
    good = dict(seat.model.regs)
    seat.absent(True)
    ticks.run(100)
    seat.model.power_up()
    seat.absent(False)
    ticks.run(501)
    assert (frame.note[2], seat.model.regs) == (OK, good)
    assert frame.raw[2] != NONE


def test_a_hung_chip_costs_one_time_out_a_tick_and_then_none(ready):
    rig, _, ticks = ready(15)
    usual_us = max(ticks.run(50))
    for seat in rig.wiring.monitors:
        seat.hang(True)
    for seat in rig.wiring.inputs:
        seat.hang(True)
    costs_us = ticks.run(200)
    assert max(costs_us) <= HUNG_us + usual_us
    # Three time-outs each, and then all of them are left alone.
    timeouts = [cost > HUNG_us for cost in costs_us]
    assert sum(timeouts) == 3 * (16 + 3)
    assert not any(timeouts[80:])
    assert max(costs_us[80:]) < usual_us


def test_after_a_time_out_the_temperatures_are_read_all_the_same(ready):
    rig, frame, ticks = ready(15)
    ticks.run(20)
    rig.wiring.monitors[0].hang(True)
    thermistors = slice(frame.terminal, frame.reference + 1)
    before = sum(frame.count[thermistors])
    assert min(ticks.run(3)) > HUNG_us
    assert sum(frame.count[thermistors]) - before == 3 * 2


@pytest.mark.parametrize(
    ("name", "note"), [("frozen", FROZEN), ("impostor", WRONG_CHIP), ("power_up", CONFIG_LOST)]
)
def test_what_is_wrong_with_a_chip_is_noted(ready, name, note):
    rig, frame, ticks = ready(4)
    ticks.run(100)
    model = rig.wiring.monitors[3].model
    {"frozen": lambda: model.freeze(True, 2), "impostor": lambda: model.impostor(True)}.get(
        name, model.power_up
    )()
    notes = set()
    ticks.run(300, lambda _: notes.add(frame.note[3]))
    assert note in notes
    assert all(frame.note[k] == OK for k in range(3))
    if note == CONFIG_LOST:
        assert frame.note[3] == OK


def test_one_lost_input_expander_does_not_hide_the_others(ready):
    rig, frame, ticks = ready(15)
    ticks.run(5)
    every = frame.aux_a
    rig.wiring.inputs[1].absent(True)  # BMS contacts only
    rig.wiring.breakers[4].by_hand(False)
    rig.wiring.update_inputs()
    ticks.run(5)
    assert ticks.acquisition.inputs_lost
    assert frame.contacts_known
    assert frame.aux_a == every & ~(1 << 4)


def test_positions_are_not_known_while_their_expander_is_lost_and_are_again_afterwards(ready):
    rig, frame, ticks = ready(4)
    ticks.run(5)
    seat = rig.wiring.inputs[0]
    seat.absent(True)
    ticks.run(5)
    assert not frame.contacts_known & 0b1111 and ticks.acquisition.inputs_lost
    assert frame.contacts_known >> MAIN_BIT  # that one is on another expander
    visits = rig.visits(rig.board.INPUT_EXPANDERS[0])
    ticks.run(450)
    assert rig.visits(rig.board.INPUT_EXPANDERS[0]) == visits
    # It lost its supply: its pull-ups have to be set before its pins say anything.
    seat.model.power_up()
    seat.absent(False)
    rig.wiring.breakers[2].by_hand(False)
    rig.wiring.update_inputs()
    words = []
    ticks.run(
        100, lambda _: words.append(frame.aux_a & 0b1111 if frame.contacts_known & 1 else None)
    )
    assert not ticks.acquisition.inputs_lost
    assert set(words) == {None, 0b1011} and words[-1] == 0b1011


def test_pull_ups_that_were_lost_are_set_again_within_a_dozen_ticks(ready):
    rig, frame, ticks = ready(15)
    ticks.run(5)
    for seat in rig.wiring.inputs:
        seat.model.power_up()
    rig.wiring.breakers[7].by_hand(False)
    rig.wiring.update_inputs()
    ticks.run(13)
    assert frame.aux_a >> 7 & 1 == 0


@pytest.mark.parametrize("missing", [None, 3])
def test_it_is_complete_when_every_channel_was_attempted(ready, missing):
    rig, _, ticks = ready(4)
    if missing is not None:
        rig.wiring.monitors[missing].absent(True)
    assert not ticks.acquisition.complete(3)
    ticks.run(48)
    assert ticks.acquisition.complete(3)


@pytest.mark.parametrize(
    ("batteries", "bus", "stretch_us", "current_ms", "slow_ms", "heat_ms"),
    [
        (4, "monitors", 5000, 50, 600, 350),
        (15, "monitors", 5000, 150, 2000, 400),
        (15, "expanders", 5000, 40, 600, 250),
        (15, "monitors", 12_000, 300, 4500, 800),
    ],
)
def test_a_bus_that_crawls_takes_turns_and_everything_is_still_read(
    ready, batteries, bus, stretch_us, current_ms, slow_ms, heat_ms
):
    """Nobody times out. A tick that was too long for all of it goes on in the next one."""
    rig, frame, ticks = ready(batteries)
    ticks.run(60)
    crawling = rig.wiring.buses[("monitors", "expanders").index(bus)]
    crawling.crawl_us = stretch_us
    read_us = [us[0]] * frame.channels
    seen, ages_us = list(frame.count), [0] * frame.channels

    def look(began_us):
        for channel, count in enumerate(frame.count):
            if count != seen[channel]:
                seen[channel] = count
                read_us[channel] = began_us
            ages_us[channel] = max(ages_us[channel], began_us - read_us[channel])

    end_us = us[0] + 5_000_000
    while us[0] < end_us:
        (took_us,) = ticks.run(1, look)
        # Four currents before the clock is looked at again, or the contacts of three expanders.
        assert took_us < 12_000 + 8 * stretch_us
    assert max(ages_us[: frame.voltage]) < current_ms * 1000
    assert max(ages_us[frame.voltage : frame.terminal]) < slow_ms * 1000
    assert max(ages_us[frame.terminal : frame.reference + 1]) < heat_ms * 1000
    assert set(frame.note) == {OK}
    assert frame.contacts_known
    crawling.crawl_us = 0
    ticks.run(60)
    assert max(ticks.run(20)) < 5000
