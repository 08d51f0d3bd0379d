"""Both slots of the configuration are bad: nothing protects, and another one is pushed."""

import pytest

import pushes
from packwarden_host import vm
from system.runs import bank, commissioned, each, first, simulated, told, trace
from terminals import PIN

STATUS = "status --json\n"
REASON = (
    "no configuration is good, push another one: config.a: has 5 bytes, its head alone has 22;"
    " config.b: begins with 00000000, not with 32535750"
)


def spoil(cabinet):
    """Two slots that hold nothing good, as a flash that ages might leave them."""
    commissioned(cabinet)
    flash = cabinet.folder / "state" / "flash"
    (flash / "config.json").unlink()
    (flash / "config.a").write_bytes(b"noise")
    (flash / "config.b").write_bytes(bytes(3000))


@pytest.mark.parametrize("kind", vm.VMS)
def test_it_is_held_says_why_and_protects_with_what_is_pushed(kind):
    rows = trace((0, each(4, i_A=40)), (24, {"tp2_C": 90}), (30, {}))
    script = [
        [300, STATUS + "config --json\n"],
        [600, "why\n"],
        [900, "bank\nconfig read\n"],
        *pushes.script(bank(), PIN, 1500, 12_000),
        [20_000, STATUS + "config --json\n"],
    ]
    run = simulated(rows, vm=kind, script=script, prepare=spoil)
    held, protecting = run.replies("armed")
    assert (held["armed"], held["held"]) == (False, [REASON])
    assert f"held, not protecting: {REASON}" in run.console
    assert "error: no configuration runs" in run.console
    assert any('no command "bank"' in line for line in run.console)
    before, after = run.replies("generation")
    assert (before["generation"], before["hash"], before["staged"]) == (0, "00000000", None)
    assert len(before["refused"]) == 2
    # The push is a restart that somebody wants, and no fault.
    assert [restart["cause"] for restart in run.restarts] == ["reset"]
    assert (protecting["armed"], protecting["restart"]) == (True, None)
    assert (after["generation"], after["hash"]) == (1, pushes.checksum(pushes.text(bank())))
    assert (after["refused"], protecting["controller"]) == ([], "")
    (fault,) = told(run.events, kind="fault")
    assert (fault["element"], fault["t_ms"], fault["action"]) == ("controller_fault", 0, "alarm")
    trip = first(run.events, kind="trip")
    assert (trip["battery"], trip["action"]) == (2, "trip_battery")
