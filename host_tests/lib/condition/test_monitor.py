"""All estimators beside the step of a cabinet: what they find is what elements and console see."""

import json

from cabinets import Cabinet, configuration, only
from packwarden.condition import counters, joints, resistances
from packwarden.condition.monitor import Monitor
from packwarden.fixed import BIAS
from terminals import PIN, Terminal


def work(monitor):
    """Let the monitor see the last tick, and do all its pieces; return how many there were."""
    if monitor.unseen():
        monitor.look()
    pieces = 0
    while monitor.due():
        monitor.work()
        pieces += 1
    return pieces


def live(cabinet, monitor, seconds, tick_ms=1000):
    for _ in range(round(seconds * 1000 / tick_ms)):
        cabinet.tick(tick_ms)
        work(monitor)


def estimated(cabinet, monitor, rise_K=0.0):
    """Put an estimate there that took a day: battery 1, + over -."""
    found = monitor.joints
    found.kept[joints.USED] = found.kept[joints.IDLE] = 200
    for lag in range(3):
        at = found._at(0, lag)
        for memory in (2, 5):
            found.kept[at + memory] = 8 << 20
            found.kept[at + memory + 1] = BIAS + round(rise_K * 100 * (8 << 20) / 2048)
            found.kept[at + memory + 2] = 64
    found._estimate(0)
    return found


def test_each_battery_has_its_piece_a_second():
    cabinet = Cabinet(current_A=40)
    monitor = Monitor(cabinet.protection)
    live(cabinet, monitor, 1)
    cabinet.tick(500)
    assert work(monitor) == 0
    cabinet.tick(500)
    assert work(monitor) == 1 + 4
    live(cabinet, monitor, 118)
    assert monitor.joints.kept[joints.REJECTED] == 0
    cabinet.tick(1000)
    assert work(monitor) == 1 + 4 + 4 + 4 + 4
    assert monitor.joints.kept[joints.REJECTED] == 1  # it has never rested


def test_before_it_is_armed_nothing_is_estimated():
    cabinet = Cabinet()
    monitor = Monitor(cabinet.protection)
    cabinet.protection.armed = False
    assert not monitor.due()
    assert not monitor.unseen()


def test_time_without_slack_is_made_up_for():
    cabinet = Cabinet(current_A=36)
    monitor = Monitor(cabinet.protection)
    live(cabinet, monitor, 1)
    cabinet.run(10.5, 500)
    work(monitor)
    cabinet.tick(500)
    work(monitor)
    assert monitor.counters.kept[counters.DISCHARGED] == 11  # 36 A for 11 s are 0.11 Ah


def test_a_joint_that_is_surely_warmer_warns_and_alarms():
    config = only(configuration(), "joint_heating")
    cabinet = Cabinet(config)
    monitor = Monitor(cabinet.protection)
    live(cabinet, monitor, 2)
    estimated(cabinet, monitor, 26.0)
    monitor.joints.kept[joints.BASED] = 1
    monitor.joints._estimate(0)
    monitor._compares = 8
    work(monitor)
    cabinet.run(301, 1000)
    told = [(e["kind"], e["battery"], e["terminal"], e["unit"]) for e in cabinet.events[1:]]
    assert told == [("warn", 1, "+", "K")] * 2 + [("alarm", 1, "+", "K")]


def test_a_baseline_is_taken_by_an_operator_and_takes_it_off():
    cabinet = Cabinet()
    terminal = Terminal(cabinet.protection)
    assert "error: locked" in terminal.ask("baseline store")
    terminal.ask(f"unlock {PIN}")
    assert "error: nothing is estimated yet" in terminal.ask("baseline store")
    assert "error: baseline store" in terminal.ask("baseline")
    monitor = terminal.context.condition
    live(cabinet, monitor, 2)
    estimated(cabinet, monitor, 12.0)
    for k in range(4):
        at = k * resistances.FIELDS
        monitor.resistances.kept[at] = 20
        monitor.resistances.kept[at + 3] = 64 << 16
        monitor.resistances.kept[at + 4] = BIAS + (4 << 16) * 6
        monitor.shares.kept[3 * k] = 1000
        monitor.shares.kept[3 * k + 1] = 64 * 1024
    monitor.held = True
    assert not monitor.due()
    terminal.pause = lambda: setattr(monitor, "held", False)
    said = terminal.ask("baseline store")
    assert said == "baseline stored, of 4 batteries: joints 1, resistances 4, shares 4\r\n"
    assert monitor.unsaved
    work(monitor)
    (first, *_) = json.loads(terminal.ask("joints --json"))
    assert (first["rise_K"], first["plus_K"], first["baseline"]) == (12, 0, True)
    (first, *_) = json.loads(terminal.ask("resistances --json"))
    assert first["internal_mOhm"] == first["internal_baseline_mOhm"] == 7.68
    shares = json.loads(terminal.ask("feed --json"))["shares"]
    assert shares[3] == {"battery": 4, "share": 1, "baseline": 1}
    assert "BAT04  share 1.000  baseline 1.000" in terminal.ask("feed")
    assert cabinet.protection.events.next_seq > 1


def test_the_console_names_an_end_feed_and_what_rewiring_gains():
    cabinet = Cabinet(configuration(4, {"bank.positions": [4, 3, 2, 1]}))
    terminal = Terminal(cabinet.protection)
    found = terminal.context.condition.resistances
    for k, sag in enumerate((588, 607, 646, 726)):
        at = k * resistances.FIELDS
        found.kept[at] = 20
        found.kept[at + 14] = 64 << 16
        found.kept[at + 15] = BIAS + (sag << 14)
    assert "fed from one end: of equal batteries BAT04 would carry 1.1" in terminal.ask("feed")
    told = json.loads(terminal.ask("feed --json"))
    assert (told["feed"], told["near"]) == ("fed from one end", 4)
    assert told["diagonal"] < 1.03 < told["highest"]


def test_the_console_shows_the_counters():
    cabinet = Cabinet(current_A=40)
    terminal = Terminal(cabinet.protection)
    live(cabinet, terminal.context.condition, 91)
    *_, main = json.loads(terminal.ask("counters --json"))
    assert (main["battery"], main["cycles"], main["opened_cold"]) == (None, None, 0)
    (first, *_) = json.loads(terminal.ask("counters --json"))
    assert (first["charged_Ah"], first["discharged_Ah"], first["cycles"]) == (0, 1, 0.01)
    assert first["plus_degC"] == first["minus_degC"]
    assert "\r\nmain          - " in terminal.ask("counters")


def test_the_monthly_check_is_recalled_and_begins_anew_when_it_is_done():
    cabinet = Cabinet(configuration(4))
    terminal = Terminal(cabinet.protection)
    monitor = terminal.context.condition
    assert terminal.ask("check") == "monthly check: 0 days with power since the last one\r\n"
    monitor.counters.kept[4 * counters.FIELDS] = 33 * 86400 - 1
    live(cabinet, monitor, 2)
    assert "monthly check due" not in told(cabinet)
    monitor.counters.kept[4 * counters.FIELDS] = 30 * 86400 - 1
    live(cabinet, monitor, 1)
    assert told(cabinet)[-1] == "monthly check due"
    monitor.counters.kept[4 * counters.FIELDS] = 33 * 86400
    due = "monthly check: DUE, 33 days with power since the last one\r\n"
    assert terminal.ask("check") == due and due in terminal.ask("status")
    assert json.loads(terminal.ask("check --json")) == {"check_days": 33, "check_due": True}
    assert json.loads(terminal.ask("status --json"))["check_days"] == 33
    assert "error: locked" in terminal.ask("check done")
    terminal.ask(f"unlock {PIN}")
    assert 'error: takes no "dnoe"' in terminal.ask("check dnoe")
    monitor.held = True
    terminal.pause = lambda: setattr(monitor, "held", False)
    assert terminal.ask("check done") == "monthly check done: the next one in 30 days\r\n"
    assert monitor.unsaved and monitor.counters.days() == 0
    assert told(cabinet)[-1] == "monthly check done"
    assert json.loads(terminal.ask("status --json"))["check_due"] is False


def told(cabinet):
    """What the records of a cabinet say of what was done."""
    log = cabinet.protection.events
    found = [log.event(seq) for seq in range(log.oldest_seq, log.next_seq)]
    return [json.loads(one.kept_json())["detail"] for one in found]
