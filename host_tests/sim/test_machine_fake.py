"""The fake `machine` and `time` on a wired cabinet: what a call costs, and what it says."""

import pytest

from packwarden_sim import costs, world
from packwarden_sim.clock import us
from packwarden_sim.console import Silent
from packwarden_sim.fakes import machine
from packwarden_sim.fakes import time as board_time
from packwarden_sim.faults import Schedule
from packwarden_sim.host_lines import HostLines
from packwarden_sim.wiring import Wiring
from sim.rig import BOARD, N, Source


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def wiring(source, monkeypatch):
    us[0] = 0
    wiring = Wiring(BOARD, {"sensors": {"bms_contact": "open_on_alarm"}}, source, 1)
    lines = HostLines(None)
    here = world.World({}, wiring, Schedule((), wiring, None), lines, Silent())
    monkeypatch.setattr(world, "current", here)
    return wiring


def bus(wired):
    number, scl, sda, freq_hz, timeout_us = wired
    scl, sda = machine.Pin(scl), machine.Pin(sda)
    return machine.I2C(number, scl=scl, sda=sda, freq=freq_hz, timeout=timeout_us)


def cost(call, *arguments):
    before = us[0]
    try:
        call(*arguments)
    except OSError as error:
        return us[0] - before, error.args[0]
    return us[0] - before


def test_a_transaction_costs_its_bits_and_the_driver(wiring):
    i2c = bus(BOARD.I2C_MONITORS)
    assert cost(i2c.writeto, 0x40, bytearray([4])) == (2 + 18) * 10 // 4 + costs.I2C_DRIVER_US
    assert cost(i2c.readfrom_into, 0x40, bytearray(3)) == 95 + costs.I2C_DRIVER_US


def test_batteries_that_are_not_there_refuse_quickly(wiring):
    i2c = bus(BOARD.I2C_MONITORS)
    spent, errno = cost(i2c.readfrom_into, 0x40 + N, bytearray(2))
    assert spent < 200
    assert errno == 19
    assert cost(i2c.readfrom_into, 0x4F, bytearray(2)) < 200


def test_a_hung_chip_costs_the_timeout_in_scheduler_ticks(wiring):
    i2c = bus(BOARD.I2C_MONITORS)
    wiring.monitors[0].hang(True)
    spent, errno = cost(i2c.readfrom_into, 0x40, bytearray(2))
    assert 20_000 <= spent < 20_200
    assert errno == 116
    assert costs.i2c_timeout(1) == 10_000
    assert costs.i2c_timeout(50_001) == 60_000


def test_two_reasons_to_be_absent_must_both_end(wiring):
    i2c = bus(BOARD.I2C_MONITORS)
    seat = wiring.monitors[0]
    seat.absent(True, 1)
    seat.absent(True, 2)
    seat.absent(False, 1)
    assert cost(i2c.readfrom_into, 0x40, bytearray(2))[1] == 19
    seat.absent(False, 2)
    i2c.readfrom_into(0x40, bytearray(2))


def test_a_bus_on_other_pins_has_nobody(wiring):
    i2c = machine.I2C(0, scl=machine.Pin(4), sda=machine.Pin(5))
    with pytest.raises(OSError, match="19"):
        i2c.writeto(0x40, bytearray(1))


def test_contacts_reach_the_input_expanders(wiring, source):
    i2c = bus(BOARD.I2C_EXPANDERS)
    source.bms = 0b101
    wiring.breakers[1].by_hand(False)
    source.contacts = 0b110
    wiring.update_inputs()
    words = []
    for address in BOARD.INPUT_EXPANDERS:
        i2c.writeto(address, bytearray([0x0C, 0x7F, 0x7F]))
        i2c.writeto(address, bytearray([0x12]))
        pair = bytearray(2)
        i2c.readfrom_into(address, pair)
        words.append(pair[0] | pair[1] << 8)

    def level(place):
        return words[place[0]] >> place[1] & 1

    assert [level(BOARD.AUX_A[k]) for k in range(N)] == [1, 1, 0]  # high: contact open
    assert [level(BOARD.BMS[k]) for k in range(N)] == [1, 0, 1]
    assert level(BOARD.AUX_A[-1]) == 0


def test_a_pin_drives_only_as_an_output(wiring):
    pin = machine.Pin(BOARD.PIN_CHARGE)
    pin.value(1)
    assert pin.value() == 0
    pin = machine.Pin(BOARD.PIN_CHARGE, machine.Pin.OUT, value=1)
    assert (pin(), wiring.moved[0] > 0) == (1, True)
    pin.off()
    assert wiring.levels[BOARD.PIN_CHARGE] == 0


def test_outputs_reach_coils_and_source_at_the_next_wake(wiring, source):
    i2c = bus(BOARD.I2C_EXPANDERS)
    machine.Pin(BOARD.PIN_DISCHARGE, machine.Pin.OUT, value=1)
    i2c.writeto(BOARD.RELAY_EXPANDER, bytearray([0x14, 0b10, 0x80]))
    i2c.writeto(BOARD.RELAY_EXPANDER, bytearray([0x00, 0, 0]))
    written_us = wiring.moved[0]
    board_time.sleep_ms(39)
    assert source.switches == (0, 0b111, True, 1, 0, 1)
    board_time.sleep_us(written_us + 40_000 - us[0])
    assert source.switches == (0, 0b101, True, 1, 0, 1)


def test_the_main_breaker_hangs_on_a_pin_of_its_own(wiring, source):
    machine.Pin(BOARD.PIN_MAIN_TRIP, machine.Pin.OUT, value=1)
    board_time.sleep_ms(50)
    assert source.switches[1:3] == (0b111, False)


def test_the_multiplexers_stand_behind_their_adc_pins(wiring, source):
    source.adc_uv[2 * N + 1] = 1_234_000  # the reference resistor
    for line, number in enumerate(BOARD.MUX_SELECT):
        machine.Pin(number, machine.Pin.OUT, value=BOARD.REFERENCE[1] >> line & 1)
    board_time.sleep_ms(2)
    pin = machine.Pin(BOARD.MUX_ADC[BOARD.REFERENCE[0]])
    assert abs(machine.ADC(pin, atten=machine.ADC.ATTN_11DB).read_uv() - 1_234_000) <= 1000
    with pytest.raises(ValueError, match="pin 33"):
        machine.ADC(machine.Pin(33), atten=machine.ADC.ATTN_11DB)


def test_a_watchdog_fed_too_late_has_bitten(wiring):
    watchdog = machine.WDT(timeout=100)
    us[0] += 90_000
    watchdog.feed()
    us[0] += 101_000
    with pytest.raises(SystemExit):
        watchdog.feed()
    assert world.current.ended[0] == "watchdog"


def test_ticks_wrap_at_30_bits_as_on_the_board(wiring):
    us[0] = (1 << 30) * 1000 - 1
    last = board_time.ticks_ms()
    assert last == 0
    assert board_time.ticks_diff(board_time.ticks_add(last, -5), last) == -5
    assert board_time.ticks_diff(3, (1 << 30) - 2) == 5
    assert board_time.ticks_us() < 1 << 30


def test_memory_of_the_clock_is_one_block(wiring):
    machine.mem_backup()[:3] = b"abc"
    assert bytes(machine.mem_backup()[:3]) == b"abc"
    assert len(machine.mem_backup()) == 2048
