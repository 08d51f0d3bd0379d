"""The firmware on cabinet4: thermistors behind ADS1115s, relays on pins, one input expander."""

import pytest

from firmware import rig
from firmware.ticks import Ticks, distinct
from packwarden.fixed import BIAS, MASK, NONE
from packwarden.frame import ABSENT, CONFIG_LOST, FROZEN, MAIN_BIT, OK
from packwarden_sim.clock import us

HUNG_us = 20_000  # the bus's time-out on this board
ROUND = 12  # visits until every input has been read once more
MAIN = 1 << MAIN_BIT


@pytest.fixture
def rigged(tmp_path, monkeypatch):
    """Make a Rig of cabinet4; arguments are those of `rig.Rig`."""

    def make(*args, **more):
        choices = {"board": "cabinet4"} | more.pop("choices", {})
        return rig.Rig(tmp_path, *args, choices=choices, **more)

    monkeypatch.chdir(tmp_path)
    with rig.firmware("cabinet4"):
        yield make


@pytest.fixture
def ready(rigged):
    """A rig, its frame, and ticks on its acquisition."""

    def make(*args, tick_ms=10, **more):
        made = rigged(*args, tick_ms=tick_ms, **more)
        acquisition, frame = made.acquisition()
        return made, frame, Ticks(acquisition, tick_ms)

    return make


def place(made, frame, number):
    """The channels of the thermistors behind a converter, by its inputs."""
    board = made.board
    wired = {board.AMBIENT: frame.ambient, board.REFERENCE: frame.reference}
    for k in range(frame.batteries):
        wired[board.TERMINAL_PLUS[k]] = frame.terminal + 2 * k
        wired[board.TERMINAL_MINUS[k]] = frame.terminal + 2 * k + 1
    return [channel for at, channel in sorted(wired.items()) if at[0] == number]


# Thermistors


@pytest.mark.parametrize("batteries", [1, 2, 4])
def test_every_thermistor_is_read_from_the_input_that_it_is_wired_to(ready, batteries):
    made, frame, ticks = ready(batteries, distinct(batteries))
    ticks.run(2 * ROUND)
    source = made.wiring.source
    for item in range(2 * batteries + 2):
        counts = frame.raw[frame.terminal + item] - BIAS
        assert counts == pytest.approx(source.adc_uv[item] / 100, abs=3)
    assert set(frame.note) == {OK}


def test_a_tick_visits_one_converter_and_a_round_all_inputs(ready):
    made, frame, ticks = ready(4)
    ticks.run(ROUND)
    before, visited = list(frame.count), []

    def note(began_us):
        seen = [entry[2] for entry in made.log if entry[0] >= began_us and entry[1] == "chip"]
        visited.append({address for address in seen if address in made.board.CONVERTERS})

    ticks.run(ROUND, note)
    assert visited == [{address} for address in made.board.CONVERTERS] * (ROUND // 3)
    thermistors = range(frame.terminal, frame.reference + 1)
    assert all(frame.count[channel] - before[channel] >= 1 for channel in thermistors)


def test_what_is_read_is_no_older_than_a_round(ready):
    made, frame, ticks = ready(4)
    ticks.run(2 * ROUND)
    source = made.wiring.source
    source.adc_uv[3] += 200_000
    ticks.run(ROUND + 3)  # a conversion that had begun counts as well
    assert frame.raw[frame.terminal + 3] - BIAS == pytest.approx(source.adc_uv[3] / 100, abs=3)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_converter_that_is_gone_loses_its_inputs_and_no_other(ready, number):
    made, frame, ticks = ready(4)
    ticks.run(2 * ROUND)
    lost = place(made, frame, number)
    before = list(frame.count)
    seat = made.wiring.converters[number]
    seat.absent(True)
    ticks.run(3 * 3)  # three visits, three failures
    for channel in range(frame.terminal, frame.reference + 1):
        gone = channel in lost
        assert (frame.note[channel], frame.raw[channel] == NONE) == (
            (ABSENT, True) if gone else (OK, False)
        )
    assert all((frame.count[channel] - before[channel]) & MASK == 3 for channel in lost)
    address = made.board.CONVERTERS[number]
    visits = made.visits(address)
    ticks.run(490)
    assert made.visits(address) == visits  # left alone for 5 s
    seat.absent(False)
    ticks.run(10 + ROUND)
    assert {frame.note[channel] for channel in lost} == {OK}


def test_a_converter_that_hangs_costs_one_time_out_a_tick_and_is_left_alone(ready):
    made, frame, ticks = ready(4)
    ticks.run(2 * ROUND)
    made.wiring.converters[0].hang(True)
    took_us = ticks.run(9)
    assert sum(spent >= HUNG_us for spent in took_us) == 3
    assert max(took_us) < HUNG_us + 5_000
    assert max(ticks.run(450)) < 5_000
    others = place(made, frame, 1) + place(made, frame, 2)
    assert {frame.note[channel] for channel in others} == {OK}
    assert {frame.note[channel] for channel in place(made, frame, 0)} == {ABSENT}


def test_where_another_chip_has_timed_out_no_converter_is_asked(ready):
    made, _, ticks = ready(4)
    ticks.run(2 * ROUND)
    made.wiring.monitors[0].hang(True)
    visits = sum(made.visits(address) for address in made.board.CONVERTERS)
    ticks.run(1)
    assert sum(made.visits(address) for address in made.board.CONVERTERS) == visits


def test_a_held_bus_costs_no_time_and_its_converters_are_back_once_it_is_free(ready):
    made, frame, ticks = ready(4)
    ticks.run(2 * ROUND)
    bus = made.wiring.buses[1]
    bus.hang(True)
    assert max(ticks.run(30)) < 5_000
    thermistors = range(frame.terminal, frame.reference + 1)
    assert {frame.note[channel] for channel in thermistors} == {ABSENT}
    bus.hang(False)
    ticks.run(3 + ROUND + 3)
    assert {frame.note[channel] for channel in thermistors} == {OK}


def test_one_that_was_reset_gives_one_bad_attempt_and_no_wrong_number(ready):
    made, frame, ticks = ready(4, distinct(4))
    ticks.run(2 * ROUND)
    notes = []
    made.wiring.converters[0].model.power_up()
    ticks.run(2 * ROUND, lambda _: notes.append([frame.note[c] for c in place(made, frame, 0)]))
    lost = [note for tick in notes for note in tick if note != OK]
    assert set(lost) == {CONFIG_LOST} and len(lost) == ROUND  # one channel, until its next turn
    for item in range(8):
        counts = frame.raw[frame.terminal + item] - BIAS
        assert counts == pytest.approx(made.wiring.source.adc_uv[item] / 100, abs=3)


def test_one_that_converts_no_more_is_frozen(ready):
    made, frame, ticks = ready(4)
    ticks.run(2 * ROUND)
    made.wiring.converters[1].model.freeze(True)
    ticks.run(2 * ROUND)
    frozen = place(made, frame, 1)
    assert {frame.note[channel] for channel in frozen} == {FROZEN}
    assert {frame.raw[channel] for channel in frozen} == {NONE}
    made.wiring.converters[1].model.freeze(False)
    ticks.run(2 * ROUND)
    assert {frame.note[channel] for channel in frozen} == {OK}


@pytest.mark.parametrize("says", ["zero", "impostor"])
def test_another_device_in_its_place_is_never_a_temperature(ready, says):
    made, frame, ticks = ready(4)
    getattr(made.wiring.converters[0].model, says)(True)
    ticks.run(3 * ROUND)
    assert {frame.note[channel] for channel in place(made, frame, 0)} == {CONFIG_LOST}
    assert {frame.raw[channel] for channel in place(made, frame, 0)} == {NONE}


@pytest.mark.parametrize("bus", [0, 1])
def test_a_bus_that_crawls_makes_no_thermistor_older_than_a_second(ready, bus):
    """Each transaction takes 5 ms longer: four of them are a visit of a converter."""
    made, frame, ticks = ready(4)
    ticks.run(2 * ROUND)
    made.wiring.buses[bus].crawl_us = 5_000
    seen = dict.fromkeys(range(frame.terminal, frame.reference + 1), us[0])
    counts, oldest_us = list(frame.count), 0

    def look(_):
        nonlocal oldest_us
        for channel in seen:
            oldest_us = max(oldest_us, us[0] - seen[channel])
            if frame.count[channel] != counts[channel]:
                counts[channel], seen[channel] = frame.count[channel], us[0]

    assert max(ticks.run(60, look)) < 70_000
    assert oldest_us < 1_000_000
    assert {frame.note[channel] for channel in seen} == {OK}


@pytest.mark.parametrize("tick_ms", [10, 50, 1000])
def test_at_any_tick_no_thermistor_is_older_than_half_a_second(rigged, tick_ms):
    made = rigged(4, "t_s\n0\n6\n", tick_ms=tick_ms)
    cabinet = made.cabinet()
    frame = cabinet.protection.frame
    seen, oldest_us = {}, {}

    def note():
        now = us[0]
        for channel in range(frame.terminal, frame.reference + 1):
            if seen.get(channel, (None, 0))[0] != frame.count[channel]:
                seen[channel] = (frame.count[channel], now)
            if made.world.now_ms() > 1000:
                oldest_us[channel] = max(oldest_us.get(channel, 0), now - seen[channel][1])

    made.each_wake = note
    made.run(cabinet)
    assert len(oldest_us) == 10
    assert max(oldest_us.values()) <= 500_000 + tick_ms * 1000


def test_a_converter_that_hangs_in_the_slack_makes_no_tick_late(rigged):
    made = rigged(4, "t_s\n0\n6\n", tick_ms=100)
    cabinet = made.cabinet()
    made.wiring.converters[2].hang(True)
    made.run(cabinet)
    assert max(cabinet.timing.worst_late_us) < 100
    (job,) = [job for job in cabinet.timing.jobs if job.name == "thermistors"]
    assert HUNG_us <= job.worst_us <= job.bound_us


# Relays


@pytest.fixture
def outputs(rigged):
    def make(energised=0, **choices):
        made = rigged(4, choices=choices)
        found = made.outputs()
        found.boot(energised)
        return made, found

    return make


def relays(made):
    """Level of the pads of the relays, by bit."""
    return [made.wiring.levels[pin] for pin in made.board.RELAY_PINS]


def test_every_relay_goes_where_it_is_wired(outputs):
    made, found = outputs()
    found.write(0b0101 | MAIN, True, True, True, False)
    assert relays(made) == [1, 0, 1, 0, 1]
    assert made.wiring.relays() == 0b10101
    assert made.wiring.levels[made.board.PIN_MAIN_TRIP] == 1
    found.verify()
    assert not found.failed
    found.write(0b1000, False, False, True, True)
    assert relays(made) == [0, 0, 0, 1, 0]


def test_a_held_breaker_is_held_from_boot_on(outputs):
    made, _ = outputs(0b1011, breaker="uvr")
    assert relays(made) == [1, 1, 0, 1, 0]


def test_neither_a_held_bus_nor_a_time_out_keeps_a_relay_from_moving(outputs):
    made, found = outputs()
    made.wiring.buses[1].hang(True)
    made.buses.timed_out = True
    began_us = us[0]
    found.write(0b0010, False, True, True, True)
    found.verify()
    assert relays(made) == [0, 1, 0, 0, 0]
    assert us[0] - began_us < 200
    assert not found.failed
    found.write(0b0010, True, True, True, True)
    assert relays(made) == [0, 1, 0, 0, 1]


@pytest.mark.parametrize("bit", range(5))
@pytest.mark.parametrize("level", [0, 1])
def test_a_relay_that_does_not_follow_is_told(outputs, bit, level):
    made, found = outputs()
    made.wiring.relay.model.stick(bit, level)
    wanted = 0 if level else 1 << bit
    for _ in range(2):
        found.write(wanted & 0b1111, bool(wanted & 0b10000), False, True, True)
        found.verify()
    assert found.failed
    made.wiring.relay.model.stick(bit, None)
    found.write(wanted & 0b1111, bool(wanted & 0b10000), False, True, True)
    found.verify()
    assert not found.failed
    assert made.wiring.relays() == wanted


def test_a_low_level_energises_where_the_board_says_so(rigged, monkeypatch):
    made = rigged(4)
    monkeypatch.setattr(made.board, "ACTIVE_LOW_RELAYS", 0b00110)
    found = made.outputs()
    found.boot(0b0010)
    assert relays(made) == [0, 0, 1, 0, 0]
    found.fail_safe(0b0101)
    assert relays(made) == [1, 1, 0, 0, 0]


@pytest.mark.parametrize("active_low", [0, 0b10101])
def test_the_first_breath_brings_every_relay_to_off_before_any_chip_is_visited(
    rigged, monkeypatch, active_low
):
    made = rigged(4, "t_s\n0\n1\n")
    monkeypatch.setattr(made.board, "ACTIVE_LOW_RELAYS", active_low)
    for pin in made.board.RELAY_PINS:
        made.wiring.levels[pin] = 1
    made.log.clear()
    assert made.main()[0] == "end"
    first_chip = next(i for i, entry in enumerate(made.log) if entry[1] == "chip")
    levels = dict.fromkeys(made.board.RELAY_PINS, 1)
    levels |= {entry[2]: entry[3] for entry in made.log[:first_chip]}
    for bit, pin in enumerate(made.board.RELAY_PINS):
        assert levels[pin] == active_low >> bit & 1


def test_a_trip_opens_its_breaker(rigged):
    made = rigged(4, "t_s,tn3_C\n0,25\n1,95\n6,95\n")
    cabinet = made.cabinet()
    made.run(cabinet)
    assert made.wiring.positions() == [True, True, False, True, True]
    trips = [event for event in made.lines() if event["kind"] == "trip"]
    assert [(trip["battery"], trip["terminal"]) for trip in trips] == [(3, "-")]


# Contacts


def test_the_contacts_of_all_breakers_are_read_the_main_ones_too(ready):
    made, frame, ticks = ready(4)
    ticks.run(2)
    assert frame.aux_a == 0b1111 | MAIN
    made.wiring.main.by_hand(False)
    made.wiring.breakers[1].by_hand(False)
    made.wiring.update_inputs()
    ticks.run(2)
    assert frame.aux_a == 0b1101


@pytest.mark.parametrize("feedback", ["52b", "both"])
def test_a_contact_that_is_not_wired_is_refused_when_the_bank_is_configured(rigged, feedback):
    with pytest.raises(Exception, match="is not wired on cabinet4, there is: none, 52a"):
        rigged(4, choices={"feedback": feedback})
