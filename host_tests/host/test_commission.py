"""`packwarden commission`: its files, its questions and its report, without a cabinet."""

import json

import pytest

from packwarden_host import (
    commission_cabinet,
    commission_load,
    commission_page,
    commission_steps,
)
from packwarden_host.commission_person import Answers, Person
from packwarden_host.commission_progress import Cabinet, Check, Progress, Step, read, write
from packwarden_host.dialogue import Refused
from packwarden_host.errors import BadInput, RunFailed
from system.runs import command

CABINET = Cabinet(
    board="cabinet15",
    chip="0123456789ab",
    firmware="0.1.0",
    configuration="0123abcd",
    batteries=4,
    rated_current_A=100.0,
)
TITLES = {"sensors": "Each sensor", "zero": "Zeros", "trips": "Trip tests"}


def step(*results, found="1 <b>V</b> | 2"):
    """One with checks: good, not good, or None: left out."""
    told = {"what": "BAT01", "found": found, "wanted": "2 V"}
    checks = [Check(**told, good=good is not False, left_out=good is None) for good in results]
    return Step(when="2026-11-27T10:00:00+00:00", by="ada", checks=checks)


def test_what_is_done_is_read_back_and_counts_while_it_is_good(tmp_path):
    file = tmp_path / "progress.json"
    steps = {"sensors": step(True, True), "zero": step(True, False), "trips": step()}
    write(file, Progress(cabinet=CABINET, steps=steps))
    found = read(file, CABINET)
    assert found.steps == steps
    assert [found.done(name) for name in TITLES] == [True, False, False]
    assert not found.done("baseline")


def test_another_firmware_goes_on_with_it_and_another_board_or_configuration_does_not(tmp_path):
    file = tmp_path / "progress.json"
    write(file, Progress(cabinet=CABINET, steps={"sensors": step(True)}))
    assert read(file, CABINET.model_copy(update={"firmware": "0.2.0"})).done("sensors")
    for name in ("chip", "configuration"):
        told = f"{name} {getattr(CABINET, name)}, and this one has 99: .* --progress FILE, or del"
        with pytest.raises(BadInput, match=told):
            read(file, CABINET.model_copy(update={name: "99"}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is no JSON"),
        ("{}", "cabinet: is missing"),
        ('{"cabinet": 3}', "cabinet"),
    ],
)
def test_a_file_that_is_no_progress_is_refused(tmp_path, text, reason):
    file = tmp_path / "progress.json"
    file.write_text(text)
    with pytest.raises(BadInput, match=reason):
        read(file, CABINET)


@pytest.mark.parametrize(
    ("steps", "verdict", "summary"),
    [
        ({}, "open", "3 open"),
        ({"sensors": step(True)}, "open", "2 open, 1 good"),
        ({"sensors": step(True), "zero": step(False)}, "failed", "1 failed, 1 open, 1 good"),
        ({name: step(True) for name in TITLES}, "good", "3 good"),
        (
            {"sensors": step(True), "zero": step(None), "trips": step(True)},
            "incomplete",
            "1 incomplete, 2 good",
        ),
    ],
)
def test_the_report_says_how_it_stands_and_what_is_told_stays_text(steps, verdict, summary):
    progress = Progress(cabinet=CABINET, steps=steps)
    page = commission_page.html(progress, TITLES)
    assert f"<b>{verdict}</b>{summary}" in page
    assert "<b>V</b>" not in page and progress.seal() in page
    text = commission_page.markdown(progress, TITLES)
    assert text.startswith(f"# Commissioning: {verdict}\n\nSteps: {summary}.")
    assert " | 2 |" not in text.replace("\\|", "")
    assert all(f"## {title}: " in text for title in TITLES.values())


def test_what_was_left_out_is_named_with_what_does_it():
    steps = {"zero": step(True, None), "trips": step(None, False), "sensors": step(True)}
    progress = Progress(cabinet=CABINET, steps=steps)
    note = "left out: BAT01; the same command with --only zero does it"
    for text in (
        commission_page.html(progress, TITLES),
        commission_page.markdown(progress, TITLES),
    ):
        assert text.count("left out: ") == 1 and note in text
    assert "## Zeros: incomplete\n" in text and "## Trip tests: failed\n" in text


class Warmed:
    """A console at a cabinet of two whose terminals somebody warms, one after the other."""

    port = "warmed"

    def __init__(self, *order):
        self._order = order
        self._t_s = 0

    def ask(self, line):
        name, *words = line.removesuffix(" --json").split()
        return json.dumps(getattr(self, "_" + name)(*words)) + "\r\n"

    def _settings(self):
        bank = {"batteries": 2, "rated_current_A": 100, "cells": 16}
        return {"bank": bank, "breakers": {"kind": "uvr", "feedback": "52a"}, "sensors": {}}

    def _permit(self, *_):
        return [{"waits": []}]

    def _degraded(self):
        return []

    def _selftest(self):
        return {"selftest": [{"check": "image", "result": "good", "detail": ""}]}

    def _bank(self):
        """A second later: each in turn is warmed for 17 s of 20, and the sun shines on all."""
        self._t_s += 1
        turn, passed_s = divmod(self._t_s, 20)
        warm = self._order[turn] if turn < len(self._order) else None
        batteries = []
        for k in (1, 2):
            one = {"battery": k, "current_A": 0.0, "voltage_V": 52.0, "breaker": "open"}
            for name, pole in (("plus_degC", "+"), ("minus_degC", "-")):
                risen_K = 0.5 * max(0, passed_s - 3) if warm == f"{k}{pole}" else 0.0
                one[name] = 20.0 + k + risen_K + 0.01 * self._t_s
            batteries.append(one)
        whole = {"current_A": 0.0, "busbar_V": 0.0, "ambient_degC": 21.0, "main": "open"}
        return whole | {"t_ms": self._t_s * 1000, "batteries": batteries}


class Loaded(Warmed):
    """One with contactors, whose load comes between the permission to close one and the word."""

    def __init__(self):
        super().__init__()
        self.told = []

    def ask(self, line):
        if not line.startswith("close"):
            return super().ask(line)
        self.told.append(line)
        if len(self.told) == 1:
            raise Refused(line, "52.503 V is 0.274 V off the busbar")
        return ""

    def _settings(self):
        return super()._settings() | {"breakers": {"kind": "contactor", "feedback": "52a"}}

    def _bank(self):
        bank = super()._bank() | {"main": "closed"}
        for one in bank["batteries"]:
            if one["battery"] == 1 or len(self.told) == 2:
                one["breaker"] = "closed"
        return bank


def test_a_contactor_that_is_refused_after_all_is_told_again(monkeypatch):
    monkeypatch.setattr(commission_cabinet, "POLL_S", 0)
    console = Loaded()
    cabinet = commission_cabinet.Cabinet(console, None)
    assert commission_steps.closed(cabinet, Person(Answers(name="ada")), "Close it") is None
    assert console.told == ["close 2", "close 2"]


def test_contactors_close_by_the_tool_and_breakers_by_hand(monkeypatch, capsys):
    monkeypatch.setattr(commission_cabinet, "POLL_S", 0)
    ada = Person(Answers(name="ada"))
    contactors = commission_cabinet.Cabinet(Loaded(), None)
    assert commission_steps.closed(contactors, ada, "all of them") is None
    assert commission_steps.opened(contactors) is not None
    breakers = commission_cabinet.Cabinet(Warmed(), None)
    assert commission_steps.closed(breakers, ada, "all of them") is not None
    assert commission_steps.opened(breakers) is None
    assert capsys.readouterr().err.splitlines() == [
        "Closing, as permitted: all of them",
        "Open every contactor, the main one too",
        "Close by hand: all of them",
    ]


def test_nothing_is_tripped_before_somebody_is_ready():
    person = Person(Answers(name="ada", ready=False))
    cabinet = commission_cabinet.Cabinet(Warmed(), None)  # which knows no `lockout` or `test`
    with pytest.raises(RunFailed, match="not ready, nothing was opened; the same command goes on"):
        list(commission_load.trips(cabinet, person))


def test_without_the_makers_limit_the_number_is_left_out():
    cabinet = commission_cabinet.Cabinet(Warmed(), None)
    for limit, result in ((None, "left out"), (1, "failed"), (2, "good")):
        person = Person(Answers(name="ada", bms_limit=limit))
        (check,) = commission_steps.number(cabinet, person)
        assert check.result == result and check.found.startswith("2")


class Lost(Warmed):
    """One that has lost what it was taught."""

    def _calibration(self):
        return {"corrections": [{"what": "zero", "where": "1"}, {"what": "gain", "where": "2"}]}

    def _joints(self):
        return [{"battery": 1, "baseline": False}]

    def _feed(self):
        return {"shares": [{"battery": 1, "share": 1.0, "baseline": None}]}

    def _resistances(self):
        return [{"battery": 1, "internal_mOhm": 8.0, "internal_baseline_mOhm": None}]


class Taught(Lost):
    """One that has it."""

    def _calibration(self):
        return {"corrections": [{"what": "zero", "where": where} for where in ("1", "2")]}

    def _resistances(self):
        return [{"battery": 1, "internal_mOhm": 8.0, "internal_baseline_mOhm": 7.9}]


def test_a_step_is_done_while_the_board_keeps_what_it_stored():
    for console, keeps in ((Lost(), False), (Taught(), True)):
        cabinet = commission_cabinet.Cabinet(console, None)
        assert cabinet.keeps("zero") == cabinet.keeps("baseline") == keeps
        assert cabinet.keeps("sensors")


class Guarded(Warmed):
    """One with a PIN, that tells it from wrong ones."""

    def __init__(self, pin="set"):
        super().__init__()
        self.pin, self.tried, self.unlocked = pin, [], False

    def ask(self, line):
        if line.startswith("calibrate zero"):
            if not self.unlocked:
                raise Refused(line, "locked: type unlock PIN first")
            return "zero 1: 0.000 A, was 0.000 A; calibration 1"
        return super().ask(line)

    def unlock(self, pin):
        self.tried.append(pin)
        if pin != "864209":
            raise Refused("unlock ****", "wrong PIN: the next try in 1 s")
        self.unlocked = True

    def _status(self):
        return {"pin": self.pin}


def test_a_cabinet_without_a_pin_is_refused_at_once():
    commission_cabinet.Cabinet(Guarded(), None).check_pin()
    with pytest.raises(RunFailed, match="no PIN is set: packwarden console warmed, then pin NEW"):
        commission_cabinet.Cabinet(Guarded("missing"), None).check_pin()


def test_a_wrong_pin_ends_the_run_and_fails_no_zero():
    console = Guarded()
    checks = commission_steps.zero(
        commission_cabinet.Cabinet(console, "111111"), Person(Answers(name="ada"))
    )
    with pytest.raises(RunFailed, match=r"wrong PIN: .*; nothing more was sent"):
        list(checks)
    assert console.tried == ["111111"]


def test_a_person_who_mistypes_a_pin_is_asked_again(monkeypatch, capsys):
    console = Guarded()
    typed = iter(["1", "111111", "864209"])
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(typed))
    cabinet = commission_cabinet.Cabinet(console, None)
    checks = list(commission_steps.zero(cabinet, Person(Answers(name="ada"))))
    assert [check.good for check in checks] == [True, True]
    assert console.tried == ["111111", "864209"]
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("a PIN has ") and said[1:] == ["wrong PIN: the next try in 1 s"]


def test_a_terminal_shows_choices_and_waits_for_a_deliberate_yes(monkeypatch, capsys):
    typed = iter(["up", "charge", "", "y", "", "y", "x", "0", "", "12", "", "3, 1"])
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda *_: next(typed))
    person = Person(None)
    names = ("flow", "ready", "close", "bms_limit", "incomplete", "inject_battery")
    assert [person.ask(name) for name in names] == ["charge", True, True, 12, False, [3, 1]]
    said = " ".join(capsys.readouterr().err.split()) + " "
    assert "by the inverter's display? [discharge/charge] (discharge): " in said
    assert said.count("Each breaker will now be opened under load. Ready? [y/n]: ") == 2
    assert said.count("How many packs does their maker allow in parallel?: ") == 4
    assert said.endswith("by number; none: all?: ") and next(typed, None) is None


class Terminal:
    """Somebody is there."""

    def isatty(self):
        return True


def warmed(*order):
    """The checks of the terminals that are asked for, while they are warmed in this order."""
    cabinet = commission_cabinet.Cabinet(Warmed(*order), None)
    checks = commission_steps.sensors(cabinet, Person(Answers(name="ada")))
    return [(check.what, check.found, check.good) for check in checks if "warmed" in check.what]


def test_each_terminal_is_proven_by_its_warmth(monkeypatch):
    monkeypatch.setattr(commission_cabinet, "POLL_S", 0)
    proven = warmed("1+", "1-", "1+", "2+", "2-")  # a hand that comes back proves nothing anew
    assert [what for what, _, _ in proven] == [
        f"BAT0{k} TERM{pole} warmed" for k in (1, 2) for pole in "+-"
    ]
    assert all(good for _, _, good in proven)
    assert all(found.startswith(what[:11] + " has risen by 2.") for what, found, _ in proven)


def test_a_sensor_at_another_terminal_is_named(monkeypatch):
    monkeypatch.setattr(commission_cabinet, "POLL_S", 0)
    *_, (what, found, good) = warmed("1+", "2-")
    assert (what, good) == ("BAT01 TERM- warmed", False)
    assert found == "BAT02 TERM- has risen by 2.0 K: exchange the two sensors, or their plugs"
    *_, (what, found, good) = warmed("1+")
    assert (what, good) == ("BAT01 TERM- warmed", False)
    assert found == (
        "no terminal has risen within 10 min: look at plug and lead of BAT01 TERM-, warm the lug"
        " itself, or answer no"
    )


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("answers.toml", "name = 3", "name: "),
        ("answers.toml", "", "name: is missing"),
        ("answers.toml", 'name = "a b"', "name: up to 16 characters, without a blank, not 'a b'"),
        ("answers.toml", f'name = "{"a" * 17}"', "name: up to 16 characters"),
        ("answers.toml", 'name = "ada"\nwarn = true', "warn: is not a key that is known here"),
        ("answers.toml", "name =", "is no .toml"),
        ("answers.json", json.dumps({"name": "ada", "bms_limit": 0}), "bms_limit: "),
        ("answers.json", "[", "is no .json"),
    ],
)
def test_answers_that_are_none_are_refused_before_the_cabinet_is_asked(
    tmp_path, name, text, reason
):
    file = tmp_path / name
    file.write_text(text)
    result = command("commission", "/dev/nowhere", "--yes", file, "-o", tmp_path / "report.html")
    assert result.code == 2 and result.err.startswith(f"packwarden: {file}: ")
    assert reason in result.err


def test_what_cannot_be_done_is_refused_in_a_line(tmp_path):
    answers = tmp_path / "answers.toml"
    answers.write_text('name = "ada"')
    report = tmp_path / "report.html"
    for options, reason in (
        (["--yes", answers, "--only", "trip"], "--only trip: is not one of sensors, zero, "),
        ([], "--yes ANSWERS is missing"),
        (["--yes", answers, "--progress", report], "is report and progress at once"),
        (["--yes", tmp_path / "none.toml"], "No such file"),
        (["--yes", answers], "/dev/nowhere: "),
    ):
        result = command("commission", "/dev/nowhere", "-o", report, *options)
        assert result.code == 2 and reason in result.err and result.err.count("\n") == 1
    assert not report.exists()
