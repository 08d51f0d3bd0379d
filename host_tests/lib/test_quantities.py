"""What the elements of current watch: references, shares, directions, and breakers that stay."""

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cabinets import Cabinet, configuration
from packwarden import levels
from packwarden.currents import weigh
from packwarden.fixed import BIAS, NONE, ints

QUIET = ("load", "instantaneous", "imbalance", "deviation", "reverse", "reverse_idle")


def carrying(*currents_A, rated_A=100):
    """Return a cabinet in which these currents have flowed for a few ticks."""
    cabinet = Cabinet(configuration(len(currents_A), rated_A=rated_A))
    cabinet.noisy = False
    cabinet.current_A = list(currents_A)
    cabinet.run(0.03)
    return cabinet


def percent(cabinet):
    return [cabinet.quantity("imbalance", k) / 10 for k in range(cabinet.batteries)]


def amperes(cabinet, name):
    return [cabinet.quantity(name, k) / 1000 for k in range(cabinet.batteries)]


@given(st.integers(-(10**7), 10**7), st.integers(64, 16384))
@example(1, 16384)
@example(1023, 1023)
@example(10**7, 2048)
@example(-(10**7), 2048)
@example(-16_000_001, 1024)
def test_a_current_is_weighed_to_within_a_milliampere_and_some_parts(current_mA, parts):
    exact = current_mA * parts / 1024
    values = ints(3, NONE)
    values[0] = values[2] = BIAS + current_mA
    weigh(values, ints(3, parts), values, 3)
    weighed = values[0] - BIAS
    assert values[1] == NONE
    assert values[2] == values[0]
    if abs(exact) < 16 * 10**6:
        assert abs(weighed - exact) <= 1
    else:
        assert weighed == (16 * 10**6 if exact > 0 else -16 * 10**6)


def test_load_is_the_magnitude_of_the_current():
    assert amperes(carrying(30, -30, 0, 100), "load") == [30, 30, 0, 100]


def test_bank_load_is_the_magnitude_of_the_sum():
    assert carrying(30, 20, 10).quantity("bank_load") == 60000
    assert carrying(-30, -20, 10).quantity("bank_load") == 40000


def test_imbalance_of_the_worked_example():
    found = carrying(35.9, 26.2, 20.4, 17.8)  # the median is 23.3 A
    assert percent(found) == pytest.approx([54.1, 12.4, 12.4, 23.6], abs=0.5)
    assert amperes(found, "deviation") == pytest.approx([12.6, 2.9, 2.9, 5.5], abs=0.01)


def test_imbalance_while_charging_is_the_same():
    assert percent(carrying(-50, -50, -20, -50)) == pytest.approx([0, 0, 60, 0], abs=0.1)


def test_of_two_batteries_the_reference_is_the_other_one():
    assert percent(carrying(50, 25)) == pytest.approx([100, 50], abs=0.1)
    assert amperes(carrying(50, 25), "deviation") == [25, 25]


def test_one_battery_has_no_imbalance():
    cabinet = carrying(80)
    assert (cabinet.quantity("imbalance"), cabinet.quantity("deviation")) == (0, 0)


def test_below_15_percent_of_rated_there_is_no_verdict():
    assert percent(carrying(14.9, 14.9, 14.9, 60)) == [0, 0, 0, 0]
    assert percent(carrying(15.1, 15.1, 15.1, 60))[3] == pytest.approx(298, abs=2)
    assert percent(carrying(29, 29, 29, 60, rated_A=200)) == [0, 0, 0, 0]


def test_a_battery_that_does_not_carry_leaves_the_median_and_is_judged_by_it():
    found = carrying(50, 50, 1.9, 1.9, 1.9)
    assert percent(found) == pytest.approx([0, 0, 96, 96, 96], abs=0.5)


def test_an_open_battery_leaves_the_median_and_gets_no_verdict():
    cabinet = carrying(60, 60, 60, 20)
    cabinet.closed[0] = cabinet.closed[1] = False
    cabinet.run(0.02)
    assert percent(cabinet) == pytest.approx([0, 0, 200, 66.7], abs=0.2)


def test_a_lost_monitor_has_no_quantity_and_leaves_the_median():
    cabinet = carrying(60, 60, 20, 20)
    cabinet.lose_monitor(0)
    cabinet.lose_monitor(1)
    cabinet.run(0.05)
    for name in QUIET:
        assert cabinet.quantity(name, 0) is None
    assert cabinet.quantity("imbalance", 2) == 0
    assert cabinet.quantity("monitor_lost", 0) == 1
    assert cabinet.quantity("monitor_lost", 2) == 0


def test_reverse_is_against_the_bank():
    assert amperes(carrying(50, 50, 50, -30), "reverse") == [0, 0, 0, 30]
    assert amperes(carrying(-50, -50, -50, 30), "reverse") == [0, 0, 0, 30]
    assert amperes(carrying(-50, -50, -50, -30), "reverse") == [0, 0, 0, 0]


def test_in_a_bank_that_carries_nothing_flows_into_an_idle_one():
    found = carrying(50, 50, 50, -30)
    assert amperes(found, "reverse_idle") == [0, 0, 0, 0]


def test_in_an_idle_bank_it_is_what_flows_into_a_battery():
    found = carrying(10, 10, 10, -30)
    assert amperes(found, "reverse") == [0, 0, 0, 30]
    found = carrying(9, 9, 9, -27)
    assert amperes(found, "reverse_idle") == [0, 0, 0, 27]
    assert amperes(found, "reverse") == [0, 0, 0, 0]
    assert amperes(carrying(-9, -9, -9, 27), "reverse_idle") == [9, 9, 9, 0]


def test_what_a_charger_gives_does_not_come_from_the_siblings():
    """Those that are behind take the last of a charge, by unlike cables the ends take more."""
    assert amperes(carrying(-1, -60, -1, -3, -55, -1, 2, 3), "reverse_idle") == pytest.approx(
        [1, 5, 1, 3, 5, 1, 0, 0]
    )
    assert amperes(carrying(-11, -7, -7, -11), "reverse_idle") == [0, 0, 0, 0]


def test_whatever_flows_into_a_battery_counts_while_a_sibling_may_give_it():
    cabinet = carrying(-12, 3, 1, 5)
    assert amperes(cabinet, "reverse_idle") == [9, 0, 0, 0]
    cabinet.lose_monitor(3)
    cabinet.run(0.1)
    assert cabinet.quantity("reverse_idle", 0) == 12000
    cabinet.closed[3] = False
    cabinet.run(0.02)
    assert cabinet.quantity("reverse_idle", 0) == 4000


@pytest.mark.parametrize("batteries", range(3, 16))
@pytest.mark.parametrize("into_A", [10.5, 24, 26, 40])
def test_what_many_feed_into_one_is_seen_however_little_each_gives(batteries, into_A):
    each_A = into_A / (batteries - 1)
    found = carrying(-into_A, *[each_A] * (batteries - 1))
    seen = found.quantity("reverse") + found.quantity("reverse_idle")
    assert seen == pytest.approx(1000 * into_A, abs=batteries)  # a milliampere of each is rounded
    assert sum(amperes(found, "reverse_idle")[1:]) == 0


def test_one_battery_that_charges_is_not_reversed():
    for found in (carrying(-50), carrying(-50, 0), carrying(-50, -0.5, 0, 0)):
        assert sum(amperes(found, "reverse")) == 0
        assert sum(amperes(found, "reverse_idle")) == 0


def test_of_two_against_each_other_the_one_that_receives_is_reversed():
    found = carrying(60, -50)
    assert amperes(found, "reverse") == [0, 50]
    assert amperes(found, "reverse_idle") == [0, 0]
    assert amperes(carrying(-50, 60), "reverse") == [50, 0]
    assert amperes(carrying(9, -9), "reverse_idle") == [0, 9]


def test_a_bank_that_carries_is_idle_again_a_fifth_lower():
    cabinet = carrying(8.5, 8.5, 8.5, -20)
    assert amperes(cabinet, "reverse_idle")[3] == 20
    for load_A, carries in ((10.5, True), (8.5, True), (7.5, False), (9.5, False)):
        cabinet.current_A = [load_A] * 3 + [-20]
        cabinet.run(0.02)
        assert (amperes(cabinet, "reverse")[3] == 20) == carries
        assert (amperes(cabinet, "reverse_idle")[3] == 20) != carries


def test_the_instantaneous_element_sees_the_load_of_all_that_flow_alike():
    assert amperes(carrying(600, 600, 600), "instantaneous") == [600, 600, 600]


def test_a_reversed_battery_above_the_pickup_hides_the_others_for_100_ms_more():
    cabinet = carrying(300, 300, -600)
    assert amperes(cabinet, "instantaneous") == [0, 0, 600]
    cabinet.current_A = [300, 300, 0]
    cabinet.run(0.09)
    assert amperes(cabinet, "instantaneous") == [0, 0, 0]
    cabinet.run(0.02)
    assert amperes(cabinet, "instantaneous") == [300, 300, 0]


def test_a_reversed_battery_below_the_pickup_hides_nobody():
    assert amperes(carrying(550, 550, -490), "instantaneous") == [550, 550, 490]


def test_of_two_the_one_that_receives_is_reversed():
    assert amperes(carrying(600, -600), "instantaneous") == [0, 600]
    assert amperes(carrying(-600, 600), "instantaneous") == [600, 0]


def test_in_a_charging_bank_the_one_that_gives_is_reversed():
    assert amperes(carrying(-300, -300, 600), "instantaneous") == [0, 0, 600]


def test_a_lost_channel_of_ambient_busbar_or_reference_is_flagged():
    cabinet = Cabinet()
    frame = cabinet.frame
    names = ("ambient_lost", "busbar_lost", "reference_lost")
    assert [cabinet.quantity(name) for name in names] == [0, 0, 0]
    cabinet.counts = {frame.ambient: 0, frame.reference: 0}
    cabinet.notes = {frame.bus: 1}
    cabinet.run(0.05)
    assert [cabinet.quantity(name) for name in names] == [1, 1, 1]
    assert cabinet.quantity("ambient") is None


def wired(**changes):
    """Return a cabinet with such settings: section__name=value."""
    paths = {name.replace("__", "."): value for name, value in changes.items()}
    cabinet = Cabinet(configuration(changes=paths), current_A=20.0)
    cabinet.noisy = False
    cabinet.run(0.05)
    return cabinet


@pytest.mark.parametrize("sense", ["closed_on_alarm", "open_on_alarm"])
def test_an_alarm_of_a_bms_has_the_sense_of_its_contact(sense):
    cabinet = wired(sensors__bms_contact=sense)
    assert [cabinet.quantity("bms_gives", k) for k in range(4)] == [0] * 4
    cabinet.bms_gives.add(2)
    cabinet.tick()
    assert [cabinet.quantity("bms_gives", k) for k in range(4)] == [0, 0, 1, 0]


def unread(cabinet, **fields):
    """Let a step see these fields of the frame, whatever the cabinet would show."""
    for name, value in fields.items():
        setattr(cabinet.frame, name, value)
    cabinet.protection.step(cabinet.now_ms)
    return cabinet


def test_a_contact_that_cannot_be_read_says_nothing():
    cabinet = unread(wired(), bms_known=0b1011, bms=0b0100)
    assert [cabinet.quantity("bms_gives", k) for k in range(4)] == [0, 0, None, 0]
    cabinet = unread(wired(sensors__trip_circuit="open_on_fault"), trip_circuit_known=0)
    assert cabinet.quantity("trip_circuit") is None


def test_what_is_not_wired_says_nothing():
    cabinet = wired(
        sensors__bms_contact="none", sensors__external_trip="none", sensors__control_supply_V=0
    )
    cabinet.bms_gives.add(1)
    cabinet.external_gives = True
    cabinet.tick()
    for name in ("bms_gives", "external", "trip_circuit", "supply", "kirchhoff"):
        assert cabinet.quantity(name) is None


@pytest.mark.parametrize("sense", ["open_on_trip", "closed_on_trip"])
def test_the_external_contact_has_its_sense(sense):
    cabinet = wired(sensors__external_trip=sense)
    assert cabinet.quantity("external") == 0
    cabinet.external_gives = True
    cabinet.tick()
    assert cabinet.quantity("external") == 1


def test_the_supply_is_in_percent_of_what_it_is_to_be():
    cabinet = wired(sensors__control_supply_V=12.5)
    cabinet.supply_V = 10.0
    cabinet.tick()
    assert cabinet.quantity("supply") == -800  # too low is what it is watched for
    cabinet.notes[cabinet.frame.supply] = 1
    cabinet.run(0.05)
    assert cabinet.quantity("supply") is None


def test_kirchhoff_is_what_the_main_shunt_differs_from_the_sum():
    cabinet = wired(sensors__main_shunt_uohm=75)
    assert cabinet.quantity("kirchhoff") == pytest.approx(0, abs=5)
    for main_A in (70.0, 90.0):
        cabinet.main_A = main_A
        cabinet.tick()
        assert cabinet.quantity("kirchhoff") == pytest.approx(10000, abs=5)


def test_without_every_current_that_flows_nothing_is_known_of_the_sum():
    cabinet = wired(sensors__main_shunt_uohm=75)
    cabinet.closed[1] = False
    cabinet.lose_monitor(1)
    cabinet.run(0.05)
    assert cabinet.quantity("kirchhoff") == pytest.approx(0, abs=5)
    cabinet.lose_monitor(2)
    cabinet.run(0.05)
    assert cabinet.quantity("kirchhoff") is None
    cabinet.notes = {cabinet.frame.main: 1}
    cabinet.run(0.05)
    assert cabinet.quantity("kirchhoff") is None
    assert cabinet.quantity("main_shunt_lost") == 1


def test_every_quantity_of_the_table_has_places_of_its_own():
    cabinet = Cabinet(configuration(3))
    quantities = cabinet.protection.quantities
    taken = []
    for name, scope, unit, scale, sign in levels.QUANTITIES:
        assert unit in levels.UNITS
        assert (scale, sign) in itertools.product((0, 1, 2, 3), (1, -1))
        first = quantities.places[name]
        taken += range(first, first + (6, 3, 1)[scope])
    assert sorted(taken) == list(range(quantities.always))
    assert quantities.values[quantities.always] == BIAS


@settings(max_examples=40)
@given(st.lists(st.integers(-700, 700), min_size=1, max_size=15))
def test_exchanging_batteries_exchanges_their_quantities(currents_A):
    forth = carrying(*currents_A)
    back = carrying(*reversed(currents_A))
    for name in QUIET:
        found = [forth.quantity(name, k) for k in range(len(currents_A))]
        assert found == [back.quantity(name, k) for k in reversed(range(len(currents_A)))]
