"""The monitor's own limits: their words, that they stay armed, and what is told of an alert."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chips.register_model import Bus, monitor_chip
from packwarden.chips.ina2xx import (
    BUS_OVER,
    BUS_UNDER,
    CHIPS,
    SHUNT_OVER,
    SHUNT_UNDER,
    Monitor,
    limit_words,
)
from packwarden.frame import CONFIG_LOST, OK

ADDRESS = 0x40
ROUND = 10  # calls of verify for every register
OFF = (None, None, None, None)
ARMED = (600_000, -600_000, 62_160, 32_400)  # mA, mA, mV, mV; what is shipped for 100 A and 48 V
SMALL = (300_000, None, None, None)  # within the range of every chip
LIMIT_REGISTERS = (0x0C, 0x0D, 0x0E, 0x0F)

both_chips = pytest.mark.parametrize("name", ["ina228", "ina238"])
every_chip = pytest.mark.parametrize("name", sorted(CHIPS))


def fitted(name, limits):
    """A chip and its configured driver, with limits in mA over 250 uohm and in mV."""
    chip = monitor_chip(name)
    monitor = Monitor(Bus({ADDRESS: chip}), ADDRESS, name, limit_words(name, 250, *limits))
    assert monitor.configure() == OK
    put(chip, name, 0, 51_200)
    return chip, monitor


def put(chip, name, shunt_uV, bus_mV):
    """Place results as the chip would hold them."""
    facts = CHIPS[name]
    shift = facts["bits"] - 16
    for register, value in (
        (facts["shunt_register"], shunt_uV * 1_000_000 // facts["shunt_lsb_pV"]),
        (facts["bus_register"], bus_mV * 1_000_000_000 // facts["bus_lsb_pV"]),
    ):
        code = value & ((1 << facts["bits"]) - 1)
        chip.registers[register] = code << shift


# Words


@both_chips
@pytest.mark.parametrize(
    ("shunt_uohm", "limits", "words"),
    [
        (250, (600_000, -600_000, 62_000, 32_400), (0x7530, 0x8AD0, 19_840, 10_368)),
        (16_200, (10_000, -10_000, 52_000, 0), (0x7E90, 0x8170, 0x4100, 0)),  # SLYS021's example
        (375, (1, -1, 3, 2), (0, 0, 1, 1)),
        (250, (30, -30, 1, 0), (2, 0xFFFF, 0, 0)),  # 1.5 LSB: half way goes up
    ],
)
def test_worked_examples(name, shunt_uohm, limits, words):
    assert limit_words(name, shunt_uohm, *limits) == words


@pytest.mark.parametrize(
    ("shunt_uohm", "over_mA", "words"),
    [
        (250, 300_000, (0x7530, 0x8000)),  # 75 mV of 2.5 uV
        (250, 600_000, (0x7FFF, 0x8000)),
        (2_000, 40_000, (0x7D00, 0x8000)),  # 80 mV
        (250, None, (0x7FFF, 0)),
    ],
)
def test_the_ina226_takes_the_limit_of_the_current_alone(shunt_uohm, over_mA, words):
    assert limit_words("ina226", shunt_uohm, over_mA, -600_000, 62_000, 32_000) == words
    assert limit_words("ina226", shunt_uohm, over_mA, None, None, None) == words


@both_chips
def test_a_limit_that_is_off_is_what_a_reset_leaves(name):
    chip = monitor_chip(name)
    assert limit_words(name, 250, *OFF) == tuple(chip.registers[r] for r in LIMIT_REGISTERS)


@both_chips
@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ((10_000_000, -10_000_000, 1_000_000, 1_000_000), (0x7FFF, 0x8000, 0x7FFF, 0x7FFF)),
        ((-10_000_000, 10_000_000, -1, -1_000_000), (0x8000, 0x7FFF, 0, 0)),
        ((32_768, -32_768, 102_400, 0), (0x7FFF, 0x8000, 0x7FFF, 0)),  # 2^15: the first beyond
        ((32_767, -32_769, 102_396, 0), (0x7FFF, 0x8000, 0x7FFF, 0)),
    ],
)
def test_a_limit_beyond_its_register_stands_at_the_end(name, limits, words):
    assert limit_words(name, 5_000, *limits) == words


amounts = st.integers(-20_000_000, 20_000_000)


@every_chip
@given(shunt_uohm=st.integers(5, 5_000), lower=amounts, higher=amounts)
def test_a_higher_limit_never_gives_a_lower_word(name, shunt_uohm, lower, higher):
    """So nothing wraps: neither the sign nor the width."""
    lower, higher = sorted((lower, higher))
    words = [limit_words(name, shunt_uohm, *[limit] * 4) for limit in (lower, higher)]
    signed = [[(word ^ 0x8000) - 0x8000 for word in row] for row in words]
    assert all(0 <= word <= 0xFFFF for row in words for word in row)
    if name == "ina226":
        assert signed[0][0] <= signed[1][0]
    else:
        assert all(a <= b for a, b in zip(*signed, strict=True))
        assert all(0 <= word <= 0x7FFF for row in words for word in row[2:])


# Armed, and armed again


@both_chips
def test_configuration_arms_the_limits_and_lets_them_see_the_mean(name):
    chip, _ = fitted(name, ARMED)
    assert [chip.registers[r] for r in LIMIT_REGISTERS] == [0x7530, 0x8AD0, 19_891, 10_368]
    assert chip.registers[0x0B] & 0xF000 == 0xA000


def test_the_ina226_is_armed_without_a_latch():
    chip, _ = fitted("ina226", SMALL)
    assert chip.registers[0x07] == 0x7530
    assert chip.registers[0x06] & 0xFC03 == 0x8000


def test_the_ina226_has_its_limit_before_the_function_that_looks_at_it():
    order = []
    chip = monitor_chip("ina226")
    take = chip.receive

    def receive(buffer):
        if len(buffer) == 3:
            order.append(buffer[0])
        take(buffer)

    chip.receive = receive
    words = limit_words("ina226", 250, *SMALL)
    assert Monitor(Bus({ADDRESS: chip}), ADDRESS, "ina226", words).configure() == OK
    assert order.index(0x07) < order.index(0x06)


@every_chip
def test_without_limits_those_of_an_earlier_run_are_switched_off(name):
    chip, _ = fitted(name, SMALL)
    assert Monitor(Bus({ADDRESS: chip}), ADDRESS, name).configure() == OK
    put(chip, name, 75_100 if name == "ina226" else 163_000, 0)
    chip.convert()
    assert not chip.alert


@every_chip
def test_verify_repairs_a_limit_that_was_lost(name):
    registers = (0x07,) if name == "ina226" else LIMIT_REGISTERS
    chip, monitor = fitted(name, SMALL if name == "ina226" else ARMED)
    reset = monitor_chip(name)
    for register in registers:
        armed = chip.registers[register]
        chip.registers[register] = reset.registers[register]
        assert [monitor.verify() for _ in range(ROUND)].count(CONFIG_LOST) >= 1
        assert chip.registers[register] == armed


@every_chip
def test_a_dip_of_the_supply_disarms_until_verify_has_found_it(name):
    chip, monitor = fitted(name, SMALL)
    chip.reset()
    put(chip, name, 75_100, 51_200)
    chip.convert()
    assert not chip.alert
    assert CONFIG_LOST in [monitor.verify() for _ in range(5)]
    chip.convert()
    assert chip.alert


@every_chip
def test_a_limit_that_does_not_stay_is_told_at_configuration(name):
    chip = monitor_chip(name)
    chip.stuck_register = 0x07 if name == "ina226" else 0x0C
    words = limit_words(name, 250, *SMALL)
    assert Monitor(Bus({ADDRESS: chip}), ADDRESS, name, words).configure() == CONFIG_LOST


# Told


@both_chips
@pytest.mark.parametrize(
    ("shunt_uV", "bus_mV", "told"),
    [
        (0, 51_200, 0),
        (149_990, 62_150, 0),
        (-149_990, 32_410, 0),
        (150_010, 51_200, SHUNT_OVER),
        (-150_010, 51_200, SHUNT_UNDER),
        (0, 62_170, BUS_OVER),
        (0, 32_390, BUS_UNDER),
        (163_000, 0, SHUNT_OVER | BUS_UNDER),
        (-163_000, 84_000, SHUNT_UNDER | BUS_OVER),
    ],
)
def test_each_limit_is_told_as_what_it_is(name, shunt_uV, bus_mV, told):
    chip, monitor = fitted(name, ARMED)
    put(chip, name, shunt_uV, bus_mV)
    chip.convert()
    assert chip.alert == (told != 0)
    assert monitor.alerts() == told
    assert monitor.alerts() == 0


@both_chips
def test_a_latched_alert_stands_until_it_is_read_and_comes_again_while_the_cause_does(name):
    chip, monitor = fitted(name, ARMED)
    put(chip, name, 160_000, 51_200)
    chip.convert()
    put(chip, name, 0, 51_200)
    chip.convert()
    assert chip.alert
    put(chip, name, 160_000, 51_200)
    for _ in range(3):
        chip.convert()
        assert monitor.alerts() == SHUNT_OVER
        assert not chip.alert
    put(chip, name, 0, 51_200)
    chip.convert()
    assert not chip.alert
    assert monitor.alerts() == 0


def test_the_ina226_lets_go_by_itself_and_not_by_reading():
    chip, monitor = fitted("ina226", SMALL)
    put(chip, "ina226", 75_100, 30_000)
    chip.convert()
    assert monitor.alerts() == SHUNT_OVER
    assert chip.alert
    assert monitor.alerts() == SHUNT_OVER
    put(chip, "ina226", 74_900, 30_000)
    chip.convert()
    assert not chip.alert
    assert monitor.alerts() == 0


def test_the_ina226_knows_neither_current_backwards_nor_the_bus():
    chip, monitor = fitted("ina226", (300_000, -300_000, 30_000, 20_000))
    for shunt_uV, bus_mV in ((-80_000, 25_000), (0, 36_000), (0, 0)):
        put(chip, "ina226", shunt_uV, bus_mV)
        chip.convert()
        assert not chip.alert
        assert monitor.alerts() == 0


@both_chips
def test_a_spike_within_a_cycle_does_not_count(name):
    chip, monitor = fitted(name, ARMED)
    chip.convert(spike=32_000)
    assert monitor.alerts() == 0
    chip.registers[0x0B] &= ~0x2000
    chip.convert(spike=32_000)
    assert monitor.alerts() == SHUNT_OVER


# Kept


@every_chip
def test_an_alert_is_not_lost_to_the_other_visits(name):
    chip, monitor = fitted(name, SMALL)
    visits = [monitor.converted]
    if name != "ina226":  # which holds none for a visit that comes too late
        visits += [monitor.verify] * ROUND + [monitor.configure]
    for visit in visits:
        put(chip, name, 75_100, 51_200)
        chip.convert()
        visit()
        put(chip, name, 0, 51_200)
        chip.convert()
        assert monitor.alerts() == SHUNT_OVER
        assert monitor.alerts() == 0


@both_chips
def test_nor_to_a_repair(name):
    chip, monitor = fitted(name, ARMED)
    put(chip, name, 160_000, 51_200)
    for register in (0x00, 0x01, *LIMIT_REGISTERS, 0x0B):
        chip.convert()
        chip.registers[register] ^= 0x0010 if register == 0x00 else 0x2000
        while monitor.verify() == OK:
            pass
        assert monitor.alerts() == SHUNT_OVER


@every_chip
def test_a_conversion_is_not_lost_to_the_question_for_alerts(name):
    chip, monitor = fitted(name, SMALL)
    monitor.converted()
    put(chip, name, 75_100, 51_200)
    chip.convert()
    assert monitor.alerts() == SHUNT_OVER
    assert monitor.converted()
    assert not monitor.converted()


@every_chip
def test_what_was_exceeded_while_the_controller_was_away_is_told_after_boot(name):
    chip, _ = fitted(name, SMALL)
    put(chip, name, 75_100, 51_200)
    chip.convert()
    words = limit_words(name, 250, *SMALL)
    monitor = Monitor(Bus({ADDRESS: chip}), ADDRESS, name, words)
    assert monitor.configure() == OK
    if name == "ina226":
        chip.convert()
    assert monitor.alerts() == SHUNT_OVER
