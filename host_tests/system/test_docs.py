"""The documentation shows what its commands print, `make run` and the campaign's scenarios too."""

import re
import shlex
import subprocess

import pytest
import typer

from packwarden_host import (
    REPOSITORY,
    campaign_table,
    cli,
    docs,
    fault_rows,
    scenario,
    single_faults,
)
from packwarden_host.campaign_outcome import Outcome
from packwarden_host.scenario_run import Heard

CAMPAIGN, FAULTS = (
    re.compile(
        rf"^<!-- packwarden campaign {options} -->\n(.*?)^<!-- end -->$", re.MULTILINE | re.DOTALL
    )
    for options in ("--format markdown", "--faults --format markdown")
)
# Within a sentence, or alone on a line.
NAMED = re.compile(r"`(packwarden|make) ([^`]+)`|^(packwarden) ([^>\n].*)$", re.MULTILINE)
EVENT = re.compile(r"^ *[0-9]+\.[0-9]{3} s  [A-Z]{4}.*$", re.MULTILINE)


@pytest.mark.holds("rule 8")
def test_what_no_sensor_sees_is_said():
    text = (REPOSITORY / "README.md").read_text()
    assert "Ground faults, arcs and gas need sensors of their own" in " ".join(text.split())


def test_a_picture_that_is_not_what_its_command_draws_is_named(monkeypatch, tmp_path):
    new = "$ packwarden config new --batteries 2 --rated-current-a 100 -o bank.json\n"
    drawn = "$ packwarden coordination bank.json -o chart.svg\n"
    page = f"```console\n{new}{drawn}```\n![The chart](chart.svg)\n"
    (tmp_path / "page.md").write_text(page)
    (tmp_path / "chart.svg").write_text("<svg/>")
    monkeypatch.setattr(docs, "REPOSITORY", tmp_path)
    assert docs.differences("page.md")[-1] == "chart.svg is drawn otherwise"


@pytest.mark.parametrize("name", docs.FILES)
def test_what_is_shown_is_what_is_printed(name):
    assert docs.differences(name) == []


@pytest.mark.parametrize("name", [*docs.FILES, *docs.BOARDS, "host_tests/README.md"])
def test_a_command_that_a_sentence_names_is_there_with_its_options(name):
    """What stands in a console block is run, above; this one may have PORT or FILE in it."""
    targets = re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    named = NAMED.findall((REPOSITORY / name).read_text())
    assert named
    for within, told, alone, typed in named:
        program, line = within or alone, told or typed
        first, *words = shlex.split(line)
        if program == "make":
            assert first in targets, line
            continue
        command = typer.main.get_command(cli.app).commands[first]
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= options | {"--help"}, line


def test_what_a_live_cabinet_prints_is_of_the_moment_but_each_command_has_to_succeed(
    monkeypatch, tmp_path
):
    start = "$ packwarden sim --batteries 2 --link cabinet &\n"
    ask = "$ echo version | packwarden console cabinet\n"
    page = tmp_path / "page.md"
    page.write_text(f"```console live\n{start}started\n{ask}Packwarden then\n```\n")
    monkeypatch.setattr(docs, "REPOSITORY", tmp_path)
    assert docs.differences("page.md") == []
    docs.main(["page.md"])
    shown = page.read_text()
    assert f"{start}A healthy bank of 2 under a steady load: console on cabinet" in shown
    assert f"{ask}version" in shown and "cabinet15" in shown
    page.write_text("```console live\n$ packwarden events no-cabinet\n```\n")
    with pytest.raises(subprocess.CalledProcessError):
        docs.differences("page.md")


def test_a_table_whose_command_fails_stays_as_it_was(monkeypatch, tmp_path, capfd):
    page = "<!-- packwarden campaign no-such-scenario -->\n| old |\n<!-- end -->\n"
    (tmp_path / "page.md").write_text(page)
    monkeypatch.setattr(docs, "REPOSITORY", tmp_path)
    with pytest.raises(SystemExit, match=r"page\.md stays as it was"):
        docs.main(["page.md"])
    assert (tmp_path / "page.md").read_text() == page
    assert "no-such-scenario: neither" in capfd.readouterr().err


def test_one_table_of_a_page_is_made_anew_by_the_command_that_is_given(monkeypatch, tmp_path):
    long = "<!-- packwarden campaign -->\n| old |\n<!-- end -->\n"
    (tmp_path / "page.md").write_text(long + long.replace("campaign", "elements --json"))
    monkeypatch.setattr(docs, "REPOSITORY", tmp_path)
    docs.main(["page.md"], "elements --markdown")
    page = (tmp_path / "page.md").read_text()
    assert page.startswith(long + "<!-- packwarden elements --markdown -->\n| element |")
    assert page.endswith("<!-- end -->\n")


def test_the_campaigns_table_is_that_of_the_scenarios_as_they_are():
    """Which scenarios, what each expects, that all were met; `make campaign` writes it anew."""
    (block,) = CAMPAIGN.findall((REPOSITORY / "host_tests" / "README.md").read_text())
    shown = [line[2:-2].split(" | ") for line in block.splitlines() if line.startswith("| ")]
    plans = [(name, scenario.read(name)) for name in scenario.shipped()]
    blank = [Outcome(name, plan, Heard(), []) for name, plan in plans]
    heads, rows = campaign_table.table(blank)
    fixed = [heads.index(head) for head in heads if head in ("group", "scenario", "expected")]
    assert shown[0] == list(heads)
    told = [tuple(row[place] for place in fixed) for row in shown[1:]]
    assert told == [tuple(row[place] for place in fixed) for row in rows]
    assert {row[-1] for row in shown[1:]} == {"ok"}


def test_the_table_of_single_faults_is_that_of_the_rows_as_they_are():
    """What each has to tell, and that all was met; `make faults` writes it anew."""
    (block,) = FAULTS.findall((REPOSITORY / "host_tests" / "README.md").read_text())
    shown = [line[2:-2].split(" | ") for line in block.splitlines() if line.startswith("| ")]
    plans = fault_rows.Table().combinations().items()
    blank = single_faults.rows([Outcome(name, plan, Heard(), []) for name, plan in plans])
    heads = single_faults.HEADS
    fixed = [
        heads.index(head) for head in heads if head not in ("after", "hot terminal", "result")
    ]
    assert shown[0] == list(heads)
    told = [tuple(row[place] for place in fixed) for row in shown[1:]]
    assert told == [tuple(row[place] for place in fixed) for row in blank]
    assert {row[-1] for row in shown[1:]} == {"ok"}


def test_make_run_is_a_trip_that_meets_what_is_expected_of_it():
    """That it prints this is held above."""
    shown = (REPOSITORY / "README.md").read_text()
    (block,) = re.findall(r"^\$ make run\n(.*?)^```$", shown, re.MULTILINE | re.DOTALL)
    events = EVENT.findall(block)
    assert events[0].split() == ["0.000", "s", "INFO", "boot"]
    assert [line for line in events if "TRIP" in line]
    assert "ok      expected: terminal_rise trip" in block and "FAILED" not in block
