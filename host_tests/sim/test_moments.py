"""What happens at a microsecond of its own: who looks before sees the old, who after it the new.

And what trials need beside it: results that are forced, and a console that is flooded.
"""

import pytest

from packwarden_sim import costs
from packwarden_sim.clock import NEVER, us
from packwarden_sim.console import POLLIN, Flood
from packwarden_sim.fakes import machine
from packwarden_sim.moments import Moments
from packwarden_sim.trials import Outputs
from sim.rig import BOARD, Rig

FIRST = BOARD.MONITOR_ADDRESSES[0]
SHUNT = b"\x04"


@pytest.fixture
def watched(monkeypatch):
    """A rig whose wiring is looked at through Moments; `machine` is as before afterwards."""
    for name in ("I2C", "Pin"):
        monkeypatch.setattr(machine, name, getattr(machine, name))
    rig = Rig()
    moments = Moments()
    moments.watch(rig.wiring)
    return rig, moments


def monitors_bus():
    number, scl, sda, freq_hz, timeout_us = BOARD.I2C_MONITORS
    scl, sda = machine.Pin(scl), machine.Pin(sda)
    return machine.I2C(number, scl=scl, sda=sda, freq=freq_hz, timeout=timeout_us)


def test_a_transaction_that_begins_before_sees_the_old_and_the_next_one_the_new(watched):
    rig, moments = watched
    bus = monitors_bus()
    us[0] += 20_000  # conversions have ended
    bus.writeto(FIRST, SHUNT)
    codes = []

    def read():
        data = bytearray(3)
        bus.readfrom_into(FIRST, data)
        codes.append(int.from_bytes(data, "big") >> 4)

    def change():
        rig.shunt(0, 5000)
        rig.wiring.monitors[0].model.renew()

    moments.at(us[0] + 1, change)
    for _ in range(2):
        read()
    assert codes == [pytest.approx(1000, abs=2), pytest.approx(5000, abs=2)]


def test_without_being_forced_a_result_waits_for_its_conversion(watched):
    rig, _ = watched
    bus = monitors_bus()
    us[0] += 20_000
    bus.writeto(FIRST, SHUNT)
    data = bytearray(3)
    bus.readfrom_into(FIRST, data)
    rig.shunt(0, 5000)
    bus.readfrom_into(FIRST, data)
    assert int.from_bytes(data, "big") >> 4 == pytest.approx(1000, abs=2)


def test_pins_and_converters_let_pass_what_is_due_as_well(watched):
    _, moments = watched
    seen = []
    contact = machine.Pin(BOARD.PIN_EXTERNAL_TRIP, machine.Pin.IN, machine.Pin.PULL_UP)
    converter = machine.ADC(machine.Pin(BOARD.MUX_ADC[0]), atten=machine.ADC.ATTN_11DB)
    supply = machine.ADC(machine.Pin(BOARD.ADC_SUPPLY), atten=machine.ADC.ATTN_11DB)
    for look in (contact.value, converter.read_uv, supply.read_uv):
        moments.at(us[0], lambda: seen.append(us[0]))
        look()
    assert len(seen) == 3
    assert moments.due == NEVER


def test_what_is_due_happens_in_the_order_of_its_times_and_once(watched):
    _, moments = watched
    seen = []
    moments.at(us[0] + 20, lambda: seen.append("second"))
    moments.at(us[0] + 10, lambda: seen.append("first"))
    moments.at(us[0] + 9_000, lambda: seen.append("later"))
    us[0] += 100
    moments.let_pass()
    moments.let_pass()
    assert seen == ["first", "second"]
    moments.clear()
    us[0] += 10_000
    moments.let_pass()
    assert seen == ["first", "second"]


def test_a_time_out_is_noted_with_its_beginning_and_a_refusal_is_none(watched):
    rig, moments = watched
    bus = monitors_bus()
    rig.wiring.monitors[0].absent(True)
    with pytest.raises(OSError, match="19"):
        bus.writeto(FIRST, SHUNT)
    assert moments.timed_out_us is None
    rig.wiring.monitors[0].absent(False)
    rig.wiring.monitors[0].hang(True)
    began_us = us[0]
    with pytest.raises(OSError, match="116"):
        bus.writeto(FIRST, SHUNT)
    assert moments.timed_out_us == began_us


def test_outputs_note_when_each_stage_was_reached(watched):
    rig, _ = watched
    outputs = Outputs()
    rig.wiring.moved = rig.wiring.relay.model._moved = outputs
    outputs.watch(rig.wiring, [["relays", 2, 1], ["relays", 2, 0]])
    assert not outputs.stands()
    rig.relays(0)
    rig.relays(4)
    assert outputs.reached == 0
    rig.relays(2)
    assert (outputs.reached, outputs.ended()) == (1, False)
    rig.relays(0)
    assert outputs.ended()
    assert outputs.times[0] < outputs.times[1] <= us[0]


def test_a_flood_comes_byte_by_byte_and_what_is_not_taken_is_lost():
    us[0] = 0
    flood = Flood()
    byte = bytearray(1)
    us[0] += costs.CONSOLE_BYTE_US
    taken = 0
    while flood.readinto(byte):
        taken += 1
    assert taken == 2  # one at once, and the one that has arrived since
    us[0] += 1_000 * costs.CONSOLE_BYTE_US
    taken = 0
    while flood.ready() & POLLIN:
        taken += flood.readinto(byte)
    assert taken == 257
