"""Runs on a target, told by `packwarden bench`: time of the kernels that exist in C as well.

With the library and this folder on the path and the configuration in config.json. Prints one JSON
object: `kernel_us`, what measuring and comparing one quiet frame takes; and as `quiet`, if asked
for, that frame and its bank, for `packwarden_host.oracle`.
"""

import json
import time

from packwarden.compare import IDLE, compare
from packwarden.protection import Protection
from quiet import QuietBank, fill

_TICK_MS = 10
_TICKS = 8  # until every channel is believed and everything has its quantity
_FRAMES = 100  # a batch: the clock counts whole microseconds
_BATCHES = 50


def _settled(config):
    """Return a Protection that has seen the quiet bank, and the time of its last step."""
    quiet = QuietBank(config)
    protection = Protection(config)
    now_ms = 0
    for number in range(_TICKS):
        now_ms += _TICK_MS
        fill(protection.frame, quiet.counts(number), quiet.bank)
        protection.step(now_ms)
        if number == _TICKS // 2:
            protection.arm(now_ms)
    moving = sum([state != IDLE for state in protection.decider.slots.state])
    if moving:
        raise RuntimeError("the bank was not quiet: %d slots moved" % moving)
    return protection, now_ms


def kernel_us(protection, now_ms):
    """Return the microseconds that measuring and comparing a frame take, the least of batches."""
    measure = protection.measured.run
    slots = protection.decider.slots
    ctx = slots.ctx
    rows = slots.row_count
    least_us = 1 << 29
    for _ in range(_BATCHES):
        began_us = time.ticks_us()
        for _ in range(_FRAMES):
            measure()
            compare(ctx, now_ms, 0, rows)  # every slot, as the reference; `run` looks first
        least_us = min(least_us, time.ticks_diff(time.ticks_us(), began_us))
    return least_us / _FRAMES


def quiet_frame(protection, now_ms):
    """Return what the reference in C needs for the same work."""
    bank = protection.bank
    slots = protection.decider.slots
    held, _, _, table, corrections = protection.measured.ctx
    values, fresh = slots.ctx[:2]
    return {
        "monitor": bank.monitor,
        "shunt_uohm": bank.shunt_uohm,
        "main_shunt_uohm": bank.main_shunt_uohm,
        "batteries": bank.batteries,
        "supply": int(bank.supply_mV > 0),
        "gain": protection.measured.gain,
        "quantities": len(values),
        "rows": slots.row_count,
        "table": list(table),
        "corrections": list(corrections),
        "row": list(slots.rows),
        "frame": [now_ms, 0, -1] + list(held) + list(fresh) + list(values),
    }


def main(with_quiet=False):
    """Measure, and print."""
    with open("config.json") as file:
        protection, now_ms = _settled(json.load(file))
    found = {"kernel_us": kernel_us(protection, now_ms)}
    if with_quiet:
        found["quiet"] = quiet_frame(protection, now_ms)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
