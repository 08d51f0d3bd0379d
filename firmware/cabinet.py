"""The cabinet: chips and protection built from board and configuration, and its tick.

Every tick: acquire, step, act, verify. When it runs, and what runs beside it, is the executive's.
"""

import gc
import time

from machine import ADC, Pin, reset
from micropython import const

import board
import flash
import service
from acquisition import Acquisition
from buses import Buses, RECOVER_us
from commits import COMMIT_us, Commits
from configuration import Configuration
from controls import Controls
from estimates import ESTIMATE_us, Estimates, LOOK_us
from executive import Executive, Garbage, Job
from inspection import Inspection, PIECE_us
from outputs import Outputs
from packwarden import VERSION, restart
from packwarden.access import Access
from packwarden.calibration import Calibration
from packwarden.commands import COMMANDS
from packwarden.console import Console
from packwarden.protection import (
    CONFIG_REFUSED,
    INPUTS_FAIL,
    JOURNAL_FAILS,
    MEMORY_FAILS,
    OUTPUTS_FAIL,
    RESTARTED,
    SELFTEST_BAD,
    TICKS_LATE,
    Protection,
)
from packwarden.replies import record
from packwarden.selftest import GOOD, WATCHDOG, SelfTest
from packwarden.timing import ACQUIRED, ACTED, ALL_STAGES, FLASH, STEPPED, VERIFIED, Timing
from packwarden.views import Context
from recorder import Recorder, STAGE_us, STATE_us
from retained import Retained, SAVE_us
from terminal import SLICE_us, Terminal
from update import Update

_ATTEMPTS = const(3)  # of every channel before it is believed; then the cabinet arms
_ARM_ms = const(3000)  # and at the latest after this long: what is missing is a sensor fault
_VISIT_us = const(20000)  # how often thermistors are visited at least, see `Multiplexers.read`

_SETTLED_ms = const(10000)  # after this long service mode waits for nobody
_SOON_ms = const(1000)

current = None  # the cabinet that runs, for whoever looks at it from outside


class Cabinet:
    """One cabinet, from boot to reset."""

    def __init__(self, pins, before=None, image=None):
        """Build everything; `pins`: main trip, alarm, charge, discharge, then relays on pins.

        All at their safe level. `before`: the Restart of this board; `image`: see `image.check`.
        """
        gc.collect()  # what imports left behind lies between what will stay
        self._configuration = Configuration()
        config = self._configuration.load()
        gc.collect()
        self.protection = Protection(config, before)
        self.events = self.protection.events
        bank = self.protection.bank
        self._buses = Buses(board)
        frame = self.protection.frame
        self._acquisition = Acquisition(board, bank, frame, self._buses, *inputs())
        self._outputs = Outputs(board, self._buses, pins)
        self.timing = Timing(bank.tick_ms)
        configuration = self._configuration
        self.recorder = Recorder(self.protection, configuration.slots.pieces, configuration.hash)
        self._calibration = Calibration(flash, self.protection, self.recorder.captures.anew)
        self._calibration.load()
        access = Access()
        self._retained = Retained(self.protection, access)
        self._estimates = Estimates(self.protection)
        recorder = self.recorder
        self._controls = Controls()
        self._update = Update(self.protection, self._configuration)
        self._calibrates = Commits(self.protection)
        self._settles = self._settled  # once: to make a bound method allocates
        self.selftest = SelfTest(self.protection)
        parts = (image, self._configuration, self._calibration, self.timing)
        self._inspection = Inspection(self.selftest, *parts)
        facts = (board.NAME, VERSION, image, self.timing, recorder.journal)
        more = (access, self._controls, self._update.staging, recorder.files)
        more += (self._calibration, self.selftest, self._estimates.monitor)
        context = Context(COMMANDS, self.protection, *facts, *more)
        self._console = Console(context)
        self._stages = (self._acquire, self._step, self._act, self._verify)
        self._place = restart.BOOT  # what runs: a stage from 1, or what `restart` has beside them
        self._done = 0  # the stages that have run to their end in this tick
        self._began_ms = None
        self._visited_us = 0
        self._terminal = Terminal(self._console)
        self._garbage = Garbage(self._terminal, self.timing)
        self._executive = Executive(self.timing, self._jobs())

    def _jobs(self):
        """Return what the slack is for: what comes first is done first."""
        recorder = self.recorder
        retained = self._retained
        thermistors = self._acquisition.thermistors
        terminal = self._terminal
        estimates = self._estimates
        return (
            Job("buses", RECOVER_us, self._bus_due, self._buses.recover),
            self._garbage.job,
            Job("events", STAGE_us, recorder.stage_due, recorder.journal.stage),
            Job("memory", SAVE_us, retained.save_due, retained.save),
            Job("state", STATE_us, recorder.captures.due, recorder.captures.take),
            Job("thermistors", thermistors.SLICE_us, self._visit_due, self._visit),
            Job("steps", LOOK_us, estimates.look_due, estimates.monitor.look),
            Job("estimates", ESTIMATE_us, estimates.piece_due, estimates.monitor.work),
            Job("console", SLICE_us, terminal.due, terminal.serve),
            Job("flash", COMMIT_us, retained.commit_due, retained.commit, FLASH),
            Job("journal", COMMIT_us, recorder.commit_due, recorder.commit, FLASH),
            Job("captures", COMMIT_us, recorder.capture_due, recorder.write_capture, FLASH),
            Job("condition", COMMIT_us, estimates.save_due, estimates.save, FLASH),
            Job("configuration", COMMIT_us, self._update_due, self._update.run, FLASH),
            Job("calibration", COMMIT_us, self._calibration_due, self._calibration.step, FLASH),
            Job("self-test", PIECE_us, self._inspection.due, self._inspect),
            Job("service", 0, self._service_due, self._serve),
        )

    def boot(self):
        """Bring the outputs to their level first, then configure the chips.

        The watchdog runs by then, see `main`.
        """
        self.selftest.found[WATCHDOG] = (GOOD, "armed, fed after each whole tick")
        self._retained.restore()
        self._outputs.boot(self.protection.breakers.energised())
        self.recorder.boot()
        self._estimates.boot()
        self._acquisition.boot()
        self._console.greet()
        self._garbage.collect()

    def run(self, watchdog):
        """Protect until something raises. Arms once every channel has been read."""
        self._executive.run(self, watchdog)

    def prepare(self, now_ms):
        """Arm, before a tick: when every channel has been read, or has had its time."""
        if self.protection.armed:
            return
        if self._began_ms is None:
            self._began_ms = now_ms
        waited = time.ticks_diff(now_ms, self._began_ms)
        if self._acquisition.complete(_ATTEMPTS) or waited >= _ARM_ms:
            self.protection.arm(now_ms, self.protection.restart.began)
            self.recorder.captures.take()
            if self._calibration.slots.generation:
                self._calibration.record()
            if self.protection.restart.served:
                record(self.protection, restart.BACK)

    def tick(self, now_ms):
        """One tick: acquire, step, act, verify. Allocates nothing.

        Returns whether each stage has run to its end, which each says itself as its last word.
        """
        self._done = 0
        timing = self.timing
        began_us = time.ticks_us()
        for stage in range(len(self._stages)):
            self._place = stage + 1
            self._stages[stage](now_ms)
            ended_us = time.ticks_us()
            timing.stage(stage, time.ticks_diff(ended_us, began_us))
            began_us = ended_us
        self.recorder.captures.tick(now_ms)
        self._place = restart.SLACK
        self._visited_us = began_us
        return self._done == ALL_STAGES

    def _acquire(self, now_ms):
        self._acquisition.read(now_ms)
        self._done |= ACQUIRED

    def _step(self, now_ms):
        self.protection.faults = self._faults()
        self.protection.step(now_ms)
        self._done |= STEPPED

    def _act(self, now_ms):
        protection = self.protection
        self._outputs.write(
            protection.breakers.energised(),
            protection.fan,
            protection.alarm,
            protection.charge_allowed,
            protection.discharge_allowed,
        )
        self._done |= ACTED

    def _verify(self, now_ms):
        self._outputs.verify()
        self._done |= VERIFIED

    @property
    def timed_out(self):
        """True where a bus let the last tick wait for its time-out."""
        return self._buses.timed_out

    def fail(self, error):
        """Take the safe state, then keep what happened for the next life.

        Needs no memory for that, but for the events of the last tick.
        """
        place = self._place
        protection = self.protection
        try:
            self._outputs.fail_safe(protection.breakers.on_failure())
        finally:
            protection.restart.failed(error, place, protection.events.seconds)
            self._retained.save()
            try:
                while self.recorder.journal.stage():
                    pass
            except MemoryError:
                pass

    def _service_due(self, fits):
        """Return whether service mode may begin: all is kept, and no trip is under way."""
        controls = self._controls
        if not controls.service_min:
            return False
        waited_ms = time.ticks_diff(time.ticks_ms(), controls.asked_ms)
        if waited_ms < _SETTLED_ms and not self._settled():
            return False
        return not self.protection.imminent(_SOON_ms)

    def _serve(self):
        """Take the safe state, and restart into service mode."""
        self._outputs.fail_safe(self.protection.breakers.on_failure())
        self._retained.save()
        service.ask(self._controls.service_min)
        self.protection.restart.ends()
        reset()

    def _faults(self):
        """Return the mask of what fails inside the controller."""
        faults = OUTPUTS_FAIL if self._outputs.failed else 0
        if self._acquisition.inputs_lost:
            faults |= INPUTS_FAIL
        if self._retained.failed:
            faults |= MEMORY_FAILS
        if self.recorder.failed:
            faults |= JOURNAL_FAILS
        if self._configuration.refused:
            faults |= CONFIG_REFUSED
        if self.protection.restart.cause:
            faults |= RESTARTED
        if self.selftest.bad:
            faults |= SELFTEST_BAD
        return faults | TICKS_LATE if self.timing.ill else faults

    def _inspect(self):
        more = self._inspection.run()
        if more:
            self._terminal.used = True  # there is garbage
        return more

    def _calibration_due(self, fits):
        return self._calibrates.due(self._calibration.storing)

    def _update_due(self, fits):
        return self._update.due(self._settles)

    def _settled(self):
        """Return whether a restart would lose nothing: no record, capture, lockout or reply."""
        recorder = self.recorder
        kept = recorder.failed or not recorder.journal.waiting()
        captured = recorder.files.failed or not recorder.captures.frozen
        return kept and captured and self._retained.kept and not self._console.busy()

    def _bus_due(self, fits):
        now_us = time.ticks_us()
        return fits and (self._buses.monitors.due(now_us) or self._buses.expanders.due(now_us))

    def _visit_due(self, fits):
        return fits and time.ticks_diff(time.ticks_us(), self._visited_us) >= _VISIT_us

    def _visit(self):
        self._visited_us = time.ticks_us()
        self._buses.timed_out = False  # the slack has the time for one more
        self._acquisition.thermistors.read(time.ticks_ms())


def inputs():
    """Return the pins and converters of an `Acquisition`: multiplexers, then all the others."""
    return (
        [Pin(number, Pin.OUT, value=0) for number in board.MUX_SELECT],
        [ADC(Pin(number), atten=ADC.ATTN_11DB) for number in board.MUX_ADC],
        (
            Pin(board.PIN_EXTERNAL_TRIP, Pin.IN, Pin.PULL_UP).value,
            Pin(board.PIN_ALERT, Pin.IN).value,
            ADC(Pin(board.ADC_SUPPLY), atten=ADC.ATTN_11DB),
        ),
    )
