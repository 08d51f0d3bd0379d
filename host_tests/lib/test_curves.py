"""Inverse time: the published times, integrated tick by tick; fall-back and reset."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packwarden import curves
from packwarden.curves import FULL, Integrator, integrate, operate_ms
from packwarden.fixed import BIAS, MASK, NONE, Q, ints

PICKUP_A = 100
# TMS 1: seconds at 1.5, 2, 3, 5 and 10 times the pickup, from the published tables.
PUBLISHED_s = {
    "IEC_VI": (27.0, 13.5, 6.75, 3.375, 1.5),
    "IEC_EI": (64.0, 26.667, 10.0, 3.333, 0.808),
    "IEEE_VI": (16.179, 7.028, 2.942, 1.308, 0.691),
}
# k, alpha, c of IEC 60255-151 and IEEE C37.112; the reset time tr.
FORMULAS = {
    "IEC_SI": (0.14, 0.02, 0, 9.7),
    "IEC_VI": (13.5, 1, 0, 43.2),
    "IEC_EI": (80, 2, 0, 58.2),
    "IEEE_MI": (0.0515, 0.02, 0.114, 4.85),
    "IEEE_VI": (19.61, 2, 0.491, 21.6),
    "IEEE_EI": (28.2, 2, 0.1217, 29.1),
}


class Relay:
    """One integrator, fed a current for a time."""

    def __init__(self, curve, tms=1, pickup_A=PICKUP_A):
        self.values = ints(2, NONE)
        settings = {"pickup": pickup_A, "curve": curve, "tms": tms}
        self.integrator = Integrator(1, settings, self.values, 0, 1)
        self.now_ms = 0

    def feed(self, current_A, tick_ms=10):
        """Let one tick pass; returns the way in percent."""
        self.values[0] = NONE if current_A is None else BIAS + round(current_A * 1000)
        self.now_ms += tick_ms
        integrate(self.integrator.ctx, self.now_ms & MASK, tick_ms, 1)
        return (self.values[1] - BIAS) / 10

    def seconds_until(self, way, current_A, tick_ms=10):
        began_ms = self.now_ms
        up = self.feed(current_A, 0) < way
        while (self.feed(current_A, tick_ms) < way) == up:
            assert self.now_ms - began_ms < 1e7
        return (self.now_ms - began_ms) / 1000


def close_enough(seconds):
    """The accuracy that is promised: 1 % or 20 ms."""
    return pytest.approx(seconds, rel=0.01, abs=0.02)


def time_s(curve, multiple, tms=1):
    k, alpha, c, _ = FORMULAS[curve]
    return tms * (k / (multiple**alpha - 1) + c)


@pytest.mark.parametrize("curve", PUBLISHED_s)
def test_the_published_times(curve):
    for multiple, seconds in zip((1.5, 2, 3, 5, 10), PUBLISHED_s[curve], strict=True):
        assert Relay(curve).seconds_until(100, multiple * PICKUP_A) == close_enough(seconds)
        assert operate_ms(curve, 1000, int(multiple * 2**Q)) / 1000 == close_enough(seconds)


def test_every_curve_of_the_configuration_is_tested():
    assert set(curves.CURVES) == set(FORMULAS)


@pytest.mark.parametrize("curve", FORMULAS)
@pytest.mark.parametrize("tms", [0.25, 1])
def test_every_curve_follows_its_formula(curve, tms):
    for multiple in (1.2, 1.7, 2.3, 4.1, 7.9, 15.5, 29):
        seconds = time_s(curve, multiple, tms)
        found = Relay(curve, tms).seconds_until(100, multiple * PICKUP_A)
        assert found == close_enough(seconds)


@pytest.mark.parametrize("curve", FORMULAS)
def test_from_full_way_it_resets_in_its_reset_time(curve):
    reset_s = FORMULAS[curve][3]
    for multiple in (0, 0.5, 0.8):
        relay = Relay(curve)
        relay.seconds_until(100, 31 * PICKUP_A)
        expected_s = reset_s / (1 - multiple**2)
        assert relay.seconds_until(0.1, multiple * PICKUP_A) == pytest.approx(expected_s, rel=0.01)


def test_the_shipped_curve_lets_a_motor_start_pass_and_trips_on_it_when_it_lasts():
    shipped = {"curve": "IEC_EI", "tms": 0.25, "pickup_A": 125}
    assert Relay(**shipped).seconds_until(100, 200) == close_enough(12.82)
    assert Relay(**shipped).seconds_until(100, 300) == close_enough(4.20)
    relay = Relay(**shipped)
    assert max(relay.feed(300) for _ in range(200)) < 50


def test_a_way_in_two_pieces_takes_as_long_as_in_one():
    relay = Relay("IEC_EI")
    relay.seconds_until(50, 200)
    for _ in range(1000):
        half = relay.feed(PICKUP_A)  # neither forth nor back at the pickup
    assert half == pytest.approx(50, abs=0.2)
    assert relay.seconds_until(100, 500) == close_enough(time_s("IEC_EI", 5) / 2)


def test_above_32_times_the_pickup_the_time_is_that_at_32():
    at_32 = Relay("IEC_SI").seconds_until(100, 32 * PICKUP_A)
    assert at_32 == close_enough(time_s("IEC_SI", 32))
    assert Relay("IEC_SI").seconds_until(100, 90 * PICKUP_A) == at_32


def test_ticks_of_a_second_take_as_long_as_ticks_of_ten_milliseconds():
    coarse = Relay("IEC_VI").seconds_until(100, 200, tick_ms=1000)
    assert coarse == pytest.approx(Relay("IEC_VI").seconds_until(100, 200), abs=1)


EVEN_A = 409.6  # a pickup at which 0.1 A is 1/4096 of it


def moves(relay, m, way, dt=1):
    """Return how far an integrator comes in `dt` ms from a way, at m / 4096 of its pickup."""
    relay.integrator.way[0] = way
    relay.feed(m / 10, dt)
    return relay.integrator.way[0] - way


def between(table, at):
    """Return the value of a rate table between its places."""
    low = min(int(at), len(table) - 2)
    return table[low] + (table[low + 1] - table[low]) * (at - low)


@pytest.mark.parametrize("curve", FORMULAS)
@pytest.mark.parametrize("tms", [0.01, 0.05, 1])
def test_between_the_places_of_its_tables_the_rate_is_a_straight_line(curve, tms):
    relay = Relay(curve, tms, EVEN_A)
    rise, fall = relay.integrator.ctx[3:5]
    for part in (1, 2, 64, 127, 129, 2047, 2048, 4095):
        for octave in range(5):
            m = (4096 + part) << octave
            rate = between(rise, 32 * octave + part / 128)
            assert moves(relay, m, 0) == pytest.approx(min(FULL, rate), abs=128)
        rate = between(fall, (4096 - part) / 128)
        assert moves(relay, 4096 - part, FULL) == pytest.approx(-min(FULL, rate), abs=1)


@pytest.mark.parametrize("dt", [1, 7, 10, 1000])
@pytest.mark.parametrize("spare", [-7, -1, 0, 1, 7])
def test_full_and_nothing_are_reached_to_the_count(dt, spare):
    relay = Relay("IEC_EI", 1, EVEN_A)
    up = moves(relay, 3 * 4096, 0, dt)
    assert moves(relay, 3 * 4096, FULL - up - spare, dt) == min(up, up + spare)
    down = -moves(relay, 2048, FULL, dt)
    assert moves(relay, 2048, down + spare, dt) == -min(down, down + spare)


def test_each_battery_has_a_way_of_its_own():
    loads_A = (0, 150, None, 400, 90)
    n = len(loads_A)
    values = ints(2 * n, NONE)
    integrator = Integrator(n, {"pickup": PICKUP_A, "curve": "IEC_EI", "tms": 1}, values, 0, n)
    alone = [Relay("IEC_EI") for _ in loads_A]
    for now_ms in range(10, 2010, 10):
        values[:n] = ints(n, NONE)
        for k, load_A in enumerate(loads_A):
            if load_A is not None:
                values[k] = BIAS + load_A * 1000
        integrate(integrator.ctx, now_ms, 10, n)
        for relay, load_A in zip(alone, loads_A, strict=True):
            relay.feed(load_A)
    assert list(integrator.way) == [relay.integrator.way[0] for relay in alone]
    assert list(integrator.since) == [relay.integrator.since[0] for relay in alone]
    assert list(values[n:]) == [relay.values[1] for relay in alone]
    assert values[n + 3] > values[n + 1] > BIAS == values[n]


def test_a_current_that_is_not_known_moves_nothing():
    relay = Relay("IEC_EI")
    relay.seconds_until(50, 300)
    before = relay.feed(300, 0)
    for _ in range(100):
        assert relay.feed(None) == before


def test_no_time_and_no_current_move_nothing():
    relay = Relay("IEC_EI")
    assert relay.feed(1000, 0) == 0
    assert relay.feed(0, 2000) == 0


def test_the_time_since_it_is_above_its_pickup_is_kept():
    relay = Relay("IEC_EI")
    for _ in range(30):
        relay.feed(50)
    relay.feed(PICKUP_A)
    began_ms = relay.now_ms
    for _ in range(30):
        relay.feed(200)
    assert relay.integrator.since[0] == began_ms


def test_the_fastest_setting_operates_within_a_tick():
    relay = Relay("IEEE_MI", tms=0.01, pickup_A=10)
    assert relay.seconds_until(100, 10000) <= 0.02
    assert relay.integrator.way[0] == FULL
    assert relay.feed(10000) == 100
    for multiple in (9, 17, 25, 31):
        assert Relay("IEC_EI", tms=0.01).seconds_until(100, multiple * PICKUP_A) <= 0.02


@pytest.mark.parametrize("curve", FORMULAS)
def test_just_above_the_pickup_it_takes_almost_for_ever(curve):
    assert operate_ms(curve, 1000, 1 << Q) == MASK
    assert operate_ms(curve, 15000, (1 << Q) + 1) > 100000


@given(
    st.sampled_from(sorted(FORMULAS)),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 2000)), max_size=15),
)
def test_the_way_stays_between_nothing_and_full(curve, history):
    relay = Relay(curve, tms=0.05)
    for current_A, tick_ms in history:
        assert 0 <= relay.feed(current_A, tick_ms) <= 100
        assert 0 <= relay.integrator.way[0] <= FULL


@given(
    st.sampled_from(sorted(FORMULAS)),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 300)), max_size=15),
)
def test_more_current_is_never_slower(curve, history):
    less, more = Relay(curve), Relay(curve)
    for current_A, extra_A in history:
        assert less.feed(current_A, 100) <= more.feed(current_A + extra_A, 100)
