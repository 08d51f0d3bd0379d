"""A capture in a file: read, checked, run once more, here and in the VM."""

import json
from dataclasses import replace

import pytest

from captured import Recorded
from packwarden.captures import TRIP_TICK
from packwarden_host import capture_file
from packwarden_host.errors import BadInput
from packwarden_host.targets import CPython, UnixVm, WasmVm


@pytest.fixture(scope="module")
def data():
    """The file of a capture: terminal + of battery 2 gets too hot."""
    recorded = Recorded(current_A=40.0)
    recorded.run(3)
    recorded.heat(1)
    recorded.run_until_frozen()
    return recorded.kept()


@pytest.fixture
def capture(data):
    return capture_file.parse("file", data)


def changed(capture, path, value):
    """The same capture, as if another configuration had run."""
    config = json.loads(json.dumps(capture.config))
    *names, last = path.split(".")
    place = config["elements"]
    for name in names:
        place = place[name]
    place[last] = value
    return replace(capture, config=config)


def test_it_trips_in_the_same_tick_on_every_target(capture):
    told = [capture_file.rerun("file", capture, make()) for make in (CPython, UnixVm, WasmVm)]
    for found in told:
        assert found.trip_tick == capture.head.facts[TRIP_TICK]
        assert found.record == capture.head.record
        assert found.events == told[0].events
        assert (found.states, found.same) == (2, 2)
        assert capture_file.difference(capture, found) == ""
    verdict = capture_file.verdict(capture, told[0])
    assert verdict.startswith("tripped in tick 2") and "2 later states are the same" in verdict


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("terminal_overtemperature.trip.delay_ms", 2100, "the cabinet in tick"),
        ("terminal_overtemperature.trip.delay_ms", 9000, "nothing tripped in"),
        ("terminal_overtemperature.trip.pickup", 79, "its record is another one"),
        ("terminal_overtemperature.alarm.delay_ms", 600, "of 2 states differ"),
    ],
)
def test_a_difference_is_told(capture, setting, value, reason):
    found = capture_file.rerun("file", capture, CPython())
    other = capture_file.rerun("file", changed(capture, setting, value), CPython())
    assert capture_file.difference(capture, found) == ""
    assert reason in capture_file.difference(capture, other)


def test_the_command_prints_its_events_and_the_verdict(packwarden, written, data):
    path = written(data, "trip.pwc")
    result = packwarden("replay", path, "--vm", "cpython")
    assert (result.code, result.err) == (0, "")
    *events, verdict = result.out.splitlines()
    assert any("TRIP" in line and "BAT02 TERM+" in line for line in events)
    assert verdict.startswith("tripped in tick ")


def test_as_data_it_prints_the_events_alone(packwarden, written, data):
    result = packwarden("replay", written(data, "trip.pwc"), "--format", "jsonl")
    assert (result.code, result.err) == (0, "")
    events = [json.loads(line) for line in result.out.splitlines()]
    assert [event["battery"] for event in events if event["kind"] == "trip"] == [2]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: b"", "is no capture"),
        (lambda data: b"t_s,i1_A\n0,10\n" * 20, "is no capture"),
        (lambda data: data[:-1], "it is not whole"),
        (lambda data: data + b"x", "it is not whole"),
        (lambda data: data[:-40] + bytes([data[-40] ^ 1]) + data[-39:], "is damaged"),
    ],
)
def test_what_is_no_whole_capture_is_refused(refused, written, data, spoil, reason):
    path = written(spoil(data), "trip.pwc")
    message = refused("replay", path)
    assert str(path) in message and reason in message


def test_a_file_that_is_not_there_is_refused(refused, tmp_path):
    assert "No such file" in refused("replay", tmp_path / "no.pwc")


@pytest.mark.parametrize("option", [("--tick-ms", 20), ("--seed", 3), ("--stuck-breaker", "main")])
def test_options_of_a_trace_are_refused(refused, written, data, option):
    assert f"{option[0]} is for a trace" in refused("replay", written(data, "a.pwc"), *option)


def test_a_trace_needs_a_configuration(refused, written):
    assert "--config is missing" in refused("replay", written("t_s\n0\n"))


def test_a_configuration_is_refused_where_the_capture_has_one(refused, written, data, bank_path):
    message = refused("replay", written(data, "a.pwc"), "--config", bank_path)
    assert "it holds the configuration" in message


def test_a_capture_without_its_configuration_is_given_one(refused, packwarden, written, tmp_path):
    recorded = Recorded()
    recorded.run(2.5)
    recorded.heat(1)
    recorded.run_until_frozen()
    path = written(recorded.kept(pushed=b"another one"), "trip.pwc")
    assert "holds no configuration" in refused("replay", path)
    bank = tmp_path / "bank.json"
    bank.write_text(json.dumps(recorded.config))
    result = packwarden("replay", path, "--config", bank, "--vm", "cpython")
    assert (result.code, result.err) == (0, "")


def test_a_capture_of_another_version_is_refused(capture):
    capture.head.shape ^= 1
    with pytest.raises(BadInput, match=r"is of Packwarden 0\..*another memory"):
        capture_file.rerun("file", capture, CPython())
