"""The table of single faults: what it covers, the scenarios it gives, how it is shown."""

import pytest

from packwarden_host import campaign, fault_rows, scenario_run, single_faults, verdict
from packwarden_host.campaign_outcome import Outcome, detection_ms
from packwarden_host.errors import BadInput
from packwarden_host.scenario_run import Heard

TABLE = fault_rows.Table()
ROWS = {row.name: row for rows in TABLE.groups.values() for row in rows}
ALL = TABLE.combinations()

SENSORS = ("terminal 2+", "terminal 3+", "ambient", "reference")
SENSORS += ("current 2", "current main", "voltage 2", "voltage bus", "supply")
OUTPUTS = (2, "main", "alarm", "charge", "discharge", "fan")
EXPANDERS = ("relay", "inputs 0", "inputs 1", "inputs 2")


def has(**keys):
    """Whether some row has a fault with these keys."""
    faults = [fault for row in ROWS.values() for fault in row.fault]
    return any(all(fault.get(k) == value for k, value in keys.items()) for fault in faults)


def test_it_covers_every_sensor_in_every_way():
    for sensor in SENSORS:
        for wrong in ("open", "short", "frozen", "offset", "noise", "slow"):
            assert has(kind=f"sensor_{wrong}", sensor=sensor), (sensor, wrong)
    absent = [row for row in ROWS.values() if row.name.endswith("-absent")]
    at_boot = [row for row in absent if {"kind": "brown_out", "at_s": 0.5} in row.fault]
    assert len(at_boot) == len(SENSORS)


def test_it_covers_every_chip_in_every_way():
    for battery in (2, "bus"):
        for wrong in ("absent", "hangs", "frozen", "config_lost", "zero", "wrong_identity"):
            assert has(kind=f"monitor_{wrong}", battery=battery), (battery, wrong)
    for wrong in ("absent", "hangs", "reset", "zero", "wrong_identity"):
        for expander in EXPANDERS:
            assert has(kind=f"expander_{wrong}", expander=expander), (expander, wrong)
        for converter in (0, 1):
            assert has(kind=f"converter_{wrong}", converter=converter), (converter, wrong)


def test_it_covers_buses_outputs_breakers_memories_time_and_code():
    for bus in ("monitors", "expanders"):
        for kind in ("bus_hangs", "bus_crawls", "bus_cut_off"):
            assert has(kind=kind, bus=bus)
    for output in (*OUTPUTS, 3):
        for level in (0, 1):
            assert has(kind="output_stuck", output=output, level=level), (output, level)
    for battery in (2, 3, "main"):
        for kind in ("breaker_stuck", "breaker_slow"):
            assert has(kind=kind, battery=battery)
        for reads in ("open", "closed"):
            assert has(kind="contact_lies", battery=battery, reads=reads)
    for kind in ("flash_full", "flash_read_only", "flash_broken", "flash_corrupt", "nvs_full"):
        assert has(kind=kind)
    for kind in ("nvs_corrupt", "rtc_corrupt", "ticks_late", "panic", "power_cut", "brown_out"):
        assert has(kind=kind)
    assert any(row.wraps for row in ROWS.values())
    for stage in ("acquire", "step", "act", "verify", "console"):
        for how in ("error", "memory"):
            assert has(kind="code_fails", stage=stage, how=how)


def test_there_are_enough_of_them_and_each_name_is_its_own():
    assert len(ALL) >= 150
    assert len(ROWS) == sum(len(rows) for rows in TABLE.groups.values())


def test_every_row_is_alone_and_beside_a_hot_terminal_unless_that_is_its_own():
    for name, row in ROWS.items():
        assert f"{name}/hot" in ALL
        assert (f"{name}/alone" in ALL) == (not row.own)


def test_every_combination_fits_together():
    """Its configuration too; ticks are coarse until the fault, and fine for what follows."""
    for name, plan in ALL.items():
        scenario_run.configuration(plan)
        assert plan.coarse_until_s == plan.at_s < plan.end_s, name
        assert plan.tick_ms == 10, name
        assert campaign.cost_s(plan) < 4, name


def test_what_must_come_counts_from_the_fault_and_is_waited_for():
    plan = ALL["current-high/hot"]
    (claim,) = plan.expect
    assert (claim.element, claim.after_s, claim.by_s) == ("sensor_fault", 50, 60.1)
    assert plan.end_s >= 61
    later = [fault for fault in plan.fault if fault.at_s == 50]
    assert [fault.entry()["kind"] for fault in later] == ["offset"]


def test_a_terminal_that_overheats_has_its_bound_but_where_its_own_sensor_is_at_fault():
    assert ALL["nothing/hot"].overheats.within_s == 2.6
    assert ALL["own-breaker-slow/hot"].overheats.within_s == pytest.approx(2.9)
    assert ALL["own-terminal-absent/hot"].overheats.within_s > 10_000
    assert ALL["nothing/alone"].overheats is None


def test_the_outputs_at_the_end_follow_from_the_row():
    def ends(name):
        found = ALL[name].ends
        return found.opened, found.alarm

    assert ends("nothing/alone") == ([], False)
    assert ends("nothing/hot") == (["Q03"], True)
    assert ends("terminal-open/alone") == ([], True)
    assert ends("relay-on/alone") == (["Q02"], True)
    assert ends("relay-on/hot") == (["Q02", "Q03"], True)
    assert ends("main-on/hot") == (["main"], True)
    assert ends("alarm-on/hot") == (["Q03"], False)


def test_names_choose_a_fault_or_one_of_its_situations():
    chosen = campaign._faults(["terminal-open", "own-terminal-open", "relay-on/hot"])
    wanted = ["terminal-open/alone", "terminal-open/hot", "own-terminal-open/hot", "relay-on/hot"]
    assert list(chosen) == wanted
    assert list(campaign._faults([])) == list(ALL)
    with pytest.raises(BadInput, match="terminal-opne: no fault of this name; near it: terminal-"):
        campaign._faults(["terminal-opne"])


# ---- how it is shown ------------------------------------------------------------------------

EVENT = {"t_ms": 7_450, "seq": 1, "kind": "alarm", "level": "alarm", "element": "sensor_fault"}
EVENT |= {"battery": 2, "terminal": "+", "action": "alarm"}
TRUTH = {"closed": 0b1111, "main": True, "alarm": 0, "fan": 0, "charge": 1, "discharge": 1}


def truth(t_ms, hot_C, **more):
    return TRUTH | {"t_ms": t_ms, "tp_C": [25.0, 25.0, hot_C, 25.0]} | more


def outcome(name, *events, truths=(), broke=None):
    heard = Heard(list(events), truths=list(truths))
    plan = ALL[name]
    return Outcome(name, plan, heard, verdict.judge(plan, heard.events, heard.truths), broke)


def shown(*outcomes):
    lines = single_faults.markdown(outcomes, 3).splitlines()
    return [line[2:-2].split(" | ") for line in lines[2:] if line.startswith("| ")]


def test_an_alarm_counts_from_the_fault_whatever_was_wrong_before():
    assert detection_ms(outcome("terminal-open/alone", EVENT)) == 2_450
    assert detection_ms(outcome("terminal-open/hot", EVENT | {"t_ms": 52_380})) == 2_380


def test_a_fault_has_one_line_from_all_its_situations():
    off = [truth(53_500, 80.1), truth(55_720, 80.4, closed=0b1011), truth(63_000, 79, closed=11)]
    (line,) = shown(
        outcome("terminal-open/alone", EVENT, truths=[truth(11_000, 25)]),
        outcome("terminal-open/hot", EVENT | {"t_ms": 52_380}, truths=off),
    )
    part, what, _, told, after, *_, heat, result = line
    assert (part, what) == ("thermistor of a terminal", "its lead is cut")
    assert (told, after) == ("sensor_fault alarm BAT02+", "2.45 s")
    assert (heat, result) == ("off after 2.22 s", "ok")


@pytest.mark.parametrize(
    ("truths", "words"),
    [
        ([truth(53_500, 79, closed=0b1011)], "off before"),
        ([truth(63_000, 79)], "cools"),
        ([truth(53_500, 81)], "stays on"),
    ],
)
def test_what_becomes_of_the_hot_terminal(truths, words):
    assert shown(outcome("own-terminal-cold/hot", truths=truths))[0][-2] == words


def test_what_was_not_met_names_its_situation():
    (line,) = shown(outcome("nothing/alone"), outcome("nothing/hot", broke="it died"))
    assert line[-1] == "FAILED hot: it died"
