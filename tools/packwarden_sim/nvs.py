"""The NVS partition of the board's flash: what is committed outlives resets and the loss of power.

Values are integers or bytes. The numbers of the errors are those of the IDF (nvs.h); MicroPython
raises them negated.
"""

from binascii import hexlify, unhexlify

from packwarden_sim.clock import us
from packwarden_sim.costs import NVS_COMMIT_US

NOT_FOUND = -0x1102
NOT_ENOUGH_SPACE = -0x1105
KEY_TOO_LONG = -0x1109
INVALID_LENGTH = -0x110C

_LONGEST_KEY = 15
# A damaged blob differs in one byte of so many, the first one among them.
_DAMAGED_EACH = 8


class Nvs:
    """The partition. Fault `full`: it takes nothing more.

    `keep`: None, or called with what `save` returns as it is committed.
    """

    def __init__(self):
        self.full = False
        self.keep = None
        self._committed = {}  # by namespace, then key
        self._working = {}

    def get(self, namespace, key, kind):
        """Return a value of a kind (int, bytes); OSError if there is none."""
        value = self._working.get(namespace, {}).get(key)
        if not isinstance(value, kind):
            raise OSError(NOT_FOUND, "ESP_ERR_NVS_NOT_FOUND")
        return value

    def set(self, namespace, key, value):
        """Take a value, which counts at once and lasts once it is committed."""
        check_name(key)
        self._check_space()
        self._working.setdefault(namespace, {})[key] = value

    def erase(self, namespace, key):
        """Forget a key; OSError if there is none."""
        self.get(namespace, key, (int, bytes))
        del self._working[namespace][key]

    def commit(self, namespace):
        """Keep what a namespace holds now; takes its virtual time, also when it fails."""
        us[0] += NVS_COMMIT_US
        self._check_space()
        self._committed[namespace] = dict(self._working.get(namespace, {}))
        if self.keep:
            self.keep(self.save())

    def _check_space(self):
        if self.full:
            raise OSError(NOT_ENOUGH_SPACE, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")

    def corrupt(self):
        """Fault: every blob in the flash has changed."""
        for spaces in (self._committed, self._working):
            for space in spaces.values():
                for key in space:
                    if isinstance(space[key], bytes):
                        space[key] = _damaged(space[key])

    def save(self):
        """Return what is committed, JSON-able: blobs as hexadecimal digits."""
        saved = {}
        for namespace, space in self._committed.items():
            saved[namespace] = {key: _written(value) for key, value in space.items()}
        return saved

    def restore(self, saved):
        """Take what `save` returned."""
        for namespace, space in saved.items():
            self._committed[namespace] = {key: _read(value) for key, value in space.items()}
            self._working[namespace] = dict(self._committed[namespace])


def check_name(name):
    """OSError for the name of a key or namespace that the IDF does not take."""
    if len(name) > _LONGEST_KEY:
        raise OSError(KEY_TOO_LONG, "ESP_ERR_NVS_KEY_TOO_LONG")


def _damaged(blob):
    damaged = bytearray(blob)
    for place in range(0, len(damaged), _DAMAGED_EACH):
        damaged[place] ^= 0x55
    return bytes(damaged)


def _written(value):
    return hexlify(value).decode() if isinstance(value, bytes) else value


def _read(value):
    return unhexlify(value) if isinstance(value, str) else value
