"""The model of the flash behaves as NOR flash does, and loses its power as it is told."""

import pytest

from flash_chip import BLOCK, TEARS, Chip, Files, torn

OLD, NEW = bytes(range(256)), b"\x0f" * 256


class Facts:
    block_size = BLOCK


def test_programming_only_clears_bits_and_erasing_sets_them():
    chip = Chip(blocks=4)
    chip.prog(Facts, 1, 32, b"\xf0" * 32)
    chip.prog(Facts, 1, 32, b"\x3c" * 32)
    assert chip.read(Facts, 1, 32, 33) == b"\x30" * 32 + b"\xff"
    chip.erase(Facts, 1)
    assert chip.read(Facts, 1, 0, BLOCK) == b"\xff" * BLOCK
    assert (chip.writes, chip.erased) == (3, [0, 1, 0, 0])


@pytest.mark.parametrize(
    ("tear", "left"), [("nothing", OLD), ("all", NEW), ("a part", NEW[:128] + OLD[128:])]
)
def test_what_is_left_of_a_torn_write(tear, left):
    assert torn(OLD, NEW, tear, 1) == left


def test_some_bits_are_bits_of_either():
    left = torn(OLD, NEW, "some bits", 1)
    assert left not in (OLD, NEW)
    assert all(
        (got ^ old) & (got ^ new) == 0 for got, old, new in zip(left, OLD, NEW, strict=True)
    )


@pytest.mark.parametrize("tear", TEARS)
def test_after_a_cut_nothing_is_written_any_more(tear):
    chip = Chip(blocks=16)
    files = Files(chip, fresh=True)
    chip.cut_at = chip.writes + 2
    chip.tear = tear
    with pytest.raises(OSError), files.open("a", "wb") as file:
        file.write(bytes(3000))
    assert chip.dead
    content = bytes(chip.content)
    with pytest.raises(OSError), files.open("b", "wb") as file:
        file.write(b"x")
    assert chip.content == content
    files = Files(Chip(chip.content))
    assert set(files.listdir()) <= {"a"}  # littlefs makes an empty file when it is opened
    if files.listdir():
        with files.open("a", "rb") as file:
            assert file.readinto(bytearray(10)) == 0


def test_a_flash_without_a_file_system_cannot_be_mounted():
    with pytest.raises(OSError):
        Files(Chip())


def test_failures_have_the_numbers_of_the_board():
    files = Files(Chip(blocks=8), fresh=True)
    for attempt in (lambda: files.open("none", "rb"), lambda: files.open("none", "ab")):
        with pytest.raises(OSError) as failure:
            attempt()
        assert failure.value.args[0] == 2
    with pytest.raises(OSError) as failure, files.open("big", "wb") as file:
        file.write(bytes(9 * BLOCK))
    assert failure.value.args[0] == 28
