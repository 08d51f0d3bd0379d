"""Faults of a job: what breaks in the cabinet, when, and until when.

An entry: {"t_ms": 5000, "until_ms": null, "target": "monitor 3", "kind": "nack", ...}, times since
arming. Targets and kinds:

- `monitor K|bus`: nack, hang, frozen, config_lost, zero, wrong_identity
- `relay`, `inputs I`: nack, hang, config_lost, stuck_bit (bit, level)
- `mux`: stuck_bit (bit = select line, level)
- `breaker K|main`: stuck, open, close
- `power`: off (the supply of the board fails)

config_lost, open, close and off happen once; the others last until `until_ms` (null: for good).
"""

from packwarden_sim.clock import NEVER

_FAULT = 2
_ONCE = ("config_lost", "open", "close", "off")


class Schedule:
    """The faults of one job in time order. `next_ms` is when the next one begins or ends."""

    def __init__(self, entries, wiring, resumed_ms):
        """`resumed_ms`: time at which this life of the board begins; None at the first one."""
        self._wiring = wiring
        self._steps = []
        for entry in entries:
            begin = entry["t_ms"]
            end = entry.get("until_ms")
            past = resumed_ms is not None and begin <= resumed_ms
            if not (past and entry["kind"] in _ONCE):
                self._steps.append((begin, len(self._steps), entry, True))
            if end is not None:
                self._steps.append((end, len(self._steps), entry, False))
        self._steps.sort(key=_order)
        self._look()

    def apply(self, t_ms):
        """Begin and end what is due at t_ms; return True when the supply fails."""
        power_fails = False
        while self.next_ms <= t_ms:
            step = self._steps.pop(0)
            power_fails = self._act(step[2], step[3]) or power_fails
            self._look()
        return power_fails

    def _look(self):
        self.next_ms = self._steps[0][0] if self._steps else NEVER

    def _act(self, entry, on):
        words = entry["target"].split()
        kind = entry["kind"]
        if words[0] == "power":
            return on
        if words[0] == "mux":
            self._wiring.select.stick(entry["bit"], entry["level"] if on else None)
        elif words[0] == "breaker":
            _break_breaker(self._breaker(words[1]), kind, on)
        else:
            _break_chip(self._seat(words), kind, entry, on)
        return False

    def _breaker(self, name):
        return self._wiring.main if name == "main" else self._wiring.breakers[int(name) - 1]

    def _seat(self, words):
        wiring = self._wiring
        if words[0] == "monitor":
            return wiring.monitors[-1 if words[1] == "bus" else int(words[1]) - 1]
        if words[0] == "inputs":
            return wiring.inputs[int(words[1])]
        if words[0] == "relay":
            return wiring.relay
        raise ValueError("fault: no target %r" % words[0])


def _order(step):
    return step[:2]


def _break_breaker(breaker, kind, on):
    if kind == "stuck":
        breaker.stuck = on
    elif on:
        breaker.by_hand(kind == "close")


def _break_chip(seat, kind, entry, on):
    model = seat.model
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
        model.stick(entry["bit"], entry["level"] if on else None)
    else:
        raise ValueError("fault: no kind %r" % kind)
