"""The short form of `make fuzz`, its lines on CPython, and that what is wrong would be noticed."""

import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cabinets import Cabinet, configuration
from packwarden.console import LINE_MAX, OUTPUT_MAX, PROMPT
from packwarden_host import REPOSITORY, vm
from packwarden_sim.fuzz import Lines, Watch
from proofs import console_fuzz
from terminals import PIN, Terminal

LINES = 400
# Put behind the library's own code: nobody is asked for a PIN, a reply raises, lines stay.
SPOILED = {
    "replies.py": "def operator(context): armed(context)",
    "views.py": "def _battery(*_): yield 1 // 0\nCOMMANDS['why']._answer = _battery",
    "operations.py": "del COMMANDS['service']",
    "console.py": """
_kept = []
_whole = Console._enter
def _enter(self):
    _kept.append(bytearray(200))
    _whole(self)
Console._enter = _enter
""",
}


@pytest.mark.parametrize("seed", [100, 103])
def test_nothing_comes_of_whatever_is_typed(seed):
    outcome = console_fuzz.run(seed, LINES)
    assert outcome.found == []
    assert outcome.lines >= LINES and outcome.ticks > LINES  # service mode begins anew
    assert outcome.counts["wrong PIN"] or outcome.counts["unlocked"]
    assert (outcome.counts["unlocked"] > 0) == (seed == 103)
    assert set(outcome.late) <= {"flash"}


def test_what_it_looks_for_is_noticed(tmp_path, monkeypatch):
    for name in ("boards", "firmware", "tools"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    shutil.copytree(REPOSITORY / "lib", tmp_path / "lib")
    for name, source in SPOILED.items():
        with (tmp_path / "lib" / "packwarden" / name).open("a") as file:
            file.write("\n\n" + source)
    monkeypatch.setattr(vm, "REPOSITORY", tmp_path)
    found = "\n".join(console_fuzz.run(102, 600).found)
    assert "refused while it was locked" in found
    assert "an exception: " in found and "ZeroDivisionError" in found
    assert "the heap has grown by " in found


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from([None, PIN]), st.integers(1, 200))
def test_on_cpython_too(seed, pin, at_once):
    cabinet = Cabinet(configuration(2, {"breakers.kind": "contactor"}), current_A=0.0)
    cabinet.protection.breakers.trip(1, cabinet.now_ms)
    cabinet.run(1)
    terminal = Terminal(cabinet.protection, at_once)
    console = terminal.console
    watch = Watch(cabinet.protection, pin is not None)
    lines = Lines(seed, pin)
    for _ in range(10):
        terminal.type(lines.next())
        assert len(console._output) <= OUTPUT_MAX and len(console._ahead) <= LINE_MAX
        assert len(console._editor.line) <= LINE_MAX and len(console._editor._history) <= 4
        assert "no reply" not in terminal.read()
        cabinet.protection.events.seconds += seed % 100
        watch.look()
    assert watch.found == []
    terminal.type("\x03")
    assert terminal.read().endswith("^C\r\n" + PROMPT)


def test_the_watch_notices_what_must_not_be():
    cabinet = Cabinet(configuration(2))
    terminal = Terminal(cabinet.protection)
    watch = Watch(cabinet.protection, False)
    cabinet.protection.breakers.trip(1, cabinet.now_ms)
    watch.look()
    terminal.ask(f"unlock {PIN}")
    terminal.ask("reset 1")
    cabinet.protection.breakers.release(1)
    watch.look()
    assert watch.found == ["unlocked without the PIN", "a lockout has gone"]
    later = Watch(cabinet.protection, True)
    terminal.ask("timing reset")
    later.look()
    assert later.found == ["timing counted anew while it was locked"]
