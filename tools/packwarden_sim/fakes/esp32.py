"""`esp32`: the NVS partition, as much of it as the firmware could want."""

from packwarden_sim import world
from packwarden_sim.nvs import INVALID_LENGTH, check_name


class NVS:
    """A namespace of the partition."""

    def __init__(self, namespace):
        check_name(namespace)
        self._namespace = namespace
        self._nvs = world.current.wiring.nvs

    def set_i32(self, key, value):
        """Set a signed integer of 32 bits."""
        self._nvs.set(self._namespace, key, int(value))

    def get_i32(self, key):
        """Return an integer; OSError if there is none."""
        return self._nvs.get(self._namespace, key, int)

    def set_blob(self, key, value):
        """Set bytes."""
        self._nvs.set(self._namespace, key, bytes(value))

    def get_blob(self, key, buffer):
        """Read bytes into a buffer; return how many; OSError if there are none, or too many."""
        value = self._nvs.get(self._namespace, key, bytes)
        if len(value) > len(buffer):
            raise OSError(INVALID_LENGTH, "ESP_ERR_NVS_INVALID_LENGTH")
        buffer[: len(value)] = value
        return len(value)

    def erase_key(self, key):
        """Forget a key; OSError if there is none."""
        self._nvs.erase(self._namespace, key)

    def commit(self):
        """Keep what was set so far over the loss of power."""
        self._nvs.commit(self._namespace)
