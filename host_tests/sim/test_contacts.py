"""Contacts on expanders and pins: external trip, trip circuits, auxiliary contacts that lie."""

import pytest

from sim.rig import BOARD, N, Rig

CLOSED, OPEN = 0, 1


def fault(target, kind, **more):
    return {"t_ms": 100, "until_ms": 300, "target": target, "kind": kind, **more}


def before_during_after(rig, look):
    """What `look` says at rest, while the fault of the job lasts, and after it."""
    seen = [look()]
    for _ in range(2):
        rig.sleep_ms(200)
        seen.append(look())
    return seen


@pytest.mark.parametrize(
    ("sensors", "kind", "levels"),
    [
        ({}, "tripped", [CLOSED, OPEN, CLOSED]),
        ({"external_trip": "open_on_trip"}, "cut", [CLOSED, OPEN, CLOSED]),
        ({"external_trip": "closed_on_trip"}, "tripped", [OPEN, CLOSED, OPEN]),
        ({"external_trip": "closed_on_trip"}, "cut", [OPEN, OPEN, OPEN]),
        ({"external_trip": "none"}, "tripped", [OPEN, OPEN, OPEN]),
    ],
)
def test_the_external_trip_contact_is_on_its_pin(sensors, kind, levels):
    rig = Rig([fault("external_trip", kind)], sensors)
    assert before_during_after(rig, lambda: rig.pin(BOARD.PIN_EXTERNAL_TRIP)) == levels


def test_a_cut_wire_hides_a_trip():
    faults = [fault("external_trip", "cut"), fault("external_trip", "tripped")]
    rig = Rig(faults, {"external_trip": "closed_on_trip"})
    rig.sleep_ms(200)
    assert rig.pin(BOARD.PIN_EXTERNAL_TRIP) == OPEN


@pytest.mark.parametrize(
    ("sensors", "levels"),
    [
        ({}, [OPEN, OPEN, OPEN]),
        ({"trip_circuit": "open_on_fault"}, [CLOSED, OPEN, CLOSED]),
    ],
)
def test_the_chain_of_the_trip_circuits_is_on_its_input(sensors, levels):
    rig = Rig([fault("trip_circuit", "circuit")], sensors)
    assert before_during_after(rig, lambda: rig.input(BOARD.TRIP_CIRCUIT)) == levels


@pytest.mark.parametrize("target", ["2", "main"])
@pytest.mark.parametrize(
    ("kind", "closed", "seen"),
    [
        ("52a", False, [(CLOSED, OPEN), (OPEN, OPEN), (CLOSED, OPEN)]),
        ("52b", True, [(CLOSED, OPEN), (CLOSED, CLOSED), (CLOSED, OPEN)]),
        ("52a", True, [(CLOSED, OPEN)] * 3),
    ],
)
def test_a_contact_that_lies_says_the_same_wherever_its_breaker_stands(target, kind, closed, seen):
    rig = Rig([fault(f"contact {target}", kind, closed=closed)])
    place = -1 if target == "main" else 1

    def look():
        return rig.input(BOARD.AUX_A[place]), rig.input(BOARD.AUX_B[place])

    assert before_during_after(rig, look) == seen


def test_a_liar_says_closed_of_an_open_breaker_and_only_of_its_own():
    lie = {"t_ms": 0, "target": "contact 2", "kind": "52a", "closed": True}
    opened = [{"t_ms": 50, "target": f"breaker {k}", "kind": "open"} for k in (1, 2)]
    rig = Rig([lie, *opened])
    rig.sleep_ms(100)
    assert [rig.input(BOARD.AUX_A[k]) for k in range(N)] == [OPEN, CLOSED, CLOSED]
    assert [rig.input(BOARD.AUX_B[k]) for k in range(N)] == [CLOSED, CLOSED, OPEN]
