"""Who may operate: a PIN, kept as a salted hash, and what a wrong one costs.

A try counts before it is looked at, and that is kept in flash by then: whoever takes the power
away takes no try back. A restart begins the delay anew, for nobody knows how long the board was
off. One hash is enough: a number of so few digits is found by whoever has read the flash, however
often it was hashed, and by nobody who has to ask here.
"""

import struct
from hashlib import sha256

from micropython import const

from packwarden.checksum import crc16
from packwarden.replies import Refused

FEWEST = const(6)
MOST = const(12)  # digits
UNLOCKED_s = const(600)
SALT = const(16)  # bytes

_LOCKOUT = const(10)  # tries, from which on each costs
_LOCKOUT_s = const(3600)
_COUNTED = const(255)

_TAG = const(0x50A1)  # of this layout
_FORMAT = "<HBB16s32sH"
_SIZE = const(54)


class Access:
    """The PIN of a cabinet and whether its console is unlocked. Times in s since arming."""

    def __init__(self):
        self.exists = False  # a PIN has been set
        self.damaged = False  # one was, but what is kept of it cannot be read: none is right
        self.wrong = 0  # tries since the last right one, 255 at most
        self.changed = False  # since `kept`
        self.fails = False  # what changed could not be kept
        self._salt = bytes(SALT)
        self._hash = b""
        self._tried_s = 0
        self._until_s = -1

    def unlocked(self, now_s):
        """Return whether what operates may be done."""
        return now_s < self._until_s

    def unlock(self, now_s):
        """Allow it from now on, for UNLOCKED_s."""
        self._until_s = now_s + UNLOCKED_s

    def lock(self):
        """End that."""
        self._until_s = -1

    def wait_s(self, now_s):
        """Return how long the next try has to wait: 1, 2 .. 256 s, an hour from the 10th on."""
        if not self.wrong:
            return 0
        delay_s = _LOCKOUT_s if self.wrong >= _LOCKOUT else 1 << self.wrong - 1
        return max(0, self._tried_s + delay_s - now_s)

    def attempt(self, pin, now_s):
        """Be a reply: wait until the try is kept, then return whether the PIN is right."""
        self.wrong = min(_COUNTED, self.wrong + 1)
        self._tried_s = now_s
        yield from self.keep()
        wrong = 0
        for mine, other in zip(self._hash, _hash(self._salt, pin)):
            wrong |= mine ^ other  # all of them, for the time to tell nothing
        if wrong or not self._hash:
            return False
        self.wrong = 0
        self.changed = True
        return True

    def set(self, pin, salt):
        """Take another PIN (digits), with SALT bytes that nobody could foresee; `keep` it then."""
        self._salt = salt
        self._hash = _hash(salt, pin)
        self.exists = self.changed = True
        self.damaged = False
        self.wrong = 0
        self.lock()

    def forget(self):
        """Have no PIN, as when the board was new."""
        self._hash = b""
        self.exists = self.damaged = False
        self.changed = True
        self.wrong = 0
        self.lock()

    def keep(self):
        """Be a reply that waits until what has changed is kept; Refused where it cannot be."""
        self.changed = True
        while self.changed:
            if self.fails:
                raise Refused("the flash does not keep it")
            yield None

    def dump(self):
        """Return what is to be kept."""
        kept = bytearray(_SIZE)
        codes = (_TAG, 1 if self._hash else 0, self.wrong, self._salt, self._hash, 0)
        struct.pack_into(_FORMAT, kept, 0, *codes)
        struct.pack_into("<H", kept, _SIZE - 2, crc16(kept, _SIZE - 2))
        return kept

    def kept(self, well):
        """Learn whether what `dump` gave is kept now."""
        self.fails = not well
        if well:
            self.changed = False

    def load(self, kept):
        """Take over what `dump` gave before a restart. Boot only."""
        kept = bytes(kept[:_SIZE])
        self.exists = self.damaged = True
        if len(kept) < _SIZE:
            return
        tag, exists, wrong, salt, digest, checksum = struct.unpack(_FORMAT, kept)
        if tag != _TAG or checksum != crc16(kept, _SIZE - 2):
            return
        self.damaged = False
        self.exists = exists == 1
        self.wrong = wrong
        self._salt = salt
        self._hash = digest if self.exists else b""


def _hash(salt, pin):
    return sha256(salt + pin.encode()).digest()
