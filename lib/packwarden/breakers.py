"""The breakers: one state machine each, what their outputs do, and how their position is known.

closed -> tripping -> locked out; tripping -> failed when it stays closed; closed <-> open by hand.
What was tripped stays locked out: latches live in RAM, until the next restart. Nothing in here
closes a breaker; one that is closed by hand while it is locked out is tripped again.
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

PROOFS = const(3)  # ticks in which a contactor must be found closed to be held
BLIND_ms = const(100)  # without a contact: time given to a breaker before its current is asked


class Breakers:
    """The breakers of a bank: index k for battery k, index N (`main`) for the main breaker."""

    def __init__(self, batteries, kind, feedback, pulse_ms):
        """Make closed breakers: shunt_trip, uvr, contactor; feedback 52a, 52b, both, none."""
        self.main = batteries
        self.held = kind != "shunt_trip"  # the output holds the breaker in; dropping it trips
        self.follows = kind == "contactor"  # held only if it was found closed: it would close
        self.use_a = feedback in ("52a", "both")
        self.use_b = feedback in ("52b", "both")
        self.pulse_ms = pulse_ms
        self.all = (1 << batteries) - 1 | 1 << MAIN_BIT
        self.state = ints(batteries + 1)
        self.stamp = ints(batteries + 1)  # when its trip output was last set
        self.told = ints(batteries + 1)  # when it was first told to open
        self.clearing_ms = ints(batteries + 1)  # how long it took to open
        # Masks, one bit per breaker.
        self.reported = self.all  # closed by what its contact says, or as far as is known
        self.closed = self.all  # reported closed, or carries current
        self.contacts = 0  # an auxiliary contact says closed
        self.flows = 0  # carries current
        self.commanded = 0  # told to open and not known to be open
        self.seen = 0  # seen closed since it was told to open; then its contact ends the pulse
        self.tripped = 0  # latched
        self.pulses = 0  # trip coil energised
        self.again = 0  # was tripped once more because it was closed; whoever records it clears it
        self.holding = 0 if self.follows else self.all
        self._last = self.all  # what was read before: a change is believed at its second reading
        self._proofs = 0  # ticks looked at since boot, and ...
        self._proven = self.all  # ... the contactors that were proven closed in all of them
        self._readable = False  # what proves a contactor closed could be read in this tick
        self._moved = False

    def bit(self, index):
        """Return the mask bit of a breaker's index."""
        return 1 << (MAIN_BIT if index == self.main else index)

    def energised(self):
        """Return the mask of the outputs to energise. From the control step."""
        return self.holding & ~self.tripped if self.held else self.pulses

    def see(self, now_ms, aux_a, aux_b, known):
        """Take over the positions. From the control step, before the currents are known.

        `aux_a`, `aux_b`: masks of contacts that are closed. With both contacts a breaker is open
        when both say so; one that says neither has a cut wire, and is closed until it is known to
        be open. Where no contact is wired, or while they are not `known`, a breaker is closed
        until it was told to open, had its time, and carries no more.
        """
        if not known or not (self.use_a or self.use_b):
            self.contacts = 0
            reported = self._by_current(now_ms)
        elif self.use_a and self.use_b:
            self.contacts = aux_a & ~aux_b & self.all
            reported = self._steady((aux_a | ~aux_b) & self.all)
        else:
            self.contacts = (aux_a if self.use_a else ~aux_b) & self.all
            reported = self._steady(self.contacts)
        self._readable = known or not self.use_a
        self._moved = reported != self.reported
        self.reported = reported
        self.closed = reported | self.flows & ~(1 << MAIN_BIT)

    def _by_current(self, now_ms):
        """Return what is closed where no contact tells."""
        reported = self.reported
        for index in range(self.main + 1):
            bit = self.bit(index)
            if self.commanded & bit and (now_ms - self.told[index]) & MASK >= BLIND_ms:
                reported = reported | bit if self.flows & bit else reported & ~bit
        return reported

    def _steady(self, read):
        """Return the positions, with those that two readings in a row agree on taken over."""
        agreed = ~(read ^ self._last)
        self._last = read
        return (self.reported & ~agreed | read & agreed) & self.all

    def follow(self, now_ms, flows):
        """Move the state machines and end the pulses. From the control step: allocates nothing.

        `flows`: mask of the breakers that carry more than 5 % of rated. A breaker is open when its
        contact says so and its current is gone: a contact alone may lie.
        """
        self._moved = self._moved or flows != self.flows
        self.flows = flows
        self.closed = self.reported | flows & ~(1 << MAIN_BIT)
        if self.follows and self._readable and self._proofs < PROOFS:
            self._find_held()
        if self._moved or self.commanded or self.pulses or self.tripped & (self.closed | flows):
            for index in range(self.main + 1):
                self._follow(index, now_ms)

    def _find_held(self):
        """Hold the contactors that are proven closed since boot, in several ticks running.

        By a 52a contact, or by current: an absence (a 52b that may be cut, no contact) is no
        proof, and energising one that is open would close it. A tick whose contacts could not be
        read does not count: it would let go all that is closed.
        """
        self._proven &= self.flows | (self.contacts if self.use_a else 0)
        self._proofs += 1
        if self._proofs == PROOFS:
            self.holding = self._proven

    def _follow(self, index, now_ms):
        bit = self.bit(index)
        closed = self.closed & bit
        if closed:
            self.seen |= bit
        elif self.seen & bit:
            self.pulses &= ~bit
        if (now_ms - self.stamp[index]) & MASK >= self.pulse_ms:
            self.pulses &= ~bit
        if self.commanded & bit:
            if not (closed or self.flows & bit):
                self.state[index] = LOCKED_OUT
                self.clearing_ms[index] = (now_ms - self.told[index]) & MASK
                self.commanded &= ~bit
        elif self.tripped & bit:
            if closed or self.flows & bit:
                # Closed by hand, or never open: its contact is cut or none, and nothing flowed.
                self._command(index, now_ms)
                self.again |= bit
        elif closed:
            self.state[index] = CLOSED
        else:
            if self.follows:
                self.holding &= ~bit  # or it would close when its coil's supply returns
            self.state[index] = OPEN

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
        self._command(index, now_ms)
        return True

    def retrip(self, index, now_ms):
        """Give a breaker that was told to open, and stays, a new pulse. From the control step."""
        bit = self.bit(index)
        if self.commanded & bit:
            self.stamp[index] = now_ms
            self.pulses |= bit

    def fail(self, index):
        """Say that a breaker did not open. From the control step."""
        if self.commanded & self.bit(index):
            self.state[index] = FAILED

    def _command(self, index, now_ms):
        bit = self.bit(index)
        self.state[index] = TRIPPING
        self.told[index] = self.stamp[index] = now_ms
        self.commanded |= bit
        self.pulses |= bit
        self.seen &= ~bit

    def on_failure(self):
        """Return the mask to energise in the safe state.

        A shunt trip and a contactor hold what they have (and a pulse goes on), for a controller
        that fails is no reason to black out the house; an undervoltage release drops, as its
        wiring is made to.
        """
        return 0 if self.held and not self.follows else self.energised()
