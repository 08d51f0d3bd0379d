"""Scenario files: what is read, what is refused and how, and what a scenario becomes."""

from typing import get_args

import pytest

from packwarden_host import bank_file, boards, scenario, scenario_hardware
from packwarden_host.errors import BadInput
from packwarden_sim.bank import BankSource
from packwarden_sim.bank_build import DEFAULTS
from packwarden_sim.bank_faults import KINDS
from packwarden_sim.clock import NEVER
from packwarden_sim.faults import Schedule
from packwarden_sim.wiring import Wiring

GOOD = """
title = "a test"
end_s = 100
[bank]
batteries = 4
rated_current_A = 100
[load]
step = [{ at_s = 0, current_A = 200 }, { at_s = 50, ramp_s = 10, current_A = 300 }]
"""


def written(tmp_path, text):
    path = tmp_path / "s.toml"
    path.write_text(text)
    return str(path)


def changed(old, new):
    assert old in GOOD
    return GOOD.replace(old, new)


def fault(text):
    return f"{GOOD}\n[[fault]]\n{text}\n"


@pytest.mark.parametrize("name", scenario.shipped())
def test_a_shipped_scenario_makes_a_configuration_and_a_bank(name):
    found = scenario.read(name)
    config = bank_file.build(found.choices())
    assert config["bank"]["batteries"] == found.bank.batteries
    source = found.source()
    bank = BankSource(source["model"], config, found.seed)
    everything = (1 << found.bank.batteries) - 1
    for t_ms in range(0, 30_001, 1000):
        bank.apply(t_ms, everything, 1, 0, 1, 1)
    assert sum(bank.currents_A) == pytest.approx(bank.load_A, abs=1e-6)
    assert all(12 * found.bank.cells / 4 < volt < 62 for volt in bank.truth(0)["v_V"])


def test_all_promised_scenarios_are_shipped():
    assert {
        "ambient-fan",
        "backfed",
        "healthy-15",
        "loose-terminal",
        "lost-hot",
        "motor-start",
        "overload",
        "stuck-breaker",
        "worked-example-diagonal",
        "worked-example-one-end",
    } <= set(scenario.shipped())


@pytest.mark.parametrize(
    ("name", "currents_A"),
    [
        ("worked-example-one-end", (35.9, 26.2, 20.4, 17.8)),
        ("worked-example-diagonal", (26.7, 23.2, 23.2, 26.7)),
    ],
)
def test_the_worked_example_carries_the_published_currents(name, currents_A):
    found = scenario.read(name)
    bank = BankSource(found.source()["model"], bank_file.build(found.choices()), found.seed)
    for t_ms in range(0, 300_001, 1000):
        bank.apply(t_ms, 15, 1, 0, 1, 1)
    assert bank.currents_A == pytest.approx(currents_A, abs=0.2)


def test_what_is_not_said_is_the_models_default(tmp_path):
    model = scenario.read(written(tmp_path, GOOD)).source()["model"]
    for key, value in DEFAULTS.items():
        if key in model and key not in ("batteries", "thermal", "load", "faults"):
            assert model[key] == value, key
    assert set(model) <= set(DEFAULTS)
    assert model["load"]["steps"] == [[0, 0, 200.0], [50_000, 10_000, 300.0]]


def test_bank_and_hardware_faults_go_their_own_ways(tmp_path):
    text = fault(
        'kind = "joint_resistance"\nbattery = 3\nterminal = "+"\nadded_mohm = 5\n'
        "at_s = 10\nramp_s = 20\nuntil_s = 60\n"
        '[[fault]]\nkind = "breaker_stuck"\nbattery = "main"\n'
        '[[fault]]\nkind = "breaker_opens"\nbattery = 2\nat_s = 3\n'
        '[[fault]]\nkind = "monitor_absent"\nbattery = 1\nat_s = 0.5\nuntil_s = 2'
    )
    found = scenario.read(written(tmp_path, text))
    joint = {"kind": "joint_resistance", "battery": 3, "terminal": "+", "added_mohm": 5.0}
    times = {"at_ms": 10_000, "ramp_ms": 20_000, "until_ms": 60_000}
    assert found.source()["model"]["faults"] == [joint | times]
    assert found.job_faults() == [
        {"t_ms": 0, "until_ms": None, "target": "breaker main", "kind": "stuck"},
        {"t_ms": 3000, "until_ms": None, "target": "breaker 2", "kind": "open"},
        {"t_ms": 500, "until_ms": 2000, "target": "monitor 1", "kind": "nack"},
    ]


# Kinds beside the bank: what the file says, and the entry of the job without its times.
HARDWARE = [
    ("external_trip", {}, ("external_trip", "tripped", {})),
    ("external_trip_wire_cut", {}, ("external_trip", "cut", {})),
    ("trip_circuit_open", {}, ("trip_circuit", "circuit", {})),
    ("nvs_full", {}, ("nvs", "full", {})),
    ("nvs_corrupt", {}, ("nvs", "corrupt", {})),
    ("flash_full", {}, ("flash", "full", {})),
    ("flash_read_only", {}, ("flash", "read_only", {})),
    ("flash_broken", {}, ("flash", "broken", {})),
    ("ticks_late", {"late_us": 3000}, ("cpu", "late", {"late_us": 3000})),
    ("power_cut", {}, ("power", "off", {})),
    ("brown_out", {}, ("power", "brown_out", {})),
    ("panic", {}, ("power", "panic", {})),
    ("monitor_absent", {"battery": '"bus"'}, ("monitor bus", "nack", {})),
    ("monitor_hangs", {"battery": 1}, ("monitor 1", "hang", {})),
    ("monitor_frozen", {"battery": 1}, ("monitor 1", "frozen", {})),
    ("monitor_config_lost", {"battery": 1}, ("monitor 1", "config_lost", {})),
    ("monitor_zero", {"battery": 1}, ("monitor 1", "zero", {})),
    ("monitor_wrong_identity", {"battery": 1}, ("monitor 1", "wrong_identity", {})),
    ("sensor_open", {"sensor": '"current 2"'}, ("sensor current 2", "open", {})),
    ("sensor_short", {"sensor": '"terminal 4-"'}, ("sensor terminal 4-", "short", {})),
    ("sensor_frozen", {"sensor": '"voltage bus"'}, ("sensor voltage bus", "frozen", {})),
    ("sensor_reversed", {"sensor": '"current 2"'}, ("sensor current 2", "reversed", {})),
    (
        "sensor_offset",
        {"sensor": '"reference"', "amount_V": 0.1},
        ("sensor reference", "offset", {"amount": 0.1}),
    ),
    (
        "sensor_noise",
        {"sensor": '"current main"', "amount_A": 5},
        ("sensor current main", "noise", {"amount": 5}),
    ),
    (
        "sensor_noise",
        {"sensor": '"ambient"', "amount_K": 0.5},
        ("sensor ambient", "noise", {"amount": 0.5}),
    ),
    (
        "sensor_slow",
        {"sensor": '"supply"', "lag_s": 2.5},
        ("sensor supply", "slow", {"lag_ms": 2500}),
    ),
    ("bus_hangs", {"bus": '"expanders"'}, ("bus expanders", "hang", {})),
    (
        "bus_cut_off",
        {"bus": '"monitors"', "byte": 85, "sent_bits": 3},
        ("bus monitors", "cut_off", {"byte": 85, "sent": 3}),
    ),
    (
        "bus_crawls",
        {"bus": '"monitors"', "stretch_us": 9},
        ("bus monitors", "crawl", {"stretch_us": 9}),
    ),
    ("expander_reset", {"expander": '"relay"'}, ("relay", "config_lost", {})),
    ("expander_absent", {"expander": '"relay"'}, ("relay", "nack", {})),
    ("expander_hangs", {"expander": '"inputs 0"'}, ("inputs 0", "hang", {})),
    ("expander_zero", {"expander": '"inputs 1"'}, ("inputs 1", "zero", {})),
    ("expander_wrong_identity", {"expander": '"relay"'}, ("relay", "wrong_identity", {})),
    ("expander_reset", {"expander": '"inputs 3"'}, ("inputs 3", "config_lost", {})),
    ("converter_reset", {"converter": 0}, ("converter 0", "config_lost", {})),
    ("converter_absent", {"converter": 1}, ("converter 1", "nack", {})),
    ("converter_hangs", {"converter": 2}, ("converter 2", "hang", {})),
    ("converter_frozen", {"converter": 0}, ("converter 0", "frozen", {})),
    ("converter_zero", {"converter": 0}, ("converter 0", "zero", {})),
    ("converter_wrong_identity", {"converter": 0}, ("converter 0", "wrong_identity", {})),
    ("mux_line_stuck", {"line": 3, "level": 1}, ("mux", "stuck_bit", {"bit": 3, "level": 1})),
    ("output_stuck", {"output": 4, "level": 1}, ("relay", "stuck_bit", {"bit": 3, "level": 1})),
    ("output_stuck", {"output": '"main"', "level": 0}, ("pin main", "stuck", {"level": 0})),
    (
        "output_stuck",
        {"output": '"fan"', "level": 1},
        ("relay", "stuck_bit", {"bit": "fan", "level": 1}),
    ),
    ("output_stuck", {"output": '"charge"', "level": 0}, ("pin charge", "stuck", {"level": 0})),
    (
        "control_supply",
        {"volts": 12.5, "ramp_s": 3},
        ("supply", "volts", {"volts": 12.5, "ramp_ms": 3000}),
    ),
    ("control_supply", {"volts": 0}, ("supply", "volts", {"volts": 0, "ramp_ms": 0})),
    ("breaker_stuck", {"battery": '"main"'}, ("breaker main", "stuck", {})),
    ("breaker_opens", {"battery": 2}, ("breaker 2", "open", {})),
    ("breaker_closes", {"battery": 2}, ("breaker 2", "close", {})),
    (
        "breaker_slow",
        {"battery": '"main"', "travel_ms": 90},
        ("breaker main", "slow", {"travel_ms": 90}),
    ),
    ("breakers_crossed", {"battery": 1, "with_battery": 3}, ("breaker 1", "crossed", {"with": 3})),
    (
        "contact_lies",
        {"battery": 1, "contact": '"52a"', "reads": '"closed"'},
        ("contact 1", "52a", {"closed": True}),
    ),
    (
        "contact_lies",
        {"battery": '"main"', "contact": '"52b"', "reads": '"open"'},
        ("contact main", "52b", {"closed": False}),
    ),
]


# Those that change the firmware that runs, or its memory: without one there is nothing to change.
CONTROLLER = [
    ("flash_corrupt", {}, ("flash", "corrupt", {})),
    ("rtc_corrupt", {}, ("rtc", "corrupt", {})),
    ("code_fails", {"stage": '"act"', "how": '"memory"'}, ("code act", "memory", {})),
]


def hardware_fault(kind, keys):
    keys = {"kind": f'"{kind}"', "at_s": 0.1, "until_s": 0.2} | keys
    text = fault("\n".join(f"{key} = {value}" for key, value in keys.items()))
    return on("cabinet4", text) if kind.startswith("converter") else text


def on(board, text):
    return text.replace("[load]", f'[config]\nboard = "{board}"\n[load]')


@pytest.mark.parametrize(("kind", "keys", "entry"), HARDWARE)
def test_every_fault_beside_the_bank_can_be_written_and_acts(tmp_path, kind, keys, entry):
    found = scenario.read(written(tmp_path, hardware_fault(kind, keys)))
    target, name, more = entry
    times = {"t_ms": 100, "until_ms": 200}
    assert found.job_faults() == [times | {"target": target, "kind": name} | more]
    # What it does is for the tests of the cabinet; here, that the cabinet knows it.
    bank = BankSource(found.source()["model"], {}, 1)
    schedule = Schedule(
        found.job_faults(), Wiring(boards.load(found.config.board), {}, bank, 1), None
    )
    ending = schedule.apply(100)
    assert (ending is not None) == (kind in ("power_cut", "brown_out", "panic"))
    assert schedule.apply(200) is None
    assert schedule.next_ms == NEVER


@pytest.mark.parametrize(("kind", "keys", "entry"), CONTROLLER)
def test_every_fault_of_the_controller_can_be_written(tmp_path, kind, keys, entry):
    """What they do is for the tests of the whole firmware."""
    found = scenario.read(written(tmp_path, hardware_fault(kind, keys)))
    target, name, more = entry
    times = {"t_ms": 100, "until_ms": 200}
    assert found.job_faults() == [times | {"target": target, "kind": name} | more]


def test_no_kind_of_fault_is_without_its_test():
    kinds = set()
    for part in get_args(get_args(scenario_hardware.AnyHardwareFault)[0]):
        kinds.update(get_args(part.model_fields["kind"].annotation))
    assert kinds == {row[0] for row in HARDWARE + CONTROLLER}


def test_a_configuration_names_what_else_is_wired(tmp_path):
    text = changed(
        "[load]",
        '[config]\nexternal_trip = "closed_on_trip"\ntrip_circuit = "open_on_fault"\n'
        "control_supply_V = 48\nmain_shunt_uohm = 60\n[load]",
    )
    sensors = bank_file.build(scenario.read(written(tmp_path, text)).choices())["sensors"]
    assert sensors["external_trip"] == "closed_on_trip"
    assert sensors["trip_circuit"] == "open_on_fault"
    assert (sensors["control_supply_V"], sensors["main_shunt_uohm"]) == (48, 60)


SEVERITIES = {
    "added_mohm": "5",
    "battery": "2",
    "terminal": '"+"',
    "link": "1",
    "shorted_cells": "1",
    "short_mohm": "2",
    "offset_V": "0.5",
    "offset_A": "2",
    "offset_K": "3",
    "change_K": "4",
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_fault_of_the_bank_can_be_written_and_acts(tmp_path, kind):
    model = next(
        part
        for part in scenario.BankFault.__subclasses__() + _growing()
        if "kind" in part.model_fields and kind in part.model_fields["kind"].annotation.__args__
    )
    keys = [key for key in SEVERITIES if key in model.model_fields]
    text = fault(f'kind = "{kind}"\n' + "\n".join(f"{key} = {SEVERITIES[key]}" for key in keys))
    found = scenario.read(written(tmp_path, text))
    bank = BankSource(found.source()["model"], {}, 1)
    bank.apply(0, 15, 1, 1, 1, 1)
    bank.apply(100, 15, 1, 1, 1, 1)


def _growing():
    kinds = scenario.BankFault.__subclasses__()
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    return kinds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", "not TOML"),
        (changed("batteries = 4\n", ""), "bank.batteries: is missing"),
        (changed("batteries = 4", "batteries = 16"), "bank.batteries: must be less than or equal"),
        (changed("batteries = 4", 'batteries = "4"'), "bank.batteries: must be a valid integer"),
        (changed("batteries = 4", "batteries = 4\ncolour = 1"), "bank.colour: is not a key"),
        (changed("rated_current_A = 100", "rated_current_A = nan"), "must be a finite number"),
        (
            changed("batteries = 4", "batteries = 4\nsoc_percent = [1, 2]"),
            "bank.soc_percent has 2 items, 4 are needed",
        ),
        (
            changed("batteries = 4", "batteries = 4\nsoc_percent = 101"),
            "bank.soc_percent: 101 is outside 0 .. 100",
        ),
        (
            changed("batteries = 4", "batteries = 4\nlink_mohm = [1, 2]"),
            "bank.link_mohm has 2 items, 3 are needed",
        ),
        (
            changed("batteries = 4", "batteries = 4\nfeed = [1, 5]"),
            "bank.feed [1, 5] is beyond battery 4",
        ),
        (changed("current_A = 200", "power_W = 200"), "load.step[2] goes from"),
        (changed(", current_A = 200", ""), "load.step[1] needs either"),
        (changed("at_s = 50", "at_s = 0"), "load.step[2].at_s 0 is not after 0"),
        (changed("[load]", "[load]\nrepeat_s = 50"), "repeat_s 50 is not after the steps: 60"),
        (fault('kind = "magic"'), "fault[1]: "),
        (
            fault('kind = "joint_resistance"\nbattery = 1\nterminal = "+"\nadded_mohm = 5000'),
            "fault[1].added_mohm: must be less than or equal to 1000, not 5000",
        ),
        (
            fault('kind = "joint_resistance"\nterminal = "+"\nadded_mohm = 5'),
            "fault[1].battery: is missing",
        ),
        (fault('kind = "bms_alarm"\nbattery = 5'), "fault[1].battery 5 is outside 1 .. 4"),
        (GOOD + '\n[ends]\nopened = ["main", "Q05"]\n', "ends.opened Q05 is outside Q01 .. Q04"),
        (
            GOOD + '\n[overheats]\nbattery = 5\nterminal = "+"\nabove_C = 80\nwithin_s = 2\n',
            "overheats.battery 5 is outside 1 .. 4",
        ),
        (fault('kind = "bms_alarm"\nbattery = 1\nat_s = 101'), "fault[1].at_s 101 is after end_s"),
        (
            fault('kind = "bms_alarm"\nbattery = 1\nat_s = 50\nuntil_s = 40'),
            "fault[1].until_s 40 is not after at_s 50",
        ),
        (
            fault('kind = "link_resistance"\nlink = 4\nterminal = "+"\nadded_mohm = 1'),
            "fault[1].link 4 is outside 1 .. 3",
        ),
        (
            fault('kind = "internal_short"\nbattery = 1\nshorted_cells = 16'),
            "fault[1].shorted_cells leaves none of 16",
        ),
        (fault('kind = "output_stuck"\noutput = 5\nlevel = 1'), "fault[1].battery 5 is outside"),
        (fault('kind = "output_stuck"\noutput = 1\nlevel = 2'), "fault[1].level: must be 0 or 1"),
        (
            fault('kind = "sensor_noise"\nsensor = "current 1"'),
            "fault[1]: needs amount_A, and no other amount, for current 1",
        ),
        (
            fault('kind = "sensor_open"\nsensor = "current 9"'),
            "fault[1].battery 9 is outside 1 .. 4",
        ),
        (
            fault('kind = "breakers_crossed"\nbattery = 1\nwith_battery = 1'),
            "fault[1]: battery and with_battery are the same",
        ),
        (
            on("cabinet5", GOOD),
            "config.board 'cabinet5' is not one of cabinet15, cab",
        ),
        (
            fault('kind = "converter_hangs"\nconverter = 0'),
            "fault[1].kind converter_hangs: cabinet15 has no converter 0",
        ),
        (
            on("cabinet4", fault('kind = "converter_hangs"\nconverter = 3')),
            "fault[1].kind converter_hangs: cabinet4 has no converter 3",
        ),
        (
            on("cabinet4", fault('kind = "mux_line_stuck"\nline = 0\nlevel = 1')),
            "fault[1].kind mux_line_stuck: cabinet4 has no mux",
        ),
        (
            on("cabinet4", fault('kind = "expander_hangs"\nexpander = "relay"')),
            "fault[1].kind expander_hangs: cabinet4 has no relay",
        ),
        (fault('kind = "thermistor_open"\nterminal = "+"'), "fault[1]: names a battery"),
        (
            GOOD + '[[expect]]\nelement = "magic"\nby_s = 3',
            "expect[1].element: 'magic' is not one",
        ),
        (
            GOOD + '[[expect]]\nelement = "ambient_high"\nby_s = 300',
            "expect[1].by_s 300 is outside 0 .. 100",
        ),
        (GOOD + "[[expect]]\nby_s = 3", "expect[1]: element is missing"),
        (GOOD + '[[forbid]]\naction = "dance"', "forbid[1].action: 'dance' is not one of none"),
        (GOOD + "[[forbid]]\nbattery = [1, 7]", "forbid[1].battery 7 is outside 1 .. 4"),
    ],
)
def test_what_cannot_be_is_refused_with_file_and_key(tmp_path, text, said):
    name = written(tmp_path, text)
    with pytest.raises(BadInput) as refusal:
        scenario.read(name)
    message = str(refusal.value)
    assert message.startswith(f"{name}: ")
    assert said in message
    assert "\n" not in message


def test_a_scenario_runs_on_another_board_if_one_is_named(tmp_path):
    stuck = 'kind = "output_stuck"\noutput = 2\nlevel = 1'
    found = scenario.read(written(tmp_path, fault(stuck)), "cabinet4")
    assert found.choices().board == "cabinet4"
    wiring = Wiring(boards.load("cabinet4"), {}, BankSource(found.source()["model"], {}, 1), 1)
    Schedule(found.job_faults(), wiring, None).apply(0)
    assert wiring.relays() == 0b10
    with pytest.raises(BadInput, match="cabinet4 has no mux"):
        scenario.read("mux-line-stuck", "cabinet4")


def test_a_name_that_is_nowhere_lists_those_there_are(tmp_path):
    with pytest.raises(BadInput, match=r"neither a file nor one of .*loose-terminal"):
        scenario.read("no-such-scenario")
    with pytest.raises(BadInput, match="directory"):
        scenario.read(str(tmp_path))
