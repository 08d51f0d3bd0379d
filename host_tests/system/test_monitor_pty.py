"""`packwarden monitor` against the real firmware: connect, a trip, the cable out and in again.

One run holds all of it, and gives the picture of the README (`make docs`).
"""

import asyncio
import csv
import html
import json
import os
import pty
import re
import signal
import threading

from packwarden.commands import COMMANDS
from packwarden_host import REPOSITORY, monitor_link
from packwarden_host.codes import write_job
from packwarden_host.dialogue import Dialogue
from packwarden_host.errors import RunFailed
from packwarden_host.monitor import Monitor
from packwarden_host.vm import Cabinet, Job
from system.cable import Cable
from system.lines import COMMAND, Line, pseudo_terminal
from system.runs import bank, each, trace

PICTURE = REPOSITORY / "tools" / "monitor.svg"
BATTERIES = 15
PORT = "ttyUSB0"
# Battery 7 gets hot 8 s after arming and trips 2 s later; the others are as different as they are.
HOT = trace(
    (
        0,
        each(BATTERIES, v_V=52.4)
        | {f"i{k}_A": 38 + k * 5 % 8 for k in range(1, BATTERIES + 1)}
        | {f"tp{k}_C": 37 + k * 7 % 5 for k in range(1, BATTERIES + 1)}
        | {f"tn{k}_C": 36 + k * 3 % 5 for k in range(1, BATTERIES + 1)}
        | {"tn3_C": 62, "tn12_C": "open"},
    ),
    (8, {"tp7_C": 86}),
    (3600, {}),
)

LIVE = "^ttyUSB0: live  protecting 0:0"
# The last of its events, at the end of the screen.
ALARM_LAST = r"\balarm\nw Why .* q Quit$"


class Playing:
    """The cabinet with its console on a terminal: starts when told to, ends with the block."""

    def __init__(self, far):
        self._far = far
        self._thread = threading.Thread(target=self._play)
        self._ended = False

    def __enter__(self):
        self._cabinet = Cabinet(bank(BATTERIES), terminal=self._far).__enter__()
        return self

    def __exit__(self, *_):
        self._ended = True
        self._cabinet.end()
        if self._thread.ident:
            self._thread.join(20)
        self._cabinet.__exit__()

    def start(self):
        self._thread.start()

    def _play(self):
        folder = self._cabinet.folder
        (folder / "trace.csv").write_text(HOT)
        end_ms = write_job(folder / "trace.csv", self._cabinet.config, folder / "t.txt")
        source = {"kind": "trace", "path": str(folder / "t.txt"), "stuck": []}
        try:
            for _ in self._cabinet.lines(Job(source, end_ms, speed=1, console="stdio")):
                pass
        except RunFailed:
            assert self._ended


def screen(app):
    """The lines of the screen as a person sees them, from its picture."""
    width, height = app.size
    lines = [[" "] * width for _ in range(height)]
    pattern = r'<text [^>]*\bx="([\d.]+)" [^>]*clip-path="url\(#[^"]*-line-(\d+)\)">([^<]*)</text>'
    for x, line, text in re.findall(pattern, app.export_screenshot()):
        at = round(float(x) / 12.2)
        for place, char in enumerate(html.unescape(text).rstrip("\n")):
            lines[int(line)][at + place] = char
    return ["".join(line).replace("\xa0", " ").rstrip() for line in lines]


async def shows(pilot, *patterns, tries=500):
    """Wait until all of these stand on the screen; returns its lines."""
    for _ in range(tries):
        await pilot.pause(0.25)
        lines = screen(pilot.app)
        if all(re.search(pattern, "\n".join(lines), re.MULTILINE) for pattern in patterns):
            return lines
    raise AssertionError(f"{patterns} do not come, only\n" + "\n".join(lines))


async def gets(pilot, key, pattern):
    """Press a key until it shows this: a question is dropped where the machine is too slow."""
    for _ in range(9):
        await shows(pilot, LIVE)
        await pilot.press(key)
        try:
            return await shows(pilot, pattern, tries=60)
        except AssertionError:
            await pilot.press("escape")
    return await shows(pilot, pattern, tries=1)


async def drive(cabinet, cable, path, picture):
    """Live through a trip and a cable that was out, at 80 x 24 and wide."""
    monitor = Monitor(Dialogue(PORT, monitor_link.PATIENCE_S))
    async with monitor.run_test(size=(80, 24), notifications=True) as pilot:
        await shows(pilot, "ttyUSB0: no answer yet, trying again")
        cabinet.start()
        lines = await shows(pilot, LIVE, "^BAT15 ")
        assert not [line for line in lines if "TRIP" in line]
        rows = [line for line in lines if re.match(r"BAT\d\d +\d\d\.\d A .* closed", line)]
        assert len(rows) == BATTERIES
        # The trip, whose event comes into view below.
        lines = await shows(
            pilot, r"^TRIP \d .* locked out Q07", "^BAT07 .* locked out +TRIP$", ALARM_LAST
        )
        assert [line for line in lines if re.match(r"BAT07 +-?0\.\d A .* 8\d\.\d degC T ", line)]
        assert [line for line in lines if re.match(r"BAT12 .* open .*", line)]
        await shows(pilot, r"^BAT03 .* 6\d\.\d degC W closed +WARN$", "^BAT12 .* ALARM$")
        why = r"BAT07 TERM\+ 8\d\.\d degC > 80\.0 for 2\.\d s .*: tripped Q07, open after"
        await gets(pilot, "w", why)
        await pilot.press("escape", "e")
        lines = await shows(pilot, r"^ *\d+ .* TRIP terminal_overtemperature \(26\) BAT07 TERM\+")
        assert not [line for line in lines if line.startswith("BAT07")]
        await pilot.press("e")
        await shows(pilot, "^BAT07 ")
        # The cable.
        cable.pull()
        gone = r"ttyUSB0: NO ANSWER for \d+ s, trying again \(cannot be opened"
        lines = await shows(pilot, gone)
        assert [line for line in lines if line.startswith("BAT07") and "TRIP" in line]
        await pilot.press("c")
        await shows(pilot, "no cabinet answers")
        cable.plug(path)
        await shows(pilot, LIVE)
        # What it has room for, and what it writes.
        await pilot.resize_terminal(160, 40)
        beside = r"^BAT\d\d .* closed .* \d .* TRIP terminal_overtemperature \(26\)"
        await shows(pilot, "^BAT07 .* locked out TRIP terminal_overtemperature", beside)
        await pilot.resize_terminal(120, 30)
        await shows(pilot, "^BAT07 .* TRIP terminal_overtemperature$", "^ *[0-9]+ .* TRIP ")
        picture(monitor.export_screenshot(title=f"packwarden monitor {PORT}"))
        await gets(pilot, "c", r"\d events: packwarden-events-[\d-]+\.csv in")
        await gets(pilot, "j", r"\d events: packwarden-events-[\d-]+\.jsonl in")
        await pilot.press("q")
    assert monitor.return_code == 0
    return {path.suffix: path for path in monitor.exported}


def test_a_trip_and_a_cable_that_was_out(tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    pictures = []
    with pseudo_terminal() as (far, line), Playing(far) as cabinet, Cable(line.fd) as cable:
        cable.plug(tmp_path / PORT)
        exported = asyncio.run(drive(cabinet, cable, tmp_path / PORT, pictures.append))
        cable.pull()
        _over_a_socket(cable.serve())
    if request.config.option.write_picture:
        PICTURE.write_text(pictures[0])
    as_csv, as_jsonl = exported[".csv"], exported[".jsonl"]
    rows = list(csv.DictReader(as_csv.read_text().splitlines()))
    events = [json.loads(text) for text in as_jsonl.read_text().splitlines()]
    assert [int(row["seq"]) for row in rows] == [event["seq"] for event in events][: len(rows)]
    trip = next(event for event in events if event["kind"] == "trip")
    assert (events[0]["element"], trip["battery"]) == ("boot", 7)
    # It only looks.
    asked = {text.decode() for text in re.split(rb"[\r\x03]+", cable.sent) if text}
    assert {"bank --json", "status --json", "why", "events --since 0 --json"} <= asked
    for text in asked:
        command = COMMANDS[text.split()[0]]
        assert not command.operates and not {"reset", "unlock", "pin", "lock"} & {*text.split()}


def _over_a_socket(url):
    """The command on a terminal of its own, until it is told to end."""
    child, fd = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execvp(COMMAND[0], [*COMMAND, "monitor", url])
    try:
        line = Line(fd)
        line.until(rb"\x1b\[\?1049h.*: live.*BAT15.*")
        os.kill(child, signal.SIGTERM)
        line.until(rb"\x1b\[\?1049l")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 128 + signal.SIGTERM
    finally:
        os.close(fd)


def test_the_picture_shows_such_a_run():
    text = html.unescape(PICTURE.read_text()).replace("\xa0", " ")
    assert f"packwarden monitor {PORT}" in text and f"{PORT}: live" in text
    assert "BAT15" in text and "TRIP terminal_overtemperature" in text and "locked out Q07" in text


def test_a_port_that_cannot_be_opened_is_one_line():
    child, fd = pty.fork()
    if child == 0:
        os.execvp(COMMAND[0], [*COMMAND, "monitor", "/dev/no-such-port"])
    try:
        said = Line(fd).until(rb"^([^\r]*)\r\n")[1].decode()
        assert said.startswith("packwarden: /dev/no-such-port: cannot be opened: No such file")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    finally:
        os.close(fd)
