"""`packwarden report` against the real firmware on a pseudo-terminal: two checks of a cabinet."""

import json

from packwarden_host import visit
from packwarden_host.dialogue import Dialogue
from system.lines import offered
from system.runs import command

PIN = "864209"
# Steps of the load, enough for an estimate; battery 4 has a weak pack, and the lead of a
# thermistor breaks meanwhile.
STEPS = [{"at_s": 20 * k, "current_A": 60 if k % 2 else 240} for k in range(11)]
STEP = ", ".join(f"{{ at_s = {one['at_s']}, current_A = {one['current_A']} }}" for one in STEPS)
SCENARIO = f"""
title = "A weak pack, a thermistor that breaks, a BMS that gives its alarm"
end_s = 300
tick_ms = 100
[bank]
batteries = 4
rated_current_A = 100
soc_percent = 75
settled = true
r0_mohm = [8, 8, 8, 12.5]
[load]
step = [{STEP}]
[[fault]]
kind = "thermistor_open"
battery = 2
terminal = "+"
at_s = 30
[[fault]]
kind = "bms_alarm"
battery = 1
at_s = 40
"""


def test_two_checks_of_a_cabinet(tmp_path):
    (tmp_path / "weak.toml").write_text(SCENARIO)
    page, kept = tmp_path / "report.html", tmp_path / "visits.jsonl"
    with offered(tmp_path / "weak.toml") as (_, port):
        with Dialogue(port) as dialogue:
            dialogue.protecting()
            dialogue.ask(f"pin {PIN}")
        first = command("report", port, "-o", page, "--date", "2026-10-01", "--by", "A <b>")
        assert (first.code, first.err) == (0, "")
        with Dialogue(port) as dialogue:
            while json.loads(dialogue.ask("resistances --json"))[3]["internal_mOhm"] is None:
                assert json.loads(dialogue.ask("status --json"))["t_s"] < 300
        again = ("report", port, "-o", page, "--date", "2026-11-01", "--done")
        refused = command(*again, "--pin", "1")
        assert (refused.code, refused.err) == (2, "packwarden: a PIN has 6 to 12 digits\n")
        assert len(visit.read(kept)) == 1
        second = command(*again, "--pin", PIN)
        assert (second.code, second.err) == (0, "")
        with Dialogue(port) as dialogue:
            told = dialogue.ask("events --since 0")
    # What is told on the way: the worst first, then what was done.
    said = second.lines
    assert [line[:4] for line in said[:3]] == ["act:"] * 3
    assert any("BAT02 TERM+: blind: terminal_overtemperature" in line for line in said[:9])
    alarm = "act: Events since the last check, alarms of a BMS: bms_alarm BAT01"
    assert [*first.lines, *said].count(alarm) == 1  # at the visit that comes first after it
    weak = next(line for line in said if line.startswith("watch: Internal resistance, BAT04: "))
    assert "mOhm surely off its siblings' median (limit 3.00 mOhm)" in weak
    assert said[-1] == "monthly check done: the next one in 30 days"
    assert "monthly check done" in told
    # The page: the visit, what is new since the first one, and who made it.
    text = page.read_text()
    assert "2026-11-01" in text and "2026-12-01" in text and text.count("<svg") == 1
    first_visit, last = visit.read(kept)
    assert first_visit.by == "A <b>" and first_visit.joints is not None
    assert [one.seq for one in last.events] == list(
        range(first_visit.last_seq + 1, last.last_seq + 1)
    )
    resistance = last.resistances[3].internal_mOhm
    assert f"{resistance:.2f} ± " in text and 12 < resistance < 25
    # Without the cabinet the same page comes of what was kept.
    once_more = command("report", kept, "-o", tmp_path / "again.html")
    assert (once_more.code, once_more.err) == (0, "")
    assert (tmp_path / "again.html").read_text() == text
    # A file of another cabinet is refused, and stays as it was.
    before = kept.read_text()
    with offered("--batteries", 2) as (_, port):
        other = command("report", port, "-o", page)
    assert (other.code, other.out) == (2, "")
    assert other.err.endswith(
        "is of a bank of 4 batteries, and this has 2: give it a file of its own with --visits\n"
    )
    assert kept.read_text() == before and page.read_text() == text
