"""What the executive knows of its own time: lateness, work, pauses, and whether it is well.

Times are arguments, in us. Counters end at 2^30 - 1 instead of leaving the small integers, and
after the constructor nothing allocates: all of this runs inside the tick's heap lock, except what
only shows.
"""

from micropython import const

from packwarden.fixed import MASK, ints

LATE_us = const(1000)  # a tick that begins later than this after its time is late
LATE_TICKS = const(3)  # one after the other, and protection is no longer in time
BUCKETS_us = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)  # and all above

# Whose fault it is that a tick is late or left out.
OWN = const(0)  # the executive's: nothing explains it, so it is supervised
BUS = const(1)  # a bus let a transaction time out, whose chip has an alarm of its own
COLLECTION = const(2)  # a collection longer than the slack
FLASH = const(3)  # a commit, which stops everything
BLAMED = ("executive", "bus", "collection", "flash")

# The stages of a tick, and the bit that each sets when it has run.
STAGES = ("acquire", "step", "act", "verify")
ACQUIRED = const(1)
STEPPED = const(2)
ACTED = const(4)
VERIFIED = const(8)
ALL_STAGES = const(15)

_MILLION = const(1000000)


class Timing:
    """The facts of an executive since boot, or since `begin`."""

    def __init__(self, tick_ms):
        """`tick_ms`: 1 .. 1000."""
        self.tick_us = tick_ms * 1000
        self.histogram = ints(len(BUCKETS_us) + 1)  # but for its first bucket: see `bucket`
        self.late = ints(len(BLAMED))  # ticks that began late, and runs of ticks that were missed
        self.missed = ints(len(BLAMED))  # ticks
        self.worst_late_us = ints(len(BLAMED))  # of that alone
        self.worst_stage_us = ints(len(STAGES))
        self._ticks = ints(2)  # millions, and the rest
        self.jobs = ()  # of the slack: each with name, worst_us and bound_us
        self.blame = OWN  # for what comes next; the slack says so
        self._running = 0
        self._skipped = False
        self.free_bytes = MASK  # of the heap after the last collection; one is done at boot
        self.begin()

    def begin(self):
        """Forget all but how well it is now."""
        for counters in (
            self.histogram,
            self.late,
            self.missed,
            self.worst_late_us,
            self.worst_stage_us,
            self._ticks,
        ):
            for place in range(len(counters)):
                counters[place] = 0
        self.worst_us = 0  # lateness, whatever came together in it
        self.worst_work_us = 0
        self.overruns = 0  # ticks whose own work took longer than a tick
        self.collections = 0
        self.last_pause_us = 0
        self.worst_pause_us = 0
        self.least_free_bytes = self.free_bytes
        for job in self.jobs:
            job.worst_us = 0

    @property
    def ill(self):
        """True after three late ticks in a row that nothing but the executive explains."""
        return self._running >= LATE_TICKS

    def began(self, late_us):
        """A tick begins, so long after its time (never before it)."""
        self.worst_us = max(self.worst_us, late_us)
        self._count_tick()
        place = 0
        while place < len(BUCKETS_us) and late_us >= BUCKETS_us[place]:
            place += 1
        if place:
            _add(self.histogram, place, 1)
        if late_us > LATE_us:
            self._late(late_us, self.blame)
        else:
            if late_us > self.worst_late_us[self.blame]:
                self.worst_late_us[self.blame] = late_us
            if not self._skipped:
                self._running = 0
        self._skipped = False

    def stage(self, place, spent_us):
        """A stage of the tick took so long."""
        if spent_us > self.worst_stage_us[place]:
            self.worst_stage_us[place] = spent_us

    def ended(self, work_us, over_us, timed_out):
        """A tick ends after its work, so long after the next one was due (negative: before it).

        `timed_out`: a bus let it wait. Returns how many ticks are left out.
        """
        if work_us > self.worst_work_us:
            self.worst_work_us = work_us
        blame = self.blame
        self.blame = OWN
        if over_us < 0:
            return 0
        self.worst_us = max(self.worst_us, over_us)
        if work_us >= self.tick_us:
            self.overruns = min(MASK, self.overruns + 1)
            blame = BUS if timed_out else OWN
            self._late(work_us - self.tick_us, blame)
        missed = over_us // self.tick_us + 1
        _add(self.missed, blame, missed)
        self._skipped = True
        return missed

    def paused(self, spent_us, free_bytes):
        """A collection took so long, and left so much of the heap free."""
        self.collections = min(MASK, self.collections + 1)
        self.last_pause_us = spent_us
        self.worst_pause_us = max(self.worst_pause_us, spent_us)
        self.free_bytes = min(MASK, free_bytes)
        self.least_free_bytes = min(self.least_free_bytes, self.free_bytes)

    def _late(self, late_us, blame):
        _add(self.late, blame, 1)
        if late_us > self.worst_late_us[blame]:
            self.worst_late_us[blame] = late_us
        if blame == OWN:
            self._running = min(LATE_TICKS, self._running + 1)

    def _count_tick(self):
        counted = self._ticks
        counted[1] += 1
        if counted[1] == _MILLION:
            counted[1] = 0
            _add(counted, 0, 1)

    @property
    def ticks(self):
        """How many began. Not from the tick: after 124 days of 10 ms the number is a big one."""
        return self._ticks[0] * _MILLION + self._ticks[1]

    def bucket(self, place):
        """Return how many ticks began with a lateness below BUCKETS_us[place], not below the one
        before; the last place holds all above. Not from the tick.
        """
        return self.histogram[place] if place else self.ticks - sum(self.histogram)


def _add(counters, place, more):
    counters[place] = min(MASK - more, counters[place]) + more
