"""`packwarden latency`: what is measured, against which bound, and how it is told."""

import json
import re

import pytest

from packwarden import elements, levels
from packwarden_host import (
    REPOSITORY,
    bank_file,
    boards,
    latency,
    latency_bound,
    latency_cases,
    latency_table,
)
from packwarden_host.latency_bound import Bound, Load
from packwarden_host.latency_cases import Situation
from system.runs import command

BOARD = boards.load("cabinet15")


def case_of(name, output=None):
    found = [case for case in latency_cases.every_case() if case.name == name]
    return next(case for case in found if output in (None, case.output))


def bound_of(batteries=4):
    return Bound(bank_file.build(bank_file.Choices(batteries, 100)), BOARD)


def measured(times_us, delay_us=0, bound_us=20_000, name="external_trip.trip"):
    terms = [("until it is read", bound_us)]
    one = latency.Measured(case_of(name), "quiet", "quiet", delay_us, None, terms)
    one.times_us = times_us
    return one


# ---- what is measured -----------------------------------------------------------------------


def test_every_level_that_drives_an_output_is_measured():
    """What only warns, or only forbids a closing, drives none; estimates take minutes."""
    estimated = ("joint", "link", "spread", "share_drift")
    still = (levels.NO_ACTION, levels.INHIBIT_CLOSE)
    driving = [
        f"{element.slug}.{level.key}"
        for element in elements.TABLE
        for level in element.levels
        if level.action not in still and level.quantity not in estimated
    ]
    measured_names = list(dict.fromkeys(case.name for case in latency_cases.every_case()))
    assert measured_names == driving
    assert len(driving) > 50


@pytest.mark.parametrize("batteries", [3, 15])
def test_every_one_of_them_has_a_situation_and_a_good_configuration(batteries):
    for case in latency_cases.every_case():
        run = latency.prepared(case, "quiet", latency.Request(batteries=batteries))
        assert bank_file.errors(run.config) == []
        assert run.config["elements"][case.element.slug][case.level.key] != "off"
        assert run.measured.bound_us > run.measured.delay_us
        for one in run.plan["cases"]:
            assert len(one["row"].split()) == 5 * batteries + 6
            assert one["stages"]


def test_only_the_sum_of_the_currents_has_no_value_where_one_of_them_is_lost():
    request = latency.Request()
    silent = {
        case.name
        for case in latency_cases.every_case()
        if not latency.prepared(case, "absent", request).measured.what
    }
    assert silent == {"sensor_fault.kirchhoff", "breaker_discrepancy.main"}


def test_a_delay_of_more_than_a_second_is_shortened_and_told():
    run = latency.prepared(case_of("terminal_rise.trip"), "quiet", latency.Request())
    assert (run.measured.delay_us, run.measured.shipped_ms) == (300_000, 60_000)
    run = latency.prepared(case_of("reverse_current.trip"), "quiet", latency.Request())
    assert (run.measured.delay_us, run.measured.shipped_ms) == (1_000_000, None)


# ---- the bound ------------------------------------------------------------------------------


def terms_of(name, given, read, load=None, batteries=4, output=None, **more):
    bound = bound_of(batteries)
    case = case_of(name, output)
    delay_us = bound.delay_us(case, given, 600)
    return dict(bound.terms(case, Situation(read, **more), given, load or Load(), delay_us))


def test_a_contact_is_read_each_tick_and_operates_in_a_tick_after_its_delay():
    terms = terms_of("external_trip.trip", {"delay_ms": 100}, latency_cases.PIN)
    assert terms["until it is read"] == 10_000 + 2 * latency_bound.SLICE_us
    assert terms["delay"] == 100_000
    assert terms["a tick after the delay"] == 10_000 + latency_bound.SLICE_us + 1000


def test_without_a_delay_each_sample_takes_an_interval():
    terms = terms_of("overcurrent_instantaneous.trip", {"samples": 3}, latency_cases.CURRENT)
    assert "delay" not in terms
    assert terms["further samples"] == 20_000 + latency_bound.SLICE_us


def test_a_thermistor_is_read_in_every_sixteenth_tick():
    given = {"delay_ms": 100, "samples": 2}
    terms = terms_of("terminal_overtemperature.trip", given, latency_cases.THERMISTOR)
    assert terms["until it is read"] == 160_000 + 2 * latency_bound.SLICE_us
    assert "delay" not in terms  # the second sample takes longer
    assert terms["further samples"] == 160_000 + latency_bound.SLICE_us


def test_a_lost_sensor_is_believed_at_the_third_reading():
    terms = terms_of("sensor_fault.alarm", {}, latency_cases.CURRENT, attempts=3)
    assert terms["believed"] == 20_000 + latency_bound.SLICE_us


def test_an_inverse_time_is_that_of_its_formula():
    given = {"pickup": 125, "curve": "IEC_EI", "tms": 0.25}
    terms = terms_of("overcurrent_inverse.trip", given, latency_cases.CURRENT, output="battery")
    formula_us = 0.25 * 80 / ((600 / 125) ** 2 - 1) * 1e6
    assert terms["delay"] == pytest.approx(formula_us, rel=0.01)


def test_a_time_out_stretches_a_tick_and_skips_what_is_read_behind_it():
    quiet = terms_of("reverse_current.trip_high", {}, latency_cases.CURRENT)
    hung = Load(hangs=True, skipped=3)
    terms = terms_of("reverse_current.trip_high", {}, latency_cases.CURRENT, hung)
    assert terms["acquisition"] == quiet["acquisition"] + 20_000
    assert terms["until it is read"] == quiet["until it is read"] + 3 * 30_000


def test_a_stall_beyond_the_deadline_costs_the_next_tick():
    quiet = terms_of("reverse_current.trip_high", {}, latency_cases.CURRENT)
    stalled = terms_of("reverse_current.trip_high", {}, latency_cases.CURRENT, Load(20_000))
    more_us = stalled["until it is read"] - quiet["until it is read"]
    assert more_us == 20_000 - latency_bound.SLICE_us


def test_the_wait_for_a_low_current_counts_for_the_main_breaker_alone():
    given = {"delay_ms": 100, "wait_ms": 500}
    main = terms_of("ambient_high.trip", given, latency_cases.THERMISTOR)
    battery = terms_of("terminal_rise.trip", given, latency_cases.THERMISTOR)
    assert main["wait"] == 500_000
    assert "wait" not in battery


def test_a_larger_bank_needs_more_of_the_tick():
    small, large = bound_of(4), bound_of(15)
    assert small.acquire_us < large.acquire_us < 10_000
    assert small.step_us < large.step_us


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("acquisition", ("FASTEST_ms", "SLOWEST_ms", "WHOLE_TICK_ms", "ASKED")),
        ("multiplexers", ("MUX_INPUTS",)),
        ("contacts", ("FAILURES",)),
        ("terminal", ("SLICE_us",)),
    ],
)
def test_the_figures_of_the_bound_are_those_of_the_firmware(module, names):
    source = (REPOSITORY / "firmware" / f"{module}.py").read_text()
    constants = dict(re.findall(r"^_?(\w+) = const\((\d+)\)", source, re.MULTILINE))
    for name in names:
        assert int(constants[name]) == getattr(latency_bound, name)


# ---- the judgement --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times_us", "delay_us", "problem"),
    [
        ([12_000, 20_000], 0, None),
        ([12_000, 20_001], 0, "20.00 ms exceed the bound"),
        ([12_000, None], 0, "1 of 2 never operated"),
        ([8_000, 12_000], 10_000, "8.00 ms are less than its delay"),
        ([9_000, 12_000], 10_000, None),
        ([], 0, "nothing was measured"),
    ],
)
def test_a_time_beyond_the_bound_or_below_the_delay_does_not_hold(times_us, delay_us, problem):
    assert measured(times_us, delay_us).problem == problem


def test_a_delay_counts_from_the_beginning_of_a_tick_and_an_integrator_takes_it_whole():
    bound = bound_of()
    definite, inverse = case_of("external_trip.trip"), case_of("overcurrent_inverse.trip")
    assert bound.early_us(definite, Load()) == 0
    assert bound.early_us(definite, Load(hangs=True)) == 20_000
    assert bound.early_us(inverse, Load()) == 10_000 + latency_bound.SLICE_us
    one = measured([890_000], 900_000, 930_000)
    assert one.problem is not None
    one.early_us += bound.early_us(inverse, Load())
    assert one.problem is None


# ---- how it is told -------------------------------------------------------------------------


def test_the_table_has_a_row_for_each_level_with_the_first_load_in_full():
    quiet, hung = measured([12_000, 14_000, 19_000]), measured([12_000, 18_500])
    hung.load = "hung"
    hung.late_us = 2_500
    heads, rows = latency_table.table([quiet, hung])
    told = dict(zip(heads, rows[0], strict=True))
    assert told["element"] == "external_trip.trip"
    assert [told[head] for head in ("quiet: min", "median", "worst", "bound")] == [
        "12.0",
        "14.0",
        "19.0",
        "20.0",
    ]
    assert (told["hung"], told["result"]) == ("18.5 / 20.0", "ok")
    assert "5 trials: every bound holds" in latency_table.totals([quiet, hung])
    assert "hung 2.5" in latency_table.totals([quiet, hung])


def test_what_does_not_hold_is_told_with_its_load():
    late = measured([25_000])
    _, rows = latency_table.table([late])
    assert rows[0][-1] == "quiet: 25.00 ms exceed the bound"
    assert "1 of 1 do not hold" in latency_table.totals([late])


def test_as_data_each_time_and_each_term_is_there():
    (line,) = latency_table.rendered([measured([12_000])], "jsonl").splitlines()
    told = json.loads(line)
    assert (told["times_us"], told["terms_us"]) == ([12_000], {"until it is read": 20_000})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "'nonsense' is no element and no level of one"),
        (["voltage_mismatch"], "'voltage_mismatch' drives no output"),
        (["external_trip", "--batteries", "2"], "batteries"),
        (["external_trip", "--phases", "0"], "phases"),
        (["external_trip", "--load", "noise"], "load"),
        (["external_trip", "-o", "/nowhere/table.md"], "/nowhere/table.md"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, said):
    result = command("latency", *arguments)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert len(result.err.splitlines()) == 1
