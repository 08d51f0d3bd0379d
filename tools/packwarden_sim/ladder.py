"""Currents in a bank of parallel batteries between two resistive busbars, in O(batteries).

Nodes 0..N-1 lie along the busbars; battery k joins node k of the positive rail with node k of the
negative one. The load leaves the positive rail at one node and comes back to the negative rail at
another. At the cut between node k and k+1 both rails carry S_k, the sum of the currents of
batteries 0..k, apart from the load, which is on one side or the other. Kirchhoff's voltage law
round battery k, rail, battery k+1, rail then holds nothing but the voltages ACROSS the rails:

    v_k - v_{k+1} = (p_k + n_k) S_k - load (p_k [k >= tap+] + n_k [k >= tap-])

with p_k, n_k the links' resistances; together with i_k = g_k (emf_k - v_k) that is a symmetric
tridiagonal system. Ohm, siemens, volt, ampere; discharge positive.
"""

import micropython

# A link shorter than this is one node with its neighbour; the system stays well conditioned.
SHORTEST_LINK_OHM = 1e-6


class Ladder:
    """The busbars with their taps; `factor` when a resistance changed, then solve at will."""

    def __init__(self, positive_ohm, negative_ohm, tap_positive, tap_negative):
        """Take the N-1 links of each rail and the nodes (from 0) where the load is connected."""
        self.size = len(positive_ohm) + 1
        self.positive_ohm = positive_ohm
        self.negative_ohm = negative_ohm
        self.tap_positive = tap_positive
        self.tap_negative = tap_negative
        self.open_V = 0.0  # across the taps without load
        self.source_ohm = None  # seen from the taps; None: no battery is connected
        self._across_V = [0.0] * self.size
        self._conductance = [0.0] * self.size
        self._factor = [0.0] * self.size  # below the diagonal of L in L D L'
        self._pivot = [1.0] * self.size  # 1 / D
        self._per_ampere = [0.0] * self.size  # change of the voltages across with 1 A of load

    @micropython.native
    def factor(self, conductance_S):
        """Take what each battery's branch conducts (0: open) and the links as they are now."""
        size = self.size
        self._conductance[:] = conductance_S
        self.source_ohm = None
        if not any(conductance_S):
            self._across_V[:] = self._per_ampere[:] = [0.0] * size
            return
        links, taken = self._links()
        before = 0.0
        for k in range(size):
            after = links[k] if k + 1 < size else 0.0
            diagonal = conductance_S[k] + before + after
            if k:
                diagonal -= before * self._factor[k - 1]
            self._pivot[k] = 1.0 / diagonal
            self._factor[k] = after * self._pivot[k]
            before = after
        self._substitute([-ampere for ampere in taken], self._per_ampere)
        across = self._per_ampere
        currents = [-conductance_S[k] * across[k] for k in range(size)]
        self.source_ohm = -self._between_taps(across, currents, 1.0)

    @micropython.native
    def open_circuit(self, emf_V):
        """Take the batteries' electromotive forces; then `open_V` holds (0 if all are open)."""
        self.open_V = 0.0
        if self.source_ohm is None:
            return
        conductance = self._conductance
        across = self._across_V
        self._substitute([conductance[k] * emf_V[k] for k in range(self.size)], across)
        currents = [conductance[k] * (emf_V[k] - across[k]) for k in range(self.size)]
        self.open_V = self._between_taps(across, currents, 0.0)

    @micropython.native
    def share(self, load_A, emf_V, currents_A):
        """Write each battery's current at this load into `currents_A`, after `open_circuit`."""
        conductance = self._conductance
        across = self._across_V
        per_ampere = self._per_ampere
        for k in range(self.size):
            currents_A[k] = conductance[k] * (emf_V[k] - across[k] - load_A * per_ampere[k])

    def across_V(self, node, load_A):
        """Return the voltage across the rails at a node at this load, after `open_circuit`."""
        return self._across_V[node] + load_A * self._per_ampere[node]

    def losses_W(self, load_A, currents_A):
        """Return the heat in the busbars at these currents, in watt."""
        total = carried = 0.0
        for k in range(self.size - 1):
            carried += currents_A[k]
            positive = carried - (load_A if self.tap_positive <= k else 0.0)
            negative = carried - (load_A if self.tap_negative <= k else 0.0)
            total += self.positive_ohm[k] * positive * positive
            total += self.negative_ohm[k] * negative * negative
        return total

    @micropython.native
    def _links(self):
        """Return the links' conductances, and what 1 A of load takes from each node across."""
        links = []
        taken = []
        before = 0.0
        for k in range(self.size - 1):
            positive, negative = self.positive_ohm[k], self.negative_ohm[k]
            conductance = 1.0 / max(positive + negative, SHORTEST_LINK_OHM)
            beyond = positive if self.tap_positive <= k else 0.0
            if self.tap_negative <= k:
                beyond += negative
            links.append(conductance)
            taken.append(beyond * conductance - before)
            before = beyond * conductance
        taken.append(1.0 - before)
        return links, taken

    @micropython.native
    def _substitute(self, right, result):
        """Solve L D L' result = right; `right` is used up."""
        factor = self._factor
        pivot = self._pivot
        last = self.size - 1
        for k in range(last):
            right[k + 1] += factor[k] * right[k]
        value = result[last] = right[last] * pivot[last]
        for k in range(last - 1, -1, -1):
            value = result[k] = right[k] * pivot[k] + factor[k] * value

    @micropython.native
    def _between_taps(self, across_V, currents_A, load_A):
        """Return positive tap against negative tap: across at the one, then along the other."""
        voltage = across_V[self.tap_positive]
        low = min(self.tap_positive, self.tap_negative)
        carried = sum(currents_A[:low])
        for k in range(low, max(self.tap_positive, self.tap_negative)):
            carried += currents_A[k]
            if self.tap_negative <= k:
                voltage -= self.negative_ohm[k] * (load_A - carried)
            else:
                voltage -= self.negative_ohm[k] * carried
        return voltage
