"""Breakers alone, without the step around them: `from breaker_bench import ALL, MAIN, Bench`."""

from packwarden.breakers import Breakers
from packwarden.fixed import MASK

N = 3
MAIN = 1 << 15
ALL = 0b111 | MAIN


class Bench:
    """Breakers that are seen every tick; `closed` is where they are, `flows` who carries."""

    def __init__(
        self,
        kind="shunt_trip",
        feedback="52a",
        pulse_ms=200,
        closed=None,
        flows=None,
        batteries=N,
        **more,
    ):
        self.breakers = Breakers(batteries, kind, feedback, pulse_ms, **more)
        self.all = self.breakers.all
        self.closed = self.all if closed is None else closed
        self.flows = self.closed if flows is None else flows
        self.a = self.b = None  # masks of contacts that say something else
        self.known = self.all  # of the contacts that can be read
        self.now_ms = 1000
        self.tick(5)

    def tick(self, ticks=1, ms=10):
        for _ in range(ticks):
            self.now_ms = (self.now_ms + ms) & MASK
            a = self.closed if self.a is None else self.a
            b = self.all & ~self.closed if self.b is None else self.b
            self.breakers.see(self.now_ms, a, b, self.known)
            self.breakers.follow(self.now_ms, self.flows, self.all)
        return self.breakers.energised()

    def pulses(self, seconds, ms=10):
        """Let time pass; return when each pulse of each breaker began: [(ms, mask)]."""
        began = []
        before = self.breakers.pulses
        first_ms = self.now_ms
        for _ in range(round(seconds * 1000 / ms)):
            self.tick(ms=ms)
            if self.breakers.pulses & ~before:
                began.append(((self.now_ms - first_ms) & MASK, self.breakers.pulses & ~before))
            before = self.breakers.pulses
        return began

    def trip(self, index):
        return self.breakers.trip(index, self.now_ms)

    def open(self, *indices):
        """Let breakers open, by hand or because they were told; a second look believes it."""
        for index in indices:
            self.closed &= ~self.breakers.bit(index)
            self.flows &= ~self.breakers.bit(index)
        return self.tick(2)

    def close(self, *indices):
        for index in indices:
            self.closed |= self.breakers.bit(index)
        return self.tick(2)

    def state(self, index=1):
        return self.breakers.state[index]
