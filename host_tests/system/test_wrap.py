"""The whole firmware over the wrap of the tick counters: us after 18 min, ms after 12.4 days.

The same run is made with counters that begin at 0 and with counters that come to their end in the
middle of it: every event line has to be the same, byte for byte.
"""

import pytest

from system.runs import each, first, simulated, told, trace

US = 1 << 30  # us wrap here
MS = 1000 * US  # and ms here, at the same instant
TIMING = "timing --json\n"
BOOT_ms = 1000  # about: what passes before arming

# One carries too much for a while, a terminal heats, a monitor hangs, one takes current.
ROWS = (
    (0, each(4, i_A=40)),
    (1, {"i1_A": 170}),
    (2, {"tp2_C": 86}),
    (3.5, {"i1_A": 40}),
    (11, {"i3_A": -60}),
    (16, {}),
)
HANGS = [{"t_ms": 4500, "until_ms": 9000, "target": "monitor 4", "kind": "hang"}]


def run(began_us, kind="micropython"):
    script = [[500 * i, "bank\nstatus\n"] for i in range(30)] + [[15_500, TIMING]]
    return simulated(trace(*ROWS), vm=kind, faults=HANGS, script=script, ticks_began_us=began_us)


@pytest.fixture(scope="module")
def straight():
    return run(0)


# In health; on the way of an inverse time and between pickup and trip of battery 2; while the
# commit waits and is made; while the monitor is away; between pickup and trip of battery 3.
@pytest.mark.parametrize("at_ms", [500, 3000, 4100, 4600, 7500, 11_500])
@pytest.mark.parametrize("wrap_us", [US, MS])
def test_a_wrap_in_the_middle_changes_no_line(straight, wrap_us, at_ms):
    # From a whole millisecond, as the straight run: else a job that is due after some ms may come
    # a tick earlier or later, and its commit with it.
    wrapped = run((wrap_us // 1000 - at_ms - BOOT_ms) * 1000)
    assert wrapped.lines == straight.lines
    assert (wrapped.restarts, wrapped.ending) == ([], straight.ending)
    (there,), (here,) = straight.replies("tick_ms"), wrapped.replies("tick_ms")
    for facts in (there, here):
        # A capture holds the clock, so it is written in other pieces: only how often counts.
        facts["late"]["flash"].pop("worst_late_us", None)
        facts["worst_late_us"] = None
    assert here == there


def test_the_run_has_what_a_wrap_could_disturb(straight):
    trips = told(straight.events, kind="trip")
    assert {event["battery"] for event in trips} == {2, 3}
    assert first(trips, battery=2)["t_ms"] in range(4000, 4300)
    assert first(trips, battery=3)["element"] == "reverse_current"
    assert told(straight.events, element="sensor_fault", battery=4)
    (timing,) = straight.replies("tick_ms")
    assert timing["late"]["flash"]["late_ticks"] > 0
    assert timing["late"]["bus"]["missed_ticks"] > 0
    assert timing["late"]["executive"] == {
        "late_ticks": 0,
        "missed_ticks": 0,
        "worst_late_us": timing["late"]["executive"]["worst_late_us"],
    }
    assert timing["late"]["executive"]["worst_late_us"] < 1000


def test_it_is_the_same_without_the_vm(straight):
    assert run(MS - 5_200_000, "cpython").lines == straight.lines
