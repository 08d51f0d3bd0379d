"""Relays on pins: for `Outputs` what an `Expander` is, without a bus that could fail."""

from packwarden.frame import CONFIG_LOST, OK


class PinRelays:
    """Relays by bit of a word. After the constructor nothing in here allocates."""

    def __init__(self, pins):
        """`pins`: by bit, outputs already."""
        self._values = [pin.value for pin in pins]
        self._level = 0

    def configure(self, level):
        """Bring all to their level: OK or CONFIG_LOST by read-back."""
        self.write(level)
        return CONFIG_LOST if self.differing() else OK

    def write(self, level):
        """Write all of them; what is set is high."""
        self._level = level
        for value in self._values:
            value(level & 1)
            level >>= 1

    def differing(self):
        """Return the mask of the pads that have not the level that was written, 0: none."""
        mask = 0
        for bit in range(len(self._values)):
            mask |= self._values[bit]() << bit
        return mask ^ self._level

    def repair(self):
        """Write all of them again."""
        self.write(self._level)

    def verify(self):
        """Return OK: a pin has no settings that it could lose."""
        return OK
