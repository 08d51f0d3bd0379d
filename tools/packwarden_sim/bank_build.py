"""A bank's model as data, and the parts of the physical bank made from it."""

from packwarden_sim import noise, pack, thermal
from packwarden_sim.ladder import Ladder
from packwarden_sim.load import Load

# Every key of a model, with what stands for a missing one. Where a list may stand, it has one item
# per battery (link_mohm: per link). The branch of a standard pack makes 16.75 mOhm in all.
DEFAULTS = {
    "batteries": 4,
    "cells": 16,
    "capacity_Ah": 100,  # or a list
    "soc_percent": 80,  # or a list
    "r0_mohm": None,  # or a list; None: that of a standard pack, scaled by cells and capacity
    "r1_mohm": None,
    "r2_mohm": None,
    "tau1_s": pack.STANDARD_S[0],
    "tau2_s": pack.STANDARD_S[1],
    "bms_mohm": 3.5,
    "cable_mohm": 1.0,  # per pole
    "joint_mohm": 0.025,  # per terminal
    "feed": "diagonal",  # or "one_end", or [node of the positive rail, of the negative], from 1
    "link_mohm": 0.176,  # per rail; or a list
    "scatter_percent": 0,  # of each pack's resistance and capacity, either way
    "settled": False,  # True: at t = 0 the load has been on for long
    "precharged": False,  # True: a source behind the main brings up a dead busbar
    "room_C": 25,
    "gradient_K": 2,  # from battery 1 to the last
    "thermal": {},  # what differs from thermal.DEFAULTS
    "load": {"steps": []},  # arguments of load.Load
    "faults": [],  # see bank_faults
}
# Streams of the noise generator beyond those of the chips' channels.
_SCATTER_STREAM = 4000


def complete(model):
    """Return the model with every key."""
    figures = dict(DEFAULTS)
    figures.update(model)
    return figures


def packs(figures, seed):
    """Return the packs, each off its nominal figures by the seed's scatter."""
    size = figures["batteries"]
    cells = figures["cells"]
    capacity_Ah = _each(figures["capacity_Ah"], size)
    ohm = []
    for index in range(3):
        given = figures[("r0_mohm", "r1_mohm", "r2_mohm")[index]]
        if given is None:
            ohm.append([pack.standard_ohm(index, cells, capacity) for capacity in capacity_Ah])
        else:
            ohm.append([value / 1000.0 for value in _each(given, size)])
    for k in range(size):
        capacity_Ah[k] *= _scatter(figures, seed, 2 * k)
        factor = _scatter(figures, seed, 2 * k + 1)
        for values in ohm:
            values[k] *= factor
    return pack.Packs(
        cells,
        capacity_Ah,
        _each(figures["soc_percent"], size),
        ohm,
        (figures["tau1_s"], figures["tau2_s"]),
        figures["bms_mohm"] / 1000.0,
    )


def ladder(figures):
    """Return the busbars with the load's two taps."""
    size = figures["batteries"]
    feed = figures["feed"]
    if feed == "one_end":
        taps = (1, 1)
    elif feed == "diagonal":
        taps = (1, size)
    else:
        taps = feed
    links = [value / 1000.0 for value in _each(figures["link_mohm"], size - 1)]
    return Ladder(links, links[:], taps[0] - 1, taps[1] - 1)


def load(figures):
    """Return the load with its profile."""
    return Load(**figures["load"])


def heat(figures):
    """Return the thermal model, all of it at the room's temperature."""
    constants = dict(thermal.DEFAULTS)
    constants.update(figures["thermal"])
    return thermal.Thermal(
        figures["batteries"], figures["room_C"], figures["gradient_K"], constants
    )


def _each(value, size):
    """Return a fresh list of `size` floats from one number or a list."""
    if isinstance(value, (list, tuple)):
        return [float(item) for item in value]
    return [float(value)] * size


def _scatter(figures, seed, number):
    """Return a factor about 1, the same for the same seed and number."""
    share = figures["scatter_percent"] / 100.0
    if not share:
        return 1.0
    draw = noise.stream(seed, _SCATTER_STREAM + number) / (noise.MASK + 1)
    return 1.0 + share * (2.0 * draw - 1.0)
