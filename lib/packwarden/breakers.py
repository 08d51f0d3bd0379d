"""The breakers: one state machine each, what their outputs do, and how their position is known.

closed -> tripping -> locked out; tripping -> failed when it stays closed; closed <-> open by hand.
What was tripped stays locked out until it is released. Nothing in here closes a breaker by itself;
one that is closed while it is locked out is tripped again.
"""

from micropython import const

from packwarden.fixed import MASK, ints
from packwarden.frame import MAIN_BIT

CLOSED = const(0)
TRIPPING = const(1)
OPEN = const(2)
FAILED = const(3)  # told to open and stays; backed up by breaker_failure
LOCKED_OUT = const(4)
STATE_NAMES = ("closed", "tripping", "open", "failed", "locked out")

PROOFS = const(3)  # readings of its contact that must find a contactor closed, to be held
BLIND_ms = const(100)  # without a contact: time given to a breaker before its current is asked
STAGGER_ms = const(50)  # between two coils: the supply of the trip circuits has to feed them
RETRY_ms = const(2000)  # between two pulses of a breaker that stays closed: its coil has to cool
REST_ms = const(60000)  # and after this long without one, it may have all of them anew
CROSSED_ms = const(250)  # another breaker that opens within this time of a trip opened for it
CLOSING_ms = const(1000)  # time given to a contactor to be found closed
LIES_ms = const(500)  # a contact that denies a current for this long has a cut wire
LET_GO_ms = const(1000)  # a contactor that fell open is let go then, or it would close again


class Breakers:
    """The breakers of a bank: index k for battery k, index N (`main`) for the main breaker."""

    STATE = ("state", "stamp", "told", "clearing_ms", "pulse_count", "reported", "closed")
    STATE += ("contacts", "neither", "readable", "flows", "commanded", "queued", "seen", "tripped")
    STATE += ("pulses", "crossed", "started", "closing", "holding", "lied", "stirred", "_last")
    STATE += (
        "_unproven",
        "_proofs",
        "_closed_ms",
        "_denied",
        "_denied_ms",
        "_unsettled",
        "_moved",
    )
    STATE += ("_still", "_aux_a", "_aux_b", "_known", "_started_ms", "_looked_ms")

    def __init__(self, batteries, kind, feedback, pulse_ms, retries=0, on_failure=0):
        """Make closed breakers: shunt_trip, uvr, contactor; feedback 52a, 52b, both, none.

        `retries`: pulses after the first two, for a shunt trip that stays; `on_failure`: mask of
        those that the safe state trips.
        """
        self.main = batteries
        self.held = kind != "shunt_trip"  # the output holds the breaker in; dropping it trips
        self.follows = kind == "contactor"  # held only if it was found closed: it would close
        self.use_a = feedback in ("52a", "both")
        self.use_b = feedback in ("52b", "both")
        self.pulse_ms = pulse_ms
        self.retries = retries
        self.trips_on_failure = on_failure
        self.all = (1 << batteries) - 1 | 1 << MAIN_BIT
        self.state = ints(batteries + 1)
        self.stamp = ints(batteries + 1)  # when its trip output was last set
        self.told = ints(batteries + 1)  # when its output first said open
        self.clearing_ms = ints(batteries + 1)  # how long it took to open
        self.pulse_count = ints(batteries + 1)  # since it was told
        # Masks, one bit per breaker.
        self.reported = self.all  # closed by what its contact says, or as far as is known
        self.closed = self.all  # reported closed, or carries current
        self.contacts = 0  # an auxiliary contact says closed
        self.neither = 0  # both contacts are wired and contradict each other
        self.readable = 0  # the contacts of this breaker could be read in this tick
        self.flows = 0  # carries current
        self.commanded = 0  # told to open and not known to be open
        self.queued = 0  # to be told when the coils before it have had their time
        self.seen = 0  # seen closed since it was told to open; then its contact ends the pulse
        self.tripped = 0  # latched
        self.pulses = 0  # trip coil energised
        self.crossed = 0  # was told to open, and another one opened
        self.started = False  # a coil has been energised since boot
        self.again = 0  # was tripped once more because it was closed; whoever records it clears it
        self.closing = 0  # a contactor that was told to close and is not yet found closed
        self.holding = 0 if self.follows else self.all
        self._last = self.all  # what was read before: a change is believed at its second reading
        self._unproven = self.all if self.follows else 0  # contactors not decided about since boot
        self._proofs = ints(batteries + 1, PROOFS)  # more: found closed running; less: open
        self._closed_ms = ints(batteries + 1)  # when it was last found closed, or carrying
        self._denied = 0  # contacts that say open while current flows, and since when
        self._denied_ms = ints(batteries + 1)
        self.lied = 0  # a contact that denied a current, and has not said closed since
        self.stirred = True  # in this tick something may have moved, or be wrong with a breaker
        self._unsettled = True  # its contact or current is waited for, or it is closed and tripped
        self._moved = self._still = False  # still: what is read was the same three times running
        self._aux_a = self._aux_b = self._known = -1  # as it was read last
        self._started_ms = 0  # when a coil was energised last
        self._looked_ms = 0

    def bit(self, index):
        """Return the mask bit of a breaker's index."""
        return 1 << (MAIN_BIT if index == self.main else index)

    def energised(self):
        """Return the mask of the outputs to energise. From the control step."""
        return self.holding & ~self.tripped if self.held else self.pulses

    def see(self, now_ms, aux_a, aux_b, known):
        """Take over the positions. From the control step, before the currents are known.

        `aux_a`, `aux_b`: masks of contacts that are closed; `known`: of those that could be read.
        With both contacts a breaker is open when both say so; one that says neither has a cut
        wire, and is closed until it is known to be open. Where no contact is wired, or known, a
        breaker is closed until it was told to open, had its time, and carries no more.
        """
        same = aux_a == self._aux_a and aux_b == self._aux_b and known == self._known
        if same and self._still and not self.commanded:
            self._moved = self.stirred = False
            self.closed = self.reported | self.flows & ~(1 << MAIN_BIT)
            return
        self.stirred = True
        self._still = same and not self._moved
        self._aux_a = aux_a
        self._aux_b = aux_b
        self._known = known
        known &= self.all
        if not (self.use_a or self.use_b):
            known = 0
        if self.use_a and self.use_b:
            self.contacts = aux_a & ~aux_b & known
            self.neither = ~(aux_a ^ aux_b) & known
            read = aux_a | ~aux_b
        else:
            read = aux_a if self.use_a else ~aux_b
            self.contacts = read & known
        reported = self._by_current(now_ms)
        if known:
            reported = reported & ~known | self._steady(read & self.all, known)
        self.readable = known
        self._moved = reported != self.reported
        self._find_crossed(now_ms, self.reported & ~reported & known)
        self.reported = reported
        self.closed = reported | self.flows & ~(1 << MAIN_BIT)

    def _by_current(self, now_ms):
        """Return what is closed where no contact tells."""
        reported = self.reported
        told = self.commanded & ~self.queued
        if told:
            for index in range(self.main + 1):
                bit = self.bit(index)
                if told & bit and (now_ms - self.told[index]) & MASK >= BLIND_ms:
                    reported = reported | bit if self.flows & bit else reported & ~bit
        return reported

    def _steady(self, read, known):
        """Return the positions, with those that two readings in a row agree on taken over."""
        agreed = ~(read ^ self._last)
        self._last = read
        return (self.reported & ~agreed | read & agreed) & known

    def _find_crossed(self, now_ms, opened):
        """After a trip that did not open its breaker: find out whether it opened another one."""
        strangers = opened & ~self.tripped
        if not strangers or not self.commanded:
            return
        for index in range(self.main + 1):
            bit = self.bit(index)
            if self.commanded & ~self.queued & bit and self.contacts & bit:
                if (now_ms - self.told[index]) & MASK <= CROSSED_ms:
                    self.crossed |= bit

    def discrepant(self, flows):
        """Return the mask of breakers whose contacts contradict each other or the current.

        `flows`: mask of those that carry more than 5 % of rated. From the control step.
        """
        open_by_contact = self.readable & ~self.reported
        return (self.neither | open_by_contact & flows) & self.all

    def follow(self, now_ms, flows, measured):
        """Move the state machines and end the pulses. From the control step: allocates nothing.

        `flows`: mask of the breakers that carry more than 5 % of rated; `measured`: of those whose
        current is known. A breaker is open when its contact says so and its current is gone: a
        contact alone may lie.
        """
        if flows != self.flows or self._unsettled or self.commanded | self.pulses | self.closing:
            self.stirred = True
        if self.stirred:
            self._stir(now_ms, flows, measured)
        self._looked_ms = now_ms

    def _stir(self, now_ms, flows, measured):
        """Follow breakers that may have moved. From the control step: allocates nothing."""
        self._moved = self._moved or flows != self.flows
        self.flows = flows
        self.closed = self.reported | flows & ~(1 << MAIN_BIT)
        if self._unproven:
            self._find_held(measured)
        self._find_lies(now_ms)
        if self.follows:
            self._let_go(now_ms)
        if self.queued:
            # Long ticks have time for more than one.
            self._start(now_ms, max(1, ((now_ms - self._looked_ms) & MASK) // STAGGER_ms))
        closed = self.tripped & (self.closed | flows)
        if self._moved or self.commanded | self.pulses | self.closing | closed:
            for index in range(self.main + 1):
                self._follow(index, now_ms)
        self._unsettled = self.follows or self._unproven or self._denied or self.lied or closed

    def _find_held(self, measured):
        """Decide which contactors to hold: those that are proven closed since boot.

        By current, or by a 52a contact in several readings running, which also tell one that is
        open: an absence (a 52b that may be cut, no contact) is no proof, and energising one that
        is open would close it. What is not known yet is waited for: deciding too early would let
        go all that is closed.
        """
        for index in range(self.main + 1):
            bit = self.bit(index)
            if not self._unproven & bit:
                continue
            proofs = self._proofs[index]
            if self.flows & bit:
                proofs = 2 * PROOFS
            elif self.use_a and self.readable & self.contacts & bit:
                proofs = max(PROOFS, proofs) + 1
            elif measured & bit and (self.readable & bit or not self.use_a):
                proofs = min(PROOFS, proofs) - 1  # it is open, as far as is known
            self._proofs[index] = proofs
            if proofs >= 2 * PROOFS:
                self.holding |= bit
            if proofs >= 2 * PROOFS or proofs <= 0:
                self._unproven &= ~bit

    def _find_lies(self, now_ms):
        """Note the contacts that deny a current for so long that their wire must be cut."""
        self.lied &= ~self.reported
        denied = self.readable & ~self.reported & self.flows & ~self.commanded
        if denied:
            for index in range(self.main + 1):
                bit = self.bit(index)
                if denied & ~self._denied & bit:
                    self._denied_ms[index] = now_ms
                elif denied & bit and (now_ms - self._denied_ms[index]) & MASK >= LIES_ms:
                    self.lied |= bit
        self._denied = denied

    def _let_go(self, now_ms):
        """Let go the contactors that have fallen open: they would close when their supply returns.

        A contact that bounces, or a wire that is cut under load, lets go nothing.
        """
        for index in range(self.main + 1):
            bit = self.bit(index)
            if (self.closed | self.flows | self.closing | self.lied) & bit:
                self._closed_ms[index] = now_ms
            elif self.holding & bit and (now_ms - self._closed_ms[index]) & MASK >= LET_GO_ms:
                self.holding &= ~bit

    def _end_pulse(self, bit, since_ms):
        """End a pulse when its contact has opened, or its time is over."""
        if self.closed & bit:
            self.seen |= bit
        elif self.seen & bit:
            self.pulses &= ~bit
        if since_ms >= self.pulse_ms:
            self.pulses &= ~bit

    def _follow(self, index, now_ms):
        bit = self.bit(index)
        closed = self.closed & bit
        since_ms = (now_ms - self.stamp[index]) & MASK
        self._end_pulse(bit, since_ms)
        if self.queued & bit:
            return
        if self.commanded & bit:
            if not (closed or self.flows & bit):
                self.state[index] = LOCKED_OUT
                self.clearing_ms[index] = (now_ms - self.told[index]) & MASK
                self.commanded &= ~bit
                self.crossed &= ~bit
            elif since_ms >= RETRY_ms and self.pulse_count[index] < self.retries + 2:
                self._pulse(index, now_ms)
        elif self.tripped & bit:
            if closed or self.flows & bit:
                # Closed by hand, or never open: its contact is cut or none, and nothing flowed.
                if self.readable & self.reported & bit:
                    self.pulse_count[index] = 0  # it has opened, and somebody closed it
                self._command(index, now_ms, self._may_pulse(index, since_ms))
                self.again |= bit
        elif closed:
            self.closing &= ~bit
            self.state[index] = CLOSED
        elif self.closing & bit:
            if since_ms >= CLOSING_ms:
                self.closing &= ~bit
                if self.readable & bit:
                    self.holding &= ~bit  # it did not close: it must not do so later
                else:
                    self.reported |= bit  # no contact tells
        else:
            self.state[index] = OPEN

    def _may_pulse(self, index, since_ms):
        """Return whether a coil may be energised once more: so often, and anew after a rest."""
        if since_ms >= REST_ms:
            self.pulse_count[index] = 0
        return self.pulse_count[index] < self.retries + 2

    def trip(self, index, now_ms):
        """Latch a breaker and tell it to open; return False if it was tripped and is open.

        Idempotent: a breaker that is on its way gets no second pulse (`retrip` gives one). A
        breaker whose contact says open is told as well, for a cut wire says the same. Control
        step.
        """
        bit = self.bit(index)
        known = self.tripped & bit
        self.tripped |= bit
        if self.commanded & bit:
            return True
        if known and not (self.closed | self.flows) & bit:
            return False
        self.pulse_count[index] = 0
        self._command(index, now_ms, True)
        return True

    def retrip(self, index, now_ms):
        """Give a breaker that was told to open, and stays, a new pulse. From the control step."""
        if self.commanded & self.bit(index):
            self._pulse(index, now_ms)

    def fail(self, index):
        """Say that a breaker did not open. From the control step."""
        if self.commanded & self.bit(index):
            self.state[index] = FAILED

    def release(self, index):
        """Let a breaker out of its lockout; it stays open until somebody closes it. Slack."""
        bit = self.bit(index)
        if self.follows and self.tripped & bit:
            self.holding &= ~bit
        self.tripped &= ~bit
        self.pulses &= ~bit
        if not self.follows and not self.readable & bit:
            self.reported |= bit  # no contact tells: closed until it is told to open
        self.state[index] = CLOSED if self.closed & bit else OPEN

    def close(self, index, now_ms):
        """Energise a contactor that is open and not locked out; let go if it does not close.

        Whoever calls has asked for permission. From the slack.
        """
        bit = self.bit(index)
        if self.follows and not self.tripped & bit:
            self.holding |= bit
            self.closing |= bit
            self.stamp[index] = now_ms

    def restore(self, tripped):
        """Take over what was locked out before the restart (a mask). Boot only."""
        self.tripped = tripped & self.all
        self.reported &= ~tripped  # until something says otherwise
        self._last &= ~tripped
        for index in range(self.main + 1):
            if tripped & self.bit(index):
                self.state[index] = LOCKED_OUT

    def _command(self, index, now_ms, pulse):
        bit = self.bit(index)
        self.state[index] = TRIPPING
        self.told[index] = now_ms
        self.commanded |= bit
        self.seen &= ~bit
        self.closing &= ~bit
        self.lied &= ~bit
        if self.held:
            self._pulse(index, now_ms)
        elif pulse:
            self.queued |= bit
            self._start(now_ms, 1)

    def _start(self, now_ms, most):
        """Energise up to `most` of the waiting coils, once in 50 ms; the main's first."""
        if self.started and (now_ms - self._started_ms) & MASK < STAGGER_ms:
            return
        index = self.main
        while self.queued and most:
            bit = self.bit(index)
            if self.queued & bit:
                self.started = True
                self._started_ms = now_ms
                self.queued &= ~bit
                self.told[index] = now_ms
                self._pulse(index, now_ms)
                most -= 1
            index = index + 1 if index < self.main else 0

    def _pulse(self, index, now_ms):
        self.stamp[index] = now_ms
        self.pulse_count[index] += 1
        self.pulses |= self.bit(index)

    def on_failure(self):
        """Return the mask to energise in the safe state.

        What is not configured to trip holds what it has (and a pulse goes on), for a controller
        that fails is no reason to black out the house.
        """
        trips = self.trips_on_failure
        return self.energised() & ~trips if self.held else self.energised() | trips
