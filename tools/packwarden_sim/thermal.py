"""Heat in the cabinet: lumped lugs, cables, packs and the air between them.

Per terminal a lug with its joint's own heat I^2 R, coupled to the air, to its cable (which has
its own heat) and to its pack; per battery a pack; one body of air and sheet metal, warmer towards
the far end, in a room of given temperature. The fan divides the thermal resistances to the air and
from the air to the room. Time constants (domain figures): a lug 2..8 min, a pack 1.5..3 h.

Units: degC, K, J/K, K/W, ohm, A^2 s. The steps are explicit: a second suits a lug of 20 s or more.
"""

import micropython

# Lug: 40..115 J/K and 2..6 K/W in all (air, cable and pack side by side). Cable: 2.6 m of 50 mm2
# with insulation, 0.08 m2 of surface. Pack: 48 kg, 2 h. Air: a vented cabinet and its metal.
DEFAULTS = {
    "lug_J_K": 80.0,
    "lug_air_K_W": 6.0,
    "lug_cable_K_W": 8.0,
    "lug_pack_K_W": 20.0,
    "cable_J_K": 550.0,
    "cable_air_K_W": 1.2,
    "pack_J_K": 45000.0,
    "pack_air_K_W": 0.16,
    "air_J_K": 20000.0,
    "air_room_K_W": 0.05,
    "fan_factor": 1.7,
    "fan_room_factor": 4.0,
}


class Thermal:
    """The temperatures of the bank; `advance` once a second or so, from the heat since then."""

    def __init__(self, batteries, room_C, gradient_K, figures):
        """Start all at the room's temperature; `figures` as in `DEFAULTS`."""
        size = batteries
        self.size = size
        self.room_C = room_C
        self.air_C = room_C
        self.fan = False
        self.figures = figures
        middle = (size - 1) / 2.0
        self._over_air_K = [gradient_K * (k - middle) / max(size - 1, 1) for k in range(size)]
        self.pack_C = [room_C + over_K for over_K in self._over_air_K]
        self.cable_C = [self.pack_C[j // 2] for j in range(2 * size)]
        self.lug_C = self.cable_C[:]
        self.to_room_W = 0.0  # what leaves the cabinet, at the last step
        self._conductances = (self._flows(False), self._flows(True))

    @micropython.native
    def advance(self, seconds, square_A2s, joint_ohm, cable_ohm, pack_J):
        """Take one step of about a second.

        `square_A2s`: per battery, the integral of I^2 over the step. `joint_ohm`: per terminal.
        `cable_ohm`: per pole, one figure. `pack_J`: heat made inside each pack in the step.
        """
        lug_air, lug_cable, lug_pack, cable_air, pack_air, air_room = self._conductances[self.fan]
        figures = self.figures
        lug_step = seconds / figures["lug_J_K"]
        cable_step = seconds / figures["cable_J_K"]
        lug_joule, cable_joule = figures["lug_J_K"], figures["cable_J_K"]
        pack_joule = figures["pack_J_K"]
        lug_C, cable_C, pack_C = self.lug_C, self.cable_C, self.pack_C
        to_air_W = 0.0
        for k in range(self.size):
            air = self.air_C + self._over_air_K[k]
            square = square_A2s[k]
            pack = pack_C[k]
            out_W = (pack - air) * pack_air
            to_air_W += out_W
            for j in (2 * k, 2 * k + 1):
                lug = lug_C[j]
                cable = cable_C[j]
                lug_to_air = (lug - air) * lug_air
                lug_to_cable = (lug - cable) * lug_cable
                lug_to_pack = (lug - pack) * lug_pack
                cable_to_air = (cable - air) * cable_air
                to_air_W += lug_to_air + cable_to_air
                out_W -= lug_to_pack
                flow = lug_to_air + lug_to_cable + lug_to_pack
                lug_C[j] = lug + square * joint_ohm[j] / lug_joule - flow * lug_step
                flow = cable_to_air - lug_to_cable
                cable_C[j] = cable + square * cable_ohm / cable_joule - flow * cable_step
            pack_C[k] = pack + (pack_J[k] - out_W * seconds) / pack_joule
        self.to_room_W = (self.air_C - self.room_C) * air_room
        self.air_C += (to_air_W - self.to_room_W) * seconds / figures["air_J_K"]

    def settle(self, currents_A, joint_ohm, cable_ohm):
        """Put lugs and cables where these currents lead; air and packs stay as they are."""
        lug_air, lug_cable, lug_pack, cable_air, _, _ = self._conductances[self.fan]
        lug_sum = lug_air + lug_cable + lug_pack
        cable_sum = cable_air + lug_cable
        for j in range(2 * self.size):
            k = j // 2
            air = self.air_C + self._over_air_K[k]
            square = currents_A[k] * currents_A[k]
            lug_W = square * joint_ohm[j] + air * lug_air + self.pack_C[k] * lug_pack
            cable_W = square * cable_ohm + air * cable_air
            self.lug_C[j] = (lug_W * cable_sum + cable_W * lug_cable) / (
                lug_sum * cable_sum - lug_cable * lug_cable
            )
            self.cable_C[j] = (cable_W + self.lug_C[j] * lug_cable) / cable_sum

    def stored_J(self):
        """Return the heat stored above 0 degC, for the balance of energy."""
        figures = self.figures
        return (
            sum(self.lug_C) * figures["lug_J_K"]
            + sum(self.cable_C) * figures["cable_J_K"]
            + sum(self.pack_C) * figures["pack_J_K"]
            + self.air_C * figures["air_J_K"]
        )

    def _flows(self, fan):
        """Return the conductances in W/K; those to the air and the room depend on the fan."""
        figures = self.figures
        inside = figures["fan_factor"] if fan else 1.0
        outside = figures["fan_room_factor"] if fan else 1.0
        return (
            inside / figures["lug_air_K_W"],
            1.0 / figures["lug_cable_K_W"],
            1.0 / figures["lug_pack_K_W"],
            inside / figures["cable_air_K_W"],
            inside / figures["pack_air_K_W"],
            outside / figures["air_room_K_W"],
        )
