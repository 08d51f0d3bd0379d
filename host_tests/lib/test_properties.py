"""What always holds of the whole step, for banks and histories that nobody thought of."""

from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cabinets import Cabinet, configuration, only
from packwarden import elements
from packwarden.elements import TABLE

battery = st.fixed_dictionaries(
    {
        "current_A": st.integers(-150, 150) | st.integers(30, 60),
        "plus_C": st.integers(10, 100) | st.integers(24, 27),
        "minus_C": st.integers(10, 100) | st.integers(24, 27),
        "lost": st.sampled_from([None, None, None, "monitor", "plus", "minus"]),
    }
)


def shown(batteries):
    """Return a cabinet with such batteries after 70 s; codes stand still, nothing is noisy."""
    # The coils of shunt trips are energised one after the other, in the order of their numbers.
    cabinet = Cabinet(configuration(len(batteries), {"breakers.kind": "uvr"}))
    cabinet.noisy = False
    for name in ("current_A", "plus_C", "minus_C"):
        setattr(cabinet, name, [float(b[name]) for b in batteries])
    for k, b in enumerate(batteries):
        if b["lost"] == "monitor":
            cabinet.lose_monitor(k)
        elif b["lost"]:
            cabinet.counts[cabinet.terminal_channel(k, int(b["lost"] == "minus"))] = 22000
    cabinet.run(0.2)
    cabinet.run(66, 1000)
    return cabinet


# Two that trip in one tick while the second is charged: neither can be left to the other.
HOT_AT_ONCE = [
    {"current_A": 0, "plus_C": 10, "minus_C": 81, "lost": None},
    {"current_A": -6, "plus_C": 10, "minus_C": 81, "lost": None},
]


@settings(max_examples=25)
@given(st.lists(battery, min_size=2, max_size=5), st.randoms(use_true_random=False))
@example(HOT_AT_ONCE, Random(1))  # it shuffles two into [1, 0]
def test_permuting_the_batteries_permutes_the_events(batteries, random):
    order = list(range(len(batteries)))
    random.shuffle(order)
    one, other = shown(batteries), shown([batteries[k] for k in order])
    expected = []
    for event in other.events:
        event = dict(event, seq=None)
        if event["battery"]:
            event["battery"] = order[event["battery"] - 1] + 1
        expected.append(str(event))
    assert sorted(expected) == sorted(str(dict(event, seq=None)) for event in one.events)


@settings(max_examples=25)
@given(st.lists(battery, min_size=1, max_size=5))
def test_what_is_told_is_beyond_its_limit_and_was_so_for_its_delay(batteries):
    cabinet = shown(batteries)
    given_ = cabinet.config["elements"]
    for event in cabinet.events:
        if event["kind"] not in ("warn", "alarm", "trip") or event["unit"] is None:
            continue
        rows = [r for r in given_[event["element"]].values() if r != "off"]
        delays = [
            r.get("delay_ms", 0) for r in rows if r.get("pickup", event["limit"]) == event["limit"]
        ]
        assert event["held_ms"] >= min(delays)
        first = TABLE[elements.find(event["element"])].levels[0]
        if not first.shows:
            assert first.sign * event["value"] >= first.sign * event["limit"]


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 49), st.integers(0, 49)), min_size=1, max_size=6),
    st.lists(st.integers(-9, 124), min_size=1, max_size=8),
    st.sets(st.integers(0, 30), max_size=6),
)
def test_without_a_crossing_nothing_trips_whatever_is_lost(temperatures, loads_A, lost):
    cabinet = Cabinet(
        configuration(len(temperatures)),
        plus_C=[float(plus) for plus, _ in temperatures],
        minus_C=[float(minus) for _, minus in temperatures],
    )
    for load_A in loads_A:
        cabinet.current_A = [float(load_A)] * cabinet.batteries
        for channel in lost:
            cabinet.notes[channel % cabinet.frame.channels] = 1
        cabinet.run(8, 500)
    assert cabinet.told(kind="trip") == []
    assert all(cabinet.closed)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(20, 115), st.integers(2, 40)), min_size=1, max_size=8),
    st.integers(1, 15),
)
def test_a_hotter_terminal_never_trips_later(profile, hotter_K):
    first_ms = []
    for extra_K in (0, hotter_K):
        cabinet = Cabinet(only(configuration(), "terminal_overtemperature", "terminal_rise"))
        for temperature_C, tenths in profile:
            cabinet.plus_C[1] = float(temperature_C + extra_K)
            cabinet.run(tenths / 10, 100)
        trips = cabinet.told(kind="trip")
        first_ms.append(trips[0]["t_ms"] if trips else None)
    if first_ms[0] is not None:
        assert first_ms[1] is not None
        assert first_ms[1] <= first_ms[0]
