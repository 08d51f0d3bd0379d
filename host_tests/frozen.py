"""Captures that are none, where only their files matter: `from frozen import Frozen`."""


class Frozen:
    """Captures of random bytes, for `CaptureFiles` in the place of `captures.Captures`."""

    def __init__(self, draw):
        self.draw = draw
        self.frozen = 0
        self.data = b""
        self.facts = [0] * 6
        self.state = self
        self.shape = 0xFACADE00

    def freeze(self, size, seq):
        self.data = self.draw.randbytes(size)
        self.frozen = size
        self.facts = [seq, 201, 301, seq, 2010, 1000]

    def piece(self, offset, most):
        return memoryview(self.data)[offset : offset + min(most, 300)]

    def release(self):
        self.frozen = 0
