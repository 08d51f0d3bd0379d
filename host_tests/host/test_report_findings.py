"""The verdicts of a report: each limit, and what has no verdict and why."""

import pytest

from packwarden_host import report_page, report_trends
from packwarden_host.report_rules import RULES, Verdict, against, either, worst
from visits import changed, event, sound, visits

GOOD, NONE, WATCH, ACT = Verdict


def report(tmp_path, *told):
    return report_page.of(visits(tmp_path, *told)[0])


def line(tmp_path, section, place, *told):
    """(verdict, reason) of a line of the report of the last of what was told."""
    found = next(one for one in report(tmp_path, *told).sections if one.title == section)
    (only,) = [one for one in found.lines if one.cells[0] == place]
    return only.verdict, only.reason


@pytest.mark.parametrize("name", RULES)
def test_each_limit_holds_from_its_value_on(name):
    rule = RULES[name]
    below = 0.999
    assert [
        against(name, value)[0]
        for value in (below * rule.watch, rule.watch, below * rule.act, rule.act)
    ] == [GOOD, WATCH, WATCH, ACT]
    assert against(name, None) == (NONE, "its sensor has failed")
    reason = against(name, rule.act)[1]
    assert f"(limit {rule.text(rule.act)})" in reason and rule.what in reason


def test_the_worst_is_told_first_and_what_is_good_is_not_told_beside_it():
    found = [(GOOD, "fine"), (WATCH, "warm"), (ACT, "hot")]
    assert worst(found) == (ACT, "hot; warm")
    assert worst([(GOOD, "fine"), (NONE, "unknown")]) == (NONE, "unknown")
    assert worst([(GOOD, "fine"), (GOOD, "fine")]) == (GOOD, "fine")
    assert either((GOOD, "fine"), (NONE, "unknown")) == (GOOD, "fine")
    assert either((NONE, "one"), (NONE, "two")) == (NONE, "one; two")


def test_a_sound_bank_is_good_in_every_line(tmp_path):
    found = report(tmp_path, sound())
    lines = [one for section in found.sections for one in section.lines]
    assert {one.verdict for one in lines} == {GOOD} and found.verdict == GOOD
    assert len(lines) == 8 + 4 + 5 + 4 + 4 + 6 + 5 + 4 + 4 + 1


@pytest.mark.parametrize(
    ("warmer_K", "verdict"), [(3.9, GOOD), (4.1, WATCH), (14.9, WATCH), (15.1, ACT)]
)
def test_a_terminal_warmer_than_its_siblings_and_its_other_pole(tmp_path, warmer_K, verdict):
    told = sound()
    for one in told["bank"]["batteries"]:
        one["plus_degC"] = one["minus_degC"] = 30.0
    told["bank"]["batteries"][2]["plus_degC"] += warmer_K
    found = line(tmp_path, "Terminals", "BAT03 TERM+", told)
    assert found[0] == verdict
    # A row of the cabinet that is warm at both poles is no joint.
    told["bank"]["batteries"][2]["minus_degC"] += warmer_K
    assert line(tmp_path, "Terminals", "BAT03 TERM+", told)[0] == GOOD


def test_without_a_load_only_the_estimate_speaks(tmp_path):
    rests = sound(load_A=10.0)
    assert line(tmp_path, "Terminals", "BAT01 TERM+", rests)[0] == GOOD
    rests["joints"][0]["plus_K"] = None
    assert line(tmp_path, "Terminals", "BAT01 TERM+", rests) == (
        NONE,
        "no load: surveyed from 40 % of rated on; not estimated yet: takes hours of changing load",
    )
    rests["joints"][0]["plus_K"] = 1.5
    verdict, reason = line(tmp_path, "Terminals", "BAT01 TERM+", rests)
    assert verdict == WATCH
    assert reason == "1.5 K surely over its references at rated current (limit 1.0 K)"


def test_a_hot_terminal_is_named_whatever_the_others_are(tmp_path):
    told = sound()
    for one in told["bank"]["batteries"]:
        one["plus_degC"] = one["minus_degC"] = 71.0
    verdict, reason = line(tmp_path, "Terminals", "BAT04 TERM-", told)
    assert (verdict, reason) == (ACT, "71.0 degC the terminal (limit 70.0 degC)")


def test_a_failed_thermistor_has_no_verdict(tmp_path):
    told = changed(sound(), bank__batteries__1__plus_degC=None, joints__1__plus_K=None)
    verdict, reason = line(tmp_path, "Terminals", "BAT02 TERM+", told)
    assert verdict == NONE and "its sensor has failed" in reason
    assert line(tmp_path, "Terminals", "BAT01 TERM+", told)[0] == GOOD


def test_voltages_are_compared_at_rest(tmp_path):
    off = {"bank__batteries__0__voltage_V": 52.351}
    rests, carries = changed(sound(load_A=2.0), **off), changed(sound(), **off)
    verdict, reason = line(tmp_path, "Voltages", "BAT01", rests)
    assert (verdict, reason) == (WATCH, "51 mV off the others' median, at rest (limit 50 mV)")
    assert line(tmp_path, "Voltages", "BAT01", carries) == (NONE, "compare it at rest")
    opened = changed(carries, bank__batteries__0__breaker="open")
    assert line(tmp_path, "Voltages", "BAT01", opened)[0] == WATCH


def test_shares_against_their_baseline_or_the_others(tmp_path):
    less = changed(sound(), feed__shares__0__share=0.84)
    verdict, reason = line(tmp_path, "Currents and shares", "BAT01", less)
    assert (verdict, reason) == (WATCH, "16 % off its baseline (limit 10 %)")
    for share in less["feed"]["shares"]:
        share["baseline"] = None
    assert line(tmp_path, "Currents and shares", "BAT01", less)[0] == GOOD
    less["feed"]["shares"][0]["share"] = 0.3
    assert line(tmp_path, "Currents and shares", "BAT01", less)[0] == ACT
    less["feed"]["shares"][0]["share"] = None
    assert line(tmp_path, "Currents and shares", "BAT01", less)[0] == NONE


@pytest.mark.parametrize(
    ("highest", "diagonal", "verdict"), [(1.07, 1.01, WATCH), (1.33, 1.07, ACT), (2.08, 1.29, ACT)]
)
def test_a_feed_from_one_end_tells_what_rewiring_gives(tmp_path, highest, diagonal, verdict):
    feed = {"feed": "fed from one end", "near": 1, "highest": highest, "diagonal": diagonal}
    told = sound()
    told["feed"] |= feed
    found, reason = line(tmp_path, "Currents and shares", "the bank", told)
    assert found == verdict
    assert f"BAT01 carries {highest:.2f} of the mean" in reason and f"{diagonal:.2f}" in reason
    told["feed"] |= {"feed": "cannot tell", "near": None, "highest": None, "diagonal": None}
    assert line(tmp_path, "Currents and shares", "the bank", told)[0] == NONE


def test_resistances_count_as_far_as_they_are_sure(tmp_path):
    told = changed(
        sound(),
        resistances__0__internal_mOhm=18.3,
        resistances__1__link_mOhm=1.3,
        resistances__2__link_mOhm=1.95,
    )
    assert line(tmp_path, "Internal resistance", "BAT01", told)[0] == GOOD  # 3.3 - 4 x 0.1
    told["resistances"][0]["internal_mOhm"] = 18.5
    verdict, reason = line(tmp_path, "Internal resistance", "BAT01", told)
    assert verdict == WATCH and reason.startswith("3.10 mOhm surely off its siblings' median")
    assert line(tmp_path, "From battery to busbar", "BAT02", told)[0] == WATCH
    assert line(tmp_path, "From battery to busbar", "BAT03", told)[0] == ACT
    assert line(tmp_path, "From battery to busbar", "BAT04", told)[0] == GOOD


def test_without_a_baseline_only_the_siblings_speak(tmp_path):
    told = sound()
    for one in told["resistances"]:
        one["internal_baseline_mOhm"] = one["link_baseline_mOhm"] = None
    assert line(tmp_path, "Internal resistance", "BAT01", told)[0] == GOOD
    verdict, reason = line(tmp_path, "From battery to busbar", "BAT01", told)
    assert verdict == NONE and reason.startswith("not yet estimated when the baseline was stored")
    assert "`packwarden commission PORT --only estimates --only baseline`" in reason
    for one in told["joints"] + told["feed"]["shares"]:
        one["baseline"] = None if one.get("share") else False
    verdict, reason = line(tmp_path, "From battery to busbar", "BAT01", told)
    assert (verdict, reason) == (NONE, "no baseline: `packwarden commission` stores one")
    told["resistances"][0]["link_mOhm"] = None
    assert "takes hours" in line(tmp_path, "From battery to busbar", "BAT01", told)[1]


def test_events_are_counted_by_what_they_ask_for(tmp_path):
    told = changed(
        sound(),
        events=[
            event(7, "warn", "terminal_rise", 3),
            event(8, "warn", "terminal_rise", 3),
            event(9, "alarm", "bms_alarm", 2),
            event(10, "alarm", "ambient_high"),
            event(11, "trip", "terminal_rise", 3),
            event(12, "clear", "ambient_high"),
            event(14, "fault", "controller_fault"),
        ],
    )
    section = "Events since the last check"
    assert line(tmp_path, section, "trips", told) == (ACT, "terminal_rise BAT03")
    assert line(tmp_path, section, "alarms of a BMS", told) == (ACT, "bms_alarm BAT02")
    assert line(tmp_path, section, "alarms", told) == (WATCH, "ambient_high")
    assert line(tmp_path, section, "warnings", told) == (WATCH, "terminal_rise BAT03 (2 times)")
    assert line(tmp_path, section, "faults of the controller", told)[0] == ACT
    assert line(tmp_path, section, "records", told) == (
        ACT,
        "1 events are missing before number 14",
    )
    active = {"operated": True, "level": "alarm", "element": "ambient_high", "terminal": None}
    told["status"]["active"] = [active | {"battery": None}]
    assert line(tmp_path, section, "operated now", told) == (ACT, "ambient_high alarm")
    assert line(tmp_path, section, "alarms", told)[0] == ACT


def test_breakers_and_wear_since_the_check_before(tmp_path):
    first = sound()
    second = changed(
        sound(when="2026-12-01T10:00:00+00:00"),
        counters__1__opened_hot=1,
        counters__1__opened_cold=4,
        counters__2__hot_h=0.5,
        counters__4__opened_hot=1,
        bank__batteries__1__breaker="locked out",
        bank__main="open",
        lockout=[
            {"battery": 2, "state": "locked out", "cause": "terminal_rise", "refusal": "too warm"}
        ],
    )
    verdict, reason = line(tmp_path, "Breakers", "BAT02", first, second)
    assert verdict == ACT
    assert reason.startswith("locked out by terminal_rise: too warm; opened under load: 1;")
    assert line(tmp_path, "Breakers", "main", first, second) == (
        WATCH,
        "opened under load: 1; look at its contacts; is open: on purpose?",
    )
    found = next(
        one for one in report(tmp_path, first, second).sections if one.title == "Breakers"
    )
    assert found.lines[1].cells[2:] == ("4, 1", "2, 1")
    wear = line(tmp_path, "What it has been through", "BAT03", first, second)
    assert wear == (WATCH, "0.50 h at 60 degC or more")
    later = changed(second, when="2027-01-01T10:00:00+00:00", bank__batteries__1__breaker="closed")
    assert line(tmp_path, "Breakers", "BAT02", first, second, later)[0] == GOOD
    assert line(tmp_path, "What it has been through", "BAT03", first, second, later)[0] == GOOD


def test_what_is_lost_inside_is_named(tmp_path):
    told = changed(
        sound(),
        degraded=[{"place": "BAT03 TERM+", "why": "open", "blind": ["terminal_rise"]}],
        status__restart={"cause": "MemoryError in step"},
        status__pin="missing",
        status__missed_ticks=3,
        status__controller="ticks begin late",
        status__image=None,
        selftest={
            "selftest": [
                {"check": "journal", "result": "bad", "detail": "crc"},
                {"check": "memory", "result": "not done", "detail": "not known"},
            ]
        },
    )
    section = "Sensors and controller"
    assert line(tmp_path, section, "BAT03 TERM+", told) == (ACT, "blind: terminal_rise")
    assert line(tmp_path, section, "restart", told)[0] == ACT
    assert line(tmp_path, section, "controller", told)[0] == ACT
    assert line(tmp_path, section, "self-test: journal", told) == (ACT, "crc")
    assert line(tmp_path, section, "self-test: memory", told) == (NONE, "not known")
    for what in ("PIN", "missed ticks", "firmware"):
        assert line(tmp_path, section, what, told)[0] == WATCH


def test_corrections_are_watched_from_half_of_what_is_admitted(tmp_path):
    assert line(tmp_path, "Calibration", "all", sound()) == (GOOD, "as measured")
    rows = (
        ("zero", "2", 0.4, "A", GOOD),
        ("zero", "main", -1.6, "A", WATCH),
        ("gain", "2", 1.9, "%", WATCH),
        ("temperature", "3+", -1.4, "K", GOOD),
        ("temperature", "ambient", 3.0, "K", ACT),
    )
    named = {"date": "2026-10-01", "who": "ada"}
    corrections = [
        {"what": what, "where": where, "value": value, "unit": unit} | named
        for what, where, value, unit, _ in rows
    ]
    told = changed(sound(), calibration__corrections=corrections)
    for what, where, _, _, verdict in rows:
        assert line(tmp_path, "Calibration", f"{what} {where}", told)[0] == verdict
    _, reason = line(tmp_path, "Calibration", "zero main", told)
    assert reason == "1.6 % of rated corrected of a zero (limit 1.0 % of rated)"
    (section,) = [one for one in report(tmp_path, told).sections if one.title == "Calibration"]
    assert section.lines[1].cells == ("zero main", "-1.6 A", "2026-10-01, ada")


def test_a_cabinet_that_tells_less_gives_lines_without_a_verdict(tmp_path):
    old = changed(sound(), joints=None, resistances=None, feed=None, counters=None, selftest=None)
    found = report(tmp_path, old)
    assert report_trends.svg(found.visits) is None
    for section, place in (
        ("Internal resistance", "BAT01"),
        ("From battery to busbar", "BAT01"),
        ("Currents and shares", "BAT01"),
        ("What it has been through", "all"),
        ("Sensors and controller", "self-test"),
    ):
        assert line(tmp_path, section, place, old) == (NONE, "the cabinet did not tell it")
    assert line(tmp_path, "Terminals", "BAT01 TERM+", old)[0] == GOOD  # it carries a load


def test_a_bank_of_one_has_no_siblings(tmp_path):
    found = report(tmp_path, sound(1))
    assert found.verdict == GOOD
    assert line(tmp_path, "Voltages", "BAT01", sound(1))[0] == GOOD
