"""Who has left the bank, and what the others would carry: against the model of the busbars."""

import random

import pytest

from packwarden import cascade, currents
from packwarden.fixed import ASIDE, BIAS, MASK, NONE, ints
from packwarden_sim.ladder import Ladder

RATED_A = 100
# Modern 48 V packs: the branch of a battery, and a link of either rail.
BRANCH_OHM = 16.75e-3
LINK_OHM = 0.176e-3


def parameters(rated_A=RATED_A):
    found = ints(currents.PARAMETERS)
    found[currents.CARRYING] = rated_A * 20
    found[currents.LOADED] = rated_A * 150
    found[currents.RATED] = rated_A * 1000
    found[currents.WINDOW_ms] = 10000
    return found


def stored(currents_A):
    """Return an array as the step has it; None: no value."""
    found = ints(len(currents_A))
    for k, current_A in enumerate(currents_A):
        found[k] = NONE if current_A is None else BIAS + round(1000 * current_A)
    return found


def predicted(currents_A, *leaving, closed=None, batteries=None, rated_A=RATED_A):
    """Return the highest load (% of rated) that is predicted, None if nobody stays.

    `currents_A` may have more than those of the `batteries`, as the array of the step has.
    """
    n = batteries or len(currents_A)
    ctx = (stored(currents_A), None, parameters(rated_A))
    mask = sum(1 << k for k in leaving)
    found = cascade.predict(ctx, n, (1 << n) - 1 if closed is None else closed, mask)
    return None if found == ASIDE else (found - BIAS) / 10


@pytest.mark.parametrize("sign", [1, -1])
def test_what_one_leaves_is_taken_over_in_proportion(sign):
    assert predicted([sign * a for a in (60, 60, 60)], 0) == 90
    assert predicted([sign * a for a in (60, 60)], 0) == 120
    assert predicted([sign * a for a in (80, 40, 20, 20)], 0) == pytest.approx(80, abs=0.5)
    assert predicted([sign * a for a in (80, 40, 20, 20)], 2, 3) == pytest.approx(106.7, abs=0.5)


def test_when_nobody_leaves_it_is_the_highest_load():
    assert predicted([60, 110, -130]) == 130
    assert predicted([60, 110, 0], closed=0b101) == 60
    assert predicted([0.3, -0.1], closed=0b10) == 0.1


def test_where_nobody_stays_there_is_nothing_to_predict():
    assert predicted([60], 0) is None
    assert predicted([60, 60], 0, 1) is None
    assert predicted([60, 60], 0, closed=0b01) is None


def test_where_the_others_carry_nothing_they_take_over_in_equal_parts():
    assert predicted([90, 0, 0, 0], 0) == 30
    assert predicted([90, 1, 0.5, 0.5], 0) == pytest.approx(31, abs=0.1)


def test_from_2_percent_of_rated_on_the_others_carry_something():
    assert predicted([90, 2, 0, 0], 0) == 32
    assert predicted([90, 2.1, 0, 0], 0) == 18.9  # 9 times as much at most
    assert predicted([204.9, 25.6], 0) == 230.4
    assert predicted([900, 10, 0, 0], 0, rated_A=495) == 18.1  # 90 A


def test_the_main_breaker_is_no_battery():
    found = predicted([60] * 15 + [600], 0, closed=0xFFFF, batteries=15)
    assert found == pytest.approx(60 * 15 / 14, abs=0.5)


def test_one_that_is_charged_takes_nothing_over_and_relieves_the_others_when_it_leaves():
    assert predicted([80, 80, 80, -30], 0) == pytest.approx(120, abs=0.5)
    # Nothing to guard: the others feed it, and beyond their range nobody knows how much of it.
    assert predicted([80, 80, 80, -60], 3) is None


def test_where_two_feed_each_other_who_receives_relieves_the_other():
    assert predicted([60, -60], 0) == 0  # nobody else carries: it takes over, and is charged
    assert predicted([60, -60], 1) is None
    assert predicted([60, -60.001], 0) is None  # the bank is charged


@pytest.mark.parametrize("i", [-250, -200, -199, -100, -99, -1, 0, 1, 99, 100, 199, 250])
def test_a_quotient_is_rounded_towards_nothing(i):
    assert cascade.quotient(i, 100) == int(i / 100)


def test_one_without_a_value_takes_over_as_the_others_do_on_average():
    assert predicted([60, None, 60, 60], 1) == 60
    assert predicted([None, None]) == 0
    assert predicted([60, None, 60, 60], 0) == pytest.approx(80, abs=0.2)


def test_the_most_that_can_be_predicted():
    assert predicted([10000] * 15, *range(14)) == pytest.approx(90000, abs=1)
    assert predicted([-10000] * 15) == 10000
    assert predicted([100000.1]) == 100000


def errors(feed, scatter_V, means_A=(20, 60, 90, 110), trials=40):
    """Return the least and the highest error, in % of the highest load of those that stay.

    Banks of 2 .. 15 at a constant load, each battery leaving once.
    """
    chance = random.Random(8)
    found = []
    for n in range(2, 16):
        ladder = Ladder([LINK_OHM] * (n - 1), [LINK_OHM] * (n - 1), 0, n - 1 if feed else 0)
        before, after = [0.0] * n, [0.0] * n
        for _ in range(trials if scatter_V else 1):
            emf_V = [52.8 + chance.uniform(-scatter_V, scatter_V) for _ in range(n)]
            for leaving in range(n):
                for mean_A in means_A:
                    for currents_A, there in ((before, True), (after, False)):
                        conducts = [1 / BRANCH_OHM] * n
                        conducts[leaving] *= there
                        ladder.factor(conducts)
                        ladder.open_circuit(emf_V)
                        ladder.share(n * mean_A, emf_V, currents_A)
                    highest_A = max(map(abs, after))
                    found.append(predicted(before, leaving) / highest_A * 100 - 100)
    return min(found), max(found)


# With figures for 20 mV at a load of 60 % and more: below, 1.2 A that circulate count for more.
LOADED_A = (60, 90, 110)


@pytest.mark.parametrize(
    ("feed", "scatter_V", "means_A", "least", "most"),
    [
        (0, 0, LOADED_A, -0.5, 3.6),
        (1, 0, LOADED_A, -3.9, 5.2),
        (0, 0.02, LOADED_A, -0.8, 3.8),
        (1, 0.02, LOADED_A, -4.0, 5.3),
        (1, 0.02, (20,), -4.7, 5.3),
    ],
    ids=["one end", "diagonal", "one end, 20 mV", "diagonal, 20 mV", "diagonal, 20 mV, 20 %"],
)
def test_against_the_busbars_the_prediction_is_within_5_percent(
    feed, scatter_V, means_A, least, most
):
    """Measured: -0.5 .. +3.6 % of the true highest load fed from one end, -3.9 .. +5.2 % fed
    diagonally (a bank of 15, where one beside an end leaves, or the end itself); with EMF that
    scatter by +-20 mV -4.0 .. +5.3 % at 60 .. 110 % load, -4.7 .. +5.3 % at 20 %. So a trip at
    125 % is one at 119 .. 131 %.
    """
    assert errors(feed, scatter_V, means_A) == pytest.approx((least, most), abs=0.1)


class Leavers:
    """Departures of a bank of four: who carries, where the breakers are, who was tripped."""

    def __init__(self, now_ms=5000, carry=0b1111):
        self.values = ints(1, BIAS)
        self.bank = ints(currents.FACTS)
        self.ctx = (None, self.values, parameters(), self.bank)
        self.now_ms = now_ms
        self.carry, self.closed, self.tripped, self.measured = carry, 0b1111, 0, 0b1111
        self.median_A = 60
        self.tick()

    def tick(self, ms=10):
        """Let time pass; returns whether somebody has left just now."""
        self.now_ms = (self.now_ms + ms) & MASK
        self.bank[currents.MEDIAN] = BIAS + round(1000 * self.median_A)
        self.bank[currents.CARRY] = self.carry
        self.bank[currents.MEASURED] = 0x8000 | self.measured
        cascade.departures(self.ctx, self.now_ms, self.closed, self.tripped, 0)
        return self.values[0] - BIAS

    def lasts(self):
        """Return for how long somebody still counts as having left just now, in ms."""
        passed_ms = 0
        while self.tick(100):
            passed_ms += 100
        return passed_ms


def test_who_is_tripped_has_left_for_10_seconds():
    leavers = Leavers()
    assert not leavers.tick()
    leavers.tripped = 0b0010
    assert leavers.tick() == 1
    assert leavers.lasts() == 9900
    assert not leavers.tick(3600000)
    assert leavers.bank[currents.LEFT] == 0b0010


def test_the_next_one_begins_the_time_anew():
    leavers = Leavers()
    leavers.tripped = 0b0010
    leavers.tick()
    leavers.tick(9000)
    leavers.tripped = 0b0110
    leavers.tick()
    assert leavers.lasts() == 9900


@pytest.mark.parametrize("median_A", [60, -60])
def test_who_no_longer_carries_while_the_bank_does_was_opened_by_its_bms(median_A):
    leavers = Leavers()
    leavers.median_A = median_A
    leavers.carry = 0b1101
    leavers.tick(200)
    leavers.tick(200)
    assert leavers.bank[currents.LEFT] == 0b0010
    assert leavers.tick()
    leavers.carry = 0b1111
    assert not leavers.tick()
    assert leavers.bank[currents.LEFT] == 0


def test_who_does_not_carry_for_100_ms_has_left():
    """So long may contacts take to tell that a breaker was opened."""
    leavers = Leavers()
    leavers.carry = 0b1101
    leavers.tick(99)
    assert leavers.bank[currents.LEFT] == 0
    leavers.tick(1)
    assert leavers.bank[currents.LEFT] == 0b0010


@pytest.mark.parametrize(
    ("median_A", "left"), [(15, 0b0010), (-15, 0b0010), (14.999, 0), (-14.999, 0)]
)
def test_from_15_percent_of_rated_on_a_bank_is_loaded(median_A, left):
    leavers = Leavers()
    leavers.median_A, leavers.carry = median_A, 0b1101
    leavers.tick(200)
    assert leavers.bank[currents.LEFT] == left


def test_who_never_carried_has_not_left():
    leavers = Leavers(carry=0b1101)
    assert not any(leavers.tick(200) for _ in range(10))
    assert leavers.bank[currents.LEFT] == 0


def test_who_has_left_and_is_then_opened_by_hand_is_out_of_service():
    leavers = Leavers()
    leavers.carry = 0b1101
    leavers.tick(200)
    assert leavers.bank[currents.LEFT] == 0b0010
    leavers.closed = 0b1101
    leavers.tick()
    assert leavers.bank[currents.LEFT] == 0


def test_who_has_no_monitor_while_another_one_leaves_has_left_if_it_carries_no_more():
    leavers = Leavers()
    leavers.carry, leavers.measured = 0b1001, 0b1011
    leavers.tick(200)
    assert leavers.bank[currents.LEFT] == 0b0010
    leavers.measured = 0b1111
    leavers.tick(200)
    leavers.tick(200)
    assert leavers.bank[currents.LEFT] == 0b0110


def test_who_is_opened_by_hand_has_not_left():
    leavers = Leavers()
    leavers.carry = leavers.closed = 0b1101
    assert not any(leavers.tick(200) for _ in range(50))
    assert leavers.bank[currents.LEFT] == 0


def test_in_a_bank_that_becomes_idle_nobody_has_left():
    leavers = Leavers()
    for carry, median_A in ((0b0101, 8), (0, 0), (0b1111, 40)):
        leavers.carry, leavers.median_A = carry, median_A
        assert not any(leavers.tick(200) for _ in range(10))


def test_what_was_locked_out_before_does_not_count_again_when_the_clock_wraps():
    leavers = Leavers()
    leavers.tripped = 0b0010
    leavers.tick()
    assert leavers.lasts()
    leavers.now_ms = MASK - 20
    assert not any(leavers.tick(500) for _ in range(100))
