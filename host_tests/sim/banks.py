"""Banks of the physical model and their runs: `from sim.banks import bank, fault, run`."""

from packwarden_sim.bank import BankSource

SHUNT_A = 312.5e-9 / 250e-6
BUS_V = 195.3125e-6


def bank(load_A=0.0, faults=(), batteries=4, sensors=None, **model):
    return BankSource(
        {
            "batteries": batteries,
            "load": {"steps": [[0, 0, load_A]]},
            "faults": list(faults),
            **model,
        },
        {"sensors": sensors or {}},
        1,
    )


def run(source, until_ms, closed=None, main=1, fan=0, charge=1, discharge=1, from_ms=0):
    everything = (1 << source.batteries) - 1
    t_ms = from_ms
    while t_ms <= until_ms:
        source.apply(t_ms, everything if closed is None else closed, main, fan, charge, discharge)
        t_ms = max(source.next_ms, t_ms + 1)
    return source


def fault(kind, at_ms=0, **keys):
    return {"kind": kind, "at_ms": at_ms, **keys}
