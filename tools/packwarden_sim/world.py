"""Moves the simulated cabinet through virtual time while the firmware runs in it.

The fakes advance `clock.us`; the physics is brought up to date where the firmware wakes from a
sleep (`World.sleep`): trace rows and bank, breakers on their way, faults, typed texts, the
watchdog. There the firmware's new event lines are handed to the host as well, and there the run
ends.

Time t of a job (rows, faults, texts, end) counts in ms from arming: from the wake before the tick
that produced event 0. What is due at t is applied at the first wake at or after it.
"""

import sys

from packwarden_sim import costs
from packwarden_sim.clock import NEVER, Over, us
from packwarden_sim.meter import Meter

# A board that is not armed by then will not be; somebody at the console may take longer.
_BOOT_LIMIT_US = 120_000_000
# Without a fed watchdog the tick after the last row is taken as executed after this.
_LAST_TICK_US = 10_000_000
_RTC_BYTES = 2_048
_IDLE_US = 100_000
_COARSE_US = 1_000_000

# The world of this process, for the fakes; `start` makes it.
current = None


class World:
    """One life of the board: from power-on or reset to the next reset or to the end of the run."""

    def __init__(self, job, wiring, faults, lines, console, pacer=None, saved=None):
        """`job`: dict; `lines`: HostLines; `pacer`: None, or called with the time at each wake.

        `saved`: from `save` when the board comes out of a reset: time, breakers and bank go on.
        """
        self.wiring = wiring
        self.console = console
        self.ended = None
        self._ended = [None] * 4  # made now: the watchdog may bite while the heap is locked
        self.rtc = bytearray(_RTC_BYTES)
        self.feeds = 0
        self._over = Over()
        self._source = wiring.source
        self._faults = faults
        self._lines = lines
        self._pacer = pacer
        self._step_us = costs.step_cost(wiring.batteries)
        self.meter = Meter(wiring.buses, self._step_us)
        self._watchdog_us = NEVER
        self._watchdog_span = 0
        self._alert = wiring.alert
        self._moved = wiring.moved
        self._moved_seen = 0
        self._t0_ms = None
        self._woken_us = us[0]
        self._boot_limit = _BOOT_LIMIT_US if job.get("console") != "stdio" else NEVER
        self._end_ms = NEVER if job.get("end_ms") is None else job["end_ms"]
        self._ending = None
        self._coarse_ms = NEVER  # until then, once armed, the tick is a coarse one
        self._coarse_asked_ms = job.get("coarse_until_ms") or 0
        self._fine_us = None
        self._armed = False
        wiring.flash.writes_left = job.get("pull_at_write", 0)
        self._script = list(job.get("script") or [])
        self._repeat = job.get("script_every")
        self._repeat_ms = 0 if self._repeat else NEVER
        self._truth_step = job.get("truth_every_ms")
        self._truth_ms = 0 if self._truth_step else NEVER
        if saved:
            self._restore(saved)
            if saved["t_ms"] is not None:
                # What was wrong before the restart is wrong from the first instruction on.
                faults.apply(saved["t_ms"])
            wiring.drive_breakers(us[0])
        self._apply(self.now_ms())
        self._schedule()

    # ---- called by the fakes ------------------------------------------------------------------

    def sleep(self, duration_us):
        """Let virtual time pass, then wake: bring everything up to date, hand out events.

        For the slack only: what happens here may allocate.
        """
        us[0] += duration_us + self.wiring.late_us
        now = us[0]
        if now > self._watchdog_us:
            self._expire()
        if self._alert.watched:
            self._alert.settle()
        if self._moved[0] != self._moved_seen:
            self._outputs_moved()
        if now >= self._due:
            self._catch_up(now)
        if not self._armed:
            self._look_for_events(now)
        elif self._lines.pending():
            self._lines.drain()
        if self._ending is not None and (self.feeds > self._ending[0] or now > self._ending[1]):
            # The firmware has executed a tick with the last row in force.
            self.end("end")
        if self._pacer is not None:
            self._pacer(now)
        self._woken_us = self.meter.began_us = now

    def watch(self, timeout_us):
        """Arm the watchdog; it cannot be stopped."""
        self._watchdog_span = timeout_us
        self._watchdog_us = us[0] + timeout_us

    def feed(self):
        """Feed the watchdog; stands for the computing time of the tick. Allocates nothing."""
        us[0] += self._step_us
        if us[0] > self._watchdog_us:
            self._expire()
        self._watchdog_us = us[0] + self._watchdog_span
        self.feeds += 1
        self.meter.tick()

    def watched_us(self):
        """Return how long it is until the watchdog bites, None where it is not armed."""
        return None if self._watchdog_us == NEVER else self._watchdog_us - us[0]

    def idle(self):
        """Let time pass on a board whose main.py has ended, with nobody at its REPL."""
        while True:
            self.sleep(_IDLE_US)

    def end(self, cause, detail=None):
        """End this life of the board; the first cause counts. Raises Over. Allocates nothing."""
        if self.ended is None:
            self.ended = ended = self._ended
            ended[0] = cause
            ended[1] = self.now_ms()
            ended[2] = self.feeds
            ended[3] = detail
            self._lines.stop()
        raise self._over

    def pull(self):
        """Ask the host to pull the plug, that is to kill this process, and wait for that."""
        self._lines.pull()
        while True:
            pass

    def now_ms(self):
        """Time since arming in ms; 0 until then."""
        return 0 if self._t0_ms is None else us[0] // 1000 - self._t0_ms

    # ---- waking -------------------------------------------------------------------------------

    def _expire(self):
        us[0] = self._watchdog_us
        self.end("watchdog")

    def _look_for_events(self, now):
        """The firmware's first event arms the run."""
        if not self._lines.find_log():
            return
        self._armed = True
        self.meter.clear()
        if self._t0_ms is not None:
            self._lines.armed(self._woken_us // 1000 - self._t0_ms)
        self._lines.drain()
        if self._t0_ms is None:
            self._t0_ms = self._woken_us // 1000
            if min(self._end_ms, self._source.end_ms) <= 0:
                # A trace of one row: its tick was the one that armed.
                self.end("end")
        if self.now_ms() < self._coarse_asked_ms:
            self._coarse_ms = self._coarse_asked_ms
            self._fine_us = self._pace(_COARSE_US)
        self._catch_up(now)

    def _pace(self, tick_us):
        """Give a firmware that protects another tick; return the one that it had."""
        running = getattr(sys.modules.get("cabinet"), "current", None)
        if running is None:
            return None
        before_us, running.timing.tick_us = running.timing.tick_us, tick_us
        return before_us

    def _outputs_moved(self):
        """Relays or pins changed since the last wake: tell the coils and the source."""
        self._moved_seen = self._moved[0]
        self.wiring.drive_breakers(self._moved_seen)
        self._apply(self.now_ms())
        self._schedule()

    def _apply(self, t_ms):
        wiring = self.wiring
        self._source.apply(
            t_ms,
            wiring.closed_mask(),
            wiring.main.closed,
            wiring.fan(),
            wiring.on("charge"),
            wiring.on("discharge"),
        )
        wiring.update_inputs()

    def _schedule(self):
        """Set when `_catch_up` is needed next."""
        due = self.wiring.next_breaker().due
        if self._t0_ms is None:
            self._due = min(due, self._boot_limit)
            return
        next_ms = min(self._source.next_ms, self._faults.next_ms, self._truth_ms, self._repeat_ms)
        next_ms = min(next_ms, self._coarse_ms)
        if self._ending is None:
            next_ms = min(next_ms, self._end_ms, self._source.end_ms)
        if self._script:
            next_ms = min(next_ms, self._script[0][0])
        if next_ms < NEVER:
            due = min(due, (next_ms + self._t0_ms) * 1000)
        self._due = due

    def _catch_up(self, now):
        """Do what was due: breakers each at their own time, the rest at this wake's."""
        breaker = self.wiring.next_breaker()
        while breaker.due <= now:
            at_ms = breaker.due // 1000
            breaker.settle()
            self._apply(0 if self._t0_ms is None else max(at_ms - self._t0_ms, 0))
            breaker = self.wiring.next_breaker()
        if self._t0_ms is not None:
            self._catch_up_job(self.now_ms())
        elif now >= self._boot_limit:
            self.end("crash", "the firmware did not arm")
        self._schedule()

    def _catch_up_job(self, t_ms):
        """Faults, bank, texts, truth and the end: what the job ties to the time since arming."""
        if self._coarse_ms <= t_ms:
            self._coarse_ms = NEVER
            self._pace(self._fine_us)
        if self._faults.next_ms <= t_ms:
            ending = self._faults.apply(t_ms)
            if ending:
                self.end(*ending)
            self.wiring.drive_breakers(us[0])
        self._apply(t_ms)
        while self._script and self._script[0][0] <= t_ms:
            self.console.type(self._script.pop(0)[1])
        if self._repeat_ms <= t_ms:
            self.console.type(self._repeat[1])
            self._repeat_ms = t_ms - t_ms % self._repeat[0] + self._repeat[0]
        if self._truth_ms <= t_ms:
            self._tell_truth(t_ms)
            self._truth_ms = t_ms - t_ms % self._truth_step + self._truth_step
        if self._ending is None and min(self._end_ms, self._source.end_ms) <= t_ms:
            self._ending = (self.feeds, us[0] + _LAST_TICK_US)

    def _tell_truth(self, t_ms):
        truth = self._source.truth(t_ms)
        if truth is not None:
            truth["t_ms"] = t_ms
            truth.update(self.wiring.state())
            self._lines.truth(truth)

    # ---- over a reset -------------------------------------------------------------------------

    def save(self):
        """Return what outlives the board's reset, JSON-able: time, breakers, latch, bank."""
        return {
            "t_ms": None if self._t0_ms is None else self.ended[1],
            "closed": self.wiring.positions(),
            "latched": self._alert.latched,
            "source": self._source.save(),
        }

    def _restore(self, saved):
        self.wiring.set_positions(saved["closed"])
        self._alert.latched = saved["latched"]
        if saved["source"] is not None:
            self._source.restore(saved["source"])
        if saved["t_ms"] is not None:
            # The clock starts at 0 again, and starting took its time.
            self._t0_ms = -saved["t_ms"]
            self._script = [item for item in self._script if item[0] > saved["t_ms"]]
