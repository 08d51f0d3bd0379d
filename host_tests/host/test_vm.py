"""The runner of the simulated cabinet: its protocol, resets, deaths and clean ends.

A stand-in for the cabinet's start script plays each part, in both virtual machines.
"""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from packwarden_host import vm
from packwarden_host.errors import BadInput, RunFailed
from packwarden_host.vm import Cabinet, Job

_HEAD = """
import json, os, sys
job = json.load(open(sys.argv[1]))
out = open("/dev/fd/%d" % job["out_fd"], "wb", 0)
def say(letter, text):
    out.write((letter + " " + text + "\\n").encode())
def end(cause, detail=None):
    say("X", json.dumps({"cause": cause, "t_ms": 7, "ticks": 1, "detail": detail}))
    sys.exit()
rtc = job["state_dir"] + "/rtc.bin"
def life():
    try:
        return int(open(rtc).read())
    except OSError:
        return 0
def remember(n):
    with open(rtc, "w") as file:
        file.write(str(n))
"""


@pytest.fixture
def acted(tmp_path, monkeypatch, bank):
    """Run a stand-in script as the cabinet; returns the lines and the cabinet."""
    script = tmp_path / "tools" / "packwarden_sim" / "start.py"
    script.parent.mkdir(parents=True)
    monkeypatch.setattr(vm, "REPOSITORY", tmp_path)

    def run(source, kind="cpython", **job):
        script.write_text(_HEAD + textwrap.dedent(source))
        with Cabinet(bank, kind) as cabinet:
            lines = list(cabinet.lines(Job(source={}, end_ms=None, **job)))
        assert not cabinet.folder.exists()
        return lines, cabinet

    return run


@pytest.mark.parametrize("kind", vm.VMS)
def test_lines_come_as_they_were_written(acted, kind):
    lines, cabinet = acted(
        'say("E", "{} \u00e4"); say("C", "a b"); say("S", "1"); end("end")', kind
    )
    assert lines == [("E", "{} \u00e4"), ("C", "a b"), ("S", "1")]
    assert cabinet.ending == {"cause": "end", "t_ms": 7, "ticks": 1, "detail": None}


@pytest.mark.parametrize("kind", vm.VMS)
def test_the_cabinet_finds_job_and_configuration(acted, bank, kind):
    source = """
        say("C", json.dumps(job["script"]))
        say("C", open(job["state_dir"] + "/flash/config.json").read())
        say("C", str(job["seed"]) + " " + str(job["end_ms"]))
        end("end")
    """
    lines, _ = acted(source, kind, script=[[5, "why\n"]], seed=9)
    texts = [text for _, text in lines]
    assert json.loads(texts[0]) == [[5, "why\n"]]
    assert json.loads(texts[1]) == bank
    assert texts[2] == "9 None"


@pytest.mark.parametrize("cause", ["reset", "watchdog"])
def test_after_a_reset_it_starts_again_with_its_memory(acted, cause):
    source = f"""
        n = life()
        say("C", str(n) + " " + str(job["cause"]))
        remember(n + 1)
        end("{cause}" if n < 2 else "end")
    """
    lines, cabinet = acted(source)
    said = [text for letter, text in lines if letter == "C"]
    assert said == ["0 None", f"1 {cause}", f"2 {cause}"]
    restarts = [json.loads(text)["cause"] for letter, text in lines if letter == "X"]
    assert restarts == [cause, cause]
    assert cabinet.ending["cause"] == "end"


def test_a_power_failure_loses_the_memory_but_not_the_flash(acted):
    source = """
        flash = job["state_dir"] + "/flash/seen"
        try:
            open(flash).close()
            say("C", str(life()))
            end("end")
        except OSError:
            open(flash, "w").close()
            remember(5)
            end("power_off")
    """
    lines, _ = acted(source)
    assert ("C", "0") in lines


def test_endless_restarts_are_an_error(acted, monkeypatch):
    monkeypatch.setattr(vm, "MOST_RESTARTS", 3)
    with pytest.raises(RunFailed, match="more than 3 times, last of all: ValueError: x"):
        acted('sys.stderr.write("ValueError: x\\n"); end("watchdog")')


def test_a_crash_is_told_with_its_detail(acted):
    with pytest.raises(RunFailed, match=r"crashed: the firmware did not arm$"):
        acted('end("crash", "the firmware did not arm")')


@pytest.mark.parametrize("kind", vm.VMS)
def test_a_crash_is_told_with_the_last_words_too(acted, kind):
    with pytest.raises(RunFailed, match=r"returned: not protecting: no module$"):
        acted('print("not protecting: no module"); end("crash", "main.py returned")', kind)


@pytest.mark.parametrize("kind", vm.VMS)
def test_a_process_that_dies_is_told_with_its_last_words(acted, kind):
    with pytest.raises(RunFailed, match="died: ValueError: no such pin"):
        acted('say("E", "{}"); raise ValueError("no such pin")', kind)


def test_a_process_that_hangs_after_its_end_is_ended(acted, monkeypatch):
    monkeypatch.setattr(vm, "_STOP_S", 0.1)
    source = """
        say("X", '{"cause": "end", "t_ms": 0, "ticks": 0, "detail": null}')
        os.close(job["out_fd"]); os.dup2(2, out.fileno())
        import signal; signal.pause()
    """
    _, cabinet = acted(source)
    assert cabinet.ending["cause"] == "end"


@pytest.mark.parametrize("running", [False, True])
def test_another_thread_can_end_it(tmp_path, monkeypatch, bank, running):
    script = tmp_path / "tools" / "packwarden_sim" / "start.py"
    script.parent.mkdir(parents=True)
    script.write_text(_HEAD + 'say("C", "1")\nimport signal\nsignal.pause()\n')
    monkeypatch.setattr(vm, "REPOSITORY", tmp_path)
    with Cabinet(bank, "cpython") as cabinet:
        lines = cabinet.lines(Job(source={}, end_ms=None))
        if running:
            next(lines)
        thread = threading.Thread(target=cabinet.end)
        thread.start()
        thread.join()
        with pytest.raises(RunFailed, match="the simulated cabinet died"):
            list(lines)


def test_an_unknown_vm_is_refused(bank):
    with pytest.raises(BadInput, match="vm 'pypy' is not one of micropython, cpython"):
        Cabinet(bank, "pypy")


def test_a_missing_vm_is_refused(bank, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match="micropython is not installed"):
        Cabinet(bank, "micropython")


_ENDLESS = """
import json, os, sys
from pathlib import Path
from packwarden_host import bank_file, cli, config_cli, vm
vm.REPOSITORY = Path(sys.argv[1])
bank = bank_file.build(bank_file.Choices(batteries=1, rated_current_A=100))
@config_cli.app.command()
def watch():
    with vm.Cabinet(bank, "cpython") as cabinet:
        for letter, text in cabinet.lines(vm.Job(source={}, end_ms=None)):
            print(json.dumps([str(cabinet.folder), int(text)]), flush=True)
raise SystemExit(cli.run(["config", "watch"]))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_process_and_leaves_nothing(tmp_path, number, code):
    script = tmp_path / "tools" / "packwarden_sim" / "start.py"
    script.parent.mkdir(parents=True)
    script.write_text(_HEAD + 'say("C", str(os.getpid()))\nimport signal\nsignal.pause()\n')
    command = [sys.executable, "-c", _ENDLESS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        folder, pid = json.loads(process.stdout.readline())
        process.send_signal(number)
        _, complaints = process.communicate(timeout=20)
    assert (process.returncode, complaints) == (code, b"")
    assert not Path(folder).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
