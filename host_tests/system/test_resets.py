"""The firmware that fails inside its own tick: safe outputs, a reset with its cause, and again.

The firmware is a copy whose executive does something once that it must never do.
"""

import json
import re
import shutil

import pytest

from packwarden_host import REPOSITORY, vm
from system.runs import bank, commissioned, each, first, simulated, told, trace
from terminals import PIN

# Put behind the firmware's own code: in the tick that begins at 3.05 s the method `where` does
# what it always does, and then `act`. A file on the flash counts the lives in which it acts.
SPOILED = """

_whole = {where}


def _lives():
    try:
        with open("spoiled") as file:
            return int(file.read())
    except OSError:
        return 0


_due = _lives() < {lives}
_since_ms = -1
if _due:
    _count = str(_lives() + 1)
    with open("spoiled", "w") as _file:
        _file.write(_count)


def _spoil():
    global _due, _since_ms
    if _due and current.protection.armed:
        now_ms = current.protection.now_ms
        if _since_ms < 0:
            _since_ms = now_ms
        elif now_ms - _since_ms >= {after_ms} and {when}:
            _due = False
            {act}


def _spoiled(self{arguments}):
    result = _whole(self{arguments})
    _spoil()
    return result


{where} = _spoiled
"""
FAIL_ms = 3050
ASK = "bank --json\n"
STATUS = "status --json\n"
EVENTS = "events --json\n"
# A definition with *args would allocate.
ARGUMENTS = {
    "Acquisition.read": ", now_ms",
    "Protection.step": ", now_ms",
    "Outputs.write": ", energised, fan, alarm, charge, discharge",
}
# What is called in each stage of a tick, and once between two.
STAGES = {
    "acquire": "Acquisition.read",
    "step": "Protection.step",
    "act": "Outputs.write",
    "verify": "Outputs.verify",
    "between ticks": "Terminal.serve",
}


def trips(run):
    """The trips that the console tells: (boot, battery, element, kept)."""
    (told,) = [json.loads(line) for line in run.console if line.startswith('[{"t_ms"')]
    keys = ("boot", "battery", "element", "kept")
    return [tuple(event[key] for key in keys) for event in told if event["kind"] == "trip"]


@pytest.fixture
def spoiled(tmp_path, monkeypatch):
    """Make the firmware do this in its tick 3.05 s after arming, in its first life or first ones.

    `when`: an expression; it is done in the first tick from then on in which that is true.
    """

    def spoil(act, where="Outputs.verify", lives=1, when="True"):
        for name in ("boards", "lib", "tools"):
            (tmp_path / name).symlink_to(REPOSITORY / name)
        shutil.copytree(REPOSITORY / "firmware", tmp_path / "firmware")
        arguments = ARGUMENTS.get(where, "")
        source = SPOILED.format(
            act=act, when=when, where=where, arguments=arguments, lives=lives, after_ms=FAIL_ms
        )
        with (tmp_path / "firmware" / "cabinet.py").open("a") as file:
            file.write(source)
        monkeypatch.setattr(vm, "REPOSITORY", tmp_path)
        monkeypatch.setattr(vm, "MOST_RESTARTS", 4)

    return spoil


@pytest.mark.parametrize("kind", vm.VMS)
def test_an_exception_in_the_tick_resets_the_board_and_protection_goes_on(spoiled, kind):
    spoiled('raise ValueError("as asked")')
    rows = ((0, each(4, i_A=40)), (6, {"tp2_C": 86}), (12, {}))
    run = simulated(trace(*rows), vm=kind)
    (restart,) = run.restarts
    assert (restart["cause"], restart["t_ms"]) == ("reset", pytest.approx(FAIL_ms, abs=10))
    assert "ValueError: as asked" in restart["detail"]
    assert run.ending["cause"] == "end"
    events = run.events
    assert len(told(events, element="boot")) == 2
    trip = first(events, kind="trip")
    assert (trip["element"], trip["battery"]) == ("terminal_overtemperature", 2)


def test_an_allocation_in_the_tick_is_a_memory_error_and_a_reset(spoiled):
    """The heap is locked in production, not only in the tests of the step."""
    spoiled("bytearray(10)")
    run = simulated(trace((0, {}), (6, {})))
    (restart,) = run.restarts
    assert restart["cause"] == "reset"
    assert re.search("MemoryError.*heap is locked", restart["detail"])


def test_a_tick_that_never_ends_is_ended_by_the_watchdog(spoiled):
    spoiled("for _ in range(40000): current._acquisition.thermistors._mux.read(0)")  # 8 s
    run = simulated(trace((0, {}), (20, {})))
    (restart,) = run.restarts
    assert restart["cause"] == "watchdog"
    assert FAIL_ms + 4900 <= restart["t_ms"] <= FAIL_ms + 5100
    assert run.ending["cause"] == "end"


@pytest.mark.parametrize("kind", ["shunt_trip", "uvr", "contactor"])
def test_a_reset_opens_no_breaker(spoiled, kind):
    """What holds is held up by its hardware for longer than a reset and the boot after it."""
    spoiled('raise ValueError("as asked")')
    run = simulated(trace((0, each(4, i_A=40)), (8, {})), bank(breaker=kind), script=[[7000, ASK]])
    assert [restart["cause"] for restart in run.restarts] == ["reset"]
    assert told(run.events, kind="trip") == []
    report = run.replies("t_ms")[-1]
    assert {facts["breaker"] for facts in report["batteries"]} == {"closed"}
    assert report["main"] == "closed"


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("error", ["ValueError", "MemoryError"])
def test_a_fault_in_any_stage_is_told_by_the_next_life(spoiled, stage, error):
    """What it was and where: in the fault line, on the console, and at the alarm relay."""
    spoiled(f"raise {error}('as asked')", STAGES[stage])
    asked = ["status --json", "why", "events", "status", "bank --json"]
    script = [[6000 + 500 * i, line + "\n"] for i, line in enumerate(asked)]
    run = simulated(trace((0, each(4, i_A=40)), (10, {})), script=script)
    (restart,) = run.restarts
    assert (restart["cause"], restart["t_ms"]) == ("reset", pytest.approx(FAIL_ms, abs=20))
    boot, fault = run.events[1:]
    assert (boot["element"], fault["element"]) == ("boot", "controller_fault")
    assert (fault["kind"], fault["level"], fault["action"]) == ("fault", "alarm", "alarm")
    (status,) = run.replies("armed")
    what = f"{error} {stage}" if " " in stage else f"{error} in {stage}"
    assert status["restart"] == {"cause": what, "seconds": 3, "times": 1}
    assert status["controller"] == what
    text = "\n".join(run.console)
    assert text.count(f"restarted by {what} after 3 s") == 2  # why, and status
    assert f"FAULT  controller_fault  {what}: alarm" in text
    (report,) = run.replies("t_ms")
    assert (report["alarm"], report["main"]) == (True, "closed")


def test_the_alarm_of_a_restart_stands_until_it_is_acknowledged(spoiled):
    """Over further restarts too, and it takes an unlocked console."""
    spoiled("raise OSError(5)", lives=2)
    typed = [
        (FAIL_ms + 1500, f"acknowledge\nunlock {PIN}\n"),  # the second life: it fails again
        (2 * FAIL_ms + 3000, "acknowledge\n" + STATUS),
        (2 * FAIL_ms + 5000, f"unlock {PIN}\nacknowledge\n"),
        (2 * FAIL_ms + 6000, ASK),
        (2 * FAIL_ms + 17_000, ASK + STATUS + "acknowledge\nevents\n"),
    ]
    script = [list(item) for item in typed]
    run = simulated(trace((0, {}), (25, {})), script=script, prepare=commissioned)
    assert [restart["cause"] for restart in run.restarts] == ["reset", "reset"]
    assert run.console.count("error: locked: type unlock PIN first") == 2
    before, after = run.replies("armed")
    assert before["restart"] == {"cause": "OSError in verify", "seconds": 3, "times": 2}
    assert (after["restart"], after["controller"]) == (None, "")
    assert [report["alarm"] for report in run.replies("t_ms")] == [True, False]
    assert "error: no restart has to be acknowledged" in run.console
    said = ("controller_fault", "operation")
    faults = [event for event in run.events if event["element"] in said]
    # Once in each life that a fault came before; what the person did; then the end of it.
    kinds = ["fault", "info", "fault", "info", "info", "clear"]
    assert [event["kind"] for event in faults] == kinds
    assert 9_900 <= faults[-1]["t_ms"] - faults[-2]["t_ms"] <= 10_100


def test_an_acknowledged_restart_stays_acknowledged(spoiled):
    spoiled("raise OSError(5)")
    script = [[FAIL_ms + 2000, f"unlock {PIN}\nacknowledge\n"], [FAIL_ms + 9000, STATUS]]
    faults = [{"t_ms": 7000, "until_ms": None, "target": "power", "kind": "brown_out"}]
    run = simulated(trace((0, {}), (15, {})), script=script, faults=faults, prepare=commissioned)
    assert len(run.restarts) == 2
    (status,) = run.replies("armed")
    assert status["restart"] is None
    last = run.events[-1]
    assert (last["element"], last["kind"]) == ("boot", "info")


def test_who_switches_the_power_off_and_on_acknowledges(spoiled):
    spoiled("raise OSError(5)")
    faults = [{"t_ms": 6000, "until_ms": None, "target": "power", "kind": "off"}]
    run = simulated(trace((0, {}), (12, {})), script=[[11_000, STATUS]], faults=faults)
    assert [restart["cause"] for restart in run.restarts] == ["reset", "power_off"]
    (status,) = run.replies("armed")
    assert status["restart"] is None


def test_the_trip_of_the_very_tick_that_fails_outlasts_the_restart(spoiled):
    """Its relay has moved, and its lockout is kept: outputs first, then the record."""
    spoiled("raise OSError(5)", "Outputs.write", when="current.protection.breakers.tripped")
    rows = ((0, each(4, i_A=40)), (4, {"i2_A": -300}), (8, {}))
    script = [[7000, ASK], [7500, "lockout --json\n"], [7700, EVENTS]]
    run = simulated(trace(*rows), script=script)
    (restart,) = run.restarts
    assert 4000 <= restart["t_ms"] <= 4100
    (report,) = run.replies("t_ms")
    assert [facts["breaker"] for facts in report["batteries"]][:2] == ["closed", "locked out"]
    (locked,) = [json.loads(line) for line in run.console if line.startswith('[{"battery"')]
    assert [(entry["battery"], entry["cause"]) for entry in locked] == [(2, "reverse_current")]
    assert trips(run) == [(1, 2, "reverse_current", True)]


@pytest.mark.parametrize(
    ("ending", "kept"), [("panic", True), ("brown_out", True), ("off", False)]
)
def test_a_trip_is_in_the_journal_although_a_reset_came_before_its_commit(ending, kept):
    """It waits for its breaker, and lies in the memory that outlasts a reset meanwhile."""
    rows = ((0, each(4, i_A=40)), (4, {"i2_A": -300}), (8, {"i2_A": 40}))
    faults = [{"t_ms": 4030, "until_ms": None, "target": "power", "kind": ending}]
    run = simulated(trace(*rows), faults=faults, script=[[7000, EVENTS]])
    assert [restart["t_ms"] // 10 for restart in run.restarts] == [403]
    assert first(run.events, kind="trip")["t_ms"] < 4030
    assert ((1, 2, "reverse_current", True) in trips(run)) == kept


def test_three_faults_end_in_a_cabinet_that_is_held_and_answers(spoiled):
    spoiled("raise OSError(5)", lives=3)
    begin_ms = 3 * FAIL_ms + 6000  # and four boots
    asked = ["why", STATUS[:-1], f"unlock {PIN}", "acknowledge"]
    script = [[begin_ms + 300 * i, line + "\n"] for i, line in enumerate(asked)]
    script.append([begin_ms + 5000, ASK + STATUS])
    run = simulated(trace((0, each(4, i_A=40)), (25, {})), script=script, prepare=commissioned)
    assert [restart["cause"] for restart in run.restarts] == ["reset"] * 4
    held, protecting = run.replies("armed")
    assert (held["armed"], held["restart"]["times"]) == (False, 3)
    what = "restarts in a loop: restarted by OSError in verify after 3 s, 3 times"
    assert held["held"] == [what]
    assert f"held, not protecting: {what}" in run.console
    assert (protecting["armed"], protecting["restart"]) == (True, None)
    (report,) = run.replies("t_ms")
    assert {facts["breaker"] for facts in report["batteries"]} == {"closed"}
    assert (report["main"], report["alarm"]) == ("closed", False)


@pytest.mark.parametrize("kind", vm.VMS)
def test_an_image_with_a_changed_and_a_missing_file_is_held(kind):
    def spoil(cabinet):
        flash = cabinet.folder / "state" / "flash"
        text = (flash / "outputs.py").read_text()
        (flash / "outputs.py").unlink()
        (flash / "outputs.py").write_text(text + "# a comment\n")
        (flash / "contacts.py").unlink()

    run = simulated(trace((0, {}), (5, {})), prepare=spoil, vm=kind, script=[[1000, STATUS]])
    (status,) = run.replies("armed")
    assert not status["armed"]
    assert status["wrong"] == ["contacts.py is missing", "outputs.py is changed"]
    assert [event["element"] for event in run.events] == ["boot", "controller_fault"]


def test_the_simulated_image_is_whole():
    run = simulated(trace((0, {}), (2, {})), script=[[500, STATUS], [700, "version --json\n"]])
    (status,) = run.replies("armed")
    (version,) = run.replies("packwarden")
    assert len(status["image"]) == 8
    assert version["image"] == status["image"]


@pytest.mark.parametrize("stage", [name for name in STAGES if " " not in name])
def test_a_stage_that_does_not_run_starves_the_watchdog(spoiled, stage):
    skip = f"current._stages = tuple([s for s in current._stages if s != current._{stage}])"
    spoiled(skip, "Terminal.serve")  # in the slack, for it allocates
    run = simulated(trace((0, {}), (15, {})), script=[[14_000, STATUS]])
    (restart,) = run.restarts
    assert restart["cause"] == "watchdog"
    assert FAIL_ms + 4900 <= restart["t_ms"] <= FAIL_ms + 5100
    (status,) = run.replies("armed")
    assert status["restart"] == {"cause": "watchdog", "seconds": 0, "times": 1}
    assert [event["kind"] for event in told(run.events, element="controller_fault")] == ["fault"]


def test_a_motor_that_overloads_is_no_cooler_after_a_reset(spoiled):
    """The inverse-time integrators survive in RTC memory."""
    spoiled('raise ValueError("as asked")')
    rows = ((0, each(4, i_A=300)), (8, {}))
    run = simulated(trace(*rows))
    (restart,) = run.restarts
    # 4.2 s in all; the second life counts its own time, from its own arming.
    boots = told(run.events, element="boot")
    trip = first(run.events, kind="trip")
    assert trip["element"] == "overcurrent_inverse"
    assert trip["seq"] > boots[1]["seq"]
    assert trip["t_ms"] <= 4200 * 1.05 - FAIL_ms + 1000
    assert restart["t_ms"] == pytest.approx(FAIL_ms, abs=10)


def test_the_state_directory_is_what_the_next_life_finds(spoiled):
    """Flash keeps its files over the reset: the configuration is read again."""
    spoiled('raise ValueError("as asked")')
    config = bank(2)
    run = simulated(trace((0, {}), (6, {})), config, script=[[5000, "settings --json\n"]])
    (reply,) = [json.loads(line) for line in run.console if line.startswith('{"bank"')]
    assert reply["bank"] == config["bank"]


def test_wrong_pins_are_counted_over_the_loss_of_power():
    """And the delay begins anew: nobody knows how long the board was off."""
    wrong = "unlock 987654\n"
    script = [[1000, wrong], [2500, wrong], [5000, wrong], [8500, f"unlock {PIN}\n"]]
    script += [[14_000, f"unlock {PIN}\n"]]
    faults = [{"t_ms": 5300, "until_ms": None, "target": "power", "kind": "off"}]
    run = simulated(trace((0, {}), (16, {})), script=script, faults=faults, prepare=commissioned)
    assert [restart["cause"] for restart in run.restarts] == ["power_off"]
    waits = [f"error: wrong PIN: the next try in {s} s" for s in (1, 2, 4)]
    assert [line for line in run.console if "wrong PIN:" in line] == waits
    assert any(re.match("error: after 3 wrong PINs: wait [1-3] s", line) for line in run.console)
    assert "unlocked for 10 min; lock ends it" in run.console
