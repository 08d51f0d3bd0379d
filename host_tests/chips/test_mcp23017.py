"""The expander driver on the register model: order of writing, words, read-back, repair."""

import pytest

from chips.register_model import GPPU, IOCON, IODIR, IPOL, OLAT, Bus, ExpanderChip
from packwarden.chips.mcp23017 import MARK, OUTPUT_ONLY, Expander
from packwarden.frame import CONFIG_LOST, OK

ADDRESS = 0x21
LEVEL = 0x8421


def fitted(outputs=0xFFFF, pull_ups=0, level=LEVEL):
    """A bus with one expander on it, the chip, and its driver, configured."""
    chip = ExpanderChip()
    bus = Bus({ADDRESS: chip})
    expander = Expander(bus, ADDRESS, outputs, pull_ups)
    assert expander.configure(level) == OK
    return bus, chip, expander


def test_a_pin_becomes_an_output_only_at_its_level():
    chip = ExpanderChip()
    chip.watched = True
    Expander(Bus({ADDRESS: chip}), ADDRESS, 0xFFFF, 0).configure(LEVEL)
    assert chip.seen[-1] == (0xFFFF, LEVEL)
    assert all(level == LEVEL & outputs for outputs, level in chip.seen)


def test_a_second_configuration_does_not_move_the_outputs():
    _, chip, expander = fitted()
    chip.watched = True
    assert expander.configure(LEVEL) == OK
    assert set(chip.seen) == {(0xFFFF, LEVEL)}


def test_inputs_and_pull_ups_are_set_and_the_top_bits_stay_outputs():
    _, chip, expander = fitted(outputs=0, pull_ups=0x7F7F, level=MARK)
    assert chip.word(IODIR) == 0xFFFF & ~OUTPUT_ONLY
    assert chip.word(GPPU) == 0x7F7F
    for outside in (0x0000, 0x0001, 0x4000, 0x1234, 0xFFFF):
        chip.outside = outside
        assert expander.read_inputs() == outside & ~OUTPUT_ONLY | MARK


def test_the_outputs_are_written_as_one_word_and_read_back():
    bus, chip, expander = fitted()
    for bit in range(16):
        before = bus.transactions
        expander.write(1 << bit)
        assert bus.transactions == before + 1
        assert not expander.differing()
        assert bus.transactions == before + 2  # the pointer stands there since the write
        assert chip.pins() == chip.word(OLAT) == 1 << bit


def test_a_pin_that_differs_from_its_latch_does_not_agree():
    class Stuck(ExpanderChip):
        held = 0

        def pins(self):
            return super().pins() ^ self.held

    chip = Stuck()
    expander = Expander(Bus({ADDRESS: chip}), ADDRESS, 0xFFFF, 0)
    expander.configure(LEVEL)
    for bit in range(16):
        chip.held = 1 << bit
        expander.write(LEVEL)
        assert expander.differing()
    chip.held = 0
    expander.write(LEVEL)
    assert not expander.differing()


def test_a_renewed_latch_is_right_again():
    _, chip, expander = fitted()
    chip.put(OLAT, 0x0000)
    assert expander.differing()
    expander.write(LEVEL)
    assert not expander.differing() and chip.pins() == LEVEL


LEVELS = (0x0000, 0x0001, 0x00FF, 0xFF00, 0x7FFF, 0xFFFF, LEVEL)
CHANGES = {
    "reset": None,
    "map": (IOCON, 0x8484),
    "map in byte mode": (IOCON, 0xA4A4),
    "direction": (IODIR, 0x0100),
    "polarity": (IPOL, 0x0001),
}


def disturbed(change, level):
    """An expander at this level whose chip lost something; what floats reads the other way."""
    _, chip, expander = fitted(level=level)
    chip.outside = level ^ 0xFFFF
    if CHANGES[change] is None:
        chip.reset()
    else:
        chip.put(*CHANGES[change])
    return chip, expander


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("change", ["reset", "map", "direction", "polarity"])
def test_a_chip_that_cannot_do_what_it_is_told_does_not_agree(change, level):
    """Whatever the level looks like, which is repaired in the same tick."""
    chip, expander = disturbed(change, level)
    expander.write(level)
    assert expander.differing()
    expander.repair()
    assert chip.pins() == level
    expander.write(level)
    assert not expander.differing()


@pytest.mark.parametrize("level", LEVELS)
def test_where_the_map_alone_was_flipped_a_level_of_unequal_bytes_does_not_agree(level):
    """The other levels stand in the latch: a change of one of them is noticed at once."""
    chip, expander = disturbed("map in byte mode", level)
    expander.write(level)
    unequal = level >> 8 != level & 0xFF
    assert (expander.differing() != 0) is unequal
    assert chip.pins() == level
    if not unequal:
        expander.write(level ^ 1)
        assert expander.differing()
    expander.repair()
    assert chip.pins() == level ^ (not unequal)


def test_verify_finds_nothing_on_a_good_chip():
    bus, _, expander = fitted()
    for _ in range(15):
        before = bus.transactions
        assert expander.verify() == OK
        assert bus.transactions == before + 2


def test_a_port_that_is_read_again_and_again_costs_a_read_each():
    bus, chip, expander = fitted(outputs=0, pull_ups=0x7F7F, level=MARK)
    expander.read_inputs()
    bus.transactions = 0
    for outside in (0x0000, 0x1234, 0x7F7F):
        chip.outside = outside
        assert expander.read_inputs() == outside & ~OUTPUT_ONLY | MARK
    assert bus.transactions == 3
    expander.verify()
    assert expander.read_inputs() == 0x7F7F & ~OUTPUT_ONLY | MARK
    assert bus.transactions == 3 + 2 + 2


@pytest.mark.parametrize("outside", [0x0000, 0x7F7F, 0xFFFF])
@pytest.mark.parametrize(
    ("register", "word"),
    [(None, None), (IOCON, 0x8080), (IOCON, 0xA4A4), ("pointer", 0x02)],
)
def test_what_is_not_the_port_is_never_taken_for_it(register, word, outside):
    """A reset, the other register map, another pointer: repaired at once, at a known cost."""
    bus, chip, expander = fitted(outputs=0, pull_ups=0x7F7F, level=MARK)
    good = [chip.word(r) for r in (IODIR, IPOL, IOCON, GPPU, OLAT)]
    expander.read_inputs()
    chip.outside = outside
    if register is None:
        chip.reset()
    elif register == "pointer":
        chip.pointer = word
    else:
        chip.put(register, word)
    bus.transactions = 0
    for _ in range(3):
        assert expander.read_inputs() == outside & ~OUTPUT_ONLY | MARK
    assert bus.transactions <= 9 + 2
    assert [chip.word(r) for r in (IODIR, IPOL, IOCON, GPPU, OLAT)] == good


def test_of_a_chip_that_lost_byte_mode_alone_one_reading_is_the_latchs():
    _, chip, expander = fitted(outputs=0, pull_ups=0x7F7F, level=MARK)
    expander.read_inputs()
    chip.outside = 0x1234
    chip.put(IOCON, 0x0404)
    assert [expander.read_inputs() for _ in range(4)] == [
        0x1234 | MARK,
        MARK,
        0x1234 | MARK,
        0x1234 | MARK,
    ]
    assert chip.word(IOCON) == 0x2424


def test_a_port_whose_mark_is_held_cannot_be_read():
    class Shorted(ExpanderChip):
        def pins(self):
            return super().pins() & 0x7FFF

    chip = Shorted()
    expander = Expander(Bus({ADDRESS: chip}), ADDRESS, 0, 0x7F7F)
    expander.configure(MARK)
    assert expander.read_inputs() == -1


@pytest.mark.parametrize("register", [IODIR, IPOL, IOCON, GPPU])
@pytest.mark.parametrize("flipped", [0x0101, 0x4040, 0x7F7F])
def test_verify_repairs_every_setting_within_a_round(register, flipped):
    _, chip, expander = fitted(pull_ups=0x0100)
    good = [chip.word(r) for r in (IODIR, IPOL, IOCON, GPPU, OLAT)]
    chip.put(register, chip.word(register) ^ flipped)
    assert [expander.verify() for _ in range(5)].count(CONFIG_LOST) == 1
    assert [chip.word(r) for r in (IODIR, IPOL, IOCON, GPPU, OLAT)] == good


@pytest.mark.parametrize("turn", range(5))
def test_an_expander_that_was_reset_comes_back_to_the_level_last_written(turn):
    _, chip, expander = fitted()
    for _ in range(turn):
        expander.verify()
    expander.write(0x0007)
    chip.reset()
    chip.watched = True
    assert CONFIG_LOST in [expander.verify() for _ in range(3)]
    assert chip.pins() == 0x0007
    assert all(level == 0x0007 & outputs for outputs, level in chip.seen)


@pytest.mark.parametrize("control", [0x8484, 0xA4A4])
@pytest.mark.parametrize("level", [0x0000, LEVEL, 0x0404, 0x2424])
def test_the_other_register_map_is_left_again(level, control):
    _, chip, expander = fitted(level=level)
    chip.put(IOCON, control)
    assert CONFIG_LOST in [expander.verify() for _ in range(5)]
    assert not chip.word(IOCON) & 0x8080
    assert chip.pins() == level


def test_an_output_that_does_not_become_one_is_told_at_configuration():
    class Deaf(ExpanderChip):
        def receive(self, buffer):
            if not (buffer[0] == IODIR and len(buffer) > 1):
                super().receive(buffer)

    assert Expander(Bus({ADDRESS: Deaf()}), ADDRESS, 0xFFFF, 0).configure(0) == CONFIG_LOST


def test_a_latch_that_does_not_hold_is_told_at_configuration():
    class Stuck(ExpanderChip):
        def receive(self, buffer):
            super().receive(buffer)
            self.registers[OLAT] |= 0x10

    assert Expander(Bus({ADDRESS: Stuck()}), ADDRESS, 0xFFFF, 0).configure(0) == CONFIG_LOST


def test_every_method_hands_the_error_of_the_bus_to_its_caller():
    bus, _, expander = fitted()
    calls = (
        (expander.configure, (0,)),
        (expander.write, (0,)),
        (expander.differing, ()),
        (expander.repair, ()),
        (expander.read_inputs, ()),
        (expander.verify, ()),
    )
    for method, arguments in calls:
        bus.refuse = 1
        with pytest.raises(OSError):
            method(*arguments)


def test_a_level_that_did_not_get_through_is_the_one_a_repair_writes():
    bus, chip, expander = fitted()
    bus.refuse = 1
    with pytest.raises(OSError):
        expander.write(0x0003)
    chip.reset()
    while expander.verify() == OK:
        pass
    assert chip.pins() == 0x0003


def test_configuration_costs_what_its_description_says():
    bus, _, expander = fitted()
    bus.transactions = 0
    expander.configure(LEVEL)
    assert bus.transactions == 18
