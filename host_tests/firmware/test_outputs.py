"""Outputs on the simulated relays: order at boot, renewal, read-back, the safe state."""

import pytest

from packwarden.frame import MAIN_BIT
from packwarden_sim.clock import us

IODIR, OLAT, IOCON = 0x00, 0x14, 0x0A
MAIN = 1 << MAIN_BIT


@pytest.fixture
def outputs(rigged):
    def make(energised=0, kind="shunt_trip"):
        rig = rigged(15, choices={"breaker": kind})
        made = rig.outputs()
        made.boot(energised)
        return rig, made, rig.wiring.relay.model

    return make


def word(model, register):
    return model._regs[register] | model._regs[register + 1] << 8


def levels(rig):
    board = rig.board
    pins = (board.PIN_MAIN_TRIP, board.PIN_ALARM, board.PIN_CHARGE, board.PIN_DISCHARGE)
    return tuple(rig.wiring.levels[pin] for pin in pins)


@pytest.mark.parametrize("energised", [0, 0x7FFF, 0x0012])
def test_at_boot_the_latch_has_its_level_before_the_pins_drive(rigged, energised):
    rig = rigged(15)
    model = rig.wiring.relay.model
    seen = []

    class Watched(type(model)):
        def _settle(self):
            super()._settle()
            seen.append((word(self, IODIR), self.outputs))

    model.__class__ = Watched
    made = rig.outputs()
    made.boot(energised | MAIN)
    assert seen[-1] == (0, energised)
    assert {driven for direction, driven in seen if direction != 0} <= {0}
    assert {driven for direction, driven in seen if direction == 0} == {energised}
    assert not made.failed


def test_every_output_goes_where_it_is_wired(outputs):
    rig, made, model = outputs()
    made.write(0b101 | MAIN, True, True, True, True)
    assert (model.outputs, levels(rig)) == (0b101 | 1 << rig.board.RELAY_FAN_BIT, (1, 0, 1, 1))
    made.write(1 << 14, False, False, True, True)
    assert (model.outputs, levels(rig)) == (1 << 14, (0, 1, 1, 1))
    made.write(0, False, False, False, True)
    assert levels(rig) == (0, 1, 0, 1)
    made.write(0, False, False, True, False)
    assert levels(rig) == (0, 1, 1, 0)


def test_the_permissives_are_taken_away_before_a_breaker_is_told(outputs):
    rig, made, _ = outputs()
    made.write(0, False, False, True, True)
    rig.log.clear()
    made.write(MAIN | 1, False, True, False, False)
    board = rig.board
    order = [entry[2] for entry in rig.log if entry[1] in ("pin", "chip")]
    first_relay = order.index(board.RELAY_EXPANDER)
    assert order.index(board.PIN_CHARGE) < order.index(board.PIN_MAIN_TRIP) < first_relay
    assert order.index(board.PIN_DISCHARGE) < order.index(board.PIN_MAIN_TRIP)


def test_outputs_that_are_energised_by_a_low_level(rigged, monkeypatch):
    rig = rigged(4)
    monkeypatch.setattr(rig.board, "ACTIVE_LOW_PINS", ("main", "alarm", "charge", "discharge"))
    monkeypatch.setattr(rig.board, "ACTIVE_LOW_RELAYS", 0xFFFF)
    made = rig.outputs()
    made.boot(0)
    assert word(rig.wiring.relay.model, OLAT) == 0xFFFF
    made.write(0b101 | MAIN, True, True, True, True)
    assert word(rig.wiring.relay.model, OLAT) == 0xFFFF ^ (0b101 | 1 << rig.board.RELAY_FAN_BIT)
    assert levels(rig) == (0, 1, 0, 0)
    made.verify()
    made.verify()
    assert not made.failed
    made.fail_safe(0b101)
    assert levels(rig) == (1, 1, 1, 1)
    assert word(rig.wiring.relay.model, OLAT) == 0xFFFF ^ 0b101


@pytest.mark.parametrize("name", ["PIN_MAIN_TRIP", "PIN_ALARM", "PIN_CHARGE", "PIN_DISCHARGE"])
def test_a_pad_that_is_held_is_a_failure(outputs, name):
    rig, made, _ = outputs()
    pin = getattr(rig.board, name)
    made.write(0, False, True, False, False)
    rig.wiring.stuck[pin] = 1
    rig.wiring.levels[pin] = 1
    for _ in range(2):
        made.write(0, False, True, False, False)
        made.verify()
    assert made.failed


def test_the_word_is_renewed_in_every_tick(outputs):
    rig, made, model = outputs()
    for tick in range(6):
        made.write(0x0005, False, False, True, True)
        made.verify()
        assert model.outputs == 0x0005
        model.write(bytes((OLAT, tick, 0xFF)))  # a disturbance between two ticks
        assert model.outputs != 0x0005
    made.write(0x0005, False, False, True, True)
    assert model.outputs == 0x0005
    assert rig.visits(rig.board.RELAY_EXPANDER) > 6


@pytest.mark.parametrize("energised", [0, 0x0007, 0x7FFF])
def test_a_chip_that_was_reset_drives_again_in_the_next_tick(outputs, energised):
    """Before a held breaker notices: its release needs 20 ms."""
    _, made, model = outputs(energised)
    for _ in range(5):
        made.write(energised, False, False, True, True)
        made.verify()
    model.power_up()
    made.write(energised, False, False, True, True)
    made.verify()
    assert (word(model, IODIR), model.outputs) == (0, energised)
    assert not made.failed
    made.write(energised, False, False, True, True)
    made.verify()
    assert not made.failed


@pytest.mark.parametrize("word_lost", [(IOCON, 0x20), (IOCON, 0x80), (IODIR, 0xFF)])
def test_any_disturbed_setting_is_repaired(outputs, word_lost):
    rig, made, model = outputs()
    register, value = word_lost
    model.write(bytes((register, value)))
    for _ in range(10):
        rig.buses.begin()
        made.write(0x7AAA, False, False, True, True)
        made.verify()
    assert (model.outputs, word(model, IODIR), made.failed) == (0x7AAA, 0, False)


def test_one_mismatch_is_no_failure_and_two_are(outputs):
    rig, made, _ = outputs()
    seat = rig.wiring.relay
    for lost, failed in ((1, False), (0, False), (1, False), (1, True), (1, True), (0, False)):
        seat.absent(bool(lost))
        made.write(0x0001, False, False, True, True)
        made.verify()
        assert made.failed is failed


def ticks(rig, made, energised=0, fan=False, alarm=False, count=2):
    """Some ticks with these outputs; returns whether they have failed in each."""
    failed = []
    for _ in range(count):
        rig.buses.begin()
        made.write(energised, fan, alarm, True, True)
        made.verify()
        failed.append(made.failed)
    return failed


@pytest.mark.parametrize("level", [0, 1])
def test_a_relay_that_failed_at_a_level_has_failed_until_it_goes_there(outputs, level):
    """It stands where it has to again: that is no proof that it goes where it did not."""
    rig, made, model = outputs()
    energised = 0b100
    model.stick(2, level)
    wrong, right = (0, energised) if level else (energised, 0)
    assert ticks(rig, made, right, count=20) == [False] * 20
    assert ticks(rig, made, wrong) == [False, True]
    assert ticks(rig, made, right, count=50) == [True] * 50
    model.stick(2, None)
    assert ticks(rig, made, right, count=50) == [True] * 50
    assert ticks(rig, made, wrong) == [False, False]
    assert ticks(rig, made, right) == [False, False]


def test_an_alarm_relay_that_does_not_come_on_is_told_once(outputs):
    """The alarm that it is a fault of lets it drop, as it stands; told again and again it would
    fill the journal.
    """
    rig, made, _ = outputs()
    pin = rig.board.PIN_ALARM
    assert ticks(rig, made) == [False, False]
    rig.wiring.stuck[pin] = rig.wiring.levels[pin] = 0
    alarm = False
    told = []
    for _ in range(50):
        (failed,) = ticks(rig, made, alarm=alarm, count=1)
        told.append(failed)
        alarm = failed
    assert told == [False] + [True] * 49


def test_an_expander_that_forgets_its_settings_again_and_again_has_failed(outputs):
    """One whose outputs happen to read as they should."""
    rig, made, model = outputs()
    assert ticks(rig, made, count=30) == [False] * 30
    model.zero(True)
    told = ticks(rig, made, count=60)
    assert told.index(True) <= 40 and all(told[40:])
    model.zero(False)
    told = ticks(rig, made, count=60)
    assert not any(told[50:])


def test_a_hung_chip_costs_one_time_out_a_tick(outputs):
    rig, made, _ = outputs()
    rig.wiring.relay.hang(True)
    for _ in range(3):
        began_us = us[0]
        rig.buses.begin()
        made.write(0x0001, False, False, True, True)
        made.verify()
        assert us[0] - began_us < 21_000
    assert made.failed


def test_pins_of_their_own_move_although_the_relays_are_dead(outputs):
    rig, made, _ = outputs()
    rig.wiring.relay.hang(True)
    made.write(MAIN | 1, False, True, True, True)
    assert levels(rig) == (1, 0, 1, 1)


@pytest.mark.parametrize("dead", [False, True])
def test_the_safe_state(outputs, dead):
    rig, made, model = outputs(0x00F0)
    made.write(0x00F0 | MAIN, True, False, True, True)
    assert levels(rig) == (1, 1, 1, 1)
    rig.wiring.relay.absent(dead)
    made.fail_safe(0x0030 | MAIN)
    assert levels(rig) == (1, 0, 0, 0)
    if not dead:
        assert model.outputs == 0x0030
    made.fail_safe(0)
    assert levels(rig) == (0, 0, 0, 0)


def test_a_missing_expander_at_boot_is_a_failure_from_the_start(rigged):
    rig = rigged(4)
    rig.wiring.relay.absent(True)
    made = rig.outputs()
    made.boot(0)
    assert made.failed
