"""`machine` of an ESP32: pins, I2C, ADC, watchdog, reset and the memory that survives it.

What runs in the firmware's tick (I2C, `ADC.read_uv`, `Pin.value`, `WDT.feed`) allocates nothing.
"""

from packwarden_sim import costs, world
from packwarden_sim.bus import Bus
from packwarden_sim.clock import us

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5

# Raised again and again, for a new exception would lose its number under the heap lock; clearing
# the traceback first keeps it from growing with each raise.
_NO_ANSWER = OSError(19)  # ENODEV

# A panic of the interpreter is a HARD_RESET as well, and a brown-out looks like a power-on.
_CAUSES = {
    "reset": HARD_RESET,
    "panic": HARD_RESET,
    "watchdog": WDT_RESET,
    "soft_reset": SOFT_RESET,
}
# Set by `start`: why this life of the board began, None for the first one.
began_by = None
# As well: its unique id, each cabinet's own.
chip = None


class Pin:
    """A GPIO pin; an output only once its mode is OUT, an unconnected input otherwise."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2

    def __init__(self, id, mode=-1, pull=-1, value=None):
        self.id = id
        wiring = world.current.wiring
        self._levels = wiring.levels
        self._written = wiring.written
        self._stuck = wiring.stuck
        # Who knows the level, where it is not the pin itself.
        self._level = wiring.alert.level if id == wiring.board.PIN_ALERT else None
        self._bus = None
        for bus in wiring.buses:
            if id in (bus.scl, bus.sda):
                self._bus = bus
                self._level = bus.scl_level if id == bus.scl else bus.sda_level
        self._moved = wiring.moved
        self._select = wiring.select
        lines = wiring.board.MUX_SELECT
        self._line = lines.index(id) if id in lines else -1
        self.init(mode, pull, value)

    def init(self, mode=-1, pull=-1, value=None):
        """Set the mode; as on the board the level is set before the direction.

        Without a mode nothing changes: then a line of a bus stays with its I2C peripheral.
        """
        self._out = mode in (Pin.OUT, Pin.OPEN_DRAIN)
        if self._bus is not None and mode != -1:
            self._bus.take()
        if value is not None:
            self.value(value)

    def value(self, x=None):
        """Return the level of the pad, or set it."""
        us[0] += costs.PIN_US
        if x is None:
            return self._levels[self.id] if self._level is None else self._level()
        if not self._out:
            return None
        level = 1 if x else 0
        if self._bus is not None:
            self._bus.drive(self.id, level)
            return None
        self._written[self.id] = level
        if self._stuck[self.id] >= 0:
            return None
        if level != self._levels[self.id]:
            self._levels[self.id] = level
            if self._line < 0:
                self._moved[0] = us[0]
            else:
                self._select.set(self._line, level)
        return None

    __call__ = value

    def on(self):
        """Set the level to 1."""
        self.value(1)

    def off(self):
        """Set the level to 0."""
        self.value(0)


class ADC:
    """An ADC1 input; `read_uv` is that of the multiplexer, or the supply, wired to the pin."""

    ATTN_0DB = 0
    ATTN_2_5DB = 1
    ATTN_6DB = 2
    ATTN_11DB = 3

    def __init__(self, pin, atten=ATTN_0DB):
        number = pin.id if isinstance(pin, Pin) else pin
        wiring = world.current.wiring
        board = wiring.board
        if number != board.ADC_SUPPLY and number not in board.MUX_ADC:
            raise ValueError("nothing is wired to the ADC at pin %d" % number)
        if atten != ADC.ATTN_11DB:
            raise ValueError("the converter is modelled with ATTN_11DB only")
        if number == board.ADC_SUPPLY:
            self.read_uv = wiring.supply.read_uv
        else:
            self.read_uv = wiring.mux[board.MUX_ADC.index(number)].read_uv


class I2C:
    """An I2C controller; the chips on its pins answer, or nobody does.

    On the board there is one object for each peripheral, made anew or not; here an older one goes
    on working as well.
    """

    def __init__(self, id, scl=None, sda=None, freq=400_000, timeout=50_000):
        us[0] += costs.I2C_INIT_US
        self._bus = Bus((id, scl.id, sda.id, freq, timeout))
        for bus in world.current.wiring.buses:
            if (bus.scl, bus.sda) == (scl.id, sda.id):
                self._bus = bus
                bus.timeout_us = timeout
        self._bus.attach()
        self._wire = costs.i2c_wire(freq)

    def readfrom_into(self, addr, buf, stop=True):
        """Read len(buf) bytes; OSError where nobody answers."""
        bus = self._bus
        bus.transactions += 1
        chip = bus.chips[addr]
        if chip is None:
            self._refuse()
        wire_us = self._wire[len(buf)]
        us[0] += wire_us + costs.I2C_DRIVER_US + bus.crawl_us
        chip.read(buf)
        bus.wire_us += wire_us
        bus.bytes += 1 + len(buf)

    def writeto(self, addr, buf, stop=True):
        """Write the bytes; return how many were acknowledged; OSError where nobody answers."""
        bus = self._bus
        bus.transactions += 1
        chip = bus.chips[addr]
        if chip is None:
            self._refuse()
        wire_us = self._wire[len(buf)]
        us[0] += wire_us + costs.I2C_DRIVER_US + bus.crawl_us
        chip.write(buf)
        bus.wire_us += wire_us
        bus.bytes += 1 + len(buf)
        return len(buf)

    def _refuse(self):
        """Nobody acknowledges the address."""
        wire_us = self._wire[0]
        us[0] += wire_us + costs.I2C_DRIVER_US + costs.I2C_NACK_US + self._bus.crawl_us
        self._bus.wire_us += wire_us
        self._bus.bytes += 1
        _NO_ANSWER.__traceback__ = None
        raise _NO_ANSWER


class WDT:
    """The task watchdog; it cannot be stopped."""

    def __init__(self, id=0, timeout=5000):
        self.feed = world.current.feed
        world.current.watch(timeout * 1000)


def mem_backup():
    """Return a memoryview on 2 KB that survive a reset, but not the loss of power."""
    return memoryview(world.current.rtc)


def reset():
    """Restart the board."""
    world.current.end("reset")


def reset_cause():
    """Return why the board started; a restart by `reset` is a HARD_RESET on the ESP32."""
    return _CAUSES.get(began_by, PWRON_RESET)


class _Registers:
    """The RTC's registers, as 32-bit words: the count of its oscillator, and the IDF's period."""

    def __init__(self):
        self._count = 0

    def __getitem__(self, address):
        place = address & 0xFF
        if place == 0x0C:
            return 1 << 30  # the count may be read
        if place == 0x10:
            return self._count & 0xFFFFFFFF
        return (1_000_000 << 19) // costs.SLOW_HZ

    def __setitem__(self, address, value):
        self._count = us[0] * slow_hz // 1_000_000


mem32 = _Registers()
slow_hz = costs.SLOW_HZ  # what the oscillator has now


def freq(hz=None):
    """Return the CPU's clock; a setting is taken without effect: costs are for 240 MHz."""
    return 240_000_000 if hz is None else None


def unique_id():
    """Return the six bytes of the MAC address."""
    return chip
