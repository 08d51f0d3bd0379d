"""`os` of the board: changing a directory takes the time of its flash. Else it is the real one."""

import os as _real

from packwarden_sim import world
from packwarden_sim.clock import us
from packwarden_sim.costs import FILE_CHANGE_US


def rename(old, new):
    """Rename a file, in the place of another one if need be."""
    _change()
    _real.rename(old, new)


def remove(name):
    """Remove a file."""
    _change()
    _real.remove(name)


def _change():
    us[0] += FILE_CHANGE_US
    flash = world.current.wiring.flash
    flash.change()
    if flash.tears():
        world.current.pull()


def __getattr__(name):
    return getattr(_real, name)
