"""What may be changed without changing what is told: the scale, the clock, a healthy battery."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cabinets import Cabinet, at_once, configuration, put
from packwarden.fixed import MASK

RATED_A = 100

loads = st.lists(st.integers(-150, 220), min_size=2, max_size=4)
histories = st.lists(st.tuples(loads, st.integers(1, 20)), min_size=1, max_size=4)


def history(cabinet, steps, factor=1.0):
    """Let the loads of a history flow, each for some seconds; returns what was told, in brief."""
    for amperes, seconds in steps:
        for k in range(cabinet.batteries):
            cabinet.current_A[k] = factor * amperes[k % len(amperes)]
        cabinet.run(seconds, 100)
    names = ("t_ms", "kind", "level", "element", "battery", "terminal", "action")
    return [tuple(event[name] for name in names) for event in cabinet.events]


@settings(max_examples=12, deadline=None)
@given(histories, st.sampled_from([2, 3, 5]))
@example([([20, 20, 20, 20], 3), ([20, -60, 20, 20], 5)], 2)
def test_scaling_currents_and_ratings_together_changes_nothing(steps, factor):
    told = []
    for scale in (1, factor):
        changes = {"sensors.shunt_uohm": 240 // scale}  # the same voltages at the monitors
        cabinet = Cabinet(configuration(4, changes, RATED_A * scale))
        cabinet.noisy = False
        told.append(history(cabinet, steps, scale))
    assert told[0] == told[1]


@settings(max_examples=12, deadline=None)
@given(histories, st.lists(st.integers(20, 95), min_size=4, max_size=4), st.integers(0, 30000))
def test_the_wrap_of_the_clock_is_invisible(steps, plus_C, before_ms):
    told = []
    for begins_ms in (0, (MASK - before_ms) & MASK):
        cabinet = Cabinet(configuration(), now_ms=begins_ms)
        cabinet.noisy = False
        cabinet.plus_C = [float(value) for value in plus_C]
        told.append(history(cabinet, steps))
    assert told[0] == told[1]


@settings(max_examples=12, deadline=None)
@given(
    st.integers(2, 6),
    st.integers(0, 5),
    st.integers(-70, 70),
    st.sampled_from(["shunt_trip", "uvr", "contactor"]),
    st.sampled_from(["52a", "52b", "both"]),
)
def test_removing_a_healthy_battery_raises_no_alarm(batteries, removed, load_A, kind, feedback):
    """It is opened by hand under load; the others take that over and stay below their rating."""
    changes = {"breakers.kind": kind, "breakers.feedback": feedback}
    cabinet = Cabinet(configuration(batteries, changes), current_A=float(load_A))
    cabinet.run(130, 500)
    removed %= batteries
    cabinet.closed[removed] = False
    share_A = min(95.0, abs(load_A) * batteries / (batteries - 1))
    cabinet.current_A = [share_A if load_A > 0 else -share_A] * batteries
    cabinet.current_A[removed] = 0.0
    cabinet.run(700, 1000)
    assert [e for e in cabinet.told() if e["element"] != "boot"] == []


@settings(max_examples=10, deadline=None)
@given(st.integers(2, 15), st.data())
def test_capacities_weigh_what_is_expected(batteries, data):
    """Each battery carries in proportion to its capacity: nobody stands out."""
    sizes = st.lists(st.integers(50, 200), min_size=batteries, max_size=batteries)
    capacities_Ah = data.draw(sizes)
    config = at_once(configuration(batteries))
    put(config, "bank.capacity_Ah", capacities_Ah)
    cabinet = Cabinet(config, current_A=[40.0 * c / 100 for c in capacities_Ah])
    cabinet.run(200, 1000)
    assert cabinet.told(element="current_imbalance") == []
    for k in range(batteries):
        assert cabinet.quantity("imbalance", k) <= 8  # tenths of a percent
