"""Chips that fail while the cabinet protects: what is lost is named, and the rest goes on."""

import re

import pytest

from packwarden_host import bank_file
from packwarden_host.codes import write_job
from packwarden_host.errors import RunFailed
from packwarden_host.vm import Cabinet, Job
from packwarden_sim.costs import FILE_COMMIT_US
from system.runs import bank, brief, each, first, simulated, told, trace

ASK = "bank --json\n"
TIMING = "timing --json\n"
STATUS = "status --json\n"
# A load that moves a little, then a terminal of battery 4 that is hot from 6 s on.
ROWS = ((0, each(4, i_A=30)), (2, each(4, i_A=38)), (6, {"tp4_C": 86}), (14, {}))
# 2 s of delay behind a round of the multiplexers, and the ticks that a chip may cost.
IN_TIME_ms = range(8000, 8260)


def run_with(*faults, rows=ROWS, config=None, **job):
    run = simulated(trace(*rows), config, faults=list(faults), **job)
    assert (run.restarts, run.ending["cause"]) == ([], "end")
    return run


def fault(target, kind, t_ms=3000, until_ms=None, **more):
    return {"t_ms": t_ms, "until_ms": until_ms, "target": target, "kind": kind, **more}


def trips(run):
    return [brief(event)[2:] for event in told(run.events, kind="trip")]


def assert_only_battery_4_trips(run):
    assert trips(run) == [("terminal_overtemperature", "4+", "trip_battery")]
    assert first(run.events, kind="trip")["t_ms"] in IN_TIME_ms


@pytest.mark.parametrize("monitor", ["ina228", "ina238", "ina226"])
@pytest.mark.parametrize("kind", ["nack", "hang", "frozen", "zero", "wrong_identity"])
def test_a_monitor_that_fails_is_named_and_heat_elsewhere_still_trips(kind, monitor):
    config = bank(4, 50, monitor=monitor, cells=8)
    run = run_with(fault("monitor 2", kind), config=config)
    (alarm,) = told(run.events, element="sensor_fault")
    assert (alarm["battery"], alarm["kind"]) == (2, "alarm")
    # Found within two rounds of the slow channels at most, then held for 1 s.
    assert 4000 <= alarm["t_ms"] <= 6100
    assert_only_battery_4_trips(run)


@pytest.mark.parametrize("kind", ["nack", "hang", "frozen", "zero", "wrong_identity"])
def test_a_monitor_that_comes_back_is_believed_again(kind):
    rows = (*ROWS[:2], (32, {}))
    run = run_with(fault("monitor 3", kind, until_ms=9000), rows=rows, script=[[31_000, ASK]])
    assert [(e["kind"], e["battery"]) for e in run.events[1:]] == [("alarm", 3), ("clear", 3)]
    (report,) = run.replies("t_ms")
    assert report["batteries"][2]["current_A"] == pytest.approx(38, abs=0.05)
    assert report["alarm"] is False


@pytest.mark.parametrize("monitor", ["ina228", "ina238", "ina226"])
@pytest.mark.parametrize("t_ms", [3000, 3110, 3230])
def test_a_monitor_that_forgot_its_configuration_is_repaired(monitor, t_ms):
    """Its supply dipped. Nothing trips, and what it says afterwards is right."""
    config = bank(4, 50, monitor=monitor, cells=8)
    lost = fault("monitor 2", "config_lost", t_ms)
    run = run_with(lost, config=config, script=[[13_000, ASK]])
    assert_only_battery_4_trips(run)
    (report,) = run.replies("t_ms")
    assert report["batteries"][1]["current_A"] == pytest.approx(38, abs=0.1)


def test_several_monitors_that_hang_cost_their_time_one_after_another():
    faults = [fault(f"monitor {k}", "hang") for k in (1, 2, 3)]
    run = run_with(*faults, fault("monitor bus", "hang"), script=[[13_000, TIMING]])
    assert_only_battery_4_trips(run)
    assert {e["battery"] for e in told(run.events, element="sensor_fault")} == {1, 2, 3, None}
    (timing,) = run.replies("tick_ms")
    # One time-out of 20 ms a tick, less what was left of it.
    assert 10_000 < timing["late"]["bus"]["worst_late_us"] < 20_000
    assert timing["late"]["executive"]["late_ticks"] == 0
    # The commit of the lockout, or of events, may come just before one.
    assert timing["worst_late_us"] < FILE_COMMIT_US + 20_000


def late_ticks(run):
    """Late and missed ticks by what made them so; not by commits, which events ask for."""
    (timing,) = run.replies("tick_ms")
    return {
        name: (facts["late_ticks"], facts["missed_ticks"])
        for name, facts in timing["late"].items()
        if name != "flash"
    }


@pytest.fixture(scope="module")
def late_undisturbed():
    """Late and missed ticks of a trip without a fault: the console's garbage."""
    return late_ticks(run_with(script=[[13_000, ASK], [13_500, TIMING]]))


@pytest.mark.parametrize("t_ms", [3000, 8085, 8101, 8111])
@pytest.mark.parametrize("name", ["monitors", "expanders"])
def test_a_chip_that_is_cut_off_in_a_byte_is_clocked_on_and_costs_nothing(
    name, t_ms, late_undisturbed
):
    """Also around the tick in which the trip is commanded, 8110 ms."""
    cut = fault(f"bus {name}", "cut_off", t_ms, byte=0x10, sent=2)
    run = run_with(cut, script=[[13_000, ASK], [13_500, TIMING]])
    assert_only_battery_4_trips(run)
    assert len(told(run.events, kind="fault")) == 0
    (report,) = run.replies("t_ms")
    assert report["batteries"][3]["breaker"] == "locked out"
    assert report["batteries"][0]["current_A"] == pytest.approx(38, abs=0.05)
    assert late_ticks(run) == late_undisturbed


def test_a_line_that_stays_stuck_costs_no_time_and_what_does_not_need_it_goes_on(
    late_undisturbed,
):
    """No current is known; the terminals are, and the relays are on the other bus."""
    stuck = fault("bus monitors", "hang")
    run = run_with(stuck, script=[[13_000, ASK], [13_500, TIMING]])
    assert_only_battery_4_trips(run)
    alarms = told(run.events, element="sensor_fault")
    assert {e["battery"] for e in alarms} >= {1, 2, 3, 4}
    assert max(e["t_ms"] for e in alarms) <= 4150
    assert late_ticks(run) == late_undisturbed


def test_what_is_lost_while_a_line_is_stuck_is_back_at_once_when_it_is_let_go():
    rows = (*ROWS[:2], (17, {}))
    stuck = fault("bus monitors", "hang", until_ms=5000)
    run = run_with(stuck, rows=rows, script=[[5_300, ASK]])
    (report,) = run.replies("t_ms")
    currents = [facts["current_A"] for facts in report["batteries"]]
    assert currents == pytest.approx([38] * 4, abs=0.05)


# Around the tick in which the trip is commanded (8110 ms), and within its pulse.
@pytest.mark.parametrize("t_ms", [8080, 8095, 8101, 8105, 8111, 8120, 8135, 8200])
@pytest.mark.parametrize("kind", ["shunt_trip", "uvr", "contactor"])
def test_relays_that_forget_their_configuration_still_trip(t_ms, kind):
    config = bank(breaker=kind)
    script = [[13_000, ASK], [13_500, "why --json\n"]]
    run = run_with(fault("relay", "config_lost", t_ms), config=config, script=script)
    assert_only_battery_4_trips(run)
    (report,) = run.replies("t_ms")
    states = [facts["breaker"] for facts in report["batteries"]]
    assert states == ["closed", "closed", "closed", "locked out"]
    (why,) = run.replies("why")
    # A held breaker may have dropped with the relays, a coil may have lost its first impulse.
    opened = re.search(r"tripped Q04, open after (0\.\d\d) s$", why["why"])
    assert opened and 0.03 <= float(opened[1]) <= 0.12


@pytest.mark.parametrize("kind", ["nack", "hang"])
def test_where_the_relays_are_dead_the_main_opens_by_its_own_pin(kind):
    run = run_with(fault("relay", kind), script=[[13_000, ASK]])
    assert brief(run.events[1])[1:3] == ("fault", "output_fault")
    assert trips(run) == [
        ("terminal_overtemperature", "4+", "trip_battery"),
        ("breaker_failure", "4", "trip_battery"),
        ("breaker_failure", "4", "trip_main"),
    ]
    first_ms, _, main_ms = (e["t_ms"] for e in told(run.events, kind="trip"))
    assert first_ms in IN_TIME_ms
    assert main_ms - first_ms <= 350
    (report,) = run.replies("t_ms")
    assert (report["main"], report["alarm"]) == ("locked out", True)


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("kind", ["nack", "hang"])
def test_contacts_that_cannot_be_read_trip_nothing_else(number, kind):
    """The currents say that the breaker has opened; a contact that is not known says nothing."""
    run = run_with(fault(f"inputs {number}", kind), script=[[13_000, ASK]])
    assert brief(run.events[1])[1:3] == ("fault", "controller_fault")
    assert run.events[1]["t_ms"] <= 3100
    assert_only_battery_4_trips(run)
    (report,) = run.replies("t_ms")
    assert report["main"] == "closed"
    assert [facts["breaker"] for facts in report["batteries"][:3]] == ["closed"] * 3


@pytest.mark.parametrize("kind", ["nack", "hang"])
def test_contacts_that_can_be_read_again_are_believed(kind):
    rows = (*ROWS, (20, {}))
    run = run_with(fault("inputs 0", kind, 7000, 10_000), rows=rows, script=[[19_000, ASK]])
    assert_only_battery_4_trips(run)
    (report,) = run.replies("t_ms")
    assert report["batteries"][3]["breaker"] == "locked out"


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("t_ms", [5000, 8140, 9000])
def test_inputs_that_forget_their_pull_ups_are_repaired_and_trip_nothing(number, t_ms):
    """Without pull-ups an open contact reads closed, for as long as the repair takes."""
    run = run_with(fault(f"inputs {number}", "config_lost", t_ms), script=[[13_000, ASK]])
    assert_only_battery_4_trips(run)
    (report,) = run.replies("t_ms")
    assert report["batteries"][3]["breaker"] == "locked out"


@pytest.mark.parametrize("bit", range(4))
@pytest.mark.parametrize("level", [0, 1])
def test_a_stuck_select_line_trips_nothing_for_longer_than_it_is_stuck(bit, level):
    """It shows other terminals in the place of half of them: all are healthy here."""
    stuck = fault("mux", "stuck_bit", 3000, 6000, bit=bit, level=level)
    run = run_with(stuck, rows=((0, each(4, i_A=30, tp_C=30, tn_C=30)), (20, {})))
    assert trips(run) == []


def test_the_supply_fails_and_comes_back():
    """Latches live in RAM: after power-up the terminal that is still hot trips anew."""
    run = simulated(trace(*ROWS, (20, {})), faults=[fault("power", "off", 10_000)])
    assert [restart["cause"] for restart in run.restarts] == ["power_off"]
    boots = told(run.events, element="boot")
    assert len(boots) == 2
    again = run.events[run.events.index(boots[1], 1) :]
    assert first(again, kind="trip")["battery"] == 4


def said_at_boot(text):
    """What a board prints whose flash holds this as its configuration (None: no file)."""
    with Cabinet(bank()) as cabinet:
        path = cabinet.folder / "state" / "flash" / "config.json"
        if text is None:
            path.unlink()
        else:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        job_file = cabinet.folder / "trace.txt"
        (cabinet.folder / "trace.csv").write_text("t_s\n0\n")
        end_ms = write_job(cabinet.folder / "trace.csv", cabinet.config, job_file)
        source = {"kind": "trace", "path": str(job_file), "stuck": []}
        with pytest.raises(RunFailed, match=r"main\.py returned"):
            assert list(cabinet.lines(Job(source, end_ms))) == []
        return (cabinet.folder / "stderr").read_text()


def written(change=None):
    config = bank()
    if change:
        change(config)
    return bank_file.dump(config)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no config.json"),
        ("", "config.json: is not JSON"),
        (written()[:-200], "config.json: is not JSON"),
        (b"\x00\xff\xfe" * 50, "config.json: is not JSON"),
        ("[1, 2]", "is not an object with schema, bank, sensors, breakers, elements"),
        (
            written(lambda c: c["bank"].update(batteries=16)),
            "config.json: bank.batteries 16 is outside 1 .. 15 batteries",
        ),
        (
            written(lambda c: c["breakers"].update(feedback="52c")),
            "config.json: breakers.feedback '52c' is not one of 52a, 52b, both, none",
        ),
        (
            written(lambda c: c["elements"]["terminal_rise"]["trip"].update(pickup=900)),
            "config.json: elements.terminal_rise.trip.pickup 900 is outside 1 .. 100 K",
        ),
        (
            written(lambda c: c["elements"].pop("sensor_fault")),
            "config.json: elements.sensor_fault is missing or not an object",
        ),
        (
            written(lambda c: c["bank"].update(board="other")),
            "config.json: bank.board 'other' is not this board, cabinet15",
        ),
    ],
)
def test_a_bad_configuration_is_named_and_nothing_is_armed(text, said):
    (line,) = said_at_boot(text).splitlines()
    assert line.startswith("not protecting: ") and line.endswith(said)
