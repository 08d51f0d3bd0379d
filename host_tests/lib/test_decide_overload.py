"""An overload: of a battery, of the whole bank, and what the others could bear."""

import pytest

from cabinets import Cabinet, at_once, configuration, only


def overload(*currents_A, **changes):
    """Return a cabinet in which these currents are more than some batteries bear."""
    paths = {name.replace("__", "."): value for name, value in changes.items()}
    config = at_once(configuration(len(currents_A), paths))
    cabinet = Cabinet(only(config, "overcurrent_inverse.trip", "cascade.trip"))
    cabinet.noisy = False
    cabinet.current_A = list(currents_A)
    return cabinet


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("others_A", "action"), [(100.0, "trip_main"), (99.9, "trip_battery")])
def test_a_bank_is_overloaded_from_its_rating_on(others_A, action, sign):
    """Without battery 1 the others would carry 183 %: too much, but one after the other."""
    cabinet = overload(250.0 * sign, *[others_A * sign] * 3)
    assert cabinet.run_until(8, 100, kind="trip")["action"] == action


@pytest.mark.parametrize(("pickup", "action"), [(183.2, "trip_main"), (183.3, "trip_battery")])
def test_an_overload_of_all_opens_the_main_where_the_cascade_trip_would(pickup, action):
    """Of the table's levels of the cascade that of its trip counts."""
    config = configuration(4)
    config["elements"]["cascade"]["trip"]["pickup"] = pickup
    rows = ("overcurrent_inverse.trip", "cascade.warn", "cascade.alarm", "cascade.trip")
    cabinet = Cabinet(only(at_once(config), *rows))
    cabinet.noisy = False
    cabinet.current_A = [250.0, 100.0, 100.0, 100.0]
    assert cabinet.run_until(8, 100, kind="trip")["action"] == action


def test_where_the_cascade_trip_is_off_an_overload_opens_one_after_the_other():
    cabinet = overload(250.0, 100.0, 100.0, 100.0, elements__cascade__trip="off")
    assert cabinet.run_until(8, 100, kind="trip")["action"] == "trip_battery"


@pytest.mark.parametrize("lost", [None, 0, 3])
def test_an_overload_that_ends_the_time_of_all_that_are_known_opens_the_main(lost):
    cabinet = overload(*[200.0] * 4)
    if lost is not None:
        cabinet.lose_monitor(lost)
    cabinet.run_until(14, 100, kind="trip")
    trips = cabinet.told(kind="trip")
    assert [trip["battery"] for trip in trips] == [k + 1 for k in range(4) if k != lost]
    assert {trip["action"] for trip in trips} == {"trip_main"}


@pytest.mark.parametrize("k", [0, 1])
def test_an_overload_of_the_only_one_that_is_closed_opens_its_own_breaker(k):
    cabinet = overload(250.0, 250.0)
    cabinet.closed[1 - k] = False
    trip = cabinet.run_until(8, 100, kind="trip")
    assert (trip["battery"], trip["action"]) == (k + 1, "trip_battery")


def test_an_inverse_trip_tells_since_when_its_own_current_was_too_high():
    cabinet = overload(250.0, 0.0, 0.0, 0.0)
    cabinet.run(2, 100)
    trip = cabinet.run_until(6, 100, kind="trip")
    assert trip["battery"] == 1
    assert trip["held_ms"] == pytest.approx(6667, abs=100)  # 0.25 * 80 / (2^2 - 1) s
    config = only(at_once(configuration()), "bank_overcurrent.trip")
    cabinet = Cabinet(config, current_A=[0.0, 300.0, 300.0, 300.0])
    trip = cabinet.run_until(19, 100, kind="trip")
    assert (trip["value"], trip["limit"]) == (pytest.approx(900, abs=0.1), 500)
    assert trip["held_ms"] == pytest.approx(17857, abs=100)  # 0.5 * 80 / (1.8^2 - 1) s
