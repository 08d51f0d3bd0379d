"""The batteries: lithium iron phosphate packs as an open-circuit voltage behind R + 2 RC.

Each pack is OCV(state of charge) x cells, less the voltages of two RC pairs, behind a resistance.
An internal short bridges the cells inside the pack: seen from outside both the voltage and the
resistance fall (Thevenin). Volt, ohm, ampere-hour, percent; currents discharge positive.
"""

from math import exp

import micropython

# Open-circuit volts per cell at 0, 5, 10 .. 100 % state of charge (LFP; domain figures at 0, 5 and
# every ten per cent, straight between them).
OCV_STEP_PERCENT = 5
# fmt: off
OCV_V = (
    2.833, 3.132, 3.177, 3.195, 3.213, 3.2265, 3.240, 3.251, 3.262, 3.2635, 3.265,
    3.268, 3.271, 3.277, 3.283, 3.2935, 3.304, 3.3065, 3.309, 3.3505, 3.392,
)
# fmt: on
# Beyond both ends the voltage leaves steeply, so that an empty or full pack meets its BMS.
OCV_ENDS_V_PER_PERCENT = 0.25
# Resistance of a 100 Ah pack of 16 cells: straight through, and two RC pairs (domain figures).
STANDARD_OHM = (4.2e-3, 3.8e-3, 3.2e-3)
STANDARD_S = (14.0, 120.0)
STANDARD_CELLS = 16
STANDARD_AH = 100.0
# What a BMS lets pass, volts per cell; its alarm contact comes before (makers' usual settings).
BMS_OPENS_V = (2.5, 3.75)
BMS_ALARM_V = (2.8, 3.65)
BMS_DELAY_S = 2.0


@micropython.native
def ocv_V(soc_percent):
    """Return the open-circuit voltage of one cell in volt."""
    if soc_percent <= 0.0:
        return OCV_V[0] + OCV_ENDS_V_PER_PERCENT * soc_percent
    if soc_percent >= 100.0:
        return OCV_V[-1] + OCV_ENDS_V_PER_PERCENT * (soc_percent - 100.0)
    place = soc_percent / OCV_STEP_PERCENT
    index = int(place)
    low = OCV_V[index]
    return low + (place - index) * (OCV_V[index + 1] - low)


def standard_ohm(index, cells, capacity_Ah):
    """Return R0, R1 or R2 (index 0..2) of a pack: as its cells in series, over its capacity."""
    return STANDARD_OHM[index] * cells / STANDARD_CELLS * STANDARD_AH / capacity_Ah


class Packs:
    """All batteries of the bank, one list item each.

    `cells`, `r0_ohm`, `short_ohm` (None: sound) and `shift_V` may be changed from outside before a
    call of `changed()`; `bms_open` at any time.
    """

    def __init__(self, cells, capacity_Ah, soc_percent, ohm, pairs_s, bms_ohm):
        """Take lists per battery (`ohm`: three of them, R0, R1, R2) and one BMS resistance."""
        size = len(capacity_Ah)
        self.size = size
        self.cells = [float(cells)] * size
        self.design_cells = cells
        self.capacity_Ah = capacity_Ah
        self.soc_percent = soc_percent
        self.r0_ohm, self.fast_ohm, self.slow_ohm = ohm
        self.bms_ohm = bms_ohm
        self.time_s = pairs_s
        self.fast_V = [0.0] * size
        self.slow_V = [0.0] * size
        self.short_ohm = [None] * size
        self.shift_V = [0.0] * size
        self.bms_open = [False] * size
        self._beyond_s = [0.0] * size
        self.emf_V = [0.0] * size  # what drives a current at this instant, seen from outside
        self.inner_ohm = [0.0] * size  # behind which it stands
        self.heat_J = [0.0] * size  # inside the pack since it was last taken away
        self._decay_s = None
        self._decays = (1.0, 1.0)
        self.changed()

    @micropython.native
    def changed(self):
        """Follow a change of cells, resistances or shorts."""
        for k in range(self.size):
            inner = self._cell_ohm(k)
            short = self.short_ohm[k]
            if short is not None:
                inner = inner * short / (inner + short)
            self.inner_ohm[k] = inner + self.bms_ohm
        self.refresh()

    @micropython.native
    def refresh(self):
        """Work out `emf_V` from the charge and the RC pairs."""
        emf = self.emf_V
        soc = self.soc_percent
        fast, slow, shift, cells = self.fast_V, self.slow_V, self.shift_V, self.cells
        shorts = self.short_ohm
        for k in range(self.size):
            value = ocv_V(soc[k]) * cells[k] - fast[k] - slow[k] + shift[k]
            if shorts[k] is not None:
                value *= shorts[k] / (shorts[k] + self._cell_ohm(k))
            emf[k] = value

    def settle(self, currents_A):
        """Put the RC pairs where these currents leave them in the end."""
        for k in range(self.size):
            self.fast_V[k] = self.fast_ohm[k] * currents_A[k]
            self.slow_V[k] = self.slow_ohm[k] * currents_A[k]
        self.refresh()

    @micropython.native
    def advance(self, currents_A, seconds):
        """Let constant currents flow for a time: charge and RC pairs follow exactly.

        Heat is current times all that is lost between OCV and terminals (Bernardi's irreversible
        term), with the RC voltages of the beginning: for steps far below their time constants.
        """
        if seconds != self._decay_s:
            self._decay_s = seconds
            self._decays = (exp(-seconds / self.time_s[0]), exp(-seconds / self.time_s[1]))
        fast_stays, slow_stays = self._decays
        fast, slow, r0, heat = self.fast_V, self.slow_V, self.r0_ohm, self.heat_J
        fast_ohm, slow_ohm = self.fast_ohm, self.slow_ohm
        soc, capacity = self.soc_percent, self.capacity_Ah
        bms_ohm = self.bms_ohm
        hours_percent = seconds / 36.0
        for k in range(self.size):
            current = currents_A[k]
            heat[k] += bms_ohm * current * current * seconds
            if self.short_ohm[k] is not None:
                current = self._through_cells(k, current, seconds)
            heat[k] += (r0[k] * current + fast[k] + slow[k]) * current * seconds
            goal = fast_ohm[k] * current
            fast[k] = goal + (fast[k] - goal) * fast_stays
            goal = slow_ohm[k] * current
            slow[k] = goal + (slow[k] - goal) * slow_stays
            soc[k] -= current * hours_percent / capacity[k]

    @micropython.native
    def terminal_V(self, battery, current_A):
        """Return the voltage between the battery's posts at this current, its BMS closed."""
        return self.emf_V[battery] - self.inner_ohm[battery] * current_A

    @micropython.native
    def judge(self, battery, terminal_V, seconds):
        """Return whether the BMS alarms at this voltage, which has held for `seconds`.

        Beyond its limits for `BMS_DELAY_S` it opens, for good.
        """
        if self.bms_open[battery]:
            return True
        cell_V = terminal_V / self.design_cells
        if BMS_ALARM_V[0] < cell_V < BMS_ALARM_V[1]:
            self._beyond_s[battery] = 0.0
            return False
        if BMS_OPENS_V[0] < cell_V < BMS_OPENS_V[1]:
            self._beyond_s[battery] = 0.0
        else:
            self._beyond_s[battery] += seconds
            self.bms_open[battery] = self._beyond_s[battery] >= BMS_DELAY_S
        return True

    def take_heat_J(self, battery):
        """Return the heat made inside a pack since the last call."""
        heat = self.heat_J[battery]
        self.heat_J[battery] = 0.0
        return heat

    def _cell_ohm(self, k):
        """Resistance of the cells that are left, before any short."""
        return self.r0_ohm[k] * self.cells[k] / self.design_cells

    def _through_cells(self, k, current_A, seconds):
        """Return the current of the cells themselves; counts the heat of the short beside them."""
        short = self.short_ohm[k]
        across_V = self.emf_V[k] - (self.inner_ohm[k] - self.bms_ohm) * current_A
        self.heat_J[k] += across_V * across_V / short * seconds
        return current_A + across_V / short
