"""`packwarden report`: the files that it reads and writes, and the page."""

import json
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from packwarden_host import report_page, visit
from packwarden_host.dialogue import Refused
from packwarden_host.errors import RunFailed
from visits import changed, event, sound, visits

VOID = {"meta", "input", "br", "hr", "img", "link"}
NOW = datetime(2026, 12, 1, tzinfo=UTC)
LATER = "2026-12-01T10:00:00+00:00"


class Page(HTMLParser):
    """Whether the elements of a page are nested, and what it would fetch."""

    def __init__(self, text):
        super().__init__()
        self.open, self.fetched, self.boxes = [], [], 0
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.boxes += ("type", "checkbox") in attrs
        self.fetched += [
            value
            for name, value in attrs
            if name in ("src", "href", "xlink:href", "srcset") and not value.startswith("#")
        ]
        assert not [name for name, _ in attrs if name.startswith("on")] and tag != "script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def written(packwarden, path, tmp_path, form="html"):
    result = packwarden("report", path, "-o", tmp_path / f"report.{form}", "--format", form)
    assert (result.code, result.err) == (0, "")
    return result.out, (tmp_path / f"report.{form}").read_text()


def test_the_page_stands_for_itself(packwarden, tmp_path):
    months = [f"2026-{month:02d}-01T10:00:00+00:00" for month in (9, 10, 11)]
    told = [sound(when=when) for when in months]
    told[-1]["resistances"][2]["link_mOhm"] = 2.1
    _, path = visits(tmp_path, *told)
    out, text = written(packwarden, path, tmp_path)
    page = Page(text)
    assert page.fetched == [] and "url(http" not in text and "@import" not in text
    assert page.boxes == len(report_page.BY_HAND)
    assert text.count("<svg") == 1 and "@page { size: A4" in text
    assert "Next check due" in text and "2026-12-01" in text
    assert (
        "act: From battery to busbar, BAT03: 1.16 mOhm surely over the baseline of its link" in out
    )
    # The same visits are the same page.
    assert written(packwarden, path, tmp_path)[1] == text


def test_what_a_cabinet_tells_is_text_and_no_markup(packwarden, tmp_path):
    nasty = "<script>alert(1)</script>|"
    told = changed(
        sound(),
        by=nasty,
        version__board=nasty,
        status__controller=nasty,
        events=[event(7, "trip", nasty, 3, detail=nasty)],
        degraded=[{"place": nasty, "why": nasty, "blind": [nasty]}],
    )
    _, path = visits(tmp_path, told)
    Page(written(packwarden, path, tmp_path)[1])  # refuses a script
    table = [x for x in written(packwarden, path, tmp_path, "md")[1].splitlines() if "|" in x]
    heads = {x.replace("\\|", "").count("|") for x in table if nasty.replace("|", "\\|") in x}
    assert heads == {3, 5}


def test_markdown_says_the_same(packwarden, tmp_path):
    told = changed(sound(), resistances__2__link_mOhm=2.1, events=[event(7, "warn", "cascade")])
    _, path = visits(tmp_path, told)
    _, text = written(packwarden, path, tmp_path, "md")
    assert text.startswith("# Monthly check: act\n\n1 act, 1 watch, ")
    assert "\n- **act**: From battery to busbar, BAT03: 1.16 mOhm surely over the" in text
    assert "| BAT03 | 2.100 ± 0.010 mOhm | 0.900 mOhm | 64, 2 | act |" in text
    assert text.count("- [ ] ") == len(report_page.BY_HAND)
    assert "\n    2026-10-31 10:00  12.345 s  WARN" in text and "\n\n\n" not in text


def test_the_last_of_several_visits_is_shown_and_compared_with_the_check_before(tmp_path):
    again = "2026-12-01T11:00:00+00:00"
    told = [sound(when=when) for when in ("2026-11-01T10:00:00+00:00", LATER, again)]
    found, _ = visits(tmp_path, *told)
    report = report_page.of(found)
    assert report.visit.when - report.earlier.when == timedelta(days=30, hours=1)
    assert f"{report.due}" == "2026-12-31"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no visit"),
        (b"\xff\xfe", "is no text"),
        (b"not json\n", "line 1 is no visit of `report`: "),
        (b"[1]\n", "line 1 is no visit of `report`: packwarden_visit: is missing"),
        (b'{"a":1}\n', "line 1 is no visit of `report`: packwarden_visit: is missing"),
        (b'{"packwarden_visit":2}\n', "packwarden_visit: "),
        (b'{"packwarden_visit":1}\n', "when: is missing"),
    ],
)
def test_a_file_of_something_else_is_one_line(refused, tmp_path, content, said):
    path = tmp_path / "other.jsonl"
    path.write_bytes(content)
    error = refused("report", path, "-o", tmp_path / "report.html")
    assert f"{path}: " in error and said in error
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status__t_s": "soon"}, "line 2 is no visit of `report`: status.t_s: "),
        ({"bank__batteries": []}, "bank.batteries"),
        ({"joints": []}, "joints"),
        ({"resistances__0__battery": 7}, "resistances"),
        ({"when": "2026-12-01T10:00:00"}, "when"),
    ],
)
def test_a_visit_that_was_damaged_is_named(refused, tmp_path, changes, said):
    path = tmp_path / "visits.jsonl"
    bad = changed(sound(when=LATER), **changes)
    path.write_text(f"{json.dumps(sound())}\n{json.dumps(bad)}\n")
    assert said in refused("report", path, "-o", tmp_path / "report.html")


def test_what_is_for_a_cabinet_is_refused_for_a_file(refused, tmp_path):
    _, path = visits(tmp_path, sound())
    for option in (["--done"], ["--by", "A"], ["--date", "2026-12-01"], ["--visits", "x"]):
        assert option[0] in refused("report", path, "-o", tmp_path / "r.html", *option)


def test_a_report_that_cannot_be_written_is_refused_before_the_work(refused, tmp_path):
    _, path = visits(tmp_path, sound())
    assert "No such file" in refused("report", path, "-o", tmp_path / "nowhere" / "r.html")
    assert "cannot be opened" in refused("report", "/dev/no-such", "-o", tmp_path / "r.html")
    later = refused("report", "/dev/x", "-o", tmp_path / "r.html", "--date", "2026-10-01")
    assert f"{path}: its last visit is of 2026-11-01" in later
    assert visit.read(path)


class Console:
    """A cabinet that answers what it is told to, and has no time for a self-test."""

    port = "port"

    def __init__(self, told):
        self._told = told

    def ask(self, line, progress=None):
        question = line.split()[0]
        if question == "selftest":
            raise Refused(f"port: {line}", "there was no time for it in 8 s: see timing")
        if question == "counters":
            raise Refused(f"port: {line}", 'no command "counters"; type "help"')
        return json.dumps(self._told[question]) + "\r\n"


def test_what_a_cabinet_has_no_time_for_or_does_not_know_is_left_out(capsys):
    line, found = visit.ask(Console(sound()), NOW, None, [], lambda text: None)
    assert (found.selftest, found.counters, found.last_seq) == (None, None, -1)
    assert json.loads(line)["resistances"][0]["link_mOhm"] == 0.9
    said = "packwarden: without it: port: selftest --json: there was no time for it in 8 s"
    assert capsys.readouterr().err == f"{said}: see timing\n"


@pytest.mark.parametrize("changes", [{"status__boot": "x"}, {"status": []}, {"bank": {}}])
def test_what_a_cabinet_must_tell_is_not_left_out(changes):
    with pytest.raises(RunFailed, match="port: no report can be made of its replies: "):
        visit.ask(Console(changed(sound(), **changes)), NOW, None, [], lambda text: None)


class Offered(Console):
    """It at a port, as `report` opens it; what was asked is kept."""

    def __init__(self, told):
        super().__init__(told)
        self.asked = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def ask(self, line, progress=None):
        self.asked.append(line)
        return super().ask(line, progress)


@pytest.mark.parametrize(
    ("changes", "more", "said"),
    [
        ({"settings__bank__batteries": 2}, (), "is of a bank of 4 batteries, and this has 2"),
        (
            {"status__pin": "missing"},
            ("--done", "--pin", "135790"),
            "--done takes the cabinet's PIN, and it has none (missing): set one first",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_all_is_asked(
    refused, monkeypatch, tmp_path, changes, more, said
):
    _, kept = visits(tmp_path, sound())
    offered = Offered(changed(sound(), **changes))
    monkeypatch.setattr("packwarden_host.report.Dialogue", lambda port: offered)
    page = tmp_path / "report.html"
    late = ("--date", "2036-01-01", "--visits", kept)
    assert said in refused("report", "port", "-o", page, *late, *more)
    assert offered.asked == [f"{one} --json" for one in ("version", "settings", "status")]
    assert not page.exists()


def test_a_cabinet_that_began_anew_tells_all_its_events(tmp_path):
    before, _ = visits(tmp_path, sound())
    same = visit.ask(Console(sound()), NOW, None, before, lambda text: None)[1]
    assert same.last_seq == before[0].last_seq
    anew = changed(sound(), status__boot=1)
    assert visit.ask(Console(anew), NOW, None, before, lambda text: None)[1].last_seq == -1
