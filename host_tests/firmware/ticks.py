"""Ticks of an acquisition without an executive, and a trace to tell its channels apart."""

from packwarden.fixed import MASK
from packwarden_sim.clock import us


class Ticks:
    """Calls `read` as the executive would, at a tick; `each` is called after every one."""

    def __init__(self, acquisition, tick_ms=10):
        self.acquisition = acquisition
        self.tick_us = tick_ms * 1000
        self.next_us = us[0]
        self.took_us = []

    def run(self, count=1, each=None):
        for _ in range(count):
            us[0] = max(us[0], self.next_us)
            began_us = us[0]
            self.acquisition.read(began_us // 1000 & MASK)
            self.took_us.append(us[0] - began_us)
            self.next_us = began_us + self.tick_us
            if each:
                each(began_us)
        return self.took_us[-count:]


def distinct(n):
    """A trace in which every channel has a value of its own."""
    names, cells = ["t_s"], [0]
    for k in range(1, n + 1):
        names += [f"i{k}_A", f"v{k}_V", f"tp{k}_C", f"tn{k}_C"]
        cells += [10 * k, 50 + k / 10, 20 + k, 50 + k]
    names += ["vbus_V", "tamb_C"]
    cells += [48, 77]
    return ",".join(names) + "\n" + ",".join(map(str, cells)) + "\n"
