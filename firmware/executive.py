"""The cyclic executive: ticks on a grid of deadlines, and slices of other work in between.

Deadlines are counted from the first one, so nothing drifts; a tick whose time has passed is left
out, so nothing bunches. In the slack a piece of work begins only if the longest it may take fits
before the deadline. A piece that fits nowhere, as the commit of a flash page, runs when its job
has to, one at the beginning of a slack, and the lateness that it causes is counted as its own.
"""

import gc
import time

import micropython
from micropython import const

from packwarden.timing import COLLECTION, OWN

# The longest sleep: the multiplexers move as often, and have 16 places to visit within 500 ms. At
# a slow tick, for long runs, as long as that allows.
_NAP_us = const(20000)
_NAPS = const(36)
_COLLECT_ms = const(1000)  # how often garbage of the console is collected ...
_OVERDUE_ms = const(2000)  # ... and when it is although no slack is long enough


class Job:
    """Work for the slack, in pieces that take `bound_us` at most."""

    def __init__(self, name, bound_us, due, run, blame=OWN):
        """`due(fits)`: is there a piece to do now, `fits`: it would be done before the deadline.

        `run()` does it and returns True while there is more; `blame` (of `timing`) is for the
        lateness where it did not fit.
        """
        self.name = name
        self.bound_us = bound_us
        self.worst_us = 0
        self.due = due
        self.run = run
        self.blame = blame


class Executive:
    """Runs ticks and, in their slack, jobs: the first ones first."""

    def __init__(self, timing, jobs):
        """`timing`: a `packwarden.timing.Timing`, which learns everything."""
        self._timing = timing
        self._jobs = timing.jobs = jobs
        self._deadline = time.ticks_us()
        self.nap_us = max(_NAP_us, timing.tick_us // _NAPS)

    def run(self, cabinet, watchdog):
        """Run the ticks of a cabinet until something raises.

        The watchdog is fed for a tick whose stages all ran, and for no other.
        """
        self._deadline = time.ticks_us()
        while True:
            now_ms = time.ticks_ms()
            cabinet.prepare(now_ms)
            micropython.heap_lock()
            try:
                self._cycle(cabinet, watchdog, now_ms)
            finally:
                micropython.heap_unlock()
            self._slack()

    def _cycle(self, cabinet, watchdog, now_ms):
        """Run one tick and set the next deadline. Allocates nothing."""
        timing = self._timing
        began_us = time.ticks_us()
        timing.began(max(0, time.ticks_diff(began_us, self._deadline)))
        if cabinet.tick(now_ms):
            watchdog.feed()
        ended_us = time.ticks_us()
        self._deadline = time.ticks_add(self._deadline, timing.tick_us)
        over_us = time.ticks_diff(ended_us, self._deadline)
        missed = timing.ended(time.ticks_diff(ended_us, began_us), over_us, cabinet.timed_out)
        if missed:
            self._deadline = time.ticks_add(self._deadline, missed * timing.tick_us)

    def _left_us(self):
        return time.ticks_diff(self._deadline, time.ticks_us())

    def _slack(self):
        """Do what fits before the deadline, then sleep until then."""
        may_be_late = True
        while True:
            more = False
            for job in self._jobs:
                fits = self._left_us() > job.bound_us
                if (fits or may_be_late) and job.due(fits):
                    more = self._do(job, fits) or more
                    may_be_late = may_be_late and fits
            may_be_late = False
            left_us = self._left_us()
            if left_us > 0 and not more:
                time.sleep_us(min(left_us, self.nap_us))
                left_us = self._left_us()
            if left_us <= 0:
                return

    def _do(self, job, fits):
        """Run a piece of a job; returns True while there is more."""
        began_us = time.ticks_us()
        more = job.run()
        spent_us = time.ticks_diff(time.ticks_us(), began_us)
        if spent_us > job.worst_us:
            job.worst_us = spent_us
        if not fits:
            self._timing.blame = job.blame
        return more


class Garbage:
    """Collects what the console left behind, at a time of our choice and not in the tick.

    A large bank at a short tick never has the time that it takes: then a tick is late for it.
    """

    def __init__(self, terminal, timing):
        self._terminal = terminal
        self._timing = timing
        self._clean_ms = 0
        self.job = Job("collection", 0, self._due, self.collect, COLLECTION)

    def _due(self, fits):
        now_ms = time.ticks_ms()
        if not self._terminal.used:
            self._clean_ms = now_ms
            return False
        waited_ms = time.ticks_diff(now_ms, self._clean_ms)
        return waited_ms >= (_COLLECT_ms if fits else _OVERDUE_ms)

    def collect(self):
        """Collect; the next one may take as long as the longest so far, and a little more.

        Once at boot, too.
        """
        began_us = time.ticks_us()
        gc.collect()
        free_bytes = gc.mem_free()  # walks through all of it: a part of the pause
        spent_us = time.ticks_diff(time.ticks_us(), began_us)
        self.job.bound_us = max(self.job.bound_us, spent_us + spent_us // 64)
        self._timing.paused(spent_us, free_bytes)
        self._terminal.used = False
