"""The trace as a source: rows in time, breakers that stay open, the end."""

import json

import pytest

from packwarden_sim.clock import NEVER
from packwarden_sim.trace_source import TraceSource

N = 2
REFERENCE_uV = 1_100_000


@pytest.fixture
def play(tmp_path):
    def make(*rows, **more):
        path = tmp_path / "trace.txt"
        lines = [json.dumps({"batteries": N}), *(" ".join(map(str, row)) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
        return TraceSource(str(path), REFERENCE_uV, **more)

    return make


def row(t_ms, current=0, contacts=3, bms=0, states=(0, 0, 0)):
    volts = [500, 501, 502]
    pins = [10, 11, 12, 13, 14]
    return [t_ms, current, current + 1, *volts, *pins, *states, contacts, bms]


def test_a_row_fills_every_list(play):
    source = play(row(0, 70, contacts=2, bms=1, states=(1, 0, 2)))
    assert source.shunt == [70, 71, 0]
    assert source.bus == [500, 501, 502]
    assert source.adc_uv == [10, 11, 12, 13, 14, REFERENCE_uV]
    assert source.states == [1, 0, 2]
    assert (source.contacts, source.bms) == (2, 1)


def test_the_last_row_that_is_due_counts_and_lists_stay_the_same_objects(play):
    source = play(row(0, 1), row(10, 2), row(20, 3), row(20, 4), row(500, 5))
    shunt = source.shunt
    assert (source.next_ms, source.end_ms) == (10, NEVER)
    source.apply(25, 3, 1, 0, 0, 0)
    assert source.shunt is shunt
    assert (shunt[0], source.next_ms) == (4, 500)
    source.apply(500, 3, 1, 0, 0, 0)
    assert (shunt[0], source.next_ms, source.end_ms) == (5, NEVER, 500)


def test_an_open_breaker_takes_its_current_and_the_main_breaker_all(play):
    source = play(row(0, 10), row(10, 20))
    source.apply(0, 0b10, 1, 0, 0, 0)
    assert source.shunt == [0, 11, 0]
    source.apply(10, 0b10, 1, 0, 0, 0)
    assert source.shunt == [0, 21, 0]
    source.apply(10, 0b10, 0, 0, 0, 0)
    assert source.shunt == [0, 0, 0]
    assert source.bus[0] == 500


@pytest.mark.parametrize(
    ("main", "currents", "code"),
    [
        ((0, 250, 524_287), 1000, 0),
        ((250, 250, 524_287), 1000, 2001),
        ((60, 250, 524_287), 1000, 480),  # 480.24
        ((60, 250, 524_287), -1000, -480),  # -479.76
        ((500, 100, 32_767), 32_000, 32_767),
        ((500, 100, 32_767), -32_000, -32_768),
    ],
)
def test_a_shunt_in_the_main_line_carries_the_sum_of_what_flows(play, main, currents, code):
    source = play(row(0, currents), main=main)
    source.apply(0, 0b11, 1, 0, 0, 0)
    assert source.shunt[N] == code
    source.apply(0, 0b11, 0, 0, 0, 0)
    assert source.shunt[N] == 0


def test_what_an_open_breaker_does_not_carry_is_missing_in_the_main_line(play):
    source = play(row(0, 1000), main=(250, 250, 524_287))
    source.apply(0, 0b10, 1, 0, 0, 0)
    assert source.shunt[N] == 1001


def test_a_trace_of_one_row_is_at_its_end(play):
    source = play(row(0))
    assert (source.next_ms, source.end_ms) == (NEVER, 0)


def test_a_row_of_another_bank_is_refused(play):
    with pytest.raises(ValueError, match="16"):
        play(row(0)[:-1])
