"""The self-test on the board: files and clocks looked at in the slack, while it protects."""

import binascii
import hashlib
import importlib
import sys

import pytest

from firmware.test_access import commissioned
from firmware.test_cabinet import trace
from packwarden.selftest import CALIBRATION, CLOCK, CONFIGURATION, IMAGE, WATCHDOG
from packwarden.timing import COLLECTION, OWN

FILES = {"first.py": b"1" * 5000, "lib/second.mpy": b"2" * 700}
ASKED = [[3000, "selftest\n"]]


def manifest(folder):
    """Put an image into a folder; return its name, as `image.check` finds it."""
    lines = []
    for path, content in FILES.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {path}\n")
    text = "".join(lines).encode()
    (folder / "image.sha256").write_bytes(text)
    return binascii.hexlify(hashlib.sha256(text).digest()).decode()[:8]


@pytest.fixture
def imaged(rigged, tmp_path):
    """A rig with an image; `look(change)`: run it, change a file when it has begun, test then."""

    def run(batteries=4, change=lambda: None, script=ASKED, end_s=14):
        name = manifest(tmp_path)
        rig = rigged(batteries, trace(end_s), script=script)
        cabinet = rig.cabinet()
        cabinet._inspection._name = name
        change()
        return rig, rig.run(cabinet)

    return run


def results(cabinet):
    return {name: result for name, (result, _) in cabinet.selftest.found.items()}


def said(rig):
    return [line for line in rig.lines("C") if " bad  " in line or "error" in line]


@pytest.mark.parametrize("batteries", [4, 15])
def test_after_boot_the_clocks_are_compared_and_no_tick_is_late_for_it(rigged, batteries):
    rig = rigged(batteries, trace(4))
    cabinet = rig.run()
    assert cabinet.selftest.done_s in (0, 1)
    found = cabinet.selftest.found
    assert found[CLOCK][0] == found[WATCHDOG][0] == found[CONFIGURATION][0] == "good"
    assert found[CALIBRATION] == ("good", "none is kept")
    assert found[IMAGE] == ("not done", "it has no manifest")
    assert (cabinet.timing.late[OWN], cabinet.timing.missed[OWN]) == (0, 0)


@pytest.mark.parametrize("batteries", [4, 15])
def test_who_asks_has_all_files_read_again_in_pieces_that_fit(imaged, batteries):
    rig, cabinet = imaged(batteries)
    found = cabinet.selftest.found
    assert set(results(cabinet).values()) == {"good"}
    assert found[IMAGE][1] == "image " + cabinet._inspection._name
    assert "config.a: hash" in found[CONFIGURATION][1]
    assert said(rig) == []
    (job,) = [job for job in cabinet.timing.jobs if job.name == "self-test"]
    assert 1000 < job.worst_us <= job.bound_us
    assert (cabinet.timing.late[OWN], cabinet.timing.missed[OWN]) == (0, 0)
    if batteries == 4:
        assert cabinet.timing.late[COLLECTION] == 0


@pytest.mark.parametrize(
    ("path", "content", "why"),
    [
        ("first.py", b"1" * 4999 + b"0", "first.py is changed"),
        ("lib/second.mpy", None, "lib/second.mpy is missing"),
        ("image.sha256", b"", "image.sha256 is changed"),
        ("image.sha256", None, "image.sha256 cannot be read"),
    ],
)
def test_a_file_that_has_changed_since_boot_is_named_and_an_alarm(
    imaged, tmp_path, path, content, why
):
    def change():
        if content is None:
            (tmp_path / path).unlink()
        else:
            (tmp_path / path).write_bytes(content)

    rig, cabinet = imaged(change=change)
    assert cabinet.selftest.found[IMAGE] == ("bad", why)
    assert cabinet.selftest.bad == [IMAGE]
    assert cabinet.protection.alarm
    assert any(line.startswith("image") and why in line for line in said(rig))
    alarms = [event for event in rig.lines() if event["element"] == "controller_fault"]
    assert [event["kind"] for event in alarms] == ["fault"]


def test_a_read_that_fails_once_is_no_alarm(imaged, monkeypatch):
    image = sys.modules["image"]
    original = image.again
    calls = []

    def again(name):
        calls.append(name)
        return original(name) if len(calls) > 1 else iter(["first.py cannot be read"])

    monkeypatch.setattr(image, "again", again)
    _, cabinet = imaged()
    assert len(calls) == 2
    assert cabinet.selftest.found[IMAGE][0] == "good"
    assert cabinet.selftest.bad == []


def test_without_memory_it_is_not_done_and_protection_goes_on(imaged, monkeypatch):
    def again(name):
        raise MemoryError

    monkeypatch.setattr(sys.modules["image"], "again", again)
    _, cabinet = imaged()
    assert cabinet.selftest.found[IMAGE] == ("not done", "there was no memory for it")
    assert cabinet.selftest.bad == []
    cabinet._inspection._count = 0
    cabinet._inspection._pieces = again
    assert not cabinet._inspection.run()


@pytest.mark.parametrize(
    ("hz", "result"), [(150_000, "good"), (160_000, "good"), (120_000, "bad")]
)
def test_a_crystal_that_runs_at_another_rate_is_found(rigged, monkeypatch, hz, result):
    machine = importlib.import_module("packwarden_sim.fakes.machine")
    monkeypatch.setattr(machine, "slow_hz", hz)
    cabinet = rigged(2, trace(4)).run()
    assert cabinet.selftest.found[CLOCK][0] == result
    assert cabinet.selftest.bad == ([CLOCK] if result == "bad" else [])


def test_a_chip_whose_clock_is_not_known_is_not_compared(rigged, monkeypatch):
    rig = rigged(2, trace(4))
    monkeypatch.setattr(rig.board, "CHIP", "esp32c3")
    assert rig.run().selftest.found[CLOCK] == ("not done", "not known on this chip")


def test_what_runs_is_found_changed_in_the_flash(imaged, tmp_path):
    _, cabinet = imaged(script=[])
    content = bytearray((tmp_path / "config.a").read_bytes())
    content[100] ^= 1
    (tmp_path / "config.a").write_bytes(content)
    cabinet._inspection.run()
    for _ in cabinet._inspection._pieces(True):
        pass
    assert cabinet.selftest.found[CONFIGURATION][0] == "bad"
    assert "config.a is" in cabinet.selftest.found[CONFIGURATION][1]


def test_a_calibration_is_named_by_its_generation(rigged):
    line = "calibrate temperature ambient 25.5 2027-01-31 anna\n"
    script = [[2000, "unlock 135790\n"], [2500, line], [6000, "selftest\n"]]
    rig = commissioned(rigged(2, trace(14), script=script))
    cabinet = rig.run()
    assert "generation 1" in cabinet.selftest.found[CALIBRATION][1]
