"""main.py on the simulated cabinet: first breath, a bad configuration, the last resort."""

import sys

import pytest


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


def test_a_board_that_cannot_be_built_resets_with_its_outputs_safe(rigged, monkeypatch):
    rig = rigged(4)

    def failing(config):
        raise MemoryError("too large")

    monkeypatch.setattr(sys.modules["cabinet"], "Protection", failing)
    monkeypatch.setattr(sys, "print_exception", lambda error: None, raising=False)
    assert rig.main()[0] == "reset"
    assert [rig.wiring.levels[pin] for pin in output_pins(rig)] == [0, 0, 0, 0]
