"""Two 16-way analog multiplexers on common select lines, each into an ADC pin of its own."""


class MuxPair:
    """The pair. After the constructor no method allocates; each may run in the tick.

    Select in one tick and read in a later one: the ADC's filter has to follow the new input.
    """

    def __init__(self, select_pins, adcs):
        """Bind to the select outputs (`machine.Pin`, lowest bit first) and two `machine.ADC`."""
        self._set = tuple([pin.value for pin in select_pins])
        self._read_uv = tuple([adc.read_uv for adc in adcs])

    def select(self, address):
        """Connect input `address` (0 .. 15) of both multiplexers."""
        for line in self._set:
            line(address & 1)
            address >>= 1

    def read(self, mux):
        """Return what multiplexer 0 or 1 gives its ADC, in 0.1 mV: the mean of 4 readings."""
        read_uv = self._read_uv[mux]
        return (read_uv() + read_uv() + read_uv() + read_uv() + 200) // 400
