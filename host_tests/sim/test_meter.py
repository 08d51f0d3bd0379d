"""The meter: what a tick took, tick by tick, at the fake machine."""

import pytest

from packwarden_host.sources import below, library
from packwarden_host.targets import UnixVm
from packwarden_sim import costs, meter
from packwarden_sim.fakes import machine
from packwarden_sim.fakes import time as board_time
from packwarden_sim.meter import NAMES
from sim.rig import BOARD, N, Rig


@pytest.fixture
def rig():
    rig = Rig()
    rig.watchdog = machine.WDT(timeout=5000)
    rig.world.meter.clear()
    return rig


def adc():
    return machine.ADC(machine.Pin(BOARD.MUX_ADC[0]), atten=machine.ADC.ATTN_11DB)


def tick(rig, reads):
    """A tick of so many reads of the first monitor, an ADC reading and a relay word."""
    converter = adc()
    board_time.sleep_us(1000)
    for _ in range(reads):
        rig._monitors.readfrom_into(0x40, bytearray(3))
    converter.read_uv()
    rig._expanders.writeto(BOARD.RELAY_EXPANDER, bytearray([0x12, 0, 0]))
    rig.watchdog.feed()


def test_a_tick_is_what_came_between_the_wake_and_the_feed(rig):
    tick(rig, 2)
    last = dict(zip(NAMES, rig.world.meter.last, strict=True))
    assert last.pop("tick_us") == sum(
        last[name] for name in ("wire_us", "driver_us", "adc_us", "compute_us")
    )
    assert last == {
        "monitors_bytes": 2 * 4,
        "expanders_bytes": 4,
        "monitors_transactions": 2,
        "expanders_transactions": 1,
        "time_outs": 0,
        "wire_us": 3 * 95,  # each of four bytes
        "driver_us": 3 * costs.I2C_DRIVER_US,
        "adc_us": costs.ADC_READ_US,
        "compute_us": costs.step_cost(N),
    }


def test_the_worst_and_the_mean_of_each_are_kept(rig):
    for reads in (1, 5, 3):
        tick(rig, reads)
    report = rig.world.meter.report()
    assert report["ticks"] == 3
    assert report["mean"]["monitors_bytes"] == 12
    assert report["worst"]["monitors_bytes"] == 20
    assert rig.world.meter.last[meter.BYTES] == 12
    rig.world.meter.clear()
    assert rig.world.meter.report()["ticks"] == 0


def test_a_time_out_is_counted_in_its_tick(rig):
    rig.wiring.monitors[0].hang(True)
    with pytest.raises(OSError):
        rig._monitors.readfrom_into(0x40, bytearray(3))
    rig.watchdog.feed()
    assert rig.world.meter.last[meter.TIME_OUTS] == 1
    tick(rig, 0)
    assert rig.world.meter.last[meter.TIME_OUTS] == 0


def test_a_board_that_arms_begins_to_count(rig):
    armed = Rig(wake=False)
    watchdog = machine.WDT(timeout=5000)
    watchdog.feed()
    assert armed.world.meter.ticks == 1
    board_time.sleep_us(0)
    assert armed.world.meter.ticks == 0


_LOCKED = """
import micropython
from packwarden_sim.bus import Bus
from packwarden_sim.clock import us
from packwarden_sim.meter import Meter

buses = [Bus((n, 1, 2, 400000, 20000)) for n in (0, 1)]
meter = Meter(buses, 2900)
step = 0  # a new name would be an allocation
micropython.heap_lock()
for step in range(50):
    buses[0].bytes += step
    us[0] += 10000
    meter.tick()
micropython.heap_unlock()
print(meter.total[0], meter.ticks)
"""


def test_counting_allocates_nothing():
    files = library() | below("tools/packwarden_sim", "packwarden_sim")
    assert UnixVm().run(_LOCKED, files) == f"{sum(range(50))} 50\n"
