"""The firmware that fails inside its own tick: safe outputs, a reset with its cause, and again.

The firmware is a copy whose executive does something once that it must never do.
"""

import json
import re
import shutil

import pytest

from packwarden_host import REPOSITORY, vm
from system.runs import bank, each, first, simulated, told, trace

# Put behind the executive's own code: `act` is called in the tick that begins at 3 s.
SPOILED = """

_tick = Cabinet.tick
try:
    open("spoiled").close()
    _left = -1
except OSError:
    open("spoiled", "w").close()
    _left = {ticks}


def _act(cabinet):
    {act}


def _spoiled(self, now_ms):
    global _left
    _tick(self, now_ms)
    if self.protection.armed:
        _left -= 1
        if _left == 0:
            _act(self)


Cabinet.tick = _spoiled
"""
FAIL_ms = 3000
ASK = "bank --json\n"


@pytest.fixture
def spoiled(tmp_path, monkeypatch):
    """Make the firmware do this once, in its tick 3 s after arming."""

    def spoil(act, tick_ms=10):
        for name in ("boards", "lib", "tools"):
            (tmp_path / name).symlink_to(REPOSITORY / name)
        shutil.copytree(REPOSITORY / "firmware", tmp_path / "firmware")
        source = SPOILED.format(act=act, ticks=FAIL_ms // tick_ms + 1)
        with (tmp_path / "firmware" / "cabinet.py").open("a") as file:
            file.write(source)
        monkeypatch.setattr(vm, "REPOSITORY", tmp_path)

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
    spoiled("for _ in range(40000): cabinet._acquisition._mux.read(0)")  # 8 s
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
    assert (report["main"], report["alarm"]) == ("closed", False)


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
