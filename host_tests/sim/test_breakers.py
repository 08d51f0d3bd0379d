"""The breakers: travel, the least pulse, held coils, stuck ones."""

import pytest

from packwarden_sim.breakers import Breaker
from packwarden_sim.clock import NEVER

TRAVEL = 40_000


def run_to(breaker, now_us):
    while breaker.due <= now_us:
        breaker.settle()
    return breaker.closed


def test_a_shunt_trip_opens_after_its_travel_and_stays_open():
    breaker = Breaker("shunt_trip")
    breaker.drive(1, 1000)
    assert run_to(breaker, 1000 + TRAVEL - 1)
    assert not run_to(breaker, 1000 + TRAVEL)
    breaker.drive(0, 200_000)
    breaker.drive(1, 300_000)
    breaker.drive(0, 500_000)
    assert not run_to(breaker, 10_000_000)


@pytest.mark.parametrize(("pulse_us", "opens"), [(19_999, False), (20_000, True)])
def test_a_shunt_trip_needs_its_impulse(pulse_us, opens):
    breaker = Breaker("shunt_trip")
    breaker.drive(1, 1000)
    breaker.drive(0, 1000 + pulse_us)
    assert run_to(breaker, 1_000_000) is not opens


@pytest.mark.parametrize("kind", ["uvr", "contactor"])
def test_a_held_breaker_opens_when_its_coil_drops(kind):
    breaker = Breaker(kind)
    breaker.drive(1, 500_000)
    assert run_to(breaker, 60_000_000)
    breaker.drive(0, 60_000_000)
    assert not run_to(breaker, 60_000_000 + TRAVEL)


@pytest.mark.parametrize("kind", ["uvr", "contactor"])
def test_hold_up_bridges_the_boot_but_not_more(kind):
    breaker = Breaker(kind)
    assert run_to(breaker, 3_000_000)
    assert not run_to(breaker, 3_000_000 + TRAVEL)


def test_only_a_contactor_closes_again():
    for kind, closed in (("uvr", False), ("contactor", True)):
        breaker = Breaker(kind)
        breaker.drive(1, 0)
        breaker.drive(0, 100_000)
        run_to(breaker, 200_000)
        breaker.drive(1, 300_000)
        assert run_to(breaker, 400_000) is closed


def test_a_stuck_breaker_stays_closed_and_a_hand_can_close_one():
    breaker = Breaker("shunt_trip", stuck=True)
    breaker.drive(1, 0)
    assert run_to(breaker, 1_000_000)
    assert breaker.due == NEVER
    breaker = Breaker("shunt_trip", closed=False)
    breaker.by_hand(True)
    assert breaker.closed
