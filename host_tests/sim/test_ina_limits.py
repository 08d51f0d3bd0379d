"""The limits of the INA2xx models against the data sheets: thresholds, flags, latches, the pin."""

import pytest

from packwarden_sim.alert import AlertLine
from packwarden_sim.chips.ina2xx import Ina
from packwarden_sim.clock import us
from packwarden_sim.wires import Held, Wires

CONFIG, ADC_CONFIG, DIAG, SOVL, SUVL, BOVL, BUVL = 0, 1, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F
MASK_226, LIMIT_226 = 6, 7
LATCHED, TRANSPARENT = 0xA000, 0x2000
SHNTOL, SHNTUL, BUSOL, BUSUL = 0x40, 0x20, 0x10, 0x08
AFF = 0x10
CYCLE = 3 * 1052
CYCLE_226 = 2 * 1100


class Chip:
    """A model on a line of its own; `carry` is what the bank does to it."""

    def __init__(self, kind="ina228", code=0, bus=1000):
        us[0] = 0
        self.codes, self.volts = [code], [bus]
        self.line = AlertLine(self.codes, self.volts, [0])
        self.model = Ina(kind, self.codes, self.volts, 0, 1, self.line)

    def put(self, register, word):
        self.model.write(bytearray([register, word >> 8, word & 255]))

    def flags(self, register=DIAG, mask=SHNTOL | SHNTUL | BUSOL | BUSUL):
        self.model.write(bytearray([register]))
        buf = bytearray(2)
        self.model.read(buf)
        return int.from_bytes(buf, "big") & mask

    def carry(self, code=None, bus=None):
        self.codes[0] = self.codes[0] if code is None else code
        self.volts[0] = self.volts[0] if bus is None else bus
        self.line.look()

    def after(self, span_us):
        us[0] += span_us
        return self


def low(chip):
    return chip.line.level() == 0


@pytest.mark.parametrize("kind", ["ina226", "ina228", "ina238"])
def test_a_chip_at_its_reset_values_never_alerts(kind):
    chip = Chip(kind)
    bits = 19 if kind == "ina228" else 15
    for code, bus in (((1 << bits) - 1, (1 << bits) - 1), (-(1 << bits), 0)):
        chip.carry(code, bus)
        assert not low(chip.after(20 * CYCLE))
    assert chip.line.watched == 0


# A limit's LSB is 5 uV and 3.125 mV: 16 codes of the INA228, one of the INA238.
@pytest.mark.parametrize(("kind", "lsb"), [("ina228", 16), ("ina238", 1)])
@pytest.mark.parametrize(
    ("register", "word", "inside", "beyond", "flag"),
    [
        (SOVL, 1000, 1000, 1001, SHNTOL),
        (SOVL, 0xFFFF, -1, 0, SHNTOL),
        (SOVL, 0x8000, -0x8000, -0x7FFF, SHNTOL),  # 32768 is -32768: whatever flows is above
        (SUVL, 0xFC18, -1000, -1001, SHNTUL),
        (SUVL, 0x7FFF, 0x7FFF, 0x7FFE, SHNTUL),
        (BOVL, 2000, 2000, 2001, BUSOL),
        (BOVL, 0x8000, 0, 1, BUSOL),  # bit 15 is not there: the limit is 0
        (BUVL, 1500, 1500, 1499, BUSUL),
    ],
)
def test_a_result_beyond_its_limit_sets_that_flag(kind, lsb, register, word, inside, beyond, flag):
    chip = Chip(kind, bus=1600 * lsb)
    chip.put(DIAG, LATCHED)
    shunt = register in (SOVL, SUVL)
    name = "code" if shunt else "bus"
    chip.carry(**{name: inside * lsb})
    chip.put(register, word)
    assert chip.after(3 * CYCLE).flags() == 0
    # The last code of the INA228 that the 16 bits of its limit do not tell from the limit itself.
    chip.carry(**{name: inside * lsb + (lsb - 1 if beyond > inside else 0)})
    assert chip.after(3 * CYCLE).flags() == 0
    chip.carry(**{name: beyond * lsb + (0 if beyond > inside else lsb - 1)})
    assert low(chip.after(CYCLE))
    assert chip.flags() == flag


def test_the_narrow_range_counts_its_limits_finer():
    chip = Chip("ina238")
    chip.put(CONFIG, 0x0010)
    chip.put(SOVL, 1000)
    chip.carry(250)
    assert not low(chip.after(2 * CYCLE))
    chip.carry(251)
    assert low(chip.after(CYCLE))


def test_it_is_the_end_of_a_conversion_that_compares():
    chip = Chip(code=20_000)
    chip.put(DIAG, LATCHED)
    chip.put(SOVL, 1000)
    assert not low(chip.after(CYCLE - 1))
    assert low(chip.after(1))


def test_a_spike_between_two_conversions_is_not_seen():
    chip = Chip()
    chip.put(DIAG, LATCHED)
    chip.put(SOVL, 1000)
    chip.after(CYCLE)
    chip.carry(20_000)
    chip.after(CYCLE // 2)
    chip.carry(0)
    assert not low(chip.after(2 * CYCLE))


def test_a_latched_flag_stands_until_it_is_read_and_comes_again():
    chip = Chip()
    chip.put(DIAG, LATCHED)
    chip.put(SOVL, 1000)
    chip.carry(20_000)
    chip.after(2 * CYCLE)
    chip.carry(0)
    assert low(chip.after(100 * CYCLE))
    assert chip.flags() == SHNTOL
    assert not low(chip)
    assert chip.flags() == 0
    chip.carry(20_000)
    for _ in range(3):
        assert low(chip.after(CYCLE))
        assert chip.flags() == SHNTOL
        assert not low(chip)


def test_a_transparent_flag_follows_and_is_not_cleared_by_reading():
    chip = Chip()
    chip.put(DIAG, TRANSPARENT)
    chip.put(SUVL, 0xFFFF)
    chip.carry(-20_000)
    chip.after(CYCLE)
    assert (chip.flags(), chip.flags(), low(chip)) == (SHNTUL, SHNTUL, True)
    chip.carry(0)
    assert low(chip)
    assert not low(chip.after(CYCLE))
    assert chip.flags() == 0


def test_flags_of_several_limits_stand_together():
    chip = Chip(code=-20_000, bus=9000)
    chip.put(DIAG, LATCHED)
    chip.put(SUVL, 0xFFFF)
    chip.put(BOVL, 10)
    chip.after(CYCLE)
    chip.carry(20_000)
    chip.put(SOVL, 100)
    assert chip.after(CYCLE).flags() == SHNTUL | BUSOL | SHNTOL


@pytest.mark.parametrize(
    ("function", "limit", "inside", "beyond"),
    [
        (0x8000, 1000, {"code": 1000}, {"code": 1001}),
        (0x4000, 0xFC18, {"code": -1000}, {"code": -1001}),
        (0x2000, 2000, {"bus": 2000}, {"bus": 2001}),
        (0x1000, 500, {"bus": 500}, {"bus": 499}),
        (0xF000, 2000, {"bus": 3000}, {"code": 2001}),  # the topmost function alone
    ],
)
def test_the_ina226_has_one_function_and_one_limit(function, limit, inside, beyond):
    chip = Chip("ina226")
    chip.put(LIMIT_226, limit)
    chip.put(MASK_226, function)
    chip.carry(**inside)
    assert not low(chip.after(2 * CYCLE_226))
    chip.carry(**beyond)
    assert low(chip.after(CYCLE_226))
    assert chip.flags(MASK_226, 0xFFFF) & ~8 == function | AFF
    assert low(chip)  # transparent
    chip.put(MASK_226, function | 1)
    assert low(chip)
    assert chip.flags(MASK_226, AFF) == AFF
    assert not low(chip)


def test_a_channel_that_is_not_converted_alerts_nothing():
    chip = Chip(code=20_000)
    chip.put(SOVL, 1000)
    chip.put(ADC_CONFIG, 0x9000)  # the bus alone
    assert not low(chip.after(10 * CYCLE))
    chip.put(ADC_CONFIG, 0xFB68)
    assert low(chip.after(CYCLE))


def test_reset_and_supply_take_flags_and_limits_along():
    for forget in (lambda chip: chip.put(CONFIG, 0x8000), lambda chip: chip.model.power_up()):
        chip = Chip(code=20_000)
        chip.put(DIAG, LATCHED)
        chip.put(SOVL, 1000)
        assert low(chip.after(CYCLE))
        forget(chip)
        assert not low(chip)
        assert not low(chip.after(10 * CYCLE))


def test_a_frozen_chip_compares_nothing_and_a_mute_one_pulls_nothing():
    chip = Chip()
    chip.put(DIAG, LATCHED)
    chip.put(SOVL, 1000)
    chip.model.freeze(True, 1)
    chip.carry(20_000)
    assert not low(chip.after(10 * CYCLE))
    chip.model.freeze(False, 1)
    assert low(chip.after(CYCLE))
    chip.model.mute(True)
    assert not low(chip.after(CYCLE))
    chip.model.mute(False)
    assert low(chip.after(CYCLE))


def test_a_chip_that_reads_zero_is_below_the_limit_of_its_bus():
    chip = Chip(bus=90_000)
    chip.put(DIAG, LATCHED)
    chip.put(BUVL, 2000)
    assert not low(chip.after(CYCLE))
    shunt, bus = Wires(chip.codes), Wires(chip.volts)
    chip.model.wire(shunt, bus)
    chip.line.wire(shunt, bus)
    bus.put(0, Held(0))
    chip.line.look()
    assert low(chip.after(CYCLE))
    assert chip.flags() == BUSUL
    bus.put(0, None)
    chip.line.look()
    assert not low(chip.after(CYCLE))


def test_limits_do_not_change_what_is_read():
    def run(armed):
        chip = Chip(code=20_000)
        if armed:
            chip.put(SOVL, 1000)
        codes = []
        for _ in range(50):
            chip.after(CYCLE)
            chip.line.look()
            chip.line.settle()
            chip.model.write(bytearray([4]))
            buf = bytearray(3)
            chip.model.read(buf)
            codes.append(bytes(buf))
        return codes

    assert run(armed=False) == run(armed=True)
