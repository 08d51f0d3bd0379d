"""From the register to the output, through the whole firmware: a short form of `make latency`."""

import re

import pytest

from packwarden_host import REPOSITORY, latency, latency_bound, latency_cases, latency_table
from system.runs import command

PHASES = 6
# One of each kind: by what is read, how it is believed, when it operates and what it drives.
KINDS = (
    "terminal_overtemperature.trip",
    "overcurrent_inverse.trip",
    "overcurrent_instantaneous.chip_limit",
    "overcurrent_instantaneous.trip",
    "reverse_current.trip_high",
    "overvoltage.alarm",
    "bms_alarm.alarm",
    "external_trip.trip",
    "ambient_high.fan",
    "sensor_fault.alarm",
    "breaker_failure.retrip",
    "output_fault.alarm",
    "cascade.trip",
)
TABLE = re.compile(
    r"^<!-- packwarden latency [^\n]* -->\n(.*?)^<!-- end -->$", re.MULTILINE | re.DOTALL
)


def measured(*names, loads=latency.LOADS, **more):
    chosen = [case for case in latency_cases.every_case() if case.name in names]
    return latency.measure(chosen, latency.Request(phases=PHASES, loads=loads, **more))


@pytest.mark.parametrize("name", KINDS)
def test_no_trip_is_later_than_its_bound_under_any_load(name):
    found = measured(name)
    assert {one.load for one in found} == set(latency.LOADS)
    for one in found:
        assert len(one.times_us) == PHASES
        assert one.problem is None, f"{one.what}: {one.times_us}, bound {one.bound_us}"


def test_the_largest_bank_keeps_its_bound_too():
    for one in measured("reverse_current.trip_high", "external_trip.trip", batteries=15):
        assert one.problem is None, f"{one.what}: {one.times_us}, bound {one.bound_us}"


def test_in_a_quiet_cabinet_no_tick_begins_late_by_a_slice():
    for one in measured("external_trip.trip", "overvoltage.alarm", loads=("quiet",)):
        assert one.late_us < latency_bound.SLICE_us


def test_the_phases_spread_over_the_tick():
    (one,) = measured("external_trip.trip", loads=("quiet",))
    assert max(one.times_us) - min(one.times_us) > 3_000


def test_the_same_seed_gives_the_same_times_and_another_one_others():
    name, quiet = "reverse_current.trip_high", ("console",)
    first, again, other = (measured(name, loads=quiet, seed=seed) for seed in (1, 1, 2))
    assert first[0].times_us == again[0].times_us != other[0].times_us


def test_what_exceeds_its_bound_ends_with_exit_code_1(monkeypatch):
    def half(self, *arguments):
        return [("half", sum(us for _, us in terms(self, *arguments)) // 2)]

    terms = latency_bound.Bound.terms
    monkeypatch.setattr(latency_bound.Bound, "terms", half)
    result = command("latency", "external_trip", "--load", "quiet", "--phases", "2")
    assert result.code == 1
    assert "quiet: " in result.out
    assert "exceed the bound" in result.err.splitlines()[-1]


def test_the_command_prints_its_table_and_writes_it(tmp_path):
    path = tmp_path / "table.md"
    options = ("--load", "quiet", "--phases", "2", "--format", "markdown", "-o", path)
    result = command("latency", "external_trip", *options)
    assert (result.code, path.read_text()) == (0, result.out)
    assert result.lines[0].startswith("| element | output | delay | quiet: min |")
    assert result.err == "2/2  external_trip.trip main, quiet: ok\n"


def test_the_table_of_the_documentation_is_that_of_the_elements_as_they_are():
    """Which rows there are, and that all held; `make latency` writes it anew."""
    (block,) = TABLE.findall((REPOSITORY / "host_tests" / "README.md").read_text())
    shown = [line[2:-2].split(" | ") for line in block.splitlines() if line.startswith("| ")]
    cases = [[case.name, case.output] for case in latency_cases.every_case()]
    assert [row[:2] for row in shown[1:]] == cases
    assert {row[-1] for row in shown[1:]} == {"ok"}
    assert tuple(shown[0][:3]) == latency_table.HEADS
