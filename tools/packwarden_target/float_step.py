"""Runs in the VM, told by `packwarden bench`: time of the quiet step's work in floats.

`micropython float_step.py [ROUNDS]`, with the library and this folder on the path and the
configuration in config.json. Prints one JSON object.
"""

import gc
import json
import time

from float_bank import FloatBank
from quiet import ROUND, QuietBank, TICK_ms, least_us, middle, passed_us, rounds


def quiet_contacts(batteries):
    """Return contacts that have nothing to say, as `FloatBank.step` takes them."""
    return {
        "closed": [True] * (batteries + 1),
        "bms": [False] * batteries,
        "external": False,
        "circuit_closed": True,
        "alert": False,
    }


def main():
    """Measure, and print."""
    with open("config.json") as file:
        config = json.load(file)
    quiet = QuietBank(config)
    bank = FloatBank(config)
    contacts = quiet_contacts(quiet.bank.batteries)
    counts = [quiet.counts(number) for number in range(10)]
    operated = []

    def step(number):
        seen = counts[number % len(counts)]
        began_us = time.ticks_us()
        operated.extend(bank.step(number * TICK_ms / 1000, seen, contacts))
        return passed_us(began_us)

    times_us = least_us(lambda number: None, step)
    gc.collect()
    before = gc.mem_alloc()
    step(ROUND * rounds() + 1)
    grown = gc.mem_alloc() - before
    if operated or any(slot.state for row in bank.rows for slot in row.slots):
        raise RuntimeError("the bank was not quiet: %d slots changed" % len(operated))
    print(
        json.dumps(
            {
                "step_us_float": middle(times_us),
                "slowest_step_us_float": max(times_us),
                "alloc_bytes_float": grown,
                "slots": sum([len(row.slots) for row in bank.rows]),
            }
        )
    )


if __name__ == "__main__":
    main()
