"""Trials: something happens at a microsecond of its own, and an output has to follow.

The firmware runs in one life of the board, as ever. At a random phase against its tick the chips'
registers, contacts and voltages change; when the output has its new level all is put back, what
tripped is reset and closed by hand, and the next trial begins.

The file of a run: {"cases": [{"row": integers of a row as in `trace_source`, "faults": entries as
in `faults`, "extra": see `TrialSource`, "stages": what has to happen at the outputs, "zero_us":
null or a time}], "phases": how many trials, "span_us": how far the events are spread,
"patience_ticks" and "leaps": what a bank needs to forget a trial, "delay_us" and "limit_us": when
the output is expected, and when no more, "load": what goes on beside it}.

A stage is [output, mask, level]: a pin by its name, or "relays", of which one of the mask (level
1) or none (0) is energised. A trial takes from its event to the last stage, or with `zero_us` from
so long after the first one. Loads: {"kind": "none"}; {"kind": "flash"}, a lockout is written just
before each event; {"kind": "journal"}, something is recorded so long before each event that its
commit meets it; {"kind": "chip", "faults", "stays"}, something on a bus fails just before each
event, or once for the whole run.
"""

import json
import sys

from packwarden import lockout
from packwarden_sim import costs, faults, noise
from packwarden_sim.clock import NEVER, us
from packwarden_sim.moments import Moments
from packwarden_sim.trace_source import TraceSource
from packwarden_sim.world import World

_FIRST_TICKS = 100  # after arming, for all that is measured slowly
_LEAP_us = 4_500_000  # for which the processor stands still: less than the watchdog's time
_LEAPS = 3  # in a row, for what needs time: the longest usual reset time is 10 s
_MOST_LEAPS = 60
_LONG_ticks = 120  # and between such leaps: what they made late is told for a second
_LOOK_ticks = 4  # how often a bank is looked at that comes to rest
_SETTLE_looks = 3
_BEFORE_us = 60_000  # what disturbs an event begins so long before it, at most
# A record waits for others, 0.4 to 0.5 s by when it is looked for; then its commit takes 60 ms.
_RECORDED_us = 400_000
_MEETS_us = 160_000
_AHEAD_us = 3_000
_LANDED_us = 40_000  # after a leap: the tick that it made late has passed, and the next one
_AWAY_us = 5_000_000  # how often the firmware visits a chip that does not answer


class TrialSource(TraceSource):
    """A trace of one row, the quiet one, beside which the rows of the cases are shown.

    `extra` of a case: "main", codes that the main shunt shows beyond the sum of the currents;
    "reference_uV", the voltage at the reference resistor.
    """

    def __init__(self, path, reference_uv, main):
        super().__init__(path, reference_uv, main)
        self.end_ms = NEVER
        self._reference_uv = reference_uv
        with open(path) as file:
            self._quiet = file.read().split("\n")[1]

    def show(self, row=None, extra=None):
        """Bring a row to the chips at once; without one the quiet row."""
        extra = extra or {}
        self._take(row or self._quiet)
        self._carry()
        self.shunt[-1] += extra.get("main", 0)
        self.adc_uv[-1] = extra.get("reference_uV", self._reference_uv)


class Outputs:
    """Stands for `Wiring.moved`, and notes when the stages of a trial are reached. In the tick."""

    def __init__(self):
        self.times = [0] * 4
        self.reached = 0
        self._last = 0
        self._stages = ()
        self._wiring = None

    def watch(self, wiring, stages):
        """Wait for stages, one after the other. In the slack."""
        self._wiring = wiring
        self._stages = stages
        self.reached = 0

    def ended(self):
        """Return whether there were stages, and all were reached."""
        return self.reached == len(self._stages) > 0

    def stands(self):
        """Return whether the outputs are now as the next stage wants them."""
        output, mask, level = self._stages[self.reached]
        if output == "relays":
            return (self._wiring.relays() & mask != 0) == (level != 0)
        return self._wiring.on(output) == level

    def __getitem__(self, _):
        return self._last

    def __setitem__(self, _, at_us):
        self._last = at_us
        if self.reached < len(self._stages) and self.stands():
            self.times[self.reached] = at_us
            self.reached += 1


class Trials(World):
    """The world of a run of trials; its wiring's `moved` is an `Outputs`."""

    def __init__(self, job, wiring, schedule, lines, *more):
        with open(job["source"]["trials"]) as file:
            self._plan = json.load(file)
        self._moments = Moments()
        self._moments.watch(wiring)
        self._outputs = wiring.moved
        self._told = lines
        self._random = noise.stream(job["seed"], 4_001)
        self._left = self._plan["phases"]
        self._load = self._plan["load"]
        self._running = None  # the firmware's cabinet, once it has armed
        self._case = None  # of the trial that is on its way
        self._ticks = self._rested = self._leaps = 0
        self._patience = self._plan["patience_ticks"]  # until it is leapt
        self._event_us = 0
        self._stays = self._load.get("stays")
        self._disturbs = self._load["kind"] != "none" and not self._stays
        # How long before an event its disturbance begins at the latest, and how much earlier.
        self._disturbance_us = (0, _BEFORE_us if self._disturbs else 0)
        if self._load["kind"] == "journal":
            self._disturbance_us = (_RECORDED_us, _MEETS_us)
        super().__init__(job, wiring, schedule, lines, *more)

    def sleep(self, duration_us):
        """Let virtual time pass; then see how far the trial is."""
        end_us = us[0] + duration_us
        if self._moments.due < end_us:
            us[0] = max(us[0], self._moments.due)
            self._moments.let_pass()
        super().sleep(max(0, end_us - us[0]))
        if not self._armed:
            return
        self._ticks += 1
        if self._running is None:
            if self._ticks > _FIRST_TICKS:
                self._begin()
        elif self._case is None:
            self._recover()
        elif self._outputs.ended() or us[0] > self._event_us + self._plan["limit_us"]:
            self._finish()

    # ---- before the first trial -----------------------------------------------------------------

    def _begin(self):
        running = self._running = sys.modules["cabinet"].current
        # The computing time of the step belongs between acquisition and outputs.
        step, step_us = running.protection.step, self._step_us
        self._step_us = 0
        captures = running.recorder.captures

        def counted(now_ms):
            step(now_ms)
            us[0] += step_us
            # A capture of the trial before is not written: it would stall ticks as a commit does.
            if captures.frozen:
                captures.release()

        running.protection.step = counted
        self._at_rest = self._state()
        if self._stays:
            self._break(self._load["faults"], True)
        self._ticks = 0

    # ---- a trial --------------------------------------------------------------------------------

    def _draw(self, below):
        """Return a random number, 0 .. below-1."""
        self._random = (self._random * noise.MUL + noise.INC) & noise.MASK
        high = self._random >> 15
        self._random = (self._random * noise.MUL + noise.INC) & noise.MASK
        return (high << 16 | self._random >> 15) % below

    def _set_up(self):
        """Choose case and time of the next event, and of what disturbs it."""
        cases = self._plan["cases"]
        self._case = cases[self._draw(len(cases))]
        visit_us = self._moments.timed_out_us
        latest_us, spread_us = self._disturbance_us
        before_us = latest_us + spread_us
        if self._stays and visit_us is not None:
            self._event_us = self._beside(visit_us + _AWAY_us)
        else:
            self._event_us = us[0] + _AHEAD_us + before_us + self._draw(self._plan["span_us"])
        self._moments.at(self._event_us, self._happen)
        if self._disturbs:
            self._moments.at(self._event_us - latest_us - self._draw(spread_us), self._disturb)
        # Not at once: a leap has made a tick late.
        self._moments.at(self._event_us - before_us - _AHEAD_us // 2, self._listen)

    def _beside(self, visit_us):
        """Return a time so near to a visit of a hung chip that it matters; leap towards it."""
        delay_us = self._plan["delay_us"]
        first_us = visit_us - delay_us - _BEFORE_us
        while first_us < us[0] + _LANDED_us:
            first_us += _AWAY_us
        us[0] += min(_LEAP_us, first_us - _LANDED_us - us[0])
        return first_us + self._draw(delay_us + _BEFORE_us + costs.i2c_timeout(1))

    def _listen(self):
        """From here on the lateness of the ticks counts."""
        self._running.timing.worst_us = 0

    def _happen(self):
        self._outputs.watch(self.wiring, self._case["stages"])
        if self._outputs.stands():
            self.end("crash", "the output of a trial stands before its event")
        self._source.show(self._case["row"], self._case["extra"])
        for seat in self.wiring.monitors:
            seat.model.renew()
        self._break(self._case["faults"], True)

    def _disturb(self):
        if self._load["kind"] == "flash":
            self._running.protection.decider.lockout.changed = True
        elif self._load["kind"] == "journal":
            self._running.events.boot(0)  # any record does
        else:
            self._break(self._load["faults"], True)

    def _break(self, entries, on):
        """Begin or end faults."""
        for entry in entries:
            faults.put(self.wiring, entry, on)
        self.wiring.update_inputs()

    def _finish(self):
        """Tell what came of the trial, and put all back."""
        outputs = self._outputs
        took_us = None
        if outputs.ended():
            zero_us = self._event_us
            if self._case["zero_us"] is not None:
                zero_us = outputs.times[0] + self._case["zero_us"]
            took_us = outputs.times[outputs.reached - 1] - zero_us
        self._told.trial({"us": took_us, "late_us": self._running.timing.worst_us})
        outputs.watch(self.wiring, ())
        self._moments.clear()
        self._source.show()
        self._break(self._case["faults"], False)
        if self._disturbs:
            self._break(self._load.get("faults", ()), False)
        self._case = None
        self._ticks = self._rested = self._leaps = 0
        self._patience = self._plan["patience_ticks"]
        self._left -= 1

    # ---- between two trials ---------------------------------------------------------------------

    def _recover(self):
        """Bring the bank to rest, then set up the next trial."""
        if not self._left:
            self.end("end")
        if self._ticks % _LOOK_ticks:
            return
        if self._at_rest != self._state() or self._running.protection.moving():
            self._rested = 0
            self._reset()
            if self._ticks >= self._patience:
                self._leap()
        elif self._running.recorder.journal.waiting():
            self._rested = 0  # what the last trial told is written first: a commit stalls a tick
        elif self._leaps < self._plan["leaps"]:
            self._leap()
        else:
            self._rested += 1
            if self._rested == _SETTLE_looks:
                self._set_up()

    def _leap(self):
        self._leaps += 1
        if self._leaps > _MOST_LEAPS:
            self.end("crash", "the bank does not come to rest: %s" % (self._state(),))
        us[0] += _LEAP_us
        if self._leaps % _LEAPS == 0:
            self._ticks = 0
            self._patience = _LONG_ticks

    def _state(self):
        """Return what has to be as it was before the first trial."""
        protection = self._running.protection
        breakers = protection.breakers
        health = list(protection.validator.health)
        return (
            self.wiring.state(),
            self.wiring.relays(),
            protection.decider.alarms,
            protection.faults,
            breakers.tripped | breakers.commanded,
            breakers.closed,
            () if self._stays else health,
        )

    def _reset(self):
        """Do what a person does after a trip: open what is stuck, reset and close it."""
        protection = self._running.protection
        breakers = protection.breakers
        wiring = self.wiring
        wiring.alert.latched = False
        for integrator in protection.integrators:
            for k in range(len(integrator.way)):
                integrator.way[k] = 0
        for index in range(breakers.main + 1):
            breaker = (wiring.breakers + [wiring.main])[index]
            if lockout.refusal(protection, index, lockout.CONFIRMATION) is None:
                lockout.reset(protection, index)
            if breakers.tripped & breakers.bit(index):
                if breaker.closed and breaker.due == NEVER:
                    breaker.by_hand(False)
            elif not breaker.closed:
                breaker.by_hand(True, us[0])
        self._apply(self.now_ms())
        self._schedule()
