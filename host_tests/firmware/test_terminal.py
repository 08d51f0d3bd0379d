"""The console's wire in the slack: bounded slices, whatever is typed."""

import sys

import pytest

from packwarden.commands import COMMANDS
from packwarden_sim.clock import us


class Typed:
    """A cabinet at rest with its terminal; what is typed arrives at 115200 baud."""

    def __init__(self, rig):
        self.rig = rig
        self.cabinet = rig.cabinet()
        self.terminal = self.cabinet._terminal
        self.cabinet.boot()
        self.longest_us = 0
        self.settle()
        self.read()

    def slice(self):
        began_us = us[0]
        more = self.terminal.serve()
        self.longest_us = max(self.longest_us, us[0] - began_us)
        return more

    def settle(self, ticks=2000):
        """Serve as the executive does: slices while there is more, then wait for a tick."""
        idle = 0
        for _ in range(ticks):
            while self.slice():
                pass
            us[0] += 10_000
            idle = idle + 1 if not self.rig.console.ready() & 1 else 0
            if idle > 2:
                return
        raise AssertionError("it never comes to rest")

    def read(self):
        """The lines that were printed since the last call."""
        lines = self.rig.lines("C")
        done = getattr(self, "_done", 0)
        self._done = len(lines)
        return lines[done:]

    def ask(self, text):
        self.rig.console.type(text)
        self.settle()
        return self.read()


@pytest.fixture
def typed(rigged):
    return lambda *args: Typed(rigged(*args, script=[[10**9, ""]]))


def usage(name):
    return COMMANDS[name].usage.split()[0] + (" 2" if name == "battery" else "")


@pytest.mark.parametrize("batteries", [2, 15])
def test_no_command_takes_longer_than_a_slice_at_a_time(typed, batteries):
    at = typed(batteries)
    for name in COMMANDS:
        for form in ("", " --json"):
            assert at.ask(usage(name) + form + "\r")
    slice_us = sys.modules["terminal"].SLICE_us
    assert 0 < at.longest_us <= slice_us


def test_bytes_that_arrive_faster_than_a_slice_takes_them_wait_for_the_next(typed):
    at = typed(4)
    at.rig.console.type("x" * 5000)
    us[0] += 1_000_000
    while at.slice():
        pass
    assert at.longest_us <= sys.modules["terminal"].SLICE_us
    assert at.ask("\r")[0].startswith("packwarden> x")


def test_a_line_is_echoed_and_answered(typed):
    at = typed(4)
    echo, reply, *_ = at.ask("verr\b\x7frsion\r")
    assert echo.startswith("packwarden> verr\b")
    assert reply.startswith("Packwarden ")


def test_a_line_that_takes_nothing_is_not_asked_again_at_once_and_loses_nothing(typed):
    """The executive sleeps then; a loop that polls would be all that the slack is good for."""
    at = typed(4)
    whole = at.ask("elements\r")
    console, taking = at.rig.console, at.rig.console.ready
    console.type("elements\r")
    us[0] += 1_000_000
    console.ready = lambda: taking() & 1
    assert [at.slice() for _ in range(20)] == [False] * 20
    console.ready = taking
    at.settle()
    assert at.read() == whole


def test_nothing_typed_is_nothing_allocated_and_no_time(typed):
    at = typed(4)
    at.longest_us = 0
    assert at.slice() is False
    assert at.longest_us == 0
