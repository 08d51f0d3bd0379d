"""The bus model: a line that is held, a byte that was cut off, nine clocks, what has travelled."""

import pytest

from packwarden_sim import costs
from packwarden_sim.clock import us
from packwarden_sim.fakes import machine
from sim.rig import BOARD, Rig

MONITORS = BOARD.I2C_MONITORS


@pytest.fixture
def rig():
    return Rig()


def lines():
    """SCL and SDA of the monitors' bus, as pins that are left to the peripheral."""
    return machine.Pin(MONITORS[1]), machine.Pin(MONITORS[2])


def taken():
    """The same as open drains that are let go."""
    return [machine.Pin(n, machine.Pin.OPEN_DRAIN, value=1) for n in MONITORS[1:3]]


def clocks(clock, count):
    for _ in range(count):
        clock.value(0)
        clock.value(1)


def attached():
    number, _, _, freq_hz, timeout_us = MONITORS
    scl, sda = lines()
    return machine.I2C(number, scl=scl, sda=sda, freq=freq_hz, timeout=timeout_us)


def answers(i2c=None):
    try:
        (i2c or attached()).readfrom_into(0x40, bytearray(2))
    except OSError as error:
        assert error.args == (116,)
        return False
    return True


def test_both_lines_are_high_between_transactions(rig):
    assert [line.value() for line in lines()] == [1, 1]
    assert answers()


def test_a_line_that_is_shorted_stays_low_whatever_the_controller_does(rig):
    rig.wiring.buses[0].hang(True)
    clock, data = taken()
    clocks(clock, 20)
    assert (clock.value(), data.value()) == (1, 0)
    assert not answers()
    rig.wiring.buses[0].hang(False)
    assert answers()


@pytest.mark.parametrize("sent", range(8))
def test_a_byte_that_was_cut_off_holds_the_line_until_it_is_clocked_out(rig, sent):
    bus = rig.wiring.buses[0]
    bus.cut_off(0x00, sent)
    assert lines()[1].value() == 0
    assert not answers()
    clock, data = taken()
    clocks(clock, 7 - sent)
    assert data.value() == 0
    clocks(clock, 1)  # the acknowledge is the controller's: the chip lets go
    assert data.value() == 1
    clocks(clock, 9)
    assert data.value() == 1
    assert answers()


def test_the_bits_of_the_byte_show_on_the_line(rig):
    rig.wiring.buses[0].cut_off(0b01011010, 0)
    clock, data = taken()
    seen = []
    for _ in range(8):
        seen.append(data.value())
        clocks(clock, 1)
    assert seen == [0, 1, 0, 1, 1, 0, 1, 0]


def test_an_acknowledge_makes_the_chip_send_on(rig):
    rig.wiring.buses[0].cut_off(0x00, 7)
    clock, data = taken()
    clocks(clock, 1)
    data.value(0)
    clocks(clock, 1)
    data.value(1)
    assert data.value() == 0


def test_a_stop_ends_a_byte_wherever_the_line_can_rise(rig):
    rig.wiring.buses[0].cut_off(0b11000000, 0)
    clock, data = taken()
    data.value(0)
    data.value(1)
    clocks(clock, 4)
    assert data.value() == 1


def test_pins_that_were_taken_are_given_back_by_making_the_peripheral_anew(rig):
    i2c = attached()
    taken()
    assert not answers(i2c)
    again = attached()
    assert answers(again)
    assert answers(i2c)  # it is the same peripheral


def test_a_pin_without_a_mode_takes_nothing(rig):
    i2c = attached()
    for line in lines():
        line.value(0)
    assert answers(i2c)
    assert [line.value() for line in lines()] == [1, 1]


def test_making_the_peripheral_takes_its_time(rig):
    before = us[0]
    attached()
    assert us[0] - before == costs.I2C_INIT_US


def test_what_travels_is_counted_on_its_bus(rig):
    i2c = attached()
    first, second = rig.wiring.buses
    base = (first.bytes, first.transactions, first.wire_us, second.bytes)
    i2c.writeto(0x40, bytearray([4]))
    i2c.readfrom_into(0x40, bytearray(3))
    assert first.bytes - base[0] == (1 + 1) + (1 + 3)
    assert first.transactions - base[1] == 2
    assert first.wire_us - base[2] == (2 + 18) * 5 // 2 + (2 + 36) * 5 // 2
    with pytest.raises(OSError, match="19"):
        i2c.readfrom_into(0x4E, bytearray(3))
    assert first.bytes - base[0] == 6 + 1  # the address, which nobody acknowledged
    first.hang(True)
    assert not answers(i2c)
    assert (first.bytes - base[0], first.time_outs) == (7, 1)
    assert (first.transactions - base[1], second.bytes) == (4, base[3])


@pytest.mark.parametrize("name", ["monitors", "expanders"])
def test_a_byte_is_cut_off_once(name):
    entry = {"target": f"bus {name}", "kind": "cut_off", "byte": 0, "sent": 3}
    rig = Rig([entry | {"t_ms": 100, "until_ms": None}])
    bus = rig.wiring.buses[("monitors", "expanders").index(name)]
    assert bus.sda_level() == 1
    rig.sleep_ms(110)
    assert bus.sda_level() == 0
    number = bus.scl
    clock = machine.Pin(number, machine.Pin.OPEN_DRAIN, value=1)
    clocks(clock, 9)
    rig.sleep_ms(100)
    assert bus.sda_level() == 1
