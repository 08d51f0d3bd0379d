"""The captures in flash: the last four, whole, whatever else has happened."""

import binascii
import random

import pytest

from flash_chip import Chip, Files
from frozen import Frozen
from packwarden import VERSION, records
from packwarden.capture_files import FILES, HEAD_SIZE, CaptureFiles, Head, file_name, is_head
from packwarden.fixed import BIAS, NONE
from packwarden.protection import Protection
from packwarden_host.configurations import ordinary

TEXT = b"the configuration " * 200
BOOT = 7


class Board:
    """A life of a board with its captures; `config`: the pieces of its configuration."""

    def __init__(self, files, seed=1):
        self.files = files
        self.protection = Protection(ordinary(2))
        self.recorded = Frozen(random.Random(seed))
        self.config = [TEXT[:1000], TEXT[1000:]]
        self.config_hash = binascii.crc32(TEXT)
        self.boot = BOOT
        self.kept = CaptureFiles(
            files, self.recorded, self.protection, self, lambda: iter(self.config)
        )
        self.kept.open()

    def trip(self):
        """Tell a trip; return its number."""
        log = self.protection.events
        log.seconds, log.ms = 12, 345
        log.write(3, 3, 0, 2, 1, 5, 1, 0, BIAS + 8123, BIAS + 8000, BIAS + 2000, NONE)
        return log.last_trip

    def keep(self, size=3000):
        """Capture a trip and write it; returns its data."""
        self.recorded.freeze(size, self.trip())
        self.write()
        assert not self.kept.failed
        return self.recorded.data

    def write(self):
        pieces = 0
        while self.recorded.frozen and not self.kept.failed:
            self.kept.write()
            pieces += 1
        return pieces

    def numbers(self):
        return [head.number for head in self.kept.heads()]

    def content(self, number):
        head = self.kept.head(number)
        data = bytearray(head.size + 10)
        return bytes(data[: self.kept.read(number, 0, data)])


@pytest.fixture
def files():
    return Files(Chip(), fresh=True)


def test_a_capture_is_kept_with_all_that_it_needs(files):
    data = Board(files).keep(5000)
    again = Board(files)
    content = again.content(1)
    head = Head(content[:HEAD_SIZE])
    assert (head.number, head.boot, head.batteries, head.tick_ms) == (1, BOOT, 2, 10)
    assert (head.version, head.shape) == (VERSION, 0xFACADE00)
    assert head.config_hash == binascii.crc32(TEXT)
    assert content[HEAD_SIZE : HEAD_SIZE + head.config_size] == TEXT
    assert content[HEAD_SIZE + head.config_size : -4] == data
    assert int.from_bytes(content[-4:], "little") == binascii.crc32(content[:-4])
    assert list(head.facts) == [0, 201, 301, 0, 2010, 1000]
    assert head.event().text().endswith("BAT02 TERM+  81.2 degC > 80.0 for 2.0 s: trip_battery")


def test_the_last_four_are_kept_over_restarts(files):
    for number in range(1, 8):
        board = Board(files, seed=number)
        data = board.keep()
        assert board.numbers() == list(range(max(1, number - FILES + 1), number + 1))
        assert data in board.content(number)
    assert Board(files).numbers() == [4, 5, 6, 7]
    assert board.kept.head(3) is None


def test_it_is_written_in_pieces_of_which_none_is_long(files):
    board = Board(files)
    sizes = []
    original = files.open

    def opened(name, mode):
        file = original(name, mode)
        write = file.write

        def noted(data):
            sizes.append(len(data))
            return write(data)

        file.write = noted
        return file

    files.open = opened
    board.recorded.freeze(9000, board.trip())
    pieces = board.write()
    assert sum(sizes) == board.kept.head(1).size
    assert pieces >= sum(sizes) // 2048
    assert max(sizes) <= len(TEXT)


def test_until_it_is_whole_the_old_one_is_there(files):
    board = Board(files)
    for _ in range(FILES):
        board.keep()
    board.recorded.freeze(3000, board.trip())
    for _ in range(3):
        board.kept.write()
    assert Board(files).numbers() == [1, 2, 3, 4]


@pytest.mark.parametrize("size", [0, 3, HEAD_SIZE - 1, HEAD_SIZE, 2000])
def test_a_file_that_is_not_whole_is_none(files, size):
    board = Board(files)
    board.keep()
    content = board.content(1)[:size]
    with files.open(file_name(0), "wb") as file:
        file.write(content)
    assert Board(files).numbers() == []
    assert list(board.kept.heads()) == []
    board.keep()  # and is replaced


def test_every_damaged_byte_of_a_head_is_noticed(files):
    board = Board(files)
    board.keep(10)
    head = board.content(1)[:HEAD_SIZE]
    assert is_head(head)
    for place in range(HEAD_SIZE):
        assert not is_head(head[:place] + bytes([head[place] ^ 16]) + head[place + 1 :])


def test_another_configuration_than_the_one_that_runs_is_not_kept_with_it(files):
    board = Board(files)
    board.config = [b"pushed meanwhile"]
    data = board.keep()
    assert board.kept.head(1).config_size == 0
    assert board.content(1)[HEAD_SIZE:-4] == data


def test_a_trip_that_the_log_has_forgotten_has_no_record(files):
    board = Board(files)
    seq = board.trip()
    for _ in range(records.CAPACITY):
        board.trip()
    board.recorded.freeze(100, seq)
    board.write()
    assert board.kept.head(1).record == bytes(records.SIZE)
    assert board.kept.head(1).event().text()


def test_a_full_flash_is_told_and_tried_again(files):
    board = Board(files)
    board.keep()
    with pytest.raises(OSError):
        for number in range(100):
            with files.open(f"ballast{number}", "wb") as file:
                file.write(bytes(4000))
    board.recorded.freeze(9000, board.trip())
    board.write()
    assert board.kept.failed
    assert board.recorded.frozen
    assert board.numbers() == [1]
    for number in range(10):
        files.remove(f"ballast{number}")
    board.kept.write()
    board.write()
    assert board.numbers() == [1, 2]
    assert not board.kept.failed


def test_a_file_that_takes_half_of_a_piece_is_a_failure(files):
    board = Board(files)
    original = files.open

    def opened(name, mode):
        file = original(name, mode)
        file.write = lambda data: len(data) // 2
        return file

    files.open = opened
    board.recorded.freeze(100, board.trip())
    board.write()
    assert board.kept.failed
