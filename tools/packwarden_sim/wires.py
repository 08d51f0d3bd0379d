"""What is wrong between the bank and an input: a wire, a contact, a sensor that lies.

A `Wires` takes the place of a list of what chips and pins convert; what is wrong with an item
decides what is shown of it. All of this is read in the tick, so nothing allocates. Amounts are
integers in the list's own unit: codes or microvolts.
"""

from packwarden_sim.clock import us
from packwarden_sim.noise import INC, MASK, MUL, spread, stream

_FINE = 256  # of a lagging value, which moves by less than one at a look
# Channels of the noise generators: chips, multiplexers and supply have the ones below.
_STREAM = 200


class Wires:
    """A list of what the inputs carry, as what is wrong with it lets it through."""

    def __init__(self, carried):
        self.carried = carried
        self._wrong = [None] * len(carried)

    def put(self, item, wrong):
        """Have something wrong with an item, or (None) nothing any more."""
        self._wrong[item] = wrong

    def __len__(self):
        return len(self.carried)

    def __getitem__(self, item):
        wrong = self._wrong[item]
        return self.carried[item] if wrong is None else wrong.shown(self.carried[item])


class Held:
    """The wire is open, or touches something: it carries a level, and hum of up to `hum`."""

    def __init__(self, level, hum=0):
        self._level = level
        self._hum = Noisy(hum, 0)

    def shown(self, _):
        """Return what the input carries."""
        return self._hum.shown(self._level)


class Frozen:
    """What it was when this began."""

    def __init__(self):
        self._level = None

    def shown(self, level):
        """Return what the input carries."""
        if self._level is None:
            self._level = level
        return self._level


class Off:
    """Off by so much."""

    def __init__(self, by):
        self._by = by

    def shown(self, level):
        """Return what the input carries."""
        return level + self._by


class Reversed:
    """Its two wires are exchanged."""

    def shown(self, level):
        """Return what the input carries."""
        return ~level  # as good as -level, and within the codes where it saturates


class Noisy:
    """Off by up to `amplitude`, each look anew."""

    def __init__(self, amplitude, seed):
        self._amplitude = amplitude
        self._random = stream(seed, _STREAM)

    def shown(self, level):
        """Return what the input carries."""
        self._random = (self._random * MUL + INC) & MASK
        return level + spread(self._random, self._amplitude)


class Slow:
    """It follows like a first-order lag of `lag_us`."""

    def __init__(self, lag_us):
        self._lag_us = lag_us
        self._fine = None
        self._looked_us = 0

    def shown(self, level):
        """Return what the input carries."""
        if self._fine is None:
            self._fine = level * _FINE
        passed_us = min(us[0] - self._looked_us, self._lag_us)
        self._looked_us = us[0]
        self._fine += (level * _FINE - self._fine) * passed_us // self._lag_us
        return self._fine // _FINE
