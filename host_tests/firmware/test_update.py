"""A configuration that is pushed while the cabinet protects: no tick late, nothing lost."""

import sys

import pytest

import pushes
from firmware.test_access import commissioned
from firmware.test_cabinet import trace
from packwarden.timing import FLASH, OWN
from packwarden_sim.clock import us
from terminals import PIN

ACTIVATE_ms = 12_000


def other(config):
    return config | {"bank": config["bank"] | {"capacity_Ah": 120}}


def pushed(rigged, batteries, text, activate_ms=ACTIVATE_ms):
    """A rig to whose cabinet another configuration is pushed, and that configuration."""
    config = other(rigged(batteries, text).config)
    script = pushes.script(config, PIN, 2000, activate_ms)
    return commissioned(rigged(batteries, text, script=script)), config


def wrote(rig):
    """Let the rig note when a configuration is written: (us, was a trip on its way)."""
    seen = []
    update = sys.modules["update"].Update
    original = update.run

    def run(self):
        seen.append((us[0], sys.modules["cabinet"].current.protection.moving()))
        original(self)

    update.run = run
    return seen


def kept(cabinet):
    """What the slots of a cabinet hold now, read anew."""
    slots = cabinet._configuration.slots
    slots.load()
    return slots.generation, b"".join(slots.pieces())


@pytest.mark.parametrize("batteries", [4, 15])
def test_no_tick_is_late_for_it_but_by_the_flash_and_then_the_board_starts_again(
    rigged, batteries
):
    rig, config = pushed(rigged, batteries, trace(60))
    writes = wrote(rig)
    cause, t_ms, _, _ = rig.main()
    cabinet = sys.modules["cabinet"].current
    timing = cabinet.timing
    assert cause == "reset"
    assert ACTIVATE_ms < t_ms < ACTIVATE_ms + 3000
    assert (timing.late[OWN], timing.missed[OWN]) == (0, 0)
    text = pushes.text(config)
    assert len(text) // 552 < len(writes) - 1 <= len(text) // 512 + 1  # the last is the start
    assert timing.late[FLASH] <= len(writes) + 4  # and PIN and events
    assert kept(cabinet) == (2, text)
    events = [event for event in cabinet.recorder.journal.events(0) if event and event.kept]
    assert [event.detail_name() for event in events][-2:] == ["unlocked", "configuration replaced"]


def test_while_a_trip_is_on_its_way_nothing_is_written_and_it_is_not_lost(rigged):
    """Begun 30 ms before the pickup: the trip comes first, and its lockout outlives it all."""
    cells = ((0, 25), (ACTIVATE_ms / 1000 + 0.03, 90), (60, 90))
    rows = "\n".join(f"{t_s},{cell}" for t_s, cell in cells)
    rig, config = pushed(rigged, 4, f"t_s,tp2_C\n{rows}\n")
    writes = wrote(rig)
    assert rig.main()[0] == "reset"
    cabinet = sys.modules["cabinet"].current
    assert not any(moving for _, moving in writes)
    times = [at - rig.tripped_us for at, _ in writes]
    assert min(times) < -1_900_000  # begun before the pickup ...
    assert not [
        at for at in times if -1_900_000 < at < 40_000
    ]  # ... and left alone until it is open
    assert max(times) > 40_000
    assert kept(cabinet) == (2, pushes.text(config))
    events = [event for event in cabinet.recorder.journal.events(0) if event and event.kept]
    assert [event.battery for event in events if event.kind == 3] == [2]
    assert cabinet.protection.breakers.tripped == 0b10
    assert cabinet._retained.kept


def test_a_file_that_was_refused_at_boot_is_gone_once_something_later_runs(rigged):
    rig, _ = pushed(rigged, 4, trace(60))
    first = rig.folder / "config.json"
    sys.modules["configuration"].Configuration().load()
    first.write_text("{")
    assert rig.main()[0] == "reset"
    assert not first.exists()


def test_a_flash_that_takes_nothing_more_stops_no_protection(rigged, monkeypatch):
    rig, _ = pushed(rigged, 4, trace(20))
    flash = sys.modules["flash"]
    original = flash.open

    def full(name, mode):
        if name == "config.b":
            raise OSError(28)
        return original(name, mode)

    monkeypatch.setattr(flash, "open", full)
    heard = []
    rig.console._emit = lambda line: heard.append(line.decode())
    assert rig.main()[0] == "end"
    assert "error: the flash does not take it: what ran runs on" in heard
    assert kept(sys.modules["cabinet"].current)[0] == 1
