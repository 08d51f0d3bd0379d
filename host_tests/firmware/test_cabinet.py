"""The cyclic executive on the simulated cabinet: order, time, ages, arming, failures."""

import json
import sys
from itertools import pairwise

import pytest

from packwarden.timing import BUS, COLLECTION, OWN
from packwarden_sim.clock import us


def trace(end_s, cells=None):
    names = ["t_s", *(cells or {})]
    values = [str(value) for value in (cells or {}).values()]
    rows = [",".join([str(t_s), *values]) for t_s in (0, end_s)]
    return "\n".join([",".join(names), *rows]) + "\n"


def fault(target, kind, t_ms=1000, until_ms=None, **more):
    return {"t_ms": t_ms, "until_ms": until_ms, "target": target, "kind": kind, **more}


def spied(rig, cabinet, name, seen):
    """Note the time at which a part of the cabinet's tick begins; it works as before."""
    owner = cabinet
    *path, last = name.split(".")
    for step in path:
        owner = getattr(owner, step)
    original = getattr(owner, last)

    def noted(*args):
        seen.append((us[0], name))
        return original(*args)

    setattr(owner, last, noted)


def told(rig, element):
    """The events of an element, in brief."""
    events = [event for event in rig.lines() if event["element"] == element]
    return [(event["t_ms"], event["kind"], event["level"], event["action"]) for event in events]


@pytest.mark.parametrize("tick_ms", [10, 20, 31, 32, 35, 50, 100, 250, 1000])
@pytest.mark.parametrize("batteries", [1, 15])
def test_no_temperature_is_older_than_half_a_second(rigged, tick_ms, batteries):
    """The multiplexers move in the slack as well where ticks are slow."""
    rig = rigged(batteries, trace(4), tick_ms=tick_ms)
    cabinet = rig.cabinet()
    frame = cabinet.protection.frame
    channels = range(frame.terminal, frame.reference + 1)
    seen = {}
    worst = dict.fromkeys(channels, 0)

    def look():
        for channel in channels:
            count, since_us = seen.get(channel, (frame.count[channel], us[0]))
            if frame.count[channel] != count:
                worst[channel] = max(worst[channel], us[0] - since_us)
                since_us = us[0]
            seen[channel] = (frame.count[channel], since_us)

    rig.each_wake = look
    rig.run(cabinet)
    assert 100_000 < max(worst.values()) <= 500_000


@pytest.mark.parametrize("batteries", [1, 4, 8, 15])
def test_in_health_no_tick_is_late_but_for_one_collection(rigged, batteries):
    """The greeting's garbage, which a large bank's slack of 3 ms has no room for."""
    timing = rigged(batteries, trace(5)).run().timing
    assert (timing.late[OWN], timing.missed[OWN]) == (0, 0)
    assert timing.late[COLLECTION] <= 1 and timing.missed[COLLECTION] <= 1
    assert timing.worst_late_us[OWN] < 100
    assert max(timing.worst_late_us) < (100 if batteries < 8 else 4000)
    assert timing.ticks >= 500


def test_ticks_that_were_missed_are_left_out_and_the_rest_keep_the_grid(rigged):
    """A bus that hangs costs two ticks and a bit: the next one is on the grid again."""
    rig = rigged(4, trace(1.9), faults=[fault("monitor 1", "hang")])  # no record to keep yet
    cabinet = rig.cabinet()
    began = []
    spied(rig, cabinet, "tick", began)
    rig.run(cabinet)
    times_ms = [at_us / 1000 for at_us, _ in began]
    first_ms = times_ms[0]
    phases = {round((at_ms - first_ms) % 10, 1) for at_ms in times_ms}
    assert all(phase <= 0.2 or phase >= 9.8 for phase in phases)
    steps = [round(b - a) for a, b in pairwise(times_ms)]
    assert set(steps) == {10, 30}
    assert steps.count(30) == 3
    assert cabinet.timing.missed[BUS] == 2 * 3
    assert min(steps) == 10  # nothing is made up for


def test_a_bus_that_hangs_is_blamed_for_what_it_delays(rigged):
    """Its time-outs are bounded, and its chip has an alarm of its own."""
    rig = rigged(4, trace(3), faults=[fault("monitor 1", "hang")])
    timing = rig.run().timing
    assert timing.overruns == timing.late[BUS] == 3
    assert 10_000 <= timing.worst_late_us[BUS] <= 25_000
    assert (timing.late[OWN], timing.missed[OWN]) == (0, 0)
    assert told(rig, "controller_fault") == []


def test_the_alarm_is_given_until_all_is_well_and_dropped_on_an_alarm(rigged):
    rig = rigged(4, trace(8, {"tp1_C": 72}))
    rig.run()
    levels = rig.pins(rig.board.PIN_ALARM)
    # De-energised until then, energised in health, dropped by the alarm after 5 s.
    changes = [b for a, b in zip([None, *levels], levels, strict=False) if a != b]
    assert changes == [1, 0]
    dropped_us = [at for at, what, pin, level in rig.log if (what, pin) == ("pin", 27)][-1]
    assert dropped_us > 5_000_000
    alarm = next(event for event in rig.lines() if event["kind"] == "alarm")
    assert alarm["t_ms"] == 5000


@pytest.mark.parametrize("kind", ["nack", "hang"])
def test_a_latch_that_cannot_be_read_is_a_fault_and_drops_the_alarm(rigged, kind):
    rig = rigged(4, trace(4), faults=[fault("relay", kind, 1000, 2000)])
    cabinet = rig.run()
    events = [event for event in rig.lines() if event["kind"] == "fault"]
    assert [event["element"] for event in events] == ["output_fault"]
    assert 1010 <= events[0]["t_ms"] <= 1100
    levels = rig.pins(rig.board.PIN_ALARM)
    changes = [b for a, b in zip([None, *levels], levels, strict=False) if a != b]
    assert changes == [1, 0, 1]
    assert not cabinet.protection.alarm


def test_a_trip_is_at_its_relay_before_it_is_told(rigged):
    """In one tick: step, outputs, verify, watchdog. Rendering the record waits for the slack."""
    rig = rigged(4, trace(3, {"tp2_C": 86}))
    cabinet = rig.cabinet()
    order = []
    spied(rig, cabinet, "_acquisition.read", order)
    spied(rig, cabinet, "protection.step", order)
    spied(rig, cabinet, "_outputs.write", order)
    spied(rig, cabinet, "_outputs.verify", order)
    spied(rig, cabinet, "protection.events.line", order)
    rig.run(cabinet)
    told = [i for i, (_, name) in enumerate(order) if name == "protection.events.line"]
    trip = told[1]  # the first was boot
    names = [name for _, name in order[trip - 4 : trip + 1]]
    assert names == [
        "_acquisition.read",
        "protection.step",
        "_outputs.write",
        "_outputs.verify",
        "protection.events.line",
    ]
    # The coil moved in that tick, a few milliseconds after it began, before anything was told.
    assert order[trip - 4][0] < rig.tripped_us < order[trip][0]
    assert rig.tripped_us - order[trip - 4][0] < 6_000


@pytest.mark.parametrize("batteries", [1, 15])
def test_it_arms_when_all_has_been_read_three_times(rigged, batteries):
    rig = rigged(batteries, trace(1))
    rig.run()
    # Three rounds of 16 multiplexer addresses at a tick of 10 ms.
    assert 480 <= rig.armed_ms - rig.booted_ms <= 1500


@pytest.mark.parametrize("missing", ["monitor 2", "monitor bus", "inputs 0", "relay"])
@pytest.mark.parametrize("how", ["absent", "hang"])
def test_a_chip_that_does_not_answer_at_boot_does_not_delay_arming(rigged, missing, how):
    """Nothing is protected before; that it does not answer is known after three attempts."""
    rig = rigged(4, trace(2))
    kind, _, number = missing.partition(" ")
    seat = {
        "monitor": lambda: rig.wiring.monitors[-1 if number == "bus" else int(number) - 1],
        "inputs": lambda: rig.wiring.inputs[0],
        "relay": lambda: rig.wiring.relay,
    }[kind]()
    getattr(seat, how)(True)
    rig.run()
    assert 480 <= rig.armed_ms - rig.booted_ms <= 1500
    elements = {event["element"] for event in rig.lines()}
    named = {"monitor": "sensor_fault", "inputs": "controller_fault", "relay": "output_fault"}
    assert elements == {"boot", named[kind]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no config.json"),
        ("{", "config.json: is not JSON"),
        ("[]", "is not an object"),
        (json.dumps({"schema": 1}), "is missing"),
    ],
)
def test_a_bad_configuration_is_refused_before_anything_is_built(rigged, text, said):
    rig = rigged(4)
    path = rig.folder / "config.json"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(sys.modules["configuration"].ConfigurationError, match=said):
        sys.modules["cabinet"].Cabinet(rig.output_pins())
    assert not [entry for entry in rig.log if entry[1] == "chip"]
