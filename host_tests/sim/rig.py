"""A simulated cabinet without firmware: `from sim.rig import BOARD, Rig, Source`.

The test is the firmware: it reads pins, writes registers, and lets time pass.
"""

from packwarden_host import boards
from packwarden_sim import world
from packwarden_sim.clock import NEVER, us
from packwarden_sim.console import Silent
from packwarden_sim.fakes import machine
from packwarden_sim.fakes import time as board_time
from packwarden_sim.faults import Schedule
from packwarden_sim.wiring import Wiring

BOARD = boards.load("cabinet15")
N = 3


class Source:
    """A bank that stands still; a test that changes it has the wiring update its inputs."""

    def __init__(self):
        self.batteries = N
        self.shunt = [1000] * N + [0]
        self.bus = [270_000] * (N + 1)
        self.adc_uv = [1_000_000] * (2 * N + 2)
        self.states = [0] * (N + 1)
        self.contacts = (1 << N) - 1
        self.bms = 0
        self.next_ms = self.end_ms = NEVER

    def apply(self, *switches):
        self.switches = switches

    def save(self):
        return None


class Lines:
    """The host, to whom nothing is told; the firmware has its events, so the run is armed."""

    def find_log(self):
        return True

    def pending(self):
        return False

    def drain(self):
        pass

    stop = drain

    def armed(self, t_ms):
        pass


class Rig:
    """World and wiring with a job's faults, armed at its first wake, which is at once or later.

    `sensors`, `kind`: parts of the bank's configuration; `saved`: from `World.save` after a reset.
    """

    def __init__(
        self, faults=(), sensors=None, kind="shunt_trip", board=BOARD, saved=None, wake=True
    ):
        us[0] = 0
        self.board = board
        self.source = Source()
        hardware = {"sensors": sensors or {}, "breakers": {"kind": kind}}
        self.wiring = Wiring(board, hardware, self.source, 1)
        resumed_ms = saved["t_ms"] if saved else None
        schedule = Schedule(faults, self.wiring, resumed_ms)
        self.world = world.World({}, self.wiring, schedule, Lines(), Silent(), saved=saved)
        world.current = self.world
        self._monitors = self._bus(board.I2C_MONITORS)
        self._expanders = self._bus(board.I2C_EXPANDERS)
        if wake:
            board_time.sleep_us(0)

    def _bus(self, wired):
        number, scl, sda, freq_hz, timeout_us = wired
        scl, sda = machine.Pin(scl), machine.Pin(sda)
        return machine.I2C(number, scl=scl, sda=sda, freq=freq_hz, timeout=timeout_us)

    def sleep_ms(self, span_ms, step_ms=10):
        """Let time pass, waking every `step_ms`."""
        end_us = us[0] + span_ms * 1000
        while us[0] < end_us:
            board_time.sleep_us(min(step_ms * 1000, end_us - us[0]))

    def shunt(self, k, code):
        """The current of battery k (from 0) changes now."""
        self.source.shunt[k] = code
        self.wiring.update_inputs()

    def put(self, k, register, word):
        """Write a register of monitor k."""
        data = bytearray((register, word >> 8, word & 255))
        self._monitors.writeto(self.board.MONITOR_ADDRESSES[k], data)

    def get(self, k, register, size=2):
        """Read a register of monitor k."""
        address = self.board.MONITOR_ADDRESSES[k]
        return self._read(self._monitors, address, register, size, "big")

    def put_port(self, address, register, word):
        """Write a pair of registers of an expander."""
        self._expanders.writeto(address, bytearray((register, word & 255, word >> 8)))

    def get_port(self, address, register):
        """Read a pair of registers of an expander."""
        return self._read(self._expanders, address, register, 2, "little")

    def _read(self, bus, address, register, size, order):
        data = bytearray(size)
        bus.writeto(address, bytearray((register,)))
        bus.readfrom_into(address, data)
        return int.from_bytes(data, order)

    def relays(self, word):
        """Write the relays' latch and make its pins outputs."""
        self.put_port(self.board.RELAY_EXPANDER, 0x14, word)
        self.put_port(self.board.RELAY_EXPANDER, 0x00, 0)

    def input(self, place):
        """Level of an input: (place in INPUT_EXPANDERS, bit)."""
        address = self.board.INPUT_EXPANDERS[place[0]]
        self.put_port(address, 0x0C, 0x7F7F)
        return self.get_port(address, 0x12) >> place[1] & 1

    def pin(self, number):
        """Level of an input pin."""
        return machine.Pin(number, machine.Pin.IN, machine.Pin.PULL_UP).value()

    def closed(self):
        """Positions of all breakers, the main last."""
        return self.wiring.positions()
