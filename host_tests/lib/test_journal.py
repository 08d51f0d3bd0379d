"""The journal: what was committed is there after a restart, whatever else has happened."""

import random

import pytest

from flash_chip import Chip, Files
from packwarden import elements, levels, records
from packwarden.elements import BOOT, OPERATION, TABLE
from packwarden.fixed import BIAS, NONE
from packwarden.frame import HEALTH_NAMES
from packwarden.journal import BATCH, KEPT, PER_SEGMENT, SEGMENTS, SIZE, Journal, segment_name
from packwarden.records import CAPACITY, EventLog

POWER_ON, WATCHDOG = 1, 3
CONFIG = 0xFEDCBA98
SENSOR = elements.find("sensor_fault")


class Life:
    """A life of the board: a log and the journal that keeps it."""

    def __init__(self, files, cause=POWER_ON, config=CONFIG, batch=None):
        self.files = files
        self.log = EventLog()
        self.journal = Journal(files, self.log, config, batch)
        self.journal.open(cause)
        assert not self.journal.failed
        self.log.boot(cause)  # as `Protection.arm` does

    def tell(self, count):
        for _ in range(count):
            number = BIAS + self.log.next_seq
            fields = (levels.WARN, levels.WARN, SENSOR, self.log.next_seq % 15 + 1, 1, 0, 4, 0)
            self.log.write(*fields, number, number, NONE, NONE)

    def keep(self, count=0):
        """Tell so many events and commit them as they come."""
        while count or self.journal.waiting():
            self.tell(min(count, BATCH))
            count -= min(count, BATCH)
            self.journal.commit()
            assert not self.journal.failed

    def stage(self, count=0):
        """Tell so many events and stage what goes into the batch."""
        self.tell(count)
        while self.journal.unstaged():
            self.journal.stage()

    def events(self, since=0):
        return [event for event in self.journal.events(since) if event]

    def numbers(self, since=0):
        return [event.seq for event in self.events(since)]


@pytest.fixture
def files():
    return Files(Chip(), fresh=True)


def overwrite(files, segment, change):
    """Change the content of a segment by a function."""
    with files.open(segment_name(segment), "rb") as file:
        content = bytearray(SIZE * PER_SEGMENT + 10)
        content = content[: file.readinto(content)]
    with files.open(segment_name(segment), "wb") as file:
        file.write(change(content))


def test_what_was_committed_is_there_after_a_restart(files):
    first = Life(files)
    first.log.seconds, first.log.ms = 12, 345
    first.log.watch(lambda: 1 << 2 | 1 << 15 | 5 << 16)
    first.keep(3)
    told = [event.json() for event in first.events()]
    second = Life(files, WATCHDOG)
    kept = second.events()[:4]
    assert [event.json() for event in kept] == told
    assert {(event.boot, event.config, event.kept) for event in kept} == {(1, CONFIG, True)}
    assert kept[1].t_ms == 12345
    assert kept[1].energised() == ["Q03", "main", "charge", "alarm"]


def test_numbers_of_events_and_boots_go_on_over_a_restart(files):
    Life(files).keep(4)
    Life(files, WATCHDOG).keep(2)
    third = Life(files)
    third.keep(1)
    events = third.events()
    assert [event.seq for event in events] == list(range(5 + 3 + 2))
    assert [event.boot for event in events] == [1] * 5 + [2] * 3 + [3] * 2
    boots = [event for event in events if event.element == BOOT]
    assert [event.detail_name() for event in boots] == ["power-on", "watchdog", "power-on"]


def test_a_boot_is_kept_before_the_first_tick(files):
    """A board that starts again and again leaves a record of each start."""
    for _ in range(5):
        Journal(files, EventLog(), CONFIG).open(WATCHDOG)
    assert [event.boot for event in Life(files).events()] == [1, 2, 3, 4, 5, 6]


def test_before_it_is_armed_the_boot_is_shown_already(files):
    Life(files).keep(2)
    log = EventLog()
    journal = Journal(files, log, CONFIG)
    journal.open(WATCHDOG)
    reading = journal.events(1)
    pieces = [next(reading) for _ in range(4)]
    assert [event.seq for event in pieces if event] == [1, 2, 3]
    log.boot(WATCHDOG)
    assert list(reading) == []  # not twice, although it is in the log by now
    assert [event.seq for event in journal.events(2) if event] == [2, 3]


def test_the_boot_that_was_kept_early_is_the_logs_first_event(files):
    life = Life(files)
    assert life.journal.waiting() == 0
    assert life.numbers() == [0]
    life.keep(1)
    shown = [event.kept_json() for event in life.events()]
    assert shown[0] == Life(files).events()[0].kept_json()


def test_what_was_not_committed_is_told_apart(files):
    life = Life(files)
    life.keep(2)
    life.tell(2)
    assert [event.kept for event in life.events()] == [True, True, True, False, False]
    assert life.journal.waiting() == 2


def test_at_least_512_are_kept_and_the_oldest_go_first(files):
    assert KEPT >= 512
    life = Life(files)
    for _ in range(40):
        life.keep(47)
        numbers = life.numbers()
        assert numbers == list(range(numbers[0], life.log.next_seq))
        assert len(numbers) >= min(512, life.log.next_seq)
    assert Life(files).numbers()[:-1] == numbers


def test_the_least_that_is_kept_is_there_after_every_restart(files):
    for boot in range(1, 25):
        life = Life(files)
        life.keep(boot * 11 % 67)
        assert len(life.numbers()) >= min(512, life.log.next_seq)


def test_one_commit_writes_a_batch_at_most(files):
    life = Life(files)
    life.keep()
    life.tell(BATCH + 3)
    life.journal.commit()
    assert life.journal.waiting() == 3
    life.journal.commit()
    assert life.journal.waiting() == 0


def test_one_commit_erases_one_block_or_two(files):
    """One for the records; the directory's is full once in some hundred commits."""
    chip = Chip()
    life = Life(Files(chip, fresh=True))
    erased = []
    for _ in range(600):
        life.tell(1)
        before = sum(chip.erased)
        life.journal.commit()
        erased.append(sum(chip.erased) - before)
    assert set(erased) <= {0, 1, 2}  # none while the file is so short that the directory has it
    assert erased.count(1) > 500


def test_the_wear_is_spread():
    chip = Chip()
    life = Life(Files(chip, fresh=True))
    for _ in range(3000):
        life.keep(1)
    assert max(chip.erased[2:]) < 3 * sum(chip.erased) / chip.blocks


def test_what_the_log_forgot_before_it_was_kept_is_counted(files):
    life = Life(files)
    life.keep()
    life.tell(CAPACITY + 44)
    assert life.journal.waiting() == CAPACITY + 44
    life.keep()
    assert life.journal.lost == 44
    assert life.numbers() == [0, *range(45, CAPACITY + 45)]
    assert Life(files).numbers()[:-1] == [0, *range(45, CAPACITY + 45)]


@pytest.mark.parametrize("since", [0, 1, 44, 45, 46, 200, 300, 301, 302, 900, 10**6])
def test_events_begin_where_they_are_asked_to(files, since):
    """Over the numbers that are missing, too."""
    life = Life(files)
    life.keep()
    life.tell(CAPACITY + 44)
    life.keep()
    later = Life(files)
    later.keep(200)
    there = [0, *range(45, later.log.next_seq)]
    oldest = later.numbers()[0]
    assert oldest < 300
    expected = [seq for seq in there if seq >= max(since, oldest)]
    assert later.numbers(since) == expected


def test_reading_goes_on_while_the_oldest_segment_is_replaced(files):
    life = Life(files)
    life.keep(KEPT + 30)
    life = Life(files)
    numbers = []
    for event in life.journal.events(0):
        if event:
            numbers.append(event.seq)
            if len(numbers) % 40 == 0:
                life.keep(16)
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == life.log.next_seq - 1


def test_a_piece_of_reading_is_one_record(files):
    """However far the first one is behind the begin of its segment."""
    life = Life(files)
    life.keep()
    life.tell(CAPACITY + 60)
    life.keep()
    later = Life(files)
    later.keep(100)  # into the next segment
    opened = []
    original = files.open
    later.files.open = lambda *args: opened.append(args) or original(*args)
    reading = later.journal.events(70)
    for _ in range(200):
        before = len(opened)
        next(reading)
        assert len(opened) - before <= 1


@pytest.mark.parametrize("missing", range(1, SIZE))
def test_a_torn_record_is_left_out_and_not_appended_to(files, missing):
    Life(files).keep(5)
    overwrite(files, 0, lambda content: content[:-missing])
    life = Life(files)
    life.keep(2)
    assert life.numbers() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert [event.boot for event in life.events()] == [1] * 5 + [2] * 3
    assert Life(files).numbers()[:-1] == life.numbers()


def test_every_changed_byte_is_noticed(files):
    Life(files).keep(2)
    for place in range(3 * SIZE):

        def change(content, place=place):
            content[place] ^= 0x10
            return content

        overwrite(files, 0, change)
        life = Journal(files, EventLog(), CONFIG)
        kept = [event.seq for event in life._older(0, 99) if event]
        assert kept == []  # nothing was looked for yet
        life._at, life._first = 0, [0] + [-1] * (SEGMENTS - 1)
        kept = [event.seq for event in life._older(0, 99) if event]
        assert kept == [seq for seq in range(3) if seq != place // SIZE]
        overwrite(files, 0, change)


def test_a_damaged_record_in_the_middle_takes_no_other_with_it(files):
    Life(files).keep(5)

    def change(content):
        content[2 * SIZE + 20] ^= 1
        return content

    overwrite(files, 0, change)
    assert Life(files).numbers() == [0, 1, 3, 4, 5, 6]


@pytest.mark.parametrize("segment", range(SEGMENTS))
def test_a_segment_that_is_gone_takes_no_other_with_it(files, segment):
    Life(files).keep(KEPT + 40)
    before = Life(files).numbers()
    files.remove(segment_name(segment))
    life = Life(files)
    life.keep(1)
    after = life.numbers()
    assert set(after) >= {seq for seq in before if seq // PER_SEGMENT % SEGMENTS != segment}
    assert after == sorted(set(after))


def test_noise_in_every_segment_is_an_empty_journal(files):
    for segment in range(SEGMENTS):
        with files.open(segment_name(segment), "wb") as file:
            file.write(random.Random(segment).randbytes(1000 + segment))
    life = Life(files)
    life.keep(3)
    assert life.numbers() == [0, 1, 2, 3]
    assert Life(files).numbers() == [0, 1, 2, 3, 4]


def test_a_flash_that_takes_nothing_is_told_and_loses_nothing_that_was_kept():
    chip = Chip()
    files = Files(chip, fresh=True)
    life = Life(files)
    life.keep(20)
    chip.full = True
    life.tell(3)
    for _ in range(3):
        life.journal.commit()
        assert life.journal.failed and life.journal.waiting() == 3
    chip.full = False
    life.keep()
    assert not life.journal.failed
    assert life.numbers() == list(range(24))
    assert Life(files).numbers()[:-1] == list(range(24))


def test_a_flash_that_is_full_takes_records_again_once_there_is_room():
    chip = Chip(blocks=24)
    files = Files(chip, fresh=True)
    life = Life(files)
    life.keep(300)
    filled = 0
    try:
        while True:
            with files.open(f"filler{filled}", "wb") as file:
                file.write(bytes(4096))
            filled += 1
    except OSError:
        pass
    life.tell(100)
    while life.journal.waiting() and not life.journal.failed:
        life.journal.commit()
    kept = [event.seq for event in life.events() if event.kept]
    assert kept == list(range(life.journal.next_seq))
    for number in range(filled):
        files.remove(f"filler{number}")
    life.keep()
    assert Life(files).numbers()[:-1] == list(range(401))


def test_a_flash_that_takes_nothing_at_boot_is_told():
    chip = Chip()
    files = Files(chip, fresh=True)
    Life(files).keep(4)
    chip.full = True
    log = EventLog()
    journal = Journal(files, log, CONFIG)
    journal.open(POWER_ON)
    assert journal.failed
    assert (log.next_seq, journal.boot) == (5, 2)


def test_numbers_that_journals_hold_keep_their_meaning():
    """New ones go to the end: a journal outlives an update of the firmware."""
    slugs = (
        "terminal_overtemperature terminal_rise terminal_rate overcurrent_inverse"
        " overcurrent_instantaneous bank_overcurrent current_imbalance reverse_current"
        " idle_string undervoltage overvoltage charge_temperature voltage_mismatch bms_alarm"
        " external_trip ambient_high sensor_fault breaker_failure breaker_discrepancy"
        " output_fault trip_circuit control_supply cascade controller_fault lockout"
        " joint_heating link_resistance resistance_mismatch"
    )
    assert " ".join(element.slug for element in TABLE) == slugs
    assert (BOOT, OPERATION) == (100, 101)
    assert " ".join(records.KIND_NAMES) == "info warn alarm trip clear command fault"
    assert records.UNIT_NAMES == (None, "degC", "K", "K/min", "A", "V", "mOhm", "%")
    assert records.TERMINAL_NAMES == (None, "+", "-")
    assert levels.LEVEL_NAMES == (None, "warn", "alarm", "trip")
    assert levels.ACTION_NAMES[:9] == (
        *("none", "fan", "alarm", "stop_charge", "stop_discharge"),
        *("trip_battery", "trip_main", "trip_all", "inhibit_close"),
    )
    done = ",reset,refused,told to close,still locked out,tripped for a test"
    assert ",".join(records.OPERATIONS) == done
    causes = ",power-on,reset,watchdog,deep sleep,soft reset,brown-out,panic"
    assert ",".join(records.CAUSES) == causes
    assert records.OUTPUT_NAMES == ("charge", "discharge", "alarm", "fan")
    assert records.FORMAT == "<iHBBBBBBBBiiiiHB"
    assert HEALTH_NAMES[:8] == (
        *("ok", "absent", "frozen", "configuration lost"),
        *("wrong chip", "open", "short", "zero"),
    )


# What waits for its commit lies in memory that outlasts a reset.


def staged(files, batch, kept, waiting):
    """A life that keeps some events, and ends in a reset while others wait."""
    life = Life(files, batch=batch)
    life.keep(kept)
    life.stage(waiting)
    return [event.json() for event in life.events()]


@pytest.mark.parametrize("waiting", [1, 3, BATCH])
@pytest.mark.parametrize("kept", [0, 5, PER_SEGMENT - 3, KEPT + 30])
def test_what_waited_for_its_commit_is_kept_by_the_life_after_a_reset(files, kept, waiting):
    batch = bytearray(BATCH * SIZE)
    told = staged(files, batch, kept, waiting)
    life = Life(files, WATCHDOG, batch=batch)
    since = life.log.next_seq - 1 - len(told)
    events = life.events(since)
    assert [event.json() for event in events[:-1]] == told
    assert [event.boot for event in events] == [1] * len(told) + [2]
    assert all(event.kept for event in events)
    assert Life(files).numbers(since)[:-1] == life.numbers(since)


def test_what_was_committed_meanwhile_is_not_kept_twice(files):
    batch = bytearray(BATCH * SIZE)
    life = Life(files, batch=batch)
    for count in (3, 1, BATCH, 2):
        life.stage(count)
        life.keep()
    assert Life(files, WATCHDOG, batch=batch).numbers() == list(range(1 + 22 + 1))


def test_what_did_not_fit_into_the_segment_is_kept_too(files):
    batch = bytearray(BATCH * SIZE)
    life = Life(files, batch=batch)
    life.keep(PER_SEGMENT - 4)
    life.stage(7)
    life.journal.commit()
    assert life.journal.waiting() == 4
    assert Life(files, WATCHDOG, batch=batch).numbers() == list(range(PER_SEGMENT + 5))


def test_after_the_loss_of_power_the_batch_holds_noise(files):
    Life(files).keep(2)
    for seed in range(20):
        batch = bytearray(random.Random(seed).randbytes(BATCH * SIZE))
        assert len(Life(files, batch=batch).numbers()) == 4 + seed


def test_a_batch_of_another_journal_is_none(files):
    """Its files were removed: its numbers are given anew."""
    batch = bytearray(BATCH * SIZE)
    staged(files, batch, 40, 5)
    other = Files(Chip(), fresh=True)
    life = Life(other, batch=batch)
    assert life.numbers() == [0]
    life.stage(1)  # over the first place of it
    assert Life(other, batch=batch).numbers() == [0, 1, 2]


@pytest.mark.parametrize("place", range(4))
def test_a_record_of_the_batch_that_is_damaged_ends_it(files, place):
    batch = bytearray(BATCH * SIZE)
    staged(files, batch, 5, 4)
    batch[place * SIZE + 20] ^= 1
    assert Life(files, batch=batch).numbers() == list(range(6 + place + 1))


def test_what_cannot_be_kept_after_a_reset_either_is_lost_and_its_numbers_are_given_once():
    chip = Chip()
    files = Files(chip, fresh=True)
    batch = bytearray(BATCH * SIZE)
    staged(files, batch, 5, 4)
    chip.full = True
    journal = Journal(files, EventLog(), CONFIG, batch)
    journal.open(WATCHDOG)
    assert (journal.failed, journal.next_seq) == (True, 10)
    chip.full = False
    assert Life(files, batch=batch).numbers() == list(range(7))


def test_one_piece_of_staging_is_one_record(files):
    life = Life(files)
    life.tell(3)
    assert [life.journal.stage() for _ in range(4)] == [True, True, False, False]
    assert not life.journal.unstaged()
