"""ALERT and the latch behind it: no firmware; registers are written, and the main opens."""

import pytest

from packwarden_sim.clock import us
from packwarden_sim.costs import ALERT_LATCH_US, BREAKER_TRAVEL_US, HOLD_UP_US
from packwarden_sim.fakes import machine
from sim.rig import BOARD, Rig

DIAG, SOVL = 0x0B, 0x0C
LATCHED, TRANSPARENT = 0xA000, 0x2000
CYCLE_MS = 4  # at most, of a monitor as it is after power-up
BEYOND, QUIET = 200_000, 1000
LATCH_MS = ALERT_LATCH_US // 1000
TRAVEL_MS = BREAKER_TRAVEL_US // 1000
MAIN_ONLY = [True, True, True, False]
ALL = [True] * 4


def armed(mode=LATCHED, **rig):
    """A cabinet whose monitors have a limit of their own."""
    rig = Rig(**rig)
    for k in range(3):
        rig.put(k, SOVL, 0x1000)
        rig.put(k, DIAG, mode)
    return rig


def energise_all(rig):
    rig.relays(0b111)
    machine.Pin(BOARD.PIN_MAIN_TRIP, machine.Pin.OUT, value=1)
    rig.sleep_ms(50)


def test_the_pin_is_the_open_drain_of_all_monitors():
    rig = armed()
    pin = machine.Pin(BOARD.PIN_ALERT, machine.Pin.IN)
    assert pin.value() == 1
    for k in (0, 2):
        rig.shunt(k, BEYOND)
    rig.sleep_ms(CYCLE_MS)
    for k in (0, 2):
        rig.shunt(k, QUIET)
    assert pin.value() == 0
    assert rig.get(0, DIAG) & 0x40
    assert pin.value() == 0
    assert rig.get(2, DIAG) & 0x40
    assert pin.value() == 1


def test_the_pin_falls_within_a_conversion_and_between_two_wakes():
    rig = armed()
    rig.shunt(1, BEYOND)
    pin = machine.Pin(BOARD.PIN_ALERT, machine.Pin.IN)
    before_us = us[0]
    while pin.value():
        us[0] += 100
    assert us[0] - before_us <= CYCLE_MS * 1000


@pytest.mark.parametrize("step_ms", [10, 1000])
def test_an_alert_that_nobody_answers_trips_the_main_breaker(step_ms):
    rig = armed()
    rig.shunt(1, BEYOND)
    rig.sleep_ms(LATCH_MS + TRAVEL_MS - 1, min(step_ms, LATCH_MS))
    assert rig.closed() == ALL
    rig.sleep_ms(CYCLE_MS + 1, step_ms)
    assert rig.closed() == MAIN_ONLY
    assert rig.wiring.state()["latched"]


def test_a_long_sleep_does_not_make_it_later():
    rig = armed()
    rig.shunt(1, BEYOND)
    rig.sleep_ms(1000, 1000)
    assert rig.closed() == MAIN_ONLY


@pytest.mark.parametrize("mode", [LATCHED, TRANSPARENT])
def test_a_shorter_alert_does_nothing(mode):
    rig = armed(mode)
    rig.shunt(1, BEYOND)
    rig.sleep_ms(LATCH_MS - 10)
    rig.shunt(1, QUIET)
    rig.sleep_ms(CYCLE_MS)
    if mode == LATCHED:
        assert rig.get(1, DIAG) & 0x40
    rig.sleep_ms(10 * LATCH_MS)
    assert rig.closed() == ALL
    assert not rig.wiring.alert.latched


def test_a_controller_that_reads_the_flags_holds_the_latch_off():
    rig = armed()
    rig.shunt(1, BEYOND)
    for _ in range(20):
        rig.sleep_ms(LATCH_MS - 10)
        assert rig.get(1, DIAG) & 0x40
    assert rig.closed() == ALL


def test_two_monitors_in_turn_keep_the_line_low():
    rig = armed()
    rig.shunt(0, BEYOND)
    rig.shunt(1, BEYOND)
    for _ in range(20):
        rig.sleep_ms(10)
        rig.get(0, DIAG)
        rig.sleep_ms(10)
        rig.get(1, DIAG)
    assert rig.closed() == MAIN_ONLY


@pytest.mark.parametrize("kind", ["uvr", "contactor"])
def test_it_breaks_the_hold_of_a_held_breaker_for_good(kind):
    rig = armed(kind=kind)
    energise_all(rig)
    rig.shunt(1, BEYOND)
    rig.sleep_ms(LATCH_MS + TRAVEL_MS + CYCLE_MS)
    assert rig.closed() == MAIN_ONLY
    rig.shunt(1, QUIET)
    pin = machine.Pin(BOARD.PIN_MAIN_TRIP, machine.Pin.OUT, value=0)
    rig.sleep_ms(100)
    pin.value(1)
    rig.sleep_ms(1000)
    assert rig.closed() == MAIN_ONLY


def test_it_acts_behind_the_hold_up():
    rig = armed(kind="uvr")
    rig.shunt(1, BEYOND)
    rig.sleep_ms(LATCH_MS + TRAVEL_MS + CYCLE_MS)
    assert us[0] < HOLD_UP_US
    assert rig.closed() == MAIN_ONLY


def test_the_latch_outlives_the_board():
    rig = armed()
    rig.shunt(1, BEYOND)
    rig.sleep_ms(LATCH_MS + TRAVEL_MS + CYCLE_MS)
    with pytest.raises(SystemExit):
        rig.world.end("reset")
    saved = rig.world.save()
    again = Rig([{"t_ms": 500, "target": "breaker main", "kind": "close"}], saved=saved)
    assert again.closed() == MAIN_ONLY
    again.sleep_ms(160)
    assert again.closed() == ALL
    again.sleep_ms(TRAVEL_MS)
    assert again.closed() == MAIN_ONLY  # its coil is energised still


def test_a_monitor_without_supply_lets_the_line_go():
    rig = armed(faults=[{"t_ms": 100, "target": "monitor 2", "kind": "nack"}])
    rig.shunt(1, BEYOND)
    rig.sleep_ms(50)
    assert rig.pin(BOARD.PIN_ALERT) == 0
    rig.sleep_ms(100)
    assert rig.pin(BOARD.PIN_ALERT) == 1
