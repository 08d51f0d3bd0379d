"""The supply of the trip coils: its ADC, its ramps, and what coils still do on it."""

import pytest

from packwarden_sim.chips.adc import FLOOR_MV
from packwarden_sim.fakes import machine
from sim.rig import BOARD, Rig

ALL = [True] * 4


def sag(volts, ramp_ms=0, until_ms=None, t_ms=100):
    entry = {"t_ms": t_ms, "until_ms": until_ms, "target": "supply", "kind": "volts"}
    return entry | {"volts": volts, "ramp_ms": ramp_ms}


def supply_V(rig):
    pin = machine.Pin(BOARD.ADC_SUPPLY)
    readings = [machine.ADC(pin, atten=machine.ADC.ATTN_11DB).read_uv() for _ in range(9)]
    return sorted(readings)[4] * BOARD.SUPPLY_DIVIDER / 1e6


@pytest.mark.parametrize(("sensors", "volts"), [({}, 24), ({"control_supply_V": 48.5}, 48.5)])
def test_a_healthy_supply_reads_as_configured(sensors, volts):
    rig = Rig(sensors=sensors)
    assert supply_V(rig) == pytest.approx(volts, abs=0.04)


def test_where_it_is_not_wired_the_pin_is_at_ground_and_the_coils_work():
    rig = Rig(sensors={"control_supply_V": 0})
    assert supply_V(rig) == pytest.approx(FLOOR_MV * BOARD.SUPPLY_DIVIDER / 1000)
    rig.relays(0b111)
    rig.sleep_ms(50)
    assert rig.closed() == [False, False, False, True]


def test_it_goes_in_a_straight_line_and_comes_back():
    rig = Rig([sag(12, ramp_ms=1000, until_ms=2000)])
    seen = {}
    for t_ms in range(0, 2501, 100):
        seen[t_ms] = supply_V(rig)
        rig.sleep_ms(100)
    assert seen[0] == pytest.approx(24, abs=0.04)
    assert seen[600] == pytest.approx(18, abs=0.3)
    assert [seen[1100], seen[1900]] == pytest.approx([12, 12], abs=0.04)
    assert seen[2200] == pytest.approx(24, abs=0.04)


@pytest.mark.parametrize(("volts", "opens"), [(15.7, True), (15.5, False)])
def test_a_shunt_trip_needs_65_percent(volts, opens):
    rig = Rig([sag(volts)])
    rig.sleep_ms(200)
    machine.Pin(BOARD.PIN_MAIN_TRIP, machine.Pin.OUT, value=1)
    rig.relays(0b010)
    rig.sleep_ms(100)
    assert rig.closed() == ([True, False, True, False] if opens else ALL)


def test_a_coil_that_is_still_energised_works_when_the_supply_comes_back():
    rig = Rig([sag(5, until_ms=500)])
    rig.sleep_ms(200)
    rig.relays(0b010)
    rig.sleep_ms(200)
    assert rig.closed() == ALL
    rig.sleep_ms(200)
    assert rig.closed() == [True, False, True, True]


@pytest.mark.parametrize("kind", ["uvr", "contactor"])
@pytest.mark.parametrize(("volts", "holds"), [(12.1, True), (11.9, False)])
def test_held_coils_drop_out_below_50_percent(kind, volts, holds):
    rig = Rig([sag(volts)], kind=kind)
    rig.relays(0b111)
    machine.Pin(BOARD.PIN_MAIN_TRIP, machine.Pin.OUT, value=1)
    rig.sleep_ms(200)
    assert rig.closed() == (ALL if holds else [False] * 4)


def test_on_a_ramp_they_drop_out_on_the_way():
    rig = Rig([sag(0, ramp_ms=2000, t_ms=0)], kind="uvr")
    rig.relays(0b111)
    machine.Pin(BOARD.PIN_MAIN_TRIP, machine.Pin.OUT, value=1)
    rig.sleep_ms(950)
    assert rig.closed() == ALL
    rig.sleep_ms(250)
    assert rig.closed() == [False] * 4


def test_a_ramp_goes_on_over_a_reset():
    faults = [sag(0, ramp_ms=10_000, t_ms=0)]
    rig = Rig(faults)
    rig.sleep_ms(2000)
    with pytest.raises(SystemExit):
        rig.world.end("reset")
    again = Rig(faults, saved=rig.world.save())
    again.sleep_ms(500)
    assert supply_V(again) == pytest.approx(24 * 0.75, abs=0.1)
