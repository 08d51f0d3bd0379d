"""The listings: every level and every setting has its reason, every number its unit."""

import json

import pytest

from packwarden import elements, settings
from packwarden_host import reasons, views


def test_every_level_has_a_reason_and_no_reason_is_left_over():
    levels = {(e.slug, level.key) for e in elements.TABLE for level in e.levels}
    levels |= {(e.slug, "") for e in elements.TABLE if not e.levels}
    given = {(slug, key) for slug, keys in reasons.LEVELS.items() for key in keys}
    assert levels == given
    assert all(reasons.LEVELS[slug][key] for slug, key in levels)


def test_every_setting_has_a_reason(bank):
    assert all(row["reason"] for row in views.setting_rows(bank))
    assert all(reasons.of_setting(path) for path in [*settings.NUMBERS, *settings.WORDS])


def test_reasons_stay_short_enough_for_a_line():
    texts = [text for keys in reasons.LEVELS.values() for text in keys.values()]
    assert max(map(len, [*texts, *reasons.SETTINGS.values()])) < 150


def test_elements_as_data(packwarden):
    rows = json.loads(packwarden("elements", "--json").out)
    assert len(rows) == sum(len(element.levels) or 1 for element in elements.TABLE)
    (trip,) = [r for r in rows if (r["slug"], r["key"]) == ("terminal_rate", "trip")]
    assert trip == {
        "slug": "terminal_rate",
        "device": "26",
        "level": "trip",
        "key": "trip",
        "off": False,
        "unit": "K/min",
        "pickup": 10,
        "dropout": 5,
        "delay_ms": 15000,
        "curve": None,
        "tms": None,
        "at_least": 50,
        "at_least_unit": "degC",
        "below": False,
        "wait_ms": None,
        "samples": 2,
        "latch": True,
        "action": "trip_battery",
        "reason": reasons.LEVELS["terminal_rate"]["trip"],
    }


def test_elements_as_lines(packwarden):
    out = packwarden("elements").out
    (line,) = [
        text
        for text in out.splitlines()
        if text.startswith("terminal_overtemperature") and " trip " in text
    ]
    assert " ".join(line.split()).startswith(
        "terminal_overtemperature 26 trip 80 degC 75 degC 2 s 2"
    )
    assert "IEC_EI, TMS 0.25" in out and "\x1b" not in out


def test_elements_for_a_readme(packwarden):
    lines = packwarden("elements", "--markdown").out.splitlines()
    columns = lines[0].count("|")
    assert all(line.count("|") == columns for line in lines)
    assert len(lines) == 2 + len(views.element_rows())


def test_a_configuration_is_shown_with_units_and_reasons(packwarden, bank_path):
    out = packwarden("config", "show", bank_path).out
    assert "bank.rated_current_A" in out and "100 A " in out and "10 .. 600" in out
    assert "terminal_rise" in out


def test_one_element_of_a_configuration(packwarden, refused, bank, bank_path):
    bank["elements"]["terminal_rise"]["warn"] = "off"
    bank_path.write_text(json.dumps(bank))
    shown = json.loads(
        packwarden("config", "show", bank_path, "--element", "terminal_rise", "--json").out
    )
    assert shown["settings"] == []
    assert [(r["key"], r["off"], r["pickup"]) for r in shown["elements"]] == [
        ("warn", True, None),
        ("alarm", False, 15),
        ("trip", False, 30),
    ]
    assert "--element 'sprinkler'" in refused(
        "config", "show", bank_path, "--element", "sprinkler"
    )


@pytest.mark.parametrize(
    "words", [["--nonsense"], ["nonsense"], ["config", "nonsense"], ["elements", "x"]]
)
def test_a_bad_command_line_is_one_line(refused, words):
    refused(*words)


def test_help_is_there_for_every_command(packwarden):
    out = packwarden("--help").out
    for name in ("sim", "replay", "elements", "console", "config"):
        assert f" {name} " in out
        assert packwarden(name, "--help").code == 0
