"""main.py on the simulated cabinet: the first second, a bad configuration, the last resort."""

import itertools
import json
import sys

import pytest

from packwarden_host.image import MANIFEST, manifest
from packwarden_sim import clock
from terminals import PIN


def trace(end_s, cells=None):
    names = ["t_s", *(cells or {})]
    values = [str(value) for value in (cells or {}).values()]
    rows = [",".join([str(t_s), *values]) for t_s in (0, end_s)]
    return "\n".join([",".join(names), *rows]) + "\n"


def output_pins(rig):
    board = rig.board
    return (board.PIN_MAIN_TRIP, board.PIN_ALARM, board.PIN_CHARGE, board.PIN_DISCHARGE)


def test_the_output_pins_are_outputs_at_their_safe_level_before_any_chip_is_visited(rigged):
    """They float until then; a level that was left behind by a soft reset is taken back too."""
    rig = rigged(4, trace(1))
    for pin in output_pins(rig):
        rig.wiring.levels[pin] = 1
    rig.log.clear()
    assert rig.main()[0] == "end"
    assert [entry[1:] for entry in rig.log[:4]] == [("pin", pin, 0) for pin in output_pins(rig)]
    first_chip = next(i for i, entry in enumerate(rig.log) if entry[1] == "chip")
    assert rig.log[first_chip][2] == rig.board.RELAY_EXPANDER
    # Until the relays have their level no pin but the safe ones and the select lines moved.
    moved = {entry[2] for entry in rig.log[4:first_chip] if entry[1] == "pin"}
    assert moved <= set(rig.board.MUX_SELECT)


def test_the_order_of_the_first_second(rigged):
    """As lib/README.md has it: the outputs first, arming last."""
    rig = rigged(4, trace(2))
    for pin in output_pins(rig):
        rig.wiring.levels[pin] = 1
    rig.log.clear()
    assert rig.main()[0] == "end"
    board = rig.board
    steps = [
        ("pin", board.PIN_MAIN_TRIP),
        ("pin", board.PIN_DISCHARGE),
        ("rtc", None),
        ("file", MANIFEST),
        ("file", "config.json"),
        ("nvs", "lockout"),
        ("chip", board.RELAY_EXPANDER),
        ("file", "journal0"),
        ("chip", board.MONITOR_ADDRESSES[0]),
    ]
    seen = [entry[1:3] for entry in rig.log]
    places = [seen.index(step) for step in steps]
    assert places == sorted(places)
    armed_us = clock.us[0] - rig.world.now_ms() * 1000
    energised = next(e for e in rig.log if e[1:] == ("pin", board.PIN_CHARGE, 1))
    assert armed_us <= energised[0] <= armed_us + 10_000
    assert armed_us < 1_500_000


def test_the_main_trip_never_moves_in_health(rigged):
    rig = rigged(4, trace(3))
    rig.main()
    assert set(rig.pins(rig.board.PIN_MAIN_TRIP)) <= {0}
    assert rig.wiring.relay.model.outputs == 0
    assert all(rig.wiring.positions())


@pytest.mark.parametrize("text", [None, "{", '{"schema": 1}'])
def test_without_a_configuration_the_outputs_stay_safe_and_no_watchdog_runs(rigged, text, capsys):
    """main.py returns to the REPL, so that a good one can be copied: nothing may reset it."""
    rig = rigged(4)
    path = rig.folder / "config.json"
    path.unlink() if text is None else path.write_text(text)
    assert rig.main() is None
    assert capsys.readouterr().out.startswith("not protecting: ")
    assert [rig.wiring.levels[pin] for pin in output_pins(rig)] == [0, 0, 0, 0]
    assert rig.wiring.relay.model.outputs == 0
    assert not [entry for entry in rig.log if entry[1] == "chip"]
    rig.world.sleep(60_000_000)
    assert rig.world.ended is None  # no watchdog bites


@pytest.mark.parametrize("error", [ValueError("as asked"), MemoryError("no heap"), OSError(5)])
@pytest.mark.parametrize("kind", ["shunt_trip", "uvr", "contactor"])
def test_an_error_in_the_tick_ends_in_the_safe_state_and_a_reset(
    rigged, monkeypatch, error, kind, capsys
):
    rig = rigged(4, trace(3), choices={"breaker": kind})
    step = sys.modules["cabinet"].Protection.step

    def failing(protection, now_ms):
        step(protection, now_ms)
        if protection.events.seconds == 1:
            raise error

    monkeypatch.setattr(sys.modules["cabinet"].Protection, "step", failing)
    monkeypatch.setattr(sys, "print_exception", lambda error: print(repr(error)), raising=False)
    cause, t_ms, _, _ = rig.main()
    assert (cause, t_ms) == ("reset", pytest.approx(1000, abs=10))
    assert repr(error) in capsys.readouterr().out
    # Alarm given, nothing permitted, the main as it was; each breaker as its kind has it.
    held = {"shunt_trip": 0, "uvr": 0, "contactor": 0b1111}[kind]
    assert [rig.wiring.levels[pin] for pin in output_pins(rig)][1:] == [0, 0, 0]
    assert rig.wiring.levels[rig.board.PIN_MAIN_TRIP] == (1 if kind == "contactor" else 0)
    assert rig.wiring.relay.model.outputs == held


def test_a_console_that_takes_no_traceback_costs_no_safety(rigged, monkeypatch):
    """The report comes last: whatever it does, the outputs are safe and the board is reset."""
    rig = rigged(4, trace(3))

    def failing(protection, now_ms):
        raise ValueError("as asked")

    def broken(error):
        assert rig.wiring.levels[rig.board.PIN_CHARGE] == 0
        raise OSError(5)

    monkeypatch.setattr(sys.modules["cabinet"].Protection, "step", failing)
    monkeypatch.setattr(sys, "print_exception", broken, raising=False)
    assert rig.main()[0] == "reset"


@pytest.fixture
def unbuilt(rigged, monkeypatch):
    """A board that cannot be built, in its first life."""

    def failing(*arguments):
        raise MemoryError("too large")

    rig = rigged(4, trace(600))
    cabinet = sys.modules["cabinet"]
    whole = cabinet.Protection
    rig.mend = lambda: monkeypatch.setattr(cabinet, "Protection", whole)
    monkeypatch.setattr(cabinet, "Protection", failing)
    monkeypatch.setattr(sys, "print_exception", lambda error: None, raising=False)
    return rig


LOOP = "held, not protecting: restarts in a loop: restarted by MemoryError at boot, 3 times"
ASK = [[1000, "why\r"], [1200, "status --json\r"], [1400, "events --json\r"]]
ASK_ms = 2500


def ask(rig, cause="reset", more=()):
    """Begin the next life, in which somebody asks what is wrong; return the console's lines.

    `cause` None: after the loss of power.
    """
    begin_ms = rig.world.now_ms() + 1000  # it boots, and it arms
    script = [[t_ms + begin_ms, text] for t_ms, text in (*ASK, *more)]
    rig.again(cause, script=script, end_ms=begin_ms + ASK_ms)
    rig.main()
    return rig.lines("C")


def replies(lines, begin):
    return [json.loads(line) for line in lines if line.startswith(begin)]


def test_a_board_that_cannot_be_built_resets_with_its_outputs_safe(unbuilt):
    assert unbuilt.main()[0] == "reset"
    assert [unbuilt.wiring.levels[pin] for pin in output_pins(unbuilt)] == [0, 0, 0, 0]


def test_one_that_cannot_be_built_three_times_is_held_and_says_why(unbuilt):
    looping(unbuilt)
    lines = ask(unbuilt)
    assert unbuilt.world.ended[0] == "end"  # no watchdog, no reset
    assert LOOP in lines
    (status,) = replies(lines, '{"armed"')
    assert (status["armed"], status["restart"]["times"]) == (False, 3)
    assert [unbuilt.wiring.levels[pin] for pin in output_pins(unbuilt)] == [0, 0, 0, 0]
    assert all(unbuilt.wiring.positions())
    (events,) = replies(lines, '[{"t_ms"')
    assert [(event["detail"], event["kept"]) for event in events] == [
        ("reset", True),
        ("MemoryError at boot", True),
        ("held: restarts in a loop", True),
    ]
    assert {(event["kind"], event["level"]) for event in events[1:]} == {("fault", "alarm")}


def looping(rig):
    """Let it fail three times."""
    assert rig.main()[0] == "reset"
    for _ in range(2):
        assert rig.again("reset").main()[0] == "reset"


def test_it_is_held_over_a_brown_out_and_not_over_the_loss_of_power(unbuilt):
    looping(unbuilt)
    assert LOOP in ask(unbuilt, "brown_out")
    unbuilt.mend()
    assert replies(ask(unbuilt, None), '{"armed"')[0]["armed"]


def test_a_person_lets_it_start_again(unbuilt):
    """Who knows the PIN; one that was set while it was held is known afterwards."""
    looping(unbuilt)
    typed = f"pin {PIN}\racknowledge\runlock {PIN}\racknowledge\r"
    ask(unbuilt, more=[(1600, typed)])
    assert unbuilt.world.ended[0] == "reset"
    lines = unbuilt.lines("C")
    assert "error: locked: type unlock PIN first" in lines
    assert "the cabinet starts again" in lines  # its last words are sent before
    unbuilt.mend()
    lines = ask(unbuilt)
    assert unbuilt.world.ended[0] == "end"
    (status,) = replies(lines, '{"armed"')
    assert (status["armed"], status["restart"]) == (True, None)
    (events,) = replies(lines, '[{"t_ms"')
    said = [event["detail"] for event in events]
    assert said == [*HELD_DETAILS, "PIN set", "unlocked", "restart acknowledged", "reset"]


HELD_DETAILS = ["reset", "MemoryError at boot", "held: restarts in a loop"]


@pytest.fixture
def failing(rigged, monkeypatch):
    """A cabinet whose step fails a second after arming; arguments are those of `rigged`."""

    def build(*args, **more):
        rig = rigged(*args, **more)
        step = sys.modules["cabinet"].Protection.step

        def fail(protection, now_ms):
            step(protection, now_ms)
            if protection.events.seconds == 1:
                raise ValueError("as asked")

        monkeypatch.setattr(sys.modules["cabinet"].Protection, "step", fail)
        monkeypatch.setattr(sys, "print_exception", lambda error: None, raising=False)
        return rig

    return build


@pytest.mark.parametrize("kind", ["shunt_trip", "uvr", "contactor"])
def test_while_it_is_held_the_outputs_are_as_after_a_failure(failing, kind):
    """A contactor that was closed stays so, and nothing else is energised."""
    rig = failing(4, trace(600), choices={"breaker": kind})
    looping(rig)
    ask(rig)
    assert rig.world.ended[0] == "end"
    held = kind == "contactor"
    assert rig.wiring.relay.model.outputs == (0b1111 if held else 0)
    levels = [rig.wiring.levels[pin] for pin in output_pins(rig)]
    assert levels == [1 if held else 0, 0, 0, 0]
    assert rig.wiring.positions() == ([kind != "uvr"] * 5)
    # The relay expander is reset 8 s after the last clock on its bus.
    visits = [e[0] for e in rig.log if e[1:3] == ("chip", rig.board.RELAY_EXPANDER)]
    assert max(b - a for a, b in itertools.pairwise(visits)) <= 1_100_000


def test_a_contactor_that_has_dropped_meanwhile_is_not_energised(failing):
    rig = failing(4, trace(600), choices={"breaker": "contactor"})
    looping(rig)
    ask(rig, "brown_out")
    assert rig.world.ended[0] == "end"
    assert rig.wiring.relay.model.outputs == 0
    assert rig.wiring.levels[rig.board.PIN_MAIN_TRIP] == 0


def test_a_shunt_trip_that_a_failure_trips_gets_a_pulse_that_ends(failing):
    rig = failing(4, trace(600))
    rig.config["breakers"]["trip_on_failure"] = [2]
    (rig.folder / "config.json").write_text(json.dumps(rig.config))
    looping(rig)
    seen = []
    rig.each_wake = lambda: seen.append((clock.us[0], rig.wiring.relay.model.outputs))
    rig.again("reset", end_ms=rig.world.now_ms() + ASK_ms)
    rig.main()
    (energised_us,) = [us for us, outputs in seen if outputs == 0b10]  # it slept meanwhile
    visits = [entry[0] for entry in rig.log if entry[1:3] == ("chip", rig.board.RELAY_EXPANDER)]
    began_us = max(us for us in visits if us < energised_us)
    assert energised_us - began_us == pytest.approx(200_000, abs=1000)
    assert seen[-1][1] == 0
    assert rig.wiring.positions() == [True, False, True, True, True]


def test_a_journal_that_cannot_be_opened_does_not_silence_the_console(unbuilt, monkeypatch):
    looping(unbuilt)

    def broken(*arguments):
        raise ValueError("as asked")

    monkeypatch.setattr(sys.modules["packwarden.journal"].Journal, "open", broken)
    monkeypatch.setattr(sys.modules["packwarden.journal"].Journal, "commit", broken)
    lines = ask(unbuilt)
    assert LOOP in lines
    assert replies(lines, '{"armed"')[0]["journal_fails"]


def test_an_image_that_is_not_what_was_deployed_is_held_and_named(rigged):
    rig = rigged(4, trace(600))
    (rig.folder / "board.py").write_text("NAME = 1\n")
    (rig.folder / MANIFEST).write_text(manifest({"board.py": "NAME = 2\n", "lib/x.mpy": b""}))
    lines = ask(rig, None)
    named = "board.py is changed, lib/x.mpy is missing"
    assert f"held, not protecting: the image is not what was deployed: {named}" in lines
    (status,) = replies(lines, '{"armed"')
    assert status["wrong"] == named.split(", ")
    assert [rig.wiring.levels[pin] for pin in output_pins(rig)] == [0, 0, 0, 0]
    (events,) = replies(lines, '[{"t_ms"')
    said = [event["detail"] for event in events]
    assert said == ["power-on", "held: not the image that was deployed"]


def test_a_file_that_cannot_be_read_once_holds_nothing(rigged, monkeypatch):
    rig = rigged(4, trace(600))
    files = {"board.py": "NAME = 1\n"}
    (rig.folder / "board.py").write_text(files["board.py"])
    (rig.folder / MANIFEST).write_text(manifest(files))
    module = sys.modules["image"]
    whole = module.open
    failures = [OSError(5)]

    def open(name, mode):
        if name == "board.py" and failures:
            raise failures.pop()
        return whole(name, mode)

    monkeypatch.setattr(module, "open", open)
    (status,) = replies(ask(rig, None), '{"armed"')
    assert status["armed"] and not failures


def test_an_image_that_is_whole_is_named_and_one_without_manifest_told(rigged):
    rig = rigged(4, trace(600))
    assert replies(ask(rig, None), '{"armed"')[0]["image"] is None
    files = {"board.py": "NAME = 1\n"}
    (rig.folder / "board.py").write_text(files["board.py"])
    (rig.folder / MANIFEST).write_text(manifest(files))
    (status,) = replies(ask(rig, "brown_out"), '{"armed"')
    assert status["armed"] and len(status["image"]) == 8


def test_a_module_that_was_not_copied_leaves_the_repl(rigged, monkeypatch, capsys):
    """With the outputs safe and without a watchdog; what is reset then was no panic."""
    rig = rigged(4, trace(600))
    cabinet = sys.modules["cabinet"]
    monkeypatch.setitem(sys.modules, "cabinet", None)
    assert rig.main() is None
    assert capsys.readouterr().out.startswith("not protecting: ")
    assert [rig.wiring.levels[pin] for pin in output_pins(rig)] == [0, 0, 0, 0]
    monkeypatch.setitem(sys.modules, "cabinet", cabinet)
    assert replies(ask(rig), '{"armed"')[0]["restart"] is None


@pytest.mark.parametrize(
    ("cause", "detail", "told"),
    [
        (None, "power-on", None),
        ("brown_out", "brown-out", None),
        ("panic", "panic", "panic"),
        ("watchdog", "watchdog", "watchdog"),
    ],
)
def test_each_cause_of_a_reset_is_recorded(rigged, cause, detail, told):
    rig = rigged(4, trace(600), end_ms=1000)
    rig.main()
    lines = ask(rig, cause)
    (events,) = replies(lines, '[{"t_ms"')
    boots = [event for event in events if event["element"] == "boot"]
    assert [event["detail"] for event in boots] == ["power-on", detail]
    (status,) = replies(lines, '{"armed"')
    assert (status["restart"] or {}).get("cause") == told
    assert [e["detail"] for e in events if e["kind"] == "fault"] == ([told] if told else [])
