"""Coordination: the elements' times, verdicts in words on constructed banks, what is refused."""

import inspect
import json
import math

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from packwarden import curves, elements
from packwarden.curves import Integrator
from packwarden.fixed import BIAS, ints
from packwarden_host import bank_file, boards, coordination_cli, devices
from packwarden_host import latency_cases as cases
from packwarden_host.coordination import LARGEST_MULTIPLE, Choices, Study, operate
from packwarden_host.coordination_checks import FAULT, NOTE, OK, amps, findings, seconds
from packwarden_host.coordination_view import acting_first
from packwarden_host.latency_bound import Bound, Load
from packwarden_sim.costs import BREAKER_TRAVEL_US

FORMULAS = {  # k, alpha, c: IEC 60255-151 and IEEE C37.112
    "IEC_SI": (0.14, 0.02, 0),
    "IEC_VI": (13.5, 1, 0),
    "IEC_EI": (80, 2, 0),
    "IEEE_MI": (0.0515, 0.02, 0.114),
    "IEEE_VI": (19.61, 2, 0.491),
    "IEEE_EI": (28.2, 2, 0.1217),
}


def config(batteries=4, rated_A=100, **changes):
    """A configuration as shipped; changes: elements' trips, like overcurrent_inverse="off"."""
    made = bank_file.build(bank_file.Choices(batteries, rated_A))
    for slug, trip in changes.items():
        old = made["elements"][slug]["trip"]
        made["elements"][slug]["trip"] = trip if trip == "off" else old | trip
    assert bank_file.errors(made) == []
    return made


def study(made=None, **choices):
    return Study(made or config(), Choices(**choices))


def verdicts(found):
    """The verdicts of a study by check, the worst of each."""
    order = (OK, NOTE, FAULT)
    worst = {}
    for finding in findings(found):
        worst[finding.check] = max(worst.get(finding.check, OK), finding.verdict, key=order.index)
    return worst


def said(found, verdict):
    """What is said with a verdict, as one text."""
    return "\n".join(one.text for one in findings(found) if one.verdict == verdict)


@given(
    st.sampled_from(sorted(FORMULAS)),
    st.floats(0.01, 15),
    st.floats(10, 600),
    st.floats(1.01, 31.9),
)
def test_51_takes_the_time_of_its_curves_formula(curve, tms, pickup_A, multiple):
    k, alpha, c = FORMULAS[curve]
    tms = round(tms, 3)
    time_s = operate({"pickup": pickup_A, "curve": curve, "tms": tms})
    expected_s = tms * (k / (multiple**alpha - 1) + c)
    assert time_s(pickup_A * multiple) == pytest.approx(expected_s, rel=1e-4, abs=0.001)
    assert time_s(pickup_A) == time_s(pickup_A / 2) == math.inf


def test_above_the_largest_multiple_51_takes_the_time_that_the_integrators_do():
    given_ = {"pickup": 10, "curve": "IEC_SI", "tms": 1}
    values = ints(2)
    integrator = Integrator(1, given_, values, 0, 1)
    for multiple in (LARGEST_MULTIPLE, 2 * LARGEST_MULTIPLE):
        values[0], integrator.way[0], ms = BIAS + 10_000 * multiple, 0, 0
        while integrator.way[0] < curves.FULL:
            ms += 1
            curves.integrate(integrator.ctx, ms, 1, 1)
        assert operate(given_)(10 * multiple) == pytest.approx(ms / 1000, rel=0.005)


@pytest.mark.parametrize("batteries", [3, 15])
def test_50_is_given_no_less_time_than_the_bound_of_the_firmware(batteries):
    made = config(batteries)
    element = elements.TABLE[elements.find("overcurrent_instantaneous")]
    (level,) = (one for one in element.levels if one.key == "trip")
    terms = Bound(made, boards.load("cabinet15")).terms(
        cases.Case(element, level, "battery"),
        cases.Situation(cases.CURRENT),
        made["elements"][element.slug]["trip"],
        Load(),
        0,
    )
    bound_s = sum(us for _, us in terms) / 1e6
    found = study(made)
    assert bound_s <= found.short.latest(500) - found.opening_s <= bound_s + 0.015
    assert found.short.earliest(499.9) == math.inf


def test_the_command_offers_the_defaults_that_the_study_has():
    offered = inspect.signature(coordination_cli.coordination).parameters
    assert offered["fault_ka"].default == Choices().fault_kA
    assert offered["opening_ms"].default == Choices().opening_ms == BREAKER_TRAVEL_US / 1000


def test_a_bank_as_shipped_is_coordinated():
    found = study()
    assert [one.name for one in (found.fuse, found.breaker, found.main) if one] == [
        "gg:160",
        "mcb_c:125",
        "mccb:500",
    ]
    assert verdicts(found) == {
        "carries": OK,
        "BMS": NOTE,
        "51 and fuse": OK,
        "own release": NOTE,
        "short circuit": OK,
        "battery and main": OK,
        "main and fuses": NOTE,
        "main and breakers": NOTE,
        "faulted battery": NOTE,
        "breaking capacity": OK,
    }


@pytest.mark.parametrize(("batteries", "rated_A"), [(1, 50), (2, 100), (4, 50), (7, 105)])
def test_banks_of_other_sizes_find_devices_that_coordinate(batteries, rated_A):
    found = study(config(batteries, rated_A), breaker="none")
    assert FAULT not in verdicts(found).values()


def test_the_time_between_batteries_and_main_is_that_of_their_curves():
    """At 500 A, four times the pickup, TMS 0.25 and 0.5; 20 ms of ticks, 40 ms of travel."""
    margin_s = (0.5 - 0.25) * 80 / (4**2 - 1) - 0.06
    text = f"slower than the batteries' by at least {margin_s:.3g} s (at 500 A through each)"
    assert text in said(study(), OK)


def test_a_fuse_that_melts_before_51_is_named_with_its_range():
    """A gG of 80 A may melt after 10 s at 215 A, where 51 takes 10.2 s."""
    found = study(fuse="gg:80")
    (gap,) = [one for one in findings(found) if one.check == "51 and fuse"]
    assert gap.verdict == FAULT
    assert gap.text.endswith("the fuse may melt before 51 has opened the breaker")
    assert amps(gap.ranges_A[-1][0]) in gap.text and gap.ranges_A[-1][1] == 500
    for low_A, high_A in gap.ranges_A:
        for current_A in (low_A * 1.0001, math.sqrt(low_A * high_A), high_A * 0.9999):
            assert found.fuse_band.earliest(current_A) < found.overload.latest(current_A)
        assert found.fuse_band.earliest(low_A * 0.999) >= found.overload.latest(low_A * 0.999)


def test_without_51_the_fuse_has_the_overloads_to_itself():
    found = study(config(overcurrent_inverse="off"), fuse="gg:160")
    assert "between 200 A and 500 A the fuse may melt before 51" in said(found, FAULT)
    assert "51 of the batteries does not trip" in said(found, NOTE)
    assert "51 of the main does not" in said(study(config(bank_overcurrent="off")), NOTE)


def test_a_main_that_is_no_slower_than_the_batteries_is_not_coordinated():
    (same,) = [
        one
        for one in findings(study(config(bank_overcurrent={"tms": 0.25})))
        if one.check == "battery and main"
    ]
    assert (same.verdict, amps(same.ranges_A[0][0]), same.ranges_A[-1][1]) == (FAULT, "125 A", 500)
    assert "the main's 51 may trip before a battery's has opened its breaker" in same.text
    early = study(config(bank_overcurrent={"pickup": 440, "tms": 5}))
    assert "between 110 A and 1" in said(early, FAULT)


def test_a_release_below_the_pickup_of_50_opens_at_a_start(written):
    found = study(breaker="mcb_b:125")
    assert "from 375 A on the breaker may open by itself at once" in said(found, FAULT)
    assert "at once" not in said(study(breaker="mcb_d:125"), FAULT)
    low = (devices.SHIPPED / "mccb.toml").read_text().replace("lowest = 8", "lowest = 3.2")
    main = study(main=f"{written(low, 'low.toml')}:500")
    assert "from 400 A on the main breaker may open by itself at once" in said(main, FAULT)


def test_where_50_opens_and_from_where_on_the_fuse_may():
    """Two samples and two ticks are 40 ms, the breaker's travel as long again."""
    assert "50 has opened the breaker in 80 ms; from 1.55 kA on the fuse may" in said(study(), OK)
    slow = study(opening_ms=160, fuse="gg:160")
    assert "in 200 ms; from 1.22 kA on" in said(slow, OK)
    off = study(config(overcurrent_instantaneous="off"))
    assert "50 does not pick up at 9.6 kA" in said(off, NOTE)
    assert verdicts(off)["main and fuses"] == FAULT


def test_a_fault_current_too_small_to_melt_the_fuse_soon_is_named():
    found = study(fault_kA=0.6)
    assert "of one pack the fuse has melted after" in said(found, FAULT)
    assert "more than 5 s" in said(found, FAULT)


def test_without_a_fuse_shorts_are_left_to_the_breakers():
    assert verdicts(study(fuse="none"))["short circuit"] == NOTE
    bare = study(fuse="none", breaker="none", main="none", bms=("none",))
    assert verdicts(bare)["short circuit"] == FAULT
    assert {"51 and fuse", "own release", "BMS", "breaking capacity"}.isdisjoint(verdicts(bare))


def test_what_carries_too_little_is_named():
    found = study(fuse="gg:63", main="mccb:320")
    assert "the fuse carries 78.8 A, rated are 100 A" in said(found, FAULT)
    assert "the main breaker carries 336 A, rated are 400 A" in said(found, FAULT)
    low = study(config(overcurrent_inverse={"pickup": 80}))
    assert "51 picks up at 80 A, below the rated 100 A" in said(low, FAULT)
    instant = study(config(overcurrent_instantaneous={"pickup": 60, "dropout": 50}))
    assert "50 picks up at 60 A, below the rated 100 A" in said(instant, FAULT)
    assert "from 100 A on 50 is first" in said(instant, OK)


def test_breaking_capacities_are_held_against_all_packs_and_against_the_others():
    text = said(study(config(5)), FAULT)
    assert (
        text
        == "the breaker breaks 10 kA, less than the 12.8 kA of the other 4 packs into a"
        + (" short of one")
    )
    text = said(study(config(15), fault_kA=3.5), FAULT)
    assert "the fuse breaks 25 kA, less than the 49 kA of the other 14 packs" in text
    assert "the main breaker breaks 50 kA, less than the 52.5 kA of all 15 packs" in text
    alone = said(study(config(1)), OK)
    assert "the breaker breaks 10 kA, enough for the 3.2 kA of one pack into a short" in alone


def test_a_device_for_a_lower_voltage_is_named(written):
    text = (devices.SHIPPED / "gg.toml").read_text().replace("voltage_V = 250", "voltage_V = 48")
    found = study(fuse=f"{written(text, 'low.toml')}:160")
    assert "the fuse breaks up to 48 V DC, the bank reaches 58.4 V" in said(found, FAULT)


def test_what_the_bms_does_before_and_below():
    slow = study(bms=("1000/60",))
    assert verdicts(slow)["BMS"] == OK
    assert "the BMS switches off from 80 A on" in said(study(bms=("80/10", "200/1")), FAULT)
    assert "between 110 A and 500 A" in said(study(bms=("110/1",)), NOTE)


def test_of_two_batteries_a_faulted_one_is_disconnected_alone_up_to_where_fuses_melt():
    found = study(config(2), breaker="none")
    assert "alone while each other feeds it with up to 1.55 kA" in said(found, NOTE)
    many = study(config(4), breaker="none")
    assert "a faulted battery is disconnected before the 3 others" in said(many, OK)


def test_a_contactor_waits_for_a_low_current_and_a_breaker_does_not():
    contactor = bank_file.build(bank_file.Choices(4, 100, breaker="contactor"))
    waits, opens = study(contactor).overload, study().overload
    assert waits.latest(300) == pytest.approx(opens.latest(300) + 2)
    contactor["elements"]["overcurrent_inverse"]["trip"]["wait_ms"] = 0
    assert study(contactor).overload.latest(300) == pytest.approx(opens.latest(300))


def test_the_main_opens_with_51_of_the_batteries_only_where_the_cascade_is_guarded():
    guarded = study().opens_main.latest(400)
    alone = study(config(cascade="off")).opens_main.latest(400)
    assert guarded < alone == study().bank_overload.latest(400)


@hypothesis_settings(max_examples=8)
@given(
    st.integers(1, 15),
    st.sampled_from(["gg:125", "gg:250", "class_t:200", "none"]),
    st.sampled_from(["mcb_b:100", "mcb_d:63", "mccb:250", "none"]),
    st.floats(0.2, 10),
    st.sampled_from([(), ("none",), ("90/1",), ("110/5", "400/0")]),
)
def test_whatever_is_chosen_there_is_an_answer(batteries, fuse, breaker, fault_kA, bms):
    choices = {"fuse": fuse, "breaker": breaker, "main": "mccb:2000", "bms": bms}
    found = study(config(batteries), fault_kA=fault_kA, **choices)
    for finding in findings(found):
        assert finding.verdict in (OK, NOTE, FAULT) and "inf" not in finding.text
        assert all(low_A < high_A for low_A, high_A in finding.ranges_A)
    for one in acting_first(found):
        assert one.from_A < one.to_A and one.from_s >= one.to_s >= 0


def test_each_current_has_one_that_acts_first():
    found = acting_first(study(bms=("none",)))
    alone = [(one.device, amps(one.from_A), amps(one.to_A)) for one in found[:3]]
    assert alone == [
        ("51", "125 A", "500 A"),
        ("50", "500 A", "2.76 kA"),
        ("fuse", "2.76 kA", "9.6 kA"),
    ]
    assert [one.case for one in found] == ["one battery"] * 3 + ["all alike"] * 2


@pytest.mark.parametrize(
    ("value", "text"), [(1.2e-3, "1.2 ms"), (0.9999, "1 s"), (7200, "2 h"), (1e6, "> 10 h")]
)
def test_times_have_three_digits(value, text):
    assert seconds(value) == text


def test_the_command_prints_draws_and_says_by_its_exit_code(packwarden, bank_path, tmp_path):
    chart = tmp_path / "plot.svg"
    good = packwarden("coordination", bank_path, "-o", chart)
    assert (good.code, good.err) == (0, "")
    assert "ok: 51 and fuse: up to 500 A" in good.out
    assumed, written = good.out.splitlines()[-2:]
    assert "limits of the BMS, 3.2 kA of one pack, 40 ms from trip to open, " in assumed
    assert "breaking of mccb:500" in assumed
    assert written == f"{chart}: the time-current chart"
    given = ("--bms", "150/3", "--fault-ka", "4", "--opening-ms", "30")
    told = packwarden("coordination", bank_path, *given).out.splitlines()[-1]
    assert told.startswith("assumptions, until you have the data sheets: i2t of gg:160")
    drawn = chart.read_bytes()
    assert b"51 of a battery, opened" in drawn and b"fuse, gg:160" in drawn
    packwarden("coordination", bank_path, "-o", chart)
    assert chart.read_bytes() == drawn
    bad = packwarden("coordination", bank_path, "--fuse", "gg:63", "--json")
    assert bad.code == 1
    assert bad.err == "packwarden: not coordinated: 3 of 15 checks\n"
    told = json.loads(bad.out)
    assert told["coordinated"] is False
    assert told["devices"]["fuse"]["source"]["melting"].startswith("IEC 60269-1, table 3")
    assert [one["verdict"] for one in told["findings"]].count("not coordinated") == 3


def test_the_types_are_listed_with_their_sources(packwarden):
    listed = packwarden("coordination", "--list")
    assert (listed.code, listed.err) == (0, "")
    assert "gg, melting: IEC 60269-1, table 3" in listed.out
    told = json.loads(packwarden("coordination", "--list", "--json").out)
    assert list(told) == devices.shipped()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--fuse", "gg:161"], "--fuse 'gg:161': gG fuse-link, NH is made for 63, 80"),
        (["--main", "gg:160"], "is a fuse, not a breaker"),
        (["--breaker", "125"], "like mccb:500, or none"),
        (["--bms", "150"], "--bms '150' is not of the form AMPERE/SECONDS, like 150/3, or none"),
        (["--bms", "150/inf"], "is not of the form AMPERE/SECONDS"),
        (["--bms", "none", "--bms", "150/3"], "--bms 'none' is not of the form"),
        (["--fault-ka", "0.1"], "--fault-ka 0.1 is not above a pack's rated 100 A"),
        (["--fault-ka", "nan"], "fault"),
        (["-o", "plot.png"], "plot.png: the chart is an .svg"),
        (["-o", "no/such/plot.svg"], "plot.svg: No such file"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(refused, bank_path, arguments, reason):
    assert reason in refused("coordination", bank_path, *arguments)


def test_without_a_bank_or_with_one_that_no_device_fits_it_is_refused(refused, written):
    assert "BANK.json is missing" in refused("coordination")
    huge = bank_file.build(bank_file.Choices(15, 300, shunt="1500A/75mV"))
    path = written(json.dumps(huge), "bank.json")
    line = refused("coordination", path)
    assert "none is made for 468.75 A or more" in line and "name another with --fuse" in line
