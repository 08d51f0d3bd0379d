"""The firmware's own modules on CPython, on the simulated cabinet: `from firmware.rig import Rig`.

No mocks: the fakes of the board's modules, the register-level chips and the world of
tools/packwarden_sim, built as its start script builds them. The rig only listens: it notes every
pin that moves, every visit to a chip, to a file and to the memories, with the virtual time.
"""

import contextlib
import importlib
import json
import runpy
import sys
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from packwarden_host import REPOSITORY, bank_file
from packwarden_host.codes import write_job
from packwarden_sim import clock, costs, world
from packwarden_sim.console import Script, Silent
from packwarden_sim.faults import Schedule
from packwarden_sim.host_lines import HostLines
from packwarden_sim.nvs import Nvs
from packwarden_sim.trace_source import TraceSource
from packwarden_sim.wiring import Wiring

SHARED = ("boards", "firmware")
FAKES = ("machine", "time", "select", "esp", "esp32", "gc", "io", "os")
NOT_MODULES = ("main", "manifest")
MODULES = sorted(
    path.stem
    for folder in ("boards/cabinet15", *SHARED)
    for path in (REPOSITORY / folder).glob("*.py")
    if path.stem not in NOT_MODULES
)


@contextmanager
def boards_modules():
    """The board's modules in the place of CPython's: for imports only, and while main runs."""
    before = {name: sys.modules.get(name) for name in FAKES}
    sys.modules.update(
        {name: importlib.import_module(f"packwarden_sim.fakes.{name}") for name in FAKES}
    )
    try:
        yield
    finally:
        for name in FAKES:
            sys.modules.pop(name)
            if before[name] is not None:
                sys.modules[name] = before[name]


@contextmanager
def firmware(board="cabinet15"):
    """The firmware's modules on a board, imported anew; gone afterwards."""
    path = list(sys.path)
    sys.path[:0] = [str(REPOSITORY / folder) for folder in (f"boards/{board}", *SHARED)]
    try:
        with boards_modules():
            for name in MODULES:
                importlib.import_module(name)
        yield
    finally:
        sys.path[:] = path
        for name in MODULES:
            sys.modules.pop(name, None)


class _Levels(list):
    """Levels of the pins; notes what is written."""

    def __init__(self, levels, note):
        super().__init__(levels)
        self._note = note

    def __setitem__(self, pin, level):
        super().__setitem__(pin, level)
        self._note("pin", pin, level)


class _Chips(list):
    """Chips of a bus by address; notes each visit, also where nobody answers."""

    def __init__(self, chips, note):
        super().__init__(chips)
        self._note = note

    def __getitem__(self, address):
        self._note("chip", address, None)
        return super().__getitem__(address)


class _World(world.World):
    """A world that notes who looks at the RTC memory."""

    note = None

    @property
    def rtc(self):
        if self.note:
            self.note("rtc", None, None)
        return self._rtc

    @rtc.setter
    def rtc(self, memory):
        self._rtc = memory


class _Nvs(Nvs):
    """A partition that notes who looks at it."""

    def get(self, namespace, key, kind):
        self.note("nvs", key, None)
        return super().get(namespace, key, kind)


_opened = None  # what is told each file that is opened


def _audit(event, arguments):
    if event == "open" and _opened is not None:
        path = str(arguments[0])
        if not path.startswith("/"):  # on the board's flash
            _opened(path)


sys.addaudithook(_audit)  # for good


class Rig:
    """A simulated cabinet around firmware modules; `folder` becomes the board's flash.

    `text` is a trace; without one the bank is quiet for ever. `log` holds what happened: (us,
    "pin", number, level), (us, "chip", address, None), (us, "file", name, None), (us, "rtc" or
    "nvs", ...), in order; both expander bus and monitor bus, which have no address in common.
    `each_wake` is called whenever the firmware wakes.
    """

    def __init__(self, folder, batteries=4, text="t_s\n0\n100000\n", faults=(), **more):
        choices = more.pop("choices", {})
        self.config = bank_file.build(bank_file.Choices(batteries, 100, **choices))
        self.config["bank"]["tick_ms"] = more.pop("tick_ms", 10)
        self.folder = Path(folder)
        for slot in ("config.a", "config.b"):  # of another rig in this folder
            (self.folder / slot).unlink(missing_ok=True)
        (self.folder / "config.json").write_text(json.dumps(self.config))
        (self.folder / "trace.csv").write_text(text)
        write_job(self.folder / "trace.csv", self.config, self.folder / "trace.txt")
        self.log = []
        self.each_wake = None
        self.tripped_us = None  # when a relay first moved
        self._build(faults, more)

    def again(self, cause, **job):
        """Begin the next life of this board: its memories, its breakers and the time go on.

        `cause` None: after the loss of power, which the RTC memory does not outlast.
        """
        memory, nvs, saved = bytes(self.world.rtc), self.wiring.nvs.save(), self.world.save()
        sys.modules["cabinet"].current = sys.modules["hold"].current = None
        self.log.clear()
        self._build((), job | {"cause": cause}, saved)
        if cause:
            self.world.rtc[:] = memory
        self.wiring.nvs.restore(nvs)
        return self

    def _build(self, faults, job, saved=None):
        board = importlib.import_module("board")
        clock.reset(costs.BOOT_US)
        machine = importlib.import_module("packwarden_sim.fakes.machine")
        machine.began_by = job.pop("cause", None)
        board_time = importlib.import_module("packwarden_sim.fakes.time")
        board_time.began_us = job.pop("ticks_began_us", 0)
        sensors = self.config["sensors"]
        parts_ohm = sensors["pull_up_ohm"] + sensors["reference_ohm"]
        reference_uv = board.EXCITATION_MV * 1000 * sensors["reference_ohm"] // parts_ohm
        source = TraceSource(str(self.folder / "trace.txt"), reference_uv)
        self.board = board
        self.wiring = Wiring(board, self.config, source, 1, job.pop("stuck", ()))
        self.wiring.levels = _Levels(self.wiring.levels, self._note)
        for bus in self.wiring.buses:
            bus.chips = _Chips(bus.chips, self._note)
        self.wiring.nvs = _Nvs()
        self.wiring.nvs.note = self._note
        self.out = (self.folder / "out").open("wb", 0)
        lines = HostLines(self.out)
        typed = bool(job.get("script") or job.get("script_every"))
        self.console = Script(lines.console) if typed else Silent()
        schedule = Schedule(faults, self.wiring, None)
        self.world = _World(job, self.wiring, schedule, lines, self.console, self._wake, saved)
        self.world.note = self._note
        world.current = self.world

    def _note(self, what, number, level):
        self.log.append((clock.us[0], what, number, level))

    def _wake(self, _):
        if self.tripped_us is None and self.wiring.relay.model.outputs:
            self.tripped_us = self.wiring.moved[0]
        if self.each_wake:
            self.each_wake()

    # ---- the firmware, in parts and as a whole ------------------------------------------------

    def acquisition(self):
        """An Acquisition at work on a frame, after its boot."""
        from packwarden.bank import Bank
        from packwarden.frame import Frame

        board = self.board
        bank = Bank(self.config)
        frame = Frame(bank.batteries, bank.supply_mV > 0, bank.main_shunt_uohm > 0)
        made = sys.modules["acquisition"].Acquisition(
            board,
            bank,
            frame,
            self.buses,
            *sys.modules["cabinet"].inputs(),
        )
        made.boot()
        return made, frame

    def outputs(self):
        """An Outputs, before its boot."""
        return sys.modules["outputs"].Outputs(self.board, self.buses, self.output_pins())

    def cabinet(self):
        """The Cabinet that main.py would build, before its boot."""
        from packwarden.restart import Restart

        machine = importlib.import_module("packwarden_sim.fakes.machine")
        before = Restart(sys.modules["memory"].restarts())
        before.begin(machine.reset_cause())
        module = sys.modules["cabinet"]
        module.current = module.Cabinet(self.output_pins(), before)
        return module.current

    def output_pins(self):
        machine = importlib.import_module("packwarden_sim.fakes.machine")
        board = self.board
        numbers = [board.PIN_MAIN_TRIP, board.PIN_ALARM, board.PIN_CHARGE, board.PIN_DISCHARGE]
        numbers += board.RELAY_PINS
        return [machine.Pin(number, machine.Pin.OUT, value=0) for number in numbers]

    @cached_property
    def buses(self):
        """The Buses of parts that are made without a Cabinet."""
        return sys.modules["buses"].Buses(self.board)

    def run(self, cabinet=None):
        """Boot a cabinet and run it to the end of the trace; returns it."""
        machine = importlib.import_module("packwarden_sim.fakes.machine")
        cabinet = cabinet or self.cabinet()
        watchdog = machine.WDT(timeout=5000)
        cabinet.boot()
        self.booted_ms = clock.us[0] // 1000
        with contextlib.suppress(clock.Over):
            cabinet.run(watchdog)
        assert self.world.ended[0] == "end", self.world.ended
        self.armed_ms = clock.us[0] // 1000 - self.world.now_ms()
        return cabinet

    def main(self):
        """Run main.py as the board does at power-on; returns how the world ended, or None."""
        global _opened
        _opened = lambda path: self._note("file", path, None)  # noqa: E731
        try:
            with boards_modules(), contextlib.suppress(clock.Over):
                runpy.run_path(str(REPOSITORY / "firmware" / "main.py"))
        finally:
            _opened = None
        return self.world.ended

    # ---- what was seen ------------------------------------------------------------------------

    def visits(self, address):
        """How often a chip was addressed so far."""
        return sum(1 for entry in self.log if entry[1:3] == ("chip", address))

    def pins(self, number):
        """What was written to a pin so far."""
        return [entry[3] for entry in self.log if entry[1:3] == ("pin", number)]

    def lines(self, letter="E"):
        """What the board has told the host, decoded where it is JSON."""
        text = (self.folder / "out").read_text()
        found = [line[2:] for line in text.splitlines() if line.startswith(letter)]
        return [json.loads(line) if letter != "C" else line for line in found]

    def monitor(self, battery):
        """Address of the monitor of a battery, from 1."""
        return self.board.MONITOR_ADDRESSES[battery - 1]
