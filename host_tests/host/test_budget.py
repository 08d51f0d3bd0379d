"""`packwarden budget`: the firmware's bytes against the minimum, and a tick that adds up."""

import json

import pytest

from packwarden_host import bank_file, budget, bus_minimum, cli
from packwarden_sim import costs

WITHIN = 1.15


def config(batteries, **choices):
    return bank_file.build(bank_file.Choices(batteries, 100, **choices))


@pytest.fixture(scope="module")
def measured():
    """Every size at a tick of 10 ms, as the command measures it."""
    return {size: budget.measure(size) for size in budget.SIZES}


# ---- the minimum, by hand


def test_the_minimum_of_two_batteries_by_hand():
    found = bus_minimum.traffic(config(2), 10)
    # Of a round of 500 ms, 50 ticks; two of ten settings are in the register of the flags.
    slow = 3 * ((2 + 4) + (2 + 3) + (2 * 0.8 + 3)) + 2 * 2
    expanders = 3 * 3 + 4 + 5 + (2 + 3) + 2 / 2
    assert found.bytes == pytest.approx(2 * 4 + slow / 50 + expanders)
    transactions = 2 + (3 * 5.8 + 2) / 50 + 3 + 1 + 1 + 2 + 1 / 2
    assert found.transactions == pytest.approx(transactions)
    assert found.wire_us(400_000) == pytest.approx((9 * found.bytes + 2 * transactions) * 2.5)


def test_a_battery_more_is_a_current_and_its_share_of_the_slow_round():
    more = bus_minimum.traffic(config(9), 10).bytes - bus_minimum.traffic(config(8), 10).bytes
    assert more == pytest.approx(4 + (15.6 + 2) / 50)


def test_a_result_of_two_bytes_costs_a_byte_less():
    wide, narrow = (bus_minimum.traffic(config(4, monitor=m), 10) for m in ("ina228", "ina238"))
    assert wide.bytes - narrow.bytes == pytest.approx(4 + 5 / 50)


@pytest.mark.parametrize(("tick_ms", "share"), [(10, 0.02), (100, 0.2), (250, 0.5), (251, 1)])
def test_the_slow_channels_share_of_a_tick(tick_ms, share):
    assert bus_minimum.traffic(config(4), tick_ms).parts["voltages"] == pytest.approx(30 * share)


@pytest.mark.parametrize(
    ("choices", "expanders"),
    [
        ({"feedback": "none", "bms_contact": "none"}, 0),
        ({"feedback": "52a", "bms_contact": "none"}, 2),
        ({}, 3),
        ({"feedback": "both"}, 4),
    ],
)
def test_contacts_cost_a_read_of_each_expander_that_has_one(choices, expanders):
    found = bus_minimum.traffic(config(4, **choices), 10)
    assert found.parts["contacts"] == 3 * expanders
    assert found.parts["expanders' settings"] == (5 if expanders else 2.5)


# ---- the firmware, measured


@pytest.mark.parametrize("size", budget.SIZES)
def test_the_firmwares_bytes_are_near_the_minimum(measured, size):
    assert 1 <= measured[size].ratio <= WITHIN


@pytest.mark.parametrize("size", budget.SIZES)
def test_the_parts_of_a_tick_add_up(measured, size):
    row = measured[size]
    parts = row.wire_us + row.driver_us + row.adc_us + row.compute_us + row.other_us
    assert parts == pytest.approx(row.busy_us)
    assert row.busy_us + row.slack_us == pytest.approx(10_000)
    assert 0 < row.other_us < 200
    assert row.compute_us == costs.step_cost(size)
    assert row.worst_busy_us >= row.busy_us


@pytest.mark.parametrize("size", budget.SIZES)
def test_the_wires_time_is_that_of_its_bytes(measured, size):
    row = measured[size]
    by_formula = (9 * row.bus_bytes_per_tick + 2 * row.transactions) * 2.5
    assert row.wire_us == pytest.approx(by_formula, rel=0.01)  # each is cut to whole us


def test_more_batteries_leave_less_slack(measured):
    slacks = [measured[size].slack_us for size in budget.SIZES]
    assert slacks == sorted(slacks, reverse=True)
    assert all(row.late_ticks <= 1 for row in measured.values())  # the greeting's garbage


def test_the_round_is_spread_over_the_ticks(measured):
    """The worst tick has some transactions more than the mean, and no burst."""
    for row in measured.values():
        assert row.worst_busy_us - row.busy_us < 700


def test_condition_monitoring_takes_a_fifth_of_the_slack_at_most(measured):
    for row in measured.values():
        assert 0 < row.condition_us < 0.2 * row.slack_us


def test_the_bench_gets_its_keys(measured):
    found = budget.bus_figures(3)
    assert set(found) == {"bus_bytes_per_tick", "bus_bytes_minimum", "late_ticks"}
    assert found["bus_bytes_per_tick"] == pytest.approx(measured[3].bus_bytes_per_tick, abs=0.1)


# ---- the command


def printed(capsys, *arguments):
    code = cli.run(["budget", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_one_size_is_shown_in_detail(capsys):
    code, out, err = printed(capsys, "--batteries", "4")
    assert (code, err) == (0, "")
    for said in ("10 ms, 4 batteries", "currents", "relays' read-back", "of the tick", "costs.py"):
        assert said in out
    assert "With 4 batteries the slack ends at a tick of " in out


def test_all_sizes_are_a_table_with_the_next_limit(capsys, monkeypatch, measured):
    monkeypatch.setattr(budget, "measure", lambda size, _: measured[size])
    code, out, err = printed(capsys)
    assert code == 0
    rows = [line.split() for line in out.splitlines() if line[:2].strip().isdigit()]
    assert [int(row[0]) for row in rows] == list(budget.SIZES)
    assert len(err.splitlines()) == len(budget.SIZES)
    for said in (
        "garbage collection of 6.00 ms",
        "would have slack up to",
        "Condition monitoring takes 0.15 ms of the slack with 15 batteries: 4.5 %",
        "addresses",
        "costs.py",
    ):
        assert said in out


@pytest.mark.parametrize("tick_ms", ["100", "1000"])
def test_another_tick_as_data(capsys, tick_ms):
    code, out, _ = printed(capsys, "--batteries", "2", "--tick-ms", tick_ms, "--json")
    found = json.loads(out)
    assert (code, found["tick_ms"], found["batteries"]) == (0, int(tick_ms), 2)
    assert 1 <= found["ratio"] <= WITHIN
    assert found["slack_us"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--batteries", "0"), "--batteries 0 is outside 1 .. 15"),
        (("--batteries", "16"), "--batteries 16 is outside 1 .. 15"),
        (("--batteries", "2", "--tick-ms", "5"), "--tick-ms 5 is outside"),
    ],
)
def test_bad_input_is_one_line(capsys, arguments, said):
    code, out, err = printed(capsys, *arguments)
    assert (code, out) == (2, "")
    assert said in err and len(err.splitlines()) == 1
