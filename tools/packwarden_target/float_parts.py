"""The parts of `float_bank`: sensors, terminals, breakers, batteries and rows in floats."""

import math

from packwarden import levels
from packwarden.curves import CURVES
from packwarden.thermistor import resistance

_SHORT = 1600  # counts of a thermistor: below, it is shorted

_IDLE, _PICKED_UP, _OPERATED = range(3)


def median(values):
    """Return the middle of some values, None of none."""
    if not values:
        return None
    ordered = sorted(values)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    return (ordered[half - 1] + ordered[half]) / 2


def reference_for(own, members, inside):
    """Return what a value is compared with: the median, the other one of two, None alone.

    `inside`: it is one of the members itself.
    """
    if inside and len(members) <= 2:
        others = list(members)
        others.remove(own)
        return others[0] if others else None
    return median(members)


def always(count):
    """Believe every count: what a monitor answers is a measurement."""
    return True


class Sensor:
    """A measured value: lost after three bad readings of eight, well after three good ones."""

    def __init__(self, convert, believable):
        """Take a function of a count that gives the value, and one that says whether it is one."""
        self.convert = convert
        self.believable = believable
        self.bad = [True] * 8
        self.lost = True
        self.value = None
        self.readings = 0

    def read(self, count):
        """Take a count, None for a failed reading."""
        bad = count is None or not self.believable(count)
        self.bad.append(bad)
        self.bad.pop(0)
        if not bad:
            if self.lost and not any(self.bad[-3:]):
                self.lost = False
            if not self.lost:
                self.value = self.convert(count)
                self.readings += 1
        elif sum(self.bad) >= 3:
            self.lost = True
            self.value = None


class Thermometer:
    """Converts counts of a thermistor to degC, by Steinhart-Hart or beta, and the reference."""

    def __init__(self, sensors):
        self.curve = sensors["thermistor"]
        self.pull_up_ohm = sensors["pull_up_ohm"]
        self.reference_ohm = sensors["reference_ohm"]
        self.full = None
        cold_ohm = resistance(self.curve, -4000)
        self.open_ratio = (1 + cold_ohm / (cold_ohm + self.pull_up_ohm)) / 2

    def set_reference(self, count):
        """Take the count of the reference resistor: what the whole excitation would count."""
        ratio = (self.reference_ohm + self.pull_up_ohm) / self.reference_ohm
        self.full = None if count is None else count * ratio

    def believable(self, count):
        """Return whether a count is that of a thermistor: not shorted, and no open lead."""
        return count >= _SHORT and (self.full is None or count <= self.full * self.open_ratio)

    def celsius(self, count):
        """Return the temperature of a count, None without a reference."""
        if self.full is None:
            return None
        log = math.log(self.pull_up_ohm * count / (self.full - count))
        curve = self.curve
        if curve["model"] == "beta":
            inverse = 1 / 298.15 + (log - math.log(curve["r25_ohm"])) / curve["beta_K"]
        else:
            inverse = curve["a_e13"] * 1e-13 + curve["b_e13"] * 1e-13 * log
            inverse += curve["c_e17"] * 1e-17 * log * log * log
        return 1 / inverse - 273.15


class Terminal:
    """A thermistor on a terminal: its temperature, and how fast that rises."""

    def __init__(self, thermometer):
        self.sensor = Sensor(thermometer.celsius, thermometer.believable)
        self.running = []
        self.samples = [None] * 12
        self.slope = None
        self.hot_at_s = None
        self.hot_readings = 0
        self.found = {}

    def read(self, count):
        """Take a count of the thermistor."""
        self.sensor.read(count)
        self.found["temperature"] = self.sensor.value
        self.found["thermistor_lost"] = 1 if self.sensor.lost else 0
        if self.sensor.value is not None:
            self.running.append(self.sensor.value)

    def take_sample(self):
        """Every 5 s: add the mean of what was read to the last minute, and fit a line to it."""
        mean = sum(self.running) / len(self.running) if self.running else None
        self.running = []
        self.samples = self.samples[1:] + [mean]
        known = [sample for sample in self.samples if sample is not None]
        self.slope = None
        if len(known) == 12:
            self.slope = sum([(2 * i - 11) * known[i] for i in range(12)]) * 12 / 286

    def find_lost_hot(self, now_s):
        """Remember for a minute that it was hot, should it be lost."""
        own = self.sensor.value
        if own is not None:
            rate = self.found["rate"]
            if own >= 60 or (rate is not None and rate > 5):
                self.hot_readings += 1
                if self.hot_readings >= 3:
                    self.hot_at_s = now_s
            else:
                self.hot_readings = 0
            if self.hot_at_s is not None and now_s - self.hot_at_s > 60:
                self.hot_at_s = None
        self.found["lost_hot"] = 1 if own is None and self.hot_at_s is not None else 0


class Breaker:
    """A breaker, as its contact tells: what two readings agree on."""

    def __init__(self):
        self.closed = True
        self.last = True
        self.commanded = False
        self.flows = False

    def follow(self, contact, current_A, small_A):
        """Take over its contact, and whether it carries more than 5 % of rated."""
        if contact == self.last:
            self.closed = contact
        self.last = contact
        self.flows = current_A is not None and abs(current_A) > small_A

    def flags(self):
        """Return what is wrong with it."""
        stays = self.commanded and (self.flows or self.closed)
        return {
            "breaker_stays": 1 if stays else 0,
            "current_stays": 1 if self.commanded and self.flows else 0,
            "discrepant": 1 if self.flows and not self.closed else 0,
            "crossed": 0,
        }


class Integrator:
    """An inverse-time element: its way to the trip, in percent."""

    def __init__(self, settings):
        self.pickup_A = settings["pickup"]
        self.tms = settings["tms"]
        self.curve = [number / 10000 for number in CURVES[settings["curve"]]]
        self.percent = 0.0

    def advance(self, load_A, dt_s):
        """Move by the time passed at a load; return the way."""
        if load_A is not None:
            k, alpha, c, reset = self.curve
            m = load_A / self.pickup_A
            if m > 1:
                self.percent += 100 * dt_s / (self.tms * (k / (m**alpha - 1) + c))
            else:
                self.percent -= 100 * dt_s * (1 - m * m) / (self.tms * reset)
            self.percent = min(100.0, max(0.0, self.percent))
        return self.percent


class Battery:
    """A battery: its sensors, its terminals, its breaker, and what was found of it."""

    def __init__(self, amperes, volts, thermometer, integrator):
        self.current = Sensor(amperes, always)
        self.voltage = Sensor(volts, always)
        self.plus = Terminal(thermometer)
        self.minus = Terminal(thermometer)
        self.breaker = Breaker()
        self.integrator = integrator
        self.carries = False
        self.carried = False
        self.nearly_full = False
        self.missing_at_s = None
        self.last_count = None
        self.same_counts = 0
        self.zeros = 0
        self.found = {}

    def read(self, counts, k, n):
        """Take the counts of its channels out of those of a frame."""
        self.current.read(counts[k])
        self.voltage.read(counts[n + k])
        self.plus.read(counts[2 * n + 1 + 2 * k])
        self.minus.read(counts[2 * n + 2 + 2 * k])
        lost = self.current.lost or self.voltage.lost
        self.found["monitor_lost"] = 1 if lost else 0

    def doubt(self, count, loaded):
        """Count how long its code stands, and how often it is zero under load."""
        self.same_counts = self.same_counts + 1 if count == self.last_count else 0
        self.zeros = self.zeros + 1 if loaded and count == 0 else 0
        self.last_count = count


class Slot:
    """A row of the table at one place: its state, and since when."""

    def __init__(self, source, gate_source, sensor):
        self.source = source
        self.gate_source = gate_source
        self.sensor = sensor
        self.state = _IDLE
        self.since_s = 0
        self.readings = 0


class Row:
    """A row of the element table that is on, with its slots."""

    def __init__(self, row, given):
        table = self.table = row.table
        flag = levels.is_flag(table)
        self.quantity = table.quantity
        self.pickup = 1 if flag else 100 if table.curve else table.sign * given["pickup"]
        self.dropout = 1 if flag else 50 if table.curve else table.sign * given["dropout"]
        self.delay_s = given.get("delay_ms", 0) / 1000
        self.samples = given.get("samples", 1)
        self.gate = table.gate
        self.gate_pickup = given.get("at_least", 1)
        self.slots = []

    def compare(self, now_s):
        """Compare every slot with its quantity; return those that operate or clear now."""
        changed = []
        for slot in self.slots:
            value = slot.source.get(self.quantity)
            if value is not None:
                value *= self.table.sign
            above = value is not None and value >= self.pickup
            if above and self.gate is not None:
                second = slot.gate_source.get(self.gate)
                above = second is not None and second >= self.gate_pickup
            if slot.state == _IDLE:
                if above:
                    slot.state = _PICKED_UP
                    slot.since_s = now_s
                    slot.readings = slot.sensor.readings
            elif value is None or value < self.dropout:
                if slot.state == _OPERATED:
                    changed.append(slot)
                slot.state = _IDLE
            if slot.state == _PICKED_UP and above:
                agreed = slot.sensor.readings - slot.readings + 1
                if now_s - slot.since_s >= self.delay_s and agreed >= self.samples:
                    slot.state = _OPERATED
                    changed.append(slot)
        return changed
