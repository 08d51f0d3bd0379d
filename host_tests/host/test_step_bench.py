"""What `packwarden bench` runs: a step that is quiet and allocates nothing, and an honest peer."""

import json

import pytest

from float_bank import FloatBank
from float_step import quiet_contacts
from packwarden import levels
from packwarden.protection import Protection
from packwarden_host import bench
from packwarden_host.configurations import every_row_on, ordinary
from packwarden_host.errors import RunFailed
from packwarden_host.targets import UnixVm
from quiet import QuietBank, fill

WIRED = {
    "main_shunt_uohm": 50,
    "trip_circuit": "open_on_fault",
    "bms_contact": "open_on_alarm",
    "external_trip": "closed_on_trip",
}
BANKS = {
    "15 as shipped": ordinary(15),
    "4 wired": ordinary(4, breaker="uvr", feedback="both", monitor="ina238", **WIRED),
    "2 every row": every_row_on(ordinary(2, breaker="contactor"), 1),
}


def run(script, config):
    """Run a script of the bench in the VM for a configuration; returns the object it prints."""
    return json.loads(UnixVm().run(bench.script(script, 1), bench.files(config)))


@pytest.mark.parametrize("bank", BANKS)
def test_the_step_is_quiet_and_allocates_nothing_and_then_everything_operates(bank):
    found = run("step", BANKS[bank])
    assert (found["events"], found["alloc_bytes"]) == (1, 0)  # the boot's
    assert found["worst_step_slots"] == found["slots"] == slots(BANKS[bank])
    assert 0 < found["step_us"] < found["worst_step_us"]


def slots(config):
    return Protection(config).decider.slots.count


def test_the_peer_compares_as_many_slots_and_finds_them_quiet():
    found = run("float_step", BANKS["15 as shipped"])
    assert found["slots"] == slots(BANKS["15 as shipped"])
    assert found["step_us_float"] > 0


@pytest.mark.parametrize("script", ["step", "float_step"])
def test_a_bank_that_is_not_quiet_is_not_measured(script):
    config = ordinary(4)
    config["elements"]["overcurrent_inverse"]["warn"] |= {"pickup": 70, "dropout": 60}
    with pytest.raises(RunFailed, match="the bank was not quiet"):
        run(script, config)


class Both:
    """The step and its peer over the same frames. `counts`: {channel: what it counts instead}."""

    def __init__(self, config):
        self.quiet = QuietBank(config)
        self.protection = Protection(config)
        self.frame = self.protection.frame
        self.peer = FloatBank(config)
        self.contacts = quiet_contacts(self.quiet.bank.batteries)
        self.counts = {}
        self.now_ms = 0

    def run(self, ticks, tick_ms=10):
        for number in range(ticks):
            self.now_ms += tick_ms
            counts = self.quiet.counts(number)
            for channel, count in self.counts.items():
                counts[channel] = count
            fill(self.frame, counts, self.quiet.bank)
            for index, closed in enumerate(self.contacts["closed"][:-1]):
                if not closed:
                    self.frame.aux_a &= ~(1 << index)
            self.protection.step(self.now_ms)
            self.peer.step(self.now_ms / 1000, counts, self.contacts)

    def found(self):
        """Yield (name, number, the step's value and the peer's in internal units or None)."""
        quantities = self.protection.quantities
        batteries = self.peer.batteries
        terminals = [pole for battery in batteries for pole in (battery.plus, battery.minus)]
        for name, scope, unit, _, sign in levels.QUANTITIES:
            for number, place in enumerate((terminals, batteries, [self.peer])[scope]):
                fixed = quantities.value(quantities.places[name] + number)
                other = place.found.get(name)
                per_unit = levels.UNITS[unit][0]
                yield (
                    (name, number),
                    unit,
                    None if fixed is None else sign * fixed,
                    None if other is None else other * per_unit,
                )

    def assert_agree(self):
        """What both found is the same within rounding: a table's, a count's, a percent's."""
        within = {"degC": 10, "K": 20, "K/min": 30, "A": 10, "V": 4, "%": 4, None: 0}
        for what, unit, fixed, other in self.found():
            assert (fixed is None) == (other is None), (what, fixed, other)
            if fixed is not None:
                assert fixed == pytest.approx(other, abs=within[unit], rel=0.003), what


@pytest.fixture
def both():
    made = Both(ordinary(15, trip_circuit="open_on_fault"))
    made.run(8)
    made.protection.arm(made.now_ms)
    made.run(1)
    return made


def test_both_find_the_same_of_a_quiet_bank(both):
    both.assert_agree()


@pytest.mark.parametrize("sign", [1, -1])
def test_both_find_the_same_of_a_bank_with_all_kinds_of_trouble(both, sign):
    frame = both.frame
    usual = both.quiet.rest
    for k in range(15):
        both.counts[k] = sign * usual[k]
    both.counts[2] = sign * usual[2] * 16 // 10  # carries too much
    both.counts[5] = -sign * usual[5] * 3 // 10  # the others feed it
    both.counts[8] = 0  # open
    both.contacts["closed"][8] = False
    both.counts[frame.voltage + 6] = usual[frame.voltage] + 20000  # full
    both.counts[frame.terminal + 3] = usual[frame.terminal] - 4000  # warm
    both.counts[frame.terminal + 9] = 21990  # an open lead
    both.counts[frame.supply] = 21000
    both.run(8)
    both.assert_agree()
    seen = {what: fixed for what, _, fixed, _ in both.found()}
    assert seen["imbalance", 2] > 500
    assert seen["thermistor_lost", 9] == 1
    assert seen["rise", 3] > 1000


def test_both_find_the_same_rate_after_a_minute(both):
    channel = both.frame.terminal + 4
    warm = both.quiet.rest[channel]
    for second in range(75):
        both.counts[channel] = warm - 12 * second
        both.run(2, 500)
    both.assert_agree()
    rates = [fixed for what, _, fixed, _ in both.found() if what == ("rate", 4)]
    assert rates[0] > 100


def test_both_find_the_same_of_a_charge_that_few_take(both):
    usual = both.quiet.rest
    for k in range(15):
        both.counts[k] = -usual[k] // 20
    both.counts[3] = -usual[3] // 2
    both.counts[7] = usual[7] // 5
    both.run(8)
    both.assert_agree()
    found = {what: fixed for what, _, fixed, _ in both.found()}
    assert 0 < found["reverse_idle", 3] < found["load", 3]  # what 7 gives of it


def test_both_find_the_same_after_the_load_has_fallen(both):
    usual = both.quiet.rest
    both.run(60, 1000)
    for k in range(15):
        both.counts[k] = usual[k] // 2
    both.counts[4] = usual[4] * 3 // 10
    both.run(8)
    both.assert_agree()
    found = {what: fixed for what, _, fixed, _ in both.found()}
    assert 0 < found["imbalance", 4] < 350  # 40 % of the share as it is now


def test_both_find_the_same_when_a_charger_eases_off(both):
    usual, volts = both.quiet.rest, both.frame.voltage
    for k in range(15):
        both.counts[k] = -usual[k]
        both.counts[volts + k] = usual[volts] + 20000  # 56.7 V
    both.run(500, 1000)
    for k in range(15):
        both.counts[k] = -usual[k] // 2
        both.counts[volts + k] = usual[volts] + 2500  # 53.3 V: nearly full still
    both.counts[volts + 9] = usual[volts] - 500
    both.counts[4] = usual[4] * 3 // 4
    both.counts[9] = usual[4] * 3 // 4
    both.counts[11] = 0
    both.run(8)
    both.assert_agree()
    found = {what: fixed for what, _, fixed, _ in both.found()}
    assert 0 < found["reverse", 4] < found["load", 4]
    assert found["imbalance", 4] == found["imbalance", 11] == 0
    assert found["imbalance", 9] > 1000  # back on the plateau
