"""What a tick costs on the simulated board: bytes and transactions of its buses, and its time.

A tick begins where the slack ends, at a wake or after a collection, and ends when the watchdog is
fed. `last`, `worst` and
`total` hold, at the places below, what the last tick took, the most that one tick took of each,
and the sum of all since `clear`; `ticks` is their number.
"""

from micropython import const

from packwarden_sim import costs
from packwarden_sim.clock import adc_us, us

BYTES = const(0)  # of the monitors' bus; that of the expanders is the next one
TRANSACTIONS = const(2)  # likewise
TIME_OUTS = const(4)  # of both
WIRE_us = const(5)
DRIVER_us = const(6)
ADC_us = const(7)
COMPUTE_us = const(8)
TICK_us = const(9)  # from the wake to the feed: all of the above, pins and clock
NAMES = (
    "monitors_bytes",
    "expanders_bytes",
    "monitors_transactions",
    "expanders_transactions",
    "time_outs",
    "wire_us",
    "driver_us",
    "adc_us",
    "compute_us",
    "tick_us",
)


class Meter:
    """Counts tick by tick; `tick` runs under the firmware's heap lock and allocates nothing."""

    def __init__(self, buses, compute_us):
        """`compute_us`: what `World.feed` charges for the tick's own computing."""
        self._buses = buses
        self._compute_us = compute_us
        self._before = [0] * len(NAMES)
        self._before[ADC_us] = adc_us[0]
        self.last = [0] * len(NAMES)
        self.began_us = us[0]
        self.clear()

    def clear(self):
        """Forget what the ticks so far took."""
        self.worst = [0] * len(NAMES)
        self.total = [0] * len(NAMES)
        self.ticks = 0

    def tick(self):
        """The tick ends now."""
        first, second = self._buses
        self._note(BYTES, first.bytes)
        self._note(BYTES + 1, second.bytes)
        self._note(TRANSACTIONS, first.transactions)
        self._note(TRANSACTIONS + 1, second.transactions)
        self._note(TIME_OUTS, first.time_outs + second.time_outs)
        self._note(WIRE_us, first.wire_us + second.wire_us)
        transactions = first.transactions + second.transactions
        self._note(DRIVER_us, transactions * costs.I2C_DRIVER_US)
        self._note(ADC_us, adc_us[0])
        self._note(COMPUTE_us, self._before[COMPUTE_us] + self._compute_us)
        self._note(TICK_us, self._before[TICK_us] + us[0] - self.began_us)
        self.began_us = us[0]
        self.ticks += 1

    def _note(self, place, now):
        took = now - self._before[place]
        self._before[place] = now
        self.last[place] = took
        self.total[place] += took
        if took > self.worst[place]:
            self.worst[place] = took

    def report(self):
        """Return mean and worst of a tick by name, and the number of ticks; for the host."""
        ticks = max(self.ticks, 1)
        mean = {name: self.total[place] / ticks for place, name in enumerate(NAMES)}
        worst = {name: self.worst[place] for place, name in enumerate(NAMES)}
        return {"ticks": self.ticks, "mean": mean, "worst": worst}
