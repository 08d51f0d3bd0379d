"""Which configuration a board runs: the slots, the file that the first one comes as, refusals."""

import json
import sys

import pytest

from packwarden import config_text, settings
from packwarden.two_slots import TwoSlots


@pytest.fixture
def rig(rigged):
    return rigged(4)


class Board:
    """A board's configuration after a restart: what it loads, or the reason why not."""

    def __init__(self):
        module = sys.modules["configuration"]
        self.here = module.Configuration()
        self.error = self.config = None
        try:
            self.config = self.here.load()
        except module.ConfigurationError as error:
            self.error = str(error)

    @property
    def generation(self):
        return self.here.slots.generation


def stored(rig, config, schema=settings.SCHEMA):
    """Store a configuration in the board's slots, as an earlier life did."""
    slots = TwoSlots(sys.modules["flash"], "config")
    slots.load()
    lines = [line.encode() for line in config_text.lines(config)]
    for _ in slots.store(schema, lines):
        pass


def changed(rig, **bank):
    return rig.config | {"bank": rig.config["bank"] | bank}


def test_the_first_one_is_taken_over_from_its_file_and_kept_in_a_slot(rig):
    first = Board()
    assert first.config == rig.config
    assert (first.generation, first.here.refused) == (1, False)
    assert not (rig.folder / "config.json").exists()
    again = Board()
    assert again.config == rig.config
    assert (again.generation, again.here.hash) == (1, first.here.hash)


def test_the_same_file_again_is_nothing_new(rig):
    """The power went before it was removed."""
    Board()
    (rig.folder / "config.json").write_text(json.dumps(rig.config))
    board = Board()
    assert board.generation == 1
    assert not (rig.folder / "config.json").exists()


def test_another_file_replaces_what_ran_and_has_another_hash(rig):
    first = Board()
    other = changed(rig, capacity_Ah=120)
    (rig.folder / "config.json").write_text(json.dumps(other))
    board = Board()
    assert board.config == other
    assert board.generation == 2
    assert board.here.hash != first.here.hash


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "config.json: is not JSON"),
        ("[]", "config.json: is not an object with schema, bank, sensors, breakers, elements"),
        (None, "config.json: bank.batteries 16 is outside 1 .. 15 batteries"),
    ],
)
def test_a_bad_file_is_refused_and_the_last_good_one_runs(rig, text, reason):
    Board()
    (rig.folder / "config.json").write_text(text or json.dumps(changed(rig, batteries=16)))
    board = Board()
    assert board.config == rig.config
    assert board.generation == 1
    assert board.here.refused
    assert [f"{file}: {why}" for file, why in board.here.slots.refused] == [reason]
    assert (rig.folder / "config.json").exists()  # somebody will want to know


def test_where_the_newest_slot_is_damaged_the_one_before_runs(rig):
    Board()
    stored(rig, changed(rig, capacity_Ah=120))
    path = rig.folder / "config.b"
    path.write_bytes(path.read_bytes()[:-1])
    board = Board()
    assert board.config == rig.config
    ((name, reason),) = board.here.slots.refused
    assert name == "config.b" and reason.startswith("holds ")


def test_where_the_newest_slot_holds_what_is_no_good_the_one_before_runs(rig):
    Board()
    stored(rig, changed(rig, batteries=0))
    board = Board()
    assert board.config == rig.config
    assert board.here.slots.refused == [
        ("config.b", "bank.batteries 0 is outside 1 .. 15 batteries")
    ]


def test_text_that_is_none_is_refused_with_its_line(rig):
    Board()
    slots = TwoSlots(sys.modules["flash"], "config")
    slots.load()
    for _ in slots.store(settings.SCHEMA, [b"schema 2\n", b"bank {\n"]):
        pass
    board = Board()
    assert board.config == rig.config
    assert board.here.slots.refused == [("config.b", "line 2 is not a path and JSON")]


def test_what_is_for_another_board_or_beyond_it_is_refused(rig, monkeypatch):
    stored(rig, changed(rig, board="other"))
    (rig.folder / "config.json").unlink()
    assert Board().error == "config.a: bank.board 'other' is not this board, cabinet15"
    stored(rig, rig.config)
    monkeypatch.setattr(rig.board, "MAX_BATTERIES", 3)
    assert "bank.batteries 4 is outside 1 .. 3 batteries of cabinet15" in Board().error
    stored(rig, rig.config | {"breakers": rig.config["breakers"] | {"feedback": "52b"}})
    monkeypatch.setattr(rig.board, "MAX_BATTERIES", 15)
    monkeypatch.delattr(rig.board, "AUX_B")
    board = Board()
    assert board.config == rig.config
    assert board.here.slots.refused == [
        ("config.a", "breakers.feedback '52b' is not wired on cabinet15, there is: none, 52a")
    ]


def test_where_both_are_bad_none_runs_and_both_are_told(rig):
    Board()
    stored(rig, changed(rig, capacity_Ah=120))
    for name in ("config.a", "config.b"):
        (rig.folder / name).write_bytes(b"noise")
    board = Board()
    assert board.error == (
        "config.a: has 5 bytes, its head alone has 22;"
        " config.b: has 5 bytes, its head alone has 22"
    )


@pytest.mark.parametrize("kind", ["shunt_trip", "uvr", "contactor"])
def test_where_both_are_bad_every_output_is_safe_and_the_console_answers(rigged, kind):
    script = [[500, "why\n"]]
    rig = rigged(4, "t_s\n0\n3\n", choices={"breaker": kind}, script=script)
    (rig.folder / "config.json").unlink()
    for name in ("config.a", "config.b"):
        (rig.folder / name).write_bytes(b"noise")
    heard = []
    rig.console._emit = lambda line: heard.append(line.decode())
    assert rig.main()[0] == "end"
    board = rig.board
    pins = (board.PIN_MAIN_TRIP, board.PIN_ALARM, board.PIN_CHARGE, board.PIN_DISCHARGE)
    for pin in pins:
        assert rig.wiring.levels[pin] == 0
        assert set(rig.pins(pin)) <= {0}
    assert rig.wiring.relay.model.outputs == 0
    assert any("no configuration is good, push another one: config.a: " in one for one in heard)
    assert rig.world.ended[0] == "end"  # nobody reset it


def test_a_good_file_clears_what_was_refused(rig):
    for name in ("config.a", "config.b"):
        (rig.folder / name).write_bytes(b"noise")
    board = Board()
    assert (board.config, board.here.refused, board.generation) == (rig.config, False, 1)
    assert not (rig.folder / "config.b").exists()
    assert not Board().here.refused


def test_where_nothing_is_there_that_is_told(rig):
    (rig.folder / "config.json").unlink()
    board = Board()
    assert (board.error, board.here.refused) == ("no config.json", False)


def test_an_older_one_is_brought_up_to_date_and_kept_so(rig):
    """The firmware was replaced by a later one. The slot before stays, for the way back."""
    older = rig.config | {"schema": 1}
    older["elements"] = {k: v for k, v in rig.config["elements"].items() if k != "cascade"}
    (rig.folder / "config.json").unlink()
    stored(rig, older, 1)
    board = Board()
    assert board.config == rig.config
    assert (board.generation, board.here.slots.schema) == (2, settings.SCHEMA)
    again = Board()
    assert (again.generation, again.here.hash) == (2, board.here.hash)
    assert (rig.folder / "config.a").read_bytes()[4:6] == b"\x01\x00"


def test_a_flash_that_takes_nothing_costs_no_protection(rig, monkeypatch):
    """It runs from its file, and the alarm tells."""

    def full(name, mode):
        raise OSError(28 if mode == "wb" else 2)

    monkeypatch.setattr(sys.modules["flash"], "open", full)
    board = Board()
    assert board.config == rig.config
    assert board.here.refused and board.here.hash
    assert board.here.slots.refused == [("config.json", "runs, but the flash does not keep it")]
    assert (rig.folder / "config.json").exists()


def test_what_cannot_be_read_is_refused(rig, monkeypatch):
    Board()

    def broken(self):
        raise OSError(5)
        yield

    monkeypatch.setattr(TwoSlots, "pieces", broken)
    board = Board()
    assert board.error == "config.a: cannot be read"


def test_a_refusal_is_an_alarm_and_protection_goes_on(rigged):
    rig = rigged(4, "t_s\n0\n3\n")
    (rig.folder / "config.json").write_text("{")
    stored(rig, rig.config)
    cabinet = rig.run()
    (fault,) = [event for event in rig.lines() if event["element"] == "controller_fault"]
    assert (fault["kind"], fault["action"]) == ("fault", "alarm")
    assert cabinet.protection.alarm and cabinet.protection.armed
    events = [event for event in cabinet.recorder.journal.events(0) if event]
    assert "configuration refused" in [event.detail_name() for event in events]
