"""Tiny stateful register models of the chips, behind the I2C calls that the drivers use.

Runs on CPython and in the MicroPython VM, where it allocates nothing either once it is made: so a
driver can be run against it under `heap_lock`.
"""

REFUSED = OSError(19)  # ENODEV, as the ESP32 port raises for a missing acknowledge; made once


class Bus:
    """Chips by address; counts transactions, and refuses the next `refuse` ones."""

    def __init__(self, chips):
        self.chips = chips
        self.transactions = 0
        self.refuse = 0

    def writeto(self, address, buffer):
        """Give the bytes to the chip at an address: `machine.I2C.writeto`."""
        self._answer(address).receive(buffer)
        return len(buffer)

    def readfrom_into(self, address, buffer):
        """Fill a buffer from the chip at an address: `machine.I2C.readfrom_into`."""
        self._answer(address).send(buffer)

    def _answer(self, address):
        self.transactions += 1
        if self.refuse:
            self.refuse -= 1
            raise REFUSED
        if address not in self.chips:
            raise REFUSED
        return self.chips[address]


class ConverterChip:
    """ADS1115: two registers behind a pointer; works from a start until `convert`."""

    def __init__(self):
        self.code = 0  # what the next conversion gives
        self.reset()

    def reset(self):
        """Forget everything: a dip of the supply."""
        self.config = 0x8583
        self.result = 0
        self.pointer = 0

    def convert(self):
        """End what was started."""
        if not self.config & 0x8000:
            self.result = self.code
            self.config |= 0x8000

    def receive(self, data):
        """Take the pointer, and CONFIG if it is there: OS starts, and reads 0 until the end."""
        self.pointer = data[0]
        if len(data) == 3 and data[0] == 1:
            self.config = (data[1] << 8 | data[2]) ^ 0x8000

    def send(self, buffer):
        """Give the register that the pointer is at."""
        word = self.config if self.pointer == 1 else self.result
        buffer[0] = word >> 8
        buffer[1] = word & 0xFF


class MonitorChip:
    """INA226, INA228 or INA238: big-endian registers of two bytes, of three where `wide` says.

    After a conversion it compares its results with its limits. Latched flags stand until they are
    read; here a write clears them too, which the data sheets leave open.
    """

    def __init__(self, reset, flag_register, flag, kept_mask, wide):
        """`reset`: registers after a reset; `kept_mask`: what a write sets of the flags."""
        self.reset_values = reset
        self.flag_register = flag_register
        self.flag = flag
        self.kept_mask = kept_mask
        self.wide = wide
        self.old = flag_register == 0x06  # INA226: one function, its own place for each flag
        self.alert_mask = 0x0010 if self.old else 0x0078
        self.latch = 0x0001 if self.old else 0x8000
        self.registers = [0] * 256
        self.stuck_register = -1
        self.reset()

    def reset(self):
        """Forget everything, the pointer too: a dip of the supply."""
        for register in self.reset_values:
            self.registers[register] = self.reset_values[register]
        self.pointer = 0

    @property
    def alert(self):
        """True while the open drain of the ALERT pin pulls."""
        return self.registers[self.flag_register] & self.alert_mask != 0

    def convert(self, spike=None):
        """End a conversion cycle: set the flag, compare with the limits.

        `spike`: the code of a single conversion in it, of which the mean in the register shows
        nothing.
        """
        flags = self.registers[self.flag_register]
        if not flags & self.latch:
            flags &= ~self.alert_mask
        if self.old:
            if flags & 0x8000 and _signed(self.registers[0x01]) > _signed(self.registers[0x07]):
                flags |= self.alert_mask
        else:
            flags |= self._beyond(self._top(0x04))
            if spike is not None and not flags & 0x2000:
                flags |= self._beyond(spike)
        self.registers[self.flag_register] = flags | self.flag

    def _beyond(self, shunt):
        """Return the flags of the limits that a shunt's code and the bus voltage are beyond."""
        bus = self._top(0x05)
        flags = 0
        if _signed(shunt) > _signed(self.registers[0x0C]):
            flags |= 0x0040
        if _signed(shunt) < _signed(self.registers[0x0D]):
            flags |= 0x0020
        if bus > self.registers[0x0E]:
            flags |= 0x0010
        if bus < self.registers[0x0F]:
            flags |= 0x0008
        return flags

    def _top(self, register):
        """Return the upper 16 bits of a result, of which the limits are."""
        return self.registers[register] >> (8 if register in self.wide else 0)

    def receive(self, buffer):
        """Set the pointer; with two more bytes, write the register."""
        self.pointer = buffer[0]
        if len(buffer) == 1 or self.pointer == self.stuck_register:
            return
        assert len(buffer) == 3
        word = buffer[1] << 8 | buffer[2]
        if self.pointer == self.flag_register:
            status = self.registers[self.pointer] & ~self.kept_mask & ~self.alert_mask
            word = status | word & self.kept_mask
        self.registers[self.pointer] = word

    def send(self, buffer):
        """Send the register at the pointer, high byte first, and ones where it has no more."""
        width = 3 if self.pointer in self.wide else 2
        value = self.registers[self.pointer]
        for i in range(len(buffer)):
            buffer[i] = value >> 8 * (width - 1 - i) & 255 if i < width else 255
        if self.pointer == self.flag_register:
            latched = self.alert_mask if value & self.latch else 0
            self.registers[self.pointer] &= ~(self.flag | latched)


def _signed(word):
    """Return a 16-bit word as a signed number."""
    return word - 0x10000 if word & 0x8000 else word


def monitor_chip(name):
    """Return a fresh chip, its registers as its data sheet gives them after a reset."""
    if name == "ina226":
        reset = {0x00: 0x4127, 0x01: 0, 0x02: 0, 0x06: 0, 0x07: 0, 0xFE: 0x5449, 0xFF: 0x2260}
        return MonitorChip(reset, 0x06, 0x0008, 0xFC03, ())
    identity = 0x2281 if name == "ina228" else 0x2381
    reset = {0x00: 0, 0x01: 0xFB68, 0x04: 0, 0x05: 0, 0x0B: 1, 0x3E: 0x5449, 0x3F: identity}
    reset.update({0x0C: 0x7FFF, 0x0D: 0x8000, 0x0E: 0x7FFF, 0x0F: 0})
    return MonitorChip(reset, 0x0B, 0x0002, 0xF000, (0x04, 0x05) if name == "ina228" else ())


IODIR, IPOL, IOCON, GPPU, GPIO, OLAT = 0x00, 0x02, 0x0A, 0x0C, 0x12, 0x14


class ExpanderChip:
    """MCP23017: register pairs, sequential or byte mode, either map, pins driven from outside."""

    def __init__(self):
        self.outside = 0  # what drives the pins that are inputs
        self.watched = False
        self.seen = []  # while watched: (outputs, their levels) after every write
        self.registers = bytearray(22)
        self.reset()

    def reset(self):
        """All pins inputs, everything else zero."""
        for i in range(22):
            self.registers[i] = 0xFF if i < 2 else 0
        self.pointer = 0

    def word(self, register):
        """Return a register pair as a 16-bit word, port A below."""
        return self.registers[register] | self.registers[register + 1] << 8

    def put(self, register, word):
        """Set a register pair: what a disturbance or a test does."""
        self.registers[register] = word & 255
        self.registers[register + 1] = word >> 8

    def pins(self):
        """Return the levels of all pins."""
        inputs = self.word(IODIR)
        return self.outside & inputs | self.word(OLAT) & ~inputs

    def receive(self, buffer):
        """Set the pointer and write what follows."""
        self.pointer = buffer[0]
        for i in range(1, len(buffer)):
            place = self._place()
            if place == IOCON or place == IOCON + 1:
                self.put(IOCON, buffer[i] | buffer[i] << 8)
            elif GPIO <= place < GPIO + 2:
                self.registers[place + 2] = buffer[i]
            elif place < 22:
                self.registers[place] = buffer[i]
            self._advance()
        if self.watched:
            outputs = ~self.word(IODIR) & 0xFFFF
            self.seen.append((outputs, self.word(OLAT) & outputs))

    def send(self, buffer):
        """Send from the pointer on."""
        for i in range(len(buffer)):
            place = self._place()
            if GPIO <= place < GPIO + 2:
                buffer[i] = (self.pins() ^ self.word(IPOL)) >> 8 * (place - GPIO) & 255
            else:
                buffer[i] = self.registers[place] if place < 22 else 0
            self._advance()

    def _advance(self):
        """Move the pointer on; in byte mode to and fro within a pair, or not at all."""
        control = self.registers[IOCON]
        if not control & 0x20:
            self.pointer = self.pointer + 1 if self.pointer < 21 else 0
        elif not control & 0x80:
            self.pointer ^= 1

    def _place(self):
        """Return the register that the pointer means in the map in use."""
        if self.registers[IOCON] & 0x80:
            return (self.pointer & 15) * 2 + (self.pointer >> 4)
        return self.pointer


class Pin:
    """A pin of the ESP32; as an input it is pulled low."""

    def __init__(self):
        self.level = 0

    def value(self, level=None):
        """Return the level, or set it: `machine.Pin.value`."""
        if level is None:
            return self.level
        self.level = level


class Adc:
    """An ADC pin behind a multiplexer whose select lines are `pins`."""

    def __init__(self, pins, inputs_uv):
        self.pins = pins
        self.inputs_uv = inputs_uv
        self.reads = 0

    def read_uv(self):
        """Return the selected input in uV, rising by 1 mV from reading to reading."""
        address = 0
        for i in range(len(self.pins)):
            address |= self.pins[i].level << i
        self.reads += 1
        return self.inputs_uv[address] + 1000 * (self.reads - 1)
