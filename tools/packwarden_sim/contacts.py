"""The contacts of the cabinet as its inputs see them: a closed one pulls its input low.

52a and 52b of every breaker, the BMS alarms and the chain that supervises the trip circuits are on
the input expanders, the external trip contact is on a pin of its own. A contact that is not wired
leaves its input high.
"""

# What may be wrong with the contacts, as `Contacts.change` takes it.
TRIPPED = "tripped"  # the external trip is given
CUT = "cut"  # a wire of the external trip contact is cut
CIRCUIT = "circuit"  # a supervision relay has dropped


class Contacts:
    """The contacts of a wiring; `show` brings them to the inputs."""

    def __init__(self, wiring, sensors):
        """`sensors`: that part of the bank's configuration."""
        self._wiring = wiring
        bms = sensors.get("bms_contact", "closed_on_alarm")
        everyone = (1 << wiring.batteries) - 1
        self._bms_mask = 0 if bms == "none" else everyone
        self._bms_at_rest = everyone if bms == "open_on_alarm" else 0
        self._external = sensors.get("external_trip", "open_on_trip")
        self._circuit_wired = sensors.get("trip_circuit", "none") != "none"
        self._wrong = set()
        self._lies = {}
        self._shown = None

    def change(self, what, on):
        """Fault: TRIPPED, CUT or CIRCUIT begins (on) or ends."""
        if on:
            self._wrong.add(what)
        else:
            self._wrong.discard(what)
        self._shown = None

    def lie(self, k, contact, closed):
        """Fault: contact "52a" or "52b" of breaker k (from 0, the main last) reads closed or open.

        `closed` None: it tells the truth again.
        """
        if closed is None:
            self._lies.pop((k, contact), None)
        else:
            self._lies[(k, contact)] = closed
        self._shown = None

    def show(self, mask, bms, main):
        """Bring contacts to the inputs: masks of closed 52a and of BMS alarms, main breaker."""
        # Mostly nothing has changed, and this runs whenever the source does.
        shown = mask | bms << 16 | (1 << 32 if main else 0)
        if shown != self._shown:
            self._shown = shown
            self._show_expanders(mask, bms, main)
            self._show_pin()

    def _show_expanders(self, mask, bms, main):
        wiring = self._wiring
        board = wiring.board
        words = [0xFFFF] * len(wiring.inputs)
        closed_bms = (bms ^ self._bms_at_rest) & self._bms_mask
        for k in range(wiring.batteries):
            self._show_breaker(words, k, k, mask >> k & 1)
            if closed_bms >> k & 1:
                _close(words, board.BMS[k])
        self._show_breaker(words, -1, wiring.batteries, main)
        if self._circuit_wired and CIRCUIT not in self._wrong:
            _close(words, board.TRIP_CIRCUIT)
        for index in range(len(words)):
            wiring.inputs[index].model.contacts(words[index])

    def _show_breaker(self, words, place, k, closed):
        """`place`: of the breaker in the board's lists."""
        board = self._wiring.board
        if self._lies.get((k, "52a"), closed):
            _close(words, board.AUX_A[place])
        if board.AUX_B and self._lies.get((k, "52b"), not closed):
            _close(words, board.AUX_B[place])

    def _show_pin(self):
        closed = (self._external == "closed_on_trip") == (TRIPPED in self._wrong)
        if self._external == "none" or CUT in self._wrong:
            closed = False
        self._wiring.levels[self._wiring.board.PIN_EXTERNAL_TRIP] = 0 if closed else 1


def _close(words, place):
    """Pull the input of a contact (expander, bit) low."""
    words[place[0]] &= ~(1 << place[1])
