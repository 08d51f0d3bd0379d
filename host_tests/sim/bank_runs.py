"""A run of the bank that prints what came of it, for CPython and the MicroPython VM alike."""

from packwarden_sim.bank import BankSource

MODEL = {
    "batteries": 5,
    "soc_percent": [80, 81, 79, 80, 30],
    "scatter_percent": 5,
    "settled": True,
    "load": {"steps": [[0, 0, 300], [20000, 5000, 600], [60000, 0, -200]]},
    "faults": [
        {"kind": "joint_resistance", "battery": 2, "terminal": "-", "added_mohm": 5.0}
        | {"at_ms": 5000, "ramp_ms": 20000},
        {"kind": "internal_short", "battery": 4, "short_mohm": 500.0, "at_ms": 30000},
        {"kind": "thermistor_open", "battery": 1, "terminal": "+", "at_ms": 40000},
        {"kind": "room", "change_K": 10, "at_ms": 0, "ramp_ms": 90000},
    ],
}


def run():
    """Print the outputs every ten seconds, and the truth in the end."""
    source = BankSource(MODEL, {}, 7)
    t_ms = 0
    for t_ms in range(0, 90_001, 50):
        closed = 0b11111 if t_ms < 50_000 else 0b11011
        if t_ms >= source.next_ms or t_ms == 50_000:
            source.apply(t_ms, closed, 1, int(t_ms > 70_000), 1, 1)
        if t_ms % 10_000 == 0:
            print(*source.shunt, *source.bus, *source.adc_uv, source.bms)
    truth = source.truth(t_ms)
    for key in sorted(truth):
        values = truth[key]
        print(*(values if isinstance(values, list) else [values]))


if __name__ == "__main__":
    run()
