"""What the thermal elements watch: rise over two references, rate over a minute, lost and hot."""

import pytest

from cabinets import Cabinet, configuration

COUNT_K = 0.15  # of two temperatures: table, counts of the ADC, and rounding


def settled(batteries=4, **fields):
    cabinet = Cabinet(configuration(batteries))
    for name, value in fields.items():
        setattr(cabinet, name, value)
    cabinet.run(0.03)
    return cabinet


def kelvin(cabinet, name, terminal=0):
    found = [cabinet.quantity(name, k, terminal) for k in range(cabinet.batteries)]
    return [None if value is None else value / 100 for value in found]


def near(*values):
    return pytest.approx(values, abs=COUNT_K)


def test_temperatures_are_those_of_their_terminals():
    cabinet = settled(plus_C=[21, 22, 23, 24], minus_C=[31, 32, 33, 34])
    assert kelvin(cabinet, "temperature", 0) == near(21, 22, 23, 24)
    assert kelvin(cabinet, "temperature", 1) == near(31, 32, 33, 34)


def test_rise_is_over_the_siblings_median_where_the_other_pole_is_cooler():
    cabinet = settled(plus_C=[30, 34, 38, 50], minus_C=[20] * 4)
    assert kelvin(cabinet, "rise") == near(-6, -2, 2, 14)


def test_rise_is_over_the_own_other_pole_where_the_siblings_are_cooler():
    cabinet = settled(plus_C=[30, 30, 30, 50], minus_C=[30, 30, 30, 45])
    assert kelvin(cabinet, "rise") == near(0, 0, 0, 5)
    assert kelvin(cabinet, "rise", 1) == near(0, 0, 0, -5)


def test_a_gradient_in_the_cabinet_is_no_rise():
    warm = [25, 30, 35, 40]
    cabinet = settled(plus_C=warm, minus_C=warm)
    assert max(kelvin(cabinet, "rise") + kelvin(cabinet, "rise", 1)) < COUNT_K


def test_of_two_batteries_the_reference_is_the_other_one():
    cabinet = settled(2, plus_C=[30, 50], minus_C=[20, 20])
    assert kelvin(cabinet, "rise") == near(-20, 20)


def test_of_one_battery_the_ambient_stands_in():
    cabinet = settled(1, plus_C=[40], minus_C=[20], ambient_C=25)
    assert kelvin(cabinet, "rise") == near(15)
    assert kelvin(cabinet, "rise", 1) == near(-20)


@pytest.mark.holds("rule 5")
def test_an_opened_battery_leaves_the_references_and_not_the_watched():
    cabinet = settled(plus_C=[60, 60, 30, 34], minus_C=[20] * 4)
    assert kelvin(cabinet, "rise") == near(13, 13, -17, -13)
    cabinet.closed[0] = cabinet.closed[1] = False
    cabinet.run(0.02)
    assert kelvin(cabinet, "rise") == near(28, 28, -4, 4)


def test_a_lost_terminal_has_no_rise_and_leaves_the_references():
    cabinet = settled(plus_C=[30, 40, 50, 60], minus_C=[20] * 4)
    cabinet.counts[cabinet.terminal_channel(3)] = 22000
    cabinet.run(0.05)
    assert kelvin(cabinet, "rise")[3] is None
    assert kelvin(cabinet, "rise")[:3] == near(-10, 0, 10)
    # The battery's other pole has only its siblings to be compared with.
    assert kelvin(cabinet, "rise", 1)[3] == pytest.approx(0, abs=COUNT_K)


def test_without_siblings_and_ambient_the_own_other_pole_remains():
    cabinet = settled(1, plus_C=[40], minus_C=[25])
    cabinet.counts[cabinet.frame.ambient] = 0
    cabinet.run(0.05)
    assert kelvin(cabinet, "rise") == near(15)
    cabinet.counts[cabinet.terminal_channel(0, 1)] = 0
    cabinet.run(0.05)
    assert kelvin(cabinet, "rise") == [None]


def heating(batteries, slopes_K_min, tick_ms=500):
    """Return a cabinet whose positive terminals have warmed at these rates for 80 s."""
    cabinet = Cabinet(configuration(batteries))

    def warm(cabinet):
        minutes = cabinet.t_ms / 60000
        cabinet.plus_C = [25 + slope * minutes for slope in slopes_K_min]

    cabinet.each_tick = warm
    cabinet.run(80, tick_ms)
    return cabinet


@pytest.mark.parametrize("tick_ms", [100, 500, 1000])
def test_rate_is_the_slope_over_a_minute_minus_the_siblings(tick_ms):
    cabinet = heating(3, [0, 1, 12], tick_ms)
    assert kelvin(cabinet, "rate") == near(-1, 0, 11)
    assert kelvin(cabinet, "rate", 1) == near(0, 0, 0)


def test_what_warms_or_cools_all_together_is_no_rate():
    assert kelvin(heating(4, [15] * 4), "rate") == near(0, 0, 0, 0)
    assert kelvin(heating(4, [-6] * 4), "rate") == near(0, 0, 0, 0)


def test_of_two_the_rate_is_over_the_other_one_and_of_one_it_is_its_own():
    assert kelvin(heating(2, [0, 6]), "rate") == near(-6, 6)
    assert kelvin(heating(1, [6]), "rate") == near(6)


def test_noise_of_half_a_kelvin_is_no_rate():
    cabinet = Cabinet(configuration(3))

    def shake(cabinet):
        cabinet.plus_C[1] = 25.5 if cabinet.t_ms % 500 == 0 else 24.5

    cabinet.each_tick = shake
    cabinet.run(80, 250)
    assert kelvin(cabinet, "rate") == near(0, 0, 0)


def test_there_is_no_rate_before_a_minute_has_been_seen():
    cabinet = Cabinet()
    cabinet.run(50, 500)
    assert kelvin(cabinet, "rate") == [None] * 4
    cabinet.run(15, 500)
    assert kelvin(cabinet, "rate") == near(0, 0, 0, 0)


def test_a_terminal_that_was_lost_has_no_rate_for_a_minute():
    cabinet = heating(4, [0] * 4)
    channel = cabinet.terminal_channel(1)
    cabinet.counts[channel] = 0
    cabinet.run(10, 500)
    del cabinet.counts[channel]
    cabinet.run(50, 500)
    assert kelvin(cabinet, "rate")[1] is None
    assert kelvin(cabinet, "rate")[0] == pytest.approx(0, abs=COUNT_K)
    cabinet.run(20, 500)
    assert kelvin(cabinet, "rate")[1] == pytest.approx(0, abs=COUNT_K)


def lost_hot(cabinet, battery=1):
    """Lose a positive terminal's thermistor; return (lost, lost hot)."""
    cabinet.counts[cabinet.terminal_channel(battery)] = 22000
    cabinet.run(0.05)
    names = ("thermistor_lost", "lost_hot")
    return tuple(cabinet.quantity(name, battery) for name in names)


@pytest.mark.parametrize(("hot_C", "flag"), [(59.5, 0), (60.5, 1)])
def test_a_terminal_lost_above_60_degrees_is_lost_hot(hot_C, flag):
    assert lost_hot(settled(plus_C=[25, hot_C, 25, 25])) == (1, flag)


@pytest.mark.parametrize(("cool_s", "flag"), [(59, 1), (61, 0)])
def test_it_counts_as_hot_for_60_seconds(cool_s, flag):
    cabinet = settled(plus_C=[25, 65, 25, 25])
    cabinet.run(120, 500)  # it was so for longer than a rate is fitted over
    cabinet.plus_C[1] = 40
    cabinet.run(cool_s, 500)
    assert lost_hot(cabinet) == (1, flag)


@pytest.mark.parametrize(("slope_K_min", "flag"), [(4.7, 0), (5.3, 1)])
def test_a_terminal_lost_while_it_warms_fast_is_lost_hot(slope_K_min, flag):
    assert lost_hot(heating(4, [0, slope_K_min, 0, 0])) == (1, flag)


def test_a_terminal_that_is_hot_and_not_lost_is_not_lost_hot():
    cabinet = settled(plus_C=[25, 75, 25, 25])
    assert cabinet.quantity("lost_hot", 1) == 0


def blinded(**fields):
    """Return a cabinet that has lost its reference."""
    cabinet = settled(**fields)
    cabinet.counts[cabinet.frame.reference] = 0
    cabinet.run(1)
    assert kelvin(cabinet, "temperature") == [None] * 4
    assert kelvin(cabinet, "thermistor_lost") == [0] * 4
    return [cabinet.quantity("lost_hot", k) for k in range(4)]


def test_a_lost_reference_is_no_lost_thermistor_but_what_was_above_60_degrees_is_lost_hot():
    assert blinded(plus_C=[59.0] * 4) == [0] * 4
    assert blinded(plus_C=[25.0, 65.0, 59.0, 62.0]) == [0, 1, 0, 1]


def test_a_reference_lost_while_a_terminal_warms_fast_makes_nothing_lost_hot():
    cabinet = heating(4, [0, 12, 0, 0])
    cabinet.counts[cabinet.frame.reference] = 0
    cabinet.run(1)
    assert cabinet.quantity("lost_hot", 1) == 0


def test_a_terminal_found_again_and_lost_cold_is_not_lost_hot():
    cabinet = settled(plus_C=[25.0, 65.0, 25.0, 25.0])
    assert lost_hot(cabinet) == (1, 1)
    cabinet.counts.clear()
    cabinet.plus_C[1] = 40.0
    cabinet.run(1)
    assert cabinet.quantity("lost_hot", 1) == 0
    cabinet.run(61, 500)
    assert lost_hot(cabinet) == (1, 0)


def test_one_hot_sample_before_the_loss_is_not_enough():
    cabinet = settled()
    cabinet.plus_C[1] = 90.0
    cabinet.run(0.02)
    assert lost_hot(cabinet) == (1, 0)
