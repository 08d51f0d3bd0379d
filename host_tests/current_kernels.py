"""The kernels over the currents on their own: a bank as they have it, and what they find in it.

Arrays end where the values do: a kernel that goes beyond raises.
"""

from packwarden import currents, shares
from packwarden.fixed import ASIDE, BIAS, NONE, ints

RATED_mA = 100_000
FULL_mV, NEARLY_FULL_mV = 55_200, 53_600
OF_CURRENTS = ("bank_load", "load", "instantaneous", "reverse", "reverse_idle")
OF_SHARES = ("deviation", "drift", "imbalance", "idle", "idle_giving")


class Bank:
    """Currents in mA, voltages in mV (one for all, or each); what the kernels found in them."""

    def __init__(self, *currents_mA, volts_mV=52_800, closed=None, weights=None, **facts):
        n = self.batteries = len(currents_mA)
        volts_mV = volts_mV if isinstance(volts_mV, list) else [volts_mV] * n
        measured = ints(2 * n)
        for k, value in enumerate([*currents_mA, *volts_mV]):
            measured[k] = NONE if value is None else BIAS + value
        self.places = {"bank_load": 0} | {
            name: 1 + n * k for k, name in enumerate([*OF_CURRENTS[1:], *OF_SHARES])
        }
        self.values = ints(1 + n * (len(OF_CURRENTS) + len(OF_SHARES) - 1), NONE)
        self.facts = ints(currents.FACTS)
        self.closed = (1 << n) - 1 if closed is None else closed
        self.ctx = currents.context(
            measured,
            self.values,
            self._parameters(),
            self.facts,
            ints(n),
            ints(2 * n),
            weights or [1024] * n,
            self.places,
            shares.NAMES,
        )
        for place, value in facts.items():
            self.facts[getattr(currents, place.upper())] = value
        self.look()

    def _parameters(self):
        parameters = ints(currents.PARAMETERS)
        parameters[currents.SMALL] = RATED_mA // 20
        parameters[currents.CARRYING] = RATED_mA // 50
        parameters[currents.LOADED] = RATED_mA * 15 // 100
        parameters[currents.FULL_LOADED] = RATED_mA * 30 // 100
        parameters[currents.FULL_mV] = FULL_mV
        parameters[currents.NEARLY_FULL_mV] = NEARLY_FULL_mV
        return parameters

    def look(self):
        currents.survey(self.ctx, self.batteries, self.closed)
        shares.judge(self.ctx, self.batteries)
        shares.balance(self.ctx, self.batteries, self.closed)
        shares.idle(self.ctx, self.batteries, self.closed)

    def found(self, name):
        """Return a quantity of each battery; None: none, "aside": set aside."""
        at = self.places[name]
        words = {NONE: None, ASIDE: "aside"}
        values = self.values[at : at + self.batteries]
        return [words.get(value, value - BIAS) for value in values]

    @property
    def masks(self):
        return [
            self.facts[fact] for fact in (currents.JUDGED, currents.NEARLY_FULL, currents.FULL)
        ]
