"""Calibration: what is measured is corrected, within limits, kept over a restart and undone."""

import json
from types import SimpleNamespace

import pytest

from cabinets import Cabinet, configuration
from captured import Recorded
from packwarden.calibration import MOST_GAIN, Calibration, limit
from packwarden.fixed import BIAS
from packwarden.protection import Protection
from terminals import PIN, Terminal

SIGNED = "2027-01-31 anna"
WIRED = {"sensors.main_shunt_uohm": 50, "breakers.feedback": "both"}


class Bench:
    """An unlocked terminal at a cabinet whose time goes on while a reply waits."""

    def __init__(self, changes=None, **measured):
        config = configuration(changes=WIRED | (changes or {}))
        self.cabinet = Cabinet(config, **measured)
        self.cabinet.run(1)
        self.protection = self.cabinet.protection
        self.terminal = Terminal(self.protection)
        self.terminal.pause = self.cabinet.tick
        self.terminal.ask(f"unlock {PIN}")

    @property
    def calibration(self):
        return self.terminal.context.calibration

    def ask(self, line):
        return self.terminal.ask(f"calibrate {line}")

    def value(self, channel):
        """The mean of what is measured now: codes toggle by a count."""
        self.cabinet.tick()
        values = [self.protection.measured.value(channel)]
        self.cabinet.tick()
        return (values[0] + self.protection.measured.value(channel)) / 2

    def open(self, battery, reads_A):
        """Open a breaker; without any current its monitor reads so much."""
        self.cabinet.closed[battery - 1] = False
        self.cabinet.counts[battery - 1] = round(reads_A / 0.00125)
        self.cabinet.run(1)

    def again(self):
        """The same flash and configuration after a restart: its Calibration and Protection."""
        protection = Protection(self.cabinet.config)
        calibration = Calibration(self.terminal.files, protection, lambda: None)
        calibration.load()
        return calibration, protection

    def listed(self):
        found = json.loads(self.terminal.ask("calibration --json"))
        return [(c["what"], c["where"], c["value"], c["unit"]) for c in found["corrections"]]


def test_a_zero_is_taken_while_the_breaker_is_open_and_outlasts_a_restart():
    bench = Bench(current_A=40)
    bench.open(3, 0.8)
    assert bench.value(2) == 800
    reply = bench.ask(f"zero 3 {SIGNED}")
    assert reply == "zero 3: -0.800 A, was 0.000 A; calibration 1\r\n"
    assert bench.value(2) == pytest.approx(0, abs=2)
    assert bench.value(1) == pytest.approx(40_000, abs=2)
    calibration, protection = bench.again()
    assert calibration.slots.generation == 1
    assert protection.measured.corrections == bench.protection.measured.corrections


def test_its_record_names_battery_and_number_and_each_start_repeats_the_number():
    bench = Bench()
    bench.ask(f"temperature 2- 25.3 {SIGNED}")
    bench.cabinet.tick()
    log = bench.protection.events
    text = log.event(log.next_seq - 1).text()
    assert text.endswith("INFO  operation  BAT02 TERM-  calibration 1")
    calibration, protection = bench.again()
    calibration.record()
    assert protection.events.event(protection.events.next_seq - 1).text().endswith("calibration 1")


def test_a_zero_is_refused_while_a_current_may_flow():
    bench = Bench(current_A=[0.5, 0.5, 0.5, 0.5])
    reply = bench.ask(f"zero 3 {SIGNED}")
    assert reply.startswith("error: open its breaker first")
    assert bench.calibration.slots.generation == 0


@pytest.mark.parametrize("where", ["1", "main"])
def test_with_a_dead_busbar_nothing_can_flow_whatever_the_contacts_say(where):
    bench = Bench(current_A=[0.5, 0, 0, 0], main_A=0.5, voltage_bus_V=0.2)
    bench.cabinet.lying = dict.fromkeys(range(5), True)
    assert "error" not in bench.ask(f"zero {where} {SIGNED}")


def test_a_gain_brings_a_current_to_what_a_meter_shows_and_leaves_the_zero():
    bench = Bench(current_A=60)
    bench.open(2, 0.5)
    bench.ask(f"zero 2 {SIGNED}")
    bench.cabinet.closed[1] = True
    del bench.cabinet.counts[1]
    bench.cabinet.run(1)
    assert bench.value(1) == pytest.approx(59_500, abs=3)
    for battery, actual in ((3, "60.6"), (2, "60.1"), (1, "59.999")):
        assert "error" not in bench.ask(f"gain {battery} {actual} {SIGNED}")
        assert bench.value(battery - 1) == pytest.approx(float(actual) * 1000, abs=3)
    listed = [(what, where) for what, where, _, _ in bench.listed()]
    assert listed == [("zero", "2"), ("gain", "3"), ("gain", "2"), ("gain", "1")]
    assert bench.listed()[1][2:] == (pytest.approx(1, abs=0.01), "%")
    assert bench.listed()[2][2:] == (pytest.approx(1, abs=0.01), "%")


def test_a_gain_is_taken_while_it_charges_as_well():
    bench = Bench(current_A=-50)
    assert "error" not in bench.ask(f"gain 4 -49.5 {SIGNED}")
    assert bench.value(3) == pytest.approx(-49_500, abs=3)


def test_a_second_calibration_takes_the_place_of_the_first_from_where_that_has_led():
    bench = Bench(current_A=60, plus_C=30)
    bench.ask(f"gain 1 60.6 {SIGNED}")
    assert ", was +" in bench.ask(f"gain 1 59.7 {SIGNED}")
    bench.ask(f"temperature 1+ 31 {SIGNED}")
    bench.ask(f"temperature 1+ 29.5 {SIGNED}")
    assert bench.value(0) == pytest.approx(59_700, abs=3)
    assert bench.value(bench.cabinet.terminal_channel(0)) == pytest.approx(2950, abs=3)
    assert len(bench.listed()) == 2
    assert bench.calibration.slots.generation == 4


@pytest.mark.parametrize("where", ["4+", "4-", "ambient"])
def test_a_temperature_is_brought_to_that_of_a_thermometer(where):
    bench = Bench()
    frame = bench.protection.frame
    channel = {"4+": frame.terminal + 6, "4-": frame.terminal + 7, "ambient": frame.ambient}[where]
    assert "error" not in bench.ask(f"temperature {where} 22.4 {SIGNED}")
    assert bench.value(channel) == pytest.approx(2240, abs=2)
    assert bench.value(frame.terminal) == pytest.approx(2500, abs=2)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("zero 3", "it would take -2.10"),
        ("gain 1 61.3", "it would take +2.1"),
        ("gain 1 58.7", "it would take -2.1"),
        ("gain 1 -60", "it would take -199.9"),
        ("temperature 1+ 28.1", "it would take +3.1"),
        ("temperature 1+ 21.9", "it would take -3.1"),
        ("gain 2 19", "it carries 19.00"),
    ],
)
def test_what_is_further_off_than_an_error_can_be_is_refused(line, reason):
    bench = Bench(current_A=[60, 19, 60, 60])
    bench.open(3, 2.1)
    before = list(bench.protection.measured.corrections)
    assert bench.ask(f"{line} {SIGNED}").startswith(f"error: {reason}")
    assert list(bench.protection.measured.corrections) == before
    assert bench.calibration.slots.generation == 0


def test_what_is_not_steady_or_has_no_value_is_refused():
    bench = Bench(current_A=60)

    def ramp(cabinet):
        cabinet.current_A[0] += 0.2
        cabinet.plus_C[0] += 0.2

    bench.cabinet.each_tick = ramp
    assert bench.ask(f"gain 1 60 {SIGNED}").startswith("error: it is not steady: 60.")
    assert "degC" in bench.ask(f"temperature 1+ 25 {SIGNED}")
    bench.cabinet.lose_monitor(1)
    bench.cabinet.counts[bench.protection.frame.reference] = 0
    bench.cabinet.run(1)
    assert bench.ask(f"gain 2 60 {SIGNED}") == "error: it has no value: absent\r\n"
    assert bench.ask(f"temperature 1+ 25 {SIGNED}") == "error: it has no value: no reference\r\n"
    bench.cabinet.waiting.add(2)
    assert bench.ask(f"gain 3 60 {SIGNED}") == "error: no new values come\r\n"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "calibrate zero N|main DATE WHO"),
        ("gain", "calibrate zero N|main DATE WHO"),
        ("zero 3", "calibrate zero N|main DATE WHO"),
        ("undo zero", "calibrate zero N|main DATE WHO"),
        ("undo", "calibrate zero N|main DATE WHO"),
        (f"zero 5 {SIGNED}", 'there is no zero of "5"'),
        (f"zero 03 {SIGNED}", 'there is no zero of "03"'),
        (f"zero 1+ {SIGNED}", 'there is no zero of "1+"'),
        (f"temperature 1 25 {SIGNED}", 'there is no temperature of "1"'),
        (f"temperature + 25 {SIGNED}", 'there is no temperature of "+"'),
        ("zero 3 31.01.2027 anna", '"31.01.2027" is no date like 2027-01-31'),
        ("zero 3 2027-13-01 anna", '"2027-13-01" is no date like 2027-01-31'),
        ("zero 3 2027-01-31 " + "a" * 17, "a name has 16 characters at most"),
        (f"gain 1 6o.1 {SIGNED}", '"6o.1" is no number'),
        (f"gain 1 60.x {SIGNED}", '"60.x" is no number'),
        (f"gain 1 60.1234 {SIGNED}", '"60.1234" is no number with up to 3 decimals'),
        ("undo zero 3", "zero 3 is not calibrated"),
    ],
)
def test_what_is_not_understood_is_refused_in_one_line(line, reason):
    bench = Bench(current_A=60)
    reply = bench.ask(line)
    assert reply.startswith(f"error: {reason}")
    assert reply.count("\r\n") == 1
    assert bench.calibration.slots.generation == 0


def test_while_locked_or_while_a_trip_is_on_its_way_nothing_is_taken():
    bench = Bench()
    assert Terminal(bench.protection).ask(f"calibrate zero 3 {SIGNED}").startswith("error: locked")
    bench.cabinet.plus_C[0] = 90
    bench.cabinet.run(1)
    assert bench.ask(f"temperature 2+ 25.5 {SIGNED}").startswith("error: a trip is picked up")
    assert bench.calibration.slots.generation == 0


def test_it_is_undone_one_by_one_and_altogether():
    bench = Bench(current_A=60)
    for line in ("gain 1 60.6", "gain 2 60.3", "temperature 1- 25.5", "temperature ambient 24.8"):
        bench.ask(f"{line} {SIGNED}")
    reply = bench.ask("undo gain 1")
    assert reply.startswith("gain 1: 0.000 %, was +")
    assert bench.value(0) == pytest.approx(60_000, abs=2)
    assert len(bench.listed()) == 3
    assert bench.ask("undo all") == "nothing is calibrated: calibration 6\r\n"
    assert set(bench.protection.measured.corrections) == {BIAS}
    assert bench.listed() == []
    assert set(bench.again()[1].measured.corrections) == {BIAS}


def test_it_shows_what_is_corrected_since_when_and_by_whom():
    bench = Bench(current_A=60)
    assert bench.terminal.ask("calibration") == "nothing is calibrated\r\n"
    bench.ask(f"gain 1 59.4 {SIGNED}")
    bench.ask("temperature 4- 25.5 2027-02-01 ben")
    lines = bench.terminal.ask("calibration").split("\r\n")
    assert lines[0] == "calibration 2"
    what, where, value, *rest = lines[1].split()
    assert (what, where, rest) == ("gain", "1", ["%", "2027-01-31", "anna"])
    assert float(value) == pytest.approx(-1, abs=0.01)
    assert lines[2].split()[-2:] == ["2027-02-01", "ben"]


def test_of_a_damaged_slot_the_one_before_counts_and_of_two_none():
    bench = Bench(current_A=60)
    for actual in ("60.6", "60.3"):
        bench.ask(f"gain 1 {actual} {SIGNED}")
    first = bench.terminal.files
    newest = bench.calibration.slots.name
    with first.open(newest, "rb") as file:
        content = bytearray(200)
        content = content[: file.readinto(content)]
    content[30] ^= 1
    with first.open(newest, "wb") as file:
        file.write(content)
    calibration, protection = bench.again()
    assert calibration.correction("gain", "1") == pytest.approx(10_486, abs=40)
    assert [name for name, _ in calibration.slots.refused] == [newest]
    with first.open(calibration.slots.name, "wb") as file:
        file.write(content)
    calibration, protection = bench.again()
    assert set(protection.measured.corrections) == {BIAS}
    assert len(calibration.slots.refused) == 2


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (b"zero 1 2001 2027-01-31 anna\n", "zero 1 is beyond its limit"),
        (b"gain 1 -20972 2027-01-31 anna\n", "gain 1 is beyond its limit"),
        (b"temperature 1+ 301 2027-01-31 anna\n", "temperature 1+ is beyond its limit"),
        (b"zero 1 none 2027-01-31 anna\n", "cannot be read"),
        (b"zero 1\n", "cannot be read"),
    ],
)
def test_what_is_whole_and_no_good_counts_for_nothing_and_is_told(lines, reason):
    bench = Bench()
    for _ in bench.calibration.slots.store(1, [lines]):
        pass
    calibration, protection = bench.again()
    assert [why for _, why in calibration.slots.refused] == [reason]
    assert calibration.slots.generation == 0
    assert set(protection.measured.corrections) == {BIAS}


def test_a_smaller_bank_leaves_out_what_it_has_not_and_a_larger_one_has_it_again():
    bench = Bench(current_A=60)
    bench.ask(f"gain 4 60.6 {SIGNED}")
    small = Protection(configuration(2))
    calibration = Calibration(bench.terminal.files, small, lambda: None)
    calibration.load()
    assert set(small.measured.corrections) == {BIAS}
    assert calibration.slots.refused == []
    assert bench.again()[0].correction("gain", "4") > 10_000


def refuses(name, mode):
    raise OSError(28)


def test_a_flash_that_takes_nothing_changes_nothing():
    bench = Bench(current_A=60)
    bench.calibration.slots._fs = SimpleNamespace(open=refuses)
    reply = bench.ask(f"gain 1 60.6 {SIGNED}")
    assert reply == "error: the flash does not take it: nothing has changed\r\n"
    assert set(bench.protection.measured.corrections) == {BIAS}


def test_while_one_is_being_stored_another_one_has_to_wait():
    bench = Bench(current_A=60)
    bench.calibration.begin("gain", "1", (5, "2027-01-31", "anna"))
    assert bench.ask("undo all").startswith("error: another one is being stored")


def test_a_trip_after_a_calibration_is_run_again_to_the_same_record():
    recorded = Recorded()
    terminal = Terminal(recorded.protection)
    recorded.run(3)
    calibration = Calibration(terminal.files, recorded.protection, recorded.captures.anew)
    calibration.begin("temperature", "2+", (250, "2027-01-31", "anna"))
    while calibration.storing:
        calibration.step()
    recorded.run(1)
    recorded.heat(1)
    recorded.run_until_frozen()
    found, _, trips = recorded.again()
    corrected = found.protection.measured.corrections[recorded.protection.frame.terminal + 2]
    assert corrected == BIAS + 250
    assert found.same == found.states
    assert trips[0][1] == recorded.protection.events.line(recorded.captures.facts[0])


def test_a_calibration_while_a_trip_is_followed_ends_its_capture():
    recorded = Recorded()
    recorded.run(3)
    recorded.heat(1)
    while not recorded.protection.breakers.tripped:
        recorded.run(0.01)
    recorded.captures.anew()
    assert recorded.captures.frozen
    recorded.captures.anew()  # while none is recorded
    assert recorded.captures.frozen


def test_the_limits_are_small_parts_of_what_is_protected():
    protection = Protection(configuration(rated_A=250))
    assert limit(protection, "zero") == 5000
    assert limit(protection, "gain") == MOST_GAIN == (1 << 20) * 2 // 100
    assert limit(protection, "temperature") == 300


def test_many_are_stored_in_steps_and_count_once_all_are_kept():
    bench = Bench()
    lines = b"".join(b"temperature %d+ 5 2027-01-31 anna\n" % (1 + k % 4) for k in range(30))
    for _ in bench.calibration.slots.store(1, [lines[at : at + 34] for at in range(0, 1020, 34)]):
        pass
    calibration, _ = bench.again()
    calibration.begin("temperature", "ambient", (7, "2027-01-31", "anna"))
    calibration.step()
    assert calibration.storing
    assert calibration.correction("temperature", "ambient") == 0
    while calibration.storing:
        calibration.step()
    assert calibration.correction("temperature", "ambient") == 7


def test_what_was_refused_is_shown():
    bench = Bench()
    bench.calibration.slots.refused.append(("calibration.b", "cannot be read"))
    shown = "nothing is calibrated\r\nrefused: calibration.b: cannot be read\r\n"
    assert bench.terminal.ask("calibration") == shown
