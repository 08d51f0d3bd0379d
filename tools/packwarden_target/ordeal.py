"""Runs on every target: frames of a bank in which more and more goes wrong.

Pseudo-random, the same on every machine; or by a plan, for drills.
"""

from packwarden.chips.ina2xx import CHIPS
from packwarden.fixed import BIAS, MASK, NONE
from packwarden.frame import ABSENT, CONFIG_LOST, FROZEN, MAIN_BIT, OK, WRONG_CHIP

# In 0.1 % of rated: the bank's load, and what one battery has on top of its share. Mild first: the
# longer an ordeal lasts, the more of it may happen.
LOADS = (0, 30, 200, -200, 60, 600, -30, 900, -900, 1150, -1300, 1400, 2500, 5500)
ODDS = (0, 0, -150, 300, -400, 0, -700, -6500, -1200, -2600, 6500)
DRIFTS = (0, 0, 0, -3, 4, -40, -250, 300)  # of a thermistor, 0.1 mV a visit; down is hot
SPANS_ms = (20, 50, 250, 1000, 1999, 2000, 2001, 3000)
STANDS = 10  # a channel's trouble beside the notes: its code stands,
ZERO = 11  # is zero,
TOP = 12  # at one end
BOTTOM = 13  # or the other,
AWAY = 14  # or nobody asks any more
TROUBLES = (ABSENT, ABSENT, FROZEN, CONFIG_LOST, WRONG_CHIP, STANDS, ZERO, TOP, BOTTOM, AWAY)
HIGHEST_ADC = 33000  # 0.1 mV
SAGS = (0, 0, 3, -100, 0, -140, 60, 110, -210, 130, -900)  # of a battery's voltage, 0.1 %
SUPPLIES_mV = (24000, 24000, 18000, 22000, 0, 60000)


class Chance:
    """Pseudo-random integers: the three generators of Wichmann and Hill (AS 183) in one."""

    def __init__(self, seed):
        self._x = self._y = self._z = 1 + seed % 30000

    def below(self, limit):
        """Return an integer 0 .. limit-1."""
        self._x = self._x * 171 % 30269
        self._y = self._y * 172 % 30307
        self._z = self._z * 170 % 30323
        return (self._x ^ self._y << 7 ^ self._z << 13) % limit

    def one_in(self, many):
        """Return True once in so many times."""
        return self.below(many) == 0

    def of(self, choices):
        """Return one of a tuple."""
        return choices[self.below(len(choices))]


class Estimates:
    """What `condition` finds beside the step, as a plan sets it: cK, uohm or 0.1 %."""

    def __init__(self, values, first):
        self._values = values
        self._first = first

    def __setitem__(self, place, value):
        self._values[self._first + place] = BIAS + value


class Ordeal:
    """Frames of a bank in which more and more goes wrong. Fills the frame of a Protection."""

    def __init__(self, protection, seed, plan=None):
        """Begin 4 s before the clock wraps.

        `plan`: what goes wrong instead, in order: [tick, attribute, place in it or None, value].
        """
        bank = protection.bank
        facts = CHIPS[bank.monitor]
        self.protection = protection
        self.plan = plan
        self.frame = frame = protection.frame
        self.chance = Chance(seed)
        self.now_ms = MASK - 4000
        self.span_ms = 10
        self.faults = 0
        self.number = 0
        self.top = 1 << (facts["bits"] - 1)
        self.rated = bank.rated_mA * bank.shunt_uohm // (facts["shunt_lsb_pV"] // 1000)
        self.volts = bank.nominal_mV * 1000000 // (facts["bus_lsb_pV"] // 1000)
        validator = protection.validator
        ends = validator.low[frame.reference] + validator.high[frame.reference] - 2 * BIAS
        self.reference = ends // 2
        n = frame.batteries
        self.load = self.target = 0
        self.share = [850 + self.chance.below(300) for _ in range(n)]
        self.odd = [0] * n
        self.adc = [14400 + self.chance.below(800) for _ in range(2 * n + 1)]
        self.drift = [0] * (2 * n + 1)
        self.trouble = [OK] * frame.channels
        self.lasts = [1 << 20 if plan else 0] * frame.channels
        self.sag = [0] * n
        self.main_uohm = bank.main_shunt_uohm
        self.uohm = bank.shunt_uohm
        self.main_off = 0  # what the main shunt shows too much, 0.1 % of a battery's rating
        self.supply_mV = 24000
        self.bms = 0
        self.external = 1
        self.circuit = 1
        self.alert = 0
        self.unknown = 0  # contacts that cannot be read
        self.lie = 0  # contacts 52a that say the contrary
        self.crosses = 0  # breakers in whose place the next one opens
        self.open = 0
        self.stuck = 0
        self.waited_ms = [0] * (n + 1)
        quantities = protection.quantities
        for name in ("joint", "link", "spread", "share_drift"):
            setattr(self, name, Estimates(quantities.values, quantities.places[name]))

    def next(self):
        """Fill the frame for the next tick and return its time."""
        chance = self.chance
        if self.plan is None:
            self.span_ms = 10 if chance.below(8) else chance.of(SPANS_ms)
            self.faults = chance.below(4) if chance.one_in(90) else 0
        else:
            self._follow_plan()
        self.now_ms = (self.now_ms + self.span_ms) & MASK
        self._currents()
        self._voltages()
        self._thermistors()
        self._extras()
        self._breakers()
        self.protection.faults = self.faults
        self.number += 1
        return self.now_ms

    def _follow_plan(self):
        while self.plan and self.plan[0][0] <= self.number:
            _, name, place, value = self.plan.pop(0)
            if place is None:
                setattr(self, name, value)
            else:
                getattr(self, name)[place] = value

    def _happens(self, many):
        """Return True once in so many times, never in a plan."""
        return self.plan is None and self.chance.one_in(many)

    def _currents(self):
        chance = self.chance
        total = 0
        if self._happens(60):
            self.target = self._some(LOADS)
        if self._happens(80):
            self.odd[chance.below(len(self.odd))] = self._some(ODDS)
        self.load += (self.target - self.load) // 2
        for k in range(self.frame.batteries):
            code = self.rated * (self.load * self.share[k] // 1000 + self.odd[k]) // 1000
            if self.open & (1 << k | 1 << MAIN_BIT):
                code = 0
            total += code
            code += chance.below(3) - 1
            self._put(k, max(-self.top, min(self.top - 1, code)), -self.top, self.top - 1)

        if self.frame.main >= 0:
            code = (total + self.main_off * self.rated // 1000) * self.main_uohm // self.uohm
            code = max(-self.top, min(self.top - 1, code))
            self._put(self.frame.main, code, -self.top, self.top - 1)

    def _voltages(self):
        if self._happens(120):
            self.sag[self.chance.below(len(self.sag))] = self._some(SAGS)
        first = self.frame.voltage
        for channel in range(first, self.frame.terminal):
            if self._due(channel):
                code = self.volts + self.chance.below(5)
                if channel < self.frame.bus:
                    code += self.volts * self.sag[channel - first] // 1000
                self._put(channel, code, 0, 2 * self.top - 1)

    def _extras(self):
        """The supply of the coils, and the contacts that are no breaker's."""
        chance = self.chance
        frame = self.frame
        if self._happens(150):
            self.supply_mV = self._some(SUPPLIES_mV)
        if self._happens(150):
            self.bms ^= 1 << chance.below(frame.batteries)
        if self._happens(150):
            self.main_off = self._some((0, 0, 0, 2000, -6000))
        if self._happens(150):
            self.unknown = self._some((0, 0, 0, self._some_breaker(), 0xFFFF))
        if self._happens(300):
            self.circuit ^= 1
        if self._happens(300):
            self.alert ^= 1
        if self._happens(3000):
            self.external ^= 1
        if frame.supply >= 0:
            self._put(frame.supply, self.supply_mV, 0, 60000)
        frame.bms = self.bms
        frame.bms_known = 0xFFFF & ~self.unknown
        frame.trip_circuit = self.circuit
        frame.trip_circuit_known = 0 if self.unknown else 1
        frame.alert = self.alert
        frame.external = self.external

    def _thermistors(self):
        chance = self.chance
        first = self.frame.terminal
        if self._happens(25):
            self.drift[chance.below(len(self.drift))] = chance.of(DRIFTS)
        for i in range(len(self.adc)):
            if self._due(first + i):
                level = self.adc[i] + self.drift[i] + chance.below(9) - 4
                self.adc[i] = max(1500, min(22500, level))
                self._put(first + i, self.adc[i], 0, HIGHEST_ADC)
        if self._due(self.frame.reference):
            self._put(self.frame.reference, self.reference + chance.below(9), 0, HIGHEST_ADC)

    def _some(self, choices):
        """Return one of the milder ones, later of all."""
        return choices[self.chance.below(min(len(choices), 4 + self.number // 30))]

    def _due(self, channel):
        """Slow channels are visited each in turn, unless time has passed."""
        return self.span_ms > 200 or (channel + self.number) % 8 == 0

    def _put(self, channel, code, low, high):
        """Make an attempt on a channel, with its trouble if it is in one."""
        chance = self.chance
        frame = self.frame
        trouble = self.trouble[channel]
        if self.lasts[channel]:
            self.lasts[channel] -= 1
        elif trouble != OK:
            self.trouble[channel] = trouble = OK
        elif self._happens(max(150, 20000 - 20 * self.number)):
            self.trouble[channel] = trouble = chance.of(TROUBLES)
            self.lasts[channel] = chance.below(80)
        if trouble == AWAY:
            return
        frame.count[channel] = (frame.count[channel] + 1) & MASK
        frame.note[channel] = trouble if trouble <= WRONG_CHIP else OK
        if trouble == ABSENT:
            frame.raw[channel] = NONE
        elif trouble != STANDS or frame.raw[channel] == NONE:
            frame.raw[channel] = BIAS + {ZERO: 0, TOP: high, BOTTOM: low}.get(trouble, code)

    def _breakers(self):
        """Open what was told to, 40 ms later, unless stuck; people and contacts interfere."""
        breakers = self.protection.breakers
        for index in range(breakers.main + 1):
            bit = breakers.bit(index)
            if not breakers.commanded & bit:
                self.waited_ms[index] = 0
                continue
            self.waited_ms[index] += self.span_ms
            if self.waited_ms[index] >= 40 and not self.stuck & bit:
                self.open |= bit << 1 if self.crosses & bit else bit
        if self._happens(150):
            self.stuck ^= self._some_breaker()
        if self._happens(100):
            self.open ^= self._some_breaker()
        if self._happens(40):
            self.lie = self._some((0, 0, 0, self._some_breaker()))
        self.frame.aux_a = (0xFFFF & ~self.open) ^ self.lie
        self.frame.aux_b = self.open
        self.frame.contacts_known = 0xFFFF & ~self.unknown if self.number > 2 else 0

    def _some_breaker(self):
        return self.protection.breakers.bit(self.chance.below(self.frame.batteries + 1))
