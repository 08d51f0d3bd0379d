"""Faults of a job: what breaks in the cabinet, when, and until when.

An entry: {"t_ms": 5000, "until_ms": null, "target": "monitor 3", "kind": "nack", ...}, times since
arming. Targets and kinds, with the keys of their own:

- `monitor K|bus`: nack, hang, frozen, config_lost, zero, wrong_identity
- `sensor current|voltage K`, `sensor current main`, `sensor voltage bus`, `sensor terminal K+|K-`,
  `sensor ambient|reference|supply`: open, short, frozen, offset and noise (amount in A, V, K; of
  the reference and the supply in V), slow (lag_ms); `sensor current K`: reversed
- `relay`, `inputs I`: nack, hang, config_lost, zero, wrong_identity, stuck_bit (bit, of the relays
  also "fan"; level)
- `bus monitors|expanders`: hang (SDA is shorted), crawl (stretch_us: how much longer each
  transaction takes), cut_off (byte, sent: see `bus`)
- `mux`: stuck_bit (bit = select line, level)
- `converter I`: nack, hang, frozen, config_lost, zero, wrong_identity
- `pin main|alarm|charge|discharge`: stuck (level)
- `breaker K|main`: stuck, open, close, slow (travel_ms); `breaker K`: crossed (with)
- `contact K|main`: 52a, 52b (closed: true, false)
- `external_trip`: tripped, cut; `trip_circuit`: circuit
- `supply`: volts (volts, ramp_ms)
- `nvs`: full, corrupt
- `flash`: full, read_only, broken, corrupt (see `flash`); `rtc`: corrupt
- `code acquire|step|act|verify|console`: error, memory, stall, skip (see `sabotage`)
- `cpu`: late (late_us: how much later than asked for a sleep ends)
- `power`: off (the supply of the board fails), brown_out (it dips: RTC memory stays), panic

_ONCE is what happens once; the others last until `until_ms` (null: for good).
"""

from packwarden_sim import flash, sabotage, wires
from packwarden_sim.clock import NEVER, us
from packwarden_sim.sensing import codes_per_A, codes_per_V, pin_uV_per_K

_FAULT = 2
# Targets and kinds; None: whatever happens to that target.
_ONCE = (
    ("monitor", "config_lost"),
    ("relay", "config_lost"),
    ("inputs", "config_lost"),
    ("converter", "config_lost"),
    ("bus", "cut_off"),
    ("breaker", "open"),
    ("breaker", "close"),
    ("nvs", "corrupt"),
    ("flash", "corrupt"),
    ("rtc", None),
    ("code", None),
    ("power", None),
)
# How the board's life ends: cause and detail, as the host is told.
_ENDINGS = {
    "off": ("power_off", None),
    "brown_out": ("brown_out", "as the job says"),
    "panic": ("panic", "as the job says"),
}
# While the supply of the coils is on its way, they are looked at so often.
_RAMP_STEP_MS = 100


class Schedule:
    """The faults of one job in time order. `next_ms` is when there is something to do next."""

    def __init__(self, entries, wiring, resumed_ms):
        """`resumed_ms`: time at which this life of the board begins; None at the first one."""
        self._wiring = wiring
        self._ramp_until_ms = 0
        self._steps = []
        for entry in entries:
            begin = entry["t_ms"]
            end = entry.get("until_ms")
            past = resumed_ms is not None and begin <= resumed_ms
            if not (past and _once(entry)):
                self._steps.append((begin, len(self._steps), entry, True))
            if end is not None:
                self._steps.append((end, len(self._steps), entry, False))
        self._steps.sort(key=_order)
        self._look(0)

    def apply(self, t_ms):
        """Begin and end what is due at t_ms; return the board's end (cause, detail), or None."""
        ending = None
        while self._steps and self._steps[0][0] <= t_ms:
            _, _, entry, on = self._steps.pop(0)
            words = entry["target"].split()
            if words[0] == "power":
                ending = _ENDINGS[entry["kind"]] if on else ending
            elif words[0] == "supply":
                self._go(entry, on, t_ms)
            else:
                put(self._wiring, entry, on)
        self._look(t_ms)
        return ending

    def _look(self, t_ms):
        self.next_ms = self._steps[0][0] if self._steps else NEVER
        if t_ms < self._ramp_until_ms:
            self.next_ms = min(self.next_ms, t_ms + _RAMP_STEP_MS)

    def _go(self, entry, on, t_ms):
        supply = self._wiring.supply
        if not on:
            supply.go(supply.nominal_uV)
            self._ramp_until_ms = 0
            return
        span_ms = entry.get("ramp_ms", 0)
        since_ms = us[0] // 1000 - (t_ms - entry["t_ms"])
        supply.go(round(entry["volts"] * 1_000_000), since_ms, span_ms)
        self._ramp_until_ms = entry["t_ms"] + span_ms


def put(wiring, entry, on):
    """Begin (on) or end one fault now; a supply goes to its voltage at once."""
    words = entry["target"].split()
    _TARGETS[words[0]](wiring, words, entry, on)


def _once(entry):
    target = entry["target"].split()[0]
    return (target, entry["kind"]) in _ONCE or (target, None) in _ONCE


def _order(step):
    return step[:2]


def _place(wiring, name):
    """Number of a battery or of the main (the busbar), from 0."""
    return wiring.batteries if name in ("main", "bus") else int(name) - 1


# ---- one function a target: (wiring, words of the target, entry, whether it begins)


def _monitor(wiring, words, entry, on):
    k = _place(wiring, words[1])
    if entry["kind"] == "zero":
        _silence(wiring, k, wires.Held(0) if on else None)
    else:
        _break_chip(wiring.monitors[k], entry, on)


def _silence(wiring, k, wrong):
    """A monitor gives exact zeros, while its flag goes on as usual."""
    shunt, bus, _ = wiring.wires()
    shunt.put(k, wrong)
    bus.put(k, wrong)
    wiring.monitors[k].model.quiet(wrong is not None)


def _relay(wiring, words, entry, on):
    _break_chip(wiring.relay, entry, on, wiring.board.RELAY_FAN_BIT)


def _inputs(wiring, words, entry, on):
    _break_chip(wiring.inputs[int(words[1])], entry, on)


def _converter(wiring, words, entry, on):
    _break_chip(wiring.converters[int(words[1])], entry, on)


def _break_chip(seat, entry, on, fan_bit=None):
    model = seat.model
    kind = entry["kind"]
    if kind == "nack":
        seat.absent(on, _FAULT)
    elif kind == "hang":
        seat.hang(on)
    elif kind == "config_lost":
        if on:
            model.power_up()
    elif kind == "frozen":
        model.freeze(on, _FAULT)
    elif kind == "zero":
        model.zero(on)
    elif kind == "wrong_identity":
        model.impostor(on)
    elif kind == "stuck_bit":
        bit = fan_bit if entry["bit"] == "fan" else entry["bit"]
        model.stick(bit, entry["level"] if on else None)
    else:
        raise ValueError("fault: no kind %r" % kind)


def _sensor(wiring, words, entry, on):
    """`words`: sensor, what it measures, where."""
    wrong = None
    what = words[1]
    if on:
        wrong = _WRONG[entry["kind"]](entry, what, wiring)
    if what == "supply":
        wiring.supply.wrong = wrong
        return
    shunt, bus, adc_uv = wiring.wires()
    last = len(adc_uv) - 1  # the reference resistor, behind the ambient
    if what in ("current", "voltage"):
        k = _place(wiring, words[2])
        (shunt if what == "current" else bus).put(k, wrong)
        if entry["kind"] == "frozen":
            wiring.monitors[k].model.quiet(on)
    elif what == "terminal":
        adc_uv.put(2 * (int(words[2][:-1]) - 1) + (words[2][-1] == "-"), wrong)
    else:
        adc_uv.put(last if what == "reference" else last - 1, wrong)


def _open(entry, what, wiring):
    """A pull-up draws the pin of a thermistor to its supply; the others pick up a little hum."""
    if what == "current":
        return wires.Held(0, _amount(_HUM_A, what, wiring))
    if what == "voltage":  # it cannot go below zero
        return wires.Held(_amount(_LEFT_V, what, wiring), _amount(_HUM_V, what, wiring))
    return wires.Held(0 if what == "supply" else wiring.board.EXCITATION_MV * 1000)


def _amount(amount, what, wiring):
    """Return codes or microvolts."""
    sensors = wiring.sensors
    if what == "current":
        return round(amount * codes_per_A(sensors))
    if what == "voltage":
        return round(amount * codes_per_V(sensors))
    if what in ("terminal", "ambient"):
        return -round(amount * pin_uV_per_K(sensors))  # what is warmer has less
    if what == "supply":
        amount /= wiring.board.SUPPLY_DIVIDER
    return round(amount * 1_000_000)


_HUM_A, _HUM_V, _LEFT_V = 1, 0.1, 0.15
_WRONG = {
    "open": _open,
    "short": lambda entry, what, wiring: wires.Held(0),
    "frozen": lambda entry, what, wiring: wires.Frozen(),
    "offset": lambda entry, what, wiring: wires.Off(_amount(entry["amount"], what, wiring)),
    "noise": lambda entry, what, wiring: wires.Noisy(
        abs(_amount(entry["amount"], what, wiring)), wiring.seed
    ),
    "reversed": lambda entry, what, wiring: wires.Reversed(),
    "slow": lambda entry, what, wiring: wires.Slow(entry["lag_ms"] * 1000),
}


def _bus(wiring, words, entry, on):
    bus = wiring.buses[("monitors", "expanders").index(words[1])]
    if entry["kind"] == "hang":
        bus.hang(on)
    elif entry["kind"] == "crawl":
        bus.crawl_us = entry["stretch_us"] if on else 0
    elif on:
        bus.cut_off(entry["byte"], entry["sent"])


def _mux(wiring, words, entry, on):
    wiring.select.stick(entry["bit"], entry["level"] if on else None)


def _pin(wiring, words, entry, on):
    wiring.stick(wiring.outputs[words[1]], entry["level"] if on else None)


def _breaker(wiring, words, entry, on):
    k = _place(wiring, words[1])
    breaker = (wiring.breakers + [wiring.main])[k]
    kind = entry["kind"]
    if kind == "stuck":
        breaker.stuck = on
    elif kind == "slow":
        breaker.slow(entry["travel_ms"] * 1000 if on else None)
    elif kind == "crossed":
        wiring.cross(k, entry["with"] - 1)
    elif on:
        breaker.by_hand(kind == "close", us[0])


def _contact(wiring, words, entry, on):
    closed = entry["closed"] if on else None
    wiring.contacts.lie(_place(wiring, words[1]), entry["kind"], closed)


def _wrong(wiring, words, entry, on):
    wiring.contacts.change(entry["kind"], on)


def _supply(wiring, words, entry, on):
    supply = wiring.supply
    supply.go(round(entry["volts"] * 1_000_000) if on else supply.nominal_uV)


def _nvs(wiring, words, entry, on):
    if entry["kind"] == "full":
        wiring.nvs.full = on
    elif on:
        wiring.nvs.corrupt()


def _flash(wiring, words, entry, on):
    if entry["kind"] != "corrupt":
        setattr(wiring.flash, entry["kind"], on)
    elif on:
        flash.corrupt()


def _rtc(wiring, words, entry, on):
    sabotage.scramble_memory()


def _code(wiring, words, entry, on):
    if on:
        sabotage.spoil(words[1], entry["kind"])


def _cpu(wiring, words, entry, on):
    wiring.late_us = entry["late_us"] if on else 0


_TARGETS = {
    "monitor": _monitor,
    "sensor": _sensor,
    "relay": _relay,
    "inputs": _inputs,
    "converter": _converter,
    "bus": _bus,
    "mux": _mux,
    "pin": _pin,
    "breaker": _breaker,
    "contact": _contact,
    "external_trip": _wrong,
    "trip_circuit": _wrong,
    "supply": _supply,
    "nvs": _nvs,
    "flash": _flash,
    "rtc": _rtc,
    "code": _code,
    "cpu": _cpu,
}
