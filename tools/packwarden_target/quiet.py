"""What the bench measures with: the frames of a quiet bank of any configuration, and a stopwatch.

Nothing in the bank is wrong, and nothing stands still: every battery carries about 80 % of its
rating, every code moves, and every channel has a new conversion in each tick.
"""

import sys
import time

from packwarden.bank import Bank
from packwarden.chips.ina2xx import CHIPS
from packwarden.fixed import BIAS, MASK
from packwarden.thermistor import resistance

_LOAD_percent = 80  # of rated
_CELL_mV = 3300
_WARM_cC = 3000

TICK_ms = 10
ROUND = 500  # steps: 5 s, in which every part of the step runs that does not run in each
ROUNDS = 5
_TOGETHER_us = (
    2000  # steps so short are added before the least is taken: a clock of 1 us is coarse
)
_TOGETHER = 10


class QuietBank:
    """The raw counts of a quiet bank, a list per tick in the frame's order of channels."""

    def __init__(self, config):
        """Compute the counts at rest of a configuration that passed `settings.errors`."""
        bank = self.bank = Bank(config)
        sensors = config["sensors"]
        chip = CHIPS[bank.monitor]
        n = bank.batteries
        # mA * uohm is nV.
        current = bank.rated_mA * _LOAD_percent // 100 * 1000 // chip["shunt_lsb_pV"]
        volts = config["bank"]["cells"] * _CELL_mV * 1000000 // (chip["bus_lsb_pV"] // 1000)
        pull_up = sensors["pull_up_ohm"]
        warm = _divided(bank, resistance(sensors["thermistor"], _WARM_cC), pull_up)
        self.rest = [current * bank.shunt_uohm] * n + [volts] * (n + 1) + [warm] * (2 * n + 1)
        self.rest.append(_divided(bank, sensors["reference_ohm"], pull_up))
        if bank.supply_mV:
            self.rest.append(bank.supply_mV)
        if bank.main_shunt_uohm:
            self.rest.append(current * bank.main_shunt_uohm * n)

    def counts(self, number):
        """Return the counts of tick `number`: no battery, terminal or tick quite like another."""
        n = self.bank.batteries
        counts = list(self.rest)
        for k in range(n):
            counts[k] += counts[k] * (k * 7 % n - n // 2) // 500 + (number + k) % 3
        for channel in range(2 * n + 1, 4 * n + 1):
            counts[channel] += channel * 7 % 31
        return counts


def _divided(bank, ohm, pull_up_ohm):
    """Return what the ADC counts (0.1 mV) at a resistance below the pull-up."""
    return 10 * bank.excitation_mV * ohm // (ohm + pull_up_ohm)


def fill(frame, counts, bank):
    """Put counts into a frame, each a new conversion, and contacts that have nothing to say."""
    for channel in range(frame.channels):
        frame.raw[channel] = BIAS + counts[channel]
        frame.note[channel] = 0
        frame.count[channel] = (frame.count[channel] + 1) & MASK
    frame.contacts_known = frame.bms_known = frame.aux_a = 0xFFFF
    frame.aux_b = 0
    frame.bms = 0xFFFF if bank.bms_contact == "open_on_alarm" else 0
    frame.external = 1 if bank.external_trip == "open_on_trip" else 0
    frame.trip_circuit = frame.trip_circuit_known = 1
    frame.alert = 0


def rounds():
    """Return how many rounds to measure: the script's argument, or as many as are sensible."""
    given = getattr(sys, "argv", ())  # a script that comes as text has none
    return int(given[1]) if len(given) > 1 else ROUNDS


def least_us(prepare, step):
    """Return the time of each step of a round in us: the least that it took in any round.

    `prepare(number)` fills the frame of a tick, `step(number)` runs it and returns its time. No
    more steps are taken together than the clock needs: whoever else runs on this machine would be
    measured as well.
    """
    prepare(0)
    together = _TOGETHER if step(0) * _TOGETHER <= _TOGETHER_us else 1
    found = [1 << 29] * (ROUND // together)
    number = 1
    for _ in range(rounds()):
        for place in range(len(found)):
            spent_us = 0
            for _ in range(together):
                prepare(number)
                spent_us += step(number)
                number += 1
            found[place] = min(found[place], spent_us)
    return [spent_us / together for spent_us in found]


def middle(times_us):
    """Return the median of some times."""
    return sorted(times_us)[len(times_us) // 2]


def passed_us(began_us):
    """Return the time since `time.ticks_us` was taken."""
    return time.ticks_diff(time.ticks_us(), began_us)
