"""The frame: every channel has a place of its own, in the agreed order."""

import pytest

from packwarden import frame as frames
from packwarden.fixed import NONE


@pytest.mark.parametrize("batteries", range(1, 16))
def test_channels_follow_each_other_in_the_agreed_order(batteries):
    frame = frames.Frame(batteries)
    currents = list(range(batteries))
    voltages = [frame.voltage + k for k in range(batteries)]
    terminals = [frame.terminal + 2 * k + pole for k in range(batteries) for pole in (0, 1)]
    rest = [frame.ambient, frame.reference]
    assert currents + voltages + [frame.bus] + terminals + rest == list(range(frame.channels))


@pytest.mark.parametrize(
    ("supply", "main_shunt", "places"),
    [
        (False, False, (-1, -1)),
        (True, False, (15, -1)),
        (False, True, (-1, 15)),
        (True, True, (15, 16)),
    ],
)
def test_what_is_not_wired_has_no_channel(supply, main_shunt, places):
    frame = frames.Frame(3, supply, main_shunt)
    assert (frame.supply, frame.main) == places
    assert frame.channels == len(frame.raw) == 15 + supply + main_shunt


def test_a_new_frame_holds_no_measurement():
    frame = frames.Frame(3, supply=True, main_shunt=True)
    assert set(frame.raw) == {NONE}
    assert set(frame.note) == {frames.ABSENT}
    assert set(frame.count) == {0}
    assert (frame.aux_a, frame.aux_b, frame.bms, frame.external, frame.alert) == (0, 0, 0, 0, 0)
    assert (frame.contacts_known, frame.bms_known, frame.trip_circuit_known) == (0, 0, 0)


def test_every_state_of_a_channel_has_a_name():
    states = (
        frames.OK,
        frames.ABSENT,
        frames.FROZEN,
        frames.CONFIG_LOST,
        frames.WRONG_CHIP,
        frames.OPEN,
        frames.SHORT,
        frames.ZERO,
        frames.ADC,
    )
    assert sorted(states) == list(range(len(frames.HEALTH_NAMES)))
    assert frames.HEALTH_NAMES[frames.OPEN] == "open"
    assert frames.HEALTH_NAMES[frames.ADC] == "reference out of range"
