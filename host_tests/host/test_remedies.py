"""What an alarm means and what to do about it is said for every element there is."""

import json

from packwarden import elements
from packwarden_host import remedies


def test_every_element_is_explained_and_nothing_is_left_over():
    assert set(remedies.ELEMENTS) == {element.slug for element in elements.TABLE}
    levels = {(e.slug, level.key) for e in elements.TABLE for level in e.levels}
    assert set(remedies.LEVELS) <= levels


def test_all_are_told_with_what_they_do(packwarden):
    told = json.loads(packwarden("explain", "--json").out)
    assert {row["element"].split()[0] for row in told} == {e.slug for e in elements.TABLE}
    assert all(row["means"] and row["todo"] and row["does"] for row in told)
    does = {row["element"]: row["does"] for row in told}
    assert does["terminal_rise"] == "warn, alarm, trip_battery"
    assert does["ambient_high fan"] == "fan"
    assert does["lockout"] == "locks out"


def test_one_is_told_in_lines_that_fit_a_terminal(packwarden):
    out = packwarden("explain", "terminal_rate").out
    assert out.startswith("terminal_rate (26): a terminal heats fast")
    assert "  it does: warn, alarm, trip_battery\n" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "terminal_rise (26)" not in out


def test_an_unknown_element_is_refused_with_those_there_are(refused):
    said = refused("explain", "terminal_fate")
    assert said.startswith("packwarden: 'terminal_fate' is no element; there are terminal_")
